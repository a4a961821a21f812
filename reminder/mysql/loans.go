package mysql

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// VersionTable is the table of the applied migrations.
const VersionTable = "reminder_migrations"

// SchemaVersion is the number of the newest migration, which this program needs.
const SchemaVersion = 6

// Check checks the version of the schema, and the views, before a run does anything.
func (s *Store) Check(ctx context.Context) error { return s.nameSource(ctx, s.check(ctx)) }

func (s *Store) check(ctx context.Context) error {
	have, err := s.DB.Count(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+VersionTable+" WHERE is_applied = 1")
	if err != nil {
		return fault("read the schema's version", err)
	}
	switch {
	case have < SchemaVersion:
		return &reminder.Fault{Message: reminder.Say("database.migrate"),
			Err: fmt.Errorf("version %d, needed %d", have, SchemaVersion)}
	case have > SchemaVersion:
		return reminder.NewFault(fmt.Errorf("version %d, this program works with %d", have, SchemaVersion),
			"database.newer")
	}
	views, err := s.readSource(ctx)
	if err == nil {
		err = views.missing()
	}
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, "SELECT "+views.Select(allColumns...)+" FROM "+views.loans+" WHERE 1 = 0")
	if Number(err) == 1146 {
		return &reminder.Fault{Message: reminder.Say("database.view", "View", LoansView), Err: err}
	}
	if err != nil {
		return fault("read the view reminder_loans", err)
	}
	return s.CheckZone(ctx)
}

// CountLoans counts the rows of the view, those due before a day, and as Odd those due on a day that does not exist,
// such as 2026-00-00, because a scan does not return them.
func (s *Store) CountLoans(ctx context.Context, before reminder.Date) (n reminder.LoanCounts, err error) {
	views, err := s.Views(ctx)
	if err != nil {
		return n, err
	}
	first, _ := reminder.PlausibleDue(before)
	_, dated := views.Dated()
	if dated {
		err = s.DB.Row(ctx, []any{&n.Open, &n.TooOld, &n.Odd}, `SELECT COUNT(*),
			COALESCE(SUM(due_at >= ? AND due_at < ? AND NOT (MONTH(due_at) = 0 OR DAYOFMONTH(due_at) = 0)), 0),
			COALESCE(SUM(due_at >= ? AND due_at < ? AND (MONTH(due_at) = 0 OR DAYOFMONTH(due_at) = 0)), 0)
			FROM reminder_loans`, first, before, first, before)
	}
	if OfData(err) || !dated {
		n = reminder.LoanCounts{}
		err = s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
			if n.Open++; !l.Due.Before(first) && l.Due.Before(before) {
				n.TooOld++
			}
			return nil
		})
	}
	return n, fault("count the loans", err)
}

// pageSize is how many loans Scan gives to page at a time.
const pageSize = 2000

// readAhead is how many loans Scan reads before it calls page: 3 MB. If there are fewer, the statement has ended by
// then. That matters with MyISAM, where a reader blocks all writers.
const readAhead = 5 * pageSize

