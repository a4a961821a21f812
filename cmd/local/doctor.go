package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor",
		Aliases: []string{"periksa"},
		Short:   p.say("Periksa semua yang bisa salah, sebelum salah", "Check all that can go wrong, before it does"),
		Long: p.say(`Memeriksa pengaturan, basis data, server surel (tanpa mengirim), tugas terjadwal dan komputer
ini. Setiap temuan menyebut apa yang salah, mengapa itu penting, dan perintah yang
memperbaikinya. Tidak ada yang ditulis atau dikirim; tidak ada nama atau alamat yang dicetak.

Kode keluar: 0 semua baik; 10 ada yang perlu dilihat orang; 75 basis data atau server surel
tidak menjawab; 78 pengaturan salah.`,
			`Checks the settings, the database, the mail server (without sending), the scheduled task and
this computer. Every finding says what is wrong, why it matters, and the command that mends
it. Nothing is written or sent; no name and no address is printed.

Exit codes: 0 all is well; 10 something needs a person; 75 the database or the mail server
does not answer; 78 wrong settings.`),
		Example: "  pengingat doctor\n  pengingat doctor --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			x := &examination{program: p}
			defer x.close()
			x.perform(cmd.Context())
			p.code = exitDone
			for _, f := range x.found { // what must be set up comes before what may mend itself
				p.code = max(p.code, f.code)
			}
			if p.asJSON {
				return p.printJSON(map[string]any{
					"version": reminder.Version, "exit_code": p.code, "findings": x.found,
				})
			}
			p.printFindings(x.found)
			return nil
		},
	}
	return p.jsonFlag(cmd)
}

// checks in the order in which one makes the next one possible. One whose basis is missing is left out: the one that found
// it missing has spoken. An error that a check returns is what it found.
var checks = []struct {
	name  string
	basis func(*examination) bool
	check func(*examination, context.Context) error
}{
	{"settings", always, (*examination).settings},
	{"access", always, (*examination).access},
	{"database", connected, (*examination).database},
	{"schema", connected, (*examination).schema},
	{"rights", readable, (*examination).rights},
	{"clock", always, (*examination).clock},
	{"loans", readable, (*examination).loans},
	{"speed", runnable, (*examination).speed},
	{"addresses", readable, (*examination).addresses},
	{"application", connected, (*examination).application},
	{"records", runnable, (*examination).records},
	{"mail", configured, (*examination).mailServer},
	{"sender", configured, (*examination).sender},
	{"dns", configured, (*examination).domain},
	{"task", always, (*examination).task},
	{"rival", always, (*examination).rivals},
	{"disk", always, (*examination).disk},
	{"log", configured, (*examination).log},
}

// What checks stand on.
func always(*examination) bool       { return true }
func configured(x *examination) bool { return x.app != nil }
func connected(x *examination) bool  { return x.store != nil }
func readable(x *examination) bool   { return x.usable }
func runnable(x *examination) bool   { return x.usable && x.app != nil }

// A finding is what one check has to say. Its texts are in the user's language and hold no name and no address.
type finding struct {
	Check    string `json:"check"`
	Severity string `json:"severity"` // ok, warn or fail
	What     string `json:"what"`
	Why      string `json:"why,omitempty"`
	Mend     string `json:"mend,omitempty"`    // a command, or what to do
	Details  string `json:"details,omitempty"` // what lies behind it, as a machine said it
	code     int    // exit code that it asks for
}

// printFindings prints them for a person, what needs one last, where it is still on the screen.
func (p *program) printFindings(all []finding) {
	marks := map[string]string{"ok": "ok", "warn": p.say("awas", "warn"), "fail": p.say("SALAH", "WRONG")}
	count := map[string]int{}
	slices.SortStableFunc(all, func(a, b finding) int {
		order := []string{"ok", "warn", "fail"}
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	for _, f := range all {
		count[f.Severity]++
		fmt.Fprintf(p.out, "%-6s %s\n", marks[f.Severity], wrap(f.What, 7))
		if f.Why != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("Mengapa: ", "Why: ")+f.Why, 9))
		}
		if f.Mend != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("Perbaiki: ", "Mend it: ")+f.Mend, 9))
		}
		if f.Details != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("Rincian: ", "Details: ")+f.Details, 9))
		}
	}
	if count["warn"]+count["fail"] == 0 {
		p.printf("\nSemua baik.", "\nAll is well.")
		return
	}
	p.printf("\n%d salah, %d perlu dilihat, %d baik.", "\n%d wrong, %d to look at, %d well.", count["fail"], count["warn"], count["ok"])
}

// wrap breaks a text at spaces so that it fits a terminal of 80 columns. The lines after the first are indented, beside what
// they begin with; "- " hangs out.
func wrap(text string, indent int) string {
	lines, margin := strings.Split(text, "\n"), strings.Repeat(" ", indent)
	for i, line := range lines {
		if indent+utf8.RuneCountInString(line) < 80 {
			continue
		}
		rest := strings.TrimLeft(line, " ")
		own := line[:len(line)-len(rest)]
		hanging := margin + own
		if strings.HasPrefix(rest, "- ") {
			hanging += "  "
		}
		lines[i] = own + letter.Fill(strings.Fields(rest), indent+len(own), 79, hanging)
	}
	return strings.Join(lines, "\n"+margin)
}

