package reminder

import (
	"context"
	"time"
)

// Pruned counts the records that a clean-up removed, or that it would remove.
type Pruned struct {
	Emails  int    `json:"emails"`
	Notices int    `json:"notices"`
	Runs    int    `json:"runs"`
	Kept    int    `json:"kept"`  // emails that are old enough, but whose loan may be reminded of again
	Error   string `json:"error"` // why the clean-up did not finish, or ""; the run does not fail
}

// KeepDays is the default age, in days, at which records are removed. No report looks back further.
const KeepDays = 400

const (
	pruneEvery = 30 * 24 * time.Hour
	pruneAgain = 24 * time.Hour   // after a clean-up that did not finish
	pruneTime  = 20 * time.Second // in one run, at most
)

// Prune removes the records that are older than some days; a dry run counts them. It calls progress, when not nil,
// after each batch.
func (r *Runner) Prune(ctx context.Context, now time.Time, days int, dryRun bool,
	progress func(Pruned)) (Pruned, error) {
	horizon := DateOf(now, r.Settings.Zone).AddDays(-max(days, r.Settings.MaxOverdueDays+1))
	return r.Store.Prune(ctx, now.AddDate(0, 0, -days), horizon, dryRun, progress)
}

// cleanUp removes old records once a month. An error or a panic in it is reported and does not fail the run. Each batch
// is a transaction, so a crash leaves no email with half of its records. A run of the next day continues.
func (r *Run) cleanUp(ctx context.Context) {
	deadline, bounded := ctx.Deadline()
	if r.Settings.KeepDays == 0 || r.Report.Outcome == RunHeld ||
		bounded && deadline.Sub(r.Runner.Now()) < pruneTime+recordTimeout {
		return
	}
	var done Pruned
	err := r.recovered(func() (err error) {
		done, err = r.pruneWhenDue(ctx)
		return err
	})
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("the clean-up of old records did not finish", "error", err)
		done.Error = r.describe(err)
	}
	if done != (Pruned{}) {
		r.Report.Pruned = &done
	}
}

func (r *Run) pruneWhenDue(ctx context.Context) (done Pruned, err error) {
	switch due := r.records.PruneDue; {
	case due.After(r.Now) && due.Before(r.Now.Add(2*pruneEvery)): // a later time comes from a clock that was ahead
		return done, nil
	case !due.IsZero() && r.Now.Sub(due) > 2*pruneEvery:
		// The machine was off for a long time, or its clock is ahead now. With a wrong clock the clean-up would remove
		// too much, so it waits for a week, in which somebody will set the clock.
		return done, r.Store.SetPruneDue(ctx, r.Now.Add(7*24*time.Hour))
	}
	if err := r.Store.SetPruneDue(ctx, r.Now.Add(pruneAgain)); err != nil {
		return done, err
	}
	timed, cancel := context.WithTimeout(ctx, pruneTime)
	defer cancel()
	if done, err = r.Prune(timed, r.Now, r.Settings.KeepDays, false, nil); err != nil {
		return done, err
	}
	return done, r.Store.SetPruneDue(ctx, r.Now.Add(pruneEvery))
}
