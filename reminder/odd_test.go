package reminder_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// An oddLibrary is a library whose view reads the table people. It has 40 numbered people with a loan that is due. The
// odd loans have the first numbers.
type oddLibrary struct {
	*library
	srv  *mailtest.Server
	app  *setup.App
	seen int // messages that a test has already checked
}

const oddPeople = 40

func newOddLibrary(t *testing.T) *oddLibrary {
	lib := &oddLibrary{library: newLibrary(t), srv: mailtest.NewServer(t, mailtest.Options{})}
	lib.Exec(t, "CREATE TABLE people (n INT PRIMARY KEY)")
	lib.Exec(t, "CREATE FUNCTION refuse(n INT) RETURNS VARCHAR(20) DETERMINISTIC BEGIN SIGNAL SQLSTATE '45000'; RETURN 'x'; END")
	lib.Exec(t, "CREATE TABLE twos (n INT, v VARCHAR(60) CHARACTER SET utf8mb4, KEY (n))")
	for n := range oddPeople {
		lib.Exec(t, "INSERT INTO people VALUES (?)", n+1)
		lib.Exec(t, "INSERT INTO twos VALUES (?, '2026-11-24'), (?, '2026-11-24')", n+1, n+1)
	}
	lib.app = lib.library.app(t, lib.srv, map[string]string{"MAIL_FROM_ALLOWED": "@branch.example"})
	return lib
}

// oddColumns has the columns of reminder_loans, with expressions whose values are not odd.
var oddColumns = map[string]string{
	"loan_id": "CONCAT('L', n)", "borrower_id": "CONCAT('B', n)", "borrower_name": "CONCAT('Siswa ', n)",
	"email": "CONCAT('siswa', n, '@example.org')", "title": "CONCAT('Buku ', n)", "due_at": "CAST('2026-11-24' AS DATE)",
	"loan_ref": "CONCAT('R', n)", "item_code": "CONCAT('C', n)", "borrowed_at": "'2026-11-01'", "group_name": "'7A'",
	"language":    "'id'",
	"hold_reason": "NULL", "fine_per_day": "500", "phone": "'0812'", "wants": "NULL", "calendar": "'MAIN'",
	"from_address": "'main@branch.example'", "reply_to": "'desk@branch.example'",
	"borrower_type": "'student'", "guardian_name": "'Ibu Rina'",
	"guardian_email": "CONCAT('wali', n, '@example.org')", "guardian_wants": "'+'",
}

// view creates the view, with other expressions for some columns.
func (l *oddLibrary) view(t *testing.T, columns map[string]string) {
	t.Helper()
	all := maps.Clone(oddColumns)
	maps.Copy(all, columns)
	var list []string
	for _, c := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[c]+" AS "+c)
	}
	l.Exec(t, "CREATE OR REPLACE ALGORITHM = MERGE VIEW reminder_loans AS SELECT "+strings.Join(list, ", ")+" FROM people")
}

// forget deletes the outbox.
func (l *oddLibrary) forget(t *testing.T) {
	for _, table := range []string{"reminder_notices", "reminder_emails", "reminder_runs"} {
		l.Exec(t, "DELETE FROM "+table)
	}
}

// told returns the numbers of those who got a mail since the last call.
func (l *oddLibrary) told(t *testing.T) []int {
	t.Helper()
	told := []int{}
	messages := l.srv.Messages()
	for _, m := range messages[l.seen:] {
		var n int
		_, err := fmt.Sscanf(m.To, "siswa%d@example.org", &n)
		require.NoError(t, err, m.To)
		told = append(told, n)
	}
	l.seen = len(messages)
	slices.Sort(told)
	return told
}

// A value is what one cell holds, and what becomes of its loan in each column: "told", "odd", or "silent" where the
// rules hold it back.
type oddValue struct{ sql, ids, due, email, hold, wants string }

