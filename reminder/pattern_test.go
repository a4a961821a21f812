package reminder_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A class is a library whose borrowers b0@, b1@, … have one book each. All of them are due today, and the schedule has
// no other step for a month. A test decides what the mail server answers for some of them.
type class struct {
	*library
	size   int
	answer atomic.Pointer[func(phase string, borrower int) mailtest.Action]
	srv    *mailtest.Server
}

func newClass(t *testing.T) *class {
	c := &class{library: newLibrary(t)}
	c.environ["REMINDER_SCHEDULE"], c.environ["REMINDER_WINDOW"] = "0,+60", "00:00-24:00"
	return c
}

// due adds n borrowers with a book each, and replaces the server and the records by empty ones.
func (c *class) due(t *testing.T, n int) {
	for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_state", "reminder_bad_addresses",
		"peminjaman", "users"} {
		c.Exec(t, "DELETE FROM "+table)
	}
	c.at(t, "2026-11-24 08:00")
	c.size = n
	for i := range n {
		b := c.AddBorrower(t, mysqltest.Borrower{Email: fmt.Sprintf("b%d@example.org", i)})
		c.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: b})
	}
	var mu sync.Mutex
	rcpt := map[int]int{} // by connection
	c.srv = mailtest.NewServer(t, mailtest.Options{Script: func(cmd mailtest.Command) mailtest.Action {
		mu.Lock()
		defer mu.Unlock()
		if cmd.Phase == "rcpt" {
			local, _, _ := strings.Cut(strings.TrimPrefix(cmd.Arg, "b"), "@")
			rcpt[cmd.Conn], _ = strconv.Atoi(local)
		}
		if answer := c.answer.Load(); answer != nil {
			return (*answer)(cmd.Phase, rcpt[cmd.Conn])
		}
		return mailtest.Action{}
	}})
}

// answers sets how the server answers some borrowers in a phase; with nil it accepts all.
func (c *class) answers(phase string, to func(borrower int) bool, how func(borrower int) mailtest.Action) {
	c.answer.Store(nil)
	if to != nil {
		c.answer.Store(new(func(p string, b int) mailtest.Action {
			if p == phase && to(b) {
				return how(b)
			}
			return mailtest.Action{}
		}))
	}
}

// later performs a run some days later, when all pauses are over.
func (c *class) later(t *testing.T, app *setup.App) reminder.Report {
	t.Helper()
	c.now = c.now.AddDate(0, 0, 3)
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	return rep
}

// withoutMail returns the borrowers without a mail, and checks that no borrower has two.
func (c *class) withoutMail(t require.TestingT) (without []int) {
	mails := map[string]int{}
	for _, to := range recipients(c.srv) {
		mails[to]++
	}
	for b := range c.size {
		n := mails[fmt.Sprintf("b%d@example.org", b)]
		require.LessOrEqual(t, n, 1, "twice to b%d", b)
		if n == 0 {
			without = append(without, b)
		}
	}
	return without
}

