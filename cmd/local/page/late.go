package page

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// Who is late, and one by one why.

// late is what the page shows.
type late struct {
	Query, Group, Sort, As string
	Who                    string // "": who was not reached yet; reached; all
	Groups                 []string
	People                 []person
	Books                  int
	More                   int // people that are left out
	Reached                int // people whom Who leaves out, because they were reached in the last days
}

// A person is a borrower with books.
type person struct {
	ID, Name, Group, Address string // data
	Chat                     string
	Out                      bool           // wants no reminders
	Contact                  *mysql.Contact // nil: nobody has reached them about one of these books
	Books                    []overdueBook
}

// Worst is for how long the oldest has been late.
func (p person) Worst() int { return p.Books[0].Days }

// An overdueBook is a book to bring back.
type overdueBook struct {
	reminder.Loan
	Days int // late
}

// reachedFor is for how long somebody who was reached in another way is not on the list any more: long enough to bring
// a book, and not so long that one is forgotten.
const reachedFor = 7 * 24 * time.Hour

// maxLate is how many late loans are read at most: more than a school lends.
const maxLate = 20000

// overdue reads the late loans with the filters of the request.
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
	if v.FormValue("as") == "open" {
		if loans, err = v.allOpen(); err != nil {
			return l, err
		}
	}
	contacts, err := store.Contacts(ctx, time.Unix(0, 0), "")
	if err != nil {
		return l, err
	}
	reached := map[string]*mysql.Contact{} // by loan and due date
	for i, c := range contacts {
		reached[c.Loan+" "+c.Due.String()] = &contacts[i]
	}
	phones, err := store.Phones(ctx, loans)
	if err != nil {
		return l, err
	}
	l = late{Query: strings.TrimSpace(v.FormValue("q")), Group: v.FormValue("group"),
		Sort: cmp.Or(v.FormValue("sort"), "group"),
		As:   cmp.Or(v.FormValue("as"), "list"), Who: v.FormValue("who")}
	index := map[string]int{}
	for _, loan := range loans {
		days := rules.Calendar.Offset(loan.Due, today)
		if days <= 0 && l.As != "open" {
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
		if c := reached[loan.ID+" "+loan.Due.String()]; c != nil && c.Borrower == b.ID {
			l.People[i].Contact = c
		}
	}
	since := v.app.Runner.Now().Add(-reachedFor)
	l.People = slices.DeleteFunc(l.People, func(p person) bool {
		recently := p.Contact != nil && p.Contact.At.After(since)
		if recently {
			l.Reached++
		}
		return l.As != "open" && (l.Who == "" && recently || l.Who == "reached" && p.Contact == nil)
	})
	for _, p := range l.People {
		l.Books += len(p.Books)
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

// allOpen reads all open loans, the longest due first.
func (v *visit) allOpen() (loans []reminder.Loan, err error) {
	err = v.app.Store.EachLoan(v.Context(), func(l reminder.Loan, _ bool) {
		if len(loans) < maxLate {
			loans = append(loans, l)
		}
	})
	slices.SortFunc(loans, func(a, b reminder.Loan) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	return loans, err
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
	q := url.Values{"q": {l.Query}, "group": {l.Group}, "sort": {l.Sort}, "as": {l.As}, "who": {l.Who}}
	q.Set(key, value)
	return "/late?" + q.Encode()
}

// CSV is the address of the table for a spreadsheet.
func (l late) CSV() string { return strings.Replace(l.With("as", l.As), "/late?", "/late.csv?", 1) }

// Sheets are the people by class, each class on sheets of its own.
func (l late) Sheets() (sheets [][]person) {
	people := slices.Clone(l.People)
	slices.SortStableFunc(people, func(a, b person) int { return cmp.Compare(a.Group, b.Group) })
	for i, p := range people {
		if i == 0 || p.Group != people[i-1].Group {
			sheets = append(sheets, nil)
		}
		sheets[len(sheets)-1] = append(sheets[len(sheets)-1], p)
	}
	return sheets
}

// showCSV writes the list for a spreadsheet.
func showCSV(v *visit) error {
	v.page = "late"
	l, err := v.overdue()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range l.People {
		for _, b := range p.Books {
			rows = append(rows, append(v.bookCells(p, b), v.Contacted(p.Contact)))
		}
	}
	return v.csv("late", append(v.bookHeads(), v.T("page.late.contacted")), rows)
}

// bookHeads and bookCells are the columns of a list of books.
func (v *visit) bookHeads() []string {
	return []string{v.T("page.late.name"), v.T("page.late.group"), "ID", v.T("page.late.book"), v.T("page.late.number"),
		v.T("page.late.due"), v.T("page.late.days"), v.T("page.late.address")}
}

func (v *visit) bookCells(p person, b overdueBook) []string {
	return []string{p.Name, p.Group, p.ID, b.Title, cmp.Or(b.Ref, b.ID), b.Due.String(), strconv.Itoa(max(0, b.Days)),
		p.Address}
}

// Contacted says how and when somebody was reached, or "".
func (v *visit) Contacted(c *mysql.Contact) string {
	if c == nil {
		return ""
	}
	return v.T("page.late.way_"+c.Way) + ", " + v.Moment(c.At)
}

// contact puts on record that somebody was reached about all that is late, or takes it back.
func contact(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	ctx, store, id, way := v.Context(), v.app.Store, v.PostFormValue("id"), v.PostFormValue("way")
	to := v.PostFormValue("back")
	if !strings.HasPrefix(to, "/late?") && !strings.HasPrefix(to, "/loan?") {
		to = "/late"
	}
	if way == "undo" {
		n, err := store.RemoveContacts(ctx, id)
		return action{Key: "uncontact", N: n, On: id, To: to}, err
	}
	loans, _, err := store.Search(ctx, id, func(l reminder.Loan) bool { return l.Borrower.ID == id })
	if err != nil {
		return action{}, err
	}
	if len(loans) == 0 || !slices.Contains(mysql.Ways, way) {
		return action{}, errNotFound
	}
	n, err := v.reached(loans, way)
	return action{Key: "contact", N: n, On: id, To: to}, err
}

// reached stores that the borrower of some loans was reached about those that are due.
func (v *visit) reached(loans []reminder.Loan, way string) (int, error) {
	var contacts []mysql.Contact
	for _, l := range loans {
		if !l.Due.IsZero() && !l.Due.After(v.today()) {
			contacts = append(contacts, mysql.Contact{Loan: l.ID, Due: l.Due, Borrower: l.Borrower.ID, Way: way,
				At: v.app.Runner.Now()})
		}
	}
	return len(contacts), v.app.Store.AddContacts(v.Context(), contacts)
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

// titled searches the titles of the open loans due within a year.
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
