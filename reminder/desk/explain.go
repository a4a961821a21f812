package desk

import (
	"context"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// An Explanation says why a mail about an open loan is or is not due now.
type Explanation struct {
	Loan   reminder.Loan `json:"loan"`
	Today  reminder.Date `json:"today,omitzero"`
	Offset int           `json:"offset"` // days from the due date, as the calendar sees it
	Step   int           `json:"step"`   // in force, unless Hinders has VerdictNotYet
	// the last open day before a closure, when the step is of that day
	Eve     reminder.Date      `json:"eve,omitzero"`
	Next    reminder.Date      `json:"next,omitzero"` // of the next step, when only time prevents a mail; zero: never
	Hinders []reminder.Verdict `json:"hinders"`       // every rule against a notice; empty: one is due
	Later   []reminder.Verdict `json:"later"`         // what prevents every mail at this moment
	// when the borrower was last written to, with VerdictTooSoon
	Written time.Time           `json:"written,omitzero"`
	Past    []deskdb.PastNotice `json:"past"`
	Contact *deskdb.Contact     `json:"contact,omitempty"` // nil: no talk with the borrower about it is recorded
}

// What makes every mail wait.
const (
	VerdictOutsideWindow reminder.Verdict = reminder.ReasonOutsideWindow
	VerdictClosedDay     reminder.Verdict = reminder.ReasonClosedDay
	VerdictPaused        reminder.Verdict = "paused"
)

// Explain explains every open loan that a key may mean. The key is the id, number or item code of a loan, or the id,
// name or address of a borrower. closed are the notices about a loan with this id that is not open any more. A key that
// matches nothing is an Absence.
func (d Desk) Explain(ctx context.Context, key string) (open []Explanation, closed []deskdb.PastNotice, err error) {
	if err := d.Store.Check(ctx); err != nil {
		return nil, nil, err
	}
	loans, err := d.Store.FindLoan(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	// Screens show ids of borrowers, and such an id may also be the id of a loan of somebody else.
	owned, _, err := d.Store.Search(ctx, key, func(l reminder.Loan) bool { return l.Borrower.ID == key })
	if err != nil {
		return nil, nil, err
	}
	if len(loans) == 0 {
		if closed, err = d.Store.PastNotices(ctx, key); err != nil {
			return nil, nil, err
		}
		if len(closed) == 0 {
			if loans, err = d.loansOf(ctx, key); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, l := range owned {
		if !slices.ContainsFunc(loans, func(other reminder.Loan) bool { return other.ID == l.ID }) {
			loans = append(loans, l)
		}
	}
	for _, loan := range loans {
		past, err := d.Store.PastNotices(ctx, loan.ID)
		if err != nil {
			return nil, nil, err
		}
		x, err := d.ExplainLoan(ctx, loan, past)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, x)
	}
	return open, closed, nil
}

// ExplainLoan asks every rule about a loan, as a run would at this moment.
func (d Desk) ExplainLoan(ctx context.Context, loan reminder.Loan, past []deskdb.PastNotice) (Explanation, error) {
	now, s := d.Runner.Now(), d.Runner.Settings
	x := Explanation{Loan: loan, Today: reminder.DateOf(now, s.Zone), Later: []reminder.Verdict{}, Past: past}
	rules, err := d.Runner.Rules(ctx, x.Today)
	if err != nil {
		return x, err
	}
	contacts, err := d.Store.Contacts(ctx, time.Unix(0, 0), loan.Borrower.ID)
	if err != nil {
		return x, err
	}
	for _, c := range contacts {
		if c.Loan == loan.ID && c.Due == loan.Due {
			x.Contact = &c
		}
	}
	_, paused, err := d.Runner.Pause(ctx, now)
	if err != nil {
		return x, err
	}
	var history reminder.History
	for _, p := range past {
		if p.Cycle == loan.Cycle() {
			history = append(history, reminder.Past{Step: p.Step, Dropped: p.Dropped, Borrower: p.Borrower,
				Waiting: p.State.Waits()})
		}
	}
	t := rules.Trace(loan, history, x.Today)
	x.Offset, x.Step, x.Eve, x.Hinders = t.Offset, t.Step, t.Eve, t.Hinders
	if slices.Contains(x.Hinders, reminder.VerdictOdd) {
		return x, nil
	}
	if s.Window.Left(now, s.Zone) == 0 {
		x.Later = append(x.Later, VerdictOutsideWindow)
	}
	if t.Closed {
		x.Later = append(x.Later, VerdictClosedDay)
	}
	if len(x.Hinders) == 0 && !rules.DueToday(loan, x.Today) {
		written, err := d.Runner.WrittenTo(ctx, reminder.KindLoan, []string{loan.Borrower.ID}, x.Today)
		if err != nil {
			return x, err
		}
		if at, recently := written[loan.Borrower.ID]; recently {
			x.Later, x.Written = append(x.Later, reminder.VerdictTooSoon), at
		}
	}
	if paused {
		x.Later = append(x.Later, VerdictPaused)
	}
	if len(x.Hinders) == 1 && (x.Hinders[0] == reminder.VerdictTold || x.Hinders[0] == reminder.VerdictNotYet) {
		x.Next = nextStep(rules, x)
	}
	return x, nil
}

// nextStep returns the day on which the next step comes into force, or no day when the loan becomes too old before
// that.
func nextStep(rules reminder.Rules, x Explanation) reminder.Date {
	for day := x.Today.AddDays(1); day.Sub(x.Loan.Due) <= rules.MaxOverdueDays; day = day.AddDays(1) {
		t := rules.Trace(x.Loan, nil, day)
		if !t.Closed && !slices.Contains(t.Hinders, reminder.VerdictNotYet) &&
			(x.Hinders[0] == reminder.VerdictNotYet || t.Step > x.Step) {
			return day
		}
	}
	return reminder.Date{}
}
