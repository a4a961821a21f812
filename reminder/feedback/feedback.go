// Package feedback finds out what became of mail after it was accepted: which emails came back, which borrowers want no
// more mail, and whether an email of unknown outcome was accepted.
//
// A [Reader] reads a [Source], which is a mailbox or SendGrid. [Parse] and [Judge] decide, and they are pure. The
// Reader records the results first, and then its position in the source. After a crash between the two it reads the
// same messages again, and each result is recorded only once.
package feedback

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// MaxAge is how long after the handover a bounce is still accepted. Mail systems give up after five days at most.
const MaxAge = 14 * 24 * time.Hour

// A Source knows what became of mail.
type Source interface {
	// Returned calls take with the mails that came back after a position in the source, in batches. Each batch has the
	// position after it. Returned stops with the error of take.
	Returned(ctx context.Context, place string, now time.Time, take func(Batch) error) error
	// Accepted reports for each email whether the source has a copy. It returns nil when the source keeps no copies.
	Accepted(ctx context.Context, emails []Handed) ([]bool, error)
	// Copies returns up to most of the newest mails of this program that were sent since a time, or none when the source
	// keeps no copies.
	Copies(ctx context.Context, since time.Time, most int) ([]Copied, error)
	Close() error
}

// A Copied is a mail of this program in a mailbox for sent mail.
type Copied struct {
	Database string // the database that sent it
	reminder.Copy
}

// A Batch is the result of one read.
type Batch struct {
	Returns []Return
	Read    int    // messages
	Place   string // the position after the batch
}

// A Handed is an email that was handed to a mail server.
type Handed struct {
	ID                      int64
	Ref, MessageID, Receipt string
	Kind                    reminder.Kind
	Borrower, Run           string // ids
	State                   reminder.State
	Unknowns                int             // see reminder.Claim
	Address                 reminder.Digest // of the recipient
	At                      time.Time       // of the handover
	Age                     time.Duration   // since the handover, by the database's clock
}

// Names are possible names of emails.
type Names struct {
	IDs, Refs, Receipts []string
	Addresses           []reminder.Digest // of returns that have no other name
}

// A Store holds the emails and what became of them.
type Store interface {
	// Place returns the stored position in the source, "" at first. KeepPlace stores it.
	Place(ctx context.Context) (string, error)
	KeepPlace(ctx context.Context, place string) error
	// Named returns the emails of the last MaxAge that have one of the names, the newest first.
	Named(ctx context.Context, names Names) ([]Handed, error)
	// CameBack returns the bounces from an address of a borrower.
	CameBack(ctx context.Context, borrower string, address reminder.Digest) ([]Verdict, error)
	// Bounce records a verdict, and the email as bounced. It returns false when the email already is bounced or is being
	// sent again.
	Bounce(ctx context.Context, v Verdict) (bool, error)
	// Mark records the addresses as bad that are bad by the verdicts of a run. With none it undoes that.
	Mark(ctx context.Context, run string, none bool) error
	// RunCounts returns how many of a run's emails were accepted, and how many of those came back.
	RunCounts(ctx context.Context, run string) (accepted, bounced int, err error)
	// Refs returns which of these refs are on record, and whether each email waits for its first handover.
	Refs(ctx context.Context, refs []string) (waits map[string]bool, err error)
	// OptOut records that a borrower wants no reminders. how is one of OptOutByAnswer and OptOutByComplaint.
	OptOut(ctx context.Context, borrower, how string, at time.Time) error
	// Unsettled returns the emails of unknown outcome, including those that are queued again.
	Unsettled(ctx context.Context) ([]Handed, error)
	// Neighbours returns some accepted emails that were handed over shortly before and after an email.
	Neighbours(ctx context.Context, e Handed) (before, after []Handed, err error)
	// Resolve records a settlement. It returns false when the email is being sent again.
	Resolve(ctx context.Context, e Handed, how Settlement) (bool, error)
}

// How a borrower opted out by mail. The values are stored.
const (
	OptOutByAnswer    = "answer"
	OptOutByComplaint = "complaint"
)

// A Settlement is a decision about an email of unknown outcome.
type Settlement int

// The settlements.
const (
	Leave  Settlement = iota // undecided: look it up again when its age has grown by a quarter
	Sent                     // it was accepted
	Again                    // it was not accepted: queue it as if it had never been handed over
	Resend                   // the source cannot tell: queue it again, with the same Message-ID and Date
)

