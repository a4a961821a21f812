package page

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

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

var bad = []reminder.State{reminder.StateFailed, reminder.StateRefused, reminder.StateUnknown, reminder.StateBounced}

func showTroubles(v *visit) error {
	v.page = "troubles"
	t, err := v.standing()
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
	for _, s := range bad {
		if t.Emails[s] > 1 {
			shown.States = append(shown.States, s)
		}
	}
	shown.List, err = v.badMails()
	v.Data = shown
	return err
}

func (v *visit) badMails() (all []badMail, err error) {
	ctx, store := v.Context(), v.app.Store
	list, err := store.List(ctx, bad...)
	if err != nil {
		return nil, err
	}
	list = list[:min(len(list), maxShown)]
	var ids []string
	for _, l := range list {
		ids = append(ids, l.Loans...)
	}
	open, err := store.Loans(ctx, ids)
	if err != nil {
		return nil, err
	}
	var loans []reminder.Loan
	for _, l := range open {
		loans = append(loans, l)
	}
	phones, err := store.Phones(ctx, loans)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		b := badMail{Listed: l, Name: v.T("page.borrower", "ID", l.Borrower)}
		if l.Borrower == "" {
			b.Name = v.T("page.summary")
		}
		var theirs []reminder.Loan
		for _, id := range l.Loans {
			if loan, ok := open[id]; ok && loan.Borrower.ID == l.Borrower {
				b.Name, b.Group = cmp.Or(plain(loan.Borrower.Name), b.Name), loan.Borrower.Group
				theirs = append(theirs, loan)
				b.Books = append(b.Books, v.book(loan))
			} else {
				b.Books = append(b.Books, v.T("page.returned", "ID", id))
			}
		}
		b.Why, b.Details = text.In(v.Lang).Reason(l.Reason)
		b.Chat = v.chat(b.Name, phones[l.Borrower], theirs)
		all = append(all, b)
	}
	return all, nil
}

// maxShown is how much one page lists: more than a person reads.
const maxShown = 500

// book names a loan as the desk knows it.
func (v *visit) book(l reminder.Loan) string {
	return v.T("page.book", "Title", cmp.Or(plain(l.Title), v.T("page.untitled")), "Number", cmp.Or(l.Ref, l.ID), "Due", v.Date(l.Due))
}

// chat is the link that opens a chat, its message written but not sent.
func (v *visit) chat(name, phone string, loans []reminder.Loan) string {
	number := desk.International(phone)
	if number == "" || len(loans) == 0 {
		return ""
	}
	var titles []string
	for _, l := range loans[:min(len(loans), 10)] { // a link has to fit where browsers and WhatsApp keep it
		titles = append(titles, "- "+v.T("page.chat_book", "Title", plain(l.Title), "Due", v.Date(l.Due)))
	}
	text := v.T("page.chat", "Name", name, "Library", v.app.Config.AppName, "Books", strings.Join(titles, "\n"))
	return "https://wa.me/" + number + "?text=" + strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// Held says why a run is held back.
func (v *visit) Held(r reminder.Report) string {
	switch r.Reason {
	case reminder.ReasonLooksRestored:
		return v.T("page.troubles.restored")
	case reminder.ReasonLooksCopied:
		return v.T("page.troubles.copied")
	}
	return v.T("page.troubles.too_many", "N", r.Planned.Emails, "Max", v.app.Runner.Settings.MaxPerRun)
}

// retry queues mails again: one, or all in a state.
func retry(v *visit) (deed, error) {
	if err := v.open(); err != nil {
		return deed{}, err
	}
	states, ids := bad, []int64(nil)
	if state := reminder.State(v.PostFormValue("state")); slices.Contains(bad, state) {
		states = []reminder.State{state}
	} else {
		id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
		if err != nil {
			return deed{}, errNothing
		}
		ids = []int64{id}
	}
	n, err := v.app.Store.Retry(v.Context(), ids, states...)
	return deed{Key: "retry", N: n, On: v.PostFormValue("id") + v.PostFormValue("state"), To: "/troubles"}, err
}

// settle ends a mail: the borrower was spoken to, or it is not needed.
func settle(v *visit) (deed, error) {
	if err := v.open(); err != nil {
		return deed{}, err
	}
	id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
	if err != nil {
		return deed{}, errNothing
	}
	n, err := v.app.Store.Cancel(v.Context(), []int64{id})
	key := "cancel"
	if v.PostFormValue("how") == "told" {
		key = "told"
	}
	return deed{Key: key, N: n, On: strconv.FormatInt(id, 10), To: "/troubles"}, err
}
