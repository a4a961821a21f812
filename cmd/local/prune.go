package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) pruneCommand() *cobra.Command {
	var olderThan string
	var dryRun bool
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:     "prune",
		Short:   p.say("prune.remove_old_records"),
		Long:    p.say("prune.long"),
		Example: "  pengingat prune --dry-run\n  pengingat prune --older-than 400d",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			days, ok := cmp.Or(app.Runner.Settings.KeepDays, reminder.KeepDays), true
			if cmd.Flags().Changed("older-than") {
				days, ok = setup.Days(olderThan)
			}
			if !ok {
				return p.usage("prune.bad_age", "OlderThan", olderThan, "N", reminder.KeptDays)
			}
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			m := p.meter("prune.removing_old_mails")
			done, err := app.Runner.Prune(ctx, app.Runner.Now(), days, dryRun,
				func(done reminder.Pruned) { m.set(done.Emails, 0) })
			m.stop()
			switch {
			case p.asJSON:
				return errors.Join(err, p.printJSON(done))
			case err != nil:
				return err
			case done == reminder.Pruned{Kept: done.Kept}:
				p.print("prune.nothing", "N", done.Kept)
			case dryRun:
				p.print("prune.would_remove", "N", done.Emails, "Notices", done.Notices, "Runs", done.Runs,
					"Kept", done.Kept)
			default:
				p.print("prune.removed", "N", done.Emails, "Notices", done.Notices, "Runs", done.Runs,
					"Kept", done.Kept)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&olderThan, "older-than", "", p.say("prune.age_in_days"))
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, p.say("prune.only_count"))
	return p.jsonFlag(cmd)
}
