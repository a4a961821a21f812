package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) initCommand() *cobra.Command {
	var out, from string
	var set []string
	var yes, noTest, force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: p.say("Buat pengingat.env dari beberapa pertanyaan", "Make pengingat.env from a few questions"),
		Long: p.say(`Menanyakan beberapa hal, mencoba basis data dan server surel, lalu menulis pengingat.env di
samping program. Berkas .env aplikasi Laravel dapat menjadi titik awal (--from-env); berkas itu
sendiri tidak pernah diubah. Kata sandi tidak terlihat saat diketik.

Tanpa pertanyaan: --yes, dengan nilai dari --from-env, variabel lingkungan, dan --set. Kata
sandi lebih aman lewat variabel lingkungan daripada --set.`,
			`Asks a few questions, tries the database and the mail server, and writes pengingat.env beside
the program. A Laravel application's .env may be the starting point (--from-env); that file
itself is never changed. Passwords are not shown while they are typed.

Without questions: --yes, with values from --from-env, environment variables and --set. A
password is safer in an environment variable than in --set.`),
		Example: "  pengingat init --from-env D:\\web\\perpustakaan\\.env\n  pengingat init --yes --from-env .env --set MAIL_DAILY_LIMIT=400",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				dir, _, err := setup.Home()
				if err != nil {
					return err
				}
				out = filepath.Join(dir, "pengingat.env")
			}
			if err := p.mayWrite(out, force); err != nil {
				return err
			}
			values := p.environ
			if from != "" {
				var err error
				if values, _, err = setup.Environ(from, p.real); err != nil {
					return reminder.NewFault(err, "Berkas --from-env tidak dapat dibaca.",
						"The file --from-env cannot be read.")
				}
			} else if p.envErr != nil {
				return p.unreadableEnv()
			}
			w := &wizard{program: p, values: values, lines: bufio.NewReader(p.in), ask: !yes, test: !noTest}
			w.startFrom()
			for _, pair := range set {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || !slices.Contains(setup.Keys(), key) {
					return p.usagef("--set %q bukan KUNCI=NILAI dengan kunci yang dikenal", "--set %q is not KEY=VALUE with a known key", key)
				}
				w.values[key] = value
			}
			if err := w.run(cmd.Context()); err != nil {
				return err
			}
			if err := replaceFile(out, w.file); err != nil {
				return reminder.NewFault(err, "Berkas pengaturan tidak dapat ditulis. Pilih folder lain dengan --out.",
					"The settings file cannot be written. Choose another folder with --out.")
			}
			p.printf("\nTersimpan: %s (berisi kata sandi; jangan dibagikan)\nBerikutnya:\n  pengingat migrate --source perpustakaan\n  pengingat run --dry-run\n  pengingat install",
				"\nWritten: %s (it holds passwords; do not share it)\nNext:\n  pengingat migrate --source perpustakaan\n  pengingat run --dry-run\n  pengingat install", out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from-env", "", p.say("berkas .env Laravel sebagai titik awal", "Laravel's .env to start from"))
	f.StringArrayVar(&set, "set", nil, p.say("KUNCI=NILAI, boleh berulang", "KEY=VALUE, may be repeated"))
	f.StringVar(&out, "out", "", p.say("berkas yang ditulis (bawaan: pengingat.env di folder program)", "file to write (default: pengingat.env in the program's folder)"))
	f.BoolVar(&yes, "yes", false, p.say("jangan bertanya", "do not ask"))
	f.BoolVar(&noTest, "no-test", false, p.say("jangan coba basis data dan server surel", "do not try the database and the mail server"))
	f.BoolVar(&force, "force", false, p.say("timpa pengingat.env yang ada", "overwrite a pengingat.env that is there"))
	return cmd
}

