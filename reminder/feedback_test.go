package reminder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A postOffice is a library with a mail server and a mailbox that gets the bounces.
type postOffice struct {
	*library
	smtp *mailtest.Server
	imap *mailtest.IMAP
	app  *setup.App
}

func newPostOffice(t *testing.T, script func(mailtest.Command) mailtest.Action,
	settings map[string]string) *postOffice {
	p := &postOffice{library: newLibrary(t), smtp: mailtest.NewServer(t, mailtest.Options{DSN: true, Script: script}),
		imap: mailtest.NewIMAP(t, false)}
	environ := map[string]string{
		"MAIL_FEEDBACK": "imap", "IMAP_PORT": fmt.Sprint(p.imap.Port), "IMAP_ENCRYPTION": "none", "MAIL_CONCURRENCY": "1",
		"IMAP_USERNAME": mailtest.IMAPUser, "IMAP_PASSWORD": mailtest.IMAPPassword,
	}
	for key, value := range settings {
		environ[key] = value
	}
	p.app = p.library.app(t, p.smtp, environ)
	return p
}

// lend adds loans that are due today, each of another borrower.
func (p *postOffice) lend(t *testing.T, n int) {
	for range n {
		p.AddLoan(t, mysqltest.Loan{Due: p.now.Format("2006-01-02")})
	}
}

func (p *postOffice) work(t *testing.T) reminder.Report {
	t.Helper()
	rep, err := p.app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	require.NotNil(t, rep.Feedback)
	return rep
}

// back returns a sample of package feedback, changed to be about a message that was sent.
func back(t *testing.T, sample string, m mailtest.Received) string {
	t.Helper()
	raw, err := os.ReadFile("feedback/testdata/" + sample + ".eml")
	require.NoError(t, err)
	return strings.NewReplacer("0123456789abcdef0123456789abcdef.1@perpus.example.sch.id", m.ID,
		"0123456789abcdef0123456789ab=\ncdef.1=40perpus.example.sch.id", m.ID,
		"ABCDEFGHIJKLMNOPQRSTUVWX23", m.Parse(t).Header.Get("X-Pengingat-Ref"),
		"siti@murid.example.sch.id", m.To, "siti=40murid.example.sch.id", m.To).Replace(string(raw))
}

func (p *postOffice) bounce(t *testing.T, sample string, m mailtest.Received) {
	t.Helper()
	p.imap.Add(t, mailtest.Inbox, []byte(back(t, sample, m)))
}

