// Package mysqltest gives a test a database of its own on a real MySQL or MariaDB server, and fills it with the tables
// of the school's application.
//
// TEST_MYSQL_DSN names the server and a user who may do everything on it. `make test` starts a private server and sets
// the variable. Without it a test fails rather than being skipped: what this project promises, it promises by locks,
// unique keys and transactions, and nothing but a real server has them.
package mysqltest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest/school"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

const dsnVariable = "TEST_MYSQL_DSN"

// A DB is the database of one test. It is dropped when the test ends.
type DB struct {
	Name   string        // lower-case letters and digits, so that it needs no quotes
	Config *mysql.Config // the administrator's, on this database; Clone it to open further connections
	Admin  *sql.DB       // opened with Config
	// TiDB has no innodb_trx and no counters of rows read, and refuses with numbers of its own. A test that needs one of
	// these says what it does there in its place.
	TiDB bool

	rows int // how many borrowers and loans were added, for values that must be unique
}

// New creates an empty database.
func New(t testing.TB) *DB {
	t.Helper()
	dsn := os.Getenv(dsnVariable)
	require.NotEmpty(t, dsn, "this test needs a MySQL or MariaDB server: run `make test`, "+
		"or name one that may be played with, such as "+dsnVariable+"='root@tcp(127.0.0.1:3306)/'")
	server, err := mysql.ParseDSN(dsn)
	require.NoError(t, err, dsnVariable)
	server.ParseTime = true
	server.Params = map[string]string{"autocommit": ordinary}

	d := &DB{Name: unique(), Config: server.Clone()}
	d.Config.DBName = d.Name
	admin := open(t, server)
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+d.Name+" CHARACTER SET utf8mb4")
	require.NoError(t, err, dsnVariable)
	cleanUp(t, admin, "DROP DATABASE "+d.Name)
	d.Admin = open(t, d.Config)
	var version string
	require.NoError(t, d.Admin.QueryRowContext(t.Context(), "SELECT VERSION()").Scan(&version))
	if d.TiDB = strings.Contains(version, "TiDB"); d.TiDB {
		slow.Store(true)
	}
	return d
}

// Renew empties the database. On TiDB that is much faster than to drop its tables.
func (d *DB) Renew(t testing.TB) {
	t.Helper()
	d.Script(t, "DROP DATABASE "+d.Name+";\nCREATE DATABASE "+d.Name+" CHARACTER SET utf8mb4;\nUSE "+d.Name+";\n")
}

// Library creates a database of the school's application with the program's tables and views. The first one on a server
// is migrated; the others are cloned from what that had become.
func Library(t testing.TB) *DB {
	t.Helper()
	d := New(t)
	templates.Lock()
	defer templates.Unlock()
	server := os.Getenv(dsnVariable)
	if clone := templates.scripts[server]; clone != "" {
		config := d.Config.Clone()
		config.MultiStatements = true
		db := open(t, config)
		_, err := db.ExecContext(t.Context(), strings.ReplaceAll(clone, templateName, d.Name))
		require.NoError(t, err)
		require.NoError(t, db.Close())
		return d
	}
	d.School(t)
	_, err := schema.Up(t.Context(), d.Admin)
	require.NoError(t, err)
	require.NoError(t, schema.CreateView(t.Context(), d.Admin, "perpustakaan"))
	templates.scripts[server] = d.script(t)
	return d
}

// templates are the statements that make a clone, by server.
var templates = struct {
	sync.Mutex
	scripts map[string]string
}{scripts: map[string]string{}}

// templateName stands for the clone's name.
const templateName = "pengingattemplate"

