package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// What a diagnosis asks the database. Every method reads; the statements with which Lacking tries a right out change no
// row.

// A Server is what the database server says about itself and about our session.
type Server struct {
	Version string
	Clock   time.Time // UTC
	SQLMode string    // of our session
}

// Server asks the server.
func (s *Store) Server(ctx context.Context) (sv Server, err error) {
	err = s.row(ctx, []any{&sv.Version, datetime{&sv.Clock}, &sv.SQLMode},
		"SELECT VERSION(), UTC_TIMESTAMP(6), @@SESSION.sql_mode")
	return sv, fault("ask the server", err)
}

// A writable is a table that the program writes, with a column to try the rights out on.
type writable struct{ table, column string }

var writables = []writable{
	{"reminder_emails", "state"}, {"reminder_notices", "dropped"}, {"reminder_runs", "reason"},
	{"reminder_state", "reason"},
	{"reminder_closed_days", "name"}, {"reminder_opt_outs", "borrower_id"}, {"reminder_bad_addresses", "reason"},
	{"reminder_bounces", "reason"}, {"reminder_groups", "teacher_name"}, {"reminder_contacts", "way"},
}

// Lacking returns the rights that the program needs and does not have, such as "DELETE reminder_runs". It tries each
// with a statement whose condition is never true, because what SHOW GRANTS prints leaves roles out.
func (s *Store) Lacking(ctx context.Context) (lacking []string, err error) {
	try := func(right, table, statement string) {
		if err != nil {
			return
		}
		_, tried := s.exec(ctx, statement)
		switch e, ok := errors.AsType[*mysql.MySQLError](tried); {
		case ok && (e.Number == 1142 || e.Number == 1143):
			lacking = append(lacking, right+" "+table)
		case ok && e.Number == 1364: // the columns that were not named want a value: the right is there
		default:
			err = tried
		}
	}
	for _, table := range []string{"reminder_loans", VersionTable} {
		try("SELECT", table, "SELECT 1 FROM "+table+" WHERE 1 = 0")
	}
	for _, c := range writables {
		try("SELECT", c.table, fmt.Sprintf("SELECT %s FROM %s WHERE 1 = 0", c.column, c.table))
		try("INSERT", c.table, fmt.Sprintf("INSERT INTO %s (%s) SELECT '' FROM DUAL WHERE 1 = 0", c.table, c.column))
		try("UPDATE", c.table, fmt.Sprintf("UPDATE %s SET %s = '' WHERE 1 = 0", c.table, c.column))
		try("DELETE", c.table, fmt.Sprintf("DELETE FROM %s WHERE 1 = 0", c.table))
	}
	return lacking, fault("try the rights out", err)
}

// Excess returns the rights on anything but the tables and the view named reminder_…, such as "ALL PRIVILEGES ON *.*".
func (s *Store) Excess(ctx context.Context) (excess []string, err error) {
	grant := regexp.MustCompile("^GRANT (.+?) ON (?:TABLE )?(.+?) TO ")
	err = s.read(ctx, func() { excess = nil }, func(rows *sql.Rows) error {
		var line string // may go on with the hash of the password
		if err := rows.Scan(&line); err != nil {
			return err
		}
		m := grant.FindStringSubmatch(line)
		if m != nil && m[1] != "USAGE" && !strings.Contains(m[2], ".`reminder_") {
			excess = append(excess, m[1]+" ON "+strings.ReplaceAll(m[2], "`", ""))
		}
		return nil
	}, "SHOW GRANTS")
	return excess, fault("read the rights", err)
}

// NotInnoDB returns the program's tables that another engine keeps. Without transactions nothing here is promised.
func (s *Store) NotInnoDB(ctx context.Context) (tables []string, err error) {
	err = s.read(ctx, func() { tables = nil }, func(rows *sql.Rows) error {
		var name string
		var engine sql.NullString // NULL: a view, or a table that is damaged
		err := rows.Scan(&name, &engine)
		own := slices.ContainsFunc(writables, func(w writable) bool { return w.table == name })
		if err == nil && own && !strings.EqualFold(engine.String, "InnoDB") {
			tables = append(tables, name)
		}
		return err
	}, "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name")
	return tables, fault("read the tables", err)
}

