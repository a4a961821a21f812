package reminder_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// sourceDays are the mornings on which the fixtures of testdata/sources are run: a Monday, a Tuesday, and the Thursday
// after a closed day.
var sourceDays = []string{"2026-11-23", "2026-11-24", "2026-11-26"}

// TestSources runs whole libraries in the schemas of other systems. The expected notices are in testdata/sources; they
// were derived from the meaning of the schemas and not from this program.
func TestSources(t *testing.T) {
	for _, test := range []struct{ name, source, change string }{
		{"slims", "slims", ""},
		{"slims, all InnoDB and one collation", "slims", slimsNew},
		{"koha", "koha", ""},
		{"koha with its newer calendar", "koha", kohaNewCalendar},
		{"koha of old", "koha", kohaOld},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, err := os.ReadFile("testdata/sources/" + test.source + ".want")
			require.NoError(t, err)
			assert.Equal(t, string(want), tellSource(t, test.source, test.change))
		})
	}
}

// slimsNew drops keys first, because TiDB cannot change the collation of a column with a key.
const slimsNew = `
SET sql_mode = '';
ALTER TABLE item DROP KEY item_code;
ALTER TABLE loan DROP KEY item_code, DROP KEY member_id;
ALTER TABLE holiday DROP KEY holiday_dayname;
ALTER TABLE member ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE item ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE loan ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE holiday ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE item ADD UNIQUE KEY item_code (item_code);
ALTER TABLE loan ADD KEY item_code (item_code), ADD KEY member_id (member_id);
ALTER TABLE holiday ADD UNIQUE KEY holiday_dayname (holiday_dayname, holiday_date);
SET sql_mode = DEFAULT;
`

const kohaNewCalendar = `
CREATE TABLE library_weekly_closures (library_id VARCHAR(10) NOT NULL, weekday SMALLINT NOT NULL) COLLATE utf8mb4_unicode_ci;
CREATE TABLE library_repeating_closures (library_id VARCHAR(10) NOT NULL, day SMALLINT, month SMALLINT, title VARCHAR(50) NOT NULL)
	COLLATE utf8mb4_unicode_ci;
CREATE TABLE library_single_closures (library_id VARCHAR(10) NOT NULL, date DATE NOT NULL) COLLATE utf8mb4_unicode_ci;
CREATE TABLE library_closure_exceptions (library_id VARCHAR(10) NOT NULL, date DATE NOT NULL) COLLATE utf8mb4_unicode_ci;
INSERT INTO library_weekly_closures SELECT branchcode, weekday FROM repeatable_holidays WHERE weekday IS NOT NULL;
INSERT INTO library_repeating_closures SELECT branchcode, day, month, title FROM repeatable_holidays WHERE weekday IS NULL;
INSERT INTO library_single_closures SELECT branchcode, '2026-11-25' FROM special_holidays WHERE isexception = 0;
INSERT INTO library_closure_exceptions SELECT branchcode, '2026-11-23' FROM special_holidays WHERE isexception = 1;
DROP TABLE repeatable_holidays;
DROP TABLE special_holidays;
`

// kohaOld has the schema without later additions. Two loans that need those are expressed in the older way, so the same
// notices are expected.
const kohaOld = `
UPDATE items SET itemlost = 1 WHERE itemnumber IN (104, 107);
DROP TABLE return_claims;
ALTER TABLE borrowers DROP COLUMN preferred_name, DROP COLUMN anonymized;
ALTER TABLE biblio DROP COLUMN part_number, DROP COLUMN part_name;
ALTER TABLE issues CHANGE renewals_count renewals TINYINT(4) NULL;
UPDATE systempreferences SET variable = 'AutoEmailPrimaryAddress', value = 'OFF' WHERE variable = 'EmailFieldPrimary';
`

// newSource returns a library with a fixture.
func newSource(t *testing.T, source, change string) *library {
	t.Helper()
	lib := newLibrary(t)
	fixture, err := os.ReadFile("testdata/sources/" + source + ".sql")
	require.NoError(t, err)
	lib.Script(t, string(fixture)+change)
	require.NoError(t, schema.CreateView(t.Context(), lib.Admin, source))
	return lib
}

