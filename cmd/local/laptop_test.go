package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestLaptop: what a laptop goes through in a school year. Nothing is lost, nothing comes twice, and status explains
// it.
func TestLaptop(t *testing.T) {
	db, srv, environ := school(t)
	zone := quietMachine.zone
	environ["REMINDER_WINDOW"], environ["REMINDER_CLOSED_WEEKDAYS"] = "07:00-20:00", "minggu"
	on := func(clock string, environ map[string]string, args ...string) result {
		m := quietMachine
		now, err := time.ParseInLocation("2006-01-02 15:04", clock, zone)
		require.NoError(t, err)
		m.now = func() time.Time { return now }
		return commandOn(t, m, "", environ, args...)
	}
	runs := func(clock string, environ map[string]string, want, sent int) {
		t.Helper()
		for range 2 {
			got := on(clock, environ, "run")
			assert.Equal(t, want, got.code, "%s: %s%s", clock, got.out, got.err)
		}
		assert.Equal(t, sent, len(srv.Messages()), clock)
	}
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	require.Equal(t, exitDone, command(t, environ, "closed", "add", "2026-11-30", "Libur").code)
	loan := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-26", Borrowed: "2026-11-12 09:00:00"})

	runs("2026-11-25 08:17", environ, exitDone, 1) // Wednesday, a day before it is due
	assert.Contains(t, on("2026-12-01 07:02", environ, "status").out, "Sudah 5 hari program tidak berjalan")
	runs("2026-11-29 09:00", environ, exitDone, 1) // asleep over the due date, woken on a Sunday
	runs("2026-11-30 09:00", environ, exitDone, 1) // a holiday
	runs("2026-12-01 06:59", environ, exitDone, 1) // too early
	runs("2026-12-01 07:02", environ, exitDone, 2) // one mail for all that was missed
	assert.Contains(t, srv.Messages()[1].Parse(t).Text, "5 hari")

	// The clock's battery is empty. Its year is wrong, and so are the days that it counts.
	runs("2025-12-01 08:00", environ, exitDone, 2)
	assert.Contains(t, on("2025-12-01 08:10", environ, "status").out, "Jam komputer mundur")
	runs("2026-12-01 09:00", environ, exitDone, 2)

	// Another program holds the log.
	locked := maps.Clone(environ)
	require.NoError(t, os.WriteFile("berkas", nil, 0o600))
	locked["LOG_FILE"] = filepath.Join("berkas", "pengingat.log")
	runs("2026-12-03 08:00", locked, exitDone, 3)
	assert.Contains(t, on("2026-12-03 08:10", locked, "status").out, "Berkas log (LOG_FILE) tidak dapat ditulis")

	// The disk is full: what cannot be recorded is not sent.
	db.Exec(t, "CREATE TRIGGER full BEFORE INSERT ON reminder_notices FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114")
	runs("2026-12-10 08:00", environ, exitConfig, 3)
	assert.Contains(t, on("2026-12-10 08:10", environ, "status").out,
		"Pengiriman terakhir terhenti: Penyimpanan basis data penuh.")
	db.Exec(t, "DROP TRIGGER full")
	runs("2026-12-10 09:00", environ, exitDone, 4)

	// The task is ended while a mail is on its way out: the run never finished, and nobody knows what the server did.
	silent := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		return mailtest.Action{Drop: c.Phase == "dot"}
	}})
	ended := maps.Clone(environ)
	ended["MAIL_PORT"], ended["REMINDER_UNKNOWN"] = fmt.Sprint(silent.Port()), "hold"
	assert.Equal(t, exitNeedsPerson, on("2026-12-17 08:00", ended, "run").code)
	db.Exec(t, "UPDATE reminder_runs SET finished_at = NULL ORDER BY started_at DESC LIMIT 1")
	status := on("2026-12-17 09:00", ended, "status").out
	assert.Contains(t, status, "tidak selesai")
	assert.Contains(t, status, "1 surel tidak pasti")
	runs("2026-12-17 09:00", ended, exitDone, 4)
	assert.Contains(t, on("2026-12-17 09:00", ended, "explain", fmt.Sprint(loan)).out, "tidak pasti")
}

// TestLogCannotBeWritten: the disk is full, or another program holds the log. The run does its work, says so, and the
// record of it is in the database, where status finds it.
func TestLogCannotBeWritten(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for i, tt := range []struct {
		file   string
		status bool // status finds it too: whether a disk will be full it cannot know
	}{{"/dev/full", false}, {filepath.Join(blocked, "pengingat.log"), true}} {
		changed := maps.Clone(environ)
		changed["LOG_FILE"] = tt.file
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
		first := command(t, changed, "run")
		assert.Equal(t, exitDone, first.code)
		assert.Contains(t, first.err, "LOG_FILE")
		assert.Contains(t, first.err, "level=INFO msg=run", "what would be in the log")
		assert.NotContains(t, first.err, "example.org")
		assert.Len(t, srv.Messages(), i+1)
		assert.Equal(t, exitDone, command(t, changed, "run").code)
		assert.Len(t, srv.Messages(), i+1, "the second run sends nothing")

		status := command(t, changed, "status")
		assert.Equal(t, exitDone, status.code)
		assert.Regexp(t, `selesai +1\b`, status.out, "the record does not depend on the log")
		assert.Equal(t, tt.status, strings.Contains(status.out, "LOG_FILE"), status.out)
	}
}
