package desk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
)

// Bounds of a review: as much as a person reads and prints, and a browser shows at once.
const (
	MaxReviewDays = 366
	MaxPeople     = 500
	maxLongest    = 20
)

// A Review is the report of a period, with the people to talk to now.
type Review struct {
	First, Last, Today reminder.Date
	Open, Late         int    // loans, now
	Waiting, Failed    int    // emails, now
	Notes              []Note // about what came back
	Days               []ReviewDay
	Effects            []Effect
	Groups             []reminder.GroupCount // unreachable borrowers
	Silent             []Person              // the same, one by one
	Unlisted           int                   // how many of Silent are left out
	Longest            []Person              // late longest
}

// A ReviewDay is one civil day.
type ReviewDay struct {
	Date                      reminder.Date
	Before, Due, First, Again int // reminders sent, by what they were about
	InReach                   int // loans late, or due by the first step's day; meaningful when a run looked
	Looked                    bool
}

// Sent returns how many reminders were sent on the day.
func (d ReviewDay) Sent() int { return d.Before + d.Due + d.First + d.Again }

// A Person is a borrower to talk to, with books to bring back.
type Person struct {
	Name, Group, Phone string // data; Phone in the international form, digits only, or ""
	Books              []DueBook
}

// A DueBook is a book to bring back.
type DueBook struct {
	Title, Code string // data
	Due         reminder.Date
	Days        int // late, 0 or less when not
}

// Review looks back at the days from first to last.
func (d Desk) Review(ctx context.Context, first, last, today reminder.Date) (v Review, err error) {
	zone := d.Runner.Settings.Zone
	v = Review{First: first, Last: last, Today: today}
	rules, err := d.Runner.Rules(ctx, today)
	if err != nil {
		return v, err
	}
	survey, err := staff.ReadSurvey(ctx, d.Runner.Loans, d.Store.Store, rules, today, maxLongest)
	if err != nil {
		return v, err
	}
	v.Open, v.Late = survey.Open, survey.Late
	status, err := d.Store.Status(ctx, d.Runner.Now(), 1)
	if err != nil {
		return v, err
	}
	v.Notes = d.returned(status)
	v.Waiting = status.Emails[reminder.StateQueued] + status.Emails[reminder.StateClaimed] +
		status.Emails[reminder.StateHandover]
	v.Failed = status.Emails[reminder.StateFailed] + status.Emails[reminder.StateUnknown] +
		status.Emails[reminder.StateBounced]
	sent, err := d.Store.Sent(ctx, first, last, zone)
	reports, reportsErr := d.Store.Reports(ctx, first, last, zone)
	told, toldErr := d.Store.ToldCounts(ctx, first, last, zone)
	worked, workedErr := d.Store.LastWorked(ctx)
	if err := errors.Join(err, reportsErr, toldErr, workedErr); err != nil {
		return v, err
	}
	for at := first; !at.After(last); at = at.AddDays(1) {
		n := sent[at]
		day := ReviewDay{Date: at, Before: n[reminder.BeforeDue], Due: n[reminder.DueToday], First: n[reminder.FirstLate],
			Again: n[reminder.RepeatLate]}
		if r, ok := reports[at]; ok {
			day.InReach, day.Looked = r.Loans.InReach+r.Loans.TooOld, true
		}
		v.Days = append(v.Days, day)
	}
	v.Effects = Effects(rules, told, reminder.DateOf(worked, zone))
	silent, longest := survey.Unreachable, survey.Longest
	v.Groups = staff.CountGroups(silent)
	if v.Silent, err = d.people(ctx, silent, rules, today); err != nil {
		return v, err
	}
	slices.SortStableFunc(v.Silent, func(a, b Person) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name))
	})
	if v.Unlisted = len(v.Silent) - MaxPeople; v.Unlisted > 0 {
		v.Silent = v.Silent[:MaxPeople]
	}
	v.Longest, err = d.people(ctx, longest, rules, today)
	return v, err
}

// people groups loans by borrower, in the order of their first loan.
func (d Desk) people(ctx context.Context, loans []reminder.Loan, rules reminder.Rules,
	today reminder.Date) (list []Person, err error) {
	phones, err := d.Store.Phones(ctx, loans)
	if err != nil {
		return nil, err
	}
	index := map[string]int{}
	for _, l := range loans {
		i, ok := index[l.Borrower.ID]
		if !ok {
			i = len(list)
			index[l.Borrower.ID] = i
			list = append(list, Person{Name: l.Borrower.Name, Group: l.Borrower.Group,
				Phone: International(phones[l.Borrower.ID])})
		}
		list[i].Books = append(list[i].Books, DueBook{l.Title, l.ItemCode, l.Due, rules.Calendar.Offset(l.Due, today)})
	}
	return list, nil
}

// International returns an Indonesian phone number in the form of wa.me links: country code and number, digits only. It
// returns "" for a text that is no phone number.
func International(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone)
	switch {
	case strings.HasPrefix(strings.TrimSpace(phone), "+"), strings.HasPrefix(digits, "62"):
	case strings.HasPrefix(digits, "0"):
		digits = "62" + digits[1:]
	case strings.HasPrefix(digits, "8"):
		digits = "62" + digits
	default:
		return ""
	}
	if len(digits) < 10 || len(digits) > 15 { // E.164 has at most 15
		return ""
	}
	return digits
}