// script returns the statements that make the database again, with the rows that migrations leave.
func (d *DB) script(t testing.TB) string {
	t.Helper()
	conn, err := d.Admin.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	lines := func(columns int, query string) (lines [][]string) {
		rows, err := conn.QueryContext(t.Context(), query)
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			line := make([]string, columns)
			into := make([]any, columns)
			for i := range line {
				into[i] = &line[i]
			}
			require.NoError(t, rows.Scan(into...))
			lines = append(lines, line)
		}
		require.NoError(t, rows.Err())
		return lines
	}
	script := "SET foreign_key_checks = 0;\n"
	var views string
	for _, table := range lines(2, "SHOW FULL TABLES") {
		if table[1] == "VIEW" {
			views += lines(4, "SHOW CREATE VIEW "+table[0])[0][1] + ";\n"
		} else {
			script += lines(2, "SHOW CREATE TABLE "+table[0])[0][1] + ";\n"
		}
	}
	for _, applied := range lines(1, "SELECT version_id FROM reminder_migrations ORDER BY id") {
		views += "INSERT INTO reminder_migrations (version_id, is_applied) VALUES (" + applied[0] + ", 1);\n"
	}
	return strings.ReplaceAll(script+views, d.Name, templateName)
}

// ordinary is what follows "SET autocommit =" so that the administrator's sessions are those of an ordinary server,
// also on one that presets something else to show that the program does not care.
const ordinary = `1, sql_select_limit = 18446744073709551615, completion_type = 0, time_zone = 'SYSTEM',
	sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
	character_set_client = utf8mb4, character_set_results = utf8mb4, collation_connection = utf8mb4_general_ci,
	sql_safe_updates = 0, group_concat_max_len = 1048576, unique_checks = 1, foreign_key_checks = 1, max_join_size = 18446744073709551615, sql_big_selects = 1,
	default_storage_engine = InnoDB, wait_timeout = 600, net_read_timeout = 60, net_write_timeout = 60,
	lock_wait_timeout = 60, innodb_lock_wait_timeout = 50
	/*!50720 , transaction_isolation = 'REPEATABLE-READ', transaction_read_only = 0, max_execution_time = 0 */
	/*M! , tx_isolation = 'REPEATABLE-READ', tx_read_only = 0, max_statement_time = 0, idle_transaction_timeout = 0 */`

// InFull reports whether case n of a test is run. With the race detector and on TiDB, where it costs several times as
// much, one case of some is, and the test says so; else all are. `make test` runs the tests that ask both ways.
func InFull(t testing.TB, n, of int) bool {
	t.Helper()
	if !raceDetector && !slow.Load() || n%of == 0 {
		return true
	}
	if n == 1 {
		t.Logf("each case takes several times as long here: one of %d is run", of)
	}
	return false
}

// slow is set once a server is TiDB.
var slow atomic.Bool

// Exec runs one statement as the administrator.
func (d *DB) Exec(t testing.TB, query string, args ...any) sql.Result {
	t.Helper()
	result, err := d.Admin.ExecContext(t.Context(), query, args...)
	require.NoError(t, err, query)
	return result
}

// Content is every row of some tables, a line each, so that a test sees what was changed.
func (d *DB) Content(t testing.TB, tables ...string) string {
	t.Helper()
	var content strings.Builder
	for _, table := range tables {
		var columns string
		require.NoError(t, d.Admin.QueryRowContext(t.Context(), `SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position)
			FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?`, table).Scan(&columns))
		rows, err := d.Admin.QueryContext(t.Context(), "SELECT "+columns+" FROM "+table)
		require.NoError(t, err)
		defer rows.Close()
		row := make([]sql.RawBytes, strings.Count(columns, ",")+1)
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		for rows.Next() {
			require.NoError(t, rows.Scan(into...))
			fmt.Fprintf(&content, "%s %q\n", table, row)
		}
		require.NoError(t, rows.Err())
	}
	return content.String()
}

