package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Answered returns the emails to borrowers that are queued again or ended badly, with what was said.
func (s *Store) Answered(ctx context.Context, period time.Duration) ([]reminder.Answered, error) {
	answered, err := list(ctx, s, func(rows *sql.Rows, a *reminder.Answered) error {
		return rows.Scan(&a.ID, &a.Borrower, &a.State, &a.Reason, &a.Unknowns)
	}, `SELECT id, borrower_id, state, reason, unknowns FROM reminder_emails
		WHERE state IN ('queued', 'refused', 'failed', 'unknown') AND reason <> '' AND kind <> 'summary'
		AND (state = 'queued' OR ended_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL ? SECOND))`, int(period.Seconds()))
	return answered, fault("read what was answered", err)
}

// takeBackChunk is how many emails are taken back at a time.
const takeBackChunk = 500

// TakeBack queues emails again. It may be repeated: one that is at work, or has ended otherwise, is left alone.
func (s *Store) TakeBack(ctx context.Context, ids []int64) error {
	for chunk := range slices.Chunk(ids, takeBackChunk) {
		where, args := chosen(chunk, []reminder.State{reminder.StateQueued, reminder.StateRefused, reminder.StateFailed,
			reminder.StateUnknown})
		// The second copy of an unknown email was refused: it has its second chance before it again.
		set := "reason = LEFT(CONCAT('" + reminder.GoesLast + "', reason), 255), unknowns = LEAST(unknowns, 1)"
		if _, err := s.requeue(ctx, set, where, args); err != nil {
			return fault("take emails back", err)
		}
	}
	return nil
}
