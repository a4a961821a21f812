package mysql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

func TestViewLacksColumns(t *testing.T) {
	store, db, _ := open(t)
	db.Exec(t, "CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id, tanggal_kembali AS due_at FROM peminjaman")
	err := store.Check(t.Context())
	assert.Contains(t, said(err), "borrower_name, email, title")
	assert.False(t, reminder.IsTemporary(err))

	// The six required columns are enough.
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
	loans, err := deskdb.New(store).FindLoan(t.Context(), "1")
	require.NoError(t, err)
	assert.Len(t, loans, 1)
	last, err := store.LastBorrowed(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	assert.True(t, last.IsZero())
}

// TestClosedDaysAreNotSilentlyLost: the system has a calendar, and the user has no right to read it.
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

	// A view without the column calendar, and a view of closed days that is broken, or of which no row can be computed.
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
	assert.Equal(t, "Listrik", closed(calendars[""].With(calendars["A"]), "2026-11-29"),
		"what was closed here stays closed")
}

func TestProposedIndex(t *testing.T) {
	store, db, _ := open(t)
	statement, err := schema.Remember(t.Context(), db.Admin, "perpustakaan")
	require.NoError(t, err)
	assert.Equal(t, "CREATE INDEX reminder_due ON peminjaman (tanggal_pengembalian, tanggal_kembali, status)", statement)
	proposed, err := deskdb.New(store).ProposedIndex(t.Context())
	require.NoError(t, err)
	assert.Equal(t, statement, proposed)

	db.Exec(t, statement)
	statement, err = schema.Remember(t.Context(), db.Admin, "perpustakaan")
	require.NoError(t, err)
	assert.Empty(t, statement, "there is one now")
	found, err := store.Records(t.Context(), time.Now())
	require.NoError(t, err)
	assert.Empty(t, found.Pauses, "what is remembered is no pause")
}