// Scan reads the loans in reach with one SELECT, in no order. With pages by key, the database would sort the rest of a
// day for each page, and without an index on the due date it would read all loans for each page. If the database cannot
// compute one of the rows, or compares due dates as text, Scan reads all loans and filters them itself.
func (s *Store) Scan(ctx context.Context, first, last reminder.Date, page func([]reminder.Loan) error) error {
	var loans []reminder.Loan
	paged := map[string]bool{} // ids of loans that page got already
	callPage := func() error {
		for chunk := range slices.Chunk(loans, pageSize) {
			if err := page(chunk); err != nil {
				return err
			}
		}
		return nil
	}
	take := func(l reminder.Loan) error {
		if loans = append(loans, l); len(loans) < readAhead {
			return nil
		}
		for _, l := range loans {
			paged[l.ID] = true
		}
		err := callPage()
		loans = loans[:0]
		return err
	}
	views, err := s.Views(ctx)
	if err != nil {
		return err
	}
	select { // one scan at a time: two scans could wait for ever for each other's connections
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	from, to := reminder.PlausibleDue(last)
	_, dated := views.Dated()
	var failed error // an error after the first call of page: a retry would give loans to page twice
	err = retry(ctx, func(bool) error {
		if loans = loans[:0]; !dated {
			return nil
		}
		err := Each(ctx, s.DB, func(r *loanRow) []any {
			b := &r.Borrower
			return []any{views.Ident(&r.ID), views.Ident(&b.ID), cell{&b.Email}, cell{&r.due}, cell{&r.Hold}, cell{&r.Wants},
				cell{&r.Calendar}, cell{&b.Guardian.Email}, consent{&b.Guardian.Wants}}
		}, func(r loanRow) error {
			setDue(&r.Loan, r.due)
			return take(r.Loan)
		}, "SELECT "+views.Select("loan_id", "borrower_id", "email", "due_at", "hold_reason", "wants", "calendar",
			"guardian_email", "guardian_wants")+
			" FROM reminder_loans WHERE due_at >= ? AND due_at < ? OR due_at IS NULL OR due_at < ? OR due_at >= ?",
			first, last.AddDays(1), from, to.AddDays(1))
		if len(paged) > 0 {
			failed = err
			return nil
		}
		return err
	})
	if err = errors.Join(err, failed); OfData(err) || !dated {
		loans = loans[:0]
		err = s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
			if l.ID != "" && paged[l.ID] || !l.Shown(first, last) {
				return nil
			}
			return take(l)
		})
	}
	if err != nil {
		return fault("scan the loans", err)
	}
	return callPage()
}

// setDue sets the due date, and the time if there is one, from the raw due_at: a DATE, or a DATETIME in the library's
// wall clock. Midnight and 23:59, which Koha stores, mean that the loan has no time. A value that is no date leaves the
// loan without a due date.
func setDue(l *reminder.Loan, raw string) {
	day, clock, _ := strings.Cut(raw, " ")
	l.Due, _ = reminder.ParseDate(day)
	if len(clock) >= 5 && clock[:5] != "00:00" && clock[:5] != "23:59" {
		if _, err := time.Parse("15:04", clock[:5]); err == nil {
			l.DueTime = clock[:5]
		}
	}
}

// Promised returns what was promised about loans. If the server accepts only short statements, it sends several.
func (s *Store) Promised(ctx context.Context, from reminder.Date, loans ...string) (map[reminder.Cycle]reminder.History,
	error) {
	ids := slices.Clone(loans)
	for _, id := range loans {
		if raw, ok := s.raws.Load(id); ok { // older versions stored the id with its padding
			ids = append(ids, raw.(string))
		}
	}
	of, err := Hashes(ctx, s.DB, loans)
	var known map[reminder.Cycle]reminder.History
	if err == nil {
		known, err = promised(ctx, s.DB, from, ids, of)
	}
	if errors.Is(err, mysql.ErrPktTooLarge) && len(loans) > 1 {
		for half := range slices.Chunk(loans, (len(loans)+1)/2) {
			part, err := s.Promised(ctx, from, half...)
			if err != nil {
				return nil, err
			}
			maps.Copy(known, part)
		}
		return known, nil
	}
	return known, fault("read what was promised", err)
}

