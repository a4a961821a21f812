package staff

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// A Survey is what all open loans show at one moment. Summary, report, status and doctor take their numbers from it.
type Survey struct {
	Today       reminder.Date
	Open, Late  int // loans
	Contacts    Contacts
	Unreachable []reminder.Loan // of the borrowers that Contacts counts as unreachable
	Longest     []reminder.Loan // late longest, without those on hold

	rules reminder.Rules
	back  map[reminder.Cycle]bool // the last reminder came back
	// Borrowers by a hash of their id: unreachable or not. A map without pointers costs the garbage collector nothing, and
	// among a million borrowers two with one hash are not to be expected.
	seen map[uint64]bool
	seed maphash.Seed
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

// longestReach is how many days late a loan can be that a list names. A due date further back is a mistake in the
// library's records.
const longestReach = 3660

// ReadSurvey looks at all open loans. It names those of unreachable borrowers and up to n of those that are late
// longest; with n = 0 it only counts.
func ReadSurvey(ctx context.Context, loans reminder.Loans, store *staffdb.Store, rules reminder.Rules,
	today reminder.Date, n int) (*Survey, error) {
	back, err := store.CameBackLast(ctx)
	if err != nil {
		return nil, err
	}
	s := NewSurvey(rules, today, back)
	first, last := reminder.AllDue()
	err = loans.Scan(ctx, first, last, func(page []reminder.Loan) error {
		for _, l := range page {
			s.Add(l)
		}
		if len(s.Longest) > n { // a million late loans are not kept to name ten
			slices.SortFunc(s.Longest, byDue)
			s.Longest = s.Longest[:n]
		}
		if n == 0 {
			s.Unreachable = nil
		}
		return nil
	})
	if err != nil || n == 0 {
		return s, err
	}
	for _, list := range []*[]reminder.Loan{&s.Unreachable, &s.Longest} {
		ids := make([]string, len(*list))
		for i, l := range *list {
			ids[i] = l.ID
		}
		if *list, err = reminder.RereadAll(ctx, loans, ids); err != nil {
			return s, err
		}
		slices.SortFunc(*list, byDue)
	}
	return s, nil
}

func byDue(a, b reminder.Loan) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) }

// NewSurvey returns a Survey without loans. back has the cycles whose last reminder came back.
func NewSurvey(rules reminder.Rules, today reminder.Date, back map[reminder.Cycle]bool) *Survey {
	return &Survey{Today: today, rules: rules, back: back, seen: map[uint64]bool{}, seed: maphash.MakeSeed(),
		Contacts: Contacts{Domains: map[string]int{}}}
}

// Add looks at an open loan.
func (s *Survey) Add(l reminder.Loan) {
	s.Open++
	if first, _ := reminder.PlausibleDue(s.Today); !l.Due.Before(first) && l.Due.Before(s.Today) {
		s.Late++
		if l.Hold == "" && l.ID != "" && s.Today.Sub(l.Due) <= longestReach {
			s.Longest = append(s.Longest, l)
		}
	}
	_, verdict := s.rules.Judge(l, nil, s.Today)
	switch verdict {
	case reminder.VerdictOdd, reminder.VerdictTooOld, reminder.VerdictOnHold, reminder.VerdictOptedOut:
		return
	}
	c := &s.Contacts
	id := maphash.String(s.seed, l.Borrower.ID)
	was, known := s.seen[id]
	if !known {
		c.Borrowers++
		c.look(l.Borrower, verdict)
	}
	unreachable := verdict == reminder.VerdictUnreachable || verdict == reminder.VerdictBadAddress || s.back[l.Cycle()]
	if unreachable {
		s.Unreachable = append(s.Unreachable, l)
		if !was {
			c.Unreachable++
		}
	}
	s.seen[id] = was || unreachable
}

// look counts what a borrower's address is like.
func (c *Contacts) look(b reminder.Borrower, verdict reminder.Verdict) {
	addr, err := mail.ParseAddress(b.Email)
	switch {
	case verdict == reminder.VerdictBadAddress:
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

// CountGroups counts the borrowers of loans by group, those without one last.
func CountGroups(loans []reminder.Loan) []reminder.GroupCount {
	seen := map[string]bool{}
	counts := map[string]int{}
	for _, loan := range loans {
		if !seen[loan.Borrower.ID] {
			seen[loan.Borrower.ID] = true
			counts[strings.Join(strings.Fields(loan.Borrower.Group), " ")]++
		}
	}
	var list []reminder.GroupCount
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, reminder.GroupCount{Group: group, Count: counts[group]})
	}
	if len(list) > 0 && list[0].Group == "" {
		list = append(list[1:], list[0])
	}
	return list
}
