//go:build torture

package torture

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A plan is what happens to one process.
type plan struct {
	phase string        // of a conversation with the mail server; "": the start of the process
	nth   int           // of these phases
	delay time.Duration // after it: SIGKILL, or
	stop  time.Duration // unless 0, SIGSTOP and that much later SIGCONT; and then
	then  time.Duration // that much later SIGKILL
}

const never = time.Hour

func newPlan(random *rand.Rand) plan {
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	// What is between DATA and the record takes a few milliseconds. The clock alone would rarely hit it.
	phases := []string{"greet", "mail", "rcpt", "data", "data", "dot", "dot", "dot"}
	p := plan{phase: phases[random.IntN(len(phases))], nth: 1 + random.IntN(3), delay: upTo(8 * time.Millisecond)}
	switch percent := random.IntN(100); {
	case percent < 35:
		return plan{delay: upTo(150 * time.Millisecond)}
	case percent < 42:
		return plan{delay: upTo(budget)}
	case percent < 44:
		return plan{delay: never}
	case percent < 64:
		// Twice as long, to reach also what comes before the next mail: it has read its loans and not yet connected.
		// The stop ends when others have taken what the process had, or so early that they have not.
		p.delay, p.stop, p.then = 2*p.delay, lease+10*time.Millisecond, never
		p.stop += upTo([]time.Duration{50 * time.Millisecond, lease}[random.IntN(2)])
		if random.IntN(3) == 0 {
			p.then = upTo(20 * time.Millisecond)
		}
	}
	return p
}

// A fault is what the mail server does in so many of a thousand cases in place of what it should do.
type fault struct {
	perMille int
	mailtest.Action
}

var faults = map[string][]fault{
	"greet": {{5, mailtest.Action{Reply: "421 4.3.2 busy", Drop: true}}},
	"mail":  {{10, mailtest.Action{Reply: "421 4.3.0 shutting down", Drop: true}}, {5, mailtest.Action{Hang: true}}},
	"rcpt":  {{30, mailtest.Action{Reply: "450 4.7.1 greylisted"}}, {5, mailtest.Action{Hang: true}}},
	"dot": {
		{30, mailtest.Action{Reply: "451 4.3.0 try later"}},
		{15, mailtest.Action{Reply: "554 5.7.1 not this one"}},
		{10, mailtest.Action{Reply: "250 2.0.0 ok", Drop: true}},
		{15, mailtest.Action{Drop: true}},
		{15, mailtest.Action{Accept: true, Drop: true}},
		{5, mailtest.Action{Accept: true, Reset: true}},
		{5, mailtest.Action{Hang: true}},
		{5, mailtest.Action{Accept: true, Hang: true}},
	},
}

// A process is one run of the program, with a mail server of its own: so it is never in doubt who sent what.
type process struct {
	n       int
	plan    plan
	cmd     *exec.Cmd
	server  *mailtest.Server
	reached chan struct{} // closed at the plan's phase
	over    chan struct{} // closed when the process has ended
	out     bytes.Buffer
	err     bytes.Buffer

	started time.Time // before it was
	awake   time.Time // before it was continued; the same as started if it was not stopped
	ended   time.Time // after it and its connections had

	mu     sync.Mutex // guards what the server uses while the process runs: awake, plan.nth and the fields below
	random *rand.Rand // for the server; nil: it does all as it should, at once
	steps  []step
}

// A step of a conversation with the mail server.
type step struct {
	conn  int
	phase string
	to    string // at rcpt
	at    time.Time
}

// process prepares the n-th process of the round.
func (r *round) process(n int) *process {
	p := &process{n: n, reached: make(chan struct{}), over: make(chan struct{})}
	p.plan = newPlan(rand.New(rand.NewPCG(r.seed, uint64(2*n))))
	p.random = rand.New(rand.NewPCG(r.seed, uint64(2*n+1)))
	options := mailtest.Options{Script: p.script}
	if r.sent != nil {
		options.Accepted = r.sent.file
	}
	p.server = mailtest.NewServer(r.T, options)
	p.cmd = exec.CommandContext(r.Context(), r.program, "run", "--now", "--json", "--approve")
	p.cmd.Dir = r.dir // where no .env is
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.cmd.Env = append(r.environ(), "REMINDER_UNKNOWN="+r.policy, fmt.Sprint("MAIL_PORT=", p.server.Port()),
		fmt.Sprint("MAIL_CONCURRENCY=", cmp.Or(concurrency(r.T), 2+n%3)),
		"LOG_FILE="+filepath.Join(r.dir, fmt.Sprintf("%d.log", n%runners)))
	if r.sent != nil {
		p.cmd.Env = append(p.cmd.Env, r.sent.environ()...)
	}
	return p
}

