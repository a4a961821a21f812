package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// A Status is how the outbox stands, for a person.
type Status struct {
	Emails        map[reminder.State]int   `json:"emails"`
	OldestWaiting string                   `json:"oldest_waiting"`    // RFC 3339, or ""
	BadAddresses  int                      `json:"bad_addresses"`     // borrowers whose address was refused for good
	Bounced       map[mail.ReturnClass]int `json:"bounced,omitempty"` // emails that came back and were not queued again
	AboutUs       reminder.AboutUs         `json:"about_us,omitzero"` // what came back that is not about addresses
	Pauses        []reminder.Pause         `json:"pauses"`            // stored; Until says whether they are over
	Quarantine    *Quarantine              `json:"quarantine,omitempty"`
	Runs          []Run                    `json:"runs"` // newest first
}

// A Quarantine is one that stands.
type Quarantine struct {
	Before  reminder.Date `json:"before"`
	At      time.Time     `json:"at"`
	Notices int           `json:"notices"` // that it, and those before it, keep back
}

// A Run is one row of reminder_runs.
type Run struct {
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"` // zero: still at work, or it died
	Report     reminder.Report `json:"report"`
}

// Status reads how the outbox stands, with the last runs.
func (s *Store) Status(ctx context.Context, now time.Time, runs int) (Status, error) {
	st := Status{Emails: map[reminder.State]int{}}
	err := s.read(ctx, func() { clear(st.Emails) }, func(rows *sql.Rows) error {
		var state reminder.State
		var n int
		err := rows.Scan(&state, &n)
		st.Emails[state] = n
		return err
	}, "SELECT state, COUNT(*) FROM reminder_emails GROUP BY state")
	if err != nil {
		return st, fault("count the emails", err)
	}
	_, oldest, err := s.Backlog(ctx)
	if err != nil {
		return st, err
	}
	if !oldest.IsZero() {
		st.OldestWaiting = oldest.Format(time.RFC3339)
	}
	if st.BadAddresses, err = s.count(ctx, "SELECT COUNT(*) FROM reminder_bad_addresses"); err != nil {
		return st, fault("count the refused addresses", err)
	}
	if st.Bounced, err = s.Bounces(ctx, time.Time{}); err != nil {
		return st, err
	}
	if st.AboutUs, err = s.AboutUs(ctx); err != nil {
		return st, err
	}
	if st.Pauses, err = s.Pauses(ctx); err != nil {
		return st, err
	}
	quarantines, err := list(ctx, s, func(rows *sql.Rows, q *Quarantine) error {
		return rows.Scan(day{&q.Before}, datetime{&q.At}, &q.Notices)
		// After a month the steps that it kept back are over.
	}, `SELECT kind, until_at, (SELECT COUNT(*) FROM reminder_notices WHERE dropped = ?) FROM reminder_state
		WHERE name = ? AND until_at > ?`, reminder.ReasonQuarantined, quarantine, formatTime(now.AddDate(0, -1, 0)))
	if err != nil {
		return st, fault("read the quarantine", err)
	}
	if len(quarantines) > 0 {
		st.Quarantine = &quarantines[0]
	}
	st.Runs, err = list(ctx, s, func(rows *sql.Rows, r *Run) error {
		var report []byte
		if err := rows.Scan(datetime{&r.StartedAt}, datetime{&r.FinishedAt}, &report); err != nil {
			return err
		}
		return json.Unmarshal(report, &r.Report)
		// Runs from a time when the clock was ahead count only when there are no others. The index gives the newest first.
	}, `SELECT started_at, finished_at, report FROM reminder_runs
		WHERE started_at <= COALESCE((SELECT MAX(started_at) FROM reminder_runs WHERE started_at <= ?), '9999-12-31')
		ORDER BY started_at DESC LIMIT ?`, formatTime(now.Add(time.Hour)), runs)
	return st, fault("read the runs", err)
}
