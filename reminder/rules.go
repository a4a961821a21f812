package reminder

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// This file decides about one loan: whether a notice is promised, and whether a promised notice is sent. It is pure.
// The plan, the recheck and explain ask the same list of rules.

// A Verdict says what a rule decided about one loan. Verdicts are words because people read them.
type Verdict string

// The verdicts. All except Due mean that no notice is promised now.
const (
	VerdictDue         Verdict = "due"         // a step is in force that was not promised yet
	VerdictNotYet      Verdict = "not_yet"     // the first step's day has not come
	VerdictTold        Verdict = "told"        // the step in force, or a later one, was promised
	VerdictTooOld      Verdict = "too_old"     // later than REMINDER_MAX_OVERDUE_DAYS
	VerdictOnHold      Verdict = "held"        // the library's system says why
	VerdictOptedOut    Verdict = "opted_out"   // the borrower wants no reminders
	VerdictUnreachable Verdict = "unreachable" // no usable address
	VerdictBadAddress  Verdict = "bad_address" // this address was refused for good
	VerdictWithheld    Verdict = "withheld"    // not in REMINDER_ONLY_TO
	VerdictTooSoon     Verdict = "too_soon"    // the recipient was written to within REMINDER_MIN_DAYS
	VerdictOdd         Verdict = "odd"         // a cell of it makes no sense ([Loan.Odd])
)

// Further reasons not to send a notice that was promised. They are stored.
const (
	ReasonReturned   = "returned"
	ReasonRenewed    = "renewed"
	ReasonSuperseded = "superseded" // a later step is in force: its own notice says more
)

// Rules decide which loans are reminded of. A run reads them once.
type Rules struct {
	Schedule       Schedule
	Calendar       Calendar
	Branches       map[string]Calendar // by Loan.Calendar; the library's closed days are in each of them, too
	WithholdClosed bool                // the loans of a branch that is closed today wait
	BeforeClosure  int                 // a closure of at least so many days is announced on its eve; 0: none
	MaxOverdueDays int                 // loans later than this are counted, not mailed
	OnlyTo         []string            // when not empty, mail goes to these addresses only
	OptedOut       map[string]bool     // by Borrower.ID
	BadAddresses   map[string]Digest   // by Borrower.ID
}

// calendar returns the calendar that a loan follows.
func (r Rules) calendar(loan Loan) Calendar {
	if c, ok := r.Branches[loan.Calendar]; ok {
		return c
	}
	return r.Calendar
}

// Offset returns the days from a loan's due date to today, as its borrower can act; see [Calendar.Offset].
func (r Rules) Offset(loan Loan, today Date) int { return r.calendar(loan).Offset(loan.Due, today) }

// DueToday reports whether a loan is due today: on its due date, or until the first open day after it.
func (r Rules) DueToday(loan Loan, today Date) bool {
	return r.Offset(loan, today) == 0
}

// A Digest stands for an address where the address itself must not be stored.
type Digest [sha256.Size]byte

// DigestOf returns the digest of an address, without regard to case.
func DigestOf(addr string) Digest { return sha256.Sum256([]byte(strings.ToLower(addr))) }

// Reach returns the first and last due date that can matter today.
func (r Rules) Reach(today Date) (first, last Date) {
	last = today.AddDays(-min(0, r.Schedule.First()))
	for _, calendar := range append(slices.Collect(maps.Values(r.Branches)), r.Calendar) {
		if end := r.announced(calendar, today).Last; end.After(last) {
			last = end
		}
	}
	return today.AddDays(-r.MaxOverdueDays), last
}

// announced returns the closure in which d lies, or of which it is the eve, when it is long enough to be announced
// (REMINDER_BEFORE_CLOSURE); else no closure.
func (r Rules) announced(calendar Calendar, d Date) Closure {
	if r.BeforeClosure == 0 {
		return Closure{}
	}
	c, ok := calendar.Closure(d)
	if !ok || c.Reopens().Sub(c.First) < r.BeforeClosure {
		return Closure{}
	}
	return c
}

