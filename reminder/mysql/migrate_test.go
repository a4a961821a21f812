package mysql_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// other is a source whose two views are different from those of the school.
const other = `CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id, 'N' AS borrower_name, 'e@example.org' AS email,
	'T' AS title, tanggal_kembali AS due_at FROM peminjaman;
CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT NULL AS calendar, 'sun' AS day, 0 AS is_open, 'other' AS name;`

// whose returns the source of the views in the database: "", "school" or "other"; any other text is an error.
func whose(t *testing.T, db *mysqltest.DB) string {
	var loans, days int
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*), COALESCE(SUM(view_definition LIKE '%e@example.org%'), 0) FROM information_schema.views
		WHERE table_schema = DATABASE() AND table_name = 'reminder_loans'`).Scan(&days, &loans))
	if days == 0 {
		return ""
	}
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*) FROM information_schema.views WHERE table_schema = DATABASE()
		AND table_name = 'reminder_source_closed_days' AND view_definition LIKE '%other%'`).Scan(&days))
	return map[[2]int]string{{0, 0}: "school", {1, 1}: "other"}[[2]int{loans, days}] +
		map[bool]string{true: "", false: "mixed"}[loans == days]
}

// cuts returns which statements of a migration are tested. On TiDB, where each test takes seconds, these are the ones
// that may change something: after any other one the database is unchanged.
func cuts(t *testing.T, db *mysqltest.DB) func(sql string) bool {
	if !db.TiDB {
		return func(string) bool { return true }
	}
	t.Log("TiDB changes tables slowly: no migration is cut off after a statement that only reads")
	return regexp.MustCompile(`^\s*(CREATE|ALTER|DROP|RENAME|INSERT|UPDATE|EXECUTE|COMMIT)`).MatchString
}

// cutOff loses the reply to the nth statement that counts, and all statements after it.
func (w *wire) cutOff(n int, counts func(sql string) bool) {
	w.disarm()
	w.arm(replyLost, func(_ int, sql string) bool {
		if counts(sql) {
			n--
		}
		return n == 0
	})
	for range 100 {
		w.arm(lost, func(int, string) bool { return w.struck > 0 })
	}
}

