package reminder

import (
	"context"
	"crypto/rand"
	"time"
)

// restoredAfter is how long no run may have worked before a database in which the library went on lending is taken for one
// that was restored from a backup. A machine that was off for as long has no newer loans either.
const restoredAfter = 7 * 24 * time.Hour

// looksRestored reports whether the records look older than the loans: as if the reminder_* tables came from a backup, and
// what was sent since is forgotten. A run then would send all of it again, so it is held until a person decides.
func (r *Runner) looksRestored(ctx context.Context, now time.Time) (bool, error) {
	worked, err := r.Store.LastWorked(ctx)
	if err != nil || worked.IsZero() || now.Sub(worked) < restoredAfter {
		return false, err
	}
	borrowed, err := r.Store.LastBorrowed(ctx, DateOf(now, r.Settings.Zone))
	return borrowed.After(DateOf(worked, r.Settings.Zone).AddDays(1)), err
}

// Quarantine records as skipped what a run on the day before a date would have told, and cancels what waits. It is for a
// database that was restored: the borrowers were told, and the record of it is gone. It returns how many notices it
// skipped and how many waiting emails it canceled. It may be repeated.
//
// The skipped emails are stored as canceled in the transaction that stores them: a crash cannot leave them to be sent.
func (r *Runner) Quarantine(ctx context.Context, before Date) (skipped PlannedCounts, canceled int, err error) {
	if err := r.Store.Check(ctx); err != nil {
		return skipped, 0, err
	}
	now := r.Now()
	rep := Report{
		RunID: rand.Text(), Trigger: "local", Version: Version, Today: before.AddDays(-1), Outcome: Done, Reason: Quarantined,
		StartedAt: now.UTC().Truncate(time.Millisecond),
	}
	if err := r.Store.Begin(ctx, rep); err != nil {
		return skipped, 0, err
	}
	rules, err := r.rules(ctx, rep.Today)
	if err != nil {
		return skipped, 0, err
	}
	rules.OnlyTo = nil
	emails, err := r.plan(ctx, rules, &rep)
	if err != nil {
		return skipped, 0, err
	}
	if canceled, err = r.Store.CancelWaiting(ctx, Quarantined); err != nil {
		return skipped, 0, err
	}
	if skipped, err = r.Store.Skip(ctx, rep.RunID, emails, Quarantined); err != nil {
		return skipped, canceled, err
	}
	rep.Planned, rep.Emails.Canceled = skipped, canceled
	rep.DurationMS = r.Now().Sub(now).Milliseconds()
	return skipped, canceled, r.Store.Finish(ctx, rep) // a run that worked: the next one is not held any more
}
