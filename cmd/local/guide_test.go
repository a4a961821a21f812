package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/docs/panduan"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The guide is kept true here: what it says is printed is printed, and what it says to type can be typed.

// Tests change the working directory.
var guideFolder, _ = filepath.Abs(filepath.Join("..", "..", "docs", "panduan"))

func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(guideFolder, name))
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// A scene is a school at which a symptom is produced. It is made anew for each one.
type scene struct {
	t       *testing.T
	db      *mysqltest.DB
	environ map[string]string
	machine machine
}

// says runs a command and returns all that it prints.
func (s *scene) says(args ...string) string {
	got := commandOn(s.t, s.machine, "", s.environ, args...)
	return got.out + got.err
}

// with is says with settings changed for this command.
func (s *scene) with(key, value string, args ...string) string {
	changed := *s
	changed.environ = maps.Clone(s.environ)
	changed.environ[key] = value
	return changed.says(args...)
}

func (s *scene) today() string { return at(s.t, s.environ, 0) }

// loan adds a loan that is due today.
func (s *scene) loan() int64 {
	return s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today(),
		Borrower: s.db.AddBorrower(s.t, mysqltest.Borrower{Email: "siswa@sekolah.sch.id"})})
}

// refusing makes the mail server answer so in a phase.
func (s *scene) refusing(phase, reply string) {
	srv := mailtest.NewServer(s.t, mailtest.Options{Username: "perpus", Password: "secret",
		Script: func(c mailtest.Command) mailtest.Action {
			if c.Phase == phase {
				return mailtest.Action{Reply: reply, Drop: reply == ""}
			}
			return mailtest.Action{}
		}})
	s.environ["MAIL_PORT"], s.environ["MAIL_USERNAME"], s.environ["MAIL_PASSWORD"] = fmt.Sprint(srv.Port()), "perpus",
		"secret"
}

// paused runs twice with a server that answers so.
func (s *scene) paused(phase, reply string) string {
	s.refusing(phase, reply)
	s.loan()
	s.says("run")
	return s.says("run")
}

// later runs a command some time from now, by this computer's clock.
func (s *scene) later(d time.Duration, args ...string) string {
	changed := *s
	changed.machine.now = func() time.Time { return time.Now().Add(d) }
	return changed.says(args...)
}

// failing makes the database refuse what a run writes first.
func (s *scene) failing(errno int) string {
	s.db.Exec(s.t, fmt.Sprintf("CREATE TRIGGER failing BEFORE INSERT ON reminder_runs FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = %d", errno))
	return s.says("run")
}

func (s *scene) onWindows(lastResult int) string {
	s.machine.os = "windows"
	s.machine.command = func(_ context.Context, name string, args ...string) (string, error) {
		if name == "schtasks" && lastResult >= 0 {
			return windowsRow(lastResult), nil
		}
		if name == "sc" && args[1] == "LaravelScheduler" {
			return "STATE : 4 RUNNING", nil
		}
		return "", &exec.ExitError{}
	}
	return s.says("doctor")
}

// to is a mail to the librarian.
func (s *scene) to() string { return s.says("test-mail", "--to", "pustakawan@sekolah.sch.id") }

