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
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// late is the page of borrowers with late books, or with As "open" of all borrowers with open loans.
type late struct {
	list
	Group, Sort string
	As          string // list, slips, letters or open
	Who         string // "": those not reached yet; "reached"; "all"
	Groups      []string
	Books       int
	Reached     int // people who are left out because they were reached in the last days
}

// A list has the people that a search found.
type list struct {
	Query  string
	People []person
}

func (v *visit) list() list        { return list{Query: strings.TrimSpace(v.FormValue("q"))} }
func (l list) everybody() []person { return l.People }

// reachedFor is how long a borrower who was reached by other means stays off the list: long enough to bring the book,
// short enough that it is not forgotten.
const reachedFor = 7 * 24 * time.Hour

// longestLate is the most days that a loan on the list is late. An earlier due date is a mistake in the library's data.
const longestLate = 3660

func loadLate(v *visit) (any, error) {
	l := late{list: v.list(), Group: v.FormValue("group"), Who: v.FormValue("who"),
		Sort: cmp.Or(v.FormValue("sort"), "group"), As: cmp.Or(v.FormValue("as"), "list")}
	rules, err := v.app.Runner.Rules(v.Context(), v.Today())
	if err != nil {
		return l, err
	}
	loans, err := v.openLoans(func(loan reminder.Loan) bool {
		return l.As == "open" || loan.Hold == "" && rules.Calendar.Offset(loan.Due, v.Today()) > 0 &&
			v.Today().Sub(loan.Due) <= longestLate
	})
	if err != nil {
		return l, err
	}
	for _, loan := range loans {
		if !slices.Contains(l.Groups, loan.Borrower.Group) {
			l.Groups = append(l.Groups, loan.Borrower.Group)
		}
	}
	slices.Sort(l.Groups)
	loans = slices.DeleteFunc(loans, func(loan reminder.Loan) bool {
		b := loan.Borrower
		return l.Group != "" && b.Group != strings.TrimPrefix(l.Group, "=") ||
			!matches(l.Query, b.Name, loan.Title, loan.Ref, loan.ItemCode, b.ID)
	})
	l.People = v.people(loans, rules)
	if err := v.addContacts(l.People, loans); err != nil {
		return l, err
	}
	since := v.app.Runner.Now().Add(-reachedFor)
	l.People = slices.DeleteFunc(l.People, func(p person) bool {
		recently := p.Contact != nil && p.Contact.At.After(since)
		if recently {
			l.Reached++
		}
		return l.As != "open" && (l.Who == "" && recently || l.Who == "reached" && p.Contact == nil)
	})
	slices.SortStableFunc(l.People, func(a, b person) int {
		byName := cmp.Compare(a.Name, b.Name)
		switch l.Sort {
		case "name":
			return byName
		case "days":
			return cmp.Compare(b.Books[0].Days, a.Books[0].Days)
		}
		return cmp.Or(cmp.Compare(a.Group, b.Group), byName)
	})
	for _, p := range l.People {
		l.Books += len(p.Books)
	}
	return l, nil
}

// maxLoans bounds how many loans a list reads. A school lends fewer.
const maxLoans = 20000