// Script runs statements, each of which ends with a semicolon at the end of a line, as the administrator on one
// connection.
func (d *DB) Script(t testing.TB, script string) {
	t.Helper()
	conn, err := d.Admin.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, statement := range statementEnd.Split(commentLine.ReplaceAllString(script, ""), -1) {
		if statement = strings.TrimSpace(statement); statement != "" {
			_, err := conn.ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
}

var (
	commentLine  = regexp.MustCompile(`(?m)^\s*--.*$`)
	statementEnd = regexp.MustCompile(`(?m);\s*$`)
)

// User creates a user who may do what the script grants, and returns its configuration. The script is written for an
// administrator of the school: its database perpustakaan, its user 'pengingat'@'…' and whatever password stands after
// IDENTIFIED BY become this test's own. A CREATE USER in it must say IF NOT EXISTS. The user is dropped when the test
// ends.
func (d *DB) User(t testing.TB, grants string) *mysql.Config {
	t.Helper()
	config := d.Config.Clone()
	config.User, config.Passwd, config.Params = unique(), rand.Text(), nil
	account, password := "'"+config.User+"'@'%'", "IDENTIFIED BY '"+config.Passwd+"'"

	d.Exec(t, "CREATE USER "+account+" "+password)
	cleanUp(t, d.Admin, "DROP USER "+account)
	grants = grantedAccount.ReplaceAllString(grants, account)
	grants = grantedPassword.ReplaceAllString(grants, password)
	d.Script(t, grantedDatabase.ReplaceAllString(grants, d.Name))
	return config
}

var (
	grantedAccount  = regexp.MustCompile(`'pengingat'@'[^']*'`)
	grantedPassword = regexp.MustCompile(`IDENTIFIED BY '[^']*'`)
	grantedDatabase = regexp.MustCompile(`\bperpustakaan\b`)
)

// School creates the tables of the school's Laravel application.
func (d *DB) School(t testing.TB) {
	t.Helper()
	d.Script(t, school.Schema)
}

// A Borrower is a row of the school's table users. What is empty gets a value of its own.
type Borrower struct {
	Name  string
	Email string
	Level string // siswa when empty
	Class string // such as "7A": also makes a row of siswa
}

// AddBorrower adds b to the school and returns its id.
func (d *DB) AddBorrower(t testing.TB, b Borrower) int64 {
	t.Helper()
	d.rows++
	id := d.insert(t, "INSERT INTO users (nama, email, password, level) VALUES (?, ?, '', ?)",
		cmp.Or(b.Name, fmt.Sprint("Siswa ", d.rows)),
		cmp.Or(b.Email, fmt.Sprintf("siswa%d@example.org", d.rows)),
		cmp.Or(b.Level, "siswa"))
	if b.Class != "" {
		d.insert(t, `INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon)
			VALUES (?, ?, ?, '2012-05-02', 'Garut', '')`, id, fmt.Sprintf("%010d", d.rows), b.Class)
	}
	return id
}

// A Loan is a row of the school's table peminjaman, of a book of its own.
type Loan struct {
	Borrower int64  // users.id; a new borrower when 0
	Due      string // 2006-01-02
	Title    string // "Buku" and a number when empty
	Borrowed string // 2006-01-02 15:04:05; in 2026 when empty
	Status   string // Dipinjam when empty
	Returned string // 2006-01-02 15:04:05; not returned when empty
}

// AddLoan adds l to the school and returns its id.
func (d *DB) AddLoan(t testing.TB, l Loan) int64 {
	t.Helper()
	if l.Borrower == 0 {
		l.Borrower = d.AddBorrower(t, Borrower{})
	}
	d.rows++
	book := d.insert(t, `INSERT INTO buku (kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi)
		VALUES (?, ?, '', '', '2020', '')`,
		fmt.Sprintf("B%05d", d.rows), cmp.Or(l.Title, fmt.Sprint("Buku ", d.rows)))
	return d.insert(t, `INSERT INTO peminjaman
		(user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status, tanggal_pengembalian)
		VALUES (?, ?, ?, ?, ?, ?, NULLIF(?, ''))`,
		l.Borrower, book, fmt.Sprintf("PJM-%05d", d.rows), cmp.Or(l.Borrowed, "2026-01-05 09:30:00"), l.Due,
		cmp.Or(l.Status, "Dipinjam"), l.Returned)
}

func (d *DB) insert(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	id, err := d.Exec(t, query, args...).LastInsertId()
	require.NoError(t, err)
	return id
}

func open(t testing.TB, config *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

// cleanUp runs a statement after the test. A transaction that the test left open would make a DROP wait for hours, so
// the time is limited.
func cleanUp(t testing.TB, db *sql.DB, statement string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := db.ExecContext(ctx, statement)
		require.NoError(t, err, "%s: did the test leave a transaction open?", statement)
	})
}

// unique returns a name for a database or a user that no other test has, also in another process on the same server.
func unique() string { return "pengingat" + strings.ToLower(rand.Text()[:12]) }
