//go:build wine

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// maxProgramSize is what the shipped program may weigh.
const maxProgramSize = 25 << 20

// A laptop is a folder in a Windows with the program and its settings in it.
type laptop struct{ dir string }

// run starts a Windows program in the laptop's folder.
func (l laptop) run(t *testing.T, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a program that hangs is told by its name
	defer cancel()
	cmd := exec.CommandContext(ctx, "wine", append([]string{program}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = l.dir, &out, &errOut, 10*time.Second
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		require.NoError(t, err, "%s %v: run this test by make test-windows", program, args)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// TestWindows takes the program for Windows through a school's first days, under Wine: the exe itself, a path with
// blanks and letters that are not ASCII, and the .env of a Laravel application as an editor on Windows saves it.
func TestWindows(t *testing.T) {
	db, srv, environ := school(t)
	exe, err := os.ReadFile(os.Getenv("PENGINGAT_EXE"))
	require.NoError(t, err, "run this test by make test-windows")
	require.Less(t, len(exe), maxProgramSize)
	l := laptop{filepath.Join(t.TempDir(), "Perpustakaan Sekolah – Kafé")}
	require.NoError(t, os.Mkdir(l.dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, "pengingat.exe"), exe, 0o755))
	pengingat := func(args ...string) result {
		t.Helper()
		return l.run(t, "pengingat.exe", args...)
	}
	settings := fmt.Sprintf("\ufeffAPP_NAME=\"Perpustakaan MTSN 6 Garut\"\nAPP_ENV=local\nAPP_KEY=base64:x==\nAPP_TIMEZONE=Asia/Jakarta\n"+
		"LOG_CHANNEL=stack\nLOG_LEVEL=debug\n\nDB_CONNECTION=mysql\nDB_HOST=%s\nDB_PORT=%s\nDB_DATABASE=%s\nDB_USERNAME=%s # root\nDB_PASSWORD=%q\n\n"+
		"MAIL_MAILER=smtp\nMAIL_HOST=%s\nMAIL_PORT=%s\nMAIL_USERNAME=null\nMAIL_PASSWORD=null\nMAIL_ENCRYPTION=null\n"+
		"MAIL_FROM_ADDRESS=\"perpus@mtsn6garut.example\"\nMAIL_FROM_NAME=\"${APP_NAME}\"\nREMINDER_WINDOW=00:00-24:00\n",
		environ["DB_HOST"], environ["DB_PORT"], environ["DB_DATABASE"], environ["DB_USERNAME"], environ["DB_PASSWORD"],
		environ["MAIL_HOST"], environ["MAIL_PORT"])
	settings = strings.ReplaceAll(settings, "\n", "\r\n")
	env := filepath.Join(l.dir, ".env")
	require.NoError(t, os.WriteFile(env, []byte(settings), 0o600))

	assert.Regexp(t, `^pengingat \S+\s`, pengingat("--version").out)
	migrated := pengingat("migrate", "--source", "perpustakaan")
	require.Equal(t, exitDone, migrated.code, migrated.err)

	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Title: "Laskar Pelangi"})
	late := db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -3)})
	dry := pengingat("run", "--dry-run")
	assert.Equal(t, exitDone, dry.code, dry.err)
	assert.Regexp(t, `2 +surel baru`, dry.out)
	first := pengingat("run")
	require.Equal(t, exitDone, first.code, first.err)
	assert.Len(t, srv.Messages(), 2)
	assert.NotContains(t, first.out+first.err, "example.org", "no address in what is printed")
	assert.Equal(t, 2, report(t, pengingat("run", "--json")).Loans.InReach)
	assert.Len(t, srv.Messages(), 2, "the second run sends nothing")
	log, err := os.ReadFile(filepath.Join(l.dir, "logs", "pengingat.log"))
	require.NoError(t, err, "the log is beside the program")
	assert.NotContains(t, string(log), "example.org")

	// What else must work there. A new command needs a line here.
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"status"}, "Terkirim"},
		{[]string{"failed"}, "Tidak ada"},
		{[]string{"explain", fmt.Sprint(late)}, "sent"},
		{[]string{"preview", "--loan", fmt.Sprint(late)}, "index.html"},
		{[]string{"closed", "add", "2030-12-25", "Natal"}, "2030-12-25"},
		{[]string{"install", "--dry-run"}, "schtasks /create"},
		{[]string{"report", "--out", "laporan.html"}, "Laporan: "},
		{[]string{"--help"}, "install"},
	} {
		got := pengingat(tt.args...)
		assert.Equal(t, exitDone, got.code, "%v: %s", tt.args, got.err)
		assert.Contains(t, got.out, tt.says, tt.args)
	}

	doctor := pengingat("doctor")
	assert.Equal(t, exitConfig, doctor.code, "the sample's sender is at a domain that nobody has: "+doctor.out+doctor.err)
	for _, says := range []string{"Basis data menjawab", "2 pinjaman terbuka", "MAIL_FROM_ADDRESS beralamat di"} {
		assert.Contains(t, doctor.out, says)
	}

	// Both tasks are registered.
	tasks := filepath.Join(os.Getenv("WINEPREFIX"), "drive_c", "windows", "system32", "tasks")
	for range 2 { // it may be repeated
		installed := pengingat("install")
		assert.Contains(t, []int{exitDone, exitNeedsPerson}, installed.code, installed.err) // what the diagnosis finds
		for _, name := range []string{taskName, testTaskName} {
			registered, err := os.ReadFile(filepath.Join(tasks, name))
			require.NoError(t, err, installed.err)
			assert.Contains(t, string(registered), "<URI>\\"+name+"</URI>")
			assert.NoFileExists(t, filepath.Join(l.dir, "logs", name+".xml"))
		}
	}
	key := []string{"query", eventKey, "/v", "EventMessageFile"}
	assert.Contains(t, l.run(t, "reg", key...).out, "EventCreate.exe")
	xml := pengingat("install", "--print", "--env", "Z:"+strings.ReplaceAll(env, "/", `\`))
	require.Equal(t, exitDone, xml.code, xml.err)
	checkTask(t, []byte(xml.out), installation{
		Exe: "Z:" + strings.ReplaceAll(l.dir, "/", `\`) + `\pengingat.exe`, Dir: "Z:" + strings.ReplaceAll(l.dir, "/", `\`),
		Env: "Z:" + strings.ReplaceAll(env, "/", `\`), Minutes: 15,
	}, false)

	// Failures end as they do elsewhere; the event log takes them.
	refusing := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "mail" {
			return mailtest.Action{Reply: "550 5.7.1 sender not allowed", Drop: true}
		}
		return mailtest.Action{}
	}})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	mended := strings.Replace(settings, "MAIL_PORT="+environ["MAIL_PORT"], "MAIL_PORT="+fmt.Sprint(refusing.Port()), 1)
	require.NoError(t, os.WriteFile(env, []byte(mended), 0o600))
	stopped := pengingat("run")
	assert.Equal(t, exitRetry, stopped.code, stopped.err)
	assert.Empty(t, stopped.err, "the event log took it")
	require.NoError(t, os.WriteFile(env, []byte("DB_DATABASE=\r\n"), 0o600))
	assert.Equal(t, exitConfig, pengingat("run").code)
	require.NoError(t, os.WriteFile(env, []byte(settings), 0o600))
	assert.Equal(t, exitDone, pengingat("resume").code)
	assert.Equal(t, exitDone, pengingat("run").code)
	assert.Len(t, srv.Messages(), 3, "what waited is sent")

	removed := pengingat("uninstall")
	assert.Equal(t, exitDone, removed.code, removed.err)
	for _, name := range []string{taskName, testTaskName} {
		assert.NoFileExists(t, filepath.Join(tasks, name))
	}
	assert.NotContains(t, l.run(t, "reg", key...).out, "EventCreate.exe")
	assert.Equal(t, exitDone, pengingat("run").code, "the data stays")
	assert.Len(t, srv.Messages(), 3)
}

// TestWindowsDesk opens the desk of the program for Windows under Wine, in a folder with blanks: by the command, and as
// a double click in the Explorer starts it.
func TestWindowsDesk(t *testing.T) {
	exe, err := os.ReadFile(os.Getenv("PENGINGAT_EXE"))
	require.NoError(t, err, "run this test by make test-windows")
	for name, start := range map[string][]string{
		"command":      {"pengingat.exe", "desk", "--no-browser"},
		"double click": {"explorer.exe", `.\pengingat.exe`}, // a stand-in: the real one wants a screen
	} {
		t.Run(name, func(t *testing.T) {
			l := laptop{filepath.Join(t.TempDir(), "Perpustakaan Sekolah")}
			require.NoError(t, os.Mkdir(l.dir, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(l.dir, "pengingat.exe"), exe, 0o755))
			build := exec.Command("go", "build", "-o", filepath.Join(l.dir, "explorer.exe"), "./testdata/explorer")
			build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
			out, err := build.CombinedOutput()
			require.NoError(t, err, string(out))
			first := exec.Command("wine", start...)
			first.Dir, first.Env = l.dir, append(os.Environ(), "WINEDLLOVERRIDES=explorer.exe=n")
			require.NoError(t, first.Start())
			defer func() {
				assert.Equal(t, 0, l.run(t, "taskkill", "/f", "/im", "pengingat.exe").code)
				_ = first.Wait() // it was ended
			}()
			traces := filepath.Join(os.Getenv("WINEPREFIX"), "drive_c", "users", "*", "AppData", "Local", "Pengingat",
				"desk-*.json")
			require.Eventually(t, func() bool { found, _ := filepath.Glob(traces); return len(found) == 1 }, time.Minute,
				200*time.Millisecond, "it is open when its trace is there")
			defer func() {
				found, _ := filepath.Glob(traces)
				require.Len(t, found, 1)
				require.NoError(t, os.Remove(found[0]))
			}()
			// Another start finds the first and prints an address of its own, with a token that opens it once.
			second := l.run(t, "pengingat.exe", "desk", "--no-browser")
			require.Equal(t, exitDone, second.code, second.err)
			address, err := url.Parse(strings.TrimSpace(second.out))
			require.NoError(t, err)
			assert.Equal(t, "127.0.0.1", address.Hostname())
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			browser := http.Client{Jar: jar}
			ask, err := http.NewRequestWithContext(t.Context(), "GET", address.String(), nil)
			require.NoError(t, err)
			for key, value := range map[string]string{
				"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
			} {
				ask.Header.Set(key, value)
			}
			page, err := browser.Do(ask)
			require.NoError(t, err)
			defer page.Body.Close()
			body, err := io.ReadAll(page.Body)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, page.StatusCode, string(body))
			assert.Contains(t, string(body), "Pengingat")
		})
	}
}
