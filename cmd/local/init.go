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
sendiri tidak pernah diubah. Kata sandi tidak terlihat saat diketik. Bila pengingat.env sudah ada,
isinya menjadi jawaban bawaan. Sebelum pertanyaan terakhir dijawab tidak ada yang ditulis.

Tanpa pertanyaan: --yes, dengan nilai dari --from-env, variabel lingkungan, dan --set. Kata
sandi lebih aman lewat variabel lingkungan daripada --set.`,
			`Asks a few questions, tries the database and the mail server, and writes pengingat.env beside
the program. A Laravel application's .env may be the starting point (--from-env); that file
itself is never changed. Passwords are not shown while they are typed. Where there is a
pengingat.env, what is in it becomes the default answers. Nothing is written before the last question is answered.

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
			there, err := p.mayWrite(out, force || !yes)
			if err != nil {
				return err
			}
			values := p.environ
			switch {
			case from != "":
				if values, _, err = setup.Environ(from, p.real); err != nil {
					return reminder.NewFault(nil, "Berkas --from-env tidak dapat dibaca.\n"+reminder.Localize(err, "id"),
						"The file --from-env cannot be read.\n"+reminder.Localize(err, "en"))
				}
			case p.envErr != nil:
				return p.unreadableEnv()
			case there && len(p.envFiles) == 0:
				if values, _, err = setup.Environ(out, p.real); err != nil {
					return err
				}
				p.locale = values["APP_LOCALE"]
			}
			w := &wizard{program: p, values: values, lines: bufio.NewReader(p.in), ask: !yes, test: !noTest, unsolved: map[int]error{}}
			if err := w.startFrom(); err != nil {
				return err
			}
			for _, pair := range set {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || !slices.Contains(setup.Keys(), key) {
					return p.usagef("--set %q bukan KUNCI=NILAI dengan kunci yang dikenal; yang paling mirip: %s",
						"--set %q is not KEY=VALUE with a known key; the nearest is %s", key, setup.Nearest(key))
				}
				w.values[key] = settled(key, value)
			}
			if there && w.ask && !force {
				p.printf("%s sudah ada. Isinya baru diganti sesudah pertanyaan terakhir.",
					"%s is there already. It is replaced after the last question, not before.", out)
			}
			if err := w.run(cmd.Context()); err != nil {
				return err
			}
			if err := replaceFile(out, w.file); err != nil {
				return reminder.NewFault(err, "Berkas pengaturan tidak dapat ditulis. Pilih folder lain dengan --out.",
					"The settings file cannot be written. Choose another folder with --out.")
			}
			if len(w.unsolved) > 0 {
				var why []string
				for _, i := range slices.Sorted(maps.Keys(w.unsolved)) {
					what, _ := p.trouble(w.unsolved[i])
					why = append(why, what)
				}
				p.code = exitNeedsPerson
				p.printf("\nDitulis: %s (berisi kata sandi; jangan dibagikan)\nBELUM dapat dipakai: %s\nSesudah itu dibetulkan, jalankan 'pengingat init' lagi; jawaban Anda diingat.",
					"\nWritten: %s (it holds passwords; do not share it)\nIt does NOT work yet: %s\nWhen that is mended, run 'pengingat init' again; your answers are remembered.",
					out, strings.Join(why, " "))
				return nil
			}
			p.printf("\nTersimpan: %s (berisi kata sandi; jangan dibagikan)", "\nSaved: %s (it holds passwords; do not share it)", out)
			if to := w.values["REMINDER_ONLY_TO"]; to != "" {
				p.printf("Hanya %s yang menerima surel, sampai REMINDER_ONLY_TO dikosongkan.",
					"Mail goes to %s only, until REMINDER_ONLY_TO is emptied.", to)
			}
			p.printf("Berikutnya:\n  pengingat migrate --source perpustakaan\n  pengingat run --dry-run\n  pengingat install",
				"Next:\n  pengingat migrate --source perpustakaan\n  pengingat run --dry-run\n  pengingat install")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from-env", "", p.say("`berkas` .env Laravel sebagai titik awal", "Laravel's .env `file` to start from"))
	f.StringArrayVar(&set, "set", nil, p.say("`KUNCI=NILAI`, boleh berulang", "`KEY=VALUE`, may be repeated"))
	f.StringVar(&out, "out", "", p.say("`berkas` yang ditulis (bawaan: pengingat.env di folder program)", "`file` to write (default: pengingat.env in the program's folder)"))
	f.BoolVar(&yes, "yes", false, p.say("jangan bertanya", "do not ask"))
	f.BoolVar(&noTest, "no-test", false, p.say("jangan coba basis data dan server surel", "do not try the database and the mail server"))
	f.BoolVar(&force, "force", false, p.say("timpa pengingat.env yang ada", "overwrite a pengingat.env that is there"))
	return cmd
}