// A Reader reads the feedback for runs.
type Reader struct {
	Open   func(ctx context.Context) (Source, error)
	Store  Store
	Log    *slog.Logger
	Resend bool          // REMINDER_UNKNOWN=resend
	Wait   time.Duration // how long after the handover a copy may still be missing
}

// giveUp is how long an email stays unknown if the source does not answer.
const giveUp = 24 * time.Hour

// How long each part may take. A run settles twice, compares the newest copies once and reads once: 20 seconds in all.
const (
	settleTime = 4 * time.Second
	readTime   = 8 * time.Second
)

// settleChunk is how many emails of unknown outcome are looked up before the results are recorded. So a slow source or
// a short run still settles some of them.
const settleChunk = 5

// Settle implements [reminder.Feedback].
func (r *Reader) Settle(ctx context.Context) (settled int, err error) {
	unsettled, err := r.Store.Unsettled(ctx)
	if err != nil || len(unsettled) == 0 {
		return 0, err
	}
	timed, cancel := context.WithTimeoutCause(ctx, settleTime, errTime)
	defer cancel()
	source, failure := r.Open(timed)
	if failure == nil {
		defer source.Close()
	}
	for chunk := range slices.Chunk(unsettled, settleChunk) {
		var settlements []Settlement
		if failure == nil {
			settlements, failure = r.lookUp(timed, source, chunk)
		}
		for i, e := range chunk {
			var how Settlement
			switch {
			case settlements != nil:
				how = settlements[i]
			case e.Age > giveUp:
				how = Resend
			default:
				continue
			}
			if how == Resend && (!r.Resend || e.State != reminder.StateUnknown || e.Unknowns > 1) {
				how = Leave
			}
			done, err := r.Store.Resolve(ctx, e, how)
			if err != nil {
				return settled, err
			}
			if done && (how == Sent || how == Again) {
				settled++
			}
		}
	}
	return settled, failure
}

var errTime = errors.New("the time for it is over")

// lookUp settles emails by the source. It also looks up the neighbours of those that have no copy.
func (r *Reader) lookUp(ctx context.Context, source Source, emails []Handed) ([]Settlement, error) {
	hasCopy := map[int64]bool{} // by id of the email
	look := func(list []Handed) error {
		found, err := source.Accepted(ctx, list)
		for i := range found {
			hasCopy[list[i].ID] = found[i]
		}
		return err
	}
	if err := look(emails); err != nil {
		return nil, err
	}
	settlements := make([]Settlement, len(emails))
	for i, e := range emails {
		var before, after []Handed
		if !hasCopy[e.ID] && e.Age >= r.Wait {
			var err error
			if before, after, err = r.Store.Neighbours(ctx, e); err != nil {
				return nil, err
			}
			if err := look(slices.DeleteFunc(slices.Concat(before, after), func(n Handed) bool {
				_, known := hasCopy[n.ID]
				return known
			})); err != nil {
				return nil, err
			}
		}
		settlements[i] = decide(e, hasCopy, before, after, r.Wait)
	}
	return settlements, nil
}

// decide settles an email by the copies that exist. A missing copy proves something only if the source keeps copies.
// The copy of an earlier accepted email proves that it does. The copy of a later one counts only if there is no earlier
// email.
func decide(e Handed, hasCopy map[int64]bool, before, after []Handed, wait time.Duration) Settlement {
	some := func(list []Handed) bool {
		return slices.ContainsFunc(list, func(n Handed) bool { return n.Age >= wait && hasCopy[n.ID] })
	}
	switch {
	case hasCopy[e.ID]:
		return Sent
	case e.Age < wait:
		return Leave
	case some(before), len(before) == 0 && some(after):
		return Again
	}
	return Resend
}

// How many of the newest copies are compared with the records: newestCopies to find out whether records are missing,
// and maxCopies if they are.
const newestCopies, maxCopies = 25, 3000

// Unrecorded implements [reminder.Feedback].
func (r *Reader) Unrecorded(ctx context.Context, database string, since time.Time, all bool) ([]reminder.Copy, error) {
	if !all {
		if some, err := r.compare(ctx, settleTime, database, since, newestCopies, all); err != nil || len(some) == 0 {
			return nil, err
		}
	}
	return r.compare(ctx, time.Minute, database, since, maxCopies, all)
}

