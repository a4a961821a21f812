package reminder_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A pupil is a row of the table pupils: one loan of a child.
type pupil struct {
	loan              int
	child, class      string // the child's id is its name
	days              int    // late on 2026-11-24
	guardian, address any
	agreed            any // NULL is nothing
}

// lendTo replaces the view by one over a table of pupils, and fills the table.
func lendTo(t *testing.T, lib *library, pupils ...pupil) {
	t.Helper()
	lib.Exec(t, `CREATE TABLE IF NOT EXISTS pupils (loan INT PRIMARY KEY, child VARCHAR(40), class VARCHAR(10), days INT, guardian VARCHAR(80),
		address VARCHAR(200), agreed VARCHAR(20)) CHARACTER SET utf8mb4`)
	lib.Exec(t, `CREATE OR REPLACE ALGORITHM = MERGE VIEW reminder_loans AS SELECT loan AS loan_id, child AS borrower_id, child AS borrower_name,
		class AS group_name, CONCAT(LOWER(REPLACE(child, ' ', '')), '@pupil.example') AS email, CONCAT('Buku-', loan, '-') AS title,
		CAST('2026-11-24' - INTERVAL days DAY AS DATE) AS due_at, 'student' AS borrower_type, guardian AS guardian_name,
		address AS guardian_email, agreed AS guardian_wants FROM pupils`)
	for _, p := range pupils {
		lib.Exec(t, "INSERT INTO pupils VALUES (?, ?, ?, ?, ?, ?, ?)", p.loan, p.child, p.class, p.days, p.guardian, p.address,
			p.agreed)
	}
}

// toGuardians returns the mails since the last call that did not go to pupils, by recipient.
func toGuardians(t *testing.T, srv *mailtest.Server, seen *int) map[string]mailtest.Mail {
	t.Helper()
	mails := map[string]mailtest.Mail{}
	messages := srv.Messages()
	for _, m := range messages[*seen:] {
		to := strings.ToLower(m.To)
		if strings.HasSuffix(to, "@pupil.example") {
			continue
		}
		require.NotContains(t, mails, to, "one mail for all children")
		mails[to] = m.Parse(t)
		assert.NotContains(t, string(m.Data), "pupil.example", "a guardian's mail holds no address of a pupil")
	}
	*seen = len(messages)
	return mails
}

