package reminder

import (
	"archive/zip"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testRules(t testing.TB, schedule string) Rules {
	s, err := ParseSchedule(schedule)
	require.NoError(t, err)
	return Rules{Schedule: s, MaxOverdueDays: 60}
}

// told returns a history of steps that were sent to the current borrower.
func told(steps ...int) (h History) {
	for _, step := range steps {
		h = append(h, Past{Step: step, Told: true})
	}
	return h
}

func TestJudge(t *testing.T) {
	today := day("2026-11-24")
	rules := testRules(t, DefaultSchedule)
	rules.OptedOut = map[string]bool{"quiet": true}
	rules.BadAddresses = map[string]Digest{"dead": DigestOf("Dead@Example.org"), "mended": DigestOf("old@example.org")}
	only := rules
	only.OnlyTo = []string{"Librarian@example.org"}

	for _, tt := range []struct {
		name     string
		rules    Rules
		due      string
		borrower Borrower
		hold     string
		past     History
		want     Verdict
		step     int
		number   int
	}{
		{name: "in two days", due: "2026-11-26", want: VerdictNotYet},
		{name: "tomorrow", due: "2026-11-25", want: VerdictDue, step: -1},
		{name: "today", due: "2026-11-24", want: VerdictDue, step: 0},
		{name: "today, told yesterday", due: "2026-11-24", past: told(-1), want: VerdictDue, step: 0},
		{name: "today, told today", due: "2026-11-24", past: told(0), want: VerdictTold},
		{name: "one day late", due: "2026-11-23", past: told(0), want: VerdictDue, step: 1, number: 1},
		{name: "two days late", due: "2026-11-22", past: told(1), want: VerdictTold},
		{name: "two days late, one missed", due: "2026-11-22", past: told(0), want: VerdictDue, step: 1, number: 1},
		{name: "five days late, all missed", due: "2026-11-19", want: VerdictDue, step: 3, number: 1},
		{name: "a week late", due: "2026-11-17", past: told(0, 1, 3), want: VerdictDue, step: 7, number: 3},
		{name: "an expired notice does not count", due: "2026-11-17",
			past: append(told(1), Past{Step: 3, Dropped: "expired", Told: true}),
			want: VerdictDue, step: 7, number: 2},
		{name: "nor one of a canceled email", due: "2026-11-17", past: append(told(1), Past{Step: 3}), want: VerdictDue,
			step: 7, number: 2},
		{name: "superseded, and its step in force again", due: "2026-11-24", past: History{{Step: 0, Dropped: "superseded"}},
			want: VerdictTold},
		{name: "dropped, and in order again", due: "2026-11-23", past: History{{Step: 1, Dropped: "returned", Told: true}},
			want: VerdictDue, step: 1, number: 1},
		{name: "dropped by a clock that was ahead", due: "2026-11-23",
			past: append(told(0), Past{Step: 56, Dropped: "too_old"}),
			want: VerdictDue, step: 1, number: 1},
		{name: "canceled by a person", due: "2026-11-24", past: History{{Step: 0, Dropped: ReasonByPerson}},
			want: VerdictTold},
		{name: "told to another borrower", due: "2026-11-21",
			past: History{{Step: 1, Borrower: "c", Told: true}, {Step: 3, Borrower: "c", Told: true}},
			want: VerdictDue, step: 3, number: 1},
		{name: "on its way to another borrower", due: "2026-11-24", past: History{{Step: 0, Borrower: "c", Waiting: true}},
			want: VerdictTold},
		{name: "on its way to another borrower, an older step", due: "2026-11-24",
			past: History{{Step: -1, Borrower: "c", Waiting: true}}, want: VerdictDue},
		{name: "booked back after another was told", due: "2026-11-24", past: History{{Step: 0, Borrower: "c", Told: true},
			{Step: 0, Borrower: "b", Dropped: ReasonMoved, Told: true}}, want: VerdictTold},
		{name: "booked back, and late", due: "2026-11-21", past: History{{Step: 1, Borrower: "c", Told: true},
			{Step: 1, Borrower: "b", Dropped: ReasonMoved, Told: true}}, want: VerdictDue, step: 3, number: 2},
		{name: "whose email is not on record", due: "2026-11-24", past: History{{Step: 0, Told: true}}, want: VerdictTold},
		{name: "two weeks late", due: "2026-11-10", past: told(1, 3, 7), want: VerdictDue, step: 14, number: 4},
		{name: "a later step of an older schedule", due: "2026-11-17", past: told(10), want: VerdictTold},
		{name: "at the limit", due: "2026-09-25", want: VerdictDue, step: 56, number: 1},
		{name: "too old", due: "2026-09-24", want: VerdictTooOld},
		{name: "on hold", due: "2026-11-24", hold: "lost", want: VerdictOnHold},
		{name: "opted out", due: "2026-11-24", borrower: Borrower{ID: "quiet", Email: "q@example.org"},
			want: VerdictOptedOut},
		{name: "no address", due: "2026-11-24", borrower: Borrower{ID: "b"}, want: VerdictUnreachable},
		{name: "nonsense address", due: "2026-11-24", borrower: Borrower{ID: "b", Email: "tidak ada"},
			want: VerdictUnreachable},
		{name: "refused address, other case", due: "2026-11-24", borrower: Borrower{ID: "dead", Email: "DEAD@example.org"},
			want: VerdictBadAddress},
		{name: "refused address that changed", due: "2026-11-24", borrower: Borrower{ID: "mended", Email: "new@example.org"},
			want: VerdictDue},
		{name: "not on the list", rules: only, due: "2026-11-24", want: VerdictWithheld},
		{name: "on the list", rules: only, due: "2026-11-24", borrower: Borrower{ID: "b", Email: "librarian@example.org"},
			want: VerdictDue},
		{name: "not on the list and told", rules: only, due: "2026-11-24", past: told(0), want: VerdictTold},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.rules.MaxOverdueDays == 0 {
				tt.rules = rules
			}
			if tt.borrower.ID == "" {
				tt.borrower = Borrower{ID: "b", Email: "b@example.org"}
			}
			loan := Loan{ID: "7", Due: day(tt.due), Hold: tt.hold, Borrower: tt.borrower}
			notice, verdict := tt.rules.Judge(loan, tt.past, today)
			assert.Equal(t, tt.want, verdict)
			if verdict == VerdictDue {
				assert.Equal(t, Notice{Cycle{KindLoan, "7", loan.Due}, tt.step, tt.number}, notice)
			}
		})
	}
}

