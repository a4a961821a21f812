package reminder

import (
	"cmp"
	"maps"
	"slices"
)

// A Plan gathers the emails to borrowers, or to guardians, from loans that come in pages. It is pure: no clock, no
// database.
type Plan struct {
	rules    Rules
	today    Date
	emails   map[string]*Email // by Borrower.ID
	promised map[Cycle]string  // the borrower whose email has it; a view may show a loan twice
	withheld map[string]bool   // borrowers
	moved    []planned         // promised to another borrower before
	told     int               // loans whose step was promised before

	Counts LoanCounts      // without Open and TooOld
	odd    map[string]bool // ids of odd loans
}

// NewPlan returns an empty plan for one day.
func NewPlan(rules Rules, today Date) *Plan {
	return &Plan{rules: rules, today: today, emails: map[string]*Email{}, promised: map[Cycle]string{},
		withheld: map[string]bool{}, odd: map[string]bool{}}
}

// Add judges a page of loans. known holds what was promised in their cycles.
func (p *Plan) Add(loans []Loan, known map[Cycle]History) {
	first, last := PlausibleDue(p.today) // a scan also shows loans with other due dates: they are odd
	for _, loan := range loans {
		reached := !loan.Due.Before(first) && !loan.Due.After(last)
		if reached {
			p.Counts.InReach++
		}
		past := known[loan.Cycle()]
		notice, verdict := p.rules.Judge(loan, past, p.today)
		switch {
		case verdict == VerdictOdd:
			p.Counts.Odd++
			p.odd[loan.ID] = true
			continue
		case !reached: // an odd due date, but on hold
			continue
		}
		switch verdict {
		case VerdictDue:
			if past.moved(loan.Borrower.ID, notice.Step) {
				p.moved = append(p.moved, planned{loan, notice})
				continue
			}
			p.promise(planned{loan, notice})
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

func (p *Plan) promise(new planned) {
	borrower, n := new.loan.Borrower.ID, new.notice
	if other, twice := p.promised[n.Cycle]; twice {
		if other != borrower { // two people's loans have one id: only the first is reminded of
			p.Counts.Odd++
			p.odd[n.Loan] = true
		}
		return
	}
	p.promised[n.Cycle] = borrower
	e := p.emails[borrower]
	if e == nil {
		e = &Email{Kind: n.Kind, Borrower: borrower}
		p.emails[borrower] = e
	}
	e.Notices = append(e.Notices, n)
	e.Today = e.Today || p.rules.DueToday(new.loan, p.today)
}

// Loans returns the ids of the loans in the planned emails.
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

// leaveOut removes loans that turned out to be odd.
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

// A planned is a notice that is not in an email yet.
type planned struct {
	loan   Loan
	notice Notice
}

// maxMoved is how many loans may have moved to another borrower; more may have when ten times as many have not.
// Otherwise the library's system has given its borrowers new ids, and everybody would be reminded a second time.
const maxMoved = 10

// Emails returns the planned emails, one for each borrower, the most urgent first. It leaves out loans that turned out
// to be odd.
func (p *Plan) Emails(odd map[string]bool) []Email {
	p.leaveOut(odd)
	if n := len(p.moved); n <= maxMoved || n*10 <= p.told {
		for _, m := range p.moved {
			p.promise(m)
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
