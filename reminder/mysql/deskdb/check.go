package deskdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// The methods of this file are for doctor's checks. They only read: the statements with which Lacking tries a right
// change no row.

// A Server is what the database server says about itself and about our session.
type Server struct {
	Version string
	Clock   time.Time // UTC
	SQLMode string    // of our session
}

// Server asks the server.
func (s *Store) Server(ctx context.Context) (sv Server, err error) {
	err = s.DB.Row(ctx, []any{&sv.Version, &sv.Clock, &sv.SQLMode},
		"SELECT VERSION(), UTC_TIMESTAMP(6), @@SESSION.sql_mode")
	return sv, mysql.Explain("ask the server", err)
}

// writables are the tables that the program writes, each with a column for trying the rights.
var writables = []struct{ table, column string }{
	{"reminder_emails", "state"}, {"reminder_notices", "dropped"}, {"reminder_runs", "reason"},
	{"reminder_state", "reason"}, {"reminder_closed_days", "name"}, {"reminder_opt_outs", "borrower_id"},
	{"reminder_bad_addresses", "reason"}, {"reminder_bounces", "reason"}, {"reminder_groups", "teacher_name"},
	{"reminder_contacts", "way"},
}

// Lacking returns the rights that the program needs and does not have, such as "DELETE reminder_runs". It tries each
// with a statement whose condition is never true, because what SHOW GRANTS prints leaves roles out.
func (s *Store) Lacking(ctx context.Context) (lacking []string, err error) {
	try := func(right, table, statement string) {
		if err != nil {
			return
		}
		_, tried := s.DB.Exec(ctx, statement)
		switch number(tried) {
		case 1142, 1143:
			lacking = append(lacking, right+" "+table)
		case 1364: // a column without default has no value, so the right is there
		default:
			err = tried
		}
	}
	for _, table := range []string{mysql.LoansView, mysql.VersionTable} {
		try("SELECT", table, "SELECT 1 FROM "+table+" WHERE 1 = 0")
	}
	for _, w := range writables {
		try("SELECT", w.table, fmt.Sprintf("SELECT %s FROM %s WHERE 1 = 0", w.column, w.table))
		try("INSERT", w.table, fmt.Sprintf("INSERT INTO %s (%s) SELECT '' FROM DUAL WHERE 1 = 0", w.table, w.column))
		try("UPDATE", w.table, fmt.Sprintf("UPDATE %s SET %s = '' WHERE 1 = 0", w.table, w.column))
		try("DELETE", w.table, fmt.Sprintf("DELETE FROM %s WHERE 1 = 0", w.table))
	}
	return lacking, mysql.Explain("try the rights out", err)
}

