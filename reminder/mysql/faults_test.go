package mysql_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// TestAnyStatementFails causes a fault at each statement of a story: the connection breaks before or after it, it is
// killed, or it gets an error after which it may be repeated. The results of the story are the same as without faults.
func TestAnyStatementFails(t *testing.T) {
	t.Parallel()
	killed := func(c *wireConn, statement []byte) (int, error) {
		if _, err := c.wire.db.Admin.Exec(fmt.Sprintf("KILL %d", c.id)); err != nil {
			return 0, err
		}
		return c.Conn.Write(statement)
	}
	again := []uint16{1213, 1205, 1020, 1053, 1927, 1317, 1040, 1158, 1159, 1160, 1290, 1792, 1836, 8002, 8022, 8028, 9007}
	for i, tt := range []struct {
		name  string
		fault func(n int) fault
	}{
		{"lost", func(int) fault { return lost }},
		{"half of it", func(int) fault { return halfLost }},
		{"reply lost", func(int) fault { return replyLost }},
		{"last byte lost", func(int) fault { return lastByteLost }},
		{"killed", func(int) fault { return killed }},
		{"error", func(n int) fault { return answered(again[n%len(again)]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, store, s := newStory(t)
			want, err := s.tell(t, store)
			require.NoError(t, err)
			for n := 1; ; n++ {
				if !mysqltest.InFull(t, n+i, 5) { // each statement meets one fault at least
					continue
				}
				w.disarm()
				w.arm(tt.fault(n), func(i int, _ string) bool { return i == n })
				got, err := s.tell(t, store)
				require.NoError(t, err, "statement %d: %s", n, w.statement)
				require.Equal(t, want, got, "statement %d: %s", n, w.statement)
				if w.statement == "" {
					require.Greater(t, n, 50, "the fault must have met every statement")
					return
				}
			}
		})
	}
}

// TestDiskFullAtAnyStatement: a full disk is reported at once, at any statement.
func TestDiskFullAtAnyStatement(t *testing.T) {
	t.Parallel()
	w, store, s := newStory(t)
	full := []uint16{1114, 1021, 3, 20}
	for n := 1; ; n++ {
		w.disarm()
		w.arm(answered(full[n%len(full)]), func(i int, _ string) bool { return i == n })
		_, err := s.tell(t, store)
		switch w.statement {
		case "":
			require.NoError(t, err)
			require.Greater(t, n, 50, "the fault must have met every statement")
			return
		case "ROLLBACK": // the end of the connection has the same effect
			require.NoError(t, err)
		default:
			requireFault(t, err, false, "storage is full")
		}
	}
}

// said returns the text of an error for a person.
func said(err error) string { return text.In("en").Error(err) }

func requireFault(t *testing.T, err error, temporary bool, words string) {
	t.Helper()
	f, ok := errors.AsType[*reminder.Fault](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, temporary, f.Temporary, "%v", err)
	assert.Contains(t, said(err), words)
}

// TestDeadlock: two transactions wait for each other, and the server rolls back the store's one. InnoDB rolls back the
// one that has written less, TiDB the one that waits last.
func TestDeadlock(t *testing.T) {
	w, store, s := newStory(t)
	other, err := w.db.Admin.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer other.Rollback()
	for i := range 50 {
		_, err := other.ExecContext(t.Context(), `INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number)
			VALUES (?, '2026-11-24', ?, 0, 0)`, s.loans[3], i)
		require.NoError(t, err)
	}
	done := make(chan error, 1)
	w.arm(func(c *wireConn, statement []byte) (int, error) {
		go func() { // waits for the store's first email, and the store then for its first notice
			_, err := other.ExecContext(t.Context(), `INSERT INTO reminder_emails
				(id, ref, borrower_id, run_id, priority, state, next_at, created_at)
				VALUES (1, '', 'x', 'x', 0, 'sent', '2026-11-24', '2026-11-24')`)
			done <- errors.Join(err, other.Rollback())
		}()
		w.waitsForLock(t)
		return c.Conn.Write(statement)
	}, first("INSERT INTO reminder_notices"))
	_, err = store.Promise(t.Context(), "run", s.emails())
	require.NoError(t, err)
	require.NoError(t, <-done)
	assert.Equal(t, []uint16{1213}, w.errors)
	assert.Equal(t, [2]int{3, 4}, s.rows(t))
}

// TestLockWait: if another transaction releases its lock only after a statement of the store has timed out, the store's
// transaction begins again.
func TestLockWait(t *testing.T) {
	w, _, s := newStory(t)
	cfg := w.cfg.Clone()
	cfg.Params = map[string]string{"innodb_lock_wait_timeout": "1"} // seconds
	store := connect(t, cfg, 1)
	other, err := w.db.Admin.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer other.Rollback()
	_, err = other.ExecContext(t.Context(), `INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number)
		VALUES (?, '2026-11-24', 0, 0, 0)`, s.loans[3])
	require.NoError(t, err)
	w.arm(func(c *wireConn, statement []byte) (int, error) {
		if err := other.Rollback(); err != nil {
			return 0, err
		}
		return c.Conn.Write(statement)
	}, func(_ int, sql string) bool { return sql == "ROLLBACK" })
	n, err := store.Promise(t.Context(), "run", s.emails())
	require.NoError(t, err)
	assert.Equal(t, reminder.PlannedCounts{Emails: 3, Notices: 4}, n)
	assert.Equal(t, []uint16{1205}, w.errors)
	assert.Equal(t, [2]int{3, 4}, s.rows(t))
}

// TestKilledWhileItWaits: an administrator kills a statement that waits for a lock.
func TestKilledWhileItWaits(t *testing.T) {
	for _, kill := range []string{"KILL QUERY", "KILL"} {
		t.Run(kill, func(t *testing.T) {
			w, store, s := newStory(t)
			promise(t, store, s.emails())
			c := claim(t, store, 1, time.Hour)[0]
			other, err := w.db.Admin.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer other.Rollback()
			_, err = other.ExecContext(t.Context(), "UPDATE reminder_emails SET reason = 'held' WHERE id = ?", c.ID)
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- store.HandOver(t.Context(), c, "m@x", time.Now()) }()
			id := w.waitsForLock(t)
			w.db.Exec(t, fmt.Sprintf("%s %d", kill, id))
			require.NoError(t, other.Rollback())
			require.NoError(t, <-done)
			assert.Equal(t, "handover", state(t, w.db, c.ID))
			require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent}))
		})
	}
}

