package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/migrations"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/views"
)

// other is a definition whose two views can be told from those of the school.
const other = `CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id, 'N' AS borrower_name, 'e@example.org' AS email,
	'T' AS title, tanggal_kembali AS due_at FROM peminjaman;
CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT NULL AS calendar, 'sun' AS day, 0 AS is_open, 'other' AS name;`

// whose tells whose views the database has: "", "school", "other", or what must not be.
func whose(t *testing.T, db *mysqltest.DB) string {
	var loans, days int
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*), COALESCE(SUM(view_definition LIKE '%e@example.org%'), 0) FROM information_schema.views
		WHERE table_schema = DATABASE() AND table_name = 'reminder_loans'`).Scan(&days, &loans))
	if days == 0 {
		return ""
	}
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*) FROM information_schema.views WHERE table_schema = DATABASE()
		AND table_name = 'reminder_source_closed_days' AND view_definition LIKE '%other%'`).Scan(&days))
	return map[[2]int]string{{0, 0}: "school", {1, 1}: "other"}[[2]int{loans, days}] + map[bool]string{true: "", false: "mixed"}[loans == days]
}

// TestMigrateIsCutOff: a migration that is cut off after any of its statements leaves both views of one source or none, and
// the next one ends as it should.
func TestMigrateIsCutOff(t *testing.T) {
	db := mysqltest.New(t)
	db.School(t)
	w := newWire(db, db.Config)
	w.cfg.Params = nil
	conn, err := mysql.OpenDB(w.cfg, 1)
	require.NoError(t, err)
	defer conn.Close()
	migrate := func(definition string) error {
		if _, err := migrations.Up(t.Context(), conn); err != nil {
			return err
		}
		return migrations.CreateViews(t.Context(), conn, definition, nil)
	}
	school, err := views.Text("perpustakaan", nil)
	require.NoError(t, err)
	for _, before := range []string{"", "school"} {
		n := 0
		for {
			n++
			w.disarm()
			if before == "" {
				db.Exec(t, "DROP VIEW IF EXISTS reminder_loans, reminder_source_closed_days")
				db.Exec(t, `DROP TABLE IF EXISTS reminder_emails, reminder_notices, reminder_runs, reminder_state, reminder_closed_days,
					reminder_opt_outs, reminder_bad_addresses, reminder_migrations`)
			} else {
				require.NoError(t, migrate(school))
			}
			w.disarm()
			counted := 0
			w.arm(replyLost, func(_ int, sql string) bool {
				if before == "" || counted > 0 || strings.Contains(sql, views.Draft) { // the tables are there already
					counted++
				}
				return counted == n
			})
			for range 100 { // and nothing gets through after it
				w.arm(lost, func(int, string) bool { return w.struck > 0 })
			}
			err := migrate(other)
			where := fmt.Sprintf("from %q, statement %d: %s", before, n, w.statement)
			if w.struck == 0 {
				require.NoError(t, err)
				break
			}
			require.Error(t, err, where)
			require.Contains(t, []string{before, "other"}, whose(t, db), where)
			w.disarm()
			require.NoError(t, migrate(other), where)
			require.Equal(t, "other", whose(t, db), where)
			require.NoError(t, mysql.New(conn, db.Config.Loc).Check(t.Context()), where)
		}
		assert.Greater(t, n, 6)
	}
	var left int
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()
		AND table_name REGEXP '_(draft|old)$'`).Scan(&left))
	assert.Zero(t, left)
}

// TestRefusedViewsChangeNothing: views of which one cannot be made, or that a check refuses, leave the former ones in use, with
// the rights on them.
func TestRefusedViewsChangeNothing(t *testing.T) {
	store, db, _ := open(t)
	require.Equal(t, "school", whose(t, db))
	for _, definition := range []string{
		"CREATE OR REPLACE VIEW reminder_loans AS SELECT 1 AS loan_id;\nCREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT nothing FROM nowhere;",
		"CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT 1 AS day;\nCREATE OR REPLACE VIEW reminder_loans AS SELECT wrong FROM peminjaman;",
	} {
		require.ErrorContains(t, migrations.CreateViews(t.Context(), db.Admin, definition, nil), "--source")
		require.Equal(t, "school", whose(t, db))
	}
	draft := mysql.New(db.Admin, db.Config.Loc).Drafts(views.Draft)
	require.ErrorContains(t, migrations.CreateViews(t.Context(), db.Admin, "CREATE VIEW reminder_loans AS SELECT 1 AS loan_id;",
		func() error { return draft.Check(t.Context()) }), "due_at")
	require.Equal(t, "school", whose(t, db))
	require.NoError(t, store.Check(t.Context()))

	require.NoError(t, migrations.CreateViews(t.Context(), db.Admin, other, func() error { return draft.Check(t.Context()) }))
	require.Equal(t, "other", whose(t, db))
	require.NoError(t, store.Check(t.Context()), "the user of every day may read them")
	calendars, err := store.Calendars(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	assert.Len(t, calendars[""].Weekdays, 1)
}
