package reminder

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Survey is what all open loans show at one moment. Summary, report, status and doctor take their numbers from it.
type Survey struct {
	Today       Date
	Open, Late  int // loans
	Contacts    Contacts
	Unreachable []Loan // of the borrowers that Contacts counts as unreachable
	Longest     []Loan // late longest, without those on hold

	rules Rules
	back  map[Cycle]bool  // the last reminder came back
	seen  map[string]bool // borrowers by id: unreachable or not
}

// Contacts says how many borrowers a reminder can reach. It counts those with an open loan that the rules would tell
// about: not odd, not on hold, not too old, and not of a borrower who opted out.
type Contacts struct {
	Borrowers int `json:"borrowers"`
	// without a usable address, or with one that was refused, or from which the last reminder came back
	Unreachable int            `json:"unreachable"`
	Several     int            `json:"-"` // with more than one address
	Domains     map[string]int `json:"-"` // borrowers by the domain to which mail goes
	Torn, Wrong []string       `json:"-"` // ids of borrowers, by what is wrong with their address
}

// NewSurvey returns a Survey without loans. back has the cycles whose last reminder came back.
func NewSurvey(rules Rules, today Date, back map[Cycle]bool) *Survey {
	return &Survey{Today: today, rules: rules, back: back, seen: map[string]bool{},
		Contacts: Contacts{Domains: map[string]int{}}}
}

// longestReach is how many days late a loan of Longest can be. A due date further back is a mistake in the library's
// records.
const longestReach = 3660

// Add looks at an open loan.
func (s *Survey) Add(l Loan) {
	s.Open++
	if l.Due.Before(s.Today) {
		s.Late++
		if l.Hold == "" && l.ID != "" && s.Today.Sub(l.Due) <= longestReach {
			s.Longest = append(s.Longest, l)
		}
	}
	_, verdict := s.rules.Judge(l, nil, s.Today)
	switch verdict {
	case VerdictOdd, VerdictTooOld, VerdictOnHold, VerdictOptedOut:
		return
	}
	c := &s.Contacts
	was, known := s.seen[l.Borrower.ID]
	if !known {
		c.Borrowers++
		c.look(l.Borrower, verdict)
	}
	unreachable := verdict == VerdictUnreachable || verdict == VerdictBadAddress || s.back[l.Cycle()]
	if unreachable {
		s.Unreachable = append(s.Unreachable, l)
		if !was {
			c.Unreachable++
		}
	}
	s.seen[l.Borrower.ID] = was || unreachable
}

// look counts what a borrower's address is like.
func (c *Contacts) look(b Borrower, verdict Verdict) {
	addr, err := mail.ParseAddress(b.Email)
	switch {
	case verdict == VerdictBadAddress:
	case err == nil:
		if strings.Count(b.Email, "@") > 1 {
			c.Several++
		}
		c.Domains[addr.Domain()]++
	case errors.Is(err, mail.ErrTornAddress):
		c.Torn = append(c.Torn, b.ID)
	case strings.Trim(b.Email, " -") != "":
		c.Wrong = append(c.Wrong, b.ID)
	}
}

// Survey looks at all open loans. It names those of unreachable borrowers and up to n of those that are late longest;
// with n = 0 it only counts.
func (r *Runner) Survey(ctx context.Context, rules Rules, today Date, n int) (*Survey, error) {
	counted, err := r.Loans.CountLoans(ctx, today)
	if err != nil {
		return nil, err
	}
	back, err := r.Store.CameBackLast(ctx)
	if err != nil {
		return nil, err
	}
	s := NewSurvey(rules, today, back)
	byDue := func(a, b Loan) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) }
	first, last := PlausibleDue(today)
	err = r.Loans.Scan(ctx, first, last, func(page []Loan) error {
		for _, l := range page {
			s.Add(l)
		}
		if len(s.Longest) > n { // a million late loans are not kept to name ten
			slices.SortFunc(s.Longest, byDue)
			s.Longest = s.Longest[:n]
		}
		return nil
	})
	s.Open, s.Late = counted.Open, counted.TooOld // also with due dates that a scan does not see, such as 2026-00-00
	if err != nil || n == 0 {
		return s, err
	}
	for _, loans := range []*[]Loan{&s.Unreachable, &s.Longest} {
		ids := make([]string, len(*loans))
		for i, l := range *loans {
			ids[i] = l.ID
		}
		if *loans, err = RereadAll(ctx, r.Loans, ids); err != nil {
			return s, err
		}
		slices.SortFunc(*loans, byDue)
	}
	return s, nil
}

// CountGroups counts the borrowers of loans by group, those without one last.
func CountGroups(loans []Loan) []GroupCount {
	seen := map[string]bool{}
	counts := map[string]int{}
	for _, loan := range loans {
		if !seen[loan.Borrower.ID] {
			seen[loan.Borrower.ID] = true
			counts[strings.Join(strings.Fields(loan.Borrower.Group), " ")]++
		}
	}
	var list []GroupCount
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, GroupCount{group, counts[group]})
	}
	if len(list) > 0 && list[0].Group == "" {
		list = append(list[1:], list[0])
	}
	return list
}
