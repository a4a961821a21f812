package reminder

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
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
	BeforeClosure  int // days of a closure that is announced on its eve; 0: none is
	MinDays        int // from one email to a borrower to the next; 0: any
	MaxOverdueDays int
	GuardianFrom   int      // days late from which guardians are told; 0: they are not
	MaxPerRun      int      // emails; a larger plan is held
	KeepDays       int      // how old records get; 0: nothing is removed by itself
	OnlyTo         []string // empty: everybody
	Resend         bool     // send an email of unknown outcome once more
	From, ReplyTo  mail.Address
	FromAllowed    []string       // what a branch's own From may be, beside From: addresses, or "@domain"
	Unsubscribe    string         // address for List-Unsubscribe on mails before the due date, or ""
	UnsubscribeAll bool           // on every mail to borrowers
	SummaryTo      []mail.Address // the librarians who get the morning's summary
	ClassDay       *time.Weekday  // of the class lists; nil: none
	// Fingerprint recognises the mail configuration: with an old fingerprint it returns the same one again as long as
	// nobody has changed how mail is sent, and with "" a new one.
	Fingerprint func(old string) string

	Concurrency int           // connections to the mail server, each with one email in flight
	Together    time.Duration // how long the record of an accepted email may wait for the mark of the next one
	Rate        float64       // emails a second; 0: as fast as the server takes them
	DailyLimit  int           // emails in any 24 hours; 0: none
	Tries       int           // of one email
	Budget      time.Duration // no email is begun later than this after the start of a run
	Lease       time.Duration // of a claim; longer than any run can last
	Backoff     func(attempts int) time.Duration
}

// A Runner performs runs. Its fields are set once.
type Runner struct {
	Loans    Loans
	Store    Store
	Sender   mail.Sender
	Composer Composer
	Mailings []Mailing // the kinds of notices that are planned and sent
	Now      func() time.Time
	Log      *slog.Logger
	Settings Settings
	// Progress, when not nil, is called with the number of emails that have ended; first with 0 and how many wait.
	Progress func(ended, of int)
	Feedback Feedback           // nil: nobody asks what became of accepted mail
	Witness  Witness            // nil: there is nothing beside the database
	Describe func(error) string // writes an error for the record, in the library's language; nil: as Error does
}

// Options say what is special about one run.
type Options struct {
	Trigger string       // "http" or "local"
	DryRun  bool         // plan only: nothing is written, nothing is sent
	Approve bool         // a plan larger than MaxPerRun is meant
	Now     bool         // a person asks: the send window and closed days do not matter
	Log     *slog.Logger // in place of the Runner's
}

// A Run is one run at work.
type Run struct {
	*Runner
	Options
	Now    time.Time // its one instant
	Today  Date
	Rules  Rules
	Report *Report
	Open   bool         // the library is open now, and the send window too
	Log    *slog.Logger // names the run

	budget     time.Duration   // how long emails may be begun
	probe      bool            // a pause is over: the first email tries the server
	first      bool            // some kind that goes first is in use
	loans      *Plan           // what is planned about loans
	odd        map[string]bool // ids of loans that are counted as odd
	secret     string          // of the database
	worked     time.Time       // when the last run before this one worked, as the records know
	restored   bool            // the records look older than they should be
	looked     bool            // for copies among the sent mail,
	copies     []Copy          // which are these
	checkpoint Checkpoint      // what the witness is told
}

// Run performs one run and returns what it did. An error means that the run could not do its work; the report then says
// stopped, and what was recorded until then stands. doc.go tells the steps, and what a crash in each of them does.
func (r *Runner) Run(ctx context.Context, o Options) (Report, error) {
	run := r.newRun(r.Now(), o) // the run's one instant; everything below gets it as a value
	rep := run.Report
	err := run.runRecovered(ctx)
	if err != nil {
		rep.Outcome, rep.Reason = RunStopped, r.describe(err)
	}
	if err == nil && !o.DryRun && r.Feedback != nil {
		run.readFeedback(ctx)
	}
	if err == nil && !o.DryRun {
		run.cleanUp(ctx)
	}
	// A crash before this line leaves a run without an end, which status shows; nothing else depends on it.
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

// Look returns a run that plans and composes as if it were a day, and that writes and sends nothing: for the desk.
func (r *Runner) Look(ctx context.Context, today Date) (run *Run, err error) {
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

// newRun returns a run that has not started.
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

// recordTimeout bounds a write that must be tried although its run is over.
const recordTimeout = 30 * time.Second

// runRecovered is run, but returns a panic as an error, so that the run is still recorded and no caller sees a stack.
func (r *Run) runRecovered(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Panicked(r.Log, v)
		}
	}()
	return r.run(ctx)
}

