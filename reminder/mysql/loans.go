package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// VersionTable is where the migrations record which of them were applied.
const VersionTable = "reminder_migrations"

// SchemaVersion is the number of the newest migration, the one this program works with.
const SchemaVersion = 1

// Check looks at the schema's version and at the view before a run does anything.
func (s *Store) Check(ctx context.Context) error {
	var have sql.NullInt64
	err := s.row(ctx, []any{&have},
		"SELECT MAX(version_id) FROM "+VersionTable+" WHERE is_applied = 1")
	if err != nil {
		return fault("read the schema's version", err)
	}
	switch {
	case have.Int64 < SchemaVersion:
		return &reminder.Fault{Text: remedyMigrate, Err: fmt.Errorf("version %d, needed %d", have.Int64, SchemaVersion)}
	case have.Int64 > SchemaVersion:
		return reminder.NewFault(fmt.Errorf("version %d, this program works with %d", have.Int64, SchemaVersion),
			"Basis data dipakai oleh versi Pengingat yang lebih baru. Perbarui program ini.",
			"The database belongs to a newer version of Pengingat. Update this program.")
	}
	views, err := s.readSource(ctx)
	if err != nil {
		return err
	}
	if err := views.missing(); err != nil {
		return err
	}
	err = s.read(ctx, func() {}, func(*sql.Rows) error { return nil }, views.selectLoans()+" WHERE 1 = 0")
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == 1146 {
		return &reminder.Fault{Text: remedyView, Err: err}
	}
	if err != nil {
		return fault("read the view reminder_loans", err)
	}
	return s.checkZone(ctx)
}

// CountLoans counts the rows of the view, and those due before a day.
func (s *Store) CountLoans(ctx context.Context, before reminder.Date) (open, older int, err error) {
	err = s.row(ctx, []any{&open, &older},
		"SELECT COUNT(*), COALESCE(SUM(due_at < ?), 0) FROM reminder_loans", before.String())
	return open, older, fault("count the loans", err)
}

// pageSize is how many loans Scan hands over at a time, with one SELECT for what was promised about them.
const pageSize = 2000

// readAhead is how many loans Scan reads before it hands over the first: 3 MB. In a library with fewer in reach the statement
// is over by then, which matters where reading keeps others from writing (MyISAM).
const readAhead = 5 * pageSize