// Address returns the one address to which mail for the borrower goes, and Due when mail may go there.
func (r Rules) Address(b Borrower) (mail.Address, Verdict) {
	addr, err := mail.ParseAddress(b.Email)
	if err != nil {
		return mail.Address{}, VerdictUnreachable
	}
	addr.Name = b.Name
	if bad, ok := r.BadAddresses[b.ID]; ok && bad == DigestOf(addr.Addr) {
		return addr, VerdictBadAddress
	}
	if len(r.OnlyTo) > 0 && !slices.ContainsFunc(r.OnlyTo,
		func(a string) bool { return strings.EqualFold(a, addr.Addr) }) {
		return addr, VerdictWithheld
	}
	return addr, VerdictDue
}

// A Past is a notice on record, as far as a plan needs it.
type Past struct {
	Step     int
	Dropped  string // why it was left out of its email, MovedAway, or ""
	Email    int64
	Borrower string // of the email; "" when that is not on record
	Waiting  bool   // the email has not ended
	Told     bool   // the email was sent, or may have been
}

// belongsToOther reports whether the notice belongs to another borrower: the loan had been booked on the wrong one.
func (p Past) belongsToOther(borrower string) bool { return p.Borrower != "" && p.Borrower != borrower }

// A History is what was promised in one Cycle, to whomever.
type History []Past

// Promised reports whether a step must not be promised to a borrower, because it or a newer one was. A void notice does
// not count. A notice to another borrower counts only while its email may still be sent, because that email's recheck
// comes first.
func (h History) Promised(borrower string, step int) bool {
	return slices.ContainsFunc(h, func(p Past) bool {
		switch {
		case slices.Contains(Voids, p.Dropped):
			return false
		case p.belongsToOther(borrower):
			return p.Step == step && p.Waiting && p.Dropped != ReasonMoved
		}
		return p.Step >= step
	})
}

// number returns which late reminder a borrower's next one is: one more than were sent, or may have been.
func (h History) number(borrower string) int {
	n := 1
	for _, p := range h {
		if p.Told && p.Step > 0 && !p.belongsToOther(borrower) && (p.Dropped == "" || p.Dropped == ReasonMoved) {
			n++
		}
	}
	return n
}

// moved reports whether a step was promised to another borrower, so that this one has yet to be told.
func (h History) moved(borrower string, step int) bool {
	return slices.ContainsFunc(h, func(p Past) bool {
		return p.Step == step && p.belongsToOther(borrower) && !slices.Contains(Voids, p.Dropped)
	})
}

// A decision is what the rules look at.
type decision struct {
	Rules
	today          Date
	loan           Loan
	past           History // of its cycle; empty in a recheck
	addressVerdict Verdict // "" until a rule asks for it

	offset  int     // days from the due date, as the calendar sees it
	step    int     // in force
	inForce bool    // without it step means nothing
	closure Closure // an announced closure in which, or on whose eve, the loan is due

	promised *Notice // in a recheck, what was promised
	to       string  // and to which borrower
	open     bool    // whether the loan still is
}

// decide looks at a loan.
func (r Rules) decide(loan Loan, past History, today Date) *decision {
	d := &decision{Rules: r, today: today, loan: loan, past: past, offset: r.Offset(loan, today)}
	d.step, d.inForce = r.Schedule.InForce(d.offset)
	d.step = loan.stepWanted(d.step, d.offset) // the day from which a borrower wants mail is a step of their own
	// The eve of a closure is a step, too, and the last one before the due date. When the closure is moved, its eve is
	// another step: the loan is told about again only if that is a later day.
	d.closure = r.announced(r.calendar(loan), loan.Due)
	if eve := d.closure.Eve(); !d.closure.Last.IsZero() && !today.Before(eve) && (today.Before(loan.Due) || today == eve) {
		d.step, d.inForce = eve.Sub(loan.Due), true
	}
	return d
}

// wanted reports whether the borrower wants mail at a step. A borrower who wants mail before the due date also wants
// it on the eve of a closure.
func (d *decision) wanted(step int) bool {
	return d.loan.wants(step) || step < 0 && step == d.closure.Eve().Sub(d.loan.Due) && d.loan.wants(-1)
}

// address returns Due when mail may go to the borrower.
func (d *decision) address() Verdict {
	if d.addressVerdict == "" {
		_, d.addressVerdict = d.Address(d.loan.Borrower)
	}
	return d.addressVerdict
}

// closed reports whether the loan's branch is closed today.
func (d *decision) closed() bool {
	_, closed := d.calendar(d.loan).Closed(d.today)
	return closed
}

