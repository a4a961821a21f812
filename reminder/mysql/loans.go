package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// VersionTable is where the migrations record which of them were applied.
const VersionTable = "reminder_migrations"

// SchemaVersion is the number of the newest migration, the one this program works with.
const SchemaVersion = 6

// Check looks at the schema's version and at the view before a run does anything.
func (s *Store) Check(ctx context.Context) error { return s.nameSource(ctx, s.check(ctx)) }

func (s *Store) check(ctx context.Context) error {
	var have sql.NullInt64
	err := s.row(ctx, []any{&have},
		"SELECT MAX(version_id) FROM "+VersionTable+" WHERE is_applied = 1")
	if err != nil {
		return fault("read the schema's version", err)
	}
	switch {
	case have.Int64 < SchemaVersion:
		return &reminder.Fault{Message: reminder.Say("database.migrate"),
			Err: fmt.Errorf("version %d, needed %d", have.Int64, SchemaVersion)}
	case have.Int64 > SchemaVersion:
		return reminder.NewFault(fmt.Errorf("version %d, this program works with %d", have.Int64, SchemaVersion),
			"database.newer")
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
		return &reminder.Fault{Message: reminder.Say("database.view", "View", LoansView), Err: err}
	}
	if err != nil {
		return fault("read the view reminder_loans", err)
	}
	return s.checkZone(ctx)
}

// CountLoans counts the rows of the view, those due before a day, and those due on a day that no calendar has, such as
// 2026-00-00: a scan would not see them.
func (s *Store) CountLoans(ctx context.Context, before reminder.Date) (n reminder.LoanCounts, err error) {
	views, err := s.views(ctx)
	if err != nil {
		return n, err
	}
	first, _ := reminder.PlausibleDue(before)
	if views.dated() {
		days := []any{first.String(), before.String()}
		err = s.row(ctx, []any{&n.Open, &n.TooOld, &n.Odd}, `SELECT COUNT(*),
			COALESCE(SUM(due_at >= ? AND due_at < ? AND NOT (MONTH(due_at) = 0 OR DAYOFMONTH(due_at) = 0)), 0),
			COALESCE(SUM(due_at >= ? AND due_at < ? AND (MONTH(due_at) = 0 OR DAYOFMONTH(due_at) = 0)), 0)
			FROM reminder_loans`, append(days, days...)...)
	}
	if ofData(err) || !views.dated() {
		n = reminder.LoanCounts{}
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			if n.Open++; !l.Due.Before(first) && l.Due.Before(before) {
				n.TooOld++
			}
			return nil
		})
	}
	return n, fault("count the loans", err)
}

// pageSize is how many loans Scan hands over at a time.
const pageSize = 2000

// readAhead is how many loans Scan reads before it hands over the first: 3 MB. In a library with fewer in reach the
// statement is over by then, which matters where reading keeps others from writing (MyISAM).
const readAhead = 5 * pageSize

// Scan reads the loans in reach by one SELECT, in no order. Pages by key would make the database sort the rest of a day
// for each page, and read every loan where the due date has no index. If the database cannot compute one of the rows,
// or compares due dates as text, Scan reads all loans and filters them itself.
func (s *Store) Scan(ctx context.Context, first, last reminder.Date, page func([]reminder.Loan) error) error {
	var loans []reminder.Loan
	handed := map[string]bool{} // ids of loans that page got already
	handOver := func() error {
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
			handed[l.ID] = true
		}
		err := handOver()
		loans = loans[:0]
		return err
	}
	views, err := s.views(ctx)
	if err != nil {
		return err
	}
	select { // one scan at a time: two that wait for each other's connection would wait for ever
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	from, to := reminder.PlausibleDue(last)
	var failed error // after a page was handed over: a retry would hand it over twice
	err = retry(ctx, func(bool) error {
		if loans = loans[:0]; !views.dated() {
			return nil
		}
		err := each(ctx, s.db, func(rows *sql.Rows) error {
			var l reminder.Loan
			var due string
			err := rows.Scan(ident{s, &l.ID}, ident{s, &l.Borrower.ID}, cell{&l.Borrower.Email}, cell{&due}, cell{&l.Hold},
				cell{&l.Wants}, cell{&l.Calendar}, cell{&l.Borrower.Guardian.Email}, consent{&l.Borrower.Guardian.Wants})
			if err != nil {
				return err
			}
			setDue(&l, due)
			return take(l)
		}, "SELECT "+views.list("loan_id", "borrower_id", "email", "due_at", "hold_reason", "wants", "calendar",
			"guardian_email", "guardian_wants")+
			" FROM reminder_loans WHERE due_at >= ? AND due_at < ? OR due_at IS NULL OR due_at < ? OR due_at >= ?",
			first.String(), last.AddDays(1).String(), from.String(), to.AddDays(1).String())
		if len(handed) > 0 {
			failed = err
			return nil
		}
		return err
	})
	if err = errors.Join(err, failed); ofData(err) || !views.dated() {
		loans = loans[:0]
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			inReach := !l.Due.Before(first) && !l.Due.After(last)
			if l.ID != "" && handed[l.ID] || !inReach && l.Odd(last) == "" {
				return nil
			}
			return take(l)
		})
	}
	if err != nil {
		return fault("scan the loans", err)
	}
	return handOver()
}

