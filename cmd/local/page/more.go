package page

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A finding is what one check has to say.
type finding struct{ check.Finding }

// Cure is the button that mends it: where it leads, or "".
func (f finding) Cure() string {
	switch f.Check {
	case "schema":
		return "/migrate"
	case "task":
		return "/install"
	}
	return ""
}

// Page is where it is mended, or "".
func (f finding) Page() string {
	switch f.Check {
	case "settings", "mail", "sender", "database":
		return "/settings"
	case "records":
		return "/troubles"
	case "addresses":
		return "/report"
	}
	return ""
}

func showCheck(v *visit) error {
	v.page = "check"
	_ = v.open() // what is wrong with the settings is among the findings
	all, sorted := v.d.Machine.Findings(v.Context()), []finding{}
	for _, severity := range []check.Severity{check.Fail, check.Warn, check.OK} {
		for _, f := range all {
			if f.Severity == severity {
				sorted = append(sorted, finding{f})
			}
		}
	}
	v.Data = sorted
	return nil
}

// migrate makes the tables what this version needs.
func migrate(v *visit) (action, error) {
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	return action{Key: "migrate", To: "/check"}, v.d.Machine.Migrate(v.Context(), environ, "")
}

// A period is that of a report.
type period struct{ First, Last reminder.Date }

// View is the address of the report itself.
func (p period) View() string {
	return "/report/page?" + url.Values{"from": {p.First.String()}, "to": {p.Last.String()}}.Encode()
}

func (v *visit) period() (p period, err error) {
	if err := v.open(); err != nil {
		return p, err
	}
	p = period{v.today().AddDays(-29), v.today()}
	for key, d := range map[string]*reminder.Date{"from": &p.First, "to": &p.Last} {
		if text := v.FormValue(key); text != "" && err == nil {
			*d, err = reminder.ParseDate(text)
		}
	}
	if n := p.Last.Sub(p.First); err != nil || n < 0 || n >= 366 {
		return period{v.today().AddDays(-29), v.today()}, v.fault("page.report.period_wrong")
	}
	return p, nil
}

func showReport(v *visit) (err error) {
	v.page = "report"
	p, err := v.period()
	v.Data = p
	return err
}

// showReportPage is the page that 'pengingat report' writes, in a frame, or by itself to be printed.
func showReportPage(v *visit) error {
	p, err := v.period()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := v.d.Machine.Report(v.Context(), v.app, p.First, p.Last, v.Lang, &b); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(v.w) // the page may have gone
	return errDone
}

// more is what the page of seldom used things shows.
type more struct {
	OptedOut   []person
	Prune      reminder.Pruned
	Keep       int // days
	ByItself   bool
	Quarantine *mysql.Quarantine
	Version    string
	Actions    []string
}

func showMore(v *visit) error {
	v.page = "more"
	if err := v.open(); err != nil {
		return err
	}
	ctx, store := v.Context(), v.app.Store
	days := v.app.Runner.Settings.KeepDays
	m := more{Version: reminder.Version, Keep: cmp.Or(days, reminder.KeepDays), ByItself: days > 0}
	out, err := store.OptedOut(ctx)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(out))
	of, err := store.LoansOf(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		b := of[id].Borrower
		m.OptedOut = append(m.OptedOut, person{ID: id, Name: cmp.Or(desk.Plain(b.Name), v.T("page.borrower", "ID", id)),
			Group: b.Group})
	}
	if m.Prune, err = v.prune(true); err != nil {
		return err
	}
	status, err := store.Status(ctx, v.app.Runner.Now(), 1)
	m.Quarantine = status.Quarantine
	v.Data = m
	return err
}

// prune removes old records, or counts them.
func (v *visit) prune(dry bool) (reminder.Pruned, error) {
	return v.app.Runner.Prune(v.Context(), cmp.Or(v.app.Runner.Settings.KeepDays, reminder.KeepDays), dry, nil)
}

func pruneOld(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	done, err := v.prune(false)
	return action{Key: "prune", N: done.Emails, To: "/more"}, err
}

// A quarantineForm asks for a quarantine, or shows the one in force.
type quarantineForm struct {
	Before  reminder.Date
	Asked   *desk.Silenced
	InForce *mysql.Quarantine
}