// An examination is what the checks learn on their way.
type examination struct {
	*program
	check string // the one at work
	found []finding

	app    *setup.App    // nil: the settings are wrong
	cfg    setup.Config  // as far as it could be read
	store  *mysql.Store  // nil: the database is not known or does not answer
	opened io.Closer     // the app, or without one the store
	off    time.Duration // by which the database's clock differs from ours
	jobs   int           // reminders in the queue of the Laravel application
	usable bool          // the tables and the view can be read
	online bool          // the mail server was reached
}

func (x *examination) perform(ctx context.Context) {
	for _, c := range checks {
		if !c.basis(x) {
			continue
		}
		x.check = c.name
		if err := c.check(x, ctx); err != nil {
			x.failed(err, "")
		}
	}
}

func (x *examination) close() {
	if x.opened != nil {
		_ = x.opened.Close() // as with every end of a program, there is nobody to tell
	}
}

func (x *examination) ok(id, en string, args ...any) {
	x.found = append(x.found, finding{Check: x.check, Severity: "ok", What: x.sayf(id, en, args...)})
}

// okUnlessFound is ok for a check that has found nothing.
func (x *examination) okUnlessFound(id, en string, args ...any) {
	if !slices.ContainsFunc(x.found, func(f finding) bool { return f.Check == x.check }) {
		x.ok(id, en, args...)
	}
}

func (x *examination) warn(what, why, mend string) {
	x.found = append(x.found, finding{Check: x.check, Severity: "warn", What: what, Why: why, Mend: mend, code: exitNeedsPerson})
}

// fail tells of something without which no mail goes out.
func (x *examination) fail(code int, what, why, mend string) {
	x.found = append(x.found, finding{Check: x.check, Severity: "fail", What: what, Why: why, Mend: mend, code: code})
}

// failed is fail for an error that says itself what to do.
func (x *examination) failed(err error, why string) {
	what, details := x.trouble(err)
	x.fail(errorCode(err), what, why, "")
	x.found[len(x.found)-1].Details = details
}

func (x *examination) settings(context.Context) error {
	app, err := x.program.app()
	if err != nil {
		mend := "pengingat init"
		if x.envFile != "" { // init does not take a file whose keys are misspelt
			mend = x.sayf("Betulkan yang disebut itu dalam %s.", "Correct what is named in %s.", x.envFile)
		}
		x.fail(exitConfig, reminder.Localize(err, x.locale),
			x.say("Tanpa pengaturan yang lengkap tidak ada yang dikirim.", "Without complete settings nothing is sent."), mend)
		if x.cfg, err = x.config(setup.LoadDatabase); err == nil { // the database can be looked at all the same
			if db, err := x.cfg.OpenDB(); err == nil {
				x.store = x.cfg.NewStore(db)
				x.opened = x.store
			}
		}
		return nil
	}
	x.app, x.cfg, x.store, x.opened = app, app.Config, app.Store, app
	x.ok("Pengaturan terbaca dari %s (pengingat %s)", "Settings read from %s (pengingat %s)",
		cmp.Or(x.envFile, x.say("variabel lingkungan", "environment variables")), reminder.Version)
	if x.cfg.Mailer == "file" || x.cfg.Mailer == "log" {
		x.warn(x.sayf("MAIL_MAILER=%s: surel hanya ditulis ke folder %s.", "MAIL_MAILER=%s: mails are only written into the folder %s.", x.cfg.Mailer, x.cfg.MailFileDir),
			x.say("Peminjam tidak menerima apa pun, tetapi pengingatnya tercatat sebagai terkirim.", "Borrowers receive nothing, but their reminders are on record as sent."), "MAIL_MAILER=smtp")
	}
	if len(x.cfg.OnlyTo) > 0 {
		x.warn(x.say("REMINDER_ONLY_TO masih terisi.", "REMINDER_ONLY_TO is still set."),
			x.say("Hanya alamat di situ yang menerima surel; semua peminjam lain ditahan.", "Only the addresses in it get mail; all other borrowers are withheld."),
			x.say("Hapus REMINDER_ONLY_TO dari pengaturan bila percobaan selesai.", "Remove REMINDER_ONLY_TO from the settings when you are done trying."))
	}
	return nil
}

func (x *examination) database(ctx context.Context) error {
	sv, err := x.store.Server(ctx)
	if err != nil {
		x.store = nil
		x.failed(err, x.say("Pinjaman dibaca dari sana, dan catatan pengingat ada di sana.",
			"Loans are read from there, and the record of reminders is there."))
		return nil
	}
	x.ok("Basis data menjawab: %s", "The database answers: %s", sv.Version)
	if !strings.Contains(sv.SQLMode, "STRICT_ALL_TABLES") {
		x.warn(x.sayf("Mode SQL yang diminta tidak berlaku (yang berlaku: %s).", "The SQL mode asked for is not in force (in force: %s).", sv.SQLMode),
			x.say("Tanpa mode ketat basis data memotong kunci yang terlalu panjang, dan dua pinjaman menjadi satu.", "Without strict mode the database cuts keys that are too long, and two loans become one."),
			x.say("Hubungkan program langsung ke MySQL/MariaDB, tanpa proxy di antaranya.", "Connect the program to MySQL/MariaDB directly, without a proxy between."))
	}
	x.off = sv.Clock.Sub(x.machine.now()).Abs()
	return nil
}

