package reminder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"github.com/mtsn6garut/pengingat/mail"
)

// maxWait is how long a run stays for the next try of an email. Longer waits are left to the next run.
const maxWait = time.Minute

// A delivery is the second half of a run: it claims emails, one by one checks them again, composes, sends and records.
type delivery struct {
	*Run
	later bool // some emails go after the others
	limit *rate.Limiter

	halt context.Context         // ends when no further email may be begun
	stop context.CancelCauseFunc // ends it early: *mail.Error when the mail server is the cause, else the store's error
	busy sync.WaitGroup          // emails handed to a worker and not yet recorded
	slow atomic.Bool             // at MAIL_RATE no further email can begin before the time is spent

	mu    sync.Mutex // guards Report.Emails and what follows
	over  int        // emails that ended
	took  int        // accepted emails, of every kind
	doubt int        // second chances of unknown outcome
	ended map[int64]State
	patterns
}

// deliver sends what is queued until nothing is left, the time is spent or something stops the run. A run that is held
// sends only what goes first. Every claim that was not begun is handed back.
func (r *Run) deliver(ctx, timed context.Context) error {
	rep := r.Report
	d := &delivery{Run: r, limit: rate.NewLimiter(rate.Inf, 1), ended: map[int64]State{}, patterns: newPatterns()}
	if r.Settings.Rate > 0 {
		d.limit = rate.NewLimiter(rate.Limit(r.Settings.Rate), 1)
	}
	d.halt, d.stop = context.WithCancelCause(timed)
	defer d.stop(nil)
	if rep.Outcome != RunHeld {
		if err := d.lookBack(timed); err != nil {
			return err
		}
	}

	claims := make(chan Claim)
	var workers sync.WaitGroup
	for range r.Settings.Concurrency {
		workers.Go(func() {
			w := worker{delivery: d}
			for c := range claims {
				w.one(ctx, c)
				d.busy.Done()
			}
			w.last.Wait()
		})
	}
	if r.first {
		d.feed(ctx, claims, ClaimFirst, d.probe)
	}
	if rep.Outcome != RunHeld {
		if d.later {
			d.feed(ctx, claims, ClaimFresh, d.probe)
		}
		d.feed(ctx, claims, ClaimAll, d.probe || d.later)
	}
	close(claims)
	workers.Wait()
	d.settle(ctx)
	// Idle connections do not outlive the run: between two triggers nothing runs.
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
		return nil // our caller says that the time is spent
	case cause == nil && d.slow.Load() && rep.Outcome != RunHeld:
		rep.Outcome, rep.Reason = RunPartial, ReasonTimeSpent
	}
	return cause
}

// claimsAhead is how many emails a claim takes for each worker. A crash leaves as many to wait for their lease. One at
// a time would be fewer, but each claim steps over the index entries of the ones before it until the database has
// cleared those away, which on a busy machine takes longer than a mail.
const claimsAhead = 8

// feed claims emails and gives them to the workers. With alone they go one by one until one is accepted, and no further
// one when the second chance of an unknown one is in doubt again. The last feed stays for those whose next try is near.
func (d *delivery) feed(ctx context.Context, claims chan<- Claim, which Which, alone bool) {
	tookBefore, doubtBefore := d.outcomes()
	for d.halt.Err() == nil && !d.slow.Load() {
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
		for _, c := range batch {
			d.busy.Add(1)
			select {
			case claims <- c:
			case <-d.halt.Done():
				d.record(ctx, c, Outcome{State: StateQueued, KeepTry: true})
				d.busy.Done()
			}
		}
		if len(batch) < n || alone || d.Settings.DailyLimit > 0 {
			d.busy.Wait() // what is in flight may come back for another try, or use up the limit
		}
		if took, doubt := d.outcomes(); alone && took > tookBefore {
			if alone = false; d.probe {
				d.probe = false
				if err := d.Store.LiftPause(d.halt, false); err != nil {
					d.stop(err)
					return
				}
			}
		} else if alone && doubt > doubtBefore {
			return
		}
		if len(batch) == 0 && (full || which != ClaimAll || !d.wait()) {
			return
		}
	}
}

// outcomes returns how many emails were accepted, and how many second chances are in doubt again.
func (d *delivery) outcomes() (took, doubt int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.took, d.doubt
}

// settle ends a delivery: no answer comes any more, and what is not about its borrower is known.
func (d *delivery) settle(ctx context.Context) {
	if reason := d.nobody(); reason != "" {
		d.pauseAlike(reason)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := d.takeBack(ctx); err != nil {
		d.Log.Error("take emails back", "error", err) // the next run does it
		d.stop(err)
	}
}

// claim takes up to n emails, as far as the daily limit goes, and reports whether that is used up. It is not cut short
// by the end of the run: what the database took for us unseen would have to wait for its lease.
func (d *delivery) claim(which Which, n int) ([]Claim, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.halt), recordTimeout)
	defer cancel()
	return d.Store.Claim(ctx, Wanted{Which: which, Most: n, Lease: d.Settings.Lease, DailyLimit: d.Settings.DailyLimit})
}

