package reminder_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// What happens to the laptop of a library: it sleeps, and its clock goes wrong.

// TestAsleepForSixDays: a laptop sleeps from Wednesday evening to Tuesday, over a holiday and a Sunday. Meanwhile one,
// two or three steps of each loan have passed. Each borrower gets one mail about all loans, with the newest step of
// each.
func TestAsleepForSixDays(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_CLOSED_WEEKDAYS": "minggu"})
	lib.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES ('2026-11-26', '2026-11-27', 'Hari libur')")
	two := lib.AddBorrower(t, mysqltest.Borrower{Email: "two@example.org"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrower: two, Title: "Laskar Pelangi"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-28", Borrower: two, Title: "Bumi Manusia"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-27", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Email: "holiday@example.org"})})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-18", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Email: "late@example.org"})})

	lib.at(t, "2026-11-25 16:17")
	lib.run(t, app, reminder.Options{})
	assert.ElementsMatch(t, []string{"two@example.org", "late@example.org"}, recipients(srv))

	lib.at(t, "2026-12-01 07:03") // the first run after the lid was opened
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	awake := srv.Messages()[2:]
	var to []string
	for _, m := range awake {
		to = append(to, m.To)
		if m.To == "two@example.org" {
			text := m.Parse(t).Text
			assert.Contains(t, text, "Laskar Pelangi")
			assert.Contains(t, text, "Bumi Manusia")
		}
	}
	assert.ElementsMatch(t, []string{"two@example.org", "holiday@example.org"}, to,
		"one mail each; late@ was told the 7th day already")
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state <> 'sent'"))
	for _, clock := range []string{"2026-12-01 07:17", "2026-12-01 08:17", "2026-12-01 19:17"} {
		lib.at(t, clock)
		lib.run(t, app, reminder.Options{})
	}
	assert.Len(t, recipients(srv), 4)
}

// TestClockSetBack: with an empty battery the clock is a year behind. No notice is sent again, and when the clock is
// right again, the next steps are sent.
func TestClockSetBack(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	for _, due := range []string{"2026-11-24", "2026-11-21", "2026-11-26"} {
		lib.AddLoan(t, mysqltest.Loan{Due: due})
	}
	// A loan of a year ago: its notice was sent then, and it is too old now.
	lib.AddLoan(t, mysqltest.Loan{Due: "2025-11-24", Borrowed: "2025-11-10 09:00:00"})
	lib.at(t, "2026-01-20 08:00")
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 1)
	lib.at(t, "2026-11-24 08:00")
	lib.run(t, app, reminder.Options{Approve: true}) // after a long absence the records look restored
	require.Len(t, recipients(srv), 3)

	for _, clock := range []string{"2025-11-24 09:00", "2025-11-25 09:00", "2025-12-02 09:00", "1980-01-01 12:00"} {
		lib.at(t, clock)
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, reminder.RunDone, rep.Outcome, clock)
		assert.Zero(t, rep.Planned, clock)
	}
	assert.Len(t, recipients(srv), 3)

	lib.at(t, "2026-11-25 08:00")
	lib.run(t, app, reminder.Options{})
	assert.Len(t, recipients(srv), 5, "the day before the one, a day late the other")
}

// TestClockWasAhead: the clock of the laptop, which is the database's clock, too, was a year ahead for a while. No
// record from that time may make a later run wait.
func TestClockWasAhead(t *testing.T) {
	lib := newLibrary(t)
	var busy atomic.Bool
	busy.Store(true)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if busy.Load() && c.Phase == "rcpt" && c.Arg == "busy@example.org" {
			return mailtest.Action{Reply: "451 4.7.1 try again later"}
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"MAIL_DAILY_LIMIT": "3", "MAIL_CONCURRENCY": "1"})
	app.Runner.Settings.Backoff = func(int) time.Duration { return 45 * time.Minute }
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Email: "busy@example.org"})})
	for range 2 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 2)

	// The records that a clock a year ahead leaves: a postponed try, a claim of a killed run, hand-overs that count for
	// the daily limit, runs, and a pause.
	claimed := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	app.Runner.Settings.DailyLimit = 2 // for the promise alone
	lib.run(t, app, reminder.Options{})
	app.Runner.Settings.DailyLimit = 3
	lib.Exec(t, `UPDATE reminder_emails SET state = 'claimed', claim_token = 'dead', attempts = 1, lease_until = UTC_TIMESTAMP(6)
		WHERE state = 'queued' AND id = (SELECT email_id FROM reminder_notices WHERE loan_id = ?)`, claimed)
	lib.Exec(t, `UPDATE reminder_emails SET next_at = DATE_ADD(next_at, INTERVAL 1 YEAR), lease_until = DATE_ADD(lease_until, INTERVAL 1 YEAR),
		created_at = DATE_ADD(created_at, INTERVAL 1 YEAR), handover_at = DATE_ADD(handover_at, INTERVAL 1 YEAR)`)
	lib.Exec(t, "UPDATE reminder_runs SET started_at = DATE_ADD(started_at, INTERVAL 1 YEAR), finished_at = DATE_ADD(finished_at, INTERVAL 1 YEAR)")
	require.NoError(t, app.Store.SetPause(t.Context(), reminder.Pause{
		Kind: mail.PauseQuota, Reason: "quota", Until: lib.now.AddDate(1, 0, 0),
		Fingerprint: app.Runner.Settings.Fingerprint(""),
	}))

	busy.Store(false)
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.RunDone, rep.Outcome, rep.Reason)
	assert.Equal(t, 2, rep.Emails.Sent)
	assert.Equal(t, 4, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))
	assert.Len(t, recipients(srv), 4)
	status, err := deskdb.New(app.Store).Status(t.Context(), lib.now, 5)
	require.NoError(t, err)
	assert.Empty(t, status.Pauses)
	latest := []string{status.Runs[0].Report.RunID, status.Runs[1].Report.RunID} // both began at the same instant
	assert.Contains(t, latest, rep.RunID, "the last runs are the last ones, not those of a year that is to come")
}