// TestGuardians: guardians who have agreed get mail about late books from a day on, on the days of the schedule, once
// for each step.
func TestGuardians(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	lendTo(t, lib,
		pupil{1, "Siti Aminah", "VIII B", 10, "Dedi Kurnia", "Dedi@Wali.example", "+"},
		pupil{2, "Rizky Maulana", "VII A", 12, "Ibu Rina", "Ibu Rina <dedi@wali.example>", "+"}, // of the same family
		pupil{3, "Putri Ayu", "VII A", 9, "Ibu Nia", "nia@wali.example", "+"},                   // not for so long
		pupil{4, "Agus Salim", "VII A", 12, "Pak Agus", "agus@wali.example", nil},               // has not agreed
		pupil{5, "Budi Utomo", "VII A", 12, "Pak Budi", "budi@wali.example", "none"},
		pupil{6, "Cici Paramida", "VII A", 12, "Bu Cici", "cici@wali.example", "+14"},
		pupil{7, "Dadang", "VII A", 12, "Dadang", "DADANG@pupil.example", "+"}, // their own address
		pupil{8, "Euis", "VII A", 12, "Bu Euis", "euis@wali@example", "+"},
		pupil{9, "Fajar", "VII A", 12, "Pak Fajar", "fajar@wali.example", "sometimes"},
		pupil{10, "Gita", "VII A", -1, "Bu Gita", "gita@wali.example", "+"}, // not late
	)
	seen := 0
	lib.run(t, lib.app(t, srv, nil), reminder.Options{})
	assert.Empty(t, toGuardians(t, srv, &seen), "guardians get no mail without REMINDER_GUARDIAN_FROM")
	assert.Len(t, srv.Messages(), 10, "each pupil gets a mail, also if the guardian's data is odd")

	app := lib.app(t, srv, map[string]string{"REMINDER_GUARDIAN_FROM": "10"})
	rep := lib.run(t, app, reminder.Options{})
	assert.Equal(t, reminder.PlannedCounts{Emails: 1, Notices: 2}, rep.Planned)
	mails := toGuardians(t, srv, &seen)
	require.Len(t, mails, 1)
	letter := mails["dedi@wali.example"]
	assert.Equal(t, "2 buku perpustakaan yang dipinjam anak Bapak/Ibu terlambat hingga 12 hari", letter.Subject)
	for _, want := range []string{"Siti Aminah (VIII B):\n\n* Buku-1-", "Rizky Maulana (VII A):\n\n* Buku-2-"} {
		assert.Contains(t, letter.Text, want)
	}
	assert.NotContains(t, letter.Text, "-3-")
	assert.NotContains(t, letter.Text, "Pemberitahuan ke-")
	assert.Equal(t, 1, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE kind = 'guardian' AND borrower_id = ?",
		reminder.GuardianID("DEDI@wali.example")))

	lib.at(t, "2026-11-25 08:00") // a day of their own for who was not late enough, and no step for the others
	lib.run(t, app, reminder.Options{})
	mails = toGuardians(t, srv, &seen)
	require.Len(t, mails, 1)
	assert.Contains(t, mails["nia@wali.example"].Text, "Yth. Ibu Nia,")

	lib.at(t, "2026-11-29 08:00") // 14 days and more
	lib.Exec(t, "UPDATE pupils SET agreed = '+' WHERE loan = 4")
	lib.run(t, app, reminder.Options{})
	mails = toGuardians(t, srv, &seen)
	assert.ElementsMatch(t, []string{"dedi@wali.example", "cici@wali.example", "nia@wali.example", "agus@wali.example"},
		keys(mails))
	assert.Contains(t, mails["dedi@wali.example"].Text, "Pemberitahuan ke-2 kepada Bapak/Ibu tentang buku ini.")

	// Only the guardian opts out.
	require.NoError(t, deskdb.New(app.Store).AddOptOut(t.Context(), reminder.GuardianID("nia@wali.example"), lib.now))
	lib.at(t, "2026-12-06 08:00")
	told := len(recipients(srv))
	lib.run(t, app, reminder.Options{})
	assert.NotContains(t, toGuardians(t, srv, &seen), "nia@wali.example")
	assert.Contains(t, recipients(srv)[told:], "putriayu@pupil.example")

	assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_emails WHERE borrower_id LIKE '%@%'"), "no address is stored")

	lib.at(t, "2026-12-10 08:00") // the next step, four days after the last mail
	spaced := lib.app(t, srv, map[string]string{"REMINDER_GUARDIAN_FROM": "10", "REMINDER_MIN_DAYS": "5"})
	lib.run(t, spaced, reminder.Options{})
	assert.Empty(t, toGuardians(t, srv, &seen), "not too often")
}