// symptoms produces what the headings of masalah.md quote.
var symptoms = map[string]func(*scene) string{
	"Tidak ada berkas pengaturan yang dibaca": func(s *scene) string { return s.with("DB_DATABASE", "", "run") },
	"Konfigurasi belum lengkap atau salah":    func(s *scene) string { return s.with("MAIL_MAILER", "pos", "run") },
	"tidak dikenal. Mungkin maksudnya":        func(s *scene) string { return s.with("REMINDER_ONLYTO", "a@b.id", "run") },
	"Berkas pengaturan (--env) tidak dapat dibaca.": func(s *scene) string {
		require.NoError(s.t, os.WriteFile("rusak.env", []byte("ini bukan pengaturan"), 0o600))
		return s.says("run", "--env", "rusak.env")
	},
	"Pengguna lain di komputer ini dapat membaca": func(s *scene) string {
		require.NoError(s.t, os.WriteFile("terbuka.env", nil, 0o600))
		require.NoError(s.t, os.Chmod("terbuka.env", 0o644))
		return s.says("doctor", "--env", "terbuka.env")
	},
	"BELUM dapat dipakai": func(s *scene) string {
		s.environ["DB_PORT"] = "1"
		answers := strings.Repeat("\n", 8) + "l\n" + strings.Repeat("\n", 20)
		return commandOn(s.t, s.machine, answers, s.environ, "init", "--out", "baru.env").out
	},
	"adalah domain contoh; tidak ada yang menerima surel di sana": func(s *scene) string {
		return s.says("init", "--yes", "--no-test", "--out", "contoh.env", "--set", "MAIL_FROM_ADDRESS=hello@example.com")
	},
	"tidak pernah ditulisi": func(s *scene) string { return s.says("init", "--yes", "--out", ".env") },
	"MAIL_FROM_ADDRESS beralamat di example.com, sebuah domain contoh.": func(s *scene) string {
		return s.with("MAIL_FROM_ADDRESS", "hello@example.com", "doctor")
	},
	"Tidak ada yang dikirim dari sana": func(s *scene) string {
		return s.with("MAIL_FROM_ADDRESS", "hello@example.com", "run")
	},
	"MAIL_MAILER=file: surel hanya ditulis ke folder": func(s *scene) string {
		return s.with("MAIL_MAILER", "file",
			"doctor")
	},
	"REMINDER_ONLY_TO masih terisi.": func(s *scene) string {
		return s.with("REMINDER_ONLY_TO", "a@b.id",
			"doctor")
	},

	"Basis data tidak dapat dihubungi.": func(s *scene) string { return s.with("DB_PORT", "1", "run") },
	"Basis data menolak login.":         func(s *scene) string { return s.with("DB_PASSWORD", "salah", "run") },
	"Basis data itu tidak ada.":         func(s *scene) string { return s.with("DB_DATABASE", "tidakada", "run") },
	"Tabel reminder_* belum lengkap.": func(s *scene) string {
		s.db.Exec(s.t, "DROP TABLE reminder_migrations")
		return s.says("run")
	},
	"View reminder_loans tidak ada atau rusak.": func(s *scene) string {
		s.db.Exec(s.t, "DROP VIEW reminder_loans")
		return s.says("run")
	},
	"Pengguna basis data tidak punya hak yang diperlukan.": func(s *scene) string {
		user := s.db.User(s.t, "GRANT SELECT ON perpustakaan.reminder_loans TO 'pengingat'@'localhost';\nGRANT SELECT ON perpustakaan.reminder_migrations TO 'pengingat'@'localhost';")
		s.environ["DB_USERNAME"], s.environ["DB_PASSWORD"] = user.User, user.Passwd
		return s.says("run")
	},
	"Pengguna basis data punya hak lebih dari yang perlu": func(s *scene) string { return s.says("doctor") },
	"Basis data dipakai oleh versi Pengingat yang lebih baru.": func(s *scene) string {
		s.db.Exec(s.t, "INSERT INTO reminder_migrations (version_id, is_applied) VALUES (99, 1)")
		return s.says("run")
	},
	"Penyimpanan basis data penuh.":                         func(s *scene) string { return s.failing(1114) },
	"Basis data memutus koneksi atau tidak dapat ditulisi.": func(s *scene) string { return s.failing(1290) },
	"Jam komputer ini dan jam basis data berbeda":           func(s *scene) string { return s.later(time.Hour, "doctor") },

	"Terhenti; yang belum terkirim menunggu": func(s *scene) string {
		s.loan()
		return s.with("MAIL_PORT", "1", "run")
	},
	"Nama server MAIL_HOST tidak ditemukan.": func(s *scene) string {
		return s.with("MAIL_HOST", "smtp..gmail.com",
			"doctor")
	},
	"Server surel tidak terjangkau di port itu.": func(s *scene) string {
		return s.with("MAIL_PORT", "1", "doctor")
	},
	"Port 25 tidak terjangkau": func(s *scene) string {
		s.environ["MAIL_HOST"] = "127.0.0.99"
		return s.with("MAIL_PORT", "25", "doctor")
	},
	"Sambungan aman gagal.": func(s *scene) string { return s.with("MAIL_ENCRYPTION", "tls", "doctor") },
	"Sertifikat server di luar masa berlakunya.": func(s *scene) string {
		expired := mailtest.NewCertificate(s.t, time.Now().Add(-time.Hour), "127.0.0.1")
		srv := mailtest.NewServer(s.t, mailtest.Options{TLS: mailtest.StartTLS, Certificate: &expired})
		require.NoError(s.t, os.WriteFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: expired.Certificate[0]}), 0o600))
		s.environ["MAIL_ENCRYPTION"], s.environ["MAIL_CA_FILE"] = "tls", "ca.pem"
		return s.with("MAIL_PORT", fmt.Sprint(srv.Port()), "doctor")
	},
	"Sertifikat server tidak dikenal.": func(s *scene) string {
		srv := mailtest.NewServer(s.t, mailtest.Options{TLS: mailtest.StartTLS})
		s.environ["MAIL_ENCRYPTION"] = "tls"
		return s.with("MAIL_PORT", fmt.Sprint(srv.Port()), "doctor")
	},
	"Gmail menolak login.": func(s *scene) string { // said to be Gmail's after it happened, because no test may ask Gmail
		s.refusing("auth", "535 5.7.8 Username and Password not accepted")
		cfg, err := setup.Load(s.environ)
		require.NoError(s.t, err)
		smtp, err := cfg.SMTP()
		require.NoError(s.t, err)
		steps := smtp.Probe(s.t.Context())
		cfg.MailHost = "smtp.gmail.com"
		what, _ := (&program{}).trouble(check.MailFault(cfg, steps[len(steps)-1].Err))
		return what
	},
	"Server menolak login.": func(s *scene) string {
		s.refusing("auth", "535 5.7.8 Username and Password not accepted")
		return s.to()
	},
	"Dijeda (login surel ditolak): tidak ada yang dikirim.": func(s *scene) string {
		return s.paused("auth", "535 5.7.8 Username and Password not accepted")
	},
	"Server surel hanya mengenal enkripsi lama (TLS 1.1 atau lebih tua)": func(s *scene) string {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
			Certificates: []tls.Certificate{mailtest.NewCertificate(s.t, time.Now().Add(time.Hour), "127.0.0.1")}})
		require.NoError(s.t, err)
		s.t.Cleanup(func() { l.Close() })
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				c.(*tls.Conn).Handshake()
				c.Close()
			}
		}()
		s.environ["MAIL_ENCRYPTION"] = "ssl"
		return s.with("MAIL_PORT", fmt.Sprint(l.Addr().(*net.TCPAddr).Port), "doctor")
	},
	"Sebuah penyaring atau portal jaringan menjawab sebagai ganti SendGrid.": func(s *scene) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<html>Internet Positif</html>")
		}))
		s.t.Cleanup(srv.Close)
		s.environ["MAIL_MAILER"], s.environ["SENDGRID_API_KEY"], s.environ["SENDGRID_HOST"] = "sendgrid", "SG.x", srv.URL
		return s.to()
	},
	"Microsoft 365 mematikan login SMTP dengan kata sandi mulai akhir Desember 2026.": func(s *scene) string {
		s.environ["MAIL_USERNAME"], s.environ["MAIL_PASSWORD"] = "perpus@sekolah.sch.id", "secret"
		s.environ["MAIL_PORT"] = "1"
		return s.with("MAIL_HOST", "smtp..office365.com", "doctor")
	},
	"Microsoft menolak login SMTP dengan kata sandi.": func(s *scene) string {
		s.refusing("auth", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox")
		s.loan()
		s.says("run")
		return s.says("status") + s.to()
	},
	"Microsoft menolak domain pengirim, karena SPF, DKIM, atau DMARC-nya kurang.": func(s *scene) string {
		s.refusing("dot", "550 5.7.515 Access denied, sending domain sekolah.sch.id does not meet the required authentication level")
		return s.to()
	},
	"Server tidak mengizinkan pengirim ini.": func(s *scene) string {
		s.refusing("mail", "550 5.7.1 sender not allowed")
		return s.to()
	},
	"Dijeda (pengirim ditolak): tidak ada yang dikirim.": func(s *scene) string {
		return s.paused("mail", "550 5.7.1 sender not allowed")
	},
	"Dijeda (batas akun surel): tidak ada yang dikirim.": func(s *scene) string {
		return s.paused("mail", "550 5.4.5 Daily user sending limit exceeded")
	},
	"Dijeda (server surel terganggu): tidak ada yang dikirim.": func(s *scene) string {
		return s.paused("mail", "421 4.3.2 shutting down")
	},
	"Beberapa peminjam yang berbeda dijawab sama oleh server surel.": func(s *scene) string {
		for i := range 3 {
			s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today(),
				Borrower: s.db.AddBorrower(s.t, mysqltest.Borrower{Email: fmt.Sprintf("s%d@sekolah.sch.id", i)})})
		}
		s.refusing("dot", "554 5.7.1 tidak disukai")
		return s.says("run")
	},
	"Batas kirim akun ini sudah tercapai.": func(s *scene) string {
		s.refusing("mail", "550 5.4.5 Daily user sending limit exceeded")
		return s.to()
	},
	"MAIL_DAILY_LIMIT=… tercapai, sisanya menunggu.": func(s *scene) string {
		s.loan()
		s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today()})
		return s.with("MAIL_DAILY_LIMIT", "1", "run")
	},
	"Server menolak alamat tujuan itu.": func(s *scene) string {
		s.refusing("rcpt", "550 5.1.1 no such user")
		return s.to()
	},
	"Itu alamat seorang peminjam": func(s *scene) string {
		s.loan()
		return s.says("test-mail", "--to", "siswa@sekolah.sch.id")
	},
	"tidak punya catatan SPF": func(s *scene) string {
		s.machine.lookupTXT = dns(nil)
		return s.says("doctor")
	},

	"Belum pernah ada pengiriman.": func(s *scene) string { return s.says("status") },
	"hari program tidak berjalan": func(s *scene) string {
		s.says("run")
		return s.later(6*24*time.Hour, "status")
	},
	"Tugas terjadwal belum terpasang.":                   func(s *scene) string { return s.onWindows(-1) },
	"Tugas terjadwal terakhir gagal dengan kode":         func(s *scene) string { return s.onWindows(2) },
	"Tugas terjadwal gagal: pengaturan salah (kode 78).": func(s *scene) string { return s.onWindows(exitConfig) },
	"tidak dipahami (bertanda -)": func(s *scene) string {
		require.NoError(s.t, os.WriteFile("libur.csv", []byte("2099-12-25;Natal\nbesok;Libur\n"), 0o600))
		return s.says("closed", "import", "libur.csv")
	},
	"perayaan dilewati": func(s *scene) string {
		require.NoError(s.t, os.WriteFile("libur.ics", []byte(calendarFile("20990214\nSUMMARY:Valentine\nDESCRIPTION:Perayaan")),
			0o600))
		return s.says("closed", "import", "libur.ics")
	},
	"bukan kalender (.ics) atau tabel (.csv)": func(s *scene) string {
		require.NoError(s.t, os.WriteFile("libur.xlsx", []byte("PK\x03\x04"), 0o600))
		return s.says("closed", "import", "libur.xlsx")
	},
	"Perpustakaan tutup hari ini": func(s *scene) string {
		s.says("closed", "add", s.today(), "Libur")
		return s.says("run")
	},
	"Di luar jam kirim": func(s *scene) string {
		s.machine.now = func() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, s.machine.zone) }
		return s.with("REMINDER_WINDOW", "07:00-20:00", "run")
	},
	"Dijeda sampai dicabut": func(s *scene) string {
		s.says("pause", "ujian")
		return s.says("status")
	},
	"lebih dari REMINDER_MAX_PER_RUN": func(s *scene) string {
		s.loan()
		s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today()})
		return s.with("REMINDER_MAX_PER_RUN", "1", "run")
	},
	"seperti basis data yang dipulihkan dari cadangan": func(s *scene) string {
		s.says("run")
		s.db.Exec(s.t, "UPDATE reminder_runs SET started_at = '2020-01-01'")
		s.loan()
		return s.says("run")
	},
	"tampak seperti salinan basis data": func(s *scene) string {
		s.says("run")
		s.db.Exec(s.t, "UPDATE reminder_state SET name = 'place_1', reason = CONCAT(reason, '_asli') WHERE kind = 'place'")
		s.loan()
		return s.says("run")
	},
	"dilewati sejak": func(s *scene) string {
		s.db.AddLoan(s.t, mysqltest.Loan{Due: at(s.t, s.environ, -2)})
		s.says("quarantine", "--before", s.today(), "--yes")
		return s.says("status")
	},
	"Waktu habis; sisanya menunggu": func(s *scene) string {
		s.loan()
		return s.with("REMINDER_BUDGET", "1ns", "run")
	},
	"Tidak ada surel baru untuk pinjaman ini.": func(s *scene) string {
		loan := s.db.AddLoan(s.t, mysqltest.Loan{Due: at(s.t, s.environ, 300)})
		return s.says("explain", fmt.Sprint(loan))
	},
	"Tidak ada yang persis":                           func(s *scene) string { return s.says("optout", "add", "404") },
	"Tidak ada peminjam atau pinjaman terbuka dengan": func(s *scene) string { return s.says("explain", "404") },
	"Tidak ada pinjaman terbuka dengan nomor ini": func(s *scene) string {
		loan := s.loan()
		s.says("run")
		s.db.Exec(s.t, "UPDATE peminjaman SET status = 'Dikembalikan'")
		return s.says("explain", fmt.Sprint(loan))
	},
	"peminjam dengan … sebutkan ID-nya": func(s *scene) string {
		for range 2 {
			s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today(), Borrower: s.db.AddBorrower(s.t, mysqltest.Borrower{Name: "Ani"})})
		}
		return s.says("optout", "add", "Ani")
	},
	"tidak ada yang diubah.":   func(s *scene) string { return s.says("retry", "999") },
	"harus dalam setahun dari": func(s *scene) string { return s.says("pause", "--until", "2020-01-01") },
	"peminjam tidak dapat dihubungi lewat surel.": func(s *scene) string {
		s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today(),
			Borrower: s.db.AddBorrower(s.t, mysqltest.Borrower{Email: "tidak ada"})})
		return s.says("doctor")
	},

	"surel tidak pasti: mungkin sudah sampai, mungkin tidak.": func(s *scene) string {
		s.refusing("dot", "")
		s.loan()
		s.with("REMINDER_UNKNOWN", "hold", "run")
		return s.says("status")
	},
	"surel gagal atau ditolak.": func(s *scene) string {
		s.refusing("rcpt", "550 5.1.1 no such user")
		s.loan()
		s.says("run")
		return s.says("status")
	},
	"surel diterima, lalu kembali":       func(s *scene) string { return s.comesBack(1, "full") },
	"Sebanyak itu bukan salah alamatnya": func(s *scene) string { return s.comesBack(3, "full") },
	"surel ditolak sebagai spam":         func(s *scene) string { return s.comesBack(3, "policy") },
	"Pengiriman terakhir (…) tidak selesai.": func(s *scene) string {
		s.says("run")
		s.db.Exec(s.t, "UPDATE reminder_runs SET finished_at = NULL")
		return s.later(2*time.Hour, "status")
	},
	"Jam komputer mundur": func(s *scene) string {
		s.says("run")
		return s.later(-365*24*time.Hour, "status")
	},
	"jam komputer ini menunjukkan": func(s *scene) string { return s.with("APP_TIMEZONE", "UTC", "doctor") },
	"pengingat lama masih antre di tabel jobs aplikasi Laravel.": func(s *scene) string {
		s.db.Exec(s.t, `INSERT INTO jobs (queue, payload, attempts, available_at, created_at) VALUES ('default', 'App\\Notifications\\PengembalianBukuNotification', 0, 1, 1)`)
		return s.says("doctor")
	},
	"Layanan lama LaravelScheduler masih berjalan.": func(s *scene) string { return s.onWindows(0) },
	"Berkas log (LOG_FILE) tidak dapat ditulis": func(s *scene) string {
		file := filepath.Join(s.t.TempDir(), "file")
		require.NoError(s.t, os.WriteFile(file, nil, 0o600))
		return s.with("LOG_FILE", filepath.Join(file, "log"), "status")
	},
	"Disk hampir penuh": func(s *scene) string {
		s.machine.freeSpace = func(string) (uint64, error) { return 1 << 20, nil }
		return s.says("doctor")
	},
}

