package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestRefusedViewIsNotUsed: a view of one's own that would tell borrowers wrong things does not take the place of one
// that works.
func TestRefusedViewIsNotUsed(t *testing.T) {
	db, _, environ := school(t)
	environ["APP_LOCALE"] = "en"
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	migrated := command(t, environ, "migrate", "--source", "perpustakaan")
	require.Equal(t, exitDone, migrated.code, migrated.err)
	use := func(due, from string) result {
		require.NoError(t, os.WriteFile("view.sql", []byte(`CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, p.user_id AS borrower_id,
			u.nama AS borrower_name, u.email AS email, 'Bumi' AS title, `+due+` AS due_at FROM peminjaman p JOIN `+from+`;`), 0o600))
		return command(t, environ, "migrate", "--source", "custom", "--view", "view.sql")
	}
	definition := func() (view string) {
		require.NoError(t, db.Admin.QueryRow(`SELECT view_definition FROM information_schema.views
			WHERE table_schema = DATABASE() AND table_name = 'reminder_loans'`).Scan(&view))
		return view
	}
	before := definition()
	for _, tt := range []struct{ due, from, says string }{
		{"p.tanggal_kembali", "users u", "a JOIN repeats rows"},
		{"'24/11/2026'", "users u ON u.id = p.user_id", "STR_TO_DATE"},
		{"p.kembali", "users u ON u.id = p.user_id", "does not fit"},
	} {
		refused := use(tt.due, tt.from)
		assert.Equal(t, exitConfig, refused.code, tt.says)
		assert.Contains(t, refused.out+refused.err, tt.says)
		assert.NotContains(t, refused.out, "created")
		assert.Equal(t, before, definition())
	}
	file, err := os.ReadFile("view.sql")
	require.NoError(t, err)
	closed := string(file) + "\nCREATE OR REPLACE VIEW reminder_source_closed_days AS SELECT '2026-12-25' AS closed_on FROM users;"
	require.NoError(t, os.WriteFile("view.sql", []byte(strings.Replace(closed, "p.kembali", "p.tanggal_kembali", 1)),
		0o600))
	refused := command(t, environ, "migrate", "--source", "custom", "--view", "view.sql")
	assert.Equal(t, exitConfig, refused.code)
	assert.Contains(t, refused.err, "reminder_source_closed_days must have the columns calendar, day")
	assert.Equal(t, before, definition())

	used := use("p.tanggal_kembali", "users u ON u.id = p.user_id")
	assert.Equal(t, exitDone, used.code, used.err)
	assert.NotEqual(t, before, definition())
}

// TestViewOfPowerShell: what PowerShell's ">" makes of the example, and of a view that has comments of every kind, is
// read.
func TestViewOfPowerShell(t *testing.T) {
	_, _, environ := school(t)
	require.NoError(t, os.WriteFile("view.sql", []byte(utf16le(`/* mine; */
		# and mine;
		CREATE OR REPLACE VIEW REMINDER_LOANS AS -- é
		SELECT p.id AS loan_id, p.user_id AS borrower_id, u.nama AS borrower_name, u.email AS email, 'Bumi' AS title,
			p.tanggal_kembali AS due_at FROM peminjaman p JOIN users u ON u.id = p.user_id;`)), 0o600))
	migrated := command(t, environ, "migrate", "--source", "custom", "--view", "view.sql")
	assert.Equal(t, exitDone, migrated.code, migrated.err)
}

// TestSecretIsOfMigrate: a backup of before the first run has the secret, so what is sent again has its Message-ID.
func TestSecretIsOfMigrate(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	secret := func() (text string) {
		require.NoError(t, db.Admin.QueryRow("SELECT fingerprint FROM reminder_state WHERE name = 'records'").Scan(&text))
		return text
	}
	before := secret()
	assert.NotEmpty(t, before)
	require.Equal(t, exitDone, command(t, environ, "migrate").code)
	require.Equal(t, exitDone, command(t, environ, "run").code)
	assert.Equal(t, before, secret())
}

// utf16le writes a text as PowerShell's > does.
func utf16le(text string) string {
	out := "\xff\xfe"
	for _, r := range text {
		out += string([]byte{byte(r), byte(r >> 8)})
	}
	return out
}