// TestExplainGuardian: the desk says of each loan why its guardian gets a mail or none, and says what the run does.
func TestExplainGuardian(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	lendTo(t, lib,
		pupil{1, "Siti", "8B", 10, "Dedi", "dedi@wali.example", "+"},
		pupil{2, "Putri", "7A", 9, "Nia", "nia@wali.example", "+"}, // not for so long
		pupil{3, "Agus", "7A", 12, "Agus", "agus@wali.example", nil},
		pupil{4, "Budi", "7A", 8, "Budi", "budi@wali.example", "none"}, // and not for so long
		pupil{5, "Cici", "7A", 12, "Cici", "cici@wali.example", "+14"},
		pupil{6, "Dadang", "7A", 12, "Dadang", "DADANG@pupil.example", "+"},
		pupil{7, "Euis", "7A", 12, "Euis", "euis@wali@example", "+"},
		pupil{8, "Fajar", "7A", 12, "Fajar", "fajar@wali.example", "sometimes"},
		pupil{9, "Gita", "7A", 12, nil, nil, nil},
		pupil{10, "Hani", "7A", 70, "Hani", "hani@wali.example", "+"},
		pupil{11, "Iwan", "7A", 12, "Iwan", "iwan@wali.example", "+"}, // has had enough
	)
	for n := range 11 {
		lendTo(t, lib, pupil{20 + n, fmt.Sprint("Anak ", n), "7A", 12, "Sekolah", "sekolah@wali.example", "+"})
	}
	settings := map[string]string{"REMINDER_GUARDIAN_FROM": "10", "REMINDER_MIN_DAYS": "3",
		"REMINDER_SCHEDULE": "0,3,7,+7"}
	app := lib.app(t, srv, settings)
	require.NoError(t, deskdb.New(app.Store).AddOptOut(t.Context(), reminder.GuardianID("iwan@wali.example"), lib.now))
	explain := func(app *setup.App, loan string) *desk.ToGuardian {
		open, _, err := desk.New(app.Runner, app.Store).Explain(t.Context(), loan)
		require.NoError(t, err)
		require.Len(t, open, 1)
		return open[0].Guardian
	}
	// planned returns the loans of which a run at this moment would tell guardians.
	planned := func() (loans []string) {
		run, err := app.Runner.Simulate(t.Context(), reminder.DateOf(lib.now, lib.now.Location()))
		require.NoError(t, err)
		emails, err := run.Plan(t.Context())
		require.NoError(t, err)
		for _, e := range emails {
			for _, n := range e.Notices {
				if e.Kind == reminder.KindGuardian {
					loans = append(loans, n.Loan)
				}
			}
		}
		return loans
	}
	check := func(want map[string]string) {
		t.Helper()
		var due []string
		for _, loan := range slices.Sorted(maps.Keys(want)) {
			g := explain(app, loan)
			require.NotNil(t, g, loan)
			got := fmt.Sprintf("%v%v", g.Hinders, g.Later)
			if !g.Next.IsZero() {
				got += " " + g.Next.String()
			}
			assert.Equal(t, want[loan], got, loan)
			for _, v := range g.Hinders {
				for _, lang := range []string{"id", "en"} {
					said, _ := text.In(lang).Reason(string(v))
					assert.NotEqual(t, string(v), said, "no word of the program, in %s", lang)
				}
			}
			if len(g.Hinders)+len(g.Later) == 0 {
				due = append(due, loan)
			}
		}
		assert.ElementsMatch(t, due, planned(), "the run does what the desk says")
	}
	want := map[string]string{"1": "[][]", "2": "[not_yet][] 2026-11-25", "3": "[no_consent][]",
		"4": "[not_yet no_consent][]", "5": "[guardian_opted_out][]", "6": "[same_address][]", "7": "[unreachable][]",
		"8": "[odd][]", "9": "[no_guardian][]", "10": "[too_old][]", "11": "[guardian_opted_out][]",
		"20": "[shared_address][]"}
	check(want)

	lib.run(t, app, reminder.Options{})
	want["1"] = "[told][] 2026-11-28"
	check(want)

	lib.at(t, "2026-11-25 08:00")
	lib.Exec(t, "UPDATE pupils SET days = 5 WHERE loan = 2")
	lib.Exec(t, "UPDATE pupils SET days = 11, address = 'dedi@wali.example' WHERE loan = 3")
	lib.Exec(t, "UPDATE pupils SET agreed = '+' WHERE loan = 3")
	check(map[string]string{"1": "[told][] 2026-11-28", "2": "[not_yet][] 2026-11-29", "3": "[][too_soon]"})

	settings["REMINDER_GUARDIAN_FROM"] = "0"
	off := lib.app(t, srv, settings)
	assert.Equal(t, []reminder.Verdict{reminder.VerdictGuardiansOff}, explain(off, "1").Hinders)
	assert.Nil(t, explain(off, "9"), "of a guardian whom nobody named there is nothing to say")
}

