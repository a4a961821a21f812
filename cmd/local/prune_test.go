package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestPrune: what is removed can never be told again, whatever the library's system or the settings do afterwards.
func TestPrune(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	user := db.User(t, grants(t))
	environ["DB_USERNAME"], environ["DB_PASSWORD"] = user.User, user.Passwd // everyday's rights are enough
	environ["REMINDER_SCHEDULE"] = "0"
	far := maps.Clone(environ)
	far["REMINDER_MAX_OVERDUE_DAYS"] = "3000"

	returned := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500)})
	open := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500)})
	recent := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -30)})
	both := db.AddBorrower(t, mysqltest.Borrower{}) // one mail about a book that is back and one that is not
	mixed := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500), Borrower: both})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500), Borrower: both})
	require.Equal(t, exitDone, command(t, far, "run").code)
	require.Equal(t, 4, len(srv.Messages()))
	db.Exec(t, "UPDATE reminder_emails SET created_at = DATE_SUB(created_at, INTERVAL 500 DAY), ended_at = DATE_SUB(ended_at, INTERVAL 500 DAY)")
	db.Exec(t, "UPDATE reminder_runs SET started_at = DATE_SUB(started_at, INTERVAL 500 DAY)")
	require.Equal(t, exitDone, command(t, environ, "run", "--approve").code, "as after a long pause")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id IN (?, ?)", returned, mixed)
	db.Exec(t, `INSERT INTO reminder_emails (ref, borrower_id, run_id, priority, state, next_at, created_at)
		VALUES ('w', '1', 'r', 0, 'queued', '2020-01-01', '2020-01-01')`)

	pruned := func(environ map[string]string, args ...string) (p reminder.Pruned) {
		got := command(t, environ, append([]string{"prune", "--json"}, args...)...)
		require.Equal(t, exitDone, got.code, got.err)
		require.NoError(t, json.Unmarshal([]byte(got.out), &p))
		return p
	}
	all := pruned(far, "--dry-run")
	all.Runs = 0
	assert.Equal(t, reminder.Pruned{Kept: 4}, all,
		"within the reach of REMINDER_MAX_OVERDUE_DAYS everything stays")
	want := reminder.Pruned{Emails: 1, Notices: 1, Runs: 1, Kept: 3}
	assert.Equal(t, want, pruned(environ, "--dry-run"))
	assert.Equal(t, want, pruned(environ))
	assert.Equal(t, reminder.Pruned{Kept: 3}, pruned(environ), "nothing is left to remove")
	var emails, runs int
	require.NoError(t, db.Admin.QueryRow("SELECT (SELECT COUNT(*) FROM reminder_emails), (SELECT COUNT(*) FROM reminder_runs)").Scan(&emails, &runs))
	assert.Equal(t, []int{4, 1}, []int{emails, runs}, "the waiting one stays, and the newest run")

	// The library undoes the returns, and later the reach is raised over loans that stayed open.
	db.Exec(t, "DELETE FROM reminder_emails WHERE ref = 'w'")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dipinjam' WHERE id IN (?, ?)", returned, mixed)
	for range 2 {
		require.Equal(t, exitDone, command(t, environ, "run").code)
	}
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", returned)
	for range 2 {
		require.Equal(t, exitDone, command(t, far, "run").code)
	}
	assert.Equal(t, 4, len(srv.Messages()), "nothing was sent again")
	for _, loan := range []int64{open, recent, mixed} {
		assert.Contains(t, command(t, environ, "explain", fmt.Sprint(loan)).out, "sudah dikirim")
	}

	// However old it is, the newest run that worked stays: without it a restored backup would not be noticed.
	db.Exec(t, "UPDATE reminder_runs SET started_at = DATE_SUB(started_at, INTERVAL 1000 DAY)")
	pruned(environ)
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_runs").Scan(&runs))
	assert.Equal(t, 1, runs)
	assert.Contains(t, command(t, environ, "run").out, "Ditahan")

	for _, wrong := range []string{"7d", "x", "89d", ""} {
		assert.Equal(t, exitUsage, command(t, environ, "prune", "--older-than", wrong).code, wrong)
	}
	assert.Contains(t, command(t, environ, "prune").out, "Tidak ada yang perlu dihapus.")
}

