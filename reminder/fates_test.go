package reminder_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// answers returns the script of a server: the n-th command of a phase gets the n-th answer, and later ones the default.
func answers(phase string, list ...mailtest.Action) func(mailtest.Command) mailtest.Action {
	var mu sync.Mutex
	return func(c mailtest.Command) mailtest.Action {
		mu.Lock()
		defer mu.Unlock()
		if c.Phase != phase || len(list) == 0 {
			return mailtest.Action{}
		}
		a := list[0]
		list = list[1:]
		return a
	}
}

func reply(text string) mailtest.Action { return mailtest.Action{Reply: text} }

// again returns n times the same answer.
func again(n int, a mailtest.Action) (list []mailtest.Action) {
	for range n {
		list = append(list, a)
	}
	return list
}

// TestFates: for each behaviour of the server, the state of the only email of a run, the number of tries, and the pause
// that is stored.
func TestFates(t *testing.T) {
	lib := newLibrary(t)
	for _, tt := range []struct {
		name     string
		script   func(mailtest.Command) mailtest.Action
		outcome  reminder.RunOutcome
		state    reminder.State
		attempts int
		pause    mail.PauseKind
		accepted int // messages that the server accepted
	}{
		{"accepted", nil, reminder.RunDone, reminder.StateSent, 1, "", 1},
		{"accepted, then dropped", answers("dot", mailtest.Action{Reply: "250 ok", Drop: true}), reminder.RunDone,
			reminder.StateSent, 1, "", 1},
		{"greylisted once", answers("rcpt", reply("450 4.7.1 greylisted")), reminder.RunDone, reminder.StateSent, 2, "", 1},
		{"greylisted for good", answers("rcpt", again(9, reply("450 4.7.1 greylisted"))...), reminder.RunDone,
			reminder.StateFailed, 3, "", 0},
		{"deferred at the dot", answers("dot", reply("451 4.3.0 try later")), reminder.RunDone, reminder.StateSent, 2, "", 1},
		{"unknown recipient", answers("rcpt", reply("550 5.1.1 no such user")), reminder.RunDone, reminder.StateRefused, 1,
			"", 0},
		{"refused content", answers("dot", reply("550 5.7.1 spam")), reminder.RunDone, reminder.StateRefused, 1, "", 0},
		{"silence after the dot", answers("dot", mailtest.Action{Drop: true}), reminder.RunDone, reminder.StateUnknown, 1, "",
			0},
		{"accepted in silence", answers("dot", mailtest.Action{Accept: true, Drop: true}), reminder.RunDone,
			reminder.StateUnknown, 1, "", 1},
		{"quota", answers("mail", again(9, reply("550 5.4.5 daily limit"))...), reminder.RunStopped, reminder.StateQueued, 0,
			mail.PauseQuota, 0},
		{"sender not allowed", answers("mail", again(9, reply("553 5.7.1 not owned by user"))...), reminder.RunStopped,
			reminder.StateQueued, 0, mail.PauseSender, 0},
		{"goes away", answers("mail", again(9, reply("421 4.3.0 bye"))...), reminder.RunStopped, reminder.StateQueued, 0,
			mail.PauseServer, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_state", "reminder_bad_addresses",
				"peminjaman"} {
				lib.Exec(t, "DELETE FROM "+table)
			}
			lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			srv := mailtest.NewServer(t, mailtest.Options{Script: tt.script})
			app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "1", "REMINDER_UNKNOWN": "hold"})
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, tt.outcome, rep.Outcome, rep.Reason)
			var state string
			var attempts int
			require.NoError(t, lib.Admin.QueryRow("SELECT state, attempts FROM reminder_emails").Scan(&state, &attempts))
			assert.Equal(t, tt.state, reminder.State(state))
			assert.Equal(t, tt.attempts, attempts)
			assert.Len(t, srv.Messages(), tt.accepted)
			pauses, err := deskdb.New(app.Store).Pauses(t.Context())
			require.NoError(t, err)
			if tt.pause == "" {
				assert.Empty(t, pauses)
			} else {
				require.Len(t, pauses, 1)
				assert.Equal(t, tt.pause, pauses[0].Kind)
				assert.True(t, pauses[0].Until.After(lib.now))
			}
			// The next run sends nothing: the email has ended, or a pause is in force.
			again, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Zero(t, again.Emails.Sent)
			assert.Len(t, srv.Messages(), tt.accepted)
		})
	}
}

