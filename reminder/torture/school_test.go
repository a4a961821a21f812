//go:build torture

package torture

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

const borrowers = 100

// A school is a library whose day goes on while its program is killed.
type school struct {
	*testing.T
	db     *sql.DB
	user   *driver.Config // the program's
	dir    string
	zone   string
	today  reminder.Date
	random *rand.Rand

	lent int     // loans so far
	open []*loan // those that were not returned
	over map[cycle]time.Time
}

// A loan has one number, one borrower and, at a time, one due date.
type loan struct {
	cycle
	due reminder.Date
}

// A cycle is a loan between two renewals. The loan's reference, which the mail shows, names it; so a mail tells what it
// is about without a look into the outbox. As long as today is the same day, a cycle has one step, and what a mail says
// about it is one notice.
type cycle struct{ loan, renewals int }

func (c cycle) String() string { return fmt.Sprintf("PJM-%d-%d", c.loan, c.renewals) }

// borrower of a loan: the first loans of all borrowers, then their second ones.
func (c cycle) borrower() int { return 1 + c.loan%borrowers }

func address(borrower int) string { return fmt.Sprintf("b%d@example.org", borrower) }

func newSchool(t *testing.T, seed uint64) *school {
	test := mysqltest.New(t)
	test.School(t)
	_, err := schema.Up(t.Context(), test.Admin)
	require.NoError(t, err)
	require.NoError(t, schema.CreateView(t.Context(), test.Admin, "perpustakaan"))
	grants, err := os.ReadFile("../../deploy/grants.sql")
	require.NoError(t, err)
	s := &school{T: t, user: test.User(t, string(grants)), dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0)),
		over: map[cycle]time.Time{}}
	s.db, err = mysql.OpenDB(test.Config, runners)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.db.Close()) })

	// Where it is noon now, no round sees midnight.
	s.zone = fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)
	zone, err := time.LoadLocation(s.zone)
	require.NoError(t, err)
	s.today = reminder.DateOf(time.Now(), zone)

	s.exec(`INSERT INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi)
		VALUES (1, 'B1', 'Buku', '', '', '', '')`)
	for b := range borrowers {
		s.exec("INSERT INTO users (id, nama, email, password, level) VALUES (?, 'Siswa', ?, '', 'siswa')", b+1, address(b+1))
	}
	s.lend(3 * borrowers)
	return s
}

// environ is the program's configuration, but for what differs between processes.
func (s *school) environ() []string {
	where := []string{"DB_SOCKET=" + s.user.Addr}
	if s.user.Net == "tcp" {
		host, port, err := net.SplitHostPort(s.user.Addr)
		require.NoError(s, err)
		where = []string{"DB_HOST=" + host, "DB_PORT=" + port}
	}
	return append(where,
		"APP_TIMEZONE="+s.zone,
		"DB_DATABASE="+s.user.DBName, "DB_USERNAME="+s.user.User, "DB_PASSWORD="+s.user.Passwd,
		"MAIL_MAILER=smtp", "MAIL_HOST=127.0.0.1", "MAIL_FROM_ADDRESS=perpus@mtsn6garut.example",
		"MAIL_TRIES=1000", // a mail server like this one must not use them up
		fmt.Sprint("MAIL_TIMEOUT=", timeout), fmt.Sprint("REMINDER_BUDGET=", budget), fmt.Sprint("REMINDER_LEASE=", lease),
	)
}