// oddTexts are values for a text column, and oddBytes for a binary one; the other cells of the column have the same
// type. A column that is not named here is always "told", because any value is allowed in it.
var oddTexts = []oddValue{
	{"NULL", "odd", "odd", "silent", "told", "told"},
	{"''", "odd", "odd", "silent", "told", "told"},
	{"'   '", "odd", "odd", "silent", "told", "told"},
	{"' x '", "told", "odd", "silent", "silent", "odd"},
	{"'x1\t'", "told", "odd", "silent", "silent", "odd"},
	{"'x2\r\n'", "told", "odd", "silent", "silent", "odd"},
	{"_utf8mb4 X'783320C2A0'", "told", "odd", "silent", "silent", "odd"}, // NBSP
	{"_utf8mb4 X'780034'", "told", "odd", "silent", "silent", "odd"},     // NUL
	{"_utf8mb4 X'783500'", "told", "odd", "silent", "silent", "odd"},
	{"'x6\x1b[31m'", "told", "odd", "silent", "silent", "odd"},
	{"'😀\u202ex7'", "told", "odd", "silent", "silent", "odd"},
	{"REPEAT('x', 101)", "odd", "odd", "silent", "silent", "odd"},
	{"REPEAT('Buku ', 3000)", "odd", "odd", "silent", "silent", "odd"},
	{"-1", "told", "odd", "silent", "silent", "silent"},
	{"18446744073709551615", "told", "odd", "silent", "silent", "odd"},
	{"1e300", "told", "odd", "silent", "silent", "odd"},
	{"99999999999999999999999999999999999999999999999999999999999999999", "told", "odd", "silent", "silent", "odd"},
	{"'NaN'", "told", "odd", "silent", "silent", "odd"},
	{"TIME '-838:59:59'", "told", "odd", "silent", "silent", "odd"},
	{"'{\"a\": [1]}'", "told", "odd", "silent", "silent", "odd"},
	{"'0000-00-00'", "told", "odd", "silent", "silent", "odd"},
	{"'0026-11-24'", "told", "odd", "silent", "silent", "odd"},
	{"'2062-11-24'", "told", "odd", "silent", "silent", "odd"},
	{"'9999-12-31 23:59:59'", "told", "odd", "silent", "silent", "odd"},
	{"'2026-00-24'", "told", "odd", "silent", "silent", "odd"},
	{"_utf8mb4 X'6EC3AF6E6140'", "told", "odd", "silent", "silent", "odd"},
}

var oddBytes = []oddValue{
	{"X'E9E8'", "told", "odd", "silent", "silent", "odd"},
	{"X'FFFE00'", "told", "odd", "silent", "silent", "odd"},
	{"X'00000005'", "told", "odd", "silent", "silent", "odd"},
	{"CAST('x1' AS BINARY(8))", "told", "odd", "silent", "silent", "odd"},
	{"CONCAT(X'00', REPEAT(X'80', 200))", "odd", "odd", "silent", "silent", "odd"},
	{"X''", "odd", "odd", "silent", "told", "told"},
	{"ST_AsBinary(ST_GeomFromText('POINT(1 2)'))", "told", "odd", "silent", "silent", "odd"},
	{"b'101'", "told", "odd", "silent", "silent", "odd"},
	{"UNHEX('0F9A8B7C6D5E4F30212233445566FF00')", "told", "odd", "silent", "silent", "odd"},
}

// oddFailures are expressions that the database cannot compute.
var oddFailures = []string{
	"(SELECT v FROM twos WHERE twos.n = people.n)", // 1242, two rows
	"CAST(0 AS UNSIGNED) - CAST(n AS UNSIGNED)",    // 1690, out of range
	"EXP(710 + n)", // 1690
	"refuse(n)",    // 1644, a function says no
}

func (v oddValue) becomes(column string) string {
	switch column {
	case "loan_id", "borrower_id":
		return v.ids
	case "due_at":
		return v.due
	case "email":
		return v.email
	case "hold_reason":
		return v.hold
	case "wants":
		return v.wants
	}
	return "told"
}

