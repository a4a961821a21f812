package reminder

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Runner performs runs. Its fields do not change after the first run has started.
type Runner struct {
	Loans    Loans
	Store    Store
	Sender   mail.Sender
	Composer Composer
	Mailings []Mailing // the kinds of notices that are planned and sent
	Now      func() time.Time
	Log      *slog.Logger
	Settings Settings
	// Progress, when not nil, is called first with 0 and the number of waiting emails, then after each email that ended
	// with the number of ended ones and 0.
	Progress func(ended, of int)
	Feedback Feedback           // nil: MAIL_FEEDBACK is off
	Witness  Witness            // nil: none
	Describe func(error) string // the text of an error in the library's language; nil: error.Error
}

// Options are the settings of one run.
type Options struct {
	Trigger string       // "http" or "local"
	DryRun  bool         // plan only: nothing is written, nothing is sent
	Approve bool         // a person approves a plan larger than MaxPerRun, or records that are in doubt
	Now     bool         // a person asks for the run, so the send window and closed days do not matter
	Log     *slog.Logger // in place of Runner.Log; may be nil
}

// A Run is the state of one run.
type Run struct {
	*Runner
	Options
	Now    time.Time // the instant of the run; the clock is not read again for decisions
	Today  Date
	Rules  Rules
	Report *Report
	Open   bool         // the library and the send window are open
	Log    *slog.Logger // with the id of the run

	budget     time.Duration   // how long emails may be begun
	probe      bool            // a pause is over, so one email tries the server first
	first      bool            // a kind that goes first is in use
	loans      *Plan           // of KindLoan
	odd        map[string]bool // ids of loans that are counted as odd
	records    Records         // at the start of the run
	restored   bool            // the records look as if they came from a backup
	searched   bool            // the sent mail was searched for mails without a record
	copies     []Copy          // the mails that were found
	checkpoint Checkpoint      // for the witness
}

// Run performs one run and returns what it did. An error means that the run could not do its work: the report has the
// outcome RunStopped, and what was recorded before remains. doc.go explains the steps, and a crash in each of them.
func (r *Runner) Run(ctx context.Context, o Options) (Report, error) {
	run := r.newRun(r.Now(), o)
	rep := run.Report
	err := r.recovered(func() error { return run.run(ctx) })
	if err != nil {
		rep.Outcome, rep.Reason = RunStopped, r.describe(err)
	} else if !o.DryRun {
		run.readFeedback(ctx)
		run.cleanUp(ctx)
	}
	// After a crash before this line the run has no end on record. Status shows that; nothing else depends on it.
	if ferr := run.Finish(ctx); ferr != nil && err == nil {
		err = fmt.Errorf("record the run: %w", ferr)
	}
	level := slog.LevelInfo
	switch {
	case err != nil || rep.Outcome == RunStopped:
		level = slog.LevelError
	case rep.NeedsPerson():
		level = slog.LevelWarn
	}
	run.Log.LogAttrs(ctx, level, "run", slog.Any("", *rep))
	return *rep, err
}

// newRun returns a run that has not started, at an instant.
func (r *Runner) newRun(now time.Time, o Options) *Run {
	run := &Run{Runner: r, Options: o, Now: now, Today: DateOf(now, r.Settings.Zone), budget: r.Settings.Budget,
		odd: map[string]bool{}}
	run.Report = &Report{
		RunID: rand.Text(), Trigger: o.Trigger, Version: Version, Today: run.Today,
		DryRun: o.DryRun, Outcome: RunDone, StartedAt: now.UTC().Truncate(time.Millisecond),
	}
	run.Log = cmp.Or(o.Log, r.Log).With("run_id", run.Report.RunID)
	return run
}

// recovered calls part and returns a panic in it as an error. So the run is still recorded, and no caller sees a stack.
func (r *Runner) recovered(part func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Panicked(r.Log, v)
		}
	}()
	return part()
}

// recordTimeout limits a write that must be tried although the time of the run is over.
const recordTimeout = 30 * time.Second

func (r *Run) run(ctx context.Context) error {
	doubt, err := r.start(ctx)
	if err != nil {
		return err
	}
	r.checkTime(doubt)
	if r.Report.Outcome == RunClosed && !r.DryRun {
		return r.backlog(ctx)
	}
	if !r.checkPause(doubt) {
		return r.backlog(ctx)
	}
	return r.workInTime(ctx)
}

// start inspects the records, records that the run began, and reads the rules of the day. It returns the Reason why
// the records are in doubt, or "".
func (r *Run) start(ctx context.Context) (doubt string, err error) {
	if err := r.Store.Check(ctx); err != nil {
		return "", err
	}
	if doubt, err = r.Begin(ctx); err != nil {
		return "", err
	}
	if doubt == ReasonLooksRestored && !r.Approve && !r.DryRun { // the summary says how many mails have no record
		r.withFeedback(ctx, func() error { r.Report.Feedback.Found = len(r.withoutRecord(ctx)); return nil })
	}
	r.Rules, err = r.Runner.Rules(ctx, r.Today)
	return doubt, err
}

