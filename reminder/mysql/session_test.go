package mysql_test

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	godriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// TestHostileServer: a server whose default settings for sessions are all wrong changes nothing in a story or a run.
// `make test-databases` runs the whole suite with such servers.
func TestHostileServer(t *testing.T) {
	_, store, s := newStory(t)
	want, err := s.tell(t, store)
	require.NoError(t, err)

	presets, err := filepath.Abs("../../deploy/dev/hostile.sql")
	require.NoError(t, err)
	srv := mysqltest.NewServer(t)
	srv.Kill(t)
	srv.Options = append(srv.Options, "--init-file="+presets, "--log-bin=binlog", "--binlog-format=STATEMENT",
		"--loose-skip-character-set-client-handshake", "--character-set-server=latin1",
		"--collation-server=latin1_swedish_ci")
	srv.Start(t)
	t.Setenv("TEST_MYSQL_DSN", srv.DSN())
	w, store, s := newStory(t)
	got, err := s.tell(t, store)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	run := newRun(t, 51)
	rep, err := run.trigger(t)
	require.NoError(t, err)
	assert.Equal(t, reminder.EmailCounts{Sent: 51}, rep.Emails)
	run.check(t, 0)

	// If a server does not allow one setting, the necessary ones are still set.
	w.disarm()
	w.arm(answered(1227), func(i int, sql string) bool { return i == 1 && strings.HasPrefix(sql, "SET ") })
	got, err = s.tell(t, connect(t, w.cfg, 1))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, 1, w.struck)
}

