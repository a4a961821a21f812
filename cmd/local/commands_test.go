package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// A try is a command line, the exit code that it must have, and what a look into the database must then find: a
// condition, or nothing for a command that only looks. One that is refused must have changed nothing.
type try struct {
	args  string // {key} stands for what tries.value has
	code  int
	shows string
}

// tries has for each command what is right, what is not there, what is misspelt and what is absurd, in the order in
// which one makes the next one possible.
var tries = []struct {
	command string
	tries   []try
}{
	{"migrate", []try{{"--source perpustakaan", exitDone, ""}, {"--source alexandria", exitUsage, ""}, {"", exitDone, ""},
		{"--sumber x", exitUsage, ""},
		{"--source custom", exitUsage, ""}, {"perpustakaan", exitUsage, ""},
		{"--source perpustakaan --print", exitDone, ""}}},
	{"init", []try{{"--yes --no-test --out baru.env", exitDone, ""}, {"--from-env tidakada.env --yes", exitConfig, ""},
		{"--yess", exitUsage, ""}, {"sekarang", exitUsage, ""}}},
	{"install", []try{{"", exitDone, ""}, {"--print=lain", exitUsage, ""}, {"sekarang", exitUsage, ""}}},
	{"uninstall", []try{{"--dry-run", exitDone, ""}, {"--force", exitUsage, ""}}},
	{"doctor", []try{{"", exitNeedsPerson, ""}, {"--fix", exitUsage, ""}, {"semua", exitUsage, ""},
		{"--json=x", exitUsage, ""}}},
	{"preview", []try{{"--out pratinjau", exitDone, ""}, {"--date 2027-01-01 --out lain", exitDone, ""},
		{"--date besok", exitUsage, ""},
		{"--date 2026-02-30", exitUsage, ""}, {"--loan 999999", exitUsage, ""}, {"--loan {loan}", exitDone, ""},
		{"x", exitUsage, ""}}},
	{"test-mail", []try{{"--to saya@sekolah.sch.id", exitDone, ""}, {"--to {address}", exitUsage, ""},
		{"--to saya", exitUsage, ""},
		{"", exitUsage, ""}, {"--to saya@sekolah.sch.id --loan 999999", exitUsage, ""}, {"--to", exitUsage, ""}}},
	{"find", []try{{"Aisyah", exitDone, ""}, {"{address}", exitDone, ""}, {"Zulkarnain", exitUsage, ""},
		{"", exitUsage, ""},
		{"%", exitUsage, ""}, {"isyah", exitUsage, ""}, {"{loan} --json", exitDone, ""}, {"' OR 1=1 --", exitUsage, ""}}},
	{"pause", []try{{"ujian akhir", exitDone, "EXISTS (SELECT 1 FROM reminder_state WHERE reason = 'ujian akhir')"},
		{"--until 2020-01-01", exitUsage, ""}, {"--until besok", exitUsage, ""}, {"--until 9999-12-31", exitUsage, ""},
		{"--until", exitUsage, ""}}},
	{"run", []try{{"", exitDone, "NOT EXISTS (SELECT 1 FROM reminder_emails)"}, {"--dry-run", exitDone, ""},
		{"--sekarang", exitUsage, ""},
		{"sekarang", exitUsage, ""}, {"--only-to saya", exitUsage, ""}, {"--dry-run=x", exitUsage, ""},
		{"--dry-run --json", exitDone, ""}}},
	{"resume", []try{{"", exitDone, "NOT EXISTS (SELECT 1 FROM reminder_state WHERE name LIKE 'pause%')"},
		{"", exitDone, ""}, {"x", exitUsage, ""}}},
	{"run", []try{{"", exitNeedsPerson, "EXISTS (SELECT 1 FROM reminder_emails WHERE state = 'refused')"}}},
	{"status", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"semua", exitUsage, ""}, {"--jsom", exitUsage, ""}}},
	{"explain", []try{{"{loan}", exitDone, ""}, {"Aisyah", exitDone, ""}, {"999999", exitUsage, ""},
		{"Zulkarnain", exitUsage, ""},
		{"", exitUsage, ""}, {"{returned}", exitDone, ""}, {"Budi", exitUsage, ""}, {"{loan} --json", exitDone, ""}}},
	{"failed", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"12", exitUsage, ""}}},
	{"retry", []try{{"{refused}", exitDone, "EXISTS (SELECT 1 FROM reminder_emails WHERE state = 'queued')"},
		{"999999", exitUsage, ""},
		{"0", exitUsage, ""}, {"-5", exitUsage, ""}, {"dua", exitUsage, ""}, {"", exitUsage, ""}, {"--failed", exitDone, ""},
		{"{refused} --failed", exitUsage, ""}, {"99999999999999999999", exitUsage, ""}}},
	{"cancel", []try{{"{refused}", exitDone, "EXISTS (SELECT 1 FROM reminder_emails WHERE reason = 'by a person')"},
		{"{refused}", exitUsage, ""},
		{"999999", exitUsage, ""}, {"0", exitUsage, ""}, {"dua", exitUsage, ""}, {"", exitUsage, ""}}},
	{"report", []try{{"--out laporan.html", exitDone, ""}, {"--days 0", exitUsage, ""}, {"--days dua", exitUsage, ""},
		{"--from 2030-01-01", exitUsage, ""},
		{"--out tidakada/x/y.html", exitConfig, ""}, {"x", exitUsage, ""}}},
	{"closed add", []try{{"2026-12-25 Natal", exitDone,
		"EXISTS (SELECT 1 FROM reminder_closed_days WHERE name = 'Natal')"},
		{"besok sekali", exitUsage, ""}, {"2026-12-31..2026-12-01", exitUsage, ""}, {"", exitUsage, ""},
		{"2026-02-30", exitUsage, ""}}},
	{"closed list", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"semua", exitUsage, ""}}},
	{"closed import", []try{{"tidakada.ics", exitUsage, ""}, {"", exitUsage, ""}}},
	{"closed remove", []try{{"2026-12-25", exitDone, "NOT EXISTS (SELECT 1 FROM reminder_closed_days WHERE first_day = '2026-12-25')"},
		{"2026-12-25", exitUsage, ""}, {"besok", exitUsage, ""}, {"", exitUsage, ""}}},
	{"class set", []try{{"7A --to rina@sekolah.sch.id --name Rina", exitDone,
		"EXISTS (SELECT 1 FROM reminder_groups WHERE group_name = '7A' AND teacher_name = 'Rina')"},
		{"7a --to rina@sekolah.sch.id", exitDone, "(SELECT COUNT(*) FROM reminder_groups) = 1"},
		{"7A", exitUsage, ""}, {"7A --to rina", exitUsage, ""}, {"--to rina@sekolah.sch.id", exitUsage, ""}}},
	{"class list", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"7A", exitUsage, ""}}},
	{"class import", []try{{"tidakada.csv", exitUsage, ""}, {"", exitUsage, ""}}},
	{"class remove", []try{{"7A", exitDone, "NOT EXISTS (SELECT 1 FROM reminder_groups)"}, {"7A", exitUsage, ""},
		{"", exitUsage, ""}}},
	{"optout add", []try{{"Aisyah Putri", exitDone, "EXISTS (SELECT 1 FROM reminder_opt_outs)"},
		{"isyah Putri", exitUsage, ""}, {"Aisyah", exitUsage, ""},
		{"999999", exitUsage, ""}, {"syah@sekolah.sch.id", exitUsage, ""}, {"Budi", exitUsage, ""}, {"", exitUsage, ""}}},
	{"optout list", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"x", exitUsage, ""}}},
	{"optout remove", []try{{"Aisyah Putri", exitDone, "NOT EXISTS (SELECT 1 FROM reminder_opt_outs)"},
		{"Aisyah Putri", exitUsage, ""},
		{"999999", exitUsage, ""}, {"", exitUsage, ""}}},
	{"export", []try{{"Aisyah Putri", exitDone, ""}, {"Aisyah", exitUsage, ""}, {"999999", exitUsage, ""},
		{"--guardian ibu@example.org", exitDone, ""}, {"--guardian ibu", exitUsage, ""}, {"", exitUsage, ""}}},
	{"forget", []try{{"Aisyah Putri", exitUsage, "EXISTS (SELECT 1 FROM reminder_emails WHERE borrower_id NOT LIKE 'forgotten%')"},
		{"Aisyah Putri --yes", exitDone, "EXISTS (SELECT 1 FROM reminder_emails WHERE borrower_id LIKE 'forgotten%')"},
		{"999999", exitUsage, ""}, {"--guardian ibu --yes", exitUsage, ""}, {"", exitUsage, ""}}},
	{"templates export", []try{{"kata", exitDone, ""}, {"kata", exitConfig, ""}, {"", exitUsage, ""}}},
	{"prune", []try{{"", exitDone, ""}, {"--dry-run", exitDone, ""}, {"--older-than 1d", exitUsage, ""},
		{"--older-than lama", exitUsage, ""}, {"x", exitUsage, ""}}},
	{"quarantine", []try{{"--before besok", exitUsage, ""}, {"--undo", exitUsage, ""}, {"", exitUsage, ""},
		{"x", exitUsage, ""}}},
	{"desk", []try{{"--no-browser x", exitUsage, ""}, {"--browser", exitUsage, ""}, {"x", exitUsage, ""}}},
	{"serve", []try{{"--port dua", exitUsage, ""}, {"--port 0", exitUsage, ""}, {"--port 99999", exitUsage, ""},
		{"x", exitUsage, ""}}},
	{"completion", []try{{"bash", exitDone, ""}, {"powershell", exitDone, ""}, {"dos", exitUsage, ""},
		{"", exitUsage, ""}}},
	{"version", []try{{"", exitDone, ""}, {"--json", exitDone, ""}, {"x", exitUsage, ""}}},
	{"guide", []try{{"--out panduan.html", exitDone, ""}, {"--out tidakada/x.html", exitConfig, ""},
		{"x", exitUsage, ""}}},
	{"grants", []try{{"--print", exitDone, ""}, {"--print --create-password", exitDone, ""}, {"--create", exitUsage, ""},
		{"x", exitUsage, ""}}},
	{"help", []try{{"", exitDone, ""}, {"run", exitDone, ""}, {"jelaskan", exitDone, ""}, {"closed add", exitDone, ""},
		{"lari", exitUsage, ""}}},
	{"", []try{{"", exitDone, ""}, {"/?", exitDone, ""}, {"lari", exitUsage, ""}, {"rum", exitUsage, ""},
		{"closed ad", exitUsage, ""}, {"--versi", exitUsage, ""}}},
}