func (x *examination) schema(ctx context.Context) error {
	if err := x.store.Check(ctx); err != nil {
		x.failed(err, x.say("Tanpa tabel dan view itu program tidak tahu pinjaman apa yang ada dan apa yang sudah dikirim.",
			"Without these tables and that view the program knows neither the loans nor what was sent."))
		return nil
	}
	x.usable = true
	x.ok("Tabel dan view lengkap (versi %d)", "Tables and view are complete (version %d)", mysql.SchemaVersion)
	other, err := x.store.NotInnoDB(ctx)
	if err != nil {
		return err
	}
	if len(other) > 0 {
		x.fail(exitConfig, x.sayf("Bukan tabel InnoDB: %s.", "Not InnoDB tables: %s.", strings.Join(other, ", ")),
			x.say("Hanya InnoDB punya transaksi; tanpa itu pengingat bisa hilang atau terkirim dua kali.", "Only InnoDB has transactions; without them reminders may be lost or sent twice."),
			fmt.Sprintf("ALTER TABLE %s ENGINE=InnoDB;", other[0]))
	}
	return nil
}

func (x *examination) rights(ctx context.Context) error {
	grants := x.say("Jalankan deploy/grants.sql sebagai administrator basis data, lalu pakai pengguna itu (DB_USERNAME).",
		"Run deploy/grants.sql as the database's administrator, then use that user (DB_USERNAME).")
	lacking, err := x.store.Lacking(ctx)
	if err != nil {
		return err
	}
	excess, err := x.store.Excess(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(lacking) > 0:
		x.fail(exitConfig, x.sayf("Pengguna basis data tidak punya hak: %s.", "The database user lacks these rights: %s.", strings.Join(lacking, ", ")),
			x.say("Run akan berhenti di tengah jalan.", "A run will stop half-way."), grants)
	case len(excess) > 0:
		x.warn(x.sayf("Pengguna basis data punya hak lebih dari yang perlu: %s.", "The database user has more rights than it needs: %s.", brief(excess)),
			x.say("Siapa pun yang membaca berkas pengaturan dapat mengubah atau menghapus data perpustakaan.", "Whoever reads the settings file can change or delete the library's data."), grants)
	default:
		x.ok("Hak basis data pas: pinjaman hanya dibaca", "Rights in the database are just enough: loans are only read")
	}
	return nil
}

// brief shows the beginning of a list.
func brief(list []string) string {
	text := strings.Join(list[:min(2, len(list))], "; ")
	if len(text) > 120 {
		text = text[:120] + "…"
	}
	if len(list) > 2 {
		text += fmt.Sprintf(" (+%d)", len(list)-2)
	}
	return text
}

func (x *examination) clock(context.Context) error {
	if x.off > 2*time.Minute {
		x.warn(x.sayf("Jam komputer ini dan jam basis data berbeda %d menit.", "The clocks of this computer and of the database differ by %d minutes.",
			int(x.off.Round(time.Minute).Minutes())),
			x.say("Salah satu salah: pengingat dapat terlalu awal atau terlambat sehari.", "One of them is wrong: reminders may be a day early or late."),
			x.say("Setel tanggal dan jam komputer secara otomatis (Windows: Pengaturan > Waktu & bahasa).", "Let the computer set date and time by itself (Windows: Settings > Time & language)."))
	}
	if x.app == nil {
		return nil
	}
	now := x.app.Runner.Now()
	zone := x.app.Runner.Settings.Zone
	_, ours := now.In(zone).Zone()
	_, machine := now.In(x.machine.zone).Zone()
	if ours != machine {
		x.warn(x.sayf("APP_TIMEZONE=%s, di sana sekarang pukul %s, tetapi jam komputer ini menunjukkan %s.",
			"APP_TIMEZONE=%s, where it is %s now, but this computer's clock shows %s.", zone, now.In(zone).Format("15:04"), now.In(x.machine.zone).Format("15:04")),
			x.say("Jam kirim dan tanggal jatuh tempo mengikuti APP_TIMEZONE, tugas terjadwal mengikuti komputer.", "Send window and due dates follow APP_TIMEZONE, the scheduled task follows the computer."),
			x.say("Isi APP_TIMEZONE dengan zona perpustakaan: WIB, WITA atau WIT. Bila sudah benar, setel zona waktu komputer ini.",
				"Set APP_TIMEZONE to the library's zone. If it is right, set this computer's time zone."))
		return nil
	}
	x.ok("Jam %s, %s", "Clock %s, %s", now.In(zone).Format("2006-01-02 15:04"), zone)
	return nil
}

func (x *examination) loans(ctx context.Context) error {
	counted, err := x.store.CountLoans(ctx, reminder.DateOf(x.machine.now(), x.machine.zone))
	if err != nil {
		return err
	}
	x.ok("%d pinjaman terbuka", "%d open loans", counted.Open)
	_, found, err := x.store.CheckView(ctx, reminder.DateOf(x.machine.now(), x.machine.zone))
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Note {
			x.ok("%s", "%s", f.Text.In(x.locale))
		}
		if f.Serious { // the others are told by the check of addresses, or may be meant
			x.warn(x.sayf("View reminder_loans: %s.", "The view reminder_loans: %s.", f.Text.In(x.locale)),
				x.say("Pinjaman itu diingatkan dengan salah, atau tidak sama sekali.", "These loans are told about wrongly, or not at all."),
				x.say("Perbaiki datanya, atau view-nya (docs/sources.md).", "Mend the data, or the view (docs/sources.md)."))
		}
	}
	return nil
}

