package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) failedCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "failed",
		Short:   p.say("Daftar surel yang gagal, ditolak, atau tidak pasti", "List the mails that failed, were refused, or are unknown"),
		Example: "  pengingat failed\n  pengingat failed --json",
		Args:    cobra.NoArgs,
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := app.Store.List(ctx, reminder.Failed, reminder.Refused, reminder.Unknown)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list)
			}
			if len(list) == 0 {
				p.printf("Tidak ada.", "None.")
				return nil
			}
			for _, l := range list {
				whose := p.sayf("peminjam %s, pinjaman %s", "borrower %s, loans %s", l.Borrower, strings.Join(l.Loans, " "))
				if l.Borrower == "" {
					whose = p.say("ringkasan petugas", "the librarian's summary")
				}
				fmt.Fprintf(p.out, "ID %-6d %s\n", l.ID, wrap(p.state(l.State)+", "+whose, 10))
				fmt.Fprintf(p.out, "          %s\n", wrap(l.Reason, 10))
			}
			p.printf("Berikutnya: pengingat retry ID, atau pengingat cancel ID.", "Next: pengingat retry ID, or pengingat cancel ID.")
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, p.say("cetak sebagai JSON", "print as JSON"))
	return cmd
}

func (p *program) retryCommand() *cobra.Command {
	all := map[reminder.State]*bool{}
	cmd := &cobra.Command{
		Use:   "retry ID...",
		Short: p.say("Antrekan lagi surel yang gagal, ditolak, atau tidak pasti", "Queue mails again that failed, were refused, or are unknown"),
		Long: p.say(`Surel dikirim lagi pada 'run' berikutnya, dengan semua percobaannya. Alamat yang pernah ditolak dicoba lagi.
Surel yang tidak pasti mungkin sudah sampai: peminjam bisa menerimanya dua kali.`,
			`The mails are sent by the next 'run', with all their tries. An address that was refused is tried again.
A mail of unknown outcome may have arrived: its borrower may get it twice.`),
		Example: "  pengingat retry 12 15\n  pengingat retry --refused",
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
				states = []reminder.State{reminder.Failed, reminder.Refused, reminder.Unknown}
			case len(ids) > 0 || len(states) != 1:
				return p.usagef("sebutkan ID, atau salah satu dari --failed, --refused, --unknown",
					"name IDs, or one of --failed, --refused, --unknown")
			}
			n, err := app.Store.Retry(ctx, ids, states...)
			if err == nil {
				p.printf("%d surel diantrekan lagi.", "%d mails are queued again.", n)
			}
			return err
		}),
	}
	flags := cmd.Flags()
	all[reminder.Failed] = flags.Bool("failed", false, p.say("semua yang gagal", "all that failed"))
	all[reminder.Refused] = flags.Bool("refused", false, p.say("semua yang ditolak", "all that were refused"))
	all[reminder.Unknown] = flags.Bool("unknown", false, p.say("semua yang tidak pasti", "all of unknown outcome"))
	return cmd
}

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID...",
		Short:   p.say("Batalkan surel yang menunggu, gagal, atau tidak pasti", "Cancel mails that wait, failed, or are unknown"),
		Example: "  pengingat cancel 12 15",
		Args:    cobra.MinimumNArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			ids, err := p.ids(args)
			if err != nil {
				return err
			}
			n, err := app.Store.Cancel(ctx, ids)
			if err == nil {
				p.printf("%d surel dibatalkan.", "%d mails are canceled.", n)
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
			return nil, p.usagef("%q bukan ID surel; lihat 'pengingat failed'", "%q is not a mail's ID; see 'pengingat failed'", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (p *program) pauseCommand() *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use:   "pause [ALASAN]",
		Short: p.say("Hentikan pengiriman untuk sementara", "Stop sending for a while"),
		Long: p.say(`Tidak ada yang direncanakan atau dikirim sampai waktu yang disebut, atau sampai 'pengingat resume'.
Sesudahnya setiap peminjam mendapat paling banyak satu surel: pengingat yang terbaru.`,
			`Nothing is planned or sent until the time given, or until 'pengingat resume'. After it each borrower gets one
mail at most: the newest reminder.`),
		Example: "  pengingat pause --until 2026-12-07 \"ujian akhir\"",
		Args:    cobra.MaximumNArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			pause := reminder.Pause{Kind: reminder.PauseByPerson, Reason: strings.Join(args, " ")}
			if until != "" {
				var err error
				if pause.Until, err = parseUntil(until, app.Runner.Settings.Zone); err != nil {
					return p.usagef("--until %q bukan tanggal seperti 2026-12-07 atau \"2026-12-07 09:00\"",
						"--until %q is no date such as 2026-12-07 or \"2026-12-07 09:00\"", until)
				}
			}
			err := app.Store.SetPause(ctx, pause)
			if err == nil {
				p.printf("Dijeda. 'pengingat resume' mengakhirinya.", "Paused. 'pengingat resume' ends it.")
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&until, "until", "", p.say("kapan berakhir dengan sendirinya", "when it ends by itself"))
	return cmd
}

// parseUntil reads a day, which means its beginning, or a time of a day.
func parseUntil(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation("2006-01-02 15:04", text, zone); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, text, zone)
}

func (p *program) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume",
		Short:   p.say("Akhiri jeda, juga jeda karena server surel", "End a pause, also one caused by the mail server"),
		Example: "  pengingat resume",
		Args:    cobra.NoArgs,
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			err := errors.Join(app.Store.LiftPause(ctx, true), app.Store.LiftPause(ctx, false))
			if err == nil {
				p.printf("Jeda diakhiri.", "The pause is over.")
			}
			return err
		}),
	}
}
