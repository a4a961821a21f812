package reminder

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/mtsn6garut/pengingat/mail"
)

// maxWait is how long a run waits for the next try of an email. If it takes longer, the next run does it.
const maxWait = time.Minute

// A delivery is the second half of a run. One goroutine claims emails and prepares them: it reads their loans again and
// composes the mails. Each connection to the mail server then takes one prepared email after the other, sends it and
// records its outcome.
type delivery struct {
	*Run
	hasDeferred bool // some queued emails go after the others
	limit       *rate.Limiter
	ready       chan prepared // emails that wait for a connection
	left        atomic.Int64  // the number of those, and of claimed ones that are not prepared yet

	halt      context.Context         // ends when no further email may begin
	stop      context.CancelCauseFunc // ends halt early, with a *mail.Error or an error of the store
	busy      sync.WaitGroup          // emails that are claimed and not yet recorded
	rateSpent atomic.Bool             // MAIL_RATE allows no further email in the time that is left

	mu       sync.Mutex // guards Report.Emails and the fields below
	finished int        // emails that ended
	accepted int        // emails of every kind that the server accepted
	doubtful int        // emails whose outcome is unknown for the second time
	ended    map[int64]State
	patterns
}

// A claim takes claimsAhead emails for each connection, while up to readyAhead earlier ones still wait for a
// connection. Larger numbers would leave more emails waiting for their lease after a crash. Smaller numbers would cost
// more for each mail, because a claim needs three statements, whatever its size.
const claimsAhead, readyAhead = 6, 2

// deliver sends the queued emails until none is left, the time is spent or something stops the run. A held run sends
// only those that go first. Claims of emails that were not begun are released.
func (r *Run) deliver(ctx, timed context.Context) error {
	rep := r.Report
	d := &delivery{Run: r, limit: rate.NewLimiter(rate.Inf, 1), ended: map[int64]State{}, patterns: newPatterns(),
		ready: make(chan prepared, readyAhead*r.Settings.Concurrency)}
	if r.Settings.Rate > 0 {
		d.limit = rate.NewLimiter(rate.Limit(r.Settings.Rate), 1)
	}
	d.halt, d.stop = context.WithCancelCause(timed)
	defer d.stop(nil)
	if rep.Outcome != RunHeld {
		if err := d.loadAnswers(timed); err != nil {
			return err
		}
	}

	d.connect(ctx, func() {
		if r.first {
			d.feed(ctx, ClaimFirst, d.probe)
		}
		if rep.Outcome != RunHeld {
			if d.hasDeferred {
				d.feed(ctx, ClaimFresh, d.probe)
			}
			d.feed(ctx, ClaimAll, d.probe || d.hasDeferred)
		}
	})
	d.finish(ctx)
	// Between two runs there are no idle connections.
	if err := r.Sender.Close(); err != nil {
		r.Log.Debug("close the mail connection", "error", err)
	}

	cause := context.Cause(d.halt)
	if failure, ok := errors.AsType[*mail.Error](cause); ok && ctx.Err() == nil {
		if rep.Outcome != RunHeld {
			rep.Outcome, rep.Reason = RunStopped, failure.Error()
		}
		return nil
	}
	switch {
	case timed.Err() != nil:
		return nil // the caller reports that the time is spent
	case cause == nil && d.rateSpent.Load() && rep.Outcome != RunHeld:
		rep.Outcome, rep.Reason = RunPartial, ReasonTimeSpent
	}
	return cause
}

// connect sends the emails that feed puts into ready, and returns when all of them have their outcome.
func (d *delivery) connect(ctx context.Context, feed func()) {
	var connections sync.WaitGroup
	for range d.Settings.Concurrency {
		connections.Go(func() {
			c := connection{delivery: d}
			for p := range d.ready {
				d.left.Add(-1)
				c.process(ctx, p)
			}
			c.recordLast(ctx)
		})
	}
	defer connections.Wait()
	defer close(d.ready)
	feed()
}

