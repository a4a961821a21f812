package main

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestQuarantine: it says whom it silences and asks, calls unknown what may have been sent, stands in status, and can
// be taken back.
func TestQuarantine(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	one := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -2)}) // step 1, of yesterday, is in force
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	// A run died in the hand-over, another one was not sure and would send once more, a third mail only waits.
	db.Exec(t, `INSERT INTO reminder_emails (id, ref, borrower_id, run_id, priority, state, unknowns, next_at, created_at) VALUES
		(1, 'a', 'a', 'r', 0, 'handover', 0, '2020-01-01', '2020-01-01'), (2, 'b', 'b', 'r', 0, 'queued', 1, '2020-01-01', '2020-01-01'),
		(3, 'c', 'c', 'r', 0, 'queued', 0, '2020-01-01', '2020-01-01'), (4, 'd', 'd', 'r', 0, 'unknown', 1, '2020-01-01', '2020-01-01')`)
	db.Exec(t, `INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number) VALUES
		('a', '2020-01-01', 0, 1, 0), ('b', '2020-01-01', 0, 2, 0), ('c', '2020-01-01', 0, 3, 0), ('d', '2020-01-01', 0, 4, 0)`)
	left := func() (s string) {
		require.NoError(t, db.Admin.QueryRow(`SELECT GROUP_CONCAT(CONCAT_WS(' ', e.state, e.unknowns, n.dropped) ORDER BY e.id SEPARATOR ', ')
			FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id`).Scan(&s))
		return s
	}
	before := left()

	today := at(t, environ, 0)
	for _, args := range [][]string{{}, {"--before", at(t, environ, 1)}, {"--before", "besok"}, {"--before", today},
		{"--undo"},
		{"--undo", "--before", today}} {
		assert.Equal(t, exitUsage, command(t, environ, append([]string{"quarantine"}, args...)...).code, "%v", args)
	}
	m := quietMachine
	m.answers = func(io.Reader) bool { return true }
	asked := commandOn(t, m, "\n", environ, "quarantine", "--before", today)
	assert.Equal(t, exitDone, asked.code)
	assert.Contains(t, asked.out, "2 pinjaman milik 2 peminjam")
	assert.Contains(t, asked.out, "surel yang menunggu dibatalkan")
	assert.Contains(t, asked.out, "Tidak ada yang diubah.")
	require.Equal(t, before, left())

	got := commandOn(t, m, "y\n", environ, "quarantine", "--before", today)
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "2 pengingat dilewati, 1 surel yang menunggu dibatalkan.")
	assert.Contains(t, got.out, "2 surel mungkin sudah terkirim")
	assert.Equal(t, "unknown 2 , unknown 2 , canceled 0 quarantined, unknown 2 , canceled 0 quarantined, canceled 0 quarantined", left())
	assert.Contains(t, command(t, environ, "status").out, "Karantina: 3 pengingat")
	assert.Contains(t, command(t, environ, "explain", fmt.Sprint(one)).out, "karantina")

	for range 2 {
		require.Contains(t, []int{exitDone, exitNeedsPerson}, command(t, environ, "run").code)
		require.Len(t, srv.Messages(), 1, "only today's")
	}
	got = command(t, environ, "quarantine", "--undo")
	require.Equal(t, exitDone, got.code, got.err)
	assert.NotContains(t, command(t, environ, "status").out, "Karantina:")
	for range 2 {
		require.Contains(t, []int{exitDone, exitNeedsPerson}, command(t, environ, "run").code)
		require.Len(t, srv.Messages(), 2, "what was silenced by mistake is told, once")
	}
	assert.Equal(t, exitUsage, command(t, environ, "quarantine", "--undo").code)
	got = command(t, environ, "quarantine", "--before", today, "--yes")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "Tidak ada yang perlu dilewati")
	assert.NotContains(t, got.out, "--undo", "there is nothing to take back")
}
