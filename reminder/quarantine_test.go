package reminder_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestRestoredBackup: the records are two weeks old, the loans are of today. No mail is sent until a person decides,
// and then only new notices.
func TestRestoredBackup(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.at(t, "2026-11-10 08:00")
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-10", Borrowed: "2026-11-03 09:00:00"})
	require.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent)
	// The email was queued when the backup was taken, and was sent later.
	lib.Exec(t, "INSERT INTO reminder_emails (ref, borrower_id, run_id, priority, state, next_at, created_at) VALUES ('r', '1', 'x', 0, 'queued', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")

	lib.at(t, "2026-11-24 08:00")
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Borrowed: "2026-11-16 09:00:00"})
	soon := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrowed: "2026-11-18 09:00:00"})
	for range 2 {
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		require.Equal(t, reminder.RunHeld, rep.Outcome, "held, and held again")
		require.Equal(t, reminder.ReasonLooksRestored, rep.Reason)
		require.True(t, rep.NeedsPerson())
	}
	said := 0
	for _, want := range []desk.Silenced{{Before: day("2026-11-24"), Borrowers: 2, Loans: 2, Canceled: 1},
		{Before: day("2026-11-24")}} {
		d := desk.New(app.Runner, app.Store)
		done, err := d.Quarantine(t.Context(), day("2026-11-24"), func(asked desk.Silenced) bool {
			said++
			assert.Equal(t, want, asked)
			return true
		})
		require.NoError(t, err)
		assert.Equal(t, want, done)
	}
	assert.Equal(t, 2, said)

	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	sent := lib.count(t, `SELECT COUNT(*) FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE e.state = 'sent' AND n.loan_id = ?`, soon)
	assert.Equal(t, 1, sent)
	// Of the two old ones, only the steps of the 24th itself: one day late, and two weeks late.
	assert.Equal(t, 3, rep.Emails.Sent)
}

// TestLongAbsence: a machine that was off for weeks, together with the library's system, does not look restored.
func TestLongAbsence(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.at(t, "2026-11-10 08:00")
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-12", Borrowed: "2026-11-09 09:00:00"})
	lib.run(t, app, reminder.Options{})
	lib.at(t, "2026-12-01 08:00")
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent, "one mail, the newest")

	lib.AddLoan(t, mysqltest.Loan{Due: "2026-12-20", Borrowed: "2026-12-13 09:00:00"})
	lib.at(t, "2026-12-20 08:00")
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, reminder.RunHeld, rep.Outcome)
	assert.Equal(t, 2, lib.run(t, app, reminder.Options{Approve: true}).Emails.Sent, "a person says that it was just off")
}

// TestRestoredBackupAfterAClockAhead: a run with a date in the future, from a clock that was ahead, does not hide that
// the records are old.
func TestRestoredBackupAfterAClockAhead(t *testing.T) {
	lib := newLibrary(t)
	app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil)
	lib.at(t, "2026-11-10 08:00")
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-10", Borrowed: "2026-11-03 09:00:00"})
	lib.run(t, app, reminder.Options{})
	lib.at(t, "2027-11-10 08:00")
	lib.run(t, app, reminder.Options{Approve: true})
	lib.at(t, "2026-11-24 08:00")
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Borrowed: "2026-11-16 09:00:00"})
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, reminder.ReasonLooksRestored, rep.Reason)
}