// TestUnknownIsResentWithItsIdentity: an email of unknown outcome is sent once more with the same Message-ID and Date,
// so a receiver can recognise the copy.
func TestUnknownIsResentWithItsIdentity(t *testing.T) {
	lib := newLibrary(t)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	srv := mailtest.NewServer(t, mailtest.Options{Script: answers("dot",
		again(2, mailtest.Action{Accept: true, Drop: true})...)})
	app := lib.app(t, srv, nil)
	for i, want := range []reminder.EmailCounts{{Unknown: 1}, {Unknown: 1}, {}, {}} {
		lib.now = lib.now.Add(time.Hour)
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, want, rep.Emails, "run %d", i+1)
		assert.Equal(t, want.Unknown > 0, rep.NeedsPerson())
	}
	got := srv.Messages()
	require.Len(t, got, 2, "once more, and never again")
	assert.Equal(t, got[0].ID, got[1].ID)
	assert.Equal(t, string(got[0].Data), string(got[1].Data), "byte for byte")
}

// TestUnknownOfReturnedBook: an email of unknown outcome stays unknown when the book is returned, because it may have
// been sent.
func TestUnknownOfReturnedBook(t *testing.T) {
	lib := newLibrary(t)
	loan := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	srv := mailtest.NewServer(t, mailtest.Options{Script: answers("dot", mailtest.Action{Drop: true})})
	app := lib.app(t, srv, nil)
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	lib.Exec(t, "DELETE FROM peminjaman WHERE id = ?", loan)
	for range 2 {
		_, err = app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
	}
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'unknown' AND unknowns = 2"))
	assert.Empty(t, srv.Messages())
}

// TestUnknownThatIsRefused: an email of unknown outcome stays unknown when its second copy is refused, because the
// first one may have arrived.
func TestUnknownThatIsRefused(t *testing.T) {
	for _, answer := range []string{"554 5.7.1 spam", "550 5.1.1 no such user"} {
		lib := newLibrary(t)
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		srv := mailtest.NewServer(t, mailtest.Options{Script: answers("dot", mailtest.Action{Accept: true, Drop: true},
			reply(answer))})
		app := lib.app(t, srv, nil)
		for range 3 {
			_, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
		}
		assert.Equal(t, 2, srv.Count("dot"), answer)
		assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'unknown' AND unknowns = 2"),
			answer)
	}
}

