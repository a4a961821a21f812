package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   p.say("status.short"),
		Long:    p.say("status.long"),
		Example: "  pengingat status\n  pengingat status --json",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			st, notes, err := p.overview(ctx, app)
			if err != nil {
				return err
			}
			if p.asJSON {
				return p.printJSON(struct {
					desk.Overview
					Notes []note `json:"notes"`
				}{st, notes})
			}
			who, err := newDesk(app).Troubles(ctx, maxTroubles)
			if err != nil {
				return err
			}
			p.printStatus(st, notes, who, app.Runner.Settings)
			return nil
		}),
	}
	return p.jsonFlag(cmd)
}

// overview reads how everything stands, and what a person should know of it.
func (p *program) overview(ctx context.Context, app *setup.App) (desk.Overview, []note, error) {
	d := newDesk(app)
	st, err := d.Overview(ctx)
	if err != nil {
		return st, nil, err
	}
	list := []note{}
	for _, n := range d.Notes(st) {
		list = append(list, note{n.Code, p.text(n.What), p.text(n.Why), p.text(n.Mend)})
	}
	if fault := app.LogFault(); fault != nil {
		what, _ := p.trouble(fault)
		list = append(list, note{"log", what, p.say("status.log_why"),
			p.say("status.look_at", "File", app.Config.LogFile)})
	}
	return st, list, nil
}

// newDesk returns the desk of an app.
func newDesk(app *setup.App) desk.Desk { return desk.Desk{Runner: app.Runner, Store: app.Store} }

// A note tells a person what they would not find out by themselves.
type note struct {
	Code string `json:"code"`
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend,omitempty"`
}

// maxTroubles is how many mails that ended badly status names; failed has them all.
const maxTroubles = 5

func (p *program) printStatus(st desk.Overview, notes []note, who []desk.Trouble, s reminder.Settings) {
	for _, n := range notes {
		fmt.Fprintf(p.out, "! %s\n  %s\n  => %s\n\n", wrap(n.What, 2), wrap(n.Why, 2), wrap(n.Mend, 5))
	}
	for _, t := range who {
		p.print("status.id_word", "N", t.ID, "Whose", t.Whose(), "State", p.state(t.State))
	}
	if len(who) > 0 {
		fmt.Fprintln(p.out)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(what string, value any) { fmt.Fprintf(w, "%s\t%v\n", what, value) }
	row(p.say("status.waiting"), st.Emails[reminder.StateQueued]+st.Emails[reminder.StateClaimed]+
		st.Emails[reminder.StateHandover])
	if oldest, err := time.Parse(time.RFC3339, st.OldestWaiting); err == nil {
		row(p.say("status.oldest_since"), oldest.In(s.Zone).Format(desk.TimeFormat))
	}
	for _, state := range []reminder.State{reminder.StateSent, reminder.StateFailed, reminder.StateUnknown,
		reminder.StateRefused, reminder.StateBounced, reminder.StateCanceled, reminder.StateExpired} {
		word := p.state(state)
		row(strings.ToUpper(word[:1])+word[1:], st.Emails[state])
	}
	row(p.say("status.unreachable"),
		p.say("status.of", "Part", st.Contacts.Unreachable, "All", st.Contacts.Borrowers))
	switch from, to := st.Window.From.In(s.Zone), st.Window.To.In(s.Zone); {
	case st.Window.From.IsZero():
		row(p.say("status.window"), p.say("status.window_never"))
	case !st.Window.From.After(st.Next.StartedAt):
		row(p.say("status.window"), p.say("status.now_until", "To", to.Format("15:04")))
	default:
		row(p.say("status.window"), p.say("status.from_until", "From", from.Format(desk.TimeFormat), "To",
			to.Format("15:04")))
	}
	switch st.Next.Outcome {
	case reminder.RunHeld, reminder.RunPaused:
		row(p.say("status.next_run"), p.say("status.next_nothing"))
	default:
		row(p.say("status.next_run"), p.say("status.next_mails", "New", st.Next.Planned.Emails, "Waiting",
			st.Next.Emails.Waiting))
		if s.DailyLimit > 0 {
			row(p.say("status.at_most"), p.say("status.daily_limit", "Limit", s.DailyLimit))
		}
	}
	if len(st.Runs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\n", p.say("status.last_runs"), p.say("status.outcome"), p.say("status.sent"),
		p.say("status.reason"))
	for _, r := range st.Runs {
		outcome, sent := p.text(desk.OutcomeWord(r.Report.Outcome)), fmt.Sprint(r.Report.Emails.Sent)
		if r.FinishedAt.IsZero() { // it is at work, or died: how much it sent is not on record
			outcome, sent = p.say("status.not_finished"), "?"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.StartedAt.In(s.Zone).Format(desk.TimeFormat), outcome, sent,
			cmp.Or(clip(p.reason(r.Report.Reason), 34), "-"))
	}
}

// state names a state in the user's language.
func (p *program) state(s reminder.State) string {
	return p.text(desk.StateWord(s))
}

// reason says a recorded reason in the user's language, without what lies behind it.
func (p *program) reason(recorded string) string {
	said, _ := text.In(p.locale).Reason(recorded)
	return said
}

// clip cuts a text so that a table fits a terminal.
func clip(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