// compare returns the copies, of the newest ones, that are not on record. With all it also returns those whose email is
// queued.
func (r *Reader) compare(ctx context.Context, atMost time.Duration, database string, since time.Time, most int,
	all bool) (unrecorded []reminder.Copy, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, atMost, errTime)
	defer cancel()
	source, err := r.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	copies, err := source.Copies(ctx, since, most)
	if err != nil || len(copies) == 0 {
		return nil, err
	}
	refs := make([]string, len(copies))
	for i, c := range copies {
		refs[i] = c.Ref
	}
	waits, err := r.Store.Refs(ctx, refs)
	for _, c := range copies {
		waiting, known := waits[c.Ref]
		if c.Waiting = waiting; c.Database == database && (!known || waiting && all) {
			unrecorded = append(unrecorded, c.Copy)
		}
	}
	return unrecorded, err
}

// Read implements [reminder.Feedback].
func (r *Reader) Read(ctx context.Context, now time.Time) (c reminder.FeedbackCounts, err error) {
	timed, cancel := context.WithTimeoutCause(ctx, readTime, errTime)
	defer cancel()
	place, err := r.Store.Place(timed)
	if err != nil {
		return c, err
	}
	source, err := r.Open(timed)
	if err != nil {
		return c, err
	}
	defer source.Close()
	return c, source.Returned(timed, place, now, func(b Batch) error {
		c.Read += b.Read
		// A batch that was read is recorded even when the time is over. Otherwise the next run would read it again and have
		// no time left, either.
		if err := r.record(ctx, b.Returns, now, &c); err != nil {
			return err
		}
		return r.Store.KeepPlace(ctx, b.Place)
	})
}

// maxNames is how many names one query has at most.
const maxNames = 1000

