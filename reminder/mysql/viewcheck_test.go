package mysql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// custom makes a store of a view whose rows are given as "loan, borrower, name, email, title, due, language, wants, reply".
func custom(t *testing.T, closed string, rows ...string) *mysql.Store {
	db := mysqltest.New(t)
	_, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	db.Exec(t, `CREATE TABLE rows_of (loan VARCHAR(200), borrower VARCHAR(200), name VARCHAR(50), email VARCHAR(100), title VARCHAR(50),
		due DATE, language VARCHAR(10), wants VARCHAR(20), reply VARCHAR(50)) CHARACTER SET utf8mb4`)
	for _, row := range rows {
		db.Exec(t, "INSERT INTO rows_of VALUES ("+row+")")
	}
	if closed != "" {
		closed = "CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT 'x' AS calendar, " + closed + " AS day, 0 AS is_open, 'n' AS name FROM rows_of LIMIT 1"
	}
	require.NoError(t, schema.CreateViews(t.Context(), db.Admin, `-- a comment; with a semicolon
		CREATE OR REPLACE VIEW reminder_loans AS SELECT loan AS loan_id, borrower AS borrower_id, name AS borrower_name, email, title,
		due AS due_at, language, wants, reply AS reply_to, 1 AS colour FROM rows_of;
`+closed, nil))
	return connect(t, db.Config, 2)
}

func TestCheckView(t *testing.T) {
	const good = "'1', 'a', 'Ani', 'ani@example.org', 'Bumi', '2026-11-24', 'id', '-2,0,+', NULL"
	check := func(closed string, rows ...string) string {
		checked, findings, err := custom(t, closed, rows...).CheckView(t.Context(), day("2026-11-24"))
		require.NoError(t, err)
		require.Equal(t, len(rows), checked)
		var all []string
		for _, f := range findings {
			assert.NotEqual(t, text.In("id").Text(f.Message), text.In("en").Text(f.Message))
			all = append(all, text.In("en").Text(f.Message))
		}
		return strings.Join(all, "\n")
	}
	assert.Equal(t, "The column colour is not read by the program: a wrong name?", check("", good))

	long := strings.Repeat("9", 101)
	wrong := check("'25 December'", good, good,
		"NULL, 'b', 'Budi', 'budi@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'2', NULL, 'Budi', 'budi@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'"+long+"', 'c', 'Cici', 'cici@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'3', 'a', 'Asep', 'asep@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'4', 'd', 'Dedi', 'dedi@example.org', 'Bumi', NULL, NULL, NULL, NULL",
		"'5', 'e', 'Euis', ' ', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'8', 'h', 'Hadi', 'hadi,nur@example.org', 'Bumi', '2026-11-24', NULL, NULL, NULL",
		"'6', 'f', 'Feri', 'feri@', '', '2026-11-24', 'xx', 'sometimes', 'desk'",
		"'7', 'g', NULL, 'g@example.org', 'Bumi', '2026-11-24', 'en-GB', 'none', 'desk@example.org'")
	for _, want := range []string{
		"1 loans without a loan_id", "1 loan ids appear more than once: a JOIN", "1 loans without a borrower_id", "1 ids are longer",
		"1 a borrower_id stands for two people or more: one's mail would name the other's books (3)", "1 loans without a readable due date (due_at) are never told about (4)",
		"1 loans without an e-mail address (5)", "1 loans with an e-mail address that cannot be used (6)", "1 loans without a title (6)",
		"1 loans with what may be half of an e-mail address; is there a comma or a blank inside it? (8)",
		"1 loans without the borrower's name (7)", "1 loans with a language other than id, en and su", "1 wants cannot be read", "1 from_address or reply_to is not",
		"1 closed days cannot be read and are left out; write day as 2026-12-25, 12-25 or sun, and is_open as 0 or 1 (25 December)",
	} {
		assert.Contains(t, wrong, want)
	}
	assert.Len(t, strings.Split(wrong, "\n"), 16)
}

