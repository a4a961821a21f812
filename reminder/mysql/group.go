package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A group executes concurrent calls in batches, which share a statement and a commit. While a batch is executed, new
// calls wait for the next one. If fewer calls are waiting than expected, a batch waits briefly for more. Otherwise two
// connections would alternate, with one statement for each call.
//
// A connection to the mail server marks an email only together with, or after, the record of its last one. So batches
// do not change how many emails have an unknown outcome after a crash: the one in flight on each connection.
type group struct {
	executing chan struct{} // has an element while a batch is executed
	enough    chan struct{} // has an element when the expected number of calls is waiting
	mu        sync.Mutex
	waiting   []*call
	expected  int // the number of calls in the last batch, and of those that came while it was executed
}

func newGroup() *group {
	return &group{executing: make(chan struct{}, 1), enough: make(chan struct{}, 1)}
}

// batchWait is how long a batch waits for more calls. With a mail server that is near, the other connections need about
// this time until their next mark. With a distant one few calls are concurrent, and few are expected.
const batchWait = time.Millisecond

type call struct {
	steps []step
	done  chan struct{} // closed when err is set
	err   error
}

// errBatchFailed means that a batch may have failed, completely or in part. Each caller then executes its call alone.
var errBatchFailed = errors.New("the batch failed")

// join executes steps in a batch with do, and returns the error of do.
func (g *group) join(steps []step, do func(batch []step) error) error {
	c := &call{steps: steps, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if len(g.waiting) == g.expected {
		select {
		case g.enough <- struct{}{}:
		default:
		}
	}
	g.mu.Unlock()

	select {
	case <-c.done:
		return c.err
	case g.executing <- struct{}{}:
		defer func() { <-g.executing }()
	}
	select {
	case <-c.done: // the last batch had this call, too
		return c.err
	default:
	}
	calls := g.take()
	var batch []step
	for _, c := range calls {
		batch = append(batch, c.steps...)
	}
	err := errBatchFailed // for the other callers if do panics
	defer func() {
		g.mu.Lock()
		g.expected = len(calls) + len(g.waiting)
		g.mu.Unlock()
		for _, c := range calls {
			c.err = err
			close(c.done)
		}
	}()
	err = do(batch)
	return err
}

// take returns the calls of the next batch.
func (g *group) take() (calls []*call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) < g.expected {
		g.mu.Unlock()
		timer := time.NewTimer(batchWait)
		select {
		case <-g.enough:
		case <-timer.C:
		}
		timer.Stop()
		g.mu.Lock()
	}
	select {
	case <-g.enough:
	default:
	}
	calls, g.waiting = g.waiting, nil
	return calls
}

// A step is the change of one email in a statement for several: the hand-over mark, or the record that it was accepted.
type step struct {
	claim reminder.Claim
	from  reminder.State // StateClaimed for a mark, StateHandover for an accepted email
	// what is written: Message-ID, Date and address of a mark, or the receipt of an accepted email
	values []any
}

// inBatch executes some steps in one statement with concurrent ones. If not all of them succeeded, it returns an
// error, often errBatchFailed.
func (s *Store) inBatch(ctx context.Context, steps ...step) error {
	return s.steps.join(steps, func(batch []step) error {
		query, args := update(batch)
		res, err := s.DB.ExecContext(ctx, query, args...)
		switch {
		case err == nil:
		case len(batch) == len(steps) && !transient(err): // the batch has no other calls
			return err
		default:
			return errBatchFailed
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(batch)) {
			return errBatchFailed // a claim of the batch is lost, and each caller checks its own
		}
		return nil
	})
}

// writes has the columns that steps write, by the state from which they start.
var writes = []struct {
	from    reminder.State
	columns []string // in the order of step.values
	now     []string // get the current time
}{
	{reminder.StateHandover, []string{"receipt_id"}, []string{"ended_at", "sent_at"}},
	{reminder.StateClaimed, []string{"message_id", "message_date", "address"}, []string{"handover_at"}},
}

// update returns the statement for a batch of steps. MySQL assigns from left to right, so the state comes last. With
// CONCAT_WS the optimizer does not consider the indexes of token and state, which saves a fifth of the cost.
func update(batch []step) (query string, args []any) {
	var set []string
	for _, w := range writes {
		whens := 0
		for i, column := range w.columns {
			whens = 0
			for _, s := range batch {
				if s.from == w.from {
					whens++
					args = append(args, s.claim.ID, s.values[i])
				}
			}
			if whens > 0 {
				set = append(set, column+" = CASE id"+strings.Repeat(" WHEN ? THEN ?", whens)+" ELSE "+column+" END")
			}
		}
		for _, column := range w.now {
			if whens > 0 {
				set = append(set, column+" = IF(state = '"+string(w.from)+"', UTC_TIMESTAMP(6), "+column+")")
			}
		}
	}
	var guards []any
	for _, s := range batch {
		args = append(args, s.claim.ID)
		guards = append(guards, fmt.Sprint(s.claim.ID, " ", s.claim.Token, " ", s.from))
	}
	return "UPDATE reminder_emails SET " + strings.Join(set, ", ") + `, reason = IF(state = 'handover', '', reason),
		state = IF(state = 'handover', 'sent', 'handover') WHERE id IN (` + marks(len(batch)) +
		") AND CONCAT_WS(' ', id, claim_token, state) IN (" + marks(len(batch)) +
		") AND (state = 'handover' OR lease_until > UTC_TIMESTAMP(6))", append(args, guards...)
}