// TestOneOddRow puts each odd value into each column of the view. All notices that can be sent are sent in the same
// run. The odd loans are counted, doctor names them, and they get a notice when their data is corrected.
func TestOneOddRow(t *testing.T) {
	lib := newOddLibrary(t)
	var failures []oddValue
	for _, f := range oddFailures {
		failures = append(failures, oddValue{f, "odd", "odd", "odd", "odd", "odd"})
	}
	for i, column := range slices.Sorted(maps.Keys(oddColumns)) {
		if !mysqltest.InFull(t, i, 4) {
			continue
		}
		for kind, values := range map[string][]oddValue{"text": oddTexts, "bytes": oddBytes, "failures": failures} {
			t.Run(column+", "+kind, func(t *testing.T) {
				lib.forget(t)
				cases := "CASE n"
				want := map[string][]int{}
				for n := 1; n <= oddPeople; n++ {
					becomes := "told"
					if n <= len(values) {
						v := values[n-1]
						cases += fmt.Sprintf(" WHEN %d THEN %s", n, v.sql)
						if becomes = v.becomes(column); kind == "failures" && column != "phone" {
							becomes = "odd"
						}
					}
					want[becomes] = append(want[becomes], n)
				}
				lib.view(t, map[string]string{column: cases + " ELSE " + oddColumns[column] + " END"})
				rep := lib.run(t, lib.app, reminder.Options{})
				assert.Equal(t, slices.Concat([]int{}, want["told"]), lib.told(t))
				assert.Equal(t, reminder.RunDone, rep.Outcome)
				assert.Equal(t, len(want["odd"]), rep.Loans.Odd, "odd")
				assert.Equal(t, oddPeople, rep.Loans.Open)
				assert.Equal(t, len(want["silent"]), rep.Loans.Held+rep.Loans.Unreachable)
				assert.Equal(t, len(want["odd"]) > 0, rep.NeedsPerson(), "odd loans need a person")
				named := lib.named(t)
				for _, n := range want["odd"] {
					assert.Contains(t, named, column, "%d: %s", n, values[n-1].sql)
				}

				lib.view(t, nil)
				rep, err := lib.app.Runner.Run(t.Context(), reminder.Options{})
				require.NoError(t, err)
				assert.Zero(t, rep.Loans.Odd)
				if column != "loan_id" && column != "borrower_id" { // with another id it is another loan
					assert.Equal(t, append([]int{}, slices.Sorted(slices.Values(slices.Concat(want["odd"], want["silent"])))...),
						lib.told(t), "mended")
				}
				lib.told(t)
			})
		}
	}
}

// named returns what doctor has to say that is serious, in one text.
func (l *oddLibrary) named(t *testing.T) string { return named(t, l.library, l.app) }

func named(t *testing.T, l *library, app *setup.App) string {
	t.Helper()
	survey := staff.NewSurvey(reminder.Rules{}, reminder.DateOf(l.now, l.now.Location()), nil)
	findings, err := check.View(t.Context(), deskdb.New(app.Store), survey)
	require.NoError(t, err)
	var all string
	for _, f := range findings {
		if f.Serious {
			all += text.In("en").Text(f.Message) + "\n"
		}
	}
	return all
}

// TestOddDueDates: a DATE column of an older system may contain days that do not exist. They do not count as too old.
func TestOddDueDates(t *testing.T) {
	lib := newOddLibrary(t)
	lib.Script(t, `ALTER TABLE people ADD due DATETIME DEFAULT '2026-11-24 00:00:00';
SET sql_mode = '';
UPDATE people SET due = ELT(n, NULL, '0000-00-00', '0000-11-26', '2026-00-00', '2026-11-00', '0026-11-25', '2062-11-25', '9999-12-31', '2033-11-24') WHERE n <= 9;
SET sql_mode = DEFAULT;
`)
	lib.view(t, map[string]string{"due_at": "due", "hold_reason": "IF(n = 8, 'for ever', NULL)"})
	rep := lib.run(t, lib.app, reminder.Options{})
	assert.Len(t, lib.told(t), oddPeople-9)
	assert.Equal(t, &reminder.LoanCounts{Open: oddPeople, InReach: oddPeople - 9, Odd: 8}, rep.Loans)
	next, err := desk.New(lib.app.Runner, lib.app.Store).Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, rep.Loans, next.Loans, "the desk counts as the run does")
	store := staffdb.New(lib.app.Store)
	survey, err := staff.ReadSurvey(t.Context(), lib.app.Store, store,
		reminder.Rules{Schedule: lib.app.Runner.Settings.Schedule}, day("2026-11-25"), 10)
	require.NoError(t, err)
	assert.NotEmpty(t, survey.Longest)
	assert.NotContains(t, fmt.Sprint(survey.Longest), "0000")
	named := lib.named(t)
	assert.Contains(t, named, "4 loans without a readable due date (due_at) are never told about (L1, L2, L4, ...)")
	assert.Contains(t, named, "4 loans with a due date (due_at) before 1970 or more than 5 years ahead")
}