// TestSymptoms: every heading of masalah.md is what the program says when that goes wrong, and every one has a remedy.
func TestSymptoms(t *testing.T) {
	var headings []string
	for _, section := range regexp.MustCompile(`(?m)^### `).Split(guide(t, "masalah.md"), -1)[1:] {
		heading := strings.Trim(strings.SplitN(section, "\n", 2)[0], `"`)
		headings = append(headings, heading)
		assert.Contains(t, section, "**Lakukan:**", heading)
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(symptoms)), headings,
		"each symptom of the guide needs a test, and the other way round")

	db, _, environ := school(t)
	environ["MAIL_FROM_ADDRESS"] = "perpus@mtsn6garut.sch.id"
	for _, heading := range headings {
		t.Run(heading, func(t *testing.T) {
			require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
			db.Exec(t, "DROP TRIGGER IF EXISTS failing")
			db.Exec(t, "DELETE FROM reminder_migrations WHERE version_id > ?", mysql.SchemaVersion)
			for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_runs", "reminder_state",
				"reminder_closed_days",
				"reminder_bad_addresses", "jobs", "peminjaman", "buku", "siswa", "users"} {
				db.Exec(t, "DELETE FROM "+table)
			}
			s := &scene{t: t, db: db, environ: maps.Clone(environ), machine: quietMachine}
			s.environ["LOG_FILE"] = filepath.Join(t.TempDir(), "pengingat.log") // beside which no witness knows the database
			produce := symptoms[heading]
			require.NotNil(t, produce)
			text := produce(s)
			assert.Empty(t, foreign["id"].FindString(notWords.ReplaceAllString(text, "")), text)
			said := strings.Join(strings.Fields(text), " ")
			parts := strings.Split(heading, "…")
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			assert.Regexp(t, strings.Join(parts, ".{1,40}?"), said)
		})
	}
}

