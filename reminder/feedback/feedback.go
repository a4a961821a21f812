// Package feedback learns what became of mail after it was accepted: what came back ([Return]), what was complained
// about, and whether an email of unknown outcome was accepted after all.
//
// It asks a [Source]: a mailbox, or SendGrid. What it finds is judged without looking at anything else ([Parse],
// [Judge]), and recorded before the place in the source is: a crash between the two reads the same once more, and each
// record is made once.
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

// MaxAge is how long after the hand-over something may come back. Mail systems give up after five days at most.
const MaxAge = 14 * 24 * time.Hour

// A Source knows what became of mail.
type Source interface {
	// Returned tells what came back after a place in the source, in batches, each with the place after it.
	Returned(ctx context.Context, place string, now time.Time, take func(Batch) error) error
	// Accepted reports which emails the source holds a copy of, or nil when it keeps none of any.
	Accepted(ctx context.Context, emails []Handed) ([]bool, error)
	// Copies returns the newest mails of this program among those sent since a moment; none where none is kept.
	Copies(ctx context.Context, since time.Time, most int) ([]Copied, error)
	Close() error
}

// A Copied is a mail of this program among the sent ones.
type Copied struct {
	Database string // whose it is
	reminder.Copy
}

// A Batch is what was read at once.
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
	Address                 reminder.Digest // of where it was sent
	At                      time.Time       // of the hand-over
	Age                     time.Duration   // since then, by the database's clock
}

// Names may name emails.
type Names struct {
	IDs, Refs, Receipts []string
	Addresses           []reminder.Digest // with nothing else, when a source has addresses only
}

// A Store keeps emails and what became of them.
type Store interface {
	// Place and KeepPlace keep how far the source has been read.
	Place(ctx context.Context) (string, error)
	KeepPlace(ctx context.Context, place string) error
	// Named returns the emails of the last MaxAge that names name, the newest first.
	Named(ctx context.Context, names Names) ([]Handed, error)
	// CameBack returns what has come back from an address of a borrower.
	CameBack(ctx context.Context, borrower string, address reminder.Digest) ([]Verdict, error)
	// Bounce records a verdict: the email is bounced. It reports false when it was already, or is on its way again.
	Bounce(ctx context.Context, v Verdict) (bool, error)
	// Mark remembers the addresses that a run's verdicts call bad; with none it forgets those that they called so.
	Mark(ctx context.Context, run string, none bool) error
	// RunCounts returns how many of a run's emails were accepted, and how many of those came back.
	RunCounts(ctx context.Context, run string) (accepted, bounced int, err error)
	// Refs returns which emails are on record, and whether they wait and were never handed over.
	Refs(ctx context.Context, refs []string) (waits map[string]bool, err error)
	// OptOut records that a borrower wants no reminders, and how they said so.
	OptOut(ctx context.Context, borrower, how string, at time.Time) error
	// Unsettled returns emails of unknown outcome, also those that are queued once more because of it.
	Unsettled(ctx context.Context) ([]Handed, error)
	// Neighbours returns some accepted emails handed over around another one: those before it, and those after it.
	Neighbours(ctx context.Context, e Handed) (before, after []Handed, err error)
	// Resolve ends the doubt about an email, unless it is on its way again.
	Resolve(ctx context.Context, e Handed, how Settlement) (bool, error)
}

// How a borrower said by mail that they want no reminders.
const (
	OptOutByAnswer    = "answer"
	OptOutByComplaint = "complaint"
)

// A Settlement is what becomes of an email of unknown outcome.
type Settlement int

// The settlements.
const (
	Leave  Settlement = iota // nothing yet: it is looked up again when it is a quarter older
	Sent                     // it was accepted
	Again                    // it was not: it is queued as if it had never been handed over
	Resend                   // nobody can know: it is queued once more, with the same Message-ID and Date
)

// A Reader is the feedback of runs.
type Reader struct {
	Open   func(ctx context.Context) (Source, error)
	Store  Store
	Log    *slog.Logger
	Resend bool          // what nobody can know is sent once more
	Wait   time.Duration // until a copy of an accepted email must be there
}

// giveUp is how long a source that cannot be asked keeps an email in doubt.
const giveUp = 24 * time.Hour

// How long each part may take: doubts and the newest copies before anything is sent, doubts and what came back at the
// end, 20 seconds in all.
const (
	settleTime = 4 * time.Second
	readTime   = 8 * time.Second
)

// atOnce is how many emails of unknown outcome are looked up before what was learned of them is recorded: of a slow
// source, or in a run that is cut short, some are settled all the same.
const atOnce = 5

// Settle ends the doubt about emails of unknown outcome where it can, and returns about how many it did.
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

// ask looks emails up and, where one is missing, its neighbours.
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

// decide says what becomes of an email by what is there. That it is missing means something only when the source keeps
// copies: one that was accepted before it, and is still there, shows that; one after it does only when there is none
// before.
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

// newest is how many of the newest mails tell whether the records are as new as them, and maxCopies how many are read.
const newest, maxCopies = 25, 3000

