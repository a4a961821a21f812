package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: p.say("Tampilkan keadaan: apa yang terkirim, menunggu, gagal", "Show how things stand: what was sent, waits, failed"),
		Long: p.say(`Menunjukkan apa yang perlu diketahui dan dilakukan, jumlah surel menurut keadaannya, kapan
surel boleh dikirim lagi, apa yang akan dilakukan run berikutnya, dan lima run terakhir.
Tidak ada yang ditulis atau dikirim.`,
			`Shows what there is to know and to do, the mails by state, when mail may be sent next, what
the next run would do, and the last five runs. Nothing is written or sent.`),
		Example: "  pengingat status\n  pengingat status --json",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			st, err := p.standing(ctx, app)
			if err != nil {
				return err
			}
			if p.asJSON {
				return p.printJSON(st)
			}
			who, err := p.troubled(ctx, app, maxTroubles)
			if err != nil {
				return err
			}
			p.printStatus(st, who, app.Runner.Settings)
			return nil
		}),
	}
	return p.jsonFlag(cmd)
}

// A standing is how everything stands at one moment.
type standing struct {
	mysql.Status
	Contacts contactSurvey   `json:"contacts"`
	Window   sendWindow      `json:"next_window"`
	Next     reminder.Report `json:"next_run"` // a dry run's, whatever the hour
	Notes    []note          `json:"notes"`

	newest time.Time // when the newest run started, by the clock of then
}

// A sendWindow is when mail may be sent next; zero when never.
type sendWindow struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// A note tells a person what they would not find out by themselves.
type note struct {
	Code string `json:"code"`
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend,omitempty"`
}

// standing reads how everything stands. It writes nothing.
func (p *program) standing(ctx context.Context, app *setup.App) (st standing, err error) {
	now, s := app.Runner.Now(), app.Runner.Settings
	if st.Status, err = app.Store.Status(ctx, now, 5); err != nil {
		return st, err
	}
	if st.newest, err = app.Store.LastWorked(ctx); err != nil {
		return st, err
	}
	if st.Contacts, err = contacts(ctx, app.Store); err != nil {
		return st, err
	}
	rules, err := app.Runner.Rules(ctx, reminder.DateOf(now, s.Zone))
	if err != nil {
		return st, err
	}
	st.Window.From, st.Window.To = s.Window.Next(now, rules.Calendar, s.Zone)
	if st.Next, err = quietly(app.Runner).Run(ctx, reminder.Options{Trigger: "local", DryRun: true, Now: true}); err != nil {
		return st, err
	}
	st.Notes = p.notes(st, app, now)
	return st, nil
}

// offFor is after how long without a run something must be wrong: the task starts one every hour.
const offFor = 26 * time.Hour

