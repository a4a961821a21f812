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

	"golang.org/x/term"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (c *call) initialize(ctx context.Context) error {
	out, ask := c.flag("out"), !c.on("yes")
	if out == "" {
		dir, _, err := setup.Home()
		if err != nil {
			return err
		}
		out = filepath.Join(dir, "pengingat.env")
	}
	there, err := mayWrite(out, c.on("force") || ask)
	if err != nil {
		return err
	}
	values, err := c.answersFrom(c.flag("from-env"), out, there)
	if err != nil {
		return err
	}
	w := &wizard{program: c.program, values: values, lines: bufio.NewReader(c.in), ask: ask, test: !c.on("no-test"),
		unsolved: map[int]error{}}
	set, _ := c.cmd.Flags().GetStringArray("set")
	for _, pair := range set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !slices.Contains(setup.Keys(), key) {
			return c.usage("init.bad_set_flag", "Key", key, "Nearest", setup.Nearest(key))
		}
		w.values[key] = settled(key, value)
	}
	if there && ask && !c.on("force") {
		c.print("init.replaced_at_end", "Out", out)
	}
	if err := w.run(ctx); err != nil {
		return err
	}
	if err := setup.ReplaceFile(out, 0o600, c.settings(w.values)); err != nil {
		return reminder.NewFault(err, "init.file_not_writable")
	}
	if len(w.unsolved) > 0 {
		var why []string
		for _, i := range slices.Sorted(maps.Keys(w.unsolved)) {
			what, _ := c.trouble(w.unsolved[i])
			why = append(why, what)
		}
		c.code = exitNeedsPerson
		return c.done(nil, "init.written_with_trouble", "Out", out, "Why", strings.Join(why, " "))
	}
	c.print("init.saved", "Out", out)
	if to := w.values["REMINDER_ONLY_TO"]; to != "" {
		c.print("init.only_to_note", "To", to)
	}
	return c.done(nil, "init.next")
}

// answersFrom returns the initial values: those of --from-env, else of the current settings. These come from the file
// to be written unless --env names another one.
func (p *program) answersFrom(file, out string, there bool) (values map[string]string, err error) {
	switch values = p.environ; {
	case file != "":
		if values, _, err = setup.Environ(file, p.real); err != nil {
			return nil, reminder.NewFault(nil, "init.from_env_unreadable", "Err", err)
		}
	case p.envErr != nil:
		return nil, p.unreadableEnv()
	case there && len(p.envFiles) == 0:
		if values, _, err = setup.Environ(out, p.real); err != nil {
			return nil, err
		}
		p.locale = values["APP_LOCALE"]
	}
	return values, adapt(values)
}

// mayWrite returns an error if the file exists and may not be replaced, or may be the application's own.
func mayWrite(out string, replace bool) (there bool, err error) {
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
	unsolved  map[int]error // failures that the person left for later, by question
}

// adapt corrects values of a new Laravel .env that make no sense here.
func adapt(values map[string]string) error {
	maps.DeleteFunc(values, func(_, value string) bool { return setup.Meaning(value) == "" }) // MAIL_USERNAME=null
	if err := setup.Spread(values); err != nil {
		return err
	}
	if name := values["APP_NAME"]; name == "" || name == "Laravel" {
		values["APP_NAME"] = "Perpustakaan"
	}
	if zone := values["APP_TIMEZONE"]; zone == "" || zone == "UTC" { // the school's application does not use it
		values["APP_TIMEZONE"] = "Asia/Jakarta"
	}
	if from, err := mail.ParseAddress(values["MAIL_FROM_ADDRESS"]); err != nil || check.IsSuspect(from.Domain()) {
		values["MAIL_FROM_ADDRESS"] = ""
	}
	if values["MAIL_MAILER"] == "log" {
		values["MAIL_MAILER"] = "file"
	}
	return nil
}

// A question asks for a setting; usual is its default answer. A question without a key tries the answers since the last
// one without a key.
type question struct {
	key, usual string
	try        func(*wizard, context.Context) error
}

var questions = []question{
	{key: "APP_NAME"}, {key: "APP_LOCALE", usual: "id"}, {key: "APP_TIMEZONE"},
	{try: func(*wizard, context.Context) error { return nil }},

	{key: "DB_HOST", usual: "127.0.0.1"}, {key: "DB_PORT", usual: "3306"}, {key: "DB_DATABASE", usual: "perpustakaan"},
	{key: "DB_USERNAME", usual: "root"}, {key: "DB_PASSWORD"},
	{try: (*wizard).tryDatabase},

	{key: "MAIL_MAILER", usual: "smtp"}, {key: "MAIL_HOST", usual: "smtp.gmail.com"}, {key: "MAIL_PORT", usual: "587"},
	{key: "MAIL_USERNAME"}, {key: "MAIL_PASSWORD"}, {key: "SENDGRID_API_KEY"}, {key: "MAIL_FROM_ADDRESS"},
	{key: "MAIL_DAILY_LIMIT"},
	{try: (*wizard).tryMail},

	{key: "REMINDER_CLOSED_WEEKDAYS"}, {key: "REMINDER_SUMMARY_TO"}, {key: "REMINDER_ONLY_TO"},
	{try: (*wizard).tryAll},
}

// usual returns the default answer.
func (w *wizard) usual(q question) string {
	switch value := w.values[q.key]; {
	case value != "":
		return value
	case q.key == "MAIL_FROM_ADDRESS":
		return w.values["MAIL_USERNAME"]
	case q.key == "MAIL_DAILY_LIMIT":
		return fmt.Sprint(check.DailyLimit(w.values["MAIL_MAILER"], w.values["MAIL_HOST"]) * 4 / 5)
	}
	return q.usual
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
	errBack     = errors.New("back") // the person wants the previous question again
	errCanceled = &reminder.Fault{Temporary: true, Message: reminder.Say("init.canceled")}
)