// live lends, renews and takes back until enough has happened, so that there is always work.
func (s *school) live(enough func() bool) {
	for !enough() {
		queued := s.count("SELECT COUNT(*) FROM reminder_emails WHERE state = 'queued'")
		if queued < borrowers/2 || len(s.open) < borrowers {
			s.lend(borrowers / 4)
		}
		for range 2 {
			s.change(s.random.IntN(len(s.open)))
		}
		s.letTimePass()
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *school) lend(n int) {
	var values []string
	for range n {
		s.lent++
		l := &loan{cycle{s.lent, 0}, s.today.AddDays(1 - s.random.IntN(25))}
		s.open = append(s.open, l)
		values = append(values,
			fmt.Sprintf("(%d, %d, 1, '%s', '2026-01-05', '%s', 'Dipinjam')", l.loan, l.borrower(), l, l.due))
	}
	s.exec(`INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status)
		VALUES ` + strings.Join(values, ", "))
}

// lendEverybody gives each of some borrowers, in place of all there were, one book that is due today.
func (s *school) lendEverybody(first, last int) {
	s.exec("DELETE FROM peminjaman")
	s.exec("DELETE FROM users")
	for from := first; from <= last; from += 1000 {
		var users, loans []string
		for i := from; i < from+1000 && i <= last; i++ {
			users = append(users, fmt.Sprintf("(%d, 'Siswa %[1]d', '%s', '', 'siswa')", i, address(i)))
			loans = append(loans, fmt.Sprintf("(%d, %[1]d, 1, 'P%[1]d', '2026-01-05', '%s', 'Dipinjam')", i, s.today))
		}
		s.exec("INSERT INTO users (id, nama, email, password, level) VALUES " + strings.Join(users, ", "))
		s.exec(`INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status) VALUES ` +
			strings.Join(loans, ", "))
	}
}

// change renews a loan if it can be renewed, or takes the book back. In over stands an instant at which that was
// certainly committed: what starts later must know it.
func (s *school) change(i int) {
	l := s.open[i]
	before := l.cycle
	if s.random.IntN(2) == 0 && l.due.Before(s.today) {
		l.renewals++
		l.due = l.due.AddDays(1 + s.random.IntN(2))
		s.exec("UPDATE peminjaman SET tanggal_kembali = ?, no_peminjaman = ? WHERE id = ?",
			l.due.String(), l.cycle.String(), l.loan)
	} else {
		s.open[i] = s.open[len(s.open)-1]
		s.open = s.open[:len(s.open)-1]
		s.exec("UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = '2026-01-06' WHERE id = ?", l.loan)
	}
	s.over[before] = time.Now()
}

// letTimePass ends what would last for minutes or hours: the wait for another try or look, and the pause after a
// failure of the mail server.
func (s *school) letTimePass() {
	s.exec("UPDATE reminder_emails SET next_at = UTC_TIMESTAMP(6) WHERE state IN ('queued', 'unknown') AND next_at > UTC_TIMESTAMP(6)")
	s.exec("UPDATE reminder_state SET until_at = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 SECOND)")
	// A copy among the sent ones is waited for for 15 minutes. No message is on its way for longer than a stop and the
	// last word of its conversation take.
	s.exec(`UPDATE reminder_emails SET handover_at = DATE_SUB(handover_at, INTERVAL 15 MINUTE) WHERE state IN ('sent', 'unknown', 'queued') AND handover_at
		BETWEEN DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 15 MINUTE) AND DATE_SUB(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)`,
		(3 * lease).Microseconds())
}

// exec is begun again after a deadlock with the program, and when the server was killed: then what it did may stand.
func (s *school) exec(query string, args ...any) {
	s.again(query, func(again bool) error {
		_, err := s.db.ExecContext(s.Context(), query, args...)
		if e, ok := errors.AsType[*driver.MySQLError](err); ok && e.Number == 1062 && again {
			return nil
		}
		return err
	})
}

func (s *school) count(query string, args ...any) (n int) {
	s.again(query, func(bool) error { return s.db.QueryRowContext(s.Context(), query, args...).Scan(&n) })
	return n
}

func (s *school) again(query string, f func(again bool) error) {
	for try := 0; ; try++ {
		err := f(try > 0)
		e, answered := errors.AsType[*driver.MySQLError](err)
		if err != nil && try < 2000 && (!answered || e.Number == 1213) {
			time.Sleep(5 * time.Millisecond) // for a server that starts
			continue
		}
		require.NoError(s, err, query)
		return
	}
}
