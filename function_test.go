package pengingat

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// school returns a migrated school and its mail server.
func school(t *testing.T) (*mysqltest.DB, *mailtest.Server) {
	db := mysqltest.Library(t)
	return db, mailtest.NewServer(t, mailtest.Options{})
}

// environment is what configures the program for a school and its mail server.
func environment(t *testing.T, db *mysqltest.DB, srv *mailtest.Server) map[string]string {
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	mailHost, mailPort, err := net.SplitHostPort(srv.Addr())
	require.NoError(t, err)
	return map[string]string{
		"DB_HOST": host, "DB_PORT": port, "DB_DATABASE": db.Name, "DB_USERNAME": db.Config.User,
		"DB_PASSWORD": db.Config.Passwd,
		"MAIL_MAILER": "smtp", "MAIL_HOST": mailHost, "MAIL_PORT": mailPort, "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
	}
}

// door returns a Door on a migrated school, its mail server, and the App behind it.
func door(t *testing.T, settings map[string]string) (*Door, *mysqltest.DB, *mailtest.Server) {
	db, srv := school(t)
	environ := environment(t, db, srv)
	maps.Copy(environ, settings)
	return &Door{Context: t.Context(), Log: slog.New(slog.DiscardHandler), Open: func() (*setup.App, error) {
		cfg, err := setup.Load(environ)
		if err != nil {
			return nil, err
		}
		app, err := setup.New(cfg, io.Discard)
		if err == nil {
			t.Cleanup(func() { assert.NoError(t, app.Close()) })
			app.Runner.Now = func() time.Time { return time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC) } // 08:00 in Jakarta
		}
		return app, err
	}}, db, srv
}

func post(d *Door, method, body string) (int, string) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestPost(t *testing.T) {
	d, db, srv := door(t, nil)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	code, body := post(d, "POST", `{"dry_run":true}`)
	assert.Equal(t, 200, code)
	assert.Contains(t, body, `"dry_run":true`)
	assert.Empty(t, srv.Messages())
	for _, sent := range []int{1, 0} {
		code, body := post(d, "POST", "")
		require.Equal(t, 200, code, body)
		var rep reminder.Report
		require.NoError(t, json.Unmarshal([]byte(body), &rep))
		assert.Equal(t, sent, rep.Emails.Sent)
		assert.Equal(t, "http", rep.Trigger)
		assert.Equal(t, reminder.RunDone, rep.Outcome)
	}
	assert.Len(t, srv.Messages(), 1)
}

// What alerts and people in the cloud find in the log: one line a run with the Report's fields, one an unusual mail,
// each with its run and its request; and nothing of a borrower.
func TestLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" && strings.Contains(c.Arg, "gone") {
			return mailtest.Action{Reply: "550 5.1.1 <" + c.Arg + "> unknown"}
		}
		return mailtest.Action{}
	}})
	d, db, _ := door(t, map[string]string{"LOG_FORMAT": "json", "LOG_FILE": file, "GOOGLE_CLOUD_PROJECT": "school",
		"MAIL_PORT": strconv.Itoa(srv.Port())})
	for _, addr := range []string{"canary-good@example.org", "canary-gone@example.org"} {
		borrower := db.AddBorrower(t, mysqltest.Borrower{Email: addr, Name: "Canary Name"})
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: borrower, Title: "Canary Title"})
	}
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	read := 0
	for _, header := range []http.Header{
		{"Traceparent": {"00-" + id + "-00f067aa0ba902b7-01"}}, {"X-Cloud-Trace-Context": {id + "/1;o=1"}},
		{"Traceparent": {"canary"}},
	} {
		r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
		r.Header = header
		d.ServeHTTP(w, r)
		var report map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &report))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, strings.ToLower(string(text)), "canary")
		all := lines(t, text[read:])
		read = len(text)
		run := all[len(all)-1]
		for _, line := range all {
			assert.Equal(t, map[string]any{"run_id": report["run_id"]}, line["logging.googleapis.com/labels"])
			if header.Get("Traceparent") == "canary" {
				assert.NotContains(t, line, "logging.googleapis.com/trace")
			} else {
				assert.Equal(t, "projects/school/traces/"+id, line["logging.googleapis.com/trace"])
			}
			_, err := time.Parse(time.RFC3339Nano, line["time"].(string))
			assert.NoError(t, err)
		}
		assert.Equal(t, "run", run["message"])
		delete(report, "run_id")
		for key, value := range report {
			assert.Equal(t, value, run[key], key)
		}
		if report["emails"].(map[string]any)["refused"] == 1.0 {
			require.Len(t, all, 2)
			assert.Equal(t, "email", all[0]["message"])
			assert.Equal(t, "WARNING", all[0]["severity"])
			assert.Equal(t, "refused", all[0]["state"])
			assert.Equal(t, "WARNING", run["severity"])
		} else {
			assert.Equal(t, "INFO", run["severity"])
			assert.Len(t, all, 1)
		}
	}
	assert.Len(t, srv.Messages(), 1)
}

