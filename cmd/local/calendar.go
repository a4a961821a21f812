package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) closedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "closed",
		Aliases: []string{"libur"},
		Short:   p.say("closed.short"),
	}
	cmd.AddCommand(&cobra.Command{
		Use:     p.say("closed.add_date_name"),
		Short:   p.say("closed.add_closed_days"),
		Long:    p.say("closed.add_long"),
		Example: "  pengingat closed add 25 Desember 2026 Natal\n  pengingat closed add 2026-12-21..2027-01-02 \"Libur semester\"",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, name, err := p.closure(args)
			if err != nil {
				return err
			}
			c.Name = clip(strings.Join(name, " "), maxClosureName)
			if err := app.Store.AddClosure(ctx, c); err != nil {
				return err
			}
			p.print("closed.closed", "Days", p.days(c))
			return nil
		}),
	}, p.closedImportCommand(), p.closedListCommand(), &cobra.Command{
		Use:     p.say("closed.remove_date"),
		Short:   p.say("closed.remove_closed_days"),
		Example: "  pengingat closed remove 2026-12-25",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, rest, err := p.closure(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return p.usage("closed.name_date_alone")
			}
			found, err := app.Store.RemoveClosure(ctx, c)
			switch {
			case err != nil:
				return err
			case !found:
				return desk.Absent("closed.no_such_closure", "Args", strings.Join(args, " "))
			}
			p.print("closed.closure_removed", "Days", p.days(c))
			return nil
		}),
	})
	return cmd
}

// closure reads a day or a range of days, and returns what stands behind it.
func (p *program) closure(args []string) (c mysql.Closure, rest []string, err error) {
	words := strings.Fields(strings.Join(args, " "))
	s, rest, ok := leadingSpan(words)
	if !ok {
		return c, nil, p.usage("closed.no_date_typed", "Words", strings.Join(words, " "))
	}
	return mysql.Closure{First: s.first, Last: s.last}, rest, nil
}

// days are those of a closure, in words.
func (p *program) days(c mysql.Closure) string {
	if c.First == c.Last {
		return c.First.String()
	}
	return p.say("closed.text", "First", c.First, "Last", c.Last)
}

func (p *program) closedListCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   p.say("closed.list_closed_days"),
		Example: "  pengingat closed list",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := app.Store.Closures(ctx)
			switch {
			case err != nil:
				return err
			case p.asJSON:
				return p.printJSON(list)
			case len(list) == 0:
				p.print("closed.no_dates")
			}
			for _, c := range list {
				fmt.Fprintln(p.out, wrap(fmt.Sprintf("%s..%s %s", c.First, c.Last, desk.Plain(c.Name)), 23))
			}
			if days := app.Runner.Settings.ClosedWeekdays; len(days) > 0 {
				p.print("closed.every_week", "WeekdayNames", letter.Weekdays(days, p.locale))
			}
			return nil
		}),
	})
}

func (p *program) optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "optout",
		Short: p.say("closed.optout_short"),
	}
	add := func(ctx context.Context, app *setup.App, id, whom string) error {
		err := app.Store.AddOptOut(ctx, id, app.Runner.Now())
		if err == nil {
			p.print("closed.opted_out", "Whom", whom)
		}
		return err
	}
	remove := func(ctx context.Context, app *setup.App, id, whom string) error {
		switch found, err := app.Store.RemoveOptOut(ctx, id); {
		case err != nil:
			return err
		case !found:
			return desk.Absent("closed.not_opted_out", "Whom", whom)
		}
		p.print("closed.reminded_again", "Whom", whom)
		return nil
	}
	cmd.AddCommand(p.optOutChange(add, &cobra.Command{
		Use:     p.say("closed.add_borrower"),
		Short:   p.say("closed.optout_add"),
		Example: "  pengingat optout add 1234\n  pengingat optout add --guardian ibu@example.org",
	}), p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   p.say("closed.list_them"),
		Example: "  pengingat optout list",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			out, err := app.Store.OptedOut(ctx)
			if err != nil {
				return err
			}
			ids := slices.Sorted(maps.Keys(out))
			of, err := app.Store.LoansOf(ctx, ids)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(ids, reminder.IsGuardianID) {
				err = app.Store.EachLoan(ctx, func(l reminder.Loan, _ bool) {
					if theirs, ok := l.ForGuardian(); ok && out[theirs.Borrower.ID] {
						of[theirs.Borrower.ID] = l
					}
				})
			}
			if err != nil {
				return err
			}
			byMail, err := app.Store.OptOuts(ctx, time.Unix(0, 0))
			if err != nil {
				return err
			}
			list := []reminder.Borrower{}
			for _, id := range ids {
				var b reminder.Borrower
				if !reminder.IsGuardianID(id) { // of whom only the children have names
					b = of[id].Borrower
				}
				b.ID = id
				list = append(list, b)
			}
			if p.asJSON {
				return p.printJSON(list)
			}
			for _, b := range list {
				switch child, has := of[b.ID]; {
				case has && reminder.IsGuardianID(b.ID):
					p.print("closed.guardian_of", "Whom", p.whom(child.Borrower))
				case has:
					fmt.Fprintln(p.out, p.whom(b))
				default:
					p.print("closed.optout_without_loan", "ID", b.ID)
				}
				for _, o := range byMail {
					if o.Borrower == b.ID {
						fmt.Fprintln(p.out, wrap("   "+p.say("closed.by_"+o.How,
							"Day", letter.Day(reminder.DateOf(o.At, app.Runner.Settings.Zone), p.locale)), 3))
					}
				}
			}
			if len(list) == 0 {
				p.print("closed.none")
			}
			return nil
		}),
	}), p.optOutChange(remove, &cobra.Command{
		Use:     p.say("closed.remove_borrower"),
		Short:   p.say("closed.optout_remove"),
		Example: "  pengingat optout remove 1234",
	}))
	return cmd
}

// optOutChange completes a command that changes the opt-out of one borrower or, by the address, of a guardian.
func (p *program) optOutChange(change func(ctx context.Context, app *setup.App, id, whom string) error,
	cmd *cobra.Command) *cobra.Command {
	guardian := false
	cmd.Args = p.args(1, -1)
	cmd.RunE = p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
		id, whom, err := p.person(ctx, app, strings.Join(args, " "), guardian)
		if err != nil {
			return err
		}
		return change(ctx, app, id, whom)
	})
	cmd.Flags().BoolVar(&guardian, "guardian", false, p.say("closed.guardian_flag"))
	return cmd
}
