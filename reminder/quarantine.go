package reminder

import (
	"context"
	"time"
)

// A Silenced is what a quarantine silences, or has silenced.
type Silenced struct {
	Before    Date `json:"before"`
	Borrowers int  `json:"borrowers"`
	Loans     int  `json:"loans"`
	Canceled  int  `json:"canceled"` // emails that waited
	Unknown   int  `json:"unknown"`  // emails that waited, and may have been sent before
}

// A Silencer ends what waits and keeps notices from being promised.
type Silencer interface {
	// Skip stores emails and their notices as canceled for a reason, so that they are never sent.
	Skip(ctx context.Context, runID string, emails []Email, reason string) (PlannedCounts, error)
	// CancelWaiting ends all emails that have not ended, for good: as unknown where they may have been sent, else as
	// canceled.
	CancelWaiting(ctx context.Context, reason string) (canceled, unknown int, err error)
	// Quarantined stores that there was a quarantine, for a person to see.
	Quarantined(ctx context.Context, before Date, now time.Time) error
	// Release takes back what quarantines have skipped and canceled, and returns how many notices may be promised anew.
	Release(ctx context.Context) (int, error)
}

// Quarantine records as skipped what a run on the day before a date would have told, and cancels what waits. It is for
// a database that was restored: the borrowers were told, and the record of it is gone. It asks agree first, with the
// number of emails that wait in Canceled. It may be repeated, and [Silencer.Release] takes it back.
//
// The skipped emails are stored as canceled in the transaction that stores them: a crash cannot leave them to be sent.
func (r *Runner) Quarantine(ctx context.Context, outbox Silencer, before Date, agree func(Silenced) bool) (Silenced,
	error) {
	done := Silenced{Before: before}
	if err := r.Store.Check(ctx); err != nil {
		return done, err
	}
	run := r.newRun(r.Now(), Options{Trigger: "local"})
	rep := run.Report
	run.Today, rep.Today, rep.Reason = before.AddDays(-1), before.AddDays(-1), ReasonQuarantined
	var err error
	if run.Rules, err = r.Rules(ctx, run.Today); err != nil {
		return done, err
	}
	run.Rules.OnlyTo = nil
	emails, err := run.Plan(ctx)
	if err != nil {
		return done, err
	}
	waiting, _, err := r.Store.Backlog(ctx)
	if err != nil {
		return done, err
	}
	asked := Silenced{Before: before, Borrowers: rep.Planned.Emails, Loans: rep.Planned.Notices, Canceled: waiting}
	if !agree(asked) {
		return done, nil
	}
	records, err := r.Store.Records(ctx, run.Now)
	if err == nil {
		err = r.Store.Accept(ctx, records)
	}
	if err == nil {
		err = r.Store.Settle(ctx, records.Here)
	}
	if err == nil {
		err = r.Store.Begin(ctx, *rep)
	}
	if err != nil {
		return done, err
	}
	if done.Canceled, done.Unknown, err = outbox.CancelWaiting(ctx, ReasonQuarantined); err != nil {
		return done, err
	}
	if rep.Planned, err = outbox.Skip(ctx, rep.RunID, emails, ReasonQuarantined); err != nil {
		return done, err
	}
	done.Borrowers, done.Loans = rep.Planned.Emails, rep.Planned.Notices
	if err := outbox.Quarantined(ctx, before, run.Now); err != nil {
		return done, err
	}
	rep.Emails.Canceled, rep.Emails.Unknown = done.Canceled, done.Unknown
	rep.DurationMS = r.Now().Sub(run.Now).Milliseconds()
	if err := r.Store.Finish(ctx, *rep); err != nil {
		return done, err
	}
	// The records are accepted, so the next run is not held for them.
	run.checkpoint = Checkpoint{Database: database(records.Secret), Run: rep.RunID, Started: rep.StartedAt}
	run.tellWitnessFinished(ctx)
	return done, nil
}
