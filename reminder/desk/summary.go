package desk

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// summaryMailing writes to the librarians every morning, also when there is nothing to tell. The first run of the day
// that may send promises it. Its notice is (KindSummary, "", day, position in REMINDER_SUMMARY_TO).
type summaryMailing struct{ store *deskdb.Store }

func (summaryMailing) Kind() reminder.Kind { return reminder.KindSummary }
func (summaryMailing) First() bool         { return true }

func (m summaryMailing) Plan(ctx context.Context, run *reminder.Run) (reminder.Planner, error) {
	free, err := unpromised(ctx, m.store, run.Today, librarians(run))
	if len(run.Settings.SummaryTo) == 0 || err != nil {
		return nil, err
	}
	var plan staffPlan
	for _, a := range free {
		if a.verdict == reminder.VerdictDue {
			plan = append(plan, a.email(reminder.PriorityFirst))
		}
	}
	return plan, nil
}

// Recheck gathers the summary anew.
func (m summaryMailing) Recheck(ctx context.Context, run *reminder.Run, c reminder.Claim) (reminder.Draft,
	reminder.Outcome, error) {
	a, o := recheck(c, run.Today, librarians(run))
	if o.State != "" {
		return reminder.Draft{}, o, nil
	}
	s, err := Desk{run.Runner, m.store}.summary(ctx, run)
	return reminder.Draft{To: a.to, Data: s}, o, err
}

func librarians(run *reminder.Run) (all []addressee) {
	for i, to := range run.Settings.SummaryTo {
		n := reminder.Notice{Cycle: reminder.Cycle{Kind: reminder.KindSummary, Due: run.Today}, Step: i}
		_, verdict := run.Rules.Address(reminder.Borrower{Email: to.Addr})
		all = append(all, addressee{n, "", to, verdict})
	}
	return all
}

// longestLate is how many loans a summary names.
const longestLate = 10

// summary gathers what a summary tells. Of the report it reads only what does not change while emails are sent.
func (d Desk) summary(ctx context.Context, run *reminder.Run) (s reminder.Summary, err error) {
	zone := run.Settings.Zone
	s = reminder.Summary{Today: run.Today, Planned: run.Report.Planned.Emails, Calendar: run.Rules.Calendar}
	if run.Report.Outcome == reminder.RunHeld {
		s.Held = run.Report.Reason
	}
	if s.Activity, err = d.Store.Activity(ctx, run.Today); err != nil {
		return s, err
	}
	s.Sending = room(s.Activity, run.Settings.DailyLimit)
	if !s.Since.IsZero() {
		s.SinceDate, s.SinceTime = reminder.DateOf(s.Since, zone), s.Since.In(zone).Format("15:04")
	}
	if months, old := VersionAge(run.Now); old && !s.Since.IsZero() && s.SinceDate.Month != run.Today.Month {
		s.VersionMonths = months
	}
	survey, err := d.Survey(ctx, run.Rules, run.Today, longestLate)
	if err != nil {
		return s, err
	}
	s.Open, s.Late, s.Longest, s.Unreachable = survey.Open, survey.Late, survey.Longest, countGroups(survey.Unreachable)
	return s, nil
}

// room returns how many of the waiting reminders a daily limit lets go now, after what goes first.
func room(a reminder.Activity, limit int) int {
	if limit == 0 {
		return a.Waiting
	}
	return max(0, min(a.Waiting, limit-a.LastDay-a.Ahead))
}

// oldAfter is when a version is worth a look at what is new.
const oldAfter = 180 * 24 * time.Hour

// VersionAge returns the age of the program's version in whole months, and whether it is old; 0 when its date is not
// known.
func VersionAge(now time.Time) (months int, old bool) {
	at, err := time.Parse(time.RFC3339, reminder.VersionDate)
	if err != nil || now.Before(at) {
		return 0, false
	}
	age := now.Sub(at)
	return int(age / (30 * 24 * time.Hour)), age >= oldAfter
}
