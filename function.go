// Package pengingat is the cloud door of the reminder run: the HTTP function SendReminders, which Cloud Scheduler calls
// every hour. It parses the request, calls the same Runner as the local program, and answers with its Report.
//
// It must stay one package in the module's root, without external tests: the platform's build demands it.
package pengingat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// Target is the name under which the function is registered (FUNCTION_TARGET).
const Target = "SendReminders"

func init() {
	// Nothing is read or opened before the first request, so that a start costs little and a mistake in the configuration
	// is an answer that can be read instead of a process that will not start.
	door := sync.OnceValue(func() http.Handler {
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		d := &Door{Context: ctx, App: sync.OnceValues(func() (*setup.App, error) {
			environ, _, err := setup.Environ("", os.Environ())
			if err != nil {
				return nil, err
			}
			cfg, err := setup.Load(environ)
			if err != nil {
				return nil, err
			}
			return setup.New(cfg, os.Stderr)
		})}
		go func() {
			// The platform sends SIGTERM ten seconds before it kills. The run in flight stops claiming, finishes the message
			// whose last byte may have left, and records it.
			<-ctx.Done()
			d.Wait()
			os.Exit(0)
		}()
		return d
	})
	functions.HTTP(Target, func(w http.ResponseWriter, r *http.Request) { door().ServeHTTP(w, r) })
}

// A Door answers HTTP requests with runs.
type Door struct {
	Context context.Context            // when it ends, runs in flight end early and in order
	App     func() (*setup.App, error) // depends on nothing that changes while the process lives: give it remembered
	runs    sync.WaitGroup
}

// Wait waits for the runs in flight.
func (d *Door) Wait() { d.runs.Wait() }

// maxBody bounds a request: the longest one that means something is a few bytes.
const maxBody = 1 << 10

// A request may say one thing. Nothing in it can choose who gets mail, or what.
type request struct {
	DryRun bool `json:"dry_run"`
}

// ServeHTTP performs a run for POST. The answer is the run's Report: 200 when the work is durably recorded, 503 when the
// time was spent with work left, 500 when a retry may help. A request that is not understood gets 400 or 405 and does
// nothing.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.runs.Add(1)
	defer d.runs.Done()
	defer func() {
		if v := recover(); v != nil {
			// The stack names our code only; the value may hold data.
			fmt.Fprintf(os.Stderr, "panic of type %T in a run\n%s", v, debug.Stack())
			fail(w, http.StatusInternalServerError, "internal error; see the log")
		}
	}()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, "only POST runs the reminders")
		return
	}
	var req request
	if err := decode(http.MaxBytesReader(w, r.Body, maxBody), &req); err != nil {
		fail(w, http.StatusBadRequest, `the body must be empty or {"dry_run":true}: `+err.Error())
		return
	}
	app, err := d.App()
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(d.Context, cancel)()

	report, err := app.Runner.Run(ctx, reminder.Options{Trigger: "http", DryRun: req.DryRun})
	status := http.StatusOK
	switch {
	case err != nil || report.Outcome == reminder.Stopped:
		status = http.StatusInternalServerError
	case report.Outcome == reminder.Partial:
		status = http.StatusServiceUnavailable
	}
	answer(w, status, report)
}

// decode reads one JSON object without unknown fields, or nothing.
func decode(body io.Reader, req *request) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	switch err := dec.Decode(req); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the object")
	}
	return nil
}

func fail(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone; the run is recorded all the same
}