// number returns the number of a server's error, or 0.
func number(err error) uint16 {
	if e, ok := errors.AsType[*driver.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

var grant = regexp.MustCompile("^GRANT (.+?) ON (?:TABLE )?(.+?) TO ")

// Excess returns the rights on anything but the tables and the view named reminder_…, such as "ALL PRIVILEGES ON *.*".
func (s *Store) Excess(ctx context.Context) (excess []string, err error) {
	lines, err := mysql.Column[string](ctx, s.DB, "SHOW GRANTS")
	for _, line := range lines { // may go on with the hash of the password
		m := grant.FindStringSubmatch(line)
		if m != nil && m[1] != "USAGE" && !strings.Contains(m[2], ".`reminder_") {
			excess = append(excess, m[1]+" ON "+strings.ReplaceAll(m[2], "`", ""))
		}
	}
	return excess, mysql.Explain("read the rights", err)
}

// NotInnoDB returns the program's tables that are damaged or belong to another engine than InnoDB. The program's
// promises need transactions.
func (s *Store) NotInnoDB(ctx context.Context) ([]string, error) {
	engines, err := mysql.Pairs[string, string](ctx, s.DB,
		"SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()")
	var tables []string
	for _, w := range writables {
		if engine, found := engines[w.table]; found && !strings.EqualFold(engine, "InnoDB") {
			tables = append(tables, w.table)
		}
	}
	slices.Sort(tables)
	return tables, mysql.Explain("read the tables", err)
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
	try := func(tried error) {
		switch number(tried) {
		case 1142, 1143, 1146, 1054: // no such table or column, or no right to read it
		default:
			err = errors.Join(err, tried)
			readable = readable || tried == nil
		}
	}
	var tried error
	sc.Statuses, tried = mysql.Pairs[string, int](ctx, s.DB, "SELECT status, COUNT(*) FROM peminjaman GROUP BY status")
	try(tried)
	sc.SampleMail, tried = s.DB.Count(ctx, `SELECT COUNT(DISTINCT u.id) FROM users u JOIN peminjaman p ON p.user_id = u.id
		WHERE u.email LIKE '%@perpustakaan.com'
		AND p.status IN ('Dipinjam', 'Terlambat') AND p.tanggal_pengembalian IS NULL`)
	try(tried)
	sc.Jobs, tried = s.DB.Count(ctx, "SELECT COUNT(*) FROM jobs WHERE payload LIKE '%PengembalianBuku%'")
	try(tried)
	return sc, readable, mysql.Explain("read the application's tables", err)
}

// A Finding is something that is, or may be, wrong with the views over a library's own system.
type Finding struct {
	Wrong   bool // the view itself is wrong, not a row: it must not be used
	Serious bool // some loans get wrong reminders or none; otherwise it may be intended
	Note    bool // nothing to mend, but worth a look
	Message reminder.Message
}

// CheckColumns returns what is wrong with the columns of the view of loans. It reads some of its loans.
func (s *Store) CheckColumns(ctx context.Context, loans []string) (findings []Finding, err error) {
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	for _, column := range views.Unknown() {
		if column != "phone" { // Phones reads it
			findings = append(findings, Finding{Message: reminder.Say("view.column_unknown", "Column", column)})
		}
	}
	if kind, dated := views.Dated(); !dated {
		findings = append(findings, Finding{Serious: true, Wrong: true,
			Message: reminder.Say("view.due_at_type", "Kind", kind)})
	}
	zoned, err := s.zoneFindings(ctx, loans)
	return append(findings, zoned...), err
}

// zoneFindings says how a due_at that depends on the zone is read, so that a person can compare. Its writer may have
// meant another zone than the library's: the server's, or UTC. Due dates without an hour show which one: they are
// midnight, or the minute before it, in that zone.
func (s *Store) zoneFindings(ctx context.Context, loans []string) ([]Finding, error) {
	if err := s.CheckZone(ctx); err != nil {
		return nil, err
	}
	var session, server string
	err := s.DB.Row(ctx, []any{&session, &server}, "SELECT @@SESSION.time_zone, @@GLOBAL.time_zone")
	if err != nil {
		return nil, mysql.Explain("look at the time zone", err)
	}
	zones := []string{session, "+00:00", server}
	dues, err := s.ZonedDues(ctx, loans, zones...)
	if err != nil || len(dues) == 0 {
		return nil, err
	}
	whole := make([]int, len(zones))
	for _, d := range dues {
		for i, raw := range d.In {
			_, clock, _ := strings.Cut(raw, " ")
			if strings.HasPrefix(clock, "00:00") || strings.HasPrefix(clock, "23:59") {
				whole[i]++
			}
		}
	}
	for i, zone := range zones[1:] {
		if whole[0]*2 < len(dues) && whole[i+1]*2 > len(dues) {
			return []Finding{{Serious: true, Wrong: true, Message: reminder.Say("zone.other_zone_meant", "Zone", zone,
				"Zone2", s.Zone, "Loan", dues[0].Loan, "In", dues[0].In[0], "Ours", session)}}, nil
		}
	}
	return []Finding{{Note: true, Message: reminder.Say("zone.zone_matters", "Zone", s.Zone, "Loan",
		dues[0].Loan, "In", dues[0].In[0])}}, nil
}

// ProposedIndex returns the statement that would make reading the loans fast, or "".
func (s *Store) ProposedIndex(ctx context.Context) (statement string, err error) {
	err = s.DB.Row(ctx, []any{&statement}, "SELECT reason FROM reminder_state WHERE name = ?", mysql.SourceState)
	return statement, mysql.Explain("look for a proposed index", err)
}
