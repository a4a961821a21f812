//go:build bench

package bench

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// Two years of a library: what its records hold.
const (
	openLoans  = 600
	pastLoans  = 36_000
	pastEmails = 89_000 // one with one notice, and one of four with two
	pastRuns   = 18_250 // 25 a day

	keep = "REMINDER_KEEP=800d"
)

// records measures what a person waits for, with the records of two years beside those of a first day.
func (b *bench) records() {
	t := b.table("records", "The records of two years",
		"The same library of 600 open and 36,000 returned loans, with an outbox of its first day, and with 89,000 emails, 110,000 notices "+
			"and 18,250 runs on record. Commands are timed from the start of the process to its end, the desk's pages from the request to the last byte.",
		column{"what", "", 0}, column{"first", "first day, s", 3}, column{"later", "two years, s", 3},
		column{"ratio", "ratio", 2},
		column{"others", "others' CPU %", 0})
	young, old := newSchool(b.T), newSchool(b.T)
	schools := []*school{young, old}
	for _, s := range schools {
		s.lend(1, openLoans, 60, s.today.AddDays(30))
		s.lentBefore()
		s.start(b.program, s.environ("MAIL_PORT="+b.port, keep), "run", "--now", "--json")
	}
	old.age()
	desks := []*deskPages{young.desk(b), old.desk(b)}
	commands := [][]string{{"run", "--now"}, {"status"}, {"report"}, {"explain", "1"},
		{"find", "Siti Nomor 7"}, {"failed"}}
	pages := []string{"/", "/send", "/troubles", "/preview", "/late", "/late?q=siti", "/find?q=siti+nomor+7",
		"/loan?id=1", "/holidays",
		"/classes", "/report", "/report/page", "/check", "/more", "/settings", "/feedback", "/quarantine"}
	turn := func(what string, measure func(i int) float64) {
		used := b.Machine.usage()
		seconds := [2]float64{measure(0), measure(1)}
		row := t.row(what)
		add(row, "first", seconds[0])
		add(row, "later", seconds[1])
		add(row, "ratio", seconds[1]/seconds[0])
		add(row, "others", b.Machine.others(used))
	}
	for n := range b.runs {
		for _, command := range commands {
			turn("`"+strings.Join(command, " ")+"`", func(i int) float64 {
				p, err := schools[i].begin(b.program, schools[i].environ("MAIL_PORT="+b.port, keep), func(int) {}, command...)
				if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 10 { // something needs a person
					require.NoError(b, err, "%s: %s", command, p.out)
				}
				return p.seconds
			})
		}
		for _, page := range pages {
			turn(page, func(i int) float64 { return desks[i].get(page) })
		}
		b.progress("records: %d of %d", n+1, b.runs)
	}
}

// lentBefore writes the loans of two years that were returned.
func (s *school) lentBefore() {
	s.exec(`INSERT INTO peminjaman
		(id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, tanggal_pengembalian, status)
		SELECT 100000 + n, 1 + n MOD ?, 1 + n MOD 1000, CONCAT('PJM-', 100000 + n), DATE_SUB(?, INTERVAL 737 - n DIV 50 DAY),
		DATE_SUB(?, INTERVAL 730 - n DIV 50 DAY), DATE_SUB(?, INTERVAL 727 - n DIV 50 DAY), 'Dikembalikan' FROM `+
		numbers(1, pastLoans), openLoans, s.today.String(), s.today.String(), s.today.String())
	s.exec("ANALYZE TABLE peminjaman") // a server does it by itself, some time later
}

// age writes the records of two years.
func (s *school) age() {
	now := time.Now().UTC().Format(time.DateTime)
	s.exec(`INSERT INTO reminder_emails (id, ref, borrower_id, run_id, priority, state, attempts, next_at, message_id, message_date,
		handover_at, created_at, sent_at, ended_at, claim_token, address)
		SELECT 100000 + n, CONCAT('REF', n), 1 + n MOD ?, CONCAT('RUN', n DIV 5), n MOD 4,
		CASE WHEN n MOD 500 = 0 THEN 'bounced' WHEN n MOD 500 = 1 THEN 'refused' WHEN n MOD 25 = 2 THEN 'canceled'
			WHEN n MOD 25 = 3 THEN 'expired' ELSE 'sent' END,
		1, at, CONCAT('REF', n, '@example.org'), at, IF(n MOD 25 IN (2, 3), NULL, at), at, IF(n MOD 25 IN (1, 2, 3), NULL, at), at,
		MD5(n DIV 12), UNHEX(SHA2(n MOD 600, 256)) FROM
		(SELECT n, DATE_SUB(?, INTERVAL (? - n) * 700 SECOND) AS at FROM `+numbers(1, pastEmails)+`) past`, openLoans, now, pastEmails+1)
	s.exec(`INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number, dropped)
		SELECT 100001 + n * ? DIV ?, DATE_SUB(?, INTERVAL 730 - n * 14 DIV 1700 DAY), n MOD 5, 100000 + n, n MOD 5,
		IF(n MOD 25 = 2, 'returned', '') FROM `+numbers(1, pastEmails), pastLoans-1, pastEmails, s.today.String())
	s.exec(`INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number)
		SELECT 200000 + n, DATE_SUB(?, INTERVAL 730 - n DIV 30 DAY), 1, 100000 + n * 4, 1 FROM `+numbers(1, 21_000), s.today.String())
	s.exec(`INSERT INTO reminder_bounces (email_id, run_id, borrower_id, address, class, code, bad, came_at)
		SELECT id, run_id, borrower_id, address, 'no_mailbox', '5.1.1', 2, ended_at FROM reminder_emails WHERE state = 'bounced'`)
	s.exec(`INSERT INTO reminder_runs (run_id, started_at, finished_at, outcome, reason, report)
		SELECT CONCAT('RUN', n), at, at, IF(n MOD 25 < 10, 'closed', 'done'), '', REPLACE(report, ?, CONCAT('"today":"', DATE(at), '"')) FROM
		(SELECT n, DATE_SUB(?, INTERVAL (? - n) HOUR) AS at FROM `+numbers(1, pastRuns)+`) past, (SELECT report FROM reminder_runs) last`,
		`"today":"`+s.today.String()+`"`, now, pastRuns+1)
	s.exec("ANALYZE TABLE reminder_emails, reminder_notices, reminder_runs")
}

// deskPages are the program's pages, as the librarian's browser gets them.
type deskPages struct {
	*school
	http.Client
	url string
}

func (s *school) desk(b *bench) *deskPages {
	cmd := exec.CommandContext(s.Context(), b.program, "desk", "--no-browser")
	cmd.Dir = s.dir
	for key, value := range s.environ("MAIL_PORT="+b.port, keep, "HOME="+s.dir) { // where it leaves its trace
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	out, err := cmd.StdoutPipe()
	require.NoError(s, err)
	require.NoError(s, cmd.Start())
	s.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	link, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(s, err)
	d := &deskPages{school: s}
	d.Jar, err = cookiejar.New(nil)
	require.NoError(s, err)
	response, err := d.Get(strings.TrimSpace(link))
	require.NoError(s, err)
	require.NoError(s, response.Body.Close())
	d.url, _, _ = strings.Cut(link, "/?")
	return d
}

// get asks for a page and returns the seconds that it took.
func (d *deskPages) get(page string) float64 {
	begin := time.Now()
	response, err := d.Get(d.url + page)
	require.NoError(d, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(d, err)
	require.Equal(d, http.StatusOK, response.StatusCode, "%s: %s", page, body)
	return time.Since(begin).Seconds()
}