func TestPlanMakesOneEmailABorrower(t *testing.T) {
	loan := func(id, due, borrower string) Loan {
		return Loan{ID: id, Due: day(due), Borrower: Borrower{ID: borrower, Email: borrower + "@example.org"}}
	}
	p := NewPlan(testRules(t, DefaultSchedule), day("2026-11-24"))
	known := map[Cycle]History{{KindLoan, "told", day("2026-11-21")}: told(1, 3),
		{KindLoan, "late2", day("2026-11-21")}: told(1)}
	p.Add([]Loan{loan("late2", "2026-11-21", "ani"), loan("told", "2026-11-21", "budi")}, known)
	p.Add([]Loan{
		loan("late1", "2026-11-23", "cici"), loan("today", "2026-11-24", "ani"), loan("soon", "2026-11-25", "dedi"),
		loan("later", "2026-11-30", "dedi"), {ID: "held", Due: day("2026-11-24"), Hold: "lost",
			Borrower: Borrower{ID: "ani"}},
		{ID: "mute", Due: day("2026-11-24"), Borrower: Borrower{ID: "eka"}},
	}, nil)
	assert.Equal(t, []Email{
		{KindLoan, "ani", DueToday, []Notice{{Cycle{KindLoan, "late2", day("2026-11-21")}, 3, 2},
			{Cycle{KindLoan, "today", day("2026-11-24")}, 0, 0}}, true},
		{KindLoan, "dedi", BeforeDue, []Notice{{Cycle{KindLoan, "soon", day("2026-11-25")}, -1, 0}}, false},
		{KindLoan, "cici", FirstLate, []Notice{{Cycle{KindLoan, "late1", day("2026-11-23")}, 1, 1}}, false},
	}, p.Emails(nil), "the most urgent first, all of a borrower's notices in one email")
	assert.Equal(t, LoanCounts{InReach: 8, Held: 1, Unreachable: 1}, p.Counts)
}

// TestNewBorrowerIDs: a few loans that moved get a notice to the new borrower. If all have moved, the library's system
// has given its borrowers new ids, and no notice is sent again.
func TestNewBorrowerIDs(t *testing.T) {
	today := day("2026-11-24")
	for _, tt := range []struct{ moved, others, planned int }{{1, 0, 1}, {10, 0, 10}, {11, 20, 0}, {11, 110, 11},
		{3000, 0, 0}} {
		plan := NewPlan(testRules(t, DefaultSchedule), today)
		for i := range tt.moved + tt.others {
			id, borrower := strconv.Itoa(i), "old"
			if i >= tt.moved {
				borrower = id
			}
			plan.Add([]Loan{{ID: id, Due: today, Borrower: Borrower{ID: id, Email: id + "@example.org"}}},
				map[Cycle]History{{KindLoan, id, today}: {{Borrower: borrower, Told: true}}})
		}
		assert.Len(t, plan.Emails(nil), tt.planned, tt)
		assert.Len(t, plan.Emails(nil), tt.planned, "asked twice")
	}
}

