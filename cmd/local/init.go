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
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (p *program) initCommand() *cobra.Command {
	var out, from string
	var set []string
	var yes, noTest, force bool
	cmd := &cobra.Command{
		Use:     "init",
		Short:   p.say("init.short"),
		Long:    p.say("init.long"),
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
					return reminder.NewFault(nil, "init.from_env_unreadable", "Err", err)
				}
			case p.envErr != nil:
				return p.unreadableEnv()
			case there && len(p.envFiles) == 0:
				if values, _, err = setup.Environ(out, p.real); err != nil {
					return err
				}
				p.locale = values["APP_LOCALE"]
			}
			w := &wizard{program: p, values: values, lines: bufio.NewReader(p.in), ask: !yes, test: !noTest,
				unsolved: map[int]error{}}
			if err := w.startFrom(); err != nil {
				return err
			}
			for _, pair := range set {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || !slices.Contains(setup.Keys(), key) {
					return p.usage("init.bad_set_flag", "Key", key, "Nearest", setup.Nearest(key))
				}
				w.values[key] = settled(key, value)
			}
			if there && w.ask && !force {
				p.print("init.replaced_at_end", "Out", out)
			}
			if err := w.run(cmd.Context()); err != nil {
				return err
			}
			if err := replaceFile(out, w.file); err != nil {
				return reminder.NewFault(err, "init.file_not_writable")
			}
			if len(w.unsolved) > 0 {
				var why []string
				for _, i := range slices.Sorted(maps.Keys(w.unsolved)) {
					what, _ := p.trouble(w.unsolved[i])
					why = append(why, what)
				}
				p.code = exitNeedsPerson
				p.print("init.written_with_trouble",
					"Out", out, "Why", strings.Join(why, " "))
				return nil
			}
			p.print("init.saved", "Out", out)
			if to := w.values["REMINDER_ONLY_TO"]; to != "" {
				p.print("init.only_to_note", "To", to)
			}
			p.print("init.next")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from-env", "", p.say("init.from_env_flag"))
	f.StringArrayVar(&set, "set", nil, p.say("init.set_flag"))
	f.StringVar(&out, "out", "", p.say("init.out_flag"))
	f.BoolVar(&yes, "yes", false, p.say("init.do_not_ask"))
	f.BoolVar(&noTest, "no-test", false, p.say("init.no_test_flag"))
	f.BoolVar(&force, "force", false, p.say("init.force_flag"))
	return cmd
}

// mayWrite refuses to overwrite a file unless it may be replaced, and a file that may be the application's own.
func (p *program) mayWrite(out string, replace bool) (there bool, err error) {
	if strings.EqualFold(filepath.Base(out), ".env") {
		return true, reminder.NewFault(nil, "init.named_dotenv")
	}
	data, err := os.ReadFile(out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return true, reminder.NewFault(err, "init.target_not_writable")
	case bytes.Contains(data, []byte("APP_KEY=")):
		return true, reminder.NewFault(nil, "init.target_is_laravels")
	case !replace:
		return true, reminder.NewFault(nil, "init.target_exists", "Out", out)
	}
	return true, nil
}

// A wizard gathers settings.
type wizard struct {
	*program
	values    map[string]string
	lines     *bufio.Reader
	ask, test bool
	unsolved  map[int]error // what does not work and was left so, by question
}

// startFrom corrects values of a fresh Laravel .env that make no sense here.
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
	if from, err := mail.ParseAddress(w.values["MAIL_FROM_ADDRESS"]); err != nil || check.IsSuspect(from.Domain()) {
		w.values["MAIL_FROM_ADDRESS"] = ""
	}
	if w.values["MAIL_MAILER"] == "log" {
		w.values["MAIL_MAILER"] = "file"
	}
	return nil
}

// A question asks for one setting. A question without a key tries the answers since the previous one of that kind.
type question struct {
	key    string
	text   reminder.Message
	secret bool
	usual  func(values map[string]string) string // default answer when there is none yet
	try    func(*wizard, context.Context) error
}