// tellSource performs a run of a fixture on each day, and returns the notices that were sent.
func tellSource(t *testing.T, source, change string) string {
	t.Helper()
	lib := newSource(t, source, change)
	lib.Exec(t, "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES ('T127', UTC_TIMESTAMP())")

	var told strings.Builder
	for _, day := range sourceDays {
		lib.at(t, day+" 08:00")
		srv := mailtest.NewServer(t, mailtest.Options{})
		app := lib.app(t, srv, map[string]string{"MAIL_FROM_ALLOWED": "@library.example"})
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, reminder.RunDone, rep.Outcome)
		fmt.Fprintf(&told, "%s  open %d, in reach %d, held %d, too old %d, unreachable %d, odd %d\n", day,
			rep.Loans.Open, rep.Loans.InReach, rep.Loans.Held, rep.Loans.TooOld, rep.Loans.Unreachable, rep.Loans.Odd)
		var lines []string
		for _, m := range srv.Messages() {
			mail := m.Parse(t)
			line := fmt.Sprintf("  %s [%s]", m.To, mail.Header.Get("Content-Language"))
			if from := mail.Header.Get("From"); !strings.Contains(from, "perpus@mtsn6garut.example") {
				line += " from " + from
			}
			if answers := mail.Header.Get("Reply-To"); answers != "" {
				line += " reply to " + answers
			}
			lines = append(lines, line+":"+notices(t, lib, mail.Header.Get("Message-ID")))
		}
		slices.Sort(lines)
		told.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return told.String()
}

// notices returns the notices of the email that a message belongs to.
func notices(t *testing.T, lib *library, messageID string) string {
	rows, err := lib.Admin.QueryContext(t.Context(), `SELECT n.loan_id, n.step FROM reminder_notices n
		JOIN reminder_emails e ON e.id = n.email_id WHERE e.message_id = ? AND n.dropped = '' ORDER BY n.loan_id`, strings.Trim(messageID, "<>"))
	require.NoError(t, err)
	defer rows.Close()
	list := ""
	for rows.Next() {
		var loan string
		var step int
		require.NoError(t, rows.Scan(&loan, &step))
		list += fmt.Sprintf(" %s at %d", loan, step)
	}
	require.NoError(t, rows.Err())
	return list
}

// TestSourceFields: each field of a letter is read from the right column of each system.
func TestSourceFields(t *testing.T) {
	reader := func(source string) func(loan string) reminder.Loan {
		lib := newSource(t, source, "")
		store := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil).Store
		return func(loan string) reminder.Loan {
			loans, err := deskdb.New(store).FindLoan(t.Context(), loan)
			require.NoError(t, err)
			require.Len(t, loans, 1)
			return loans[0]
		}
	}
	slims, koha := reader("slims"), reader("koha")
	assert.Equal(t, reminder.Loan{
		ID: "118", Due: day("2026-11-24"), Title: "Laskar Pelangi", ItemCode: "X1", Borrowed: day("2026-10-20"),
		Borrower: reminder.Borrower{ID: "T118", Name: "Tiga buku", Email: "tigabuku@example.org", Group: "Guru",
			Type: "teacher"},
	}, slims("118"))
	assert.Equal(t, "member_deleted", slims("106").Hold)
	assert.Equal(t, "116", slims("X116").ID, "a book is found by the code on it")

	assert.Equal(t, reminder.Loan{
		ID: "126", Due: day("2026-11-24"), Title: "The <script> / a subtitle vol. 2", ItemCode: "X126",
		Borrowed: day("2026-10-20"),
		Wants:    "none,-2,0,+", Calendar: "MAIN", From: "main@library.example", ReplyTo: "desk@library.example",
		Borrower: reminder.Borrower{ID: "126", Name: "X Title", Email: "title@example.org", Group: "Main Library",
			Type: "student"},
	}, koha("126"))
	hourly := koha("110")
	assert.Equal(t, []string{"14:30", "en"}, []string{hourly.DueTime, hourly.Borrower.Language})
	nina := koha("119")
	assert.Equal(t, []string{"Nina English", "en-GB", "East Branch"},
		[]string{nina.Borrower.Name, nina.Borrower.Language, nina.Borrower.Group})
	for loan, hold := range map[string]string{"104": "anonymized", "105": "lost", "106": "onsite",
		"107": "claims_returned", "108": "", "109": ""} {
		assert.Equal(t, hold, koha(loan).Hold, loan)
	}
	assert.Equal(t, "due_at", koha("109").Odd(day("2026-11-24")))
}

