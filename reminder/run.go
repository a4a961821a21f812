package reminder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// Settings are what a person configures about runs. Package setup fills them from the environment.
type Settings struct {
	Zone           *time.Location
	Locale         string // of what is recorded for people
	Schedule       Schedule
	Window         Window
	ClosedWeekdays []time.Weekday
	MaxOverdueDays int
	MaxPerRun      int      // emails; a larger plan is held
	OnlyTo         []string // empty: everybody
	Resend         bool     // send an email of unknown outcome once more
	From, ReplyTo  mail.Address
	FromAllowed    []string       // what a branch's own From may be, beside From: addresses, or "@domain"
	Unsubscribe    string         // mailto URI, or ""
	SummaryTo      []mail.Address // the librarians who get the morning's summary
	// Fingerprint recognises the mail configuration: with an old fingerprint it returns the same one again as long as
	// nobody has changed how mail is sent, and with "" a new one.
	Fingerprint func(old string) string

	Concurrency int           // emails in flight
	Rate        float64       // emails a second; 0: as fast as the server takes them
	DailyLimit  int           // emails in any 24 hours; 0: none
	Tries       int           // of one email
	Budget      time.Duration // no email is begun later than this after the start of a run
	Lease       time.Duration // how long a claim is ours; longer than any run can last
	Backoff     func(attempts int) time.Duration
}

// A Runner performs runs. Its fields are set once.
type Runner struct {
	Store    Store
	Sender   mail.Sender
	Composer Composer
	Now      func() time.Time
	Log      *slog.Logger
	Settings Settings
	Progress func(ended, of int) // when not nil, hears how many emails have ended; first, with 0, of how many that wait
	Witness  Witness             // nil: there is nothing beside the database

	secret string // of the database; a run's own
	seen   Seen   // what this run tells the witness
}

// Options say what is special about one run.
type Options struct {
	Trigger string       // "http" or "local"
	DryRun  bool         // plan only: nothing is written, nothing is sent
	Approve bool         // a plan larger than MaxPerRun is meant
	Now     bool         // a person asks: the send window and closed days do not matter
	Log     *slog.Logger // in place of the Runner's
}

// Run performs one run and returns what it did. An error means that the run could not do its work; the report then says
// stopped, and what was recorded until then stands. doc.go tells the steps, and what a crash in each of them does.
func (r *Runner) Run(ctx context.Context, o Options) (Report, error) {
	now := r.Now() // the run's one instant; everything below gets it as a value
	rep := Report{
		RunID: rand.Text(), Trigger: o.Trigger, Version: Version, Today: DateOf(now, r.Settings.Zone),
		DryRun: o.DryRun, Outcome: RunDone, StartedAt: now.UTC().Truncate(time.Millisecond),
	}
	run := *r
	if o.Log != nil {
		run.Log = o.Log
	}
	run.Log = run.Log.With("run_id", rep.RunID)
	err := run.unpanicked(ctx, now, o, &rep)
	if err != nil {
		rep.Outcome, rep.Reason = RunStopped, Localize(err, r.Settings.Locale)
	}
	rep.DurationMS = r.Now().Sub(now).Milliseconds()
	if !o.DryRun {
		// The report is written even when the caller has gone. A crash before this line leaves a run without an end, which
		// status shows; nothing else depends on it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		ferr := r.Store.Finish(ctx, rep)
		if ferr == nil {
			run.finished(ctx, now)
		} else if err == nil {
			err = fmt.Errorf("record the run: %w", ferr)
		}
	}
	level := slog.LevelInfo
	switch {
	case err != nil || rep.Outcome == RunStopped:
		level = slog.LevelError
	case rep.NeedsPerson():
		level = slog.LevelWarn
	}
	run.Log.LogAttrs(ctx, level, "run", slog.Any("", rep))
	rep.odd = nil // of use within a run alone
	return rep, err
}

// recordTimeout bounds a write that must be tried although its run is over.
const recordTimeout = 30 * time.Second

// unpanicked is run, with an error in place of a panic: the run is still recorded, and nobody gets to see a stack.
func (r *Runner) unpanicked(ctx context.Context, now time.Time, o Options, rep *Report) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Panicked(r.Log, v)
		}
	}()
	return r.run(ctx, now, o, rep)
}

