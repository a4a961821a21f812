package page

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// Who is late, and one by one why.

// late is what the page shows.
type late struct {
	Query, Group, Sort, As string
	Groups                 []string
	People                 []person
	Books                  int
	More                   int // people that are left out
}

// A person is a borrower with books.
type person struct {
	ID, Name, Group, Address string // data
	Chat                     string
	Out                      bool // wants no reminders
	Books                    []overdueBook
}

// Worst is for how long the oldest has been late.
func (p person) Worst() int { return p.Books[0].Days }

// An overdueBook is a book to bring back.
type overdueBook struct {
	reminder.Loan
	Days int // late
}

// maxLate bounds what is read: all that a school has out.
const maxLate = 20000

// overdue reads everybody who is late, as the page was asked.
func (v *visit) overdue() (l late, err error) {
	if err := v.open(); err != nil {
		return l, err
	}
	ctx, store, today := v.Context(), v.app.Store, v.today()
	rules, err := v.app.Runner.Rules(ctx, today)
	if err != nil {
		return l, err
	}
	survey, err := v.app.Runner.Survey(ctx, rules, today, maxLate)
	if err != nil {
		return l, err
	}
	loans := survey.Longest
	phones, err := store.Phones(ctx, loans)
	if err != nil {
		return l, err
	}
	l = late{Query: strings.TrimSpace(v.FormValue("q")), Group: v.FormValue("group"),
		Sort: cmp.Or(v.FormValue("sort"), "group"),
		As:   cmp.Or(v.FormValue("as"), "list")}
	index := map[string]int{}
	for _, loan := range loans {
		days := rules.Calendar.Offset(loan.Due, today)
		if days <= 0 {
			continue
		}
		b := loan.Borrower
		if !slices.Contains(l.Groups, b.Group) {
			l.Groups = append(l.Groups, b.Group)
		}
		if l.Group != "" && b.Group != strings.TrimPrefix(l.Group, "=") ||
			!matches(l.Query, b.Name, loan.Title, loan.Ref, loan.ItemCode, b.ID) {
			continue
		}
		i, ok := index[b.ID]
		if !ok {
			i = len(l.People)
			index[b.ID] = i
			l.People = append(l.People, person{ID: b.ID, Name: cmp.Or(desk.Plain(b.Name), v.T("page.noname")), Group: b.Group,
				Address: desk.Plain(b.Email)})
		}
		l.People[i].Books = append(l.People[i].Books, overdueBook{loan, days})
		l.Books++
	}
	for i := range l.People {
		p := &l.People[i]
		var theirs []reminder.Loan
		for _, b := range p.Books {
			theirs = append(theirs, b.Loan)
		}
		p.Chat = v.chat(p.Name, phones[p.ID], theirs)
	}
	slices.Sort(l.Groups)
	slices.SortStableFunc(l.People, func(a, b person) int {
		switch l.Sort {
		case "name":
			return cmp.Compare(a.Name, b.Name)
		case "days":
			return cmp.Compare(b.Worst(), a.Worst())
		}
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name))
	})
	return l, nil
}

// matches reports whether each word of a query is in one of the texts.
func matches(query string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func showLate(v *visit) error {
	v.page = "late"
	l, err := v.overdue()
	if l.As == "list" && len(l.People) > maxShown {
		l.More = len(l.People) - maxShown
		l.People = l.People[:maxShown]
	}
	v.Data = l
	return err
}

// With is the address of the same list, shown in another way.
func (l late) With(key, value string) string {
	q := url.Values{"q": {l.Query}, "group": {l.Group}, "sort": {l.Sort}, "as": {l.As}}
	q.Set(key, value)
	return "/late?" + q.Encode()
}

// CSV is the address of the table for a spreadsheet.
func (l late) CSV() string { return strings.Replace(l.With("as", "csv"), "/late?", "/late.csv?", 1) }

// showCSV writes the list for a spreadsheet. Excel takes the language of the computer for the separator, unless the
// first line says it.
func showCSV(v *visit) error {
	v.page = "late"
	l, err := v.overdue()
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q",
		v.T("page.late.file")+"-"+v.today().String()+".csv"))
	fmt.Fprint(v.w, "\ufeff")
	w := csv.NewWriter(v.w)
	w.Comma, w.UseCRLF = ';', true
	_ = w.Write([]string{v.T("page.late.name"), v.T("page.late.group"), "ID", v.T("page.late.book"),
		v.T("page.late.number"),
		v.T("page.late.due"), v.T("page.late.days"), v.T("page.late.address")}) // as below, w.Flush tells of an error
	for _, p := range l.People {
		for _, b := range p.Books {
			_ = w.Write([]string{cell(p.Name), cell(p.Group), cell(p.ID), cell(desk.Plain(b.Title)), cell(cmp.Or(b.Ref, b.ID)),
				b.Due.String(),
				strconv.Itoa(b.Days), cell(p.Address)})
		}
	}
	w.Flush()
	return errDone
}

