package reminder

import (
	"context"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Summary is what the librarian is told on the morning of an open day. It names borrowers and titles, because it
// goes to the library itself; it is composed at the hand-over and kept nowhere.
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

	VersionMonths int // age of the program, in the month's first summary once it is old; else 0
}

// Activity is what became of reminders in a time that ends now.
type Activity struct {
	Since   time.Time // when the summary before was handed over; zero: since the beginning
	Sent    int       // emails
	Waiting int       // emails that have not ended
	Ahead   int       // emails that go first and have not ended
	LastDay int       // emails of every kind that were handed over in the last 24 hours
	Trouble []Trouble // what ended badly, the most frequent first
	AboutUs AboutUs
}

// AboutUs is what came back in the last week that is about the library's own mail, and not about the addresses.
type AboutUs struct {
	Accepted int       `json:"accepted,omitempty"` // emails of the newest run of which so many came back
	Bounced  int       `json:"bounced,omitempty"`  // that no address is marked; 0: there is none
	Sent     time.Time `json:"sent,omitzero"`      // when that run sent the first
	Refused  int       `json:"refused,omitempty"`  // refused as spam, or by a rule, on the newest day with several; else 0
	Day      time.Time `json:"day,omitzero"`       // the last of those
}

// A Trouble counts emails that ended badly in the same way.
type Trouble struct {
	State  State // StateRefused, StateFailed, StateUnknown or StateBounced
	Reason string
	Count  int
}

// A GroupCount counts borrowers of a group, such as a class.
type GroupCount struct {
	Group string // "" when unknown
	Count int
}

// summaryMailing writes to the librarians every morning, also when there is nothing to tell. The first run of the day
// that may send promises it. Its notice is (KindSummary, "", day, position in REMINDER_SUMMARY_TO).
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

// Recheck lets the summary of a former day expire. So after a mail server was down for a week, one summary is sent and
// not seven.
func (summaryMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	to, o := recheckSummary(run, c)
	if o.State != "" {
		return Draft{}, o, nil
	}
	s, err := run.Summary(ctx)
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

// longestLate is how many loans a summary names.
const longestLate = 10

// Summary gathers what a summary tells. Of the report it reads only what does not change while emails are sent.
func (r *Run) Summary(ctx context.Context) (s Summary, err error) {
	s = Summary{Today: r.Today, Planned: r.Report.Planned.Emails, Calendar: r.Rules.Calendar}
	if r.Report.Outcome == RunHeld {
		s.Held = r.Report.Reason
	}
	if s.Activity, err = r.Store.Activity(ctx, r.Today); err != nil {
		return s, err
	}
	s.Sending = s.Room(r.Settings.DailyLimit)
	if !s.Since.IsZero() {
		s.SinceDate, s.SinceTime = DateOf(s.Since, r.Settings.Zone), s.Since.In(r.Settings.Zone).Format("15:04")
	}
	if months, old := VersionAge(r.Now); old && !s.Since.IsZero() && s.SinceDate.Month != r.Today.Month {
		s.VersionMonths = months
	}
	survey, err := r.Survey(ctx, r.Rules, r.Today, longestLate)
	s.Open, s.Late, s.Longest, s.Unreachable = survey.Open, survey.Late, survey.Longest, CountGroups(survey.Unreachable)
	return s, err
}

// Room returns how many of the waiting reminders a daily limit lets go now, after what goes first.
func (a Activity) Room(limit int) int {
	if limit == 0 {
		return a.Waiting
	}
	return max(0, min(a.Waiting, limit-a.LastDay-a.Ahead))
}