func (r *Runner) run(ctx context.Context, now time.Time, o Options, rep *Report) error {
	s := r.Settings
	if err := r.Store.Check(ctx); err != nil {
		return err
	}
	records, restored, err := r.look(ctx, now)
	if err != nil {
		return err
	}
	if !o.DryRun {
		if err := r.begin(ctx, *rep, records, restored, restored && o.Approve); err != nil {
			return err
		}
	}
	restored = restored && !o.Approve
	rules, err := r.rules(ctx, rep.Today)
	if err != nil {
		return err
	}
	budget, left := s.Budget, s.Window.Left(now, s.Zone)
	_, closed := rules.Calendar.Closed(rep.Today)
	rules.Shut = !o.Now && !closed // a dry run on a closed day counts what the day keeps back
	switch {
	case restored: // whatever the hour: a run that found nothing to do would hide how old the records are
		rep.Outcome, rep.Reason, budget = RunHeld, ReasonLooksRestored, min(budget, max(left, time.Minute))
	case o.Now:
	case left == 0:
		rep.Outcome, rep.Reason = RunClosed, ReasonOutsideWindow
	case closed:
		rep.Outcome, rep.Reason = RunClosed, ReasonClosedDay
	default:
		budget = min(budget, left)
	}
	if rep.Outcome == RunClosed && !o.DryRun {
		return r.backlog(ctx, rep)
	}
	summarize := len(s.SummaryTo) > 0 && left > 0 && !closed && !o.DryRun
	pause, err := r.pause(ctx, now)
	switch {
	case err != nil:
		return err
	case o.DryRun: // counts in any case, and says all the same what would keep the mails back
		if pause.inForce && rep.Outcome != RunHeld {
			rep.Outcome, rep.Reason = RunPaused, string(pause.Kind)
		}
	case rep.Outcome == RunHeld && (pause.inForce || !summarize):
		return r.backlog(ctx, rep)
	case pause.inForce:
		rep.Outcome, rep.Reason = RunPaused, string(pause.Kind)
		return r.backlog(ctx, rep)
	}

	// From here on time counts. No email is begun after the budget is spent; one in flight may finish.
	timed, cancel := context.WithTimeoutCause(ctx, budget, errBudget)
	defer cancel()
	if summarize {
		err = r.promiseSummaries(timed, rules, *rep)
	}
	switch {
	case err != nil:
	case rep.Outcome == RunHeld && !o.DryRun: // but the librarian must hear of it
		err = r.deliver(ctx, timed, now, rules, pause.Kind != "", rep)
		err = errors.Join(err, r.backlog(ctx, rep))
	default:
		err = r.work(ctx, timed, now, o, rules, pause.Kind != "", rep)
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

// errBudget is the cause with which a run's time ends.
var errBudget = errors.New("the time budget is spent")

// work is a run within its time: timed ends with the budget, ctx lasts as long as the caller waits.
func (r *Runner) work(ctx, timed context.Context, now time.Time, o Options, rules Rules, probe bool, rep *Report) error {
	if !o.DryRun {
		// What dead runs left comes first: an email that may have been sent is counted before anything else is.
		swept, err := r.Store.Sweep(timed, r.Settings.Resend)
		if err != nil {
			return err
		}
		rep.Emails.Unknown, rep.Emails.Failed = swept.Unknown, swept.Failed
	}
	emails, err := r.plan(timed, rules, rep)
	if err != nil {
		return err
	}
	if len(emails) > r.Settings.MaxPerRun && !o.Approve {
		if rep.Outcome == RunDone {
			rep.Outcome, rep.Reason = RunHeld, ReasonMaxPerRun
		}
	} else if !o.DryRun {
		// Each chunk is durable when Promise returns. A crash between two leaves the rest unpromised, and the next run
		// plans it again; the unique key keeps what was promised from being promised twice.
		if rep.Planned, err = r.Store.Promise(timed, rep.RunID, emails); err != nil {
			return err
		}
		rep.Loans.Odd, rep.Planned.Odd = rep.Loans.Odd+rep.Planned.Odd, 0
	}
	if r.Progress != nil && !o.DryRun {
		waiting, _, err := r.Store.Backlog(timed)
		if err != nil {
			return err
		}
		r.Progress(0, waiting)
	}
	if !o.DryRun {
		if err := r.deliver(ctx, timed, now, rules, probe, rep); err != nil {
			return err
		}
	}
	return r.backlog(timed, rep)
}

// backlog tells in the report how the outbox stands.
func (r *Runner) backlog(ctx context.Context, rep *Report) error {
	waiting, oldest, err := r.Store.Backlog(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if rep.Emails.Waiting = waiting; waiting == 0 && rep.Reason == ReasonDailyLimit {
		rep.Reason = "" // it was reached, and kept nothing back
	}
	if !oldest.IsZero() {
		rep.OldestWaiting = oldest.Format(time.RFC3339)
	}
	return nil
}

// Rules returns what decides about loans today.
func (r *Runner) Rules(ctx context.Context, today Date) (Rules, error) { return r.rules(ctx, today) }

// rules reads what decides about loans today.
func (r *Runner) rules(ctx context.Context, today Date) (Rules, error) {
	s := r.Settings
	rules := Rules{Schedule: s.Schedule, MaxOverdueDays: s.MaxOverdueDays, OnlyTo: s.OnlyTo, Branches: map[string]Calendar{}}
	// A closure matters as long as a book that was due in it can be in reach.
	calendars, err := r.Store.Calendars(ctx, today.AddDays(-s.MaxOverdueDays))
	if err != nil {
		return Rules{}, err
	}
	rules.Calendar = Calendar{Weekdays: s.ClosedWeekdays}.With(calendars[""])
	for branch, calendar := range calendars {
		rules.Branches[branch] = rules.Calendar.With(calendar)
	}
	if rules.OptedOut, err = r.Store.OptedOut(ctx); err != nil {
		return Rules{}, err
	}
	rules.BadAddresses, err = r.Store.BadAddresses(ctx)
	return rules, err
}

// A standingPause is the pause that matters to a run. When it is not in force but has a Kind, it is a provider's pause
// that is over, and the run probes with one email first.
type standingPause struct {
	Pause
	inForce bool
}

// pause finds the pause in force. One set by a person wins. A provider's pause is over as soon as the mail configuration
// changed: another server, login or sender may do what that one did not.
func (r *Runner) pause(ctx context.Context, now time.Time) (standingPause, error) {
	pauses, err := r.Store.Pauses(ctx)
	if err != nil {
		return standingPause{}, err
	}
	var standing standingPause
	for _, p := range pauses {
		over := !p.Until.IsZero() && !now.Before(p.Until) ||
			p.Kind != PauseByPerson && p.Until.Sub(now) > maxPause // set while the clock was ahead
		switch {
		case p.Kind == PauseByPerson && !over:
			return standingPause{p, true}, nil
		case p.Kind != PauseByPerson:
			mended := p.Fingerprint != "" && r.Settings.Fingerprint(p.Fingerprint) != p.Fingerprint
			standing = standingPause{p, !over && !mended}
		}
	}
	return standing, nil
}

// countedEachRun is up to how many open loans every run counts. To count a million takes longer than all else that a run
// without news does, so more are counted by the first run of a day, and the others repeat its figures.
const countedEachRun = 20_000

// maxPause is longer than any pause that a mail server causes.
const maxPause = 48 * time.Hour

// plan scans the loans in reach and returns the emails to promise. It reads only.
func (r *Runner) plan(ctx context.Context, rules Rules, rep *Report) ([]Email, error) {
	from, to := rules.Reach(rep.Today)
	last, err := r.Store.LastReport(ctx)
	if err != nil {
		return nil, err
	}
	var counted LoanCounts
	if l := last.Loans; l != nil && last.Today == rep.Today && l.Open > countedEachRun {
		counted = LoanCounts{Open: l.Open, TooOld: l.TooOld}
	} else if counted, err = r.Store.CountLoans(ctx, from); err != nil {
		return nil, err
	}
	plan := NewPlan(rules, rep.Today)
	err = r.Store.Scan(ctx, from, to, func(loans []Loan, known map[Cycle]History) error {
		plan.Add(loans, known)
		return nil
	})
	if err != nil {
		return nil, err
	}
	odd, err := r.Store.Unreadable(ctx, plan.loans())
	if err != nil {
		return nil, err
	}
	plan.leaveOut(odd)
	rep.Loans, rep.odd = &plan.Loans, plan.odd
	rep.Loans.Open, rep.Loans.TooOld, rep.Loans.Odd = counted.Open, counted.TooOld, rep.Loans.Odd+counted.Odd
	rep.Emails.Withheld += plan.Withheld()
	emails := plan.Emails()
	rep.Planned.Emails = len(emails)
	for _, e := range emails {
		rep.Planned.Notices += len(e.Notices)
	}
	return emails, nil
}
