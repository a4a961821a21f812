package reminder_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestLifeOfALoan follows one loan day by day. The table is what the whole program promises.
func TestLifeOfALoan(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	loan := lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"})
	lib.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES ('2026-12-16', '2026-12-16', 'Rapat guru')")

	renew := func(due string) func() {
		return func() { lib.Exec(t, "UPDATE peminjaman SET tanggal_kembali = ? WHERE id = ?", due, loan) }
	}
	returned := func() {
		lib.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = '2026-12-26 10:00:00' WHERE id = ?", loan)
	}
	for _, d := range []struct {
		day   string
		event func() // before the day's runs
		off   bool   // the laptop is switched off
		mails int    // in all so far
		says  string // in the day's mail
	}{
		{day: "2026-11-23", mails: 0},
		{day: "2026-11-24", mails: 1, says: "besok"},
		{day: "2026-11-25", mails: 2, says: "hari ini"},
		{day: "2026-11-26", mails: 3, says: "terlambat 1 hari"},
		{day: "2026-11-27", mails: 3},
		{day: "2026-11-28", off: true, mails: 3}, // 3 days late, missed
		{day: "2026-11-29", off: true, mails: 3},
		{day: "2026-11-30", mails: 4, says: "Pengingat ke-2"}, // one mail for the missed step
		{day: "2026-12-01", mails: 4},
		{day: "2026-12-02", mails: 5, says: "Pengingat ke-3"}, // 7 days late
		{day: "2026-12-03", event: renew("2026-12-14"), mails: 5},
		{day: "2026-12-12", mails: 5},
		{day: "2026-12-13", mails: 6, says: "besok"}, // a new cycle
		{day: "2026-12-14", mails: 7, says: "hari ini"},
		{day: "2026-12-15", mails: 8, says: "terlambat 1 hari"},
		{day: "2026-12-16", mails: 8},                         // closed
		{day: "2026-12-17", mails: 9, says: "Pengingat ke-2"}, // 3 days late; the new cycle counts from 1
		{day: "2026-12-21", mails: 10, says: "Pengingat ke-3"},
		{day: "2026-12-26", event: returned, mails: 10},
		{day: "2026-12-28", mails: 10}, // 14 days late, if it were still out
		{day: "2027-02-01", mails: 10},
	} {
		if d.event != nil {
			d.event()
		}
		if d.off {
			continue
		}
		before := len(srv.Messages())
		for _, clock := range []string{"00:17", "06:59", "07:00", "07:17", "13:17", "19:59", "20:00", "23:59"} {
			lib.at(t, d.day+" "+clock)
			_, err := app.Runner.Run(t.Context(), reminder.Options{Trigger: "local"})
			require.NoError(t, err)
		}
		got := srv.Messages()
		require.Len(t, got, d.mails, d.day)
		if len(got) > before {
			require.NotEmpty(t, d.says, d.day)
			m := got[len(got)-1].Parse(t)
			assert.Contains(t, m.Subject+m.Text, d.says, d.day)
			assert.Contains(t, m.HTML, d.says, d.day)
		}
	}
	assert.Equal(t, 10, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))
	assert.Equal(t, 10, lib.count(t, "SELECT COUNT(*) FROM reminder_emails"))
}

// TestWindow: the day and the send window follow the library's clock, with a database in UTC.
func TestWindow(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"})
	for _, tt := range []struct {
		clock, today string
		outcome      reminder.RunOutcome
		mails        int
	}{
		{"2026-11-23 23:59", "2026-11-23", reminder.RunClosed, 0},
		{"2026-11-24 00:00", "2026-11-24", reminder.RunClosed, 0},
		{"2026-11-24 06:59", "2026-11-24", reminder.RunClosed, 0},
		{"2026-11-24 07:00", "2026-11-24", reminder.RunDone, 1},
	} {
		lib.at(t, tt.clock)
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, day(tt.today), rep.Today, tt.clock)
		assert.Equal(t, tt.outcome, rep.Outcome, tt.clock)
		assert.Len(t, srv.Messages(), tt.mails, tt.clock)
	}
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	lib.at(t, "2026-11-24 21:00")
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{Now: true}).Emails.Sent, "--now is a person's word")
}