// cell makes data a text for a spreadsheet, which would calculate what looks like a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// found is what a search shows.
type found struct {
	Query  string
	People []person
	More   int
}

func showFind(v *visit) error {
	v.page = "find"
	if err := v.open(); err != nil {
		return err
	}
	f := found{Query: strings.TrimSpace(v.FormValue("q"))}
	v.Data = f
	if f.Query == "" {
		return nil
	}
	ctx, today := v.Context(), v.today()
	loans, more, err := v.app.Store.Search(ctx, f.Query, func(l reminder.Loan) bool {
		return matches(f.Query, l.Borrower.Name, l.Borrower.ID, l.Borrower.Email, l.ID, l.Ref, l.ItemCode)
	})
	if err != nil {
		return err
	}
	if len(loans) == 0 { // a title is not what a search of the outbox compares
		if loans, more, err = v.titled(f.Query); err != nil {
			return err
		}
	}
	out, err := v.app.Store.OptedOut(ctx)
	if err != nil {
		return err
	}
	rules, err := v.app.Runner.Rules(ctx, today)
	if err != nil {
		return err
	}
	for _, l := range loans {
		b := l.Borrower
		i := slices.IndexFunc(f.People, func(p person) bool { return p.ID == b.ID })
		if i < 0 {
			i = len(f.People)
			f.People = append(f.People, person{ID: b.ID, Name: cmp.Or(desk.Plain(b.Name), v.T("page.noname")), Group: b.Group,
				Address: desk.Plain(b.Email), Out: out[b.ID]})
		}
		f.People[i].Books = append(f.People[i].Books, overdueBook{l, rules.Calendar.Offset(l.Due, today)})
	}
	f.More = more
	v.Data = f
	return nil
}

// titled looks for words of titles among the open loans due within a year.
func (v *visit) titled(query string) ([]reminder.Loan, int, error) {
	var ids []string
	err := v.app.Store.Scan(v.Context(), v.today().AddDays(-366), v.today().AddDays(366),
		func(loans []reminder.Loan) error {
			for _, l := range loans {
				ids = append(ids, l.ID)
			}
			return nil
		})
	if err != nil {
		return nil, 0, err
	}
	all, err := v.app.Store.Loans(v.Context(), ids)
	var found []reminder.Loan
	for _, l := range all {
		if matches(query, l.Title) {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b reminder.Loan) int {
		return cmp.Or(cmp.Compare(a.Borrower.Name, b.Borrower.Name), cmp.Compare(a.Borrower.ID, b.Borrower.ID),
			a.Due.Compare(b.Due))
	})
	return found[:min(len(found), maxFound)], max(0, len(found)-maxFound), err
}

const maxFound = 200

// An explanation is what the page of one loan shows.
type explanation struct {
	desk.Explanation
	Book    string
	Name    string
	Rules   []rule
	Out     bool
	Someone string // who has it now, to tell what went to another
}

// A rule is one that keeps a mail back, or waiting.
type rule struct {
	Text string
	Told bool // which is as it should be
}

func showLoan(v *visit) error {
	v.page = "loan"
	if err := v.open(); err != nil {
		return err
	}
	ctx, store, id := v.Context(), v.app.Store, v.FormValue("id")
	past, err := store.PastNotices(ctx, id)
	if err != nil {
		return err
	}
	open, err := store.Loans(ctx, []string{id})
	if err != nil {
		return err
	}
	loan, ok := open[id]
	if !ok {
		if len(past) == 0 {
			return errNotFound
		}
		v.Data = explanation{Explanation: desk.Explanation{Past: past}, Book: v.T("page.returned", "ID", id)}
		return nil
	}
	x, err := newDesk(v.app).ExplainLoan(ctx, loan, past)
	if err != nil {
		return err
	}
	out, err := store.OptedOut(ctx)
	s := explanation{Explanation: x, Book: v.book(loan), Name: cmp.Or(desk.Plain(loan.Borrower.Name), v.T("page.noname")),
		Someone: loan.Borrower.ID, Out: out[loan.Borrower.ID]}
	for _, verdict := range slices.Concat(x.Hinders, x.Later) {
		s.Rules = append(s.Rules, rule{v.Reason(string(verdict)), verdict == reminder.VerdictTold})
	}
	v.Data = s
	return err
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

// optOut keeps a borrower from being reminded, or lets them be reminded again.
func optOut(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	ctx, store, id := v.Context(), v.app.Store, v.PostFormValue("id")
	to := v.PostFormValue("back")
	if !strings.HasPrefix(to, "/find?") && !strings.HasPrefix(to, "/loan?") {
		to = "/more"
	}
	if v.PostFormValue("on") == "" {
		_, err := store.RemoveOptOut(ctx, id)
		return action{Key: "optin", On: id, To: to}, err
	}
	of, err := store.LoansOf(ctx, []string{id})
	if err != nil {
		return action{}, err
	}
	if _, ok := of[id]; !ok {
		return action{}, errNotFound
	}
	return action{Key: "optout", On: id, To: to}, store.AddOptOut(ctx, id, v.app.Runner.Now())
}
