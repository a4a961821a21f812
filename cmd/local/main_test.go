package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// A result is what one command line printed, and its exit code.
type result struct {
	code     int
	out, err string
}

// command runs the program with an environment of its own.
func command(t *testing.T, environ map[string]string, args ...string) result {
	t.Helper()
	return commandOn(t, quietMachine, "", environ, args...)
}

// commandOn is command on a machine, with somebody who types.
func commandOn(t *testing.T, m machine, typed string, environ map[string]string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	var list []string
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		list = append(list, key+"="+environ[key])
	}
	p := &program{in: strings.NewReader(typed), out: &out, errOut: &errOut, machine: m}
	code := p.execute(t.Context(), args, list)
	return result{code, out.String(), errOut.String()}
}

// quietMachine answers nothing: no DNS, no scheduled tasks. A test that needs an answer has a machine of its own.
var quietMachine = machine{
	os:        "linux",
	now:       time.Now,
	zone:      time.FixedZone("WIB", 7*60*60),
	lookupTXT: func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsTimeout: true} },
	command:   func(context.Context, string, ...string) (string, error) { return "", errors.New("no such program") },
	freeSpace: func(string) (uint64, error) { return 100 << 30, nil },
	answers:   func(io.Reader) bool { return false },
}

// school returns a database in the school's schema, a mail server, and the settings for both.
func school(t *testing.T) (*mysqltest.DB, *mailtest.Server, map[string]string) {
	t.Chdir(t.TempDir()) // no .env of anybody
	db := mysqltest.New(t)
	db.School(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	mailHost, mailPort, err := net.SplitHostPort(srv.Addr())
	require.NoError(t, err)
	return db, srv, map[string]string{
		"DB_HOST": host, "DB_PORT": port, "DB_DATABASE": db.Name, "DB_USERNAME": db.Config.User,
		"DB_PASSWORD": db.Config.Passwd,
		"MAIL_MAILER": "smtp", "MAIL_HOST": mailHost, "MAIL_PORT": mailPort, "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
		"REMINDER_WINDOW": "00:00-24:00", "LOG_FILE": filepath.Join(t.TempDir(), "pengingat.log"),
	}
}

func report(t *testing.T, c result) reminder.Report {
	t.Helper()
	var r reminder.Report
	dec := json.NewDecoder(strings.NewReader(c.out))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&r), "%s\n%s", c.out, c.err)
	return r
}

// TestFirstDay is the way of a school: its tables with everything that goes wrong in them, migrate, run, and run again.
func TestFirstDay(t *testing.T) {
	db, srv, environ := school(t)
	dry := command(t, environ, "run", "--dry-run")
	assert.Equal(t, exitConfig, dry.code)
	assert.Contains(t, dry.err, "pengingat migrate")

	migrated := command(t, environ, "migrate", "--source", "perpustakaan")
	require.Equal(t, exitDone, migrated.code, migrated.err)
	assert.Contains(t, migrated.out, "pengingat run --dry-run", "it says what comes next")

	// The program's own today, so that the dates below fit whenever this test runs.
	today := report(t, command(t, environ, "run", "--dry-run", "--json")).Today
	due := func(days int) string { return today.AddDays(days).String() }
	var want []string
	borrower := func(b mysqltest.Borrower, told bool) int64 {
		if told {
			want = append(want, strings.Split(b.Email, ",")[0])
		}
		return db.AddBorrower(t, b)
	}
	for i := range 20 { // before due, due, and late by up to 18 days
		b := borrower(mysqltest.Borrower{Email: fmt.Sprintf("siswa%d@example.org", 100+i), Class: "7A"}, true)
		db.AddLoan(t, mysqltest.Loan{Borrower: b, Due: due(1 - i)})
	}
	ani := borrower(mysqltest.Borrower{Name: "Ani\r\nBcc: mallory@example.org", Email: "ani@example.org", Class: "8B"},
		true)
	db.Exec(t, `INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon) VALUES (?, '99', '8C', '2012-01-01', '', '')`, ani)
	for _, title := range []string{`"Kutipan" & 'petik'`, "Emoji 📚🌏", "<script>alert(1)</script>"} {
		db.AddLoan(t, mysqltest.Loan{Borrower: ani, Due: due(-3), Title: title})
	}
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: "satu@example.org, dua@example.org"}, true),
		Due: due(0)})
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: "masih@example.org"}, false), Due: due(30),
		Status: "Terlambat"})
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: "kembali@example.org"}, false), Due: due(-1),
		Returned: due(-1) + " 09:00:00"})
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: "tidak ada"}, false), Due: due(0)})
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: " "}, false), Due: due(0)})
	db.AddLoan(t, mysqltest.Loan{Borrower: borrower(mysqltest.Borrower{Email: "guru@perpustakaan.com"}, false),
		Due: due(0)})
	for _, status := range []string{"Diproses", "Dikembalikan", "Dibatalkan"} {
		db.AddLoan(t, mysqltest.Loan{Due: due(0), Status: status})
	}
	db.AddLoan(t, mysqltest.Loan{Due: due(-200)})

	first := command(t, environ, "run", "--json")
	require.Equal(t, exitDone, first.code, first.err)
	rep := report(t, first)
	assert.Equal(t, &reminder.LoanCounts{Open: 29, InReach: 27, TooOld: 1, Unreachable: 3}, rep.Loans)
	assert.Equal(t, reminder.PlannedCounts{Emails: 22, Notices: 24}, rep.Planned)
	assert.Equal(t, reminder.EmailCounts{Sent: 22}, rep.Emails)

	var got []string
	for _, m := range srv.Messages() {
		got = append(got, m.To)
		mail := m.Parse(t)
		assert.NotContains(t, string(m.Data), "\r\nBcc:")
		if m.To == "ani@example.org" {
			assert.Contains(t, mail.Text, "Emoji 📚🌏")
			assert.Contains(t, mail.Text, "<script>alert(1)</script>", "plain text is plain")
			assert.NotContains(t, mail.HTML, "<script>")
			assert.Equal(t, 1, strings.Count(mail.Text, "Kutipan"), "duplicate rows of siswa do not repeat a book")
		}
	}
	assert.ElementsMatch(t, want, got, "one mail a borrower")

	again := command(t, environ, "run", "--json")
	require.Equal(t, exitDone, again.code)
	assert.Zero(t, report(t, again).Emails)
	assert.Zero(t, report(t, again).Planned)
	assert.Len(t, srv.Messages(), 22)

	status := command(t, environ, "status")
	assert.Equal(t, exitDone, status.code, status.err)
	assert.Regexp(t, `Terkirim +22`, status.out)
	assert.Contains(t, command(t, environ, "status", "--json").out, `"sent":22`)
	for _, printed := range []string{first.err, status.out, again.err} {
		assert.NotContains(t, printed, "example.org", "no address in what is printed")
	}
	log, err := os.ReadFile(environ["LOG_FILE"])
	require.NoError(t, err)
	assert.NotContains(t, string(log), "example.org")
	assert.Contains(t, string(log), rep.RunID)
}