// TestPauses: after a wrong password no run sends until the settings change; after an exceeded quota one email is tried
// first.
func TestPauses(t *testing.T) {
	t.Run("credentials", func(t *testing.T) {
		lib := newLibrary(t)
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		srv := mailtest.NewServer(t, mailtest.Options{Username: "perpus", Password: "benar"})
		wrong := lib.app(t, srv, map[string]string{"MAIL_USERNAME": "perpus", "MAIL_PASSWORD": "salah"})
		for i, want := range []reminder.RunOutcome{reminder.RunStopped, reminder.RunPaused, reminder.RunPaused} {
			rep, err := wrong.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, want, rep.Outcome, "run %d", i+1)
			assert.True(t, want != reminder.RunPaused || rep.NeedsPerson())
			lib.now = lib.now.Add(time.Hour)
		}
		assert.Equal(t, 1, srv.Count("auth"), "the server is asked once, not at every trigger")
		right := lib.app(t, srv, map[string]string{"MAIL_USERNAME": "perpus", "MAIL_PASSWORD": "benar"})
		assert.Equal(t, 1, lib.run(t, right, reminder.Options{}).Emails.Sent)
		assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE name = 'pause_mail'"), "the pause is lifted")
	})
	t.Run("quota", func(t *testing.T) {
		lib := newLibrary(t)
		for range 6 {
			lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		}
		var recovered atomic.Bool
		var claimed int
		srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
			if c.Phase != "mail" || recovered.Load() {
				return mailtest.Action{}
			}
			claimed = lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'claimed'")
			return reply("550 5.4.5 daily user sending limit exceeded")
		}})
		app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "1"})
		run := func() reminder.Report {
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			return rep
		}
		require.Equal(t, reminder.RunStopped, run().Outcome)
		require.Equal(t, 1, srv.Count("mail"))
		lib.now = lib.now.Add(30 * time.Minute)
		require.Equal(t, reminder.RunPaused, run().Outcome)
		require.Equal(t, 1, srv.Count("mail"))
		lib.now = lib.now.Add(6 * time.Hour)
		require.Equal(t, reminder.RunStopped, run().Outcome, "the limit still holds")
		require.Equal(t, 2, srv.Count("mail"), "one email is enough to learn it")
		require.Equal(t, 1, claimed, "and only one is claimed for it")
		lib.now = lib.now.Add(5 * time.Hour)
		recovered.Store(true)
		require.Equal(t, 6, run().Emails.Sent)
		require.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE attempts <> 1"), "a quota takes no tries")
		require.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE name = 'pause_mail'"), "the pause is lifted")
	})
	t.Run("an unreachable server", func(t *testing.T) {
		lib := newLibrary(t)
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		closed := mailtest.NewServer(t, mailtest.Options{})
		closed.Close()
		wrong := lib.app(t, closed, nil)
		for _, want := range []reminder.RunOutcome{reminder.RunStopped, reminder.RunPaused} {
			rep, err := wrong.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, want, rep.Outcome)
		}
		right := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil)
		assert.Equal(t, 1, lib.run(t, right, reminder.Options{}).Emails.Sent, "another MAIL_PORT ends the pause")
		assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE name = 'pause_mail'"))
	})
	t.Run("a person", func(t *testing.T) {
		lib := newLibrary(t)
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		srv := mailtest.NewServer(t, mailtest.Options{})
		app := lib.app(t, srv, nil)
		require.NoError(t, app.Store.SetPause(t.Context(),
			reminder.Pause{Kind: reminder.PauseByPerson, Until: lib.now.Add(time.Hour)}))
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, reminder.RunPaused, rep.Outcome)
		assert.False(t, rep.NeedsPerson())
		lib.now = lib.now.Add(time.Hour)
		assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent)
	})
}

// TestDailyLimit: the limit is for any 24 hours by the database's clock, and the most urgent emails go first.
func TestDailyLimit(t *testing.T) {
	lib := newLibrary(t)
	due := map[string]string{"late2": "2026-11-21", "late1": "2026-11-23", "today": "2026-11-24", "before": "2026-11-25"}
	for _, name := range []string{"late2", "late1", "before", "today"} {
		for i := range 2 {
			b := lib.AddBorrower(t, mysqltest.Borrower{Email: fmt.Sprintf("%s-%d@example.org", name, i)})
			loan := lib.AddLoan(t, mysqltest.Loan{Due: due[name], Borrower: b})
			if name == "late2" { // told once already
				lib.Exec(t, "INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number) VALUES (?, ?, 1, 0, 1)", loan,
					due[name])
			}
		}
	}
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"MAIL_DAILY_LIMIT": "5", "MAIL_CONCURRENCY": "1"})
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, 5, rep.Emails.Sent)
	assert.Equal(t, 3, rep.Emails.Waiting)
	assert.Equal(t, reminder.ReasonDailyLimit, rep.Reason)
	kinds := map[string]int{}
	for i, to := range recipients(srv) {
		kind, _, _ := strings.Cut(to, "-")
		kinds[kind]++
		if i < 2 {
			assert.Equal(t, "today", kind)
		}
	}
	assert.Equal(t, map[string]int{"today": 2, "before": 2, "late1": 1}, kinds)

	lib.Exec(t, "UPDATE reminder_emails SET handover_at = DATE_SUB(handover_at, INTERVAL 24 HOUR)")
	assert.Equal(t, 3, lib.run(t, app, reminder.Options{}).Emails.Sent, "the rest, a day later")
}

