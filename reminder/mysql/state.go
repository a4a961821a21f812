package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Begin inserts a run's row.
func (s *Store) Begin(ctx context.Context, r reminder.Report) error {
	report, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	err = retry(ctx, func(again bool) error {
		if again { // the row may be there although the reply was lost
			if n, err := count(ctx, s.db, "SELECT COUNT(*) FROM reminder_runs WHERE run_id = ?", r.RunID); err != nil || n > 0 {
				return err
			}
		}
		_, err := s.db.ExecContext(ctx, "INSERT INTO reminder_runs (run_id, started_at, report) VALUES (?, ?, ?)",
			r.RunID, formatTime(r.StartedAt), report)
		return err
	})
	return fault("record the run", err)
}

// Finish completes a run's row.
func (s *Store) Finish(ctx context.Context, r reminder.Report) error {
	report, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	finished := r.StartedAt.Add(time.Duration(r.DurationMS) * time.Millisecond)
	_, err = s.exec(ctx, "UPDATE reminder_runs SET finished_at = ?, outcome = ?, reason = ?, report = ? WHERE run_id = ?",
		formatTime(finished), string(r.Outcome), clip(r.Reason), report, r.RunID)
	return fault("record the run", err)
}

// LastReport returns what the newest finished run reported; a zero report when there was none.
func (s *Store) LastReport(ctx context.Context) (reminder.Report, error) {
	var last reminder.Report
	err := s.read(ctx, func() {}, func(rows *sql.Rows) error {
		var report []byte
		if err := rows.Scan(&report); err != nil {
			return err
		}
		return json.Unmarshal(report, &last)
	}, "SELECT report FROM reminder_runs WHERE finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 1")
	return last, fault("read the last run", err)
}

// The names under which pauses are kept.
const (
	pausePerson = "pause_person"
	pauseMail   = "pause_mail"
)

// Pauses returns the pauses stored.
func (s *Store) Pauses(ctx context.Context) ([]reminder.Pause, error) {
	pauses, err := list(ctx, s, func(rows *sql.Rows, p *reminder.Pause) error {
		return rows.Scan(&p.Kind, &p.Reason, datetime{&p.Until}, &p.Fingerprint)
	}, "SELECT kind, reason, until_at, fingerprint FROM reminder_state WHERE name IN (?, ?) ORDER BY name", pausePerson, pauseMail)
	return pauses, fault("read the pauses", err)
}

// SetPause stores a pause in place of the one of its kind.
func (s *Store) SetPause(ctx context.Context, p reminder.Pause) error {
	name := pauseMail
	if p.Kind == reminder.PauseByPerson {
		name = pausePerson
	}
	var until any
	if !p.Until.IsZero() {
		until = formatTime(p.Until)
	}
	_, err := s.exec(ctx, `INSERT INTO reminder_state (name, kind, reason, until_at, fingerprint) VALUES (?, ?, ?, ?, ?)
		ON DUPLICATE KEY UPDATE kind = ?, reason = ?, until_at = ?, fingerprint = ?`,
		name, string(p.Kind), clip(p.Reason), until, p.Fingerprint, string(p.Kind), clip(p.Reason), until, p.Fingerprint)
	return fault("store a pause", err)
}

// LiftPause removes a pause.
func (s *Store) LiftPause(ctx context.Context, byPerson bool) error {
	name := pauseMail
	if byPerson {
		name = pausePerson
	}
	_, err := s.exec(ctx, "DELETE FROM reminder_state WHERE name = ?", name)
	return fault("lift a pause", err)
}

// maxClosedDays bounds one closure, so that a typing error in a year does not close the library for centuries.
const maxClosedDays = 366

// Calendars returns the closures of reminder_closed_days that end on a day or later, day by day, and those of the
// library's own system.
func (s *Store) Calendars(ctx context.Context, from reminder.Date) (map[string]reminder.Calendar, error) {
	calendars, _, err := s.sourceCalendars(ctx)
	if err != nil {
		return nil, err
	}
	closures, err := s.closures(ctx, from)
	closed := map[reminder.Date]string{}
	for _, c := range closures {
		for d, i := c.First, 0; !d.After(c.Last) && i < maxClosedDays; d, i = d.AddDays(1), i+1 {
			closed[d] = c.Name
		}
	}
	calendars[""] = calendars[""].With(reminder.Calendar{Dates: closed})
	return calendars, err
}

// OptedOut returns the borrowers who want no reminders.
func (s *Store) OptedOut(ctx context.Context) (map[string]bool, error) {
	out, err := set(ctx, s, "SELECT borrower_id FROM reminder_opt_outs")
	return out, fault("read the opt-outs", err)
}

// BadAddresses returns the digests of refused addresses by borrower.
func (s *Store) BadAddresses(ctx context.Context) (map[string]reminder.Digest, error) {
	bad := map[string]reminder.Digest{}
	err := s.read(ctx, func() { clear(bad) }, func(rows *sql.Rows) error {
		var id string
		var digest []byte
		if err := rows.Scan(&id, &digest); err != nil {
			return err
		}
		var d reminder.Digest
		copy(d[:], digest)
		bad[id] = d
		return nil
	}, "SELECT borrower_id, digest FROM reminder_bad_addresses")
	return bad, fault("read the refused addresses", err)
}

// LastWorked returns when the last run started that was finished and not held.
func (s *Store) LastWorked(ctx context.Context) (time.Time, error) {
	var started time.Time
	err := s.row(ctx, []any{datetime{&started}},
		"SELECT MAX(started_at) FROM reminder_runs WHERE finished_at IS NOT NULL AND outcome <> 'held'")
	return started, fault("read the runs", err)
}
