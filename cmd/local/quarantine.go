package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) quarantineCommand() *cobra.Command {
	var before string
	var yes, undo bool
	cmd := &cobra.Command{
		Use:     p.say("quarantine.usage_line"),
		Short:   p.say("quarantine.short"),
		Long:    p.say("quarantine.long"),
		Example: "  pengingat quarantine --before 2026-11-24\n  pengingat quarantine --undo",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			switch {
			case undo == (before != ""):
				return p.usage("quarantine.before_or_undo")
			case undo:
				return p.release(ctx, app)
			}
			date, err := reminder.ParseDate(before)
			if err != nil {
				return p.usage("quarantine.bad_date", "Before", before)
			}
			if today := reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone); date.After(today) {
				return p.usage("quarantine.date_to_come", "Date", date, "Today", today)
			}
			asked, agreed := false, yes
			done, err := newDesk(app).Quarantine(ctx, date, func(q desk.Silenced) bool {
				p.print("quarantine.asked",
					"N", q.Loans, "Borrowers", q.Borrowers, "Before", q.Before, "Canceled", q.Canceled)
				if !yes {
					agreed, asked = p.agrees()
				}
				return agreed
			})
			switch {
			case err != nil:
				return err
			case !agreed && !asked:
				return p.usage("quarantine.not_agreed")
			case !agreed:
				p.print("quarantine.nothing_was_changed")
				return nil
			}
			if done.Loans+done.Canceled+done.Unknown == 0 {
				p.print("quarantine.nothing")
				return nil
			}
			p.print("quarantine.done",
				"N", done.Loans, "Canceled", done.Canceled)
			if done.Unknown > 0 {
				p.print("quarantine.unknown", "N", done.Unknown)
			}
			p.print("quarantine.how_to_undo")
			return nil
		}),
	}
	cmd.Flags().StringVar(&before, "before", "", p.say("quarantine.before_flag"))
	cmd.Flags().BoolVar(&yes, "yes", false, p.say("quarantine.do_not_ask"))
	cmd.Flags().BoolVar(&undo, "undo", false, p.say("quarantine.take_it_back"))
	return cmd
}

// release takes quarantines back.
func (p *program) release(ctx context.Context, app *setup.App) error {
	if err := app.Store.Check(ctx); err != nil {
		return err
	}
	n, err := app.Store.Release(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		return p.usage("quarantine.there_no_quarantine")
	}
	p.print("quarantine.released", "N", n)
	return nil
}

// agrees asks a person whether to go on. Where there is nobody to ask, and where nothing is answered, it is no.
func (p *program) agrees() (agreed, asked bool) {
	if !p.machine.answers(p.in) {
		return false, false
	}
	fmt.Fprint(p.out, p.say("quarantine.go_on"))
	line, _ := bufio.NewReader(p.in).ReadString('\n')
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y"), true
}