// notes says what is unusual, the most important first. The guide quotes these texts.
func (p *program) notes(st standing, app *setup.App, now time.Time) []note {
	list := []note{}
	add := func(code, what, why, mend string) { list = append(list, note{code, what, why, mend}) }
	s := app.Runner.Settings
	moment := func(t time.Time) string { return t.In(s.Zone).Format(dayAndTime) }
	switch {
	case len(st.Runs) == 0:
		add("never_ran", p.say("Belum pernah ada run.", "There has been no run yet."),
			p.say("Program belum dijalankan, jadi belum ada yang dikirim.", "The program was not run, so nothing was sent."),
			p.say("'pengingat run --dry-run' menghitung; 'pengingat run' mengirim.", "'pengingat run --dry-run' counts; 'pengingat run' sends."))
	case st.newest.After(now.Add(5 * time.Minute)):
		add("clock_back", p.sayf("Jam komputer mundur: run terakhir tercatat %s, tetapi sekarang menurut komputer %s.", "The clock went back: the last run is on record at %s, but now is %s to this computer.",
			moment(st.newest), moment(now)),
			p.say("Dengan tanggal yang salah pengingat datang terlambat atau tidak sama sekali; yang sudah dikirim tidak terulang.", "With a wrong date reminders come late or not at all; what was sent is not repeated."),
			p.say("Setel tanggal dan jam komputer, lalu 'pengingat run'.", "Set the computer's date and time, then 'pengingat run'."))
	case now.Sub(st.Runs[0].StartedAt) > offFor:
		add("off", p.sayf("Sudah %d hari tidak ada run (terakhir %s).", "There has been no run for %d days (the last one: %s).", int(now.Sub(st.Runs[0].StartedAt).Hours()/24), moment(st.Runs[0].StartedAt)),
			p.say("Komputer mati atau tidur, atau tugas terjadwal tidak jalan. Tidak ada yang hilang: run berikutnya mengirim satu surel kepada setiap peminjam, pengingat yang terbaru.", "The computer was off or asleep, or the scheduled task does not run. Nothing is lost: the next run sends each borrower one mail, the newest reminder."),
			p.say("'pengingat doctor' memeriksa tugas terjadwal; 'pengingat run' mengejar sekarang.", "'pengingat doctor' checks the scheduled task; 'pengingat run' catches up now."))
	case st.Runs[0].FinishedAt.IsZero() && now.Sub(st.Runs[0].StartedAt) > s.Lease:
		add("unfinished", p.sayf("Run terakhir (%s) tidak selesai.", "The last run (%s) did not finish.", moment(st.Runs[0].StartedAt)),
			p.say("Listrik padam, komputer dimatikan, atau program dihentikan. Tidak ada yang hilang: run berikutnya meneruskannya.", "A power cut, a shutdown, or the program was ended. Nothing is lost: the next run goes on with it."), "pengingat run")
	case st.Runs[0].Report.Outcome == reminder.RunStopped:
		add("stopped", p.sayf("Run terakhir terhenti: %s", "The last run stopped: %s", p.reason(st.Runs[0].Report.Reason)),
			p.say("Yang belum terkirim menunggu untuk run berikutnya.", "What was not sent waits for the next run."), "pengingat doctor")
	}
	switch {
	case st.Next.Reason == reminder.ReasonLooksRestored:
		add("looks_restored", p.say("Ditahan: basis data tampak dipulihkan dari cadangan.", "Held: the database looks restored from a backup."),
			p.say("Catatan pengingat lebih tua daripada yang seharusnya: run akan mengulang yang sudah dikirim sesudah cadangan dibuat.", "The record of reminders is older than it should be: a run would repeat what was sent after the backup was taken."),
			p.sayf("'pengingat quarantine --before %s'; bila basis data itu baru, atau program lama mati: 'pengingat run --approve'.", "'pengingat quarantine --before %s'; if the database is new, or the program was off for long: 'pengingat run --approve'.", st.Next.Today))
	case st.Next.Outcome == reminder.RunHeld:
		add("held", p.sayf("Ditahan: %d surel direncanakan, lebih dari REMINDER_MAX_PER_RUN=%d.", "Held: %d emails are planned, more than REMINDER_MAX_PER_RUN=%d.", st.Next.Planned.Emails, s.MaxPerRun),
			p.say("Kiriman sebanyak itu biasanya sebuah kesalahan, jadi tidak ada yang dikirim sampai disetujui.", "That many are a mistake more often than not, so nothing is sent until it is approved."),
			p.say("Periksa dengan 'pengingat preview', lalu 'pengingat run --approve'.", "Check with 'pengingat preview', then 'pengingat run --approve'."))
	}
	for _, pause := range st.Pauses {
		if st.Next.Outcome != reminder.RunPaused || st.Next.Reason != string(pause.Kind) {
			continue // over
		}
		until := p.say("sampai dicabut", "until it is lifted")
		if !pause.Until.IsZero() {
			until = p.say("sampai ", "until ") + moment(pause.Until)
		}
		why, mend := p.pauseText(pause.Kind)
		if word := knownRefusal(pause.Reason); word != (reminder.Text{}) {
			mend = word.In(p.locale)
		}
		add("paused", p.sayf("Dijeda %s: %s", "Paused %s: %s", until, cmp.Or(p.reason(pause.Reason), p.reason(string(pause.Kind)))), why, mend)
	}
	if q := st.Quarantine; q != nil && q.Notices > 0 {
		add("quarantine", p.sayf("Karantina: %d pengingat sebelum %s dilewati sejak %s.", "Quarantine: %d reminders before %s are skipped since %s.",
			q.Notices, q.Before, moment(q.At)),
			p.say("Sesudah cadangan dipulihkan, yang mungkin sudah dikirim tidak diulang.", "After a backup was restored, what may have been sent is not repeated."),
			p.say("Tidak ada. Bila keliru: 'pengingat quarantine --undo'.", "Nothing. If it was a mistake: 'pengingat quarantine --undo'."))
	}
	if st.Emails[reminder.StateUnknown] > 0 {
		add("unknown", p.sayf("%d surel tidak pasti: mungkin sudah sampai, mungkin tidak.", "%d mails are of unknown outcome: they may have arrived, or not.", st.Emails[reminder.StateUnknown]),
			p.say("Sambungan putus tepat saat server menerimanya. Program tidak menebak.", "The connection broke just when the server took them. The program does not guess."), "pengingat failed")
	}
	if n := st.Emails[reminder.StateFailed] + st.Emails[reminder.StateRefused]; n > 0 {
		add("failed", p.sayf("%d surel gagal atau ditolak.", "%d mails failed or were refused.", n),
			p.say("Peminjamnya belum diberi tahu.", "Their borrowers were not told."), "pengingat failed")
	}
	if fault := app.LogFault(); fault != nil {
		what, _ := p.trouble(fault)
		add("log", what, p.say("Run tetap berjalan dan tercatat di sini.", "Runs go on, and are on record here."),
			p.say("Periksa ", "Look at ")+app.Config.LogFile)
	}
	return list
}

