package reminder_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// TestMinDays: the desk shows notices that are held back, and they are in the next mail.
func TestMinDays(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_MIN_DAYS": "3"})
	siti := lib.AddBorrower(t, mysqltest.Borrower{Email: "siti@example.org"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrower: siti, Title: "Satu"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-27", Borrower: siti, Title: "Dua"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Borrower: siti, Title: "Tiga"})
	told := func() []string {
		text := srv.Messages()[len(srv.Messages())-1].Parse(t).Text
		return slices.DeleteFunc([]string{"Satu", "Dua", "Tiga"}, func(title string) bool {
			return !strings.Contains(text, title)
		})
	}

	lib.run(t, app, reminder.Options{}) // Tuesday: the day before Satu, and Tiga is a day late
	require.Len(t, srv.Messages(), 1)
	assert.Equal(t, []string{"Satu", "Tiga"}, told())

	lib.at(t, "2026-11-25 08:00") // Satu is due
	lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 2)
	assert.Equal(t, []string{"Satu"}, told())

	lib.at(t, "2026-11-26 08:00") // the day before Dua; Satu is a day late, Tiga three days
	rep := lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 2)
	assert.Equal(t, 3, rep.Loans.TooSoon)
	d := desk.New(app.Runner, app.Store)
	silent, _, err := d.Silent(t.Context(), day("2026-11-26"), 10)
	require.NoError(t, err)
	require.Len(t, silent, 3)
	for _, s := range silent {
		assert.Equal(t, reminder.VerdictTooSoon, s.Why)
	}
	open, _, err := d.Explain(t.Context(), "siti@example.org")
	require.NoError(t, err)
	for _, x := range open {
		assert.Empty(t, x.Hinders)
		assert.Equal(t, []reminder.Verdict{reminder.VerdictTooSoon}, x.Later)
		assert.Equal(t, day("2026-11-25"), reminder.DateOf(x.Written, app.Runner.Settings.Zone))
	}
	previewed := 0
	require.NoError(t, d.Preview(t.Context(), day("2026-11-26"), func(mail.Message) error { previewed++; return nil }))
	assert.Zero(t, previewed)

	lib.at(t, "2026-11-27 08:00") // Dua is due, and the mail has the others, too
	lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 3)
	assert.Equal(t, []string{"Satu", "Dua", "Tiga"}, told())
	lib.at(t, "2026-11-29 08:00")
	lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 3)
	lib.at(t, "2026-11-30 08:00") // Satu is five days late, Dua three, Tiga seven: one step of each was left out
	lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 4)
	assert.Equal(t, []string{"Satu", "Dua", "Tiga"}, told())
	assert.Contains(t, srv.Messages()[3].Parse(t).Text, "Pengingat ke-3", "Tiga: what was not told does not count")
}

// TestMinDaysRecheck: an email that was waiting while another one went to its borrower is canceled, and its notices are
// promised again.
func TestMinDaysRecheck(t *testing.T) {
	lib := newLibrary(t)
	var down atomic.Bool
	down.Store(true)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if down.Load() && c.Phase == "ehlo" {
			return mailtest.Action{Reply: "421 4.3.2 down", Drop: true}
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"REMINDER_MIN_DAYS": "3"})
	siti := lib.AddBorrower(t, mysqltest.Borrower{Email: "siti@example.org"})
	late := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-23", Borrower: siti, Title: "Terlambat"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrower: siti, Title: "Hari Ini"})
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Empty(t, srv.Messages())
	down.Store(false)
	lib.at(t, "2026-11-25 08:00")
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, []int{1, 1}, []int{rep.Emails.Sent, rep.Emails.Canceled})
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, srv.Messages()[0].Parse(t).Text, "Hari Ini")
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE loan_id = ? AND dropped = 'too_soon'",
		fmt.Sprint(late)))
	lib.at(t, "2026-11-28 08:00")
	lib.run(t, app, reminder.Options{})
	require.Len(t, srv.Messages(), 2)
	assert.Contains(t, srv.Messages()[1].Parse(t).Text, "Terlambat")
}

