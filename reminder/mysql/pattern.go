package mysql

import (
	"context"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Answered returns the emails to borrowers that are queued again or ended badly, with the last answer of the server.
func (s *Store) Answered(ctx context.Context, period time.Duration) ([]reminder.Answered, error) {
	answered, err := List(ctx, s.DB, func(a *reminder.Answered) []any {
		return []any{&a.ID, &a.Borrower, &a.State, &a.Reason, &a.Unknowns}
	}, `SELECT id, borrower_id, state, reason, unknowns FROM reminder_emails
		WHERE state IN ('queued', 'refused', 'failed', 'unknown') AND reason <> '' AND kind <> 'summary'
		AND (state = 'queued' OR ended_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL ? SECOND))`, int(period.Seconds()))
	return answered, fault("read the answers of the mail server", err)
}

// requeueChunk is how many emails one transaction requeues.
const requeueChunk = 500

// RequeueLast queues emails again, to go after all others. It may be repeated: it does not change an email that is
// claimed or that has ended in another way.
func (s *Store) RequeueLast(ctx context.Context, ids []int64) error {
	for chunk := range slices.Chunk(ids, requeueChunk) {
		// If the second copy of an unknown email was refused, it may be sent once more.
		set := "reason = LEFT(CONCAT('" + reminder.GoesLast + "', reason), 255), unknowns = LEAST(unknowns, 1)"
		_, err := s.Requeue(ctx, set, Chosen{IDs: chunk, States: []reminder.State{reminder.StateQueued, reminder.StateRefused,
			reminder.StateFailed, reminder.StateUnknown}})
		if err != nil {
			return fault("queue emails again", err)
		}
	}
	return nil
}

// Chosen selects emails by state and id.
type Chosen struct {
	IDs    []int64 // empty: all emails in the states
	States []reminder.State
}

// Condition returns the SQL condition for these emails, and its parameters.
func (c Chosen) Condition() (where string, args []any) {
	if len(c.IDs) == 0 {
		return "state IN (?)", []any{c.States}
	}
	return "state IN (?) AND id IN (?)", []any{c.States, c.IDs}
}

// Requeue queues emails with all their tries, and undoes what was recorded when they ended: bad addresses and dropped
// notices. set has more assignments for the UPDATE. It returns how many emails it queued.
func (s *Store) Requeue(ctx context.Context, set string, chosen Chosen) (n int, err error) {
	where, args := chosen.Condition()
	err = s.DB.Tx(ctx, func(tx *DB, _ bool) (err error) {
		_, err = tx.Exec(ctx, `DELETE FROM reminder_bad_addresses WHERE borrower_id IN
			(SELECT borrower_id FROM reminder_emails WHERE state IN ('refused', 'bounced') AND `+where+")", args...)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE reminder_notices SET dropped = ''
			WHERE dropped IN ('failed', 'refused', 'bad_address', 'bounced') AND email_id IN
			(SELECT id FROM reminder_emails WHERE `+where+")", args...)
		if err != nil {
			return err
		}
		// An unknown email keeps its Message-ID, because the first copy may have arrived. A bounced one has not arrived.
		n, err = tx.Exec(ctx, "UPDATE reminder_emails SET "+set+`, unknowns = IF(state = 'bounced', 0, unknowns),
			message_id = IF(unknowns > 0, message_id, NULL), message_date = IF(unknowns > 0, message_date, NULL),
			handover_at = IF(unknowns > 0, handover_at, NULL), state = 'queued', attempts = 0, ended_at = NULL,
			bounced_at = NULL, bounce_code = '', next_at = UTC_TIMESTAMP(6) WHERE `+where, args...)
		return err
	})
	return n, err
}
