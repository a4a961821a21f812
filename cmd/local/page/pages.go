package page

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A page is one page of the desk. A new one takes a line in pages, a function that loads what it shows, and a template
// of its name in html.
type page struct {
	Name  string                             // of its template, its texts and its path; "today" is at "/"
	menu  bool                               // it is in the navigation
	bare  bool                               // it works without usable settings
	load  func(*visit) (data any, err error) // the data of its template
	files map[string]func(*visit) error      // its other documents, by path
	acts  map[string]func(*visit) (action, error)
}

// pages are in the order of the navigation. load and files answer GET requests and change nothing; acts answer POST
// requests, by path, and do one thing each.
var pages = []page{
	{Name: "today", menu: true, load: loadToday, acts: acts{"/pause": pause, "/resume": resume, "/news": dismissNews}},
	{Name: "send", load: loadSend, acts: acts{"/run": run}},
	{Name: "troubles", menu: true, load: loadTroubles, files: files{"/troubles.csv": spreadsheet(badMailRows, "ID",
		"page.column.name", "page.column.group", "page.column.book", "page.column.outcome", "page.column.since")},
		acts: acts{"/retry": retry, "/settle": settle}},
	{Name: "preview", menu: true, load: loadPreview, files: files{"/preview/frame": frame}},
	{Name: "late", menu: true, load: loadLate, files: files{"/late.csv": booksCSV}, acts: acts{"/contact": contact}},
	{Name: "find", menu: true, load: loadFound, files: files{"/find.csv": booksCSV}, acts: acts{"/optout": optOut}},
	{Name: "loan", load: loadLoan},
	{Name: "forget", load: showing((*visit).dossier), files: files{"/export.json": export}, acts: acts{"/forget": forget}},
	{Name: "holidays", menu: true, load: showing((*visit).month), files: files{"/holidays.csv": spreadsheet(closureRows,
		"page.holidays.first", "page.holidays.last", "page.holidays.closed")},
		acts: acts{"/holidays": closeDays, "/holidays/remove": removeClosure, "/holidays/import": importDays,
			"/holidays/accept": acceptDays}},
	{Name: "classes", menu: true, load: showing((*visit).classes), acts: acts{"/classes": setClass,
		"/classes/remove": removeClass, "/classes/import": importClasses, "/classes/accept": acceptClasses}},
	{Name: "report", menu: true, load: showing((*visit).period), files: files{"/report/page": report}},
	{Name: "check", menu: true, bare: true, load: loadFindings, files: files{"/grants": grants},
		acts: acts{"/migrate": migrate, "/install": install}},
	{Name: "more", menu: true, files: files{"/optouts.csv": spreadsheet(optOutRows, "ID", "page.column.name",
		"page.column.group")}, acts: acts{"/prune": pruneOld}},
	{Name: "settings", bare: true, load: loadSettings, acts: acts{"/settings": saveSettings}},
	{Name: "wording", load: showing((*visit).wording), acts: acts{"/wording": saveWording}},
	{Name: "feedback", bare: true, load: showing((*visit).feedback), acts: acts{"/feedback": switchFeedback}},
	{Name: "quarantine", load: loadQuarantine, acts: acts{"/quarantine": quarantine, "/release": release}},
	{Name: "start", bare: true, load: loadStart, files: files{"/guide": showGuide},
		acts: acts{"/language": setLanguage, "/start/from": asked(startFrom),
			"/start/database": asked(startDatabase, "DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"),
			"/start/prepare":  asked(startPrepare),
			"/start/mail":     asked(startMail, "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_HOST", "MAIL_PORT", "MAIL_FROM_ADDRESS"),
			"/start/arrived":  asked(startArrived),
			"/start/rules":    asked(startRules, "APP_NAME", "APP_TIMEZONE", "REMINDER_SUMMARY_TO")}},
}

type (
	files = map[string]func(*visit) error
	acts  = map[string]func(*visit) (action, error)
)

// showing makes a load of a method that reads what the page shows.
func showing[T any](read func(*visit) (T, error)) func(*visit) (any, error) {
	return func(v *visit) (any, error) { return read(v) }
}

// booksCSV has the people and books of a list.
var booksCSV = spreadsheet(books, "page.column.name", "page.column.group", "ID", "page.column.book",
	"page.column.number", "page.column.due", "page.column.days", "page.column.address", "page.column.contacted")

// Path returns the page's address.
func (p page) Path() string {
	if p.Name == "today" {
		return "/"
	}
	return "/" + p.Name
}

// A visit is one request, and the page that answers it.
type visit struct {
	*http.Request
	words
	d     *Desk
	app   *setup.App // nil if there are no settings yet, or wrong ones
	w     http.ResponseWriter
	page  page
	shown string // the template: the page's own, or one for an error
	Data  any
	Wrong *trouble // what went wrong
}

// A trouble is an error in words for a person.
type trouble struct{ What, Details string }

var (
	errDone     = errors.New("answered")     // the handler has answered by itself
	errNotFound = errors.New("no such page") // 404
)

// An inputError is about what a person filled in: the page is shown again with it.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

func isInput(err error) bool {
	_, is := errors.AsType[inputError](err)
	return is
}

// fault returns an inputError by its key.
func (v *visit) fault(key string, args ...any) error {
	return inputError{reminder.NewFault(nil, key, args...)}
}

// maxUpload is larger than any calendar of a school.
const maxUpload = 4 << 20

