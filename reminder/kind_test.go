package reminder_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// A parents is a kind of notice that the program does not have: one mail for each family about the books that are due
// today. Besides its template, a new kind needs no more than this.
type parents map[string]string // addresses by borrower

const kindParents reminder.Kind = "parents"

func (parents) Kind() reminder.Kind { return kindParents }
func (parents) First() bool         { return false }

func (p parents) Plan(_ context.Context, run *reminder.Run) (reminder.Planner, error) {
	return &parentsPlan{addresses: p, run: run, emails: map[string]*reminder.Email{}}, nil
}

type parentsPlan struct {
	addresses parents
	run       *reminder.Run
	emails    map[string]*reminder.Email // by family
}

func (p *parentsPlan) Add(loans []reminder.Loan, known map[reminder.Cycle]reminder.History) {
	for _, l := range loans {
		address := p.addresses[l.Borrower.ID]
		n := reminder.Notice{Cycle: reminder.Cycle{Kind: kindParents, Loan: l.ID, Due: l.Due}}
		if address == "" || l.Due != p.run.Today || known[n.Cycle].Promised(family(address), n.Step) {
			continue
		}
		e := p.emails[family(address)]
		if e == nil {
			e = &reminder.Email{Kind: kindParents, Borrower: family(address), Priority: reminder.RepeatLate}
			p.emails[family(address)] = e
		}
		e.Notices = append(e.Notices, n)
	}
}

// family returns the id of a family. It does not contain the address.
func family(address string) string { return fmt.Sprintf("%x", reminder.DigestOf(address)) }

func (p *parentsPlan) Loans() (ids []string) {
	for _, e := range p.emails {
		for _, n := range e.Notices {
			ids = append(ids, n.Loan)
		}
	}
	return ids
}

func (p *parentsPlan) Emails(map[string]bool) (emails []reminder.Email) {
	for _, key := range slices.Sorted(maps.Keys(p.emails)) {
		emails = append(emails, *p.emails[key])
	}
	return emails
}

func (p parents) Recheck(ctx context.Context, run *reminder.Run, c reminder.Claim) (d reminder.Draft,
	o reminder.Outcome, err error) {
	loans, err := run.Loans.Reread(ctx, c.Loans())
	var books struct {
		Items []struct{ Child, Title string }
	}
	for _, l := range loans {
		d.To = mail.Address{Addr: p[l.Borrower.ID]}
		books.Items = append(books.Items, struct{ Child, Title string }{l.Borrower.Name, l.Title})
	}
	if d.Data = books; len(loans) == 0 {
		o = reminder.Outcome{State: reminder.StateCanceled, Reason: reminder.ReasonReturned}
	}
	return d, o, err
}

// TestNewKind: a new kind, which is one file and one template, is planned, promised once, claimed, composed and sent
// like the kinds of the program, together with loan notices about the same steps.
func TestNewKind(t *testing.T) {
	templates := t.TempDir()
	require.NoError(t, os.CopyFS(templates, os.DirFS("testdata/kind")))
	description, err := os.ReadFile("letter/id/language.toml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(templates, "id", "language.toml"), description, 0o600))

	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{Script: answers("dot", mailtest.Action{Accept: true, Drop: true})})
	app := lib.app(t, srv, map[string]string{"REMINDER_TEMPLATES": templates, "REMINDER_SUMMARY_TO": librarian,
		"MAIL_CONCURRENCY": "1"})
	kind := parents{}
	for _, name := range []string{"Ani", "Budi"} { // two children of one family
		child := lib.AddBorrower(t, mysqltest.Borrower{Name: name, Email: name + "@example.org"})
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: child, Title: "Buku " + name})
		kind[fmt.Sprint(child)] = "parents@example.org"
	}
	app.Runner.Mailings = append(app.Runner.Mailings, kind)
	// the connection broke at its first mail, the librarian's
	first, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, reminder.PlannedCounts{Emails: 3, Notices: 4}, first.Planned)
	lib.run(t, app, reminder.Options{}) // sends that once more; a further run nothing

	assert.Equal(t, []string{librarian, "Ani@example.org", "Budi@example.org", "parents@example.org", librarian},
		recipients(srv))
	sent := srv.Messages()[3].Parse(t)
	assert.Equal(t, "Buku anak Anda", sent.Subject)
	assert.Contains(t, sent.Text, "* Ani: Buku Ani\n* Budi: Buku Budi\n")
	assert.Contains(t, sent.HTML, "Buku Budi")
	ids := map[string]bool{}
	for _, m := range srv.Messages() {
		ids[m.Parse(t).Header.Get("Message-ID")] = true
	}
	assert.Len(t, ids, 4, "only the copy has a name that was used before")
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE kind = 'parents' AND state = 'sent' AND CHAR_LENGTH(borrower_id) = 64"))
	assert.Equal(t, 2, lib.count(t, "SELECT COUNT(*) FROM reminder_notices WHERE kind = 'parents' AND step = 0"))

	// A program that does not know the kind sends nothing for it, and goes on.
	lib.Exec(t, "UPDATE reminder_emails SET state = 'queued' WHERE kind = 'parents'")
	lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	assert.Len(t, recipients(srv), 5)
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE kind = 'parents' AND state = 'canceled'"))
}

// TestRecordsOfTheFirstVersion: the notices and the summary of a program that had no kinds are not sent again.
func TestRecordsOfTheFirstVersion(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	for range 3 {
		lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 4)

	lib.Script(t, `
ALTER TABLE reminder_notices DROP PRIMARY KEY, ADD PRIMARY KEY (loan_id, due_date, step), DROP COLUMN kind;
UPDATE reminder_emails SET priority = 0 WHERE kind = 'summary';
ALTER TABLE reminder_emails DROP COLUMN kind, MODIFY priority TINYINT UNSIGNED NOT NULL;
ALTER TABLE reminder_emails DROP COLUMN address, DROP COLUMN bounced_at, DROP COLUMN bounce_code;
DROP TABLE reminder_bounces, reminder_groups, reminder_contacts;
DELETE FROM reminder_migrations WHERE version_id >= 2;`)
	_, err := app.Runner.Run(t.Context(), reminder.Options{})
	require.Contains(t, english(err), "pengingat migrate")
	applied, err := schema.Up(t.Context(), lib.Admin)
	require.NoError(t, err)
	require.Len(t, applied, mysql.SchemaVersion-1)
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 4)

	lib.at(t, "2026-11-25 08:00")
	lib.run(t, app, reminder.Options{})
	require.Len(t, recipients(srv), 8)
	assert.Contains(t, summarized(t, srv)[1].Text, "Terkirim sejak ringkasan sebelumnya: 3")
}
