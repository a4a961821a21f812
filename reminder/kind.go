package reminder

import (
	"cmp"
	"context"
	"slices"
)

// A Kind says what a notice is about and to whom it goes. It is stored with every email, and it is part of the key of
// every notice. What Loan, Due and Step of a notice mean is up to its kind.
type Kind string

// The kinds.
const (
	KindLoan    Kind = "loan"    // to a borrower: their books are due or late
	KindClass   Kind = "class"   // to a homeroom teacher: which books of the class are late
	KindSummary Kind = "summary" // to the librarian: what was sent, and what needs a person
)

// A Mailing is what is special about one kind of notice: when it is due, whether it still holds when it is sent, and
// what is written to whom. The run does everything else for all kinds alike: key, claim, mark and outcome. A new kind
// is one file with its Mailing, and one template (TestNewKind).
type Mailing interface {
	Kind() Kind
	// First reports whether emails of this kind are about the library and not about borrowers. They have [PriorityFirst]
	// and end before any other email begins. They are sent even when the run holds the others back.
	First() bool
	// Plan begins a plan. It returns nil when the kind is not in use, or not today.
	Plan(ctx context.Context, run *Run) (Planner, error)
	// Recheck reads again what a claim is about. It returns the draft to send, or an outcome with a State when nothing
	// is to be sent. Notices that no longer hold are in Outcome.Dropped in both cases. An error stops the run; the
	// email is handed back.
	Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error)
}

// A Planner gathers the emails of one kind.
type Planner interface {
	// Add judges a page of the loans in reach. known holds what was promised in their cycles, of every kind. A kind that
	// goes first is planned before the scan, so its planner gets no loans.
	Add(loans []Loan, known map[Cycle]History)
	// Loans returns the ids of the loans that the emails are about. Those that a recheck could not read are odd.
	Loans() []string
	// Emails returns the emails to promise, the most urgent first, without the loans that turned out to be odd.
	Emails(odd map[string]bool) []Email
}

// Mailings returns the kinds that go to borrowers and their guardians.
func Mailings() []Mailing {
	return []Mailing{loanMailing{}, guardianMailing{}}
}

// Mailing returns the Mailing of a kind, or nil when this program does not know the kind.
func (r *Runner) Mailing(kind Kind) Mailing {
	for _, m := range r.Mailings {
		if m.Kind() == kind {
			return m
		}
	}
	return nil
}

// loanMailing tells borrowers about their loans.
type loanMailing struct{}

func (loanMailing) Kind() Kind  { return KindLoan }
func (loanMailing) First() bool { return false }

func (loanMailing) Plan(_ context.Context, run *Run) (Planner, error) {
	run.loans = NewPlan(run.Rules, run.Today)
	return run.loans, nil
}

func (loanMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	loans, err := run.Loans.Reread(ctx, c.Loans())
	if err != nil {
		return Draft{}, Outcome{}, err
	}
	letter, to, outcome := run.Rules.Recheck(c, loans, run.Today)
	if outcome.State == "" && !slices.ContainsFunc(letter.Items, func(it Item) bool { return it.Days == 0 }) {
		outcome, err = run.heldBack(ctx, c, outcome)
	}
	from, replyTo := run.Settings.branch(letter.Draft(to))
	letter.AnswerTo = cmp.Or(replyTo.Addr, from.Addr)
	return letter.Draft(to), outcome, err
}