func TestViewLacksColumns(t *testing.T) {
	store, db, _ := open(t)
	db.Exec(t, "CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id, tanggal_kembali AS due_at FROM peminjaman")
	err := store.Check(t.Context())
	assert.Contains(t, said(err), "borrower_name, email, title")
	assert.False(t, reminder.IsTemporary(err))

	// The six that are required are enough.
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, u.id AS borrower_id, u.nama AS borrower_name, u.email,
		'T' AS title, p.tanggal_kembali AS due_at FROM peminjaman p JOIN users u ON u.id = p.user_id`)
	require.NoError(t, store.Check(t.Context()))
	n := 0
	require.NoError(t, store.Scan(t.Context(), day("2026-11-01"), day("2026-11-30"), func(l []reminder.Loan) error {
		n += len(l)
		return nil
	}))
	assert.Equal(t, 1, n)
	loans, err := store.FindLoan(t.Context(), "1")
	require.NoError(t, err)
	assert.Len(t, loans, 1)
	last, err := store.LastBorrowed(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	assert.True(t, last.IsZero())
}

// TestClosedDaysAreNotSilentlyLost: a system with a calendar of its own, and a user who may not read it.
func TestClosedDaysAreNotSilentlyLost(t *testing.T) {
	store, db, user := open(t)
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, u.id AS borrower_id, u.nama AS borrower_name, u.email,
		'T' AS title, p.tanggal_kembali AS due_at, NULL AS calendar FROM peminjaman p JOIN users u ON u.id = p.user_id`)
	require.NoError(t, store.Check(t.Context()))
	_, err := store.Calendars(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	db.Exec(t, "REVOKE SELECT ON "+db.Name+".reminder_source_closed_days FROM '"+user.User+"'@'%'")
	require.NoError(t, store.Check(t.Context()))
	_, err = connect(t, user, 1).Calendars(t.Context(), day("2026-11-24"))
	assert.Contains(t, said(err), "deploy/grants.sql")

	// A view without calendar, and one of closed days that broke, or of which no row can be computed.
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, u.id AS borrower_id, u.nama AS borrower_name, u.email,
		'T' AS title, p.tanggal_kembali AS due_at FROM peminjaman p JOIN users u ON u.id = p.user_id`)
	db.Exec(t, "GRANT SELECT ON "+db.Name+".reminder_source_closed_days TO '"+user.User+"'@'%'")
	db.Exec(t, "CREATE TABLE days (day DATETIME)")
	db.Exec(t, "INSERT INTO days VALUES ('2026-11-24'), ('2026-11-25')")
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_source_closed_days AS
		SELECT NULL AS calendar, day, (SELECT 0 FROM days x WHERE x.day >= d.day) AS is_open, '' AS name FROM days d WHERE day > '2026-11-24'`)
	calendars, err := connect(t, user, 1).Calendars(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	_, closed := calendars[""].Closed(day("2026-11-25"))
	assert.True(t, closed, "a day may be a DATETIME")
	db.Exec(t, "INSERT INTO days VALUES ('2026-11-26'), ('2026-11-26')")
	_, err = connect(t, user, 1).Calendars(t.Context(), day("2026-11-24"))
	assert.Contains(t, said(err), "The view reminder_source_closed_days: the database cannot compute its rows")
	db.Exec(t, "DROP TABLE days")
	_, err = connect(t, user, 1).Calendars(t.Context(), day("2026-11-24"))
	assert.Contains(t, said(err), "The view reminder_source_closed_days is missing or broken")
	db.Exec(t, "DROP VIEW reminder_source_closed_days")
	_, err = connect(t, user, 1).Calendars(t.Context(), day("2026-11-24"))
	assert.NoError(t, err, "a system without one")
}

func TestSourceCalendars(t *testing.T) {
	store, db, _ := open(t)
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_source_closed_days AS
		SELECT NULL AS calendar, 'sun' AS day, 0 AS is_open, '' AS name UNION ALL SELECT NULL, '12-25', 0, 'Natal' UNION ALL
		SELECT 'A', '2026-11-29', 1, '' UNION ALL SELECT 'A', '2026-11-30', 0, 'Rapat' UNION ALL SELECT 'A', '2026-11-30', 1, '' UNION ALL
		SELECT 'A', '02-29', 0, 'Kabisat' UNION ALL SELECT 'B', 'nothing', 0, '' UNION ALL SELECT 'B', NULL, NULL, NULL UNION ALL SELECT 'B', '02-30', 0, ''`)
	db.Exec(t, "INSERT INTO reminder_closed_days VALUES ('2026-12-01', '2026-12-02', 'Libur')")
	calendars, err := store.Calendars(t.Context(), day("2026-11-01"))
	require.NoError(t, err)
	closed := func(c reminder.Calendar, d string) string {
		name, closed := c.Closed(day(d))
		if closed && name == "" {
			return "weekly"
		}
		return name
	}
	all, a := calendars[""], calendars[""].With(calendars["A"])
	assert.Equal(t, "weekly", closed(all, "2026-11-29"))
	assert.Equal(t, "Natal", closed(all, "2027-12-25"))
	assert.Equal(t, "Libur", closed(all, "2026-12-02"))
	assert.Empty(t, closed(a, "2026-11-29"), "an exception opens one Sunday")
	assert.Equal(t, "weekly", closed(a, "2026-12-06"))
	assert.Empty(t, closed(a, "2026-11-30"), "an exception comes first")
	assert.Equal(t, "Kabisat", closed(a, "2028-02-29"))
	assert.Empty(t, calendars["B"].Dates)
	assert.Empty(t, calendars["B"].Weekdays)

	db.Exec(t, "INSERT INTO reminder_closed_days VALUES ('2026-11-29', '2026-11-29', 'Listrik')")
	calendars, err = store.Calendars(t.Context(), day("2026-11-01"))
	require.NoError(t, err)
	assert.Equal(t, "Listrik", closed(calendars[""].With(calendars["A"]), "2026-11-29"), "what was closed here stays closed")
}

func TestCheckScan(t *testing.T) {
	store, db, _ := open(t)
	statement, err := schema.Remember(t.Context(), db.Admin, "perpustakaan")
	require.NoError(t, err)
	assert.Equal(t, "CREATE INDEX reminder_due ON peminjaman (tanggal_pengembalian, tanggal_kembali, status)", statement)
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	slow := func() time.Time { now = now.Add(3 * time.Second); return now }
	findings, err := store.CheckScan(t.Context(), day("2026-09-25"), day("2026-11-25"), slow)
	require.NoError(t, err)
	require.Len(t, findings, 1)
	assert.Contains(t, text.In("en").Text(findings[0].Message), "3.0 seconds; this index makes it fast (for the database's administrator): "+statement)
	findings, err = store.CheckScan(t.Context(), day("2026-09-25"), day("2026-11-25"), func() time.Time { return now })
	require.NoError(t, err)
	assert.Empty(t, findings)

	db.Exec(t, statement)
	statement, err = schema.Remember(t.Context(), db.Admin, "perpustakaan")
	require.NoError(t, err)
	assert.Empty(t, statement, "there is one now")
	pauses, err := store.Pauses(t.Context())
	require.NoError(t, err)
	assert.Empty(t, pauses, "what is remembered is no pause")
}
