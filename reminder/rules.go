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
// The plan, the recheck and explain use the same list of rules.

// A Verdict is the decision about one loan. It is a word because people read it.
type Verdict string

// The verdicts. All except Due mean that no notice is promised now.
const (
	VerdictDue         Verdict = "due"         // a step is in force that was not promised yet
	VerdictNotYet      Verdict = "not_yet"     // the first step's day has not come
	VerdictTold        Verdict = "told"        // the step in force, or a later one, was promised
	VerdictTooOld      Verdict = "too_old"     // late for more than REMINDER_MAX_OVERDUE_DAYS
	VerdictOnHold      Verdict = "held"        // Loan.Hold says why
	VerdictOptedOut    Verdict = "opted_out"   // the borrower wants no reminders
	VerdictUnreachable Verdict = "unreachable" // the borrower has no usable address
	VerdictBadAddress  Verdict = "bad_address" // the address was refused for good
	VerdictWithheld    Verdict = "withheld"    // the address is not in REMINDER_ONLY_TO
	VerdictTooSoon     Verdict = "too_soon"    // the recipient got an email within REMINDER_MIN_DAYS
	VerdictOdd         Verdict = "odd"         // a cell of the loan makes no sense ([Loan.Odd])
)

// Further reasons not to send a notice that was promised. They are stored.
const (
	ReasonReturned   = "returned"
	ReasonRenewed    = "renewed"
	ReasonSuperseded = "superseded" // a later step is in force, and its notice says more
)

