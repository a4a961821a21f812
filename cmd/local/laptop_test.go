package main

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestLogCannotBeWritten: the disk is full, or another program holds the log. The run does its work, says so, and the
// record of it is in the database, where status finds it.
func TestLogCannotBeWritten(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for i, tt := range []struct {
		file   string
		status bool // status finds it too: whether a disk will be full it cannot know
	}{{"/dev/full", false}, {filepath.Join(blocked, "pengingat.log"), true}} {
		changed := maps.Clone(environ)
		changed["LOG_FILE"] = tt.file
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
		first := command(t, changed, "run")
		assert.Equal(t, exitDone, first.code)
		assert.Contains(t, first.err, "LOG_FILE")
		assert.Contains(t, first.err, "level=INFO msg=run", "what would be in the log")
		assert.NotContains(t, first.err, "example.org")
		assert.Len(t, srv.Messages(), i+1)
		assert.Equal(t, exitDone, command(t, changed, "run").code)
		assert.Len(t, srv.Messages(), i+1, "the second run sends nothing")

		status := command(t, changed, "status")
		assert.Equal(t, exitDone, status.code)
		assert.Regexp(t, `selesai +1\b`, status.out, "the record does not depend on the log")
		assert.Equal(t, tt.status, strings.Contains(status.out, "LOG_FILE"), status.out)
	}
}

// TestStatusExplainsTheClock: whether it went back or was ahead, the records are of a day that is to come.
func TestStatusExplainsTheClock(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	require.Equal(t, exitDone, command(t, environ, "run").code)
	assert.NotContains(t, command(t, environ, "status").out, "Jam:")
	db.Exec(t, "UPDATE reminder_runs SET started_at = DATE_ADD(started_at, INTERVAL 1 YEAR), finished_at = DATE_ADD(finished_at, INTERVAL 1 YEAR)")
	today := report(t, command(t, environ, "run", "--json")).Today.String()
	status := command(t, environ, "status")
	assert.Equal(t, exitDone, status.code, status.err)
	assert.Contains(t, status.out, "Jam: sekarang "+today)
	runs := status.out[strings.Index(status.out, "Terakhir dijalankan"):]
	assert.Regexp(t, `^[^\n]*\n`+today[:4]+`[^\n]*\n`+nextYear(today), runs, "the newest run first, then the one of a year that is to come")
}

func nextYear(date string) string {
	year, _ := strconv.Atoi(date[:4])
	return strconv.Itoa(year + 1)
}
