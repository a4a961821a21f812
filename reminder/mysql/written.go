package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// mayHaveArrived is the condition that an email with a Date within a period was accepted, or may have been.
const mayHaveArrived = `message_date >= ? AND message_date < ?
	AND (state IN ('handover', 'sent', 'unknown') OR unknowns > 0 AND state <> 'bounced')`

// Written returns when recipients last got an email of a kind within a period.
func (s *Store) Written(ctx context.Context, kind reminder.Kind, recipients []string, from, to time.Time) (
	map[string]time.Time, error) {
	type row struct {
		recipient string
		at        time.Time
	}
	written := make(map[string]time.Time)
	for chunk := range slices.Chunk(recipients, promiseChunk) {
		rows, err := List(ctx, s.DB, func(r *row) []any { return []any{ident{nil, &r.recipient}, &r.at} },
			`SELECT borrower_id, MAX(message_date) FROM reminder_emails WHERE kind = ? AND borrower_id IN (?)
			AND `+mayHaveArrived+` GROUP BY borrower_id`, string(kind), chunk, stamp(from), stamp(to))
		if err != nil {
			return nil, fault("read who was written to", err)
		}
		for _, r := range rows {
			written[r.recipient] = r.at
		}
	}
	return written, nil
}

// OtherEmail reports whether another email to a claim's recipient was sent in a period, or is about to be. A claim is
// stored before this is read. So of two emails in two runs at least one finds the other; both may be canceled, and a
// later run promises them again. Of two emails with one token, only the second finds the other.
func (s *Store) OtherEmail(ctx context.Context, c reminder.Claim, from, to time.Time) (bool, error) {
	n, err := s.DB.Count(ctx, `SELECT COUNT(*) FROM reminder_emails WHERE kind = ? AND borrower_id = ? AND id <> ?
		AND (`+mayHaveArrived+` OR state = 'claimed' AND lease_until > UTC_TIMESTAMP(6)
		AND (claim_token <> ? OR priority < ? OR priority = ? AND id < ?))`,
		string(c.Kind), c.Borrower, c.ID, stamp(from), stamp(to), c.Token, int(c.Priority), int(c.Priority), c.ID)
	return n > 0, fault("read who was written to", err)
}

// stamp writes a moment as a DATETIME.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// Backlog counts the emails that have not ended.
func (s *Store) Backlog(ctx context.Context) (b reminder.Backlog, err error) {
	var micros sql.NullInt64
	err = s.DB.Row(ctx, []any{&b.Waiting, &b.Oldest, &micros}, `SELECT COUNT(*), MIN(created_at),
		TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), MIN(IF(state = 'queued', next_at, NULL)))
		FROM reminder_emails WHERE state IN ('queued', 'claimed', 'handover')`)
	b.Queued, b.Next = micros.Valid, time.Duration(micros.Int64)*time.Microsecond
	return b, fault("count what waits", err)
}