func keys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// TestGuardianChangesBeforeTheMail: a mail to a guardian is true at the moment when it is sent.
func TestGuardianChangesBeforeTheMail(t *testing.T) {
	for _, test := range []struct{ name, change, reason string }{
		{"returned", "DELETE FROM pupils WHERE loan = 1", "returned"},
		{"renewed", "UPDATE pupils SET days = -20 WHERE loan = 1", "renewed"},
		{"another address", "UPDATE pupils SET address = 'new@wali.example' WHERE loan = 1", "unreachable"},
		{"no address", "UPDATE pupils SET address = NULL WHERE loan = 1", "unreachable"},
		{"no consent any more", "UPDATE pupils SET agreed = NULL WHERE loan = 1", "opted_out"},
		{"opted out", "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES ('" +
			reminder.GuardianID("a@wali.example") + "', UTC_TIMESTAMP())",
			"opted_out"},
		{"lent to another child", "UPDATE pupils SET child = 'Budi', address = 'b@wali.example' WHERE loan = 1", "unreachable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lib := newLibrary(t)
			srv := mailtest.NewServer(t, mailtest.Options{})
			app := lib.app(t, srv, map[string]string{"REMINDER_GUARDIAN_FROM": "10", "REMINDER_SCHEDULE": "3"})
			lendTo(t, lib, pupil{1, "Ani", "7A", 10, "Ibu A", "a@wali.example", "+"},
				pupil{2, "Ani", "7A", 11, "Ibu A", "A@wali.example", "+"})
			run, err := app.Runner.Simulate(t.Context(), day("2026-11-24"))
			require.NoError(t, err)
			emails, err := run.Plan(t.Context())
			require.NoError(t, err)
			_, err = app.Store.Promise(t.Context(), "run", emails)
			require.NoError(t, err)

			lib.Exec(t, test.change)
			seen := 0
			_, err = app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			mails := toGuardians(t, srv, &seen)
			assert.Equal(t, test.name != "opted out", strings.Contains(mails["a@wali.example"].Text, "Buku-2-"))
			assert.NotContains(t, mails["a@wali.example"].Text, "Buku-1-")
			assert.Equal(t, 1, lib.count(t, `SELECT COUNT(*) FROM reminder_notices WHERE kind = 'guardian' AND loan_id = '1' AND dropped = ?`,
				test.reason))
			lib.run(t, app, reminder.Options{})
			if test.name == "another address" {
				assert.Contains(t, toGuardians(t, srv, &seen)["new@wali.example"].Text, "Buku-1-", "told with the next run")
			}
		})
	}
}

// TestGuardianAddressesAreRemembered: a refusal, a bounce and a complaint of a guardian have no effect on the borrower,
// and no effect on the guardian after the address has changed.
func TestGuardianAddressesAreRemembered(t *testing.T) {
	p := newPostOffice(t, func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" && c.Arg == "dead@wali.example" {
			return mailtest.Action{Reply: "550 5.1.1 no such user"}
		}
		return mailtest.Action{}
	}, map[string]string{"REMINDER_GUARDIAN_FROM": "10", "REMINDER_SCHEDULE": "0,+1"})
	lendTo(t, p.library, pupil{1, "Ani", "7A", 10, "Ibu A", "dead@wali.example", "+"},
		pupil{2, "Budi", "7A", 11, "Ibu B", "back@wali.example", "+"})
	p.work(t)
	seen := 0
	assert.Len(t, toGuardians(t, p.smtp, &seen), 1)
	i := slices.IndexFunc(p.smtp.Messages(), func(m mailtest.Received) bool { return m.To == "back@wali.example" })
	p.bounce(t, "postfix-no_address", p.smtp.Messages()[i])
	assert.Equal(t, 1, p.work(t).Emails.Bounced)
	assert.Equal(t, 2, p.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses WHERE borrower_id LIKE 'guardian:%'"))

	p.at(t, "2026-11-25 08:00")
	assert.Equal(t, 2, p.work(t).Emails.Sent, "the pupils")
	assert.Empty(t, toGuardians(t, p.smtp, &seen))

	p.Exec(t, "UPDATE pupils SET address = 'mended@wali.example' WHERE loan = 1")
	p.at(t, "2026-11-26 08:00")
	p.work(t)
	assert.Equal(t, []string{"mended@wali.example"}, keys(toGuardians(t, p.smtp, &seen)))
}

// TestGuardianOfTooMany: an address with too many children is no guardian's, and gets no mail.
func TestGuardianOfTooMany(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_GUARDIAN_FROM": "10"})
	for n := range 11 {
		lendTo(t, lib, pupil{n, fmt.Sprint("Anak ", n), "7A", n, "Sekolah", "sekolah@wali.example", "+"},
			pupil{100 + n, fmt.Sprint("Santri ", n%10), "7A", 12, "Pengasuh", "pengasuh@wali.example", "+"})
	}
	lib.run(t, app, reminder.Options{})
	seen := 0
	assert.Equal(t, []string{"pengasuh@wali.example"}, keys(toGuardians(t, srv, &seen)))
	assert.Contains(t, named(t, lib, app), "1 addresses are the guardian's of more than 10 borrowers")
}

