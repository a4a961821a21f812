package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// What a look back over some days reads. The database counts, and only counts leave it; days begin at midnight in the
// library's zone.

// period returns the instants at which days begin and end.
func period(first, last reminder.Date, zone *time.Location) (from, to string) {
	return formatTime(first.Midnight(zone)), formatTime(last.AddDays(1).Midnight(zone))
}

// Sent counts the reminders sent from first to last, by day and priority.
func (s *Store) Sent(ctx context.Context, first, last reminder.Date,
	zone *time.Location) (map[reminder.Date]map[reminder.Priority]int, error) {
	from, to := period(first, last, zone)
	sent := map[reminder.Date]map[reminder.Priority]int{}
	err := s.read(ctx, func() { clear(sent) }, func(rows *sql.Rows) error {
		var quarter int64
		var priority reminder.Priority
		var n int
		if err := rows.Scan(&quarter, &priority, &n); err != nil {
			return err
		}
		day := reminder.DateOf(time.Unix(quarter*15*60, 0), zone)
		if sent[day] == nil {
			sent[day] = map[reminder.Priority]int{}
		}
		sent[day][priority] += n
		return nil
		// By quarters of an hour, because midnight falls on one in every zone, whatever its clocks do.
	}, `SELECT FLOOR(TIMESTAMPDIFF(MINUTE, '1970-01-01', handover_at) / 15) AS quarter, priority, COUNT(*) FROM reminder_emails
		WHERE handover_at >= ? AND handover_at < ? AND state = 'sent' AND kind NOT IN ('summary', 'class') GROUP BY quarter, priority`, from, to)
	return sent, fault("count what was sent", err)
}

// A ToldCount counts what was sent about loans with one due date at one step.
type ToldCount struct {
	Due          reminder.Date
	Step         int
	Count, Again int // notices, and those after which a later one became necessary
}

// ToldCounts counts the notices sent from first to last, and which of them were followed by another, by due date and
// step.
func (s *Store) ToldCounts(ctx context.Context, first, last reminder.Date, zone *time.Location) ([]ToldCount,
	error) {
	from, to := period(first, last, zone)
	told, err := list(ctx, s, func(rows *sql.Rows, t *ToldCount) error {
		return rows.Scan(day{&t.Due}, &t.Step, &t.Count, &t.Again)
		// One that was dropped because the book had come back was followed by none.
	}, `SELECT n.due_date, n.step, COUNT(*), SUM(EXISTS (SELECT 1 FROM reminder_notices later WHERE later.loan_id = n.loan_id
			AND later.due_date = n.due_date AND later.kind = n.kind AND later.step > n.step AND later.dropped NOT IN ('returned', 'renewed')))
		FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.handover_at >= ? AND e.handover_at < ? AND e.state = 'sent' AND n.dropped = '' AND n.kind = 'loan'
		GROUP BY n.due_date, n.step`, from, to)
	return told, fault("count what was told", err)
}

// Reports returns the report of each day's last run that looked at the loans.
func (s *Store) Reports(ctx context.Context, first, last reminder.Date,
	zone *time.Location) (map[reminder.Date]reminder.Report, error) {
	from, to := period(first, last, zone)
	reports := map[reminder.Date]reminder.Report{}
	err := s.read(ctx, func() { clear(reports) }, func(rows *sql.Rows) error {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var r reminder.Report
		if err := json.Unmarshal(text, &r); err != nil {
			return err
		}
		if r.Loans != nil && r.Reason != reminder.ReasonQuarantined {
			reports[r.Today] = r
		}
		return nil
	}, `SELECT report FROM reminder_runs WHERE started_at >= ? AND started_at < ? AND outcome NOT IN ('', 'closed', 'paused')
		ORDER BY started_at`, from, to)
	return reports, fault("read the runs", err)
}

// phoneChunk is how many loans' phone numbers are read at a time.
const phoneChunk = 500

// Phones returns, by borrower, the phone numbers that the view has in its column phone; none when it has no such
// column.
func (s *Store) Phones(ctx context.Context, loans []reminder.Loan) (map[string]string, error) {
	phones := map[string]string{}
	views, err := s.views(ctx)
	if err != nil || !slices.Contains(views.columns, "phone") {
		return phones, err
	}
	for chunk := range slices.Chunk(loans, phoneChunk) {
		ids := make([]string, len(chunk))
		for i, l := range chunk {
			ids[i] = l.ID
		}
		condition, args := s.where(views, "loan_id", ids)
		err := s.read(ctx, func() {}, func(rows *sql.Rows) error {
			var borrower, phone string
			err := rows.Scan(ident{s, &borrower}, cell{&phone})
			if phone != "" {
				phones[borrower] = phone
			}
			return err
		}, "SELECT borrower_id, phone FROM reminder_loans"+condition, args...)
		if ofData(err) {
			continue // nobody can be called by what the database cannot compute
		}
		if err != nil {
			return nil, fault("read the phone numbers", err)
		}
	}
	return phones, nil
}