func TestExitCodes(t *testing.T) {
	db, srv, environ := school(t)
	_, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	require.NoError(t, schema.CreateView(t.Context(), db.Admin, "perpustakaan"))
	set := func(key, value string) map[string]string {
		changed := maps.Clone(environ)
		changed[key] = value
		return changed
	}
	for _, tt := range []struct {
		name    string
		environ map[string]string
		args    string
		code    int
		says    string // on standard error
	}{
		{"unknown command", environ, "remind", exitUsage, "pengingat --help"},
		{"unknown flag", environ, "run --fast", exitUsage, "--fast"},
		{"superfluous argument", environ, "run now", exitUsage, "now"},
		{"no settings", nil, "run", exitConfig, "DB_DATABASE"},
		{"no settings, in English", map[string]string{"APP_LOCALE": "en"}, "run", exitConfig, "is not set"},
		{"no such settings file", environ, "run --env nowhere.env", exitConfig, "nowhere.env"},
		{"no such settings file, in English", set("APP_LOCALE", "en"), "run --env nowhere.env", exitConfig, "cannot be read"},
		{"database down", set("DB_PORT", "1"), "run", exitRetry, "DB_HOST"},
		{"wrong password", set("DB_PASSWORD", "wrong"), "run", exitConfig, "DB_PASSWORD"},
		{"no such source", environ, "migrate --source alexandria", exitUsage, "perpustakaan"},
		{"database down at migrate", set("DB_PORT", "1"), "migrate", exitRetry, "DB_HOST"},
		{"nothing to do", environ, "run", exitDone, ""},
		{"help", environ, "run --help", exitDone, ""},
		{"version", environ, "--version", exitDone, ""},
	} {
		got := command(t, tt.environ, strings.Fields(tt.args)...)
		assert.Equal(t, tt.code, got.code, "%s: %s%s", tt.name, got.out, got.err)
		assert.Contains(t, got.err, tt.says, tt.name)
		if tt.code == exitDone {
			assert.Empty(t, got.err, tt.name)
		}
	}

	today := report(t, command(t, environ, "run", "--json")).Today.String()
	db.AddLoan(t, mysqltest.Loan{Due: today})
	stopped := command(t, set("MAIL_PORT", "1"), "run")
	assert.Equal(t, exitRetry, stopped.code, "mail server down")
	assert.Contains(t, stopped.out, "Terhenti")
	paused := command(t, set("MAIL_PORT", "1"), "run")
	assert.Equal(t, exitNeedsPerson, paused.code, "the next trigger leaves the server alone")
	assert.Contains(t, command(t, set("MAIL_PORT", "1"), "status").out, "Jeda")
	assert.Empty(t, srv.Messages())

	assert.Equal(t, exitDone, command(t, environ, "run").code)
	assert.Len(t, srv.Messages(), 1, "what waited is sent")

	for range 2 {
		db.AddLoan(t, mysqltest.Loan{Due: today})
	}
	held := command(t, set("REMINDER_MAX_PER_RUN", "1"), "run")
	assert.Equal(t, exitNeedsPerson, held.code)
	assert.Contains(t, held.out, "--approve")
	assert.Equal(t, exitDone, command(t, set("REMINDER_MAX_PER_RUN", "1"), "run", "--approve").code)
	assert.Len(t, srv.Messages(), 3)
}

