package desk

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A Silenced is what a quarantine silences, or has silenced.
type Silenced struct {
	Before    reminder.Date `json:"before"`
	Borrowers int           `json:"borrowers"`
	Loans     int           `json:"loans"`
	Canceled  int           `json:"canceled"` // emails that waited
	Unknown   int           `json:"unknown"`  // emails that waited, and may have been sent before
}

// Quarantine records as skipped all that a run on the day before a date would send, and cancels all waiting emails. It
// is for a restored database: the borrowers were told, but the records of that are lost. It first asks agree, with the
// number of waiting emails in Canceled. It may be repeated, and [deskdb.Store.Release] undoes it.
//
// The transaction that stores the skipped emails stores them as canceled, so a crash cannot leave them to be sent.
func (d Desk) Quarantine(ctx context.Context, before reminder.Date, agree func(Silenced) bool) (Silenced, error) {
	done := Silenced{Before: before}
	run, err := d.Runner.Simulate(ctx, before.AddDays(-1))
	if err != nil {
		return done, err
	}
	run.Rules.OnlyTo = nil
	emails, err := run.Plan(ctx)
	if err != nil {
		return done, err
	}
	backlog, err := d.Store.Backlog(ctx)
	if err != nil {
		return done, err
	}
	rep := run.Report
	if !agree(Silenced{Before: before, Borrowers: rep.Planned.Emails, Loans: rep.Planned.Notices,
		Canceled: backlog.Waiting}) {
		return done, nil
	}
	run.DryRun, run.Approve = false, true // the records are accepted, so the next run is not held for them
	rep.DryRun, rep.Trigger, rep.Reason = false, "local", reminder.ReasonQuarantined
	if _, err := run.Begin(ctx); err != nil {
		return done, err
	}
	if done.Canceled, done.Unknown, err = d.Store.CancelWaiting(ctx, reminder.ReasonQuarantined); err != nil {
		return done, err
	}
	if rep.Planned, err = d.Store.Skip(ctx, rep.RunID, emails, reminder.ReasonQuarantined); err != nil {
		return done, err
	}
	done.Borrowers, done.Loans = rep.Planned.Emails, rep.Planned.Notices
	if err := d.Store.Quarantined(ctx, before, run.Now); err != nil {
		return done, err
	}
	rep.Emails.Canceled, rep.Emails.Unknown = done.Canceled, done.Unknown
	return done, run.Finish(ctx)
}