// Forgotten implements [reminder.Feedback]. Only records in doubt are worth a long look.
func (r *Reader) Forgotten(ctx context.Context, database string, since time.Time, all bool) ([]reminder.Copy, error) {
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

// Read reads what came back, and returns what it did with it.
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
		// What was read is worked off, also when the time is over: the next run would read the same, and be late again.
		if err := r.work(ctx, b.Returns, now, &c); err != nil {
			return err
		}
		return r.Store.KeepPlace(ctx, b.Place)
	})
}

// maxNames is how many names are asked for at once.
const maxNames = 1000

func (r *Reader) work(ctx context.Context, returns []Return, now time.Time, c *reminder.FeedbackCounts) error {
	var names Names
	for _, ret := range returns {
		names.IDs, names.Refs = append(names.IDs, ret.IDs...), append(names.Refs, ret.Refs...)
		if ret.Receipt != "" {
			names.Receipts = append(names.Receipts, ret.Receipt)
		}
		if len(ret.IDs)+len(ret.Refs) == 0 && ret.Receipt == "" {
			for _, f := range ret.Failures {
				for _, a := range f.Addresses {
					names.Addresses = append(names.Addresses, reminder.DigestOf(a))
				}
			}
		}
	}
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
		if !ok {
			if !ret.Foreign {
				c.Unmatched++
			}
			continue
		}
		if ret.Complaint {
			if personal(e.Kind) {
				how := OptOutByComplaint
				if ret.Answer {
					how = OptOutByAnswer
				}
				if err := r.Store.OptOut(ctx, e.Borrower, how, ret.At); err != nil {
					return err
				}
				r.Log.Info("a borrower wants no reminders", "email", e.ID, "how", how)
			}
			continue
		}
		earlier, err := r.Store.CameBack(ctx, e.Borrower, e.Address)
		if err != nil {
			return err
		}
		v := Judge(e, f, ret.At, earlier)
		done, err := r.Store.Bounce(ctx, v)
		if err != nil {
			return err
		}
		if done {
			c.Bounced++
			if e.State != reminder.StateSent { // it was accepted after all, or it could not have come back
				c.Resolved++
			}
			r.Log.Warn("an email came back", "email", e.ID, "class", string(v.Class), "code", v.Code, "reason", v.Text)
		}
		if !slices.Contains(runs, e.Run) {
			runs = append(runs, e.Run)
		}
	}
	for _, run := range runs {
		accepted, bounced, err := r.Store.RunCounts(ctx, run)
		if err != nil {
			return err
		}
		many := TooMany(accepted, bounced)
		if many {
			r.Log.Error("so many emails of one run came back that no address is marked", "of_run", run, "accepted", accepted,
				"bounced", bounced)
		}
		if err := r.Store.Mark(ctx, run, many); err != nil {
			return err
		}
	}
	return nil
}

// TooMany reports whether more than a fifth of a run came back: that is about us, our provider or an attack, and not
// about the addresses. One or two out of a few prove nothing.
func TooMany(accepted, bounced int) bool { return bounced >= 3 && bounced*5 > accepted }

// match finds the email that a return is about. What the return says failed must be the address that was used: who
// knows a message's id, such as its recipient, can speak for nobody else.
func match(ret Return, emails []Handed) (Handed, Failure, bool) {
	for _, e := range emails {
		named := slices.Contains(ret.IDs, e.MessageID) || slices.Contains(ret.Refs, e.Ref) ||
			ret.Receipt != "" && e.Receipt == ret.Receipt ||
			len(ret.IDs)+len(ret.Refs) == 0 && ret.Receipt == "" && !e.At.After(ret.At)
		// What came back before it was handed over is about an earlier try, which had the same Message-ID.
		if !named || e.Age > MaxAge || ret.At.Before(e.At.Add(-time.Hour)) {
			continue
		}
		for _, f := range ret.Failures {
			if slices.ContainsFunc(f.Addresses, func(a string) bool { return reminder.DigestOf(a) == e.Address }) {
				return e, f, true
			}
		}
		if ret.Complaint && len(ret.Failures) > 0 && len(ret.Failures[0].Addresses) == 0 { // taken out by who reports
			return e, Failure{}, true
		}
	}
	return Handed{}, Failure{}, false
}

// A Verdict is what it means that an email came back.
type Verdict struct {
	Email Handed
	Class mail.ReturnClass
	Code  string
	Text  string
	At    time.Time // when it came back
	Bad   bool      // the address is not to be used any more
}

// When an address that did not work for a while is taken for bad.
const (
	offTwice = 2
	fullFor  = 14 * 24 * time.Hour
	fullMany = 3
)

// marked are the kinds whose addresses are marked bad. The librarian's is tried every day.
var marked = []reminder.Kind{reminder.KindLoan, reminder.KindGuardian, reminder.KindClass}

// Judge says what it means for an address that an email came back, beside what came back from it earlier. No such
// mailbox is bad at once; one that is switched off on the second email; a full one after three over two weeks. All else
// is not the address's fault.
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

// personal reports whether an email of a kind is for one person, whose address and wish are kept by it.
func personal(k reminder.Kind) bool { return k == reminder.KindLoan || k == reminder.KindGuardian }

// Reason is how a verdict stands as the reason of its email: the class, and what was said.
func (v Verdict) Reason() string {
	return strings.TrimSpace("bounced: " + string(v.Class) + " " + v.Code + ": " + v.Text)
}
