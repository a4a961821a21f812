package reminder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/mail"
)

// monday is the day of these tests.
var monday = Date{2026, time.November, 23}

func TestRecheckSummary(t *testing.T) {
	to := []mail.Address{{Addr: "a@example.org"}, {Addr: "b@example.org"}}
	for _, tt := range []struct {
		name    string
		notices []Notice
		onlyTo  []string
		want    State
		to      string
	}{
		{"today's", []Notice{summaryNotice(monday, 1)}, nil, "", "b@example.org"},
		{"a former day's", []Notice{summaryNotice(monday.AddDays(-1), 0)}, nil, StateExpired, ""},
		{"of a day to come, by a clock that was wrong", []Notice{summaryNotice(monday.AddDays(1), 0)}, nil, StateExpired, ""},
		{"without its notice", nil, nil, StateExpired, ""},
		{"for somebody who gets none any more", []Notice{summaryNotice(monday, 2)}, nil, StateCanceled, ""},
		{"withheld", []Notice{summaryNotice(monday, 0)}, []string{"b@example.org"}, StateQueued, "a@example.org"},
		{"not withheld", []Notice{summaryNotice(monday, 1)}, []string{"B@example.org"}, "", "b@example.org"},
	} {
		run := &Run{Runner: &Runner{Settings: Settings{SummaryTo: to}}, Rules: Rules{OnlyTo: tt.onlyTo}, Today: monday}
		addr, o := recheckSummary(run, Claim{Notices: tt.notices})
		assert.Equal(t, tt.want, o.State, tt.name)
		assert.Equal(t, tt.to, addr.Addr, tt.name)
	}
}

func TestCountGroups(t *testing.T) {
	loan := func(borrower, group string) Loan { return Loan{Borrower: Borrower{ID: borrower, Group: group}} }
	assert.Equal(t, []GroupCount{{"7A", 2}, {"9B", 1}, {"", 1}}, CountGroups([]Loan{
		loan("1", "9B"), loan("2", ""), loan("3", "7A"), loan("3", "7A"), loan("4", " 7A\n"),
	}), "a borrower counts once")
	assert.Empty(t, CountGroups(nil))
}
