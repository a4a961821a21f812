package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain PINJAMAN",
		Short: p.say("Mengapa pinjaman ini diingatkan, atau tidak", "Why this loan is reminded of, or not"),
		Long: p.say(`Menunjukkan untuk satu pinjaman (ID atau nomor peminjaman) setiap aturan dengan hasilnya, dan semua
pengingat yang sudah dicatat.`,
			`Shows for one loan (its id or the number the desk knows) every rule with its outcome, and all reminders on
record.`),
		Example: "  pengingat explain PJM-00123",
		Args:    cobra.ExactArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			loans, err := app.Store.FindLoan(ctx, args[0])
			if err != nil {
				return err
			}
			if len(loans) == 0 {
				return p.explainClosed(ctx, app, args[0], asJSON)
			}
			for _, loan := range loans {
				past, err := app.Store.PastNotices(ctx, loan.ID)
				if err != nil {
					return err
				}
				x, err := app.Runner.Explain(ctx, loan, past)
				if err != nil {
					return err
				}
				if asJSON {
					if err := p.printJSON(x); err != nil {
						return err
					}
					continue
				}
				p.printExplanation(x, app.Runner.Settings)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, p.say("cetak sebagai JSON", "print as JSON"))
	return cmd
}

// explainClosed tells what was on record about a loan that is not open any more.
func (p *program) explainClosed(ctx context.Context, app *setup.App, loan string, asJSON bool) error {
	past, err := app.Store.PastNotices(ctx, loan)
	if err != nil {
		return err
	}
	if len(past) == 0 {
		return reminder.NewFault(nil, "Pinjaman itu tidak terbuka (sudah kembali, atau nomornya salah) dan tidak pernah diingatkan.",
			"That loan is not open (returned, or a wrong number) and was never reminded of.")
	}
	if asJSON {
		return p.printJSON(reminder.Explanation{Loan: reminder.Loan{ID: loan}, Hinders: []reminder.Verdict{"not_open"}, Past: past})
	}
	p.printf("Pinjaman itu tidak terbuka lagi: tidak ada pengingat baru.", "That loan is not open any more: there are no new reminders.")
	p.printPast(past, app.Runner.Settings)
	return nil
}

func (p *program) printExplanation(x reminder.Explanation, s reminder.Settings) {
	l, none := x.Loan, p.say("tidak ada", "none")
	p.printf("Pinjaman %s, peminjam %s, jatuh tempo %s (hari ini %s)", "Loan %s, borrower %s, due %s (today is %s)",
		l.ID, l.Borrower.ID, l.Due, x.Today)
	rule := func(against []reminder.Verdict, v reminder.Verdict, id, en string, args ...any) {
		mark := "ok"
		if slices.Contains(against, v) {
			mark = "x"
		}
		fmt.Fprintf(p.out, "  %-2s  %s\n", mark, wrap(p.sayf(id, en, args...), 6))
	}
	rule(x.Hinders, reminder.TooOld, "terlambat paling lama %d hari (REMINDER_MAX_OVERDUE_DAYS)", "at most %d days late (REMINDER_MAX_OVERDUE_DAYS)", s.MaxOverdueDays)
	rule(x.Hinders, reminder.OnHold, "tidak ditahan oleh sistem perpustakaan (alasan: %s)", "not held by the library's system (reason: %s)", cmp.Or(l.Hold, none))
	rule(x.Hinders, reminder.OptedOut, "peminjam mau diingatkan", "the borrower wants reminders")
	rule(x.Hinders, reminder.Unreachable, "alamat surel dapat dipakai: %s", "usable e-mail address: %s", cmp.Or(l.Borrower.Email, none))
	rule(x.Hinders, reminder.BadAddress, "alamat itu belum pernah ditolak server", "that address was never refused by a server")
	rule(x.Hinders, reminder.Withheld, "diizinkan oleh REMINDER_ONLY_TO", "allowed by REMINDER_ONLY_TO")
	rule(x.Hinders, reminder.NotYet, "sudah waktunya: hari ke-%d dari jatuh tempo, jadwal %s", "its time has come: day %d from the due date, schedule %s", x.Offset, s.Schedule)
	rule(x.Hinders, reminder.Told, "tahap %d belum dicatat", "step %d is not on record yet", x.Step)
	rule(x.Later, reminder.WindowShut, "dalam jam kirim %s", "inside the send window %s", s.Window)
	rule(x.Later, reminder.ShutToday, "perpustakaan buka hari ini", "the library is open today")
	rule(x.Later, reminder.PausedNow, "tidak sedang dijeda", "no pause")
	switch {
	case len(x.Hinders) > 0:
		p.printf("=> Tidak ada surel baru untuk pinjaman ini.", "=> There is no new mail about this loan.")
	case len(x.Later) > 0:
		p.printf("=> Surel menunggu sampai boleh dikirim.", "=> The mail waits until it may be sent.")
	default:
		p.printf("=> 'pengingat run' berikutnya mengirim surel.", "=> The next 'pengingat run' sends a mail.")
	}
	p.printPast(x.Past, s)
}

func (p *program) printPast(past []reminder.PastNotice, s reminder.Settings) {
	for _, n := range past {
		when := n.Promised
		if !n.Sent.IsZero() {
			when = n.Sent
		}
		fmt.Fprintf(p.out, "   %s  %s %s, %s %d: %s %s\n", when.In(s.Zone).Format("2006-01-02 15:04"), p.say("jatuh tempo", "due"),
			n.Due, p.say("tahap", "step"), n.Step, p.state(n.State), n.Dropped)
	}
}
