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
			Decision: desk.Decision{Hinders: []reminder.Verdict{"not_open"}}, Past: closed}})
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
		switch {
		case slices.Contains(against, v):
			c.printRule(v, hinders)
		case passes != "":
			c.printRule(reminder.VerdictDue, passes)
		}
	}
	if odd != "" {
		rule(x.Hinders, reminder.VerdictOdd, "", c.say("explain.odd_column", "Odd", odd))
		c.print("explain.odd_consequence")
		if x.Guardian != nil {
			c.printGuardian(x)
		}
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
	rule(x.Hinders, reminder.VerdictTold, "", c.told(x.Decision, l.Cycle(), x.Past))
	rule(x.Later, desk.VerdictOutsideWindow, "", c.say("explain.outside_window", "Window", s.Window))
	rule(x.Later, reminder.VerdictTooSoon, "", c.tooSoon(x.Decision, ""))
	rule(x.Later, desk.VerdictClosedDay, "", c.say("explain.closed_day"))
	rule(x.Later, desk.VerdictPaused, "", c.say("explain.paused"))
	c.conclude(x.Decision, "explain.no_new_mail", "explain.mail_waits", "explain.will_be_sent")
	if x.Guardian != nil {
		c.printGuardian(x)
	}
	c.printPast(x.Past, x.Loan.Borrower.ID)
	if told := x.Contact; told != nil {
		fmt.Fprintf(c.out, "   %s  %s\n", told.At.In(s.Zone).Format(desk.TimeFormat), c.say("page.late.way_"+told.Way))
	}
}

// printGuardian tells why the guardian gets or does not get a mail. What keeps back every mail about the loan was told
// before.
func (c *call) printGuardian(x desk.Explanation) {
	g, s, who := x.Guardian, c.Runner.Settings, x.Loan.Borrower.Guardian
	fmt.Fprintln(c.out, wrap(c.say("explain.guardian", "Name", desk.Plain(who.Name),
		"Address", desk.Plain(who.Email)), 0))
	schedule := s.Schedule.From(s.GuardianFrom)
	for _, v := range g.Hinders {
		text := c.reason(string(v))
		switch v {
		case reminder.VerdictNotYet:
			text = c.say("explain.guardian_not_yet", "N", s.GuardianFrom, "Schedule", schedule)
		case reminder.VerdictTold:
			theirs, _ := x.Loan.ForGuardian()
			text = c.told(g.Decision, theirs.Cycle(), x.Past)
		}
		c.printRule(v, text)
	}
	if len(g.Hinders) == 0 {
		c.printRule(reminder.VerdictDue, c.say("explain.step_in_force", "StepText", c.stepText(g.Step), "Schedule", schedule))
	}
	if slices.Contains(g.Later, reminder.VerdictTooSoon) {
		c.printRule(reminder.VerdictTooSoon, c.tooSoon(g.Decision, "guardian_"))
	}
	c.conclude(g.Decision, "explain.guardian_no_mail", "explain.guardian_mail_waits", "explain.guardian_will_be_told")
}

// printRule tells what one rule says, and whether it lets a mail pass. Told already is what should be.
func (c *call) printRule(v reminder.Verdict, text string) {
	mark := "x"
	if v == reminder.VerdictDue || v == reminder.VerdictTold {
		mark = "ok"
	}
	fmt.Fprintf(c.out, "  %-2s  %s\n", mark, wrap(text, 6))
}

// conclude says whether there will be a mail, by one of three keys.
func (c *call) conclude(x desk.Decision, none, waits, sent string) {
	switch {
	case len(x.Hinders) > 0:
		next := ""
		if !x.Next.IsZero() {
			next = c.say("explain.next", "Next", letter.Day(x.Next, c.locale))
		}
		fmt.Fprintln(c.out, wrap(c.say(none)+next, 3))
	case len(x.Later) > 0:
		c.print(waits)
	default:
		c.print(sent)
	}
}

// tooSoon says when the next mail to a borrower ("") or a guardian ("guardian_") may be sent.
func (c *call) tooSoon(x desk.Decision, to string) string {
	days := c.Runner.Settings.MinDays
	written := reminder.DateOf(x.Written, c.Runner.Settings.Zone)
	return c.say("explain."+to+"too_soon", "N", days, "Written", letter.Day(written, c.locale),
		"Next", letter.Day(written.AddDays(days), c.locale))
}

// told says when the notice of the step in force was sent, or how it stands.
func (c *call) told(x desk.Decision, about reminder.Cycle, past []deskdb.PastNotice) string {
	for _, n := range slices.Backward(past) {
		if n.Cycle != about || n.Step < x.Step {
			continue
		}
		if n.State == reminder.StateSent && n.Dropped == "" {
			return c.say("explain.step_sent",
				"StepText", c.stepText(n.Step), "Sent", n.Sent.In(c.Runner.Settings.Zone).Format(desk.TimeFormat))
		}
		return c.say("explain.on_record_as", "StepText", c.stepText(n.Step), "State", c.state(n.State))
	}
	return c.say("explain.on_record")
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