// script is the mail server.
func (p *process) script(c mailtest.Command) mailtest.Action {
	latency, action := p.step(c)
	time.Sleep(latency)
	return action
}

func (p *process) step(c mailtest.Command) (latency time.Duration, action mailtest.Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := step{conn: c.Conn, phase: c.Phase, at: time.Now()}
	switch c.Phase {
	case "rcpt":
		s.to = c.Arg
	}
	p.steps = append(p.steps, s)
	if c.Phase == p.plan.phase {
		if p.plan.nth--; p.plan.nth == 0 {
			close(p.reached)
		}
	}
	if p.random == nil {
		return 0, mailtest.Action{}
	}
	latency = time.Duration(p.random.Int64N(int64(6 * time.Millisecond)))
	if p.stopped() && c.Phase == "dot" {
		latency = timeout / 2 // if it still hands something over, the others get time to notice
	}
	chance := p.random.IntN(1000)
	for _, f := range faults[c.Phase] {
		if chance -= f.perMille; chance < 0 {
			return latency, f.Action
		}
	}
	return latency, mailtest.Action{}
}

// run starts the process, does to it what is planned, and returns when it and all its connections have ended: what was
// out before a kill may be accepted after it.
func (p *process) run() {
	p.started = time.Now()
	p.awake = p.started
	if err := p.cmd.Start(); err != nil {
		panic(err) // then nothing here makes sense
	}
	go func() {
		p.cmd.Wait() // cmd.ProcessState tells the outcome
		close(p.over)
	}()
	p.strike()
	<-p.over
	p.server.Drain()
	p.ended = time.Now()
}

func (p *process) strike() {
	if p.plan.phase != "" {
		select {
		case <-p.reached:
		case <-p.over:
			return
		}
	}
	if !p.outlives(p.plan.delay) {
		return
	}
	if p.plan.stop > 0 {
		p.cmd.Process.Signal(syscall.SIGSTOP)
		p.outlives(p.plan.stop)
		p.mu.Lock()
		p.awake = time.Now()
		p.mu.Unlock()
		p.cmd.Process.Signal(syscall.SIGCONT)
		if !p.outlives(p.plan.then) {
			return
		}
	}
	p.cmd.Process.Kill()
}

// outlives waits for d to pass, or for the end of the process.
func (p *process) outlives(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-p.over:
		return false
	}
}

func (p *process) killed() bool  { return p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() }
func (p *process) stopped() bool { return p.awake != p.started }

// String tells the process's story, for the report of a violation.
func (p *process) String() string {
	s := fmt.Sprintf("process %d: %s after %v", p.n, p.cmd.ProcessState, p.ended.Sub(p.started).Round(time.Millisecond))
	if p.stopped() {
		s += fmt.Sprintf(", stopped until %v", p.awake.Sub(p.started).Round(time.Millisecond))
	}
	return s
}

// A transaction is one message on its way to the mail server, from DATA on.
type transaction struct {
	to        string
	data      time.Time
	confirmed bool // the connection was used further, so the program had read the answer to the dot
}

func (p *process) transactions() (all []*transaction) {
	last, to := map[int]*transaction{}, map[int]string{} // by connection
	for _, s := range p.steps {
		switch tx := last[s.conn]; {
		case s.phase == "data":
			last[s.conn] = &transaction{to: to[s.conn], data: s.at}
			all = append(all, last[s.conn])
		case tx != nil && s.phase != "dot" && s.phase != "body":
			tx.confirmed = true
		}
		if s.phase == "rcpt" {
			to[s.conn] = s.to
		}
	}
	return all
}

// inDoubt reports whether the outbox may call a transaction unknown: the connection ended without a sign that the
// answer was read; or the process was killed, perhaps before it recorded the answer; or it outlived a lease; or the
// database was gone when the outcome was to be recorded. A stop excuses only what was in DATA before it. What was
// claimed before the stop and reached DATA after it must not have been handed over.
func (p *process) inDoubt(tx *transaction, outages []outage) bool {
	gone := slices.ContainsFunc(outages, func(o outage) bool { return p.started.Before(o.to) && o.from.Before(p.ended) })
	return !tx.confirmed || p.killed() || tx.data.Before(p.awake) || p.ended.Sub(p.awake) > lease || gone
}