func usually(value string) func(map[string]string) string {
	return func(map[string]string) string { return value }
}

var questions = []question{
	{key: "APP_NAME", text: reminder.Say("init.name_library")},
	{key: "APP_LOCALE", text: reminder.Say("init.ask_locale"), usual: usually("id")},
	{key: "APP_TIMEZONE", text: reminder.Say("init.ask_zone")},
	{try: func(*wizard, context.Context) error { return nil }},

	{key: "DB_HOST", text: reminder.Say("init.database_server"), usual: usually("127.0.0.1")},
	{key: "DB_PORT", text: reminder.Say("init.port"), usual: usually("3306")},
	{key: "DB_DATABASE", text: reminder.Say("init.name_database"), usual: usually("perpustakaan")},
	{key: "DB_USERNAME", text: reminder.Say("init.database_user"), usual: usually("root")},
	{key: "DB_PASSWORD", text: reminder.Say("init.password"), secret: true},
	{try: (*wizard).tryDatabase},

	{key: "MAIL_MAILER", text: reminder.Say("init.ask_mailer"), usual: usually("smtp")},
	{key: "MAIL_HOST", text: reminder.Say("init.mail_server"), usual: usually("smtp.gmail.com")},
	{key: "MAIL_PORT", text: reminder.Say("init.port"), usual: usually("587")},
	{key: "MAIL_USERNAME", text: reminder.Say("init.mail_account")},
	{key: "MAIL_PASSWORD", text: reminder.Say("init.ask_mail_password"), secret: true},
	{key: "SENDGRID_API_KEY", text: reminder.Say("init.sendgrid_api_key"), secret: true},
	{key: "MAIL_FROM_ADDRESS", text: reminder.Say("init.senders_address"),
		usual: func(values map[string]string) string { return values["MAIL_USERNAME"] }},
	{key: "MAIL_DAILY_LIMIT", text: reminder.Say("init.ask_daily_limit"),
		usual: func(values map[string]string) string {
			return fmt.Sprint(check.DailyLimit(values["MAIL_MAILER"], values["MAIL_HOST"]) * 4 / 5)
		}},
	{try: (*wizard).tryMail},

	{key: "REMINDER_CLOSED_WEEKDAYS", text: reminder.Say("init.ask_closed_weekdays")},
	{key: "REMINDER_SUMMARY_TO", text: reminder.Say("init.ask_summary_to")},
	{key: "REMINDER_ONLY_TO", text: reminder.Say("init.ask_only_to")},
	{try: (*wizard).tryAll},
}

// concerns reports whether a question applies to the chosen mailer.
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
	errCanceled = &reminder.Fault{Temporary: true, Message: reminder.Say("init.canceled")}
)

// run asks the questions and tries the answers.
func (w *wizard) run(ctx context.Context) error {
	if w.ask {
		w.print("init.how_to_answer")
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
			fmt.Fprintf(w.out, "%s %s\n", w.say("init.failed"), wrap(what, 6))
			if details != "" {
				fmt.Fprintf(w.out, "      %s\n", wrap(w.say("init.details")+details, 8))
			}
			typed, readErr := w.line(ctx, w.say("init.again_or_go_on"), false)
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

// answer asks for one setting until the answer can be used.
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
		typed, err := w.line(ctx, fmt.Sprintf("%s [%s]: ", w.text(q.text), shown), q.secret)
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
		fmt.Fprintf(w.out, "  %s\n", wrap(text.In(w.locale).Error(err), 2))
		w.values[q.key] = usual
	}
	if q.key == "APP_LOCALE" {
		w.locale = w.values[q.key]
	}
	return nil
}

// settled returns a value as it is written to the file.
func settled(key, value string) string {
	switch key {
	case "APP_TIMEZONE":
		return setup.Zone(value)
	case "APP_LOCALE", "MAIL_MAILER":
		return strings.ToLower(value)
	}
	return value
}

