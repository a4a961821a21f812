package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) explainCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     p.say("explain.explain_loan_name"),
		Aliases: []string{"jelaskan"},
		Short:   p.say("explain.short"),
		Long:    p.say("explain.long"),
		Example: "  pengingat explain PJM-00123\n  pengingat explain \"Aisyah Putri\"",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			all, closed, err := newDesk(app).Explain(ctx, strings.Join(args, " "))
			if err != nil {
				return err
			}
			if len(closed) > 0 {
				if err := p.explainClosed(closed, app.Runner.Settings); err != nil || p.asJSON || len(all) == 0 {
					return err
				}
				fmt.Fprintln(p.out)
			}
			if p.asJSON {
				return p.printJSON(all)
			}
			for i, x := range all {
				if i > 0 {
					fmt.Fprintln(p.out)
				}
				p.printExplanation(x, app.Runner.Settings)
			}
			return nil
		}),
	})
}

// explainClosed tells what was on record about a loan that is not open any more.
func (p *program) explainClosed(past []mysql.PastNotice, s reminder.Settings) error {
	if p.asJSON {
		return p.printJSON([]desk.Explanation{{Loan: reminder.Loan{ID: past[0].Loan},
			Hinders: []reminder.Verdict{"not_open"}, Past: past}})
	}
	p.print("explain.not_open")
	p.printPast(past, "", s)
	return nil
}

func (p *program) printExplanation(x desk.Explanation, s reminder.Settings) {
	l := x.Loan
	fmt.Fprintln(p.out, wrap(p.whom(l.Borrower), 0))
	fmt.Fprintln(p.out, wrap(p.book(l), 0))
	odd := l.Odd(x.Today)
	if odd != "due_at" && !l.Due.IsZero() {
		fmt.Fprintln(p.out, wrap(p.say("explain.today", "Today", letter.Day(x.Today, p.locale), "StepText",
			p.stepText(x.Offset)), 0))
	}
	// rule tells of one rule: what is so when it lets a mail pass, and when it does not.
	rule := func(against []reminder.Verdict, v reminder.Verdict, passes, hinders string) {
		mark, text := "ok", passes
		if slices.Contains(against, v) {
			text = hinders
			if v != reminder.VerdictTold { // which is what should be
				mark = "x"
			}
		}
		if text != "" {
			fmt.Fprintf(p.out, "  %-2s  %s\n", mark, wrap(text, 6))
		}
	}
	if odd != "" {
		rule(x.Hinders, reminder.VerdictOdd, "", p.say("explain.odd_column", "Odd", odd))
		p.print("explain.no_mail_until_mended")
		p.printPast(x.Past, l.Borrower.ID, s)
		return
	}
	late := x.Today.Sub(l.Due)
	rule(x.Hinders, reminder.VerdictTooOld, p.say("explain.not_too_old", "N", s.MaxOverdueDays),
		p.say("explain.too_old", "N", late, "MaxOverdueDays", s.MaxOverdueDays))
	rule(x.Hinders, reminder.VerdictOnHold, "", p.say("explain.on_hold")+l.Hold)
	rule(x.Hinders, reminder.VerdictOptedOut, p.say("explain.borrower_wants_reminders"),
		p.say("explain.opted_out"))
	rule(x.Hinders, reminder.VerdictUnreachable, p.say("explain.e_mail_address")+desk.Plain(l.Borrower.Email),
		p.say("explain.no_address")+
			cmp.Or(desk.Plain(l.Borrower.Email), p.say("explain.address_empty")))
	rule(x.Hinders, reminder.VerdictBadAddress, "", p.say("explain.bad_address"))
	rule(x.Hinders, reminder.VerdictWithheld, "", p.say("explain.withheld"))
	come := p.say("explain.step_in_force", "StepText", p.stepText(x.Step), "Schedule", s.Schedule)
	if !x.Eve.IsZero() {
		come = p.say("explain.last_open_day_has_come", "Eve", letter.Day(x.Eve, p.locale), "N", s.BeforeClosure)
	}
	rule(x.Hinders, reminder.VerdictNotYet, come,
		p.say("explain.not_yet", "Schedule", s.Schedule))
	rule(x.Hinders, reminder.VerdictTold, "", p.told(x, s))
	rule(x.Later, desk.VerdictOutsideWindow, "", p.say("explain.outside_window", "Window", s.Window))
	written := reminder.DateOf(x.Written, s.Zone)
	rule(x.Later, reminder.VerdictTooSoon, "", p.say("explain.written_to_too_soon", "N", s.MinDays,
		"Written", letter.Day(written, p.locale), "Next", letter.Day(written.AddDays(s.MinDays), p.locale)))
	rule(x.Later, desk.VerdictClosedDay, "", p.say("explain.library_closed_today"))
	rule(x.Later, desk.VerdictPaused, "", p.say("explain.sending_paused_now"))
	next := ""
	if !x.Next.IsZero() {
		next = p.say("explain.next_one_on", "Next", letter.Day(x.Next, p.locale))
	}
	switch {
	case len(x.Hinders) > 0:
		fmt.Fprintln(p.out, wrap(p.say("explain.no_new_mail")+next, 3))
	case len(x.Later) > 0:
		p.print("explain.mail_waits")
	default:
		p.print("explain.will_be_sent")
	}
	p.printPast(x.Past, x.Loan.Borrower.ID, s)
	if c := x.Contact; c != nil {
		fmt.Fprintf(p.out, "   %s  %s\n", c.At.In(s.Zone).Format(desk.TimeFormat), p.say("page.late.way_"+c.Way))
	}
}

