package page

import (
	"cmp"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
)

// found is the result of a search.
type found struct {
	list
	More int // loans that are left out
}

func loadFound(v *visit) (any, error) {
	f := found{list: v.list()}
	if f.Query == "" {
		return f, nil
	}
	loans, more, err := v.store().Search(v.Context(), f.Query, func(l reminder.Loan) bool {
		return matches(f.Query, l.Borrower.Name, l.Borrower.ID, l.Borrower.Email, l.ID, l.Ref, l.ItemCode)
	})
	if err == nil && len(loans) == 0 { // Search does not compare titles
		loans, more, err = v.titled(f.Query)
	}
	if err != nil {
		return f, err
	}
	rules, err := v.app.Runner.Rules(v.Context(), v.Today())
	if err != nil {
		return f, err
	}
	f.People, f.More = v.people(loans, rules), more
	return f, v.addContacts(f.People, loans)
}

// WantNone returns the ids of borrowers who want no reminders.
func (v *visit) WantNone() (map[string]bool, error) { return v.store().OptedOut(v.Context()) }

// maxFound is how many loans a search of titles shows.
const maxFound = 200

// titled returns the open loans whose title matches, by borrower, and how many more there are.
func (v *visit) titled(query string) ([]reminder.Loan, int, error) {
	found, err := v.openLoans(func(l reminder.Loan) bool { return matches(query, l.Title) })
	slices.SortStableFunc(found, func(a, b reminder.Loan) int {
		return cmp.Or(cmp.Compare(a.Borrower.Name, b.Borrower.Name), cmp.Compare(a.Borrower.ID, b.Borrower.ID))
	})
	shown := found[:min(len(found), maxFound)]
	return shown, len(found) - len(shown), err
}

// optOut stops the reminders to a borrower, or allows them again.
func optOut(v *visit) (action, error) {
	ctx, store, id := v.Context(), v.store(), v.PostFormValue("id")
	if v.PostFormValue("on") == "" {
		_, err := store.RemoveOptOut(ctx, id)
		return action{Key: "optin", On: id}, err
	}
	of, err := store.LoansOf(ctx, []string{id})
	if _, ok := of[id]; err == nil && !ok {
		err = errNotFound
	}
	if err != nil {
		return action{}, err
	}
	return action{Key: "optout", On: id}, store.AddOptOut(ctx, id, v.app.Runner.Now())
}
