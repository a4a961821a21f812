//go:build torture

package mysql_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// million creates a million loans for each system, due over 1,000 days, of which a run reaches 62. In tables that keep
// returned loans, nine of ten are returned.
var million = map[string]struct{ fixture, rows, plan string }{
	"perpustakaan": {"", `
INSERT INTO users (id, nama, email, password, level) SELECT n, CONCAT('Siswa ', n), CONCAT('s', n, '@example.org'), '', 'siswa' FROM numbers WHERE n <= 100000;
INSERT INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi) SELECT n, CONCAT('B', n), 'Buku', '', '', '2020', '' FROM numbers WHERE n <= 100000;
INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, tanggal_pengembalian, status)
	SELECT n, 1 + n % 100000, 1 + n % 100000, CONCAT('P', n), '2025-01-01', DATE_ADD('2024-06-01', INTERVAL n % 1000 DAY),
	IF(n % 10 = 0, NULL, '2025-01-02'), IF(n % 10 = 0, 'Dipinjam', 'Dikembalikan') FROM numbers;
`, "peminjaman"},
	"slims": {"slims", `
INSERT INTO member SELECT CONCAT('Z', n), CONCAT('Anggota ', n), 1, CONCAT('z', n, '@example.org'), '', 0, '2030-01-01' FROM numbers WHERE n <= 100000;
INSERT INTO biblio (biblio_id, title) SELECT 1000 + n, 'Buku' FROM numbers WHERE n <= 100000;
INSERT INTO item (biblio_id, item_code) SELECT 1000 + n, CONCAT('Z', n) FROM numbers WHERE n <= 100000;
INSERT INTO loan (loan_id, item_code, member_id, loan_date, due_date, is_lent, is_return)
	SELECT 1000 + n, CONCAT('Z', 1 + n % 100000), CONCAT('Z', 1 + n % 100000), '2025-01-01', DATE_ADD('2024-06-01', INTERVAL n % 1000 DAY), 1, n % 10 <> 0 FROM numbers;
`, "loan"},
	"koha": {"koha", `
INSERT INTO borrowers (borrowernumber, surname, firstname, email, branchcode, categorycode) SELECT 1000 + n, 'S', 'F', CONCAT('z', n, '@example.org'), 'MAIN', 'ST' FROM numbers WHERE n <= 100000;
INSERT INTO borrower_message_preferences (borrowernumber, message_attribute_id, days_in_advance) SELECT 1000 + n, 2, 2 FROM numbers WHERE n <= 100000;
INSERT INTO borrower_message_preferences (borrowernumber, message_attribute_id) SELECT 1000 + n, 1 FROM numbers WHERE n <= 100000;
INSERT INTO borrower_message_transport_preferences SELECT borrower_message_preference_id, 'email' FROM borrower_message_preferences WHERE borrowernumber > 1000;
INSERT INTO biblio (biblionumber, title) SELECT 1000 + n, 'Book' FROM numbers WHERE n <= 100000;
INSERT INTO items (itemnumber, biblionumber, barcode) SELECT 1000 + n, 1001 + n % 100000, CONCAT('Z', n) FROM numbers;
INSERT INTO issues (issue_id, borrowernumber, itemnumber, date_due, branchcode, issuedate)
	SELECT 1000 + n, 1001 + n % 100000, 1000 + n, DATE_ADD('2024-06-01 23:59:00', INTERVAL n % 1000 DAY), 'MAIN', '2025-01-01' FROM numbers;
`, "issues"},
}