// speed measures what a run reads.
func (x *examination) speed(ctx context.Context) error {
	today := reminder.DateOf(x.app.Runner.Now(), x.app.Runner.Settings.Zone)
	rules, err := x.app.Runner.Rules(ctx, today)
	if err != nil {
		return err
	}
	first, last := rules.Reach(today)
	found, err := x.store.CheckScan(ctx, first, last, x.machine.now)
	if err != nil {
		return err
	}
	for _, f := range found {
		x.warn(x.sayf("Lambat: %s.", "Slow: %s.", f.Text.In(x.locale)),
			x.say("Selama itu run belum mengirim apa pun.", "For that long a run sends nothing."), x.say("Buat indeks itu; aplikasi perpustakaan tidak terganggu.", "Make that index; the library's system is not disturbed."))
	}
	return nil
}

// suspect are the usual typing errors in domains.
var suspect = []string{
	"gmial.com", "gmai.com", "gmal.com", "gamil.com", "gmail.co", "gmail.con", "gmail.co.id", "yaho.com", "yahoo.con", "hotmial.com",
}

// isSuspect reports whether nobody has a mailbox at a domain.
func isSuspect(domain string) bool {
	return setup.IsPlaceholder(domain) || slices.Contains(suspect, domain) || slices.ContainsFunc([]string{".test", ".invalid", ".example", ".localhost", ".local"},
		func(end string) bool { return strings.HasSuffix(domain, end) })
}

// A contactSurvey says how many borrowers with an open loan a mail can reach.
type contactSurvey struct {
	Borrowers   int            `json:"borrowers"`
	Unreachable int            `json:"unreachable"` // no usable address, or it was refused for good
	several     int            // with more than one address
	suspect     map[string]int // by domain
	torn, wrong []string       // borrowers, by what is wrong with what stands in the field
}

func contacts(ctx context.Context, store *mysql.Store) (c contactSurvey, err error) {
	borrowers, err := store.Borrowers(ctx)
	if err != nil {
		return c, err
	}
	bad, err := store.BadAddresses(ctx)
	if err != nil {
		return c, err
	}
	c.suspect = map[string]int{}
	for _, b := range borrowers {
		c.Borrowers++
		addr, verdict := reminder.Rules{BadAddresses: bad}.Address(b)
		if verdict != reminder.VerdictDue {
			c.Unreachable++
			_, err := mail.ParseAddress(b.Email)
			switch {
			case errors.Is(err, mail.ErrTornAddress):
				c.torn = append(c.torn, b.ID)
			case err != nil && strings.Trim(b.Email, " -") != "":
				c.wrong = append(c.wrong, b.ID)
			}
			continue
		}
		if strings.Count(b.Email, "@") > 1 {
			c.several++
		}
		if isSuspect(addr.Domain()) {
			c.suspect[addr.Domain()]++
		}
	}
	return c, nil
}

func (x *examination) addresses(ctx context.Context) error {
	c, err := contacts(ctx, x.store)
	if err != nil {
		return err
	}
	x.ok("%d dari %d peminjam dapat dihubungi lewat surel", "%d of %d borrowers can be reached by e-mail", c.Borrowers-c.Unreachable, c.Borrowers)
	mend := x.say("'pengingat report --open' menunjukkan siapa; perbaiki alamatnya di aplikasi perpustakaan.", "'pengingat report --open' shows who; mend the addresses in the library's system.")
	if c.Unreachable > 0 {
		x.warn(x.sayf("%d dari %d peminjam tidak dapat dihubungi lewat surel.", "%d of %d borrowers cannot be reached by e-mail.", c.Unreachable, c.Borrowers),
			x.say("Alamatnya kosong, salah tulis, atau pernah ditolak server: mereka tidak diingatkan.", "Their address is empty, misspelt, or was refused by a server: they are not reminded."), mend)
	}
	if len(c.torn) > 0 {
		x.warn(x.sayf("%d alamat mungkin hanya separuhnya (nomor peminjam: %s).",
			"%d addresses may be one half only (borrowers: %s).", len(c.torn), brief(c.torn)),
			x.say("Koma, spasi atau tanda lain di dalam alamat? Separuhnya bisa milik orang lain, jadi tidak dipakai.",
				"A comma, a blank or another sign inside the address? Its half may be somebody else's, so it is not used."), mend)
	}
	if len(c.wrong) > 0 {
		x.warn(x.sayf("%d alamat salah tulis (nomor peminjam: %s).", "%d addresses are misspelt (borrowers: %s).", len(c.wrong), brief(c.wrong)),
			x.say("Yang tertulis di sana bukan alamat surel.", "What stands there is no e-mail address."), mend)
	}
	for _, domain := range slices.Sorted(maps.Keys(c.suspect)) {
		x.warn(x.sayf("%d peminjam beralamat di %s.", "%d borrowers have an address at %s.", c.suspect[domain], domain),
			x.say("Itu domain contoh, milik orang lain, atau salah ketik: surelnya tidak sampai, dan akun pengirim dianggap spam.", "That is a domain for examples, somebody else's, or a typing error: the mail does not arrive, and your account looks like a spammer's."), mend)
	}
	if c.several > 0 {
		x.warn(x.sayf("%d peminjam punya beberapa alamat dalam satu kolom.", "%d borrowers have several addresses in one field.", c.several),
			x.say("Hanya alamat pertama yang dipakai.", "Only the first one is used."), mend)
	}
	return nil
}