func (r *Run) run(ctx context.Context) error {
	s, rep := r.Settings, r.Report
	if err := r.Store.Check(ctx); err != nil {
		return err
	}
	doubt, err := r.Begin(ctx)
	if err != nil {
		return err
	}
	if doubt == ReasonLooksRestored && !r.Approve && !r.DryRun && r.Feedback != nil { // a person wants to know
		r.withFeedback(ctx, func() error { r.Report.Feedback.Found = len(r.forgotten(ctx)); return nil })
	}
	if r.Rules, err = r.Runner.Rules(ctx, r.Today); err != nil {
		return err
	}
	left := s.Window.Left(r.Now, s.Zone)
	_, closed := r.Rules.Calendar.Closed(r.Today)
	r.Open = left > 0 && !closed
	r.Rules.WithholdClosed = !r.Options.Now && !closed // a dry run on a closed day counts what the day keeps back
	switch {
	case doubt != "" && !r.Approve: // whatever the hour: a run that found nothing to do would hide how old the records are
		rep.Outcome, rep.Reason, r.budget = RunHeld, doubt, min(r.budget, max(left, time.Minute))
	case r.Options.Now:
	case left == 0:
		rep.Outcome, rep.Reason = RunClosed, ReasonOutsideWindow
	case closed:
		rep.Outcome, rep.Reason = RunClosed, ReasonClosedDay
	default:
		r.budget = min(r.budget, left)
	}
	if rep.Outcome == RunClosed && !r.DryRun {
		return r.backlog(ctx)
	}
	pause, paused, err := r.Pause(ctx, r.Now)
	r.probe = pause.Kind != ""
	switch {
	case err != nil:
		return err
	case r.DryRun: // counts in any case, and says all the same what would keep the mails back
		if paused && rep.Outcome != RunHeld {
			rep.Outcome, rep.Reason = RunPaused, string(pause.Kind)
		}
	case rep.Outcome == RunHeld && (paused || !r.Open ||
		doubt == ReasonLooksCopied): // a copy mails nobody, not even the librarian
		return r.backlog(ctx)
	case paused:
		rep.Outcome, rep.Reason = RunPaused, string(pause.Kind)
		return r.backlog(ctx)
	}

	// From here on the time budget runs. No email begins after it is spent; one in flight may finish.
	timed, cancel := context.WithTimeoutCause(ctx, r.budget, errBudget)
	defer cancel()
	if r.Open && !r.DryRun {
		err = r.promiseFirst(timed)
	}
	switch {
	case err != nil:
	case rep.Outcome == RunHeld && !r.DryRun: // but the librarian must hear of it
		err = r.deliver(ctx, timed)
		err = errors.Join(err, r.backlog(ctx))
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

// errBudget is the cause with which a run's time ends.
var errBudget = errors.New("the time budget is spent")

// promiseFirst promises the emails that go first, such as the librarian's summary. It runs before the scan and the
// brake, so that no fault in the loans holds them back.
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
		if emails := r.untold(ctx, plan.Emails(nil)); len(emails) > 0 {
			if _, err := r.Store.Promise(ctx, r.Report.RunID, emails); err != nil {
				return err
			}
		}
	}
	return nil
}