// The age of what waits stands in the log as a number, for an alert.
func TestLogTellsHowLongMailWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	d, db, _ := door(t, map[string]string{"LOG_FORMAT": "json", "LOG_FILE": file, "MAIL_PORT": "1"})
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	post(d, "POST", "")
	db.Exec(t, "UPDATE reminder_emails SET created_at = '2026-11-23 00:00:00'")
	db.Exec(t, "DELETE FROM reminder_state")
	code, _ := post(d, "POST", "")
	assert.Equal(t, 500, code)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	all := lines(t, text)
	last := all[len(all)-1]
	assert.Equal(t, "ERROR", last["severity"])
	assert.Equal(t, 25*3600.0, last["oldest_waiting_seconds"], last)
}

// lines reads a log in JSON.
func lines(t *testing.T, text []byte) (all []map[string]any) {
	t.Helper()
	for text := range bytes.Lines(text) {
		var line map[string]any
		require.NoError(t, json.Unmarshal(text, &line), string(text))
		all = append(all, line)
	}
	require.NotEmpty(t, all)
	return all
}

// The local program and the function tell the same of the same data.
func TestBothDoorsReportTheSame(t *testing.T) {
	d, db, _ := door(t, nil)
	for _, due := range []string{"2026-11-24", "2026-11-20", "2026-11-25", "2026-01-01", "2027-01-01"} {
		db.AddLoan(t, mysqltest.Loan{Due: due})
	}
	app, err := d.app()
	require.NoError(t, err)
	for _, dry := range []bool{true, false} {
		body := ""
		if dry {
			body = `{"dry_run":true}`
		}
		_, answered := post(d, "POST", body)
		db.Exec(t, "DELETE FROM reminder_notices")
		db.Exec(t, "DELETE FROM reminder_emails")
		local, err := app.Runner.Run(t.Context(), reminder.Options{Trigger: "local", DryRun: dry})
		require.NoError(t, err)
		var overHTTP reminder.Report
		require.NoError(t, json.Unmarshal([]byte(answered), &overHTTP))
		for _, r := range []*reminder.Report{&local, &overHTTP} {
			r.RunID, r.Trigger, r.DurationMS = "", "", 0
		}
		want, err := json.Marshal(local)
		require.NoError(t, err)
		got, err := json.Marshal(overHTTP)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got))
		assert.Equal(t, 3, local.Planned.Emails)
	}
}

func TestBadRequests(t *testing.T) {
	d, db, srv := door(t, nil)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	for _, tt := range []struct {
		method, body string
		code         int
	}{
		{"GET", "", 405}, {"HEAD", "", 405}, {"PUT", "{}", 405},
		{"POST", "{", 400}, {"POST", "[]", 400}, {"POST", `"run"`, 400}, {"POST", `{"dry_run":1}`, 400},
		{"POST", `{"to":"a@example.org"}`, 400},
		{"POST", `{} {}`, 400}, {"POST", `{"dry_run":true}x`, 400}, {"POST", strings.Repeat(" ", 2000) + "{}", 400},
	} {
		code, body := post(d, tt.method, tt.body)
		assert.Equal(t, tt.code, code, "%s %s", tt.method, tt.body)
		var answer map[string]string
		require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
		assert.NotEmpty(t, answer["error"])
	}
	assert.Empty(t, srv.Messages())
	for _, table := range []string{"runs", "emails"} {
		var n int
		require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_"+table).Scan(&n))
		assert.Zero(t, n, "a request that is not understood does nothing")
	}
}