// TestDryRunCounts: a dry run counts loans and emails whatever holds the mails back, and reports what that is. A run
// that is closed or paused has no counts of loans, but counts the waiting emails.
func TestDryRunCounts(t *testing.T) {
	lib := newLibrary(t)
	app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), map[string]string{"REMINDER_CLOSED_WEEKDAYS": "minggu"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	for _, tt := range []struct {
		clock, statement, reason string
	}{
		{"2026-11-24 21:00", "", reminder.ReasonOutsideWindow},
		{"2026-11-29 08:00", "", reminder.ReasonClosedDay},
		{"2026-11-30 08:00", "INSERT INTO reminder_state (name, kind, reason, fingerprint) VALUES ('pause_person', 'person', '', '')", "person"},
	} {
		lib.at(t, tt.clock)
		if tt.statement != "" {
			lib.Exec(t, tt.statement)
		}
		dry, err := app.Runner.Run(t.Context(), reminder.Options{DryRun: true})
		require.NoError(t, err)
		require.NotNil(t, dry.Loans, tt.reason)
		assert.Equal(t, 1, dry.Loans.Open, tt.reason)
		assert.Equal(t, 1, dry.Planned.Emails, tt.reason)
		assert.Equal(t, tt.reason, dry.Reason)

		real, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Nil(t, real.Loans, tt.reason)
		assert.Equal(t, tt.reason, real.Reason)
		text, err := json.Marshal(real)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"loans"`)
	}
	lib.Exec(t, "DELETE FROM reminder_state")
	lib.Exec(t, "INSERT INTO reminder_emails (ref, borrower_id, run_id, state, priority, created_at, next_at) "+
		"VALUES ('x', '1', 'x', 'queued', 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")
	lib.at(t, "2026-11-30 21:00")
	real, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1, real.Emails.Waiting, "a run that does nothing counts the waiting emails, too")
}

// TestChangedBetweenPlanAndSend delays the first mail at the server for more than a second, while loans change. The
// next mails must be true when they are sent, also if they were prepared before.
func TestChangedBetweenPlanAndSend(t *testing.T) {
	lib := newLibrary(t)
	var change sync.Once
	var returned, renewed, moved, gone int64
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" && c.Arg == "first@example.org" {
			change.Do(func() {
				lib.passed.Store(int64(1001 * time.Millisecond))
				lib.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = NOW() WHERE id = ?", returned)
				lib.Exec(t, "UPDATE peminjaman SET tanggal_kembali = '2026-12-24' WHERE id = ?", renewed)
				lib.Exec(t, "UPDATE users u JOIN peminjaman p ON p.user_id = u.id SET u.email = 'new@example.org' WHERE p.id = ?",
					moved)
				lib.Exec(t, "UPDATE users u JOIN peminjaman p ON p.user_id = u.id SET u.email = '' WHERE p.id = ?", gone)
			})
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "1"})

	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: lib.AddBorrower(t,
		mysqltest.Borrower{Email: "first@example.org"})})
	returned = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	renewed = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	moved = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	gone = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	two := lib.AddBorrower(t, mysqltest.Borrower{Email: "two@example.org"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: two, Title: "Bumi Manusia"})

	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, []string{"first@example.org", "new@example.org", "two@example.org"}, recipients(srv))
	assert.Equal(t, reminder.EmailCounts{Sent: 3, Canceled: 3}, rep.Emails)
	for loan, reason := range map[int64]string{returned: "returned", renewed: "renewed", gone: "unreachable"} {
		assert.Equal(t, 1, lib.count(t, `SELECT COUNT(*) FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
			WHERE n.loan_id = ? AND e.state = 'canceled' AND e.reason = ? AND n.dropped <> ''`, loan, reason), reason)
	}

	lib.at(t, "2026-12-23 08:00")
	rep = lib.run(t, app, reminder.Options{})
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE loan_id = ? AND due_date = '2026-12-24'",
		renewed),
		"a renewed loan begins a new cycle")
}

// TestFewerLines: a digest is sent without the notices that are no longer true.
func TestFewerLines(t *testing.T) {
	lib := newLibrary(t)
	var once sync.Once
	var back int64
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" {
			once.Do(func() {
				lib.passed.Store(int64(1001 * time.Millisecond))
				lib.Exec(t, "UPDATE peminjaman SET tanggal_pengembalian = NOW() WHERE id = ?", back)
			})
		}
		return mailtest.Action{}
	}})
	app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "1"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	b := lib.AddBorrower(t, mysqltest.Borrower{})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrower: b, Title: "Laskar Pelangi"})
	back = lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25", Borrower: b, Title: "Bumi Manusia"})

	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.PlannedCounts{Emails: 2, Notices: 3}, rep.Planned)
	require.Len(t, srv.Messages(), 2)
	text := srv.Messages()[1].Parse(t).Text
	assert.Contains(t, text, "Laskar Pelangi")
	assert.NotContains(t, text, "Bumi Manusia")
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped = 'returned' AND loan_id = ?",
		back))
}

// TestDryRun: a dry run writes nothing and counts what a run would do.
func TestDryRun(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	for range 2 {
		rep, err := app.Runner.Run(t.Context(), reminder.Options{DryRun: true})
		require.NoError(t, err)
		assert.Equal(t, reminder.PlannedCounts{Emails: 1, Notices: 1}, rep.Planned)
	}
	assert.Empty(t, srv.Messages())
	for _, table := range []string{"emails", "notices", "runs", "state"} {
		assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_"+table), table)
	}
}

// TestSecondRunWritesOnlyItsRow compares all tables before and after a run that has nothing to do.
func TestSecondRunWritesOnlyItsRow(t *testing.T) {
	lib := newLibrary(t)
	app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil)
	for range 30 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	tables := []string{"reminder_emails", "reminder_notices", "reminder_state", "reminder_bad_addresses", "peminjaman",
		"users"}
	lib.run(t, app, reminder.Options{})
	before := lib.Content(t, tables...)
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Zero(t, rep.Emails)
	assert.Equal(t, before, lib.Content(t, tables...))
	assert.Equal(t, 3, lib.count(t, "SELECT COUNT(*) FROM reminder_runs WHERE finished_at IS NOT NULL AND outcome = 'done'"))
}

// TestLargePlanIsHeld: a plan with too many emails waits for a person.
func TestLargePlanIsHeld(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_MAX_PER_RUN": "2"})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	for range 2 {
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, reminder.RunHeld, rep.Outcome)
		assert.True(t, rep.NeedsPerson())
		assert.Equal(t, 3, rep.Planned.Emails)
	}
	assert.Empty(t, srv.Messages())
	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails"))
	assert.Equal(t, 3, lib.run(t, app, reminder.Options{Approve: true}).Emails.Sent)
}

// TestRunLeavesNothingOpen: after a run there are no goroutines and no connections.
func TestRunLeavesNothingOpen(t *testing.T) {
	lib := newLibrary(t)
	for range 20 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"MAIL_CONCURRENCY": "8"})
	before := goleak.IgnoreCurrent()
	assert.Equal(t, 20, lib.run(t, app, reminder.Options{}).Emails.Sent)
	assert.Eventually(t, func() bool { return srv.Open() == 0 }, time.Minute, time.Millisecond,
		"a mail connection is open")
	require.NoError(t, app.Close())
	goleak.VerifyNone(t, before)
}

// TestLargeLibraryIsCountedOnceADay: in a large library only the first run of a day counts the loans.
func TestLargeLibraryIsCountedOnceADay(t *testing.T) {
	lib := newLibrary(t)
	app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-12-24"})
	found := func(clock string, open, old int) {
		t.Helper()
		lib.at(t, clock)
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, []int{open, old}, []int{rep.Loans.Open, rep.Loans.TooOld})
	}
	say := func(open string) {
		lib.Exec(t, `UPDATE reminder_runs SET report = REPLACE(REPLACE(report, '"open":1,', ?), '"too_old":0', '"too_old":7')`, open)
	}
	found("2026-11-24 08:00", 1, 0)
	say(`"open":20000,`)
	found("2026-11-24 09:00", 1, 0)
	say(`"open":20001,`)
	found("2026-11-24 10:00", 20001, 7)
	found("2026-11-25 08:00", 1, 0)
	lib.Exec(t, "UPDATE reminder_runs SET report = '{'")
	found("2026-11-25 09:00", 1, 0) // a damaged report stops no run
}

// TestPanic: a panic ends the run like an error. Claims stay claimed, the panic value is neither logged nor returned,
// and after the bug is fixed the emails are sent.
func TestPanic(t *testing.T) {
	lib := newLibrary(t)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, nil)
	mended := *app.Runner
	for name, broken := range map[string]func(*reminder.Runner){
		"in a worker": func(r *reminder.Runner) { r.Sender = panickingSender{r.Sender} },
		"in the run":  func(r *reminder.Runner) { r.Store = panickingStore{r.Store} },
	} {
		*app.Runner = mended
		broken(app.Runner)
		lib.log.Reset()
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.Error(t, err, name)
		assert.True(t, reminder.IsTemporary(err))
		assert.Equal(t, reminder.RunStopped, rep.Outcome)
		assert.NotContains(t, rep.Reason+lib.log.String(), "canary")
		assert.Contains(t, lib.log.String(), `trail="reminder_test.panicking`, "the stack begins where the panic happened")
		assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_runs WHERE outcome = 'stopped' AND run_id = ?",
			rep.RunID))
	}
	*app.Runner = mended
	lib.Exec(t, "UPDATE reminder_emails SET lease_until = '2026-01-01'")
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Sent)
}

