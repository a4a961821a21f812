package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// SummariesPromised counts the notices about no loan that are promised for a day.
func (s *Store) SummariesPromised(ctx context.Context, day reminder.Date) (int, error) {
	n, err := s.count(ctx, "SELECT COUNT(*) FROM reminder_notices WHERE loan_id = '' AND due_date = ?", day.String())
	return n, fault("look for the summary", err)
}

// Activity counts since the newest summary of a former day that was sent.
func (s *Store) Activity(ctx context.Context, today reminder.Date) (reminder.Activity, error) {
	var a reminder.Activity
	var since sql.NullString
	err := s.read(ctx, func() {}, func(rows *sql.Rows) error { return rows.Scan(&since) },
		`SELECT MAX(e.handover_at) FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.loan_id = '' AND n.due_date < ? AND e.state = 'sent'`, today.String())
	if err == nil {
		a.Since, err = parseTime(since)
	}
	if err != nil {
		return a, fault("look for the summary", err)
	}
	from := formatTime(a.Since)
	if a.Since.IsZero() {
		from = formatTime(time.Unix(0, 0))
	}
	a.Sent, err = s.count(ctx, `SELECT COUNT(*) FROM reminder_emails
		WHERE handover_at > ? AND state = 'sent' AND borrower_id <> ''`, from)
	if err == nil {
		a.Waiting, err = s.count(ctx, `SELECT COUNT(*) FROM reminder_emails
			WHERE state IN ('queued', 'claimed', 'handover') AND borrower_id <> ''`)
	}
	if err != nil {
		return a, fault("count the emails", err)
	}
	err = s.read(ctx, func() { a.Trouble = nil }, func(rows *sql.Rows) error {
		var t reminder.Trouble
		var state string
		err := rows.Scan(&state, &t.Reason, &t.Count)
		t.State = reminder.State(state)
		a.Trouble = append(a.Trouble, t)
		return err
	}, `SELECT state, reason, COUNT(*) FROM reminder_emails WHERE state IN ('refused', 'failed', 'unknown') AND ended_at > ?
		AND borrower_id <> '' GROUP BY state, reason ORDER BY COUNT(*) DESC, state, reason LIMIT 20`, from)
	return a, fault("read what went wrong", err)
}

// LateLongest returns the open loans due first in a period.
func (s *Store) LateLongest(ctx context.Context, first, last reminder.Date, n int) ([]reminder.Loan, error) {
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	var ids []any
	err = s.read(ctx, func() { ids = nil }, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT loan_id FROM (SELECT "+views.list("loan_id", "due_at", "hold_reason")+` FROM reminder_loans
		WHERE due_at >= ? AND due_at < ?) AS loans WHERE COALESCE(hold_reason, '') = '' ORDER BY due_at, loan_id LIMIT ?`, first.String(), last.String(), n)
	if err != nil || len(ids) == 0 {
		return nil, fault("read the late loans", err)
	}
	late := &reread{ids: ids}
	if err := s.loans(ctx, []*reread{late}); err != nil {
		return nil, fault("read the late loans", err)
	}
	slices.SortFunc(late.loans, func(a, b reminder.Loan) int { return slices.Index(ids, any(a.ID)) - slices.Index(ids, any(b.ID)) })
	return late.loans, nil
}