// application looks into the tables of the school's Laravel application, where it may.
func (x *examination) application(ctx context.Context) error {
	school, readable, err := x.store.School(ctx)
	switch {
	case err != nil:
		return err
	case !readable:
		x.ok("Tabel aplikasi tidak terbaca oleh program ini (memang begitu dengan hak yang pas)", "The application's tables cannot be read by this program (as it should be)")
		return nil
	}
	known := []string{"Diproses", "Dipinjam", "Dikembalikan", "Terlambat", "Dibatalkan"}
	for _, status := range slices.Sorted(maps.Keys(school.Statuses)) {
		if !slices.Contains(known, status) {
			x.warn(x.sayf("%d pinjaman berstatus %q, yang tidak dikenal.", "%d loans have the status %q, which is not known.", school.Statuses[status], status),
				x.say("Pinjaman itu tidak diingatkan: hanya Dipinjam dan Terlambat yang berarti belum kembali.", "Nobody is reminded of them: only Dipinjam and Terlambat mean that the book is out."),
				x.say("Bila status itu berarti belum kembali, ubah view: 'pengingat migrate --print --source perpustakaan'.", "If that status means that the book is out, change the view: 'pengingat migrate --print --source perpustakaan'."))
		}
	}
	if school.SampleMail > 0 {
		x.warn(x.sayf("%d peminjam masih beralamat @perpustakaan.com.", "%d borrowers still have an address @perpustakaan.com.", school.SampleMail),
			x.say("Itu alamat contoh aplikasi, dan domainnya milik orang lain: program tidak pernah mengirim ke sana.", "That is the application's sample address, and the domain is somebody else's: the program never sends there."),
			x.say("Isi alamat mereka yang sebenarnya di aplikasi perpustakaan.", "Enter their real addresses in the library's system."))
	}
	if x.jobs = school.Jobs; x.jobs == 0 {
		x.okUnlessFound("Tabel aplikasi Laravel tidak menunjukkan masalah", "The Laravel application's tables show no trouble")
	}
	return nil
}

// records tries a run without writing, and looks at what is on record.
func (x *examination) records(ctx context.Context) error {
	st, err := x.standing(ctx, x.app)
	if err != nil {
		return err
	}
	for _, n := range st.Notes {
		if n.Code != "log" { // has a check of its own
			x.warn(n.What, n.Why, n.Mend)
		}
	}
	x.okUnlessFound("Catatan pengingat tidak menunjukkan masalah", "The record of reminders shows no trouble")
	return nil
}

func (x *examination) mailServer(ctx context.Context) error {
	smtp, isSMTP := x.app.Runner.Sender.(*mail.SMTP)
	if !isSMTP {
		if x.cfg.Mailer == "sendgrid" {
			x.ok("SendGrid tidak dapat dicoba tanpa mengirim: pakai 'pengingat test-mail --to ALAMAT'", "SendGrid cannot be tried without sending: use 'pengingat test-mail --to ADDRESS'")
		}
		return nil
	}
	x.microsoft()
	steps := smtp.Probe(ctx)
	last := steps[len(steps)-1]
	if last.Err != nil {
		x.failed(x.mailFault(x.cfg, last.Err), x.say("Selama begini semua pengingat menunggu.", "As long as this lasts all reminders wait."))
		return nil
	}
	x.online = true
	how := x.say("tanpa login", "without login")
	if x.cfg.MailUsername != "" {
		how = x.say("login diterima", "login accepted")
	}
	x.ok("Server surel %s menjawab, %s", "The mail server %s answers, %s", x.cfg.MailHost, how)
	return nil
}

// microsoft tells in time of a login that Microsoft 365 takes away (Exchange team blog, 27 January 2026).
func (x *examination) microsoft() {
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	if at.include != "spf.protection.outlook.com" || x.cfg.MailUsername == "" || x.cfg.MailToken != "" {
		return
	}
	x.warn(x.say("Microsoft 365 mematikan login SMTP dengan kata sandi mulai akhir Desember 2026.", "Microsoft 365 switches the SMTP login with a password off from the end of December 2026."),
		x.say("Sesudah itu login ditolak dan semua pengingat menunggu. Pengelola Microsoft 365 dapat menyalakannya lagi untuk organisasi yang sudah memakainya; kapan berakhir sama sekali, belum diumumkan.",
			"After that the login is refused and all reminders wait. The Microsoft 365 administrator of an organisation that used it before can switch it on again; when it ends altogether is not announced yet."),
		x.say("Minta pengelola Microsoft 365 membiarkan 'SMTP AUTH' menyala untuk akun ini, atau pakai penyedia surel lain (MAIL_HOST).",
			"Ask the Microsoft 365 administrator to keep 'SMTP AUTH' on for this account, or use another mail provider (MAIL_HOST)."))
}