func showQuarantine(v *visit) error {
	v.page = "quarantine"
	if err := v.open(); err != nil {
		return err
	}
	q := quarantineForm{Before: v.today()}
	status, err := v.app.Store.Status(v.Context(), v.app.Runner.Now(), 1)
	q.InForce = status.Quarantine
	v.Data = q
	if text := v.FormValue("before"); err == nil && text != "" {
		before, derr := reminder.ParseDate(text)
		if derr != nil || before.After(v.today()) {
			return v.fault("page.quarantine.date_wrong")
		}
		q.Before = before
		_, err = newDesk(v.app).Quarantine(v.Context(), before, func(asked desk.Silenced) bool {
			q.Asked = &asked
			return false
		})
	}
	v.Data = q
	return err
}

func quarantine(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	before, err := reminder.ParseDate(v.PostFormValue("before"))
	if err != nil || before.After(v.today()) {
		return action{}, v.fault("page.quarantine.date_wrong")
	}
	done, err := newDesk(v.app).Quarantine(v.Context(), before, func(desk.Silenced) bool { return true })
	return action{Key: "quarantine", N: done.Loans, On: before.String(), To: "/troubles"}, err
}

func release(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	n, err := v.app.Store.Release(v.Context())
	return action{Key: "release", N: n, To: "/quarantine"}, err
}

// settable are the settings that the page shows, in groups.
var settable = []struct {
	Name string
	Keys []string
}{
	{"library", []string{"APP_NAME", "APP_LOCALE", "APP_TIMEZONE", "REMINDER_OPENING_HOURS", "REMINDER_SUMMARY_TO"}},
	{"rules", []string{"REMINDER_SCHEDULE", "REMINDER_WINDOW", "REMINDER_CLOSED_WEEKDAYS", "REMINDER_BEFORE_CLOSURE",
		"REMINDER_MIN_DAYS", "REMINDER_MAX_PER_RUN", "REMINDER_MAX_OVERDUE_DAYS", "REMINDER_GUARDIAN_FROM",
		"REMINDER_CLASS_DAY", "REMINDER_ONLY_TO"}},
	{"mail", []string{"MAIL_MAILER", "MAIL_HOST", "MAIL_PORT", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_FROM_ADDRESS",
		"MAIL_REPLY_TO", "MAIL_DAILY_LIMIT",
		"SENDGRID_API_KEY"}},
	{"database", []string{"DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"}},
}

// A field is one setting.
type field struct {
	Key, Value      string
	Secret, Present bool // of a secret only whether it is there is shown
	Problem         string
}

// settings is what the page shows.
type settings struct {
	File   string
	Groups []fieldGroup
}

type fieldGroup struct {
	Name   string
	Fields []field
}

func showSettings(v *visit) error {
	v.page = "settings"
	_ = v.open() // what is wrong stands at its field
	environ, file, err := v.d.Machine.Environ()
	v.Data = fields(environ, file, v.Lang)
	return err
}

// fields shows the settings with what is wrong with each.
func fields(values map[string]string, file, lang string) settings {
	s := settings{File: file}
	for _, g := range settable {
		group := fieldGroup{Name: g.Name}
		for _, key := range g.Keys {
			group.Fields = append(group.Fields, newField(values, key, lang))
		}
		s.Groups = append(s.Groups, group)
	}
	return s
}

func newField(values map[string]string, key, lang string) field {
	f := field{Key: key, Value: values[key], Secret: slices.Contains(secrets, key), Present: values[key] != ""}
	if f.Secret {
		f.Value = ""
	}
	if err := setup.Check(values, key); err != nil {
		f.Problem = text.In(lang).Error(err)
	}
	return f
}

// take puts what was sent for some settings among them, and reports whether that changed any. An empty secret stays as
// it is.
func (v *visit) take(values map[string]string, keys ...string) (changed bool) {
	for _, key := range keys {
		value := strings.TrimSpace(v.PostFormValue(key))
		if _, sent := v.PostForm[key]; !sent || value == "" && slices.Contains(secrets, key) {
			continue
		}
		if key == "APP_TIMEZONE" {
			value = setup.Zone(value)
		}
		changed = changed || values[key] != value
		values[key] = value
	}
	return changed
}

