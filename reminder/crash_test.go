package reminder_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestCrashAnywhere kills a run at each of its steps, and the next run at each of its steps. Then runs go on
// undisturbed until no email waits, and checkOutbox must hold.
//
// A dead process leaves only rows and the mails that the server accepted. So of the deaths that leave the same state,
// only one is followed.
func TestCrashAnywhere(t *testing.T) {
	for _, unknown := range []string{"resend", "hold"} {
		t.Run(unknown, func(t *testing.T) {
			t.Parallel()
			newMortalLibrary(t, unknown).explore(t, 0, 2)
		})
	}
}

// TestCrashWhereSentMailIsKept is TestCrashAnywhere for an account that keeps sent mail. The program looks for unknown
// emails there, so no outcome stays unknown and no mail is sent twice.
func TestCrashWhereSentMailIsKept(t *testing.T) {
	t.Parallel()
	lib := newMortalLibrary(t, "resend")
	lib.keepsSent = true
	lib.explore(t, 0, 1)
}

// TestCrashAroundTheSummary is TestCrashAnywhere for the librarian's summary, on a morning without reminders.
func TestCrashAroundTheSummary(t *testing.T) {
	for unknown, deaths := range map[string]int{"resend": 2, "hold": 1} {
		t.Run(unknown, func(t *testing.T) {
			t.Parallel()
			lib := newMortalLibrary(t, unknown)
			lib.due, lib.emails = []told{{"Ringkasan ini datang sekali", librarian}}, 1
			lib.Exec(t, "DELETE FROM peminjaman")
			lib.program.Settings.SummaryTo = []mail.Address{{Addr: librarian}}
			lib.explore(t, 0, deaths)
		})
	}
}

// TestCrashAroundTheClassList is TestCrashAnywhere for a class list, whose key has a week and no loan.
func TestCrashAroundTheClassList(t *testing.T) {
	t.Parallel()
	lib := newMortalLibrary(t, "resend")
	lib.due, lib.emails = []told{{"Laskar Pelangi", rina}}, 1
	lib.Exec(t, "DELETE FROM peminjaman")
	pupil := lib.AddBorrower(t, mysqltest.Borrower{Email: "-", Class: "7A"})
	lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-16", Borrower: pupil, Title: "Laskar Pelangi"})
	lib.Exec(t, "INSERT INTO reminder_groups (group_name, teacher_email) VALUES ('7A', ?)", rina)
	tuesday := time.Tuesday
	lib.program.Settings.ClassDay = &tuesday
	lib.explore(t, 0, 1)
}

// TestCrashAroundPromisingAgain is TestCrashAnywhere with one notice that was dropped before it was sent, and another
// one that was sent to the wrong borrower.
func TestCrashAroundPromisingAgain(t *testing.T) {
	t.Parallel()
	lib := newMortalLibrary(t, "resend")
	for i, past := range []struct{ title, borrower, state, dropped string }{
		{"Laskar Pelangi", "CONCAT(p.user_id)", "canceled", "returned"}, {"Ronggeng Dukuh Paruk", "'wrong'", "sent", ""},
	} {
		lib.Exec(t, `INSERT INTO reminder_emails (id, ref, borrower_id, run_id, priority, state, next_at, created_at)
			SELECT ?, b.judul, `+past.borrower+`, 'run', 0, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
			FROM peminjaman p JOIN buku b ON b.id = p.buku_id WHERE b.judul = ?`, i+1, past.state, past.title)
		lib.Exec(t, `INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number, dropped)
			SELECT p.id, '2026-11-24', 0, ?, 0, ? FROM peminjaman p JOIN buku b ON b.id = p.buku_id WHERE b.judul = ?`,
			i+1, past.dropped, past.title)
	}
	lib.emails, lib.aside = lib.emails+2, 1
	lib.explore(t, 0, 1)
}