// TestServerFails has its own server, which is killed, made read-only and filled during a run.
func TestServerFails(t *testing.T) {
	srv := mysqltest.NewServer(t, "--innodb-file-per-table=0", storage)
	t.Setenv("TEST_MYSQL_DSN", srv.DSN())

	// This is the first one: the server gives the pages of a dropped database back later, when it has time.
	t.Run("full", func(t *testing.T) {
		run := newRun(t, 100)
		require.NoError(t, run.fill())
		run.arm(func(c *wireConn, statement []byte) (int, error) {
			if err := run.fill(); err != nil { // again, in case space was freed meanwhile
				return 0, err
			}
			return c.Conn.Write(statement)
		}, first("INSERT INTO reminder_emails"))
		_, err := run.trigger(t)
		requireFault(t, err, false, "storage is full")
		assert.Empty(t, run.mail.Messages())
		enlarge(t, srv)
		run.recover(t)
		run.check(t, 0)
	})
	t.Run("killed, and back at once", func(t *testing.T) {
		run := newRun(t, 2)
		restart := func(c *wireConn, statement []byte) (int, error) {
			srv.Kill(t)
			srv.Start(t)
			return c.Conn.Write(statement)
		}
		restartAfter := func(c *wireConn, statement []byte) (int, error) {
			n, err := replyLost(c, statement)
			srv.Kill(t)
			srv.Start(t)
			return n, err
		}
		run.arm(restart, first("INSERT INTO reminder_notices"))
		run.arm(restartAfter, first("COMMIT"))
		run.arm(restartAfter, first(mark))
		run.arm(restart, first(accepted))
		rep, err := run.trigger(t)
		require.NoError(t, err)
		assert.Equal(t, 4, run.struck)
		assert.Equal(t, reminder.EmailCounts{Sent: 2}, rep.Emails)
		run.check(t, 0)
	})
	for _, tt := range []struct {
		statement string
		unknown   int // emails of unknown outcome
	}{{mark, 0}, {accepted, 1}} {
		t.Run("killed at "+tt.statement, func(t *testing.T) {
			run := newRun(t, 2)
			run.arm(func(c *wireConn, statement []byte) (int, error) {
				srv.Kill(t)
				return c.Conn.Write(statement)
			}, first(tt.statement))
			_, err := run.trigger(t)
			srv.Start(t)
			requireFault(t, err, true, "cannot be reached")
			assert.Len(t, run.mail.Messages(), tt.unknown)
			run.recover(t)
			run.check(t, tt.unknown)
		})
		t.Run("read-only at "+tt.statement, func(t *testing.T) {
			run := newRun(t, 2)
			run.arm(func(c *wireConn, statement []byte) (int, error) {
				run.db.Exec(t, "SET GLOBAL read_only = 1")
				return c.Conn.Write(statement)
			}, first(tt.statement))
			_, err := run.trigger(t)
			run.db.Exec(t, "SET GLOBAL read_only = 0")
			requireFault(t, err, true, "accepts no writes")
			assert.Len(t, run.mail.Messages(), tt.unknown)
			run.recover(t)
			run.check(t, tt.unknown)
		})
	}
}