// openLoans reads the open loans that match, earliest due date first.
func (v *visit) openLoans(match func(reminder.Loan) bool) (loans []reminder.Loan, err error) {
	err = v.store().EachLoan(v.Context(), func(l reminder.Loan, _ bool) error {
		if len(loans) < maxLoans && match(l) {
			loans = append(loans, l)
		}
		return nil
	})
	slices.SortFunc(loans, func(a, b reminder.Loan) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	return loans, err
}

// matches reports whether each word of a query occurs in one of the texts.
func matches(query string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// A person is a borrower with their books.
type person struct {
	reminder.Borrower // Name and Email are safe to show
	Chat              string
	Contact           *deskdb.Contact // nil: nobody has reached them about one of these books
	Books             []borrowed
}

// GuardianID is by what the guardian is known, or "".
func (p person) GuardianID() string {
	theirs, verdict := reminder.Loan{Borrower: p.Borrower}.ForGuardian()
	if verdict != reminder.VerdictDue {
		return ""
	}
	return theirs.Borrower.ID
}

// A borrowed is a loan and the number of days that it is late.
type borrowed struct {
	reminder.Loan
	Days int
}

// people groups loans by borrower, in the order of each borrower's first loan.
func (v *visit) people(loans []reminder.Loan, rules reminder.Rules) (people []person) {
	index := map[string]int{}
	for _, l := range loans {
		i, known := index[l.Borrower.ID]
		if !known {
			i = len(people)
			index[l.Borrower.ID] = i
			b := l.Borrower
			b.Name, b.Email = v.Name(b), desk.Plain(b.Email)
			people = append(people, person{Borrower: b})
		}
		people[i].Books = append(people[i].Books, borrowed{l, rules.Calendar.Offset(l.Due, v.Today())})
	}
	return people
}

// Name returns a borrower's name as a page shows it.
func (v *visit) Name(b reminder.Borrower) string {
	return cmp.Or(desk.Plain(b.Name), v.T("page.noname"))
}

// addContacts adds the chat links, and whether somebody has reached these people about their loans.
func (v *visit) addContacts(people []person, loans []reminder.Loan) error {
	contacts, err := v.store().Contacts(v.Context(), time.Unix(0, 0), "")
	if err != nil {
		return err
	}
	phones, err := v.store().Phones(v.Context(), loans)
	if err != nil {
		return err
	}
	reached := map[deskdb.Contact]*deskdb.Contact{} // by loan, due date and borrower
	for i, c := range contacts {
		reached[deskdb.Contact{Loan: c.Loan, Due: c.Due, Borrower: c.Borrower}] = &contacts[i]
	}
	for i := range people {
		p := &people[i]
		var theirs []reminder.Loan
		for _, b := range p.Books {
			theirs = append(theirs, b.Loan)
			p.Contact = cmp.Or(reached[deskdb.Contact{Loan: b.ID, Due: b.Due, Borrower: p.ID}], p.Contact)
		}
		p.Chat = v.chat(p.Name, phones[p.ID], theirs)
	}
	return nil
}

// chat returns the link that opens a chat with a person about some loans, or "".
func (v *visit) chat(name, phone string, loans []reminder.Loan) string {
	p := desk.Person{Name: name, Phone: desk.International(phone)}
	for _, l := range loans {
		p.Books = append(p.Books, desk.DueBook{Title: l.Title, Due: l.Due})
	}
	return desk.Chat(v.T, v.Date, v.app.Config.AppName, p)
}

// maxShown bounds the entries of a page.
const maxShown = 500

// Shown returns the people that the page lists; More counts the others.
func (l late) Shown() []person { return l.People[:min(len(l.People), maxShown)] }
func (l late) More() int       { return len(l.People) - len(l.Shown()) }

// Link returns the address of this list with one parameter changed.
func (l late) Link(path, key, value string) string {
	q := url.Values{"q": {l.Query}, "group": {l.Group}, "sort": {l.Sort}, "as": {l.As}, "who": {l.Who}}
	q.Set(key, value)
	return path + "?" + q.Encode()
}

// Sheets groups the people by class; each class starts a new sheet.
func (l late) Sheets() map[string][]person {
	sheets := map[string][]person{}
	for _, p := range l.People {
		sheets[p.Group] = append(sheets[p.Group], p)
	}
	return sheets
}

// books returns a row for each book of the people that the page lists.
func books(v *visit) (rows [][]string, err error) {
	if err := v.show(); err != nil {
		return nil, err
	}
	for _, p := range v.Data.(interface{ everybody() []person }).everybody() {
		for _, b := range p.Books {
			rows = append(rows, []string{p.Name, p.Group, p.ID, b.Title, cmp.Or(b.Ref, b.ID), b.Due.String(),
				strconv.Itoa(max(0, b.Days)), p.Email, v.Contacted(p.Contact)})
		}
	}
	return rows, nil
}

// Contacted says how and when somebody was reached, or "".
func (v *visit) Contacted(c *deskdb.Contact) string {
	if c == nil {
		return ""
	}
	return v.T("page.late.way_"+c.Way) + ", " + v.Moment(c.At)
}

// contact records that a borrower was reached about all late books, or takes that back.
func contact(v *visit) (action, error) {
	ctx, store, id, way := v.Context(), v.store(), v.PostFormValue("id"), v.PostFormValue("way")
	if way == "undo" {
		n, err := store.RemoveContacts(ctx, id)
		return action{Key: "uncontact", N: n, On: id}, err
	}
	loans, _, err := store.Search(ctx, id, func(l reminder.Loan) bool { return l.Borrower.ID == id })
	if err == nil && (len(loans) == 0 || !slices.Contains(deskdb.Ways, way)) {
		err = errNotFound
	}
	if err != nil {
		return action{}, err
	}
	n, err := v.reached(loans, way)
	return action{Key: "contact", N: n, On: id}, err
}

// reached records that the borrower of some loans was reached about those that are due.
func (v *visit) reached(loans []reminder.Loan, way string) (int, error) {
	var contacts []deskdb.Contact
	for _, l := range loans {
		if !l.Due.IsZero() && !l.Due.After(v.Today()) {
			contacts = append(contacts, deskdb.Contact{Loan: l.ID, Due: l.Due, Borrower: l.Borrower.ID, Way: way,
				At: v.app.Runner.Now()})
		}
	}
	return len(contacts), v.store().AddContacts(v.Context(), contacts)
}