// TestNoGuardianReadsOfAnotherFamily generates schools: siblings share addresses in several spellings, addresses are
// odd, pupils move, loans change their borrower between plan and mail. In every case a guardian's mail is only about
// children whose guardian has its address at that moment, and no step is sent twice.
func TestNoGuardianReadsOfAnotherFamily(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_GUARDIAN_FROM": "7", "REMINDER_SCHEDULE": "0,3,7,+2",
		"MAIL_CONCURRENCY": "2"})
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	odd := []any{nil, "", " ", "x", "wali@", "a@b@c", "ibu,ani@wali.example", "\x00", "wali 1@wali.example",
		"\u202efam1@wali.example"}
	spellings := []string{"fam%d@wali.example", "FAM%d@WALI.example", " Fam%d@wali.example ", "Ibu <fam%d@wali.EXAMPLE>",
		"fam%d@wali.example; ayah@wali.example", "HP 0812, fam%d@wali.example"}
	address := func() any {
		if r.IntN(6) == 0 {
			return odd[r.IntN(len(odd))]
		}
		return fmt.Sprintf(spellings[r.IntN(len(spellings))], r.IntN(12))
	}
	agreed := func() any { return []any{"+", "+", "+", "+9", "none", nil, "?"}[r.IntN(7)] }
	for n := range 60 {
		lendTo(t, lib, pupil{n, fmt.Sprint("Anak", n%40), "7A", r.IntN(16) - 2, "Wali", address(), agreed()})
	}
	change := func() {
		for range 12 {
			n, m := r.IntN(60), r.IntN(60)
			switch r.IntN(4) {
			case 0:
				lib.Exec(t, "UPDATE pupils SET address = ?, agreed = ? WHERE loan = ?", address(), agreed(), n)
			case 1: // a book that was booked on the wrong child
				lib.Exec(t, "UPDATE pupils p JOIN pupils q ON q.loan = ? SET p.child = q.child, p.address = q.address WHERE p.loan = ?",
					m, n)
			case 2: // siblings move to another family
				lib.Exec(t, "UPDATE pupils SET address = ? WHERE child = ?", address(), fmt.Sprint("Anak", n%40))
			case 3:
				lib.Exec(t, "UPDATE pupils SET days = ? WHERE loan = ?", r.IntN(16)-2, n)
			}
		}
	}
	book := regexp.MustCompile(`Buku-(\d+)-`)
	checked, seen := 0, 0
	for d := range 8 {
		lib.at(t, fmt.Sprintf("2026-11-%d 08:00", 20+d))
		run, err := app.Runner.Simulate(t.Context(), reminder.DateOf(lib.now, lib.now.Location()))
		require.NoError(t, err)
		emails, err := run.Plan(t.Context())
		require.NoError(t, err)
		_, err = app.Store.Promise(t.Context(), fmt.Sprint("run", d), emails)
		require.NoError(t, err)
		change()
		for range 2 { // the second run writes to the new guardian of a loan that moved between plan and mail
			_, err = app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
		}
		again, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		assert.Zero(t, again.Emails.Sent)
		for _, m := range srv.Messages()[seen:] {
			if strings.HasSuffix(m.To, "@pupil.example") {
				continue
			}
			parsed := m.Parse(t)
			for _, loan := range book.FindAllStringSubmatch(parsed.Text+parsed.HTML, -1) {
				var child, address string
				require.NoError(t, lib.Admin.QueryRow("SELECT child, COALESCE(address, '') FROM pupils WHERE loan = ?", loan[1]).
					Scan(&child, &address))
				theirs, err := mail.ParseAddress(address)
				require.NoError(t, err)
				assert.True(t, strings.EqualFold(theirs.Addr, m.To), "day %d: %s is told of %s, whose guardian is %s", d, m.To,
					child, address)
				assert.Contains(t, parsed.Text, child+" (7A)")
				checked++
			}
			assert.NotContains(t, string(m.Data), "pupil.example")
		}
		seen = len(srv.Messages())
	}
	assert.Greater(t, checked, 50)
	assert.Zero(t, lib.count(t, `SELECT COUNT(*) FROM (SELECT 1 FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.kind = 'guardian' AND n.dropped = '' AND e.state = 'sent' GROUP BY n.loan_id, n.due_date, n.step, e.borrower_id
		HAVING COUNT(*) > 1) AS twice`))
}
