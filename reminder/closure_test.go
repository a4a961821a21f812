package reminder

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// semester is closed every Sunday, and from Monday 2026-12-21 to Saturday 2027-01-02.
func semester() Calendar {
	c := Calendar{Weekdays: []time.Weekday{time.Sunday}, Dates: map[Date]string{}}
	for d := day("2026-12-21"); !d.After(day("2027-01-02")); d = d.AddDays(1) {
		c.Dates[d] = "Libur semester"
	}
	return c
}

func TestClosure(t *testing.T) {
	c := semester()
	holiday := Closure{day("2026-12-20"), day("2027-01-03"), "Libur semester"}
	for d, want := range map[string]Closure{
		"2026-12-18": {}, "2026-12-19": holiday, "2026-12-20": holiday, "2026-12-25": holiday, "2027-01-03": holiday,
		"2027-01-04": {}, "2026-11-28": {day("2026-11-29"), day("2026-11-29"), ""},
	} {
		got, ok := c.Closure(day(d))
		assert.Equal(t, want, got, d)
		assert.Equal(t, want != Closure{}, ok, d)
	}
	_, ok := Calendar{Weekdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}.Closure(day("2026-11-29"))
	assert.False(t, ok, "a calendar without an open day must not hang")
}

// TestBeforeClosure judges one loan on each open day.
func TestBeforeClosure(t *testing.T) {
	type told map[string]int // steps by day
	for _, tt := range []struct {
		name, due, schedule, wants string
		least                      int
		told                       told
	}{
		{name: "off", due: "2026-12-25", told: told{"2027-01-04": 0}},
		{name: "in it", due: "2026-12-25", least: 7, told: told{"2026-12-19": -6, "2027-01-04": 0}},
		{name: "on its first day", due: "2026-12-21", least: 7, told: told{"2026-12-19": -2, "2027-01-04": 0}},
		{name: "on the Sunday before it", due: "2026-12-20", least: 7, told: told{"2026-12-19": -1, "2027-01-04": 0}},
		{name: "on the Sunday after it", due: "2027-01-03", least: 7, told: told{"2026-12-19": -15, "2027-01-04": 0}},
		{name: "on its eve", due: "2026-12-19", least: 7,
			told: told{"2026-12-18": -1, "2026-12-19": 0}},
		{name: "on its eve, of which the schedule says nothing", due: "2026-12-19", least: 7, schedule: "-1,1",
			told: told{"2026-12-18": -1, "2026-12-19": 0, "2027-01-04": 1}},
		{name: "after a step of the schedule", due: "2026-12-22", least: 7, schedule: "-7,-1,0",
			told: told{"2026-12-15": -7, "2026-12-19": -3, "2027-01-04": 0}},
		{name: "just long enough", due: "2026-12-25", least: 15, told: told{"2026-12-19": -6, "2027-01-04": 0}},
		{name: "too short", due: "2026-12-25", least: 16, told: told{"2027-01-04": 0}},
		{name: "two days before it", due: "2026-12-18", least: 7, schedule: "0", told: told{"2026-12-18": 0}},
		{name: "an ordinary Sunday", due: "2026-12-13", least: 7, told: told{"2026-12-12": -1, "2026-12-14": 0}},
		{name: "who wants to hear before", due: "2026-12-25", least: 7, wants: "-2", told: told{"2026-12-19": -6}},
		{name: "who does not", due: "2026-12-25", least: 7, wants: "0,+", told: told{"2027-01-04": 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.schedule == "" {
				tt.schedule = "-1,0"
			}
			rules := testRules(t, tt.schedule)
			rules.Calendar, rules.BeforeClosure = semester(), tt.least
			loan := Loan{ID: "1", Due: day(tt.due), Wants: tt.wants, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
			var past History
			got := told{}
			for d := day("2026-12-01"); d.Before(day("2027-01-05")); d = d.AddDays(1) {
				if _, closed := rules.Calendar.Closed(d); closed {
					continue
				}
				if n, verdict := rules.Judge(loan, past, d); verdict == VerdictDue {
					first, last := rules.Reach(d)
					assert.False(t, loan.Due.Before(first) || loan.Due.After(last), "%s is out of reach on %s", tt.due, d)
					got[d.String()] = n.Step
					past = append(past, Past{Step: n.Step, Told: true})
				}
			}
			assert.Equal(t, tt.told, got)
		})
	}
}

// TestBeforeClosureOfBranch: each loan follows the calendar of its branch.
func TestBeforeClosureOfBranch(t *testing.T) {
	rules := testRules(t, "-1,0")
	rules.BeforeClosure, rules.WithholdClosed = 3, true
	rules.Branches = map[string]Calendar{"east": semester()}
	loan := Loan{ID: "1", Due: day("2026-12-25"), Calendar: "east", Borrower: Borrower{ID: "b", Email: "b@example.org"}}
	n, verdict := rules.Judge(loan, nil, day("2026-12-19"))
	assert.Equal(t, VerdictDue, verdict)
	assert.Equal(t, -6, n.Step)
	_, last := rules.Reach(day("2026-12-19"))
	assert.Equal(t, day("2027-01-03"), last)
	loan.Calendar = "west"
	_, verdict = rules.Judge(loan, nil, day("2026-12-19"))
	assert.Equal(t, VerdictNotYet, verdict)
}

// TestClosureIsChanged: a notice promised on an eve is sent only if that day still is an eve. The next notice is on a
// later day.
func TestClosureIsChanged(t *testing.T) {
	with := testRules(t, "-1,0")
	with.BeforeClosure, with.Calendar = 7, semester()
	eve, due := day("2026-12-19"), day("2026-12-25")
	loan := Loan{ID: "1", Due: due, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
	n, verdict := with.Judge(loan, nil, eve)
	require.Equal(t, VerdictDue, verdict)
	recheck := func(r Rules, today Date) (Letter, Outcome) {
		letter, _, o := r.Recheck(Claim{Borrower: "b", Notices: []Notice{n}}, []Loan{loan}, today)
		return letter, o
	}
	letter, o := recheck(with, eve)
	assert.Empty(t, o.State)
	assert.Equal(t, []any{eve, day("2027-01-04"), "Libur semester"},
		[]any{letter.Items[0].LastOpen, letter.Items[0].Reopens, letter.Items[0].ClosureName})

	without := with
	without.Calendar = Calendar{}
	_, o = recheck(without, eve)
	assert.Equal(t, []any{StateCanceled, string(VerdictNotYet)}, []any{o.State, o.Reason}, "the holiday was removed")
	past := History{{Step: n.Step, Dropped: o.Dropped[0].Reason}}
	_, verdict = with.Judge(loan, past, eve)
	assert.Equal(t, VerdictDue, verdict, "the holiday was added again")
	past = History{{Step: n.Step, Told: true}}
	_, verdict = with.Judge(loan, past, eve)
	assert.Equal(t, VerdictTold, verdict, "added again after the notice was sent")
	again, verdict := without.Judge(loan, past, due.AddDays(-1))
	assert.Equal(t, []any{VerdictDue, -1}, []any{verdict, again.Step}, "the library is open on the day before")

	longer := with
	longer.Calendar = semester()
	longer.Calendar.Dates[day("2026-12-19")] = "Libur semester"
	_, verdict = longer.Judge(loan, past, day("2026-12-18"))
	assert.Equal(t, VerdictTold, verdict, "the eve is earlier now, as with a clock that was set back")
	letter, _ = recheck(with, day("2026-12-24"))
	assert.Zero(t, letter.Items[0].LastOpen, "a mail that a person sends in the holiday does not name the day before it")
	_, o = recheck(with, day("2027-01-04"))
	assert.Equal(t, []any{StateExpired, ReasonSuperseded}, []any{o.State, o.Reason}, "the laptop was off on the eve")
}

// TestClosureProperties: with any calendar, schedule and days without a run, no step is promised twice and no step
// follows a later one. A closure that is too short changes nothing. The last mail before a long closure is on its eve.
func TestClosureProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := day("2026-11-02") // a Monday
		schedules := rapid.SampledFrom([]string{DefaultSchedule, "0", "-3,-1,0", "-7,1,+7", "0,+1"})
		s, err := ParseSchedule(schedules.Draw(t, "schedule"))
		require.NoError(t, err)
		c := Calendar{Dates: map[Date]string{}}
		for wd := range 7 {
			if len(c.Weekdays) < 3 && rapid.IntRange(0, 4).Draw(t, "weekly") == 0 {
				c.Weekdays = append(c.Weekdays, time.Weekday(wd))
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "closures") {
			first := begin.AddDays(rapid.IntRange(0, 70).Draw(t, "first"))
			for i := range rapid.IntRange(1, 20).Draw(t, "days") {
				c.Dates[first.AddDays(i)] = "libur"
			}
		}
		on := Rules{Schedule: s, MaxOverdueDays: 60, Calendar: c, BeforeClosure: rapid.IntRange(1, 12).Draw(t, "least")}
		off := on
		off.BeforeClosure = 0
		loan := Loan{ID: "1", Due: begin.AddDays(rapid.IntRange(10, 60).Draw(t, "due")),
			Borrower: Borrower{ID: "b", Email: "b@example.org"}}
		closure, ok := c.Closure(loan.Due)
		long := ok && closure.Reopens().Sub(closure.First) >= on.BeforeClosure

		var past, pastOff History
		for d := begin; d.Before(begin.AddDays(100)); d = d.AddDays(1) {
			if _, closed := c.Closed(d); closed || rapid.IntRange(0, 5).Draw(t, "off") == 0 {
				continue
			}
			n, verdict := on.Judge(loan, past, d)
			nOff, verdictOff := off.Judge(loan, pastOff, d)
			if verdictOff == VerdictDue {
				pastOff = append(pastOff, Past{Step: nOff.Step, Told: true})
			}
			if !long {
				require.Equal(t, verdictOff, verdict)
				require.Equal(t, nOff, n)
			}
			if long && d == closure.Eve() {
				require.Equal(t, VerdictDue, verdict, "on the eve")
			}
			if verdict != VerdictDue {
				continue
			}
			first, last := on.Reach(d)
			require.False(t, loan.Due.Before(first) || loan.Due.After(last), "out of reach")
			require.False(t, slices.ContainsFunc(past, func(p Past) bool { return p.Step >= n.Step }), "a step goes back")
			past = append(past, Past{Step: n.Step, Told: true})
			letter, _, o := on.Recheck(Claim{Borrower: "b", Notices: []Notice{n}}, []Loan{loan}, d)
			require.Empty(t, o.State, "what is promised is sent")
			if it := letter.Items[0]; long && d.Before(closure.First) {
				require.Equal(t, closure.Eve(), it.LastOpen)
				require.Equal(t, closure.Reopens(), it.Reopens)
			} else {
				require.Zero(t, it.LastOpen)
			}
		}
	})
}