// feed claims and prepares emails for the connections. With alone it sends one email at a time until one is accepted,
// and stops if an outcome is unknown for the second time. The last feed also waits for emails whose next try is near.
func (d *delivery) feed(ctx context.Context, which Which, alone bool) {
	acceptedBefore, doubtfulBefore := d.outcomes()
	for d.halt.Err() == nil && !d.rateSpent.Load() {
		n := claimsAhead * d.Settings.Concurrency
		if alone {
			n = 1
		}
		batch, full, err := d.claim(which, n)
		if err != nil {
			d.stop(err)
			return
		}
		if full && d.Report.Outcome != RunHeld {
			d.Report.Reason = ReasonDailyLimit
		}
		d.busy.Add(len(batch))
		d.left.Add(int64(len(batch)))
		for p := range d.prepare(ctx, batch) {
			d.ready <- p
		}
		if len(batch) < n || alone {
			d.busy.Wait() // an email in flight may be queued for another try, or use up the daily limit
		}
		if accepted, doubtful := d.outcomes(); alone && accepted > acceptedBefore {
			if alone = false; d.probe {
				d.probe = false
				if err := d.Store.LiftPause(d.halt, false); err != nil {
					d.stop(err)
					return
				}
			}
		} else if alone && doubtful > doubtfulBefore {
			return
		}
		if len(batch) == 0 && (full || which != ClaimAll || !d.wait()) {
			return
		}
	}
}

// claim claims up to n emails within the daily limit, and reports whether the limit is used up. The end of the run does
// not interrupt it, because emails whose claim is not reported would wait for their lease.
func (d *delivery) claim(which Which, n int) ([]Claim, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.halt), recordTimeout)
	defer cancel()
	return d.Store.Claim(ctx, Wanted{Which: which, Most: n, Lease: d.Settings.Lease, DailyLimit: d.Settings.DailyLimit})
}

// outcomes returns how many emails were accepted, and how many have an unknown outcome for the second time.
func (d *delivery) outcomes() (accepted, doubtful int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accepted, d.doubtful
}

