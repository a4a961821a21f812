package mysqltest_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

func TestADatabaseEndsWithItsTest(t *testing.T) {
	outer := mysqltest.New(t)
	var inner *mysqltest.DB
	var user *mysql.Config
	t.Run("inner", func(t *testing.T) {
		inner = mysqltest.New(t)
		user = inner.User(t, "")
		assert.NotEqual(t, outer.Name, inner.Name)
	})
	assert.Zero(t, count(t, outer.Admin,
		"SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", inner.Name))
	assert.Zero(t, count(t, outer.Admin, "SELECT COUNT(*) FROM mysql.user WHERE user = ?", user.User))
}

func TestSchoolTakesLoans(t *testing.T) {
	d := mysqltest.New(t)
	d.School(t)
	pupil := d.AddBorrower(t, mysqltest.Borrower{Name: "Asep", Class: "7A"})
	d.AddLoan(t, mysqltest.Loan{Borrower: pupil, Due: "2026-11-23"})
	d.AddLoan(t, mysqltest.Loan{Borrower: pupil, Due: "2026-11-23", Title: "Bumi", Status: "Dikembalikan",
		Returned: "2026-11-20 08:00:00"})
	d.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})

	assert.Equal(t, 2, count(t, d.Admin, "SELECT COUNT(*) FROM users"))
	assert.Equal(t, 3, count(t, d.Admin, "SELECT COUNT(*) FROM buku"))
	assert.Equal(t, 1, count(t, d.Admin, `SELECT COUNT(*) FROM peminjaman p JOIN siswa s ON s.user_id = p.user_id
		WHERE s.kelas = '7A' AND p.tanggal_kembali = '2026-11-23' AND p.tanggal_pengembalian IS NULL`))

	d.Exec(t, "DELETE FROM users WHERE id = ?", pupil)
	assert.Equal(t, 1, count(t, d.Admin, "SELECT COUNT(*) FROM peminjaman"), "loans go with their borrower")
}

func TestUserMayDoWhatTheScriptGrants(t *testing.T) {
	d := mysqltest.New(t)
	d.School(t)
	config := d.User(t, `
-- Run as root; the password is an example.
CREATE USER IF NOT EXISTS 'pengingat'@'%' IDENTIFIED BY 'example';
GRANT SELECT ON perpustakaan.buku
  TO 'pengingat'@'%';
`)
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer db.Close()

	assert.Zero(t, count(t, db, "SELECT COUNT(*) FROM buku"))
	_, err = db.ExecContext(t.Context(), "DELETE FROM buku")
	var denied *mysql.MySQLError
	require.True(t, errors.As(err, &denied), "%v", err)
	assert.EqualValues(t, 1142, denied.Number)
}

func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}
