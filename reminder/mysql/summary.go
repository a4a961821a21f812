package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Activity counts since the newest summary of a former day that was sent.
func (s *Store) Activity(ctx context.Context, today reminder.Date) (reminder.Activity, error) {
	var a reminder.Activity
	err := s.row(ctx, []any{datetime{&a.Since}},
		`SELECT MAX(e.handover_at) FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.loan_id = '' AND n.kind = 'summary' AND n.due_date < ? AND e.state = 'sent'`, today.String())
	if err != nil {
		return a, fault("look for the summary", err)
	}
	from := formatTime(a.Since)
	if a.Since.IsZero() {
		from = formatTime(time.Unix(0, 0))
	}
	a.Sent, err = s.count(ctx, `SELECT COUNT(*) FROM reminder_emails
		WHERE handover_at > ? AND state = 'sent' AND kind <> 'summary'`, from)
	if err == nil {
		a.Waiting, err = s.count(ctx, `SELECT COUNT(*) FROM reminder_emails
			WHERE state IN ('queued', 'claimed', 'handover') AND kind <> 'summary'`)
	}
	if err != nil {
		return a, fault("count the emails", err)
	}
	a.Trouble, err = list(ctx, s, func(rows *sql.Rows, t *reminder.Trouble) error {
		return rows.Scan(&t.State, &t.Reason, &t.Count)
	}, `SELECT state, reason, COUNT(*) FROM reminder_emails WHERE state IN ('refused', 'failed', 'unknown') AND ended_at > ?
		AND kind <> 'summary' GROUP BY state, reason ORDER BY COUNT(*) DESC, state, reason LIMIT 20`, from)
	return a, fault("read what went wrong", err)
}

// LateLongest returns the open loans due first in a period.
func (s *Store) LateLongest(ctx context.Context, first, last reminder.Date, n int) ([]reminder.Loan, error) {
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := s.ids(ctx, "SELECT loan_id FROM (SELECT "+views.list("loan_id", "due_at", "hold_reason")+` FROM reminder_loans
		WHERE due_at >= ? AND due_at < ?) AS loans WHERE COALESCE(hold_reason, '') = '' ORDER BY due_at, loan_id LIMIT ?`, first.String(), last.String(), n)
	if ofData(err) {
		return s.salvageLate(ctx, first, last, n)
	}
	if err != nil {
		return nil, fault("read the late loans", err)
	}
	late, err := s.byID(ctx, ids)
	late = slices.DeleteFunc(late, func(l reminder.Loan) bool { return l.Due.IsZero() }) // 2026-00-00 is among the first
	slices.SortFunc(late, func(a, b reminder.Loan) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return late, err
}

// salvageLate is LateLongest where the database cannot compute a loan.
func (s *Store) salvageLate(ctx context.Context, first, last reminder.Date, n int) (late []reminder.Loan, err error) {
	err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
		if l.Hold == "" && !l.Due.Before(first) && l.Due.Before(last) {
			late = append(late, l)
		}
		return nil
	})
	slices.SortFunc(late, func(a, b reminder.Loan) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	return late[:min(n, len(late))], fault("read the late loans", err)
}