// A provider is a mail service with its rules about senders.
type provider struct {
	host, include string   // end of its server's name; what an SPF record includes for it
	selectors     []string // where its customers publish DKIM keys
	free          []string // domains that it alone may send for
	limit         int      // emails a day for one account
}

var providers = []provider{
	{".gmail.com", "_spf.google.com", []string{"google"}, []string{"gmail.com", "googlemail.com"}, 500},
	{".office365.com", "spf.protection.outlook.com", []string{"selector1", "selector2"}, nil, 10000},
	{".outlook.com", "spf.protection.outlook.com", nil, []string{"outlook.com", "hotmail.com", "live.com"}, 300},
	{".yahoo.com", "", nil, []string{"yahoo.com", "yahoo.co.id", "ymail.com"}, 500},
	{".sendgrid.net", "", []string{"s1"}, nil, 0},
	{"api.sendgrid.com", "", []string{"s1"}, nil, 0},
}

// providerOf returns the provider behind a mailer and its host, or the zero provider.
func providerOf(mailer, host string) provider {
	if mailer == "sendgrid" {
		host = "api.sendgrid.com"
	}
	for _, p := range providers {
		if strings.HasSuffix(strings.ToLower(host), p.host) {
			return p
		}
	}
	return provider{}
}

// isProviders reports whether a domain belongs to a provider, which alone may send for it.
func isProviders(domain string) bool {
	return slices.ContainsFunc(providers, func(p provider) bool { return slices.Contains(p.free, domain) })
}

// sender holds MAIL_FROM_ADDRESS against the account that sends.
func (x *examination) sender(context.Context) error {
	from := x.app.Runner.Settings.From
	login, err := mail.ParseAddress(x.cfg.MailUsername)
	knowsLogin := err == nil && x.cfg.Mailer == "smtp"
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	if isSuspect(from.Domain()) && x.cfg.Mailer != "file" && x.cfg.Mailer != "log" {
		x.fail(exitConfig, x.sayf("MAIL_FROM_ADDRESS beralamat di %s, sebuah domain contoh.", "MAIL_FROM_ADDRESS is at %s, a domain for examples.", from.Domain()),
			x.say("Surel dari sana ditolak atau masuk spam, dan jawaban peminjam hilang.", "Mail from there is refused or taken for spam, and borrowers' answers are lost."), x.say("MAIL_FROM_ADDRESS=alamat perpustakaan sendiri", "MAIL_FROM_ADDRESS=the library's own address"))
		return nil
	}
	switch {
	case knowsLogin && at.host == ".gmail.com" && !strings.EqualFold(from.Addr, login.Addr):
		x.warn(x.say("MAIL_FROM_ADDRESS bukan alamat akun MAIL_USERNAME.", "MAIL_FROM_ADDRESS is not the address of the account MAIL_USERNAME."),
			x.say("Gmail menggantinya dengan alamat akun, kecuali alamat itu terdaftar di sana sebagai 'Kirim email sebagai'.", "Gmail replaces it with the account's address, unless it is registered there under 'Send mail as'."), "MAIL_FROM_ADDRESS=MAIL_USERNAME")
	case knowsLogin && from.Domain() != login.Domain():
		x.warn(x.sayf("MAIL_FROM_ADDRESS di %s, tetapi akunnya di %s.", "MAIL_FROM_ADDRESS is at %s, but the account is at %s.", from.Domain(), login.Domain()),
			x.say("Banyak server menolak pengirim yang bukan milik akunnya.", "Many servers refuse a sender that is not the account's."), "pengingat test-mail --to "+x.say("ALAMAT", "ADDRESS"))
	case isProviders(from.Domain()) && at.host != "" && !slices.Contains(at.free, from.Domain()):
		x.warn(x.sayf("MAIL_FROM_ADDRESS di %s, tetapi dikirim lewat penyedia lain.", "MAIL_FROM_ADDRESS is at %s, but another provider sends.", from.Domain()),
			x.say("Penerima menganggapnya palsu (DMARC) dan menolaknya.", "Receivers take it for a forgery (DMARC) and refuse it."), x.say("Pakai alamat dari domain sendiri, atau server penyedia alamat itu.", "Use an address of your own domain, or the server of that address's provider."))
	}
	if at.limit > 0 && (x.cfg.MailDailyLimit == 0 || x.cfg.MailDailyLimit > at.limit) {
		x.warn(x.sayf("MAIL_DAILY_LIMIT=%d, padahal penyedia ini membatasi sekitar %d surel sehari.", "MAIL_DAILY_LIMIT=%d, but this provider allows some %d mails a day.", x.cfg.MailDailyLimit, at.limit),
			x.say("Di atas batas itu akun diblokir sehari, juga untuk surel biasa.", "Above it the account is blocked for a day, for ordinary mail too."), fmt.Sprintf("MAIL_DAILY_LIMIT=%d", at.limit*4/5))
	}
	x.okUnlessFound("Pengirim cocok dengan akunnya", "The sender fits the account")
	return nil
}

