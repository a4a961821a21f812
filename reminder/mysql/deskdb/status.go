package deskdb

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A Status describes the outbox for a person.
type Status struct {
	Emails        map[reminder.State]int   `json:"emails"`
	OldestWaiting string                   `json:"oldest_waiting"`    // RFC 3339, or ""
	BadAddresses  int                      `json:"bad_addresses"`     // borrowers whose address was refused for good
	Bounced       map[mail.ReturnClass]int `json:"bounced,omitempty"` // emails that came back and were not queued again
	SenderTrouble reminder.SenderTrouble   `json:"about_us,omitzero"` // what came back that is not about addresses
	Pauses        []reminder.Pause         `json:"pauses"`            // stored; Until says whether they are over
	Quarantine    *Quarantine              `json:"quarantine,omitempty"`
	Runs          []Run                    `json:"runs"` // newest first
}

// Pauses returns the stored pauses, whether or not they are over.
func (s *Store) Pauses(ctx context.Context) ([]reminder.Pause, error) {
	pauses, err := mysql.List(ctx, s.DB,
		func(p *reminder.Pause) []any { return []any{&p.Kind, &p.Reason, &p.Until, &p.Fingerprint} },
		"SELECT kind, reason, until_at, fingerprint FROM reminder_state WHERE name IN (?) ORDER BY name", mysql.PauseNames)
	return pauses, mysql.Explain("read the pauses", err)
}

// LastReport returns the report of the newest finished run, or a zero Report when there was none.
func (s *Store) LastReport(ctx context.Context) (last reminder.Report, err error) {
	err = s.DB.Row(ctx, []any{&last},
		"SELECT report FROM reminder_runs WHERE finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 1")
	return last, mysql.Explain("read the last run", err)
}

// A Run is one row of reminder_runs.
type Run struct {
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"` // zero: still at work, or it died
	Report     reminder.Report `json:"report"`
}

// Status reads the state of the outbox and the last runs.
func (s *Store) Status(ctx context.Context, now time.Time, runs int) (st Status, err error) {
	st.Emails, err = mysql.Pairs[reminder.State, int](ctx, s.DB,
		"SELECT state, COUNT(*) FROM reminder_emails GROUP BY state")
	if err != nil {
		return st, mysql.Explain("count the emails", err)
	}
	backlog, err := s.Backlog(ctx)
	if err != nil {
		return st, err
	}
	if oldest := backlog.Oldest; !oldest.IsZero() {
		st.OldestWaiting = oldest.Format(time.RFC3339)
	}
	if st.BadAddresses, err = s.DB.Count(ctx, "SELECT COUNT(*) FROM reminder_bad_addresses"); err != nil {
		return st, mysql.Explain("count the refused addresses", err)
	}
	st.Bounced, err = mysql.Pairs[mail.ReturnClass, int](ctx, s.DB, `SELECT b.class, COUNT(*)
		FROM reminder_bounces b JOIN reminder_emails e ON e.id = b.email_id WHERE e.state = 'bounced' GROUP BY b.class`)
	if err != nil {
		return st, mysql.Explain("count what came back", err)
	}
	if st.SenderTrouble, err = s.SenderTrouble(ctx); err != nil {
		return st, err
	}
	if st.Pauses, err = s.Pauses(ctx); err != nil {
		return st, err
	}
	if st.Quarantine, err = s.quarantined(ctx, now); err != nil {
		return st, err
	}
	// Runs from a time when the clock was ahead are not the newest. One sort by both would read every run.
	ahead := now.Add(time.Hour)
	st.Runs, err = mysql.List(ctx, s.DB, func(r *Run) []any { return []any{&r.StartedAt, &r.FinishedAt, &r.Report} },
		`SELECT started_at, finished_at, report FROM (
			(SELECT 0 AS ahead, started_at, finished_at, report FROM reminder_runs WHERE started_at <= ? ORDER BY started_at DESC LIMIT ?)
			UNION ALL
			(SELECT 1, started_at, finished_at, report FROM reminder_runs WHERE started_at > ? ORDER BY started_at DESC LIMIT ?)
		) runs ORDER BY ahead, started_at DESC LIMIT ?`, ahead, runs, ahead, runs, runs)
	return st, mysql.Explain("read the runs", err)
}
