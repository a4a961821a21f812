package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) runCommand() *cobra.Command {
	var onlyTo string
	o := reminder.Options{Trigger: "local"}
	cmd := &cobra.Command{
		Use:     "run",
		Aliases: []string{"kirim"},
		Short:   p.say("Kirim pengingat yang sudah waktunya", "Send the reminders that are due"),
		Long: p.say(`Memindai pinjaman, mencatat pengingat yang sudah waktunya, lalu mengirimnya. Aman dijalankan
sesering apa pun: yang sudah dikirim tidak dikirim lagi.

Beberapa perpustakaan: beri --env untuk setiap berkas pengaturannya. Mereka dijalankan bergiliran,
masing-masing dengan waktunya sendiri; yang gagal tidak menghentikan yang lain.

Kode keluar (dari beberapa, yang tertinggi): 0 selesai; 10 selesai, tetapi perlu dilihat orang (gagal, ditolak, tidak
pasti, ditahan, data pinjaman yang ganjil);
75 coba lagi nanti (basis data atau server surel mati, waktu habis); 78 pengaturan salah.`,
			`Scans the loans, puts the reminders that are due on record, and sends them. It is safe to run as often
as you like: what was sent is not sent again.

Several libraries: give --env for each settings file. They run one after the other, each with its own
time; one that fails does not stop the others.

Exit codes (of several, the highest): 0 done; 10 done, but something needs a person (failed, refused,
unknown, held, odd loans); 75 a retry may help (database or mail server down, time spent); 78 wrong settings.`),
		Example: "  pengingat run\n  pengingat run --dry-run\n  pengingat run --only-to saya@sekolah.sch.id\n" +
			"  pengingat run --now --json\n  pengingat run --env smp.env --env sma.env",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("only-to") {
				if a, err := mail.ParseAddress(onlyTo); err != nil || !strings.EqualFold(a.Addr, onlyTo) {
					return p.usagef("--only-to %q bukan alamat surel yang dapat dipakai", "--only-to %q is not a usable e-mail address", onlyTo)
				}
				p.onlyTo = onlyTo
			}
			if len(p.envFiles) > 1 {
				return p.runEach(cmd.Context(), o)
			}
			return p.run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, p.say("hanya hitung; tidak ada yang ditulis atau dikirim", "only count; nothing is written or sent"))
	cmd.Flags().StringVar(&onlyTo, "only-to", "", p.say("untuk mencoba: kirim hanya ke `alamat` ini, yang lain ditahan",
		"for trying: send to this `address` only, withhold the others"))
	cmd.Flags().BoolVar(&o.Approve, "approve", false, p.say("setujui pengiriman yang melebihi REMINDER_MAX_PER_RUN",
		"approve a plan above REMINDER_MAX_PER_RUN"))
	cmd.Flags().BoolVar(&o.Now, "now", false, p.say("kirim sekarang, juga di luar jam kirim dan pada hari tutup",
		"send now, also outside the send window and on a closed day"))
	return p.jsonFlag(cmd)
}

// run performs a run of one library. What a person must know of it also goes to the event log of Windows.
func (p *program) run(ctx context.Context, o reminder.Options) (err error) {
	var failure string
	defer func() {
		if err != nil { // also of a run that could not begin
			failure = reminder.Localize(err, p.locale)
		}
		if failure != "" && !o.DryRun {
			if err := logEvent(failure); err != nil {
				fmt.Fprintln(p.errOut, err)
			}
		}
	}()
	app, err := p.app()
	if err != nil {
		return err
	}
	defer app.Close()
	if err := app.Config.CheckSender(); err != nil && !o.DryRun {
		return err
	}
	m := p.meter("Menghitung dan mengirim", "Counting and sending")
	app.Runner.Progress = m.set
	rep, err := app.Runner.Run(ctx, o)
	m.stop()
	p.code = exitCode(rep)
	switch {
	case p.asJSON:
		err = errors.Join(err, p.printJSON(rep))
	case err == nil:
		p.printReport(rep, app.Runner.Settings)
	}
	if rep.Outcome == reminder.RunStopped || rep.NeedsPerson() {
		failure = p.failure(rep, app.Runner.Settings)
	} else if fault := app.LogFault(); fault != nil {
		failure = reminder.Localize(fault, p.locale)
	}
	return err
}