// TestOddIDs: ids of every type are found again by a later run, with what was promised about them. An id with
// additional blanks is the same id.
func TestOddIDs(t *testing.T) {
	lib := newOddLibrary(t)
	var version string
	require.NoError(t, lib.Admin.QueryRow("SELECT VERSION()").Scan(&version))
	collation := "utf8mb4_0900_bin" // blanks at the end count; MySQL and MariaDB have different names for it
	if strings.Contains(version, "MariaDB") {
		collation = "utf8mb4_nopad_bin"
	}
	lib.Script(t, `CREATE TABLE ids (n INT PRIMARY KEY, t VARCHAR(40) CHARACTER SET utf8mb4 COLLATE `+collation+`, l CHAR(9) CHARACTER SET latin1,
	f FLOAT, d DOUBLE, c DECIMAL(65,0), u BIGINT UNSIGNED, b BINARY(16), v VARBINARY(20), w BINARY(8), bits BIT(40), j JSON, y DATE, z INT(8) ZEROFILL,
	tm TIME, dt DATETIME(6), e ENUM('a','b'), s SET('a','b','c','d','e','f'));
INSERT INTO ids SELECT n, CONCAT('t', n), CONCAT('é', n), n + 0.1, n * 1e299, 99999999999999999999999999999999999999999999999999999999999999 - n,
	18446744073709551615 - n, UNHEX(LEFT(SHA2(n, 256), 32)), CONCAT('v', n), CONCAT('w', n), n * 257 + 8192, CONCAT('"j', n, '"'), '2026-01-01' + INTERVAL n DAY, n,
	SEC_TO_TIME(-n * 90), '2026-01-01 10:00:00.5' + INTERVAL n DAY, 'a', n FROM people;
`)
	for _, id := range []string{"t", "l", "f", "d", "c", "u", "b", "v", "w", "bits", "j", "y", "z", "tm", "dt", "s"} {
		t.Run(id, func(t *testing.T) {
			lib.forget(t)
			column := "(SELECT " + id + " FROM ids WHERE ids.n = people.n)"
			lib.view(t, map[string]string{"loan_id": column, "borrower_id": column})
			rep := lib.run(t, lib.app, reminder.Options{})
			assert.Len(t, lib.told(t), oddPeople)
			assert.Zero(t, rep.Loans.Odd)
			assert.Empty(t, lib.named(t))
			next := lib.library.app(t, lib.srv, nil)
			rep, err := next.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Zero(t, rep.Planned)
		})
	}
	for _, gain := range []string{" ", "  ", "\t", "\r\n", "\u00a0"} {
		for id, charset := range map[string]string{"t": "_utf8mb4 ", "v": ""} {
			column := "(SELECT " + id + " FROM ids WHERE ids.n = people.n)"
			gained := fmt.Sprintf("X'%X')", gain) // MySQL stores a view's text beside bytes in another encoding
			lib.forget(t)
			lib.view(t, map[string]string{"loan_id": column})
			promised, err := lib.app.Store.Promise(t.Context(), "run", oddEmails(id))
			require.NoError(t, err)
			assert.Equal(t, oddPeople, promised.Emails)
			lib.view(t, map[string]string{"loan_id": "CONCAT(" + column + ", " + charset + gained,
				"borrower_id": "CONCAT('B', n, _utf8mb4 " + gained})
			rep := lib.run(t, lib.app, reminder.Options{})
			assert.Len(t, lib.told(t), oddPeople, "%q", gain)
			assert.Zero(t, rep.Planned.Emails, "%s: %q", id, gain)
		}
	}
}

// oddEmails returns planned emails about loans whose ids begin with a prefix.
func oddEmails(prefix string) (emails []reminder.Email) {
	for n := range oddPeople {
		emails = append(emails, reminder.Email{Kind: reminder.KindLoan, Borrower: fmt.Sprint("B", n+1),
			Notices: []reminder.Notice{
				{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: fmt.Sprint(prefix, n+1), Due: day("2026-11-24")}},
			}})
	}
	return emails
}

