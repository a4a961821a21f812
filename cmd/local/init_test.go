package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// laravel writes a .env as the school's application has it: in its dialect, with CR LF, a byte order mark, and beside
// the mail and database settings all that is none of ours.
func laravel(t *testing.T, environ map[string]string) (file, before string) {
	t.Helper()
	text := "\ufeff" + strings.ReplaceAll(`APP_NAME="Perpustakaan MTSN 6 Garut"
APP_KEY=base64:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=
APP_DEBUG=true
APP_URL=http://localhost
APP_TIMEZONE=UTC

# BCRYPT_ROUNDS=12
LOG_CHANNEL=stack
LOG_LEVEL=debug

DB_CONNECTION=mysql
DB_HOST=`+environ["DB_HOST"]+`
DB_PORT=`+environ["DB_PORT"]+`
DB_DATABASE=`+environ["DB_DATABASE"]+`
DB_USERNAME = `+environ["DB_USERNAME"]+`   # pengguna XAMPP
DB_PASSWORD=

QUEUE_CONNECTION=database
MAIL_MAILER=smtp
MAIL_SCHEME=null
MAIL_HOST=`+environ["MAIL_HOST"]+`
MAIL_PORT=`+environ["MAIL_PORT"]+`
MAIL_USERNAME=null
MAIL_PASSWORD="#p@$$ kata\\sandi"
MAIL_FROM_ADDRESS="perpus@mtsn6garut.sch.id"
MAIL_FROM_NAME="${APP_NAME}"
VITE_APP_NAME="${APP_NAME}"
`, "\n", "\r\n")
	file = filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file, text
}

// systemOnly is the environment of a computer on which nothing of ours is set.
func systemOnly(environ map[string]string) map[string]string {
	return map[string]string{"PATH": os.Getenv("PATH"), "LOG_FILE": environ["LOG_FILE"]}
}

// TestLaravelEnvUnchanged: the school's own .env works as it is, and stays as it is.
func TestLaravelEnvUnchanged(t *testing.T) {
	db, srv, environ := school(t)
	file, before := laravel(t, environ)
	system := systemOnly(environ)
	require.Equal(t, exitDone, command(t, system, "migrate", "--source", "perpustakaan", "--env", file).code)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	for range 2 {
		got := command(t, system, "run", "--now", "--env", file)
		require.Equal(t, exitDone, got.code, got.out+got.err)
	}
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, string(srv.Messages()[0].Data), `"Perpustakaan MTSN 6 Garut" <perpus@`, "${APP_NAME}")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before, string(after))
}

func TestInitWithoutQuestions(t *testing.T) {
	db, srv, environ := school(t)
	file, before := laravel(t, environ)
	system := systemOnly(environ)
	out := filepath.Join(t.TempDir(), "Ruang Baca é", "pengingat.env")
	require.NoError(t, os.Mkdir(filepath.Dir(out), 0o755))

	got := command(t, system, "init", "--yes", "--from-env", file, "--out", out, "--set", "REMINDER_WINDOW=00:00-24:00")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "ok  basis data menjawab")
	assert.Contains(t, got.out, "ok  server surel menjawab")
	assert.Empty(t, srv.Messages(), "nothing is sent")
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	for _, want := range []string{"APP_NAME=\"Perpustakaan MTSN 6 Garut\"\n", "APP_TIMEZONE=Asia/Jakarta\n",
		"\n# Jam kirim.\nREMINDER_WINDOW=00:00-24:00\n", "#REMINDER_ONLY_TO="} {
		assert.Contains(t, string(text), want)
	}
	assert.NotContains(t, string(text), "APP_KEY", "what is not ours is left out")
	if info, err := os.Stat(out); assert.NoError(t, err) && runtime.GOOS != "windows" {
		assert.Equal(t, "-rw-------", info.Mode().String())
	}

	// The file works by itself.
	require.Equal(t, exitDone, command(t, system, "migrate", "--source", "perpustakaan", "--env", out).code)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	for range 2 {
		require.Equal(t, exitDone, command(t, system, "run", "--env", out).code)
	}
	assert.Len(t, srv.Messages(), 1)

	// Nothing is overwritten that was not meant, and the application's file never.
	again := command(t, system, "init", "--yes", "--from-env", file, "--out", out)
	assert.Equal(t, exitConfig, again.code)
	assert.Contains(t, again.err, "--force")
	require.Equal(t, exitDone, command(t, system, "init", "--yes", "--env", out, "--out", out, "--force", "--set",
		"MAIL_DAILY_LIMIT=7").code)
	changed, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(string(text), "MAIL_DAILY_LIMIT=0", "MAIL_DAILY_LIMIT=7", 1), string(changed))
	other := filepath.Join(t.TempDir(), "laravel.env")
	require.NoError(t, os.WriteFile(other, []byte(before), 0o600))
	for _, theirs := range []string{file, other} {
		got := command(t, system, "init", "--yes", "--force", "--no-test", "--from-env", file, "--out", theirs)
		assert.Equal(t, exitConfig, got.code)
		assert.Contains(t, strings.Join(strings.Fields(got.err), " "), "tidak pernah ditulisi")
		after, err := os.ReadFile(theirs)
		require.NoError(t, err)
		assert.Equal(t, before, string(after))
	}

	for _, wrong := range [][]string{{"--set", "MAIL_DAILY_LIMT=7"}, {"--set", "APP_KEY=x"}, {"--set", "nothing"}} {
		assert.Equal(t, exitUsage, command(t, system, append([]string{"init", "--yes", "--no-test", "--out", "x.env"},
			wrong...)...).code)
	}
	down := command(t, system, "init", "--yes", "--from-env", file, "--out", "x.env", "--set", "DB_PORT=1")
	assert.Equal(t, exitRetry, down.code)
	assert.NoFileExists(t, "x.env", "what does not work is not written")
}