// TestRefusedSetting: a setting that the server does not allow costs some statements in the first session, and none in
// later ones.
func TestRefusedSetting(t *testing.T) {
	_, db, user := open(t)
	w := newWire(db, user)
	for range 100 {
		w.arm(answered(1238), func(_ int, sql string) bool { return strings.Contains(sql, "lc_time_names") })
	}
	conn, err := mysql.OpenDB(w.cfg, 2)
	require.NoError(t, err)
	defer conn.Close()
	statements := func() int {
		before := w.passed
		c, err := conn.Conn(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return w.passed - before
	}
	assert.Greater(t, statements(), 20)
	assert.Equal(t, 2, w.struck, "with the others and alone")
	assert.LessOrEqual(t, statements(), 4)
	assert.Equal(t, 2, w.struck)
}

// TestSlowView: a statement that takes too long is tried once, ends in the server, and is reported as slow.
func TestSlowView(t *testing.T) {
	w, _, _ := newStory(t)
	w.cfg.ReadTimeout = 2 * time.Second
	if w.db.TiDB { // which looks for slow statements now and then
		w.cfg.ReadTimeout = 10 * time.Second
	}
	store := connect(t, w.cfg, 1)
	require.NoError(t, store.Check(t.Context()))
	w.db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id, '' AS borrower_name, '' AS email,
		'' AS title, tanggal_kembali AS due_at FROM peminjaman WHERE SLEEP(60) = 0`)
	w.disarm()
	_, err := store.CountLoans(t.Context(), day("2026-11-24"))
	requireFault(t, err, true, "too long to read")
	assert.Equal(t, 1, w.passed, "tried once, on the same connection")
	assert.Eventually(t, func() bool { // the server returns the error shortly before the statement ends
		var left int
		require.NoError(t, w.db.Admin.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE user = ? AND command = 'Query'",
			w.cfg.User).Scan(&left))
		return left == 0
	}, time.Minute, 20*time.Millisecond, "a statement goes on in the server")
}

// TestManyClosedDays: reading closed days takes memory, and so time, in proportion to their number.
func TestManyClosedDays(t *testing.T) {
	store, db, _ := open(t)
	const n = 6000
	db.Exec(t, "CREATE TABLE digits (d INT)")
	db.Exec(t, "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
	db.Exec(t, fmt.Sprintf(`CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT NULL AS calendar, 0 AS is_open, 'libur' AS name,
		CAST(DATE_ADD('2020-01-01', INTERVAL a.d + 10 * b.d + 100 * c.d + 1000 * d.d DAY) AS CHAR(10)) AS day
		FROM digits a, digits b, digits c, digits d WHERE d.d < %d`, n/1000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	calendars, err := store.Calendars(t.Context(), day("2026-11-24"))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Len(t, calendars[""].Dates, n)
	// Other tests allocate memory meanwhile. With a copy of the map for each day it would be gigabytes.
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(500<<20), "bytes")
}

// TestListNamesEveryLoan: ids are neither cut nor split.
func TestListNamesEveryLoan(t *testing.T) {
	store, _, _ := open(t)
	var notices []reminder.Notice
	var want []string
	for i := range 60 {
		id := fmt.Sprintf("%03d %s", i, strings.Repeat("x", 90))
		want = append(want, id)
		notices = append(notices, reminder.Notice{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: id,
			Due: day("2026-11-24")}})
	}
	promise(t, store, []reminder.Email{{Borrower: "a", Notices: notices}, {Borrower: "b", Notices: []reminder.Notice{
		{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: "z", Due: day("2026-11-24")}},
		{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: "z", Due: day("2026-11-25")}}}}})
	emails, err := deskdb.New(store).List(t.Context(), reminder.StateQueued)
	require.NoError(t, err)
	require.Len(t, emails, 2)
	assert.Equal(t, []string{"z"}, emails[0].Loans)
	assert.Equal(t, want, emails[1].Loans)
}

// TestErrorsNameTheRemedy: the text of each error for a person, in both languages.
func TestErrorsNameTheRemedy(t *testing.T) {
	server := func(number uint16, message string) error {
		return &godriver.MySQLError{Number: number, Message: message}
	}
	for _, tt := range []struct {
		err       error
		temporary bool
		words     string // in both languages
	}{
		{server(1045, "Access denied"), false, "DB_TLS=true"},
		{server(1698, "Access denied"), false, "DB_PASSWORD"},
		{server(1820, "You must reset your password"), false, "ALTER USER"},
		{server(1862, "Your password has expired"), false, "ALTER USER"},
		{server(3118, "Account is locked"), false, "ALTER USER"},
		{server(4151, "Account is locked"), false, "ALTER USER"},
		{server(1251, "Client does not support authentication protocol"), false, "caching_sha2_password"},
		{server(1524, "Plugin is not loaded"), false, "caching_sha2_password"},
		{godriver.ErrUnknownPlugin, false, "caching_sha2_password"},
		{server(1130, "Host is not allowed to connect"), false, "CREATE USER"},
		{server(1129, "Host is blocked"), false, "FLUSH HOSTS"},
		{server(3159, "Connections using insecure transport are prohibited"), false, "DB_CA_FILE"},
		{godriver.ErrNoTLS, false, "ssl_cert"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false, "DB_CA_FILE"},
		{server(1040, "Too many connections"), true, "max_connections"},
		{server(1203, "max_user_connections"), true, "DB_CONNECTIONS"},
		{server(1226, "max_user_connections"), true, "DB_CONNECTIONS"},
		{server(1205, "Lock wait timeout exceeded"), true, "max_connections"},
		{server(1969, "max_statement_time exceeded"), true, "pengingat doctor"},
		{server(3024, "maximum statement execution time exceeded"), true, "pengingat doctor"},
		{server(1044, "Access denied to database"), false, "DB_DATABASE"},
		{server(1049, "Unknown database"), false, "DB_DATABASE"},
		{server(1142, "command denied"), false, "grants.sql"},
		{server(1227, "you need the SUPER privilege"), false, "grants.sql"},
		{server(8121, "privilege check fails"), false, "grants.sql"},
		{server(1054, "Unknown column"), false, "reminder_loans"},
		{server(1356, "View references invalid table"), false, "reminder_loans"},
		{server(1146, "Table 'lib.reminder_loans' doesn't exist"), false, "View reminder_loans|view reminder_loans"},
		{server(1146, "Table 'lib.reminder_source_closed_days' doesn't exist"), false,
			"View reminder_source_closed_days|view reminder_source_closed_days"},
		{server(1146, "Table 'lib.reminder_emails' doesn't exist"), false, "reminder_*"},
		{server(1449, "The user specified as a definer does not exist"), false, "reminder_loans"},
		{server(145, "Table is marked as crashed"), false, "REPAIR TABLE"},
		{server(1194, "Table is marked as crashed"), false, "REPAIR TABLE"},
		{server(1195, "Table is marked as crashed"), false, "REPAIR TABLE"},
		{server(1932, "Table doesn't exist in engine"), false, "REPAIR TABLE"},
		{server(1030, "Got error 28 from storage engine"), false, "disk"},
		{server(1114, "The table is full"), false, "disk"},
		{server(1665, "binlog_format = STATEMENT"), false, "binlog_format"},
		{server(1153, "Got a packet bigger"), false, "max_allowed_packet"},
		{godriver.ErrPktTooLarge, false, "max_allowed_packet"},
		{server(1273, "Unknown collation"), false, "MariaDB 10.4"},
		{server(1115, "Unknown character set"), false, "MariaDB 10.4"},
		{driver.ErrBadConn, true, "read-only"},
		{godriver.ErrInvalidConn, true, "DB_HOST"},
		{&net.DNSError{Err: "no such host"}, true, "DB_HOST"},
		{server(1053, "Server shutdown in progress"), true, "DB_HOST"},
		{server(9005, "Region is unavailable"), true, "pengingat doctor"},
		{server(1105, "pessimistic lock retry limit reached"), true, "pengingat doctor"},
		{server(1105, "unknown error"), false, "pengingat doctor"},
		{server(4444, "something new"), false, "pengingat doctor"},
	} {
		err := mysql.Explain("try", fmt.Errorf("wrapped: %w", tt.err))
		f, ok := errors.AsType[*reminder.Fault](err)
		if assert.True(t, ok, "%v", tt.err) {
			id, en, both := strings.Cut(tt.words, "|")
			if !both {
				en = id
			}
			assert.Contains(t, text.In("id").Text(f.Message), id, "%v", tt.err)
			assert.Contains(t, text.In("en").Text(f.Message), en, "%v", tt.err)
			assert.Equal(t, tt.temporary, f.Temporary, "%v", tt.err)
			assert.ErrorIs(t, err, tt.err)
		}
	}
}

// TestChangedInMidRun: if somebody removes a table, a view or a right during a run, the error names it.
func TestChangedInMidRun(t *testing.T) {
	store, db, user := open(t)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	require.NoError(t, store.Check(t.Context()))
	read := func() error {
		return store.Scan(t.Context(), day("2026-11-01"), day("2026-11-30"), func([]reminder.Loan) error { return nil })
	}
	db.Exec(t, "REVOKE SELECT ON "+db.Name+".reminder_loans FROM '"+user.User+"'@'%'")
	requireFault(t, read(), false, "grants.sql")
	db.Exec(t, "GRANT SELECT ON "+db.Name+".reminder_loans TO '"+user.User+"'@'%'")
	require.NoError(t, read())
	db.Exec(t, "RENAME TABLE buku TO books")
	requireFault(t, read(), false, "The view reminder_loans is missing or broken")
	db.Exec(t, "RENAME TABLE books TO buku")
	db.Exec(t, "DROP VIEW reminder_loans")
	requireFault(t, read(), false, "The view reminder_loans is missing or broken")
	db.Exec(t, "DROP TABLE reminder_opt_outs")
	_, err := store.OptedOut(t.Context())
	requireFault(t, err, false, "reminder_* tables")
}
