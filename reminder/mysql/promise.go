package mysql

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// promiseChunk is how many emails one transaction promises: few round trips, and locks held for milliseconds.
const promiseChunk = 200

// Promise stores emails and their notices. After a crash between two chunks each email is stored with all its notices
// or not at all.
func (s *Store) Promise(ctx context.Context, runID string, emails []reminder.Email) (reminder.PlannedCounts, error) {
	return s.Insert(ctx, Terms{runID, reminder.StateQueued, ""}, emails)
}

// Terms are the values that all emails of one call share.
type Terms struct {
	RunID  string
	State  reminder.State
	Reason string // with StateCanceled: why they are not sent
}

// Insert stores emails and their notices with some terms.
func (s *Store) Insert(ctx context.Context, t Terms, emails []reminder.Email) (n reminder.PlannedCounts, err error) {
	for chunk := range slices.Chunk(emails, promiseChunk) {
		part, err := s.insertChunk(ctx, t, chunk)
		n.Emails, n.Notices, n.Odd = n.Emails+part.Emails, n.Notices+part.Notices, n.Odd+part.Odd
		if err != nil {
			return n, fault("promise emails", err)
		}
	}
	return n, nil
}

// insertChunk stores one chunk. Error 1062 means that some of its notices are on record, because another run promised
// them meanwhile, or because they are void or were sent to another borrower. The first are left out, makeRoom handles
// the others, and the chunk is tried again. If the database refuses a chunk because of a value, it is halved until the
// email with that value is found, which is left out.
func (s *Store) insertChunk(ctx context.Context, t Terms, chunk []reminder.Email) (reminder.PlannedCounts, error) {
	var n reminder.PlannedCounts
	var known map[reminder.Cycle]reminder.History
	for try := 0; len(chunk) > 0; try++ {
		refs := make([]string, len(chunk))
		for i := range refs {
			refs[i] = rand.Text()
		}
		err := s.DB.Tx(ctx, func(tx *DB, again bool) error {
			if again {
				// The last commit may have taken effect, and only its reply was lost.
				done, err := tx.Count(ctx, "SELECT COUNT(*) FROM reminder_emails WHERE ref = ?", refs[0])
				if err != nil || done > 0 {
					return err
				}
			}
			if err := makeRoom(ctx, tx, chunk, known); err != nil {
				return err
			}
			if err := insertEmails(ctx, tx, t, chunk, refs); err != nil {
				return err
			}
			return checkForgotten(ctx, tx, chunk)
		})
		if err == nil {
			n.Emails = len(chunk)
			for _, e := range chunk {
				n.Notices += len(e.Notices)
			}
			return n, nil
		}
		if ofValue(err) && len(chunk) == 1 {
			n.Odd = len(chunk[0].Notices)
			return n, nil
		}
		// ErrPktTooLarge: the server accepts only short statements.
		if ofValue(err) || errors.Is(err, mysql.ErrPktTooLarge) && len(chunk) > 1 {
			for half := range slices.Chunk(chunk, (len(chunk)+1)/2) {
				part, err := s.insertChunk(ctx, t, half)
				n.Emails, n.Notices, n.Odd = n.Emails+part.Emails, n.Notices+part.Notices, n.Odd+part.Odd
				if err != nil {
					return n, err
				}
			}
			return n, nil
		}
		if !isDuplicate(err) && !errors.Is(err, errForgotten) {
			return n, err
		}
		if try == maxTries {
			return n, errors.New("other runs promised the same notices too often") // not err: its text contains a key
		}
		if chunk, known, err = s.unpromised(ctx, chunk); err != nil {
			return n, err
		}
	}
	return n, nil
}

