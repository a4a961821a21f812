package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// An Explanation says why a mail about an open loan is or is not due now.
type Explanation struct {
	Loan  reminder.Loan `json:"loan"`
	Today reminder.Date `json:"today,omitzero"`
	Decision
	Past     []deskdb.PastNotice `json:"past"`
	Contact  *deskdb.Contact     `json:"contact,omitempty"`  // nil: no talk with the borrower about it is recorded
	Guardian *ToGuardian         `json:"guardian,omitempty"` // nil: there is nothing to say about one
}

// A Decision is what the rules say about mail to one person about a loan.
type Decision struct {
	Offset int `json:"offset"` // days from the due date, as the calendar sees it
	Step   int `json:"step"`   // in force, unless Hinders has VerdictNotYet
	// the last open day before a closure, when the step is of that day
	Eve     reminder.Date      `json:"eve,omitzero"`
	Next    reminder.Date      `json:"next,omitzero"` // of the next step, when only time prevents a mail; zero: never
	Hinders []reminder.Verdict `json:"hinders"`       // every rule against a notice; empty: one is due
	Later   []reminder.Verdict `json:"later"`         // what prevents every mail at this moment
	// when the person was last written to, with VerdictTooSoon
	Written time.Time `json:"written,omitzero"`
}

// ToGuardian says why the borrower's guardian gets or does not get a mail about the loan.
type ToGuardian struct {
	ID string `json:"borrower_id"` // "" without a usable address
	Decision
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
		x, err := d.ExplainLoan(ctx, loan)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, x)
	}
	return open, closed, nil
}

// ExplainLoan asks every rule about a loan, as a run would at this moment.
func (d Desk) ExplainLoan(ctx context.Context, loan reminder.Loan) (Explanation, error) {
	now := d.Runner.Now()
	x := Explanation{Loan: loan, Today: reminder.DateOf(now, d.Runner.Settings.Zone)}
	rules, err := d.Runner.Rules(ctx, x.Today)
	past, pastErr := d.Store.PastNotices(ctx, loan.ID)
	contacts, contactsErr := d.Store.Contacts(ctx, time.Unix(0, 0), loan.Borrower.ID)
	if err := errors.Join(err, pastErr, contactsErr); err != nil {
		return x, err
	}
	x.Past = past
	for _, c := range contacts {
		if c.Loan == loan.ID && c.Due == loan.Due {
			x.Contact = &c
		}
	}
	x.Decision, err = d.decide(ctx, rules, loan, past, now)
	if err == nil { // also when the borrower's data is odd: the guardian may get a mail all the same
		x.Guardian, err = d.decideGuardian(ctx, rules, loan, past, now)
	}
	return x, err
}

// decide asks every rule about mail to the borrower of a loan, who may be a guardian.
func (d Desk) decide(ctx context.Context, rules reminder.Rules, loan reminder.Loan, past []deskdb.PastNotice,
	now time.Time) (Decision, error) {
	var history reminder.History
	for _, p := range past {
		if p.Cycle == loan.Cycle() {
			history = append(history, reminder.Past{Step: p.Step, Dropped: p.Dropped, Borrower: p.Borrower,
				Waiting: p.State.Waits()})
		}
	}
	s := d.Runner.Settings
	today := reminder.DateOf(now, s.Zone)
	t := rules.Trace(loan, history, today)
	x := Decision{Offset: t.Offset, Step: t.Step, Eve: t.Eve, Hinders: t.Hinders, Later: []reminder.Verdict{}}
	if slices.Contains(x.Hinders, reminder.VerdictOdd) {
		return x, nil
	}
	if loan.Wants == "none" && !slices.Contains(x.Hinders, reminder.VerdictOptedOut) { // at the next step neither
		x.Hinders = append(x.Hinders, reminder.VerdictOptedOut)
	}
	if s.Window.Left(now, s.Zone) == 0 {
		x.Later = append(x.Later, VerdictOutsideWindow)
	}
	if t.Closed {
		x.Later = append(x.Later, VerdictClosedDay)
	}
	if len(x.Hinders) == 0 && !rules.DueToday(loan, today) {
		written, err := d.Runner.WrittenTo(ctx, loan.Cycle().Kind, []string{loan.Borrower.ID}, today)
		if err != nil {
			return x, err
		}
		if at, recently := written[loan.Borrower.ID]; recently {
			x.Later, x.Written = append(x.Later, reminder.VerdictTooSoon), at
		}
	}
	pauses, err := d.Store.Pauses(ctx)
	if _, paused := d.Runner.Pause(pauses, now); paused {
		x.Later = append(x.Later, VerdictPaused)
	}
	if len(x.Hinders) == 1 && (x.Hinders[0] == reminder.VerdictTold || x.Hinders[0] == reminder.VerdictNotYet) {
		x.Next = nextStep(rules, loan, x, today)
	}
	return x, err
}

// nextStep returns the day on which the next step that is wanted comes into force, or no day when the loan becomes too
// old before that.
func nextStep(rules reminder.Rules, loan reminder.Loan, x Decision, today reminder.Date) reminder.Date {
	for day := today.AddDays(1); day.Sub(loan.Due) <= rules.MaxOverdueDays; day = day.AddDays(1) {
		t := rules.Trace(loan, nil, day)
		if !t.Closed && len(t.Hinders) == 0 && (x.Hinders[0] == reminder.VerdictNotYet || t.Step > x.Step) {
			return day
		}
	}
	return reminder.Date{}
}

// decideGuardian asks every rule about mail to the guardian, or returns nil when the library writes to no guardians and
// its data names none.
func (d Desk) decideGuardian(ctx context.Context, rules reminder.Rules, loan reminder.Loan, past []deskdb.PastNotice,
	now time.Time) (*ToGuardian, error) {
	from := d.Runner.Settings.GuardianFrom
	theirs, verdict := loan.ForGuardian()
	x := &ToGuardian{Decision: Decision{Hinders: []reminder.Verdict{verdict}, Later: []reminder.Verdict{}}}
	if verdict == reminder.VerdictDue {
		x.ID = theirs.Borrower.ID
	}
	switch {
	case from == 0 && verdict == reminder.VerdictNoGuardian:
		return nil, nil
	case from == 0:
		x.Hinders[0] = reminder.VerdictGuardiansOff
		return x, nil
	case verdict != reminder.VerdictDue:
		return x, nil
	}
	families := reminder.Families{}
	first, last := rules.Reach(reminder.DateOf(now, d.Runner.Settings.Zone))
	err := d.Runner.Loans.Scan(ctx, first, last, func(loans []reminder.Loan) error {
		for _, l := range loans {
			families.Add(l)
		}
		return nil
	})
	if err == nil {
		x.Decision, err = d.decide(ctx, rules.ForGuardians(from), theirs, past, now)
	}
	for i, v := range x.Hinders {
		if v == reminder.VerdictOptedOut {
			if x.Hinders[i] = reminder.VerdictGuardianOptedOut; theirs.Wants == "none" {
				x.Hinders[i] = reminder.VerdictNoConsent
			}
		}
	}
	if families.TooMany(x.ID) {
		x.Hinders, x.Next = append(x.Hinders, reminder.VerdictSharedAddress), reminder.Date{}
	}
	return x, err
}
