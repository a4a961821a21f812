package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) quarantineCommand() *cobra.Command {
	var before string
	cmd := &cobra.Command{
		Use:   p.say("quarantine --before TANGGAL", "quarantine --before DATE"),
		Short: p.say("Setelah memulihkan cadangan: jangan ulangi yang sudah dikirim", "After restoring a backup: do not repeat what was sent"),
		Long: p.say(`Sebuah cadangan tidak ingat apa yang dikirim sesudahnya. Perintah ini menandai semua pengingat yang jatuh
waktunya sebelum TANGGAL sebagai dilewati, dan membatalkan surel yang masih menunggu. Pengingat berikutnya
berjalan seperti biasa.`,
			`A backup does not remember what was sent after it was taken. This marks all reminders that were due before
DATE as skipped, and cancels the mails that wait. Later reminders go on as usual.`),
		Example: "  pengingat quarantine --before 2026-11-24",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			date, err := reminder.ParseDate(before)
			if err != nil {
				return p.usagef("--before %q bukan tanggal seperti 2026-11-24", "--before %q is not a date such as 2026-11-24", before)
			}
			skipped, canceled, err := app.Runner.Quarantine(ctx, date)
			if err != nil {
				return err
			}
			p.printf("%d pengingat dilewati, %d surel yang menunggu dibatalkan.", "%d reminders skipped, %d waiting mails canceled.",
				skipped.Notices, canceled)
			return nil
		}),
	}
	cmd.Flags().StringVar(&before, "before", "", p.say("tanggal, biasanya hari ini", "date, most often today"))
	return cmd
}
