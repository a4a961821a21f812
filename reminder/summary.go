package reminder

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Summary is what the librarian is told on the morning of an open day. It names borrowers and titles, because it goes to
// the library itself; it is composed at the hand-over and kept nowhere.
type Summary struct {
	Today     Date
	Activity         // of reminders
	SinceDate Date   // of Activity.Since in the library's zone
	SinceTime string // "07:02"
	Planned   int    // emails that this run promised, or would have
	Sending   int    // emails that this run is about to send; Waiting but for what MAIL_DAILY_LIMIT leaves for later
	Held      string // ReasonMaxPerRun or ReasonLooksRestored when the run is held, else ""

	Open, Late  int // loans
	Unreachable []GroupCount
	Longest     []Loan // late longest
	Calendar    Calendar
}

// Activity is what became of reminders in a time that ends now.
type Activity struct {
	Since   time.Time // when the summary before was handed over; zero: since the beginning
	Sent    int       // emails
	Waiting int       // emails that have not ended
	Trouble []Trouble // what ended badly, the most frequent first
}

// A Trouble counts emails that ended badly in the same way.
type Trouble struct {
	State  State // StateRefused, StateFailed or StateUnknown
	Reason string
	Count  int
}

// A GroupCount counts borrowers of a group, such as a class.
type GroupCount struct {
	Group string // "" when unknown
	Count int
}

// summaryMailing tells the librarians every morning. Like any promise it is made once: by the first run of the day that may,
// also when it has nothing to tell. Its notice is (KindSummary, "", day, place in REMINDER_SUMMARY_TO).
type summaryMailing struct{}

func (summaryMailing) Kind() Kind  { return KindSummary }
func (summaryMailing) First() bool { return true }

func summaryNotice(today Date, recipient int) Notice {
	return Notice{Cycle: Cycle{Kind: KindSummary, Due: today}, Step: recipient}
}

// A morning plans the summaries that were not promised yet.
type morning []Email

func (summaryMailing) Plan(ctx context.Context, run *Run) (Planner, error) {
	if len(run.Settings.SummaryTo) == 0 {
		return nil, nil
	}
	known, err := run.Store.Promised(ctx, run.Today, "")
	if err != nil {
		return nil, err
	}
	var emails morning
	for i, to := range run.Settings.SummaryTo {
		n := summaryNotice(run.Today, i)
		_, verdict := run.Rules.Address(Borrower{Email: to.Addr})
		if verdict == VerdictDue && !slices.ContainsFunc(known[n.Cycle], func(p Past) bool { return p.Step == i }) {
			emails = append(emails, Email{Kind: KindSummary, Priority: PriorityFirst, Notices: []Notice{n}})
		}
	}
	return emails, nil
}

func (morning) Add([]Loan, map[Cycle]History)    {}
func (morning) Loans() []string                  { return nil }
func (m morning) Emails(map[string]bool) []Email { return m }

// Recheck lets one of a former day expire: it has nothing to tell any more, so that a mail server that was down for a week
// gets one and not seven.
func (summaryMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	to, o := recheckSummary(run, c)
	if o.State != "" {
		return Draft{}, o, nil
	}
	s, err := run.summary(ctx)
	return Draft{To: to, Data: s}, o, err
}

func recheckSummary(run *Run, c Claim) (mail.Address, Outcome) {
	recipients := run.Settings.SummaryTo
	switch {
	case len(c.Notices) == 0 || c.Notices[0].Due != run.Today:
		return mail.Address{}, Outcome{State: StateExpired, Reason: ReasonSuperseded}
	case c.Notices[0].Step >= len(recipients):
		return mail.Address{}, Outcome{State: StateCanceled, Reason: string(VerdictUnreachable)}
	}
	to := recipients[c.Notices[0].Step]
	if _, verdict := run.Rules.Address(Borrower{Email: to.Addr}); verdict == VerdictWithheld {
		return to, withheld(string(VerdictWithheld))
	}
	return to, Outcome{}
}

// longestLate is how many loans a summary names, longestReach how many days late they can be: a due date further back is
// a mistake in the library's records.
const longestLate, longestReach = 10, 3660

// summary gathers what a summary tells. Of the report it reads only what does not change while emails are sent.
func (r *Run) summary(ctx context.Context) (s Summary, err error) {
	s = Summary{Today: r.Today, Planned: r.Report.Planned.Emails, Calendar: r.Rules.Calendar}
	if r.Report.Outcome == RunHeld {
		s.Held = r.Report.Reason
	}
	if s.Activity, err = r.Store.Activity(ctx, r.Today); err != nil {
		return s, err
	}
	if s.Sending, err = r.sending(ctx, s.Waiting); err != nil {
		return s, err
	}
	if !s.Since.IsZero() {
		s.SinceDate, s.SinceTime = DateOf(s.Since, r.Settings.Zone), s.Since.In(r.Settings.Zone).Format("15:04")
	}
	loans, err := r.Store.CountLoans(ctx, r.Today)
	if err != nil {
		return s, err
	}
	s.Open, s.Late = loans.Open, loans.TooOld
	if s.Longest, err = r.Store.LateLongest(ctx, r.Today.AddDays(-longestReach), r.Today, longestLate); err != nil {
		return s, err
	}
	unreachable, err := r.Unreachable(ctx, r.Rules, r.Today)
	s.Unreachable = CountGroups(unreachable)
	return s, err
}

// sending returns how many of the waiting reminders the daily limit lets go now, behind the summaries.
func (r *Runner) sending(ctx context.Context, waiting int) (int, error) {
	limit := r.Settings.DailyLimit
	if limit == 0 {
		return waiting, nil
	}
	sent, err := r.Store.SentSince(ctx, 24*time.Hour)
	if err != nil {
		return 0, err
	}
	all, _, err := r.Store.Backlog(ctx)
	return max(0, min(waiting, limit-sent-(all-waiting))), err
}

// rereadChunk is how many loans are read at a time.
const rereadChunk = 500

// Unreachable returns the loans in reach whose borrowers have no address that works.
func (r *Runner) Unreachable(ctx context.Context, rules Rules, today Date) ([]Loan, error) {
	var silent []Notice
	first, last := rules.Reach(today)
	err := r.Store.Scan(ctx, first, last, func(page []Loan, _ map[Cycle]History) error {
		for _, loan := range page {
			if _, verdict := rules.Judge(loan, nil, today); verdict == VerdictUnreachable || verdict == VerdictBadAddress {
				silent = append(silent, Notice{Cycle: loan.cycle()})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var loans []Loan
	for chunk := range slices.Chunk(silent, rereadChunk) { // a scan knows no names
		read, err := r.Store.Reread(ctx, Claim{Notices: chunk})
		if err != nil {
			return nil, err
		}
		loans = append(loans, read...)
	}
	return loans, nil
}

// CountGroups counts the borrowers of loans by group, those without one last.
func CountGroups(loans []Loan) []GroupCount {
	seen := map[string]bool{}
	counts := map[string]int{}
	for _, loan := range loans {
		if !seen[loan.Borrower.ID] {
			seen[loan.Borrower.ID] = true
			counts[strings.Join(strings.Fields(loan.Borrower.Group), " ")]++
		}
	}
	var list []GroupCount
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, GroupCount{group, counts[group]})
	}
	if len(list) > 0 && list[0].Group == "" {
		list = append(list[1:], list[0])
	}
	return list
}
