package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// release makes this program a release of a day, for one test.
func release(t *testing.T, version, date string) {
	oldVersion, oldDate := reminder.Version, reminder.VersionDate
	t.Cleanup(func() { reminder.Version, reminder.VersionDate = oldVersion, oldDate })
	reminder.Version, reminder.VersionDate = version, date
}

func TestVersion(t *testing.T) {
	release(t, "v1.2.3", "2026-11-25T06:30:00Z")
	assert.Equal(t, "pengingat v1.2.3 2026-11-25\n", command(t, nil, "version").out)
	var said map[string]string
	require.NoError(t, json.Unmarshal([]byte(command(t, nil, "version", "--json").out), &said))
	assert.Equal(t, []string{"v1.2.3", "2026-11-25T06:30:00Z"}, []string{said["version"], said["date"]})
}

// TestDoctorTellsTheVersion: its age is told without asking anybody, and what is newer only when a person asks.
func TestDoctorTellsTheVersion(t *testing.T) {
	t.Chdir(t.TempDir())
	asked, answer := 0, func(http.ResponseWriter) {}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		assert.Empty(t, r.URL.RawQuery)
		assert.Equal(t, "pengingat", r.UserAgent())
		answer(w)
	}))
	defer srv.Close()
	m := quietMachine
	m.releases = srv.URL
	m.now = func() time.Time { return time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) }
	says := func(args ...string) string {
		return strings.Join(strings.Fields(commandOn(t, m, "", nil, append([]string{"doctor"}, args...)...).out), " ")
	}
	for _, tt := range []struct{ version, date, says string }{
		{"v1.2.3", "2026-10-01T00:00:00Z", "Versi v1.2.3, berumur 1 bulan"},
		{"v1.2.3", "2025-12-01T00:00:00Z", "Versi v1.2.3 sudah berumur 12 bulan."},
		{"dev", "", "Versi dev, umurnya tidak diketahui"},
	} {
		release(t, tt.version, tt.date)
		assert.Contains(t, says(), tt.says)
	}
	assert.Zero(t, asked)

	tag := func(name string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { fmt.Fprintf(w, `{"tag_name":%q,"body":"…"}`, name) }
	}
	for _, tt := range []struct {
		version string
		answer  func(http.ResponseWriter)
		says    string
	}{
		{"v1.2.3", tag("v1.10.0"), "Ada versi yang lebih baru: v1.10.0."},
		{"v1.10.0", tag("v1.10.0"), "Versi v1.10.0 adalah yang terbaru"},
		{"v1.11.0-rc.1", tag("v1.10.0"), "Versi v1.11.0-rc.1 adalah yang terbaru"},
		{"1a2b3c4", tag("v1.10.0"), "Rilis terbaru adalah v1.10.0; program ini (1a2b3c4) bukan sebuah rilis"},
		{"v1.2.3", tag("terbaru"), "Tidak diketahui apakah ada versi yang lebih baru."},
		{"v1.2.3", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
			"Tidak diketahui apakah ada versi yang lebih baru."},
		{"v1.2.3", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>Internet Positif</html>") }, "Tidak diketahui apakah"},
		{"v1.2.3", func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat(" ", 2<<20)) }, "Tidak diketahui apakah"},
	} {
		release(t, tt.version, "")
		answer = tt.answer
		assert.Contains(t, says("--check-version"), tt.says)
	}
	assert.Equal(t, 8, asked)
	srv.Close()
	assert.Contains(t, says("--check-version"), "Tidak diketahui apakah", "offline")
}

// TestGrantsCommand: what it prints lets a program with the new user run, and that user read nothing else.
func TestGrantsCommand(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	name := "pengingat_" + strings.ToLower(db.Name[len(db.Name)-8:]) // other tests have a user of that name
	defer db.Exec(t, "DROP USER IF EXISTS '"+name+"'@'localhost'")
	for range 2 { // the second one changes the password
		got := command(t, environ, "grants", "--print", "--create-password")
		require.Equal(t, exitDone, got.code, got.err)
		assert.NotContains(t, got.out, "perpustakaan.")
		db.Script(t, strings.ReplaceAll(got.out, "'pengingat'@", "'"+name+"'@"))
		_, password, ok := strings.Cut(got.out, "-- DB_PASSWORD=")
		require.True(t, ok)
		environ["DB_USERNAME"], environ["DB_PASSWORD"] = name, strings.TrimSpace(password)
		run := command(t, environ, "run")
		require.Equal(t, exitDone, run.code, run.err)
		environ["DB_USERNAME"], environ["DB_PASSWORD"] = db.Config.User, db.Config.Passwd
	}
	assert.Len(t, srv.Messages(), 1)

	remote := map[string]string{"DB_HOST": "db.sekolah.sch.id", "DB_DATABASE": "my`db"}
	out := command(t, remote, "grants").out
	assert.Contains(t, out, "ON `my``db`.reminder_loans TO 'pengingat'@'%';")
	assert.Contains(t, out, "REQUIRE SSL")
	assert.Contains(t, out, "ganti-kata-sandi-ini", "none was asked for")
}

// TestGuideCommand: the page is written where a browser finds it, and without one its place is told.
func TestGuideCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	opened := ""
	m := quietMachine
	m.browse = func(file string) error { opened = file; return nil }
	got := commandOn(t, m, "", nil, "panduan")
	require.Equal(t, exitDone, got.code, got.err)
	page, err := os.ReadFile(opened)
	require.NoError(t, err)
	assert.Contains(t, string(page), "Memperbarui")
	assert.Contains(t, got.out, opened)
	m.browse = func(string) error { return os.ErrNotExist }
	assert.Contains(t, commandOn(t, m, "", nil, "guide").out, "Bukalah berkas itu sendiri")
}