// The stages at which a rule is asked.
const (
	planning = 1 << iota
	sending
)

// loanRules are asked in this order, and the first that hinders decides. A rule that hinders while sending drops the
// notice. Addresses and closed branches concern the whole email then ([Rules.Recheck]).
var loanRules = []struct {
	verdict Verdict
	at      int
	hinders func(d *decision) bool
}{
	{VerdictOdd, planning, func(d *decision) bool { return d.loan.Odd(d.today) != "" }},
	{VerdictOdd, sending, func(d *decision) bool { return d.open && d.loan.Odd(d.today) != "" }},
	{VerdictUnreachable, sending, func(d *decision) bool { // the guardian's address has changed
		return d.open && d.loan.child != nil && d.loan.Borrower.ID != d.to
	}},
	// An id can come back with another borrower after a restore.
	{ReasonReturned, sending, func(d *decision) bool { return !d.open || d.loan.Borrower.ID != d.to }},
	{ReasonRenewed, sending, func(d *decision) bool { return d.loan.Due != d.promised.Due }},
	{VerdictTooOld, planning | sending, func(d *decision) bool { return d.today.Sub(d.loan.Due) > d.MaxOverdueDays }},
	{VerdictOnHold, planning | sending, func(d *decision) bool { return d.loan.Hold != "" }},
	{VerdictOptedOut, planning | sending, func(d *decision) bool { return d.OptedOut[d.loan.Borrower.ID] }},
	{VerdictUnreachable, planning, func(d *decision) bool { return d.address() == VerdictUnreachable }},
	{VerdictBadAddress, planning, func(d *decision) bool { return d.address() == VerdictBadAddress }},
	{VerdictNotYet, planning, func(d *decision) bool { return !d.inForce || d.WithholdClosed && d.closed() }},
	{VerdictOptedOut, planning, func(d *decision) bool { return d.inForce && !d.wanted(d.step) }},
	// The closure was taken out of the calendar, the schedule was changed, or a clock was ahead.
	{VerdictNotYet, sending, func(d *decision) bool { return !d.inForce }},
	{ReasonSuperseded, sending, func(d *decision) bool { return d.step > d.promised.Step }},
	{VerdictOptedOut, sending, func(d *decision) bool { return !d.wanted(d.promised.Step) }},
	// A step is promised only if it is newer than every step that the borrower was promised. So a changed schedule does
	// not repeat under another step what the old one said.
	{VerdictTold, planning, func(d *decision) bool { return d.inForce && d.past.Promised(d.loan.Borrower.ID, d.step) }},
	{VerdictWithheld, planning, func(d *decision) bool { return d.address() == VerdictWithheld }},
}

// verdict returns the verdict of the first rule that hinders, or Due.
func (d *decision) verdict(stage int) Verdict {
	for _, rule := range loanRules {
		if rule.at&stage != 0 && rule.hinders(d) {
			return rule.verdict
		}
	}
	return VerdictDue
}

// A Trace is what every rule says about an open loan.
type Trace struct {
	Offset  int       // days from the due date, as the calendar sees it
	Step    int       // in force, unless VerdictNotYet hinders
	Eve     Date      // the last open day before a closure, when that day is the step; else zero
	Closed  bool      // the loan's branch is closed today
	Hinders []Verdict // every verdict that keeps a notice from being promised
}

// Trace asks all rules about a loan, where [Rules.Judge] stops at the first that hinders. Nothing but its oddity is
// known about an odd loan.
func (r Rules) Trace(loan Loan, past History, today Date) Trace {
	d := r.decide(loan, past, today)
	t := Trace{Offset: d.offset, Step: d.step, Closed: d.closed(), Hinders: []Verdict{}}
	if eve := d.closure.Eve(); !d.closure.Last.IsZero() && d.inForce && loan.Due.AddDays(d.step) == eve {
		t.Eve = eve
	}
	for _, rule := range loanRules {
		if rule.at&planning != 0 && !slices.Contains(t.Hinders, rule.verdict) && rule.hinders(d) {
			if t.Hinders = append(t.Hinders, rule.verdict); rule.verdict == VerdictOdd {
				break
			}
		}
	}
	return t
}

