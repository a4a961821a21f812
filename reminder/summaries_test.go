package reminder_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// librarian is the address that gets the summaries.
const librarian = "petugas@mtsn6garut.example"

// summarized returns the summaries among the mails of a server.
func summarized(t *testing.T, srv *mailtest.Server) (list []mailtest.Mail) {
	for _, m := range srv.Messages() {
		if m.To == librarian {
			list = append(list, m.Parse(t))
		}
	}
	return list
}

// TestSummary follows the mornings of a library. The first run in the window of each open day sends one summary before
// the reminders, also when there is nothing to report.
func TestSummary(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Arg == "penuh@example.org" {
			return reply("552 5.2.2 mailbox full")
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian, "REMINDER_CLOSED_WEEKDAYS": "minggu"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-27", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Name: "Ani", Email: "ani@example.org", Class: "7A"})})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-27", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Email: "penuh@example.org"})})
	silent := lib.AddBorrower(t, mysqltest.Borrower{Name: "Budi", Email: "-", Class: "9B"})
	for range 2 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-20", Borrower: silent, Title: "Laskar Pelangi"})
	}
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-01-20", Title: "Bumi Manusia",
		Borrower: lib.AddBorrower(t, mysqltest.Borrower{Name: "Citra"})})

	for _, d := range []struct {
		day       string
		summaries int // so far
		says      []string
	}{
		{"2026-11-25", 1, []string{"ringkasan pertama", "Terkirim sampai sekarang: 0", "sesudah surel ini: 0\n", "terbuka: 5",
			"jatuh tempo: 3", "dipakai: 1", "9B: 1",
			"Citra: 309 hari", "Bumi Manusia", "Budi (9B): 5 hari"}},
		{"2026-11-26", 2, []string{"sejak ringkasan sebelumnya", "Terkirim sejak ringkasan sebelumnya: 0",
			"Mulai dikirim sesudah surel ini: 2 (2 di antaranya baru)"}},
		{"2026-11-27", 3, []string{"sebelumnya: 1", "1 gagal setelah semua percobaan: Kotak surel peminjam penuh.", "5.2.2",
			"pengingat failed"}},
		{"2026-11-28", 4, []string{"sebelumnya: 1"}},
		{"2026-11-29", 4, nil}, // Sunday
		{"2026-11-30", 5, []string{"sebelumnya: 1"}},
	} {
		for _, clock := range []string{"06:59", "07:00", "07:17", "13:17", "20:00"} {
			lib.at(t, d.day+" "+clock)
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.LessOrEqual(t, rep.Emails.Sent, rep.Planned.Emails, "the report counts reminders")
			assert.Zero(t, rep.Emails.Waiting)
		}
		got := summarized(t, srv)
		require.Len(t, got, d.summaries, d.day)
		for _, part := range d.says {
			assert.Contains(t, got[len(got)-1].Text, part, d.day)
		}
	}
	lib.at(t, "2026-11-29 08:00")
	for _, o := range []reminder.Options{{Now: true}, {DryRun: true}} {
		_, err := app.Runner.Run(t.Context(), o)
		require.NoError(t, err)
	}
	assert.Len(t, summarized(t, srv), 5, "--now is about reminders, and a closed day has no morning")
	to := recipients(srv)
	assert.Less(t, slices.Index(to, librarian), slices.Index(to, "ani@example.org"))
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses WHERE borrower_id = ''"))
	assert.NotContains(t, lib.log.String(), "petugas", "no address in the log")
	assert.NotContains(t, lib.log.String(), "Citra")
	for _, table := range []string{"reminder_emails", "reminder_runs", "reminder_notices"} {
		rows, err := lib.Admin.QueryContext(t.Context(), "SELECT * FROM "+table)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			row, into := make([]string, len(columns)), make([]any, len(columns))
			for i := range into {
				into[i] = &nullable{&row[i]}
			}
			require.NoError(t, rows.Scan(into...))
			for _, private := range []string{"petugas", "Citra", "Budi", "Bumi", "Laskar"} {
				assert.NotContains(t, strings.Join(row, " "), private, table)
			}
		}
		require.NoError(t, rows.Err())
		rows.Close()
	}
}

// A nullable scans NULL as "".
type nullable struct{ s *string }

func (n nullable) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		*n.s = string(b)
	}
	return nil
}

