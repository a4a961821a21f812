package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) failedCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "failed",
		Aliases: []string{"gagal"},
		Short:   p.say("Daftar surel yang gagal, ditolak, atau tidak pasti", "List the mails that failed, were refused, or are unknown"),
		Example: "  pengingat failed\n  pengingat failed --json",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := p.troubled(ctx, app, math.MaxInt)
			switch {
			case err != nil:
				return err
			case p.asJSON:
				return p.printJSON(list)
			case len(list) == 0:
				p.printf("Tidak ada.", "None.")
				return nil
			}
			for _, t := range list {
				fmt.Fprintf(p.out, "ID %-6d %s\n", t.ID, wrap(p.state(t.State)+": "+t.Whose, 10))
				for _, book := range t.Books {
					fmt.Fprintf(p.out, "          %s\n", wrap(book, 12))
				}
				fmt.Fprintf(p.out, "          %s\n", wrap(t.Why, 10))
				if t.Details != "" {
					fmt.Fprintf(p.out, "          %s\n", wrap(p.say("Rincian: ", "Details: ")+t.Details, 12))
				}
			}
			p.printf("Berikutnya: pengingat retry ID, atau pengingat cancel ID.", "Next: pengingat retry ID, or pengingat cancel ID.")
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

// troubled lists up to most of the mails that ended badly, the newest first.
func (p *program) troubled(ctx context.Context, app *setup.App, most int) ([]trouble, error) {
	list, err := app.Store.List(ctx, reminder.StateFailed, reminder.StateRefused, reminder.StateUnknown)
	if err != nil {
		return nil, err
	}
	list = list[:min(len(list), most)]
	var ids []string
	for _, l := range list {
		ids = append(ids, l.Loans...)
	}
	open, err := app.Store.Loans(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := []trouble{}
	for _, l := range list {
		t := trouble{Listed: l, Whose: p.sayf("peminjam ID %s", "borrower ID %s", l.Borrower), Books: []string{}}
		if l.Kind == reminder.KindSummary {
			t.Whose = p.say("ringkasan petugas", "the librarian's summary")
		}
		for _, id := range l.Loans {
			loan, ok := open[id]
			switch {
			case ok && loan.Borrower.ID == l.Borrower:
				t.Whose = p.whom(loan.Borrower)
				t.Books = append(t.Books, p.book(loan))
			case id != "":
				t.Books = append(t.Books, p.sayf("pinjaman %s, sudah kembali", "loan %s, is back", id))
			}
		}
		text, details := reminder.Plainly(l.Reason)
		t.Why, t.Details = text.In(p.locale), details
		all = append(all, t)
	}
	return all, nil
}

func (p *program) retryCommand() *cobra.Command {
	all := map[reminder.State]*bool{}
	cmd := &cobra.Command{
		Use:     "retry ID...",
		Aliases: []string{"ulangi"},
		Short:   p.say("Antrekan lagi surel yang gagal, ditolak, atau tidak pasti", "Queue mails again that failed, were refused, or are unknown"),
		Long: p.say(`Surel dikirim lagi pada 'run' berikutnya, dengan semua percobaannya. Alamat yang pernah ditolak dicoba lagi.
Surel yang tidak pasti mungkin sudah sampai: peminjam bisa menerimanya dua kali.`,
			`The mails are sent by the next 'run', with all their tries. An address that was refused is tried again.
A mail of unknown outcome may have arrived: its borrower may get it twice.`),
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
				states = []reminder.State{reminder.StateFailed, reminder.StateRefused, reminder.StateUnknown}
			case len(ids) > 0 || len(states) != 1:
				return p.usagef("sebutkan ID, atau salah satu dari --failed, --refused, --unknown",
					"name IDs, or one of --failed, --refused, --unknown")
			}
			if err := p.inState(ctx, app, ids, states); err != nil {
				return err
			}
			n, err := app.Store.Retry(ctx, ids, states...)
			switch {
			case err != nil:
				return err
			case n == 0:
				p.printf("Tidak ada yang perlu diantrekan.", "There is nothing to queue.")
			default:
				p.printf("%d surel diantrekan lagi; 'pengingat run' berikutnya mengirimnya.", "%d mails are queued again; the next 'pengingat run' sends them.", n)
			}
			return nil
		}),
	}
	flags := cmd.Flags()
	all[reminder.StateFailed] = flags.Bool("failed", false, p.say("semua yang gagal", "all that failed"))
	all[reminder.StateRefused] = flags.Bool("refused", false, p.say("semua yang ditolak", "all that were refused"))
	all[reminder.StateUnknown] = flags.Bool("unknown", false, p.say("semua yang tidak pasti", "all of unknown outcome"))
	return cmd
}

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID...",
		Aliases: []string{"batal"},
		Short:   p.say("Batalkan surel yang menunggu, gagal, atau tidak pasti", "Cancel mails that wait, failed, or are unknown"),
		Example: "  pengingat cancel 12 15",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			ids, err := p.ids(args)
			if err != nil {
				return err
			}
			if err := p.inState(ctx, app, ids, mysql.Cancelable); err != nil {
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

// inState refuses ids of emails that do not exist or are in another state: then nothing is done.
func (p *program) inState(ctx context.Context, app *setup.App, ids []int64, states []reminder.State) error {
	is, err := app.Store.States(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if state, ok := is[id]; !ok {
			return p.absent("Surel dengan ID %d tidak ada; tidak ada yang diubah. Lihat 'pengingat failed'.",
				"There is no mail with ID %d; nothing was changed. See 'pengingat failed'.", id)
		} else if !slices.Contains(states, state) {
			return p.absent("Surel %d tidak dapat diubah begitu, keadaannya: %s. Tidak ada yang diubah.",
				"Mail %d cannot be changed so, it is: %s. Nothing was changed.", id, p.state(state))
		}
	}
	return nil
}

func (p *program) pauseCommand() *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use:     p.say("pause [ALASAN]", "pause [REASON]"),
		Aliases: []string{"jeda"},
		Short:   p.say("Hentikan pengiriman untuk sementara", "Stop sending for a while"),
		Long: p.say(`Tidak ada yang direncanakan atau dikirim sampai waktu yang disebut, atau sampai 'pengingat resume'.
Sesudahnya setiap peminjam mendapat paling banyak satu surel: pengingat yang terbaru.`,
			`Nothing is planned or sent until the time given, or until 'pengingat resume'. After it each borrower gets one
mail at most: the newest reminder.`),
		Example: "  pengingat pause --until 2026-12-07 \"ujian akhir\"",
		Args:    p.args(0, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			pause := reminder.Pause{Kind: reminder.PauseByPerson, Reason: strings.Join(args, " ")}
			zone, now := app.Runner.Settings.Zone, app.Runner.Now()
			if until != "" {
				var err error
				if pause.Until, err = parseUntil(until, zone); err != nil {
					return p.usagef("--until %q bukan tanggal seperti 2026-12-07 atau \"2026-12-07 09:00\"",
						"--until %q is no date such as 2026-12-07 or \"2026-12-07 09:00\"", until)
				}
				if !pause.Until.After(now) || pause.Until.After(now.AddDate(1, 0, 0)) {
					return p.usagef("--until %s harus dalam setahun dari sekarang, %s. Tidak ada yang dijeda.",
						"--until %s must be within a year from now, %s. Nothing is paused.", until, now.In(zone).Format(dayAndTime))
				}
			}
			if err := app.Store.SetPause(ctx, pause); err != nil {
				return err
			}
			if until == "" {
				p.printf("Dijeda sampai dicabut: 'pengingat resume' mengakhirinya.", "Paused until it is lifted: 'pengingat resume' ends it.")
			} else {
				p.printf("Dijeda sampai %s. 'pengingat resume' mengakhirinya lebih awal.", "Paused until %s. 'pengingat resume' ends it earlier.",
					pause.Until.Format(dayAndTime))
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&until, "until", "", p.say("`kapan` berakhir dengan sendirinya", "`when` it ends by itself"))
	return cmd
}

// parseUntil reads a day, which means its beginning, or a time of a day.
func parseUntil(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(dayAndTime, text, zone); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, text, zone)
}

func (p *program) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume",
		Aliases: []string{"lanjut"},
		Short:   p.say("Akhiri jeda, juga jeda karena server surel", "End a pause, also one caused by the mail server"),
		Example: "  pengingat resume",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			pauses, err := app.Store.Pauses(ctx)
			if err != nil {
				return err
			}
			if len(pauses) == 0 {
				p.printf("Tidak ada jeda: pengiriman berjalan seperti biasa.", "There is no pause: sending goes on as usual.")
				return nil
			}
			err = errors.Join(app.Store.LiftPause(ctx, true), app.Store.LiftPause(ctx, false))
			if err == nil {
				p.printf("Jeda diakhiri.", "The pause is over.")
			}
			return err
		}),
	}
}
