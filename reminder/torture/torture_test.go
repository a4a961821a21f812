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
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
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
	dbKills := number(t, "TORTURE_DB_KILLS", kills/100)
	server := mysqltest.NewServer(t)
	t.Setenv("TEST_MYSQL_DSN", server.DSN())
	seed := uint64(number(t, "TORTURE_SEED", int(rand.Uint32())))
	sent := number(t, "TORTURE_SENT", 0) > 0
	t.Logf("TORTURE_SEED=%d TORTURE_KILLS=%d TORTURE_DB_KILLS=%d TORTURE_CONCURRENCY=%d TORTURE_SENT=%t", seed, kills,
		dbKills, concurrency(t), sent)
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
			rounds := (kills + perRound - 1) / perRound
			r.server, r.killDB = server, (dbKills*n/rounds)-(dbKills*(n-1)/rounds)
			if sent {
				r.sent = newSentbox(t)
			}
			r.attack(perRound)
			r.converge()
			r.check()
		})
		t.Logf("%v, %d of them again; %d hand-overs unknown, %d were in doubt; emails: %v", total, total.again, total.unknown,
			total.inDoubt, total.states)
		require.True(t, ok, "TORTURE_SEED=%d, after %d kills", seed, total.kills)
	}
}

// concurrency is MAIL_CONCURRENCY of all processes; 0: 2 to 4.
func concurrency(t *testing.T) int { return number(t, "TORTURE_CONCURRENCY", 0) }

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
	dbKills                            int // of the database's server
	accepted, again                    int // mails that the servers took, and those of them that they took once more
	unknown, inDoubt                   int // hand-overs recorded as unknown, and those that can have been
	states                             map[string]int
}

func (c *tally) String() string {
	s := time.Since(c.start).Seconds()
	return fmt.Sprintf("%.0f s: %d processes, %d killed (%.1f/s), %d stopped, %d ran to their end; the database killed %d times; "+
		"%d mails accepted", s, c.processes, c.kills, float64(c.kills)/s, c.stops, c.completed, c.dbKills, c.accepted)
}

// A round is one school and what was done to it. Only the test's own goroutine keeps its books.
type round struct {
	*school
	program, policy string
	seed            uint64
	total           *tally
	server          *mysqltest.Server
	killDB          int      // how often the server is killed in this round
	sent            *sentbox // nil: no feedback

	ended    chan *process
	accepted []mail
	doubts   map[string]int // hand-overs that can have become unknown, by address
	failures map[string]int // by check
	outages  []outage
}

// An outage is the time from before the database's server was killed until after it was there again.
type outage struct{ from, to time.Time }

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
	outages := make(chan outage)
	running.Go(func() { r.killDatabase(kills, &killed, enough, outages) })
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
		case o := <-outages:
			r.outages = append(r.outages, o)
			r.total.dbKills++
		case <-progress.C:
			r.Log(r.total)
		}
	}
}

// killDatabase kills the database's server a number of times, spread over the round, and starts it again at once. It
// reports an outage before the processes that met it are noted, because those wait for the server.
func (r *round) killDatabase(kills int, killed *atomic.Int64, enough func() bool, outages chan<- outage) {
	for n := 1; n <= r.killDB && !enough(); {
		if killed.Load() < int64(n*kills/(r.killDB+1)) {
			time.Sleep(time.Millisecond)
			continue
		}
		o := outage{from: time.Now()}
		r.server.Kill(r.T)
		r.server.Start(r.T)
		o.to = time.Now()
		outages <- o
		n++
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
			OR state = 'unknown' AND (? OR ? = 'resend' AND unknowns = 1)`, r.sent != nil, r.policy)
		if waiting == 0 && rep.Planned.Notices == 0 {
			return
		}
		require.True(r, time.Now().Before(deadline), "%d emails wait for ever; the last run: %s", waiting, p.out.String())
		time.Sleep(lease / 10) // for the leases of the dead
	}
}