// TestDailyLimitOfSeveralRuns: runs at the same time keep the limit together.
func TestDailyLimitOfSeveralRuns(t *testing.T) {
	lib := newLibrary(t)
	for range 60 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	srv := mailtest.NewServer(t, mailtest.Options{})
	var runs sync.WaitGroup
	for range 4 {
		app := lib.app(t, srv, map[string]string{"MAIL_DAILY_LIMIT": "25"})
		runs.Go(func() {
			// the library's log is not shared
			_, err := app.Runner.Run(t.Context(), reminder.Options{Log: slog.New(slog.DiscardHandler)})
			assert.NoError(t, err)
		})
	}
	runs.Wait()
	assert.LessOrEqual(t, len(srv.Messages()), 25)
	lib.run(t, lib.app(t, srv, map[string]string{"MAIL_DAILY_LIMIT": "25"}), reminder.Options{})
	assert.Len(t, srv.Messages(), 25)
	assert.Equal(t, 35, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts = 0"))
}

// TestOnlyTo: only the listed addresses get mail, also if an email was queued before the list was set.
func TestOnlyTo(t *testing.T) {
	lib := newLibrary(t)
	for _, addr := range []string{"satu@example.org", "dua@example.org"} {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: lib.AddBorrower(t, mysqltest.Borrower{Email: addr})})
	}
	srv := mailtest.NewServer(t, mailtest.Options{})
	only := lib.app(t, srv, map[string]string{"REMINDER_ONLY_TO": "nobody@example.org, SATU@example.org"})
	rep := lib.run(t, only, reminder.Options{})
	assert.Equal(t, []string{"satu@example.org"}, recipients(srv))
	assert.Equal(t, 1, rep.Emails.Withheld)
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails"),
		"what is withheld is not recorded, or it would be sent later")

	// Queued without the list, sent with it.
	stopped := lib.app(t, mailtest.NewServer(t, mailtest.Options{Script: answers("greet", again(9, reply("421 no"))...)}),
		nil)
	_, err := stopped.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	lib.Exec(t, "DELETE FROM reminder_state")
	rep = lib.run(t, only, reminder.Options{})
	assert.Equal(t, 1, rep.Emails.Withheld)
	assert.Equal(t, 1, rep.Emails.Waiting)
	assert.Len(t, srv.Messages(), 1)

	// The next run withholds the email again, and a run without the list sends it at once.
	rep = lib.run(t, only, reminder.Options{})
	assert.Equal(t, 1, rep.Emails.Withheld)
	rep = lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	assert.Equal(t, 1, rep.Emails.Sent)
	assert.Equal(t, []string{"satu@example.org", "dua@example.org"}, recipients(srv))
}

// TestBadAddressIsRemembered: a refused address gets no mail until it changes. Only its digest is stored.
func TestBadAddressIsRemembered(t *testing.T) {
	lib := newLibrary(t)
	b := lib.AddBorrower(t, mysqltest.Borrower{Email: "gone@example.org"})
	loan := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: b})
	srv := mailtest.NewServer(t, mailtest.Options{Script: answers("rcpt", reply("550 5.1.1 <gone@example.org> unknown"))})
	app := lib.app(t, srv, nil)
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, 1, rep.Emails.Refused)
	lib.at(t, "2026-11-25 08:00")
	rep = lib.run(t, app, reminder.Options{})
	assert.Equal(t, 1, rep.Loans.Unreachable)
	assert.Zero(t, rep.Planned)
	assert.Equal(t, 1, srv.Count("rcpt"), "the server is not asked again")
	lib.Exec(t, "UPDATE users SET email = 'back@example.org' WHERE id = ?", b)
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent)
	assert.Equal(t, []string{"back@example.org"}, recipients(srv))
	assert.Equal(t, 1, lib.count(t, "SELECT MAX(number) FROM reminder_notices WHERE loan_id = ?", loan),
		"a notice that never arrived is no reminder")
}

// TestSuperseded: an email that waited until a later step was in force expires, and the later step is sent.
func TestSuperseded(t *testing.T) {
	lib := newLibrary(t)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	down := lib.app(t, mailtest.NewServer(t, mailtest.Options{Script: answers("greet", again(9, reply("421 no"))...)}),
		nil)
	_, err := down.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	lib.at(t, "2026-11-25 08:00")
	srv := mailtest.NewServer(t, mailtest.Options{})
	rep := lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	assert.Equal(t, reminder.EmailCounts{Sent: 1, Expired: 1}, rep.Emails)
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, srv.Messages()[0].Parse(t).Text, "Terlambat 1 hari")
}

