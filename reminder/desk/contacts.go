package desk

import (
	"context"
	"errors"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// Contacts says how many borrowers with an open loan a mail can reach.
type Contacts struct {
	Borrowers   int            `json:"borrowers"`
	Unreachable int            `json:"unreachable"` // no usable address, or it was refused for good
	Several     int            `json:"-"`           // with more than one address
	Domains     map[string]int `json:"-"`           // borrowers by the domain to which mail goes
	Torn, Wrong []string       `json:"-"`           // ids of borrowers, by what is wrong with what stands in the field
}

// Contacts looks at the address of every borrower with an open loan.
func (d Desk) Contacts(ctx context.Context) (c Contacts, err error) {
	borrowers, err := d.Store.Borrowers(ctx)
	if err != nil {
		return c, err
	}
	bad, err := d.Store.BadAddresses(ctx)
	if err != nil {
		return c, err
	}
	c.Domains = map[string]int{}
	for _, b := range borrowers {
		c.Borrowers++
		addr, verdict := reminder.Rules{BadAddresses: bad}.Address(b)
		if verdict == reminder.VerdictDue {
			if strings.Count(b.Email, "@") > 1 {
				c.Several++
			}
			c.Domains[addr.Domain()]++
			continue
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
	return c, nil
}
