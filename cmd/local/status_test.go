package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// statusOf runs status --json and returns it with the codes of its notes.
func statusOf(t *testing.T, environ map[string]string) (st desk.Overview, notes []string) {
	t.Helper()
	got := command(t, environ, "status", "--json")
	require.Equal(t, exitDone, got.code, got.err)
	var told struct {
		Notes []page.Note `json:"notes"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &st), got.out)
	require.NoError(t, json.Unmarshal([]byte(got.out), &told))
	for _, n := range told.Notes {
		notes = append(notes, n.Code)
	}
	return st, notes
}

// TestStatus: status explains what happened, and says what comes next. It writes nothing, not even into the log.
func TestStatus(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	today := at(t, environ, 0)
	db.AddLoan(t, mysqltest.Loan{Due: today})
	db.AddLoan(t, mysqltest.Loan{Due: today, Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "tidak ada"})})
	log, _ := os.ReadFile(environ["LOG_FILE"])

	st, notes := statusOf(t, environ)
	assert.Equal(t, []string{"never_ran"}, notes)
	assert.Equal(t, staff.Contacts{Borrowers: 2, Unreachable: 1}, st.Contacts)
	assert.Equal(t, 1, st.Next.Planned.Emails)
	assert.Empty(t, st.Runs)
	assert.False(t, st.Window.From.After(st.Next.StartedAt.Add(1e9)), "always open: now")
	after, _ := os.ReadFile(environ["LOG_FILE"])
	assert.Equal(t, string(log), string(after))

	require.Equal(t, exitDone, command(t, environ, "run").code)
	st, notes = statusOf(t, environ)
	assert.Empty(t, notes)
	assert.Zero(t, st.Next.Planned.Emails)
	for _, tt := range []struct{ code, breakIt, mend string }{
		{"clock_back", "UPDATE reminder_runs SET started_at = '2099-01-01'", ""},
		{"off", "UPDATE reminder_runs SET started_at = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 6 DAY)", ""},
		{"unfinished", "UPDATE reminder_runs SET started_at = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 2 HOUR), finished_at = NULL",
			"UPDATE reminder_runs SET finished_at = UTC_TIMESTAMP(6)"},
		{"stopped", `UPDATE reminder_runs SET report = REPLACE(report, '"done"', '"stopped"')`,
			`UPDATE reminder_runs SET report = REPLACE(report, '"stopped"', '"done"')`},
		{"paused", "INSERT INTO reminder_state (name, kind, reason, until_at) VALUES ('pause_mail', 'quota', 'x', DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 HOUR))", "DELETE FROM reminder_state"},
		{"unknown", "UPDATE reminder_emails SET state = 'unknown'", ""},
		{"failed", "UPDATE reminder_emails SET state = 'refused'", "UPDATE reminder_emails SET state = 'sent'"},
		{"looks_restored", "UPDATE peminjaman SET tanggal_pinjam = '2020-06-01'", ""},
	} {
		db.Exec(t, tt.breakIt)
		if tt.code == "looks_restored" {
			db.Exec(t, "UPDATE reminder_runs SET started_at = '2020-01-01'")
		}
		_, notes := statusOf(t, environ)
		assert.Contains(t, notes, tt.code)
		if tt.mend != "" {
			db.Exec(t, tt.mend)
		}
		if tt.code != "looks_restored" {
			db.Exec(t, "UPDATE reminder_runs SET started_at = UTC_TIMESTAMP(6)")
		}
	}

	db.Exec(t, "UPDATE reminder_runs SET finished_at = NULL")
	assert.Regexp(t, `belum selesai +\? `, command(t, environ, "status").out, "how much it sent is not known")
	db.Exec(t, "UPDATE reminder_runs SET finished_at = UTC_TIMESTAMP(6)")

	db.Exec(t, "UPDATE reminder_emails SET state = 'refused'")
	assert.Regexp(t, `(?m)^ID \d+ +Siswa \d+ \(.*ID \d+\): ditolak$`, command(t, environ, "status").out, "who it is")
	require.Equal(t, exitDone, command(t, environ, "closed", "add", today+".."+at(t, environ, 2)).code)
	st, _ = statusOf(t, environ)
	assert.Equal(t, at(t, environ, 3)+" 00:00", st.Window.From.Format("2006-01-02 15:04"))
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	environ["LOG_FILE"] = filepath.Join(blocked, "log")
	_, notes = statusOf(t, environ)
	assert.Contains(t, notes, "log")
}

// TestStatusFits: 80 columns, both languages, no colours, and words for everything.
func TestStatusFits(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	environ["MAIL_PORT"] = "1"
	for range 2 {
		command(t, environ, "run")
	}
	for locale, words := range map[string]string{"id": "terhenti", "en": "stopped"} {
		environ["APP_LOCALE"] = locale
		got := command(t, environ, "status")
		assert.Contains(t, got.out, words)
		assert.NotContains(t, got.out, "\x1b")
		for line := range strings.Lines(got.out) {
			assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
		}
	}
	p := &program{}
	for _, kind := range []mail.PauseKind{reminder.PauseByPerson, mail.PauseCredentials, mail.PauseSender, mail.PauseQuota,
		mail.PauseServer} {
		assert.NotEqual(t, string(kind), p.reason(string(kind)))
		st := desk.Overview{Next: reminder.Report{Outcome: reminder.RunPaused, Reason: string(kind)}}
		st.Pauses = []reminder.Pause{{Kind: kind}}
		notes := desk.Desk{Runner: &reminder.Runner{Settings: reminder.Settings{Zone: time.UTC}}}.Notes(st)
		require.Len(t, notes, 2)
		assert.Equal(t, "paused", notes[1].Code)
		for _, m := range []reminder.Message{notes[1].What, notes[1].Why, notes[1].Mend} {
			assert.NotEqual(t, m.Key, p.text(m))
		}
	}
}

// TestOneSurvey: status, doctor and report count the same borrowers as unreachable: those whom a reminder would be for,
// now or later.
func TestOneSurvey(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	n := 0
	borrower := func() int64 {
		n++
		return db.AddBorrower(t, mysqltest.Borrower{Email: fmt.Sprint("tidak ada ", n)})
	}
	for _, days := range []int{0, 40, -400} { // the last one is too old to be told about
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, days), Borrower: borrower()})
	}
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	out := borrower()
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: out})
	require.Equal(t, exitDone, command(t, environ, "optout", "add", fmt.Sprint(out)).code)

	st, _ := statusOf(t, environ)
	assert.Equal(t, staff.Contacts{Borrowers: 3, Unreachable: 2}, st.Contacts)
	said := text.In(environ["APP_LOCALE"]).Say("doctor.unreachable", "N", 2, "Borrowers", 3)
	assert.Contains(t, command(t, environ, "doctor", "--json").out, said)
	page := filepath.Join(t.TempDir(), "report.html")
	require.Equal(t, exitDone, command(t, environ, "report", "--out", page).code)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	said = text.In(environ["APP_LOCALE"]).Say("report.unreachable_count")
	assert.Contains(t, string(html), "<b>2</b><span>"+said)
}
