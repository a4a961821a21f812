package reminder

import (
	"cmp"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// withheldFor keeps an email that REMINDER_ONLY_TO or a closed branch withholds out of this run's claims. The next run sweeps it.
const withheldFor = time.Hour

// Recheck holds a claim's notices against the loans as they are now. It returns the letter to send and to whom, or an
// outcome with a State when nothing is to be sent. It is pure.
func (r Rules) Recheck(c Claim, loans []Loan, today Date) (Letter, mail.Address, Outcome) {
	letter := Letter{Today: today}
	var borrower Borrower
	var o Outcome
	shut := false
	for _, n := range c.Notices {
		loan, open := current(c, n, loans)
		if reason := r.stale(c, n, loan, open, today); reason != "" {
			o.Dropped = append(o.Dropped, Dropped{n, reason})
			continue
		}
		if borrower = loan.Borrower; len(letter.Items) == 0 {
			letter.From, letter.ReplyTo = loan.From, loan.ReplyTo
		} else if letter.From != loan.From || letter.ReplyTo != loan.ReplyTo { // of two branches: the library writes
			letter.From, letter.ReplyTo = "", ""
		}
		shut = shut || r.shut(loan, today)
		letter.Items = append(letter.Items, r.item(n, loan, today))
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
	letter.Name, letter.Lang = borrower.Name, borrower.Language
	to, verdict := r.Address(borrower)
	switch verdict {
	case VerdictWithheld:
		return letter, to, Outcome{State: StateQueued, Reason: string(VerdictWithheld), KeepTry: true, RetryAfter: withheldFor}
	case VerdictUnreachable, VerdictBadAddress:
		o.State, o.Reason = StateCanceled, string(verdict)
		return letter, to, o
	}
	if shut {
		return letter, to, Outcome{State: StateQueued, Reason: ReasonClosedDay, KeepTry: true, RetryAfter: withheldFor}
	}
	return letter, to, o
}

// current finds a notice's loan. Of a loan that the view shows several times, it is the one that the plan saw.
func current(c Claim, n Notice, loans []Loan) (loan Loan, open bool) {
	for _, l := range loans {
		if l.ID == n.Loan && (!open || l.Borrower.ID == c.Borrower && l.Due == n.Due) {
			loan, open = l, true
		}
	}
	return loan, open
}

// The reasons for which a notice is dropped, beside the verdicts.
const (
	ReasonReturned   = "returned"
	ReasonRenewed    = "renewed"
	ReasonSuperseded = "superseded" // a later step is in force: its own notice says more
)

// stale returns why a notice is not to be told any more, or "".
func (r Rules) stale(c Claim, n Notice, loan Loan, open bool, today Date) string {
	switch {
	case open && loan.Odd(today) != "":
		return string(VerdictOdd)
	case !open || loan.Borrower.ID != c.Borrower: // an id can come back with another borrower after a restore
		return ReasonReturned
	case loan.Due != n.Due:
		return ReasonRenewed
	}
	if v := r.Hinder(loan, today); v != VerdictDue {
		return string(v)
	}
	if step, _ := r.inForce(loan, today); step > n.Step {
		return ReasonSuperseded
	}
	if !loan.wants(n.Step) {
		return string(VerdictOptedOut)
	}
	return ""
}

// item is what a letter says about one loan.
func (r Rules) item(n Notice, loan Loan, today Date) Item {
	calendar := r.calendar(loan)
	it := Item{
		Title: loan.Title, ItemCode: loan.ItemCode, Ref: loan.Ref, Due: loan.Due, DueTime: loan.DueTime,
		ReturnBy: calendar.NextOpen(loan.Due), Days: calendar.Offset(loan.Due, today),
		FinePerDay: loan.FinePerDay,
	}
	it.ClosedFor, _ = calendar.Closed(loan.Due)
	if it.Days > 0 {
		it.Number = max(1, n.Number)
	}
	return it
}