// TestDatabaseGoneAnywhere disconnects a run from the database at each of its steps. The run continues, and what it
// sends from then on must fit the records.
func TestDatabaseGoneAnywhere(t *testing.T) {
	for _, unknown := range []string{"resend", "hold"} {
		t.Run(unknown, func(t *testing.T) {
			t.Parallel()
			lib := newMortalLibrary(t, unknown)
			lib.mailLives = true
			lib.explore(t, 0, 1)
		})
	}
}

// A mortalLibrary is a library whose processes die.
type mortalLibrary struct {
	*library
	program   *reminder.Runner // each process runs it with its own connections
	mailLives bool             // a process loses only its database
	keepsSent bool             // the account keeps sent mail
	due       []told
	emails    int            // they make
	aside     int            // notices of moved loans that were sent to another borrower
	followed  map[string]int // what deaths left → how many more of them followed, at most
	accepted  []mailtest.Received
}

// A told is a notice that is due today: a text in its mail, and the recipient.
type told struct{ title, addr string }

// dueToday are the loans and their borrowers' addresses.
var dueToday = []told{
	{"Laskar Pelangi", "ani@example.org"}, {"Bumi Manusia", "ani@example.org"},
	{"Sang Pemimpi", gone},
	{"Ronggeng Dukuh Paruk", "budi@example.org"},
}

// gone is an address that the mail server does not know, so that a run also meets a refusal, and RSET.
const gone = "gone@example.org"

func newMortalLibrary(t *testing.T, unknown string) *mortalLibrary {
	l := &mortalLibrary{library: newLibrary(t), due: dueToday, emails: 3, followed: map[string]int{}}
	borrowers := map[string]int64{}
	for _, due := range dueToday {
		if borrowers[due.addr] == 0 {
			borrowers[due.addr] = l.AddBorrower(t, mysqltest.Borrower{Email: due.addr})
		}
		l.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: borrowers[due.addr], Title: due.title})
	}
	l.environ["REMINDER_UNKNOWN"] = unknown
	if unknown == "hold" { // without the clean-up of old records, half as many deaths are followed
		l.environ["REMINDER_KEEP"] = "0"
	}
	// One claim takes all there is, the limit is near, and an outcome waits for the next mark: so the steps of a run have
	// one order.
	l.environ["MAIL_CONCURRENCY"], l.environ["MAIL_DAILY_LIMIT"] = "1", "15"
	l.program = l.app(t, nil, map[string]string{"MAIL_HOST": "127.0.0.1"}).Runner
	l.program.Settings.Together = time.Minute
	return l
}

// explore checks that an undisturbed run puts the state in order that some deaths in a row have left. Then it kills
// that run at each of its steps, and explores what each death leaves. more is how many more deaths may follow.
func (l *mortalLibrary) explore(t *testing.T, deaths, more int) {
	l.log.Reset()
	left := l.left(t)
	if l.followed[left] > more {
		return
	}
	l.followed[left] = more + 1
	accepted := l.accepted
	if more > 0 {
		l.save(t, deaths)
	}
	undisturbed := l.run(t, 0)
	require.Zero(t, undisturbed.report.Emails.Waiting, "one run is enough")
	l.checkOutbox(t, deaths)
	if more == 0 {
		return
	}
	for i, step := range undisturbed.steps {
		if deaths > 0 && !mayWrite(step) {
			continue // a death here leaves the same state as at the step before
		}
		if !mysqltest.InFull(t, i, 6) {
			continue
		}
		t.Run(step, func(t *testing.T) {
			l.restore(t, deaths)
			l.accepted = slices.Clone(accepted)
			require.Equal(t, step, l.run(t, i+1).steps[i], "the steps of a run must have one order")
			l.explore(t, deaths+1, more-1)
		})
	}
}

// mayWrite reports whether a step may change the database or what the mail server accepted.
func mayWrite(step string) bool {
	what, _, _ := strings.Cut(strings.TrimPrefix(step, "after "), " ")
	return slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "COMMIT", "accepted,"}, what)
}