// pauseText says of a kind of pause what it means and what ends it.
func (p *program) pauseText(kind mail.PauseKind) (why, mend string) {
	switch kind {
	case reminder.PauseByPerson:
		return p.say("Seseorang menjeda pengiriman. Sesudahnya setiap peminjam mendapat paling banyak satu surel.", "Somebody paused sending. After it each borrower gets one mail at most."), "pengingat resume"
	case mail.PauseCredentials:
		return p.say("Server surel menolak login. Jeda berakhir begitu pengaturan surel berubah.", "The mail server refused the login. The pause ends as soon as the mail settings change."),
			p.say("Perbaiki MAIL_USERNAME dan MAIL_PASSWORD, lalu 'pengingat doctor'.", "Mend MAIL_USERNAME and MAIL_PASSWORD, then 'pengingat doctor'.")
	case mail.PauseSender:
		return p.say("Server surel tidak mengizinkan pengirim ini. Jeda berakhir begitu pengaturan surel berubah.", "The mail server does not allow this sender. The pause ends as soon as the mail settings change."),
			p.say("Samakan MAIL_FROM_ADDRESS dengan akunnya, lalu 'pengingat doctor'.", "Make MAIL_FROM_ADDRESS the account's, then 'pengingat doctor'.")
	case mail.PauseQuota:
		return p.say("Batas kirim akun surel tercapai. Jeda berakhir sendiri, dan surel pertama sesudahnya dikirim sendirian.", "The mail account's limit is reached. The pause ends by itself, and the first mail after it goes alone."),
			p.say("Tunggu. Bila sering terjadi, isi MAIL_DAILY_LIMIT.", "Wait. If it happens often, set MAIL_DAILY_LIMIT.")
	}
	return p.say("Server surel tidak menjawab, terganggu, atau menolak beberapa peminjam dengan jawaban yang sama. Jeda berakhir sendiri, dan surel pertama sesudahnya dikirim sendirian.", "The mail server does not answer, is out of order, or refused several borrowers with the same answer. The pause ends by itself, and the first mail after it goes alone."),
		p.say("Periksa internet dengan 'pengingat doctor'; 'pengingat resume' mencoba lagi sekarang.", "Check the connection with 'pengingat doctor'; 'pengingat resume' tries again now.")
}

// maxTroubles is how many mails that ended badly status names; failed has them all.
const maxTroubles = 5

