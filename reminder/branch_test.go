package reminder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
)

func TestWants(t *testing.T) {
	for wants, steps := range map[string][]int{
		"": {-7, -2, -1, 0, 1, 7}, "none": nil, "none,-2,0,+": {-2, -1, 0, 1, 7}, " 0 , -1 ": {-1, 0}, "+": {1, 7}, "+5": {7},
		"+0": {1, 7}, "-2,+1": {-2, -1, 1, 7}, "-0": nil, "-365,0": {-7, -2, -1, 0}, "nonsense": nil,
	} {
		var told []int
		for _, step := range []int{-7, -2, -1, 0, 1, 7} {
			if (Loan{Wants: wants}).wants(step) {
				told = append(told, step)
			}
		}
		assert.Equal(t, steps, told, "%q", wants)
	}
}

// TestOwnDay: the day from which a borrower wants mail is a step, even if the schedule does not have it.
func TestOwnDay(t *testing.T) {
	due := day("2026-11-24")
	for _, test := range []struct {
		schedule, wants string
		steps           []int // on the days from 8 before the due date to 2 after it; 9 for none
	}{
		{"-7,0,1", "-3,0", []int{9, 9, 9, 9, 9, -3, 9, 9, 0, 9, 9}},
		{"-7,-1,0,1", "-3", []int{9, 9, 9, 9, 9, -3, 9, -1, 9, 9, 9}},
		{"-1,0,1", "-3", []int{9, 9, 9, 9, 9, 9, 9, -1, 9, 9, 9}}, // the schedule reaches no further
		{"-7,0,1", "-365,+", []int{9, -7, 9, 9, 9, 9, 9, 9, 9, 1, 9}},
		{"-7,0,1", "", []int{9, -7, 9, 9, 9, 9, 9, 9, 0, 1, 9}},
		{"0,+1", "-3,0,+2", []int{9, 9, 9, 9, 9, 9, 9, 9, 0, 9, 2}},
	} {
		rules := testRules(t, test.schedule)
		loan := Loan{ID: "1", Due: due, Wants: test.wants, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
		var past History
		var steps []int
		for d := -8; d <= 2; d++ {
			notice, verdict := rules.Judge(loan, past, due.AddDays(d))
			if verdict != VerdictDue {
				steps = append(steps, 9)
				continue
			}
			steps = append(steps, notice.Step)
			past = append(past, Past{Step: notice.Step, Told: true})
		}
		assert.Equal(t, test.steps, steps, "%s %s", test.schedule, test.wants)
	}
}

// TestClosedBranch: a branch has a calendar of its own. Its mail waits while it is closed, unless a person asks for the
// run.
func TestClosedBranch(t *testing.T) {
	today := day("2026-11-24") // a Tuesday
	rules := testRules(t, "-1,0,1,3")
	rules.WithholdClosed = true
	rules.Branches = map[string]Calendar{"east": {Weekdays: []time.Weekday{time.Tuesday}}}
	loan := Loan{ID: "1", Due: today, Calendar: "east", Borrower: Borrower{ID: "b", Email: "b@example.org"}}

	_, verdict := rules.Judge(loan, nil, today)
	assert.Equal(t, VerdictNotYet, verdict)
	notice, verdict := rules.Judge(loan, nil, today.AddDays(1))
	assert.Equal(t, VerdictDue, verdict)
	assert.Equal(t, 0, notice.Step, "on the next open day it is not late")
	other := loan
	other.Calendar = "west"
	_, verdict = rules.Judge(other, nil, today)
	assert.Equal(t, VerdictDue, verdict, "a branch without closed days has the library's calendar")

	c := Claim{Borrower: "b", Notices: []Notice{{Cycle: Cycle{KindLoan, "1", today}, Step: 0}}}
	_, _, o := rules.Recheck(c, []Loan{loan}, today)
	assert.Equal(t, Outcome{State: StateQueued, Reason: ReasonClosedDay, KeepTry: true, RetryAfter: withheldFor}, o)
	rules.WithholdClosed = false
	letter, _, o := rules.Recheck(c, []Loan{loan}, today)
	assert.Empty(t, o.State)
	assert.Equal(t, today.AddDays(1), letter.Items[0].ReturnBy)
	loan.Wants = "+"
	_, _, o = rules.Recheck(c, []Loan{loan}, today)
	assert.Equal(t, StateCanceled, o.State, "the borrower changed their mind")
}

func TestBranchAddresses(t *testing.T) {
	s := Settings{From: mail.Address{Name: "Library", Addr: "library@example.org"},
		ReplyTo: mail.Address{Addr: "all@example.org"}, FromAllowed: []string{"@branch.example", "one@other.example"}}
	for _, test := range []struct{ from, answers, wantFrom, wantAnswers string }{
		{"", "", "library@example.org", "all@example.org"},
		{"east@branch.example", "", "east@branch.example", "all@example.org"},
		{"East@Branch.EXAMPLE", "desk@branch.example", "East@branch.example", "desk@branch.example"},
		{"One@other.example", "", "One@other.example", "all@example.org"},
		{"two@other.example", "", "library@example.org", "two@other.example"},
		{"two@evil.branch.example", "desk@branch.example", "library@example.org", "desk@branch.example"},
		{"perpustakaán@branch.example", "balasán@branch.example", "library@example.org", "all@example.org"},
		{"x\r\nBcc: y@evil.example", "nonsense", "library@example.org", "all@example.org"},
	} {
		m := s.message(Claim{Ref: "r", Attempts: 1}, Draft{From: test.from, ReplyTo: test.answers}, Content{}, time.Time{})
		assert.Equal(t, mail.Address{Name: "Library", Addr: test.wantFrom}, m.From, test.from)
		assert.Equal(t, test.wantAnswers, m.ReplyTo.Addr, test.from)
	}

	// A letter about loans of two branches is the library's.
	rules := testRules(t, DefaultSchedule)
	today := day("2026-11-24")
	loan := func(id, from string) Loan {
		return Loan{ID: id, Due: today, From: from, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
	}
	c := Claim{Borrower: "b", Notices: []Notice{{Cycle: Cycle{KindLoan, "1", today}}, {Cycle: Cycle{KindLoan, "2", today}},
		{Cycle: Cycle{KindLoan, "3", today}}}}
	letter, _, o := rules.Recheck(c, []Loan{loan("1", "a@x.example"), loan("2", "a@x.example")}, today)
	require.Empty(t, o.State)
	assert.Equal(t, "a@x.example", letter.From)
	letter, _, _ = rules.Recheck(c, []Loan{loan("1", "a@x.example"), loan("2", "b@x.example"), loan("3", "a@x.example")},
		today)
	assert.Empty(t, letter.From)
}

// TestUnsubscribe: by default mails before the due date have List-Unsubscribe (RFC 2369). With MAIL_UNSUBSCRIBE all
// mails to borrowers have it.
func TestUnsubscribe(t *testing.T) {
	soon := Letter{Items: []Item{{Days: -1}}}
	late := Letter{Items: []Item{{Days: -1}, {Days: 0}}}
	s := Settings{From: mail.Address{Addr: "perpus@x.id"}, Unsubscribe: "perpus+berhenti@x.id"}
	of := func(s Settings, kind Kind, l Letter) string {
		return s.message(Claim{Ref: "REF", Kind: kind}, l.Draft(mail.Address{}), Content{}, time.Time{}).Unsubscribe
	}
	assert.Equal(t, "mailto:perpus%2Bberhenti@x.id?subject=berhenti%20REF", of(s, KindLoan, soon))
	assert.Empty(t, of(s, KindLoan, late))
	assert.Empty(t, of(Settings{From: s.From}, KindLoan, soon))
	s.UnsubscribeAll = true
	assert.NotEmpty(t, of(s, KindLoan, late))
	assert.Empty(t, s.message(Claim{Kind: KindSummary}, Draft{}, Content{}, time.Time{}).Unsubscribe)
}
