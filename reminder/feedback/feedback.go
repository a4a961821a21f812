// Package feedback finds out what became of mail after its acceptance: which emails came back ([Return]), which were
// called unwanted, and whether an email of unknown outcome was accepted.
//
// A [Reader] asks a [Source]: a mailbox, or SendGrid. [Parse] and [Judge] decide, and they are pure. The Reader records
// the results first and its place in the source second. After a crash between the two it reads the same again, and each
// result is recorded only once.
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

// MaxAge is how long after the handover an email may come back. Mail systems give up after five days at most.
const MaxAge = 14 * 24 * time.Hour

// A Source tells what became of mail.
type Source interface {
	// Returned hands over what came back after a place in the source, in batches. Each batch has the place after it.
	Returned(ctx context.Context, place string, now time.Time, take func(Batch) error) error
	// Accepted reports of which emails the source holds a copy. It returns nil when the source keeps no copies.
	Accepted(ctx context.Context, emails []Handed) ([]bool, error)
	// Copies returns the newest mails of this program that were sent since a moment, or none when none are kept.
	Copies(ctx context.Context, since time.Time, most int) ([]Copied, error)
	Close() error
}

// A Copied is a mail of this program in a mailbox for sent mail.
type Copied struct {
	Database string // to which it belongs
	reminder.Copy
}

// A Batch is the result of one read.
type Batch struct {
	Returns []Return
	Read    int
	Place   string
}

// A Handed is an email that was handed to a mail server.
type Handed struct {
	ID                      int64
	Ref, MessageID, Receipt string
	Kind                    reminder.Kind
	Borrower, Run           string
	State                   reminder.State
	Unknowns                int
	Address                 reminder.Digest // of its recipient
	At                      time.Time       // of the handover
	Age                     time.Duration   // since then, by the database's clock
}

// Names are possible names of emails.
type Names struct {
	IDs, Refs, Receipts []string
	Addresses           []reminder.Digest // of returns with no other name
}

// A Store holds the emails and what became of them.
type Store interface {
	// Place and KeepPlace keep how far the source has been read.
	Place(ctx context.Context) (string, error)
	KeepPlace(ctx context.Context, place string) error
	// Named returns the emails of the last MaxAge with one of the names, newest first.
	Named(ctx context.Context, names Names) ([]Handed, error)
	// CameBack returns what has come back from an address of a borrower.
	CameBack(ctx context.Context, borrower string, address reminder.Digest) ([]Verdict, error)
	// Bounce records a verdict and makes the email a bounced one. It reports false when it already was one or is being
	// sent again.
	Bounce(ctx context.Context, v Verdict) (bool, error)
	// Mark remembers the addresses that the verdicts of a run call bad. With none it forgets them.
	Mark(ctx context.Context, run string, none bool) error
	// RunCounts returns how many of a run's emails were accepted, and how many of those came back.
	RunCounts(ctx context.Context, run string) (accepted, bounced int, err error)
	// Refs returns the recorded emails with these refs, and whether each of them waits for its first handover.
	Refs(ctx context.Context, refs []string) (waits map[string]bool, err error)
	// OptOut records that a borrower wants no reminders, and how they said so.
	OptOut(ctx context.Context, borrower, how string, at time.Time) error
	// Unsettled returns the emails of unknown outcome, also those that are queued again because of it.
	Unsettled(ctx context.Context) ([]Handed, error)
	// Neighbours returns some accepted emails that were handed over shortly before and after an email.
	Neighbours(ctx context.Context, e Handed) (before, after []Handed, err error)
	// Resolve settles an email of unknown outcome, unless it is being sent again.
	Resolve(ctx context.Context, e Handed, how Settlement) (bool, error)
}

// How a borrower said by mail that they want no reminders.
const (
	OptOutByAnswer    = "answer"
	OptOutByComplaint = "complaint"
)

// A Settlement decides about an email of unknown outcome.
type Settlement int

// The settlements.
const (
	Leave  Settlement = iota // not yet: look it up again when it is a quarter older
	Sent                     // it was accepted
	Again                    // it was not accepted: queue it as if it had never been handed over
	Resend                   // nobody can know: queue it again, with the same Message-ID and Date
)

// A Reader reads the feedback for runs.
type Reader struct {
	Open   func(ctx context.Context) (Source, error)
	Store  Store
	Log    *slog.Logger
	Resend bool          // REMINDER_UNKNOWN=resend
	Wait   time.Duration // until the copy of an accepted email must be there
}

// giveUp is how long an email stays unknown because the source does not answer.
const giveUp = 24 * time.Hour

// How long each part may take. A run settles twice, compares the newest copies once, and reads once: 20 seconds in all.
const (
	settleTime = 4 * time.Second
	readTime   = 8 * time.Second
)

// atOnce is how many emails of unknown outcome are looked up before the results are recorded. So a slow source or a
// short run still settles some of them.
const atOnce = 5