// Parts of the statements that mark an email and that record one as sent.
const mark, accepted = "handover_at = IF(", "sent_at = IF("

// first selects the first statement that contains a text.
func first(text string) func(int, string) bool {
	return func(_ int, sql string) bool { return strings.Contains(sql, text) }
}

// A run is a library whose store is connected over a wire.
type run struct {
	*wire
	mail   *mailtest.Server
	runner *reminder.Runner
}

func newRun(t *testing.T, borrowers int) *run {
	_, db, user := open(t)
	for range borrowers {
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	r := &run{wire: newWire(db, user), mail: mailtest.NewServer(t, mailtest.Options{})}
	cfg, err := setup.Load(map[string]string{
		"DB_DATABASE": db.Name, "DB_USERNAME": user.User,
		"MAIL_MAILER": "smtp", "MAIL_HOST": r.mail.Host(), "MAIL_PORT": fmt.Sprint(r.mail.Port()),
		"MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example", "MAIL_CONCURRENCY": "1",
	})
	require.NoError(t, err)
	app, err := setup.New(cfg, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, app.Close()) })
	r.runner = app.Runner
	store := connect(t, r.cfg, 3)
	r.runner.Loans, r.runner.Store = store, store
	r.runner.Now = func() time.Time { return time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC) } // 8 in the morning
	return r
}

func (r *run) trigger(t *testing.T) (reminder.Report, error) {
	return r.runner.Run(t.Context(), reminder.Options{})
}

// recover performs another run after the leases of the last one have ended.
func (r *run) recover(t *testing.T) {
	endLeases(t, r.db)
	_, err := r.trigger(t)
	require.NoError(t, err)
}

// check checks that each borrower got one mail, or two copies of it when the outcome was unknown.
func (r *run) check(t *testing.T, unknown int) {
	t.Helper()
	rep, err := r.trigger(t)
	require.NoError(t, err)
	assert.Zero(t, rep.Planned)
	assert.Zero(t, rep.Emails)
	var borrowers, sent, resent int
	require.NoError(t, r.db.Admin.QueryRow(`SELECT COUNT(*), SUM(state = 'sent'), SUM(unknowns) FROM users u
		LEFT JOIN reminder_emails e ON e.borrower_id = CONCAT(u.id)`).Scan(&borrowers, &sent, &resent))
	assert.Equal(t, borrowers, sent)
	assert.Equal(t, unknown, resent)
	to, ids := map[string]bool{}, map[string]bool{}
	for _, m := range r.mail.Messages() {
		to[m.To], ids[m.ID] = true, true
	}
	assert.Len(t, to, borrowers)
	assert.Len(t, ids, borrowers)
	assert.Len(t, r.mail.Messages(), borrowers+unknown)
}