// makeRoom frees the keys of notices that are promised again: it deletes a void notice, and it keeps a notice that was
// sent to another borrower under another number. Each statement matches only the row that the plan saw. If another run
// was faster, it matches no row, and the unique key decides.
func makeRoom(ctx context.Context, tx *DB, chunk []reminder.Email, known map[reminder.Cycle]reminder.History) error {
	var void []string
	var args []any
	for _, e := range chunk {
		for _, n := range e.Notices {
			for _, p := range known[n.Cycle] {
				switch {
				case p.Step != n.Step || p.Dropped == reminder.ReasonMoved:
				case slices.Contains(reminder.Voids, p.Dropped):
					void = append(void, keyIs+" AND email_id = ?")
					args = append(args, append(key(n), p.Email)...)
				default:
					if err := setAside(ctx, tx, n, p.Email); err != nil {
						return err
					}
				}
			}
		}
	}
	if len(void) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, "DELETE FROM reminder_notices WHERE ("+strings.Join(void, " OR ")+") AND dropped IN (?)",
		append(args, reminder.Voids)...)
	return err
}

// keyIs is the condition for the row of a notice in reminder_notices, and key returns its arguments.
const keyIs = "loan_id = ? AND due_date = ? AND kind = ? AND step = ?"

func key(n reminder.Notice) []any { return []any{n.Loan, n.Due.String(), string(n.Kind), n.Step} }

// setAside keeps a notice that was sent to another borrower under a number that no step has.
func setAside(ctx context.Context, tx *DB, n reminder.Notice, email int64) error {
	least, err := tx.Count(ctx, `SELECT COALESCE(MIN(step), 0) FROM reminder_notices
		WHERE loan_id = ? AND due_date = ? AND kind = ?`, key(n)[:3]...)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE reminder_notices SET dropped = ?, step = ? WHERE "+keyIs+" AND email_id = ?",
		slices.Concat([]any{movedPrefix + strconv.Itoa(n.Step), min(least, movedStep) - 1}, key(n), []any{email})...)
	return err
}

func insertEmails(ctx context.Context, tx *DB, t Terms, chunk []reminder.Email, refs []string) error {
	const email, notice = "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", "(?, ?, ?, ?, ?, ?, ?)"
	var args []any
	for i, e := range chunk {
		args = append(args, refs[i], e.Kind, e.Borrower, t.RunID, int(e.Priority), t.State, t.Reason)
	}
	_, err := tx.Exec(ctx, `INSERT INTO reminder_emails
		(ref, kind, borrower_id, run_id, priority, state, reason, next_at, created_at)
		VALUES `+repeated(email, len(chunk)), args...)
	if err != nil {
		return err
	}
	// The ids need not be consecutive.
	ids, err := Pairs[string, int64](ctx, tx, "SELECT ref, id FROM reminder_emails WHERE ref IN (?)", refs)
	if err != nil {
		return err
	}
	args = nil
	for i, ref := range refs {
		for _, n := range chunk[i].Notices {
			args = append(append(args, key(n)...), ids[ref], n.Number, t.Reason)
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO reminder_notices
		(loan_id, due_date, kind, step, email_id, number, dropped) VALUES `+repeated(notice, len(args)/7), args...)
	return err
}

// repeated returns a list of n times an item.
func repeated(item string, n int) string {
	return strings.TrimSuffix(strings.Repeat(item+", ", n), ", ")
}

// unpromised returns the emails of a chunk without the notices that are promised by now, and the histories of their
// cycles.
func (s *Store) unpromised(ctx context.Context, chunk []reminder.Email) ([]reminder.Email,
	map[reminder.Cycle]reminder.History, error) {
	known, err := s.Promised(ctx, reminder.Date{}, loansOf(chunk)...)
	if err != nil {
		return nil, nil, err
	}
	var rest []reminder.Email
	for _, e := range chunk {
		e.Notices = slices.DeleteFunc(slices.Clone(e.Notices), func(n reminder.Notice) bool {
			return known[n.Cycle].Promised(e.Borrower, n.Step)
		})
		if len(e.Notices) > 0 {
			rest = append(rest, e)
		}
	}
	return rest, known, nil
}