// Settle settles the emails of unknown outcome that it can, and returns how many.
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
	for chunk := range slices.Chunk(unsettled, atOnce) {
		var verdicts []Settlement
		if failure == nil {
			verdicts, failure = r.ask(timed, source, chunk)
		}
		for i, e := range chunk {
			var how Settlement
			switch {
			case verdicts != nil:
				how = verdicts[i]
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

// ask looks up the emails and the neighbours of those that are missing.
func (r *Reader) ask(ctx context.Context, source Source, emails []Handed) ([]Settlement, error) {
	there := map[int64]bool{}
	look := func(list []Handed) error {
		found, err := source.Accepted(ctx, list)
		for i := range found {
			there[list[i].ID] = found[i]
		}
		return err
	}
	if err := look(emails); err != nil {
		return nil, err
	}
	how := make([]Settlement, len(emails))
	for i, e := range emails {
		var before, after []Handed
		if !there[e.ID] && e.Age >= r.Wait {
			var err error
			if before, after, err = r.Store.Neighbours(ctx, e); err != nil {
				return nil, err
			}
			if err := look(slices.DeleteFunc(slices.Concat(before, after), func(n Handed) bool {
				_, known := there[n.ID]
				return known
			})); err != nil {
				return nil, err
			}
		}
		how[i] = decide(e, there, before, after, r.Wait)
	}
	return how, nil
}

// decide settles an email by the copies that are there. A missing copy proves something only when the source keeps
// copies. The copy of an email that was accepted before it shows that. The copy of a later one counts only when there
// is no earlier email.
func decide(e Handed, there map[int64]bool, before, after []Handed, wait time.Duration) Settlement {
	some := func(list []Handed) bool {
		return slices.ContainsFunc(list, func(n Handed) bool { return n.Age >= wait && there[n.ID] })
	}
	switch {
	case there[e.ID]:
		return Sent
	case e.Age < wait:
		return Leave
	case some(before), len(before) == 0 && some(after):
		return Again
	}
	return Resend
}

// newest is how many of the newest copies show whether the records are up to date, maxCopies is how many are read when
// they are not.
const newest, maxCopies = 25, 3000

// Unrecorded implements [reminder.Feedback]. It reads many copies only when the newest ones show that records are
// missing.
func (r *Reader) Unrecorded(ctx context.Context, database string, since time.Time, all bool) ([]reminder.Copy, error) {
	if !all {
		if some, err := r.compare(ctx, settleTime, database, since, newest, all); err != nil || len(some) == 0 {
			return nil, err
		}
	}
	return r.compare(ctx, time.Minute, database, since, maxCopies, all)
}

func (r *Reader) compare(ctx context.Context, atMost time.Duration, database string, since time.Time, most int,
	all bool) (forgotten []reminder.Copy, err error) {
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
			forgotten = append(forgotten, c.Copy)
		}
	}
	return forgotten, err
}

// Read reads what came back, records it, and returns the counts.
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
		// It records what it has read even when the time is over. Otherwise the next run would read the same and be late
		// again.
		if err := r.work(ctx, b.Returns, now, &c); err != nil {
			return err
		}
		return r.Store.KeepPlace(ctx, b.Place)
	})
}

// maxNames is how many names one query has.
const maxNames = 1000

func (r *Reader) work(ctx context.Context, returns []Return, now time.Time, c *reminder.FeedbackCounts) error {
	names := namesOf(returns)
	if len(names.IDs)+len(names.Refs)+len(names.Receipts)+len(names.Addresses) > maxNames && len(returns) > 1 {
		half := len(returns) / 2
		return errors.Join(r.work(ctx, returns[:half], now, c), r.work(ctx, returns[half:], now, c))
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

// namesOf returns what the returns may name. Addresses count only where a return has nothing else.
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

// named reports whether a return names its email by more than an address.
func (r Return) named() bool { return len(r.IDs)+len(r.Refs) > 0 || r.Receipt != "" }

// optOut ends the reminders of the borrower who called an email unwanted.
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

// bounce judges and records that an email came back.
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
	if e.State != reminder.StateSent { // it had been accepted, or it could not have come back
		c.Resolved++
	}
	r.Log.Warn("an email came back", "email", e.ID, "class", string(v.Class), "code", v.Code, "reason", v.Text)
	return nil
}

// mark remembers the bad addresses of a run, unless too many of its emails came back.
func (r *Reader) mark(ctx context.Context, run string) error {
	accepted, bounced, err := r.Store.RunCounts(ctx, run)
	if err != nil {
		return err
	}
	many := TooMany(accepted, bounced)
	if many {
		r.Log.Error("so many emails of one run came back that no address is marked", "of_run", run, "accepted", accepted,
			"bounced", bounced)
	}
	return r.Store.Mark(ctx, run, many)
}

// TooMany reports whether more than a fifth of a run came back. The cause is then the sender, the provider or an
// attack, not the addresses. One or two of a few prove nothing.
func TooMany(accepted, bounced int) bool { return bounced >= 3 && bounced*5 > accepted }

// match finds the email that a return is about. The failed address must be the one that the email was sent to: somebody
// who knows an id, such as the recipient, cannot stop the mail to another address.
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
		if ret.Complaint && len(ret.Failures) > 0 && len(ret.Failures[0].Addresses) == 0 { // removed by the reporter
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
	offTwice = 2
	fullFor  = 14 * 24 * time.Hour
	fullMany = 3
)

// marked are the kinds whose addresses are marked bad. The address of the librarian is tried every day.
var marked = []reminder.Kind{reminder.KindLoan, reminder.KindGuardian, reminder.KindClass}

// Judge judges an email that came back, together with what came back from the address earlier. An address without a
// mailbox is bad at once, a disabled one at the second email, a full one after three emails over two weeks. Other
// causes are not about the address.
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
		v.Bad = same >= offTwice
	case mail.ReturnFull:
		v.Bad = same >= fullMany && at.Sub(first) >= fullFor
	}
	v.Bad = v.Bad && slices.Contains(marked, e.Kind)
	return v
}

// personal reports whether an email of a kind goes to one person who can opt out of it.
func personal(k reminder.Kind) bool { return k == reminder.KindLoan || k == reminder.KindGuardian }

// Reason is the reason that is stored with the email: class, code, and the words of the server.
func (v Verdict) Reason() string {
	return strings.TrimSpace("bounced: " + string(v.Class) + " " + v.Code + ": " + v.Text)
}