// mayWrite refuses to write over what is there, and over anything that may be the application's own.
func (p *program) mayWrite(out string, force bool) error {
	if strings.EqualFold(filepath.Base(out), ".env") {
		return reminder.NewFault(nil, "Berkas bernama .env milik aplikasi Laravel dan tidak pernah ditulisi. Pilih nama lain, misalnya --out pengingat.env.",
			"A file named .env is the Laravel application's and is never written to. Choose another name, such as --out pengingat.env.")
	}
	data, err := os.ReadFile(out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return reminder.NewFault(err, "Berkas itu tidak dapat ditulis.", "That file cannot be written.")
	case bytes.Contains(data, []byte("APP_KEY=")):
		return reminder.NewFault(nil, "Berkas itu milik aplikasi Laravel (ada APP_KEY di dalamnya) dan tidak pernah ditulisi.",
			"That file is a Laravel application's (it holds an APP_KEY) and is never written to.")
	case !force:
		return reminder.NewFault(nil, fmt.Sprintf("%s sudah ada. '--force' menimpanya; isinya menjadi jawaban bawaan.", out),
			fmt.Sprintf("%s is there already. '--force' overwrites it; what is in it becomes the default answers.", out))
	}
	return nil
}

// A wizard gathers settings.
type wizard struct {
	*program
	values    map[string]string
	lines     *bufio.Reader
	ask, test bool
}

// startFrom mends what a fresh Laravel .env says and cannot mean here.
func (w *wizard) startFrom() {
	maps.DeleteFunc(w.values, func(_, value string) bool { return strings.EqualFold(value, "null") }) // MAIL_USERNAME=null
	if name := w.values["APP_NAME"]; name == "" || name == "Laravel" {
		w.values["APP_NAME"] = "Perpustakaan"
	}
	if zone := w.values["APP_TIMEZONE"]; zone == "" || zone == "UTC" { // the school's application does not use it
		w.values["APP_TIMEZONE"] = "Asia/Jakarta"
	}
	if from, err := mail.ParseAddress(w.values["MAIL_FROM_ADDRESS"]); err != nil || isSuspect(from.Domain()) {
		w.values["MAIL_FROM_ADDRESS"] = ""
	}
	if w.values["MAIL_MAILER"] == "log" {
		w.values["MAIL_MAILER"] = "file"
	}
}

// A question asks for one setting.
type question struct {
	key    string
	text   reminder.Text
	secret bool
	usual  func(values map[string]string) string // default answer when there is none yet
}

func usually(value string) func(map[string]string) string {
	return func(map[string]string) string { return value }
}

