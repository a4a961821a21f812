package desk

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Explain says of every open loan that a key may mean why a mail is, or is not, due for it now: a loan's id, number or
// item code, a borrower's id, name or address. closed is what was promised about a loan with this id that is not open
// any more. Nothing at all is an Absence.
func (d Desk) Explain(ctx context.Context, key string) (open []reminder.Explanation, closed []reminder.PastNotice,
	err error) {
	if err := d.Store.Check(ctx); err != nil {
		return nil, nil, err
	}
	loans, err := d.Store.FindLoan(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	// Screens show the ids of borrowers, and one may be the id of somebody else's loan.
	owned, _, err := d.Store.Search(ctx, key, func(l reminder.Loan) bool { return l.Borrower.ID == key })
	if err != nil {
		return nil, nil, err
	}
	if len(loans) == 0 {
		if closed, err = d.Store.PastNotices(ctx, key); err != nil {
			return nil, nil, err
		}
		if len(closed) == 0 {
			if loans, err = d.loansOf(ctx, key); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, l := range owned {
		if !slices.ContainsFunc(loans, func(other reminder.Loan) bool { return other.ID == l.ID }) {
			loans = append(loans, l)
		}
	}
	for _, loan := range loans {
		past, err := d.Store.PastNotices(ctx, loan.ID)
		if err != nil {
			return nil, nil, err
		}
		x, err := d.Runner.Explain(ctx, loan, past)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, x)
	}
	return open, closed, nil
}