// foreign are words that a text in a language cannot have.
var foreign = map[string]*regexp.Regexp{
	"id": regexp.MustCompile(`(?i)\b(the|is|are|was|were|not|nothing|there|with|without|this|that|which|from|must|cannot|invalid|unknown|and|for|loans?|` +
		`borrowers?|mails?|sent|waiting|due|today|usage|required|accepts|received|flag|argument|email|surat|default|sunday|refused|needs?|int|string)\b`),
	"en": regexp.MustCompile(`(?i)\b(yang|dan|tidak|dengan|untuk|dari|ini|itu|surel|peminjam|pinjaman|belum|sudah|akan|harus|atau|pada|jatuh|hari|bukan|` +
		`bantuan|perintah|pilihan|terkirim|dikirim|tanggal|nama|alasan|berkas|alamat|bawaan)\b`),
}

// notWords are no words of a text: what a machine said, what is to be typed, names of settings and files, what was
// typed.
var notWords = regexp.MustCompile(`(?m)^  pengingat .*|(Rincian|Details|Nama lain|Also): .*(\n +.*)*|folder \S+|'[^']*'|"[^"]*"|https?://\S+|--?[a-z-]+|\S*[_/\\=@.]\S*\w|pengingat( [a-z-]+)+|<[^>]*>`)

