package pengingat

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/migrations"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// door returns a Door on a migrated school, its mail server, and the App behind it.
func door(t *testing.T, settings map[string]string) (*Door, *mysqltest.DB, *mailtest.Server) {
	db := mysqltest.New(t)
	db.School(t)
	_, err := migrations.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	require.NoError(t, migrations.CreateView(t.Context(), db.Admin, "perpustakaan"))
	srv := mailtest.NewServer(t, mailtest.Options{})
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	mailHost, mailPort, err := net.SplitHostPort(srv.Addr())
	require.NoError(t, err)
	environ := map[string]string{
		"DB_HOST": host, "DB_PORT": port, "DB_DATABASE": db.Name, "DB_USERNAME": db.Config.User, "DB_PASSWORD": db.Config.Passwd,
		"MAIL_MAILER": "smtp", "MAIL_HOST": mailHost, "MAIL_PORT": mailPort, "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
	}
	for key, value := range settings {
		environ[key] = value
	}
	return &Door{Context: t.Context(), App: sync.OnceValues(func() (*setup.App, error) {
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
	})}, db, srv
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
		assert.Equal(t, reminder.Done, rep.Outcome)
	}
	assert.Len(t, srv.Messages(), 1)
}

// The local program and the function tell the same of the same data.
func TestBothDoorsReportTheSame(t *testing.T) {
	d, db, _ := door(t, nil)
	for _, due := range []string{"2026-11-24", "2026-11-20", "2026-11-25", "2026-01-01", "2027-01-01"} {
		db.AddLoan(t, mysqltest.Loan{Due: due})
	}
	app, err := d.App()
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
		assert.Equal(t, local, overHTTP)
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
		{"POST", "{", 400}, {"POST", "[]", 400}, {"POST", `"run"`, 400}, {"POST", `{"dry_run":1}`, 400}, {"POST", `{"to":"a@example.org"}`, 400},
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

func TestFailures(t *testing.T) {
	t.Run("configuration", func(t *testing.T) {
		d, _, _ := door(t, map[string]string{"REMINDER_SCHEDULE": "never"})
		for range 2 {
			code, body := post(d, "POST", "")
			assert.Equal(t, 500, code)
			assert.Contains(t, body, "REMINDER_SCHEDULE")
		}
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
		d := &Door{Context: t.Context(), App: func() (*setup.App, error) { panic(errors.New("secret@example.org")) }}
		code, body := post(d, "POST", "")
		assert.Equal(t, http.StatusInternalServerError, code)
		assert.NotContains(t, body, "secret")
		d.Wait()
	})
}
