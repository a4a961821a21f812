package reminder

import (
	"context"
	"slices"
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
	var history History
	for _, p := range past {
		if p.Kind == KindLoan && p.Due == loan.Due {
			history = append(history, Past{Step: p.Step, Dropped: p.Dropped, Borrower: p.Borrower, Waiting: p.State.waits()})
		}
	}
	d := rules.decide(loan, history, x.Today)
	x.Offset, x.Step, x.Hinders = d.offset, d.step, d.trace()
	if slices.Contains(x.Hinders, VerdictOdd) {
		return x, nil
	}
	for _, later := range []struct {
		verdict Verdict
		applies bool
	}{
		{VerdictOutsideWindow, r.Settings.Window.Left(now, r.Settings.Zone) == 0},
		{VerdictClosedDay, d.closed()},
		{VerdictPaused, pause.inForce},
	} {
		if later.applies {
			x.Later = append(x.Later, later.verdict)
		}
	}
	if len(x.Hinders) == 1 && (x.Hinders[0] == VerdictTold || x.Hinders[0] == VerdictNotYet) {
		x.Next = r.nextStep(rules, loan, x)
	}
	return x, nil
}

// nextStep returns the day on which the next step comes into force, or no day when none does while the loan is told
// about.
func (r *Runner) nextStep(rules Rules, loan Loan, x Explanation) Date {
	for d := x.Today.AddDays(1); d.Sub(loan.Due) <= rules.MaxOverdueDays; d = d.AddDays(1) {
		next := rules.decide(loan, nil, d)
		if next.inForce && !next.closed() && (x.Hinders[0] == VerdictNotYet || next.step > x.Step) {
			return d
		}
	}
	return Date{}
}
