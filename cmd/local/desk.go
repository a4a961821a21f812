package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (p *program) failedCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "failed",
		Aliases: []string{"gagal"},
		Short:   p.say("trouble.failed_short"),
		Example: "  pengingat failed\n  pengingat failed --json",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := p.troubled(ctx, app)
			switch {
			case err != nil:
				return err
			case p.asJSON:
				return p.printJSON(list)
			case len(list) == 0:
				p.print("trouble.none")
				return nil
			}
			for _, t := range list {
				fmt.Fprintf(p.out, "ID %-6d %s\n", t.ID, wrap(p.state(t.State)+": "+t.Whose, 10))
				for _, book := range t.Books {
					fmt.Fprintf(p.out, "          %s\n", wrap(book, 12))
				}
				fmt.Fprintf(p.out, "          %s\n", wrap(t.Why, 10))
				if t.Details != "" {
					fmt.Fprintf(p.out, "          %s\n", wrap(p.say("trouble.details")+t.Details, 12))
				}
			}
			p.print("trouble.failed_next")
			return nil
		}),
	})
}

// A trouble is a mail that ended badly, with the people and books that the desk knows.
type trouble struct {
	mysql.Listed
	Whose   string   `json:"whose"`
	Books   []string `json:"books"`
	Why     string   `json:"why"`
	Details string   `json:"details"` // what a machine said, or ""
}

// troubled lists the mails that ended badly, the newest first.
func (p *program) troubled(ctx context.Context, app *setup.App) ([]trouble, error) {
	list, err := newDesk(app).Troubles(ctx, math.MaxInt)
	all := []trouble{}
	for _, d := range list {
		t := trouble{Listed: d.Listed, Whose: p.text(d.Whose()), Books: []string{}}
		for _, loan := range d.Loans {
			t.Books = append(t.Books, p.book(loan))
		}
		for _, id := range d.Back {
			t.Books = append(t.Books, p.say("trouble.loan_back", "Id", id))
		}
		t.Why, t.Details = text.In(p.locale).Reason(d.Reason)
		all = append(all, t)
	}
	return all, err
}

func (p *program) retryCommand() *cobra.Command {
	all := map[reminder.State]*bool{}
	cmd := &cobra.Command{
		Use:     "retry ID...",
		Aliases: []string{"ulangi"},
		Short:   p.say("trouble.retry_short"),
		Long:    p.say("trouble.retry_long"),
		Example: "  pengingat retry 12 15\n  pengingat retry --refused",
		Args:    p.args(0, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			ids, err := p.ids(args)
			if err != nil {
				return err
			}
			var states []reminder.State
			for state, chosen := range all {
				if *chosen {
					states = append(states, state)
				}
			}
			switch {
			case len(ids) > 0 && len(states) == 0:
				states = desk.Bad
			case len(ids) > 0 || len(states) != 1:
				return p.usage("trouble.retry_usage")
			}
			n, err := newDesk(app).Retry(ctx, ids, states...)
			switch {
			case err != nil:
				return err
			case n == 0:
				p.print("trouble.there_nothing_queue")
			default:
				p.print("trouble.queued_again", "N", n)
			}
			return nil
		}),
	}
	flags := cmd.Flags()
	all[reminder.StateFailed] = flags.Bool("failed", false, p.say("trouble.all_that_failed"))
	all[reminder.StateRefused] = flags.Bool("refused", false, p.say("trouble.refused_flag"))
	all[reminder.StateUnknown] = flags.Bool("unknown", false, p.say("trouble.all_unknown_outcome"))
	all[reminder.StateBounced] = flags.Bool("bounced", false, p.say("trouble.bounced_flag"))
	return cmd
}

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID...",
		Aliases: []string{"batal"},
		Short:   p.say("trouble.cancel_short"),
		Example: "  pengingat cancel 12 15",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			ids, err := p.ids(args)
			if err != nil {
				return err
			}
			n, err := newDesk(app).Cancel(ctx, ids)
			if err == nil {
				p.print("trouble.mails_canceled", "N", n)
			}
			return err
		}),
	}
}

// ids reads ids of emails.
func (p *program) ids(args []string) ([]int64, error) {
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return nil, p.usage("trouble.not_an_id", "Arg", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (p *program) pauseCommand() *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use:     p.say("trouble.pause_reason"),
		Aliases: []string{"jeda"},
		Short:   p.say("trouble.pause_short"),
		Long:    p.say("trouble.pause_long"),
		Example: "  pengingat pause --until 2026-12-07 \"ujian akhir\"",
		Args:    p.args(0, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			pause := reminder.Pause{Kind: reminder.PauseByPerson, Reason: strings.Join(args, " ")}
			zone, now := app.Runner.Settings.Zone, app.Runner.Now()
			if until != "" {
				var err error
				if pause.Until, err = parseUntil(until, zone); err != nil {
					return p.usage("trouble.until_no_date", "Until", until)
				}
				if !pause.Until.After(now) || pause.Until.After(now.AddDate(1, 0, 0)) {
					return p.usage("trouble.until_out_of_range", "Until", until, "Now", now.In(zone).Format(desk.TimeFormat))
				}
			}
			if err := app.Store.SetPause(ctx, pause); err != nil {
				return err
			}
			if until == "" {
				p.print("trouble.paused")
			} else {
				p.print("trouble.paused_until",
					"Until", pause.Until.Format(desk.TimeFormat))
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&until, "until", "", p.say("trouble.until_flag"))
	return cmd
}

// parseUntil reads a day, which means its beginning, or a time of a day.
func parseUntil(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(desk.TimeFormat, text, zone); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, text, zone)
}

func (p *program) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume",
		Aliases: []string{"lanjut"},
		Short:   p.say("trouble.resume_short"),
		Example: "  pengingat resume",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			pauses, err := app.Store.Pauses(ctx)
			if err != nil {
				return err
			}
			if len(pauses) == 0 {
				p.print("trouble.no_pause")
				return nil
			}
			err = errors.Join(app.Store.LiftPause(ctx, true), app.Store.LiftPause(ctx, false))
			if err == nil {
				p.print("trouble.pause_over")
			}
			return err
		}),
	}
}