// TestSummaryToSeveral: each librarian gets one email.
func TestSummaryToSeveral(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian + ", kepala@mtsn6garut.example"})
	lib.run(t, app, reminder.Options{})
	lib.run(t, app, reminder.Options{})
	assert.ElementsMatch(t, []string{librarian, "kepala@mtsn6garut.example"}, recipients(srv))
	fewer := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	lib.run(t, fewer, reminder.Options{})
	lib.at(t, "2026-11-25 08:00")
	lib.run(t, fewer, reminder.Options{})
	assert.Len(t, srv.Messages(), 3)
	lib.at(t, "2026-11-26 08:00")
	withheld := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian, "REMINDER_ONLY_TO": "me@example.org"})
	lib.run(t, withheld, reminder.Options{})
	assert.Len(t, srv.Messages(), 3)
	lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	assert.Equal(t, 3, lib.count(t, "SELECT COUNT(*) FROM reminder_emails"), "what is withheld is not promised")
}

// TestSummaryAfterAnOutage: after an outage of some days only today's summary is sent.
func TestSummaryAfterAnOutage(t *testing.T) {
	lib := newLibrary(t)
	var down atomic.Bool
	down.Store(true)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if down.Load() && c.Phase == "mail" {
			return reply("451 4.3.0 try later")
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian, "MAIL_TRIES": "100"})
	app.Runner.Settings.Backoff = func(int) time.Duration { return time.Hour }
	for _, day := range []string{"2026-11-24", "2026-11-25", "2026-11-26"} {
		lib.at(t, day+" 08:00")
		_, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		lib.Exec(t, "UPDATE reminder_emails SET next_at = UTC_TIMESTAMP(6)")
		lib.Exec(t, "DELETE FROM reminder_state")
	}
	down.Store(false)
	lib.at(t, "2026-11-27 08:00")
	assert.Zero(t, lib.run(t, app, reminder.Options{}).Emails, "no reminder, and nothing that needs a person")
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, summarized(t, srv)[0].Subject, "27 November")
	assert.Equal(t, 3, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'expired'"))
}

// TestSummaryOfUnknownOutcome: a summary of unknown outcome is sent once more as the same message, and the report asks
// for a person. On the next day it is not sent again.
func TestSummaryOfUnknownOutcome(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{Script: answers("dot",
		again(3, mailtest.Action{Accept: true, Drop: true})...)})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	run := func() reminder.Report {
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		return rep
	}
	assert.True(t, run().NeedsPerson())
	assert.Equal(t, 1, run().Emails.Unknown)
	assert.Zero(t, run().Emails)
	got := summarized(t, srv)
	require.Len(t, got, 2)
	assert.Equal(t, got[0].Header["Message-Id"], got[1].Header["Message-Id"])
	assert.Equal(t, got[0].Header["Date"], got[1].Header["Date"])

	lib.at(t, "2026-11-25 08:00")
	run()
	lib.at(t, "2026-11-26 08:00")
	run()
	assert.Len(t, summarized(t, srv), 4, "yesterday's is not sent again")
	assert.Equal(t, 2, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'unknown'"))
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))
}

// TestSummaryOfHeldRuns: a held run sends the summary, and a paused one does not.
func TestSummaryOfHeldRuns(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian, "REMINDER_MAX_PER_RUN": "2"})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrowed: "2026-12-05 09:00:00"})
	}
	held := func(reason string) {
		for range 2 {
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, reminder.RunHeld, rep.Outcome)
			assert.Equal(t, reason, rep.Reason)
			assert.Zero(t, rep.Emails)
		}
	}
	held(reminder.ReasonMaxPerRun)
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, summarized(t, srv)[0].Text, "3 surel direncanakan")
	assert.Equal(t, 3, lib.run(t, app, reminder.Options{Approve: true}).Emails.Sent)

	lib.at(t, "2026-12-07 08:00")
	held(reminder.ReasonLooksRestored)
	require.Len(t, srv.Messages(), 5)
	assert.Contains(t, summarized(t, srv)[1].Text, "dipulihkan")

	lib.at(t, "2026-12-08 08:00")
	require.NoError(t, app.Store.SetPause(t.Context(), reminder.Pause{Kind: reminder.PauseByPerson}))
	held(reminder.ReasonLooksRestored)
	assert.Len(t, srv.Messages(), 5)
	_, err := app.Runner.Run(t.Context(), reminder.Options{Approve: true})
	require.NoError(t, err)
	assert.Len(t, srv.Messages(), 5, "paused")

	// The first mail after a provider's pause is the librarian's own.
	require.NoError(t, app.Store.LiftPause(t.Context(), true))
	require.NoError(t, app.Store.SetPause(t.Context(), reminder.Pause{Kind: mail.PauseServer, Until: lib.now.Add(-1)}))
	_, err = app.Runner.Run(t.Context(), reminder.Options{Approve: true})
	require.NoError(t, err)
	assert.Equal(t, librarian, srv.Messages()[5].To)
}