// checkTime gives the run the outcome RunHeld when its records are in doubt, and RunClosed outside the send window and
// on a closed day.
func (r *Run) checkTime(doubt string) {
	rep := r.Report
	left := r.Settings.Window.Left(r.Now, r.Settings.Zone)
	_, closed := r.Rules.Calendar.Closed(r.Today)
	r.Open = left > 0 && !closed
	r.Rules.WithholdClosed = !r.Options.Now && !closed // a dry run on a closed day counts the loans of closed branches
	switch {
	case doubt != "" && !r.Approve: // at any hour, because RunClosed would hide that the records are in doubt
		rep.Outcome, rep.Reason, r.budget = RunHeld, doubt, min(r.budget, max(left, time.Minute))
	case r.Options.Now:
	case left == 0:
		rep.Outcome, rep.Reason = RunClosed, ReasonOutsideWindow
	case closed:
		rep.Outcome, rep.Reason = RunClosed, ReasonClosedDay
	default:
		r.budget = min(r.budget, left)
	}
}

// checkPause reports whether the run goes on. It does not while a pause is in force, or when it is held and may not
// write to the librarian. A dry run always goes on and counts, and its report says what would hold the mails back.
func (r *Run) checkPause(doubt string) (goOn bool) {
	rep := r.Report
	pause, paused := r.Pause(r.records.Pauses, r.Now)
	r.probe = pause.Kind != ""
	held := rep.Outcome == RunHeld
	if paused && !held {
		rep.Outcome, rep.Reason = RunPaused, string(pause.Kind)
	}
	switch {
	case r.DryRun:
		return true
	case held: // a run on a copy of the database sends no mail at all
		return !paused && r.Open && doubt != ReasonLooksCopied
	}
	return !paused
}

// errBudget is the cause of a context that ended with the time budget.
var errBudget = errors.New("the time budget is spent")

// workInTime works until the time budget is spent. No email begins after that; one in flight may finish.
func (r *Run) workInTime(ctx context.Context) (err error) {
	rep := r.Report
	timed, cancel := context.WithTimeoutCause(ctx, r.budget, errBudget)
	defer cancel()
	if r.Open && !r.DryRun {
		err = r.promiseFirst(timed)
	}
	switch {
	case err != nil:
	case rep.Outcome == RunHeld && !r.DryRun: // it still sends the summary
		err = errors.Join(r.deliver(ctx, timed), r.backlog(ctx))
	default:
		err = r.work(ctx, timed)
	}
	switch unfinished := err != nil || rep.Outcome == RunDone && rep.Emails.Waiting > 0; {
	case unfinished && ctx.Err() != nil:
		rep.Outcome, rep.Reason = RunPartial, ReasonInterrupted
		return nil
	case unfinished && errors.Is(context.Cause(timed), errBudget):
		rep.Outcome, rep.Reason = RunPartial, ReasonTimeSpent
		return nil
	}
	return err
}

// promiseFirst promises the emails that go first, such as the librarian's summary. It runs before the scan and the
// brake, so no fault in the loans can hold them back.
func (r *Run) promiseFirst(ctx context.Context) error {
	for _, m := range r.Mailings {
		if !m.First() {
			continue
		}
		plan, err := m.Plan(ctx, r)
		if err != nil {
			return err
		}
		if plan == nil {
			continue
		}
		r.first = true
		if emails := r.withoutSent(ctx, plan.Emails(nil)); len(emails) > 0 {
			if _, err := r.Store.Promise(ctx, r.Report.RunID, emails); err != nil {
				return err
			}
		}
	}
	return nil
}

// work sweeps, plans, promises and delivers. timed ends with the time budget, ctx when the caller stops waiting.
func (r *Run) work(ctx, timed context.Context) error {
	if !r.DryRun {
		if err := r.sweep(timed); err != nil {
			return err
		}
	}
	emails, err := r.Plan(timed)
	if err != nil {
		return err
	}
	tooMany := len(emails) > r.Settings.MaxPerRun && !r.Approve
	if tooMany && r.Report.Outcome == RunDone {
		r.Report.Outcome, r.Report.Reason = RunHeld, ReasonMaxPerRun
	}
	if r.DryRun {
		return r.backlog(timed)
	}
	if !tooMany {
		if err := r.promise(timed, emails); err != nil {
			return err
		}
	}
	if r.Progress != nil {
		if err := r.backlog(timed); err != nil {
			return err
		}
		r.Progress(0, r.Report.Emails.Waiting)
	}
	if err := r.deliver(ctx, timed); err != nil {
		return err
	}
	return r.backlog(timed)
}

