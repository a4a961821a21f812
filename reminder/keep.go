package reminder

import (
	"context"
	"time"
)

// Pruned counts what a clean-up removed, or would remove.
type Pruned struct {
	Emails  int    `json:"emails"`
	Notices int    `json:"notices"`
	Runs    int    `json:"runs"`
	Kept    int    `json:"kept"`  // emails that are old enough, but speak about a loan that may be told about again
	Error   string `json:"error"` // why a run did not clean up to the end; never a reason for it to fail
}

// KeepDays is how old records get where no setting says it: older than any report looks back.
const KeepDays = 400

const (
	pruneEvery = 30 * 24 * time.Hour
	pruneAgain = 24 * time.Hour   // after one that did not come to its end
	pruneTime  = 20 * time.Second // of one run
)

// Prune removes records that are older than some days, or counts them. Progress, when not nil, is called now and then.
func (r *Runner) Prune(ctx context.Context, days int, dryRun bool, progress func(Pruned)) (Pruned, error) {
	return r.prune(ctx, r.Now(), days, dryRun, progress)
}

func (r *Runner) prune(ctx context.Context, now time.Time, days int, dryRun bool,
	progress func(Pruned)) (Pruned, error) {
	horizon := DateOf(now, r.Settings.Zone).AddDays(-max(days, r.Settings.MaxOverdueDays+1))
	return r.Store.Prune(ctx, now.AddDate(0, 0, -days), horizon, dryRun, progress)
}

// cleanUp removes old records once a month. Whatever goes wrong there, a panic too, stands in the report and does not
// fail the run. Its batches are transactions: a crash leaves whole emails, and the next day's run goes on.
func (r *Run) cleanUp(ctx context.Context) {
	deadline, bounded := ctx.Deadline()
	if r.Settings.KeepDays == 0 || r.Report.Outcome == RunHeld ||
		bounded && deadline.Sub(r.Runner.Now()) < pruneTime+recordTimeout {
		return
	}
	var done Pruned
	err := func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = Panicked(r.Log, v)
			}
		}()
		due, err := r.Store.PruneDue(ctx)
		switch {
		case err != nil:
			return err
		case due.After(r.Now) && due.Before(r.Now.Add(2*pruneEvery)): // later was written by a clock that was ahead
			return nil
		case !due.IsZero() && r.Now.Sub(due) > 2*pruneEvery:
			// The machine was off for long, or its clock is ahead now. A clock that is wrong must not empty the records:
			// somebody will see to it within a week.
			return r.Store.SetPruneDue(ctx, r.Now.Add(7*24*time.Hour))
		}
		if err := r.Store.SetPruneDue(ctx, r.Now.Add(pruneAgain)); err != nil {
			return err
		}
		timed, cancel := context.WithTimeout(ctx, pruneTime)
		defer cancel()
		if done, err = r.Runner.prune(timed, r.Now, r.Settings.KeepDays, false, nil); err != nil {
			return err
		}
		return r.Store.SetPruneDue(ctx, r.Now.Add(pruneEvery))
	}()
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("old records were not removed to the end", "error", err)
		done.Error = r.describe(err)
	}
	if done != (Pruned{}) {
		r.Report.Pruned = &done
	}
}