// domain asks DNS whether receivers can know the sender's domain. Without an answer it says nothing: that is no fault of
// the domain.
func (x *examination) domain(ctx context.Context) error {
	if x.cfg.Mailer == "smtp" && !x.online || x.cfg.Mailer == "file" || x.cfg.Mailer == "log" {
		return nil
	}
	name := x.app.Runner.Settings.From.Domain()
	if isSuspect(name) || isProviders(name) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	record := func(name, prefix string) (text string, answered bool) {
		texts, err := x.machine.lookupTXT(ctx, name)
		dns, isDNS := errors.AsType[*net.DNSError](err)
		i := slices.IndexFunc(texts, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), prefix) })
		if i >= 0 {
			text = texts[i]
		}
		return text, err == nil || isDNS && dns.IsNotFound
	}
	// A network without a way out may answer that no name exists. It then does not know this one either.
	if known, _ := record("gmail.com", "v=spf1"); known == "" {
		return nil
	}
	why := x.say("Penerima tidak dapat memastikan surel itu sungguh dari sekolah, dan memasukkannya ke spam.", "Receivers cannot tell that mail is really from the school, and take it for spam.")
	ask := func(entry string) string {
		return x.sayf("Minta pengelola domain %s menambah %s.", "Ask whoever runs the domain %s to add %s.", name, entry)
	}
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	spf, answered := record(name, "v=spf1")
	switch {
	case !answered:
		return nil
	case spf == "" && at.host != ".sendgrid.net" && at.host != "api.sendgrid.com": // SendGrid's is on a name of its own
		x.warn(x.sayf("Domain %s tidak punya catatan SPF.", "The domain %s has no SPF record.", name), why,
			ask(cmp.Or(map[bool]string{true: "TXT \"v=spf1 include:" + at.include + " ~all\""}[at.include != ""], "SPF")))
	case at.include != "" && spf != "" && !strings.Contains(spf, at.include):
		x.warn(x.sayf("SPF domain %s tidak menyebut server yang mengirim.", "The SPF record of %s does not name the server that sends.", name), why, ask("include:"+at.include))
	}
	if dmarc, answered := record("_dmarc."+name, "v=dmarc1"); answered && dmarc == "" {
		x.warn(x.sayf("Domain %s tidak punya catatan DMARC.", "The domain %s has no DMARC record.", name), why, ask("TXT _dmarc \"v=DMARC1; p=none\""))
	}
	// A DKIM key can only be looked for under its selector, which is known for these providers alone.
	found, asked := false, false
	for _, selector := range at.selectors {
		key, answered := record(selector+"._domainkey."+name, "")
		found, asked = found || strings.Contains(key, "p="), asked || answered
	}
	if asked && !found {
		x.warn(x.sayf("Domain %s tidak punya kunci DKIM dari penyedia surelnya.", "The domain %s has no DKIM key of its mail provider.", name), why,
			x.say("Nyalakan DKIM di pengaturan penyedia surel (Google: Admin > Gmail > Authenticate email).", "Switch DKIM on at the mail provider (Google: Admin > Gmail > Authenticate email)."))
	}
	x.okUnlessFound("Domain %s dikenal penerima (SPF, DMARC)", "Receivers can know the domain %s (SPF, DMARC)", name)
	return nil
}

// The results that Task Scheduler itself puts in the place of an exit code.
const (
	taskDisabled   = 0x41302
	taskNotYetRun  = 0x41303
	taskTerminated = 0x41306
	taskRunning    = 0x41301
)

// task asks the scheduler of the system for ours.
func (x *examination) task(ctx context.Context) error {
	why := x.say("Tanpa tugas terjadwal tidak ada yang dikirim dengan sendirinya.", "Without a scheduled task nothing is sent by itself.")
	result, err := x.lastResult(ctx)
	switch {
	case errors.Is(err, errNoTask):
		x.warn(x.say("Tugas terjadwal belum terpasang.", "The scheduled task is not installed."), why, "pengingat install")
	case err != nil:
		x.ok("Tugas terjadwal: tidak diketahui di sistem ini", "Scheduled task: not known on this system")
	case result == taskDisabled:
		x.warn(x.say("Tugas terjadwal dimatikan.", "The scheduled task is disabled."), why, "pengingat install")
	case result == exitDone || result == taskRunning || result == taskNotYetRun:
		x.ok("Tugas terjadwal terpasang, hasil terakhir baik", "The scheduled task is installed, its last result is good")
	case result == exitNeedsPerson || result == exitRetry:
		x.ok("Tugas terjadwal terpasang, hasil terakhir %d (lihat 'pengingat status')", "The scheduled task is installed, its last result is %d (see 'pengingat status')", result)
	case result == exitConfig:
		x.warn(x.say("Tugas terjadwal gagal: pengaturan salah (kode 78).", "The scheduled task failed: wrong settings (code 78)."),
			x.say("Tugas itu berjalan dengan akun lain: mungkin berkas pengaturannya tidak terbaca dari sana.", "The task runs under another account: perhaps the settings file cannot be read from there."), "pengingat install")
	case result == taskTerminated:
		x.ok("Tugas terjadwal terpasang; yang terakhir dihentikan orang (End task)", "The scheduled task is installed; the last one was ended by a person (End task)")
	default:
		x.warn(x.sayf("Tugas terjadwal terakhir gagal dengan kode %d (0x%X).", "The scheduled task failed last time with code %d (0x%X).", result, uint32(result)), why, "pengingat install")
	}
	return nil
}

var errNoTask = errors.New("there is no such task")

