package reminder

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/mail"
)

func TestRecheck(t *testing.T) {
	today := day("2026-11-24")
	rules := testRules(t, DefaultSchedule)
	rules.OptedOut = map[string]bool{"quiet": true}
	rules.BadAddresses = map[string]Digest{"dead": DigestOf("dead@example.org")}
	rules.OnlyTo = []string{"b@example.org", "dead@example.org"}
	rules.Calendar.Dates = map[Date]string{day("2026-11-21"): "Libur"}
	loan := func(id, due, borrower, email string) Loan {
		return Loan{ID: id, Due: day(due), Title: "T" + id, FinePerDay: 500,
			Borrower: Borrower{ID: borrower, Name: "N", Language: "en", Email: email}}
	}
	told := func(id, due string, step int) Notice {
		return Notice{Cycle{KindLoan, id, day(due)}, step, max(0, step)}
	}
	good := loan("1", "2026-11-24", "b", "b@example.org")

	for _, tt := range []struct {
		name     string
		notices  []Notice
		borrower string
		unknowns int
		loans    []Loan
		state    State
		reason   string
		dropped  []string
		items    []string // titles, in order
	}{
		{name: "as promised", notices: []Notice{told("1", "2026-11-24", 0)}, loans: []Loan{good}, items: []string{"T1"}},
		{name: "returned", notices: []Notice{told("1", "2026-11-24", 0)}, state: StateCanceled, reason: "returned",
			dropped: []string{"returned"}},
		{name: "somebody else's now", notices: []Notice{told("1", "2026-11-24", 0)}, borrower: "other", loans: []Loan{good},
			state: StateCanceled, reason: "returned", dropped: []string{"returned"}},
		{name: "seen twice, with another borrower", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{good, loan("1", "2026-11-24", "c", "c@example.org")}, items: []string{"T1"}},
		{name: "seen twice, with another day", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{loan("1", "2026-11-20", "b", "b@example.org"), good, loan("1", "2026-11-20", "b", "b@example.org")},
			items: []string{"T1"}},
		{name: "renewed", notices: []Notice{told("1", "2026-11-20", 3)}, loans: []Loan{good}, state: StateCanceled,
			reason: "renewed", dropped: []string{"renewed"}},
		{name: "on hold", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{{ID: "1", Due: today, Hold: "lost", Borrower: good.Borrower}},
			state: StateCanceled, reason: "held", dropped: []string{"held"}},
		{name: "opted out", notices: []Notice{told("1", "2026-11-24", 0)}, borrower: "quiet",
			loans: []Loan{loan("1", "2026-11-24", "quiet", "b@example.org")},
			state: StateCanceled, reason: "opted_out", dropped: []string{"opted_out"}},
		{name: "too old by now", notices: []Notice{told("1", "2026-09-01", 56)},
			loans: []Loan{loan("1", "2026-09-01", "b", "b@example.org")},
			state: StateCanceled, reason: "too_old", dropped: []string{"too_old"}},
		{name: "a later step is in force", notices: []Notice{told("1", "2026-11-24", -1)}, loans: []Loan{good},
			state: StateExpired, reason: "superseded", dropped: []string{"superseded"}},
		{name: "superseded says more than returned", notices: []Notice{told("2", "2026-11-24", 0),
			told("1", "2026-11-24", -1), told("3", "2026-11-24", 0)}, loans: []Loan{good},
			state: StateExpired, reason: "superseded", dropped: []string{"returned", "superseded", "returned"}},
		{name: "a closure makes it early again", notices: []Notice{told("1", "2026-11-24", 1)}, loans: []Loan{good},
			items: []string{"T1"}},
		{name: "fewer lines", notices: []Notice{told("1", "2026-11-24", 0), told("2", "2026-11-24", 0)}, loans: []Loan{good},
			dropped: []string{"returned"}, items: []string{"T1"}},
		{name: "the longest late first", notices: []Notice{told("1", "2026-11-24", 0), told("3", "2026-11-20", 3),
			told("2", "2026-11-24", 0)},
			loans: []Loan{loan("2", "2026-11-24", "b", "b@example.org"), loan("3", "2026-11-20", "b", "b@example.org"), good},
			items: []string{"T3", "T1", "T2"}},
		{name: "no address any more", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{loan("1", "2026-11-24", "b", "-")},
			state: StateCanceled, reason: "unreachable", items: []string{"T1"}},
		{name: "refused address", notices: []Notice{told("1", "2026-11-24", 0)}, borrower: "dead",
			loans: []Loan{loan("1", "2026-11-24", "dead", "dead@example.org")},
			state: StateCanceled, reason: "bad_address", items: []string{"T1"}},
		{name: "withheld", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{loan("1", "2026-11-24", "b", "c@example.org")},
			state: StateQueued, reason: "withheld", items: []string{"T1"}},
		{name: "nothing left of it", state: StateCanceled, reason: "empty"},
		{name: "turned odd", notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{{ID: "1", Due: day("2026-11-24"), Borrower: Borrower{ID: "b"}, Broken: "title"}},
			state: StateCanceled, reason: "odd", dropped: []string{"odd"}},
		{name: "may have been sent, and returned", unknowns: 1, notices: []Notice{told("1", "2026-11-24", 0)},
			state: StateUnknown, reason: "returned", dropped: []string{"returned"}},
		{name: "may have been sent, and no address", unknowns: 1, notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{loan("1", "2026-11-24", "b", "-")},
			state: StateUnknown, reason: "unreachable", items: []string{"T1"}},
		{name: "may have been sent, and withheld", unknowns: 1, notices: []Notice{told("1", "2026-11-24", 0)},
			loans: []Loan{loan("1", "2026-11-24", "b", "c@example.org")},
			state: StateQueued, reason: "withheld", items: []string{"T1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.borrower == "" {
				tt.borrower = "b"
			}
			letter, to, o := rules.Recheck(Claim{Borrower: tt.borrower, Notices: tt.notices}, tt.loans, today)
			o = o.For(Claim{Unknowns: tt.unknowns})
			assert.Equal(t, tt.state, o.State)
			assert.Equal(t, tt.reason, o.Reason)
			var dropped, items []string
			for _, d := range o.Dropped {
				dropped = append(dropped, d.Reason)
			}
			for _, it := range letter.Items {
				assert.Equal(t, it.Days > 0, it.Number > 0, "only a late book has a number")
				items = append(items, it.Title)
			}
			assert.Equal(t, tt.dropped, dropped)
			assert.Equal(t, tt.items, items)
			if tt.state == "" {
				assert.Equal(t, mail.Address{Name: "N", Addr: "b@example.org"}, to)
				assert.Equal(t, []any{"N", "en", today}, []any{letter.Name, letter.Lang, letter.Today})
			}
			if o.State == StateQueued {
				assert.True(t, o.KeepTry)
				assert.Positive(t, o.RetryAfter)
			}
		})
	}

	// What a letter says about a loan that was due on a closed day.
	letter, _, _ := rules.Recheck(Claim{Borrower: "b", Notices: []Notice{told("1", "2026-11-21", 1)}},
		[]Loan{loan("1", "2026-11-21", "b", "b@example.org")}, today)
	assert.Equal(t, []Item{{Loan: "1", Title: "T1", Due: day("2026-11-21"), ReturnBy: day("2026-11-22"),
		ClosedFor: "Libur", Days: 2, Number: 1, FinePerDay: 500}}, letter.Items)
}
