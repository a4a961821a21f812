package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// minPruneDays keeps a typing error from removing what a report of this year is made of.
const minPruneDays = reminder.KeptDays

func (p *program) pruneCommand() *cobra.Command {
	var olderThan string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: p.say("Hapus catatan lama", "Remove old records"),
		Long: p.say(`Menghapus run dan surel yang selesai lebih lama dari --older-than, bersama pengingatnya.
Pengingat tentang pinjaman yang masih terbuka, atau yang masih mungkin diingatkan, tetap
disimpan: tanpa catatan itu surelnya akan dikirim lagi. Aman diulang dan dihentikan.`,
			`Removes runs, and mails that ended longer ago than --older-than, with their reminders. Reminders
about loans that are still open, or that might still be told about, stay: without that record
the mail would be sent again. It may be repeated and interrupted.`),
		Example: "  pengingat prune --dry-run\n  pengingat prune --older-than 400d",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			days, err := strconv.Atoi(strings.TrimSuffix(olderThan, "d"))
			if err != nil || days < minPruneDays {
				return p.usagef("--older-than %q bukan jumlah hari seperti 400d, paling sedikit %dd", "--older-than %q is no number of days such as 400d, at least %dd", olderThan, minPruneDays)
			}
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			s, now := app.Runner.Settings, app.Runner.Now()
			horizon := reminder.DateOf(now, s.Zone).AddDays(-max(days, s.MaxOverdueDays+1))
			m := p.meter("Menghapus surel lama", "Removing old mails")
			done, err := app.Store.Prune(ctx, now.AddDate(0, 0, -days), horizon, dryRun, func(done mysql.Pruned) { m.set(done.Emails, 0) })
			m.stop()
			switch {
			case p.asJSON:
				return errors.Join(err, p.printJSON(done))
			case err != nil:
				return err
			case done == mysql.Pruned{Kept: done.Kept}:
				p.printf("Tidak ada yang perlu dihapus. Tetap disimpan: %d surel lama yang pinjamannya masih bisa diingatkan.",
					"There is nothing to remove. Kept: %d old mails whose loans might still be told about.", done.Kept)
			case dryRun:
				p.printf("Akan dihapus: %d surel dengan %d pengingat, %d run. Tetap disimpan: %d surel lama yang pinjamannya masih bisa diingatkan.",
					"Would remove %d mails with %d reminders, %d runs. Would keep %d old mails whose loans might still be told about.", done.Emails, done.Notices, done.Runs, done.Kept)
			default:
				p.printf("Dihapus: %d surel dengan %d pengingat, %d run. Tetap disimpan: %d surel lama yang pinjamannya masih bisa diingatkan.",
					"Removed %d mails with %d reminders, %d runs. Kept %d old mails whose loans might still be told about.", done.Emails, done.Notices, done.Runs, done.Kept)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&olderThan, "older-than", "400d", p.say("`umur` dalam hari", "`age` in days"))
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, p.say("hanya hitung", "only count"))
	return p.jsonFlag(cmd)
}
