package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// grants returns the script with which the database's administrator makes the program's user.
func grants(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(grantsFile)
	require.NoError(t, err)
	return string(text)
}

// Tests change the working directory.
var grantsFile, _ = filepath.Abs(filepath.Join("..", "..", "deploy", "grants.sql"))

// healthy is a school at which nothing is wrong: the program's own database user, a loan, a run behind it, a scheduled
// task, and a domain that DNS knows.
func healthy(t *testing.T) (*mysqltest.DB, machine, map[string]string) {
	t.Helper()
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	user := db.User(t, grants(t))
	environ["DB_USERNAME"], environ["DB_PASSWORD"] = user.User, user.Passwd
	environ["MAIL_FROM_ADDRESS"] = "perpus@mtsn6garut.sch.id"
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Name: "Rahasia", Email: "ani@sekolah.sch.id"})})
	require.Equal(t, exitDone, command(t, environ, "run").code)
	return db, knownMachine(), environ
}

func knownMachine() machine {
	m := quietMachine
	m.lookupTXT = dns(map[string]string{"mtsn6garut.sch.id": "v=spf1 mx ~all",
		"_dmarc.mtsn6garut.sch.id": "v=DMARC1; p=none"})
	m.command = func(_ context.Context, name string, args ...string) (string, error) {
		return map[string]string{"pengingat.timer": "LoadState=loaded\n",
			"pengingat.service": "ExecMainStatus=0\n"}[args[len(args)-1]], nil
	}
	return m
}

// dns answers for every name: with a record, or that there is none.
func dns(records map[string]string) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, name string) ([]string, error) {
		if name == "gmail.com" {
			return []string{"v=spf1 redirect=_spf.google.com"}, nil
		}
		if text, ok := records[name]; ok {
			return []string{"some other record", text}, nil
		}
		return nil, &net.DNSError{IsNotFound: true}
	}
}

// diagnosis runs doctor --json.
func diagnosis(t *testing.T, m machine, environ map[string]string) (code int, findings []finding) {
	t.Helper()
	got := commandOn(t, m, "", environ, "doctor", "--json")
	var d struct {
		Code     int       `json:"exit_code"`
		Version  string    `json:"version"`
		Findings []finding `json:"findings"`
	}
	dec := json.NewDecoder(strings.NewReader(got.out))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&d), got.out, got.err)
	assert.Equal(t, d.Code, got.code)
	return got.code, d.Findings
}

// troubles are the findings that are not ok, as "check: text".
func troubles(findings []finding) (list []string) {
	for _, f := range findings {
		if f.Severity != "ok" {
			list = append(list, f.Check+": "+f.What)
		}
	}
	return list
}

func TestDoctorOnAHealthySchool(t *testing.T) {
	_, m, environ := healthy(t)
	for range 2 {
		code, findings := diagnosis(t, m, environ)
		assert.Empty(t, troubles(findings))
		assert.Equal(t, exitDone, code)
		assert.GreaterOrEqual(t, len(findings), 14, "every check says that it looked")
	}
	for locale, words := range map[string]string{"id": "Semua baik.", "en": "All is well."} {
		environ["APP_LOCALE"] = locale
		assert.Contains(t, commandOn(t, m, "", environ, "doctor").out, words)
	}
}

// TestDoctorPrintsNobody: whatever is wrong, no name, address or secret is printed, and every line fits.
func TestDoctorPrintsNobody(t *testing.T) {
	db, _, environ := healthy(t)
	b := db.AddBorrower(t, mysqltest.Borrower{Name: "Rahasia", Email: "ani@gmial.com; ani@sekolah.sch.id"})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: b})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "budi tidak punya"})})
	environ["MAIL_PASSWORD"], environ["MAIL_USERNAME"], environ["MAIL_PORT"] = "hush-hush", "ani@gmail.com", "1"
	environ["REMINDER_ONLY_TO"] = "ani@sekolah.sch.id"
	for _, locale := range []string{"id", "en"} {
		environ["APP_LOCALE"] = locale
		got := command(t, environ, "doctor")
		assert.Equal(t, exitRetry, got.code, got.out)
		for _, secret := range []string{"hush", "ani@", "budi", "Rahasia", environ["DB_PASSWORD"]} {
			assert.NotContains(t, got.out, secret)
		}
		for line := range strings.Lines(got.out) {
			if !strings.Contains(line, environ["LOG_FILE"]) { // a path is not broken
				assert.LessOrEqual(t, len([]rune(strings.TrimSpace(line))), 80, line)
			}
		}
	}
}

