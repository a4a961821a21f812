package page

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The first start, in five steps. Answers are kept in memory, and the settings file is written after the last question.
// The only mail that is sent is the sample to oneself.

// A draft is the settings of somebody who begins.
type draft struct {
	mu     sync.Mutex
	values map[string]string
	source string // recognised in the database
	mailed string // address to which a sample has gone, with the mail settings that stand here
	there  bool   // somebody said that it has arrived, or mail comes later
}

var steps = []string{"found", "database", "prepare", "mail", "arrived", "rules", "go"}

// start is what the pages of the first start show.
type start struct {
	Step    string
	Steps   []string // the names of those that a person sees
	Values  map[string]string
	Secret  map[string]bool // what is set and not shown
	Found   []Found
	Source  string
	Sources []string
	Mailed  string
	Kind    string // of mail
	From    string // hours
	To      string
	Closed  map[int]bool
	Next    *reminder.Report
	Task    string // whether it runs by itself
	CanRun  bool   // this program can see to it
}

// secrets are never sent to a page.
var secrets = []string{"DB_PASSWORD", "MAIL_PASSWORD", "IMAP_PASSWORD", "SENDGRID_API_KEY"}

func showStart(v *visit) error {
	v.page = "start"
	s, err := v.start(v.FormValue("step"))
	v.Data = s
	return err
}

// start returns what a step shows.
func (v *visit) start(step string) (s start, err error) {
	d := &v.d.draft
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.values == nil { // what is set already becomes the answers
		environ, _, err := v.d.Machine.Environ()
		if err != nil {
			environ = map[string]string{}
		}
		known := setup.Keys()
		maps.DeleteFunc(environ, func(key, _ string) bool { return !slices.Contains(known, key) })
		d.values = environ
	}
	if !slices.Contains(steps, step) {
		step = steps[0]
	}
	s = start{Step: step, Steps: []string{"found", "database", "mail", "rules", "go"}, Values: maps.Clone(d.values),
		Secret: map[string]bool{},
		Source: d.source, Sources: []string{"perpustakaan", "slims", "koha"}, Mailed: d.mailed, Closed: map[int]bool{}}
	for _, key := range secrets {
		s.Secret[key] = s.Values[key] != ""
		delete(s.Values, key)
	}
	switch step {
	case "found":
		s.Found = find(v.d.Machine.Roots)
	case "mail":
		s.Kind = mailKind(d.values)
	case "rules":
		window := cmp.Or(d.values["REMINDER_WINDOW"], "07:00-20:00")
		// a field for a time knows no 24:00
		s.From, s.To, _ = strings.Cut(strings.Replace(window, "-24:00", "-23:59", 1), "-")
		days, _ := reminder.ParseWeekdays(d.values["REMINDER_CLOSED_WEEKDAYS"]) // one that is wrong is chosen anew
		for _, day := range days {
			s.Closed[int(day)] = true
		}
	case "go":
		if err := v.open(); err != nil {
			return s, err
		}
		rep, err := newDesk(v.app).Next(v.Context())
		if err != nil {
			return s, err
		}
		s.Next = &rep
		s.Task, s.CanRun = v.d.Machine.Task(v.Context(), v.Lang)
	}
	return s, nil
}

func mailKind(values map[string]string) string {
	switch {
	case values["MAIL_MAILER"] == "file":
		return "later"
	case values["MAIL_HOST"] != "" && values["MAIL_HOST"] != "smtp.gmail.com" && values["MAIL_HOST"] != "127.0.0.1" &&
		values["MAIL_HOST"] != "mailpit":
		return "own"
	}
	return "gmail"
}

// Here reports whether a step that is shown is the one at hand.
func (s start) Here(step string) bool { return step == s.shown() }

// Done reports whether it lies behind.
func (s start) Done(step string) bool {
	return slices.Index(s.Steps, step) < slices.Index(s.Steps, s.shown())
}

func (s start) shown() string {
	switch s.Step {
	case "prepare":
		return "database"
	case "arrived":
		return "mail"
	}
	return s.Step
}

