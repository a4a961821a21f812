package main

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A screen at the library shows people and titles; logs, records and the function's answers never do.

func (p *program) findCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     p.say("people.find_name"),
		Aliases: []string{"cari"},
		Short:   p.say("people.find_borrowers_and_their_books"),
		Long:    p.say("people.looks_for_borrowers_who_have"),
		Example: "  pengingat find aisyah\n  pengingat find PJM-00123",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			key := strings.Join(args, " ")
			loans, more, err := app.Store.Search(ctx, key, func(l reminder.Loan) bool {
				return isLoan(l, key) || isBorrower(l.Borrower, key) || named(l.Borrower, key)
			})
			switch {
			case err != nil:
				return err
			case len(loans) == 0:
				return p.nobody(key)
			case p.asJSON:
				return p.printJSON(loans)
			}
			for i, l := range loans {
				if i == 0 || loans[i-1].Borrower.ID != l.Borrower.ID {
					fmt.Fprintln(p.out, wrap(p.whom(l.Borrower), 0))
				}
				fmt.Fprintf(p.out, "  %s\n", wrap(p.book(l), 4))
			}
			if more > 0 {
				p.print("people.and_more_books_type_more", "N", more)
			}
			return nil
		}),
	})
}

// whom names a borrower: name, class and id.
func (p *program) whom(b reminder.Borrower) string {
	about := "ID " + b.ID
	if b.Group != "" {
		about = b.Group + ", " + about
	}
	return cmp.Or(plain(b.Name), p.say("people.no_name")) + " (" + about + ")"
}

// book names a loan as the desk knows it, and when it is due.
func (p *program) book(l reminder.Loan) string {
	number := cmp.Or(l.Ref, l.ID)
	if l.ItemCode != "" {
		number += ", " + l.ItemCode
	}
	title := cmp.Or(plain(l.Title), p.say("people.no_title"))
	if l.Due.IsZero() {
		return p.say("people.without_readable_due_date", "Title", title, "Number", number)
	}
	return p.say("people.due", "Title", title, "Number", number, "Due", l.Due)
}

// plain makes data fit for one line of a screen, without what would change the screen.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f && r <= 0xa0 }), " ")
}

// isLoan reports whether key is the loan's id, its number or the code of its book.
func isLoan(l reminder.Loan, key string) bool {
	return l.ID == key || l.Ref == key || l.ItemCode == key
}

// isBorrower reports whether key is the borrower's whole id, name or address.
func isBorrower(b reminder.Borrower, key string) bool {
	return b.ID == key || strings.EqualFold(plain(b.Name), plain(key)) || slices.ContainsFunc(addresses(b.Email),
		func(a string) bool { return strings.EqualFold(a, key) })
}

// addresses are the pieces of an address field.
func addresses(field string) []string {
	return strings.FieldsFunc(html.UnescapeString(field), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;<>", r) })
}

// named reports whether each word of key begins a word of the borrower's name.
func named(b reminder.Borrower, key string) bool {
	words := strings.Fields(strings.ToLower(plain(b.Name)))
	for word := range strings.FieldsSeq(strings.ToLower(key)) {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, word) }) {
			return false
		}
	}
	return true
}

// borrower finds the one borrower with a whole id, name or address. Whoever has no open loan is known by id alone, and
// only when on record.
func (p *program) borrower(ctx context.Context, app *setup.App, key string) (reminder.Borrower, error) {
	loans, _, err := app.Store.Search(ctx, key, func(l reminder.Loan) bool { return isBorrower(l.Borrower, key) })
	if err != nil {
		return reminder.Borrower{}, err
	}
	if i := slices.IndexFunc(loans, func(l reminder.Loan) bool { return l.Borrower.ID == key }); i >= 0 {
		return loans[i].Borrower, nil
	}
	switch found := borrowers(loans); len(found) {
	case 1:
		return found[0], nil
	case 0:
		known, err := app.Store.Known(ctx, key)
		if err == nil && !known {
			err = p.noMatch(key)
		}
		return reminder.Borrower{ID: key}, err
	default:
		return reminder.Borrower{}, p.several(key, found)
	}
}

// loan finds the one open loan with a whole id, number or item code, and returns its id.
func (p *program) loan(ctx context.Context, app *setup.App, key string) (string, error) {
	loans, err := app.Store.FindLoan(ctx, key)
	switch {
	case err != nil:
		return "", err
	case len(loans) == 0:
		return "", p.noMatch(key)
	case len(loans) > 1:
		return "", p.several(key, borrowers(loans))
	}
	return loans[0].ID, nil
}

// borrowers are those of some loans, each once.
func borrowers(loans []reminder.Loan) (found []reminder.Borrower) {
	for _, l := range loans {
		if !slices.ContainsFunc(found, func(b reminder.Borrower) bool { return b.ID == l.Borrower.ID }) {
			found = append(found, l.Borrower)
		}
	}
	return found
}

func (p *program) nobody(key string) error {
	return p.absent("people.there_no_borrower_and_no", "Key", key)
}

// noMatch is the error of a key that has to be whole.
func (p *program) noMatch(key string) error {
	return p.absent("people.nothing_exactly_id_number_code", "Key", key)
}

// several is the error of a name that more than one borrower has.
func (p *program) several(key string, found []reminder.Borrower) error {
	var list []string
	for _, b := range found[:min(len(found), 10)] {
		list = append(list, "  - "+p.whom(b))
	}
	return p.absent("people.there_borrowers_with_name_id",
		"N", len(found), "Key", key, "List", strings.Join(list, "\n"))
}
