package mysql_test

import (
	"slices"
	"testing"
	"time"

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

// zoned returns a store for a library in a zone. Its one loan is due at an expression over the columns of the table
// due, which all contain the same moment.
func zoned(t *testing.T, db *mysqltest.DB, zone, due string) *mysql.Store {
	t.Helper()
	db.Exec(t, "CREATE OR REPLACE VIEW reminder_loans AS SELECT 7 AS loan_id, 'b' AS borrower_id, 'B' AS borrower_name, 'b@example.org' AS email, 'T' AS title, "+
		due+" AS due_at FROM due")
	cfg := db.Config.Clone()
	var err error
	cfg.Loc, err = time.LoadLocation(zone)
	require.NoError(t, err)
	return connect(t, cfg, 2)
}

// write stores a moment like a program whose session is in a zone.
func write(t *testing.T, db *mysqltest.DB, zone, moment string) {
	t.Helper()
	db.Script(t, "SET time_zone = '"+zone+"';\nDELETE FROM due;\nINSERT INTO due VALUES ('"+moment+"', UNIX_TIMESTAMP('"+moment+"'), '"+moment+"', '"+moment+"');\n")
}

func zonedTable(t *testing.T) *mysqltest.DB {
	db := mysqltest.New(t)
	_, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	db.Exec(t, "CREATE TABLE due (ts TIMESTAMP NULL, secs INT, dt DATETIME, d DATE)")
	return db
}

// TestDueInTheLibrarysZone: for each type of the due date, it is the day that the library's clock showed when it was
// written.
func TestDueInTheLibrarysZone(t *testing.T) {
	db := zonedTable(t)
	for zone, offset := range map[string]string{"Asia/Jakarta": "+07:00", "Asia/Jayapura": "+09:00", "UTC": "+00:00",
		"America/Bogota": "-05:00"} {
		for moment, want := range map[string]string{"2026-11-25 00:00:00": "", "2026-11-25 14:30:00": "14:30",
			"2026-11-25 23:59:59": ""} {
			write(t, db, offset, moment)
			for due, clock := range map[string]string{
				"ts": want, "FROM_UNIXTIME(secs)": want, "DATE(ts)": "", "DATE(FROM_UNIXTIME(secs))": "",
				"DATE_ADD(ts, INTERVAL 0 DAY)": want,
				"CAST(ts AS DATETIME)":         want, "COALESCE(NULL, ts)": want, "dt": want, "d": "",
			} {
				store := zoned(t, db, zone, due)
				require.NoError(t, store.Check(t.Context()))
				var found []reminder.Loan
				err := store.Scan(t.Context(), day("2026-11-25"), day("2026-11-25"), func(l []reminder.Loan) error {
					found = slices.Clone(l)
					return nil
				})
				require.NoError(t, err)
				if assert.Len(t, found, 1, "%s %s %s", zone, moment, due) {
					assert.Equal(t, []string{"2026-11-25", clock}, []string{found[0].Due.String(), found[0].DueTime}, "%s %s %s", zone,
						moment, due)
				}
			}
		}
	}
}

// TestZoneFindings: a due date that depends on the zone is shown to be compared. One that was written with another
// clock than the library's is refused, with the expression that the view must have.
func TestZoneFindings(t *testing.T) {
	db := zonedTable(t)
	findings := func(zone, due string) (notes, serious []string) {
		survey := staff.NewSurvey(reminder.Rules{}, day("2026-11-24"), nil)
		found, err := check.View(t.Context(), deskdb.New(zoned(t, db, zone, due)), survey)
		require.NoError(t, err)
		for _, f := range found {
			switch {
			case f.Note:
				notes = append(notes, text.In("en").Text(f.Message))
			case f.Serious:
				serious = append(serious, text.In("en").Text(f.Message))
			}
		}
		return notes, serious
	}
	write(t, db, "+07:00", "2026-11-25 00:00:00")
	for _, due := range []string{"dt", "d", "DATE(dt)"} {
		notes, serious := findings("Asia/Jakarta", due)
		assert.Empty(t, notes, due)
		assert.Empty(t, serious, due)
	}
	for _, due := range []string{"ts", "FROM_UNIXTIME(secs)", "DATE(ts)"} {
		notes, serious := findings("Asia/Jakarta", due)
		assert.Empty(t, serious, due)
		require.Len(t, notes, 1, due)
		assert.Contains(t, notes[0], "read in APP_TIMEZONE=Asia/Jakarta. Loan 7 is due 2026-11-25", due)
	}

	// A program whose session is in UTC wrote its own wall clock.
	for _, moment := range []string{"2026-11-25 00:00:00", "2026-11-25 23:59:59"} {
		write(t, db, "+00:00", moment)
		_, serious := findings("Asia/Jakarta", "ts")
		require.Len(t, serious, 1, moment)
		assert.Contains(t, serious[0], "CONVERT_TZ(column, '+07:00', '+00:00') AS due_at", moment)
		notes, serious := findings("Asia/Jakarta", "CONVERT_TZ(ts, '+07:00', '+00:00')")
		assert.Empty(t, serious, "what was proposed helps")
		require.Len(t, notes, 1)
		assert.Contains(t, notes[0], "is due "+moment)
	}
	// A view for sessions in UTC.
	write(t, db, "+07:00", "2026-11-25 23:59:00")
	_, serious := findings("Asia/Jakarta", "CONVERT_TZ(ts, '+00:00', '+07:00')")
	assert.Len(t, serious, 1)
}

// TestSummerTime: a zone with summer time is read right, or refused if the server does not know it.
func TestSummerTime(t *testing.T) {
	db := zonedTable(t)
	write(t, db, "+00:00", "2026-07-01 21:59:59") // 23:59:59 in Berlin
	var known *string
	require.NoError(t, db.Admin.QueryRowContext(t.Context(),
		"SELECT CONVERT_TZ('2030-01-01', '+00:00', 'Europe/Berlin')").Scan(&known))
	store := zoned(t, db, "Europe/Berlin", "ts")
	err := store.Check(t.Context())
	if known == nil {
		assert.Contains(t, said(err), "mysql_tzinfo_to_sql")
		_, err = check.View(t.Context(), deskdb.New(store), staff.NewSurvey(reminder.Rules{}, day("2026-11-24"), nil))
		assert.Contains(t, said(err), "mysql_tzinfo_to_sql")
	} else {
		assert.NoError(t, err)
	}
	assert.NoError(t, zoned(t, db, "Europe/Berlin", "dt").Check(t.Context()), "a DATETIME is the same in every zone")
}
