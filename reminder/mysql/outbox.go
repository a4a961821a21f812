package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// promiseChunk is how many emails one transaction promises: few round trips, and locks held for milliseconds.
const promiseChunk = 200

// Promise stores emails and their notices. A crash between two chunks leaves whole emails or nothing.
func (s *Store) Promise(ctx context.Context, runID string, emails []reminder.Email) (reminder.PlannedCounts, error) {
	return s.insert(ctx, promise{runID, reminder.StateQueued, ""}, emails)
}

// Skip stores emails that were never sent, so that their notices are not promised any more.
func (s *Store) Skip(ctx context.Context, runID string, emails []reminder.Email, reason string) (reminder.PlannedCounts,
	error) {
	return s.insert(ctx, promise{runID, reminder.StateCanceled, reason}, emails)
}

// A promise is what all emails of one call have in common.
type promise struct {
	runID  string
	state  reminder.State
	reason string
}

func (s *Store) insert(ctx context.Context, p promise, emails []reminder.Email) (n reminder.PlannedCounts, err error) {
	for chunk := range slices.Chunk(emails, promiseChunk) {
		part, err := s.insertChunk(ctx, p, chunk)
		n.Emails, n.Notices, n.Odd = n.Emails+part.Emails, n.Notices+part.Notices, n.Odd+part.Odd
		if err != nil {
			return n, fault("promise emails", err)
		}
	}
	return n, nil
}

