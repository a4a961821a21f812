package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) quarantineCommand() *cobra.Command {
	var before string
	var yes, undo bool
	cmd := &cobra.Command{
		Use:   p.say("quarantine --before TANGGAL|--undo", "quarantine --before DATE|--undo"),
		Short: p.say("Setelah memulihkan cadangan: jangan ulangi yang sudah dikirim", "After restoring a backup: do not repeat what was sent"),
		Long: p.say(`Sebuah cadangan tidak ingat apa yang dikirim sesudahnya. Perintah ini menandai semua pengingat yang jatuh
waktunya sebelum TANGGAL sebagai dilewati, dan membatalkan surel yang masih menunggu; surel yang mungkin sudah
terkirim tetap tercatat tidak pasti. Pengingat berikutnya berjalan seperti biasa.

Jumlahnya disebut dan Anda ditanya lebih dulu. '--undo' menariknya kembali.`,
			`A backup does not remember what was sent after it was taken. This marks all reminders that were due before
DATE as skipped, and cancels the mails that wait; a mail that may have been sent stays on record as unknown. Later
reminders go on as usual.

It says how many there are, and asks first. '--undo' takes it back.`),
		Example: "  pengingat quarantine --before 2026-11-24\n  pengingat quarantine --undo",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			switch {
			case undo == (before != ""):
				return p.usagef("Sebutkan --before TANGGAL, atau --undo.", "Say --before DATE, or --undo.")
			case undo:
				return p.release(ctx, app)
			}
			date, err := reminder.ParseDate(before)
			if err != nil {
				return p.usagef("--before %q bukan tanggal seperti 2026-11-24", "--before %q is not a date such as 2026-11-24", before)
			}
			if today := reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone); date.After(today) {
				return p.usagef("%s belum tiba: hari ini %s. Yang belum dikirim tidak perlu dilewati.",
					"%s is still to come: today is %s. What was not sent need not be skipped.", date, today)
			}
			asked, agreed := false, yes
			done, err := app.Runner.Quarantine(ctx, date, func(q reminder.Silenced) bool {
				p.printf("%d pinjaman milik %d peminjam tidak diingatkan untuk tahap sebelum %s; %d surel yang menunggu dibatalkan.",
					"%d loans of %d borrowers get no reminder for steps before %s; %d waiting mails are canceled.",
					q.Loans, q.Borrowers, q.Before, q.Canceled)
				if asked = !yes && p.machine.answers(p.in); asked {
					fmt.Fprint(p.out, p.say("Lanjutkan? (y/t) ", "Go on? (y/n) "))
					line, _ := bufio.NewReader(p.in).ReadString('\n') // no answer is no
					agreed = strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y")
				}
				return agreed
			})
			switch {
			case err != nil:
				return err
			case !agreed && !asked:
				return p.usagef("Tidak ada yang diubah. Tambahkan --yes bila itu yang dimaksud.", "Nothing was changed. Add --yes if that is meant.")
			case !agreed:
				p.printf("Tidak ada yang diubah.", "Nothing was changed.")
				return nil
			}
			if done.Loans+done.Canceled+done.Unknown == 0 {
				p.printf("Tidak ada yang perlu dilewati. Pengiriman berjalan seperti biasa.", "There was nothing to skip. Sending goes on as usual.")
				return nil
			}
			p.printf("%d pengingat dilewati, %d surel yang menunggu dibatalkan.", "%d reminders skipped, %d waiting mails canceled.",
				done.Loans, done.Canceled)
			if done.Unknown > 0 {
				p.printf("%d surel mungkin sudah terkirim, dan tidak dikirim lagi: 'pengingat failed' menunjukkannya.",
					"%d mails may have been sent, and are not sent again: 'pengingat failed' shows them.", done.Unknown)
			}
			p.printf("'pengingat quarantine --undo' menariknya kembali.", "'pengingat quarantine --undo' takes it back.")
			return nil
		}),
	}
	cmd.Flags().StringVar(&before, "before", "", p.say("`TANGGAL`, biasanya hari ini", "`DATE`, most often today"))
	cmd.Flags().BoolVar(&yes, "yes", false, p.say("jangan bertanya", "do not ask"))
	cmd.Flags().BoolVar(&undo, "undo", false, p.say("tarik kembali", "take it back"))
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
		return p.usagef("Tidak ada karantina.", "There is no quarantine.")
	}
	p.printf("Karantina dicabut: %d pengingat dikirim oleh run berikutnya bila masih perlu.",
		"The quarantine is taken back: the next run sends %d reminders where they are still due.", n)
	return nil
}
