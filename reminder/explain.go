package reminder

import (
	"context"
	"time"
)

// A PastNotice is what was promised about a loan, and what became of it.
type PastNotice struct {
	Notice
	Borrower string    `json:"borrower_id"` // whose email it is
	Dropped  string    `json:"dropped"`     // why the borrower was not told, or ""
	Email    int64     `json:"email_id"`
	State    State     `json:"state"`
	Reason   string    `json:"reason"`
	Promised time.Time `json:"promised_at"`
	Sent     time.Time `json:"sent_at,omitzero"` // zero: not sent
}

// An Explanation says of one open loan why a mail is, or is not, due for it now.
type Explanation struct {
	Loan    Loan         `json:"loan"`
	Today   Date         `json:"today,omitzero"`
	Offset  int          `json:"offset"`        // days from the due date, as the calendar sees it
	Step    int          `json:"step"`          // in force, unless NotYet hinders
	Next    Date         `json:"next,omitzero"` // when the next step comes into force, when only time hinders; zero: never
	Hinders []Verdict    `json:"hinders"`       // every rule that keeps a notice from being promised; empty: one is due
	Later   []Verdict    `json:"later"`         // what keeps any mail from being sent at this moment
	Past    []PastNotice `json:"past"`
}

// What keeps every mail waiting.
const (
	VerdictOutsideWindow Verdict = ReasonOutsideWindow
	VerdictClosedDay     Verdict = ReasonClosedDay
	VerdictPaused        Verdict = "paused"
)

// Explain holds a loan against every rule, as a run would at this moment; a run stops at the first that hinders.
func (r *Runner) Explain(ctx context.Context, loan Loan, past []PastNotice) (Explanation, error) {
	now := r.Now()
	x := Explanation{Loan: loan, Today: DateOf(now, r.Settings.Zone), Hinders: []Verdict{}, Later: []Verdict{}, Past: past}
	rules, err := r.Rules(ctx, x.Today)
	if err != nil {
		return x, err
	}
	pause, err := r.pause(ctx, now)
	if err != nil {
		return x, err
	}
	x.Offset = rules.calendar(loan).Offset(loan.Due, x.Today)
	step, inForce := rules.inForce(loan, x.Today)
	x.Step = step
	var history History
	for _, p := range past {
		if p.Due == loan.Due {
			history = append(history, Past{Step: p.Step, Dropped: p.Dropped, Borrower: p.Borrower, Waiting: p.State.waits()})
		}
	}
	if loan.Odd(x.Today) != "" { // the other rules cannot judge it
		x.Hinders = append(x.Hinders, VerdictOdd)
		return x, nil
	}
	_, address := rules.Address(loan.Borrower)
	_, closed := rules.calendar(loan).Closed(x.Today)
	note := func(list *[]Verdict, v Verdict, applies bool) {
		if applies {
			*list = append(*list, v)
		}
	}
	note(&x.Hinders, VerdictTooOld, x.Today.Sub(loan.Due) > rules.MaxOverdueDays)
	note(&x.Hinders, VerdictOnHold, loan.Hold != "")
	note(&x.Hinders, VerdictOptedOut, rules.OptedOut[loan.Borrower.ID] || inForce && !loan.wants(step))
	note(&x.Hinders, address, address != VerdictDue)
	note(&x.Hinders, VerdictNotYet, !inForce)
	note(&x.Hinders, VerdictTold, inForce && history.Promised(loan.Borrower.ID, step))
	note(&x.Later, VerdictOutsideWindow, r.Settings.Window.Left(now, r.Settings.Zone) == 0)
	note(&x.Later, VerdictClosedDay, closed)
	note(&x.Later, VerdictPaused, pause.inForce)
	if len(x.Hinders) == 1 && (x.Hinders[0] == VerdictTold || x.Hinders[0] == VerdictNotYet) {
		x.Next = r.nextStep(rules, loan, x)
	}
	return x, nil
}

// nextStep returns the day on which the next step comes into force, or no day when none does while the loan is told about.
func (r *Runner) nextStep(rules Rules, loan Loan, x Explanation) Date {
	for d := x.Today.AddDays(1); d.Sub(loan.Due) <= rules.MaxOverdueDays; d = d.AddDays(1) {
		step, inForce := rules.inForce(loan, d)
		if _, closed := rules.calendar(loan).Closed(d); inForce && !closed && (x.Hinders[0] == VerdictNotYet || step > x.Step) {
			return d
		}
	}
	return Date{}
}
