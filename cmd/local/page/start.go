package page

import (
	"cmp"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The first start, in five steps. Answers are kept in memory, and the settings file is written after the last question.
// The only mail that is sent is the sample to oneself.

// A draft has the answers of the first start. Whoever reads or changes it holds mu, also while a database or a mail
// server is tried: there is one person, who gives one answer at a time.
type draft struct {
	mu     sync.Mutex
	values map[string]string
	source string // recognised in the database
	mailed string // address to which a sample was sent with these mail settings
	there  bool   // somebody confirmed that it has arrived, or chose to set up mail later
}

// shownAs maps each step to the step that the page highlights.
var shownAs = map[string]string{"found": "found", "database": "database", "prepare": "database", "mail": "mail",
	"arrived": "mail", "rules": "rules", "go": "go"}

// start is the data of the pages of the first start.
type start struct {
	Step   string
	Values map[string]string
	Secret map[string]bool // the secrets that are set; they are not shown
	Source string
	Mailed string
	From   string // time of day
	To     string
	Task   string // says whether the scheduled task is there
	CanRun bool   // this program can register the task
}

// loadStart shows the step in the request, or the step whose answer was wrong.
func loadStart(v *visit) (any, error) {
	v.d.draft.mu.Lock()
	defer v.d.draft.mu.Unlock()
	v.begin()
	d := &v.d.draft
	s := start{Step: v.FormValue("step"), Values: maps.Clone(d.values), Secret: map[string]bool{}, Source: d.source,
		Mailed: d.mailed}
	if v.Method == http.MethodPost {
		s.Step = path.Base(v.URL.Path)
	}
	if shownAs[s.Step] == "" {
		s.Step = "found"
	}
	for _, key := range secrets {
		s.Secret[key] = s.Values[key] != ""
		delete(s.Values, key)
	}
	// an <input type="time"> does not allow 24:00
	window := strings.Replace(cmp.Or(d.values["REMINDER_WINDOW"], "07:00-20:00"), "-24:00", "-23:59", 1)
	s.From, s.To, _ = strings.Cut(window, "-")
	if s.Step == "go" {
		s.Task, s.CanRun = v.d.Machine.Task(v.Context(), v.Lang)
	}
	return s, nil
}

// Found returns the configurations on this computer.
func (v *visit) Found() []Found { return find(v.d.Machine.Roots) }

// Next returns what the next run would do.
func (v *visit) Next() (reminder.Report, error) {
	if v.app == nil {
		return reminder.Report{}, v.open() // which says what is wrong with the settings
	}
	return newDesk(v.app).Next(v.Context())
}

// begin takes the current settings as the first answers.
func (v *visit) begin() {
	d := &v.d.draft
	if d.values != nil {
		return
	}
	d.values = map[string]string{}
	environ, _, _ := v.d.Machine.Environ() // none where the settings cannot be read
	for _, key := range setup.Keys() {
		if value, set := environ[key]; set {
			d.values[key] = value
		}
	}
}

// Kind returns the choice of how mail is sent.
func (s start) Kind() string {
	switch {
	case s.Values["MAIL_MAILER"] == "file":
		return "later"
	case slices.Contains([]string{"", "smtp.gmail.com", "127.0.0.1", "mailpit"}, s.Values["MAIL_HOST"]):
		return "gmail"
	}
	return "own"
}

// Shown returns the step that the page highlights.
func (s start) Shown() string { return shownAs[s.Step] }

// IsClosed reports whether the library is closed on a weekday. A wrong setting counts as none.
func (s start) IsClosed(day time.Weekday) bool {
	days, _ := reminder.ParseWeekdays(s.Values["REMINDER_CLOSED_WEEKDAYS"])
	return slices.Contains(days, day)
}

// asked returns the act of a step: it stores the answers for some keys and calls next, which names the next step. A
// secret that is left empty stays as it is.
func asked(next func(*visit, *draft) (action, error), keys ...string) func(*visit) (action, error) {
	return func(v *visit) (action, error) {
		d := &v.d.draft
		d.mu.Lock()
		defer d.mu.Unlock()
		v.begin()
		for _, key := range keys {
			value := strings.TrimSpace(v.PostFormValue(key))
			if _, asked := v.PostForm[key]; asked && (value != "" || !slices.Contains(secrets, key)) {
				d.values[key] = setup.Literal(value)
			}
		}
		if v.PostFormValue("no_password") != "" {
			d.values["DB_PASSWORD"] = ""
		}
		return next(v, d)
	}
}

// step returns the action that goes to a step.
func step(name string) action { return action{To: "/start?step=" + name} }

// startFrom takes over the settings of a configuration that was found.
func startFrom(v *visit, d *draft) (action, error) {
	for _, f := range find(v.d.Machine.Roots) { // no other file is read
		if f.File != v.PostFormValue("file") {
			continue
		}
		if err := v.d.Machine.Begin(f.Values); err != nil {
			return action{}, err
		}
		maps.DeleteFunc(d.values, func(key, _ string) bool { return strings.HasPrefix(key, "DB_") })
		maps.Copy(d.values, f.Values)
	}
	return step("database"), nil
}

// startDatabase tries the database and recognises the library system by its tables.
func startDatabase(v *visit, d *draft) (action, error) {
	cfg, err := setup.LoadDatabase(d.values)
	if err != nil {
		return action{}, err
	}
	db, err := cfg.OpenDB()
	if err != nil {
		return action{}, err
	}
	defer db.Close()
	if _, err := deskdb.New(cfg.NewStore(db)).Server(v.Context()); err != nil {
		return action{}, err
	}
	tables, err := schema.Inspect(v.Context(), db)
	d.source = recognise(tables)
	return step("prepare"), err
}

// startPrepare makes the tables and the view.
func startPrepare(v *visit, d *draft) (action, error) {
	source := v.PostFormValue("source")
	if !slices.Contains(schema.Sources(), source) || source == schema.Custom {
		return action{}, v.fault("page.start.source_missing")
	}
	return action{Key: "prepare", On: source, To: step("mail").To}, v.d.Machine.Migrate(v.Context(), d.values, source)
}

// startMail tries the mail account by sending a sample to the person at the desk.
func startMail(v *visit, d *draft) (action, error) {
	kind, account := v.PostFormValue("kind"), d.values["MAIL_USERNAME"]
	from := cmp.Or(d.values["MAIL_FROM_ADDRESS"], account)
	switch kind {
	case "later":
		maps.Copy(d.values, map[string]string{"MAIL_MAILER": "file",
			"MAIL_FROM_ADDRESS": cmp.Or(from, "perpustakaan@localhost.localdomain")})
	case "own":
		encryption := ""
		if v.PostFormValue("plain") != "" {
			encryption = "none"
		}
		maps.Copy(d.values, map[string]string{"MAIL_MAILER": "smtp", "MAIL_ENCRYPTION": encryption,
			"MAIL_FROM_ADDRESS": from})
	default:
		maps.Copy(d.values, map[string]string{"MAIL_MAILER": "smtp", "MAIL_HOST": "smtp.gmail.com", "MAIL_PORT": "587",
			"MAIL_ENCRYPTION": "", "MAIL_FROM_ADDRESS": account,
			"MAIL_DAILY_LIMIT": cmp.Or(d.values["MAIL_DAILY_LIMIT"], "400")})
	}
	if d.mailed, d.there = "", kind == "later"; d.there {
		return step("rules"), nil
	}
	to, err := mail.ParseAddress(v.PostFormValue("to"))
	if err != nil {
		return action{}, v.fault("page.start.sample_to_wrong")
	}
	v.close()
	if v.app, err = v.d.newApp(d.values); err == nil {
		err = v.d.Machine.Mail(v.Context(), v.app, to)
	}
	if err == nil {
		d.mailed = to.Addr
	}
	return action{Key: "sample", To: step("arrived").To}, err
}

func startArrived(_ *visit, d *draft) (action, error) {
	if d.mailed == "" {
		return step("mail"), nil
	}
	d.there = true
	return step("rules"), nil
}

// startRules takes the last answers and writes the settings.
func startRules(v *visit, d *draft) (action, error) {
	if !d.there { // nobody has confirmed that mail works
		return step("mail"), nil
	}
	var closed []string
	for _, n := range v.PostForm["closed"] {
		if day, err := strconv.Atoi(n); err == nil && day >= 0 && day < len(weekdays) {
			closed = append(closed, weekdays[day])
		}
	}
	d.values["REMINDER_WINDOW"] = v.PostFormValue("from") + "-" + v.PostFormValue("to")
	d.values["REMINDER_CLOSED_WEEKDAYS"] = strings.Join(closed, ",")
	d.values["APP_LOCALE"] = cmp.Or(d.values["APP_LOCALE"], v.Lang)
	_, err := setup.Load(d.values)
	if err == nil {
		err = v.d.Machine.Write(d.values)
	}
	return action{Key: "settings", To: step("go").To}, err
}

// weekdays are the names that REMINDER_CLOSED_WEEKDAYS takes, by time.Weekday.
var weekdays = []string{"minggu", "senin", "selasa", "rabu", "kamis", "jumat", "sabtu"}