// mayWrite refuses to write over what is there, unless it may be replaced, and over anything that may be the application's own.
func (p *program) mayWrite(out string, replace bool) (there bool, err error) {
	if strings.EqualFold(filepath.Base(out), ".env") {
		return true, reminder.NewFault(nil, "Berkas bernama .env milik aplikasi Laravel dan tidak pernah ditulisi. Pilih nama lain, misalnya --out pengingat.env.",
			"A file named .env is the Laravel application's and is never written to. Choose another name, such as --out pengingat.env.")
	}
	data, err := os.ReadFile(out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return true, reminder.NewFault(err, "Berkas itu tidak dapat ditulis.", "That file cannot be written.")
	case bytes.Contains(data, []byte("APP_KEY=")):
		return true, reminder.NewFault(nil, "Berkas itu milik aplikasi Laravel (ada APP_KEY di dalamnya) dan tidak pernah ditulisi.",
			"That file is a Laravel application's (it holds an APP_KEY) and is never written to.")
	case !replace:
		return true, reminder.NewFault(nil, fmt.Sprintf("%s sudah ada. '--force' menimpanya; isinya menjadi jawaban bawaan.", out),
			fmt.Sprintf("%s is there already. '--force' overwrites it; what is in it becomes the default answers.", out))
	}
	return true, nil
}

// A wizard gathers settings.
type wizard struct {
	*program
	values    map[string]string
	lines     *bufio.Reader
	ask, test bool
	unsolved  map[int]error // what was tried, does not work, and was left so, by its question
}

// startFrom mends what a fresh Laravel .env says and cannot mean here.
func (w *wizard) startFrom() error {
	maps.DeleteFunc(w.values, func(_, value string) bool { return setup.Meaning(value) == "" }) // MAIL_USERNAME=null
	if err := setup.Misspelt(w.values); err != nil {
		return err
	}
	if err := setup.Spread(w.values); err != nil {
		return err
	}
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
	return nil
}

// A question asks for one setting. One without a key tries what was answered since the one before it.
type question struct {
	key    string
	text   reminder.Text
	secret bool
	usual  func(values map[string]string) string // default answer when there is none yet
	try    func(*wizard, context.Context) error
}

func usually(value string) func(map[string]string) string {
	return func(map[string]string) string { return value }
}

var questions = []question{
	{key: "APP_NAME", text: reminder.Text{ID: "Nama perpustakaan", EN: "Name of the library"}},
	{key: "APP_LOCALE", text: reminder.Text{ID: "Bahasa (id atau en)", EN: "Language (id or en)"}, usual: usually("id")},
	{key: "APP_TIMEZONE", text: reminder.Text{ID: "Zona waktu (WIB, WITA, WIT, atau kota)", EN: "Time zone (WIB, WITA, WIT, or a city)"}},
	{try: func(*wizard, context.Context) error { return nil }},

	{key: "DB_HOST", text: reminder.Text{ID: "Server basis data", EN: "Database server"}, usual: usually("127.0.0.1")},
	{key: "DB_PORT", text: reminder.Text{ID: "Port", EN: "Port"}, usual: usually("3306")},
	{key: "DB_DATABASE", text: reminder.Text{ID: "Nama basis data", EN: "Name of the database"}, usual: usually("perpustakaan")},
	{key: "DB_USERNAME", text: reminder.Text{ID: "Pengguna basis data", EN: "Database user"}, usual: usually("root")},
	{key: "DB_PASSWORD", text: reminder.Text{ID: "Kata sandinya", EN: "Password"}, secret: true},
	{try: (*wizard).tryDatabase},

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
	{try: (*wizard).tryMail},

	{key: "REMINDER_CLOSED_WEEKDAYS", text: reminder.Text{ID: "Hari tutup tiap minggu, misalnya: minggu", EN: "Weekdays on which you are closed, such as: sunday"}},
	{key: "REMINDER_SUMMARY_TO", text: reminder.Text{ID: "Alamat pustakawan, untuk ringkasan setiap pagi", EN: "The librarian's address, for a summary every morning"}},
	{key: "REMINDER_ONLY_TO", text: reminder.Text{ID: "Selama mencoba: kirim hanya ke alamat ini (kosong: ke semua peminjam)",
		EN: "While trying: send to this address only (empty: to all borrowers)"}},
	{try: (*wizard).tryAll},
}

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

var (
	errBack     = errors.New("back") // the answer that goes back to the question before
	errCanceled = &reminder.Fault{Temporary: true, Text: reminder.Text{ID: "Dibatalkan; tidak ada yang ditulis.", EN: "Canceled; nothing was written."}}
)

