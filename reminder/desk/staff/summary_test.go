package staff

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// monday is the day of these tests.
var monday = reminder.Date{Year: 2026, Month: time.November, Day: 23}

func TestRecheckSummary(t *testing.T) {
	notice := func(day reminder.Date, recipient int) []reminder.Notice {
		return []reminder.Notice{{Cycle: reminder.Cycle{Kind: reminder.KindSummary, Due: day}, Step: recipient}}
	}
	to := []mail.Address{{Addr: "a@example.org"}, {Addr: "b@example.org"}}
	for _, tt := range []struct {
		name    string
		notices []reminder.Notice
		onlyTo  []string
		want    reminder.State
		to      string
	}{
		{"today's", notice(monday, 1), nil, "", "b@example.org"},
		{"a former day's", notice(monday.AddDays(-1), 0), nil, reminder.StateExpired, ""},
		{"of a day to come, by a clock that was wrong", notice(monday.AddDays(1), 0), nil, reminder.StateExpired, ""},
		{"without its notice", nil, nil, reminder.StateExpired, ""},
		{"for somebody who gets none any more", notice(monday, 2), nil, reminder.StateCanceled, ""},
		{"withheld", notice(monday, 0), []string{"b@example.org"}, reminder.StateQueued, "a@example.org"},
		{"not withheld", notice(monday, 1), []string{"B@example.org"}, "", "b@example.org"},
	} {
		run := &reminder.Run{Runner: &reminder.Runner{Settings: reminder.Settings{SummaryTo: to}},
			Rules: reminder.Rules{OnlyTo: tt.onlyTo}, Today: monday}
		a, o := recheck(reminder.Claim{Notices: tt.notices}, run.Today, librarians(run))
		assert.Equal(t, tt.want, o.State, tt.name)
		assert.Equal(t, tt.to, a.to.Addr, tt.name)
	}
}

func TestCountGroups(t *testing.T) {
	loan := func(borrower, group string) reminder.Loan {
		return reminder.Loan{Borrower: reminder.Borrower{ID: borrower, Group: group}}
	}
	assert.Equal(t, []reminder.GroupCount{{Group: "7A", Count: 2}, {Group: "9B", Count: 1}, {Count: 1}},
		CountGroups([]reminder.Loan{
			loan("1", "9B"), loan("2", ""), loan("3", "7A"), loan("3", "7A"), loan("4", " 7A\n"),
		}), "a borrower counts once")
	assert.Empty(t, CountGroups(nil))
}