// TestNothingIsTyped: the guide for a librarian has no command.
func TestNothingIsTyped(t *testing.T) {
	assert.NotRegexp(t, `(?m)^    |\x60pengingat |(?i)command prompt|\bcmd\b`,
		strings.SplitN(guide(t, "pasang.md"), "\n## ", 2)[1])
}

// TestGuideQuotesTheScreen: what is bold in the guides for the mouse stands on the screen, in the desk's texts or the
// installer's.
func TestGuideQuotesTheScreen(t *testing.T) {
	screen := ""
	for _, name := range []string{"../../reminder/text/id.toml", "../../deploy/release/pengingat.nsi"} {
		screen += guide(t, name)
	}
	for _, name := range []string{"pasang.md", "harian.md"} {
		bold := regexp.MustCompile(`\*\*([^*]+)\*\*`).FindAllStringSubmatch(guide(t, name), -1)
		require.Greater(t, len(bold), 20)
		for _, m := range bold {
			if words := strings.TrimSuffix(strings.Join(strings.Fields(m[1]), " "), "."); words != "tebal" {
				assert.True(t, strings.Contains(screen, words), "%s: %s", name, words)
			}
		}
	}
}

// TestInstallGuide types what perintah.md says, on an empty folder, a Laravel .env and the school's database: within
// five commands the hourly task is there, and before it nobody but the librarian gets mail.
func TestInstallGuide(t *testing.T) {
	db, srv, environ := school(t)
	file, _ := laravel(t, environ)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	system := systemOnly(environ)
	system["REMINDER_WINDOW"] = "00:00-24:00" // whenever this test runs
	exe, err := os.Executable()
	require.NoError(t, err)
	written := filepath.Join(filepath.Dir(exe), "pengingat.env")
	t.Cleanup(func() { os.Remove(written) }) // beside the program is where other tests would find it

	_, steps, found := strings.Cut(guide(t, "perintah.md"), "## Lima perintah")
	require.True(t, found)
	typed := regexp.MustCompile(`(?m)^    (pengingat .*)$`).FindAllStringSubmatch(strings.SplitN(steps, "\n## ", 2)[0], -1)
	require.LessOrEqual(t, len(typed), 5)
	require.NotEmpty(t, typed)
	for _, line := range typed {
		args := strings.Fields(line[1])[1:]
		if args[0] == "install" {
			continue // asks for an administrator of Windows; what is left is done by then
		}
		if i := slices.Index(args, `D:\web\TA\perpustakaan\.env`); i >= 0 {
			args[i] = file
		}
		if i := slices.Index(args, "alamat-anda-sendiri"); i >= 0 {
			args[i] = "pustakawan@sekolah.sch.id"
		}
		if i := slices.Index(args, "init"); i >= 0 {
			args = append(args, "--yes") // Enter to everything
		}
		got := commandOn(t, quietMachine, "", system, args...)
		require.Equal(t, exitDone, got.code, "%v: %s%s", args, got.out, got.err)
	}
	require.Len(t, srv.Messages(), 1)
	assert.Equal(t, "pustakawan@sekolah.sch.id", srv.Messages()[0].To, "so far only to oneself")
	for range 2 { // what the task does
		require.Equal(t, exitDone, commandOn(t, quietMachine, "", system, "run").code)
		assert.Len(t, srv.Messages(), 2, "the first reminder, and not a second one")
	}
}