type panickingSender struct{ mail.Sender }

func (panickingSender) Send(context.Context, mail.Message, mail.Handover) (mail.Receipt, error) {
	panic("canary@example.org")
}

type panickingStore struct{ reminder.Store }

func (panickingStore) Sweep(context.Context, bool) (reminder.Swept, error) {
	panic("canary@example.org")
}

// TestPanicWhileComposing: an email whose composing panics stays claimed, as after a crash. The other claims are
// released.
func TestPanicWhileComposing(t *testing.T) {
	lib := newLibrary(t)
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil)
	app.Runner.Composer = panickingComposer{}
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.Error(t, err)
	assert.NotContains(t, lib.log.String(), "canary")
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'claimed'"))
	assert.Equal(t, 2, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts = 0"))
}

type panickingComposer struct{}

func (panickingComposer) Compose(reminder.Kind, string, any) (reminder.Content, error) {
	panic("canary@example.org")
}

// TestMarkWithTheLastOutcome: a connection marks an email only when the outcome of the email before it is recorded, or
// in the same statement. A slow server does not delay the record of an outcome.
func TestMarkWithTheLastOutcome(t *testing.T) {
	for _, name := range []string{"at once", "slow server", "the statement fails"} {
		t.Run(name, func(t *testing.T) {
			slow, fails := name == "slow server", name == "the statement fails"
			lib := newLibrary(t)
			for range 6 { // which one claim takes
				lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			}
			app := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), map[string]string{"MAIL_CONCURRENCY": "1"})
			if !slow {
				app.Runner.Settings.Together = time.Minute
			}
			w := &watched{t: t, slow: slow, fails: fails, recorded: make(chan bool, 6)}
			app.Runner.Store, app.Runner.Sender = watchedStore{app.Runner.Store, w}, watchedSender{app.Runner.Sender, w}
			assert.Equal(t, 6, lib.run(t, app, reminder.Options{}).Emails.Sent)
			together := map[bool]int32{false: 5, true: 0}[slow || fails]
			assert.Equal(t, together, w.together.Load())
		})
	}
}

