package reminder

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Verdict says what a rule decided about one loan. Verdicts are words because people read them.
type Verdict string

// The verdicts. All but Due mean that no notice is promised now.
const (
	Due         Verdict = "due"         // a step is in force that was not promised yet
	NotYet      Verdict = "not_yet"     // the first step's day has not come
	Told        Verdict = "told"        // the step in force, or a later one, was promised
	TooOld      Verdict = "too_old"     // later than REMINDER_MAX_OVERDUE_DAYS
	OnHold      Verdict = "held"        // the library's system says why
	OptedOut    Verdict = "opted_out"   // the borrower wants no reminders
	Unreachable Verdict = "unreachable" // no usable address
	BadAddress  Verdict = "bad_address" // this address was refused for good
	Withheld    Verdict = "withheld"    // not in REMINDER_ONLY_TO
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
		return mail.Address{}, Unreachable
	}
	addr.Name = b.Name
	if bad, ok := r.BadAddresses[b.ID]; ok && bad == DigestOf(addr.Addr) {
		return addr, BadAddress
	}
	if len(r.OnlyTo) > 0 && !slices.ContainsFunc(r.OnlyTo, func(a string) bool { return strings.EqualFold(a, addr.Addr) }) {
		return addr, Withheld
	}
	return addr, Due
}

// Hinder returns why nothing may be said about the loan, whatever was said before, or Due.
func (r Rules) Hinder(loan Loan, today Date) Verdict {
	switch {
	case today.Sub(loan.Due) > r.MaxOverdueDays:
		return TooOld
	case loan.Hold != "":
		return OnHold
	case r.OptedOut[loan.Borrower.ID]:
		return OptedOut
	}
	return Due
}

// A History is what was promised in one Cycle.
type History struct {
	Last int // newest step
	Late int // late notices that were not dropped
}

// Judge decides about one loan, given what was promised in its cycle (nil: nothing). The Notice is the one to promise
// when the verdict is Due or Withheld.
//
// A step is promised only when it is newer than every promised one. So a changed schedule does not tell again what an
// older schedule told under another step.
func (r Rules) Judge(loan Loan, past *History, today Date) (Notice, Verdict) {
	if v := r.Hinder(loan, today); v != Due {
		return Notice{}, v
	}
	_, reachable := r.Address(loan.Borrower)
	if reachable == Unreachable || reachable == BadAddress {
		return Notice{}, reachable
	}
	step, ok := r.Schedule.InForce(r.calendar(loan).Offset(loan.Due, today))
	switch {
	case !ok || r.shut(loan, today):
		return Notice{}, NotYet
	case !loan.wants(step):
		return Notice{}, OptedOut
	}
	if past != nil && past.Last >= step {
		return Notice{}, Told
	}
	n := Notice{Cycle: Cycle{Loan: loan.ID, Due: loan.Due}, Step: step}
	if step > 0 {
		n.Number = 1
		if past != nil {
			n.Number += past.Late
		}
	}
	return n, reachable
}

// A Plan gathers the emails of a run from loans that come in pages. It is pure: no clock, no database.
type Plan struct {
	rules    Rules
	today    Date
	emails   map[string]*Email // by Borrower.ID
	promised map[Cycle]bool    // in emails; a view whose joins show a loan twice must not stop the run
	withheld map[string]bool   // borrowers

	Loans LoanCounts // Open and TooOld are not a plan's to count
}

// NewPlan returns an empty plan for one day.
func NewPlan(rules Rules, today Date) *Plan {
	return &Plan{rules: rules, today: today, emails: map[string]*Email{}, promised: map[Cycle]bool{}, withheld: map[string]bool{}}
}

// Add judges a page of loans. known holds what was promised in their cycles.
func (p *Plan) Add(loans []Loan, known map[Cycle]History) {
	for _, loan := range loans {
		p.Loans.InReach++
		var past *History
		if h, ok := known[Cycle{loan.ID, loan.Due}]; ok {
			past = &h
		}
		notice, verdict := p.rules.Judge(loan, past, p.today)
		switch verdict {
		case Due:
			p.promise(loan.Borrower.ID, notice)
		case Withheld:
			p.withheld[loan.Borrower.ID] = true
		case OnHold, OptedOut:
			p.Loans.Held++
		case Unreachable, BadAddress:
			p.Loans.Unreachable++
		}
	}
}

func (p *Plan) promise(borrower string, n Notice) {
	if p.promised[n.Cycle] {
		return
	}
	p.promised[n.Cycle] = true
	e := p.emails[borrower]
	if e == nil {
		e = &Email{Borrower: borrower, Priority: n.Priority()}
		p.emails[borrower] = e
	}
	e.Notices = append(e.Notices, n)
	e.Priority = min(e.Priority, n.Priority())
}

// Emails returns the planned emails, one a borrower, the most urgent first.
func (p *Plan) Emails() []Email {
	emails := make([]Email, 0, len(p.emails))
	for _, e := range p.emails {
		emails = append(emails, *e)
	}
	slices.SortFunc(emails, func(a, b Email) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Borrower, b.Borrower))
	})
	return emails
}

// Withheld returns how many emails REMINDER_ONLY_TO keeps back.
func (p *Plan) Withheld() int { return len(p.withheld) }
