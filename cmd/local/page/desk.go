package page

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A Desk is the desk in the browser: a server for one person on one computer, while they look.
//
// Its pages are forms. GET changes nothing; POST does one thing, records it, and redirects to a page. The pages work
// without the script, which only pings, shows progress, and lets a person drag over days. A run continues in the
// background when its page is closed or reloaded.
type Desk struct {
	Machine Machine
	Idle    time.Duration // how long it waits for a page; 0: ten minutes
	Actions *slog.Logger  // records what was done: who, when, what; no name and no address

	gate  *gate
	job   job
	draft draft
	count count

	mu    sync.Mutex
	quiet time.Duration // since the last sign of a page
	pings bool          // the last page has a script that pings

	letters []Letter // of the preview that was shown last, for its frames
}

// How long a desk lives. A page pings every minute. Without the script nothing tells when a page is closed, so the desk
// waits longer.
const (
	idle         = 10 * time.Minute
	withoutJS    = 6 // times as long
	heartbeat    = 30 * time.Second
	shutdownTime = 10 * time.Second // for the last answers
	headerTime   = 10 * time.Second
)

// Serve listens on a random port of this computer, says under which link, and returns when the last page has been gone
// for Idle, or ctx ends. A run that is at work is waited for.
func (d *Desk) Serve(ctx context.Context, opened func(url string)) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	d.gate = newGate(port, d.Machine.Now, d.routes(ctx), d.closed)
	if err := d.gate.leave(d.Machine.Trace, port); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer d.gate.forget(d.Machine.Trace)
	server := &http.Server{Handler: d.gate, ReadHeaderTimeout: headerTime,
		ErrorLog: slog.NewLogLogger(d.Actions.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	opened(d.gate.url())

	ticker := time.NewTicker(min(heartbeat, d.idle()))
	defer ticker.Stop()
	for over := false; !over; {
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
			over = true
		case <-ticker.C:
			over = d.tick(min(heartbeat, d.idle()))
		}
	}
	d.job.wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return server.Shutdown(last)
}

func (d *Desk) idle() time.Duration { return cmp.Or(d.Idle, idle) }

// tick counts time without a sign of a page and reports whether the desk should end. It counts ticks and not the clock:
// when a laptop wakes from sleep, the page is still open.
func (d *Desk) tick(passed time.Duration) (over bool) {
	working := d.job.working()
	d.mu.Lock()
	defer d.mu.Unlock()
	if working {
		d.quiet = 0
		return false
	}
	limit := d.idle()
	if d.quiet += passed; !d.pings {
		limit *= withoutJS
	}
	return d.quiet >= limit
}

// touch records that a page is still open.
func (d *Desk) touch(ping bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quiet, d.pings = 0, ping
}

//go:embed html static
var assets embed.FS

// routes is the table of all pages. Each POST does one thing.
func (d *Desk) routes(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	static, err := fs.Sub(assets, "static")
	if err != nil {
		panic(err) // embedded above
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		d.touch(true)
		d.job.write(w, d.words(r), d.count.counting())
	})
	for pattern, show := range d.pages() {
		mux.HandleFunc("GET "+pattern, d.show(show))
	}
	for pattern, do := range d.actions(ctx) {
		mux.HandleFunc("POST "+pattern, d.do(pattern, do))
	}
	return mux
}

// A visit is one request, and the page that answers it.
type visit struct {
	*http.Request
	words
	d     *Desk
	app   *setup.App // nil: there are no settings yet, or they are wrong
	w     http.ResponseWriter
	page  string
	Data  any
	Wrong *trouble // what went wrong
}

// A trouble is an error in words for a person.
type trouble struct{ What, Details string }

var (
	errDone     = errors.New("answered")     // the handler has answered by itself
	errNotFound = errors.New("no such page") // 404
)

// show answers with a page.
func (d *Desk) show(f func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.touch(false) // until its script pings
		v := &visit{Request: r, words: d.words(r), d: d, w: w}
		defer v.close()
		err := v.recovered(f)
		if _, input := errors.AsType[inputError](err); err != nil && !input {
			v.page = "wrong" // half a page would say what is not so
		}
		if !errors.Is(err, errDone) {
			v.render(err)
		}
	}
}

// An action is what a POST has done: the sentence for the page, and the page to go to.
type action struct {
	Key string // of the sentence, and in the record
	N   int
	On  string // ids of what it was done to, for the record alone
	To  string // path
}

// do carries out one change, records it, and redirects to a page. A failure is shown on the same page.
func (d *Desk) do(pattern string, f func(*visit) (action, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.touch(false)
		v := &visit{Request: r, words: d.words(r), d: d, w: w}
		defer v.close()
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		if err := r.ParseForm(); err != nil {
			v.render(err)
			return
		}
		var done action
		err := v.recovered(func(v *visit) (err error) {
			done, err = f(v)
			return err
		})
		d.count.forget()
		switch {
		case errors.Is(err, errDone):
		case err != nil:
			v.render(err)
		default:
			if done.Key != "" {
				d.Actions.Info("desk", "who", d.Machine.User, "what", done.Key, "n", done.N, "on", done.On)
			}
			to := cmp.Or(done.To, "/")
			if done.Key != "" {
				to += map[bool]string{true: "&", false: "?"}[strings.Contains(to, "?")] +
					url.Values{"done": {done.Key}, "n": {strconv.Itoa(done.N)}}.Encode()
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	}
}

// maxUpload is larger than any calendar of a school.
const maxUpload = 4 << 20

// recovered calls f and returns a panic as an error, so that the desk goes on.
func (v *visit) recovered(f func(*visit) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = reminder.Panicked(v.d.Actions, value)
		}
	}()
	return f(v)
}

// open wires the current settings. It fails when there are none, or none that can be used.
func (v *visit) open() error {
	if v.app != nil {
		return nil
	}
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return err
	}
	v.app, err = v.d.newApp(environ)
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
		_ = v.app.Close() // as with every end, there is nobody to tell
	}
}

func (v *visit) today() reminder.Date {
	return reminder.DateOf(v.d.Machine.Now(), v.app.Runner.Settings.Zone)
}

// render writes the page, or what went wrong in its place.
func (v *visit) render(err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, errNotFound):
		status, v.page = http.StatusNotFound, "nothing"
	case err != nil:
		status = http.StatusUnprocessableEntity
		v.Wrong = v.trouble(err)
		if v.page == "" {
			v.page = "wrong"
		}
	}
	var b bytes.Buffer
	if err := layouts.ExecuteTemplate(&b, v.page+".html", v); err != nil {
		v.d.Actions.Error("page", "page", v.page, "error", err.Error())
		http.Error(v.w, v.T("page.broken"), http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = b.WriteTo(v.w) // whoever asked may have gone
}

// closed answers a browser without the cookie, such as one with a link that was used before.
func (d *Desk) closed(w http.ResponseWriter, r *http.Request) {
	v := &visit{Request: r, words: d.words(r), d: d, w: w, page: "closed"}
	w.WriteHeader(http.StatusForbidden)
	_ = layouts.ExecuteTemplate(w, "closed.html", v)
}
