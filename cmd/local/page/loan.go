package page

import (
	"cmp"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// An explanation says of one loan why a mail is, or is not, due, and what was promised about it.
type explanation struct {
	desk.Explanation
	Book string
	Name string // "": the loan is not open any more
}

func loadLoan(v *visit) (any, error) {
	ctx, store, id := v.Context(), v.app.Store, v.FormValue("id")
	past, err := store.PastNotices(ctx, id)
	if err != nil {
		return nil, err
	}
	open, err := store.Loans(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	loan, ok := open[id]
	switch {
	case !ok && len(past) == 0:
		return nil, errNotFound
	case !ok:
		return explanation{Explanation: desk.Explanation{Past: past}, Book: v.T("page.returned", "ID", id)}, nil
	}
	x := explanation{Book: v.book(loan), Name: v.name(loan.Borrower)}
	if x.Explanation, err = newDesk(v.app).ExplainLoan(ctx, loan, past); err != nil {
		return nil, err
	}
	return x, nil
}

// Rules are those that keep a mail back, or waiting.
func (x explanation) Rules() []reminder.Verdict { return slices.Concat(x.Hinders, x.Later) }

// book names a loan as the desk knows it.
func (v *visit) book(l reminder.Loan) string {
	return v.T("page.book", "Title", cmp.Or(desk.Plain(l.Title), v.T("page.untitled")), "Number", cmp.Or(l.Ref, l.ID),
		"Due", v.Date(l.Due))
}

// Step names a step, or a day, by its distance to the due date.
func (v *visit) Step(days int) string {
	switch {
	case days == 0:
		return v.T("page.step.due")
	case days < 0:
		return v.T("page.step.before", "N", -days)
	}
	return v.T("page.step.late", "N", days)
}