// asked is a person who answers the questions of init.
func asked(t *testing.T, system map[string]string, args []string, answers ...string) result {
	t.Helper()
	return commandOn(t, quietMachine, strings.Join(answers, "\n")+"\n", system, append([]string{"init"}, args...)...)
}

// TestInitAsks: a person answers, mends a wrong answer, and never sees a password.
func TestInitAsks(t *testing.T) {
	_, _, environ := school(t)
	refusing := mailtest.NewServer(t, mailtest.Options{})
	host, system := environ["MAIL_HOST"], systemOnly(environ)
	got := asked(t, system, []string{"--out", "baru.env"},
		"Perpus", "en", "Asia/Makassar", // about the library
		// nothing answers on port 1: again
		environ["DB_HOST"], "1", environ["DB_DATABASE"], environ["DB_USERNAME"], "hush-hush", "",
		"", environ["DB_PORT"], "", "", "-",
		"smtp", host, "1", "-", "", "perpus@mtsn6garut.sch.id", "400", "",
		"", "", environ["MAIL_PORT"], "", "", "", "",
		"minggu, sunday", "pustakawan@mtsn6garut.sch.id", "saya@mtsn6garut.sch.id")
	require.Equal(t, exitDone, got.code, got.out+got.err)
	assert.Contains(t, got.out, "Nama perpustakaan [Perpustakaan]: ")
	assert.Contains(t, got.out, "FAILED", "from the answer on in the language that was chosen")
	assert.NotContains(t, got.out, "hush-hush")
	assert.Contains(t, got.out, "[***]")
	assert.Contains(t, got.out, "Mail goes to saya@mtsn6garut.sch.id only")
	text, err := os.ReadFile("baru.env")
	require.NoError(t, err)
	for _, want := range []string{"APP_LOCALE=en\n", "APP_TIMEZONE=Asia/Makassar\n", "#DB_PASSWORD=\n",
		"MAIL_DAILY_LIMIT=400\n", "REMINDER_CLOSED_WEEKDAYS=\"minggu, sunday\"\n",
		"\nREMINDER_SUMMARY_TO=pustakawan@mtsn6garut.sch.id\n", "\nREMINDER_ONLY_TO=saya@mtsn6garut.sch.id\n"} {
		assert.Contains(t, string(text), want)
	}
	assert.Empty(t, refusing.Messages())

	// Again: what was answered is the answer by Enter, and the file becomes the same.
	again := asked(t, system, []string{"--out", "baru.env"}, slices.Repeat([]string{""}, 20)...)
	require.Equal(t, exitDone, again.code, again.out+again.err)
	assert.Contains(t, again.out, "baru.env is there already. It is replaced after the last question")
	after, err := os.ReadFile("baru.env")
	require.NoError(t, err)
	assert.Equal(t, string(text), string(after))

	// Whoever stops in between leaves the file as it was.
	ended := commandOn(t, quietMachine, "Lain\nid\n", system, "init", "--out", "baru.env")
	assert.Equal(t, exitConfig, ended.code)
	assert.Contains(t, ended.err, "tidak ada yang ditulis")
	after, err = os.ReadFile("baru.env")
	require.NoError(t, err)
	assert.Equal(t, string(text), string(after))
}

