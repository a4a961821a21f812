package desk

import (
	"cmp"
	"context"
	"html"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Find returns the open loans that a key may mean, and how many more there are. The key is the id, number or item code
// of a loan, the id or address of a borrower, or beginnings of the words of a name. No loan is an Absence.
func (d Desk) Find(ctx context.Context, key string) (loans []reminder.Loan, more int, err error) {
	loans, more, err = d.Store.Search(ctx, key, func(l reminder.Loan) bool {
		return l.ID == key || l.Ref == key || l.ItemCode == key || IsBorrower(l.Borrower, key) || named(l.Borrower, key)
	})
	if err == nil && len(loans) == 0 {
		err = nobody(key)
	}
	return loans, more, err
}

// Borrower finds the one borrower with a whole id, name or address. A borrower without an open loan is found by id
// only, and only if on record.
func (d Desk) Borrower(ctx context.Context, key string) (reminder.Borrower, error) {
	loans, _, err := d.Store.Search(ctx, key, func(l reminder.Loan) bool { return IsBorrower(l.Borrower, key) })
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
		known, err := d.Store.Known(ctx, key)
		if err == nil && !known {
			err = noMatch(key)
		}
		return reminder.Borrower{ID: key}, err
	default:
		return reminder.Borrower{}, several(key, found)
	}
}

// Loan finds the one open loan with a whole id, number or item code, and returns its id.
func (d Desk) Loan(ctx context.Context, key string) (string, error) {
	loans, err := d.Store.FindLoan(ctx, key)
	switch {
	case err != nil:
		return "", err
	case len(loans) == 0:
		return "", noMatch(key)
	case len(loans) > 1:
		return "", several(key, borrowers(loans))
	}
	return loans[0].ID, nil
}

// loansOf finds the open loans of the one borrower with a whole id, name or address, or else with a part of a name.
func (d Desk) loansOf(ctx context.Context, key string) ([]reminder.Loan, error) {
	for _, match := range []func(reminder.Borrower, string) bool{IsBorrower, named} {
		loans, _, err := d.Store.Search(ctx, key, func(l reminder.Loan) bool { return match(l.Borrower, key) })
		if err != nil {
			return nil, err
		}
		if found := borrowers(loans); len(found) > 1 {
			return nil, several(key, found)
		}
		if len(loans) > 0 {
			return loans, nil
		}
	}
	return nil, nobody(key)
}

// Plain returns data as one line for a screen, without control characters.
func Plain(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f && r <= 0xa0 }), " ")
}

// Clip cuts a text to a width in letters.
func Clip(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// Whom names a borrower: name, class and id.
func Whom(b reminder.Borrower) reminder.Message {
	var name any = Plain(b.Name)
	if name == "" {
		name = reminder.Say("people.no_name")
	}
	return reminder.Say("people.whom", "Name", name, "Group", Plain(b.Group), "ID", b.ID)
}

// Book names a loan as the desk knows it, and when it is due.
func Book(l reminder.Loan) reminder.Message {
	number := cmp.Or(l.Ref, l.ID)
	if l.ItemCode != "" {
		number += ", " + l.ItemCode
	}
	var title any = Plain(l.Title)
	if title == "" {
		title = reminder.Say("people.no_title")
	}
	if l.Due.IsZero() {
		return reminder.Say("people.book_without_date", "Title", title, "Number", number)
	}
	return reminder.Say("people.due", "Title", title, "Number", number, "Due", l.Due)
}

// IsBorrower reports whether key is the borrower's whole id, name or address.
func IsBorrower(b reminder.Borrower, key string) bool {
	return b.ID == key || strings.EqualFold(Plain(b.Name), Plain(key)) || slices.ContainsFunc(addresses(b.Email),
		func(a string) bool { return strings.EqualFold(a, key) })
}

// addresses are the pieces of an address field.
func addresses(field string) []string {
	return strings.FieldsFunc(html.UnescapeString(field),
		func(r rune) bool { return strings.ContainsRune(" \t\r\n,;<>", r) })
}

// named reports whether each word of key begins a word of the borrower's name.
func named(b reminder.Borrower, key string) bool {
	words := strings.Fields(strings.ToLower(Plain(b.Name)))
	for word := range strings.FieldsSeq(strings.ToLower(key)) {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, word) }) {
			return false
		}
	}
	return true
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

func nobody(key string) error { return Absent("people.nobody", "Key", key) }

// noMatch is the error of a key that has to be whole.
func noMatch(key string) error { return Absent("people.no_exact_match", "Key", key) }

// several is the error of a name that more than one borrower has.
func several(key string, found []reminder.Borrower) error {
	var list []reminder.Message
	for _, b := range found[:min(len(found), 10)] {
		list = append(list, reminder.Say("people.item", "Whom", Whom(b)))
	}
	return Absent("people.several", "N", len(found), "Key", key, "List", list)
}
