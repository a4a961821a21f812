//go:build bench

package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A peer is something that sends a reminder for each of some loans.
type peer struct {
	name   string
	forget func() // as if nothing had been sent
	// start runs it to its end; begun gets the process id.
	start func(port string, concurrency int, begun func(int)) (process, error)
	usage func() float64 // what its database took of the processors, seconds
}

// peers measures, in turn, the program beside what one could take in its place: with BENCH_BESIDE another build of it
// that works with the same schema, where PostgreSQL is installed a worker on River, a job queue, and the program with
// an outbox in memory. The mail server is BENCH_PEERS_TRIP milliseconds away, there and back. Then each is killed in
// the middle, and goes on.
func (b *bench) peers() {
	table := b.table("peers", "Beside what one would take in its place",
		"River keeps its jobs in PostgreSQL, with a synchronous commit, as this program keeps its records in MariaDB.",
		column{"concurrency", "connections", 0}, column{"system", "", 0}, column{"mails", "mails/s", 0},
		column{"ratio", "Pengingat : it", 2},
		column{"program", "program, µs CPU a mail", 0}, column{"database", "database, µs CPU a mail", 0},
		column{"both", "both", 0}, column{"peak", "peak resident MiB", 1}, column{"commits", "commits a mail", 2},
		column{"statements", "statements a mail", 2}, column{"others", "others' CPU %", 0})
	killed := b.table("killed", "Killed in the middle",
		"The process gets SIGKILL when the server has taken half of the mails, and is started once more; a lease, or River's hour "+
			"until it rescues a job, counts as over. What River sends twice nothing tells.",
		column{"concurrency", "connections", 0}, column{"system", "", 0}, column{"lost", "lost", 0},
		column{"twice", "sent twice", 0})
	loans := number(b.T, "BENCH_PEERS_MAILS", 10_000)
	s := newSchool(b.T)
	s.lend(1, loans, 1, s.today)
	peers := []peer{b.build("Pengingat", b.program, s)}
	if beside := os.Getenv("BENCH_BESIDE"); beside != "" {
		peers = append(peers, b.build("another build", beside, s))
	}
	if river, ok := b.river(loans); ok {
		peers = append(peers, river)
	}
	durable := len(peers)
	peers = append(peers, b.memory(s, loans))
	concurrencies := list(b.T, "BENCH_PEERS_CONNECTIONS", "2,16,32")
	port := b.port
	if os.Getenv("BENCH_PEERS_TRIP") != "" {
		port = b.far(port, time.Duration(number(b.T, "BENCH_PEERS_TRIP", 20))*time.Millisecond)
	}
	for range b.runs {
		for _, concurrency := range concurrencies {
			var ours float64
			for _, p := range peers {
				p.forget()
				before, used, database := s.counters(), b.Machine.usage(), p.usage()
				end, err := p.start(port, concurrency, func(int) {})
				require.NoError(b, err, "%s", end.out)
				counted, spent, of := s.counters(), p.usage()-database, float64(loans)
				row := table.row(concurrency, p.name)
				ours = cmp.Or(ours, of/end.seconds)
				add(row, "mails", of/end.seconds)
				add(row, "ratio", ours/(of/end.seconds))
				add(row, "program", 1e6*end.cpu/of)
				add(row, "database", 1e6*spent/of)
				add(row, "both", 1e6*(end.cpu+spent)/of)
				if end.peak > 0 {
					add(row, "peak", float64(end.peak)/1024)
				}
				if p.name != "River" {
					add(row, "commits", float64(counted.commits-before.commits)/of)
					add(row, "statements", float64(counted.statements-before.statements)/of)
				}
				others := b.Machine.others(used)
				if p.name == "River" { // PostgreSQL is not among the others
					others -= 100 * spent / (time.Since(used.at).Seconds() * float64(b.Machine.Processors))
				}
				add(row, "others", max(0, others))
				b.progress("peers: %s, concurrency %d: %.0f mails/s", p.name, concurrency, of/end.seconds)
			}
		}
	}
	for range b.runs {
		for _, p := range peers[:durable] {
			concurrency := concurrencies[len(concurrencies)/2]
			p.forget()
			server := mailtest.NewServer(b.T, mailtest.Options{})
			port := strconv.Itoa(server.Port())
			_, err := p.start(port, concurrency, func(pid int) {
				for len(server.Messages()) < loans/2 {
					time.Sleep(time.Millisecond)
				}
				process, err := os.FindProcess(pid)
				require.NoError(b, err)
				require.NoError(b, process.Kill())
			})
			require.Error(b, err, "it was killed")
			s.exec("UPDATE reminder_emails SET lease_until = UTC_TIMESTAMP(6) WHERE lease_until > UTC_TIMESTAMP(6)")
			_, err = p.start(port, concurrency, func(int) {}) // it may say that something needs a person
			require.Condition(b, func() bool {
				exit, ok := errors.AsType[*exec.ExitError](err)
				return err == nil || ok && exit.ExitCode() == 10
			})
			copies := map[string]int{}
			for _, m := range server.Messages() {
				copies[m.To]++
			}
			row := killed.row(concurrency, p.name)
			add(row, "lost", float64(loans-len(copies)))
			add(row, "twice", float64(len(server.Messages())-len(copies)))
			server.Close()
			b.progress("killed: %s: %v lost, %v sent twice", p.name, row["lost"], row["twice"])
		}
	}
}