// run asks the questions and tries the answers.
func (w *wizard) run(ctx context.Context) error {
	if w.ask {
		w.print("init.how_to_answer")
	}
	var asked []int // answered questions, to go back to
	begin := 0      // index in asked of the first question since the last trial
	for i := 0; i < len(questions); i++ {
		q := questions[i]
		switch {
		case q.try != nil:
			again, err := w.tried(ctx, i)
			if err != nil {
				return err
			}
			if again {
				i, asked = asked[begin]-1, asked[:begin]
			}
			begin = len(asked)
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

// tried tries the answers before question i. If they do not work, the person decides whether to answer again or to
// continue.
func (w *wizard) tried(ctx context.Context, i int) (again bool, err error) {
	err = questions[i].try(w, ctx)
	delete(w.unsolved, i)
	switch {
	case ctx.Err() != nil:
		return false, errCanceled
	case err == nil || !w.ask:
		return false, err
	}
	what, details := w.trouble(err)
	w.item(w.say("init.failed")+" ", what, 6)
	w.item("      ", w.labelled("init.details", details), 8)
	typed, readErr := w.line(ctx, w.say("init.again_or_go_on"), false)
	if readErr != nil {
		return false, readErr
	}
	if typed == "" || !strings.ContainsAny(strings.ToLower(typed[:1]), "lgtn") {
		return true, nil
	}
	w.unsolved[i] = err
	return false, nil
}

// answer asks for one setting until the answer is valid.
func (w *wizard) answer(ctx context.Context, q question) error {
	usual := w.usual(q)
	w.values[q.key] = usual
	secret := strings.HasSuffix(q.key, "PASSWORD") || strings.HasSuffix(q.key, "API_KEY")
	shown := setup.Meaning(usual)
	if secret && usual != "" {
		shown = "***"
	}
	for w.ask {
		prompt := fmt.Sprintf("%s [%s]: ", w.say("init.ask_"+strings.ToLower(q.key)), shown)
		typed, err := w.line(ctx, prompt, secret)
		switch {
		case err != nil:
			return err
		case typed == "<", !secret && (strings.EqualFold(typed, "kembali") || strings.EqualFold(typed, "back")):
			return errBack
		case typed == "-":
			w.values[q.key] = ""
		case typed != "":
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

// wrong returns why the value of a setting is invalid, or nil.
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
	sv, err := deskdb.New(cfg.NewStore(db)).Server(ctx)
	return w.done(err, "init.database_answers", "Version", sv.Version)
}

func (w *wizard) tryMail(ctx context.Context) error {
	if err := w.tryAll(ctx); err != nil || !w.test || w.values["MAIL_MAILER"] == "file" {
		return err
	}
	if w.values["MAIL_MAILER"] == "sendgrid" {
		return w.done(nil, "init.sendgrid_untried")
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
	return w.done(nil, "init.mail_server_answers")
}

// tryAll checks the settings without connecting anywhere.
func (w *wizard) tryAll(context.Context) error {
	if _, err := setup.Load(w.values); err != nil {
		return err
	}
	return w.wrong("MAIL_FROM_ADDRESS")
}

// settingsFile has the settings that the file explains, with their defaults, in the order of the file.
var settingsFile = strings.Fields(`APP_NAME= APP_LOCALE=id APP_TIMEZONE=Asia/Jakarta APP_URL=
	DB_HOST=127.0.0.1 DB_PORT=3306 DB_DATABASE= DB_USERNAME=root DB_PASSWORD=
	MAIL_MAILER= MAIL_HOST= MAIL_PORT=587 MAIL_USERNAME= MAIL_PASSWORD= MAIL_FROM_ADDRESS= MAIL_REPLY_TO= MAIL_DAILY_LIMIT=0
	REMINDER_SCHEDULE=` + reminder.DefaultSchedule + ` REMINDER_WINDOW=07:00-20:00 REMINDER_CLOSED_WEEKDAYS=minggu
	REMINDER_ONLY_TO= REMINDER_SUMMARY_TO= REMINDER_CLASS_DAY=senin`)

// settings returns what writes a settings file: the explained settings first, then all others that have a value. A
// setting without a value is written as a comment with its default.
func (p *program) settings(values map[string]string) func(io.Writer) error {
	return func(out io.Writer) error {
		var b bytes.Buffer
		fmt.Fprintf(&b, "# %s\n", p.say("init.file_heading"))
		rest := setup.Keys()
		for _, setting := range settingsFile {
			key, usual, _ := strings.Cut(setting, "=")
			rest = slices.DeleteFunc(rest, func(other string) bool { return other == key })
			if about := p.sayAny("init.about_" + strings.ToLower(key)); about != "" {
				fmt.Fprintf(&b, "\n# %s\n", about)
			}
			if value := values[key]; value != "" {
				fmt.Fprintf(&b, "%s=%s\n", key, setup.QuoteValue(value))
			} else {
				fmt.Fprintf(&b, "#%s=%s\n", key, setup.QuoteValue(usual))
			}
		}
		b.WriteString("\n")
		for _, key := range rest {
			if value := values[key]; value != "" {
				fmt.Fprintf(&b, "%s=%s\n", key, setup.QuoteValue(value))
			}
		}
		_, err := b.WriteTo(out)
		return err
	}
}