// TestTrying: run sends nothing from a sample address, and with --only-to nothing to anybody else, without a change of
// a file.
func TestTrying(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	today := at(t, environ, 0)
	db.AddLoan(t, mysqltest.Loan{Due: today, Borrower: db.AddBorrower(t,
		mysqltest.Borrower{Email: "saya@sekolah.sch.id"})})
	db.AddLoan(t, mysqltest.Loan{Due: today})
	for _, from := range []string{"hello@example.com", "a@mail.example.org", "perpus@contoh.com", "x@perpustakaan.com"} {
		sample := maps.Clone(environ)
		sample["MAIL_FROM_ADDRESS"] = from
		got := command(t, sample, "run")
		assert.Equal(t, exitConfig, got.code, from)
		assert.Contains(t, got.err, "sebuah domain contoh", from)
		assert.Equal(t, exitDone, command(t, sample, "run", "--dry-run").code, from)
	}
	for _, wrong := range []string{"saya", "", "a@b, c@d.id"} {
		assert.Equal(t, exitUsage, command(t, environ, "run", "--only-to", wrong).code, wrong)
	}
	assert.Empty(t, srv.Messages())
	rep := report(t, command(t, environ, "run", "--only-to", "saya@sekolah.sch.id", "--json"))
	assert.Equal(t, reminder.EmailCounts{Sent: 1, Withheld: 1}, rep.Emails)
	assert.Equal(t, 1, report(t, command(t, environ, "run", "--json")).Emails.Sent)

	night := quietMachine
	night.now = func() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, night.zone) }
	environ["REMINDER_WINDOW"] = "07:00-20:00"
	dry := commandOn(t, night, "", environ, "run", "--dry-run")
	assert.Contains(t, dry.out, "2  pinjaman terbuka")
	assert.Contains(t, dry.out, "Di luar jam kirim 07:00-20:00")
	assert.NotContains(t, commandOn(t, night, "", environ, "run").out, "pinjaman", "it did not look")
}

func TestPrint(t *testing.T) {
	t.Chdir(t.TempDir())
	_, _, environ := school(t) // a view's columns depend on the tables
	printed := command(t, environ, "migrate", "--source", "perpustakaan", "--print")
	require.Equal(t, exitDone, printed.code, printed.err)
	assert.Contains(t, printed.out, "CREATE TABLE IF NOT EXISTS reminder_emails")
	assert.Contains(t, printed.out, "VIEW reminder_loans")
}

func TestHelpInBothLanguages(t *testing.T) {
	t.Chdir(t.TempDir())
	for locale, words := range map[string][]string{"id": {"Sehari-hari:", "Pilihan"}, "en": {"Every day:", "Options"}} {
		help := command(t, map[string]string{"APP_LOCALE": locale}, "--help")
		for _, word := range words {
			assert.Contains(t, help.out, word)
		}
	}
}

// TestHelpOfEveryCommand: both languages, an example wherever there is something to run, and lines that fit a terminal.
func TestHelpOfEveryCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		help := map[string]string{}
		for _, locale := range []string{"id", "en"} {
			got := command(t, map[string]string{"APP_LOCALE": locale}, append(slices.Clone(path), "--help")...)
			require.Equal(t, exitDone, got.code, path)
			help[locale] = got.out
			for line := range strings.Lines(got.out) {
				assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
			}
			if !cmd.HasSubCommands() {
				assert.Contains(t, got.out, "  pengingat "+strings.Join(path, " "), "an example of %v", path)
				assert.Contains(t, got.out, map[string]string{"id": "Contoh:", "en": "Examples:"}[locale], "%v", path)
			}
		}
		assert.NotEqual(t, help["id"], help["en"], "%v", path)
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				walk(sub, append(slices.Clone(path), sub.Name()))
			}
		}
	}
	walk((&program{}).root(), nil)
}

// TestMigrateAlone: the tables without the view are not ready for a run.
func TestMigrateAlone(t *testing.T) {
	_, _, environ := school(t)
	assert.Contains(t, command(t, environ, "migrate").out, "Berikutnya: pengingat migrate\n--source SISTEM")
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	assert.Contains(t, command(t, environ, "migrate").out, "Berikutnya: pengingat run --dry-run")
}