// TestKohaOverdueRules: the overdue rules of the branch decide which borrowers get late notices, and from which day.
func TestKohaOverdueRules(t *testing.T) {
	lib := newSource(t, "koha", `
		CREATE TABLE overduerules (overduerules_id INT PRIMARY KEY, branchcode VARCHAR(10) NOT NULL DEFAULT '', categorycode VARCHAR(10) NOT NULL DEFAULT '',
			delay1 INT NULL, letter1 VARCHAR(20) NULL, delay2 INT NULL, letter2 VARCHAR(20) NULL, delay3 INT NULL, letter3 VARCHAR(20) NULL)
			COLLATE utf8mb4_unicode_ci;
		CREATE TABLE overduerules_transport_types (id INT PRIMARY KEY AUTO_INCREMENT, overduerules_id INT NOT NULL, letternumber INT NOT NULL DEFAULT 1,
			message_transport_type VARCHAR(20) NOT NULL DEFAULT 'email') COLLATE utf8mb4_unicode_ci;
		ALTER TABLE items ADD COLUMN homebranch VARCHAR(10) COLLATE utf8mb4_unicode_ci NULL DEFAULT 'WEST';
	`)
	lib.Exec(t, "INSERT INTO categories VALUES ('X', 'X', 1)")
	for _, test := range []struct{ name, rules, transports, origin, main, east, late string }{
		{"no rule at all", "", "", "", "X", "X", ""},
		{"the default rule", "(1, '', 'X', 7, 'ODUE', NULL, NULL, NULL, NULL)", "(1, 1, 'email')", "", "X", "X", "both +7"},
		{"another category's rule", "(1, '', 'ST', 7, 'ODUE', NULL, NULL, NULL, NULL)", "(1, 1, 'email')", "", "X", "X", ""},
		{"a category without overdue notices", "(1, '', 'STAFF', 7, 'ODUE', NULL, NULL, NULL, NULL)", "(1, 1, 'email')", "",
			"STAFF", "STAFF", ""},
		{"one branch has rules of its own", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL), (2, 'MAIN', 'X', 0, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'email')", "", "X", "X", "main +0, east +7"},
		{"and they leave a category out", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL), (2, 'MAIN', 'ST', 1, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'email')", "", "X", "X", "east +7"},
		{"without a delay it is no rule", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL), (2, 'MAIN', 'ST', NULL, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'email')", "", "X", "X", "both +7"},
		{"sms only", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL)", "(1, 1, 'sms'), (1, 1, 'print')", "", "X", "X", ""},
		{"no transport", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL)", "(9, 1, 'email')", "", "X", "X", ""},
		{"by e-mail from the second notice", "(1, '', 'X', 7, 'O', 14, 'P', NULL, NULL)",
			"(1, 1, 'sms'), (1, 2, 'email'), (1, 2, 'sms')", "", "X", "X", "both +14"},
		{"the first notice has no letter", "(1, '', 'X', 7, '', 14, NULL, 30, 'Q')",
			"(1, 1, 'email'), (1, 2, 'email'), (1, 3, 'email')", "", "X", "X", "both +30"},
		{"transports of the default rule", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL), (2, 'MAIN', 'X', 3, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email')", "", "X", "X", "main +3, east +7"},
		{"its own transports win", "(1, '', 'X', 7, 'O', NULL, NULL, NULL, NULL), (2, 'MAIN', 'X', 3, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'sms')", "", "X", "X", "east +7"},
		{"the patron's branch counts", "(1, 'MAIN', 'X', 2, 'O', NULL, NULL, NULL, NULL), (2, 'EAST', 'X', 3, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'email')", "patron-homebranch", "X", "X", "both +2"},
		{"the item's branch counts", "(1, 'WEST', 'X', 4, 'O', NULL, NULL, NULL, NULL), (2, 'EAST', 'X', 3, 'O', NULL, NULL, NULL, NULL)",
			"(1, 1, 'email'), (2, 1, 'email')", "item-homebranch", "X", "X", "both +4"},
	} {
		lib.Exec(t, "DELETE FROM overduerules")
		lib.Exec(t, "DELETE FROM overduerules_transport_types")
		lib.Exec(t, "DELETE FROM systempreferences WHERE variable = 'OverdueNoticeFrom'")
		lib.Exec(t, "INSERT INTO systempreferences VALUES ('OverdueNoticeFrom', ?)", test.origin)
		if test.rules != "" {
			lib.Exec(t, "INSERT INTO overduerules VALUES "+test.rules)
			lib.Exec(t, "INSERT INTO overduerules_transport_types (overduerules_id, letternumber, message_transport_type) VALUES "+test.transports)
		}
		lib.Exec(t, "UPDATE borrowers SET categorycode = ? WHERE borrowernumber = 120", test.main)
		late := func(loan string) string { // 120 is of MAIN, 121 of EAST, both of one patron of MAIN
			var wants string
			require.NoError(t, lib.Admin.QueryRow("SELECT wants FROM reminder_loans WHERE loan_id = ?", loan).Scan(&wants))
			rest, ok := strings.CutPrefix(wants, "none,-2,0")
			assert.True(t, ok, "%s: %s", test.name, wants)
			return strings.TrimPrefix(rest, ",")
		}
		main, east := late("120"), late("121")
		var got []string
		switch {
		case main != "" && main == east:
			got = append(got, "both "+main)
		default:
			if main != "" {
				got = append(got, "main "+main)
			}
			if east != "" {
				got = append(got, "east "+east)
			}
		}
		assert.Equal(t, test.late, strings.Join(got, ", "), test.name)
	}
}

// TestKohaAddress: mail goes to the address to which Koha sends notices.
func TestKohaAddress(t *testing.T) {
	lib := newSource(t, "koha", `
		CREATE TABLE borrower_relationships (id INT PRIMARY KEY AUTO_INCREMENT, guarantor_id INT NOT NULL, guarantee_id INT NOT NULL, relationship VARCHAR(100) NOT NULL DEFAULT '');
		UPDATE borrowers SET email = 'home@example.org', emailpro = 'pro@example.org', B_email = 'b@example.org', cardnumber = 'card@example.org' WHERE borrowernumber = 120;
		UPDATE borrowers SET email = ' ', emailpro = NULL, B_email = 'b@example.org' WHERE borrowernumber = 122;
		UPDATE borrowers SET email = 'guarantor@example.org' WHERE borrowernumber = 123;
		INSERT INTO borrower_relationships (guarantor_id, guarantee_id) VALUES (101, 101), (123, 101), (123, 120);
	`)
	for _, test := range []struct{ primary, precedence, selection, redirect, all, late, none string }{
		{"", "", "", "", "home", "b", ""},
		{"OFF", "email|emailpro|B_email", "", "0", "home", "b", ""},
		{"OFF", "B_email | emailpro|email", "", "", "b", "b", ""},
		{"OFF", "emailpro", "", "", "pro", "", ""},
		{"emailpro", "B_email", "", "", "pro", "", ""},
		{"B_email", "", "", "", "b", "b", ""},
		{"email", "", "", "", "home", "", ""},
		{"cardnumber", "", "", "", "card", "", ""},
		{"MULTI", "email", "emailpro,B_email", "", "pro", "b", ""},
		{"MULTI", "", "B_email,email", "", "b", "b", ""},
		{"MULTI", "email", "", "", "", "", ""},
		{"OFF", "", "", "1", "home", "b", "guarantor"},
		{"MULTI", "", "emailpro,email", "1", "pro", "", "guarantor"},
	} {
		lib.Exec(t, "DELETE FROM systempreferences WHERE variable <> 'dateformat'")
		for variable, value := range map[string]string{"EmailFieldPrimary": test.primary,
			"EmailFieldPrecedence": test.precedence,
			"EmailFieldSelection":  test.selection, "RedirectGuaranteeEmail": test.redirect} {
			lib.Exec(t, "INSERT INTO systempreferences VALUES (?, ?)", variable, value)
		}
		for loan, want := range map[string]string{"120": test.all, "122": test.late, "101": test.none} {
			var email *string
			require.NoError(t, lib.Admin.QueryRow("SELECT email FROM reminder_loans WHERE loan_id = ?", loan).Scan(&email))
			var guardian, name, wants *string
			require.NoError(t, lib.Admin.QueryRow(`SELECT guardian_email, guardian_name, guardian_wants FROM reminder_loans
				WHERE loan_id = ?`, loan).Scan(&guardian, &name, &wants))
			if test.redirect == "1" && loan != "122" {
				assert.Equal(t, []string{"guarantor@example.org", "U West"}, []string{*guardian, *name})
			} else {
				assert.Nil(t, guardian)
			}
			assert.Equal(t, test.redirect == "1", wants != nil && *wants == "+", "%+v", test)
			if want == "" {
				assert.Nil(t, email, "%+v %s", test, loan)
			} else if assert.NotNil(t, email, "%+v %s", test, loan) {
				assert.Equal(t, want+"@example.org", *email, "%+v %s", test, loan)
			}
		}
	}
}

// TestBorrowerTypes: the type of a borrower is read from the right column of each system.
func TestBorrowerTypes(t *testing.T) {
	types := func(lib *library, where string) (types string) {
		require.NoError(t, lib.Admin.QueryRow("SELECT COALESCE(MAX(borrower_type), '-') FROM reminder_loans WHERE "+where).Scan(&types))
		return types
	}
	slims := newSource(t, "slims", "")
	for name, want := range map[string]string{"Guru": "teacher", "Dosen Tetap": "teacher", "SISWA Kelas 7": "student",
		"Mahasiswa": "student", "Staf TU": "staff", "Orang Tua": "parent", "Wali kelas": "teacher",
		"Standard": "-", "": "-"} {
		slims.Exec(t, "UPDATE mst_member_type SET member_type_name = ? WHERE member_type_id = 2", name)
		assert.Equal(t, want, types(slims, "loan_id = 118"), name)
	}
	koha := newSource(t, "koha",
		"ALTER TABLE categories ADD category_type VARCHAR(1) COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'A';")
	for _, c := range []struct{ kind, description, want string }{{"A", "Patron", "-"}, {"A", "Teacher", "teacher"},
		{"C", "Kid", "student"}, {"S", "Teacher", "staff"}, {"P", "Faculty", "teacher"}, {"A", "Pelajar", "student"}} {
		koha.Exec(t, "UPDATE categories SET category_type = ?, description = ? WHERE categorycode = 'ST'", c.kind, c.description)
		assert.Equal(t, c.want, types(koha, "loan_id = 126"), c.description)
	}
	school := newLibrary(t)
	for level, want := range map[string]string{"siswa": "student", "guru": "teacher", "staff": "staff", "admin": "staff"} {
		id := school.AddLoan(t, mysqltest.Loan{Due: "2026-11-24",
			Borrower: school.AddBorrower(t, mysqltest.Borrower{Level: level})})
		assert.Equal(t, want, types(school, fmt.Sprint("loan_id = ", id)))
	}
}

// TestSourceIsNamed: an error about the views names the system for which they were made, also if that system is too
// old.
func TestSourceIsNamed(t *testing.T) {
	lib := newSource(t, "koha", "")
	_, err := schema.Remember(t.Context(), lib.Admin, "koha")
	require.NoError(t, err)
	store := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil).Store
	lib.Exec(t, "ALTER TABLE issues CHANGE date_due due DATETIME NULL")
	assert.Contains(t, english(store.Check(t.Context())), "Run 'pengingat migrate --source koha'.")
	lib.Exec(t, "DROP VIEW reminder_loans")
	assert.Contains(t, english(store.Check(t.Context())), "Run 'pengingat migrate --source koha'.")
	_, err = schema.Remember(t.Context(), lib.Admin, "custom")
	require.NoError(t, err)
	assert.Contains(t, english(store.Check(t.Context())), "Run 'pengingat migrate --source custom --view FILE.sql'.")

	err = schema.CreateView(t.Context(), lib.Admin, "koha")
	assert.Contains(t, english(err), "does not fit --source koha (Koha 3.22 or newer): it has no issues.date_due.")
	err = schema.CreateView(t.Context(), lib.Admin, "slims")
	assert.Contains(t, english(err), "does not fit --source slims (SLiMS 5 or newer): it has no loan.loan_id")
	lib.Exec(t, "ALTER TABLE issues CHANGE due date_due DATETIME NULL")
	require.NoError(t, schema.CreateView(t.Context(), lib.Admin, "koha"))
	assert.NoError(t, store.Check(t.Context()))
}