// promised reads what was promised about loans with some ids. of has the id of each loan by its hash, which replaces
// the id of a borrower who was forgotten.
func promised(ctx context.Context, db *DB, from reminder.Date, ids []string,
	of map[string]string) (map[reminder.Cycle]reminder.History, error) {
	type row struct {
		reminder.Cycle
		reminder.Past
	}
	where, args := "n.loan_id IN (?)", []any{slices.AppendSeq(ids, maps.Keys(of))}
	if !from.IsZero() {
		where, args = where+" AND n.due_date >= ?", append(args, from)
	}
	// A notice without its email (only one of the tables was restored from a backup) counts as sent.
	rows, err := List(ctx, db, func(r *row) []any {
		return []any{ident{nil, &r.Loan}, &r.Due, &r.Kind, &r.Step, &r.Dropped, &r.Email, ident{nil, &r.Borrower},
			&r.Waiting, &r.Told}
	}, `SELECT n.loan_id, n.due_date, n.kind, n.step, n.dropped, n.email_id, COALESCE(e.borrower_id, ''),
		COALESCE(e.state IN ('queued', 'claimed', 'handover'), 0),
		COALESCE(e.state IN ('sent', 'unknown', 'handover') OR e.unknowns > 0, 1)
		FROM reminder_notices n LEFT JOIN reminder_emails e ON e.id = n.email_id WHERE `+where, args...)
	known := map[reminder.Cycle]reminder.History{}
	for _, r := range rows {
		if loan, ok := of[r.Loan]; ok {
			r.Loan, r.Borrower = loan, "" // the borrower is not on record any more
		}
		RestoreMoved(&r.Step, &r.Dropped)
		known[r.Cycle] = append(known[r.Cycle], r.Past)
	}
	return known, err
}

// When a loan moves to another borrower, the first borrower's notice gets a step number below movedStep, which no real
// step has. Its own step is kept in the column dropped, after movedPrefix.
const movedStep, movedPrefix = -10_000, reminder.ReasonMoved + " "

// RestoreMoved restores the step of a notice that was renumbered.
func RestoreMoved(step *int, dropped *string) {
	if was, ok := strings.CutPrefix(*dropped, movedPrefix); ok {
		if n, err := strconv.Atoi(was); err == nil {
			*step, *dropped = n, reminder.ReasonMoved
		}
	}
}

// marks returns n parameter marks: "?,?,?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// A loanRow is a row of LoansView. Some columns are not yet in the form that a Loan has.
type loanRow struct {
	reminder.Loan
	due, borrowed, fine string
}

// columns returns the scan destinations for allColumns.
func (v *Views) columns(r *loanRow) []any {
	b := &r.Borrower
	return []any{v.Ident(&r.ID), v.Ident(&b.ID), prose{&b.Name}, cell{&b.Email}, prose{&r.Title}, cell{&r.due},
		prose{&r.Ref}, prose{&r.ItemCode}, cell{&r.borrowed}, prose{&b.Group}, cell{&b.Language}, cell{&r.Hold},
		cell{&r.fine}, cell{&r.Wants}, cell{&r.Calendar}, cell{&r.From}, cell{&r.ReplyTo},
		cell{&b.Type}, prose{&b.Guardian.Name}, cell{&b.Guardian.Email}, consent{&b.Guardian.Wants}}
}

// loan returns the loan, and reports whether its fine is an amount.
func (r loanRow) loan() (l reminder.Loan, isFine bool) {
	l = r.Loan
	b := &l.Borrower
	if b.Type = strings.ToLower(b.Type); b.Guardian.Email == "" {
		b.Guardian = reminder.Guardian{}
	}
	l.FinePerDay, isFine = wholeFine(r.fine)
	l.Borrowed = anyDate(r.borrowed)
	setDue(&l, r.due)
	return l, isFine
}

// list reads all columns of the loans that fulfil a condition.
func (v *Views) list(ctx context.Context, db *DB, condition string, args ...any) ([]reminder.Loan, error) {
	rows, err := List(ctx, db, v.columns, "SELECT "+v.Select(allColumns...)+" FROM "+v.loans+condition, args...)
	loans := make([]reminder.Loan, len(rows))
	for i, r := range rows {
		loans[i], _ = r.loan()
	}
	return loans, err
}

// wholeFine returns a fine in whole units. ok is false when it is no amount, or at least a hundred million a day.
func wholeFine(raw string) (whole int64, ok bool) {
	fine, err := strconv.ParseFloat(cmp.Or(raw, "0"), 64)
	if ok = err == nil && fine >= 0 && fine < 1e8; ok {
		whole = int64(fine)
	}
	return whole, ok
}