// wait waits for the next try of a queued email. It returns false when there is none within maxWait.
func (d *delivery) wait() bool {
	b, err := d.Store.Backlog(d.halt)
	if err != nil {
		d.stop(err)
		return false
	}
	if !b.Queued || b.Next > maxWait {
		return false
	}
	timer := time.NewTimer(max(b.Next, 10*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.halt.Done():
		return false
	}
}

// A prepared email is claimed and, unless outcome has a State, composed.
type prepared struct {
	Claim
	read    time.Time // when its loans were read
	message mail.Message
	outcome Outcome // with a State if the email is not to be sent; Dropped has the notices that it leaves out
	crashed bool    // composing it panicked, so nothing is recorded
}

// sendable reports whether the email is to be sent.
func (p prepared) sendable() bool { return p.outcome.State == "" && !p.crashed }

// maxLoanAge is how long ago an email's loans may have been read when its sending begins.
const maxLoanAge = time.Second

// prepare reads the loans of some claims again, all in one statement, and then composes one email after the other.
func (d *delivery) prepare(ctx context.Context, claims []Claim) iter.Seq[prepared] {
	run, runner := *d.Run, *d.Runner
	run.Runner = &runner
	var ids []string
	for _, c := range claims {
		ids = append(ids, c.Loans()...)
	}
	read := runner.Now()
	loans, err := RereadAll(ctx, runner.Loans, ids)
	runner.Loans = &cachedLoans{Loans: runner.Loans, ids: ids, read: loans}
	return func(yield func(prepared) bool) {
		for _, c := range claims {
			p := prepared{Claim: c, read: read, outcome: untried}
			switch {
			case err != nil: // the claims are released, also of an interrupted run; otherwise they would wait for their lease
				d.stop(err)
			case d.halt.Err() == nil:
				d.compose(ctx, &run, &p)
			}
			if !yield(p) {
				return
			}
		}
	}
}

// untried is the outcome of an email that was not begun: its claim is released.
var untried = Outcome{State: StateQueued, KeepTry: true}

// cachedLoans are Loans of which some were just read: those of some claims, and those of one period, which all class
// lists need.
type cachedLoans struct {
	Loans
	ids         []string
	read        []Loan
	first, last Date
	between     []Loan
}

func (l *cachedLoans) DueBetween(ctx context.Context, first, last Date) (_ []Loan, err error) {
	if l.first != first || l.last != last {
		if l.between, err = l.Loans.DueBetween(ctx, first, last); err == nil {
			l.first, l.last = first, last
		}
	}
	return l.between, err
}

func (l *cachedLoans) Reread(ctx context.Context, ids []string) (loans []Loan, err error) {
	for _, id := range ids {
		if !slices.Contains(l.ids, id) {
			return l.Loans.Reread(ctx, ids)
		}
	}
	for _, loan := range l.read {
		if slices.Contains(ids, loan.ID) {
			loans = append(loans, loan)
		}
	}
	return loans, nil
}

// compose prepares one email. A panic ends the run, and the email stays claimed as after a crash.
func (d *delivery) compose(ctx context.Context, run *Run, p *prepared) {
	defer d.recoverPanic(&p.crashed)
	m := d.Mailing(p.Kind)
	if m == nil { // a newer version of the program promised it, with a kind that this one does not know
		p.outcome = Outcome{State: StateCanceled, Reason: "empty"}.For(p.Claim)
		return
	}
	draft, outcome, err := m.Recheck(ctx, run, p.Claim)
	if err != nil {
		d.stop(err)
		return
	}
	if p.outcome = outcome.For(p.Claim); p.outcome.State != "" {
		return
	}
	content, err := d.Composer.Compose(p.Kind, draft.Lang, draft.Data)
	if err != nil {
		// The template fails with this data and would fail again. The next emails must not wait for it.
		p.outcome = d.failed(p.Claim, draft.To, &mail.Error{Fate: mail.Refused, Phase: "compose", Err: err}, p.outcome)
		return
	}
	p.message = d.Settings.message(p.named(d.records.Secret, p.outcome.Dropped), draft, content, d.Run.Now)
	p.Address = DigestOf(draft.To.Addr)
}

// recoverPanic ends the run after a panic.
func (d *delivery) recoverPanic(crashed *bool) {
	if v := recover(); v != nil {
		d.stop(Panicked(d.Log, v))
		*crashed = true
	}
}

// A connection sends one prepared email after the other and records their outcomes. If the next email follows within
// Settings.Together, one statement records that the last one was accepted and marks the next one. So a crash leaves at
// most one email of unknown outcome for each connection.
type connection struct {
	*delivery
	mu    sync.Mutex // held while last is recorded
	last  *Accepted  // accepted and not yet recorded, or nil
	timer *time.Timer
}

// process sends an email and records its outcome. A crash before the hand-over mark leaves it claimed: nothing was
// sent, and the email is queued again when its lease runs out.
func (c *connection) process(ctx context.Context, p prepared) {
	waits := false // the record waits for the next mark; a crash meanwhile leaves the outcome unknown
	defer func() {
		if !waits {
			c.busy.Done()
		}
	}()
	defer c.recoverPanic(new(bool))
	if p.sendable() && c.limit.Wait(c.halt) != nil { // the run ends before MAIL_RATE allows this email
		c.rateSpent.Store(true)
		p.outcome = untried
	}
	if p.sendable() && c.Runner.Now().Sub(p.read) > maxLoanAge {
		for p = range c.prepare(ctx, []Claim{p.Claim}) {
		}
	}
	if p.sendable() {
		p.outcome = c.send(ctx, p)
	}
	if waits = p.outcome.State == StateSent && len(p.outcome.Dropped) == 0 && c.left.Load() > 0; !waits {
		c.recordLast(ctx) // first, because outcomes are counted in their order
		if p.outcome.State != "" && !p.crashed {
			c.record(ctx, p.Claim, p.outcome)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = &Accepted{p.Claim, p.outcome.ReceiptID}
	c.timer = time.AfterFunc(c.Settings.Together, func() { c.recordLast(ctx) })
}

// recordLast records that the last email was accepted, unless it is recorded.
func (c *connection) recordLast(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		defer c.lastRecorded()
		defer c.recoverPanic(new(bool))
		c.record(ctx, c.last.Claim, Outcome{State: StateSent, ReceiptID: c.last.ReceiptID})
	}
}

func (c *connection) lastRecorded() {
	c.last = nil
	c.timer.Stop()
	c.busy.Done()
}

// mark sets the hand-over mark of an email. If the last email is not recorded, the same statement records it.
func (c *connection) mark(ctx context.Context, p prepared) error {
	handOver := func(accepted ...Accepted) error {
		return c.Store.HandOver(ctx, p.Claim, p.message.ID, p.message.Date, accepted...)
	}
	c.mu.Lock()
	if c.last != nil && handOver(*c.last) == nil {
		c.count(c.last.Claim, Outcome{State: StateSent})
		c.lastRecorded()
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	c.recordLast(ctx) // after an error it is unknown what was written, but both writes may be repeated
	return handOver()
}

// send sends one email and returns its outcome. The outcome has no State when nothing may be recorded, because the
// claim was lost.
func (c *connection) send(ctx context.Context, p prepared) Outcome {
	o := p.outcome
	var markErr error
	receipt, err := c.Sender.Send(ctx, p.message, func(ctx context.Context) error {
		// After a crash before this mark the email is surely not sent, and after one behind it the outcome is unknown. So
		// the mark is set as late as possible.
		markErr = c.mark(ctx, p)
		return markErr
	})
	switch {
	case errors.Is(markErr, ErrLost):
		c.Log.Warn("claim lost before the hand-over; not sent", "email", p.ID)
		return Outcome{}
	case markErr != nil:
		// The mark may be set, but nothing was sent, so the claim is released. If that fails, too, and the mark is set, the
		// sweep makes the email unknown.
		c.stop(markErr)
		return untried
	case err == nil:
		o.State, o.ReceiptID = StateSent, receipt.ID
		return o
	}
	c.recordLast(ctx) // the meaning of an answer depends on whether others were accepted
	return c.failed(p.Claim, p.message.To, err, o)
}

// messagePhases are the phases in which an answer may be about the recipient or the message.
var messagePhases = []string{"rcpt", "data", "body", "dot"}

// failed returns the outcome for an error of the sender. It stops the run if the next email would get the same error.
func (d *delivery) failed(c Claim, to mail.Address, err error, o Outcome) Outcome {
	failure, ok := errors.AsType[*mail.Error](err)
	if !ok {
		failure = &mail.Error{Fate: mail.Unknown, Phase: "send", Err: err}
	}
	accepted, _ := d.outcomes()
	hungUp := failure.Code == 421 && accepted > 0 && slices.Contains(messagePhases, failure.Phase)
	if hungUp { // the answer may be about this email: if it kept its tries, it would come first again and block all others
		again := *failure
		again.Fate, failure = mail.Retry, &again
	}
	o.Reason = failure.Error()
	switch failure.Fate {
	case mail.Refused:
		o.State = StateRefused
	case mail.BadAddress:
		// The librarian's address is tried again each day, because a refusal by mistake would stop all summaries.
		if o.State = StateRefused; !c.first() {
			o.BadAddress = to.Addr
		}
	case mail.Retry:
		if o.State, o.RetryAfter = StateQueued, d.Settings.Backoff(c.Attempts); c.Attempts >= d.Settings.Tries {
			o.State, o.RetryAfter = StateFailed, 0
		}
	case mail.Stop:
		// The message is not at fault: it keeps its try, and its notices are not dropped.
		o = Outcome{State: StateQueued, Reason: o.Reason, KeepTry: true}
		if slices.Contains(messagePhases, failure.Phase) { // in case it is about this email, another one is tried next
			o.Reason = GoesLast + o.Reason
			// Others were accepted, so the answer may be about this email, and the others should not wait for new settings.
			if accepted > 0 && failure.Pause != mail.PauseQuota {
				short := *failure
				short.PauseFor, failure = min(short.PauseFor, systemicPause), &short
			}
		}
		d.pauseMail(failure)
		return o
	default:
		o.State = StateUnknown
	}
	if !c.first() && d.isSystemic(c, o.Reason, o.State == StateFailed || hungUp) {
		d.pauseSystemic(o.Reason)
		if failure.Fate != mail.Unknown {
			return Outcome{State: StateQueued, Reason: o.Reason, KeepTry: true}
		}
	}
	return o.For(c)
}

// isSystemic counts an answer and reports whether it is not about the borrower.
func (d *delivery) isSystemic(c Claim, reason string, final bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.judge(reason, c.Borrower, final)
}

// pauseMail stops the run and stores the pause that a failure asks for. So the next run does not repeat what the server
// refused.
func (d *delivery) pauseMail(failure *mail.Error) {
	d.stop(failure)
	if failure.Pause == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.halt), recordTimeout)
	defer cancel()
	err := d.Store.SetPause(ctx, Pause{
		Kind: failure.Pause, Reason: failure.Error(), Until: d.Now.Add(failure.PauseFor),
		Fingerprint: d.Settings.Fingerprint(""),
	})
	if err != nil {
		d.Log.Error("store the pause", "error", err)
	}
}

// record records an outcome, even if the time of the run is over.
func (d *delivery) record(ctx context.Context, c Claim, o Outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	switch err := d.Store.Record(ctx, c, o); {
	case err != nil && o.State == StateSent:
		// The server accepted the email, but that could not be recorded. The mark stays, so the sweep makes it unknown.
		d.Log.Error("accepted by the server, but not recorded", "email", c.ID, "error", err)
		d.stop(err)
		o.State = StateUnknown
	case errors.Is(err, ErrLost):
		d.Log.Warn("claim lost", "email", c.ID, "outcome", string(o.State))
		return
	case err != nil:
		d.Log.Error("record an outcome", "email", c.ID, "outcome", string(o.State), "error", err)
		d.stop(err)
		return
	}
	if o.State != StateSent && !o.KeepTry {
		level := slog.LevelInfo
		if o.State == StateRefused || o.State == StateFailed || o.State == StateUnknown {
			level = slog.LevelWarn
		}
		d.Log.Log(ctx, level, "email", "email", c.ID, "state", string(o.State), "reason", o.Reason, "attempts", c.Attempts)
	}
	d.count(c, o)
}

// count adds an outcome to the report. An email that goes first is no reminder, so it counts only if a person should
// look at it.
func (d *delivery) count(c Claim, o Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Progress != nil && o.State != StateQueued {
		d.finished++
		d.Progress(d.finished, 0)
	}
	for _, dropped := range o.Dropped {
		if dropped.Reason == string(VerdictOdd) && !d.odd[dropped.Loan] { // it has become odd since the promise
			d.Report.Loans.Odd++
		}
	}
	switch o.State {
	case StateSent:
		d.accepted++
	case StateUnknown:
		if c.Unknowns > 0 {
			d.doubtful++
		}
	}
	if c.first() && o.State != StateRefused && o.State != StateFailed && o.State != StateUnknown {
		return
	}
	d.Report.Emails.count(o.State)
	switch {
	case o.State == StateSent:
		d.reminders++
		clear(d.streak)
		clear(d.missingStreak)
	case o.State == StateRefused, o.State == StateFailed:
		d.ended[c.ID] = o.State
	case o.State == StateQueued && o.Reason == string(VerdictWithheld):
		d.Report.Emails.Withheld++
	}
}

// finish requeues the emails of systemic answers at the end of a delivery, when all answers are known.
func (d *delivery) finish(ctx context.Context) {
	if reason := d.noMailboxExists(); reason != "" {
		d.pauseSystemic(reason)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := d.requeueSystemic(ctx); err != nil {
		d.Log.Error("queue emails again", "error", err) // the next run does it
		d.stop(err)
	}
}
