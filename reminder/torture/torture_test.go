//go:build torture

package torture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

const (
	runners   = 3               // processes at a time, beside those that are stopped
	roundSize = 500             // kills
	lease     = 2 * time.Second // above budget + timeout, as package setup demands
	budget    = time.Second
	timeout   = 300 * time.Millisecond // for each reply of the mail server
)

func TestTorture(t *testing.T) {
	kills := number(t, "TORTURE_KILLS", 1000)
	seed := uint64(number(t, "TORTURE_SEED", int(rand.Uint32())))
	t.Logf("TORTURE_SEED=%d TORTURE_KILLS=%d", seed, kills)
	program := filepath.Join(t.TempDir(), "pengingat")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/mtsn6garut/pengingat/cmd/local")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	total := &tally{start: time.Now(), states: map[string]int{}}
	perRound := min(roundSize, (kills+1)/2) // at least one round of each policy
	for n := 1; total.kills < kills; n++ {
		policy := []string{"hold", "resend"}[n%2]
		ok := t.Run(fmt.Sprintf("round %d, %s", n, policy), func(t *testing.T) {
			r := newRound(t, program, policy, seed+uint64(n)<<32, total)
			r.attack(perRound)
			r.converge()
			r.check()
		})
		t.Logf("%v, %d of them again; %d hand-overs unknown, %d were in doubt; emails: %v", total, total.again, total.unknown,
			total.inDoubt, total.states)
		require.True(t, ok, "TORTURE_SEED=%d, after %d kills", seed, total.kills)
	}
}

// number reads a variable.
func number(t *testing.T, name string, otherwise int) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
	require.NoError(t, err, name)
	return n
}

// A tally counts over all rounds.
type tally struct {
	start                              time.Time
	processes, kills, stops, completed int
	accepted, again                    int // mails that the servers took, and those of them that they took once more
	unknown, inDoubt                   int // hand-overs recorded as unknown, and those that can have been
	states                             map[string]int
}

func (c *tally) String() string {
	s := time.Since(c.start).Seconds()
	return fmt.Sprintf("%.0f s: %d processes, %d killed (%.1f/s), %d stopped, %d ran to their end; %d mails accepted",
		s, c.processes, c.kills, float64(c.kills)/s, c.stops, c.completed, c.accepted)
}

// A round is one school and what was done to it. Only the test's own goroutine keeps its books.
type round struct {
	*school
	program, policy string
	seed            uint64
	total           *tally

	ended    chan *process
	accepted []mail
	doubts   map[string]int // hand-overs that can have become unknown, by email; by address where the email is not known
	failures map[string]int // by check
}

func newRound(t *testing.T, program, policy string, seed uint64, total *tally) *round {
	return &round{school: newSchool(t, seed), program: program, policy: policy, seed: seed, total: total,
		ended: make(chan *process), doubts: map[string]int{}, failures: map[string]int{}}
}

// attack starts processes until enough of them were killed.
func (r *round) attack(kills int) {
	var started, killed atomic.Int64
	var running, stopped sync.WaitGroup
	enough := func() bool { return killed.Load() >= int64(kills) }
	one := func(p *process) {
		p.run()
		if p.killed() {
			killed.Add(1)
		}
		r.ended <- p
	}
	for range runners {
		running.Go(func() {
			for !enough() {
				p := r.process(int(started.Add(1)))
				if p.plan.stop == 0 {
					one(p)
					continue
				}
				stopped.Go(func() { one(p) }) // while it sleeps, others take its place
			}
		})
	}
	running.Go(func() { r.live(enough) })
	go func() {
		running.Wait()
		stopped.Wait()
		close(r.ended)
	}()

	progress := time.NewTicker(10 * time.Second)
	defer progress.Stop()
	for {
		select {
		case p, more := <-r.ended:
			if !more {
				return
			}
			r.note(p)
		case <-progress.C:
			r.Log(r.total)
		}
	}
}

// converge lets the program run in peace until nothing waits and nothing is left to plan.
func (r *round) converge() {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		r.letTimePass()
		p := r.process(0)
		p.plan, p.random = plan{delay: never}, nil // no faults
		p.run()
		r.note(p)
		var rep reminder.Report
		require.NoError(r, json.Unmarshal(p.out.Bytes(), &rep), p.err.String())
		waiting := r.count(`SELECT COUNT(*) FROM reminder_emails WHERE state IN ('queued', 'claimed', 'handover')
			OR ? = 'resend' AND state = 'unknown' AND unknowns = 1`, r.policy)
		if waiting == 0 && rep.Planned.Notices == 0 {
			return
		}
		require.True(r, time.Now().Before(deadline), "%d emails wait for ever; the last run: %s", waiting, p.out.String())
		time.Sleep(lease / 10) // for the leases of the dead
	}
}
