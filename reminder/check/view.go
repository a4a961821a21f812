package check

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// MaxChecked is how many rows View checks at most.
const MaxChecked = 200_000

// sampled is how many loans View looks up by their id.
const sampled = 2000

// examples is how many ids a finding names.
const examples = 3

// View checks every row of the views over the library's own system. It returns each kind of mistake once, with the ids
// of some loans, and adds the loans to a survey. A view that cannot be read is a *reminder.Fault.
func View(ctx context.Context, store *deskdb.Store, survey *staff.Survey) ([]deskdb.Finding, error) {
	if err := store.Check(ctx); err != nil {
		return nil, err
	}
	j := &judge{today: survey.Today, seen: map[string]bool{}, borrowers: map[string][2]string{},
		wrong: map[string][]string{}, broken: map[string][]string{}, families: reminder.Families{}}
	var sample []string
	err := store.EachLoan(ctx, func(l reminder.Loan, isFine bool) error {
		survey.Add(l)
		if j.rows++; j.rows > MaxChecked {
			return nil
		}
		if j.row(l, isFine); l.ID != "" && l.Broken == "" && len(sample) < sampled {
			sample = append(sample, l.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	findings, err := store.CheckColumns(ctx, sample)
	if err != nil {
		return nil, err
	}
	lost, err := reminder.Unreadable(ctx, store, sample)
	if err != nil {
		return nil, err
	}
	j.wrong[notFound] = slices.Sorted(maps.Keys(lost))
	findings = append(findings, j.findings()...)
	odd, err := store.OddClosedDays(ctx)
	if len(odd) > 0 {
		findings = append(findings, finding(true, odd, "view.closed_days_odd"))
	}
	return findings, err
}

// A judge collects the mistakes in rows.
type judge struct {
	today     reminder.Date
	rows      int
	seen      map[string]bool      // loan ids
	borrowers map[string][2]string // name and address by borrower id
	wrong     map[string][]string  // ids of loans by the key of the mistake
	broken    map[string][]string  // ids of loans by the column that the database cannot compute
	families  reminder.Families
}

// A row is a loan while it is checked.
type row struct {
	reminder.Loan
	*judge
	isFine  bool
	shared  bool  // another borrower has the same id
	address error // what is wrong with the borrower's address
}

// The mistakes that only a comparison with other rows shows.
const (
	loanTwice      = "view.loan_twice"
	twoBorrowers   = "view.two_borrowers"
	notFound       = "view.not_found"
	guardianOfMany = "view.guardian_of_many"
)

// mistakes have the order in which they are reported. A serious one makes reminders wrong or prevents them.
var mistakes = []struct {
	serious bool
	key     string
	is      func(row) bool
}{
	{true, "view.no_loan_id", func(r row) bool { return r.ID == "" }},
	{true, loanTwice, func(r row) bool { return r.ID != "" && r.seen[r.ID] }},
	{true, "view.no_borrower_id", func(r row) bool { return r.Borrower.ID == "" && r.Hold == "" }},
	{true, "view.long_id", func(r row) bool {
		return max(utf8.RuneCountInString(r.ID), utf8.RuneCountInString(r.Borrower.ID)) > reminder.MaxID
	}},
	{true, twoBorrowers, func(r row) bool { return r.shared }},
	{true, "view.no_due_date", func(r row) bool { return r.Due.IsZero() }},
	{true, "view.odd_due_date", func(r row) bool {
		first, last := reminder.PlausibleDue(r.today)
		return !r.Due.IsZero() && r.Hold == "" && (r.Due.Before(first) || r.Due.After(last))
	}},
	{true, notFound, func(row) bool { return false }}, // found by looking up the loans
	{false, "view.no_address", func(r row) bool { return r.Borrower.Email == "" && r.Hold == "" }},
	{false, "view.bad_address", func(r row) bool {
		return r.address != nil && r.Borrower.Email != "" && !errors.Is(r.address, mail.ErrTornAddress)
	}},
	{false, "view.torn_address", func(r row) bool { return errors.Is(r.address, mail.ErrTornAddress) }},
	{false, "view.no_title", func(r row) bool { return r.Title == "" }},
	{false, "view.no_name", func(r row) bool { return r.Borrower.Name == "" && r.Hold == "" }},
	{true, "view.odd_text", func(r row) bool {
		return strings.ContainsRune(r.Title+r.Borrower.Name+r.Borrower.Group+r.ItemCode+r.Ref, utf8.RuneError)
	}},
	{false, "view.odd_language", func(r row) bool {
		tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(r.Borrower.Language), "_", "-"), "-")
		return !slices.Contains([]string{"", "id", "en", "su"}, tag)
	}},
	{false, "view.odd_type", func(r row) bool {
		return r.Borrower.Type != "" && !slices.Contains(reminder.BorrowerTypes, r.Borrower.Type)
	}},
	{false, "view.bad_guardian", func(r row) bool { return unusable(r.Borrower.Guardian.Email) }},
	{true, guardianOfMany, func(row) bool { return false }}, // found after all rows
	{true, "view.odd_guardian_wants", func(r row) bool { return r.Borrower.Guardian.Odd() }},
	{true, "view.odd_fine", func(r row) bool { return !r.isFine }},
	{true, "view.odd_wants", func(r row) bool { return r.Odd(r.today) == "wants" }},
	{false, "view.bad_branch", func(r row) bool { return unusable(r.From) || unusable(r.ReplyTo) }},
}

// unusable reports whether a field holds something that is no address.
func unusable(field string) bool {
	_, err := mail.ParseAddress(field)
	return err != nil && field != ""
}

// row checks one row.
func (j *judge) row(l reminder.Loan, isFine bool) {
	name := cmp.Or(l.ID, "?")
	if l.Broken != "" {
		j.broken[l.Broken] = append(j.broken[l.Broken], name)
		return
	}
	who := [2]string{l.Borrower.Name, l.Borrower.Email}
	other, known := j.borrowers[l.Borrower.ID]
	_, address := mail.ParseAddress(l.Borrower.Email)
	r := row{l, j, isFine, known && l.Borrower.ID != "" && other != who, address}
	for _, m := range mistakes {
		if m.is(r) {
			j.wrong[m.key] = append(j.wrong[m.key], name)
		}
	}
	j.seen[l.ID], j.borrowers[l.Borrower.ID] = true, who
	l.ID = name
	j.families.Add(l)
}

func (j *judge) findings() (list []deskdb.Finding) {
	for _, column := range slices.Sorted(maps.Keys(j.broken)) {
		list = append(list, finding(true, j.broken[column], "view.column_not_computable", "Column", column))
	}
	for guardian, loans := range j.families {
		if j.families.TooMany(guardian) {
			j.wrong[guardianOfMany] = append(j.wrong[guardianOfMany], slices.Sorted(maps.Values(loans))[0])
		}
	}
	for _, m := range mistakes {
		if where := j.wrong[m.key]; len(where) > 0 {
			f := finding(m.serious, where, m.key)
			f.Wrong = m.key == loanTwice || m.key == twoBorrowers
			list = append(list, f)
		}
	}
	return list
}

// finding reports one kind of mistake, with some of its values as examples.
func finding(serious bool, where []string, key string, pairs ...any) deskdb.Finding {
	names := strings.Join(where[:min(examples, len(where))], ", ")
	if len(where) > examples {
		names += ", ..."
	}
	pairs = append(pairs, "N", len(where), "Examples", names)
	return deskdb.Finding{Serious: serious, Message: reminder.Say(key, pairs...)}
}
