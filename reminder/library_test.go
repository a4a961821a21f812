package reminder_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A library is a school with a real database and a real SMTP server. Its program has the rights of deploy/grants.sql.
type library struct {
	*mysqltest.DB
	environ map[string]string
	now     time.Time    // the clock at the start of the next run
	passed  atomic.Int64 // nanoseconds since the start of the run
	log     runLog
}

// A runLog is the log of all programs of a library. Each program locks only its own logger.
type runLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *runLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *runLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *runLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// newLibrary migrates an empty school. It is 08:00 on Tuesday 2026-11-24.
func newLibrary(t *testing.T) *library {
	lib := &library{DB: mysqltest.Library(t)}
	grants, err := os.ReadFile("../deploy/grants.sql")
	require.NoError(t, err)
	user := lib.User(t, string(grants))
	host, port, err := net.SplitHostPort(user.Addr)
	require.NoError(t, err)
	lib.environ = map[string]string{
		"APP_NAME": "Perpustakaan MTSN 6 Garut",
		"DB_HOST":  host, "DB_PORT": port, "DB_DATABASE": lib.Name, "DB_USERNAME": user.User, "DB_PASSWORD": user.Passwd,
		"MAIL_MAILER": "smtp", "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
		"LOG_LEVEL": "debug",
	}
	lib.at(t, "2026-11-24 08:00")
	return lib
}

// at sets the clock, in Jakarta.
func (l *library) at(t *testing.T, clock string) {
	jakarta, err := time.LoadLocation("Asia/Jakarta")
	require.NoError(t, err)
	l.now, err = time.ParseInLocation("2006-01-02 15:04", clock, jakarta)
	require.NoError(t, err)
}

// app wires the program for a mail server, with settings beside the library's.
func (l *library) app(t *testing.T, srv *mailtest.Server, settings map[string]string) *setup.App {
	environ := maps.Clone(l.environ)
	if srv != nil {
		_, port, err := net.SplitHostPort(srv.Addr())
		require.NoError(t, err)
		environ["MAIL_HOST"], environ["MAIL_PORT"] = "127.0.0.1", port
	}
	maps.Copy(environ, settings)
	cfg, err := setup.Load(environ)
	require.NoError(t, err)
	app, err := setup.New(cfg, &l.log)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, app.Close()) })
	app.Runner.Now = func() time.Time { return l.now.Add(time.Duration(l.passed.Load())) }
	app.Runner.Settings.Backoff = func(int) time.Duration { return time.Millisecond }
	app.Runner.Settings.Fingerprint = func(string) string { return fingerprint(environ) }
	return app
}

// fingerprint distinguishes mail settings like setup's function, which is slow on purpose.
func fingerprint(environ map[string]string) string {
	settings := maps.Clone(environ)
	maps.DeleteFunc(settings, func(key, _ string) bool {
		return !strings.HasPrefix(key, "MAIL_") && !strings.HasPrefix(key, "SENDGRID_") && key != "DB_PASSWORD"
	})
	sum := sha256.Sum256([]byte(fmt.Sprint(settings)))
	return hex.EncodeToString(sum[:16])
}

// run performs a run that must succeed, and then another one that must send nothing.
func (l *library) run(t *testing.T, app *setup.App, o reminder.Options) reminder.Report {
	t.Helper()
	rep, err := app.Runner.Run(t.Context(), o)
	require.NoError(t, err)
	again, err := app.Runner.Run(t.Context(), o)
	require.NoError(t, err)
	require.Zero(t, again.Emails.Sent, "the second run must send nothing")
	require.Zero(t, again.Planned, "the second run must plan nothing")
	return rep
}

// count counts rows as the administrator.
func (l *library) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, l.Admin.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

// recipients returns the recipients of all mails, in order.
func recipients(srv *mailtest.Server) []string {
	to := []string{}
	for _, m := range srv.Messages() {
		to = append(to, m.To)
	}
	return to
}

// day reads a date; a test's dates are constants.
func day(s string) reminder.Date {
	d, err := reminder.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// english writes an error as a person reads it.
func english(err error) string { return text.In("en").Error(err) }

// replaced returns a text in which each word is replaced by the value that follows it.
func replaced(text string, wordsAndValues ...any) string {
	var pairs []string
	for _, v := range wordsAndValues {
		pairs = append(pairs, fmt.Sprint(v))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