// record finds the emails that came back, and records what that means for them and their addresses.
func (r *Reader) record(ctx context.Context, returns []Return, now time.Time, c *reminder.FeedbackCounts) error {
	names := namesOf(returns)
	if len(names.IDs)+len(names.Refs)+len(names.Receipts)+len(names.Addresses) > maxNames && len(returns) > 1 {
		half := len(returns) / 2
		return errors.Join(r.record(ctx, returns[:half], now, c), r.record(ctx, returns[half:], now, c))
	}
	emails, err := r.Store.Named(ctx, names)
	if err != nil {
		return err
	}
	var runs []string
	for _, ret := range returns {
		e, f, ok := match(ret, emails)
		switch {
		case !ok && !ret.Foreign:
			c.Unmatched++
		case !ok:
		case ret.Complaint:
			err = r.optOut(ctx, e, ret)
		default:
			err = r.bounce(ctx, e, f, ret.At, c)
			if !slices.Contains(runs, e.Run) {
				runs = append(runs, e.Run)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, run := range runs {
		if err := r.mark(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// namesOf returns the names in returns. An address counts only if a return has no other name.
func namesOf(returns []Return) (names Names) {
	for _, ret := range returns {
		names.IDs, names.Refs = append(names.IDs, ret.IDs...), append(names.Refs, ret.Refs...)
		if ret.Receipt != "" {
			names.Receipts = append(names.Receipts, ret.Receipt)
		}
		if ret.named() {
			continue
		}
		for _, f := range ret.Failures {
			for _, a := range f.Addresses {
				names.Addresses = append(names.Addresses, reminder.DigestOf(a))
			}
		}
	}
	return names
}

// named reports whether a return has a name of its email that is not an address.
func (r Return) named() bool { return len(r.IDs)+len(r.Refs) > 0 || r.Receipt != "" }

// optOut records that the borrower wants no more reminders.
func (r *Reader) optOut(ctx context.Context, e Handed, ret Return) error {
	if !personal(e.Kind) {
		return nil
	}
	how := OptOutByComplaint
	if ret.Answer {
		how = OptOutByAnswer
	}
	err := r.Store.OptOut(ctx, e.Borrower, how, ret.At)
	if err == nil {
		r.Log.Info("a borrower wants no reminders", "email", e.ID, "how", how)
	}
	return err
}

// bounce judges an email that came back, and records the verdict.
func (r *Reader) bounce(ctx context.Context, e Handed, f Failure, at time.Time, c *reminder.FeedbackCounts) error {
	earlier, err := r.Store.CameBack(ctx, e.Borrower, e.Address)
	if err != nil {
		return err
	}
	v := Judge(e, f, at, earlier)
	done, err := r.Store.Bounce(ctx, v)
	if err != nil || !done {
		return err
	}
	c.Bounced++
	if e.State != reminder.StateSent { // only an accepted email comes back, so its outcome is known now
		c.Resolved++
	}
	r.Log.Warn("an email came back", "email", e.ID, "class", string(v.Class), "code", v.Code, "reason", v.Text)
	return nil
}

// mark records the bad addresses of a run, unless too many of its emails came back.
func (r *Reader) mark(ctx context.Context, run string) error {
	accepted, bounced, err := r.Store.RunCounts(ctx, run)
	if err != nil {
		return err
	}
	many := TooMany(accepted, bounced)
	if many {
		r.Log.Error("too many emails of one run came back; no address is marked as bad", "of_run", run, "accepted", accepted,
			"bounced", bounced)
	}
	return r.Store.Mark(ctx, run, many)
}

// TooMany reports whether more than a fifth of a run's accepted emails bounced, and at least three. Then the cause is
// the sender, the provider or an attack, and not the addresses.
func TooMany(accepted, bounced int) bool { return bounced >= 3 && bounced*5 > accepted }

// match finds the email that a return is about. The failed address must be the one to which the email was sent. So
// somebody who knows an id, such as the recipient, cannot stop the mail to another address.
func match(ret Return, emails []Handed) (Handed, Failure, bool) {
	for _, e := range emails {
		named := slices.Contains(ret.IDs, e.MessageID) || slices.Contains(ret.Refs, e.Ref) ||
			ret.Receipt != "" && e.Receipt == ret.Receipt ||
			!ret.named() && !e.At.After(ret.At)
		// A return from before the handover is about an earlier try, which had the same Message-ID.
		if !named || e.Age > MaxAge || ret.At.Before(e.At.Add(-time.Hour)) {
			continue
		}
		for _, f := range ret.Failures {
			if slices.ContainsFunc(f.Addresses, func(a string) bool { return reminder.DigestOf(a) == e.Address }) {
				return e, f, true
			}
		}
		// Some reporters of complaints remove the address.
		if ret.Complaint && len(ret.Failures) > 0 && len(ret.Failures[0].Addresses) == 0 {
			return e, Failure{}, true
		}
	}
	return Handed{}, Failure{}, false
}

// A Verdict says what an email that came back means for its address.
type Verdict struct {
	Email Handed
	Class mail.ReturnClass
	Code  string
	Text  string
	At    time.Time // when it came back
	Bad   bool      // the address must not be used any more
}

// When an address that repeatedly failed counts as bad.
const (
	disabledBounces = 2
	fullBounces     = 3
	fullPeriod      = 14 * 24 * time.Hour
)

// markedKinds are the kinds whose addresses are recorded as bad. The librarian's address is tried every day.
var markedKinds = []reminder.Kind{reminder.KindLoan, reminder.KindGuardian, reminder.KindClass}

// Judge judges an email that came back, with the earlier bounces of the address. An address without a mailbox is bad at
// once, a disabled one at the second bounce, and a full one after three bounces in at least two weeks. Other causes are
// not about the address.
func Judge(e Handed, f Failure, at time.Time, earlier []Verdict) Verdict {
	v := Verdict{Email: e, Class: f.Class, Code: f.Code, Text: f.Text, At: at}
	same, first := 1, at
	for _, o := range earlier {
		if o.Email.ID == e.ID || o.Class != f.Class {
			continue
		}
		same++
		if o.At.Before(first) {
			first = o.At
		}
	}
	switch f.Class {
	case mail.ReturnNoAddress:
		v.Bad = true
	case mail.ReturnDisabled:
		v.Bad = same >= disabledBounces
	case mail.ReturnFull:
		v.Bad = same >= fullBounces && at.Sub(first) >= fullPeriod
	}
	v.Bad = v.Bad && slices.Contains(markedKinds, e.Kind)
	return v
}

// personal reports whether the recipient of a kind of email can opt out.
func personal(k reminder.Kind) bool { return k == reminder.KindLoan || k == reminder.KindGuardian }

// Reason returns the reason that is stored with the email: class, code and the text of the server.
func (v Verdict) Reason() string {
	return strings.TrimSpace("bounced: " + string(v.Class) + " " + v.Code + ": " + v.Text)
}