// left returns the state that the processes have left.
func (l *mortalLibrary) left(t *testing.T) string {
	rows, err := l.Admin.QueryContext(t.Context(), `
		SELECT CONCAT_WS(' ', borrower_id, state, attempts, unknowns, crashes, message_id IS NULL, handover_at IS NULL) AS line
			FROM reminder_emails
		UNION ALL SELECT CONCAT_WS(' ', loan_id, due_date, step, dropped) FROM reminder_notices
		UNION ALL SELECT CONCAT_WS(' ', 'bad address of', borrower_id) FROM reminder_bad_addresses
		UNION ALL SELECT CONCAT_WS(' ', name, kind) FROM reminder_state WHERE name <> 'daily_limit' ORDER BY line`)
	require.NoError(t, err)
	defer rows.Close()
	var left []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		left = append(left, line)
	}
	require.NoError(t, rows.Err())
	for _, m := range l.accepted {
		left = append(left, "accepted for "+m.To)
	}
	return strings.Join(left, "\n")
}

// outbox has the tables with the work of a run.
var outbox = []string{"reminder_emails", "reminder_notices", "reminder_bad_addresses", "reminder_state"}

// save stores a copy of the outbox under a number; restore restores it.
func (l *mortalLibrary) save(t *testing.T, number int) {
	for _, table := range outbox {
		l.Exec(t, fmt.Sprintf("DROP TABLE IF EXISTS saved%d_%s", number, table))
		l.Exec(t, fmt.Sprintf("CREATE TABLE saved%d_%s LIKE %[2]s", number, table))
		l.Exec(t, fmt.Sprintf("INSERT INTO saved%d_%s SELECT * FROM %[2]s", number, table))
	}
}

func (l *mortalLibrary) restore(t *testing.T, number int) {
	for _, table := range outbox {
		l.Exec(t, "DELETE FROM "+table)
		l.Exec(t, fmt.Sprintf("INSERT INTO %s SELECT * FROM saved%d_%[1]s", table, number))
	}
}

// run performs a run in a new process, which dies at a step, or does not die if dieAt is 0.
func (l *mortalLibrary) run(t *testing.T, dieAt int) *process {
	l.now = l.now.Add(time.Second)
	p := &process{dieAt: dieAt, mailLives: l.mailLives}
	p.mail = mailtest.NewServer(t, mailtest.Options{Script: p.smtp})
	cfg := l.Config.Clone()
	cfg.User, cfg.Passwd, cfg.DialFunc = l.environ["DB_USERNAME"], l.environ["DB_PASSWORD"], p.dial
	store, err := mysql.Open(cfg, 3, 0)
	require.NoError(t, err)
	defer store.Close()
	sender, err := mail.NewSMTP(mail.SMTPConfig{Host: p.mail.Host(), Port: p.mail.Port(), Security: mail.PlainLoopback})
	require.NoError(t, err)
	runner := *l.program
	runner.Loans, runner.Store, runner.Sender = store, store, sender
	if l.keepsSent {
		runner.Feedback = &feedback.Reader{Store: store, Log: runner.Log, Resend: true,
			Open: func(context.Context) (feedback.Source, error) { return &sentMail{l, p}, nil }}
	}
	p.report, err = runner.Run(t.Context(), reminder.Options{})
	p.mail.Close() // waits until the server has accepted or discarded all that the process sent
	l.accepted = append(l.accepted, p.mail.Messages()...)
	if dieAt == 0 {
		require.NoError(t, err)
		return p
	}
	require.True(t, p.dead, "a run has no step %d", dieAt)
	l.Exec(t, "UPDATE reminder_emails SET lease_until = UTC_TIMESTAMP(6) WHERE lease_until > UTC_TIMESTAMP(6)")
	return p
}

// A sentMail is a source of feedback that has a copy of each accepted mail, while its process lives.
type sentMail struct {
	*mortalLibrary
	process *process
}