// TestMinDaysProperties: with several loans for each borrower, overlapping runs and random failures of the mail server,
// no borrower gets two emails within the days, except about a book that is due on that day, and each late book gets its
// notices.
func TestMinDaysProperties(t *testing.T) {
	const minDays, people, days, calm = 3, 12, 12, 8
	lib := newLibrary(t)
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex // guards what follows, and rng while the server runs
	moody := true
	type letter struct {
		day      reminder.Date
		id, text string
	}
	got := map[string][]letter{}
	begin := day("2026-11-24")
	today := begin
	srv := mailtest.NewServer(t, mailtest.Options{
		Script: func(c mailtest.Command) mailtest.Action {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !moody || c.Phase != "dot" || rng.IntN(4) > 0:
				return mailtest.Action{}
			case rng.IntN(2) == 0:
				return mailtest.Action{Reply: fmt.Sprintf("451 4.3.%d later", rng.IntN(1000))}
			}
			return mailtest.Action{Accept: true, Drop: true}
		},
		Accepted: func(m mailtest.Received) {
			mu.Lock()
			defer mu.Unlock()
			got[m.To] = append(got[m.To], letter{today, m.ID, m.Parse(t).Text})
		},
	})
	var apps []*setup.App
	for range 2 {
		apps = append(apps, lib.app(t, srv, map[string]string{
			"REMINDER_MIN_DAYS": fmt.Sprint(minDays), "REMINDER_SCHEDULE": "-1,0,1,3,+4",
		}))
	}
	var borrowers []int64
	for i := range people {
		borrowers = append(borrowers, lib.AddBorrower(t, mysqltest.Borrower{Email: fmt.Sprintf("p%d@example.org", i)}))
	}
	for n := range days + calm {
		mu.Lock()
		today = begin.AddDays(n)
		moody = n < days
		for range 4 {
			if n < days {
				lib.AddLoan(t, mysqltest.Loan{Borrower: borrowers[rng.IntN(people)],
					Title: fmt.Sprintf("Judul-%d-%d.", n, rng.Int()), Due: today.AddDays(rng.IntN(8) - 1).String()})
			}
		}
		if n < days {
			lib.Exec(t, `UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = '2026-11-30 08:00:00'
				WHERE status = 'Dipinjam' AND id % 17 = ?`, rng.IntN(17))
		}
		mu.Unlock()
		for i, clock := range []string{" 08:00", " 12:00"} {
			lib.at(t, today.String()+clock)
			var runs sync.WaitGroup
			for _, app := range apps[i:] {
				runs.Go(func() {
					_, err := app.Runner.Run(t.Context(), reminder.Options{})
					assert.NoError(t, err)
				})
			}
			runs.Wait()
		}
	}

	mails, held := 0, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped = 'too_soon'")
	for to, letters := range got {
		copies := map[string]bool{}
		letters = slices.DeleteFunc(letters, func(l letter) bool { // of unknown outcome, sent once more
			was := copies[l.id]
			copies[l.id] = true
			return was
		})
		mails += len(letters)
		for i := range letters[1:] {
			before, l := letters[i], letters[i+1]
			dueToday := strings.Contains(l.text, "Hari ini hari terakhir")
			assert.True(t, dueToday || l.day.Sub(before.day) >= minDays, "%s: %s and %s\n%s", to, before.day, l.day, l.text)
		}
	}
	t.Log(mails, "mails,", held, "notices dropped in a recheck")
	assert.Greater(t, mails, people)
	rows, err := lib.Admin.QueryContext(t.Context(), "SELECT title, email FROM reminder_loans WHERE due_at < ?",
		today.AddDays(-minDays).String())
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var title, email string
		require.NoError(t, rows.Scan(&title, &email))
		assert.True(t, slices.ContainsFunc(got[email], func(l letter) bool {
			return today.Sub(l.day) <= minDays+4 && strings.Contains(l.text, title)
		}), "%s of %s is forgotten", title, email)
	}
	require.NoError(t, rows.Err())
}
