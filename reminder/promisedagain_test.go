package reminder_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestDroppedIsPromisedAgain: when the obstacle to a reminder has passed, the reminder is sent, and only once. While
// the obstacle lasts, no notice is promised and canceled in a loop.
func TestDroppedIsPromisedAgain(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" && c.Arg == "dead@example.org" {
			return mailtest.Action{Reply: "550 5.1.1 no such user"}
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, nil)
	first := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.run(t, app, reminder.Options{})

	cases := []struct{ name, hinder, mend, dropped string }{
		{"returned", "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = LOAN",
			"UPDATE peminjaman SET status = 'Dipinjam' WHERE id = LOAN", "returned"},
		{"deleted and inserted by a sync job", "DELETE FROM peminjaman WHERE id = LOAN",
			`INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status)
			VALUES (LOAN, BORROWER, 1, 'PJM-again', '2026-11-17', '2026-11-24', 'Dipinjam')`, "returned"},
		{"renewed by mistake", "UPDATE peminjaman SET tanggal_kembali = '2026-12-24' WHERE id = LOAN",
			"UPDATE peminjaman SET tanggal_kembali = '2026-11-24' WHERE id = LOAN", "renewed"},
		{"opted out and in", "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES ('BORROWER', '2026-11-24')",
			"DELETE FROM reminder_opt_outs WHERE borrower_id = 'BORROWER'", "opted_out"},
		{"no address", "UPDATE users SET email = 'tidak ada' WHERE id = BORROWER",
			"UPDATE users SET email = 'new@example.org' WHERE id = BORROWER", "canceled"},
		{"an address that is dead", "UPDATE users SET email = 'dead@example.org' WHERE id = BORROWER",
			"UPDATE users SET email = 'alive@example.org' WHERE id = BORROWER", "bad_address"},
		{"the wrong pupil, before it was told", "UPDATE peminjaman SET user_id = ELSE WHERE id = LOAN",
			"UPDATE peminjaman SET user_id = BORROWER WHERE id = LOAN", "returned"},
	}
	elsewhere := lib.AddBorrower(t, mysqltest.Borrower{Email: "-"})
	loans := make([]int64, len(cases))
	fill := func(i int, statement string) {
		var borrower int64
		require.NoError(t, lib.Admin.QueryRow("SELECT borrower_id FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id WHERE n.loan_id = ?",
			loans[i]).Scan(&borrower))
		lib.Exec(t, replaced(statement, "LOAN", loans[i], "BORROWER", borrower, "ELSE", elsewhere))
	}
	for i := range cases {
		loans[i] = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	app.Runner.Settings.DailyLimit = 1 // it is reached, so further emails are promised and not sent
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, len(cases), rep.Planned.Emails)
	app.Runner.Settings.DailyLimit = 0

	for i, c := range cases {
		fill(i, c.hinder)
	}
	rep = lib.run(t, app, reminder.Options{}) // the second one promises nothing
	assert.Equal(t, len(cases), rep.Emails.Canceled+rep.Emails.Refused)
	for i, c := range cases {
		assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE loan_id = ? AND dropped = ?", loans[i],
			c.dropped), c.name)
		fill(i, c.mend)
	}
	require.Len(t, recipients(srv), 1)
	rep = lib.run(t, app, reminder.Options{})
	assert.Equal(t, len(cases), rep.Emails.Sent)
	assert.Equal(t, reminder.PlannedCounts{Emails: len(cases), Notices: len(cases)}, rep.Planned)
	for i, c := range cases {
		assert.Equal(t, 1, lib.count(t, `SELECT COUNT(*) FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
			WHERE n.loan_id = ? AND n.dropped = '' AND e.state = 'sent'`, loans[i]), c.name)
	}
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE loan_id = ?", first))

	// A day later each borrower gets the first late reminder.
	lib.at(t, "2026-11-25 08:00")
	lib.run(t, app, reminder.Options{})
	assert.Equal(t, len(cases)+1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE step = 1 AND number = 1"))
}