func (s *sentMail) Accepted(_ context.Context, emails []feedback.Handed) ([]bool, error) {
	if s.process.step("look among the sent mail") {
		return nil, errDead
	}
	found := make([]bool, len(emails))
	for i, e := range emails {
		found[i] = slices.ContainsFunc(append(s.process.mail.Messages(), s.accepted...), func(m mailtest.Received) bool {
			return m.ID == e.MessageID
		})
	}
	return found, nil
}

func (*sentMail) Returned(context.Context, string, time.Time, func(feedback.Batch) error) error {
	return nil
}
func (*sentMail) Copies(context.Context, time.Time, int) ([]feedback.Copied, error) { return nil, nil }
func (*sentMail) Close() error                                                      { return nil }

// checkOutbox checks the invariants of an outbox in which no email waits.
func (l *mortalLibrary) checkOutbox(t *testing.T, deaths int) {
	t.Helper()
	accepted := len(l.accepted)
	further := l.run(t, 0).report
	assert.Zero(t, further.Planned, "a further run plans nothing")
	assert.Zero(t, further.Emails, "a further run does nothing")
	require.Len(t, l.accepted, accepted, "a further run sends nothing")

	copiesOf := map[string][]mailtest.Received{} // by title
	for _, m := range l.accepted {
		text := m.Parse(t).Text
		for _, due := range l.due {
			if strings.Contains(text, due.title) {
				assert.Equal(t, due.addr, m.To)
				copiesOf[due.title] = append(copiesOf[due.title], m)
			}
		}
	}
	resend := l.environ["REMINDER_UNKNOWN"] == "resend"
	for _, due := range l.due {
		var state reminder.State
		var messageID, dropped string
		var unknowns int
		require.NoError(t, l.Admin.QueryRow(`SELECT e.state, COALESCE(e.message_id, ''), n.dropped, e.unknowns
			FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
			LEFT JOIN peminjaman p ON CONCAT(p.id) = n.loan_id LEFT JOIN buku b ON b.id = p.buku_id
			WHERE (b.judul = ? OR n.kind = 'summary' OR n.kind = 'class') AND e.borrower_id = COALESCE(p.user_id, IF(n.kind = 'class', 'class:7A', ''))
			AND n.due_date = IF(n.kind = 'class', '2026-11-23', '2026-11-24') AND n.step = 0`,
			due.title).
			Scan(&state, &messageID, &dropped, &unknowns), "the promise is lost")
		copies := copiesOf[due.title]
		switch {
		case due.addr == gone:
			assert.Contains(t, []reminder.State{reminder.StateRefused, reminder.StateCanceled}, state)
			assert.NotEmpty(t, dropped, "a notice whose mail was not accepted is dropped")
			assert.Empty(t, copies)
		case l.keepsSent:
			assert.Equal(t, reminder.StateSent, state, due.title)
			assert.Len(t, copies, 1, due.title)
		case state == reminder.StateSent && resend:
			assert.Contains(t, []int{1, 1 + unknowns}, len(copies), "one copy, and one more for an unknown outcome")
			assert.LessOrEqual(t, unknowns, 1, "unknown twice is final")
		case state == reminder.StateSent:
			assert.Len(t, copies, 1)
			assert.Zero(t, unknowns, "unknown is final")
		case state == reminder.StateUnknown && resend:
			assert.LessOrEqual(t, len(copies), 2)
			assert.Equal(t, 2, unknowns, "unknown once is sent once more")
		case state == reminder.StateUnknown:
			assert.LessOrEqual(t, len(copies), 1)
			assert.Equal(t, 1, unknowns)
		default:
			assert.Fail(t, "no end for an email of this library", "%s: %s", due.title, state)
		}
		for _, m := range copies {
			assert.Empty(t, dropped)
			assert.Equal(t, messageID, m.ID, "receivers can recognise a copy")
			assert.Equal(t, copies[0].Parse(t).Header["Date"], m.Parse(t).Header["Date"], "receivers can recognise a copy")
		}
	}
	assert.LessOrEqual(t, l.count(t, "SELECT SUM(unknowns) FROM reminder_emails"), deaths, "each death leaves at most one unknown outcome")
	assert.Equal(t, len(l.due)+l.aside, l.count(t, "SELECT COUNT(*) FROM reminder_notices"))
	assert.Equal(t, l.emails, l.count(t, "SELECT COUNT(*) FROM reminder_emails"))
	assert.Zero(t, l.count(t, "SELECT COUNT(*) FROM reminder_state WHERE name = 'pause_mail'"),
		"a death is not the mail server's fault")
	if t.Failed() {
		t.Log(l.log.String())
	}
}