// fill fills the server's storage until no table can store another row: in large steps first, then row by row.
func (r *run) fill() error {
	const full = 1114
	for added := true; added; {
		added = false
		for _, statement := range []string{
			"CREATE TABLE IF NOT EXISTS filler SELECT REPEAT('x', 2000) AS text",
			"INSERT INTO filler SELECT text FROM filler",
			"INSERT INTO filler SELECT text FROM filler LIMIT 1",
			`INSERT INTO reminder_emails (ref, borrower_id, run_id, priority, state, next_at, created_at)
				VALUES (LPAD(UUID_SHORT(), 26, '0'), 'nobody', 'abcdefghijklmnopqrstuvwxyz', 0, 'sent', NOW(), NOW())`,
		} {
			for n := int64(1); n > 0; added = added || n > 0 {
				result, err := r.db.Admin.Exec(statement)
				if e, ok := errors.AsType[*driver.MySQLError](err); ok && e.Number == full {
					break
				} else if err != nil {
					return err
				}
				if n, err = result.RowsAffected(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// TestColdStart: in the cloud the connection to the database may need a minute after the start of the process. The
// store waits for its first connection while patience lasts. It does not wait for later ones, and not after a wrong
// password.
func TestColdStart(t *testing.T) {
	_, _, user := open(t)
	closed := &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	var failures, dials atomic.Int64
	name := "cold" + rand.Text()
	driver.RegisterDialContext(name, func(ctx context.Context, _ string) (net.Conn, error) {
		dials.Add(1)
		if failures.Add(-1) >= 0 {
			return nil, closed
		}
		return new(net.Dialer).DialContext(ctx, user.Net, user.Addr)
	})
	cfg := user.Clone()
	cfg.Net = name
	reach := func(cfg *driver.Config, patience time.Duration) (*mysql.Store, error) {
		store, err := mysql.Open(cfg, 2, patience)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		_, err = deskdb.New(store).Server(t.Context())
		return store, err
	}

	failures.Store(8)
	_, err := reach(cfg, 0)
	requireFault(t, err, true, "cannot be reached")

	failures.Store(8)
	store, err := reach(cfg, time.Minute)
	require.NoError(t, err)

	failures.Store(1000)
	dials.Store(0)
	require.NoError(t, store.Close())
	other, err := reach(cfg, 300*time.Millisecond)
	requireFault(t, err, true, "cannot be reached")
	assert.Less(t, dials.Load(), int64(20), "it waits between two tries, and not for ever")
	_, err = deskdb.New(other).Server(t.Context())
	requireFault(t, err, true, "cannot be reached")

	failures.Store(0)
	cfg.Passwd = "wrong"
	dials.Store(0)
	_, err = reach(cfg, time.Minute)
	requireFault(t, err, false, "refused the login")
	assert.Equal(t, int64(1), dials.Load())
}

// storage makes the tables of a server use one file of a fixed size.
const storage = "--innodb-data-file-path=ibdata1:24M"

// enlarge lets the storage grow.
func enlarge(t *testing.T, s *mysqltest.Server) {
	s.Kill(t)
	s.Options[slices.Index(s.Options, storage)] += ":autoextend"
	s.Start(t)
}

// A story is a sequence of all operations of a store in a run that dies and in the next run.
type story struct {
	db     *mysqltest.DB
	loans  []string // four, the first two of one borrower
	people []string // three
}

// newStory returns a story, a store for it, and the wire between the store and its server.
func newStory(t *testing.T) (*wire, *mysql.Store, *story) {
	_, db, user := open(t)
	s := &story{db: db}
	var person int64
	for i := range 4 {
		if i != 1 {
			person = db.AddBorrower(t, mysqltest.Borrower{})
			s.people = append(s.people, fmt.Sprint(person))
		}
		s.loans = append(s.loans, fmt.Sprint(db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: person})))
	}
	w := newWire(db, user)
	return w, connect(t, w.cfg, 1), s
}

func (s *story) emails() []reminder.Email {
	notice := func(i int) reminder.Notice {
		return reminder.Notice{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: s.loans[i], Due: day("2026-11-24")}}
	}
	return []reminder.Email{
		{Borrower: s.people[0], Notices: []reminder.Notice{notice(0), notice(1)}},
		{Borrower: s.people[1], Notices: []reminder.Notice{notice(2)}},
		{Borrower: s.people[2], Notices: []reminder.Notice{notice(3)}},
	}
}

// rows counts the emails and the notices.
func (s *story) rows(t *testing.T) (n [2]int) {
	require.NoError(t, s.db.Admin.QueryRow(`SELECT (SELECT COUNT(*) FROM reminder_emails),
		(SELECT COUNT(*) FROM reminder_notices)`).Scan(&n[0], &n[1]))
	return n
}

// tell executes the story from the beginning and returns its results, without random parts.
func (s *story) tell(t *testing.T, store *mysql.Store) (string, error) {
	for _, table := range []string{"emails", "notices", "runs", "state", "bad_addresses"} {
		s.db.Exec(t, "DELETE FROM reminder_"+table)
	}
	ctx, date := t.Context(), time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	report := reminder.Report{RunID: "run", StartedAt: date, Outcome: reminder.RunDone}
	var told strings.Builder
	var claims []reminder.Claim
	tell := func(err error, what ...any) error {
		fmt.Fprintln(&told, what...)
		return err
	}
	claim := func(n int) func() error {
		return func() (err error) {
			claims, _, err = store.Claim(ctx, reminder.Wanted{Most: n, Lease: time.Hour, DailyLimit: 100})
			for _, c := range claims {
				fmt.Fprintln(&told, "claimed", c.Borrower, c.Notices, c.Attempts, c.Unknowns, c.MessageID, c.Date)
			}
			claims = append(claims, reminder.Claim{}, reminder.Claim{}) // a missing claim counts as lost
			return err
		}
	}
	handOver := func(i int) func() error {
		return func() error { return store.HandOver(ctx, claims[i], fmt.Sprint(claims[i].Attempts, "@x"), date) }
	}
	record := func(i int, o reminder.Outcome) func() error {
		return func() error { return store.Record(ctx, claims[i], o) }
	}
	for _, step := range []func() error{
		func() error { return store.Check(ctx) },
		func() error {
			_, err := store.Begin(ctx, report, reminder.Records{Secret: "known"}, false)
			return err
		},
		func() error {
			counted, err := store.CountLoans(ctx, day("2026-11-25"))
			return tell(err, "loans", counted.Open, counted.TooOld)
		},
		func() error { return s.scan(ctx, store, &told) },
		func() error {
			n, err := store.Promise(ctx, "run", s.emails())
			return tell(err, "promised", n)
		},
		func() error {
			n, err := store.Promise(ctx, "run", s.emails())
			return tell(err, "promised again", n)
		},
		func() error { return s.scan(ctx, store, &told) },
		claim(2),
		func() error {
			loans, err := store.Reread(ctx, claims[0].Loans())
			return tell(err, "read again", loans)
		},
		handOver(0),
		record(0, reminder.Outcome{State: reminder.StateSent, ReceiptID: "r", Dropped: []reminder.Dropped{
			{Notice: s.emails()[0].Notices[0], Reason: "returned"}}}),
		record(1, reminder.Outcome{State: reminder.StateRefused, Reason: "no such user", BadAddress: "gone@example.org"}),
		claim(2),
		handOver(0),
		record(0, reminder.Outcome{State: reminder.StateQueued, Reason: "later"}),
		func() error {
			b, err := store.Backlog(ctx)
			return tell(err, "next try", b.Next <= 0, b.Queued)
		},
		claim(2),
		record(0, reminder.Outcome{State: reminder.StateQueued, Reason: "server down", KeepTry: true}),
		claim(2),
		handOver(0),
		func() error {
			endLeases(t, s.db)
			_, err := store.Sweep(ctx, true)
			return err
		},
		claim(2),
		handOver(0),
		record(0, reminder.Outcome{State: reminder.StateUnknown, Reason: "silence"}),
		func() error {
			a, err := staffdb.New(store).Activity(ctx, day("2026-11-25"))
			return tell(err, "handed over", a.LastDay, a.Waiting, a.Ahead)
		},
		func() error {
			l, err := store.Library(ctx, day("2026-11-25"))
			return tell(err, "library", len(l.BadAddresses), len(l.OptedOut))
		},
		func() error {
			return store.SetPause(ctx, reminder.Pause{Kind: reminder.PauseByPerson, Reason: "ujian"})
		},
		func() error {
			pauses, err := deskdb.New(store).Pauses(ctx)
			return tell(err, "pauses", pauses)
		},
		func() error { return store.LiftPause(ctx, true) },
		func() error {
			b, err := store.Backlog(ctx)
			return tell(err, "waiting", b.Waiting, b.Oldest)
		},
		func() error {
			secret, err := store.NewSecret(ctx)
			return tell(err, "secret", secret != "")
		},
		func() error {
			r, err := store.Records(ctx, date, report.RunID, "another")
			return tell(err, "records", r.Secret != "", r.Emails > 0, r.Emails == r.Notices, r.Worked, r.Here.Name != "", r.Ran)
		},
		func() error {
			_, _, err := deskdb.New(store).CancelWaiting(ctx, reminder.ReasonQuarantined) // a repetition counts none
			return err
		},
		func() error { return deskdb.New(store).Quarantined(ctx, day("2026-11-24"), date) },
		func() error {
			_, err := deskdb.New(store).Release(ctx)
			return err
		},
		func() error {
			n, err := store.Promise(ctx, "run", s.emails())
			return tell(err, "promised anew", n)
		},
		func() error {
			next := report
			next.RunID = "next"
			_, err := store.Begin(ctx, next, reminder.Records{Secret: "known", Emails: 1, Notices: 1 << 40,
				Here: reminder.Place{Server: "1", Host: "pc", Name: "perpus"}}, true)
			return err
		},
		func() error { return store.Finish(ctx, report) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	rows, err := s.db.Admin.QueryContext(ctx, `
		SELECT CONCAT_WS(' ', 'email', borrower_id, state, reason, attempts, unknowns, crashes, message_id, message_date,
			receipt_id, handover_at IS NULL, sent_at IS NULL, ended_at IS NULL) AS line FROM reminder_emails
		UNION ALL SELECT CONCAT_WS(' ', 'notice', loan_id, step, dropped, borrower_id)
			FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		UNION ALL SELECT CONCAT_WS(' ', 'bad address', borrower_id) FROM reminder_bad_addresses
		UNION ALL SELECT CONCAT_WS(' ', 'state', name) FROM reminder_state
		UNION ALL SELECT CONCAT_WS(' ', 'run', run_id, finished_at, outcome) FROM reminder_runs ORDER BY line`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		fmt.Fprintln(&told, line)
	}
	require.NoError(t, rows.Err())
	return told.String(), nil
}

func (s *story) scan(ctx context.Context, store *mysql.Store, told *strings.Builder) error {
	return store.Scan(ctx, day("2026-11-01"), day("2026-11-30"),
		func(loans []reminder.Loan) error {
			known, err := store.Promised(ctx, day("2026-11-01"), s.loans...)
			if err != nil {
				return err
			}
			for _, history := range known {
				for i := range history {
					history[i].Email = 0 // a repetition has another id
				}
			}
			fmt.Fprintln(told, "page", loans, known)
			return nil
		})
}

// A wire is the network between stores and their server. A fault on it concerns one statement.
type wire struct {
	db  *mysqltest.DB
	cfg *driver.Config // for connections over the wire

	mu        sync.Mutex // guards what follows
	armed     []armed
	passed    int      // statements since disarm
	statement string   // of the last fault
	struck    int      // the number of faults that happened
	errors    []uint16 // in the answers of the server
}

// An armed fault concerns the first statement for which when returns true; i is the number of statements so far.
type armed struct {
	fault fault
	when  func(i int, sql string) bool
}

// A fault replaces the Write of a connection for a statement.
type fault func(c *wireConn, statement []byte) (int, error)

func lost(c *wireConn, statement []byte) (int, error) {
	c.Close()
	return c.Conn.Write(statement)
}

func halfLost(c *wireConn, statement []byte) (int, error) {
	n, err := c.Conn.Write(statement[:len(statement)/2])
	c.Close()
	return n, errors.Join(err, net.ErrClosed)
}

func replyLost(c *wireConn, statement []byte) (int, error) {
	n, err := c.Conn.Write(statement)
	_, rerr := c.Conn.Read(make([]byte, 1)) // it is executed
	c.Close()
	return n, errors.Join(err, rerr)
}

// lastByteLost passes all rows of a reply, but not its last byte.
func lastByteLost(c *wireConn, statement []byte) (int, error) {
	n, err := c.Conn.Write(statement)
	reply := make([]byte, 1<<16)
	size, rerr := c.Conn.Read(reply)
	c.reply, c.ends = reply[:max(0, size-1)], true
	return n, errors.Join(err, rerr)
}

// answered does not send the statement, and answers with an error of this number.
func answered(number uint16) fault {
	return func(c *wireConn, statement []byte) (int, error) {
		c.reply = binary.LittleEndian.AppendUint16([]byte{9, 0, 0, 1, 0xff}, number) // length, sequence number, ERR, number
		c.reply = append(c.reply, "#HY000"...)                                       // and SQLSTATE
		return len(statement), nil
	}
}

// arm adds a fault.
func (w *wire) arm(f fault, when func(i int, sql string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = append(w.armed, armed{f, when})
}

// disarm removes all faults and their counts.
func (w *wire) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.passed, w.statement, w.struck, w.errors = nil, 0, "", 0, nil
}

// strikes returns the fault for a statement, or nil.
func (w *wire) strikes(sql string) fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed++
	for i, a := range w.armed {
		if a.when(w.passed, sql) {
			w.armed = slices.Delete(w.armed, i, i+1)
			w.statement = sql
			w.struck++
			return a.fault
		}
	}
	return nil
}

func newWire(db *mysqltest.DB, user *driver.Config) *wire {
	w := &wire{db: db, cfg: user.Clone()}
	w.cfg.DialFunc = w.dial
	return w
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: c, wire: w}, nil
}

// waitsForLock waits until a statement in the database waits for a lock, and returns the id of its connection. TiDB
// does not report that for an UPDATE outside a transaction; such a statement is in progress while it waits.
func (w *wire) waitsForLock(t *testing.T) (id int) {
	t.Helper()
	waiting := `SELECT p.id FROM information_schema.innodb_trx x JOIN information_schema.processlist p ON p.id = x.trx_mysql_thread_id
		WHERE p.db = DATABASE() AND x.trx_state = 'LOCK WAIT'`
	if w.db.TiDB {
		waiting = `SELECT p.id FROM information_schema.processlist p LEFT JOIN information_schema.tidb_trx x ON p.id = x.session_id
			WHERE p.db = DATABASE() AND (x.state = 'LockWaiting' OR p.info LIKE 'UPDATE%')`
	}
	require.Eventually(t, func() bool {
		return w.db.Admin.QueryRow(waiting).Scan(&id) == nil
	}, time.Minute, 150*time.Millisecond) // the server caches its answer for a shorter time
	return id
}

type wireConn struct {
	net.Conn
	wire  *wire
	id    uint32 // the server's id of the connection
	reply []byte // the driver reads it first
	ends  bool   // the connection ends after reply
}

func (c *wireConn) Write(b []byte) (int, error) {
	const query = 3                               // COM_QUERY
	if len(b) > 5 && b[3] == 0 && b[4] == query { // after three bytes of length, the number of a command's first packet
		if fault := c.wire.strikes(string(b[5:])); fault != nil {
			return fault(c, b)
		}
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	if len(c.reply) > 0 {
		n := copy(b, c.reply)
		c.reply = c.reply[n:]
		return n, nil
	}
	if c.ends {
		c.Close()
	}
	n, err := c.Conn.Read(b)
	switch {
	case err != nil || n < 7:
	case c.id == 0: // the greeting: header, protocol version, server version and NUL, connection number
		version, _, _ := strings.Cut(string(b[5:n]), "\x00")
		c.id = binary.LittleEndian.Uint32(b[5+len(version)+1:])
	case b[4] == 0xff: // ERR
		c.wire.mu.Lock()
		number := binary.LittleEndian.Uint16(b[5:])
		if number != 1193 && number != 1238 { // a session's setting that TiDB does not have
			c.wire.errors = append(c.wire.errors, number)
		}
		c.wire.mu.Unlock()
	}
	return n, err
}

// TestDuplicateAtCommit: TiDB may report a duplicate only at COMMIT, with other numbers than 1062.
func TestDuplicateAtCommit(t *testing.T) {
	for _, number := range []uint16{8141, 8147} {
		w, store, s := newStory(t)
		w.arm(answered(number), first("COMMIT"))
		n, err := store.Promise(t.Context(), "run", s.emails())
		require.NoError(t, err)
		assert.Equal(t, 1, w.struck)
		assert.Equal(t, len(s.emails()), n.Emails)
		assert.Equal(t, len(s.emails()), s.rows(t)[0])
	}
}