// Zones are the three of Indonesia.
func (s start) Zones() []string { return []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"} }

// Weekdays are their numbers, from Monday.
func (s start) Weekdays() []int { return []int{1, 2, 3, 4, 5, 6, 0} }

// answer keeps the answers of a step. A secret that is left empty stays.
func (v *visit) answer(keys ...string) (map[string]string, error) {
	d := &v.d.draft
	if d.values == nil {
		if _, err := v.start(""); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range keys {
		value := strings.TrimSpace(v.PostFormValue(key))
		if value == "" && slices.Contains(secrets, key) {
			continue
		}
		d.values[key] = setup.Literal(value)
	}
	if v.PostFormValue("no_password") != "" {
		d.values["DB_PASSWORD"] = ""
	}
	return maps.Clone(d.values), nil
}

// again shows a step once more, with an error.
func (v *visit) again(step string, err error) (action, error) {
	v.page = "start"
	s, serr := v.start(step)
	if v.Data = s; serr != nil {
		return action{}, serr
	}
	return action{}, err
}

// startFrom takes the settings of a configuration that was found.
func startFrom(v *visit) (action, error) {
	if _, err := v.answer(); err != nil {
		return action{}, err
	}
	file := v.PostFormValue("file")
	d := &v.d.draft
	for _, f := range find(v.d.Machine.Roots) { // no other file is read
		if f.File == file {
			delete(f.Values, "DB_CONNECTION")
			if err := v.d.Machine.Begin(f.Values); err != nil {
				return v.again("found", err)
			}
			d.mu.Lock()
			maps.DeleteFunc(d.values, func(key, _ string) bool { return strings.HasPrefix(key, "DB_") })
			maps.Copy(d.values, f.Values)
			d.mu.Unlock()
		}
	}
	return action{To: "/start?step=database"}, nil
}

func startDatabase(v *visit) (action, error) {
	values, err := v.answer("DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD")
	if err != nil {
		return action{}, err
	}
	cfg, err := setup.LoadDatabase(values)
	if err != nil {
		return v.again("database", err)
	}
	db, err := cfg.OpenDB()
	if err != nil {
		return v.again("database", err)
	}
	defer db.Close()
	if _, err := cfg.NewStore(db).Server(v.Context()); err != nil {
		return v.again("database", err)
	}
	schema, err := schema.Inspect(v.Context(), db)
	if err != nil {
		return v.again("database", err)
	}
	v.d.draft.mu.Lock()
	v.d.draft.source = recognise(schema)
	v.d.draft.mu.Unlock()
	return action{To: "/start?step=prepare"}, nil
}

// startPrepare makes the tables and the view.
func startPrepare(v *visit) (action, error) {
	values, err := v.answer()
	if err != nil {
		return action{}, err
	}
	source := v.PostFormValue("source")
	if !slices.Contains(schema.Sources(), source) || source == schema.Custom {
		return v.again("prepare", v.fault("page.start.source_missing"))
	}
	if err := v.d.Machine.Migrate(v.Context(), values, source); err != nil {
		return v.again("prepare", err)
	}
	return action{Key: "prepare", On: source, To: "/start?step=mail"}, nil
}

// startMail tries the mail account with a mail to oneself.
func startMail(v *visit) (action, error) {
	kind := v.PostFormValue("kind")
	keys := []string{"MAIL_USERNAME", "MAIL_PASSWORD"}
	if kind == "own" {
		keys = append(keys, "MAIL_HOST", "MAIL_PORT", "MAIL_FROM_ADDRESS")
	}
	values, err := v.answer(keys...)
	if err != nil {
		return action{}, err
	}
	d := &v.d.draft
	set := func(key, value string) { values[key] = value }
	switch kind {
	case "later":
		set("MAIL_MAILER", "file")
		set("MAIL_FROM_ADDRESS", cmp.Or(values["MAIL_FROM_ADDRESS"], "perpustakaan@localhost.localdomain"))
	case "own":
		set("MAIL_MAILER", "smtp")
		set("MAIL_ENCRYPTION", map[bool]string{true: "none", false: ""}[v.PostFormValue("plain") != ""])
		set("MAIL_FROM_ADDRESS", cmp.Or(values["MAIL_FROM_ADDRESS"], values["MAIL_USERNAME"]))
	default:
		set("MAIL_MAILER", "smtp")
		set("MAIL_HOST", "smtp.gmail.com")
		set("MAIL_PORT", "587")
		set("MAIL_ENCRYPTION", "")
		set("MAIL_FROM_ADDRESS", values["MAIL_USERNAME"])
		set("MAIL_DAILY_LIMIT", cmp.Or(values["MAIL_DAILY_LIMIT"], "400"))
	}
	d.mu.Lock()
	d.values, d.mailed, d.there = values, "", kind == "later"
	d.mu.Unlock()
	if kind == "later" {
		return action{To: "/start?step=rules"}, nil
	}
	to, err := mail.ParseAddress(v.PostFormValue("to"))
	if err != nil {
		return v.again("mail", v.fault("page.start.to_wrong"))
	}
	if v.app, err = v.d.newApp(values); err != nil {
		return v.again("mail", err)
	}
	if err := v.d.Machine.Mail(v.Context(), v.app, to); err != nil {
		return v.again("mail", err)
	}
	d.mu.Lock()
	d.mailed = to.Addr
	d.mu.Unlock()
	return action{Key: "sample", To: "/start?step=arrived"}, nil
}

func startArrived(v *visit) (action, error) {
	d := &v.d.draft
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mailed == "" {
		return action{To: "/start?step=mail"}, nil
	}
	d.there = true
	return action{To: "/start?step=rules"}, nil
}

// startRules takes the last answers and writes the settings.
func startRules(v *visit) (action, error) {
	values, err := v.answer("APP_NAME", "APP_TIMEZONE", "REMINDER_SUMMARY_TO")
	if err != nil {
		return action{}, err
	}
	d := &v.d.draft
	d.mu.Lock()
	there := d.there
	d.mu.Unlock()
	if !there { // the way to the mails was not seen to work
		return action{To: "/start?step=mail"}, nil
	}
	values["REMINDER_WINDOW"] = v.PostFormValue("from") + "-" + v.PostFormValue("to")
	var closed []string
	for _, n := range v.PostForm["closed"] {
		if day, err := strconv.Atoi(n); err == nil && day >= 0 && day < 7 {
			closed = append(closed, weekdays[day])
		}
	}
	values["REMINDER_CLOSED_WEEKDAYS"] = strings.Join(closed, ",")
	values["APP_LOCALE"] = cmp.Or(values["APP_LOCALE"], v.Lang)
	d.mu.Lock()
	d.values = values
	d.mu.Unlock()
	if _, err := setup.Load(values); err != nil {
		return v.again("rules", err)
	}
	if err := v.d.Machine.Write(values); err != nil {
		return v.again("rules", err)
	}
	return action{Key: "settings", To: "/start?step=go"}, nil
}

// weekdays are those that the settings know.
var weekdays = []string{"minggu", "senin", "selasa", "rabu", "kamis", "jumat", "sabtu"}

// install has the program run by itself. Windows asks for permission for this step alone.
func install(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	to := "/check"
	if v.PostFormValue("start") != "" {
		to = "/start?step=go"
	}
	return action{Key: "install", To: to}, v.d.Machine.Install(context.WithoutCancel(v.Context()))
}