// setDue reads the raw due_at: a DATE, or a DATETIME in the library's wall clock. Koha stores a loan that is due on a
// day as 23:59; midnight and 23:59 therefore mean the day and no hour. A value that is no date leaves the loan without
// a due date.
func setDue(l *reminder.Loan, raw string) {
	day, clock, _ := strings.Cut(raw, " ")
	l.Due, _ = reminder.ParseDate(day)
	if len(clock) >= 5 && clock[:5] != "00:00" && clock[:5] != "23:59" {
		if _, err := time.Parse("15:04", clock[:5]); err == nil {
			l.DueTime = clock[:5]
		}
	}
}

// Promised returns what was promised about loans. If the server takes short statements only, it asks in parts.
func (s *Store) Promised(ctx context.Context, from reminder.Date, loans ...string) (map[reminder.Cycle]reminder.History,
	error) {
	var known map[reminder.Cycle]reminder.History
	ids := anys(loans)
	for _, id := range loans {
		if raw, ok := s.raws.Load(id); ok { // how older versions stored the id, with its padding
			ids = append(ids, raw)
		}
	}
	err := retry(ctx, func(bool) error {
		of, err := hashes(ctx, s.db, loans)
		if err == nil {
			known, err = promised(ctx, s.db, from, ids, of)
		}
		return err
	})
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

// promised reads what was promised about loans with some ids, or with some hashes that stand for their ids.
func promised(ctx context.Context, q querier, from reminder.Date, ids []any,
	of map[string]string) (map[reminder.Cycle]reminder.History, error) {
	for hash := range of {
		ids = append(ids, hash)
	}
	known, since := map[reminder.Cycle]reminder.History{}, ""
	if from != (reminder.Date{}) {
		since, ids = " AND n.due_date >= ?", append(ids, from.String())
	}
	return known, each(ctx, q, func(rows *sql.Rows) error {
		var c reminder.Cycle
		var p reminder.Past
		if err := scanCycle(rows, &c, &p.Step, &p.Dropped, &p.Email, ident{nil, &p.Borrower}, &p.Waiting,
			&p.Told); err != nil {
			return err
		}
		if loan, ok := of[c.Loan]; ok {
			c.Loan, p.Borrower = loan, "" // whoever it was, is not on record
		}
		restoreMoved(&p.Step, &p.Dropped)
		known[c] = append(known[c], p)
		return nil
		// A notice whose email is missing (half a backup was restored) counts as told.
	}, `SELECT n.loan_id, n.due_date, n.kind, n.step, n.dropped, n.email_id, COALESCE(e.borrower_id, ''),
		COALESCE(e.state IN ('queued', 'claimed', 'handover'), 0),
		COALESCE(e.state IN ('sent', 'unknown', 'handover') OR e.unknowns > 0, 1)
		FROM reminder_notices n LEFT JOIN reminder_emails e ON e.id = n.email_id WHERE n.loan_id IN (`+marks(len(ids)-strings.Count(since, "?"))+")"+since, ids...)
}

// When a loan moves to another borrower, the first borrower's notice is kept under a number below movedStep, which no
// step has. Its own step is written in the column dropped, after movedPrefix.
const movedStep, movedPrefix = -10_000, reminder.ReasonMoved + " "

// restoreMoved restores the step of a notice that was renumbered.
func restoreMoved(step *int, dropped *string) {
	if was, ok := strings.CutPrefix(*dropped, movedPrefix); ok {
		if n, err := strconv.Atoi(was); err == nil {
			*step, *dropped = n, reminder.ReasonMoved
		}
	}
}

// scanCycle scans a row that begins with loan_id, due_date and kind.
func scanCycle(rows *sql.Rows, c *reminder.Cycle, more ...any) error {
	return rows.Scan(append([]any{ident{nil, &c.Loan}, day{&c.Due}, &c.Kind}, more...)...)
}

// marks returns n parameter marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// selectLoans reads every column of the view.
func (v *source) selectLoans() string {
	return "SELECT " + v.list(slices.Concat(requiredColumns, optionalColumns)...) + " FROM " + v.view
}

// scanLoan reads a row of selectLoans, and the raw fine.
func (s *Store) scanLoan(rows *sql.Rows) (l reminder.Loan, fine string, err error) {
	var due, borrowed string
	b := &l.Borrower
	err = rows.Scan(ident{s, &l.ID}, ident{s, &b.ID}, prose{&b.Name}, cell{&b.Email}, prose{&l.Title}, cell{&due},
		prose{&l.Ref}, prose{&l.ItemCode},
		cell{&borrowed}, prose{&b.Group}, cell{&b.Language}, cell{&l.Hold}, cell{&fine}, cell{&l.Wants}, cell{&l.Calendar},
		cell{&l.From}, cell{&l.ReplyTo},
		cell{&b.Type}, prose{&b.Guardian.Name}, cell{&b.Guardian.Email}, consent{&b.Guardian.Wants})
	if b.Type = strings.ToLower(b.Type); b.Guardian.Email == "" {
		b.Guardian = reminder.Guardian{}
	}
	l.FinePerDay, _ = wholeFine(fine)
	l.Borrowed = anyDate(borrowed) // only told when known
	setDue(&l, due)
	return l, fine, err
}

// wholeFine returns a fine in whole units. ok is false when it is no amount, or a hundred million and more a day.
func wholeFine(raw string) (whole int64, ok bool) {
	fine, err := strconv.ParseFloat(cmp.Or(raw, "0"), 64)
	if ok = err == nil && fine >= 0 && fine < 1e8; ok {
		whole = int64(fine)
	}
	return whole, ok
}

// Reread returns loans as they are now. A loan that has been renewed is returned with its new due date.
func (s *Store) Reread(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	loans, err := s.byID(ctx, ids)
	return loans, fault("read the loans again", err)
}

// where returns the SQL condition that an id is one of ids, and its arguments. Binary values get a condition of their
// own: beside text, all ids would be compared as bytes, without the index.
func (s *Store) where(v *source, column string, ids []string) (condition string, args []any) {
	var texts, bytes []any
	for _, id := range ids {
		raw, _ := s.raws.Load(id)
		decoded, err := hex.DecodeString(strings.TrimPrefix(id, "0x"))
		number, notNumber := strconv.ParseUint(id, 10, 64)
		switch {
		case notNumber == nil && strings.HasSuffix(v.types[column],
			"bigint"): // as text it would be compared as a DOUBLE, and MySQL would not find it
			texts = append(texts, number)
		case raw != nil:
			texts = append(texts, id, raw)
		case err == nil && idOf(string(decoded)) == id:
			bytes = append(bytes, decoded)
		default:
			texts = append(texts, id)
		}
	}
	column = v.expression(column)
	condition = " WHERE " + column + " IN (" + marks(max(1, len(texts))) + ")"
	if len(texts) == 0 {
		texts = []any{""}
	}
	if len(bytes) > 0 {
		condition += " OR " + column + " IN (" + marks(len(bytes)) + ")"
	}
	return condition, append(texts, bytes...)
}

// find reads the loans with some ids in one statement.
func (s *Store) find(ctx context.Context, ids []string) (loans []reminder.Loan, err error) {
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	condition, args := s.where(views, "loan_id", ids)
	err = s.read(ctx, func() { loans = nil }, func(rows *sql.Rows) error {
		l, _, err := s.scanLoan(rows)
		if wanted[l.ID] { // an integer id column also matches '12abc' by its leading digits
			loans = append(loans, l)
		}
		return err
	}, views.selectLoans()+condition, args...)
	return loans, err
}

// byID reads the loans with some ids. A loan that the database cannot compute does not keep it from reading the others.
func (s *Store) byID(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	loans, err := s.find(ctx, ids)
	if !ofData(err) {
		return loans, fault("read the loans", err)
	}
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	condition, args := s.where(views, "loan_id", ids)
	_, err = column[string](ctx, s, "SELECT 'found' FROM "+views.view+condition, args...)
	switch {
	case ofData(err): // the id of some loan cannot be computed, so no loan can be looked up by it
		loans = nil
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			if slices.Contains(ids, l.ID) {
				loans = append(loans, l)
			}
			return nil
		})
		return loans, fault("read the loans", err)
	case err != nil:
		return nil, fault("read the loans", err)
	case len(ids) == 1:
		l, err := s.broken(ctx, condition, args...)
		if err != nil || l.ID != ids[0] { // it was returned meanwhile
			return nil, fault("read the loans", err)
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
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	if views.dated() {
		loans, err = list(ctx, s, func(rows *sql.Rows, l *reminder.Loan) (err error) {
			*l, _, err = s.scanLoan(rows)
			return err
		}, views.selectLoans()+" WHERE due_at >= ? AND due_at < ?", first.String(), last.AddDays(1).String())
	}
	if ofData(err) || !views.dated() {
		loans = nil
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			if !l.Due.Before(first) && !l.Due.After(last) {
				loans = append(loans, l)
			}
			return nil
		})
	}
	return loans, fault("read the loans", err)
}

// LastBorrowed returns the newest day until today on which an open loan was borrowed.
func (s *Store) LastBorrowed(ctx context.Context, today reminder.Date) (reminder.Date, error) {
	views, err := s.views(ctx)
	if err != nil {
		return reminder.Date{}, err
	}
	if !slices.Contains(views.columns, "borrowed_at") {
		return reminder.Date{}, nil
	}
	var borrowed string
	err = s.row(ctx, []any{text{&borrowed}}, "SELECT MAX(borrowed_at) FROM reminder_loans WHERE borrowed_at < ?",
		today.AddDays(1).String())
	if ofData(err) {
		return reminder.Date{}, nil // not known
	}
	return anyDate(borrowed), fault("read the loans", err)
}

// anyDate is the day of a DATE or DATETIME, and no day for anything else.
func anyDate(raw string) reminder.Date {
	first, _, _ := strings.Cut(raw, " ")
	date, _ := reminder.ParseDate(first)
	return date
}
