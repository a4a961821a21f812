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

// TestSoak sends SOAK_MAILS (100,000) mails, 100,000 in a process. No process may take more than 128 MiB, which a small
// cloud function and an old laptop have to spare; planning 100,000 takes most, and sending them half of that. The
// loans of the mails before were returned meanwhile. With SOAK_KILL each process is killed after so many seconds, and
// the next one goes on: nobody must be forgotten, and a kill may repeat one mail for each connection, with its
// Message-ID.
func TestSoak(t *testing.T) {
	const wave, connections = 100_000, 4
	const most = 128 << 10 // kilobytes resident, as the system counts them
	mails, kill := number(t, "SOAK_MAILS", 100_000), time.Duration(number(t, "SOAK_KILL", 0))*time.Second
	program := filepath.Join(t.TempDir(), "pengingat")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"github.com/mtsn6garut/pengingat/cmd/local").CombinedOutput()
	require.NoError(t, err, string(out))
	s := newSchool(t, 0)
	server := mailtest.NewServer(t, mailtest.Options{NoData: true})
	kills, begun := 0, time.Now()
	for first := 1; first <= mails; first += wave {
		s.lendEverybody(first, min(mails, first+wave-1))
		for done := false; !done; {
			cmd := exec.CommandContext(t.Context(), program, "run", "--now", "--json", "--approve")
			cmd.Dir = s.dir
			cmd.Env = append(s.environ(), fmt.Sprint("MAIL_PORT=", server.Port()), fmt.Sprint("MAIL_CONCURRENCY=", connections),
				"LOG_FILE="+filepath.Join(s.dir, "log"),
				"MAIL_TIMEOUT=60s", "REMINDER_BUDGET=12h", "REMINDER_LEASE=13h")
			var answer bytes.Buffer
			cmd.Stdout = &answer
			require.NoError(t, cmd.Start())
			ended := make(chan struct{})
			peak := make(chan int)
			go func() { peak <- watch(cmd.Process.Pid, ended) }()
			var killer *time.Timer
			if kill > 0 {
				killer = time.AfterFunc(kill, func() { _ = cmd.Process.Kill() })
			}
			err := cmd.Wait()
			close(ended)
			resident := <-peak
			assert.LessOrEqual(t, resident, most)
			if killer != nil && !killer.Stop() {
				kills++
				s.exec("UPDATE reminder_emails SET lease_until = UTC_TIMESTAMP(6) WHERE lease_until > UTC_TIMESTAMP(6)")
				t.Logf("killed after %s, with %d KiB resident: %d mails so far", kill, resident, len(server.Messages()))
				continue
			}
			if kills == 0 { // else it may say that unknown emails need a person
				require.NoError(t, err, answer.String())
			}
			var rep reminder.Report
			require.NoError(t, json.Unmarshal(answer.Bytes(), &rep))
			t.Logf("%d mails in %d ms, %d KiB resident at most", rep.Emails.Sent, rep.DurationMS, resident)
			done = rep.Emails.Sent == 0
		}
	}
	ids, copies := map[string]string{}, 0
	for _, m := range server.Messages() {
		if id, again := ids[m.To]; again {
			copies++
			assert.Equal(t, id, m.ID, "a copy can be recognised")
		}
		ids[m.To] = m.ID
	}
	assert.Len(t, ids, mails, "nobody is forgotten")
	assert.LessOrEqual(t, copies, kills*connections)
	t.Logf("%d mails in %.0f s, %.0f a second; %d kills, %d copies of unknown ones; %d MiB of outbox", mails,
		time.Since(begun).Seconds(), float64(mails)/time.Since(begun).Seconds(), kills, copies,
		s.count(`SELECT SUM(data_length + index_length) >> 20 FROM information_schema.tables WHERE table_schema = DATABASE()
			AND table_name IN ('reminder_emails', 'reminder_notices')`))
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
