package reminder

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Verdict says what a rule decided about one loan. Verdicts are words because people read them.
type Verdict string

// The verdicts. All but Due mean that no notice is promised now.
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
	VerdictOdd         Verdict = "odd"         // a cell of it says nothing that can be meant ([Loan.Odd])
)

// Rules decide which loans are told about. They are values read once a run; deciding is pure.
type Rules struct {
	Schedule       Schedule
	Calendar       Calendar
	Branches       map[string]Calendar // by Loan.Calendar; the library's closed days are in each of them, too
	Shut           bool                // nothing goes out about the loans of a branch that is closed today
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

// shut reports whether the loan's branch is closed today, where that matters.
func (r Rules) shut(loan Loan, today Date) bool {
	_, closed := r.calendar(loan).Closed(today)
	return r.Shut && closed
}

// A Digest stands for an address where the address itself must not be stored.
type Digest [sha256.Size]byte

// DigestOf returns the digest of an address, without regard to case.
func DigestOf(addr string) Digest { return sha256.Sum256([]byte(strings.ToLower(addr))) }

// Reach returns the first and last due date that can matter today.
func (r Rules) Reach(today Date) (first, last Date) {
	return today.AddDays(-r.MaxOverdueDays), today.AddDays(-min(0, r.Schedule.First()))
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
	if len(r.OnlyTo) > 0 && !slices.ContainsFunc(r.OnlyTo, func(a string) bool { return strings.EqualFold(a, addr.Addr) }) {
		return addr, VerdictWithheld
	}
	return addr, VerdictDue
}

// Hinder returns why nothing may be said about the loan, whatever was said before, or Due.
func (r Rules) Hinder(loan Loan, today Date) Verdict {
	switch {
	case loan.Odd(today) != "":
		return VerdictOdd
	case today.Sub(loan.Due) > r.MaxOverdueDays:
		return VerdictTooOld
	case loan.Hold != "":
		return VerdictOnHold
	case r.OptedOut[loan.Borrower.ID]:
		return VerdictOptedOut
	}
	return VerdictDue
}

// A Past is a notice on record, as a plan needs it.
type Past struct {
	Step     int
	Dropped  string // why it was left out of its email, MovedAway, or ""
	Email    int64
	Borrower string // whose email it is; "" when that is not on record
	Waiting  bool   // the email has not ended
	Told     bool   // the email was sent, or may have been
}

// anothers reports whether the notice belongs to another borrower: the loan had been booked on the wrong one.
func (p Past) anothers(borrower string) bool { return p.Borrower != "" && p.Borrower != borrower }

// A History is what was promised in one Cycle, to whomever.
type History []Past

// Promised reports whether a step must not be promised to a borrower, because it or a newer one was. What was dropped
// before anything was sent promises nothing any more. What another borrower was told, they were not; but as long as
// another's email may still be sent, its recheck comes first.
func (h History) Promised(borrower string, step int) bool {
	return slices.ContainsFunc(h, func(p Past) bool {
		switch {
		case slices.Contains(Voids, p.Dropped):
			return false
		case p.anothers(borrower):
			return p.Step == step && p.Waiting && p.Dropped != ReasonMoved
		}
		return p.Step >= step
	})
}

// number is which late reminder a borrower's next one is: one more than were sent, or may have been.
func (h History) number(borrower string) int {
	n := 1
	for _, p := range h {
		if p.Told && p.Step > 0 && !p.anothers(borrower) && (p.Dropped == "" || p.Dropped == ReasonMoved) {
			n++
		}
	}
	return n
}

// moved reports whether a step was promised to another borrower, and is to be told to this one.
func (h History) moved(borrower string, step int) bool {
	return slices.ContainsFunc(h, func(p Past) bool {
		return p.Step == step && p.anothers(borrower) && !slices.Contains(Voids, p.Dropped)
	})
}

// inForce returns the step in force for a loan. The day from which its borrower wants to hear is a step of their own.
func (r Rules) inForce(loan Loan, today Date) (step int, ok bool) {
	offset := r.calendar(loan).Offset(loan.Due, today)
	step, ok = r.Schedule.InForce(offset)
	return loan.own(step, offset), ok
}

// Judge decides about one loan, given what was promised in its cycle. The Notice is the one to promise when the verdict
// is Due or Withheld.
//
// A step is promised only when it is newer than every one that the borrower was promised. So a changed schedule does not
// tell again what an older schedule told under another step.
func (r Rules) Judge(loan Loan, past History, today Date) (Notice, Verdict) {
	if v := r.Hinder(loan, today); v != VerdictDue {
		return Notice{}, v
	}
	_, reachable := r.Address(loan.Borrower)
	if reachable == VerdictUnreachable || reachable == VerdictBadAddress {
		return Notice{}, reachable
	}
	step, ok := r.inForce(loan, today)
	switch {
	case !ok || r.shut(loan, today):
		return Notice{}, VerdictNotYet
	case !loan.wants(step):
		return Notice{}, VerdictOptedOut
	}
	if past.Promised(loan.Borrower.ID, step) {
		return Notice{}, VerdictTold
	}
	n := Notice{Cycle: loan.cycle(), Step: step}
	if step > 0 {
		n.Number = past.number(loan.Borrower.ID)
	}
	return n, reachable
}

// A Plan gathers the emails to borrowers from loans that come in pages. It is pure: no clock, no database.
type Plan struct {
	rules    Rules
	today    Date
	emails   map[string]*Email // by Borrower.ID
	promised map[Cycle]string  // in emails, by which borrower: a view whose joins show a loan twice must not stop the run
	withheld map[string]bool   // borrowers
	moved    []planned         // told to another borrower
	told     int               // loans

	Counts LoanCounts      // Open and TooOld are not a plan's to count
	odd    map[string]bool // ids of the odd ones
}

// NewPlan returns an empty plan for one day.
func NewPlan(rules Rules, today Date) *Plan {
	return &Plan{rules: rules, today: today, emails: map[string]*Email{}, promised: map[Cycle]string{}, withheld: map[string]bool{},
		odd: map[string]bool{}}
}

// Add judges a page of loans. known holds what was promised in their cycles.
func (p *Plan) Add(loans []Loan, known map[Cycle]History) {
	first, last := PlausibleDue(p.today) // beyond it are none that the schedule reaches
	for _, loan := range loans {
		reached := !loan.Due.Before(first) && !loan.Due.After(last)
		if reached {
			p.Counts.InReach++
		}
		past := known[loan.cycle()]
		notice, verdict := p.rules.Judge(loan, past, p.today)
		switch {
		case verdict == VerdictOdd:
			p.Counts.Odd++
			p.odd[loan.ID] = true
			continue
		case !reached: // its due date is odd, and it is on hold
			continue
		}
		switch verdict {
		case VerdictDue:
			if past.moved(loan.Borrower.ID, notice.Step) {
				p.moved = append(p.moved, planned{loan.Borrower.ID, notice})
				continue
			}
			p.promise(loan.Borrower.ID, notice)
		case VerdictTold:
			p.told++
		case VerdictWithheld:
			p.withheld[loan.Borrower.ID] = true
		case VerdictOnHold, VerdictOptedOut:
			p.Counts.Held++
		case VerdictUnreachable, VerdictBadAddress:
			p.Counts.Unreachable++
		}
	}
}

func (p *Plan) promise(borrower string, n Notice) {
	if other, twice := p.promised[n.Cycle]; twice {
		if other != borrower { // one id for the loans of two people: the first is told
			p.Counts.Odd++
			p.odd[n.Loan] = true
		}
		return
	}
	p.promised[n.Cycle] = borrower
	e := p.emails[borrower]
	if e == nil {
		e = &Email{Kind: KindLoan, Borrower: borrower}
		p.emails[borrower] = e
	}
	e.Notices = append(e.Notices, n)
}

// Loans returns the ids of the loans that somebody is to be told about.
func (p *Plan) Loans() []string {
	ids := make([]string, 0, len(p.promised))
	for c := range p.promised {
		ids = append(ids, c.Loan)
	}
	for _, m := range p.moved {
		ids = append(ids, m.notice.Loan)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// leaveOut takes loans out of the plan that turned out to be odd.
func (p *Plan) leaveOut(odd map[string]bool) {
	p.Counts.Odd += len(odd)
	maps.Copy(p.odd, odd)
	p.moved = slices.DeleteFunc(p.moved, func(m planned) bool { return odd[m.notice.Loan] })
	for borrower, e := range p.emails {
		e.Notices = slices.DeleteFunc(e.Notices, func(n Notice) bool { return odd[n.Loan] })
		if len(e.Notices) == 0 {
			delete(p.emails, borrower)
		}
	}
}

// A planned notice is not in an email yet.
type planned struct {
	borrower string
	notice   Notice
}

// maxMoved is how many loans may have moved to another borrower beside ten times as many that have not. When it is more,
// the library's system has given its borrowers new ids, and everybody would be told a second time.
const maxMoved = 10

// Emails returns the planned emails, one a borrower, the most urgent first, without some loans that turned out to be odd.
func (p *Plan) Emails(odd map[string]bool) []Email {
	p.leaveOut(odd)
	if n := len(p.moved); n <= maxMoved || n*10 <= p.told {
		for _, m := range p.moved {
			p.promise(m.borrower, m.notice)
		}
	}
	emails := make([]Email, 0, len(p.emails))
	for _, e := range p.emails {
		e.Priority = RepeatLate
		for _, n := range e.Notices {
			e.Priority = min(e.Priority, n.Priority())
		}
		emails = append(emails, *e)
	}
	slices.SortFunc(emails, func(a, b Email) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Borrower, b.Borrower))
	})
	return emails
}

// Withheld returns how many emails REMINDER_ONLY_TO keeps back.
func (p *Plan) Withheld() int { return len(p.withheld) }
