// Package page is the desk in the browser: handlers, templates and one style sheet. It also writes mails on one HTML
// page that needs nothing else ([Sheet]), for 'pengingat preview' and the demonstration.
package page

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Desk is the desk in the browser: a server for one person on one computer, while they look.
//
// Its pages are forms. GET changes nothing; POST does one thing, records it, and redirects to a page. The pages work
// without the script, which only pings, shows progress, and lets a person drag over days. A run continues in the
// background when its page is closed or reloaded.
type Desk struct {
	Machine Machine
	Idle    time.Duration // how long it waits for a page; 0: ten minutes
	Actions *slog.Logger  // log of changes: who, when, what; no names and no addresses of borrowers

	gate  *gate
	job   job
	draft draft

	mu      sync.Mutex
	quiet   time.Duration // since the last sign of a page
	pings   bool          // the last page has a script that pings
	letters []Letter      // of the preview that was shown last, for its frames
	count   *count        // what the next run would do; nil: not asked, or something was changed
}

// How long a desk lives. A page pings every minute. Without the script nothing tells when a page is closed, so the desk
// waits longer.
const (
	idle       = 10 * time.Minute
	withoutJS  = 6 // times as long
	heartbeat  = 30 * time.Second
	answerTime = 10 * time.Second // for a request's head, and for the last answers
)

// Serve listens on a random port of this computer and passes the link to opened. It returns when no page has been open
// for Idle, or when ctx ends; it waits for a run in progress.
func (d *Desk) Serve(ctx context.Context, opened func(url string)) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.job.ctx = ctx
	port := listener.Addr().(*net.TCPAddr).Port
	d.gate = newGate(port, d.Machine.Now, d.routes(), d.closed)
	if err := d.gate.leave(d.Machine.Trace, port); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer d.gate.forget(d.Machine.Trace)
	server := &http.Server{Handler: d.gate, ReadHeaderTimeout: answerTime,
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
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	defer d.job.running.Wait()
	return server.Shutdown(last)
}

func (d *Desk) idle() time.Duration { return cmp.Or(d.Idle, idle) }

// tick counts time without a sign of a page and reports whether the desk should end. It counts ticks and not the clock:
// when a laptop wakes from sleep, the page is still open.
func (d *Desk) tick(passed time.Duration) (over bool) {
	run := d.job.look(words{})
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quiet += passed; run.Working {
		d.quiet = 0
	}
	limit := d.idle()
	if !d.pings {
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

// routes leads each request to its page.
func (d *Desk) routes() http.Handler {
	mux := http.NewServeMux()
	static, err := fs.Sub(assets, "static")
	if err != nil {
		panic(err) // embedded above
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /ping", d.ping)
	mux.HandleFunc("/", d.handle(page{Name: "nothing", bare: true}, func(*visit) error { return errNotFound }))
	for _, p := range pages {
		pattern := "GET " + p.Path()
		if p.Path() == "/" {
			pattern += "{$}" // and nothing below it
		}
		mux.HandleFunc(pattern, d.handle(p, (*visit).show))
		for path, write := range p.files {
			mux.HandleFunc("GET "+path, d.handle(p, write))
		}
		for path, act := range p.acts {
			mux.HandleFunc("POST "+path, d.handle(p, func(v *visit) error { return v.do(act) }))
		}
	}
	return mux
}