// A School is what the tables of the school's Laravel application say. A program that has only the rights it needs
// cannot read them.
type School struct {
	Statuses   map[string]int // of peminjaman
	SampleMail int            // borrowers whose address is one of the application's sample accounts
	Jobs       int            // reminders in its queue
}

// School reads the application's tables, and reports whether it could read any.
func (s *Store) School(ctx context.Context) (sc School, readable bool, err error) {
	sc.Statuses = map[string]int{}
	unreadable := func(err error) bool {
		e, ok := errors.AsType[*mysql.MySQLError](err)
		return ok && slices.Contains([]uint16{1142, 1143, 1146, 1054}, e.Number)
	}
	for _, q := range []struct {
		scan  func(*sql.Rows) error
		query string
	}{
		{func(rows *sql.Rows) error {
			var status string
			var n int
			err := rows.Scan(&status, &n)
			sc.Statuses[status] = n
			return err
		}, "SELECT status, COUNT(*) FROM peminjaman GROUP BY status"},
		{func(rows *sql.Rows) error { return rows.Scan(&sc.SampleMail) },
			`SELECT COUNT(DISTINCT u.id) FROM users u JOIN peminjaman p ON p.user_id = u.id WHERE u.email LIKE '%@perpustakaan.com'
			AND p.status IN ('Dipinjam', 'Terlambat') AND p.tanggal_pengembalian IS NULL`},
		{func(rows *sql.Rows) error { return rows.Scan(&sc.Jobs) },
			"SELECT COUNT(*) FROM jobs WHERE payload LIKE '%PengembalianBuku%'"},
	} {
		switch err := s.read(ctx, func() {}, q.scan, q.query); {
		case err == nil:
			readable = true
		case !unreadable(err):
			return sc, readable, fault("read the application's tables", err)
		}
	}
	return sc, readable, nil
}

// A Finding is something that is, or may be, wrong with the views over a library's own system.
type Finding struct {
	Wrong   bool // the view itself is wrong, not a row: it must not be used
	Serious bool // some loans are told about wrongly or not at all; else it may be meant
	Note    bool // nothing to mend, but worth a look
	Message reminder.Message
}

// CheckColumns says what is wrong with the columns of the view of loans.
func (s *Store) CheckColumns(ctx context.Context) (findings []Finding, err error) {
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	for _, column := range views.columns {
		known := slices.Concat(requiredColumns, optionalColumns, []string{"phone"}) // phone is read by the look back alone
		if !slices.Contains(known, column) {
			findings = append(findings, Finding{Message: reminder.Say("view.column_unknown", "Column", column)})
		}
	}
	if kind := views.types["due_at"]; !views.dated() {
		findings = append(findings, Finding{Serious: true, Wrong: true,
			Message: reminder.Say("view.due_at_type", "Kind", kind)})
	}
	zoned, err := s.zoneFindings(ctx)
	return append(findings, zoned...), err
}

// EachLoan visits all open loans, once and in no order. A loan that the database cannot compute is one with Broken.
// isFine reports whether its fine is an amount.
func (s *Store) EachLoan(ctx context.Context, visit func(l reminder.Loan, isFine bool)) error {
	err := s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, fine string) error {
		_, isFine := wholeFine(fine)
		visit(l, isFine)
		return nil
	})
	return fault("read the view "+LoansView, err)
}

// OddClosedDays returns the days of the view of closed days that cannot be read.
func (s *Store) OddClosedDays(ctx context.Context) ([]string, error) {
	_, odd, err := s.sourceCalendars(ctx)
	return odd, err
}

// SourceState is the row of reminder_state that says whose system the views read, and which statement would make that
// fast.
const SourceState = "source"

// ProposedIndex returns the statement that would make reading the loans fast, or "".
func (s *Store) ProposedIndex(ctx context.Context) (statement string, err error) {
	err = s.row(ctx, []any{&statement}, "SELECT reason FROM reminder_state WHERE name = ?", SourceState)
	return statement, fault("look for a proposed index", err)
}