// A process is between a run and its database and mail server. Each statement, each SMTP command and each reply is a
// step. After the step at which the process dies, nothing from it reaches the database or the mail server. The run
// still returns, so that its goroutines end.
type process struct {
	dieAt     int // from 1; 0: never
	mailLives bool
	mail      *mailtest.Server
	report    reminder.Report

	mu       sync.Mutex // guards what follows
	steps    []string   // so far
	dead     bool
	database []net.Conn
}

// step reports whether the process is dead, or dies now.
func (p *process) step(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, name)
	if len(p.steps) == p.dieAt {
		p.dead = true
		for _, c := range p.database {
			c.Close()
		}
	}
	return p.dead
}

// smtp is the script of the mail server. A dead process has closed its connection, or does not read the reply, which is
// the same for the server.
func (p *process) smtp(c mailtest.Command) mailtest.Action {
	reply := map[string]string{
		"greet": "220 mailtest", "ehlo": "250 mailtest", "mail": "250 ok", "rcpt": "250 ok", "data": "354 go ahead",
		"dot": "250 accepted", "rset": "250 ok", "quit": "221 bye",
	}[c.Phase]
	if c.Arg == gone {
		reply = "550 5.1.1 no such user"
	}
	switch {
	case c.Phase == "body": // no step, because the process does not wait until the server has read it
		return mailtest.Action{}
	case p.mailLives:
		return mailtest.Action{Reply: reply}
	case p.step("before " + c.Phase):
		return mailtest.Action{Drop: true}
	case c.Phase == "dot" && p.step("accepted, before the reply"):
		return mailtest.Action{Accept: true, Drop: true}
	}
	return mailtest.Action{Reply: reply, Drop: p.step("after " + c.Phase)}
}

// errDead is no net.Error, so a dead process does not try again, and the test does not wait for that.
var errDead = errors.New("the process is dead")

// dial opens a connection to the database.
func (p *process) dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return nil, errDead
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.database = append(p.database, c)
	return &databaseConn{Conn: c, process: p}, nil
}

// A databaseConn has two steps for each statement: before the server gets it, and after the reply has come but before
// the driver gets it.
type databaseConn struct {
	net.Conn
	process   *process
	statement string // the one whose reply has not come yet
}

func (c *databaseConn) Write(b []byte) (int, error) {
	const query = 3                               // COM_QUERY
	if len(b) > 5 && b[3] == 0 && b[4] == query { // after three bytes of length, the number of a command's first packet
		words := strings.Fields(string(b[5:]))
		c.statement = strings.Join(words[:min(6, len(words))], " ")
		if words[0] == "SET" {
			c.statement = "SET" // the driver sets variables in no fixed order
		}
		if c.dies("before " + c.statement) {
			return 0, errDead
		}
	}
	return c.Conn.Write(b)
}

func (c *databaseConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if statement := c.statement; statement != "" && n > 0 {
		c.statement = ""
		if c.dies("after " + statement) {
			return 0, errDead
		}
	}
	return n, err
}

// dies is step, and ends the connection to the mail server when the process dies.
func (c *databaseConn) dies(step string) bool {
	dead := c.process.step(step)
	if dead && !c.process.mailLives {
		c.process.mail.CloseConnections()
	}
	return dead
}