// A watched run has at most one email that may have been accepted and is not recorded.
type watched struct {
	t        *testing.T
	slow     bool
	fails    bool
	recorded chan bool

	marks, outcomes, together atomic.Int32
}

type watchedStore struct {
	reminder.Store
	w *watched
}

type watchedSender struct {
	mail.Sender
	w *watched
}

func (s watchedSender) Send(ctx context.Context, m mail.Message, handover mail.Handover) (mail.Receipt, error) {
	return s.Sender.Send(ctx, m, func(ctx context.Context) error {
		if s.w.slow && s.w.marks.Load() > 0 {
			select {
			case <-s.w.recorded:
			case <-time.After(time.Minute):
				s.w.t.Error("the record waits for the next email")
			}
		}
		return handover(ctx)
	})
}

func (s watchedStore) HandOver(ctx context.Context, c reminder.Claim, id string, date time.Time,
	accepted ...reminder.Accepted) error {
	if s.w.fails && len(accepted) > 0 {
		return errors.New("it is not known what was written")
	}
	s.w.together.Add(int32(len(accepted)))
	assert.Equal(s.w.t, s.w.marks.Load(), s.w.outcomes.Add(int32(len(accepted))), "the last email is recorded")
	s.w.marks.Add(1)
	return s.Store.HandOver(ctx, c, id, date, accepted...)
}

func (s watchedStore) Record(ctx context.Context, c reminder.Claim, o reminder.Outcome) error {
	err := s.Store.Record(ctx, c, o)
	s.w.outcomes.Add(1)
	s.w.recorded <- true
	return err
}

// TestPanicWhileRecording: a panic while an accepted email is recorded leaves its mark, so the email becomes unknown.
// The process does not end.
func TestPanicWhileRecording(t *testing.T) {
	lib := newLibrary(t)
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_UNKNOWN": "hold"})
	store := app.Runner.Store
	app.Runner.Store = panickingRecord{store}
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.Error(t, err)
	assert.NotContains(t, lib.log.String(), "canary")

	app.Runner.Store = store
	lib.Exec(t, "UPDATE reminder_emails SET lease_until = '2026-01-01'")
	assert.Equal(t, 1, lib.run(t, app, reminder.Options{}).Emails.Unknown)
	assert.Len(t, srv.Messages(), 1)
}

type panickingRecord struct{ reminder.Store }

func (panickingRecord) Record(context.Context, reminder.Claim, reminder.Outcome) error {
	panic("canary@example.org")
}
