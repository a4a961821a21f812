package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) explainCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     p.say("explain PINJAMAN|NAMA", "explain LOAN|NAME"),
		Aliases: []string{"jelaskan"},
		Short:   p.say("Mengapa pinjaman ini diingatkan, atau tidak", "Why this loan is reminded of, or not"),
		Long: p.say(`Menunjukkan setiap aturan dengan hasilnya, dan semua pengingat yang sudah dicatat: untuk satu pinjaman (ID,
nomor peminjaman atau kode buku), juga sesudah kembali, atau untuk semua buku seorang peminjam (nama, ID atau
alamat surelnya).`,
			`Shows every rule with its outcome, and all reminders on record: of one loan (its id, its number or the code of
its book), also after its return, or of all books of a borrower (name, id or e-mail address).`),
		Example: "  pengingat explain PJM-00123\n  pengingat explain \"Aisyah Putri\"",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			key := strings.Join(args, " ")
			loans, err := app.Store.FindLoan(ctx, key)
			if err != nil {
				return err
			}
			// Screens show the ids of borrowers, and one may be the id of somebody else's loan.
			owned, _, err := app.Store.Search(ctx, key, func(l reminder.Loan) bool { return l.Borrower.ID == key })
			if err != nil {
				return err
			}
			if len(loans) == 0 {
				past, err := app.Store.PastNotices(ctx, key)
				if err != nil {
					return err
				}
				if len(past) > 0 {
					if err := p.explainClosed(past, app.Runner.Settings); err != nil || p.asJSON || len(owned) == 0 {
						return err
					}
					fmt.Fprintln(p.out)
				} else if loans, err = p.loansOf(ctx, app, key); err != nil {
					return err
				}
			}
			for _, l := range owned {
				if !slices.ContainsFunc(loans, func(other reminder.Loan) bool { return other.ID == l.ID }) {
					loans = append(loans, l)
				}
			}
			var all []reminder.Explanation
			for _, loan := range loans {
				past, err := app.Store.PastNotices(ctx, loan.ID)
				if err != nil {
					return err
				}
				x, err := app.Runner.Explain(ctx, loan, past)
				if err != nil {
					return err
				}
				all = append(all, x)
			}
			if p.asJSON {
				return p.printJSON(all)
			}
			for i, x := range all {
				if i > 0 {
					fmt.Fprintln(p.out)
				}
				p.printExplanation(x, app.Runner.Settings)
			}
			return nil
		}),
	})
}

// loansOf finds the open loans of the one borrower with a whole id, name or address, or else with a part of a name.
func (p *program) loansOf(ctx context.Context, app *setup.App, key string) ([]reminder.Loan, error) {
	for _, match := range []func(reminder.Borrower, string) bool{isBorrower, named} {
		loans, _, err := app.Store.Search(ctx, key, func(l reminder.Loan) bool { return match(l.Borrower, key) })
		if err != nil {
			return nil, err
		}
		if found := borrowers(loans); len(found) > 1 {
			return nil, p.several(key, found)
		}
		if len(loans) > 0 {
			return loans, nil
		}
	}
	return nil, p.nobody(key)
}

// explainClosed tells what was on record about a loan that is not open any more.
func (p *program) explainClosed(past []reminder.PastNotice, s reminder.Settings) error {
	if p.asJSON {
		return p.printJSON([]reminder.Explanation{{Loan: reminder.Loan{ID: past[0].Loan}, Hinders: []reminder.Verdict{"not_open"}, Past: past}})
	}
	p.printf("Tidak ada pinjaman terbuka dengan nomor ini: bukunya sudah kembali. Yang tercatat:",
		"No open loan has this number: the book is back. On record:")
	p.printPast(past, "", s)
	return nil
}