// sweep settles the emails that crashed runs left. With feedback, emails of unknown outcome are looked up first, so
// that no accepted one is sent again.
func (r *Run) sweep(ctx context.Context) error {
	swept, err := r.Store.Sweep(ctx, r.Settings.Resend && r.Feedback == nil)
	if err != nil {
		return err
	}
	r.Report.Emails.Unknown, r.Report.Emails.Failed = swept.Unknown, swept.Failed
	r.withFeedback(ctx, func() error { return r.settleUnknown(ctx) })
	return nil
}

// promise stores the planned emails, in chunks that are transactions. After a crash between two chunks the next run
// plans the rest again; the unique key keeps notices from being promised twice.
func (r *Run) promise(ctx context.Context, emails []Email) (err error) {
	rep := r.Report
	if len(emails) > 0 || r.restored {
		emails = r.withoutSent(ctx, emails)
	}
	if rep.Planned, err = r.Store.Promise(ctx, rep.RunID, emails); err != nil {
		return err
	}
	rep.Loans.Odd, rep.Planned.Odd = rep.Loans.Odd+rep.Planned.Odd, 0
	return nil
}

// backlog writes into the report how many emails wait, and since when.
func (r *Run) backlog(ctx context.Context) error {
	rep := r.Report
	b, err := r.Store.Backlog(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if rep.Emails.Waiting = b.Waiting; b.Waiting == 0 && rep.Reason == ReasonDailyLimit {
		rep.Reason = "" // the limit was reached with the last email
	}
	if rep.OldestWaiting = ""; !b.Oldest.IsZero() {
		rep.OldestWaiting = b.Oldest.Format(time.RFC3339)
	}
	return nil
}

// Rules reads the rules for a day.
func (r *Runner) Rules(ctx context.Context, today Date) (Rules, error) {
	s := r.Settings
	rules := Rules{Schedule: s.Schedule, BeforeClosure: s.BeforeClosure, MaxOverdueDays: s.MaxOverdueDays,
		OnlyTo: s.OnlyTo, Branches: map[string]Calendar{}}
	// A past closure matters as long as a book that was due during it can be in reach.
	library, err := r.Store.Library(ctx, today.AddDays(-s.MaxOverdueDays))
	rules.Calendar = Calendar{Weekdays: s.ClosedWeekdays}.With(library.Calendars[""])
	for branch, calendar := range library.Calendars {
		rules.Branches[branch] = rules.Calendar.With(calendar)
	}
	rules.OptedOut, rules.BadAddresses = library.OptedOut, library.BadAddresses
	return rules, err
}

// Pause returns which of the stored pauses is in force. A person's pause comes before a provider's. A provider's pause
// is over when the mail configuration has changed, because another server, login or sender may work. Pause returns a
// provider's pause that is over with inForce false; a run then tries one email first.
func (r *Runner) Pause(pauses []Pause, now time.Time) (current Pause, inForce bool) {
	for _, p := range pauses {
		over := !p.Until.IsZero() && !now.Before(p.Until) ||
			p.Kind != PauseByPerson && p.Until.Sub(now) > maxPause // it was set while the clock was ahead
		switch {
		case p.Kind == PauseByPerson && !over:
			return p, true
		case p.Kind != PauseByPerson:
			changed := p.Fingerprint != "" && r.Settings.Fingerprint(p.Fingerprint) != p.Fingerprint
			current, inForce = p, !over && !changed
		}
	}
	return current, inForce
}

// maxPause is longer than any pause that a mail server causes.
const maxPause = 48 * time.Hour

// Simulate returns a dry run on a day, for the desk to plan and compose with. It writes and sends nothing.
func (r *Runner) Simulate(ctx context.Context, today Date) (run *Run, err error) {
	if err := r.Store.Check(ctx); err != nil {
		return nil, err
	}
	run = r.newRun(r.Now(), Options{DryRun: true})
	run.Today, run.Report.Today = today, today
	run.Rules, err = r.Rules(ctx, today)
	return run, err
}

// Compose writes the mail of a claim.
func (r *Run) Compose(c Claim, draft Draft) (mail.Message, error) {
	content, err := r.Composer.Compose(c.Kind, draft.Lang, draft.Data)
	if err != nil {
		return mail.Message{}, fmt.Errorf("compose: %w", err)
	}
	return r.Settings.message(c, draft, content, r.Now), nil
}

// describe returns the text of an error for the records.
func (r *Runner) describe(err error) string {
	if r.Describe == nil {
		return err.Error()
	}
	return r.Describe(err)
}
