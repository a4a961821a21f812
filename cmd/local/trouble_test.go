package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// at returns a date so many days from the program's today.
func at(t *testing.T, environ map[string]string, days int) string {
	t.Helper()
	return report(t, command(t, environ, "run", "--dry-run", "--json")).Today.AddDays(days).String()
}

// TestDesk: a refused email is listed, explained, mended and sent again; others are canceled.
func TestDesk(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	refusing := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		switch {
		case c.Phase == "rcpt" && c.Arg == "gone@example.org":
			return mailtest.Action{Reply: "550 5.1.1 no such user"}
		case c.Phase == "dot":
			return mailtest.Action{Drop: true}
		}
		return mailtest.Action{}
	}})
	bad := maps.Clone(environ)
	bad["MAIL_PORT"], bad["REMINDER_UNKNOWN"] = fmt.Sprint(refusing.Port()), "hold"
	gone := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "gone@example.org"})})
	silent := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	assert.Contains(t, command(t, environ, "failed").out, "Tidak ada")
	assert.Equal(t, exitNeedsPerson, command(t, bad, "run").code)

	failed := command(t, environ, "failed")
	assert.Contains(t, failed.out, "ditolak: Siswa")
	assert.Contains(t, failed.out, "Alamat itu tidak ada, menurut server surel.")
	assert.Contains(t, failed.out, "Rincian: rcpt: bad_address 550 5.1.1")
	assert.Contains(t, failed.out, "tidak pasti")
	assert.NotContains(t, failed.out, "example.org")
	assert.Contains(t, command(t, environ, "failed", "--json").out, fmt.Sprintf(`"loan_ids":["%d"]`, gone))

	explained := command(t, environ, "explain", fmt.Sprint(gone))
	require.Equal(t, exitDone, explained.code, explained.err)
	assert.Regexp(t, `x +server surel menolak alamat itu`, explained.out)
	assert.Regexp(t, `x +server surel menolak alamat itu untuk seterusnya`, explained.out)

	for _, args := range [][]string{{"retry"}, {"retry", "--failed", "--unknown"}, {"retry", "--failed", "--refused"},
		{"retry", "1", "--failed"}, {"retry", "x"}, {"cancel"}, {"cancel", "x"}, {"retry", "999"}, {"cancel", "0"},
		{"retry", "-1"}} {
		assert.Equal(t, exitUsage, command(t, environ, args...).code, "%v", args)
	}
	var id, other int64
	require.NoError(t, db.Admin.QueryRow("SELECT email_id FROM reminder_notices WHERE loan_id = ?", gone).Scan(&id))
	require.NoError(t, db.Admin.QueryRow("SELECT email_id FROM reminder_notices WHERE loan_id = ?", silent).Scan(&other))
	assert.Contains(t, command(t, environ, "retry", "--failed").out, "Tidak ada yang perlu")
	assert.Equal(t, exitUsage, command(t, environ, "retry", fmt.Sprint(id), "999").code)
	assert.Contains(t, command(t, environ, "failed").out, "ditolak", "one that is not there: nothing was done")
	assert.Contains(t, command(t, environ, "retry", "--refused").out, "1 surel")
	var remembered int
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_bad_addresses").Scan(&remembered))
	assert.Zero(t, remembered, "the plan tells that borrower again")
	assert.Contains(t, command(t, environ, "cancel", fmt.Sprint(other)).out, "1 surel")
	rep := report(t, command(t, environ, "run", "--json"))
	assert.Equal(t, 1, rep.Emails.Sent, "mended and sent")
	assert.Zero(t, report(t, command(t, environ, "run", "--json")).Emails.Sent)
	assert.Contains(t, command(t, environ, "failed").out, "Tidak ada")
	again := command(t, environ, "retry", fmt.Sprint(id))
	assert.Equal(t, exitUsage, again.code, "what was sent is not sent again")
	assert.Contains(t, again.err, "terkirim")
}

