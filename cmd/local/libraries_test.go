package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// envFile writes settings as a .env file.
func envFile(t *testing.T, name string, settings map[string]string) {
	t.Helper()
	var b strings.Builder
	for key, value := range settings {
		fmt.Fprintf(&b, "%s=%q\n", key, value)
	}
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o600))
}

// TestSeveralLibraries runs three libraries by one command: a good one, one whose database is down, and a good one.
func TestSeveralLibraries(t *testing.T) {
	first, firstMail, a := school(t)
	second, secondMail, c := school(t)
	down := maps.Clone(a)
	down["DB_PORT"] = "1"
	t.Chdir(t.TempDir())
	for name, settings := range map[string]map[string]string{"a.env": a, "down.env": down, "c.env": c} {
		envFile(t, name, settings)
	}
	for _, name := range []string{"a.env", "c.env"} {
		require.Equal(t, exitDone, command(t, nil, "migrate", "--source", "perpustakaan", "--env", name).code)
	}
	today := report(t, command(t, nil, "run", "--dry-run", "--json", "--env", "a.env")).Today
	first.AddLoan(t, mysqltest.Loan{Due: today.String()})
	second.AddLoan(t, mysqltest.Loan{Due: today.String()})

	all := []string{"run", "--env", "a.env", "--env", "down.env", "--env", "c.env"}
	run := command(t, nil, append(all, "--json")...)
	assert.Equal(t, exitRetry, run.code, "the worst of them")
	assert.Contains(t, run.err, "down.env:\n")
	assert.NotContains(t, run.err, "a.env: ")
	lines := strings.Split(strings.TrimSpace(run.out), "\n")
	require.Len(t, lines, 3, "one report a line")
	for i, sent := range []int{1, 0, 1} {
		var rep reminder.Report
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &rep))
		assert.Equal(t, sent, rep.Emails.Sent, lines[i])
	}
	for _, srv := range []*mailtest.Server{firstMail, secondMail} {
		assert.Len(t, srv.Messages(), 1)
	}
	again := command(t, nil, all...)
	assert.Equal(t, exitRetry, again.code)
	assert.Contains(t, again.out, "a.env:\n")
	assert.Len(t, firstMail.Messages(), 1, "the second run sends nothing")

	good := command(t, nil, "run", "--env", "a.env", "--env", "c.env")
	assert.Equal(t, exitDone, good.code, good.err)
	missing := command(t, nil, "run", "--env", "a.env", "--env", "none.env")
	assert.Equal(t, exitConfig, missing.code)
	assert.Contains(t, missing.out, "a.env:", "one that cannot be read does not stop the others")

	other := command(t, nil, "status", "--env", "a.env", "--env", "c.env")
	assert.Equal(t, exitUsage, other.code)
	same := command(t, map[string]string{"DB_HOST": a["DB_HOST"], "DB_PORT": a["DB_PORT"], "DB_DATABASE": "x"}, "run",
		"--env", "a.env", "--env", "c.env")
	assert.Equal(t, exitUsage, same.code, "a real variable that wins over both files must not make one library of two")
}
