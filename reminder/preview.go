package reminder

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Queue shows what waits to be sent.
type Queue interface {
	// Waiting returns the queued emails without claiming them.
	Waiting(ctx context.Context) ([]Claim, error)
}

// Preview composes the mails that a run would send if it were today: the librarian's summary, those that wait and
// those it would promise. It calls each for every one. Nothing is written. Send window, closed days, limits and the
// brake are left out of account: they decide when, not what.
func (r *Runner) Preview(ctx context.Context, queue Queue, today Date, each func(mail.Message) error) error {
	if err := r.Store.Check(ctx); err != nil {
		return err
	}
	run := r.begins(r.Now(), Options{DryRun: true})
	run.Today, run.Report.Today = today, today
	var err error
	if run.Rules, err = r.Rules(ctx, today); err != nil {
		return err
	}
	claims, err := queue.Waiting(ctx)
	if err != nil {
		return err
	}
	planned, err := run.plan(ctx)
	if err != nil {
		return err
	}
	for i, e := range planned {
		claims = append(claims, Claim{Ref: fmt.Sprintf("preview-%d", i+1), Attempts: 1,
			Kind: e.Kind, Borrower: e.Borrower, Notices: e.Notices})
	}
	for i, to := range r.Settings.SummaryTo {
		s, err := run.summary(ctx)
		if err != nil {
			return err
		}
		s.Waiting += s.Planned // as in a run, which has promised them by then
		s.Sending = s.sending(r.Settings.DailyLimit)
		c := Claim{Ref: fmt.Sprintf("summary-%d", i+1), Kind: KindSummary, Attempts: 1}
		if err := run.show(c, Draft{To: to, Data: s}, each); err != nil {
			return err
		}
	}
	for _, c := range claims {
		m := r.mailing(c.Kind)
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
		if err := run.show(c, draft, each); err != nil {
			return err
		}
	}
	return nil
}

// show composes one mail.
func (r *Run) show(c Claim, draft Draft, each func(mail.Message) error) error {
	content, err := r.Composer.Compose(c.Kind, draft.Lang, draft.Data)
	if err != nil {
		return fmt.Errorf("compose: %w", err)
	}
	return each(r.Settings.message(c, draft, content, r.Now))
}

// A Silence is an open loan about which no mail is due, and why.
type Silence struct {
	Name, Group, Title string // data
	Due                Date
	Why                Verdict
}

// silentReach is how far from its due date a loan is asked about.
const silentReach = 366

// Silent asks the rules about the open loans due within a year, and returns up to most of those about which no mail is
// due and none waits, and how many more there are.
func (r *Runner) Silent(ctx context.Context, queue Queue, today Date, most int) (silent []Silence, more int, err error) {
	rules, err := r.Rules(ctx, today)
	if err != nil {
		return nil, 0, err
	}
	waiting, err := queue.Waiting(ctx)
	if err != nil {
		return nil, 0, err
	}
	why := map[string]Verdict{}
	err = r.scan(ctx, today.AddDays(-silentReach), today.AddDays(silentReach), func(loans []Loan, known map[Cycle]History) {
		for _, l := range loans {
			if _, verdict := rules.Judge(l, known[l.cycle()], today); verdict != VerdictDue {
				why[l.ID] = verdict
			}
		}
	})
	if err != nil {
		return nil, 0, err
	}
	for _, c := range waiting {
		for _, n := range c.Notices {
			delete(why, n.Loan)
		}
	}
	ids := slices.SortedFunc(maps.Keys(why), func(a, b string) int {
		return cmp.Or(cmp.Compare(why[a], why[b]), cmp.Compare(a, b))
	})
	shown := ids[:min(len(ids), most)]
	loans, err := rereadAll(ctx, r.Loans, shown)
	for _, l := range loans {
		silent = append(silent, Silence{l.Borrower.Name, l.Borrower.Group, l.Title, l.Due, why[l.ID]})
	}
	slices.SortFunc(silent, func(a, b Silence) int {
		return cmp.Or(cmp.Compare(a.Why, b.Why), cmp.Compare(a.Name, b.Name), a.Due.Compare(b.Due))
	})
	return silent, len(ids) - len(shown), err
}

// Sample composes the mail about one loan as if nothing had been told about it yet, and as if its first step had come.
// The message has no recipient when the borrower has no usable address. An unknown or held loan is a *Fault.
func (r *Runner) Sample(ctx context.Context, today Date, loan string) (mail.Message, error) {
	if err := r.Store.Check(ctx); err != nil {
		return mail.Message{}, err
	}
	rules, err := r.Rules(ctx, today)
	if err != nil {
		return mail.Message{}, err
	}
	loans, err := r.Loans.Reread(ctx, []string{loan})
	if err != nil {
		return mail.Message{}, err
	}
	if len(loans) == 0 {
		return mail.Message{}, NewFault(nil, "preview.there_no_open_loan_that")
	}
	step, ok := r.Settings.Schedule.InForce(rules.Calendar.Offset(loans[0].Due, today))
	if !ok {
		step = r.Settings.Schedule.First()
	}
	c := Claim{Ref: "sample-" + rand.Text(), Attempts: 1, Kind: KindLoan, Borrower: loans[0].Borrower.ID,
		Notices: []Notice{{Cycle: loans[0].cycle(), Step: step}}}
	letter, to, outcome := rules.Recheck(c, loans, today)
	if len(letter.Items) == 0 {
		return mail.Message{}, NewFault(nil, "preview.there_no_mail_for_that", "Why", Verdict(outcome.Reason))
	}
	content, err := r.Composer.Compose(KindLoan, letter.Lang, letter)
	if err != nil {
		return mail.Message{}, fmt.Errorf("compose: %w", err)
	}
	return r.Settings.message(c, letter.draft(to), content, r.Now()), nil
}

// Example composes a mail about an invented loan that is due tomorrow, to try out how mail is sent.
func (r *Runner) Example() (mail.Message, error) {
	now := r.Now()
	today := DateOf(now, r.Settings.Zone)
	due := today.AddDays(1)
	content, err := r.Composer.Compose(KindLoan, "", Letter{Today: today, Items: []Item{{
		Title: "Contoh Buku / Sample Book", ItemCode: "000", Due: due, ReturnBy: due, Days: -1,
	}}})
	if err != nil {
		return mail.Message{}, fmt.Errorf("compose: %w", err)
	}
	return r.Settings.message(Claim{Ref: "sample-" + rand.Text(), Attempts: 1}, Draft{}, content, now), nil
}