// handle answers the requests of a page.
func (d *Desk) handle(p page, answer func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.touch(false) // until its script pings
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		v := &visit{Request: r, words: d.words(r), d: d, w: w, page: p, shown: p.Name}
		defer v.close()
		if err := v.answer(answer); !errors.Is(err, errDone) {
			v.render(err)
		}
	}
}

// answer opens the settings and calls f. It turns a panic into an error, so that the desk goes on.
func (v *visit) answer(f func(*visit) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = reminder.Panicked(v.d.Actions, value)
		}
	}()
	if err := v.open(); err != nil && !v.page.bare {
		if _, file, _ := v.d.Machine.Environ(); file == "" { // nobody has set anything up yet
			return v.redirect("/start")
		}
		return err
	}
	return f(v)
}

func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.Request, to, http.StatusSeeOther)
	return errDone
}

// open wires the current settings. It fails if there are none or they are wrong.
func (v *visit) open() error {
	environ, _, err := v.d.Machine.Environ()
	if err == nil {
		v.app, err = v.d.newApp(environ)
	}
	return err
}

func (d *Desk) newApp(environ map[string]string) (*setup.App, error) {
	cfg, err := setup.Load(environ)
	if err != nil {
		return nil, err
	}
	app, err := setup.New(cfg, d.Machine.Log)
	if err == nil {
		app.Runner.Now = d.Machine.Now
	}
	return app, err
}

func (v *visit) close() {
	if v.app != nil {
		v.app.Close()
	}
}

// store returns the desk's view of the database.
func (v *visit) store() *deskdb.Store { return deskdb.New(v.app.Store) }

func newDesk(app *setup.App) desk.Desk { return desk.New(app.Runner, app.Store) }

// show loads the page's data.
func (v *visit) show() (err error) {
	if v.page.load != nil {
		v.Data, err = v.page.load(v)
	}
	return err
}

// An action says what a POST has done, and how to answer it.
type action struct {
	Key  string // of the confirming sentence and of the log entry; "": neither
	N    int
	On   string // ids of what was changed, for the log only
	To   string // path to redirect to; "": where the form says, else the page
	Show any    // shown instead of a redirect, before anything is stored
}

// ownPath matches a path on this desk. Browsers read "//" and "/\" at the beginning as another host.
var ownPath = regexp.MustCompile(`^/([^/\\][^\\]*)?$`)

// do carries out one change, records it, and redirects. A failure is shown on the page, with what was typed.
func (v *visit) do(act func(*visit) (action, error)) error {
	if err := v.ParseForm(); err != nil {
		return err
	}
	defer v.d.forgetCount()
	done, err := act(v)
	switch {
	case errors.Is(err, errNotFound):
		return err
	case err != nil:
		if again := v.show(); again == nil || isInput(again) {
			return inputError{err}
		}
		return err
	case done.Show != nil:
		v.Data = done.Show
		return nil
	}
	back := v.PostFormValue("back")
	if !ownPath.MatchString(back) {
		back = ""
	}
	to := cmp.Or(done.To, back, v.page.Path())
	if done.Key != "" {
		v.d.Actions.Info("desk", "who", v.d.Machine.User, "what", done.Key, "n", done.N, "on", done.On)
		separator := "?"
		if strings.Contains(to, "?") {
			separator = "&"
		}
		to += separator + url.Values{"done": {done.Key}, "n": {strconv.Itoa(done.N)}}.Encode()
	}
	return v.redirect(to)
}

// render writes the page with what went wrong, or an error page. It writes nothing before the template has succeeded.
func (v *visit) render(err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, errNotFound):
		status, v.shown = http.StatusNotFound, "nothing"
	case err != nil:
		status, v.Wrong = http.StatusUnprocessableEntity, v.trouble(err)
		if !isInput(err) {
			v.shown = "wrong"
		}
	}
	var b bytes.Buffer
	switch err := layouts.ExecuteTemplate(&b, v.shown+".html", v); {
	case err == nil:
		_ = v.send(status, html, "", b.Bytes())
	case v.shown == "wrong":
		http.Error(v.w, v.T("page.broken"), http.StatusInternalServerError)
	default: // a method that reads, or the template itself, failed
		v.d.Actions.Error("page", "page", v.shown, "error", err.Error())
		v.render(err)
	}
}

const html = "text/html; charset=utf-8"

// send answers with a document. policy, if not "", replaces the Content-Security-Policy of the desk's pages.
func (v *visit) send(status int, kind, policy string, body []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	if policy != "" {
		h.Set("Content-Security-Policy", policy)
	}
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // fails if the browser is gone
	return errDone
}

// download answers with a file.
func (v *visit) download(name, kind string, body []byte) error {
	v.w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(name))
	return v.send(http.StatusOK, kind, "", body)
}

// upload returns the file of a form.
func (v *visit) upload() (name string, data []byte, err error) {
	file, header, err := v.FormFile("file")
	if err != nil {
		return "", nil, v.fault("page.file.missing")
	}
	defer file.Close()
	data, err = io.ReadAll(file)
	return desk.Plain(header.Filename), data, err
}

// closed answers a browser without the cookie, for example after a link was used twice.
func (d *Desk) closed(w http.ResponseWriter, r *http.Request) {
	v := &visit{Request: r, words: d.words(r), d: d, w: w, page: page{Name: "closed"}, shown: "closed"}
	w.WriteHeader(http.StatusForbidden)
	_ = layouts.ExecuteTemplate(w, "closed.html", v)
}
