package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// custom makes a store of a view whose rows are given as "loan, borrower, name, email, title, due, language, wants,
// reply, type, guardian, agreed"; what is left out is NULL.
func custom(t *testing.T, closed string, rows ...string) *deskdb.Store {
	db := mysqltest.New(t)
	_, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	db.Exec(t, `CREATE TABLE rows_of (loan VARCHAR(200), borrower VARCHAR(200), name VARCHAR(50), email VARCHAR(100), title VARCHAR(50),
		due DATE, language VARCHAR(10), wants VARCHAR(20), reply VARCHAR(50), type VARCHAR(20), guardian VARCHAR(50), agreed VARCHAR(20)) CHARACTER SET utf8mb4`)
	for _, row := range rows {
		db.Exec(t, "INSERT INTO rows_of VALUES ("+row+strings.Repeat(", NULL", 11-strings.Count(row, ", "))+")")
	}
	if closed != "" {
		closed = "CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT 'x' AS calendar, " + closed +
			" AS day, 0 AS is_open, 'n' AS name FROM rows_of LIMIT 1"
	}
	require.NoError(t, schema.CreateViews(t.Context(), db.Admin, `-- a comment; with a semicolon
		CREATE OR REPLACE VIEW reminder_loans AS SELECT loan AS loan_id, borrower AS borrower_id, name AS borrower_name, email, title,
		due AS due_at, language, wants, reply AS reply_to,
		type AS borrower_type, guardian AS guardian_email, agreed AS guardian_wants, 1 AS colour FROM rows_of;
`+closed, nil))
	store, err := mysql.Open(db.Config, 2, 0)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return deskdb.New(store)
}

func TestView(t *testing.T) {
	today, err := reminder.ParseDate("2026-11-24")
	require.NoError(t, err)
	const good = "'1', 'a', 'Ani', 'ani@example.org', 'Bumi', '2026-11-24', 'id', '-2,0,+', NULL"
	say := func(closed string, rows ...string) string {
		survey := staff.NewSurvey(reminder.Rules{MaxOverdueDays: 60}, today, nil)
		findings, err := check.View(t.Context(), custom(t, closed, rows...), survey)
		require.NoError(t, err)
		require.Equal(t, len(rows), survey.Open)
		var all []string
		for _, f := range findings {
			assert.NotEqual(t, text.In("id").Text(f.Message), text.In("en").Text(f.Message))
			all = append(all, text.In("en").Text(f.Message))
		}
		return strings.Join(all, "\n")
	}
	assert.Equal(t, "The column colour is not read by the program: a wrong name?", say("", good))

	long := strings.Repeat("9", 101)
	wrong := say("'25 December'", good, good,
		"NULL, 'b', 'Budi', 'budi@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'2', NULL, 'Budi', 'budi@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'"+long+"', 'c', 'Cici', 'cici@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'3', 'a', 'Asep', 'asep@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'4', 'd', 'Dedi', 'dedi@example.org', 'Bumi', NULL, NULL, NULL, NULL",
		"'5', 'e', 'Euis', ' ', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'8', 'h', 'Hadi', 'hadi,nur@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'6', 'f', 'Feri', 'feri@', '', '2026-11-24', 'xx', 'sometimes', 'desk'",
		"'7', 'g', NULL, 'g@example.org', 'Bumi', '2026-11-24', 'en-GB', 'none', 'desk@example.org', 'Teacher'",
		"'9', 'i', 'Ita', 'i@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL, 'alumni', 'wali@', 'sometimes'",
		"'10', 'j', 'Jaja', 'j@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL, 'parent', 'wali@example.org', '+14'")
	for _, want := range []string{
		"1 loans without a loan_id", "1 loan ids appear more than once: a JOIN", "1 loans without a borrower_id",
		"1 ids are longer",
		"1 a borrower_id stands for two people or more: one's mail would name the other's books (3)",
		"1 loans without a readable due date (due_at) are never told about (4)",
		"1 loans without an e-mail address (5)", "1 loans with an e-mail address that cannot be used (6)",
		"1 loans without a title (6)",
		"1 loans with what may be half of an e-mail address; is there a comma or a blank inside it? (8)",
		"1 loans without the borrower's name (7)", "1 loans with a language other than id, en and su",
		"1 loans with a borrower_type other than student, teacher, staff and parent, which is read as unknown (9)",
		"1 loans with a guardian's e-mail address that cannot be used (9)", "1 guardian_wants cannot be read",
		"1 wants cannot be read", "1 from_address or reply_to is not",
		"1 closed days cannot be read and are left out; write day as 2026-12-25, 12-25 or sun, and is_open as 0 or 1 (25 December)",
	} {
		assert.Contains(t, wrong, want)
	}
	assert.Len(t, strings.Split(wrong, "\n"), 19)
}
