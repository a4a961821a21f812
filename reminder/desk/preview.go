package desk

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
)

// Preview composes the mails that a run on a day would send: the librarian's summary, waiting emails and newly planned
// ones. It calls each for every mail and writes nothing. It ignores the send window, closed days, limits and the brake:
// they decide when a mail is sent, not what it says.
func (d Desk) Preview(ctx context.Context, today reminder.Date, each func(mail.Message) error) error {
	run, err := d.Runner.Simulate(ctx, today)
	if err != nil {
		return err
	}
	claims, err := d.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	planned, err := run.Plan(ctx)
	if err != nil {
		return err
	}
	for i, e := range planned {
		claims = append(claims, reminder.Claim{Ref: fmt.Sprintf("preview-%d", i+1), Attempts: 1,
			Kind: e.Kind, Borrower: e.Borrower, Notices: e.Notices})
	}
	for i, to := range d.Runner.Settings.SummaryTo {
		s, err := staff.ReadSummary(ctx, d.Store.Store, run, run.Report.Planned.Emails)
		if err != nil {
			return err
		}
		c := reminder.Claim{Ref: fmt.Sprintf("summary-%d", i+1), Kind: reminder.KindSummary, Attempts: 1}
		if err := show(run, c, reminder.Draft{To: to, Data: s}, each); err != nil {
			return err
		}
	}
	for _, c := range claims {
		m := d.Runner.Mailing(c.Kind)
		if m == nil || m.First() { // those are shown above
			continue
		}
		draft, outcome, err := m.Recheck(ctx, run, c)
		if err != nil {
			return err
		}
		if outcome.State != "" {
			continue
		}
		if err := show(run, c, draft, each); err != nil {
			return err
		}
	}
	return nil
}

func show(run *reminder.Run, c reminder.Claim, draft reminder.Draft, each func(mail.Message) error) error {
	m, err := run.Compose(c, draft)
	if err != nil {
		return err
	}
	return each(m)
}

// A Silence is an open loan about which no mail is due, with the reason.
type Silence struct {
	Name, Group, Title string // data
	Due                reminder.Date
	Why                reminder.Verdict
}

// silentReach is how many days from its due date a loan is looked at.
const silentReach = 366

// Silent returns up to most of the open loans, due within a year, about which no mail is due and none waits, and how
// many more there are.
func (d Desk) Silent(ctx context.Context, today reminder.Date, most int) (silent []Silence, more int, err error) {
	rules, err := d.Runner.Rules(ctx, today)
	if err != nil {
		return nil, 0, err
	}
	waiting, err := d.Store.Waiting(ctx)
	if err != nil {
		return nil, 0, err
	}
	why, due, dueToday := map[string]reminder.Verdict{}, map[string][]string{}, map[string]bool{} // the others by borrower
	err = d.Runner.Scan(ctx, today.AddDays(-silentReach), today.AddDays(silentReach),
		func(loans []reminder.Loan, known map[reminder.Cycle]reminder.History) {
			for _, l := range loans {
				if _, verdict := rules.Judge(l, known[l.Cycle()], today); verdict != reminder.VerdictDue {
					why[l.ID] = verdict
				} else if id := l.Borrower.ID; rules.DueToday(l, today) {
					dueToday[id] = true
				} else {
					due[id] = append(due[id], l.ID)
				}
			}
		})
	if err != nil {
		return nil, 0, err
	}
	written, err := d.Runner.WrittenTo(ctx, reminder.KindLoan, slices.Collect(maps.Keys(due)), today)
	if err != nil {
		return nil, 0, err
	}
	for id := range written {
		for _, loan := range due[id] {
			if !dueToday[id] {
				why[loan] = reminder.VerdictTooSoon
			}
		}
	}
	for _, c := range waiting {
		for _, n := range c.Notices {
			if n.Kind == reminder.KindLoan {
				delete(why, n.Loan)
			}
		}
	}
	ids := slices.SortedFunc(maps.Keys(why), func(a, b string) int {
		return cmp.Or(cmp.Compare(why[a], why[b]), cmp.Compare(a, b))
	})
	shown := ids[:min(len(ids), most)]
	loans, err := reminder.RereadAll(ctx, d.Runner.Loans, shown)
	for _, l := range loans {
		silent = append(silent, Silence{l.Borrower.Name, l.Borrower.Group, l.Title, l.Due, why[l.ID]})
	}
	slices.SortFunc(silent, func(a, b Silence) int {
		return cmp.Or(cmp.Compare(a.Why, b.Why), cmp.Compare(a.Name, b.Name), a.Due.Compare(b.Due))
	})
	return silent, len(ids) - len(shown), err
}

// Sample composes the mail about one loan as if it were the first, and as if at least its first step were in force.
// The message has no recipient when the borrower has no usable address. An unknown or held loan is a *Fault.
func (d Desk) Sample(ctx context.Context, today reminder.Date, loan string) (mail.Message, error) {
	run, err := d.Runner.Simulate(ctx, today)
	if err != nil {
		return mail.Message{}, err
	}
	rules := run.Rules
	loans, err := d.Runner.Loans.Reread(ctx, []string{loan})
	if err != nil {
		return mail.Message{}, err
	}
	if len(loans) == 0 {
		return mail.Message{}, reminder.NewFault(nil, "preview.no_such_loan")
	}
	step, ok := d.Runner.Settings.Schedule.InForce(rules.Calendar.Offset(loans[0].Due, today))
	if !ok {
		step = d.Runner.Settings.Schedule.First()
	}
	c := reminder.Claim{Ref: "sample-" + rand.Text(), Attempts: 1, Kind: reminder.KindLoan, Borrower: loans[0].Borrower.ID,
		Notices: []reminder.Notice{{Cycle: loans[0].Cycle(), Step: step}}}
	letter, to, outcome := rules.Recheck(c, loans, today)
	if len(letter.Items) == 0 {
		return mail.Message{}, reminder.NewFault(nil, "preview.no_mail_for_loan", "Why", reminder.Verdict(outcome.Reason))
	}
	return run.Compose(c, letter.Draft(to))
}

// Example composes a mail about an invented loan that is due tomorrow, to try out how mail is sent.
func (d Desk) Example() (mail.Message, error) {
	today := reminder.DateOf(d.Runner.Now(), d.Runner.Settings.Zone)
	due := today.AddDays(1)
	run := reminder.Run{Runner: d.Runner, Now: d.Runner.Now(), Today: today}
	c := reminder.Claim{Ref: "sample-" + rand.Text(), Attempts: 1, Kind: reminder.KindLoan}
	return run.Compose(c, reminder.Draft{Data: reminder.Letter{Today: today, Items: []reminder.Item{{
		Title: "Contoh Buku / Sample Book", ItemCode: "000", Due: due, ReturnBy: due, Days: -1,
	}}}})
}