// lastResult asks the system for the exit code with which our task ended last.
func (x *examination) lastResult(ctx context.Context) (int, error) {
	switch x.machine.os {
	case "windows":
		row, err := x.taskRow(ctx)
		if _, answered := errors.AsType[*exec.ExitError](err); answered {
			return 0, errNoTask
		}
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(row[6])
	case "linux":
		out, err := x.machine.command(ctx, "systemctl", "show", "-p", "LoadState", "pengingat.timer")
		if err == nil && !strings.Contains(out, "LoadState=loaded") {
			err = errNoTask
		}
		if err != nil {
			return 0, err
		}
		if out, err = x.machine.command(ctx, "systemctl", "show", "-p", "ExecMainStatus", "pengingat.service"); err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out, "ExecMainStatus=")))
	}
	return 0, errors.ErrUnsupported
}

// taskRow asks schtasks about our task. Its columns are named in the language of Windows, so they are told by position:
// the third is when it runs next, the seventh its last result.
func (p *program) taskRow(ctx context.Context) ([]string, error) {
	out, err := p.machine.command(ctx, "schtasks", "/query", "/tn", `\`+taskName, "/v", "/fo", "CSV", "/nh")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	row, err := r.Read()
	if err == nil && len(row) < 7 {
		err = csv.ErrFieldCount
	}
	return row, err
}

// oldServices did the reminding before, in Laravel's way. deploy/windows/old-services.cmd switches them off.
var oldServices = []string{"LaravelScheduler", "LaravelQueueWorker"}

// rivals looks for the queue and the two services by which the Laravel application used to remind.
func (x *examination) rivals(ctx context.Context) error {
	if x.jobs > 0 {
		x.warn(x.sayf("%d pengingat lama masih antre di tabel jobs aplikasi Laravel.", "%d old reminders still wait in the Laravel application's table jobs.", x.jobs),
			x.say("Pengingat lama masih aktif: peminjam mendapat surel dari dua sistem.", "The old reminder is still active: borrowers get mail from two systems."),
			x.say("Matikan layanan lama seperti dalam docs/panduan/pindah.md.", "Switch the old services off as docs/panduan/pindah.md says."))
	}
	if x.machine.os != "windows" {
		return nil
	}
	for _, name := range oldServices {
		if out, err := x.machine.command(ctx, "sc", "query", name); err == nil && strings.Contains(out, "RUNNING") {
			x.warn(x.sayf("Layanan lama %s masih berjalan.", "The old service %s is still running.", name),
				x.say("Peminjam mendapat surel dari dua sistem.", "Borrowers get mail from two systems."), fmt.Sprintf("net stop %s & sc config %s start= disabled", name, name))
		}
	}
	return nil
}

func (x *examination) disk(context.Context) error {
	if x.cfg.LogFile == "" {
		return nil
	}
	folder := existing(filepath.Dir(x.cfg.LogFile))
	free, err := x.machine.freeSpace(folder)
	mb := free >> 20
	why := x.say("Bila disk penuh, basis data tidak dapat mencatat, dan run berhenti sebelum mengirim.", "When the disk is full, the database cannot record, and a run stops before it sends.")
	mend := x.say("Kosongkan ruang disk (Windows: Pengaturan > Sistem > Penyimpanan).", "Free some space (Windows: Settings > System > Storage).")
	switch {
	case err != nil:
		x.ok("Ruang disk: tidak diketahui", "Disk space: not known")
	case mb < 100:
		x.fail(exitNeedsPerson, x.sayf("Disk hampir penuh: tinggal %d MB.", "The disk is almost full: %d MB are left.", mb), why, mend)
	case mb < 1024:
		x.warn(x.sayf("Ruang disk tinggal %d MB.", "%d MB of disk space are left.", mb), why, mend)
	default:
		x.ok("Ruang disk %d GB", "Disk space %d GB", free>>30)
	}
	return nil
}

func (x *examination) log(context.Context) error {
	file := x.cfg.LogFile
	if file == "" {
		return nil
	}
	if fault := x.app.LogFault(); fault != nil {
		x.warn(reminder.Localize(fault, x.locale),
			x.say("Run tetap berjalan dan tercatat di basis data, tetapi tanpa log sebabnya sukar dicari.", "Runs go on and are on record in the database, but without a log causes are hard to find."),
			x.sayf("Periksa %s, atau ubah LOG_FILE.", "Look at %s, or change LOG_FILE.", file))
		return nil
	}
	var size int64
	files, _ := filepath.Glob(strings.TrimSuffix(file, filepath.Ext(file)) + "*") // the pattern is a path of ours
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	if size > 100<<20 {
		x.warn(x.sayf("Berkas log memakai %d MB.", "The log files take %d MB.", size>>20), x.say("Program ini menjaganya di bawah 30 MB; berkas lain bernama sama ikut terhitung.", "This program keeps them below 30 MB; other files of that name count too."),
			x.sayf("Hapus yang lama di %s.", "Delete old ones in %s.", filepath.Dir(file)))
		return nil
	}
	x.ok("Log %s (%d KB)", "Log %s (%d KB)", file, (size+1023)>>10)
	return nil
}

// quietly returns a runner whose runs leave no line in the log.
func quietly(r *reminder.Runner) *reminder.Runner {
	quiet := *r
	quiet.Log = slog.New(slog.DiscardHandler)
	return &quiet
}