// FuzzRequest: whatever is sent, a request is refused or says nothing but whether it is a dry run.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"dry_run":true}`, `{"to":"x"}`, `{"DRY_RUN":true}{}`, "null", "[]",
		`{"dry_run":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var req request
		if err := decode(strings.NewReader(body), &req); err != nil {
			return
		}
		var keys map[string]any
		if err := json.Unmarshal([]byte(body), &keys); err != nil {
			assert.Empty(t, strings.TrimSpace(body))
		}
		for key := range keys {
			assert.True(t, strings.EqualFold(key, "dry_run"), key)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Run("configuration", func(t *testing.T) {
		d, _, _ := door(t, map[string]string{"REMINDER_SCHEDULE": "never"})
		var log bytes.Buffer
		d.Log = setup.NewLog(map[string]string{"K_SERVICE": "pengingat"}, &log)
		for range 2 {
			code, body := post(d, "POST", "")
			assert.Equal(t, 500, code)
			assert.Contains(t, body, "REMINDER_SCHEDULE")
		}
		for _, line := range lines(t, log.Bytes()) { // the scheduler does not keep the answer
			assert.Equal(t, "ERROR", line["severity"])
			assert.Equal(t, "configuration", line["message"])
			assert.Contains(t, line["error"], "REMINDER_SCHEDULE")
		}
	})
	t.Run("a file that is not there yet", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "ca.pem")
		d, _, _ := door(t, map[string]string{"MAIL_CA_FILE": file})
		code, body := post(d, "POST", "")
		assert.Equal(t, 500, code)
		assert.Contains(t, body, "MAIL_CA_FILE")
		cert := mailtest.NewCertificate(t, time.Now().Add(time.Hour), "localhost")
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Leaf.Raw}),
			0o600))
		code, body = post(d, "POST", "")
		assert.Equal(t, 200, code, body)
	})
	t.Run("database down, then up", func(t *testing.T) {
		d, db, srv := door(t, nil)
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		db.Exec(t, "RENAME TABLE reminder_migrations TO away")
		code, body := post(d, "POST", "")
		assert.Equal(t, 500, code)
		assert.Contains(t, body, "pengingat migrate")
		db.Exec(t, "RENAME TABLE away TO reminder_migrations")
		code, _ = post(d, "POST", "")
		assert.Equal(t, 200, code)
		assert.Len(t, srv.Messages(), 1)
	})
	t.Run("unreachable database", func(t *testing.T) {
		d, _, _ := door(t, map[string]string{"DB_PORT": "1"})
		code, body := post(d, "POST", "")
		assert.Equal(t, 500, code)
		assert.Contains(t, body, "DB_HOST")
		assert.Contains(t, body, `"outcome":"stopped"`)
	})
	t.Run("mail server down", func(t *testing.T) {
		d, db, _ := door(t, map[string]string{"MAIL_PORT": "1"})
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		code, body := post(d, "POST", "")
		assert.Equal(t, 500, code, "a retry may help")
		assert.Contains(t, body, `"waiting":1`)
		code, body = post(d, "POST", "")
		assert.Equal(t, 200, code, "the pause is recorded, so the scheduler's retry is not needed")
		assert.Contains(t, body, `"outcome":"paused"`)
	})
	t.Run("time spent", func(t *testing.T) {
		d, db, srv := door(t, map[string]string{"REMINDER_BUDGET": "1ns"})
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		code, body := post(d, "POST", "")
		assert.Equal(t, 503, code)
		assert.Contains(t, body, `"outcome":"partial"`)
		assert.Empty(t, srv.Messages())
	})
	t.Run("panic", func(t *testing.T) {
		var log bytes.Buffer
		d := &Door{Context: t.Context(), Log: setup.NewLog(map[string]string{"LOG_FORMAT": "json"}, &log),
			Open: func() (*setup.App, error) { panic(errors.New("secret@example.org")) }}
		code, body := post(d, "POST", "")
		assert.Equal(t, http.StatusInternalServerError, code)
		assert.Contains(t, body, "has an error")
		assert.NotContains(t, body+log.String(), "secret")
		line := lines(t, log.Bytes())[0]
		assert.Equal(t, "ERROR", line["severity"])
		assert.Equal(t, "*errors.errorString", line["type"])
		assert.Regexp(t, `^pengingat\.TestFailures\S*:\d+ < pengingat\.\(\*Door\)\.app:\d+ < `, line["trail"])
		d.Wait()
	})
}

// eachOnce checks that every loan in the school was told once, and that nothing waits or is in doubt.
func eachOnce(t *testing.T, db *mysqltest.DB, srv *mailtest.Server, loans int) {
	t.Helper()
	told := map[string]int{}
	for _, m := range srv.Messages() {
		told[m.To]++
	}
	assert.Len(t, told, loans)
	assert.Len(t, srv.Messages(), loans, "nobody twice")
	var sent int
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'").Scan(&sent))
	assert.Equal(t, loans, sent)
}

// Twenty calls at the same moment, to four instances of the function.
func TestManyCallsAtOnce(t *testing.T) {
	const loans = 60
	first, db, srv := door(t, nil)
	doors := []*Door{first}
	for len(doors) < 4 {
		doors = append(doors, &Door{Context: t.Context(), Log: first.Log, Open: first.Open})
	}
	for range loans {
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	var calls sync.WaitGroup
	var mu sync.Mutex
	var planned, sent int
	ready := make(chan struct{})
	for i := range 20 {
		calls.Go(func() {
			<-ready
			code, body := post(doors[i%len(doors)], "POST", "")
			var rep reminder.Report
			assert.NoError(t, json.Unmarshal([]byte(body), &rep))
			assert.Equal(t, 200, code, body)
			mu.Lock()
			defer mu.Unlock()
			planned, sent = planned+rep.Planned.Emails, sent+rep.Emails.Sent
		})
	}
	close(ready)
	calls.Wait()
	assert.Equal(t, []int{loans, loans}, []int{planned, sent}, "the reports count each email once")
	eachOnce(t, db, srv, loans)
	code, body := post(first, "POST", "")
	assert.Equal(t, 200, code, body)
	eachOnce(t, db, srv, loans)
}

// A run whose caller hangs up, or whose request's time is over, in the middle of an email: that email is finished and
// recorded, no other one is begun, and the next call does the rest.
func TestRequestEndsInMidRun(t *testing.T) {
	const loans = 5
	for _, how := range []string{"hang-up", "deadline"} {
		t.Run(how, func(t *testing.T) {
			var once sync.Once
			end := func() {}
			ended := make(chan (<-chan struct{}), 2) // of each request
			srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
				if c.Phase == "dot" {
					once.Do(func() {
						end()
						<-<-ended
					})
				}
				return mailtest.Action{}
			}})
			d, db, _ := door(t, map[string]string{"MAIL_PORT": strconv.Itoa(srv.Port()), "MAIL_CONCURRENCY": "1"})
			for range loans {
				db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if how == "deadline" { // as the framework sets it
					ctx := deadline{r.Context(), make(chan struct{})}
					end = func() { close(ctx.over) }
					r = r.WithContext(ctx)
				}
				ended <- r.Context().Done()
				d.ServeHTTP(w, r)
			}))
			defer server.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if how == "hang-up" {
				end = cancel
			}
			req, err := http.NewRequestWithContext(ctx, "POST", server.URL, nil)
			require.NoError(t, err)
			res, err := http.DefaultClient.Do(req)
			if how == "hang-up" {
				require.ErrorIs(t, err, context.Canceled)
			} else {
				require.NoError(t, err)
				defer res.Body.Close()
				assert.Equal(t, 503, res.StatusCode)
			}
			require.Eventually(t, func() bool { // the handler may have not been entered yet when the caller is gone
				d.Wait()
				var outcome sql.NullString
				return db.Admin.QueryRow("SELECT outcome FROM reminder_runs").Scan(&outcome) == nil && outcome.String == "partial"
			}, time.Minute, 10*time.Millisecond)
			assert.Len(t, srv.Messages(), 1)
			var undecided int
			require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_emails WHERE state NOT IN ('sent', 'queued')").Scan(&undecided))
			assert.Zero(t, undecided, "all claims are handed back")
			for range 2 {
				code, body := post(d, "POST", "")
				assert.Equal(t, 200, code, body)
				eachOnce(t, db, srv, loans)
			}
		})
	}
}

// A deadline is a context whose time is over when the test says so.
type deadline struct {
	context.Context
	over chan struct{}
}

func (d deadline) Done() <-chan struct{} { return d.over }

func (d deadline) Err() error {
	select {
	case <-d.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// A mail server so slow that one call's time is enough for one email: each call leaves the rest to the next.
func TestBudgetIsContinued(t *testing.T) {
	const loans, budget = 4, 300 * time.Millisecond
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "dot" {
			time.Sleep(budget)
		}
		return mailtest.Action{}
	}})
	d, db, _ := door(t, map[string]string{"MAIL_PORT": strconv.Itoa(srv.Port()), "MAIL_CONCURRENCY": "1",
		"REMINDER_BUDGET": budget.String()})
	for range loans {
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	spent := 0
	for code := 0; code != 200 && spent < 100; {
		var body string
		code, body = post(d, "POST", "")
		if code != 200 {
			require.Equal(t, 503, code, body)
			assert.Contains(t, body, `"reason":"time_spent"`)
			spent++
		}
	}
	assert.GreaterOrEqual(t, spent, loans-1)
	eachOnce(t, db, srv, loans)
}

// The database is not there at the first call, and there at the second; and its connections break before the third.
func TestDatabaseComesBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	d, db, srv := door(t, map[string]string{"DB_PORT": port})
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	code, body := post(d, "POST", "")
	assert.Equal(t, 500, code, body)
	assert.Contains(t, body, "DB_HOST")

	hangUp := forward(t, addr, db.Config.Addr)
	code, body = post(d, "POST", "")
	assert.Equal(t, 200, code, body)
	eachOnce(t, db, srv, 1)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	hangUp()
	code, body = post(d, "POST", "")
	assert.Equal(t, 200, code, body)
	eachOnce(t, db, srv, 2)
}

// forward passes connections on until the test ends. hangUp breaks all there are.
func forward(t *testing.T, from, to string) (hangUp func()) {
	var mu sync.Mutex
	var open []net.Conn
	hangUp = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
		open = nil
	}
	l, err := net.Listen("tcp", from)
	require.NoError(t, err)
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		hangUp()
		running.Wait()
	})
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			mu.Lock()
			open = append(open, near, far)
			mu.Unlock()
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				running.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					pair[0].Close()
					pair[1].Close()
				})
			}
		}
	})
	return hangUp
}

// TestSeveralLibraries configures three libraries by files: a good one, one whose settings are wrong, and a good one.
func TestSeveralLibraries(t *testing.T) {
	dir := t.TempDir()
	var files []string
	var servers []*mailtest.Server
	for _, settings := range []map[string]string{{}, {"REMINDER_SCHEDULE": "nonsense"}, {}} {
		db, srv := school(t)
		file := filepath.Join(dir, db.Name+".env")
		var text strings.Builder
		maps.Copy(settings, environment(t, db, srv))
		settings["REMINDER_WINDOW"] = "00:00-24:00"
		for key, value := range settings {
			fmt.Fprintf(&text, "%s=%q\n", key, value)
		}
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
		db.AddLoan(t, mysqltest.Loan{Due: reminder.DateOf(time.Now(), time.FixedZone("WIB", 7*3600)).String()})
		files, servers = append(files, file), append(servers, srv)
	}
	t.Setenv("PENGINGAT_ENV_FILES", strings.Join(files, ", "))
	d := newDoor(t.Context(), os.Environ())
	t.Cleanup(func() {
		for _, d := range append([]*Door{d}, d.More...) {
			if d.open != nil {
				assert.NoError(t, d.open.Close())
			}
		}
	})
	for _, sent := range []int{1, 0} {
		code, body := post(d, "POST", "")
		assert.Equal(t, 500, code, "the worst of them")
		var answers []struct {
			reminder.Report
			Error string
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answers), body)
		require.Len(t, answers, 3)
		assert.Equal(t, []int{sent, 0, sent}, []int{answers[0].Emails.Sent, answers[1].Emails.Sent, answers[2].Emails.Sent})
		assert.Contains(t, answers[1].Error, "REMINDER_SCHEDULE")
	}
	assert.Len(t, servers[2].Messages(), 1)

	// Two that name one database: the variable wins over both files.
	t.Setenv("DB_DATABASE", "one")
	t.Setenv("PENGINGAT_ENV_FILES", files[0]+","+files[0])
	_, body := post(newDoor(t.Context(), os.Environ()), "POST", `{"dry_run":true}`)
	assert.Contains(t, body, "name the same database")

	// Each has its share of the function's time.
	t.Setenv("CLOUD_RUN_TIMEOUT_SECONDS", "300")
	_, body = post(newDoor(t.Context(), os.Environ()), "POST", `{"dry_run":true}`)
	assert.Contains(t, body, "4m0s must be below the function's timeout of 2m30s")
}