// TestSummaryCountsForTheProvider: a summary counts for the daily limit, and goes first.
func TestSummaryCountsForTheProvider(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian, "MAIL_DAILY_LIMIT": "2"})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.ReasonDailyLimit, rep.Reason)
	assert.Equal(t, 1, rep.Emails.Sent)
	assert.Equal(t, 2, rep.Emails.Waiting)
	require.Len(t, srv.Messages(), 2)
	assert.Equal(t, librarian, srv.Messages()[0].To)
	assert.Contains(t, summarized(t, srv)[0].Text, "Mulai dikirim sesudah surel ini: 1; 2 menunggu giliran")
}

// TestLoanWithoutID: a loan without an id does not count as a summary.
func TestLoanWithoutID(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT IF(n = 1, '', '7') AS loan_id, IF(n = 2, '', '7') AS borrower_id,
		'N' AS borrower_name, 'n@example.org' AS email, 'T' AS title, DATE '2026-11-24' AS due_at, NULL AS loan_ref, NULL AS item_code,
		NULL AS borrowed_at, NULL AS group_name, NULL AS language, NULL AS hold_reason, NULL AS fine_per_day
		FROM (SELECT 1 AS n UNION SELECT 2) two`)
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, &reminder.LoanCounts{Open: 2, InReach: 2, Odd: 2}, rep.Loans)
	assert.Equal(t, []string{librarian}, recipients(srv))
}

// TestPreviewShowsTheSummary: the summary is the first mail of a preview.
func TestPreviewShowsTheSummary(t *testing.T) {
	lib := newLibrary(t)
	app := lib.app(t, nil, map[string]string{"MAIL_MAILER": "file", "REMINDER_SUMMARY_TO": librarian})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	var to []string
	require.NoError(t, desk.New(app.Runner, app.Store).Preview(t.Context(), day("2026-11-24"),
		func(m mail.Message) error {
			to = append(to, m.To.Addr)
			if len(to) == 1 {
				assert.Contains(t, m.Text, "Mulai dikirim sesudah surel ini: 1 (1 di antaranya baru)")
			}
			return nil
		}))
	require.Len(t, to, 2)
	assert.Equal(t, librarian, to[0])
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails"))
}

// TestSummaryTellsTheProgramsAge: the first summary of a month says how old the program is, if it is old.
func TestSummaryTellsTheProgramsAge(t *testing.T) {
	defer func(date string) { reminder.VersionDate = date }(reminder.VersionDate)
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	for i, d := range []struct {
		day, built string
		tells      bool
	}{
		{"2026-10-30", "2026-01-05T00:00:00Z", false}, // the first summary of all tells what it is
		{"2026-10-31", "2026-01-05T00:00:00Z", false},
		{"2026-11-02", "2026-01-05T00:00:00Z", true},
		{"2026-11-03", "2026-01-05T00:00:00Z", false},
		{"2026-12-01", "2026-09-05T00:00:00Z", false}, // it was updated
		{"2027-01-04", "", false},
	} {
		reminder.VersionDate = d.built
		lib.at(t, d.day+" 08:00")
		lib.run(t, app, reminder.Options{})
		// the database's clock
		lib.Exec(t, "UPDATE reminder_emails SET handover_at = ? ORDER BY id DESC LIMIT 1", d.day+" 01:00:00")
		list := summarized(t, srv)
		require.Len(t, list, i+1)
		assert.Equal(t, d.tells, strings.Contains(strings.Join(strings.Fields(list[i].Text), " "), "sudah berumur 10 bulan"),
			d.day)
	}
}