// runEach performs a run of each library in turn. What goes wrong with one is told, and the next one runs.
func (p *program) runEach(ctx context.Context, o reminder.Options) error {
	libraries, seen := []*program{}, map[string]string{}
	for _, file := range p.envFiles {
		lib := &program{in: p.in, out: p.out, errOut: p.errOut, machine: p.machine, real: p.real, asJSON: p.asJSON, onlyTo: p.onlyTo}
		lib.read(file)
		db := setup.Database(lib.environ)
		if other, ok := seen[db]; ok && lib.envErr == nil {
			return p.usagef("%s dan %s menunjuk basis data yang sama.", "%s and %s name the same database.", other, file)
		}
		seen[db], libraries = file, append(libraries, lib)
	}
	for i, lib := range libraries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !p.asJSON {
			fmt.Fprintf(p.out, "%s:\n", p.envFiles[i])
		}
		if err := lib.run(ctx, o); err != nil {
			fmt.Fprintf(p.errOut, "%s:\n", p.envFiles[i])
			lib.complain(err)
			lib.code = max(lib.code, errorCode(err))
		}
		p.code = max(p.code, lib.code)
	}
	return nil
}

// exitCode is the exit code that a report means.
func exitCode(r reminder.Report) int {
	switch {
	case r.Outcome == reminder.RunStopped && strings.HasPrefix(r.Reason, "auth: stop"): // the form of [mail.Error]
		return exitConfig
	case r.Outcome == reminder.RunStopped || r.Outcome == reminder.RunPartial:
		return exitRetry
	case r.NeedsPerson():
		return exitNeedsPerson
	}
	return exitDone
}

// failure says in the event log what is wrong after a run. Like every reason, it holds no address and no name.
func (p *program) failure(r reminder.Report, s reminder.Settings) string {
	text := p.sayf("%s\r\nGagal atau ditolak: %d, tidak pasti: %d, menunggu: %d. 'pengingat status' menjelaskannya.",
		"%s\r\nFailed or refused: %d, unknown: %d, waiting: %d. 'pengingat status' explains it.",
		p.outcome(r, s), r.Emails.Failed+r.Emails.Refused, r.Emails.Unknown, r.Emails.Waiting)
	if r.Loans != nil && r.Loans.Odd > 0 {
		text += p.sayf("\r\nPinjaman dengan data yang ganjil: %d. 'pengingat doctor' menyebutnya.",
			"\r\nLoans with odd data: %d. 'pengingat doctor' names them.", r.Loans.Odd)
	}
	return text
}