// TestOddAfterPromise: a loan that becomes odd between the promise and the mail is left out of the mail. Other loans
// are not.
func TestOddAfterPromise(t *testing.T) {
	lib := newOddLibrary(t)
	lib.view(t, nil)
	emails := oddEmails("L")
	emails[4].Notices = append(emails[4].Notices, emails[5].Notices...) // a borrower with two books
	_, err := lib.app.Store.Promise(t.Context(), "run", slices.Delete(emails, 5, 6))
	require.NoError(t, err)
	lib.view(t, map[string]string{"title": "CASE n WHEN 6 THEN " + oddFailures[0] + " WHEN 7 THEN " + oddFailures[1] +
		" ELSE CONCAT('Buku ', n) END",
		"borrower_id": "CONCAT('B', IF(n = 6, 5, n))", "email": "CONCAT('siswa', IF(n = 6, 5, n), '@example.org')"})
	rep, err := lib.app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Len(t, lib.told(t), oddPeople-2)
	assert.Equal(t, 2, rep.Loans.Odd)
	assert.Equal(t, 1, rep.Emails.Canceled)
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	assert.True(t, rep.NeedsPerson())
}

// TestOddPromise: if the database refuses to store one email, the other emails of its chunk are stored.
func TestOddPromise(t *testing.T) {
	lib := newOddLibrary(t)
	lib.view(t, nil)
	lib.Exec(t, "ALTER TABLE reminder_notices ADD CHECK (loan_id <> 'L9')")
	rep := lib.run(t, lib.app, reminder.Options{})
	assert.Len(t, lib.told(t), oddPeople-1)
	assert.Equal(t, 1, rep.Loans.Odd)
	assert.Equal(t, reminder.PlannedCounts{Emails: oddPeople - 1, Notices: oddPeople - 1}, rep.Planned)
}

// TestOddClosedDays: a row of closed days without a meaning is left out, and doctor names it. The other rows count.
func TestOddClosedDays(t *testing.T) {
	lib := newOddLibrary(t)
	lib.view(t, map[string]string{"calendar": "IF(n = 1, 'EAST', 'MAIN')"})
	values := []string{"NULL", "''", "'  '", "2", "-1", "1e300", "'yes'", "'0000-00-00'", "REPEAT('x', 15000)", "'😀'"}
	values = append(values, oddFailures...)
	normal := map[string]string{"calendar": "'MAIN'", "day": "'2026-12-25'", "is_open": "0", "name": "'Natal'"}
	for _, column := range slices.Sorted(maps.Keys(normal)) {
		lib.forget(t)
		cases := "CASE n"
		for i, v := range values {
			cases += fmt.Sprintf(" WHEN %d THEN %s", i+2, v)
		}
		list := ""
		for _, c := range slices.Sorted(maps.Keys(normal)) {
			expression := map[string]string{"calendar": "'EAST'", "day": "'2026-11-24'", "is_open": "0", "name": "'Libur'"}[c]
			if other := normal[c]; c == column {
				expression = "CASE n WHEN 1 THEN " + expression + strings.TrimPrefix(cases, "CASE n") + " ELSE " + other + " END"
			} else {
				expression = "IF(n = 1, " + expression + ", " + other + ")"
			}
			list += ", " + expression + " AS " + c
		}
		lib.Exec(t, "CREATE OR REPLACE ALGORITHM = MERGE VIEW reminder_source_closed_days AS SELECT "+list[2:]+" FROM people WHERE n <= 20")
		rep := lib.run(t, lib.library.app(t, lib.srv, nil), reminder.Options{})
		assert.Len(t, lib.told(t), oddPeople-1, "%s: but for the branch that is closed", column)
		assert.Equal(t, reminder.RunDone, rep.Outcome)
		assert.Contains(t, lib.named(t), "closed days cannot be read and are left out", column)
	}
}

