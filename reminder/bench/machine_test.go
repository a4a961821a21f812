//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A machine is where the measurements are taken: how it is built, and who uses its processors meanwhile.
type machine struct {
	t        *testing.T
	db, sink int // processes

	Date       string `json:"date"`
	Version    string `json:"version"`
	Go         string `json:"go"`
	Database   string `json:"database"`
	Processor  string `json:"processor"`
	Processors int    `json:"processors"`
	Fdatasync  figure `json:"fdatasync_us"`
}

func newMachine(t *testing.T, db *sql.DB, sink int) *machine {
	m := &machine{t: t, sink: sink, Date: time.Now().UTC().Format(time.DateTime), Go: runtime.Version(),
		Processors: runtime.NumCPU()}
	var pidFile, datadir, durable string
	require.NoError(t, db.QueryRow("SELECT @@version, @@pid_file, @@datadir, @@innodb_flush_log_at_trx_commit").
		Scan(&m.Database, &pidFile, &datadir, &durable))
	require.Equal(t, "1", durable, "innodb_flush_log_at_trx_commit: what is not durable is not worth measuring")
	pid, err := os.ReadFile(pidFile)
	require.NoError(t, err, "the database must be on this machine, or its share of the processors cannot be told")
	m.db, err = strconv.Atoi(strings.TrimSpace(string(pid)))
	require.NoError(t, err)
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(text); name != nil {
			m.Processor = string(name[1])
		}
	}
	m.Fdatasync = fdatasync(t, filepath.Dir(filepath.Clean(datadir)))
	return m
}

// fdatasync measures in microseconds what a durable write costs on the database's disk: 4 KB into a file that has its
// blocks already, as the redo log is written. The figure is the median of 200, five times.
func fdatasync(t *testing.T, dir string) (all figure) {
	f, err := os.CreateTemp(dir, "bench")
	require.NoError(t, err)
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	const blocks = 200
	_, err = f.Write(bytes.Repeat(block, blocks))
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	for range 5 {
		var one figure
		for i := range blocks {
			begin := time.Now()
			_, err := f.WriteAt(block, int64(i*len(block)))
			require.NoError(t, err)
			require.NoError(t, syscall.Fdatasync(int(f.Fd())))
			one = append(one, float64(time.Since(begin))/1e3)
		}
		all = append(all, one.median())
	}
	return all
}

// A usage is how long the processors have worked, in seconds.
type usage struct {
	at             time.Time
	busy           float64 // for anybody, another virtual machine included
	db, sink, ours float64 // ours: this test and the processes it started and that have ended
}

func (m *machine) usage() usage {
	u := usage{at: time.Now(), db: m.processTime(m.db), sink: m.processTime(m.sink)}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		require.NoError(m.t, syscall.Getrusage(who, &r))
		u.ours += time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	stat, err := os.Open("/proc/stat")
	require.NoError(m.t, err)
	defer stat.Close()
	lines := bufio.NewScanner(stat)
	require.True(m.t, lines.Scan())
	// user nice system idle iowait irq softirq steal guest guest_nice
	for i, ticks := range strings.Fields(lines.Text())[1:] {
		if i == 3 || i == 4 || i > 7 {
			continue
		}
		n, err := strconv.ParseFloat(ticks, 64)
		require.NoError(m.t, err)
		u.busy += n / ticksPerSecond
	}
	return u
}

const ticksPerSecond = 100 // Linux shows a hundredth of a second, whatever it counts in

func (m *machine) processTime(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(m.t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // the name before it may hold anything
	user, err := strconv.ParseFloat(fields[11], 64)
	require.NoError(m.t, err)
	system, err := strconv.ParseFloat(fields[12], 64)
	require.NoError(m.t, err)
	return (user + system) / ticksPerSecond
}

// others returns how much of the machine went to others since before, in percent of all its processors.
func (m *machine) others(before usage) float64 {
	now := m.usage()
	others := now.busy - before.busy - (now.ours - before.ours) - (now.db - before.db) - (now.sink - before.sink)
	return max(0, 100*others/(now.at.Sub(before.at).Seconds()*float64(m.Processors)))
}

// build builds the program as it is shipped.
func build(t *testing.T) (program, version string) {
	out, err := exec.CommandContext(t.Context(), "make", "-C", "../..", "build").CombinedOutput()
	require.NoError(t, err, string(out))
	program, err = filepath.Abs("../../bin/pengingat")
	require.NoError(t, err)
	out, err = exec.CommandContext(t.Context(), program, "--version").CombinedOutput()
	require.NoError(t, err, string(out))
	return program, strings.TrimSpace(strings.TrimPrefix(string(out), "pengingat "))
}
