//go:build bench

package bench

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// startSink starts Postfix's test server, which takes every mail and throws it away, and returns its port and process.
func startSink(t *testing.T, options ...string) (port string, pid int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err = net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	args := options
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody") // it will not stay root
	}
	cmd := exec.Command("smtp-sink", append(args, "127.0.0.1:"+port, "1000")...)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start(), "deploy/dev/with-smtp-sink.sh has it")
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "smtp-sink does not listen")
	return port, cmd.Process.Pid
}

// source returns how many mails of a size a second Postfix's test client sends to the sink: nothing that waits for each
// reply of this server can send more.
func source(t *testing.T, port string, sessions, size, mails int) float64 {
	begin := time.Now()
	out, err := exec.CommandContext(t.Context(), "smtp-source", "-d", "-s", strconv.Itoa(sessions), "-l",
		strconv.Itoa(size),
		"-m", strconv.Itoa(mails), "-f", "perpus@example.org", "-t", "siswa@example.org", "127.0.0.1:"+port).CombinedOutput()
	require.NoError(t, err, string(out))
	return float64(mails) / time.Since(begin).Seconds()
}

// commits returns how many changes of one row the database makes durable in a second, on so many connections with a row
// each: nothing that records each mail by itself can record more.
func (s *school) commits(connections int, period time.Duration) float64 {
	s.exec("CREATE TABLE IF NOT EXISTS bench_row (id INT PRIMARY KEY, n INT NOT NULL) ENGINE = InnoDB")
	s.exec("DELETE FROM bench_row")
	cfg := s.user.Clone()
	cfg.User, cfg.Passwd = "root", ""
	db, err := mysql.OpenDB(cfg, connections) // as the program does
	require.NoError(s, err)
	defer db.Close()
	for id := range connections {
		s.exec("INSERT INTO bench_row VALUES (?, 0)", id)
	}
	var total atomic.Int64
	var workers sync.WaitGroup
	var begin, end sync.WaitGroup
	begin.Add(connections)
	end.Add(1)
	var deadline time.Time
	for id := range connections {
		workers.Go(func() {
			conn, err := db.Conn(s.Context())
			begin.Done()
			end.Wait()
			if err != nil {
				s.Error(err)
				return
			}
			defer conn.Close()
			for time.Now().Before(deadline) {
				if _, err := conn.ExecContext(s.Context(), "UPDATE bench_row SET n = n + 1 WHERE id = ?", id); err != nil {
					s.Error(err)
					return
				}
				total.Add(1)
			}
		})
	}
	begin.Wait()
	start := time.Now()
	deadline = start.Add(period)
	end.Done()
	workers.Wait()
	require.False(s, s.Failed())
	return float64(total.Load()) / time.Since(start).Seconds()
}

// counters are the server's own.
type counters struct {
	commits    int // read-write transactions made durable, by COMMIT or by themselves
	logWrites  int // writes of the redo log, each flushed to the disk
	statements int
}

func (s *school) counters() (c counters) {
	for name, to := range map[string]*int{"trx_rw_commits": &c.commits, "log_writes": &c.logWrites} {
		*to = s.count("SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = ?", name)
	}
	var name string
	require.NoError(s, s.db.QueryRowContext(s.Context(), "SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &c.statements))
	return c
}
