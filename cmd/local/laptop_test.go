package main

import (
	"maps"
	"os"
	"path/filepath"
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
