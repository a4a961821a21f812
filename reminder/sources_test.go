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
	"github.com/mtsn6garut/pengingat/reminder/mysql/migrations"
)

// sourceDays are the mornings on which the fixtures of testdata/sources are run: a Monday, a Tuesday, and the Thursday
// after a day on which the library is closed.
var sourceDays = []string{"2026-11-23", "2026-11-24", "2026-11-26"}

// TestSources runs whole libraries in the schemas of other systems. Who must be told what is in testdata/sources, which
// was written from the schema's meaning and not by this program.
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

const slimsNew = `
SET sql_mode = '';
ALTER TABLE member ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE item ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE loan ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
ALTER TABLE holiday ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
SET sql_mode = DEFAULT;
`

const kohaNewCalendar = `
CREATE TABLE library_weekly_closures SELECT branchcode AS library_id, weekday FROM repeatable_holidays WHERE weekday IS NOT NULL;
CREATE TABLE library_repeating_closures SELECT branchcode AS library_id, day, month, title FROM repeatable_holidays WHERE weekday IS NULL;
CREATE TABLE library_single_closures SELECT branchcode AS library_id, CAST('2026-11-25' AS DATE) AS date FROM special_holidays WHERE isexception = 0;
CREATE TABLE library_closure_exceptions SELECT branchcode AS library_id, CAST('2026-11-23' AS DATE) AS date FROM special_holidays WHERE isexception = 1;
DROP TABLE repeatable_holidays;
DROP TABLE special_holidays;
`

// kohaOld lacks what came later. What only that said of two loans is said in the older way, so that the same people are told.
const kohaOld = `
UPDATE items SET itemlost = 1 WHERE itemnumber IN (104, 107);
DROP TABLE return_claims;
ALTER TABLE borrowers DROP COLUMN preferred_name, DROP COLUMN anonymized;
ALTER TABLE biblio DROP COLUMN part_number, DROP COLUMN part_name;
ALTER TABLE issues CHANGE renewals_count renewals TINYINT(4) NULL;
UPDATE systempreferences SET variable = 'AutoEmailPrimaryAddress', value = 'OFF' WHERE variable = 'EmailFieldPrimary';
`

// newSource makes a library of a fixture.
func newSource(t *testing.T, source, change string) *library {
	t.Helper()
	lib := newLibrary(t)
	fixture, err := os.ReadFile("testdata/sources/" + source + ".sql")
	require.NoError(t, err)
	lib.Script(t, string(fixture)+change)
	require.NoError(t, migrations.CreateView(t.Context(), lib.Admin, source))
	return lib
}

// tellSource runs a fixture on each day and returns whom it told what.
func tellSource(t *testing.T, source, change string) string {
	t.Helper()
	lib := newSource(t, source, change)
	lib.Exec(t, "INSERT INTO reminder_opt_outs VALUES ('T127', UTC_TIMESTAMP())")

	var told strings.Builder
	for _, day := range sourceDays {
		lib.at(t, day+" 08:00")
		srv := mailtest.NewServer(t, mailtest.Options{})
		app := lib.app(t, srv, map[string]string{"MAIL_FROM_ALLOWED": "@library.example"})
		rep := lib.run(t, app, reminder.Options{})
		assert.Equal(t, reminder.Done, rep.Outcome)
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

// notices tells what was promised in the email that a message was.
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

// TestSourceFields: what a letter says about a loan is where each system keeps it.
func TestSourceFields(t *testing.T) {
	reader := func(source string) func(loan string) reminder.Loan {
		lib := newSource(t, source, "")
		store := lib.app(t, mailtest.NewServer(t, mailtest.Options{}), nil).Store
		return func(loan string) reminder.Loan {
			loans, err := store.FindLoan(t.Context(), loan)
			require.NoError(t, err)
			require.Len(t, loans, 1)
			return loans[0]
		}
	}
	slims, koha := reader("slims"), reader("koha")
	assert.Equal(t, reminder.Loan{
		ID: "118", Due: day("2026-11-24"), Title: "Laskar Pelangi", ItemCode: "X1", Borrowed: day("2026-10-20"),
		Borrower: reminder.Borrower{ID: "T118", Name: "Tiga buku", Email: "tigabuku@example.org", Group: "Guru"},
	}, slims("118"))
	assert.Equal(t, "member_deleted", slims("106").Hold)
	assert.Equal(t, "116", slims("X116").ID, "a book is found by the code on it")

	assert.Equal(t, reminder.Loan{
		ID: "126", Due: day("2026-11-24"), Title: "The <script> / a subtitle vol. 2", ItemCode: "X126", Borrowed: day("2026-10-20"),
		Wants: "none,-2,0,+", Calendar: "MAIN", From: "main@library.example", ReplyTo: "desk@library.example",
		Borrower: reminder.Borrower{ID: "126", Name: "X Title", Email: "title@example.org", Group: "Main Library"},
	}, koha("126"))
	hourly := koha("110")
	assert.Equal(t, []string{"14:30", "en"}, []string{hourly.DueTime, hourly.Borrower.Language})
	nina := koha("119")
	assert.Equal(t, []string{"Nina English", "en-GB", "East Branch"}, []string{nina.Borrower.Name, nina.Borrower.Language, nina.Borrower.Group})
	for loan, hold := range map[string]string{"104": "anonymized", "105": "lost", "106": "onsite", "107": "claims_returned", "108": "", "109": ""} {
		assert.Equal(t, hold, koha(loan).Hold, loan)
	}
	assert.Equal(t, "due_at", koha("109").Odd(day("2026-11-24")))
}