// TestPatterns: for each answer of the server and the borrowers who get it, how the run ends, who does not get the
// reminder, and whether the others get it while the server goes on like this. When the server has recovered, the others
// have one mail each.
func TestPatterns(t *testing.T) {
	c := newClass(t)
	all := func(int) bool { return true }
	third := func(b int) bool { return b%3 == 1 }
	one := func(b int) bool { return b == 4 }
	class := func(b int) bool { return b < 4 } // the first four have left
	for _, tt := range []struct {
		name    string
		phase   string
		reply   string // %d is the borrower
		to      func(int) bool
		outcome reminder.RunOutcome
		pause   mail.PauseKind
		lost    int // refused or failed
	}{
		{"an unknown limit", "rcpt", "550 5.7.1 lampu merah menyala untuk b%d@example.org", all, reminder.RunStopped,
			mail.PauseServer, 0},
		{"an unknown limit at the dot", "dot", "554 id%d lampu merah menyala", all, reminder.RunStopped, mail.PauseServer, 0},
		{"an unknown limit for a third", "dot", "554 id%d lampu merah menyala", third, reminder.RunStopped, mail.PauseServer,
			0},
		{"one message is refused", "dot", "554 5.7.1 isi tidak disukai", one, reminder.RunDone, "", 1},
		{"another text for each", "dot", "554 5.6.%d isi tidak disukai", all, reminder.RunStopped, mail.PauseServer, 0},
		{"deferred", "rcpt", "450 4.3.9 b%d nanti saja", all, reminder.RunStopped, mail.PauseServer, 0},
		{"deferred for a third", "rcpt", "450 4.3.9 b%d nanti saja", third, reminder.RunStopped, mail.PauseServer, 0},
		{"one is deferred for good", "rcpt", "450 4.3.9 nanti saja", one, reminder.RunDone, "", 1},
		{"hangs up", "data", "421 4.3.0 sampai jumpa", all, reminder.RunStopped, mail.PauseServer, 0},
		{"hangs up on one", "data", "421 4.3.0 sampai jumpa", one, reminder.RunDone, "", 1},
		{"a class has left", "rcpt", "550 5.1.1 <b%d@example.org> user unknown", class, reminder.RunDone, "", 4},
		{"a third has left", "rcpt", "550 no such user", third, reminder.RunDone, "", 4},
		{"nobody is known", "rcpt", "550 5.1.1 <b%d@example.org> user unknown", all, reminder.RunStopped, mail.PauseServer,
			0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.due(t, 12)
			app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
			c.answers(tt.phase, tt.to, func(b int) mailtest.Action {
				text := tt.reply
				if strings.Contains(text, "%d") {
					text = fmt.Sprintf(text, b)
				}
				return mailtest.Action{Reply: text, Drop: strings.HasPrefix(text, "421")}
			})
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, tt.outcome, rep.Outcome, rep.Reason)
			assert.Equal(t, tt.lost, rep.Emails.Refused+rep.Emails.Failed)
			pauses, err := deskdb.New(app.Store).Pauses(t.Context())
			require.NoError(t, err)
			if tt.pause == "" {
				assert.Empty(t, pauses)
			} else {
				require.Len(t, pauses, 1)
				assert.Equal(t, tt.pause, pauses[0].Kind)
				assert.NotContains(t, pauses[0].Reason, "example.org")
				assert.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts > 0"),
					"tries are kept")
				assert.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
				assert.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped <> ''"))
			}
			asked := c.srv.Count(tt.phase)
			again, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Zero(t, again.Emails.Sent)
			assert.Equal(t, asked, c.srv.Count(tt.phase), "nothing is tried twice in a pause")
			for range 3 { // the server goes on like this, and the others still get their mails
				c.later(t, app)
			}
			for _, b := range c.withoutMail(t) {
				assert.True(t, tt.to(b), "b%d waits for the others' trouble", b)
			}
			c.answers("", nil, nil)
			for range 2 {
				c.later(t, app)
			}
			assert.Len(t, c.withoutMail(t), tt.lost)
			assert.Zero(t, c.later(t, app).Emails, "twice the same")
		})
	}
}