// Scan reads the loans in reach by one SELECT, in no order: to ask for pages by key makes the database sort, for each page,
// all that is left of a day, and look at every loan where the due date has no index.
func (s *Store) Scan(ctx context.Context, first, last reminder.Date,
	page func([]reminder.Loan, map[reminder.Cycle]reminder.History) error) error {
	var loans []reminder.Loan
	handOver := func() error {
		for chunk := range slices.Chunk(loans, pageSize) {
			known, err := s.known(ctx, chunk)
			if err != nil {
				return fault("read what was promised", err)
			}
			if err := page(chunk, known); err != nil {
				return err
			}
		}
		loans = loans[:0]
		return nil
	}
	views, err := s.views(ctx)
	if err != nil {
		return err
	}
	select { // one at a time: two that waited for the connection of the other would wait for ever
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := false
	var failed error // after some were handed over: to begin again would hand them over twice
	err = retry(ctx, func(bool) error {
		loans = loans[:0]
		err := each(ctx, s.db, func(rows *sql.Rows) error {
			var l reminder.Loan
			var due string
			err := rows.Scan(text{&l.ID}, text{&l.Borrower.ID}, text{&l.Borrower.Email}, text{&due}, text{&l.Hold}, text{&l.Wants}, text{&l.Calendar})
			if err != nil {
				return err
			}
			setDue(&l, due)
			if loans = append(loans, l); len(loans) < readAhead {
				return nil
			}
			begun = true
			return handOver()
		}, "SELECT "+views.list("loan_id", "borrower_id", "email", "due_at", "hold_reason", "wants", "calendar")+
			" FROM reminder_loans WHERE due_at >= ? AND due_at < ?", first.String(), last.AddDays(1).String())
		if begun {
			failed = err
			return nil
		}
		return err
	})
	if err := errors.Join(err, failed); err != nil {
		return fault("scan the loans", err)
	}
	return handOver()
}

// setDue reads the raw due_at: a DATE, or a DATETIME in the library's wall clock. Koha stores a loan that is due on a day
// as 23:59 of it; midnight and 23:59 therefore name the day and no hour. A loan that cannot be worked with is put on hold:
// it is counted, and it does not keep the others from being told.
func setDue(l *reminder.Loan, raw string) {
	day, clock, _ := strings.Cut(raw, " ")
	var err error
	if l.Due, err = reminder.ParseDate(day); err != nil {
		l.Hold = "no_due_date"
	}
	if l.ID == "" || l.Borrower.ID == "" { // what the outbox keeps about nobody's loan is the librarian's summary
		l.Hold = "no_id"
	}
	if utf8.RuneCountInString(l.ID) > maxID || utf8.RuneCountInString(l.Borrower.ID) > maxID {
		l.Hold = "id_too_long"
	}
	if len(clock) >= 5 && clock[:5] != "00:00" && clock[:5] != "23:59" {
		l.DueTime = clock[:5]
	}
}

// maxID is the width of the id columns.
const maxID = 100

// known returns what was promised in the cycles of loans.
func (s *Store) known(ctx context.Context, loans []reminder.Loan) (map[reminder.Cycle]reminder.History, error) {
	known := map[reminder.Cycle]reminder.History{}
	ids := make([]any, len(loans))
	for i, l := range loans {
		ids[i] = l.ID
	}
	err := s.read(ctx, func() { clear(known) }, func(rows *sql.Rows) error {
		var c reminder.Cycle
		var p reminder.Past
		if err := scanCycle(rows, &c, &p.Step, &p.Dropped, &p.Email, &p.Borrower, &p.Waiting, &p.Told); err != nil {
			return err
		}
		comeBack(&p.Step, &p.Dropped)
		known[c] = append(known[c], p)
		return nil
		// A notice whose email is missing (half a restored backup) stands: it may have been told.
	}, `SELECT n.loan_id, n.due_date, n.step, n.dropped, n.email_id, COALESCE(e.borrower_id, ''),
		COALESCE(e.state IN ('queued', 'claimed', 'handover'), 0),
		COALESCE(e.state IN ('sent', 'unknown', 'handover') OR e.unknowns > 0, 1)
		FROM reminder_notices n LEFT JOIN reminder_emails e ON e.id = n.email_id WHERE n.loan_id IN (`+marks(len(ids))+")", ids...)
	if errors.Is(err, mysql.ErrPktTooLarge) && len(loans) > 1 { // a server that takes short statements only
		for half := range slices.Chunk(loans, (len(loans)+1)/2) {
			part, err := s.known(ctx, half)
			if err != nil {
				return nil, err
			}
			maps.Copy(known, part)
		}
		return known, nil
	}
	return known, err
}

// A notice that makes room for another borrower's is kept under a number that is no step's, below aside. Its step stands in
// dropped.
const aside, asidePrefix = -10_000, reminder.MovedAway + " "

// comeBack restores the step of a notice that made room.
func comeBack(step *int, dropped *string) {
	if was, ok := strings.CutPrefix(*dropped, asidePrefix); ok {
		if n, err := strconv.Atoi(was); err == nil {
			*step, *dropped = n, reminder.MovedAway
		}
	}
}

// scanCycle scans a row that begins with loan_id and due_date.
func scanCycle(rows *sql.Rows, c *reminder.Cycle, more ...any) error {
	return rows.Scan(append([]any{&c.Loan, day{&c.Due}}, more...)...)
}

// marks returns n parameter marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// selectLoans reads every column of the view.
func (v *source) selectLoans() string {
	return "SELECT " + v.list(slices.Concat(requiredColumns, optionalColumns)...) + " FROM " + v.view
}

// A reread is one claim's part in reading the loans of several.
type reread struct {
	ids   []any
	loans []reminder.Loan
}

// Reread returns the loans of a claim as they are now. A loan that has been renewed is returned with its new due date.
func (s *Store) Reread(ctx context.Context, c reminder.Claim) ([]reminder.Loan, error) {
	if len(c.Notices) == 0 {
		return nil, nil
	}
	mine := &reread{}
	for _, n := range c.Notices {
		mine.ids = append(mine.ids, n.Loan)
	}
	err := s.rereads.join(s.turn, mine, func(batch []*reread) error {
		err := s.loans(ctx, batch)
		if err != nil && len(batch) > 1 {
			return errAlone
		}
		return err
	})
	if err == errAlone {
		err = s.loans(ctx, []*reread{mine})
	}
	return mine.loans, fault("read the loans again", err)
}

// loans reads the loans of claims.
func (s *Store) loans(ctx context.Context, batch []*reread) error {
	views, err := s.views(ctx)
	if err != nil {
		return err
	}
	var ids []any
	for _, r := range batch {
		ids = append(ids, r.ids...)
	}
	reset := func() {
		for _, r := range batch {
			r.loans = nil
		}
	}
	return s.read(ctx, reset, func(rows *sql.Rows) error {
		var l reminder.Loan
		var due, borrowed string
		var fine sql.NullFloat64
		b := &l.Borrower
		err := rows.Scan(text{&l.ID}, text{&b.ID}, text{&b.Name}, text{&b.Email}, text{&l.Title}, text{&due}, text{&l.Ref}, text{&l.ItemCode},
			text{&borrowed}, text{&b.Group}, text{&b.Language}, text{&l.Hold}, &fine, text{&l.Wants}, text{&l.Calendar}, text{&l.From}, text{&l.ReplyTo})
		if err != nil {
			return err
		}
		l.FinePerDay = int64(fine.Float64)
		l.Borrowed = anyDate(borrowed) // only told when known
		setDue(&l, due)
		for _, r := range batch {
			if slices.Contains(r.ids, any(l.ID)) { // an integer id column also matches '12abc' by its leading digits
				r.loans = append(r.loans, l)
			}
		}
		return nil
	}, views.selectLoans()+" WHERE loan_id IN ("+marks(len(ids))+")", ids...)
}

// LastBorrowed returns the newest day on which an open loan was borrowed.
func (s *Store) LastBorrowed(ctx context.Context) (reminder.Date, error) {
	views, err := s.views(ctx)
	if err != nil {
		return reminder.Date{}, err
	}
	if !slices.Contains(views.columns, "borrowed_at") {
		return reminder.Date{}, nil
	}
	var borrowed string
	err = s.row(ctx, []any{text{&borrowed}}, "SELECT MAX(borrowed_at) FROM reminder_loans")
	return anyDate(borrowed), fault("read the loans", err)
}

// anyDate is the day of a DATE or DATETIME, and no day for anything else.
func anyDate(raw string) reminder.Date {
	first, _, _ := strings.Cut(raw, " ")
	date, _ := reminder.ParseDate(first)
	return date
}