// work is the timed part of a run: timed ends with the budget, ctx when the caller stops waiting.
func (r *Run) work(ctx, timed context.Context) error {
	rep := r.Report
	if !r.DryRun {
		// First settle what dead runs left, so that an email that may have been sent is counted before others.
		swept, err := r.Store.Sweep(timed, r.Settings.Resend && r.Feedback == nil)
		if err != nil {
			return err
		}
		rep.Emails.Unknown, rep.Emails.Failed = swept.Unknown, swept.Failed
		if r.Feedback != nil { // before anything is sent once more
			r.withFeedback(timed, func() error { return r.settleUnknown(timed) })
		}
	}
	emails, err := r.Plan(timed)
	if err != nil {
		return err
	}
	if len(emails) > r.Settings.MaxPerRun && !r.Approve {
		if rep.Outcome == RunDone {
			rep.Outcome, rep.Reason = RunHeld, ReasonMaxPerRun
		}
	} else if !r.DryRun {
		if len(emails) > 0 || r.restored {
			emails = r.untold(timed, emails)
		}
		// Each chunk is durable when Promise returns. After a crash between two chunks the next run plans the rest again;
		// the unique key keeps notices from being promised twice.
		if rep.Planned, err = r.Store.Promise(timed, rep.RunID, emails); err != nil {
			return err
		}
		rep.Loans.Odd, rep.Planned.Odd = rep.Loans.Odd+rep.Planned.Odd, 0
	}
	if r.DryRun {
		return r.backlog(timed)
	}
	if r.Progress != nil {
		waiting, _, err := r.Store.Backlog(timed)
		if err != nil {
			return err
		}
		r.Progress(0, waiting)
	}
	if err := r.deliver(ctx, timed); err != nil {
		return err
	}
	return r.backlog(timed)
}

// feedbackTime is how much time must be left to read the feedback at the end of a run: 20 s for the source, and some
// for the database.
const feedbackTime = 30 * time.Second

// readFeedback learns, at the end of a run, what became of accepted mail.
func (r *Run) readFeedback(ctx context.Context) {
	r.withFeedback(ctx, func() error {
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(r.Runner.Now()) < feedbackTime {
			return errBudget
		}
		unsettled := r.settleUnknown(ctx)
		read, err := r.Feedback.Read(ctx, r.Now)
		c := r.Report.Feedback
		c.Read, c.Bounced, c.Unmatched, c.Resolved = read.Read, read.Bounced, read.Unmatched, c.Resolved+read.Resolved
		r.Report.Emails.Bounced = read.Bounced
		return cmp.Or(err, unsettled)
	})
}

// settleUnknown resolves emails of unknown outcome, as far as the feedback can.
func (r *Run) settleUnknown(ctx context.Context) error {
	resolved, err := r.Feedback.Settle(ctx)
	r.Report.Feedback.Resolved += resolved
	r.Report.Emails.Unknown = max(0, r.Report.Emails.Unknown-resolved)
	return err
}

// withFeedback runs a part of the feedback. An error or a panic in it is reported and does not fail the run.
func (r *Run) withFeedback(ctx context.Context, part func() error) {
	if r.Report.Feedback == nil {
		r.Report.Feedback = &FeedbackCounts{}
	}
	defer func() {
		if v := recover(); v != nil {
			r.Report.Feedback.Error = r.describe(Panicked(r.Log, v))
		}
	}()
	if err := part(); err != nil && ctx.Err() == nil {
		r.Log.Warn("the feedback could not be read to its end", "error", err)
		r.Report.Feedback.Error = r.describe(err)
	}
}

