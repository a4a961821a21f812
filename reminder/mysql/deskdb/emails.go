package deskdb

import (
	"context"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A Listed is an email as a list shows it.
type Listed struct {
	ID       int64          `json:"id"`
	Kind     reminder.Kind  `json:"kind"`
	Borrower string         `json:"borrower_id"`
	Loans    []string       `json:"loan_ids"`
	State    reminder.State `json:"state"`
	Reason   string         `json:"reason"`
	Attempts int            `json:"attempts"`
	Promised time.Time      `json:"promised_at"`
	Ended    time.Time      `json:"ended_at,omitzero"`
}

// List returns the emails in some states, the newest first.
func (s *Store) List(ctx context.Context, states ...reminder.State) ([]Listed, error) {
	type row struct {
		Listed
		loan string
	}
	rows, err := mysql.List(ctx, s.DB, func(r *row) []any {
		return []any{&r.ID, &r.Kind, &r.Borrower, &r.State, &r.Reason, &r.Attempts, &r.Promised, &r.Ended, &r.loan}
	}, `SELECT e.id, e.kind, e.borrower_id, e.state, e.reason, e.attempts, e.created_at, e.ended_at, n.loan_id
		FROM reminder_emails e LEFT JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.state IN (?) ORDER BY e.id DESC, n.loan_id`, states)
	emails := []Listed{}
	for _, r := range rows {
		if n := len(emails); n == 0 || emails[n-1].ID != r.ID {
			r.Loans = []string{}
			emails = append(emails, r.Listed)
		}
		if last := &emails[len(emails)-1]; r.loan != "" && !slices.Contains(last.Loans, r.loan) {
			last.Loans = append(last.Loans, r.loan)
		}
	}
	return emails, mysql.Explain("list the emails", err)
}

// Waiting returns the queued emails.
func (s *Store) Waiting(ctx context.Context) ([]reminder.Claim, error) {
	claims, err := s.Claims(ctx, "state = 'queued'")
	return claims, mysql.Explain("read the queue", err)
}

// Skip stores emails that are never sent, so that their notices are not promised any more.
func (s *Store) Skip(ctx context.Context, runID string, emails []reminder.Email, reason string) (reminder.PlannedCounts,
	error) {
	return s.Insert(ctx, mysql.Terms{RunID: runID, State: reminder.StateCanceled, Reason: reason}, emails)
}

// States returns the states of those of these emails that exist.
func (s *Store) States(ctx context.Context, ids []int64) (map[int64]reminder.State, error) {
	states, err := mysql.Pairs[int64, reminder.State](ctx, s.DB, "SELECT id, state FROM reminder_emails WHERE id IN (?)",
		ids)
	return states, mysql.Explain("look for the emails", err)
}

// Retry queues emails again that failed, were refused, came back, or have an unknown outcome; all of a state when ids
// is empty. It forgets that an address was refused, because the person has mended it. It returns how many it queued.
func (s *Store) Retry(ctx context.Context, ids []int64, states ...reminder.State) (int, error) {
	n, err := s.Requeue(ctx, "reason = '', crashes = 0", mysql.Chosen{IDs: ids, States: states})
	return n, mysql.Explain("queue emails again", err)
}

// Cancelable are the states from which a person may cancel an email.
var Cancelable = []reminder.State{reminder.StateQueued, reminder.StateFailed, reminder.StateRefused,
	reminder.StateUnknown, reminder.StateBounced}

// Cancel ends emails that wait, failed, were refused, came back, or have an unknown outcome. It returns how many it
// ended.
func (s *Store) Cancel(ctx context.Context, ids []int64) (n int, err error) {
	where, args := mysql.Chosen{IDs: ids, States: Cancelable}.Condition()
	err = s.DB.Tx(ctx, func(tx *mysql.DB, _ bool) (err error) {
		n, err = tx.Exec(ctx, `UPDATE reminder_emails SET state = 'canceled', reason = 'by a person',
			ended_at = UTC_TIMESTAMP(6) WHERE `+where, args...)
		if err != nil {
			return err
		}
		// An email that was surely not sent does not count as a reminder, and is not promised again.
		_, err = tx.Exec(ctx, `UPDATE reminder_emails e JOIN reminder_notices n ON n.email_id = e.id SET n.dropped = ?
			WHERE e.state = 'canceled' AND e.reason = 'by a person' AND e.unknowns = 0 AND n.dropped IN ('', 'failed')`,
			reminder.ReasonByPerson)
		return err
	})
	return n, mysql.Explain("cancel emails", err)
}

// A Quarantine keeps the notices from before a day back.
type Quarantine struct {
	Before  reminder.Date `json:"before"`
	At      time.Time     `json:"at"`
	Notices int           `json:"notices"` // kept back by it and by earlier ones
}

// quarantine is the name under which the last quarantine is kept.
const quarantine = "quarantine"

// quarantined returns the quarantine in force, or nil. After a month the steps that it kept back are over.
func (s *Store) quarantined(ctx context.Context, now time.Time) (*Quarantine, error) {
	found, err := mysql.List(ctx, s.DB, func(q *Quarantine) []any { return []any{&q.Before, &q.At, &q.Notices} },
		`SELECT kind, until_at, (SELECT COUNT(*) FROM reminder_notices WHERE dropped = ?) FROM reminder_state
		WHERE name = ? AND until_at > ?`, reminder.ReasonQuarantined, quarantine, now.AddDate(0, -1, 0))
	if err != nil || len(found) == 0 {
		return nil, mysql.Explain("read the quarantine", err)
	}
	return &found[0], nil
}

// Quarantined stores that there was a quarantine.
func (s *Store) Quarantined(ctx context.Context, before reminder.Date, now time.Time) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_state (name, kind, reason, until_at) VALUES (?, ?, '', ?)
		ON DUPLICATE KEY UPDATE kind = VALUES(kind), until_at = VALUES(until_at)`, quarantine, before.String(), now)
	return mysql.Explain("store the quarantine", err)
}

// CancelWaiting cancels all emails that have not ended. A run that is at work loses its claims and does not send them.
// If the mail server accepts an email at this moment, the run may still record that.
func (s *Store) CancelWaiting(ctx context.Context, reason string) (canceled, unknown int, err error) {
	err = s.DB.Tx(ctx, func(tx *mysql.DB, _ bool) (err error) {
		exec := func(query string, args ...any) (n int) {
			if err == nil {
				n, err = tx.Exec(ctx, query, args...)
			}
			return n
		}
		exec("UPDATE reminder_emails SET unknowns = 2 WHERE state = 'unknown' AND unknowns = 1")
		unknown = exec(`UPDATE reminder_emails SET unknowns = GREATEST(unknowns, 2), state = 'unknown', reason = ?,
			ended_at = UTC_TIMESTAMP(6) WHERE state = 'handover' OR state IN ('queued', 'claimed') AND unknowns > 0`, reason)
		canceled = exec(`UPDATE reminder_emails SET state = 'canceled', reason = ?, ended_at = UTC_TIMESTAMP(6)
			WHERE state IN ('queued', 'claimed')`, reason)
		exec(`UPDATE reminder_emails e JOIN reminder_notices n ON n.email_id = e.id SET n.dropped = e.reason
			WHERE e.state = 'canceled' AND e.reason = ? AND n.dropped = ''`, reason)
		return err
	})
	return canceled, unknown, mysql.Explain("cancel emails", err)
}

// Release makes the notices of quarantines void, but none that was sent or may have been sent.
func (s *Store) Release(ctx context.Context) (n int, err error) {
	err = s.DB.Tx(ctx, func(tx *mysql.DB, _ bool) (err error) {
		n, err = tx.Exec(ctx, "UPDATE reminder_notices SET dropped = ? WHERE dropped = ?",
			reminder.ReasonReleased, reminder.ReasonQuarantined)
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM reminder_state WHERE name = ?", quarantine)
		}
		return err
	})
	return n, mysql.Explain("take the quarantine back", err)
}