// TestOptOutHoldAndClosed: opted-out loans and loans on hold are counted and get no mail; on a closed day no mail is
// sent at all.
func TestOptOutHoldAndClosed(t *testing.T) {
	lib := newLibrary(t)
	quiet := lib.AddBorrower(t, mysqltest.Borrower{})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: quiet})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.Exec(t, "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES (?, UTC_TIMESTAMP())", quiet)
	lib.Exec(t, "INSERT INTO reminder_closed_days VALUES ('2026-11-24', '2026-11-24', 'Hari Guru')")
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_CLOSED_WEEKDAYS": "minggu"})
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.RunClosed, rep.Outcome)
	assert.Equal(t, reminder.ReasonClosedDay, rep.Reason)
	assert.Empty(t, srv.Messages())

	lib.at(t, "2026-11-25 08:00")
	rep = lib.run(t, app, reminder.Options{})
	assert.Equal(t, 1, rep.Emails.Sent)
	assert.Equal(t, 1, rep.Loans.Held)
	text := strings.Join(strings.Fields(srv.Messages()[0].Parse(t).Text), " ")
	assert.Contains(t, text, "perpustakaan tutup (Hari Guru)")
	assert.Contains(t, text, "Hari ini hari terakhir", "due on a closed day: today is the first day to return it")
}

// TestCanaries: personal data and secrets are only in the places that the design has for them.
func TestCanaries(t *testing.T) {
	lib := newLibrary(t)
	b := lib.AddBorrower(t, mysqltest.Borrower{Name: "Canaryname", Email: "canaryaddr@canarydomain.example"})
	for _, title := range []string{"Canarytitle One", "Canarytitle Two"} {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: b, Title: title})
	}
	replies := []mailtest.Action{
		reply("451 4.3.0 <canaryaddr@canarydomain.example> later"), reply("450 4.2.0 Canaryname is asleep"),
		reply("550 5.7.1 canaryaddr@canarydomain.example is bad"),
		reply("550 5.1.1 canaryaddr@canarydomain.example"),
	}
	for _, phase := range []string{"mail", "rcpt", "dot", "auth"} {
		for _, r := range replies {
			if phase == "auth" && strings.Contains(r.Reply, "Canaryname") {
				continue // before a message the server knows no name
			}
			srv := mailtest.NewServer(t, mailtest.Options{Script: answers(phase, again(9, r)...), Username: "canaryuser",
				Password: "canarypass"})
			app := lib.app(t, srv, map[string]string{"MAIL_USERNAME": "canaryuser", "MAIL_PASSWORD": "canarypass",
				"SENDGRID_API_KEY": "canarykey"})
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			fmt.Fprintf(&lib.log, "%+v\n", rep)
			fmt.Fprintf(&lib.log, "%+v %v\n", app.Config, app.Runner.Sender)
			for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_state", "reminder_bad_addresses"} {
				lib.dump(t, table)
				lib.Exec(t, "DELETE FROM "+table)
			}
			lib.dump(t, "reminder_runs")
		}
	}
	log := strings.ToLower(lib.log.String())
	require.True(t, strings.Contains(log, "mail: stop"), "the log must have something to say, or this test shows nothing")
	for _, canary := range []string{"canaryname", "canaryaddr", "canarydomain", "canarytitle", "canarypass", "canarykey"} {
		if i := strings.Index(log, canary); i >= 0 {
			t.Errorf("%s leaked: …%s…", canary, log[max(0, i-100):min(len(log), i+100)])
		}
	}
}

// dump appends all rows of a table to the log.
func (l *library) dump(t *testing.T, table string) {
	rows, err := l.Admin.QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new([]byte)
		}
		require.NoError(t, rows.Scan(values...))
		for i, v := range values {
			fmt.Fprintf(&l.log, "%s.%s = %s\n", table, columns[i], *v.(*[]byte))
		}
	}
	require.NoError(t, rows.Err())
}

