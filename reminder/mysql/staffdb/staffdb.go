// Package staffdb has the statements of the mails to the staff: the morning's summary and the class lists. The desk
// shows the same and executes them too.
package staffdb

import (
	"context"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A Store is a run's Store with these statements.
type Store struct{ *mysql.Store }

// New returns the Store on a run's.
func New(s *mysql.Store) *Store { return &Store{s} }

// Activity counts since the newest summary of a former day that was sent.
func (s *Store) Activity(ctx context.Context, today reminder.Date) (reminder.Activity, error) {
	var a reminder.Activity
	err := s.DB.Row(ctx, []any{&a.Since}, `SELECT MAX(e.handover_at)
		FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.loan_id = '' AND n.kind = 'summary' AND n.due_date < ? AND e.state = 'sent'`, today)
	if err != nil {
		return a, mysql.Explain("look for the summary", err)
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
		a.LastDay, err = s.SentLastDay(ctx)
	}
	if err == nil {
		a.SenderTrouble, err = s.SenderTrouble(ctx)
	}
	if err != nil {
		return a, mysql.Explain("count the emails", err)
	}
	a.Trouble, err = mysql.List(ctx, s.DB, func(t *reminder.Trouble) []any { return []any{&t.State, &t.Reason, &t.Count} },
		`SELECT state, IF(state = 'bounced', SUBSTRING_INDEX(reason, ' ', 2), reason) AS why, COUNT(*) FROM reminder_emails
		WHERE state IN ('refused', 'failed', 'unknown', 'bounced') AND ended_at > ?
		AND kind <> 'summary' GROUP BY state, why ORDER BY COUNT(*) DESC, state, why LIMIT 20`, from)
	return a, mysql.Explain("read what went wrong", err)
}

// SenderTrouble counts the bounces of the last week that are about the library's own mail.
func (s *Store) SenderTrouble(ctx context.Context) (reminder.SenderTrouble, error) {
	const lastWeek, several = "came_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 7 DAY)", 3
	runs, err := mysql.List(ctx, s.DB,
		func(t *reminder.SenderTrouble) []any { return []any{&t.Accepted, &t.Bounced, &t.Sent} },
		`SELECT COUNT(*), SUM(state = 'bounced'), MIN(handover_at) AS began FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 30 DAY) AND state IN ('sent', 'bounced')
		AND run_id IN (SELECT run_id FROM reminder_bounces WHERE `+lastWeek+`) GROUP BY run_id ORDER BY began DESC`)
	if err != nil {
		return reminder.SenderTrouble{}, mysql.Explain("count what came back", err)
	}
	var trouble reminder.SenderTrouble
	for _, run := range slices.Backward(runs) {
		if feedback.TooMany(run.Accepted, run.Bounced) {
			trouble = run
		}
	}
	err = s.DB.Row(ctx, []any{&trouble.Refused, &trouble.Day},
		`SELECT COUNT(*), MAX(came_at) AS last FROM reminder_bounces WHERE class = 'policy' AND `+lastWeek+`
		GROUP BY DATE(came_at) HAVING COUNT(*) >= ? ORDER BY last DESC LIMIT 1`, several)
	return trouble, mysql.Explain("count what came back", err)
}

// CameBackLast returns the cycles whose newest notice bounced.
func (s *Store) CameBackLast(ctx context.Context) (map[reminder.Cycle]bool, error) {
	cycles, err := mysql.List(ctx, s.DB,
		func(c *reminder.Cycle) []any { return []any{mysql.Ident(&c.Loan), &c.Due, &c.Kind} },
		`SELECT n.loan_id, n.due_date, n.kind FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.state = 'bounced' AND n.dropped = 'bounced' AND NOT EXISTS (SELECT 1 FROM reminder_notices later
		WHERE later.loan_id = n.loan_id AND later.due_date = n.due_date AND later.kind = n.kind AND later.step > n.step)`)
	return mysql.SetOf(cycles), mysql.Explain("look for what came back", err)
}

// Worked reports whether a run that began in a period has the outcome done. A quarantine does not count as a run.
func (s *Store) Worked(ctx context.Context, from, until time.Time) (bool, error) {
	n, err := s.DB.Count(ctx, `SELECT COUNT(*) FROM reminder_runs
		WHERE started_at >= ? AND started_at < ? AND outcome = ? AND reason <> ?`, from, until, reminder.RunDone,
		reminder.ReasonQuarantined)
	return n > 0, mysql.Explain("look for a run", err)
}