// ofOthers are names in the guides of files that are the reader's own or another program's.
var ofOthers = regexp.MustCompile(`^(\.env|pengingat\.env|kalender-pendidikan\.ics|libur\.csv|scheduler\.bat|my\.ini|certutil|nssm\.exe|` +
	`path/to/\.env|mails|logs|logs/pengingat\.log|Asia/\w+|\.csv|\.ics)$`)

// TestGuidesNameRealThings: every command, option, setting, make target, link, path and file name in the guides and the
// README is one of the program, the repository or a release.
func TestGuidesNameRealThings(t *testing.T) {
	root := (&program{}).root()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(guideFolder, "..", "..", name))
		require.NoError(t, err)
		return strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	makefile, dist := read("Makefile"), read("deploy/release/dist.sh")
	// taken apart before they are read; misspelt on purpose
	keys := append(setup.Keys(), "DB_URL", "MAIL_URL", "REMINDER_ONLYTO")
	var released []string // as the Windows zip and the setup program have them; X.Y.Z stands for a version
	made := regexp.MustCompile(`\$(?:folder|out|1)/([\w$.-]+\.\w+)`)
	for _, m := range made.FindAllStringSubmatch(strings.ReplaceAll(dist, "$number", "X.Y.Z"), -1) {
		released = append(released, m[1])
	}
	released = append(released, "pengingat.exe", "old-services.cmd", "grants.sql", "SHA256SUMS", "bin/pengingat")
	require.NoError(t, filepath.WalkDir(filepath.Join(guideFolder, "../../reminder"),
		func(path string, _ os.DirEntry, err error) error {
			// the words as 'templates export' writes them, and the design's files
			released = append(released, filepath.Base(path))
			return err
		}))
	require.Contains(t, released, "pengingat-setup-X.Y.Z.exe")
	require.Contains(t, released, "panduan.html")

	guides, err := filepath.Glob(filepath.Join(guideFolder, "*.md"))
	require.NoError(t, err)
	require.Len(t, guides, len(panduan.Guides))
	for _, path := range append(guides, filepath.Join(guideFolder, "..", "..", "README.md")) {
		name, err := filepath.Rel(filepath.Join(guideFolder, "..", ".."), path)
		require.NoError(t, err)
		text := read(name)
		if name != "README.md" {
			assert.Contains(t, strings.Join(strings.SplitN(text, "\n", 6)[:5], "\n"), "*English:", "%s: a summary at its top",
				name)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^ +|`)pengingat ([a-z-]+)((?: [^`\n]*)?)").FindAllStringSubmatch(text,
			-1) {
			args := append([]string{m[1]}, strings.Fields(m[2])...)
			cmd, _, err := root.Find(args)
			if assert.NoError(t, err, "%s: %v", name, args) && assert.NotEqual(t, root, cmd, "%s: %v", name, args) {
				for _, arg := range args {
					if option, ok := strings.CutPrefix(arg, "--"); ok {
						option, _, _ = strings.Cut(strings.Trim(option, ".,`"), "=")
						assert.True(t, cmd.Flags().Lookup(option) != nil || root.PersistentFlags().Lookup(option) != nil, "%s: %v", name,
							args)
					}
				}
			}
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)[#)]`).FindAllStringSubmatch(text, -1) {
			assert.FileExists(t, filepath.Join(filepath.Dir(path), m[1]), name)
		}
		for _, m := range regexp.MustCompile(`\b(REMINDER|MAIL|DB|APP|SENDGRID|LOG|IMAP)_[A-Z_]*[A-Z]\b`).FindAllString(text,
			-1) {
			assert.Contains(t, keys, m, name)
		}
		for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			assert.Contains(t, makefile, "\n"+m[1]+":", name)
		}
		for _, m := range regexp.MustCompile("`([^` ]+\\.[a-z]{2,4}|[\\w.-]+/[\\w./-]*)`").FindAllStringSubmatch(text, -1) {
			file := strings.TrimSuffix(m[1], "/")
			if ofOthers.MatchString(file) || slices.Contains(released, file) ||
				regexp.MustCompile(`^([A-Z]:|[\w.]+\.com\b|witness-|\w+@|https?:)`).MatchString(file) {
				continue
			}
			_, err := os.Stat(filepath.Join(guideFolder, "..", "..", file))
			assert.NoError(t, err, "%s names %s", name, file)
		}
	}
}

// comesBack has so many mails come back after they were accepted.
func (s *scene) comesBack(n int, class string) string {
	for range n {
		s.db.AddLoan(s.t, mysqltest.Loan{Due: s.today()})
	}
	s.says("run")
	s.db.Exec(s.t, "UPDATE reminder_emails SET state = 'bounced', bounced_at = UTC_TIMESTAMP(6)")
	s.db.Exec(s.t, `INSERT INTO reminder_bounces (email_id, run_id, borrower_id, address, class, code, reason, bad, came_at)
		SELECT id, run_id, borrower_id, address, ?, '', '', 0, UTC_TIMESTAMP(6) FROM reminder_emails`, class)
	return s.says("status")
}
