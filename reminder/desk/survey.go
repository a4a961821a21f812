package desk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A Survey is what all open loans say, read once.
type Survey struct {
	Open int
	Contacts
}

// Contacts says how many borrowers with an open loan a mail can reach.
type Contacts struct {
	Borrowers   int            `json:"borrowers"`
	Unreachable int            `json:"unreachable"` // no usable address, or it was refused for good
	Several     int            `json:"-"`           // with more than one address
	Domains     map[string]int `json:"-"`           // borrowers by the domain to which mail goes
	Torn, Wrong []string       `json:"-"`           // ids of borrowers, by what is wrong with what stands in the field
}

// LookAtLoans walks all open loans once. each, where it is not nil, sees them too, and whether their fine is an amount.
func LookAtLoans(ctx context.Context, store *mysql.Store, each func(l reminder.Loan, isFine bool)) (Survey, error) {
	s := Survey{Contacts: Contacts{Domains: map[string]int{}}}
	bad, err := store.BadAddresses(ctx)
	if err != nil {
		return s, err
	}
	seen := map[string]bool{}
	err = store.EachLoan(ctx, func(l reminder.Loan, isFine bool) {
		s.Open++
		if each != nil {
			each(l, isFine)
		}
		if b := l.Borrower; b.ID != "" && !seen[b.ID] { // a view that does not agree with itself shows them twice
			seen[b.ID] = true
			s.borrower(b, bad)
		}
	})
	slices.Sort(s.Torn)
	slices.Sort(s.Wrong)
	return s, err
}

// borrower looks at the address of one.
func (c *Contacts) borrower(b reminder.Borrower, bad map[string]reminder.Digest) {
	c.Borrowers++
	addr, verdict := reminder.Rules{BadAddresses: bad}.Address(b)
	if verdict == reminder.VerdictDue {
		if strings.Count(b.Email, "@") > 1 {
			c.Several++
		}
		c.Domains[addr.Domain()]++
		return
	}
	c.Unreachable++
	_, err := mail.ParseAddress(b.Email)
	switch {
	case errors.Is(err, mail.ErrTornAddress):
		c.Torn = append(c.Torn, b.ID)
	case err != nil && strings.Trim(b.Email, " -") != "":
		c.Wrong = append(c.Wrong, b.ID)
	}
}