// insertChunk stores one chunk. Error 1062 says that some of its notices are on record: another run promised them in
// the meantime, or they are promised anew. The former are left out, room is made for the latter, and the rest is tried
// again. A chunk that the database refuses for one of its values is halved down to the email that has it; that one is
// left out.
func (s *Store) insertChunk(ctx context.Context, p promise, chunk []reminder.Email) (reminder.PlannedCounts, error) {
	var n reminder.PlannedCounts
	var known map[reminder.Cycle]reminder.History
	for try := 0; len(chunk) > 0; try++ {
		refs := make([]string, len(chunk))
		for i := range refs {
			refs[i] = rand.Text()
		}
		err := s.DB.Tx(ctx, func(tx *DB, again bool) error {
			if again {
				// The commit before may have happened although its reply was lost. It was all or nothing.
				done, err := tx.Count(ctx, "SELECT COUNT(*) FROM reminder_emails WHERE ref = ?", refs[0])
				if err != nil || done > 0 {
					return err
				}
			}
			if err := makeRoom(ctx, tx, chunk, known); err != nil {
				return err
			}
			if err := insertEmails(ctx, tx, p, chunk, refs); err != nil {
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
		// Or a server that takes short statements only.
		if ofValue(err) || errors.Is(err, mysql.ErrPktTooLarge) && len(chunk) > 1 {
			for half := range slices.Chunk(chunk, (len(chunk)+1)/2) {
				part, err := s.insertChunk(ctx, p, half)
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
			return n, errors.New("notices keep being promised by other runs") // not err: its text holds a key
		}
		if chunk, known, err = s.unpromised(ctx, chunk); err != nil {
			return n, err
		}
	}
	return n, nil
}

// makeRoom takes out of the way what is known under the keys of notices that are promised anew: a void notice goes,
// and what another borrower was told is kept under another number. Each statement names what was known of the row.
// When another run was quicker it matches none, and the unique key decides.
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

// keyIs is the condition that a row of reminder_notices is a notice's, and key its arguments.
const keyIs = "loan_id = ? AND due_date = ? AND kind = ? AND step = ?"

func key(n reminder.Notice) []any { return []any{n.Loan, n.Due.String(), string(n.Kind), n.Step} }

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

func insertEmails(ctx context.Context, tx *DB, p promise, chunk []reminder.Email, refs []string) error {
	const email, notice = "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", "(?, ?, ?, ?, ?, ?, ?)"
	var args []any
	for i, e := range chunk {
		args = append(args, refs[i], e.Kind, e.Borrower, p.runID, int(e.Priority), p.state, p.reason)
	}
	_, err := tx.Exec(ctx, `INSERT INTO reminder_emails
		(ref, kind, borrower_id, run_id, priority, state, reason, next_at, created_at)
		VALUES `+repeated(email, len(chunk)), args...)
	if err != nil {
		return err
	}
	// The ids are never assumed to be consecutive.
	ids, err := Pairs[string, int64](ctx, tx, "SELECT ref, id FROM reminder_emails WHERE ref IN (?)", refs)
	if err != nil {
		return err
	}
	args = nil
	for i, e := range chunk {
		for _, n := range e.Notices {
			args = append(append(args, key(n)...), ids[refs[i]], n.Number, p.reason)
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

// unpromised returns the emails of a chunk without the notices that are promised by now, and what it knows of their
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

// maxCrashes is how many runs may die over an email before it is taken for the cause.
const maxCrashes = 10

// Sweep settles what dead runs left. Its statements stand in an order in which a crash between two of them is made good
// by the next sweep.
func (s *Store) Sweep(ctx context.Context, resend bool) (reminder.Swept, error) {
	var swept reminder.Swept
	// Most runs find nothing of all that follows, and one round trip instead of five shows it.
	left, err := s.count(ctx, `SELECT COUNT(*) FROM reminder_emails WHERE state IN ('claimed', 'handover')
		OR state = 'unknown' AND unknowns = 1 OR state = 'queued' AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR reason IN (?, ?) AND next_at > UTC_TIMESTAMP(6))`, reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil || left == 0 {
		return swept, fault("look for what to sweep", err)
	}

	// No try is put off and no lease lasts for a day. Such a time was written while the clock stood too far ahead, and
	// must not be waited for; a run that is still at work after all is fenced, as after any lease. What another run
	// withheld is judged anew: this one may have no REMINDER_ONLY_TO.
	_, err = s.exec(ctx, `UPDATE reminder_emails
		SET next_at = LEAST(next_at, UTC_TIMESTAMP(6)), lease_until = LEAST(lease_until, UTC_TIMESTAMP(6))
		WHERE state IN ('queued', 'claimed', 'handover') AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR lease_until > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY) OR state = 'queued' AND reason IN (?, ?))`,
		reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil {
		return swept, fault("sweep times to come", err)
	}

	// The mark was set and no outcome recorded: the email may have been sent. The token stays, so that a run that was
	// only slow can still record that it was accepted.
	n, err := s.exec(ctx, `UPDATE reminder_emails
		SET state = 'unknown', unknowns = unknowns + 1, ended_at = UTC_TIMESTAMP(6), reason = 'the run ended in the hand-over' WHERE state = 'handover' AND lease_until < UTC_TIMESTAMP(6)`)
	if err != nil {
		return swept, fault("sweep hand-overs", err)
	}
	swept.Unknown = int(n)

	// No mark: nothing was sent. The crash was not the email's fault and takes no try, unless it happens again and
	// again. An email that may have been sent by an earlier try is then unknown for good.
	n, err = s.exec(ctx, `UPDATE reminder_emails SET state = IF(unknowns > 0, 'unknown', 'failed'),
		unknowns = IF(unknowns > 0, 2, 0), ended_at = UTC_TIMESTAMP(6), reason = 'every run that took it died'
		WHERE state = 'claimed' AND lease_until < UTC_TIMESTAMP(6) AND crashes >= ?`, maxCrashes)
	if err != nil {
		return swept, fault("sweep claims", err)
	}
	if swept.Failed = int(n); n > 0 {
		_, err = s.exec(ctx, `UPDATE reminder_notices SET dropped = 'failed' WHERE dropped = '' AND email_id IN
			(SELECT id FROM reminder_emails WHERE state = 'failed')`)
		if err != nil {
			return swept, fault("sweep claims", err)
		}
	}
	_, err = s.exec(ctx, `UPDATE reminder_emails SET state = 'queued', attempts = attempts - 1, crashes = crashes + 1,
		next_at = UTC_TIMESTAMP(6) WHERE state = 'claimed' AND lease_until < UTC_TIMESTAMP(6)`)
	if err != nil {
		return swept, fault("sweep claims", err)
	}

	if resend {
		// Once: a second unknown outcome raises unknowns above 1 and is final.
		_, err = s.exec(ctx, `UPDATE reminder_emails SET state = 'queued', next_at = UTC_TIMESTAMP(6), ended_at = NULL
			WHERE state = 'unknown' AND unknowns = 1`)
	}
	return swept, fault("queue unknown emails again", err)
}

// claimCondition is the SQL condition of the emails that a claim takes.
var claimCondition = map[reminder.Which]string{
	reminder.ClaimFirst: fmt.Sprintf(" AND priority = %d", reminder.PriorityFirst),
	reminder.ClaimFresh: " AND unknowns = 0 AND reason NOT LIKE '" + reminder.GoesLast + "%'",
}

// claimUpdate names every column of its index in its order, the constant state too: MariaDB takes a column for
// constant only when the literal has its collation, and else sorts, and locks, all that is queued for each claim.
const claimUpdate = `UPDATE reminder_emails SET state = 'claimed', claim_token = ?, attempts = attempts + 1,
	lease_until = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)
	WHERE state = 'queued' AND next_at <= UTC_TIMESTAMP(6)%s ORDER BY state, priority, next_at, id LIMIT ?`

// Claim takes emails by one UPDATE whose order is that of its index, and reads back what it took by the token. When the
// reply is lost, the rows are found by the same token; rows nobody finds wait for their lease.
func (s *Store) Claim(ctx context.Context, w reminder.Wanted) (claims []reminder.Claim, full bool, err error) {
	near := w.DailyLimit > 0 && !s.ample.take(w.Most)
	if near {
		sent, err := s.sentLastDay(ctx)
		if w.Most = min(w.Most, w.DailyLimit-sent); err != nil || w.Most <= 0 {
			return nil, true, err
		}
	}
	if claims, err = s.claim(ctx, w); err != nil || !near {
		return claims, false, err
	}
	keep, err := s.keepWithin(ctx, w.DailyLimit, claims) // other runs claim, too
	return keep, len(keep) < len(claims), err
}

// An allowance is how many emails may be claimed before the daily limit is looked at again: a sixteenth of what it
// leaves, and only for as long as all runs together cannot have used up the rest.
type allowance struct {
	mu     sync.Mutex
	emails int
	over   *time.Timer
}

func (a *allowance) take(n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.emails < n {
		return false
	}
	select {
	case <-a.over.C:
		a.emails = 0
		return false
	default:
		a.emails -= n
		return true
	}
}

func (a *allowance) renew(left int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emails, a.over = left/16, time.NewTimer(time.Duration(left)*10*time.Microsecond) // 100,000 a second
}

func (s *Store) claim(ctx context.Context, w reminder.Wanted) ([]reminder.Claim, error) {
	token := rand.Text()
	var taken int64
	err := retry(ctx, func(again bool) error {
		if again {
			done, err := count(ctx, s.db, "SELECT COUNT(*) FROM reminder_emails WHERE claim_token = ?", token)
			if taken = int64(done); err != nil || done > 0 {
				return err
			}
		}
		res, err := s.db.ExecContext(ctx, fmt.Sprintf(claimUpdate, claimCondition[w.Which]), token,
			w.Lease.Microseconds(), w.Most)
		if err != nil {
			return err
		}
		taken, err = res.RowsAffected()
		return err
	})
	if err != nil || taken == 0 {
		return nil, fault("claim emails", err)
	}
	claims, err := s.claims(ctx, "claim_token = ? AND state = 'claimed'", token)
	return claims, fault("read the claim", err)
}

// keepWithin hands those claims back that would let more than limit emails be handed over in 24 hours. It counts and
// hands back in one transaction, and such transactions go one after the other: each locks the same row. So every run's
// claims are counted before one of them leaves. A repetition may return a claim that was handed back, and that is then
// found to be lost.
func (s *Store) keepWithin(ctx context.Context, limit int, claims []reminder.Claim) ([]reminder.Claim, error) {
	keep := len(claims)
	err := s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO reminder_state (name, kind, reason) VALUES ('daily_limit', '', '')
			ON DUPLICATE KEY UPDATE kind = ''`)
		if err != nil {
			return err
		}
		used, err := count(ctx, tx, `SELECT (SELECT COUNT(*) FROM reminder_emails
			WHERE `+handedOverLastDay+`)
			+ (SELECT COUNT(*) FROM reminder_emails WHERE state = 'claimed' AND lease_until > UTC_TIMESTAMP(6)
			AND (handover_at IS NULL OR handover_at <= DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 DAY)))`)
		if err != nil {
			return err
		}
		keep = max(0, len(claims)-max(0, used-limit))
		s.ample.renew(max(0, limit-used))
		for _, c := range claims[keep:] { // more than one run at a time is rare, and so is this
			_, err := tx.ExecContext(ctx, `UPDATE reminder_emails SET state = 'queued', attempts = attempts - 1
				WHERE id = ? AND claim_token = ? AND state = 'claimed'`, c.ID, c.Token)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fault("keep to the daily limit", err)
	}
	return claims[:keep], nil
}

// Waiting returns the queued emails.
func (s *Store) Waiting(ctx context.Context) ([]reminder.Claim, error) {
	claims, err := s.claims(ctx, "state = 'queued'")
	return claims, fault("read the queue", err)
}

// claims reads emails with their notices.
func (s *Store) claims(ctx context.Context, where string, args ...any) (claims []reminder.Claim, err error) {
	err = s.read(ctx, func() { claims = nil }, func(rows *sql.Rows) error {
		var c reminder.Claim
		var n reminder.Notice
		var due sql.NullString
		err := rows.Scan(&c.ID, &c.Ref, text{&c.Token}, &c.Kind, ident{nil, &c.Borrower}, &c.Priority, &c.Attempts,
			&c.Unknowns, text{&c.MessageID}, datetime{&c.Date}, ident{nil, &n.Loan}, &due, text{(*string)(&n.Kind)}, &n.Step,
			&n.Number)
		if last := len(claims) - 1; last < 0 || claims[last].ID != c.ID {
			claims = append(claims, c)
		}
		if err == nil && due.Valid { // else it has no notice left
			if n.Due, err = reminder.ParseDate(due.String); err == nil {
				c := &claims[len(claims)-1]
				c.Notices = append(c.Notices, n)
			}
		}
		return err
	}, `SELECT e.id, ref, claim_token, e.kind, borrower_id, priority, attempts, unknowns, message_id, message_date,
		loan_id, due_date, n.kind, COALESCE(step, 0), COALESCE(number, 0)
		FROM reminder_emails e LEFT JOIN reminder_notices n ON n.email_id = e.id AND n.dropped = ''
		WHERE `+where+" ORDER BY priority, next_at, e.id, due_date, loan_id", args...)
	return claims, err
}

// NextTry returns how long it is until the next queued email may be claimed.
func (s *Store) NextTry(ctx context.Context) (time.Duration, bool, error) {
	var micros sql.NullInt64
	err := s.read(ctx, func() {}, func(rows *sql.Rows) error { return rows.Scan(&micros) },
		"SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), MIN(next_at)) FROM reminder_emails WHERE state = 'queued'")
	return time.Duration(micros.Int64) * time.Microsecond, micros.Valid, fault("read the queue", err)
}

// HandOver sets the mark. The guard is checked where it matters: a run that slept longer than its lease finds no row
// and drops its connection without the final dot.
func (s *Store) HandOver(ctx context.Context, c reminder.Claim, messageID string, date time.Time,
	accepted ...reminder.Accepted) error {
	steps := []step{{c, reminder.StateClaimed, []any{messageID, stamp(date), c.Address[:]}}}
	for _, a := range accepted {
		steps = append(steps, sent(a.Claim, a.ReceiptID))
	}
	err := s.together(ctx, steps...)
	if err == errBatchFailed && len(accepted) == 0 {
		g := guard{check: `SELECT COUNT(*) FROM reminder_emails WHERE id = ? AND claim_token = ? AND state = 'handover'
			AND message_id = ? AND lease_until > UTC_TIMESTAMP(6)`, checkArgs: []any{c.ID, c.Token, messageID}}
		g.update, g.args = update(steps)
		err = s.guarded(ctx, g, true)
	}
	return fault("mark the hand-over", err)
}

// sent is the step of a claim that was accepted.
func sent(c reminder.Claim, receiptID string) step {
	return step{c, reminder.StateHandover, []any{clip(receiptID)}}
}

// Record writes an outcome. Accepted is a fact: it is written even when the sweep has called the email unknown, and
// perhaps queued it again, as long as nobody else took it since.
func (s *Store) Record(ctx context.Context, c reminder.Claim, o reminder.Outcome) error {
	g := recordUpdate(c, o)
	ended := slices.Contains([]reminder.State{reminder.StateCanceled, reminder.StateExpired, reminder.StateRefused,
		reminder.StateFailed}, o.State)
	if len(o.Dropped) == 0 && o.BadAddress == "" && !ended {
		alone := o.State != reminder.StateSent
		if !alone && s.together(ctx, sent(c, o.ReceiptID)) == nil {
			return nil
		}
		return fault("record an outcome", s.guarded(ctx, g, !alone))
	}
	// More than one row: all of it or nothing, and nothing when the claim is lost.
	err := s.tx(ctx, func(tx *sql.Tx, again bool) error {
		done, err := g.apply(ctx, tx, again)
		if err != nil || done {
			return err
		}
		if c.Unknowns > 0 {
			o.Dropped = nil // the copy that may have arrived told of it
		}
		for _, d := range o.Dropped {
			_, err := tx.ExecContext(ctx, "UPDATE reminder_notices SET dropped = ? WHERE "+keyIs+" AND email_id = ?",
				slices.Concat([]any{d.Reason}, key(d.Notice), []any{c.ID})...)
			if err != nil {
				return err
			}
		}
		if ended { // the borrower was not told any of it: it does not count as a reminder
			reason := string(o.State)
			if o.BadAddress != "" {
				reason = string(reminder.VerdictBadAddress) // it is told when the address is mended
			}
			_, err := tx.ExecContext(ctx, "UPDATE reminder_notices SET dropped = ? WHERE email_id = ? AND dropped = ''",
				reason, c.ID)
			if err != nil {
				return err
			}
		}
		if o.BadAddress != "" {
			return addBadAddress(ctx, tx, c.Borrower, o)
		}
		return nil
	})
	return fault("record an outcome", err)
}

// recordUpdate is the guarded UPDATE that an outcome means.
func recordUpdate(c reminder.Claim, o reminder.Outcome) guard {
	// An email that is handed back untried keeps the reason of its last try.
	set := []string{"state = ?", "reason = IF(? = '', reason, ?)", "ended_at = UTC_TIMESTAMP(6)"}
	args := []any{string(o.State), clip(o.Reason), clip(o.Reason)}
	if o.State != reminder.StateQueued {
		set[1], args = "reason = ?", args[:2]
	}
	from, fromArgs := "state IN ('claimed', 'handover')", []any(nil)
	switch o.State {
	case reminder.StateSent:
		set = append(set, "sent_at = UTC_TIMESTAMP(6)", "receipt_id = ?")
		args = append(args, clip(o.ReceiptID))
		from += " OR state = 'unknown' OR state = 'queued' AND unknowns > ?"
		fromArgs = []any{c.Unknowns}
	case reminder.StateQueued:
		set = append(set, "ended_at = NULL", "next_at = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)")
		args = append(args, o.RetryAfter.Microseconds())
		if o.KeepTry {
			set = append(set, "attempts = attempts - 1")
		}
		if c.Unknowns == 0 {
			// Surely not accepted: the next try is a new message, and this one does not count for a daily limit.
			set = append(set, "message_id = NULL", "message_date = NULL", "handover_at = NULL")
		}
	case reminder.StateUnknown:
		set = append(set, "unknowns = unknowns + 1")
	}
	return guard{
		update: "UPDATE reminder_emails SET " + strings.Join(set, ", ") +
			" WHERE id = ? AND claim_token = ? AND (" + from + ")",
		args:      append(append(args, c.ID, c.Token), fromArgs...),
		check:     "SELECT COUNT(*) FROM reminder_emails WHERE id = ? AND claim_token = ? AND state = ?",
		checkArgs: []any{c.ID, c.Token, string(o.State)},
	}
}

// A guard is an UPDATE that must match one row, the claim's. The check finds one row when the UPDATE took effect
// before.
type guard struct {
	update    string
	args      []any
	check     string
	checkArgs []any
}

// apply runs the UPDATE. When it matches no row because an earlier try took effect although its reply was lost, it
// reports done; when the claim is lost, ErrLost.
func (g guard) apply(ctx context.Context, db execQuerier, again bool) (done bool, err error) {
	res, err := db.ExecContext(ctx, g.update, g.args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 1 {
		return false, err
	}
	if again {
		n, err := count(ctx, db, g.check, g.checkArgs...)
		if err != nil || n == 1 {
			return true, err
		}
	}
	return false, reminder.ErrLost
}

// guarded applies a guard by itself. maybe says that an earlier try may have taken effect.
func (s *Store) guarded(ctx context.Context, g guard, maybe bool) error {
	return retry(ctx, func(again bool) error {
		_, err := g.apply(ctx, s.db, again || maybe)
		return err
	})
}

func addBadAddress(ctx context.Context, tx *sql.Tx, borrower string, o reminder.Outcome) error {
	digest := reminder.DigestOf(o.BadAddress)
	_, err := tx.ExecContext(ctx, `INSERT INTO reminder_bad_addresses (borrower_id, digest, reason, since)
		VALUES (?, ?, ?, UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE digest = ?, reason = ?, since = UTC_TIMESTAMP()`,
		borrower, digest[:], clip(o.Reason), digest[:], clip(o.Reason))
	return err
}

// sentLastDay counts hand-overs in the last 24 hours: what a provider counts, whatever we learned of the outcome. One
// dated later than tomorrow is of a clock that was ahead, and would count for as long as it was.
func (s *Store) sentLastDay(ctx context.Context) (int, error) {
	n, err := s.count(ctx, "SELECT COUNT(*) FROM reminder_emails WHERE "+handedOverLastDay)
	return n, fault("count what was sent", err)
}

const handedOverLastDay = `handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
	AND handover_at < DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)`

// mayHaveArrived is the condition that an email dated within a period was accepted, or may have been.
const mayHaveArrived = `message_date >= ? AND message_date < ?
	AND (state IN ('handover', 'sent', 'unknown') OR unknowns > 0 AND state <> 'bounced')`

// Written returns when recipients were last written to.
func (s *Store) Written(ctx context.Context, kind reminder.Kind, recipients []string, from, to time.Time) (
	map[string]time.Time, error) {
	written := make(map[string]time.Time)
	for chunk := range slices.Chunk(recipients, promiseChunk) {
		args := slices.Concat([]any{string(kind)}, anys(chunk), []any{stamp(from), stamp(to)})
		err := s.read(ctx, func() {}, func(rows *sql.Rows) error {
			var recipient string
			var at time.Time
			err := rows.Scan(ident{nil, &recipient}, datetime{&at})
			written[recipient] = at
			return err
		}, `SELECT borrower_id, MAX(message_date) FROM reminder_emails WHERE kind = ? AND borrower_id IN (`+
			marks(len(chunk))+`) AND `+mayHaveArrived+` GROUP BY borrower_id`, args...)
		if err != nil {
			return nil, fault("read who was written to", err)
		}
	}
	return written, nil
}

// Beside reports whether another email to a claim's recipient was written, or is about to be. Its claim was stored
// before this is read, so of two emails in two runs at least one sees the other, and both may give way; a later run
// promises them anew. Of one claim the first one goes.
func (s *Store) Beside(ctx context.Context, c reminder.Claim, from, to time.Time) (bool, error) {
	n, err := s.count(ctx, `SELECT COUNT(*) FROM reminder_emails WHERE kind = ? AND borrower_id = ? AND id <> ?
		AND (`+mayHaveArrived+` OR state = 'claimed' AND lease_until > UTC_TIMESTAMP(6)
		AND (claim_token <> ? OR priority < ? OR priority = ? AND id < ?))`,
		string(c.Kind), c.Borrower, c.ID, stamp(from), stamp(to), c.Token, int(c.Priority), int(c.Priority), c.ID)
	return n > 0, fault("read who was written to", err)
}

// stamp writes a moment as a DATETIME.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// Backlog counts the emails that have not ended.
func (s *Store) Backlog(ctx context.Context) (waiting int, oldest time.Time, err error) {
	var created sql.NullString
	err = s.read(ctx, func() {}, func(rows *sql.Rows) error { return rows.Scan(&waiting, &created) },
		"SELECT COUNT(*), MIN(created_at) FROM reminder_emails WHERE state IN ('queued', 'claimed', 'handover')")
	if err == nil {
		oldest, err = parseTime(created)
	}
	return waiting, oldest, fault("count what waits", err)
}

func (s *Store) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = retry(ctx, func(bool) error {
		n, err = count(ctx, s.db, query, args...)
		return err
	})
	return n, err
}

func count(ctx context.Context, q querier, query string, args ...any) (n int, err error) {
	err = each(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&n) }, query, args...)
	return n, err
}

// clip cuts a text to the width of its column.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 255 {
		return fmt.Sprintf("%s…", string(runes[:254]))
	}
	return text
}