// TestEveryCommand gives every command right, absent, misspelt and absurd arguments, in both languages.
func TestEveryCommand(t *testing.T) {
	commands := leaves((&program{}).root(), "")
	for _, c := range tries {
		delete(commands, c.command)
	}
	assert.Empty(t, slices.Sorted(maps.Keys(commands)), "each command needs tries")

	for locale, words := range foreign {
		t.Run(locale, func(t *testing.T) {
			db, _, environ := school(t)
			environ["APP_LOCALE"], environ["MAIL_FROM_ADDRESS"] = locale, "perpus@mtsn6garut.sch.id"
			srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
				if c.Arg == "tolak@sekolah.sch.id" {
					return mailtest.Action{Reply: "550 5.1.1 no such user"}
				}
				return mailtest.Action{}
			}})
			environ["MAIL_PORT"] = fmt.Sprint(srv.Port())
			require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
			today := at(t, environ, 0)
			lend := func(name, email string) int64 {
				return db.AddLoan(t, mysqltest.Loan{Due: today,
					Borrower: db.AddBorrower(t, mysqltest.Borrower{Name: name, Email: email, Class: "7A"})})
			}
			loan, returned := lend("Aisyah Putri", "aisyah@sekolah.sch.id"), lend("Citra", "citra@sekolah.sch.id")
			lend("Budi", "budi1@sekolah.sch.id")
			lend("Budi", "budi2@sekolah.sch.id")
			lend("Dewi", "tolak@sekolah.sch.id")
			value := map[string]string{"{loan}": fmt.Sprint(loan), "{returned}": fmt.Sprint(returned),
				"{address}": "aisyah@sekolah.sch.id"}
			read := func(said string, args ...string) {
				assert.Empty(t, words.FindString(notWords.ReplaceAllString(said, "")), "%v: %s", args, said)
				for line := range strings.Lines(said) {
					if len(strings.Fields(line)) > 1 { // else a path
						assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, "%v: %s", args, line)
					}
				}
			}
			for name := range leaves((&program{}).root(), "") {
				args := append(strings.Fields(name), "--help")
				got := command(t, environ, args...)
				assert.Equal(t, exitDone, got.code, "%v: %s", args, got.err)
				read(got.out, args...)
			}
			for _, c := range tries {
				for _, try := range c.tries {
					args := strings.Fields(c.command)
					for _, arg := range strings.Fields(try.args) {
						if v, ok := value[arg]; ok {
							arg = v
						}
						args = append(args, arg)
					}
					before := kept(t, db)
					got := command(t, environ, args...)
					said := got.out + got.err
					assert.Equal(t, try.code, got.code, "%v: %s", args, said)
					if got.code != exitDone && got.code != exitNeedsPerson {
						assert.Equal(t, before, kept(t, db), "%v: nothing may have been done", args)
						assert.Empty(t, got.out, "%v", args)
						assert.NotEmpty(t, got.err, "%v", args)
					}
					if try.shows != "" {
						var so bool
						require.NoError(t, db.Admin.QueryRow("SELECT "+try.shows).Scan(&so))
						assert.True(t, so, "%v: %s", args, try.shows)
					}
					if strings.Contains(try.args, "json") || strings.Contains(try.args, "--print") ||
						slices.Contains([]string{"completion", "install", "export"}, c.command) { // for other programs
						continue
					}
					read(said, args...)
				}
				if c.command == "run" { // from now on one is back, and one was refused
					db.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", returned)
					var refused string
					if db.Admin.QueryRow("SELECT id FROM reminder_emails WHERE state = 'refused'").Scan(&refused) == nil {
						value["{refused}"] = refused
					} else {
						db.Exec(t, "UPDATE peminjaman SET status = 'Dipinjam' WHERE id = ?", returned)
					}
				}
			}
			assert.NoFileExists(t, "report.html")
		})
	}
}

