package staff

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// summaryMailing writes to the librarians every morning, also when there is nothing to tell. The first run of the day
// that may send promises it. Its notice is (KindSummary, "", day, position in REMINDER_SUMMARY_TO).
type summaryMailing struct{ store *staffdb.Store }

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
	s, err := ReadSummary(ctx, m.store, run, 0)
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

// ReadSummary gathers what a summary tells. Of the report it reads only what does not change while emails are sent.
// planned counts the emails that would wait, too, if this were no preview.
func ReadSummary(ctx context.Context, store *staffdb.Store, run *reminder.Run,
	planned int) (s reminder.Summary, err error) {
	zone := run.Settings.Zone
	s = reminder.Summary{Today: run.Today, Planned: run.Report.Planned.Emails, Calendar: run.Rules.Calendar}
	if run.Report.Outcome == reminder.RunHeld {
		s.Held = run.Report.Reason
	}
	if s.Activity, err = store.Activity(ctx, run.Today); err != nil {
		return s, err
	}
	s.Waiting += planned
	s.Sending = room(s.Activity, run.Settings.DailyLimit)
	if !s.Since.IsZero() {
		s.SinceDate, s.SinceTime = reminder.DateOf(s.Since, zone), s.Since.In(zone).Format("15:04")
	}
	if months, old := reminder.VersionAge(run.Now); old && !s.Since.IsZero() && s.SinceDate.Month != run.Today.Month {
		s.VersionMonths = months
	}
	survey, err := ReadSurvey(ctx, run.Loans, store, run.Rules, run.Today, longestLate)
	if err != nil {
		return s, err
	}
	s.Open, s.Late, s.Longest, s.Unreachable = survey.Open, survey.Late, survey.Longest, CountGroups(survey.Unreachable)
	return s, nil
}

// room returns how many of the waiting reminders a daily limit lets go now, after what goes first.
func room(a reminder.Activity, limit int) int {
	if limit == 0 {
		return a.Waiting
	}
	return max(0, min(a.Waiting, limit-a.LastDay-a.Ahead))
}
