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

// A Mailing is the part of a run that differs between kinds: when a notice is due, whether it is still true when it is
// sent, and what is written to whom. The rest is the same for all kinds: key, claim, hand-over mark and outcome. A new
// kind is one file with its Mailing, and one template (TestNewKind).
type Mailing interface {
	Kind() Kind
	// First reports whether emails of this kind are about the library and not about borrowers. They have [PriorityFirst],
	// and the run finishes them before it begins any other email. A held run sends them, too.
	First() bool
	// Plan returns an empty plan, or nil when the kind is not in use today.
	Plan(ctx context.Context, run *Run) (Planner, error)
	// Recheck reads again what a claim is about. It returns the draft to send, or an outcome with a State when nothing
	// is to be sent. Outcome.Dropped has the notices that are no longer true, in both cases. An error stops the run and
	// releases the claim.
	Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error)
}

// A Planner gathers the emails of one kind.
type Planner interface {
	// Add judges a page of the loans in reach. known has what was promised in their cycles, of every kind. Add is not
	// called for a kind that goes first, because it is planned before the scan.
	Add(loans []Loan, known map[Cycle]History)
	// Loans returns the ids of the loans that the emails are about. The run reads them once; those that it cannot read are
	// odd.
	Loans() []string
	// Emails returns the emails to promise, the most urgent first, without the odd loans.
	Emails(odd map[string]bool) []Email
}

// Mailings returns the Mailings to borrowers and their guardians.
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

// loanMailing writes to borrowers about their loans.
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
		outcome, err = run.cancelTooSoon(ctx, c, outcome)
	}
	from, replyTo := run.Settings.branch(letter.Draft(to))
	letter.AnswerTo = cmp.Or(replyTo.Addr, from.Addr)
	return letter.Draft(to), outcome, err
}