// backlog reports how many emails wait, and since when.
func (r *Run) backlog(ctx context.Context) error {
	rep := r.Report
	waiting, oldest, err := r.Store.Backlog(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if rep.Emails.Waiting = waiting; waiting == 0 && rep.Reason == ReasonDailyLimit {
		rep.Reason = "" // the limit was reached, but nothing is left
	}
	if !oldest.IsZero() {
		rep.OldestWaiting = oldest.Format(time.RFC3339)
	}
	return nil
}

// Rules reads the rules for a day.
func (r *Runner) Rules(ctx context.Context, today Date) (Rules, error) {
	s := r.Settings
	rules := Rules{Schedule: s.Schedule, BeforeClosure: s.BeforeClosure, MaxOverdueDays: s.MaxOverdueDays,
		OnlyTo: s.OnlyTo, Branches: map[string]Calendar{}}
	// A closure matters as long as a book that was due during it can be in reach.
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

// Pause returns the pause in force. A pause that is not in force and has a Kind is a provider's that is over; a run
// then tries one email first. A person's pause wins. A provider's is over as soon as the mail configuration has
// changed: another server, login or sender may do what that one did not.
func (r *Runner) Pause(ctx context.Context, now time.Time) (current Pause, inForce bool, err error) {
	pauses, err := r.Store.Pauses(ctx)
	if err != nil {
		return current, false, err
	}
	for _, p := range pauses {
		over := !p.Until.IsZero() && !now.Before(p.Until) ||
			p.Kind != PauseByPerson && p.Until.Sub(now) > maxPause // set while the clock was ahead
		switch {
		case p.Kind == PauseByPerson && !over:
			return p, true, nil
		case p.Kind != PauseByPerson:
			mended := p.Fingerprint != "" && r.Settings.Fingerprint(p.Fingerprint) != p.Fingerprint
			current, inForce = p, !over && !mended
		}
	}
	return current, inForce, nil
}

// countedEachRun is up to how many open loans every run counts. Counting a million takes longer than everything else in
// a run without news, so more are counted only by the first run of a day, and the others repeat its figures.
const countedEachRun = 20_000

// maxPause is longer than any pause that a mail server causes.
const maxPause = 48 * time.Hour

// Plan scans the loans in reach and returns the emails to promise, the most urgent of each kind first. It reads only.
func (r *Run) Plan(ctx context.Context) ([]Email, error) {
	from, to := r.Rules.Reach(r.Today)
	last, err := r.Store.LastReport(ctx)
	if err != nil {
		return nil, err
	}
	var counted LoanCounts
	if l := last.Loans; l != nil && last.Today == r.Today && l.Open > countedEachRun {
		counted = LoanCounts{Open: l.Open, TooOld: l.TooOld}
	} else if counted, err = r.Loans.CountLoans(ctx, from); err != nil {
		return nil, err
	}
	var planners []Planner
	for _, m := range r.Mailings {
		if m.First() {
			continue
		}
		p, err := m.Plan(ctx, r)
		if err != nil {
			return nil, err
		}
		if p != nil {
			planners = append(planners, p)
		}
	}
	err = r.Scan(ctx, from, to, func(loans []Loan, known map[Cycle]History) {
		for _, p := range planners {
			p.Add(loans, known)
		}
	})
	if err != nil {
		return nil, err
	}
	var emails []Email
	tooSoon := 0
	for _, p := range planners {
		odd, err := Unreadable(ctx, r.Loans, p.Loans())
		if err != nil {
			return nil, err
		}
		maps.Copy(r.odd, odd)
		planned, held, err := r.spaced(ctx, p.Emails(odd))
		if err != nil {
			return nil, err
		}
		emails, tooSoon = append(emails, planned...), tooSoon+held
		if p, ok := p.(interface{ Withheld() int }); ok {
			r.Report.Emails.Withheld += p.Withheld()
		}
	}
	rep, loans := r.Report, r.loans
	maps.Copy(r.odd, loans.odd)
	rep.Loans = &LoanCounts{
		Open: counted.Open, TooOld: counted.TooOld, Odd: counted.Odd + loans.Counts.Odd,
		InReach: loans.Counts.InReach, Held: loans.Counts.Held, Unreachable: loans.Counts.Unreachable,
		TooSoon: tooSoon,
	}
	rep.Planned.Emails = len(emails)
	for _, e := range emails {
		rep.Planned.Notices += len(e.Notices)
	}
	return emails, nil
}

// describe writes an error for the record.
func (r *Runner) describe(err error) string {
	if r.Describe == nil {
		return err.Error()
	}
	return r.Describe(err)
}

// Scan calls page for the loans due in a period, with what was promised in their cycles.
func (r *Runner) Scan(ctx context.Context, first, last Date, page func(loans []Loan, known map[Cycle]History)) error {
	return r.Loans.Scan(ctx, first, last, func(loans []Loan) error {
		ids := make([]string, len(loans))
		for i, l := range loans {
			ids[i] = l.ID
		}
		known, err := r.Store.Promised(ctx, first, ids...)
		if err == nil {
			page(loans, known)
		}
		return err
	})
}

// rereadChunk is how many loans are read at a time.
const rereadChunk = 500

// RereadAll reads many loans in full; a scan reads no names.
func RereadAll(ctx context.Context, from Loans, ids []string) (loans []Loan, err error) {
	for chunk := range slices.Chunk(ids, rereadChunk) {
		read, err := from.Reread(ctx, chunk)
		if err != nil {
			return nil, err
		}
		loans = append(loans, read...)
	}
	return loans, nil
}

// Unreadable returns which of some open loans a recheck could not read, because the database cannot compute one of
// their cells or does not find them by their id.
func Unreadable(ctx context.Context, from Loans, ids []string) (map[string]bool, error) {
	loans, err := RereadAll(ctx, from, ids)
	odd := map[string]bool{}
	for _, id := range ids {
		odd[id] = true
	}
	for _, l := range loans {
		if l.Broken == "" {
			delete(odd, l.ID)
		}
	}
	return odd, err
}