// TestRunPrunesOnceAMonth: a run removes old records by itself, says so in its report, repeats nothing, and never fails
// because of it.
func TestRunPrunesOnceAMonth(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	user := db.User(t, grants(t))
	environ["DB_USERNAME"], environ["DB_PASSWORD"] = user.User, user.Passwd
	environ["REMINDER_SCHEDULE"], environ["REMINDER_WINDOW"] = "0", "00:00-24:00"
	far := maps.Clone(environ)
	far["REMINDER_MAX_OVERDUE_DAYS"], far["REMINDER_KEEP"] = "3000", "0"
	returned := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500)})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -500)})
	require.Equal(t, exitDone, command(t, far, "run").code)
	db.Exec(t, "UPDATE reminder_emails SET ended_at = DATE_SUB(ended_at, INTERVAL 500 DAY)")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", returned)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)}) // the newest email stays

	due := func(days int) {
		db.Exec(t, `INSERT INTO reminder_state (name, kind, reason, until_at) VALUES ('prune', '', '', DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? DAY))
			ON DUPLICATE KEY UPDATE until_at = VALUES(until_at)`, days)
	}
	run := func() *reminder.Pruned {
		got := command(t, environ, "run", "--json")
		var r reminder.Report
		require.NoError(t, json.Unmarshal([]byte(got.out), &r), got.out+got.err)
		require.Equal(t, exitDone, got.code, got.out)
		return r.Pruned
	}
	due(29)
	assert.Nil(t, run(), "not due yet")
	due(-90)
	assert.Nil(t, run(), "the computer was off for long, or its clock is wrong: not at once")
	assert.Nil(t, run())
	due(4000)
	db.Exec(t, "REVOKE DELETE ON "+db.Name+".reminder_emails FROM '"+user.User+"'@'%'")
	assert.NotEmpty(t, run().Error, "the run goes on")
	assert.Nil(t, run(), "and tries again the next day")
	db.Exec(t, "GRANT DELETE ON "+db.Name+".reminder_emails TO '"+user.User+"'@'%'")
	due(-1)
	assert.Equal(t, &reminder.Pruned{Emails: 1, Notices: 1, Kept: 1}, run())
	assert.Nil(t, run(), "next month")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dipinjam' WHERE id = ?", returned)
	due(-1)
	assert.Equal(t, &reminder.Pruned{Kept: 1}, run())
	assert.Len(t, srv.Messages(), 3, "nothing was sent again")
}

// TestPruneInBatches removes more than one transaction may.
func TestPruneInBatches(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	var rows, notices []string
	for i := 1; i <= 1201; i++ {
		rows = append(rows, fmt.Sprintf("(%d, 'r%d', '1', 'r', 0, 'sent', '2020-01-01', '2020-01-01', '2020-01-01')", i, i))
		notices = append(notices, fmt.Sprintf("('x%d', '2020-01-01', 0, %d, 0)", i, i))
	}
	db.Exec(t, "INSERT INTO reminder_emails (id, ref, borrower_id, run_id, priority, state, next_at, created_at, ended_at) VALUES "+strings.Join(rows, ","))
	db.Exec(t, "INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number) VALUES "+strings.Join(notices,
		","))
	got := command(t, environ, "prune")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "1200 surel dengan 1200 pengingat")
	var left int
	require.NoError(t, db.Admin.QueryRow("SELECT (SELECT COUNT(*) FROM reminder_emails) + (SELECT COUNT(*) FROM reminder_notices)").Scan(&left))
	assert.Equal(t, 2, left, "the newest says how far the records have come")
}