// wrong returns why the value of a setting cannot be used, or nil.
func (w *wizard) wrong(key string) error {
	if err := setup.Check(w.values, key); err != nil {
		return err
	}
	if key == "MAIL_FROM_ADDRESS" && w.values["MAIL_MAILER"] != "file" || key == "REMINDER_SUMMARY_TO" ||
		key == "REMINDER_ONLY_TO" {
		for one := range strings.SplitSeq(w.values[key], ",") {
			if addr, err := mail.ParseAddress(one); err == nil && check.IsSuspect(addr.Domain()) {
				return reminder.NewFault(nil, "init.placeholder_domain", "Domain", addr.Domain())
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
		// Ctrl-C abandons the read below; the terminal must echo again.
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
			return "", reminder.NewFault(nil, "init.no_more_answers")
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
		w.print("init.ok_database_answers", "Version", sv.Version)
	}
	return err
}

func (w *wizard) tryMail(ctx context.Context) error {
	if err := w.tryAll(ctx); err != nil || !w.test || w.values["MAIL_MAILER"] == "file" {
		return err
	}
	if w.values["MAIL_MAILER"] == "sendgrid" {
		w.print("init.sendgrid_untried")
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
		return check.MailFault(cfg, err)
	}
	w.print("init.mail_server_answers")
	return nil
}

// tryAll checks the settings without connecting to anything.
func (w *wizard) tryAll(context.Context) error {
	if _, err := setup.Load(w.values); err != nil {
		return err
	}
	return w.wrong("MAIL_FROM_ADDRESS")
}

// settingsFile has the explained settings in the order of the file. A setting without a value is written as a comment
// with its default.
var settingsFile = []struct {
	key, usual string
	text       reminder.Message
}{
	{"APP_NAME", "", reminder.Say("init.about_name")},
	{"APP_LOCALE", "id", reminder.Say("init.about_locale")},
	{"APP_TIMEZONE", "Asia/Jakarta", reminder.Say("init.time_zone_library")},
	{"APP_URL", "", reminder.Say("init.about_url")},
	{"DB_HOST", "127.0.0.1", reminder.Say("init.librarys_database")},
	{"DB_PORT", "3306", reminder.Message{}},
	{"DB_DATABASE", "", reminder.Message{}},
	{"DB_USERNAME", "root", reminder.Say("init.about_db_user")},
	{"DB_PASSWORD", "", reminder.Message{}},
	{"MAIL_MAILER", "", reminder.Say("init.about_mailer")},
	{"MAIL_HOST", "", reminder.Message{}},
	{"MAIL_PORT", "587", reminder.Message{}},
	{"MAIL_USERNAME", "", reminder.Message{}},
	{"MAIL_PASSWORD", "", reminder.Say("init.about_mail_password")},
	{"MAIL_FROM_ADDRESS", "", reminder.Say("init.about_from")},
	{"MAIL_REPLY_TO", "", reminder.Say("init.about_reply_to")},
	{"MAIL_DAILY_LIMIT", "0", reminder.Say("init.about_daily_limit")},
	{"REMINDER_SCHEDULE", reminder.DefaultSchedule, reminder.Say("init.about_schedule")},
	{"REMINDER_WINDOW", "07:00-20:00", reminder.Say("init.about_window")},
	{"REMINDER_CLOSED_WEEKDAYS", "minggu", reminder.Say("init.about_closed_weekdays")},
	{"REMINDER_ONLY_TO", "", reminder.Say("init.about_only_to")},
	{"REMINDER_SUMMARY_TO", "", reminder.Say("init.about_summary_to")},
	{"REMINDER_CLASS_DAY", "senin", reminder.Say("init.class_day")},
}

// file writes the settings file: the explained settings first, then all others that have a value.
func (w *wizard) file(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", w.say("init.file_heading"))
	rest := setup.Keys()
	for _, s := range settingsFile {
		rest = slices.DeleteFunc(rest, func(key string) bool { return key == s.key })
		if text := w.text(s.text); text != "" {
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