// TestOddSources: odd values in one row of a base table do not stop a library with one of the supported systems.
func TestOddSources(t *testing.T) {
	for source, odd := range map[string]struct {
		change string // makes three loans odd
		loans  []string
	}{
		"slims": {`SET sql_mode = '';
UPDATE loan SET due_date = '2062-11-24' WHERE loan_id = 18;
UPDATE loan SET due_date = '0026-11-24' WHERE loan_id = 19;
UPDATE loan SET member_id = '' WHERE loan_id = 20;
UPDATE loan SET member_id = CONCAT(member_id, ' ') WHERE loan_id = 17;
UPDATE member SET member_name = CONCAT('Nur&#039;aini', REPEAT('x', 60));
UPDATE biblio SET title = REPEAT('Buku ', 5000);
SET sql_mode = DEFAULT;
`, []string{"18", "19"}},
		"koha": {`SET sql_mode = '';
UPDATE issues SET date_due = '9999-12-31 23:59:00' WHERE issue_id = 110;
UPDATE issues SET date_due = '0000-00-00 00:00:00' WHERE issue_id = 113;
UPDATE biblio SET title = CONCAT('Tom &amp; Jerry ', REPEAT('x', 60000));
UPDATE branches SET branchemail = 'perpustakaán@library.example';
SET sql_mode = DEFAULT;
`, []string{"110", "113"}},
	} {
		t.Run(source, func(t *testing.T) {
			plain := newSource(t, source, "")
			plain.at(t, "2026-11-24 08:00")
			before := mailtest.NewServer(t, mailtest.Options{})
			want := plain.run(t, plain.app(t, before, nil), reminder.Options{})

			lib := newSource(t, source, odd.change)
			lib.at(t, "2026-11-24 08:00")
			srv := mailtest.NewServer(t, mailtest.Options{})
			app := lib.app(t, srv, map[string]string{"MAIL_FROM_ALLOWED": "@library.example"})
			rep := lib.run(t, app, reminder.Options{})
			assert.Equal(t, reminder.RunDone, rep.Outcome)
			assert.Equal(t, want.Loans.Odd+len(odd.loans), rep.Loans.Odd)
			assert.GreaterOrEqual(t, rep.Emails.Sent, want.Emails.Sent-3)
			assert.Contains(t, named(t, lib, app), "due_at")
			for _, loan := range odd.loans {
				found, err := deskdb.New(app.Store).FindLoan(t.Context(), loan)
				require.NoError(t, err)
				require.Len(t, found, 1)
				x, err := desk.New(app.Runner, app.Store).ExplainLoan(t.Context(), found[0])
				require.NoError(t, err)
				assert.Equal(t, []reminder.Verdict{reminder.VerdictOdd}, x.Hinders)
			}
		})
	}
}

// TestEntities: names and titles that a PHP program stored with HTML entities are shown decoded, once.
func TestEntities(t *testing.T) {
	lib := newOddLibrary(t)
	titles := [][2]string{
		{"Tom &amp; Jerry: Juz&#039; Amma &quot;Lengkap&quot;", `Tom & Jerry: Juz' Amma "Lengkap"`},
		{"AT&T &copy 2020 R&D;", "AT&T &copy 2020 R&D;"},
		{"&amp;lt;b&amp;gt;", "&lt;b&gt;"},
		{"&lt;script&gt;", "<script>"},
		{"Caf&eacute;&nbsp;&#x1F600; &notit; &foo;", "Café 😀 &notit; &foo;"},
		{strings.Repeat("a", 117) + "&amp;&amp;b", strings.Repeat("a", 117) + "&&b"},
	}
	cases := ""
	for i, title := range titles {
		cases += fmt.Sprintf(" WHEN %d THEN '%s'", i+1, title[0])
	}
	lib.view(t, map[string]string{"title": "CASE n" + cases + " ELSE 'Buku' END", "borrower_name": "'Nur&#039;aini'"})
	lib.run(t, lib.app, reminder.Options{})
	for _, m := range lib.srv.Messages() {
		var n int
		_, err := fmt.Sscanf(m.To, "siswa%d@", &n)
		require.NoError(t, err)
		mail := m.Parse(t)
		assert.Contains(t, mail.Text, "Nur'aini")
		assert.Contains(t, mail.Header.Get("To"), "Nur'aini")
		if n <= len(titles) {
			assert.Contains(t, strings.Join(strings.Fields(mail.Text), " "), strings.Trim(titles[n-1][1], " ;"))
		}
		assert.NotContains(t, mail.HTML, "<script>")
	}
}

// TestRefusedLibrarians: librarians' addresses that are refused do not stop the morning's reminders.
func TestRefusedLibrarians(t *testing.T) {
	lib := newOddLibrary(t)
	lib.view(t, nil)
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "rcpt" && strings.Contains(c.Arg, "pustakawan") {
			return mailtest.Action{Reply: "550 5.1.1 no such user"}
		}
		return mailtest.Action{}
	}})
	rep, err := lib.library.app(t, srv, map[string]string{
		"REMINDER_SUMMARY_TO": "pustakawan1@example.org,pustakawan2@example.org,pustakawan3@example.org,pustakawan4@example.org",
	}).Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, reminder.RunDone, rep.Outcome)
	assert.Equal(t, oddPeople, rep.Emails.Sent)
	assert.Equal(t, 4, rep.Emails.Refused)
}
