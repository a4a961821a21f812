package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

func (c *call) explain(ctx context.Context) error {
	open, closed, err := c.Explain(ctx, c.joined())
	switch {
	case err != nil:
		return err
	case c.on("json") && len(closed) > 0:
		return c.printJSON([]desk.Explanation{{Loan: reminder.Loan{ID: closed[0].Loan},
			Hinders: []reminder.Verdict{"not_open"}, Past: closed}})
	case c.on("json"):
		return c.printJSON(open)
	}
	if len(closed) > 0 {
		c.print("explain.not_open")
		c.printPast(closed, "")
	}
	for i, x := range open {
		if i > 0 || len(closed) > 0 {
			fmt.Fprintln(c.out)
		}
		c.printExplanation(x)
	}
	return nil
}

func (c *call) printExplanation(x desk.Explanation) {
	l, s := x.Loan, c.Runner.Settings
	fmt.Fprintln(c.out, wrap(c.whom(l.Borrower), 0))
	fmt.Fprintln(c.out, wrap(c.book(l), 0))
	odd := l.Odd(x.Today)
	if odd != "due_at" && !l.Due.IsZero() {
		fmt.Fprintln(c.out, wrap(c.say("explain.today", "Today", letter.Day(x.Today, c.locale), "StepText",
			c.stepText(x.Offset)), 0))
	}
	// rule prints one rule: the text passes if it allows a mail, hinders if it does not.
	rule := func(against []reminder.Verdict, v reminder.Verdict, passes, hinders string) {
		mark, text := "ok", passes
		if slices.Contains(against, v) {
			text = hinders
			if v != reminder.VerdictTold { // a reminder that was sent is no problem
				mark = "x"
			}
		}
		if text != "" {
			fmt.Fprintf(c.out, "  %-2s  %s\n", mark, wrap(text, 6))
		}
	}
	if odd != "" {
		rule(x.Hinders, reminder.VerdictOdd, "", c.say("explain.odd_column", "Odd", odd))
		c.print("explain.odd_consequence")
		c.printPast(x.Past, l.Borrower.ID)
		return
	}
	late := x.Today.Sub(l.Due)
	rule(x.Hinders, reminder.VerdictTooOld, c.say("explain.not_too_old", "N", s.MaxOverdueDays),
		c.say("explain.too_old", "N", late, "MaxOverdueDays", s.MaxOverdueDays))
	rule(x.Hinders, reminder.VerdictOnHold, "", c.say("explain.on_hold")+l.Hold)
	rule(x.Hinders, reminder.VerdictOptedOut, c.say("explain.wants_reminders"),
		c.say("explain.opted_out"))
	rule(x.Hinders, reminder.VerdictUnreachable, c.say("explain.address")+desk.Plain(l.Borrower.Email),
		c.say("explain.no_address")+
			cmp.Or(desk.Plain(l.Borrower.Email), c.say("explain.address_empty")))
	rule(x.Hinders, reminder.VerdictBadAddress, "", c.say("explain.bad_address"))
	rule(x.Hinders, reminder.VerdictWithheld, "", c.say("explain.withheld"))
	come := c.say("explain.step_in_force", "StepText", c.stepText(x.Step), "Schedule", s.Schedule)
	if !x.Eve.IsZero() {
		come = c.say("explain.eve_in_force", "Eve", letter.Day(x.Eve, c.locale), "N", s.BeforeClosure)
	}
	rule(x.Hinders, reminder.VerdictNotYet, come,
		c.say("explain.not_yet", "Schedule", s.Schedule))
	rule(x.Hinders, reminder.VerdictTold, "", c.told(x, s))
	rule(x.Later, desk.VerdictOutsideWindow, "", c.say("explain.outside_window", "Window", s.Window))
	written := reminder.DateOf(x.Written, s.Zone)
	rule(x.Later, reminder.VerdictTooSoon, "", c.say("explain.too_soon", "N", s.MinDays,
		"Written", letter.Day(written, c.locale), "Next", letter.Day(written.AddDays(s.MinDays), c.locale)))
	rule(x.Later, desk.VerdictClosedDay, "", c.say("explain.closed_day"))
	rule(x.Later, desk.VerdictPaused, "", c.say("explain.paused"))
	next := ""
	if !x.Next.IsZero() {
		next = c.say("explain.next", "Next", letter.Day(x.Next, c.locale))
	}
	switch {
	case len(x.Hinders) > 0:
		fmt.Fprintln(c.out, wrap(c.say("explain.no_new_mail")+next, 3))
	case len(x.Later) > 0:
		c.print("explain.mail_waits")
	default:
		c.print("explain.will_be_sent")
	}
	c.printPast(x.Past, x.Loan.Borrower.ID)
	if told := x.Contact; told != nil {
		fmt.Fprintf(c.out, "   %s  %s\n", told.At.In(s.Zone).Format(desk.TimeFormat), c.say("page.late.way_"+told.Way))
	}
}

// told says when the reminder for the step in force was sent, or its state.
func (p *program) told(x desk.Explanation, s reminder.Settings) string {
	for _, n := range slices.Backward(x.Past) {
		if n.Kind != reminder.KindLoan || n.Due != x.Loan.Due || n.Step < x.Step {
			continue
		}
		if n.State == reminder.StateSent && n.Dropped == "" {
			return p.say("explain.step_sent",
				"StepText", p.stepText(n.Step), "Sent", n.Sent.In(s.Zone).Format(desk.TimeFormat))
		}
		return p.say("explain.on_record_as",
			"StepText", p.stepText(n.Step), "State", p.state(n.State))
	}
	return p.say("explain.on_record")
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

// printPast lists the recorded reminders about a loan. It marks those that went to another borrower than the present
// one.
func (c *call) printPast(past []deskdb.PastNotice, borrower string) {
	zone := c.Runner.Settings.Zone
	for _, n := range past {
		when := n.Promised
		if !n.Sent.IsZero() {
			when = n.Sent
		}
		what := c.state(n.State)
		if n.Kind == reminder.KindGuardian {
			what += c.say("explain.to_guardian")
		} else if borrower != "" && n.Borrower != "" && n.Borrower != borrower {
			what += c.say("explain.another_borrower", "Plain", desk.Plain(n.Borrower))
		}
		if why := c.reason(cmp.Or(n.Dropped, n.Reason)); why != "" {
			what += "; " + why
		}
		fmt.Fprintf(c.out, "   %s  %s\n", when.In(zone).Format(desk.TimeFormat),
			wrap(c.say("explain.past", "StepText", c.stepText(n.Step), "Due", n.Due, "What", what), 21))
	}
}
