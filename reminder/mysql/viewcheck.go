package mysql

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// A Finding is something that is, or may be, wrong with the views over a library's own system.
type Finding struct {
	Wrong   bool // the view itself is wrong, not a row: it must not be used
	Serious bool // some loans are told about wrongly or not at all; else it may be meant
	Note    bool // nothing to mend, but worth a look
	Message reminder.Message
}

// maxChecked bounds how many rows CheckView looks at.
const maxChecked = 200_000

// examples is how many ids a finding names.
const examples = 3

// CheckView looks at every row of the views and says what is wrong with them, each kind of mistake once with the ids of
// some loans. It returns how many rows it looked at. A view that cannot be read at all is a *reminder.Fault.
func (s *Store) CheckView(ctx context.Context, today reminder.Date) (checked int, findings []Finding, err error) {
	if err := s.Check(ctx); err != nil {
		return 0, nil, err
	}
	views, err := s.views(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, column := range views.columns {
		known := slices.Concat(requiredColumns, optionalColumns, []string{"phone"}) // phone is read by the look back alone
		if !slices.Contains(known, column) {
			findings = append(findings, Finding{Message: reminder.Say("view.column_not_read_by_program", "Column", column)})
		}
	}
	if kind := views.types["due_at"]; !views.dated() {
		findings = append(findings, Finding{Serious: true, Wrong: true, Message: reminder.Say("view.due_at_type_and_must", "Kind", kind)})
	}
	zoned, err := s.zoneFindings(ctx)
	if err != nil {
		return 0, nil, err
	}
	findings = append(findings, zoned...)
	c := &viewCheck{today: today, seen: map[string]bool{}, borrowers: map[string][2]string{}, broken: map[string][]string{}}
	var sample []string
	err = s.salvageLoans(ctx, maxChecked, func(l reminder.Loan, fine string) error {
		if c.row(l, fine); l.ID != "" && l.Broken == "" && len(sample) < pageSize {
			sample = append(sample, l.ID)
		}
		return nil
	})
	if err != nil {
		return 0, nil, fault("check the view "+LoansView, err)
	}
	lost, err := reminder.Unreadable(ctx, s, sample)
	if err != nil {
		return 0, nil, err
	}
	c.wrong[notFound] = slices.Sorted(maps.Keys(lost))
	findings = append(findings, c.findings()...)
	_, odd, err := s.sourceCalendars(ctx)
	if err != nil {
		return 0, nil, err
	}
	if len(odd) > 0 {
		findings = append(findings, finding(true, odd, "view.closed_days_cannot_be_read"))
	}
	return c.rows, findings, nil
}

// SourceState is the row of reminder_state that says whose system the views read, and which statement would make that fast.
const SourceState = "source"

// slowScan is how long a run may read loans before it is worth an index. A million loans of Koha take a tenth of it with
// one.
const slowScan = 2 * time.Second

// CheckScan reads the loans due from first to last as a run does, measures that by clock, and proposes an index where it
// is slow.
func (s *Store) CheckScan(ctx context.Context, first, last reminder.Date, clock func() time.Time) ([]Finding, error) {
	start := clock()
	_, err := s.CountLoans(ctx, first)
	if err == nil {
		err = s.Scan(ctx, first, last, func([]reminder.Loan) error { return nil })
	}
	took := clock().Sub(start)
	if took < slowScan { // an error that took longer is most likely a statement that did not end in its time
		return nil, err
	}
	var statement string
	err = s.row(ctx, []any{&statement}, "SELECT reason FROM reminder_state WHERE name = ?", SourceState)
	if err != nil {
		return nil, fault("look for a proposed index", err)
	}
	return []Finding{{Message: reminder.Say("view.slow", "Seconds", took.Seconds(), "Index", statement)}}, nil
}

// A viewCheck gathers what is wrong with rows.
type viewCheck struct {
	today     reminder.Date
	rows      int
	seen      map[string]bool      // loan ids
	borrowers map[string][2]string // name and address by borrower id
	wrong     [len(mistakes)][]string
	broken    map[string][]string // by the column that the database cannot compute
}

// The mistakes, in the order in which they are told.
const (
	noLoanID = iota
	loanTwice
	noBorrowerID
	longID
	twoBorrowers
	noDueDate
	oddDueDate
	notFound
	noAddress
	badAddress
	tornAddress
	noTitle
	noName
	oddText
	oddLanguage
	oddFine
	oddWants
	badBranch
)

var mistakes = [...]struct {
	serious bool
	key     string
}{
	noLoanID:     {true, "view.no_loan_id"},
	loanTwice:    {true, "view.loan_twice"},
	noBorrowerID: {true, "view.no_borrower_id"},
	longID:       {true, "view.long_id"},
	twoBorrowers: {true, "view.two_borrowers"},
	noDueDate:    {true, "view.no_due_date"},
	oddDueDate:   {true, "view.odd_due_date"},
	notFound:     {true, "view.not_found"},
	noAddress:    {false, "view.no_address"},
	badAddress:   {false, "view.bad_address"},
	tornAddress:  {false, "view.torn_address"},
	noTitle:      {false, "view.no_title"},
	noName:       {false, "view.no_name"},
	oddText:      {true, "view.odd_text"},
	oddFine:      {true, "view.odd_fine"},
	oddLanguage:  {false, "view.odd_language"},
	oddWants:     {true, "view.odd_wants"},
	badBranch:    {false, "view.bad_branch"},
}

// row checks one row.
func (c *viewCheck) row(l reminder.Loan, fine string) {
	c.rows++
	name := cmp.Or(l.ID, "?")
	if l.Broken != "" {
		c.broken[l.Broken] = append(c.broken[l.Broken], name)
		return
	}
	note := func(mistake int, applies bool) {
		if applies {
			c.wrong[mistake] = append(c.wrong[mistake], name)
		}
	}
	unusable := func(s string) bool { _, err := mail.ParseAddress(s); return err != nil && s != "" }
	b := l.Borrower
	first, last := reminder.PlausibleDue(c.today)

	note(noLoanID, l.ID == "")
	note(loanTwice, l.ID != "" && c.seen[l.ID])
	c.seen[l.ID] = true
	note(noBorrowerID, b.ID == "" && l.Hold == "")
	note(longID, max(utf8.RuneCountInString(l.ID), utf8.RuneCountInString(b.ID)) > reminder.MaxID)
	who := [2]string{b.Name, b.Email}
	other, known := c.borrowers[b.ID]
	note(twoBorrowers, known && b.ID != "" && other != who)
	c.borrowers[b.ID] = who
	note(noDueDate, l.Due.IsZero())
	note(oddDueDate, !l.Due.IsZero() && l.Hold == "" && (l.Due.Before(first) || l.Due.After(last)))
	note(noAddress, b.Email == "" && l.Hold == "")
	_, broken := mail.ParseAddress(b.Email)
	torn := errors.Is(broken, mail.ErrTornAddress)
	note(badAddress, broken != nil && b.Email != "" && !torn)
	note(tornAddress, torn)
	note(noTitle, l.Title == "")
	note(noName, b.Name == "" && l.Hold == "")
	note(oddText, strings.ContainsRune(l.Title+b.Name+b.Group+l.ItemCode+l.Ref, utf8.RuneError))
	tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(b.Language), "_", "-"), "-")
	note(oddLanguage, !slices.Contains([]string{"", "id", "en", "su"}, tag))
	_, isFine := wholeFine(fine)
	note(oddFine, !isFine)
	note(oddWants, l.Odd(c.today) == "wants")
	note(badBranch, unusable(l.From) || unusable(l.ReplyTo))
}

func (c *viewCheck) findings() (list []Finding) {
	for _, column := range slices.Sorted(maps.Keys(c.broken)) {
		list = append(list, finding(true, c.broken[column], "view.loans_not_told_about_because", "Column", column))
	}
	for i, m := range mistakes {
		if len(c.wrong[i]) > 0 {
			f := finding(m.serious, c.wrong[i], m.key)
			f.Wrong = i == loanTwice || i == twoBorrowers
			list = append(list, f)
		}
	}
	return list
}

// finding tells of one kind of mistake, with some of the values that show it.
func finding(serious bool, where []string, key string, pairs ...any) Finding {
	names := strings.Join(where[:min(examples, len(where))], ", ")
	if len(where) > examples {
		names += ", ..."
	}
	pairs = append(pairs, "N", len(where), "Examples", names)
	return Finding{Serious: serious, Message: reminder.Say(key, pairs...)}
}
