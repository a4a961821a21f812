package reminder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// records are the tables that a backup of the records contains.
var records = []string{"reminder_emails", "reminder_notices", "reminder_runs", "reminder_state"}

// TestDumpRunRestoreRun: a backup is taken, runs send mail, and the backup is restored completely or in part, at
// different ages. The next run is held at any hour until a person decides. A mail that is then sent again has the same
// Message-ID, so receivers can drop it.
func TestDumpRunRestoreRun(t *testing.T) {
	lib := newLibrary(t)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.run(t, lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil), reminder.Options{})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"})
	}
	lib.keep(t, records)
	for _, days := range []int{0, 1, 6, 8} {
		for _, part := range [][]string{records, {"reminder_emails", "reminder_notices"}, {"reminder_emails"},
			{"reminder_notices"},
			{"reminder_runs"}, {"reminder_emails", "reminder_notices", "reminder_runs"},
			{"reminder_emails", "reminder_notices", "reminder_state"}} {
			t.Run(fmt.Sprint(days, " days, ", part), func(t *testing.T) {
				lib.bringBack(t, records)
				lib.restoredAfter(t, days, part)
			})
		}
	}
}

func (l *library) restoredAfter(t *testing.T, days int, part []string) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := l.app(t, srv, map[string]string{"LOG_FILE": filepath.Join(t.TempDir(), "pengingat.log")})
	l.at(t, "2026-11-25 08:00")
	l.run(t, app, reminder.Options{})
	if days > 0 { // the last run before the machine broke
		l.now = l.now.AddDate(0, 0, days)
		l.run(t, app, reminder.Options{})
	}
	sent := srv.Messages()
	require.GreaterOrEqual(t, len(sent), 4)
	l.bringBack(t, part)

	for _, hours := range []int{0, 13, 11} { // at once, at night, and in the morning
		l.now = l.now.Add(time.Duration(hours) * time.Hour)
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		require.Equal(t, []any{reminder.RunHeld, reminder.ReasonLooksRestored}, []any{rep.Outcome, rep.Reason})
	}
	require.Len(t, srv.Messages(), len(sent), "nothing is sent")

	l.now = l.now.AddDate(0, 0, -1)
	rep := l.run(t, app, reminder.Options{Approve: true})
	require.Equal(t, reminder.RunDone, rep.Outcome)
	rep = l.run(t, app, reminder.Options{})
	require.Equal(t, reminder.RunDone, rep.Outcome, "a person has spoken")
	assert.Zero(t, rep.Planned)
	for _, m := range srv.Messages()[len(sent):] {
		assert.True(t, slices.ContainsFunc(sent, func(before mailtest.Received) bool {
			return before.ID == m.ID &&
				before.To == m.To
		}),
			"a new Message-ID")
	}
}

// TestWitnessHindersNoRun: a witness that cannot be read or written changes nothing. A run of another machine makes the
// records newer than the witness, which is no doubt. A new database at the same address waits for a person.
func TestWitnessHindersNoRun(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	folder := t.TempDir()
	app := lib.app(t, srv, map[string]string{"LOG_FILE": filepath.Join(folder, "pengingat.log")})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.keep(t, records)
	lib.run(t, app, reminder.Options{})
	files, err := filepath.Glob(filepath.Join(folder, "witness-*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	said, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var secret string
	require.NoError(t, lib.Admin.QueryRow("SELECT fingerprint FROM reminder_state WHERE name = 'records'").Scan(&secret))
	require.NotEmpty(t, secret)
	assert.NotContains(t, string(said), secret)

	elsewhere := lib.app(t, srv, nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	assert.Equal(t, 1, lib.run(t, elsewhere, reminder.Options{}).Emails.Sent)
	assert.Equal(t, reminder.RunDone, lib.run(t, app, reminder.Options{}).Outcome)

	require.NoError(t, os.WriteFile(files[0], []byte("not a witness"), 0o600))
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent)
	require.NoError(t, os.Remove(files[0]))
	require.NoError(t, os.MkdirAll(filepath.Join(files[0], "locked"), 0o700))
	assert.Equal(t, reminder.RunDone, lib.run(t, app, reminder.Options{}).Outcome)
	require.Contains(t, lib.log.String()+logged(t, folder), "witness")
	require.NoError(t, os.RemoveAll(files[0]))
	lib.run(t, app, reminder.Options{})

	lib.bringBack(t, records) // empty
	dry, err := app.Runner.Run(t.Context(), reminder.Options{DryRun: true, Now: true})
	require.NoError(t, err)
	assert.Equal(t, reminder.ReasonLooksRestored, dry.Reason, "status says it before a run does")
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, reminder.ReasonLooksRestored, rep.Reason)
	assert.Equal(t, 3, lib.run(t, app, reminder.Options{Approve: true}).Emails.Sent)
	assert.Equal(t, reminder.RunDone, lib.run(t, app, reminder.Options{}).Outcome)
}

func logged(t *testing.T, folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, "pengingat.log"))
	require.NoError(t, err)
	return string(text)
}