// TestUnseenAnswers: an answer with unknown words that all or a third of the borrowers get costs no borrower the
// reminder. If one borrower gets it, at most that one loses the reminder, and the others get theirs while the server
// goes on like this.
func TestUnseenAnswers(t *testing.T) {
	setRapid(t, "rapid.checks", 12, 3) // each is some runs on a real database
	c := newClass(t)
	rapid.Check(t, func(rt *rapid.T) {
		c.due(t, 10)
		concurrency := rapid.SampledFrom([]string{"1", "3"}).Draw(rt, "concurrency")
		app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": concurrency})
		odd := rapid.IntRange(0, c.size-1).Draw(rt, "odd")
		crowd := rapid.SampledFrom([]string{"all", "third", "one"}).Draw(rt, "to")
		to := map[string]func(int) bool{
			"all": func(int) bool { return true }, "third": func(b int) bool { return b%3 == odd%3 },
			"one": func(b int) bool { return b == odd },
		}[crowd]
		phase := rapid.SampledFrom([]string{"rcpt", "data", "dot"}).Draw(rt, "phase")
		code := rapid.SampledFrom([]string{"4", "5"}).Draw(rt, "class") +
			rapid.SampledFrom([]string{"00", "01", "03", "21", "50", "51", "52", "53", "54", "56", "99"}).Draw(rt, "code")
		enhanced := rapid.SampledFrom([]string{"", "%s.3.9 ", "%s.6.7 ", "%s.7.1 ", "%s.7.888 "}).Draw(rt, "enhanced")
		if enhanced != "" {
			enhanced = fmt.Sprintf(enhanced, code[:1])
		}
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{3,12}`), 0, 30).Draw(rt, "words")
		own := rapid.SampledFrom([]string{"", " b%d", " <b%d@example.org>", " id-%d/7", " [10.0.0.%d]"}).Draw(rt, "own")
		c.answers(phase, to, func(b int) mailtest.Action {
			text := code + " " + enhanced + strings.Join(words, " ")
			if own != "" {
				text += fmt.Sprintf(own, b)
			}
			return mailtest.Action{Reply: text, Drop: code == "421"}
		})
		for range 5 {
			c.later(t, app)
		}
		without := c.withoutMail(rt)
		if crowd == "one" {
			require.LessOrEqual(rt, len(without), 1, "the others must not wait for one")
		}
		c.answers("", nil, nil)
		for range 3 {
			c.later(t, app)
		}
		without = c.withoutMail(rt)
		if crowd != "one" || len(without) > 1 || len(without) == 1 && without[0] != odd {
			require.Empty(rt, without)
		}
		require.Zero(rt, c.later(t, app).Emails, "and then nothing more")
	})
}

// TestRepliesToACrowd lets a server give real replies (from the table of package mail) to all, some or one of nine
// borrowers. It checks who loses the reminder, whether there is a pause, and that a pause uses no tries.
func TestRepliesToACrowd(t *testing.T) {
	table, err := os.ReadFile("../mail/testdata/replies.txt")
	require.NoError(t, err)
	crowds := []struct {
		name string
		to   func(int) bool
	}{
		{"all", func(int) bool { return true }}, {"some", func(b int) bool { return b%3 == 1 }},
		{"one", func(b int) bool { return b == 4 }},
	}
	lost := map[string]int{"bad some": 3, "bad one": 1, "retry one": 1, "refused one": 1} // 0 in all other cases
	quiet := map[string]bool{"bad some": true, "bad one": true, "retry one": true, "refused one": true}
	c := newClass(t)
	n := 0
	for line := range strings.Lines(string(table)) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 4)
		if len(f) < 4 || line[0] == '#' {
			continue
		}
		fate, text := strings.TrimSpace(f[2]), strings.TrimSpace(f[3])
		for _, phase := range strings.Fields(f[1]) {
			if n++; !slices.Contains([]string{"rcpt", "data", "dot"}, phase) || !strings.Contains("bad retry refused", fate) &&
				n%8 > 0 {
				continue // such a reply stops the run in any case
			}
			if !mysqltest.InFull(t, n, 10) {
				continue
			}
			crowd := crowds[n%3]
			name := fate + " " + crowd.name
			c.due(t, 9)
			app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
			c.answers(phase, crowd.to, func(int) mailtest.Action {
				return mailtest.Action{Reply: text,
					Drop: text[:3] == "421"}
			})
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			require.Equal(t, lost[name], rep.Emails.Refused+rep.Emails.Failed, "%s at %s to %s", line, phase, crowd.name)
			require.Zero(t, rep.Emails.Unknown, line)
			pauses, err := deskdb.New(app.Store).Pauses(t.Context())
			require.NoError(t, err)
			require.Equal(t, quiet[name], len(pauses) == 0, "%s at %s to %s", line, phase, crowd.name)
			require.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued' AND attempts > 0"),
				"tries: %s", line)
			c.answers("", nil, nil)
			require.Equal(t, 9-lost[name], rep.Emails.Sent+c.later(t, app).Emails.Sent, line)
		}
	}
}

// TestOneIsMisread: a reply to one borrower that reads as if the whole account were blocked delays the others only
// until the next hourly run.
func TestOneIsMisread(t *testing.T) {
	c := newClass(t)
	for _, text := range []string{"550 5.7.1 sender is not allowed", "550 your account is suspended"} {
		c.due(t, 6)
		app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
		c.answers("rcpt", func(b int) bool { return b == 1 }, func(int) mailtest.Action { return reply(text) })
		for range 2 {
			_, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			c.now = c.now.Add(time.Hour)
		}
		assert.Equal(t, []int{1}, c.withoutMail(t))
	}
}

// TestAccountClosesMeanwhile: a reply about the library's own account may read like one about a missing mailbox.
func TestAccountClosesMeanwhile(t *testing.T) {
	c := newClass(t)
	for _, recovers := range []bool{true, false} {
		c.due(t, 16)
		app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
		disabled := func(int) mailtest.Action { return reply("550 Account disabled") }
		c.answers("rcpt", func(int) bool { return len(c.srv.Messages()) >= 5 }, disabled)
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, reminder.RunStopped, rep.Outcome)
		assert.Zero(t, rep.Emails.Refused)
		assert.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
		if recovers {
			c.answers("", nil, nil)
			assert.Equal(t, 11, c.later(t, app).Emails.Sent)
			continue
		}
		left := c.withoutMail(t)
		c.answers("rcpt", func(b int) bool { return slices.Contains(left, b) }, disabled)
		// The server accepts a new borrower and refuses the others again, so a class has left the school.
		c.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: c.AddBorrower(t,
			mysqltest.Borrower{Email: "b16@example.org"})})
		rep = c.later(t, app)
		assert.Equal(t, reminder.RunDone, rep.Outcome, rep.Reason)
		assert.Equal(t, 11, rep.Emails.Refused)
		assert.Equal(t, 11, c.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
	}
}

// TestRefusedInARow: three refusals in a row, with any words, are not about the borrowers. An accepted email between
// them begins a new row.
func TestRefusedInARow(t *testing.T) {
	c := newClass(t)
	for _, accepted := range []int{2, 5} { // in this order: later borrowers' ids go from 9 to 10, which is sent before it
		want := map[int]reminder.RunOutcome{2: reminder.RunDone, 5: reminder.RunStopped}[accepted]
		c.due(t, 5)
		app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
		texts := []string{"tidak", "jangan", "bukan", "belum", "awas"}
		c.answers("dot", func(b int) bool { return b != accepted },
			func(b int) mailtest.Action { return reply("554 " + texts[b]) })
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, want, rep.Outcome, rep.Reason)
		assert.Equal(t, map[int]int{2: 4, 5: 0}[accepted], rep.Emails.Refused)
	}
}

// TestPatternAcrossRuns: a school that sends a mail now and then is protected, too.
func TestPatternAcrossRuns(t *testing.T) {
	c := newClass(t)
	c.due(t, 0)
	app := c.app(t, c.srv, nil)
	c.answers("dot", func(int) bool { return true },
		func(int) mailtest.Action { return reply("550 5.7.1 lampu merah menyala") })
	for i, want := range []reminder.RunOutcome{reminder.RunDone, reminder.RunDone, reminder.RunStopped} {
		c.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: c.AddBorrower(t,
			mysqltest.Borrower{Email: fmt.Sprintf("b%d@example.org", i)})})
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Equal(t, want, rep.Outcome)
	}
	assert.Equal(t, 3, c.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued'"))
	c.answers("", nil, nil)
	assert.Equal(t, 3, c.later(t, app).Emails.Sent)
}

// TestDeathBeforeRequeue: if a run dies before it queues the refused emails of a pattern again, the next run does it.
func TestDeathBeforeRequeue(t *testing.T) {
	c := newClass(t)
	c.due(t, 5)
	app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
	c.answers("dot", func(int) bool { return true },
		func(int) mailtest.Action { return reply("550 5.7.1 lampu merah menyala") })
	mortal := *app.Runner
	mortal.Store = deadBeforeRequeue{app.Store}
	_, err := mortal.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.Equal(t, 2, c.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'refused'"))
	c.answers("", nil, nil)
	assert.Equal(t, 5, c.later(t, app).Emails.Sent)
	assert.Empty(t, c.withoutMail(t))
}

type deadBeforeRequeue struct{ reminder.Store }

func (deadBeforeRequeue) RequeueLast(context.Context, []int64) error { return errDead }

// TestUnknownBrake: with a server that closes the connection after each dot, only a few emails get an unknown outcome.
// Of these, one alone is sent again first.
func TestUnknownBrake(t *testing.T) {
	c := newClass(t)
	c.due(t, 12)
	app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
	hangUp := func(int) mailtest.Action { return mailtest.Action{Drop: true} }
	c.answers("dot", func(int) bool { return true }, hangUp)
	rep, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, reminder.RunStopped, rep.Outcome)
	assert.Equal(t, 3, rep.Emails.Unknown)
	assert.Equal(t, 9, rep.Emails.Waiting)

	// The server accepts new mails again, and closes the connection at the old ones.
	first := map[int]bool{}
	for _, b := range c.withoutMail(t) {
		first[b] = c.count(t, `SELECT COUNT(*) FROM reminder_emails e JOIN users u ON u.id = e.borrower_id
			WHERE e.state = 'unknown' AND u.email = ?`, fmt.Sprintf("b%d@example.org", b)) > 0
	}
	c.answers("dot", func(b int) bool { return first[b] }, hangUp)
	rep = c.later(t, app)
	assert.Equal(t, 9, rep.Emails.Sent)
	assert.Equal(t, 1, rep.Emails.Unknown, "one second try is lost, not three")
	c.answers("", nil, nil)
	assert.Equal(t, 2, c.later(t, app).Emails.Sent)
	assert.Zero(t, c.later(t, app).Emails)
}

// TestLibrariansAreRefused: refused librarians make no pattern together with borrowers.
func TestLibrariansAreRefused(t *testing.T) {
	c := newClass(t)
	c.due(t, 5)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(cmd mailtest.Command) mailtest.Action {
		if cmd.Phase == "rcpt" && (strings.HasPrefix(cmd.Arg, "petugas") || cmd.Arg < "b2") {
			return reply("550 5.7.1 lampu merah menyala")
		}
		return mailtest.Action{}
	}})
	app := c.app(t, srv, map[string]string{
		"MAIL_CONCURRENCY": "1", "REMINDER_SUMMARY_TO": "petugas1@example.org, petugas2@example.org, petugas3@example.org",
	})
	for _, refused := range []int{5, 3} {
		rep := c.later(t, app)
		assert.Equal(t, reminder.RunDone, rep.Outcome, rep.Reason)
		assert.Equal(t, refused, rep.Emails.Refused)
		assert.True(t, rep.NeedsPerson())
	}
	assert.Len(t, srv.Messages(), 3)
}

// TestNewOnesGoFirst: three emails that always get the same refusal stop no run before the other emails are sent.
func TestNewOnesGoFirst(t *testing.T) {
	c := newClass(t)
	c.due(t, 3)
	app := c.app(t, c.srv, map[string]string{"MAIL_CONCURRENCY": "1"})
	c.answers("dot", func(b int) bool { return b < 3 },
		func(int) mailtest.Action { return reply("554 lampu merah menyala") })
	c.later(t, app)
	for range 2 {
		c.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: c.AddBorrower(t,
			mysqltest.Borrower{Email: fmt.Sprintf("b%d@example.org", c.size)})})
		c.size++
		rep := c.later(t, app)
		assert.Equal(t, 1, rep.Emails.Sent)
		assert.Equal(t, reminder.RunStopped, rep.Outcome)
		assert.Equal(t, 3, rep.Emails.Waiting)
	}
}
