package reminder

import (
	"cmp"
	"maps"
	"slices"
)

// A Plan gathers the emails to borrowers, or to guardians, from loans that it gets in pages. It is pure: it uses no
// clock and no database.
type Plan struct {
	rules    Rules
	today    Date
	emails   map[string]*Email // by Borrower.ID
	promised map[Cycle]string  // the borrower whose email has the notice; a view may show a loan twice
	withheld map[string]bool   // the ids of borrowers whose address is not in REMINDER_ONLY_TO
	moved    []loanNotice      // notices that were promised to another borrower before
	told     int               // the number of loans whose step was promised before

	Counts LoanCounts      // Open and TooOld are not set
	odd    map[string]bool // ids of odd loans
}

// NewPlan returns an empty plan for one day.
func NewPlan(rules Rules, today Date) *Plan {
	return &Plan{rules: rules, today: today, emails: map[string]*Email{}, promised: map[Cycle]string{},
		withheld: map[string]bool{}, odd: map[string]bool{}}
}

// Add judges a page of loans. known holds what was promised in their cycles.
func (p *Plan) Add(loans []Loan, known map[Cycle]History) {
	first, last := PlausibleDue(p.today) // a scan also returns loans with other due dates, which are odd
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
		case !reached: // the due date is odd, but the loan is on hold
			continue
		}
		switch verdict {
		case VerdictDue:
			if past.moved(loan.Borrower.ID, notice.Step) {
				p.moved = append(p.moved, loanNotice{loan, notice})
				continue
			}
			p.promise(loanNotice{loan, notice})
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

// promise adds a notice to the email of its borrower.
func (p *Plan) promise(due loanNotice) {
	borrower, n := due.loan.Borrower.ID, due.notice
	if other, ok := p.promised[n.Cycle]; ok {
		if other != borrower { // the loans of two people have the same id: only the first one gets a notice
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
	e.Today = e.Today || p.rules.DueToday(due.loan, p.today)
}

// Loans returns the ids of the loans in the planned emails, sorted.
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
	p.moved = slices.DeleteFunc(p.moved, func(m loanNotice) bool { return odd[m.notice.Loan] })
	for borrower, e := range p.emails {
		e.Notices = slices.DeleteFunc(e.Notices, func(n Notice) bool { return odd[n.Loan] })
		if len(e.Notices) == 0 {
			delete(p.emails, borrower)
		}
	}
}

// A loanNotice is a notice with its loan.
type loanNotice struct {
	loan   Loan
	notice Notice
}

// maxMoved is how many loans may have moved to another borrower. There may be more if ten times as many have not moved.
// Otherwise the library's system has given its borrowers new ids, and all of them would get a second reminder.
const maxMoved = 10

// Emails returns the planned emails, one for each borrower, the most urgent first. It leaves out the odd loans.
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

// Withheld returns how many emails REMINDER_ONLY_TO withholds.
func (p *Plan) Withheld() int { return len(p.withheld) }