// TestMillion measures a scan of a million loans, or of MILLION, without and with the index that the program proposes.
// It checks that with the index the database reads a range of it.
func TestMillion(t *testing.T) {
	loans := cmp.Or(os.Getenv("MILLION"), "1000000") // must end in 0: a tenth of it are borrowers
	for _, source := range []string{"perpustakaan", "slims", "koha"} {
		t.Run(source, func(t *testing.T) {
			m := million[source]
			db := mysqltest.New(t)
			if m.fixture == "" {
				db.School(t)
			} else {
				fixture, err := os.ReadFile("../testdata/sources/" + m.fixture + ".sql")
				require.NoError(t, err)
				db.Script(t, string(fixture))
			}
			db.Exec(t, "CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY)")
			ten := "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
			digits := "SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d AS n FROM DIGITS a, DIGITS b, DIGITS c, DIGITS d, DIGITS e, DIGITS f"
			db.Exec(t, "INSERT INTO numbers "+strings.ReplaceAll(digits, "DIGITS", ten)+" HAVING n <= "+loans)
			// among them one with a zero date
			db.Script(t, "SET sql_mode = '';\nDELETE FROM "+m.plan+";\nSET sql_mode = DEFAULT;\n")
			db.Script(t, strings.ReplaceAll(m.rows, "100000", loans[:len(loans)-1]))
			_, err := schema.Up(t.Context(), db.Admin)
			require.NoError(t, err)
			require.NoError(t, schema.CreateView(t.Context(), db.Admin, source))
			statement, err := schema.Remember(t.Context(), db.Admin, source)
			require.NoError(t, err)
			require.NotEmpty(t, statement)
			grants, err := os.ReadFile("../../deploy/grants.sql")
			require.NoError(t, err)
			store := connect(t, db.User(t, string(grants)), 2)

			first, last := day("2026-09-25"), day("2026-11-25")
			measure := func(what string) (scan time.Duration) {
				n, pages, start := 0, 0, time.Now()
				_, err := store.CountLoans(t.Context(), first)
				counted := time.Since(start)
				if err == nil {
					err = store.Scan(t.Context(), first, last, func(loans []reminder.Loan) error {
						n, pages = n+len(loans), pages+1
						return nil
					})
				}
				scan = time.Since(start)
				t.Logf("%s %s: %d loans in %d pages, %.2f s, of which %.2f s to count; error: %v", source, what, n, pages,
					scan.Seconds(), counted.Seconds(), err)
				start = time.Now()
				_, err = store.Reread(t.Context(), []string{"5010"})
				require.NoError(t, err)
				t.Logf("%s %s: one loan read again in %.0f ms", source, what, float64(time.Since(start).Microseconds())/1000)
				return scan
			}
			for _, table := range []string{m.plan, "users", "buku", "member", "item", "biblio", "borrowers", "items",
				"borrower_message_preferences"} {
				db.Admin.ExecContext(t.Context(), "ANALYZE TABLE "+table) // those that are there
			}
			_, plan := explainScan(t, db.Admin, m.plan)
			t.Log(plan)
			if took := measure("without the index"); took > 3*time.Second {
				proposed, err := deskdb.New(store).ProposedIndex(t.Context())
				require.NoError(t, err)
				assert.Equal(t, statement, proposed)
			}
			start := time.Now()
			db.Exec(t, statement)
			t.Logf("%s: %s took %.1f s", source, statement, time.Since(start).Seconds())
			db.Exec(t, "ANALYZE TABLE "+m.plan)
			measure("with the index, its pages cold")
			measure("with the index")
			kind, plan := explainScan(t, db.Admin, m.plan)
			t.Log(plan)
			assert.Contains(t, []string{"range", "ref"}, kind, plan)
			statement, err = schema.Remember(t.Context(), db.Admin, source)
			require.NoError(t, err)
			assert.Empty(t, statement, "there it is")
		})
	}
}

// explainScan returns how the database reads the table of loans for a scan.
func explainScan(t *testing.T, db *sql.DB, table string) (kind, plan string) {
	rows, err := db.QueryContext(t.Context(), `EXPLAIN FORMAT=TRADITIONAL SELECT loan_id, borrower_id, email, due_at, hold_reason FROM reminder_loans
		WHERE due_at >= '2026-09-25' AND due_at < '2026-11-26' ORDER BY due_at, loan_id LIMIT 2000`)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	alias := map[string]string{"peminjaman": "p", "loan": "l", "issues": "i"}[table]
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		row := map[string]string{}
		for i, c := range columns {
			row[strings.ToLower(c)] = values[i].String
		}
		plan += fmt.Sprintf("%s %s %s %s %s; ", row["table"], row["type"], row["key"], row["rows"], row["extra"])
		if row["table"] == alias {
			kind = row["type"]
		}
	}
	require.NoError(t, rows.Err())
	return kind, plan
}
