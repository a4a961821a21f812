package mysql

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Activity counts since the newest summary of a former day that was sent.
func (s *Store) Activity(ctx context.Context, today reminder.Date) (reminder.Activity, error) {
	var a reminder.Activity
	err := s.DB.Row(ctx, []any{&a.Since}, `SELECT MAX(e.handover_at)
		FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.loan_id = '' AND n.kind = 'summary' AND n.due_date < ? AND e.state = 'sent'`, today)
	if err != nil {
		return a, fault("look for the summary", err)
	}
	from := a.Since
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	a.Sent, err = s.DB.Count(ctx, `SELECT COUNT(*) FROM reminder_emails
		WHERE handover_at > ? AND state = 'sent' AND kind <> 'summary'`, from)
	if err == nil {
		err = s.DB.Row(ctx, []any{&a.Waiting, &a.Ahead}, `SELECT COALESCE(SUM(kind <> 'summary'), 0),
			COALESCE(SUM(kind = 'summary'), 0) FROM reminder_emails WHERE state IN ('queued', 'claimed', 'handover')`)
	}
	if err == nil {
		a.LastDay, err = s.sentLastDay(ctx)
	}
	if err == nil {
		a.SenderTrouble, err = s.SenderTrouble(ctx)
	}
	if err != nil {
		return a, fault("count the emails", err)
	}
	a.Trouble, err = List(ctx, s.DB, func(t *reminder.Trouble) []any { return []any{&t.State, &t.Reason, &t.Count} },
		`SELECT state, IF(state = 'bounced', SUBSTRING_INDEX(reason, ' ', 2), reason) AS why, COUNT(*) FROM reminder_emails
		WHERE state IN ('refused', 'failed', 'unknown', 'bounced') AND ended_at > ?
		AND kind <> 'summary' GROUP BY state, why ORDER BY COUNT(*) DESC, state, why LIMIT 20`, from)
	return a, fault("read what went wrong", err)
}