// TestInitChecksAtTheQuestion: a wrong answer is told where it is given and asked for again, and one can go back.
func TestInitChecksAtTheQuestion(t *testing.T) {
	_, _, environ := school(t)
	system := systemOnly(environ)
	got := asked(t, system, []string{"--out", "baru.env"},
		"Perpus", "jawa", "ID", "WIBB", "Asia/Garut", "wit", "<", "kembali", "<", "Perpus 6", "", "WITA", // three back
		environ["DB_HOST"], "tiga", "70000", environ["DB_PORT"], "-", environ["DB_DATABASE"], environ["DB_USERNAME"], "",
		"pos", "SMTP", environ["MAIL_HOST"], environ["MAIL_PORT"], "", "", "perpus", "hello@example.com",
		"perpus@mtsn6garut.sch.id", "banyak", "-1", "10",
		"libur", "<", "20", "sabtu,minggu", "pustakawan", "pustakawan@mtsn6garut.sch.id", "saya@", "")
	require.Equal(t, exitDone, got.code, got.out+got.err)
	for _, says := range []string{"APP_LOCALE salah: harus id atau en",
		"APP_TIMEZONE salah: tidak ada zona", "DB_PORT salah",
		"DB_DATABASE belum diisi", "MAIL_MAILER salah",
		"MAIL_FROM_ADDRESS salah: bukan alamat", "example.com adalah domain contoh",
		"MAIL_DAILY_LIMIT salah: harus berupa angka", "MAIL_DAILY_LIMIT salah: harus 0",
		"REMINDER_CLOSED_WEEKDAYS salah", "REMINDER_SUMMARY_TO salah", "REMINDER_ONLY_TO salah"} {
		assert.Contains(t, got.out, says)
	}
	assert.Equal(t, 2, strings.Count(got.out, "ok  server surel menjawab"), "tried again after one went back")
	text, err := os.ReadFile("baru.env")
	require.NoError(t, err)
	for _, want := range []string{"APP_NAME=\"Perpus 6\"\n", "APP_LOCALE=id\n", "APP_TIMEZONE=Asia/Makassar\n",
		"MAIL_MAILER=smtp\n", "MAIL_DAILY_LIMIT=20\n", "REMINDER_CLOSED_WEEKDAYS=sabtu,minggu\n", "#REMINDER_ONLY_TO="} {
		assert.Contains(t, string(text), want)
	}
}

// TestInitSavesWhatDoesNotWork only when a person says so, and does not call it done.
func TestInitSavesWhatDoesNotWork(t *testing.T) {
	_, _, environ := school(t)
	system := systemOnly(environ)
	got := asked(t, system, []string{"--out", "baru.env"}, "", "", "WIB", environ["DB_HOST"], "1", environ["DB_DATABASE"],
		environ["DB_USERNAME"], "", "l",
		"smtp", environ["MAIL_HOST"], environ["MAIL_PORT"], "", "", "perpus@mtsn6garut.sch.id", "0", "", "", "")
	assert.Equal(t, exitNeedsPerson, got.code, got.err)
	assert.NotContains(t, got.out, "Tersimpan")
	assert.Contains(t, got.out, "BELUM dapat dipakai: Basis data tidak dapat dihubungi.")
	assert.Contains(t, got.out, "ok  server surel menjawab")
	assert.FileExists(t, "baru.env")

	for _, wrong := range [][]string{{"--set", "APP_TIMEZONE=WIBB"}, {"--set", "REMINDER_ONLY_TO=saya"},
		{"--set", "MAIL_FROM_ADDRESS=hello@example.com"}, {"--set", "DB_PORT=tiga"}} {
		args := append([]string{"init", "--yes", "--no-test", "--env", "baru.env", "--out", "lagi.env"}, wrong...)
		assert.Equal(t, exitConfig, command(t, system, args...).code, wrong)
		assert.NoFileExists(t, "lagi.env")
	}
	require.NoError(t, os.WriteFile("salah.env", []byte("REMINDER_ONLYTO=saya@sekolah.sch.id"), 0o600))
	misspelt := command(t, system, "init", "--from-env", "salah.env", "--out", "lagi.env")
	assert.Contains(t, misspelt.err, "Mungkin maksudnya REMINDER_ONLY_TO?")
	assert.Equal(t, exitConfig, misspelt.code)
	set := command(t, system, "init", "--yes", "--no-test", "--env", "baru.env", "--out", "lagi.env", "--set",
		"APP_TIMEZONE=wita")
	require.Equal(t, exitDone, set.code, set.err)
	text, err := os.ReadFile("lagi.env")
	require.NoError(t, err)
	assert.Contains(t, string(text), "APP_TIMEZONE=Asia/Makassar\n")
}

// TestInitCanceled: Ctrl-C leaves nothing behind.
func TestInitCanceled(t *testing.T) {
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		fmt.Fprintln(keyboard, "Perpus")
		cancel()
	}()
	var out, errOut bytes.Buffer
	p := &program{in: in, out: &out, errOut: &errOut, machine: quietMachine}
	assert.Equal(t, exitRetry, p.execute(ctx, []string{"init", "--out", "baru.env"}, nil))
	assert.Equal(t, "Dibatalkan; tidak ada yang ditulis.\n", errOut.String())
	assert.NoFileExists(t, "baru.env")
}
