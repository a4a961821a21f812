package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) status(ctx context.Context) error {
	st, err := c.Overview(ctx)
	if err != nil {
		return err
	}
	notes := page.Notes(c.app, c.locale, st)
	if c.on("json") {
		return c.printJSON(struct {
			desk.Overview
			Notes []page.Note `json:"notes"`
		}{st, notes})
	}
	who, err := c.Troubles(ctx, maxTroubles)
	if err != nil {
		return err
	}
	c.printStatus(st, notes, who)
	return nil
}

// newDesk returns the desk of an app.
func newDesk(app *setup.App) desk.Desk { return desk.New(app.Runner, app.Store) }

// maxTroubles bounds the mails that ended badly in status; failed lists all.
const maxTroubles = 5

func (c *call) printStatus(st desk.Overview, notes []page.Note, who []desk.Trouble) {
	s := c.Runner.Settings
	for _, n := range notes {
		fmt.Fprintf(c.out, "! %s\n  %s\n  => %s\n\n", wrap(n.What, 2), wrap(n.Why, 2), wrap(n.Mend, 5))
	}
	for _, t := range who {
		c.print("status.trouble", "N", t.ID, "Whose", t.Whose(), "State", c.state(t.State))
	}
	if len(who) > 0 {
		fmt.Fprintln(c.out)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(what string, value any) { fmt.Fprintf(w, "%s\t%v\n", what, value) }
	row(c.say("status.waiting"), st.Emails[reminder.StateQueued]+st.Emails[reminder.StateClaimed]+
		st.Emails[reminder.StateHandover])
	if oldest, err := time.Parse(time.RFC3339, st.OldestWaiting); err == nil {
		row(c.say("status.oldest_since"), oldest.In(s.Zone).Format(desk.TimeFormat))
	}
	for _, state := range []reminder.State{reminder.StateSent, reminder.StateFailed, reminder.StateUnknown,
		reminder.StateRefused, reminder.StateBounced, reminder.StateCanceled, reminder.StateExpired} {
		word := c.state(state)
		row(strings.ToUpper(word[:1])+word[1:], st.Emails[state])
	}
	row(c.say("status.unreachable"),
		c.say("status.of", "Part", st.Contacts.Unreachable, "All", st.Contacts.Borrowers))
	switch from, to := st.Window.From.In(s.Zone), st.Window.To.In(s.Zone); {
	case st.Window.From.IsZero():
		row(c.say("status.window"), c.say("status.window_never"))
	case !st.Window.From.After(st.Next.StartedAt):
		row(c.say("status.window"), c.say("status.now_until", "To", to.Format("15:04")))
	default:
		row(c.say("status.window"), c.say("status.from_until", "From", from.Format(desk.TimeFormat), "To",
			to.Format("15:04")))
	}
	switch st.Next.Outcome {
	case reminder.RunHeld, reminder.RunPaused:
		row(c.say("status.next_run"), c.say("status.next_nothing"))
	default:
		row(c.say("status.next_run"), c.say("status.next_mails", "New", st.Next.Planned.Emails, "Waiting",
			st.Next.Emails.Waiting))
		if s.DailyLimit > 0 {
			row(c.say("status.at_most"), c.say("status.daily_limit", "Limit", s.DailyLimit))
		}
	}
	if len(st.Runs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\n", c.say("status.last_runs"), c.say("status.outcome"), c.say("status.sent"),
		c.say("status.reason"))
	for _, r := range st.Runs {
		outcome, sent := c.text(desk.OutcomeWord(r.Report.Outcome)), fmt.Sprint(r.Report.Emails.Sent)
		if r.FinishedAt.IsZero() { // the run is in progress, or died; what it sent is not recorded
			outcome, sent = c.say("status.not_finished"), "?"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.StartedAt.In(s.Zone).Format(desk.TimeFormat), outcome, sent,
			cmp.Or(desk.Clip(c.reason(r.Report.Reason), 34), "-"))
	}
}