// Judge decides about one loan, given what was promised in its cycle. The Notice is the one to promise when the verdict
// is Due or Withheld.
func (r Rules) Judge(loan Loan, past History, today Date) (Notice, Verdict) {
	d := r.decide(loan, past, today)
	v := d.verdict(planning)
	if v != VerdictDue && v != VerdictWithheld {
		return Notice{}, v
	}
	n := Notice{Cycle: loan.Cycle(), Step: d.step}
	if d.step > 0 {
		n.Number = past.number(loan.Borrower.ID)
	}
	return n, v
}

// withheldFor is how long an email is not claimed again that REMINDER_ONLY_TO or a closed branch withholds. The sweep
// of the next run queues it earlier.
const withheldFor = time.Hour

// Withheld is the outcome of such an email.
func Withheld(reason string) Outcome {
	return Outcome{State: StateQueued, Reason: reason, KeepTry: true, RetryAfter: withheldFor}
}

// Recheck compares a claim's notices with the loans as they are now. It returns the letter to send and its recipient,
// or an outcome with a State when nothing is to be sent.
func (r Rules) Recheck(c Claim, loans []Loan, today Date) (Letter, mail.Address, Outcome) {
	letter := Letter{Today: today}
	var borrower Borrower
	var o Outcome
	closed := false
	for _, n := range c.Notices {
		loan, open := current(c, n, loans)
		d := r.decide(loan, nil, today)
		d.promised, d.to, d.open = &n, c.Borrower, open
		if v := d.verdict(sending); v != VerdictDue {
			o.Dropped = append(o.Dropped, Dropped{n, string(v)})
			continue
		}
		if borrower = loan.Borrower; len(letter.Items) == 0 {
			letter.From, letter.ReplyTo = loan.From, loan.ReplyTo
		} else if letter.From != loan.From || letter.ReplyTo != loan.ReplyTo { // of two branches: the library writes
			letter.From, letter.ReplyTo = "", ""
		}
		closed = closed || d.closed()
		letter.Items = append(letter.Items, d.item(n))
	}
	if len(letter.Items) == 0 {
		o.State, o.Reason = StateCanceled, "empty"
		for _, dropped := range o.Dropped {
			o.Reason = dropped.Reason
			if dropped.Reason == ReasonSuperseded {
				o.State = StateExpired
				break
			}
		}
		return letter, mail.Address{}, o
	}
	slices.SortStableFunc(letter.Items, func(a, b Item) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Title, b.Title))
	})
	letter.Name, letter.Lang, letter.Type, letter.Group = borrower.Name, borrower.Language, borrower.Type, borrower.Group
	to, verdict := r.Address(borrower)
	switch {
	case verdict == VerdictWithheld:
		o = Withheld(string(verdict))
	case verdict != VerdictDue:
		o.State, o.Reason = StateCanceled, string(verdict)
	case closed && r.WithholdClosed:
		o = Withheld(ReasonClosedDay)
	}
	return letter, to, o
}

// current finds the loan of a notice. If the view shows it several times, current returns the row that the plan saw.
func current(c Claim, n Notice, loans []Loan) (loan Loan, open bool) {
	for _, l := range loans {
		if l.ID == n.Loan && (!open || l.Borrower.ID == c.Borrower && l.Due == n.Due) {
			loan, open = l, true
		}
	}
	return loan, open
}

// item returns what a letter says about one loan.
func (d *decision) item(n Notice) Item {
	loan, calendar := d.loan, d.calendar(d.loan)
	it := Item{
		Loan: loan.ID, Title: loan.Title, ItemCode: loan.ItemCode, Ref: loan.Ref, Due: loan.Due, DueTime: loan.DueTime,
		ReturnBy: calendar.NextOpen(loan.Due), Days: d.offset,
		FinePerDay: loan.FinePerDay,
	}
	if loan.child != nil {
		it.Child, it.Group = loan.child.Name, loan.child.Group
	}
	it.ClosedFor, _ = calendar.Closed(loan.Due)
	if c := d.closure; !c.Last.IsZero() && !d.today.After(c.Eve()) {
		it.LastOpen, it.Reopens, it.ClosureName = c.Eve(), c.Reopens(), c.Name
	}
	if it.Days > 0 {
		it.Number = max(1, n.Number)
	}
	return it
}