// TestBounces: a bounce is recorded once, with its class, whichever mail system reports it. Other messages change
// nothing.
func TestBounces(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	p.lend(t, 40)
	require.Equal(t, 40, p.work(t).Emails.Sent)
	sent := p.smtp.Messages()
	samples := []string{"postfix-no_address", "exim-full", "gmail-disabled", "gmail-policy", "zoho-full",
		"qmail-no_address", "utf8-routing"}
	for i, sample := range samples {
		p.bounce(t, sample, sent[i])
	}
	// Messages that are no bounces, and forged ones: by somebody who knows the id of another mail; by a stranger who knows
	// no id; by a sender who only claims to be a mail system.
	for i, sample := range []string{"reply-nothing", "vacation-nothing", "mdn-nothing", "postfix-nothing-delay",
		"gmail-nothing-forged", "forged-nothing-path"} {
		p.bounce(t, sample, sent[20+i])
	}
	other := sent[30]
	other.To = sent[31].To
	p.bounce(t, "postfix-no_address", other)
	stranger := sent[32]
	stranger.ID = "ffffffffffffffffffffffffffffffff.1@mtsn6garut.example"
	stranger.Data = []byte("X-Pengingat-Ref: AAAAAAAAAAAAAAAAAAAAAAAAAA\r\nContent-Type: text/plain\r\n\r\n")
	p.bounce(t, "postfix-no_address", stranger)

	p.now = p.now.Add(3600e9)
	rep := p.work(t)
	assert.Equal(t, &reminder.FeedbackCounts{Read: 15, Bounced: 7, Unmatched: 2}, rep.Feedback)
	assert.Equal(t, reminder.EmailCounts{Bounced: 7}, rep.Emails)
	assert.True(t, rep.NeedsPerson())
	for i, sample := range samples {
		class := sample[strings.LastIndex(sample, "-")+1:]
		assert.Equal(t, 1, p.count(t, `SELECT COUNT(*) FROM reminder_emails e JOIN reminder_bounces b ON b.email_id = e.id
			JOIN users u ON u.id = e.borrower_id WHERE e.state = 'bounced' AND e.bounced_at IS NOT NULL AND u.email = ? AND b.class = ?`, sent[i].To, class), sample)
	}
	assert.Equal(t, 7, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'bounced'"))
	assert.Equal(t, 2, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"),
		"no such address at once; all else not yet, or never")
	assert.Equal(t, 2, p.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped = 'bad_address'"))
	assert.Equal(t, 5, p.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped = 'bounced'"))
	assert.Zero(t, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE reason LIKE '%@%'"), "no address is stored")
	assert.Zero(t, p.imap.Changes(), "nothing is changed in the mailbox")

	again := p.work(t)
	assert.Equal(t, &reminder.FeedbackCounts{}, again.Feedback, "no bounce is recorded twice")
	assert.Zero(t, again.Emails.Sent)
	p.imap.Renew(t, mailtest.Inbox) // the provider gives new UIDs to the same messages
	p.bounce(t, samples[0], sent[0])
	p.bounce(t, "yahoo-no_address", sent[15])
	assert.Equal(t, &reminder.FeedbackCounts{Read: 2, Bounced: 1}, p.work(t).Feedback)

	// The step is promised again when the address is corrected.
	p.Exec(t, "UPDATE users SET email = 'baru@example.org' WHERE email = ?", sent[0].To)
	rep = p.work(t)
	assert.Equal(t, 1, rep.Emails.Sent)
	assert.Equal(t, "baru@example.org", p.smtp.Messages()[40].To)
}

// TestBounceTwice: the address of a disabled mailbox is bad after the second bounce, that of a full one after three
// bounces in two weeks.
func TestBounceTwice(t *testing.T) {
	p := newPostOffice(t, nil, map[string]string{"REMINDER_SCHEDULE": "0,+1", "REMINDER_MAX_OVERDUE_DAYS": "60"})
	p.lend(t, 12)
	bad := []int{}
	for day := range 4 {
		p.work(t)
		var off, full *mailtest.Received
		for _, m := range p.smtp.Messages() { // the newest of each
			switch m.To {
			case p.smtp.Messages()[0].To:
				off = &m
			case p.smtp.Messages()[1].To:
				full = &m
			}
		}
		p.bounce(t, "gmail-disabled", *off)
		p.bounce(t, "exim-full", *full)
		p.work(t)
		if day == 2 { // some time has passed since the first one
			p.Exec(t, "UPDATE reminder_bounces SET came_at = DATE_SUB(came_at, INTERVAL 15 DAY) WHERE class = 'full' ORDER BY email_id LIMIT 1")
		}
		bad = append(bad, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
		p.now = p.now.AddDate(0, 0, 1)
	}
	assert.Equal(t, []int{0, 1, 1, 2}, bad)
}

// TestTooManyBounces: when more than a fifth of a run bounces, the cause is not the addresses. Addresses that were
// marked before are unmarked.
func TestTooManyBounces(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	p.lend(t, 12)
	p.work(t)
	sent := p.smtp.Messages()
	p.bounce(t, "postfix-no_address", sent[0])
	p.work(t)
	assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
	for _, m := range sent[1:3] {
		p.bounce(t, "postfix-no_address", m)
	}
	rep := p.work(t)
	assert.Equal(t, 2, rep.Emails.Bounced)
	assert.Zero(t, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
	assert.Equal(t, 3, p.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE dropped = 'bounced'"))
	assert.Contains(t, p.log.String(), "no address is marked")
	about, err := staffdb.New(p.app.Store).SenderTrouble(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int{12, 3, 0}, []int{about.Accepted, about.Bounced, about.Refused})
	assert.Zero(t, p.work(t).Emails.Sent)
}

// TestSenderTrouble: several mails of one day that a rule of the provider refused are not about addresses. The summary,
// the status and the overview report them.
func TestSenderTrouble(t *testing.T) {
	p := newPostOffice(t, nil, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	d := desk.New(p.app.Runner, p.app.Store)
	codes := func() (list []string) {
		st, err := d.Glance(t.Context())
		require.NoError(t, err)
		for _, n := range d.Notes(st) {
			list = append(list, n.Code)
		}
		return list
	}
	p.lend(t, 30)
	p.work(t)
	sent := p.smtp.Messages()[1:] // without the summary
	for i := range 2 {
		p.bounce(t, "gmail-policy", sent[i])
	}
	p.work(t)
	assert.Equal(t, []string{"bounced"}, codes())
	p.bounce(t, "gmail-policy", sent[2])
	p.work(t)
	assert.Equal(t, []string{"bounced", "reputation"}, codes())
	for i := 3; i < 8; i++ {
		p.bounce(t, "exim-full", sent[i])
	}
	p.work(t)
	assert.Equal(t, []string{"bounced", "mass_bounce", "reputation"}, codes())
	review, err := d.Review(t.Context(), reminder.DateOf(p.now, p.app.Runner.Settings.Zone),
		reminder.DateOf(p.now, p.app.Runner.Settings.Zone), reminder.DateOf(p.now, p.app.Runner.Settings.Zone))
	require.NoError(t, err)
	assert.Len(t, review.Notes, 3)

	p.now = p.now.AddDate(0, 0, 1)
	p.work(t)
	last := p.smtp.Messages()[31].Parse(t)
	assert.Contains(t, last.Text, "8 dari 31 surel")
	assert.Contains(t, last.Text, "dalam sehari 3 surel")
	p.Exec(t, "UPDATE reminder_bounces SET came_at = DATE_SUB(came_at, INTERVAL 8 DAY)")
	assert.Equal(t, []string{"bounced"}, codes(), "after a week the alarm is over")
}

// TestComplaint: a borrower who complains about a reminder gets no more.
func TestComplaint(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	p.lend(t, 2)
	p.work(t)
	p.bounce(t, "arf-complaint", p.smtp.Messages()[1])
	p.work(t)
	assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_opt_outs o JOIN users u ON u.id = o.borrower_id WHERE u.email = ?", p.smtp.Messages()[1].To))
	assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_opt_outs"))
	assert.Equal(t, 2, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))
}

// TestFeedbackFails: a failure of the mailbox does not fail the run, and the report has the reason.
func TestFeedbackFails(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	p.lend(t, 2)
	p.app.Runner.Feedback = &feedback.Reader{Store: p.app.Store, Log: p.app.Log,
		Open: func(context.Context) (feedback.Source, error) { panic("broken") }}
	rep := p.work(t)
	assert.Equal(t, 2, rep.Emails.Sent)
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	assert.NotEmpty(t, rep.Feedback.Error)

	p = newPostOffice(t, nil, nil)
	p.lend(t, 2)
	p.imap.Close()
	rep = p.work(t)
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	assert.Equal(t, 2, rep.Emails.Sent)
	assert.Contains(t, rep.Feedback.Error, "connect: ")
	assert.False(t, rep.NeedsPerson(), "no person is needed, because the reminders are sent")
}

// brokenPlace is a store with which a run dies after the bounces are recorded and before the position in the mailbox
// is.
type brokenPlace struct{ feedback.Store }

func (brokenPlace) KeepPlace(context.Context, string) error { return errors.New("killed") }

func TestKilledBetweenReadingAndWriting(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	p.lend(t, 10)
	p.work(t)
	reader := p.app.Runner.Feedback.(*feedback.Reader)
	p.bounce(t, "postfix-no_address", p.smtp.Messages()[0])
	broken := *reader
	broken.Store = brokenPlace{p.app.Store}
	p.app.Runner.Feedback = &broken
	assert.Contains(t, p.work(t).Feedback.Error, "killed")
	p.app.Runner.Feedback = reader
	assert.Equal(t, &reminder.FeedbackCounts{Read: 1}, p.work(t).Feedback, "read again, and recorded once")
	assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_bounces"))
	assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"))
}

// TestSentMailIsNotRepeatedAfterRestore: records that were restored from a backup lack some mails that are in the sent
// mail. Their notices are not sent again, in whatever mail they were, also if nobody noticed the restore.
func TestSentMailIsNotRepeatedAfterRestore(t *testing.T) {
	for name, noticed := range map[string]bool{"held": true, "not noticed": false} {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"REMINDER_SUMMARY_TO": librarian}
			if noticed {
				settings["LOG_FILE"] = filepath.Join(t.TempDir(), "pengingat.log")
			}
			p := newPostOffice(t, nil, settings)
			filed := 0
			work := func(o reminder.Options) reminder.Report {
				t.Helper()
				rep, err := p.app.Runner.Run(t.Context(), o)
				require.NoError(t, err)
				for _, m := range p.smtp.Messages()[filed:] {
					p.imap.Add(t, mailtest.Sent, m.Data)
					filed++
				}
				return rep
			}
			p.lend(t, 5)
			both := p.AddBorrower(t, mysqltest.Borrower{Email: "dua@example.org"})
			first := p.AddLoan(t, mysqltest.Loan{Borrower: both, Due: "2026-11-24"})
			p.AddLoan(t, mysqltest.Loan{Borrower: both, Due: "2026-11-24"})
			work(reminder.Options{})
			require.Equal(t, 7, filed, "with the summary")
			p.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
			p.Exec(t, `INSERT INTO reminder_emails (ref, kind, borrower_id, run_id, priority, state, next_at, created_at)
				SELECT 'WAITINGWAITINGWAITINGWAITI', 'loan', user_id, 'r', 0, 'queued', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM peminjaman ORDER BY id DESC LIMIT 1`)
			p.Exec(t, `INSERT INTO reminder_notices (loan_id, due_date, kind, step, email_id, number, dropped)
				SELECT p.id, '2026-11-24', 'loan', 1, (SELECT MAX(id) FROM reminder_emails), 0, '' FROM peminjaman p ORDER BY id DESC LIMIT 1`)
			p.keep(t, records)
			p.now = p.now.AddDate(0, 0, 1)
			p.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"})
			require.Equal(t, 8, work(reminder.Options{}).Emails.Sent)
			sent := filed

			p.bringBack(t, records)
			p.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", first)
			p.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"}) // without a notice
			p.now = p.now.Add(3600e9)
			if noticed {
				rep := work(reminder.Options{})
				assert.Equal(t, reminder.RunHeld, rep.Outcome)
				assert.Equal(t, 9, rep.Feedback.Found, "the summary too")
				assert.Equal(t, sent, filed)
			}
			rep := work(reminder.Options{Approve: true})
			assert.Equal(t, reminder.RunDone, rep.Outcome)
			assert.Empty(t, rep.Feedback.Error)
			if !noticed { // the waiting email looks like one that a person has queued again
				sent++
			}
			require.Equal(t, sent+1, filed, "one that nobody was told of")
			assert.Equal(t, 1, p.count(t, `SELECT COUNT(*) FROM reminder_emails WHERE ref = 'WAITINGWAITINGWAITINGWAITI' AND state = 'sent'`))
			assert.Zero(t, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state <> 'sent'"))
			assert.Equal(t, p.count(t, "SELECT COUNT(DISTINCT email_id) FROM reminder_notices WHERE dropped = ''"),
				p.count(t, "SELECT COUNT(*) FROM reminder_emails"))
			again := work(reminder.Options{})
			assert.Zero(t, again.Emails.Sent)
			assert.Zero(t, again.Feedback.Found)

			p.bounce(t, "exim-full", p.smtp.Messages()[sent-1]) // a mail that was recorded again is matched, too
			assert.Equal(t, 1, work(reminder.Options{}).Feedback.Bounced)
			assert.Zero(t, p.imap.Changes())
		})
	}
}

// TestUnsettledTakeTurns: emails about which the source never knows anything, and a source that is too slow for all of
// them, do not keep other emails from being looked up.
func TestUnsettledTakeTurns(t *testing.T) {
	p := newPostOffice(t, nil, map[string]string{"REMINDER_UNKNOWN": "hold"})
	p.lend(t, 40)
	p.work(t)
	p.Exec(t, "UPDATE reminder_emails SET state = 'unknown', unknowns = 1, handover_at = DATE_SUB(handover_at, INTERVAL 1000 - id MINUTE)")
	for _, m := range p.smtp.Messages()[35:] {
		p.imap.Add(t, mailtest.Sent, m.Data)
	}
	p.work(t) // a run settles twice
	assert.Equal(t, 5, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))

	source := &slowSource{budget: 3}
	p.app.Runner.Feedback = &feedback.Reader{Store: p.app.Store, Log: p.app.Log, Wait: time.Minute,
		Open: func(context.Context) (feedback.Source, error) { return source, nil }}
	p.Exec(t, "UPDATE reminder_emails SET next_at = UTC_TIMESTAMP(6)")
	assert.ErrorContains(t, errors.New(p.work(t).Feedback.Error), "slow")
	assert.Equal(t, 5+15, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'"))
}

// A slowSource has a copy of each mail, and fails after some requests.
type slowSource struct{ budget int }

func (s *slowSource) Accepted(_ context.Context, emails []feedback.Handed) ([]bool, error) {
	if s.budget--; s.budget < 0 {
		return nil, errors.New("slow")
	}
	return slices.Repeat([]bool{true}, len(emails)), nil
}

func (s *slowSource) Returned(context.Context, string, time.Time, func(feedback.Batch) error) error {
	return nil
}
func (s *slowSource) Copies(context.Context, time.Time, int) ([]feedback.Copied, error) {
	return nil, nil
}
func (s *slowSource) Close() error { return nil }

// TestUnknownIsSettled: an email of unknown outcome was sent if it has a copy in the sent mail. It was not sent if it
// has none after some time and another email has one. Otherwise REMINDER_UNKNOWN decides.
func TestUnknownIsSettled(t *testing.T) {
	const old = "UPDATE reminder_emails SET handover_at = DATE_SUB(handover_at, INTERVAL 20 MINUTE)"
	for name, tt := range map[string]struct {
		sent    bool // a mailbox is for sent mail
		copies  int  // how many messages have a copy there: 1 for the first, 2 for the unknown one, too
		old     bool
		bounced bool
		state   string
		mails   int // that the mail server got, without the lost one
		newID   bool
	}{
		"accepted":                 {sent: true, copies: 2, state: "sent", mails: 1},
		"not accepted":             {sent: true, copies: 1, old: true, state: "sent", mails: 2, newID: true},
		"perhaps the copy comes":   {sent: true, copies: 1, state: "unknown", mails: 1},
		"no copy of any":           {sent: true, copies: 0, old: true, state: "sent", mails: 2},
		"no mailbox for sent mail": {copies: 1, old: true, state: "sent", mails: 2},
		"it came back":             {copies: 0, bounced: true, state: "bounced", mails: 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPostOffice(t, answers("dot", mailtest.Action{}, mailtest.Action{Drop: true}), nil)
			p.imap.KeepsSent = tt.sent
			p.lend(t, 2)
			first := p.work(t)
			assert.Equal(t, reminder.EmailCounts{Sent: 1, Unknown: 1}, first.Emails)
			var lost mailtest.Received
			for _, c := range p.smtp.Commands() {
				switch c.Phase {
				case "rcpt":
					lost.To = c.Arg
				case "dot":
					lost.Data = []byte(c.Arg)
				}
			}
			_, id, _ := strings.Cut(string(lost.Data), "Message-ID: <")
			lost.ID, _, _ = strings.Cut(id, ">")
			if tt.copies > 0 {
				p.imap.Add(t, mailtest.Sent, p.smtp.Messages()[0].Data)
			}
			if tt.copies > 1 {
				p.imap.Add(t, mailtest.Sent, lost.Data)
			}
			if tt.bounced {
				p.bounce(t, "exim-full", lost)
			}
			if tt.old {
				p.Exec(t, old)
			}
			second := p.work(t)
			if tt.newID || tt.state == "sent" && tt.mails == 1 || tt.bounced {
				assert.Equal(t, 1, second.Feedback.Resolved)
			} else {
				assert.Zero(t, second.Feedback.Resolved)
			}
			p.work(t)
			assert.Equal(t, 1, p.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE state = ? AND borrower_id = (SELECT id FROM users WHERE email = ?)", tt.state, lost.To))
			got := p.smtp.Messages()
			require.Len(t, got, tt.mails)
			if tt.mails == 2 {
				assert.Equal(t, tt.newID, got[1].ID != lost.ID, "a copy has the same Message-ID, and a new message a new one")
			}
		})
	}
}

// TestAnswersEndReminders: a borrower who opts out, by List-Unsubscribe or by an answer, gets no more reminders, and
// the desk shows it. Other messages change nothing.
func TestAnswersEndReminders(t *testing.T) {
	p := newPostOffice(t, nil, nil)
	tomorrow := p.now.AddDate(0, 0, 1).Format("2006-01-02")
	for range 6 {
		p.AddLoan(t, mysqltest.Loan{Due: tomorrow})
	}
	require.Equal(t, 6, p.work(t).Emails.Sent)
	sent := p.smtp.Messages()
	header := sent[0].Parse(t).Header
	assert.Equal(t, "<mailto:perpus@mtsn6garut.example?subject=berhenti%20"+header.Get("X-Pengingat-Ref")+">",
		header.Get("List-Unsubscribe"))
	assert.Empty(t, header.Get("List-Unsubscribe-Post"), "that takes an https URI (RFC 8058)")
	p.bounce(t, "answer-list-unsubscribe-complaint", sent[0])
	p.bounce(t, "answer-berhenti-complaint", sent[1])
	p.bounce(t, "answer-nothing-more-words", sent[2])
	p.bounce(t, "answer-nothing-forged", sent[3])
	other := sent[4] // a borrower answers from another address
	other.To = "elsewhere@murid.example.sch.id"
	p.bounce(t, "answer-berhenti-complaint", other)

	p.now = p.now.Add(time.Hour)
	rep := p.work(t)
	assert.Equal(t, &reminder.FeedbackCounts{Read: 5}, rep.Feedback)
	out, err := deskdb.New(p.app.Store).OptOuts(t.Context(), p.now.AddDate(-1, 0, 0))
	require.NoError(t, err)
	require.Len(t, out, 2)
	for _, o := range out {
		assert.Equal(t, feedback.OptOutByAnswer, o.How)
	}
	p.now = p.now.AddDate(0, 0, 1)
	assert.Equal(t, 4, p.work(t).Emails.Sent)
	assert.NotContains(t, recipients(p.smtp)[6:], sent[0].To)
	assert.NotContains(t, recipients(p.smtp)[6:], sent[1].To)
}