// Where returns the SQL condition that an id is one of ids, and its arguments. Binary values have a separate condition:
// in one list with text, all ids would be compared as bytes, without the index.
func (v *Views) Where(column string, ids []string) (condition string, args []any) {
	var texts, bytes []any
	for _, id := range ids {
		raw, _ := v.raws.Load(id)
		decoded, err := hex.DecodeString(strings.TrimPrefix(id, "0x"))
		number, notNumber := strconv.ParseUint(id, 10, 64)
		switch {
		case notNumber == nil && strings.HasSuffix(v.types[column], "bigint"):
			texts = append(texts, number) // MySQL compares text with a number as DOUBLE, and large ids would not match
		case raw != nil:
			texts = append(texts, id, raw)
		case err == nil && IDOf(string(decoded)) == id:
			bytes = append(bytes, decoded)
		default:
			texts = append(texts, id)
		}
	}
	column = v.Expression(column)
	if len(bytes) == 0 {
		return " WHERE " + column + " IN (?)", []any{texts}
	}
	return " WHERE " + column + " IN (?) OR " + column + " IN (?)", []any{texts, bytes}
}

// IDs returns the ids in the only column of a query.
func (s *Store) IDs(ctx context.Context, query string, args ...any) ([]string, error) {
	return List(ctx, s.DB, func(id *string) []any { return []any{ident{&s.raws, id}} }, query, args...)
}

// Reread returns the loans with some ids as they are now. A renewed loan has its new due date. If the database cannot
// compute one of the loans, Reread still returns the others.
func (s *Store) Reread(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	loans, err := s.byID(ctx, ids)
	return loans, fault("read the loans again", err)
}

func (s *Store) byID(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	isOther := func(l reminder.Loan) bool { return !slices.Contains(ids, l.ID) }
	condition, args := views.Where("loan_id", ids)
	loans, err := views.list(ctx, s.DB, condition, args...)
	if !OfData(err) {
		return slices.DeleteFunc(loans, isOther), err // an integer column with 12 also matches the id '12abc'
	}
	_, err = Column[string](ctx, s.DB, "SELECT 'found' FROM "+views.loans+condition, args...)
	switch {
	case OfData(err): // the id of some loan cannot be computed, so no loan can be looked up by it
		return s.Filter(ctx, func(l reminder.Loan) bool { return !isOther(l) })
	case err != nil:
		return nil, err
	case len(ids) == 1:
		l, err := s.broken(ctx, condition, args...)
		if err != nil || isOther(l) { // the loan was returned meanwhile
			return nil, err
		}
		return []reminder.Loan{l}, nil
	}
	half := len(ids) / 2
	loans, err = s.byID(ctx, ids[:half])
	if err != nil {
		return nil, err
	}
	more, err := s.byID(ctx, ids[half:])
	return append(loans, more...), err
}

// DueBetween returns the loans due from first to last as they are now.
func (s *Store) DueBetween(ctx context.Context, first, last reminder.Date) (loans []reminder.Loan, err error) {
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	_, dated := views.Dated()
	if dated {
		loans, err = views.list(ctx, s.DB, " WHERE due_at >= ? AND due_at < ?", first, last.AddDays(1))
	}
	if OfData(err) || !dated {
		loans, err = s.Filter(ctx, func(l reminder.Loan) bool { return !l.Due.Before(first) && !l.Due.After(last) })
	}
	return loans, fault("read the loans", err)
}

// LastBorrowed returns the newest day until today on which an open loan was borrowed.
func (s *Store) LastBorrowed(ctx context.Context, today reminder.Date) (reminder.Date, error) {
	views, err := s.Views(ctx)
	if err != nil || !views.Has("borrowed_at") {
		return reminder.Date{}, err
	}
	var borrowed string
	err = s.DB.Row(ctx, []any{&borrowed}, "SELECT MAX(borrowed_at) FROM reminder_loans WHERE borrowed_at < ?",
		today.AddDays(1))
	if OfData(err) {
		return reminder.Date{}, nil // not known
	}
	return anyDate(borrowed), fault("read the loans", err)
}

// anyDate returns the day of a DATE or DATETIME, and the zero Date for anything else.
func anyDate(raw string) reminder.Date {
	first, _, _ := strings.Cut(raw, " ")
	date, _ := reminder.ParseDate(first)
	return date
}