// run asks, and tries what was answered before it goes on.
func (w *wizard) run(ctx context.Context) error {
	if w.ask {
		w.printf("Enter menerima jawaban dalam [ ]; tanda - mengosongkannya; tanda < kembali ke pertanyaan sebelumnya.\n",
			"Enter takes the answer in [ ]; a - empties it; a < goes back to the question before.\n")
	}
	var asked []int // the questions answered, to go back to
	begin := 0      // where those since the last trial begin
	for i := 0; i < len(questions); i++ {
		q := questions[i]
		switch {
		case q.try != nil:
			err := q.try(w, ctx)
			delete(w.unsolved, i)
			switch {
			case ctx.Err() != nil:
				return errCanceled
			case err == nil:
				begin = len(asked)
				continue
			case !w.ask:
				return err
			}
			what, details := w.trouble(err)
			fmt.Fprintf(w.out, "%s %s\n", w.say("GAGAL", "FAILED"), wrap(what, 6))
			if details != "" {
				fmt.Fprintf(w.out, "      %s\n", wrap(w.say("Rincian: ", "Details: ")+details, 8))
			}
			typed, readErr := w.line(ctx, w.say("Enter: jawab lagi; l: lanjut, dan betulkan nanti: ",
				"Enter: answer again; g: go on, and mend it later: "), false)
			if readErr != nil {
				return readErr
			}
			if typed != "" && strings.ContainsAny(strings.ToLower(typed[:1]), "lgtn") {
				w.unsolved[i], begin = err, len(asked)
				continue
			}
			i, asked = asked[begin]-1, asked[:begin]
		case concerns(q.key, w.values["MAIL_MAILER"]):
			err := w.answer(ctx, q)
			switch {
			case errors.Is(err, errBack) && len(asked) > 0:
				i, asked = asked[len(asked)-1]-1, asked[:len(asked)-1]
				begin = min(begin, len(asked))
			case errors.Is(err, errBack):
				i--
			case err != nil:
				return err
			default:
				asked = append(asked, i)
			}
		}
	}
	return nil
}

// answer fills in one setting. An answer that cannot be used is asked for again.
func (w *wizard) answer(ctx context.Context, q question) error {
	usual := w.values[q.key]
	if usual == "" && q.usual != nil {
		usual = q.usual(w.values)
	}
	w.values[q.key] = usual
	for w.ask {
		shown := setup.Meaning(usual)
		if q.secret && usual != "" {
			shown = "***"
		}
		typed, err := w.line(ctx, fmt.Sprintf("%s [%s]: ", q.text.In(w.locale), shown), q.secret)
		switch {
		case err != nil:
			return err
		case typed == "<", !q.secret && (strings.EqualFold(typed, "kembali") || strings.EqualFold(typed, "back")):
			return errBack
		case typed == "-":
			w.values[q.key] = ""
		case typed == "":
			w.values[q.key] = usual
		default:
			w.values[q.key] = settled(q.key, setup.Literal(typed))
		}
		if err = w.wrong(q.key); err == nil {
			break
		}
		fmt.Fprintf(w.out, "  %s\n", wrap(reminder.Localize(err, w.locale), 2))
		w.values[q.key] = usual
	}
	if q.key == "APP_LOCALE" {
		w.locale = w.values[q.key]
	}
	return nil
}

// settled is a value in the form in which it stands in the file.
func settled(key, value string) string {
	switch key {
	case "APP_TIMEZONE":
		return setup.Zone(value)
	case "APP_LOCALE", "MAIL_MAILER":
		return strings.ToLower(value)
	}
	return value
}

// wrong is why the value of a setting cannot be used, or nil.
func (w *wizard) wrong(key string) error {
	if err := setup.Check(w.values, key); err != nil {
		return err
	}
	if key == "MAIL_FROM_ADDRESS" && w.values["MAIL_MAILER"] != "file" || key == "REMINDER_SUMMARY_TO" || key == "REMINDER_ONLY_TO" {
		for one := range strings.SplitSeq(w.values[key], ",") {
			if addr, err := mail.ParseAddress(one); err == nil && isSuspect(addr.Domain()) {
				return reminder.NewFault(nil, addr.Domain()+" adalah domain contoh; tidak ada yang menerima surel di sana.",
					addr.Domain()+" is a domain for examples; nobody has a mailbox there.")
			}
		}
	}
	return nil
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
		fmt.Fprintln(w.out)
		return "", errCanceled
	case a := <-typed:
		if a.err != nil && (a.text == "" || !errors.Is(a.err, io.EOF)) {
			return "", reminder.NewFault(nil, "Tidak ada jawaban lagi; tidak ada yang ditulis. Tanpa pertanyaan: --yes.",
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
	if err := w.tryAll(ctx); err != nil || !w.test || w.values["MAIL_MAILER"] == "file" {
		return err
	}
	if w.values["MAIL_MAILER"] == "sendgrid" {
		w.printf("--  SendGrid tidak dapat dicoba tanpa mengirim; nanti: pengingat test-mail --to ALAMAT",
			"--  SendGrid cannot be tried without sending; later: pengingat test-mail --to ADDRESS")
		return nil
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
	if _, err := setup.Load(w.values); err != nil {
		return err
	}
	return w.wrong("MAIL_FROM_ADDRESS")
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