// printReport prints a report for a person: the outcome in words, then the counts that are not zero.
func (p *program) printReport(r reminder.Report, s reminder.Settings) {
	fmt.Fprintf(p.out, "%s  %s\n", r.Today, wrap(p.outcome(r, s), 12))
	if _, details := reminder.Plainly(r.Reason); details != "" {
		fmt.Fprintf(p.out, "            %s\n", wrap(p.say("Rincian: ", "Details: ")+details, 14))
	}
	if r.Outcome == reminder.RunStopped {
		fmt.Fprintln(p.out, "            => pengingat doctor")
	}
	if r.DryRun {
		p.printf("            (Uji coba: tidak ada yang ditulis atau dikirim.)", "            (Dry run: nothing was written or sent.)")
	}
	if r.Loans == nil {
		return // it did not look
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(always bool, n int, id, en string) {
		if n != 0 || always {
			fmt.Fprintf(w, "\t%d\t  %s\n", n, p.say(id, en))
		}
	}
	row(true, r.Loans.Open, "pinjaman terbuka", "open loans")
	row(true, r.Loans.InReach, "di antaranya dalam jangkauan jadwal", "of them in reach of the schedule")
	row(false, r.Loans.Held, "ditahan atau tidak ingin diingatkan", "on hold or opted out")
	row(false, r.Loans.TooOld, "terlalu lama terlambat (REMINDER_MAX_OVERDUE_DAYS)", "late for too long (REMINDER_MAX_OVERDUE_DAYS)")
	row(false, r.Loans.Unreachable, "tanpa alamat surel yang dapat dipakai", "without a usable e-mail address")
	row(false, r.Loans.Odd, "tidak diingatkan karena datanya ganjil; 'pengingat doctor' menyebutnya", "not told about because of odd data; 'pengingat doctor' names them")
	if r.DryRun {
		row(true, r.Planned.Emails, "surel baru akan dikirim", "new emails would be sent")
	} else {
		row(true, r.Planned.Emails, "surel baru direncanakan", "new emails planned")
		row(true, r.Emails.Sent, "terkirim", "sent")
	}
	row(false, r.Emails.Refused, "ditolak", "refused")
	row(false, r.Emails.Failed, "gagal setelah semua percobaan", "failed after all tries")
	row(false, r.Emails.Canceled, "dibatalkan (sudah kembali, diperpanjang, ...)", "canceled (returned, renewed, ...)")
	row(false, r.Emails.Expired, "kedaluwarsa (ada pengingat yang lebih baru)", "expired (a newer reminder says more)")
	row(false, r.Emails.Unknown, "tidak pasti: mungkin sudah terkirim", "unknown: may have been sent")
	row(false, r.Emails.Withheld, "ditahan: bukan alamat di --only-to atau REMINDER_ONLY_TO",
		"withheld: not an address in --only-to or REMINDER_ONLY_TO")
	row(false, r.Emails.Waiting, "menunggu", "waiting")
	_ = w.Flush() // as with every print to a terminal, there is nobody to tell
	if r.Emails.Refused+r.Emails.Failed+r.Emails.Unknown > 0 {
		fmt.Fprintln(p.out, "            => pengingat failed")
	}
}

// outcome says in words how a run ended.
func (p *program) outcome(r reminder.Report, s reminder.Settings) string {
	switch r.Outcome {
	case reminder.RunHeld:
		if r.Reason == reminder.ReasonLooksRestored {
			return p.say("Ditahan: catatan pengingat tampak lebih tua daripada yang seharusnya, seperti basis data yang dipulihkan dari cadangan. Jalankan 'pengingat quarantine --before TANGGAL', atau 'pengingat run --approve' bila basis data itu baru, atau program lama mati.",
				"Held: the records look older than they should be, as in a database restored from a backup. Run 'pengingat quarantine --before DATE', or 'pengingat run --approve' if the database is new, or the program was off for long.")
		}
		return p.sayf("Ditahan: %d surel direncanakan, lebih dari REMINDER_MAX_PER_RUN=%d. Periksa daftarnya, lalu setujui dengan 'pengingat run --approve'.",
			"Held: %d emails are planned, more than REMINDER_MAX_PER_RUN=%d. Check them, then approve with 'pengingat run --approve'.",
			r.Planned.Emails, s.MaxPerRun)
	case reminder.RunPaused:
		return p.sayf("Dijeda (%s): tidak ada yang dikirim. Lihat 'pengingat status'.",
			"Paused (%s): nothing is sent. See 'pengingat status'.", p.reason(r.Reason))
	case reminder.RunClosed:
		if r.Reason == reminder.ReasonClosedDay {
			return p.say("Perpustakaan tutup hari ini: tidak ada yang dikirim. '--now' mengirim juga.",
				"The library is closed today: nothing is sent. '--now' sends all the same.")
		}
		return p.sayf("Di luar jam kirim %s: tidak ada yang dikirim. '--now' mengirim juga.",
			"Outside the send window %s: nothing is sent. '--now' sends all the same.", s.Window)
	case reminder.RunStopped:
		return p.sayf("Terhenti; yang belum terkirim menunggu untuk kali berikutnya. Penyebab: %s",
			"Stopped; what was not sent waits for the next run. Cause: %s", p.reason(r.Reason))
	case reminder.RunPartial:
		return p.say("Waktu habis; sisanya menunggu untuk kali berikutnya.", "The time is spent; the rest waits for the next run.")
	}
	if r.Reason == reminder.ReasonDailyLimit {
		return p.sayf("Selesai untuk hari ini: MAIL_DAILY_LIMIT=%d tercapai, sisanya menunggu.",
			"Done for today: MAIL_DAILY_LIMIT=%d is reached, the rest waits.", s.DailyLimit)
	}
	return p.say("Selesai.", "Done.")
}
