package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (c *call) run(ctx context.Context) error {
	o := reminder.Options{Trigger: "local", DryRun: c.on("dry-run"), Approve: c.on("approve"), Now: c.on("now")}
	onlyTo := c.flag("only-to")
	if c.cmd.Flags().Changed("only-to") {
		if a, err := mail.ParseAddress(onlyTo); err != nil || !strings.EqualFold(a.Addr, onlyTo) {
			return c.usage("run.only_to_unusable", "OnlyTo", onlyTo)
		}
	}
	if len(c.envFiles) > 1 {
		return c.runEach(ctx, o, onlyTo)
	}
	return c.runOne(ctx, o, onlyTo)
}

// runOne performs a run of one library. If it needs a person, the event log of Windows says so too.
func (c *call) runOne(ctx context.Context, o reminder.Options, onlyTo string) (err error) {
	var failure string
	defer func() {
		if err != nil { // the run may not even have begun
			failure = text.In(c.locale).Error(err)
		}
		if failure != "" && !o.DryRun {
			if err := logEvent(failure); err != nil {
				fmt.Fprintln(c.errOut, err)
			}
		}
	}()
	if onlyTo != "" {
		c.environ["REMINDER_ONLY_TO"] = onlyTo
	}
	app, err := c.open()
	if err != nil {
		return err
	}
	defer app.Close()
	if err := app.Config.CheckSender(); err != nil && !o.DryRun {
		return err
	}
	m := c.meter("run.progress")
	app.Runner.Progress = m.set
	rep, err := app.Runner.Run(ctx, o)
	m.stop()
	c.code = exitCode(rep)
	switch {
	case c.on("json"):
		err = errors.Join(err, c.printJSON(rep))
	case err == nil:
		c.printReport(rep, app.Runner.Settings)
	}
	if rep.Outcome == reminder.RunStopped || rep.NeedsPerson() {
		failure = c.failure(rep, app.Runner.Settings)
	} else if fault := app.LogFault(); fault != nil {
		failure = text.In(c.locale).Error(fault)
	}
	return err
}

// runEach performs a run of each library, one after the other. An error in one is printed, and the next one runs.
func (c *call) runEach(ctx context.Context, o reminder.Options, onlyTo string) error {
	libraries, seen := []*call{}, map[string]string{}
	for _, file := range c.envFiles {
		lib := &call{cmd: c.cmd, program: &program{in: c.in, out: c.out, errOut: c.errOut, machine: c.machine, real: c.real}}
		lib.read(file)
		db := setup.Database(lib.environ)
		if other, ok := seen[db]; ok && lib.envErr == nil {
			return c.usage("run.same_database", "Other", other, "File", file)
		}
		seen[db], libraries = file, append(libraries, lib)
	}
	for i, lib := range libraries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !c.on("json") {
			fmt.Fprintf(c.out, "%s:\n", c.envFiles[i])
		}
		if err := lib.runOne(ctx, o, onlyTo); err != nil {
			fmt.Fprintf(c.errOut, "%s:\n", c.envFiles[i])
			lib.complain(err)
			lib.code = max(lib.code, errorCode(err))
		}
		c.code = max(c.code, lib.code)
	}
	return nil
}

// exitCode returns the exit code for a report.
func exitCode(r reminder.Report) int {
	switch {
	case r.Outcome == reminder.RunStopped && strings.HasPrefix(r.Reason, "auth: stop"): // the form of [mail.Error]
		return exitConfig
	case r.Outcome == reminder.RunStopped || r.Outcome == reminder.RunPartial:
		return exitRetry
	case r.NeedsPerson():
		return exitNeedsPerson
	}
	return exitDone
}

// failure returns what the event log says after a run that needs a person. It holds no address and no name.
func (p *program) failure(r reminder.Report, s reminder.Settings) string {
	text := p.say("run.event_log",
		"Outcome", p.outcome(r, s), "N", r.Emails.Failed+r.Emails.Refused, "Unknown", r.Emails.Unknown, "Waiting",
		r.Emails.Waiting)
	if r.Loans != nil && r.Loans.Odd > 0 {
		text += p.say("run.event_log_odd", "N", r.Loans.Odd)
	}
	return text
}

// printReport prints a report for a person: the outcome in words, then the counts that are not zero.
func (p *program) printReport(r reminder.Report, s reminder.Settings) {
	_, details := text.Plainly(r.Reason)
	p.item(r.Today.String()+"  ", p.outcome(r, s), 12)
	p.item("            ", p.labelled("run.details", details), 14)
	if r.Outcome == reminder.RunStopped {
		fmt.Fprintln(p.out, "            => pengingat doctor")
	}
	if r.DryRun {
		p.print("run.dry_run_note")
	}
	if r.Loans == nil {
		return // the run did not count loans
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(always bool, n int, key string) {
		if n != 0 || always {
			fmt.Fprintf(w, "\t%d\t  %s\n", n, p.say(key, "N", n))
		}
	}
	row(true, r.Loans.Open, "run.open_loans")
	row(true, r.Loans.InReach, "run.in_reach")
	row(false, r.Loans.Held, "run.held")
	row(false, r.Loans.TooSoon, "run.too_soon")
	row(false, r.Loans.TooOld, "run.too_old")
	row(false, r.Loans.Unreachable, "run.unreachable")
	row(false, r.Loans.Odd, "run.odd")
	if r.DryRun {
		row(true, r.Planned.Emails, "run.planned_dry_run")
	} else {
		row(true, r.Planned.Emails, "run.planned")
		row(true, r.Emails.Sent, "run.sent")
	}
	row(false, r.Emails.Refused, "run.refused")
	row(false, r.Emails.Failed, "run.failed")
	row(false, r.Emails.Canceled, "run.canceled")
	row(false, r.Emails.Expired, "run.expired")
	row(false, r.Emails.Unknown, "run.unknown")
	row(false, r.Emails.Bounced, "run.bounced")
	row(false, r.Emails.Withheld, "run.withheld")
	row(false, r.Emails.Waiting, "run.waiting")
	_ = w.Flush() // an error of printing is ignored everywhere
	if r.Emails.Refused+r.Emails.Failed+r.Emails.Unknown+r.Emails.Bounced > 0 {
		fmt.Fprintln(p.out, "            => pengingat failed")
	}
}

// outcome says in words how a run ended.
func (p *program) outcome(r reminder.Report, s reminder.Settings) string {
	switch r.Outcome {
	case reminder.RunHeld:
		switch r.Reason {
		case reminder.ReasonLooksRestored:
			return p.say("run.held_restored")
		case reminder.ReasonLooksCopied:
			return p.say("run.held_copied")
		}
		return p.say("run.held_too_many",
			"N", r.Planned.Emails, "MaxPerRun", s.MaxPerRun)
	case reminder.RunPaused:
		return p.say("run.paused", "Reason", p.reason(r.Reason))
	case reminder.RunClosed:
		if r.Reason == reminder.ReasonClosedDay {
			return p.say("run.closed_day")
		}
		return p.say("run.outside_window", "Window", s.Window)
	case reminder.RunStopped:
		return p.say("run.stopped", "Reason", p.reason(r.Reason))
	case reminder.RunPartial:
		return p.say("run.time_spent")
	}
	if r.Reason == reminder.ReasonDailyLimit {
		return p.say("run.daily_limit", "N", s.DailyLimit)
	}
	return p.say("run.done")
}
