package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// where returns the columns of the program's tables in which a text stands.
func where(t *testing.T, db *mysqltest.DB, text string) (found []string) {
	t.Helper()
	rows, err := db.Admin.Query(`SELECT c.table_name, c.column_name FROM information_schema.columns c
		JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		WHERE c.table_schema = DATABASE() AND c.table_name LIKE 'reminder\_%' AND t.table_type = 'BASE TABLE' ORDER BY 1, 2`)
	require.NoError(t, err)
	var columns [][2]string
	for rows.Next() {
		var c [2]string
		require.NoError(t, rows.Scan(&c[0], &c[1]))
		columns = append(columns, c)
	}
	require.NoError(t, rows.Err())
	for _, c := range columns {
		var n int
		require.NoError(t, db.Admin.QueryRow(fmt.Sprintf(
			"SELECT COUNT(*) FROM %s WHERE INSTR(%s, ?) > 0 OR LOWER(HEX(%[2]s)) = SHA2(?, 256)", c[0], c[1]), text, text).Scan(&n))
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	return found
}

// TestForget: what is kept of a borrower can be handed out, and erased from every table. Nothing is sent again
// afterwards, whatever is due then, and an opt-out keeps its effect.
func TestForget(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	user := db.User(t, grants(t))
	environ["DB_USERNAME"], environ["DB_PASSWORD"] = user.User, user.Passwd
	environ["REMINDER_SCHEDULE"], environ["REMINDER_UNKNOWN"] = "0", "hold"
	db.Exec(t, "ALTER TABLE users AUTO_INCREMENT = 770001")
	db.Exec(t, "ALTER TABLE peminjaman AUTO_INCREMENT = 880001")

	ani := db.AddBorrower(t, mysqltest.Borrower{Name: "Ani", Email: "ani@example.org"})
	loan := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: ani})
	late := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -3), Borrower: ani})
	other := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	require.Equal(t, exitDone, command(t, environ, "run").code)
	require.Len(t, srv.Messages(), 2)
	db.Exec(t, "UPDATE reminder_emails SET state = 'bounced', bounced_at = sent_at, bounce_code = '5.1.1' WHERE borrower_id = ?", ani)
	db.Exec(t, `INSERT INTO reminder_bounces (email_id, run_id, borrower_id, address, class, bad, came_at)
		SELECT id, run_id, borrower_id, address, 'no_address', 2, sent_at FROM reminder_emails WHERE borrower_id = ?`, ani)
	db.Exec(t, "INSERT INTO reminder_bad_addresses (borrower_id, digest, reason, since) SELECT borrower_id, address, '', came_at FROM reminder_bounces")
	db.Exec(t, `INSERT INTO reminder_emails (ref, kind, borrower_id, run_id, priority, state, next_at, created_at)
		VALUES ('g', 'guardian', 'g1', 'r', 3, 'queued', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))`)
	db.Exec(t, "INSERT INTO reminder_notices (loan_id, due_date, kind, step, email_id, number) SELECT ?, ?, 'guardian', 3, id, 1 FROM reminder_emails WHERE ref = 'g'",
		late, at(t, environ, -3))
	db.Exec(t, "INSERT INTO reminder_contacts (loan_id, due_date, borrower_id, way, contacted_at) VALUES (?, ?, ?, 'spoken', UTC_TIMESTAMP(6))", loan, at(t, environ, 0), ani)
	assert.Contains(t, command(t, environ, "explain", fmt.Sprint(loan)).out, "Sudah bicara")
	require.Equal(t, exitDone, command(t, environ, "optout", "add", "ani@example.org").code)

	// Every column in which the person stands is handed out.
	got := command(t, environ, "export", fmt.Sprint(ani))
	require.Equal(t, exitDone, got.code, got.err)
	var d desk.Dossier
	require.NoError(t, json.Unmarshal([]byte(got.out), &d))
	assert.Len(t, d.Kept.Emails, 1)
	assert.Len(t, d.Kept.Notices, 3, "the guardian's too")
	assert.Len(t, d.Kept.Bounces, 1)
	assert.NotNil(t, d.Kept.BadAddress)
	assert.NotZero(t, d.Kept.OptedOut)
	assert.Len(t, d.Library, 2)
	assert.Len(t, d.Kept.Contacts, 1)
	assert.Len(t, d.Words, 7)
	assert.Equal(t, exitUsage, command(t, environ, "export", "nobody").code)
	assert.Contains(t, command(t, environ, "export", "--guardian", "ibu").err, `"ibu"`, "no address, and no flag --to")
	require.NotEmpty(t, where(t, db, fmt.Sprint(ani)))
	require.NotEmpty(t, where(t, db, "ani@example.org"))

	assert.Equal(t, exitUsage, command(t, environ, "forget", "Ani").code, "there is nobody to ask")
	asking := quietMachine
	asking.answers = func(io.Reader) bool { return true }
	assert.Contains(t, commandOn(t, asking, "n\n", environ, "forget", "Ani").out, "Tidak ada yang diubah")
	db.Exec(t, "UPDATE reminder_emails SET state = 'claimed' WHERE ref = 'g'")
	assert.Equal(t, exitRetry, command(t, environ, "forget", "Ani", "--yes").code, "a run is at work")
	require.NotEmpty(t, where(t, db, fmt.Sprint(ani)))
	db.Exec(t, "UPDATE reminder_emails SET state = 'queued' WHERE ref = 'g'")
	got = commandOn(t, asking, "y\n", environ, "lupakan", "Ani")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "2 pinjaman terbuka")
	for _, text := range []string{fmt.Sprint(ani), fmt.Sprint(loan), fmt.Sprint(late), "ani@example.org"} {
		assert.Empty(t, where(t, db, text), text)
	}
	assert.Contains(t, command(t, environ, "forget", "Ani", "--yes").out, "Tidak ada yang perlu dihapus")

	// The opt-out keeps its effect; it can be taken back. Nothing that was told is told again.
	count := func() int { return len(srv.Messages()) }
	newer := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: ani})
	again := func(environ map[string]string, want int, why string) {
		t.Helper()
		for range 2 {
			require.Equal(t, exitDone, command(t, environ, "run").code)
		}
		assert.Equal(t, want, count(), why)
	}
	again(environ, 2, "opted out")
	assert.Contains(t, command(t, environ, "explain", fmt.Sprint(newer)).out, "tidak ingin diingatkan")
	assert.Contains(t, command(t, environ, "optout", "list").out, "Ani")
	require.Equal(t, exitDone, command(t, environ, "optout", "remove", fmt.Sprint(ani)).code)
	assert.Equal(t, exitUsage, command(t, environ, "optout", "remove", fmt.Sprint(ani)).code)
	again(environ, 3, "the new loan alone")
	far := maps.Clone(environ)
	far["REMINDER_MAX_OVERDUE_DAYS"] = "3000"
	again(far, 3, "still not")
	for _, id := range []int64{loan, late} {
		got := command(t, environ, "explain", fmt.Sprint(id)).out
		assert.Contains(t, got, "Tidak ada surel baru", id)
		assert.Contains(t, got, "dihapus atas permintaan", id)
	}

	// A clean-up leaves alone what stands for a loan that is open, and takes what does not.
	db.Exec(t, "UPDATE reminder_emails SET ended_at = DATE_SUB(ended_at, INTERVAL 500 DAY)")
	db.Exec(t, "UPDATE reminder_notices SET due_date = DATE_SUB(due_date, INTERVAL 500 DAY)")
	db.Exec(t, "UPDATE peminjaman SET tanggal_kembali = DATE_SUB(tanggal_kembali, INTERVAL 500 DAY)")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", other)
	pruned := command(t, environ, "prune", "--json")
	assert.Contains(t, pruned.out, `"emails":1,"notices":1`, pruned.err)
	again(far, 3, "not after a clean-up either")
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan'")
	command(t, environ, "prune")
	assert.Empty(t, where(t, db, "forgotten:"))
}