func (p *program) printExplanation(x reminder.Explanation, s reminder.Settings) {
	l := x.Loan
	fmt.Fprintln(p.out, wrap(p.whom(l.Borrower), 0))
	fmt.Fprintln(p.out, wrap(p.book(l), 0))
	odd := l.Odd(x.Today)
	if odd != "due_at" && !l.Due.IsZero() {
		fmt.Fprintln(p.out, wrap(p.sayf("Hari ini %s, %s", "Today is %s, %s", letter.Day(x.Today, p.locale), p.stepText(x.Offset)), 0))
	}
	// rule tells of one rule: what is so when it lets a mail pass, and when it does not.
	rule := func(against []reminder.Verdict, v reminder.Verdict, passes, hinders string) {
		mark, text := "ok", passes
		if slices.Contains(against, v) {
			text = hinders
			if v != reminder.VerdictTold { // which is what should be
				mark = "x"
			}
		}
		if text != "" {
			fmt.Fprintf(p.out, "  %-2s  %s\n", mark, wrap(text, 6))
		}
	}
	if odd != "" {
		rule(x.Hinders, reminder.VerdictOdd, "", p.sayf("isi kolom %s (view reminder_loans) tidak dapat dipakai; 'pengingat doctor' menyebut sebabnya",
			"the column %s (view reminder_loans) cannot be used; 'pengingat doctor' says why", odd))
		p.printf("=> Tidak ada surel untuk pinjaman ini sampai datanya diperbaiki.", "=> There is no mail about this loan until its data is mended.")
		p.printPast(x.Past, l.Borrower.ID, s)
		return
	}
	late := x.Today.Sub(l.Due)
	rule(x.Hinders, reminder.VerdictTooOld, p.sayf("terlambat tidak lebih dari %d hari", "late by no more than %d days", s.MaxOverdueDays),
		p.sayf("terlambat %d hari; sesudah %d hari tidak diingatkan lagi (REMINDER_MAX_OVERDUE_DAYS)",
			"late by %d days; after %d days there are no more reminders (REMINDER_MAX_OVERDUE_DAYS)", late, s.MaxOverdueDays))
	rule(x.Hinders, reminder.VerdictOnHold, "", p.say("ditahan oleh sistem perpustakaan: ", "held by the library's system: ")+l.Hold)
	rule(x.Hinders, reminder.VerdictOptedOut, p.say("peminjam mau diingatkan", "the borrower wants reminders"),
		p.say("peminjam tidak ingin diingatkan", "the borrower wants no reminders"))
	rule(x.Hinders, reminder.VerdictUnreachable, p.say("alamat surel: ", "e-mail address: ")+plain(l.Borrower.Email),
		p.say("tidak ada alamat surel yang dapat dipakai: ", "no usable e-mail address: ")+
			cmp.Or(plain(l.Borrower.Email), p.say("kosong, atau alamat contoh aplikasi", "empty, or the application's sample address")))
	rule(x.Hinders, reminder.VerdictBadAddress, "", p.say("server surel menolak alamat itu untuk seterusnya; perbaiki alamatnya",
		"the mail server refused that address for good; mend it"))
	rule(x.Hinders, reminder.VerdictWithheld, "", p.say("REMINDER_ONLY_TO menahan surel ke alamat itu", "REMINDER_ONLY_TO withholds mail to that address"))
	rule(x.Hinders, reminder.VerdictNotYet, p.sayf("sudah waktunya: %s (jadwal %s)", "its time has come: %s (schedule %s)", p.stepText(x.Step), s.Schedule),
		p.sayf("belum waktunya (jadwal %s)", "its time has not come (schedule %s)", s.Schedule))
	rule(x.Hinders, reminder.VerdictTold, "", p.told(x, s))
	rule(x.Later, reminder.VerdictOutsideWindow, "", p.sayf("sekarang di luar jam kirim %s", "it is outside the send window %s now", s.Window))
	rule(x.Later, reminder.VerdictClosedDay, "", p.say("perpustakaan tutup hari ini", "the library is closed today"))
	rule(x.Later, reminder.VerdictPaused, "", p.say("pengiriman sedang dijeda", "sending is paused now"))
	next := ""
	if !x.Next.IsZero() {
		next = p.sayf(" Berikutnya pada %s.", " The next one is on %s.", letter.Day(x.Next, p.locale))
	}
	switch {
	case len(x.Hinders) > 0:
		fmt.Fprintln(p.out, wrap(p.say("=> Tidak ada surel baru untuk pinjaman ini.", "=> There is no new mail about this loan.")+next, 3))
	case len(x.Later) > 0:
		p.printf("=> Surel menunggu sampai boleh dikirim.", "=> The mail waits until it may be sent.")
	default:
		p.printf("=> 'pengingat run' berikutnya mengirim surel.", "=> The next 'pengingat run' sends a mail.")
	}
	p.printPast(x.Past, x.Loan.Borrower.ID, s)
}

// told says when the reminder for the step in force was sent, or how it stands.
func (p *program) told(x reminder.Explanation, s reminder.Settings) string {
	for _, n := range slices.Backward(x.Past) {
		if n.Due != x.Loan.Due || n.Step < x.Step {
			continue
		}
		if n.State == reminder.StateSent && n.Dropped == "" {
			return p.sayf("pengingat untuk tahap ini (%s) sudah dikirim pada %s", "a reminder for this step (%s) was sent on %s",
				p.stepText(n.Step), n.Sent.In(s.Zone).Format(dayAndTime))
		}
		return p.sayf("pengingat untuk tahap ini (%s) sudah dicatat: %s", "a reminder for this step (%s) is on record: %s",
			p.stepText(n.Step), p.state(n.State))
	}
	return p.say("pengingat untuk tahap ini sudah dicatat", "a reminder for this step is on record")
}

// stepText names a step, or a day, by its distance to the due date.
func (p *program) stepText(days int) string {
	switch {
	case days == 0:
		return p.say("pada hari jatuh tempo", "on the due date")
	case days == -1:
		return p.say("sehari sebelum jatuh tempo", "a day before the due date")
	case days == 1:
		return p.say("sehari sesudah jatuh tempo", "a day after the due date")
	case days < 0:
		return p.sayf("%d hari sebelum jatuh tempo", "%d days before the due date", -days)
	}
	return p.sayf("%d hari sesudah jatuh tempo", "%d days after the due date", days)
}

// dayAndTime is how the program writes a moment.
const dayAndTime = "2006-01-02 15:04"

// printPast lists what is on record about a loan. What went to another borrower than the one who has it now is marked.
func (p *program) printPast(past []reminder.PastNotice, borrower string, s reminder.Settings) {
	for _, n := range past {
		when := n.Promised
		if !n.Sent.IsZero() {
			when = n.Sent
		}
		what := p.state(n.State)
		if borrower != "" && n.Borrower != "" && n.Borrower != borrower {
			what += p.sayf(" kepada peminjam lain (%s)", " to another borrower (%s)", plain(n.Borrower))
		}
		if why := p.reason(cmp.Or(n.Dropped, n.Reason)); why != "" {
			what += "; " + why
		}
		fmt.Fprintf(p.out, "   %s  %s\n", when.In(s.Zone).Format(dayAndTime),
			wrap(p.sayf("%s (%s): %s", "%s (%s): %s", p.stepText(n.Step), n.Due, what), 21))
	}
}