// TestHalfABackup: without a witness, as in the cloud, notices without their emails show that only a part of the
// records was restored. After a person has accepted that, no new email gets the id of a missing one.
func TestHalfABackup(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.keep(t, []string{"reminder_emails"})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	lib.run(t, app, reminder.Options{})
	lib.bringBack(t, []string{"reminder_emails"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, reminder.ReasonLooksRestored, rep.Reason)
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{Approve: true}).Emails.Sent,
		"what was told before is not told again")
	assert.Equal(t, reminder.RunDone, lib.run(t, app, reminder.Options{}).Outcome)
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id WHERE e.state = 'sent'"))
}

// TestCopyIsHeld: on a dump of the database on another server, or under another name on the same server, no mail is
// sent, not even to the librarian, until a person accepts that the database has moved. A run with REMINDER_ONLY_TO does
// not change that.
func TestCopyIsHeld(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	lib.Exec(t, "UPDATE reminder_emails SET state = 'queued'") // the dump was taken during a run
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	require.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE kind = 'place'"))

	for name, elsewhere := range map[string]string{
		"another server": "UPDATE reminder_state SET name = 'place_1', reason = REPLACE(reason, ' ', 'x '), fingerprint = 'another' WHERE kind = 'place'",
		"another name":   "UPDATE reminder_state SET name = 'place_1', reason = CONCAT(reason, '_asli') WHERE kind = 'place'",
	} {
		t.Run(name, func(t *testing.T) {
			lib.keep(t, records)
			defer lib.forget(t, records)
			lib.Exec(t, elsewhere)
			sent := len(srv.Messages())
			app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": "pustakawan@mtsn6garut.example"})
			for _, o := range []reminder.Options{{}, {Now: true}, {DryRun: true}, {}} {
				rep, err := app.Runner.Run(t.Context(), o)
				require.NoError(t, err)
				require.Equal(t, []any{reminder.RunHeld, reminder.ReasonLooksCopied}, []any{rep.Outcome, rep.Reason})
			}
			tried := lib.run(t, lib.app(t, srv, map[string]string{"REMINDER_ONLY_TO": "pengembang@example.org"}),
				reminder.Options{})
			assert.Equal(t, reminder.RunDone, tried.Outcome)
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			require.Equal(t, reminder.ReasonLooksCopied, rep.Reason, "trying it out has changed nothing")
			require.Len(t, srv.Messages(), sent, "nothing is sent")

			lib.bringBack(t, records)
			lib.Exec(t, elsewhere)
			app = lib.app(t, srv, nil)
			rep = lib.run(t, app, reminder.Options{Approve: true})
			assert.GreaterOrEqual(t, rep.Emails.Sent, 2, "what waited, and what is new")
			lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent, "a person has spoken")
			assert.Equal(t, 2, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE kind = 'place'"), "and it may go back")
			lib.bringBack(t, records)
		})
	}
}

// TestMessageIDTellsNothing: the same mail has the same Message-ID, and nobody can compute it without the database's
// secret.
func TestMessageIDTellsNothing(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		lib := newLibrary(t)
		srv := mailtest.NewServer(t, mailtest.Options{})
		app := lib.app(t, srv, nil)
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		lib.keep(t, records)
		lib.run(t, app, reminder.Options{})
		secret := "INSERT INTO reminder_state SELECT * FROM secret"
		lib.Exec(t, "CREATE TABLE secret LIKE reminder_state")
		lib.Exec(t, "INSERT INTO secret SELECT * FROM reminder_state")
		lib.bringBack(t, records)
		lib.Exec(t, secret)
		lib.run(t, app, reminder.Options{})
		require.Len(t, srv.Messages(), 2)
		assert.Equal(t, srv.Messages()[0].ID, srv.Messages()[1].ID, "the same mail")
		seen[srv.Messages()[0].ID] = true
	}
	assert.Len(t, seen, 2, "the same ids in another library")
}

// keep takes a dump of some tables, and bringBack restores it.
func (l *library) keep(t *testing.T, tables []string) {
	for _, table := range tables {
		l.Exec(t, "CREATE TABLE kept_"+table+" LIKE "+table)
		l.Exec(t, "INSERT INTO kept_"+table+" SELECT * FROM "+table)
	}
}

func (l *library) forget(t *testing.T, tables []string) {
	for _, table := range tables {
		l.Exec(t, "DROP TABLE kept_"+table)
	}
}

func (l *library) bringBack(t *testing.T, tables []string) {
	for _, table := range tables {
		l.Exec(t, "DROP TABLE "+table)
		l.Exec(t, "CREATE TABLE "+table+" LIKE kept_"+table)
		l.Exec(t, "INSERT INTO "+table+" SELECT * FROM kept_"+table)
	}
}