func TestReach(t *testing.T) {
	first, last := testRules(t, DefaultSchedule).Reach(day("2026-11-24"))
	assert.Equal(t, []Date{day("2026-09-25"), day("2026-11-25")}, []Date{first, last})
	first, last = testRules(t, "3,+7").Reach(day("2026-11-24"))
	assert.Equal(t, []Date{day("2026-09-25"), day("2026-11-24")}, []Date{first, last})
}

// zones returns the names of all time zones that Go knows.
func zones(t *testing.T) []string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	defer r.Close()
	var names []string
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	require.Greater(t, len(names), 400)
	return names
}

// TestEveryStepOnceInEveryZone performs hourly runs, with outages of up to 26 hours, around clock changes, leap days
// and turns of the year, in all time zones. A step is promised at most once, steps only increase, and after each run
// the newest step in force is promised.
func TestEveryStepOnceInEveryZone(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	schedules := []string{DefaultSchedule, "0,+1", "-3,-1,0,2,5,+3", "0", "1,+2"}
	// Clock changes, a leap day, the turn of a year; in 2011 a day was left out in Samoa.
	days := []string{"2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2028-02-29", "2026-12-31", "2026-04-05",
		"2026-10-04", "2011-12-29"}
	for _, name := range zones(t) {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		rules := testRules(t, schedules[rng.IntN(len(schedules))])
		due := day(days[rng.IntN(len(days))]).AddDays(rng.IntN(5) - 2)
		rules.Calendar.Weekdays = []time.Weekday{time.Weekday(rng.IntN(7))}
		rules.Calendar.Dates = map[Date]string{due.AddDays(rng.IntN(4)): "libur"}
		window := Window{time.Duration(rng.IntN(12)) * time.Hour, time.Duration(13+rng.IntN(12)) * time.Hour}
		live(t, rng, zone, rules, due, window)
	}
}

// live simulates one loan, hour by hour.
func live(t *testing.T, rng *rand.Rand, zone *time.Location, rules Rules, due Date, window Window) {
	loan := Loan{ID: "1", Due: due, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
	var past History
	var promised []int
	var last Date
	minute := time.Duration(rng.IntN(60)) * time.Minute
	begin := time.Date(due.Year, due.Month, due.Day-6, 0, 0, 0, 0, time.UTC).Add(minute)
	for hour := 0; hour < 24*25; hour++ {
		if rng.IntN(40) == 0 {
			hour += rng.IntN(27) // off
		}
		now := begin.Add(time.Duration(hour) * time.Hour)
		today := DateOf(now, zone)
		require.False(t, today.Before(last), "%s: a day came back", zone)
		last = today
		if _, closed := rules.Calendar.Closed(today); closed || window.Left(now, zone) == 0 {
			continue
		}
		p := NewPlan(rules, today)
		p.Add([]Loan{loan}, map[Cycle]History{loan.Cycle(): past})
		for _, email := range p.Emails(nil) {
			require.Len(t, email.Notices, 1)
			step := email.Notices[0].Step
			require.NotContains(t, promised, step, "%s, due %s: promised twice", zone, due)
			promised = append(promised, step)
			past = append(past, told(step)...)
		}
		if step, ok := rules.Schedule.InForce(rules.Calendar.Offset(due, today)); ok {
			require.NotEmpty(t, promised, "%s, due %s, %s: lost", zone, due, today)
			require.Equal(t, step, promised[len(promised)-1], "%s, due %s, %s: the newest step was lost", zone, due, today)
		} else {
			require.Empty(t, promised, "%s, due %s, %s: too early", zone, due, today)
		}
	}
	require.True(t, slices.IsSorted(promised), "%s: %v", zone, promised)
	require.NotEmpty(t, promised)
}

func BenchmarkPlan(b *testing.B) {
	rules := testRules(b, DefaultSchedule)
	today := day("2026-11-24")
	loans := make([]Loan, 1000)
	for i := range loans {
		id := strconv.Itoa(i)
		loans[i] = Loan{ID: id, Due: today.AddDays(-i % 60), Borrower: Borrower{ID: id, Email: id + "@example.org"}}
	}
	b.ReportAllocs()
	for b.Loop() {
		p := NewPlan(rules, today)
		p.Add(loans, nil)
		p.Emails(nil)
	}
}

// TestPlanSeesALoanTwice: a join in a view may multiply rows. The borrower gets one notice, and other borrowers are not
// affected.
func TestPlanSeesALoanTwice(t *testing.T) {
	today := day("2026-11-24")
	loan := Loan{ID: "1", Due: today, Borrower: Borrower{ID: "b", Email: "b@example.org"}}
	other := loan
	other.Borrower.ID = "c"
	plan := NewPlan(testRules(t, "0"), today)
	plan.Add([]Loan{loan, loan, other}, nil)
	plan.Add([]Loan{loan}, nil)
	require.Len(t, plan.Emails(nil), 1)
	assert.Len(t, plan.Emails(nil)[0].Notices, 1)
}