var (
	aboutLibrary = []question{
		{key: "APP_NAME", text: reminder.Text{ID: "Nama perpustakaan", EN: "Name of the library"}},
		{key: "APP_LOCALE", text: reminder.Text{ID: "Bahasa (id atau en)", EN: "Language (id or en)"}, usual: usually("id")},
		{key: "APP_TIMEZONE", text: reminder.Text{ID: "Zona waktu", EN: "Time zone"}},
	}
	aboutDatabase = []question{
		{key: "DB_HOST", text: reminder.Text{ID: "Server basis data", EN: "Database server"}, usual: usually("127.0.0.1")},
		{key: "DB_PORT", text: reminder.Text{ID: "Port", EN: "Port"}, usual: usually("3306")},
		{key: "DB_DATABASE", text: reminder.Text{ID: "Nama basis data", EN: "Name of the database"}, usual: usually("perpustakaan")},
		{key: "DB_USERNAME", text: reminder.Text{ID: "Pengguna basis data", EN: "Database user"}, usual: usually("root")},
		{key: "DB_PASSWORD", text: reminder.Text{ID: "Kata sandinya", EN: "Password"}, secret: true},
	}
	aboutMail = []question{
		{key: "MAIL_MAILER", text: reminder.Text{ID: "Cara kirim: smtp, sendgrid, atau file (hanya ke folder)", EN: "Send by smtp, sendgrid, or file (into a folder only)"}, usual: usually("smtp")},
		{key: "MAIL_HOST", text: reminder.Text{ID: "Server surel", EN: "Mail server"}, usual: usually("smtp.gmail.com")},
		{key: "MAIL_PORT", text: reminder.Text{ID: "Port", EN: "Port"}, usual: usually("587")},
		{key: "MAIL_USERNAME", text: reminder.Text{ID: "Akun surel", EN: "Mail account"}},
		{key: "MAIL_PASSWORD", text: reminder.Text{ID: "Kata sandinya (Gmail: Sandi Aplikasi 16 huruf)", EN: "Password (Gmail: the App Password of 16 letters)"}, secret: true},
		{key: "SENDGRID_API_KEY", text: reminder.Text{ID: "Kunci API SendGrid", EN: "SendGrid API key"}, secret: true},
		{key: "MAIL_FROM_ADDRESS", text: reminder.Text{ID: "Alamat pengirim", EN: "Sender's address"}, usual: func(values map[string]string) string { return values["MAIL_USERNAME"] }},
		{key: "MAIL_DAILY_LIMIT", text: reminder.Text{ID: "Paling banyak surel sehari (0: tak terbatas)", EN: "Mails a day at most (0: no limit)"}, usual: func(values map[string]string) string {
			return fmt.Sprint(providerOf(values["MAIL_MAILER"], values["MAIL_HOST"]).limit * 4 / 5)
		}},
	}
	aboutHabits = []question{
		{key: "REMINDER_CLOSED_WEEKDAYS", text: reminder.Text{ID: "Hari tutup tiap minggu, misalnya: minggu", EN: "Weekdays on which you are closed, such as: sunday"}},
	}
)

// concerns reports whether a question has a meaning for the mailer chosen.
func concerns(key, mailer string) bool {
	switch key {
	case "MAIL_HOST", "MAIL_PORT", "MAIL_USERNAME", "MAIL_PASSWORD":
		return mailer == "smtp"
	case "SENDGRID_API_KEY":
		return mailer == "sendgrid"
	case "MAIL_DAILY_LIMIT":
		return mailer != "file"
	}
	return true
}