// Rules decide which loans get a notice. A run reads them once.
type Rules struct {
	Schedule       Schedule
	Calendar       Calendar
	Branches       map[string]Calendar // by Loan.Calendar; each has the library's closed days, too
	WithholdClosed bool                // loans of a branch that is closed today wait for a later run
	BeforeClosure  int                 // a closure of at least so many days is announced on its eve; 0: none is
	MaxOverdueDays int                 // loans that are late for more days are counted and get no mail
	OnlyTo         []string            // the only addresses that get mail; empty: all do
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

// DueToday reports whether a loan is due today: from its due date to the first open day.
func (r Rules) DueToday(loan Loan, today Date) bool {
	return r.Offset(loan, today) == 0
}

// A Digest is the hash of an address, stored in places where the address itself must not be stored.
type Digest [sha256.Size]byte

// DigestOf returns the digest of an address. Upper and lower case give the same digest.
func DigestOf(addr string) Digest { return sha256.Sum256([]byte(strings.ToLower(addr))) }

// Reach returns the first and the last due date of the loans that may get a notice today.
func (r Rules) Reach(today Date) (first, last Date) {
	last = today.AddDays(-min(0, r.Schedule.First()))
	for _, calendar := range append(slices.Collect(maps.Values(r.Branches)), r.Calendar) {
		if end := r.announced(calendar, today).Last; end.After(last) {
			last = end
		}
	}
	return today.AddDays(-r.MaxOverdueDays), last
}

// announced returns the closure that contains d or that has d as its eve, if it is long enough to be announced
// (REMINDER_BEFORE_CLOSURE). Otherwise it returns the zero Closure.
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

// Address returns the one address to which mail for the borrower goes. The verdict is VerdictDue when mail may go
// there.
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

// A Past is a notice on record, with the fields that a plan needs.
type Past struct {
	Step     int
	Dropped  string // why it was left out of its email; ReasonMoved when the loan has moved; else ""
	Email    int64  // the id of the email
	Borrower string // of the email; "" when the email is not on record
	Waiting  bool   // the email has not ended
	Told     bool   // the email was sent, or may have been
}

// belongsToOther reports whether the notice is another borrower's, because the loan had been booked on the wrong one.
func (p Past) belongsToOther(borrower string) bool { return p.Borrower != "" && p.Borrower != borrower }

// A History is what was promised in one Cycle, to any borrower.
type History []Past

// Promised reports whether a step must not be promised to a borrower, because it or a later step was promised. A void
// notice does not count. A notice to another borrower counts only while its email may still be sent, because the
// recheck of that email comes first.
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

// number returns the number of a borrower's next late reminder: one more than the number of those that were sent, or
// may have been sent.
func (h History) number(borrower string) int {
	n := 1
	for _, p := range h {
		if p.Told && p.Step > 0 && !p.belongsToOther(borrower) && (p.Dropped == "" || p.Dropped == ReasonMoved) {
			n++
		}
	}
	return n
}

// moved reports whether a step was promised to another borrower, before the loan moved to this one.
func (h History) moved(borrower string, step int) bool {
	return slices.ContainsFunc(h, func(p Past) bool {
		return p.Step == step && p.belongsToOther(borrower) && !slices.Contains(Voids, p.Dropped)
	})
}

// A decision has the facts about one loan that the rules need.
type decision struct {
	Rules
	today          Date
	loan           Loan
	past           History // of its cycle; empty in a recheck
	addressVerdict Verdict // computed when a rule asks for it; "" before

	offset  int     // see Calendar.Offset
	step    int     // in force, if inForce
	inForce bool    // a step is in force
	closure Closure // an announced closure; the loan is due in it or on its eve

	// in a recheck
	promised *Notice
	to       string // the borrower to whom it was promised
	open     bool   // the loan is still open
}

// decide returns the facts about a loan.
func (r Rules) decide(loan Loan, past History, today Date) *decision {
	d := &decision{Rules: r, today: today, loan: loan, past: past, offset: r.Offset(loan, today)}
	d.step, d.inForce = r.Schedule.InForce(d.offset)
	d.step = loan.stepWanted(d.step, d.offset)
	// The eve of a closure is a step, too, and the last one before the due date. If the closure is moved, its eve is
	// another step. It is promised only if it is a later day.
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

// address returns VerdictDue when mail may go to the borrower.
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

// The stages at which a rule applies.
const (
	planning = 1 << iota
	sending
)

// loanRules are checked in this order, and the first one that hinders a notice decides. A rule that hinders while
// sending drops the notice. Addresses and closed branches are then checked for the whole email ([Rules.Recheck]).
var loanRules = []struct {
	verdict Verdict
	stages  int
	hinders func(d *decision) bool
}{
	{VerdictOdd, planning, func(d *decision) bool { return d.loan.Odd(d.today) != "" }},
	{VerdictOdd, sending, func(d *decision) bool { return d.open && d.loan.Odd(d.today) != "" }},
	{VerdictUnreachable, sending, func(d *decision) bool { // the guardian's address has changed
		return d.open && d.loan.child != nil && d.loan.Borrower.ID != d.to
	}},
	// After a restore of the library's system a new loan may have the id of an old one.
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
	// A step is promised only if it is later than all steps promised to the borrower. So a changed schedule repeats no
	// notice under another step.
	{VerdictTold, planning, func(d *decision) bool { return d.inForce && d.past.Promised(d.loan.Borrower.ID, d.step) }},
	{VerdictWithheld, planning, func(d *decision) bool { return d.address() == VerdictWithheld }},
}

// verdict returns the verdict of the first rule that hinders a notice, or VerdictDue.
func (d *decision) verdict(stage int) Verdict {
	for _, rule := range loanRules {
		if rule.stages&stage != 0 && rule.hinders(d) {
			return rule.verdict
		}
	}
	return VerdictDue
}

// A Trace is the result of all rules for an open loan.
type Trace struct {
	Offset  int       // see Calendar.Offset
	Step    int       // in force, unless Hinders has VerdictNotYet
	Eve     Date      // the last open day before a closure if that day is the step, else zero
	Closed  bool      // the loan's branch is closed today
	Hinders []Verdict // all verdicts that hinder a notice; empty when one is due
}

// Trace checks all rules for a loan, while [Rules.Judge] stops at the first one that hinders. For an odd loan it checks
// no further rule, because they need what is odd.
func (r Rules) Trace(loan Loan, past History, today Date) Trace {
	d := r.decide(loan, past, today)
	t := Trace{Offset: d.offset, Step: d.step, Closed: d.closed(), Hinders: []Verdict{}}
	if eve := d.closure.Eve(); !d.closure.Last.IsZero() && d.inForce && loan.Due.AddDays(d.step) == eve {
		t.Eve = eve
	}
	for _, rule := range loanRules {
		if rule.stages&planning != 0 && !slices.Contains(t.Hinders, rule.verdict) && rule.hinders(d) {
			if t.Hinders = append(t.Hinders, rule.verdict); rule.verdict == VerdictOdd {
				break
			}
		}
	}
	return t
}

// Judge decides about one loan. past is what was promised in its cycle. If the verdict is VerdictDue, the notice is the
// one to promise; if it is VerdictWithheld, the notice would be.
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

// withheldFor is how long a withheld email waits before it may be claimed again. The sweep of the next run ends the
// wait.
const withheldFor = time.Hour

// Withheld returns the outcome of an email that REMINDER_ONLY_TO or a closed branch withholds.
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
		} else if letter.From != loan.From || letter.ReplyTo != loan.ReplyTo { // two branches: the library is the sender
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

// current returns the loan of a notice as it is now. If the view has it several times, it returns the row with the
// borrower and the due date of the notice.
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
