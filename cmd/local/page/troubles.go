package page

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// What needs a person: mails that ended badly, a run that is held, odd rows.

// troubles is what the page shows.
type troubles struct {
	Held   *reminder.Report // nil: nothing is held
	Odd    int
	List   []badMail
	States []reminder.State // those in which there are several
}

// A badMail is a mail that ended badly, with the person and the books.
type badMail struct {
	mysql.Listed
	Name, Group, Why, Details string
	Books                     []string
	Chat                      string // link, or ""
}

func showTroubles(v *visit) error {
	v.page = "troubles"
	t, err := v.overview()
	if err != nil {
		return err
	}
	var shown troubles
	if t.Next.Outcome == reminder.RunHeld {
		shown.Held = &t.Next
	}
	if t.Next.Loans != nil {
		shown.Odd = t.Next.Loans.Odd
	}
	for _, s := range desk.Bad {
		if t.Emails[s] > 1 {
			shown.States = append(shown.States, s)
		}
	}
	shown.List, err = v.badMails()
	v.Data = shown
	return err
}

func (v *visit) badMails() (all []badMail, err error) {
	list, err := newDesk(v.app).Troubles(v.Context(), maxShown)
	if err != nil {
		return nil, err
	}
	var loans []reminder.Loan
	for _, t := range list {
		loans = append(loans, t.Loans...)
	}
	phones, err := v.app.Store.Phones(v.Context(), loans)
	if err != nil {
		return nil, err
	}
	say := text.In(v.Lang)
	for _, t := range list {
		b := badMail{Listed: t.Listed, Name: say.Text(t.Whose())}
		if t.Borrower != nil {
			b.Name, b.Group = cmp.Or(desk.Plain(t.Borrower.Name), v.T("page.noname")), t.Borrower.Group
		}
		for _, l := range t.Loans {
			b.Books = append(b.Books, v.book(l))
		}
		for _, id := range t.Back {
			b.Books = append(b.Books, v.T("page.returned", "ID", id))
		}
		b.Why, b.Details = say.Reason(t.Reason)
		b.Chat = v.chat(b.Name, phones[t.Listed.Borrower], t.Loans)
		all = append(all, b)
	}
	return all, nil
}

// maxShown is how many entries a page lists at most.
const maxShown = 500

// book names a loan as the desk knows it.
func (v *visit) book(l reminder.Loan) string {
	return v.T("page.book", "Title", cmp.Or(desk.Plain(l.Title), v.T("page.untitled")), "Number", cmp.Or(l.Ref, l.ID),
		"Due", v.Date(l.Due))
}

// chat returns the link that opens a chat with a person about some loans.
func (v *visit) chat(name, phone string, loans []reminder.Loan) string {
	p := desk.Person{Name: name, Phone: desk.International(phone)}
	for _, l := range loans {
		p.Books = append(p.Books, desk.DueBook{Title: l.Title, Due: l.Due})
	}
	return desk.Chat(v.T, v.Date, v.app.Config.AppName, p)
}

// Held says why a run is held back.
func (v *visit) Held(r reminder.Report) string {
	what, why, _, _ := newDesk(v.app).Held(r)
	return text.In(v.Lang).Text(what) + " " + text.In(v.Lang).Text(why)
}

// retry queues mails again: one, or all in a state.
func retry(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
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
	return action{Key: "retry", N: n, On: v.PostFormValue("id") + v.PostFormValue("state"), To: "/troubles"}, err
}

// settle ends a mail: the borrower was spoken to, or it is not needed.
func settle(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
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
	return action{Key: key, N: n, On: strconv.FormatInt(id, 10), To: "/troubles"}, err
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
