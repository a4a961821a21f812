// Package pengingat is the cloud door of the reminder run: the HTTP function SendReminders, which Cloud Scheduler calls
// every hour. It parses the request, calls the same Runner as the local program, and answers with its Report.
//
// It must stay one package in the module's root, without external tests: the platform's build demands it.
package pengingat

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// Target is the name under which the function is registered (FUNCTION_TARGET).
const Target = "SendReminders"

// Handler is the function. Nothing is read or opened before its first request, so that a start costs little and a
// mistake in the configuration is an answer that can be read instead of a process that will not start.
var Handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { theDoor().ServeHTTP(w, r) })

func init() { functions.HTTP(Target, Handler.ServeHTTP) }

var theDoor = sync.OnceValue(func() http.Handler {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	d := newDoor(ctx, os.Environ())
	go func() {
		// The platform sends SIGTERM ten seconds before it kills. The run in flight stops claiming, finishes the message
		// whose last byte may have left, and records it.
		<-ctx.Done()
		d.Wait()
		os.Exit(0)
	}()
	return d
})

// newDoor is the door of the library that the variables configure, or of those whose .env files PENGINGAT_ENV_FILES
// names, separated by commas: secrets mounted as files. Each of several gets its share of the function's time.
func newDoor(ctx context.Context, variables []string) *Door {
	files := strings.Split(os.Getenv("PENGINGAT_ENV_FILES"), ",")
	timeout, _ := strconv.Atoi(os.Getenv("CLOUD_RUN_TIMEOUT_SECONDS")) // unreadable: setup.Load says so
	if len(files) > 1 && timeout > 0 {
		variables = append(slices.Clone(variables), "CLOUD_RUN_TIMEOUT_SECONDS="+strconv.Itoa(timeout/len(files)))
	}
	var first *Door
	databases := map[string]string{}
	for _, file := range files {
		file = strings.TrimSpace(file)
		environ, _, err := setup.Environ(file, variables)
		if other, ok := databases[setup.Database(environ)]; ok && err == nil {
			err = fmt.Errorf("%s and %s name the same database", other, file)
		}
		databases[setup.Database(environ)] = file
		d := &Door{Context: ctx, Log: setup.NewLog(environ, os.Stderr), Open: func() (*setup.App, error) {
			if err != nil {
				return nil, err
			}
			cfg, err := setup.Load(environ)
			if err != nil {
				return nil, err
			}
			setup.LimitMemory()
			return setup.New(cfg, os.Stderr)
		}}
		if first == nil {
			first = d
		} else {
			first.More = append(first.More, d)
		}
	}
	return first
}

// A Door answers HTTP requests with runs.
type Door struct {
	Context context.Context            // when it ends, runs in flight end early and in order
	Open    func() (*setup.App, error) // called by the first request, and again after it failed
	Log     *slog.Logger               // for what is not part of a run
	More    []*Door                    // further libraries, run after this one whatever becomes of it

	runs sync.WaitGroup
	mu   sync.Mutex
	open *setup.App // what Open returned
}

// Wait waits for the runs in flight.
func (d *Door) Wait() { d.runs.Wait() }

// maxBody bounds a request: the longest one that means something is a few bytes.
const maxBody = 1 << 10

// A request may say one thing. Nothing in it can choose who gets mail, or what.
type request struct {
	DryRun bool `json:"dry_run"`
}

// ServeHTTP performs a run for POST. The answer is the run's Report: 200 when the work is durably recorded, 503 when
// the time was spent with work left, 500 when a retry may help. Of several libraries it is a list of theirs, with the
// worst status. A request that is not understood gets 400 or 405 and does nothing.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.runs.Add(1)
	defer d.runs.Done()
	log := traced(d.Log, r)
	defer func() {
		if v := recover(); v != nil {
			fail(w, http.StatusInternalServerError, text.In("en").Error(reminder.Panicked(log, v)))
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
	status, body := d.run(r, req)
	if len(d.More) > 0 {
		bodies := []any{body}
		for _, library := range d.More {
			s, b := library.run(r, req)
			if bodies = append(bodies, b); s != http.StatusOK && status != http.StatusInternalServerError {
				status = s
			}
		}
		body = bodies
	}
	answer(w, status, body)
}

// run performs a run of one library and returns the answer.
func (d *Door) run(r *http.Request, req request) (status int, body any) {
	app, err := d.app()
	if err != nil {
		traced(d.Log, r).Error("configuration", "error", text.In("en").Error(err))
		return http.StatusInternalServerError, map[string]string{"error": text.In("en").Error(err)}
	}
	if err := app.Config.CheckSender(); err != nil && !req.DryRun {
		traced(d.Log, r).Error("configuration", "error", text.In("en").Error(err))
		return http.StatusInternalServerError, map[string]string{"error": text.In("en").Error(err)}
	}
	// The request's context ends when the caller has gone, and, by the framework, with the function's timeout.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(d.Context, cancel)()

	report, err := app.Runner.Run(ctx, reminder.Options{Trigger: "http", DryRun: req.DryRun, Log: traced(app.Log, r)})
	switch {
	case err != nil || report.Outcome == reminder.RunStopped:
		return http.StatusInternalServerError, report
	case report.Outcome == reminder.RunPartial:
		return http.StatusServiceUnavailable, report
	}
	return http.StatusOK, report
}

// app returns what Open returned. A failure is not remembered: a file that the configuration names may be there next
// time.
func (d *Door) app() (*setup.App, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		return d.open, nil
	}
	app, err := d.Open()
	if err == nil {
		d.open = app
	}
	return app, err
}

// traced returns log with the request's trace, under which the platform shows its lines.
func traced(log *slog.Logger, r *http.Request) *slog.Logger {
	id, _, _ := strings.Cut(r.Header.Get("X-Cloud-Trace-Context"), "/")
	if parent := strings.Split(r.Header.Get("Traceparent"), "-"); len(parent) >= 4 { // version, trace, span, flags
		id = parent[1]
	}
	if _, err := hex.DecodeString(id); err != nil || len(id) != 32 {
		return log
	}
	return log.With("trace", id)
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
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // only of a type that cannot be encoded
	}
	text = append(text, '\n')
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may have gone; the run is recorded anyway
	// The process may end as soon as the run has, so nothing of the answer may be left in a buffer.
	_ = http.NewResponseController(w).Flush()
}