// TestDoctorFinds breaks one thing at a time and names the finding and the exit code that it makes.
func TestDoctorFinds(t *testing.T) {
	db, _, environ := healthy(t)
	statement := func(query string) func(map[string]string, *machine) {
		return func(map[string]string, *machine) { db.Exec(t, query) }
	}
	set := func(key, value string) func(map[string]string, *machine) {
		return func(environ map[string]string, _ *machine) { environ[key] = value }
	}
	schtasks := func(row string, err error) func(map[string]string, *machine) {
		return func(_ map[string]string, m *machine) {
			m.os = "windows"
			m.command = func(_ context.Context, name string, args ...string) (string, error) {
				if name == "sc" {
					return "", &exec.ExitError{}
				}
				return row, err
			}
		}
	}
	sendGrid := func(from, spf string) func(map[string]string, *machine) {
		return func(environ map[string]string, m *machine) {
			environ["MAIL_MAILER"], environ["SENDGRID_API_KEY"], environ["MAIL_FROM_ADDRESS"] = "sendgrid", "SG.x", from
			m.lookupTXT = dns(map[string]string{"mtsn6garut.sch.id": spf, "_dmarc.mtsn6garut.sch.id": "v=DMARC1"})
		}
	}
	for _, tt := range []struct {
		name    string
		breakIt func(map[string]string, *machine)
		mend    string // SQL
		finds   string // "" : nothing
		code    int
	}{
		{"database down", set("DB_PORT", "1"), "", "database: Basis data tidak dapat dihubungi", exitRetry},
		{"wrong password", set("DB_PASSWORD", "x"), "", "database: Basis data menolak login", exitConfig},
		{"no settings", set("MAIL_MAILER", ""), "", "settings: Konfigurasi belum lengkap", exitConfig},
		{"mail to files", set("MAIL_MAILER", "file"), "", "settings: MAIL_MAILER=file", exitNeedsPerson},
		{"only to", set("REMINDER_ONLY_TO", "a@b.id"), "", "settings: REMINDER_ONLY_TO masih terisi", exitNeedsPerson},
		{"mail server down", set("MAIL_PORT", "1"), "", "mail: Server surel tidak terjangkau", exitRetry},
		{"sample sender", set("MAIL_FROM_ADDRESS", "hello@example.com"), "",
			"sender: MAIL_FROM_ADDRESS beralamat di example.com", exitConfig},
		{"another zone", set("APP_TIMEZONE", "UTC"), "", "clock: APP_TIMEZONE=UTC", exitNeedsPerson},
		{"root", func(environ map[string]string, _ *machine) {
			environ["DB_USERNAME"], environ["DB_PASSWORD"] = db.Config.User, db.Config.Passwd
		}, "", "rights: Pengguna basis data punya hak lebih dari yang perlu: ALL PRIVILEGES ON *.*", exitNeedsPerson},
		{"a right is missing", statement("REVOKE DELETE ON " + db.Name + ".reminder_runs FROM '" + environ["DB_USERNAME"] +
			"'@'%'"),
			"GRANT DELETE ON " + db.Name + ".reminder_runs TO '" + environ["DB_USERNAME"] + "'@'%'",
			"rights: Pengguna basis data tidak punya hak: DELETE reminder_runs", exitConfig},
		{"another engine", statement("ALTER TABLE reminder_runs ENGINE = MyISAM"),
			"ALTER TABLE reminder_runs ENGINE = InnoDB",
			"schema: Bukan tabel InnoDB: reminder_runs", exitConfig},
		{"a run in the future", statement("UPDATE reminder_runs SET started_at = '2099-01-01'"),
			"UPDATE reminder_runs SET started_at = UTC_TIMESTAMP(6)",
			"records: Jam komputer mundur", exitNeedsPerson},
		{"disk full", func(_ map[string]string, m *machine) {
			m.freeSpace = func(string) (uint64, error) { return 5 << 20, nil }
		}, "",
			"disk: Disk hampir penuh: tinggal 5 MB", exitNeedsPerson},
		{"no task", func(_ map[string]string, m *machine) {
			m.command = func(context.Context, string, ...string) (string, error) { return "LoadState=not-found\n", nil }
		}, "", "task: Tugas terjadwal belum terpasang", exitNeedsPerson},
		{"no task on Windows", schtasks("", &exec.ExitError{}), "", "task: Tugas terjadwal belum terpasang", exitNeedsPerson},
		{"Windows task ran well", schtasks(windowsRow(0), nil), "", "", exitDone},
		{"Windows task is running", schtasks(windowsRow(267009), nil), "", "", exitDone},
		{"Windows task failed", schtasks(windowsRow(-2147024894), nil), "",
			"task: Tugas terjadwal terakhir gagal dengan kode -2147024894 (0x80070002)", exitNeedsPerson},
		{"Windows task is disabled", schtasks(windowsRow(267010), nil), "", "task: Tugas terjadwal dimatikan",
			exitNeedsPerson},
		{"schtasks says nothing", schtasks("", nil), "", "", exitDone},
		{"old service", func(_ map[string]string, m *machine) {
			m.os = "windows"
			m.command = func(_ context.Context, name string, args ...string) (string, error) {
				if name == "sc" && args[1] == "LaravelScheduler" {
					return "SERVICE_NAME: LaravelScheduler\r\n        STATE              : 4  RUNNING\r\n", nil
				}
				return windowsRow(0), nil
			}
		}, "", "rival: Layanan lama LaravelScheduler masih berjalan", exitNeedsPerson},
		{"no SPF", func(_ map[string]string, m *machine) { m.lookupTXT = dns(nil) }, "",
			"dns: Domain mtsn6garut.sch.id tidak punya catatan SPF", exitNeedsPerson},
		{"DNS knows no name at all", func(_ map[string]string, m *machine) {
			m.lookupTXT = func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }
		}, "", "", exitDone},
		{"DNS is silent", func(_ map[string]string, m *machine) { m.lookupTXT = quietMachine.lookupTXT }, "", "", exitDone},
		{"somebody else sends for Gmail", sendGrid("perpus@gmail.com", ""), "",
			"sender: MAIL_FROM_ADDRESS di gmail.com, tetapi dikirim lewat penyedia lain", exitNeedsPerson},
		{"no DKIM key", sendGrid("perpus@mtsn6garut.sch.id", "v=spf1 ~all"), "",
			"dns: Domain mtsn6garut.sch.id tidak punya kunci DKIM", exitNeedsPerson},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed, m := maps.Clone(environ), knownMachine()
			tt.breakIt(changed, &m)
			code, findings := diagnosis(t, m, changed)
			if tt.finds == "" {
				assert.Empty(t, troubles(findings))
			} else {
				assert.Contains(t, strings.Join(troubles(findings), "\n"), tt.finds)
			}
			assert.Equal(t, tt.code, code, "%v", troubles(findings))
			if tt.mend != "" {
				db.Exec(t, tt.mend)
			}
		})
	}
}

