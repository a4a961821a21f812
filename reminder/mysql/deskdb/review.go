package deskdb

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// This file reads what a report over some days needs. The database does the counting. Days begin at midnight in the
// library's zone.

// Sent counts the reminders sent from first to last, by day and priority.
func (s *Store) Sent(ctx context.Context, first, last reminder.Date,
	zone *time.Location) (map[reminder.Date]map[reminder.Priority]int, error) {
	type count struct {
		quarter  int64
		priority reminder.Priority
		n        int
	}
	// By quarters of an hour, because midnight falls on one in every zone, also when clocks change.
	counts, err := mysql.List(ctx, s.DB, func(c *count) []any { return []any{&c.quarter, &c.priority, &c.n} },
		`SELECT FLOOR(TIMESTAMPDIFF(MINUTE, '1970-01-01', handover_at) / 15) AS quarter, priority, COUNT(*)
		FROM reminder_emails WHERE handover_at >= ? AND handover_at < ? AND state = 'sent'
		AND kind NOT IN ('summary', 'class') GROUP BY quarter, priority`, first.Midnight(zone), last.AddDays(1).Midnight(zone))
	sent := map[reminder.Date]map[reminder.Priority]int{}
	for _, c := range counts {
		day := reminder.DateOf(time.Unix(c.quarter*15*60, 0), zone)
		if sent[day] == nil {
			sent[day] = map[reminder.Priority]int{}
		}
		sent[day][c.priority] += c.n
	}
	return sent, mysql.Explain("count what was sent", err)
}

// A ToldCount counts what was sent about loans with one due date at one step.
type ToldCount struct {
	Due          reminder.Date
	Step         int
	Count, Again int // notices, and those that were followed by another
}

// ToldCounts counts the notices sent from first to last by due date and step, and those of them that another one
// followed. A notice that was dropped because the book had come back does not count as following.
func (s *Store) ToldCounts(ctx context.Context, first, last reminder.Date, zone *time.Location) ([]ToldCount,
	error) {
	told, err := mysql.List(ctx, s.DB,
		func(t *ToldCount) []any { return []any{&t.Due, &t.Step, &t.Count, &t.Again} },
		`SELECT n.due_date, n.step, COUNT(*), SUM(EXISTS (SELECT 1 FROM reminder_notices later
			WHERE later.loan_id = n.loan_id AND later.due_date = n.due_date AND later.kind = n.kind AND later.step > n.step
			AND later.dropped NOT IN ('returned', 'renewed')))
		FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.handover_at >= ? AND e.handover_at < ? AND e.state = 'sent' AND n.dropped = '' AND n.kind = 'loan'
		GROUP BY n.due_date, n.step`, first.Midnight(zone), last.AddDays(1).Midnight(zone))
	return told, mysql.Explain("count what was told", err)
}

// Reports returns the report of each day's last run that looked at the loans.
func (s *Store) Reports(ctx context.Context, first, last reminder.Date,
	zone *time.Location) (map[reminder.Date]reminder.Report, error) {
	all, err := mysql.Column[reminder.Report](ctx, s.DB, `SELECT report FROM reminder_runs
		WHERE started_at >= ? AND started_at < ? AND outcome NOT IN ('', 'closed', 'paused') ORDER BY started_at`,
		first.Midnight(zone), last.AddDays(1).Midnight(zone))
	reports := map[reminder.Date]reminder.Report{}
	for _, r := range all {
		if r.Loans != nil && r.Reason != reminder.ReasonQuarantined {
			reports[r.Today] = r
		}
	}
	return reports, mysql.Explain("read the runs", err)
}