func TestPauseAndResume(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	loan := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	require.Equal(t, exitDone, command(t, environ, "pause", "--until", at(t, environ, 2), "ujian").code)
	assert.Contains(t, command(t, environ, "status").out, "ujian")
	for range 2 {
		assert.Equal(t, exitDone, command(t, environ, "run").code, "a pause that a person set needs no person")
	}
	assert.Empty(t, srv.Messages())
	assert.Regexp(t, `x +pengiriman sedang dijeda`, command(t, environ, "explain", fmt.Sprint(loan)).out)
	require.Equal(t, exitDone, command(t, environ, "resume").code)
	require.Equal(t, exitDone, command(t, environ, "run").code)
	assert.Len(t, srv.Messages(), 1)

	for _, until := range []string{at(t, environ, -1) + " 09:00", "2020-01-01", "besok", at(t, environ, 400)} {
		assert.Equal(t, exitUsage, command(t, environ, "pause", "--until", until).code, until)
	}
	assert.Contains(t, command(t, environ, "resume").out, "Tidak ada jeda")
}

func TestClosedAndOptOut(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	b := db.AddBorrower(t, mysqltest.Borrower{Email: "diam@example.org"})
	loan := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: b})
	today := at(t, environ, 0)

	for range 2 {
		require.Equal(t, exitDone, command(t, environ, "closed", "add", today+".."+at(t, environ, 2), "Libur semester").code)
	}
	assert.Contains(t, command(t, environ, "closed", "list").out, "Libur semester")
	assert.Contains(t, command(t, environ, "closed", "list", "--json").out, today)
	assert.Contains(t, command(t, environ, "run").out, "tutup hari ini")
	assert.Regexp(t, `x +perpustakaan tutup`, command(t, environ, "explain", fmt.Sprint(loan)).out)
	require.Equal(t, exitDone, command(t, environ, "closed", "remove", today+".."+at(t, environ, 2)).code)
	assert.Equal(t, exitUsage, command(t, environ, "closed", "remove", today).code)
	for _, wrong := range []string{"besok", "2026-12-31..2026-12-01", "2026-01-01..2028-01-01"} {
		assert.Equal(t, exitUsage, command(t, environ, "closed", "add", wrong).code, wrong)
	}

	for range 2 {
		require.Equal(t, exitDone, command(t, environ, "optout", "add", "Diam@example.org").code)
	}
	assert.Regexp(t, fmt.Sprintf(`^Siswa .*\(.*ID %d\)\n$`, b), command(t, environ, "optout", "list").out)
	assert.Equal(t, 1, report(t, command(t, environ, "run", "--json")).Loans.Held)
	assert.Empty(t, srv.Messages())
	db.AddLoan(t, mysqltest.Loan{Due: today, Borrower: db.AddBorrower(t,
		mysqltest.Borrower{Name: "Rizali", Email: "rizali@example.org; dua@example.org"})})
	for _, nobody := range []string{"siapa@example.org", "ali@example.org", "izali", "999999",
		"li@example.org; dua@example.org", "12abc", fmt.Sprint(b) + "abc"} {
		assert.Equal(t, exitUsage, command(t, environ, "optout", "add", nobody).code, nobody)
	}
	assert.Equal(t, exitUsage, command(t, environ, "find", "ali").code)
	for _, rizali := range []string{"rizali", "Riz", "RIZALI@example.org", "dua@example.org"} {
		assert.Contains(t, command(t, environ, "find", rizali).out, "Rizali", rizali)
	}
	assert.Equal(t, 1, strings.Count(command(t, environ, "optout", "list").out, "ID"))
	require.Equal(t, exitDone, command(t, environ, "optout", "remove", fmt.Sprint(b)).code)
	assert.Equal(t, exitUsage, command(t, environ, "optout", "remove", fmt.Sprint(b)).code)
	assert.Equal(t, 2, report(t, command(t, environ, "run", "--json")).Emails.Sent)

	db.Exec(t, "INSERT INTO reminder_opt_outs (borrower_id, since, how) VALUES ('999', '2026-11-23 03:00:00', 'answer')")
	assert.Contains(t, command(t, environ, "optout", "list").out, `membalas "berhenti", Senin, 23 November 2026`)
	db.Exec(t, "DELETE FROM reminder_opt_outs")

	// A guardian's is their own.
	db.Exec(t, "ALTER TABLE siswa ADD email_wali VARCHAR(100) NULL, ADD nama_wali VARCHAR(80) NULL, ADD izin_wali TINYINT NOT NULL DEFAULT 0")
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -20), Borrower: db.AddBorrower(t,
		mysqltest.Borrower{Name: "Ani Rahma", Email: "ani@example.org", Class: "7A"})})
	db.Exec(t, "UPDATE siswa SET email_wali = 'Wali@example.org', izin_wali = 1, nama_wali = 'Ibu Nia'")
	environ["REMINDER_GUARDIAN_FROM"] = "14"
	assert.Equal(t, exitUsage, command(t, environ, "optout", "add", "--guardian", "wali").code)
	require.Equal(t, exitDone, command(t, environ, "optout", "add", "--guardian", "wali@example.org").code)
	assert.Contains(t, command(t, environ, "optout", "list").out, "wali dari Ani Rahma (7A")
	assert.Equal(t, 1, report(t, command(t, environ, "run", "--json")).Emails.Sent, "the pupil is told all the same")
	require.Equal(t, exitDone, command(t, environ, "optout", "remove", "--guardian", "WALI@example.org").code)
	assert.Equal(t, exitUsage, command(t, environ, "optout", "remove", "--guardian", "wali@example.org").code)
	assert.Equal(t, 1, report(t, command(t, environ, "run", "--json")).Emails.Sent)
	letter := srv.Messages()[3].Parse(t)
	assert.Contains(t, letter.Text, "Yth. Ibu Nia,")
	assert.Contains(t, letter.Text, "Ani Rahma (7A):")
	explained := command(t, environ, "explain", "Ani Rahma").out
	assert.Contains(t, strings.Join(strings.Fields(explained), " "), "terkirim kepada wali")
	assert.NotContains(t, explained, "guardian:")

	// What is kept of them is theirs, too, and after it is erased they are told nothing again.
	assert.Contains(t, command(t, environ, "export", "--guardian", "wali@example.org").out, `"kind": "guardian"`)
	require.Equal(t, exitDone, command(t, environ, "optout", "add", "--guardian", "wali@example.org").code)
	got := command(t, environ, "forget", "--guardian", "Wali@example.org", "--yes")
	require.Equal(t, exitDone, got.code, got.err)
	assert.NotContains(t, command(t, environ, "export", "--guardian", "wali@example.org").out, `"kind"`)
	assert.Equal(t, exitUsage, command(t, environ, "forget", "--guardian", "wali").code)
	assert.Contains(t, command(t, environ, "optout", "list").out, "wali dari Ani Rahma (7A", "it keeps its effect")
	require.Equal(t, exitDone, command(t, environ, "optout", "remove", "--guardian", "wali@example.org").code)
	assert.Zero(t, report(t, command(t, environ, "run", "--json")).Emails.Sent)
}

