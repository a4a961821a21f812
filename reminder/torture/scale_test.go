//go:build torture

package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
)

// TestScale lets 1, 2, 4 and 8 functions, each a process as the cloud would start it, work on one outbox at the same
// time, and prints how many mails a second they send together and who used the processor for it. SCALE_MAILS (5,000)
// are due; the mail server takes SCALE_LATENCY milliseconds (0) for each. With 0 everything on this machine competes
// for its processors, and what it costs shows; with the latency of a real provider each function waits for its own
// mails, and what several gain shows.
func TestScale(t *testing.T) {
	mails, latency := number(t, "SCALE_MAILS", 5000), time.Duration(number(t, "SCALE_LATENCY", 0))*time.Millisecond
	program := filepath.Join(t.TempDir(), "pengingat")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"github.com/mtsn6garut/pengingat/cmd/local").CombinedOutput()
	require.NoError(t, err, string(out))
	s := newSchool(t, 0)
	s.lendEverybody(1, mails)
	for _, n := range []int{1, 2, 4, 8} {
		for _, table := range []string{"notices", "emails", "runs"} {
			s.exec("DELETE FROM reminder_" + table)
		}
		server := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
			if c.Phase == "dot" {
				time.Sleep(latency)
			}
			return mailtest.Action{}
		}})
		var functions []*function
		for range n {
			functions = append(functions, s.function(program, server))
		}
		database := s.databasePID()
		begun, before, test := time.Now(), processor(t, database), ownProcessor(t)
		reports := make([]reminder.Report, n)
		var calls sync.WaitGroup
		for i, f := range functions {
			calls.Go(func() { reports[i] = f.run(t) })
		}
		calls.Wait()
		took, used, sink := time.Since(begun), processor(t, database)-before, ownProcessor(t)-test
		var sent, planned int
		var work time.Duration
		for i, f := range functions {
			work += processor(t, f.cmd.Process.Pid)
			sent, planned = sent+reports[i].Emails.Sent, planned+reports[i].Planned.Emails
			require.NoError(t, f.cmd.Process.Kill())
			_ = f.cmd.Wait() // killed
		}
		to := map[string]bool{}
		for _, m := range server.Messages() {
			to[m.To] = true
		}
		assert.Len(t, to, mails)
		assert.Len(t, server.Messages(), mails, "nobody twice")
		assert.Equal(t, []int{mails, mails}, []int{planned, sent})
		each := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000/float64(mails)) }
		t.Logf("%d functions: %d mails in %.1f s, %.0f/s; of the processor each mail used %s in the database (%.0f %%), %s in the functions, %s here",
			n, sent, took.Seconds(), float64(sent)/took.Seconds(), each(used), 100*used.Seconds()/(used+work+sink).Seconds(),
			each(work), each(sink))
		server.Close()
	}
}

// A function is a process that serves the cloud function.
type function struct {
	cmd *exec.Cmd
	url string
}

func (s *school) function(program string, server *mailtest.Server) *function {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s, err)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	require.NoError(s, l.Close())
	f := &function{cmd: exec.CommandContext(s.Context(), program, "serve", "--port", port),
		url: "http://127.0.0.1:" + port + "/"}
	f.cmd.Dir = s.dir
	f.cmd.Env = append(s.environ(), fmt.Sprint("MAIL_PORT=", server.Port()), "MAIL_TIMEOUT=1m",
		"REMINDER_WINDOW=00:00-24:00",
		"REMINDER_MAX_PER_RUN=1000000", "REMINDER_BUDGET=2h", "REMINDER_LEASE=3h")
	require.NoError(s, f.cmd.Start())
	require.Eventually(s, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	return f
}

func (f *function) run(t *testing.T) (rep reminder.Report) {
	res, err := http.Post(f.url, "application/json", bytes.NewReader(nil))
	if !assert.NoError(t, err) {
		return rep
	}
	defer res.Body.Close()
	assert.Equal(t, 200, res.StatusCode)
	assert.NoError(t, json.NewDecoder(res.Body).Decode(&rep))
	return rep
}

// databasePID returns the process of the database, which with-mariadb.sh runs on this machine.
func (s *school) databasePID() int {
	var file string
	require.NoError(s, s.db.QueryRowContext(s.Context(), "SELECT @@pid_file").Scan(&file))
	text, err := os.ReadFile(file)
	require.NoError(s, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(s, err)
	return pid
}

// processor returns how long a process has run, as Linux counts it: in hundredths of a second, in the kernel too.
func processor(t *testing.T, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third on
	user, err := strconv.Atoi(fields[11])
	require.NoError(t, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(t, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func ownProcessor(t *testing.T) time.Duration {
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
