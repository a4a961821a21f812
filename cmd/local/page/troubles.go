package page

import (
	"slices"
	"strconv"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// loadTroubles reads what needs a person: mails that ended badly, a run that is held, odd rows.
func loadTroubles(v *visit) (any, error) { return v.overview(true) }

// Bad returns the states that need a person.
func (v *visit) Bad() []reminder.State { return desk.Bad }

// A badMail is a mail that ended badly, with the person and the books.
type badMail struct {
	deskdb.Listed
	Name, Group, Why, Details string
	Books                     []string
	Chat                      string // link, or ""
}

// BadMails returns the mails that ended badly, newest first.
func (v *visit) BadMails() (all []badMail, err error) {
	list, err := newDesk(v.app).Troubles(v.Context(), maxShown)
	if err != nil {
		return nil, err
	}
	var loans []reminder.Loan
	for _, t := range list {
		loans = append(loans, t.Loans...)
	}
	phones, err := v.store().Phones(v.Context(), loans)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		b := badMail{Listed: t.Listed, Name: v.Text(t.Whose())}
		if t.Borrower != nil {
			b.Name, b.Group = v.Name(*t.Borrower), t.Borrower.Group
		}
		for _, l := range t.Loans {
			b.Books = append(b.Books, v.Book(l))
		}
		for _, id := range t.Back {
			b.Books = append(b.Books, v.T("page.returned", "ID", id))
		}
		b.Why, b.Details = text.In(v.Lang).Reason(t.Reason)
		b.Chat = v.chat(b.Name, phones[t.Listed.Borrower], t.Loans)
		all = append(all, b)
	}
	return all, nil
}

// retry queues one mail again, or all in a state.
func retry(v *visit) (action, error) {
	states, ids := desk.Bad, []int64(nil)
	if state := reminder.State(v.PostFormValue("state")); slices.Contains(desk.Bad, state) {
		states = []reminder.State{state}
	} else {
		id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
		if err != nil {
			return action{}, errNotFound
		}
		ids = []int64{id}
	}
	n, err := newDesk(v.app).Retry(v.Context(), ids, states...)
	return action{Key: "retry", N: n, On: v.PostFormValue("id") + v.PostFormValue("state")}, err
}

// settle ends a mail: the borrower was spoken to, or it is not needed.
func settle(v *visit) (action, error) {
	id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
	if err != nil {
		return action{}, errNotFound
	}
	key := "cancel"
	if v.PostFormValue("how") == "told" {
		key = "told"
		if err := v.told(id); err != nil {
			return action{}, err
		}
	}
	n, err := newDesk(v.app).Cancel(v.Context(), []int64{id})
	return action{Key: key, N: n, On: strconv.FormatInt(id, 10)}, err
}

// told stores that the borrower of a mail that ended badly was spoken to.
func (v *visit) told(id int64) error {
	list, err := newDesk(v.app).Troubles(v.Context(), maxShown)
	for _, t := range list {
		if t.ID == id && err == nil {
			_, err = v.reached(t.Loans, "spoken")
		}
	}
	return err
}

// badMailRows returns a row for each book.
func badMailRows(v *visit) (rows [][]string, err error) {
	list, err := v.BadMails()
	for _, b := range list {
		for _, book := range append(b.Books, "")[:max(1, len(b.Books))] {
			rows = append(rows, []string{strconv.FormatInt(b.ID, 10), b.Name, b.Group, book, v.State(b.State) + ": " + b.Why,
				v.Moment(b.Promised)})
		}
	}
	return rows, err
}
