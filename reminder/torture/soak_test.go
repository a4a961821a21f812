//go:build torture

package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
)

// TestSoak sends SOAK_MAILS (100,000) mails in one process, which must not grow with them: a small cloud function and
// an old laptop have 128 megabytes to spare, and no run should need half of it.
func TestSoak(t *testing.T) {
	const most = 64 << 10 // kilobytes resident, as the system counts them
	mails := number(t, "SOAK_MAILS", 100_000)
	program := filepath.Join(t.TempDir(), "pengingat")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"github.com/mtsn6garut/pengingat/cmd/local").CombinedOutput()
	require.NoError(t, err, string(out))
	s := newSchool(t, 0)
	s.lendEverybody(mails)
	server := mailtest.NewServer(t, mailtest.Options{})
	for _, want := range []int{mails, 0} {
		cmd := exec.CommandContext(t.Context(), program, "run", "--now", "--json", "--approve")
		cmd.Dir = s.dir
		cmd.Env = append(s.environ(), fmt.Sprint("MAIL_PORT=", server.Port()), "MAIL_CONCURRENCY=4",
			"LOG_FILE="+filepath.Join(s.dir, "log"),
			"MAIL_TIMEOUT=60s", "REMINDER_BUDGET=2h", "REMINDER_LEASE=3h")
		var answer bytes.Buffer
		cmd.Stdout = &answer
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		peak := make(chan int)
		go func() { peak <- watch(cmd.Process.Pid, ended) }()
		err := cmd.Wait()
		close(ended)
		resident := <-peak
		require.NoError(t, err, answer.String())
		var rep reminder.Report
		require.NoError(t, json.Unmarshal(answer.Bytes(), &rep))
		assert.Equal(t, want, rep.Emails.Sent)
		t.Logf("%d mails in %d ms, %d KiB resident at most", rep.Emails.Sent, rep.DurationMS, resident)
		assert.LessOrEqual(t, resident, most)
		if want > 0 {
			assert.NotZero(t, resident)
		}
	}
	assert.Len(t, server.Messages(), mails)
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