// leaves are the commands that do something, and the root, by what is typed.
func leaves(cmd *cobra.Command, path string) map[string]bool {
	all := map[string]bool{}
	if path == "" || !cmd.HasSubCommands() {
		all[path] = true
	}
	for _, sub := range cmd.Commands() {
		maps.Copy(all, leaves(sub, strings.TrimSpace(path+" "+sub.Name())))
	}
	return all
}

// kept is all that the program keeps.
func kept(t *testing.T, db *mysqltest.DB) string {
	return db.Content(t, "reminder_emails", "reminder_notices", "reminder_runs", "reminder_state", "reminder_closed_days",
		"reminder_opt_outs", "reminder_bad_addresses")
}

// TestIndonesianNames: each command that has one answers to it.
func TestIndonesianNames(t *testing.T) {
	t.Chdir(t.TempDir())
	root := (&program{}).root()
	for name, command := range map[string]string{
		"kirim": "run", "lihat": "preview", "gagal": "failed", "ulangi": "retry", "batal": "cancel", "cari": "find",
		"jelaskan": "explain",
		"periksa":  "doctor", "jeda": "pause", "lanjut": "resume", "libur": "closed", "laporan": "report", "meja": "desk",
	} {
		cmd, _, err := root.Find([]string{name})
		require.NoError(t, err, name)
		assert.Equal(t, command, cmd.Name(), name)
	}
	_, err := os.Stat("pratinjau")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestUsageTexts: each command and each flag has its text, and no other text is in the catalogue.
func TestUsageTexts(t *testing.T) {
	var catalogue struct{ Usage, Flag map[string]string }
	_, err := toml.DecodeFile("../../reminder/text/id.toml", &catalogue)
	require.NoError(t, err)
	use := func(texts map[string]string, keys ...string) {
		for _, key := range keys {
			delete(texts, key)
		}
	}
	shared := map[string]bool{"env": true, "help": true, "version": true} // of the program itself
	underscored := strings.NewReplacer(" ", "_", "-", "_").Replace
	for _, g := range commands {
		for _, e := range g.rows {
			name := underscored(e.name)
			assert.NotEmpty(t, catalogue.Usage[name+"_short"], e.name)
			assert.Equal(t, e.args != arity{} || slices.Contains([]string{"test-mail", "quarantine"}, e.name),
				catalogue.Usage[name+"_arguments"] != "", "%s: arguments", e.name)
			use(catalogue.Usage, name+"_short", name+"_long", name+"_arguments")
			for _, f := range e.flags {
				if own := name + "_" + underscored(f.name); catalogue.Flag[own] != "" {
					use(catalogue.Flag, own)
					continue
				}
				assert.NotEmpty(t, catalogue.Flag[underscored(f.name)], "%s --%s", e.name, f.name)
				shared[underscored(f.name)] = true
			}
		}
	}
	assert.Empty(t, catalogue.Usage, "nothing says these")
	use(catalogue.Flag, slices.Collect(maps.Keys(shared))...)
	assert.Empty(t, catalogue.Flag, "nothing says these")
}