// told says when the reminder for the step in force was sent, or how it stands.
func (p *program) told(x desk.Explanation, s reminder.Settings) string {
	for _, n := range slices.Backward(x.Past) {
		if n.Kind != reminder.KindLoan || n.Due != x.Loan.Due || n.Step < x.Step {
			continue
		}
		if n.State == reminder.StateSent && n.Dropped == "" {
			return p.say("explain.step_sent",
				"StepText", p.stepText(n.Step), "Sent", n.Sent.In(s.Zone).Format(desk.TimeFormat))
		}
		return p.say("explain.step_on_record",
			"StepText", p.stepText(n.Step), "State", p.state(n.State))
	}
	return p.say("explain.step_on_record_somewhere")
}

// stepText names a step, or a day, by its distance to the due date.
func (p *program) stepText(days int) string {
	switch {
	case days == 0:
		return p.say("explain.on_due_date")
	case days == -1:
		return p.say("explain.one_day_before")
	case days == 1:
		return p.say("explain.one_day_after")
	case days < 0:
		return p.say("explain.days_before", "N", -days)
	}
	return p.say("explain.days_after", "N", days)
}

// printPast lists what is on record about a loan. What went to another borrower than the one who has it now is marked.
func (p *program) printPast(past []mysql.PastNotice, borrower string, s reminder.Settings) {
	for _, n := range past {
		when := n.Promised
		if !n.Sent.IsZero() {
			when = n.Sent
		}
		what := p.state(n.State)
		if n.Kind == reminder.KindGuardian {
			what += p.say("explain.to_guardian")
		} else if borrower != "" && n.Borrower != "" && n.Borrower != borrower {
			what += p.say("explain.another_borrower", "Plain", desk.Plain(n.Borrower))
		}
		if why := p.reason(cmp.Or(n.Dropped, n.Reason)); why != "" {
			what += "; " + why
		}
		fmt.Fprintf(p.out, "   %s  %s\n", when.In(s.Zone).Format(desk.TimeFormat),
			wrap(p.say("explain.text", "StepText", p.stepText(n.Step), "Due", n.Due, "What", what), 21))
	}
}