// build is a build of the program.
func (b *bench) build(name, program string, s *school) peer {
	return peer{name: name, forget: s.forget,
		start: func(port string, concurrency int, begun func(int)) (process, error) {
			return s.begin(program, s.environ("MAIL_PORT="+port, fmt.Sprint("MAIL_CONCURRENCY=", concurrency),
				"MAIL_DAILY_LIMIT="+cmp.Or(os.Getenv("BENCH_DAILY_LIMIT"), "0")), begun, "run", "--now", "--json")
		},
		usage: func() float64 { return b.Machine.usage().db },
	}
}

// river is the worker of the module beside this file on a private PostgreSQL server. ok is false where that is not
// installed; the table then says nothing of it.
func (b *bench) river(mails int) (p peer, ok bool) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		b.progress("peers: no PostgreSQL on this machine, so River is left out")
		return p, false
	}
	bin := filepath.Dir(slices.Max(found))
	worker := filepath.Join(b.TempDir(), "river")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-C", "river", "-o", worker, ".").CombinedOutput()
	require.NoError(b, err, string(out))

	dir, err := os.MkdirTemp("", "bench-postgres")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	asUser := func(name string, args ...string) *exec.Cmd {
		if os.Getuid() == 0 { // it will not run as root
			name, args = "setpriv", append([]string{"--reuid=nobody", "--clear-groups", name}, args...)
		}
		return exec.CommandContext(b.Context(), name, args...)
	}
	require.NoError(b, os.Chmod(dir, 0o777))
	out, err = asUser(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "bench", "-A", "trust").CombinedOutput()
	require.NoError(b, err, string(out))
	server := asUser(filepath.Join(bin, "postgres"), "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c",
		"max_connections=200")
	require.NoError(b, server.Start())
	b.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	sql := func(query string) error {
		return exec.CommandContext(b.Context(), filepath.Join(bin, "psql"), "-h", dir, "-U", "bench", "-d", "postgres", "-c",
			query).Run()
	}
	require.Eventually(b, func() bool { return sql("SELECT 1") == nil }, time.Minute, 100*time.Millisecond)
	s := &school{T: b.T, dir: b.TempDir()}
	return peer{name: "River",
		forget: func() { require.NoError(b, sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")) },
		start: func(port string, concurrency int, begun func(int)) (process, error) {
			return s.begin(worker, map[string]string{"SMTP_PORT": port, "MAILS": strconv.Itoa(mails),
				"CONNECTIONS": strconv.Itoa(concurrency), "DATABASE_URL": "host=" + dir + " user=bench dbname=postgres"}, begun)
		},
		usage: func() float64 { return processorTime(b.T, server.Process.Pid) },
	}, true
}

// processorTime is what a process and its children, those that ended too, took of the processors.
func processorTime(t *testing.T, parent int) (seconds float64) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		ours := file == fmt.Sprintf("/proc/%d/stat", parent)
		if !ours && fields[1] != strconv.Itoa(parent) {
			continue
		}
		last := 13 // user and system
		if ours {
			last = 15 // and those of the children that ended
		}
		for _, ticks := range fields[11:last] {
			n, err := strconv.ParseFloat(ticks, 64)
			require.NoError(t, err)
			seconds += n / ticksPerSecond
		}
	}
	return seconds
}