// TestRateBeyondTheTime: emails for which MAIL_RATE leaves no time wait for the next run, and are not claimed again and
// again. The end of the send window ends that time, too: no mail is begun at night.
func TestRateBeyondTheTime(t *testing.T) {
	for budget, clock := range map[string]string{"40s": "2026-11-24 08:00:00", "9m": "2026-11-24 16:59:20"} {
		lib := newLibrary(t)
		for range 3 {
			lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
		}
		srv := mailtest.NewServer(t, mailtest.Options{})
		app := lib.app(t, srv, map[string]string{"MAIL_RATE": "0.01", "REMINDER_BUDGET": budget,
			"REMINDER_WINDOW": "07:00-17:00"})
		claims := &countedClaims{Store: app.Runner.Store}
		app.Runner.Store = claims
		lib.now, _ = time.ParseInLocation(time.DateTime, clock, app.Runner.Settings.Zone)
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, reminder.RunPartial, rep.Outcome, clock)
		assert.Equal(t, reminder.ReasonTimeSpent, rep.Reason, clock)
		assert.Equal(t, 1, rep.Emails.Sent, clock)
		assert.Equal(t, 2, rep.Emails.Waiting, clock)
		assert.LessOrEqual(t, claims.n, 3, clock)
		assert.Equal(t, 2, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts = 0"),
			clock)
	}
}

// A countedClaims counts how often a run asks for emails.
type countedClaims struct {
	reminder.Store
	n int
}

func (c *countedClaims) Claim(ctx context.Context, w reminder.Wanted) ([]reminder.Claim, bool, error) {
	c.n++
	return c.Store.Claim(ctx, w)
}

// TestInterrupted: after the caller has gone, no email is begun. The email that the server may have accepted is
// finished and recorded, the other claims are released, and no pause is stored.
func TestInterrupted(t *testing.T) {
	for phase, sent := range map[string]int{"reread": 0, "mail": 0, "data": 0, "dot": 1} {
		t.Run(phase, func(t *testing.T) {
			lib := newLibrary(t)
			for range 4 {
				lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			}
			ctx, cancel := context.WithCancel(t.Context())
			srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
				if c.Phase == phase {
					cancel()
					<-ctx.Done()
				}
				return mailtest.Action{}
			}})
			app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "1"})
			runner := *app.Runner
			if phase == "reread" {
				runner.Loans = interruptedLoans{app.Store, cancel, new(int)}
			}
			rep, err := runner.Run(ctx, reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, reminder.RunPartial, rep.Outcome)
			assert.Equal(t, reminder.ReasonInterrupted, rep.Reason)
			assert.Equal(t, sent, rep.Emails.Sent)
			assert.Len(t, srv.Messages(), sent)
			assert.Equal(t, 4-sent, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts = 0"),
				"handed back")
			assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_state WHERE name = 'pause_mail'"), "no pause")
			assert.Equal(t, 4-sent, lib.run(t, app, reminder.Options{}).Emails.Sent)
		})
	}
}

// interruptedLoans end the run just before loans are read again.
type interruptedLoans struct {
	reminder.Loans
	interrupt func()
	reads     *int
}

func (l interruptedLoans) Reread(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	if *l.reads++; *l.reads > 1 { // the first is the plan's
		l.interrupt()
	}
	return l.Loans.Reread(ctx, ids)
}

// TestPreview: a preview shows the mails that the run then sends, and writes nothing.
func TestPreview(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	first := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Title: "Laskar Pelangi"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"})
	collect := func(app *setup.App) (previews []mail.Message) {
		require.NoError(t, desk.New(app.Runner, app.Store).Preview(t.Context(), day("2026-11-24"),
			func(m mail.Message) error {
				previews = append(previews, m)
				return nil
			}))
		return previews
	}
	previews := collect(app)
	require.Len(t, previews, 2)
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails")+lib.count(t, "SELECT COUNT(*) FROM reminder_runs"))
	lib.run(t, app, reminder.Options{})
	// Two connections send at once: which email arrives first is not decided.
	sent, shown := map[string]string{}, map[string]string{}
	for _, m := range srv.Messages() {
		sent[m.To] = strings.TrimSpace(m.Parse(t).Text)
	}
	for _, m := range previews {
		shown[m.To.Addr] = strings.TrimSpace(m.Text)
	}
	assert.Equal(t, shown, sent)
	assert.Empty(t, collect(app), "what was sent is not sent again")
	sample, err := desk.New(app.Runner, app.Store).Sample(t.Context(), day("2026-11-24"),
		fmt.Sprint(first))
	require.NoError(t, err)
	assert.Contains(t, sample.Text, "Laskar Pelangi")
	_, err = desk.New(app.Runner, app.Store).Sample(t.Context(), day("2026-11-24"), "404")
	require.Contains(t, english(err), "no open loan")
}