// run asks, and tries what was answered before it goes on.
func (w *wizard) run(ctx context.Context) error {
	if w.ask {
		w.printf("Enter menerima jawaban dalam [ ]; tanda - mengosongkannya.\n", "Enter takes the answer in [ ]; a - empties it.\n")
	}
	for _, step := range []struct {
		questions []question
		try       func(context.Context) error
	}{
		{aboutLibrary, nil}, {aboutDatabase, w.tryDatabase}, {aboutMail, w.tryMail}, {aboutHabits, w.tryAll},
	} {
		for again := true; again; {
			for _, q := range step.questions {
				if concerns(q.key, w.values["MAIL_MAILER"]) {
					if err := w.answer(ctx, q); err != nil {
						return err
					}
				}
			}
			if step.try == nil {
				break
			}
			err := step.try(ctx)
			if err == nil {
				break
			}
			if !w.ask {
				return err
			}
			fmt.Fprintf(w.out, "%s %s\n", w.say("GAGAL", "FAILED"), wrap(reminder.Localize(err, w.locale), 6))
			if again, err = w.yes(ctx, w.say("Jawab lagi?", "Answer again?")); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer fills in one setting.
func (w *wizard) answer(ctx context.Context, q question) error {
	usual := w.values[q.key]
	if usual == "" && q.usual != nil {
		usual = q.usual(w.values)
	}
	w.values[q.key] = usual
	if !w.ask {
		return nil
	}
	shown := usual
	if q.secret && usual != "" {
		shown = "***"
	}
	typed, err := w.line(ctx, fmt.Sprintf("%s [%s]: ", q.text.In(w.locale), shown), q.secret)
	switch {
	case err != nil:
		return err
	case typed == "-":
		w.values[q.key] = ""
	case typed != "":
		w.values[q.key] = typed
	}
	if q.key == "APP_LOCALE" {
		w.locale = w.values[q.key]
	}
	return nil
}

// yes asks a question that is answered yes by Enter.
func (w *wizard) yes(ctx context.Context, text string) (bool, error) {
	typed, err := w.line(ctx, text+w.say(" [Y/t] ", " [Y/n] "), false)
	return typed == "" || strings.ContainsAny(typed[:1], "YyJj"), err
}

// line reads what a person types. A secret is not shown on a terminal.
func (w *wizard) line(ctx context.Context, prompt string, secret bool) (string, error) {
	fmt.Fprint(w.out, prompt)
	read := func() (string, error) { return w.lines.ReadString('\n') }
	if f, ok := w.in.(*os.File); ok && secret && term.IsTerminal(int(f.Fd())) {
		state, err := term.GetState(int(f.Fd()))
		if err != nil {
			return "", err
		}
		// Ctrl-C leaves the read below behind; the terminal must show again what is typed.
		defer term.Restore(int(f.Fd()), state)
		read = func() (string, error) {
			typed, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(w.out)
			return string(typed) + "\n", err
		}
	}
	type answer struct {
		text string
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := read()
		typed <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-typed:
		if a.err != nil && (a.text == "" || !errors.Is(a.err, io.EOF)) {
			return "", reminder.NewFault(a.err, "Tidak ada jawaban lagi; tidak ada yang ditulis. Tanpa pertanyaan: --yes.",
				"There are no more answers; nothing was written. Without questions: --yes.")
		}
		return strings.TrimSpace(a.text), nil
	}
}

func (w *wizard) tryDatabase(ctx context.Context) error {
	cfg, err := setup.LoadDatabase(w.values)
	if err != nil || !w.test {
		return err
	}
	db, err := cfg.OpenDB()
	if err != nil {
		return err
	}
	defer db.Close()
	sv, err := cfg.NewStore(db).Server(ctx)
	if err == nil {
		w.printf("ok  basis data menjawab: %s", "ok  the database answers: %s", sv.Version)
	}
	return err
}

func (w *wizard) tryMail(ctx context.Context) error {
	if err := w.tryAll(ctx); err != nil || !w.test || w.values["MAIL_MAILER"] != "smtp" {
		return err
	}
	cfg, err := setup.Load(w.values)
	if err != nil {
		return err
	}
	smtp, err := cfg.SMTP()
	if err != nil {
		return err
	}
	steps := smtp.Probe(ctx)
	if err := steps[len(steps)-1].Err; err != nil {
		return w.mailFault(cfg, err)
	}
	w.printf("ok  server surel menjawab, tidak ada yang dikirim", "ok  the mail server answers, nothing was sent")
	return nil
}

// tryAll checks the settings without connecting to anything.
func (w *wizard) tryAll(context.Context) error {
	_, err := setup.Load(w.values)
	return err
}

// settingsFile has the settings in the order of the file, each with what it means. A setting without a value is written
// as a comment with its default.
var settingsFile = []struct {
	key, usual string
	text       reminder.Text
}{
	{"APP_NAME", "", reminder.Text{ID: "Nama perpustakaan, seperti dalam surel.", EN: "Name of the library, as it stands in mails."}},
	{"APP_LOCALE", "id", reminder.Text{ID: "Bahasa surel dan program: id atau en.", EN: "Language of mails and program: id or en."}},
	{"APP_TIMEZONE", "Asia/Jakarta", reminder.Text{ID: "Asia/Jakarta (WIB), Asia/Makassar (WITA), Asia/Jayapura (WIT).", EN: "Time zone of the library."}},
	{"APP_URL", "", reminder.Text{ID: "Situs perpustakaan, bila dapat dibuka dari luar.", EN: "Site of the library, if it opens from outside."}},
	{"DB_HOST", "127.0.0.1", reminder.Text{ID: "Basis data aplikasi perpustakaan.", EN: "The library's database."}},
	{"DB_PORT", "3306", reminder.Text{}},
	{"DB_DATABASE", "", reminder.Text{}},
	{"DB_USERNAME", "root", reminder.Text{ID: "Lebih aman: pengguna dari deploy/grants.sql.", EN: "Safer: the user of deploy/grants.sql."}},
	{"DB_PASSWORD", "", reminder.Text{}},
	{"MAIL_MAILER", "", reminder.Text{ID: "smtp, sendgrid, atau file (surel hanya ditulis ke folder 'mails').", EN: "smtp, sendgrid, or file (mails are only written into the folder 'mails')."}},
	{"MAIL_HOST", "", reminder.Text{}},
	{"MAIL_PORT", "587", reminder.Text{}},
	{"MAIL_USERNAME", "", reminder.Text{}},
	{"MAIL_PASSWORD", "", reminder.Text{ID: "Untuk Gmail: Sandi Aplikasi 16 huruf, bukan kata sandi biasa.", EN: "For Gmail: an App Password of 16 letters, not the normal one."}},
	{"MAIL_FROM_ADDRESS", "", reminder.Text{ID: "Pengirim. Pada Gmail sama dengan akunnya.", EN: "The sender. With Gmail the account itself."}},
	{"MAIL_REPLY_TO", "", reminder.Text{ID: "Ke mana jawaban peminjam pergi, bila bukan ke pengirim.", EN: "Where borrowers' answers go, if not to the sender."}},
	{"MAIL_DAILY_LIMIT", "0", reminder.Text{ID: "Paling banyak surel dalam 24 jam; yang paling mendesak lebih dulu. 0: tak terbatas.", EN: "Mails in 24 hours at most; the most urgent first. 0: no limit."}},
	{"REMINDER_SCHEDULE", reminder.DefaultSchedule, reminder.Text{ID: "Hari pengingat dihitung dari jatuh tempo; +7: ulangi setiap 7 hari.", EN: "Days of reminders from the due date; +7: repeat every 7 days."}},
	{"REMINDER_WINDOW", "07:00-20:00", reminder.Text{ID: "Jam kirim.", EN: "When mail may be sent."}},
	{"REMINDER_CLOSED_WEEKDAYS", "minggu", reminder.Text{ID: "Hari tutup tiap minggu. Libur bertanggal: pengingat closed add.", EN: "Closed every week. Dated holidays: pengingat closed add."}},
	{"REMINDER_ONLY_TO", "", reminder.Text{ID: "Untuk mencoba: hanya alamat ini yang menerima surel.", EN: "For trying: only these addresses get mail."}},
	{"REMINDER_SUMMARY_TO", "", reminder.Text{ID: "Ringkasan pagi untuk pustakawan.", EN: "The morning summary for the librarian."}},
}

// file writes the settings file: what is explained first, then what else was set.
func (w *wizard) file(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", w.say("Pengaturan Pengingat, dibuat oleh 'pengingat init'. Berisi kata sandi: jangan dibagikan.",
		"Settings of Pengingat, made by 'pengingat init'. They hold passwords: do not share them."))
	rest := setup.Keys()
	for _, s := range settingsFile {
		rest = slices.DeleteFunc(rest, func(key string) bool { return key == s.key })
		if text := s.text.In(w.locale); text != "" {
			fmt.Fprintf(&b, "\n# %s\n", text)
		}
		if value := w.values[s.key]; value != "" {
			fmt.Fprintf(&b, "%s=%s\n", s.key, setup.QuoteValue(value))
		} else {
			fmt.Fprintf(&b, "#%s=%s\n", s.key, setup.QuoteValue(s.usual))
		}
	}
	b.WriteString("\n")
	for _, key := range rest {
		if value := w.values[key]; value != "" {
			fmt.Fprintf(&b, "%s=%s\n", key, setup.QuoteValue(value))
		}
	}
	_, err := b.WriteTo(out)
	return err
}