func (p *program) printStatus(st standing, who []trouble, s reminder.Settings) {
	for _, n := range st.Notes {
		fmt.Fprintf(p.out, "! %s\n  %s\n  => %s\n\n", wrap(n.What, 2), wrap(n.Why, 2), wrap(n.Mend, 5))
	}
	for _, t := range who {
		p.printf("ID %-6d %s: %s", "ID %-6d %s: %s", t.ID, t.Whose, p.state(t.State))
	}
	if len(who) > 0 {
		fmt.Fprintln(p.out)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(id, en, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", p.say(id, en), fmt.Sprintf(format, args...))
	}
	row("Menunggu", "Waiting", "%d", st.Emails[reminder.StateQueued]+st.Emails[reminder.StateClaimed]+st.Emails[reminder.StateHandover])
	if oldest, err := time.Parse(time.RFC3339, st.OldestWaiting); err == nil {
		row("  yang tertua sejak", "  the oldest since", "%s", oldest.In(s.Zone).Format(dayAndTime))
	}
	for _, state := range []reminder.State{reminder.StateSent, reminder.StateFailed, reminder.StateUnknown, reminder.StateRefused, reminder.StateCanceled, reminder.StateExpired} {
		text := stateTexts[state]
		row(text.ID, text.EN, "%d", st.Emails[state])
	}
	row("Peminjam tak terjangkau surel", "Borrowers without usable mail", p.say("%d dari %d", "%d of %d"), st.Contacts.Unreachable, st.Contacts.Borrowers)
	switch from, to := st.Window.From.In(s.Zone), st.Window.To.In(s.Zone); {
	case st.Window.From.IsZero():
		row("Boleh kirim", "Mail may be sent", "%s", p.say("tidak pernah: tutup setiap hari", "never: closed on every day"))
	case !st.Window.From.After(st.Next.StartedAt):
		row("Boleh kirim", "Mail may be sent", p.say("sekarang, sampai %s", "now, until %s"), to.Format("15:04"))
	default:
		row("Boleh kirim", "Mail may be sent", p.say("%s sampai %s", "%s until %s"), from.Format(dayAndTime), to.Format("15:04"))
	}
	switch st.Next.Outcome {
	case reminder.RunHeld, reminder.RunPaused:
		row("Run berikutnya", "The next run", "%s", p.say("tidak mengirim apa pun (lihat di atas)", "sends nothing (see above)"))
	default:
		row("Run berikutnya", "The next run", p.say("%d surel baru, %d yang menunggu", "%d new mails, %d that wait"), st.Next.Planned.Emails, st.Next.Emails.Waiting)
		if s.DailyLimit > 0 {
			row("  paling banyak", "  at most", p.say("%d surel dalam 24 jam (MAIL_DAILY_LIMIT)", "%d mails in 24 hours (MAIL_DAILY_LIMIT)"), s.DailyLimit)
		}
	}
	if len(st.Runs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\n", p.say("Run terakhir", "Last runs"), p.say("hasil", "outcome"), p.say("terkirim", "sent"), p.say("keterangan", "reason"))
	for _, r := range st.Runs {
		outcome, sent := outcomeTexts[r.Report.Outcome].In(p.locale), fmt.Sprint(r.Report.Emails.Sent)
		if r.FinishedAt.IsZero() { // it is at work, or died: how much it sent is not on record
			outcome, sent = p.say("belum selesai", "not finished"), "?"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.StartedAt.In(s.Zone).Format(dayAndTime), outcome, sent,
			cmp.Or(clip(p.reason(r.Report.Reason), 34), "-"))
	}
}

// stateTexts names the states of an email, outcomeTexts the outcomes of a run.
var (
	stateTexts = map[reminder.State]reminder.Text{
		reminder.StateSent:     {ID: "Terkirim", EN: "Sent"},
		reminder.StateFailed:   {ID: "Gagal", EN: "Failed"},
		reminder.StateUnknown:  {ID: "Tidak pasti, mungkin terkirim", EN: "Unknown, may have been sent"},
		reminder.StateRefused:  {ID: "Ditolak", EN: "Refused"},
		reminder.StateCanceled: {ID: "Dibatalkan", EN: "Canceled"},
		reminder.StateExpired:  {ID: "Kedaluwarsa", EN: "Expired"},
		reminder.StateQueued:   {ID: "Menunggu", EN: "Waiting"},
		reminder.StateClaimed:  {ID: "Sedang disiapkan", EN: "Being prepared"},
		reminder.StateHandover: {ID: "Sedang diserahkan", EN: "Being handed over"},
	}
	outcomeTexts = map[reminder.RunOutcome]reminder.Text{
		reminder.RunDone: {ID: "selesai", EN: "done"}, reminder.RunHeld: {ID: "ditahan", EN: "held"}, reminder.RunPaused: {ID: "dijeda", EN: "paused"},
		reminder.RunClosed: {ID: "tutup", EN: "closed"}, reminder.RunStopped: {ID: "terhenti", EN: "stopped"}, reminder.RunPartial: {ID: "sebagian", EN: "partial"},
	}
)

// state names a state in the user's language.
func (p *program) state(s reminder.State) string {
	return strings.ToLower(stateTexts[s].In(p.locale))
}

// reason says a recorded reason in the user's language, without what lies behind it.
func (p *program) reason(recorded string) string {
	text, _ := reminder.Plainly(recorded)
	return text.In(p.locale)
}

// clip cuts a text so that a table fits a terminal.
func clip(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