// wait waits for the next try of a queued email. It reports false when there is none that this run should stay for.
func (d *delivery) wait() bool {
	in, ok, err := d.Store.NextTry(d.halt)
	if err != nil {
		d.stop(err)
		return false
	}
	if !ok || in > maxWait {
		return false
	}
	timer := time.NewTimer(max(in, 10*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.halt.Done():
		return false
	}
}

// A worker takes one email after the other to its outcome. That the last one was sent is recorded while the next one is
// prepared, as far as its mark: so a crash leaves no more than one email of unknown outcome for each worker.
type worker struct {
	*delivery
	last sync.WaitGroup // the record of the last email
}

// recoverPanic ends the run after a panic. For its email that is a crash.
func (d *delivery) recoverPanic() {
	if v := recover(); v != nil {
		d.stop(Panicked(d.Log, v))
	}
}

// one takes a claimed email to its outcome. A crash before the hand-over mark leaves it claimed: nothing was sent, and
// when the lease has run out it is queued again.
func (w *worker) one(ctx context.Context, c Claim) {
	defer w.recoverPanic()
	handBack := Outcome{State: StateQueued, KeepTry: true}
	if err := w.limit.Wait(w.halt); err != nil { // the run ends before this email may begin
		w.slow.Store(true)
		w.record(ctx, c, handBack)
		return
	}
	m := w.Mailing(c.Kind)
	if m == nil { // of a version that knew more kinds
		w.record(ctx, c, Outcome{State: StateCanceled, Reason: "empty"}.For(c))
		return
	}
	draft, outcome, err := m.Recheck(ctx, w.Run, c)
	if err != nil { // also of a run that is interrupted: a claim that stays would wait for its lease
		w.stop(err)
		w.record(ctx, c, handBack)
		return
	}
	if outcome = outcome.For(c); outcome.State == "" {
		outcome = w.send(ctx, c, draft, outcome.Dropped)
	}
	w.last.Wait() // outcomes are counted in their order
	switch outcome.State {
	case "":
	case StateSent:
		w.busy.Add(1)
		w.last.Go(func() {
			defer w.busy.Done()
			defer w.recoverPanic()
			w.record(ctx, c, outcome)
		})
	default:
		w.record(ctx, c, outcome)
	}
}

// send composes and sends one email and returns its outcome; one without a State when nothing may be written, because
// the claim was lost or the store failed.
func (w *worker) send(ctx context.Context, c Claim, draft Draft, dropped []Dropped) Outcome {
	o := Outcome{Dropped: dropped}
	content, err := w.Composer.Compose(c.Kind, draft.Lang, draft.Data)
	if err != nil {
		// Our template fails on this data. It would fail again; the next email must not wait for it.
		return w.failed(c, draft.To, &mail.Error{Fate: mail.Refused, Phase: "compose", Err: err}, o)
	}
	m := w.Settings.message(c.named(w.secret, dropped), draft, content, w.Now)
	var handed error
	receipt, err := w.Sender.Send(ctx, m, func(ctx context.Context) error {
		w.last.Wait()
		// A crash after this mark leaves the outcome unknown; one before it, surely unsent. So it stands as late as
		// can be.
		c.Address = DigestOf(m.To.Addr)
		handed = w.Store.HandOver(ctx, c, m.ID, m.Date)
		return handed
	})
	switch {
	case errors.Is(handed, ErrLost):
		w.Log.Warn("claim lost before the hand-over; not sent", "email", c.ID)
		return Outcome{}
	case handed != nil:
		// The mark may or may not be written, but nothing was sent: hand the claim back, and if that fails too, the
		// sweep takes the mark at its word.
		w.stop(handed)
		return Outcome{State: StateQueued, KeepTry: true}
	case err == nil:
		o.State, o.ReceiptID = StateSent, receipt.ID
		return o
	}
	w.last.Wait() // what an answer means depends on whether others were accepted
	return w.failed(c, draft.To, err, o)
}

// message addresses a composed mail. A try after one that surely failed gets a new Message-ID, because receivers must
// not take it for a copy; one after an unknown outcome keeps what the first copy had.
func (s Settings) message(c Claim, draft Draft, content Content, now time.Time) mail.Message {
	m := mail.Message{
		ID: c.MessageID, Ref: c.Ref, Date: c.Date, From: s.From, To: draft.To, ReplyTo: s.ReplyTo, Unsubscribe: s.Unsubscribe,
		Subject: content.Subject, Text: content.Text, HTML: content.HTML, Lang: content.Lang,
	}
	if m.ID == "" {
		m.ID = fmt.Sprintf("%s.%d@%s", cmp.Or(c.name, c.Ref), c.Attempts, s.From.Domain())
		m.Date = now.Truncate(time.Second)
	}
	// A branch's address becomes From only where the configuration says that the mail login may use it; elsewhere,
	// answers go to it. Else one cell in the library's system could stop all mail.
	if branch, err := branchAddress(draft.From); err == nil {
		if slices.ContainsFunc(s.FromAllowed, func(a string) bool {
			return strings.EqualFold(a, branch.Addr) || strings.EqualFold(a, "@"+branch.Domain())
		}) {
			m.From.Addr = branch.Addr
		} else {
			m.ReplyTo = branch
		}
	}
	if answers, err := branchAddress(draft.ReplyTo); err == nil {
		m.ReplyTo = answers
	}
	return m
}

// branchAddress is an address that every mail server takes. One with letters beyond ASCII before the @ would have the
// mail refused for the sake of its sender.
func branchAddress(raw string) (mail.Address, error) {
	addr, err := mail.ParseAddress(raw)
	if err == nil && strings.ContainsFunc(addr.Addr, func(r rune) bool { return r > unicode.MaxASCII }) {
		err = mail.ErrNoAddress
	}
	return addr, err
}

// ofRecipient are the phases in which a server may speak of the recipient, or of this message.
var ofRecipient = []string{"rcpt", "data", "body", "dot"}

// failed turns a sender's error into an outcome, and stops the run when the next email would fare the same.
func (d *delivery) failed(c Claim, to mail.Address, err error, o Outcome) Outcome {
	failure, ok := errors.AsType[*mail.Error](err)
	if !ok {
		failure = &mail.Error{Fate: mail.Unknown, Phase: "send", Err: err}
	}
	took, _ := d.outcomes()
	hungUp := failure.Code == 421 && took > 0 && slices.Contains(ofRecipient, failure.Phase)
	if hungUp { // it took others: with its tries kept, this email would come first again, and block all others for good
		again := *failure
		again.Fate, failure = mail.Retry, &again
	}
	o.Reason = failure.Error()
	switch failure.Fate {
	case mail.Refused:
		o.State = StateRefused
	case mail.BadAddress:
		// The librarian's address is tried again every day: nobody else would tell that it was refused by mistake.
		if o.State = StateRefused; !c.first() {
			o.BadAddress = to.Addr
		}
	case mail.Retry:
		if o.State, o.RetryAfter = StateQueued, d.Settings.Backoff(c.Attempts); c.Attempts >= d.Settings.Tries {
			o.State, o.RetryAfter = StateFailed, 0
		}
	case mail.Stop:
		// The message is not at fault: it keeps its try, and its notices for the next time.
		o = Outcome{State: StateQueued, Reason: o.Reason, KeepTry: true}
		if slices.Contains(ofRecipient, failure.Phase) { // it may speak of this one all the same: another one probes
			o.Reason = GoesLast + o.Reason
			// Others were accepted: if it is about this one, they need not wait for new settings.
			if took > 0 && failure.Pause != mail.PauseQuota {
				rest := *failure
				rest.PauseFor, failure = min(rest.PauseFor, patternRest), &rest
			}
		}
		d.pauseMail(failure)
		return o
	default:
		o.State = StateUnknown
	}
	if !c.first() && d.notAbout(c, o.Reason, o.State == StateFailed || hungUp) {
		d.pauseAlike(o.Reason)
		if failure.Fate != mail.Unknown {
			return Outcome{State: StateQueued, Reason: o.Reason, KeepTry: true}
		}
	}
	return o.For(c)
}

// notAbout reports whether an answer is not about the borrower.
func (d *delivery) notAbout(c Claim, reason string, final bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.judge(reason, c.Borrower, final)
}

// pauseMail stops the run and stores a pause, so that the next trigger does not hammer a server that said no. A run
// that is ending anyway asks for none.
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

// record writes an outcome, whatever has become of the run meanwhile.
func (d *delivery) record(ctx context.Context, c Claim, o Outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	switch err := d.Store.Record(ctx, c, o); {
	case err != nil && o.State == StateSent:
		// It was accepted and this could not be written. The mark stands, so the sweep will call it unknown.
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

// count adds an outcome to the report. What goes first is no reminder: it counts when somebody should look at it.
func (d *delivery) count(c Claim, o Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Progress != nil && o.State != StateQueued {
		d.over++
		d.Progress(d.over, 0)
	}
	for _, dropped := range o.Dropped {
		if dropped.Reason == string(VerdictOdd) && !d.odd[dropped.Loan] { // it turned odd since the promise
			d.Report.Loans.Odd++
		}
	}
	switch o.State {
	case StateSent:
		d.took++
	case StateUnknown:
		if c.Unknowns > 0 {
			d.doubt++
		}
	}
	if c.first() && o.State != StateRefused && o.State != StateFailed && o.State != StateUnknown {
		return
	}
	d.Report.Emails.count(o.State)
	switch {
	case o.State == StateSent:
		d.accepted++
		clear(d.row)
		clear(d.tail)
	case o.State == StateRefused, o.State == StateFailed:
		d.ended[c.ID] = o.State
	case o.State == StateQueued && o.Reason == string(VerdictWithheld):
		d.Report.Emails.Withheld++
	}
}
