//go:build bench

package bench

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// A school is a library with as many loans as wanted, each of a borrower of its own: so a loan that is due is one mail.
type school struct {
	*testing.T
	db    *sql.DB        // the administrator's
	user  *driver.Config // the program's
	dir   string
	zone  string
	today reminder.Date
}

func newSchool(t *testing.T) *school {
	test := mysqltest.New(t)
	test.School(t)
	_, err := schema.Up(t.Context(), test.Admin)
	require.NoError(t, err)
	require.NoError(t, schema.CreateView(t.Context(), test.Admin, "perpustakaan"))
	grants, err := os.ReadFile("../../deploy/grants.sql")
	require.NoError(t, err)
	s := &school{T: t, db: test.Admin, user: test.User(t, string(grants)), dir: t.TempDir()}

	// Where it is noon now, nothing that is measured sees midnight.
	s.zone = fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)
	zone, err := time.LoadLocation(s.zone)
	require.NoError(t, err)
	s.today = reminder.DateOf(time.Now(), zone)

	s.exec("CREATE TABLE digit (d INT PRIMARY KEY)")
	s.exec("INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
	s.exec(`INSERT INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi)
		SELECT n, CONCAT('B', n), CONCAT(ELT(1 + n MOD 3, 'Laskar Pelangi', 'Kamus Besar Bahasa Indonesia', 'Matematika untuk Kelas IX'),
		' ', n), '', '', '', '' FROM ` + numbers(1, 1000))
	return s
}

// numbers selects n from first to last. Not every server has a table of them.
func numbers(first, last int) string {
	sum, from, scale := strconv.Itoa(first), "digit d0", 1
	for d := 0; ; d++ {
		sum += fmt.Sprintf(" + %d * d%d.d", scale, d)
		if scale *= 10; scale > last-first {
			break
		}
		from += fmt.Sprintf(", digit d%d", d+1)
	}
	return fmt.Sprintf("(SELECT %s AS n FROM %s) numbers WHERE n <= %d", sum, from, last)
}

// lend adds the loans numbered from first to last, due on so many days, of which the last is given.
func (s *school) lend(first, last, days int, due reminder.Date) {
	from := " FROM " + numbers(first, last)
	s.exec(`INSERT INTO users (id, nama, email, password, level)
		SELECT n, CONCAT('Siti Nomor ', n), CONCAT('siswa', n, '@example.org'), '', 'siswa'` + from)
	s.exec(`INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon)
		SELECT n, LPAD(n, 10, '0'), CONCAT(7 + n MOD 3, 'A'), '2012-05-02', 'Garut', ''` + from)
	s.exec(`INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status)
		SELECT n, n, 1 + n MOD 1000, CONCAT('PJM-', LPAD(n, 7, '0')), DATE_SUB(?, INTERVAL n MOD ? DAY), DATE_SUB(?, INTERVAL n MOD ? DAY),
		'Dipinjam'`+from, due.AddDays(-7).String(), days, due.String(), days)
}

// forgetFiles removes what remembers the outbox beside the database.
func (s *school) forgetFiles() {
	require.NoError(s, os.RemoveAll(s.dir))
	require.NoError(s, os.Mkdir(s.dir, 0o700))
}

// forget empties the outbox, too.
func (s *school) forget() {
	s.forgetFiles()
	for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_runs", "reminder_state"} {
		s.exec("TRUNCATE TABLE " + table)
	}
}

// environ is the program's configuration, but for how it sends.
func (s *school) environ(more ...string) map[string]string {
	host, port, err := net.SplitHostPort(s.user.Addr)
	require.NoError(s, err)
	environ := map[string]string{
		"APP_NAME": "Perpustakaan MTSN 6 Garut", "APP_URL": "https://perpustakaan.example", "APP_TIMEZONE": s.zone,
		"DB_HOST": host, "DB_PORT": port, "DB_DATABASE": s.user.DBName, "DB_USERNAME": s.user.User,
		"DB_PASSWORD": s.user.Passwd,
		"MAIL_MAILER": "smtp", "MAIL_HOST": "127.0.0.1", "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
		"REMINDER_BUDGET": "2h", "REMINDER_LEASE": "3h", "REMINDER_MAX_PER_RUN": "10000000",
		"LOG_FILE": filepath.Join(s.dir, "log"),
	}
	for _, setting := range more {
		key, value, _ := strings.Cut(setting, "=")
		environ[key] = value
	}
	return environ
}

// A process is what one call of the program took.
type process struct {
	seconds float64 // from before its start to its end
	cpu     float64 // seconds
	peak    int     // KiB resident at most
	out     []byte
}

func (p process) report(t *testing.T) (rep reminder.Report) {
	require.NoError(t, json.Unmarshal(p.out, &rep), string(p.out))
	return rep
}

// start runs the program to its end.
func (s *school) start(program string, environ map[string]string, args ...string) process {
	p, err := s.begin(program, environ, func(int) {}, args...)
	require.NoError(s, err, "%s: %s", args, p.out)
	return p
}

// begin runs a program to its end, whatever that is. While it runs, begun is called with its process id.
func (s *school) begin(program string, environ map[string]string, begun func(pid int), args ...string) (process,
	error) {
	cmd := exec.CommandContext(s.Context(), program, args...)
	cmd.Dir = s.dir // where no .env is
	for key, value := range environ {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	ended := make(chan struct{})
	peak := make(chan int)
	begin := time.Now()
	require.NoError(s, cmd.Start())
	go func() { peak <- watch(cmd.Process.Pid, ended) }()
	begun(cmd.Process.Pid)
	err := cmd.Wait()
	p := process{seconds: time.Since(begin).Seconds(), out: out.Bytes()}
	p.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	close(ended)
	p.peak = <-peak
	if err != nil {
		p.out = append(p.out, errOut.Bytes()...)
	}
	return p, err
}

// watch returns the peak of a process's resident memory in KiB, as Linux keeps it. (What wait4 tells begins with that
// of the process before it became the program, which is this test.)
func watch(pid int, ended <-chan struct{}) (peak int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone when it has just ended
			if m := highWater.FindSubmatch(status); m != nil {
				if kib, err := strconv.Atoi(string(m[1])); err == nil {
					peak = max(peak, kib)
				}
			}
		}
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func (s *school) exec(query string, args ...any) {
	_, err := s.db.ExecContext(s.Context(), query, args...)
	require.NoError(s, err, query)
}

func (s *school) count(query string, args ...any) (n int) {
	require.NoError(s, s.db.QueryRowContext(s.Context(), query, args...).Scan(&n), query)
	return n
}