func saveSettings(v *visit) (action, error) {
	v.page = "settings"
	environ, file, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	changed := false
	for _, g := range settable {
		changed = v.take(environ, g.Keys...) || changed
	}
	v.Data = fields(environ, file, v.Lang)
	if _, err := setup.Load(environ); err != nil {
		return action{}, err
	}
	if !changed {
		return action{To: "/settings"}, nil
	}
	return action{Key: "settings", To: "/settings"}, v.d.Machine.Write(environ)
}

// wording is one file of the mails' words.
type wording struct {
	Files      []string
	File, Text string
	Own        bool // there is a folder of the library's own
	Shown      bool // the frame shows a sample of it
}

func showWording(v *visit) error {
	v.page = "wording"
	w, err := v.wording()
	v.Data = w
	return err
}

// wording reads the file that was asked for, from the library's own folder, or as it is built in.
func (v *visit) wording() (w wording, err error) {
	if err := v.open(); err != nil {
		return w, err
	}
	dir, done, err := v.templates()
	if err != nil {
		return w, err
	}
	defer done()
	w.Own = v.app.Config.Templates != ""
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(name, ".txt") {
			w.Files = append(w.Files, name)
		}
		return err
	})
	if err != nil {
		return w, err
	}
	w.File = cmp.Or(v.FormValue("file"), v.Lang+"/loan.txt")
	if !slices.Contains(w.Files, w.File) {
		return w, errNotFound
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(w.File)))
	w.Text = string(data)
	return w, err
}

// templates returns a folder with all templates, and a function that removes it if it is temporary.
func (v *visit) templates() (dir string, done func(), err error) {
	if v.app.Config.Templates != "" {
		return v.app.Config.Templates, func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "pengingat-")
	if err != nil {
		return "", nil, err
	}
	dir = filepath.Join(tmp, "templates")
	return dir, func() { _ = os.RemoveAll(tmp) }, letter.Export(dir)
}

// saveWording shows a sample with the new words, or saves them.
func saveWording(v *visit) (action, error) {
	v.page = "wording"
	w, err := v.wording()
	if err != nil {
		return action{}, err
	}
	w.Text = strings.ReplaceAll(v.PostFormValue("text"), "\r\n", "\n")
	v.Data = w
	sample, err := v.sample(w)
	if err != nil {
		return action{}, err
	}
	if v.PostFormValue("save") == "" {
		w.Shown = true
		v.Data = w
		v.d.mu.Lock()
		v.d.letters = []Letter{sample}
		v.d.mu.Unlock()
		v.render(nil)
		return action{}, errDone
	}
	dir := v.app.Config.Templates
	if dir == "" {
		dir = v.d.Machine.Templates
		if err := letter.Export(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return action{}, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(w.File)), []byte(w.Text), 0o644); err != nil {
		return action{}, err
	}
	done := action{Key: "wording", On: w.File, To: "/wording"}
	if w.Own {
		return done, nil
	}
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	environ["REMINDER_TEMPLATES"] = dir
	return done, v.d.Machine.Write(environ)
}

// sample composes a mail with words that are not saved yet.
func (v *visit) sample(w wording) (Letter, error) {
	dir, done, err := v.templates()
	if err != nil {
		return Letter{}, err
	}
	defer done()
	tmp, err := os.MkdirTemp("", "pengingat-")
	if err != nil {
		return Letter{}, err
	}
	defer os.RemoveAll(tmp)
	draft := filepath.Join(tmp, "templates")
	if err := os.CopyFS(draft, os.DirFS(dir)); err != nil {
		return Letter{}, err
	}
	if err := os.WriteFile(filepath.Join(draft, filepath.FromSlash(w.File)), []byte(w.Text), 0o600); err != nil {
		return Letter{}, err
	}
	cfg := v.app.Config
	composer, err := letter.New(letter.Texts{Library: cfg.AppName, URL: cfg.AppURL, Locale: filepath.Dir(w.File),
		TitleInSubject: cfg.TitleInSubject, Dir: draft})
	if err != nil {
		return Letter{}, reminder.NewFault(err, "page.wording.broken")
	}
	runner := *v.app.Runner
	runner.Composer = composer
	m, err := (desk.Desk{Runner: &runner}).Example()
	return LetterOf(m, ""), err
}