func TestExplain(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	loan := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	old := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -100),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "tidak ada"})})
	var ref string
	require.NoError(t, db.Admin.QueryRow("SELECT no_peminjaman FROM peminjaman WHERE id = ?", loan).Scan(&ref))
	for _, key := range []string{fmt.Sprint(loan), ref} {
		assert.Contains(t, command(t, environ, "explain", key).out, "berikutnya mengirim surel")
	}
	got := command(t, environ, "explain", fmt.Sprint(old))
	assert.Regexp(t, `x +terlambat 100 hari`, got.out, "every rule that hinders is shown, not the first one")
	assert.Regexp(t, `x +tidak ada alamat surel yang dapat dipakai: tidak ada`, got.out)
	assert.Contains(t, command(t, environ, "explain", "--json", fmt.Sprint(old)).out, `"too_old","unreachable"`)

	require.Equal(t, exitDone, command(t, environ, "run").code)
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", loan)
	got = command(t, environ, "explain", fmt.Sprint(loan))
	assert.Contains(t, got.out, "Tidak ada pinjaman terbuka dengan nomor ini")
	assert.Contains(t, got.out, "terkirim")
	assert.Equal(t, exitUsage, command(t, environ, "explain", "404").code)

	// The id of a borrower, which screens show, may be that of somebody else's loan too: both are meant then.
	db.Exec(t, "ALTER TABLE users AUTO_INCREMENT = 5000")
	ratna := db.AddBorrower(t, mysqltest.Borrower{Name: "Ratna"})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: ratna})
	other := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Name: "Seno"})})
	db.Exec(t, "UPDATE peminjaman SET id = ? WHERE id = ?", ratna, other)
	got = command(t, environ, "explain", fmt.Sprint(ratna))
	assert.Contains(t, got.out, "Seno")
	assert.Contains(t, got.out, "Ratna")
	require.Equal(t, exitDone, command(t, environ, "run").code)
	db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", ratna)
	got = command(t, environ, "explain", fmt.Sprint(ratna))
	assert.Contains(t, got.out, "Tidak ada pinjaman terbuka dengan nomor ini")
	assert.Contains(t, got.out, "Ratna")
}