// windowsRow is what schtasks prints of a task, in the language of some Windows.
func windowsRow(result int) string {
	return fmt.Sprintf("\"LAPTOP\",\"\\Pengingat\",\"24/11/2026 10.17.00\",\"Siap\",\"Interaktif/Latar belakang\",\"24/11/2026 09.17.00\",\"%d\",\"MTSN\",\"C:\\Pengingat\\pengingat.exe run\"\r\n", result)
}

// TestDoctorReadsTheApplication: with rights to its tables doctor also looks into them, and into a view made by hand.
func TestDoctorReadsTheApplication(t *testing.T) {
	db, m, environ := healthy(t)
	environ["DB_USERNAME"], environ["DB_PASSWORD"] = db.Config.User, db.Config.Passwd
	db.Exec(t, "ALTER TABLE peminjaman MODIFY status VARCHAR(20) NOT NULL")
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Status: "Diperpanjang"})
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "contoh@perpustakaan.com"})})
	db.Exec(t, `INSERT INTO jobs (queue, payload, attempts, available_at, created_at) VALUES ('default', 'App\\Notifications\\PengembalianBukuNotification', 0, 1, 1)`)
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id loan_id, u.id borrower_id, u.nama borrower_name, u.email, '' title,
		IF(p.id = 1, NULL, p.tanggal_kembali) due_at, NULL loan_ref, NULL item_code, NULL borrowed_at, NULL group_name, NULL language, NULL hold_reason, NULL fine_per_day
		FROM peminjaman p JOIN users u ON u.id = p.user_id CROSS JOIN (SELECT 1 a UNION SELECT 2) twice`)
	for _, email := range []string{"siti,aminah@gmail.com", "tidak ada", "-"} {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: email})})
	}
	_, findings := diagnosis(t, m, environ)
	got := strings.Join(troubles(findings), "\n")
	for _, want := range []string{
		`1 pinjaman berstatus "Diperpanjang"`, "1 peminjam masih beralamat @perpustakaan.com", "1 pengingat lama masih antre",
		"1 alamat mungkin hanya sebagian (nomor peminjam: 4).", "1 alamat salah tulis (nomor peminjam: 5).",
		"6 loan_id muncul lebih dari sekali", "2 pinjaman tanpa tanggal kembali yang dapat dibaca",
	} {
		assert.Contains(t, got, want)
	}
	db.Exec(t, "CREATE OR REPLACE VIEW reminder_loans AS SELECT id AS loan_id, user_id AS borrower_id FROM peminjaman")
	code, findings := diagnosis(t, m, environ)
	assert.Equal(t, exitConfig, code)
	assert.Contains(t, strings.Join(troubles(findings), "\n"),
		"schema: View reminder_loans tidak punya kolom: borrower_name, email, title, due_at")
}

// TestDoctorLooksAtEachRow: a view made by hand can be wrong in ways that no table of the library's system is.
func TestDoctorLooksAtEachRow(t *testing.T) {
	db, m, environ := healthy(t)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	db.Exec(t, `CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, REPEAT('x', 101) AS borrower_id, u.nama AS borrower_name,
		u.email, b.judul AS title, p.tanggal_kembali AS due_at FROM peminjaman p JOIN users u ON u.id = p.user_id JOIN buku b ON b.id = p.buku_id`)
	code, findings := diagnosis(t, m, environ)
	assert.Equal(t, exitNeedsPerson, code)
	assert.Regexp(t, `loans: View reminder_loans: \d+ loan_id atau borrower_id lebih panjang dari 100 huruf`,
		strings.Join(troubles(findings), "\n"))
}

// TestDoctorSeesSlowReading: an index is proposed when reading the loans takes longer than two seconds.
func TestDoctorSeesSlowReading(t *testing.T) {
	db, m, environ := healthy(t)
	db.Exec(t, "REPLACE INTO reminder_state (name, kind, reason) VALUES ('source', 'x', 'CREATE INDEX i ON peminjaman (tanggal_kembali)')")
	calls, now := 0, m.now()
	m.now = func() time.Time { calls++; return now.Add(time.Duration(calls) * 3 * time.Second) }
	code, findings := diagnosis(t, m, environ)
	assert.Equal(t, exitNeedsPerson, code)
	assert.Regexp(t, `speed: Lambat: .*CREATE INDEX i ON peminjaman`, strings.Join(troubles(findings), "\n"))
}

func TestDoctorLooksAtTheLog(t *testing.T) {
	_, m, environ := healthy(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	environ["LOG_FILE"] = filepath.Join(file, "log") // a file is no folder, not even to an administrator
	code, findings := diagnosis(t, m, environ)
	assert.Equal(t, exitNeedsPerson, code)
	assert.Contains(t, strings.Join(troubles(findings), "\n"), "log: Berkas log (LOG_FILE) tidak dapat ditulis")
}

func TestWrap(t *testing.T) {
	assert.Equal(t, "a b", wrap("a b", 7))
	text := wrap(strings.Repeat("kata ", 40)+"\nbaris", 9)
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, len(line), 80)
	}
	assert.Contains(t, text, "\n         baris")
}
