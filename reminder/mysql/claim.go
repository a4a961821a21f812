package mysql

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// claimCondition is the SQL condition of the emails that a claim takes.
var claimCondition = map[reminder.Which]string{
	reminder.ClaimFirst: fmt.Sprintf(" AND priority = %d", reminder.PriorityFirst),
	reminder.ClaimFresh: " AND unknowns = 0 AND reason NOT LIKE '" + reminder.GoesLast + "%'",
}

// claimUpdate orders by all columns of its index, even by the constant state. MariaDB recognises a column as constant
// only if the literal has the column's collation; otherwise it sorts and locks all queued emails for each claim.
const claimUpdate = `UPDATE reminder_emails SET state = 'claimed', claim_token = ?, attempts = attempts + 1,
	lease_until = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)
	WHERE state = 'queued' AND next_at <= UTC_TIMESTAMP(6)%s ORDER BY state, priority, next_at, id LIMIT ?`

// Claim takes emails with one UPDATE in the order of its index, and then reads the emails with its token. If the reply
// of the UPDATE is lost, the emails are found by the same token; those that are never read wait for their lease.
func (s *Store) Claim(ctx context.Context, w reminder.Wanted) (claims []reminder.Claim, full bool, err error) {
	near := w.DailyLimit > 0 && !s.ample.take(w.Most)
	if near {
		sent, err := s.SentLastDay(ctx)
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

// An allowance is how many emails may be claimed before the emails of the day are counted again: a sixteenth of what
// the daily limit leaves. It ends before all runs together can have used up the rest.
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
	token, taken := rand.Text(), 0
	err := s.DB.repeat(ctx, func(db *DB, again bool) (err error) {
		if again {
			taken, err = db.Count(ctx, "SELECT COUNT(*) FROM reminder_emails WHERE claim_token = ?", token)
			if err != nil || taken > 0 {
				return err
			}
		}
		taken, err = db.Exec(ctx, fmt.Sprintf(claimUpdate, claimCondition[w.Which]), token, w.Lease.Microseconds(), w.Most)
		return err
	})
	if err != nil || taken == 0 {
		return nil, fault("claim emails", err)
	}
	claims, err := s.Claims(ctx, "claim_token = ? AND state = 'claimed'", token)
	return claims, fault("read the claim", err)
}

// keepWithin releases the claims with which more than limit emails would be handed over in 24 hours. It counts and
// releases in one transaction. All such transactions lock the same row, so they are executed one after the other, and
// the claims of all runs are counted before any of them is sent. If the transaction is repeated, keepWithin may return
// a claim that it has released; its hand-over then fails with ErrLost.
func (s *Store) keepWithin(ctx context.Context, limit int, claims []reminder.Claim) ([]reminder.Claim, error) {
	keep := len(claims)
	err := s.DB.Tx(ctx, func(tx *DB, _ bool) error {
		_, err := tx.Exec(ctx, `INSERT INTO reminder_state (name, kind, reason) VALUES ('daily_limit', '', '')
			ON DUPLICATE KEY UPDATE kind = ''`)
		if err != nil {
			return err
		}
		used, err := tx.Count(ctx, `SELECT (SELECT COUNT(*) FROM reminder_emails
			WHERE `+handedOverLastDay+`)
			+ (SELECT COUNT(*) FROM reminder_emails WHERE state = 'claimed' AND lease_until > UTC_TIMESTAMP(6)
			AND (handover_at IS NULL OR handover_at <= DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 DAY)))`)
		if err != nil {
			return err
		}
		keep = max(0, len(claims)-max(0, used-limit))
		s.ample.renew(max(0, limit-used))
		for _, c := range claims[keep:] { // rare: only if several runs claim at the same time
			_, err := tx.Exec(ctx, `UPDATE reminder_emails SET state = 'queued', attempts = attempts - 1
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

// SentLastDay counts the hand-overs of the last 24 hours with any outcome, because a provider counts them. Hand-overs
// later than in a day come from a clock that was ahead, and do not count.
func (s *Store) SentLastDay(ctx context.Context) (int, error) {
	n, err := s.DB.Count(ctx, "SELECT COUNT(*) FROM reminder_emails WHERE "+handedOverLastDay)
	return n, fault("count what was sent", err)
}

const handedOverLastDay = `handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
	AND handover_at < DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)`

// Claims reads emails with their notices.
func (s *Store) Claims(ctx context.Context, where string, args ...any) (claims []reminder.Claim, err error) {
	type row struct {
		reminder.Claim
		notice reminder.Notice
		due    string // "": the email has no notice
	}
	columns := func(r *row) []any {
		return []any{&r.ID, &r.Ref, &r.Token, &r.Kind, ident{nil, &r.Borrower}, &r.Priority, &r.Attempts, &r.Unknowns,
			&r.MessageID, &r.Date, ident{nil, &r.notice.Loan}, &r.due, text{(*string)(&r.notice.Kind)}, &r.notice.Step,
			&r.notice.Number}
	}
	err = s.DB.retry(ctx, func(bool) error {
		claims = nil
		return Each(ctx, s.DB, columns, func(r row) (err error) {
			if last := len(claims) - 1; last < 0 || claims[last].ID != r.ID {
				claims = append(claims, r.Claim)
			}
			if r.due == "" {
				return nil
			}
			r.notice.Due, err = reminder.ParseDate(r.due)
			c := &claims[len(claims)-1]
			c.Notices = append(c.Notices, r.notice)
			return err
		}, `SELECT e.id, ref, claim_token, e.kind, borrower_id, priority, attempts, unknowns, message_id, message_date,
			loan_id, due_date, n.kind, COALESCE(step, 0), COALESCE(number, 0)
			FROM reminder_emails e LEFT JOIN reminder_notices n ON n.email_id = e.id AND n.dropped = ''
			WHERE `+where+" ORDER BY priority, next_at, e.id, due_date, loan_id", args...)
	})
	return claims, err
}