// TestCanceledDoesNotCount: an email that was canceled before it was sent does not count as the first reminder.
func TestCanceledDoesNotCount(t *testing.T) {
	lib := newLibrary(t)
	var down atomic.Bool
	down.Store(true)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if down.Load() && c.Phase == "rcpt" {
			return mailtest.Action{Reply: "451 4.3.0 try again later"}
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Title: "Gagal"})
	lib.run(t, app, reminder.Options{})
	require.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'failed'"))
	canceled, err := deskdb.New(app.Store).Cancel(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 1, canceled)
	down.Store(false)
	lib.run(t, app, reminder.Options{})
	require.Empty(t, recipients(srv), "a person canceled this step")
	lib.at(t, "2026-11-26 08:00")
	lib.run(t, app, reminder.Options{})
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE step = 3 AND number = 1"))
}

// TestClockAheadForOneRun: the clock of the laptop was a year ahead during one run, which canceled the waiting emails
// as too old. The next run, with the right clock, sends all of them.
func TestClockAheadForOneRun(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.run(t, app, reminder.Options{})
	for _, due := range []string{"2026-11-25", "2026-11-24", "2026-11-23", "2026-11-10"} {
		lib.AddLoan(t, mysqltest.Loan{Due: due})
	}
	app.Runner.Settings.DailyLimit = 1
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	app.Runner.Settings.DailyLimit = 0

	lib.at(t, "2027-11-24 08:00")
	assert.Equal(t, 4, lib.run(t, app, reminder.Options{}).Emails.Canceled)
	lib.at(t, "2026-11-24 09:00")
	assert.Equal(t, 4, lib.run(t, app, reminder.Options{}).Emails.Sent)
	assert.Len(t, recipients(srv), 5)
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE number > 1"))
}

// TestWrongPupil: a loan was booked on the wrong pupil, who got a reminder. The right pupil gets one, too, and only
// one. Moving the loan back and forth sends none again.
func TestWrongPupil(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	wrong := lib.AddBorrower(t, mysqltest.Borrower{Email: "wrong@example.org"})
	right := lib.AddBorrower(t, mysqltest.Borrower{Email: "right@example.org"})
	third := lib.AddBorrower(t, mysqltest.Borrower{Email: "third@example.org"})
	id := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Borrower: wrong})
	move := func(to int64) { lib.Exec(t, "UPDATE peminjaman SET user_id = ? WHERE id = ?", to, id) }
	explain := func() desk.Explanation {
		loans, err := deskdb.New(app.Store).FindLoan(t.Context(), replaced("LOAN", "LOAN", id))
		require.NoError(t, err)
		require.Len(t, loans, 1)
		x, err := desk.New(app.Runner, app.Store).ExplainLoan(t.Context(), loans[0])
		require.NoError(t, err)
		return x
	}
	lib.run(t, app, reminder.Options{})
	move(right)
	assert.Empty(t, explain().Hinders, "the one that was sent went to another borrower")
	lib.run(t, app, reminder.Options{})
	require.Equal(t, []string{"wrong@example.org", "right@example.org"}, recipients(srv))
	assert.NotContains(t, srv.Messages()[1].Parse(t).Text, "ke-2")
	x := explain()
	assert.Equal(t, []reminder.Verdict{reminder.VerdictTold}, x.Hinders)
	require.Len(t, x.Past, 2)
	assert.Equal(t, replaced("LOAN", "LOAN", wrong), x.Past[0].Borrower)
	assert.Equal(t, []any{1, reminder.ReasonMoved, reminder.StateSent},
		[]any{x.Past[0].Step, x.Past[0].Dropped, x.Past[0].State})

	for _, to := range []int64{wrong, right, wrong} {
		move(to)
		lib.run(t, app, reminder.Options{})
		assert.Equal(t, []reminder.Verdict{reminder.VerdictTold}, explain().Hinders)
	}
	require.Len(t, recipients(srv), 2, "no ping-pong")
	move(third)
	lib.run(t, app, reminder.Options{})
	move(right)
	lib.run(t, app, reminder.Options{})
	require.Equal(t, []string{"wrong@example.org", "right@example.org", "third@example.org"}, recipients(srv))

	lib.at(t, "2026-11-26 08:00") // the pupil who has the loan gets the next step, as the second reminder
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 4)
	assert.Equal(t, "right@example.org", srv.Messages()[3].To)
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE step = 3 AND number = 2"))
}
