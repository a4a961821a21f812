package reminder

import (
	"context"
	"encoding/hex"
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
	return &guardianPlan{NewPlan(run.Rules.ForGuardians(run.Settings.GuardianFrom), run.Today), Families{}}, nil
}

func (guardianMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	loans, err := run.Loans.Reread(ctx, c.Loans())
	if err != nil {
		return Draft{}, Outcome{}, err
	}
	for i, l := range loans {
		loans[i], _ = l.ForGuardian()
	}
	rules := run.Rules.ForGuardians(run.Settings.GuardianFrom)
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

// ForGuardians returns the rules for mail to guardians, who get notices about loans that are late for some days.
func (r Rules) ForGuardians(from int) Rules {
	r.Schedule, r.BeforeClosure = r.Schedule.From(from), 0
	return r
}

// A guardianPlan is a Plan in which each loan belongs to its borrower's guardian.
type guardianPlan struct {
	*Plan
	families Families // of the loans in reach
}

func (p *guardianPlan) Add(loans []Loan, known map[Cycle]History) {
	forGuardians := make([]Loan, 0, len(loans))
	for _, l := range loans {
		if loan, verdict := p.families.Add(l); verdict == VerdictDue {
			forGuardians = append(forGuardians, loan)
		}
	}
	p.Plan.Add(forGuardians, known)
}

func (p *guardianPlan) Emails(odd map[string]bool) []Email {
	return slices.DeleteFunc(p.Plan.Emails(odd), func(e Email) bool { return p.families.TooMany(e.Borrower) })
}

// Families has, for each guardian, the ids of the borrowers, each with the id of one loan.
type Families map[string]map[string]string

// Add adds a loan, and returns it as [Loan.ForGuardian] does.
func (f Families) Add(l Loan) (Loan, Verdict) {
	loan, verdict := l.ForGuardian()
	if guardian := loan.Borrower.ID; verdict == VerdictDue {
		if f[guardian] == nil {
			f[guardian] = map[string]string{}
		}
		f[guardian][l.Borrower.ID] = l.ID
	}
	return loan, verdict
}

// TooMany reports whether an address is no guardian's, because it has too many borrowers.
func (f Families) TooMany(guardian string) bool { return len(f[guardian]) > maxChildren }

// A Guardian is responsible for a borrower who is a child. A scan fills only Email and Wants.
type Guardian struct {
	Name  string `json:"name"`
	Email string `json:"email"` // raw, as Borrower.Email
	Wants string `json:"wants"` // in the form of Loan.Wants; "none" when the guardian has not agreed to get mail
}

// Odd reports whether Wants has no meaning. Then the guardian gets no mail; the borrower still does.
func (g Guardian) Odd() bool { return !Loan{Wants: g.Wants}.hasValidWants() }

const guardianPrefix = "guardian:"

// GuardianID returns the id of a guardian: a digest of their address, the same for all their children.
func GuardianID(address string) string {
	digest := DigestOf(address)
	return guardianPrefix + hex.EncodeToString(digest[:])
}

// IsGuardianID reports whether an id is a GuardianID.
func IsGuardianID(id string) bool { return strings.HasPrefix(id, guardianPrefix) }

// Further reasons why a guardian gets no mail, besides the rules.
const (
	VerdictGuardiansOff     Verdict = "guardians_off"      // REMINDER_GUARDIAN_FROM is not set
	VerdictNoGuardian       Verdict = "no_guardian"        // the data has no address of a guardian
	VerdictSameAddress      Verdict = "same_address"       // it is also the borrower's, who gets mail there
	VerdictSharedAddress    Verdict = "shared_address"     // too many borrowers have it
	VerdictNoConsent        Verdict = "no_consent"         // the guardian has not agreed to get mail
	VerdictGuardianOptedOut Verdict = "guardian_opted_out" // of all mail, or of mail about this step
)

// ForGuardian returns the loan with the guardian in place of its borrower. The verdict is VerdictDue if the rules are
// to be applied to it.
func (l Loan) ForGuardian() (Loan, Verdict) {
	child := l.Borrower
	addr, err := mail.ParseAddress(child.Guardian.Email)
	own, _ := mail.ParseAddress(child.Email)
	l.child, l.Wants = &child, child.Guardian.Wants
	l.Borrower = Borrower{ID: "nobody", Language: child.Language}
	switch {
	case child.Guardian.Email == "":
		return l, VerdictNoGuardian
	case err != nil:
		return l, VerdictUnreachable
	case strings.EqualFold(addr.Addr, own.Addr):
		return l, VerdictSameAddress
	}
	l.Borrower = Borrower{ID: GuardianID(addr.Addr), Name: child.Guardian.Name, Email: child.Guardian.Email,
		Language: child.Language, Type: "parent"}
	return l, VerdictDue
}
