package reminder

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
)

// KindGuardian goes to a guardian: their child has a book that is late.
const KindGuardian Kind = "guardian"

// maxChildren is how many borrowers one guardian can have. An address with more is not a family's: somebody entered
// it where the guardian's was missing, for example the school's own. Its reader must not learn who has which book.
const maxChildren = 10

// guardianMailing writes to guardians about late books, from REMINDER_GUARDIAN_FROM on, on the days of the schedule. To
// the rules a guardian is a borrower ([Loan.ForGuardian]): the same list decides, and opt-outs, bad addresses and
// notices are kept under the guardian's id. One mail has all children with the same address.
type guardianMailing struct{}

func (guardianMailing) Kind() Kind  { return KindGuardian }
func (guardianMailing) First() bool { return false }

func (guardianMailing) Plan(_ context.Context, run *Run) (Planner, error) {
	if run.Settings.GuardianFrom == 0 {
		return nil, nil
	}
	return &guardianPlan{NewPlan(run.guardianRules(), run.Today), map[string]map[string]bool{}}, nil
}

func (guardianMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	loans, err := run.Loans.Reread(ctx, c.Loans())
	if err != nil {
		return Draft{}, Outcome{}, err
	}
	for i, l := range loans {
		loans[i], _ = l.ForGuardian()
	}
	rules := run.guardianRules()
	if run.Settings.GuardianFrom == 0 { // switched off since the promise: as if all had opted out
		rules.OptedOut = map[string]bool{c.Borrower: true}
	}
	letter, to, outcome := rules.Recheck(c, loans, run.Today)
	if outcome.State == "" {
		outcome, err = run.cancelTooSoon(ctx, c, outcome)
	}
	draft := letter.Draft(to)
	draft.Data = GuardianLetter{letter}
	return draft, outcome, err
}

func (r *Run) guardianRules() Rules {
	rules := r.Rules
	rules.Schedule, rules.BeforeClosure = rules.Schedule.From(r.Settings.GuardianFrom), 0
	return rules
}

// A guardianPlan is a Plan in which each loan belongs to its borrower's guardian.
type guardianPlan struct {
	*Plan
	children map[string]map[string]bool // ids of the borrowers in reach, by guardian
}

func (p *guardianPlan) Add(loans []Loan, known map[Cycle]History) {
	forGuardians := make([]Loan, 0, len(loans))
	for _, l := range loans {
		loan, ok := l.ForGuardian()
		if !ok {
			continue
		}
		if p.children[loan.Borrower.ID] == nil {
			p.children[loan.Borrower.ID] = map[string]bool{}
		}
		p.children[loan.Borrower.ID][l.Borrower.ID] = true
		forGuardians = append(forGuardians, loan)
	}
	p.Plan.Add(forGuardians, known)
}

func (p *guardianPlan) Emails(odd map[string]bool) []Email {
	maps.DeleteFunc(p.children, func(_ string, ids map[string]bool) bool { return len(ids) <= maxChildren })
	return slices.DeleteFunc(p.Plan.Emails(odd), func(e Email) bool { return p.children[e.Borrower] != nil })
}

// A Guardian is responsible for a borrower who is a child. A scan fills only Email and Wants.
type Guardian struct {
	Name  string `json:"name"`
	Email string `json:"email"` // raw, as Borrower.Email
	Wants string `json:"wants"` // in the form of Loan.Wants; "none" when the guardian has not agreed to get mail
}

// Odd reports whether Wants has no meaning. Then the guardian gets no mail; the borrower still does.
func (g Guardian) Odd() bool { return !Loan{Wants: g.Wants}.hasValidWants() }

// TooManyChildren reports whether an address is no guardian's, because it has too many borrowers.
func TooManyChildren(n int) bool { return n > maxChildren }

const guardianPrefix = "guardian:"

// GuardianID returns the id of a guardian: a digest of their address, the same for all their children.
func GuardianID(address string) string {
	digest := DigestOf(address)
	return guardianPrefix + hex.EncodeToString(digest[:])
}

// IsGuardianID reports whether an id is a GuardianID.
func IsGuardianID(id string) bool { return strings.HasPrefix(id, guardianPrefix) }

// ForGuardian returns the loan with the guardian in place of its borrower. It returns false when the guardian has no
// usable address, or the same address as the borrower, who gets the borrower's mail there.
func (l Loan) ForGuardian() (Loan, bool) {
	child := l.Borrower
	addr, err := mail.ParseAddress(child.Guardian.Email)
	own, _ := mail.ParseAddress(child.Email)
	l.child, l.Wants = &child, child.Guardian.Wants
	l.Borrower = Borrower{ID: "nobody", Language: child.Language}
	if err != nil || strings.EqualFold(addr.Addr, own.Addr) {
		return l, false
	}
	l.Borrower = Borrower{ID: GuardianID(addr.Addr), Name: child.Guardian.Name, Email: child.Guardian.Email,
		Language: child.Language, Type: "parent"}
	return l, true
}