// TestMigrateIsCutOff: a migration that ends after any of its statements leaves both views of one source, or none. The
// next migration succeeds.
func TestMigrateIsCutOff(t *testing.T) {
	t.Parallel()
	db := mysqltest.New(t)
	cut := cuts(t, db)
	w := newWire(db, db.Config)
	w.cfg.Params = nil
	conn, err := mysql.OpenDB(w.cfg, 1)
	require.NoError(t, err)
	defer conn.Close()
	migrate := func(definition string) error {
		if _, err := schema.Up(t.Context(), conn); err != nil {
			return err
		}
		return schema.CreateViews(t.Context(), conn, definition, nil)
	}
	school, err := schema.Text("perpustakaan", nil)
	require.NoError(t, err)
	for _, before := range []string{"", "school"} {
		db.Renew(t)
		db.School(t)
		n := 0
		for {
			n++
			w.disarm()
			if before == "" {
				db.Renew(t)
				db.Exec(t, "CREATE TABLE peminjaman (id INT, user_id INT, tanggal_kembali DATE)") // what other reads
			} else {
				require.NoError(t, migrate(school))
			}
			begun := before == "" // the tables are there otherwise
			w.cutOff(n, func(sql string) bool {
				begun = begun || strings.Contains(sql, schema.Draft)
				return begun && cut(sql)
			})
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

// TestRefusedViewsChangeNothing: if one of the views cannot be created, or a check refuses them, the old views and the
// rights on them stay.
func TestRefusedViewsChangeNothing(t *testing.T) {
	store, db, _ := open(t)
	require.Equal(t, "school", whose(t, db))
	for _, definition := range []string{
		"CREATE OR REPLACE VIEW reminder_loans AS SELECT 1 AS loan_id;\nCREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT nothing FROM nowhere;",
		"CREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT 1 AS day;\nCREATE OR REPLACE VIEW reminder_loans AS SELECT wrong FROM peminjaman;",
	} {
		require.ErrorContains(t, schema.CreateViews(t.Context(), db.Admin, definition, nil), "migrate.wrong_source")
		require.Equal(t, "school", whose(t, db))
	}
	draft := mysql.New(db.Admin, db.Config.Loc).Drafts(schema.Draft)
	require.ErrorContains(t, schema.CreateViews(t.Context(), db.Admin,
		"CREATE VIEW reminder_loans AS SELECT 1 AS loan_id;",
		func() error { return draft.Check(t.Context()) }), "due_at")
	require.Equal(t, "school", whose(t, db))
	require.NoError(t, store.Check(t.Context()))

	require.NoError(t, schema.CreateViews(t.Context(), db.Admin, other, func() error { return draft.Check(t.Context()) }))
	require.Equal(t, "other", whose(t, db))
	require.NoError(t, store.Check(t.Context()), "the user of every day may read them")
	calendars, err := store.Calendars(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	assert.Len(t, calendars[""].Weekdays, 1)
}

// oldRecords are records of the first version: loans, one of which has moved to another borrower, mornings with a
// summary, and an email in place of a missing one.
const oldRecords = `
INSERT INTO reminder_emails (id, ref, borrower_id, run_id, priority, state, next_at, created_at) VALUES
	(1, 'r1', '7', 'run', 2, 'sent', '2026-11-23', '2026-11-23'), (2, 'r2', '8', 'run', 0, 'queued', '2026-11-23', '2026-11-23'),
	(3, 'r3', '', 'run', 0, 'sent', '2026-11-23', '2026-11-23'), (4, 'r4', '', 'run', 0, 'queued', '2026-11-23', '2026-11-23'),
	(9, 'r9', '', '', 0, 'canceled', '2026-11-23', '2026-11-23');
INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number, dropped) VALUES
	('1', '2026-11-20', 3, 1, 1, ''), ('1', '2026-11-20', -10001, 1, 1, 'moved 1'), ('2', '2026-11-23', 0, 2, 0, ''),
	('', '2026-11-23', 0, 3, 0, ''), ('', '2026-11-23', 1, 4, 0, '');
`

// TestMigrateOldRecords: records of the first version get their kinds, even if the migration ended at any of its
// statements and was repeated.
func TestMigrateOldRecords(t *testing.T) {
	t.Parallel()
	db := mysqltest.New(t)
	cut := cuts(t, db)
	first, err := os.ReadFile("schema/migrations/00001_outbox.sql")
	require.NoError(t, err)
	w := newWire(db, db.Config)
	w.cfg.Params = nil
	conn, err := mysql.OpenDB(w.cfg, 1)
	require.NoError(t, err)
	defer conn.Close()
	for n := 1; ; n++ {
		w.disarm()
		db.Renew(t)
		db.Script(t, string(first)+oldRecords)
		db.Script(t, `CREATE TABLE reminder_migrations (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, version_id BIGINT NOT NULL,
			is_applied TINYINT(1) NOT NULL, tstamp TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP);
			INSERT INTO reminder_migrations (version_id, is_applied) VALUES (0, 1), (1, 1);`)
		w.cutOff(n, cut)
		_, err := schema.Up(t.Context(), conn)
		where := fmt.Sprintf("statement %d: %s", n, w.statement)
		wasCut := w.struck > 0
		if wasCut {
			require.Error(t, err, where)
			w.disarm()
			_, err = schema.Up(t.Context(), conn)
		}
		require.NoError(t, err, where)
		for query, want := range map[string]string{
			"SELECT GROUP_CONCAT(CONCAT_WS(' ', ref, kind, priority) ORDER BY id) FROM reminder_emails":                      "r1 loan 2,r2 loan 0,r3 summary -1,r4 summary -1,r9 summary -1",
			"SELECT GROUP_CONCAT(CONCAT_WS(' ', loan_id, kind, step, dropped) ORDER BY loan_id, step) FROM reminder_notices": " summary 0 , summary 1 ,1 loan -10001 moved 1,1 loan 3 ,2 loan 0 ",
			`SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics
				WHERE table_schema = DATABASE() AND table_name = 'reminder_notices' AND index_name = 'PRIMARY'`: "loan_id,due_date,kind,step",
		} {
			var got string
			require.NoError(t, db.Admin.QueryRow(query).Scan(&got), where)
			require.Equal(t, want, got, where)
		}
		if !wasCut {
			assert.Greater(t, n, 10, "each statement was cut off")
			return
		}
	}
}
