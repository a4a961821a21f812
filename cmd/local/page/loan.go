package page

import (
	"cmp"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// loadLoan explains why a mail about a loan is or is not due, and lists the past reminders. The explanation of a loan
// that is no longer open has an empty Loan.
func loadLoan(v *visit) (any, error) {
	id := v.FormValue("id")
	open, err := v.store().Loans(v.Context(), []string{id})
	if err != nil {
		return nil, err
	}
	if loan, ok := open[id]; ok {
		return newDesk(v.app).ExplainLoan(v.Context(), loan)
	}
	past, err := v.store().PastNotices(v.Context(), id)
	if err == nil && len(past) == 0 {
		err = errNotFound
	}
	return desk.Explanation{Past: past}, err
}

// Book names a loan as the desk knows it.
func (v *visit) Book(l reminder.Loan) string {
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
