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

// A group lets calls that come at the same time share a statement and a commit: while one batch is at the database, the
// calls that arrive gather for the next. A batch that is smaller than the connections would allow waits for a moment:
// two connections would else take turns, with a statement for each.
//
// A connection to the mail server marks an email only together with, or after, the record of its last one. So a crash
// leaves no more emails of unknown outcome than without it: the one in flight on every connection.
type group struct {
	turn     chan struct{} // held by whoever's batch is at the database
	enough   chan struct{} // has something when as many wait as are expected
	mu       sync.Mutex
	waiting  []*call
	expected int // the calls of the last batch, and those that came while it was at the database
}

func newGroup() *group { return &group{turn: make(chan struct{}, 1), enough: make(chan struct{}, 1)} }

// aMoment is what the other connections need to be ready for their next mark, with a mail server that is near. From one
// that is far, few calls come at the same time, and few are expected.
const aMoment = time.Millisecond

type call struct {
	steps []step
	done  chan struct{} // closed when err is set
	err   error
}

// errBatchFailed tells the callers of a batch that it may have failed, in part or as a whole. Each caller then executes
// its own call again, by itself.
var errBatchFailed = errors.New("the batch failed")

// join takes part in a batch and returns what do returned for it.
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
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	}
	select {
	case <-c.done: // the batch before this one took it along
		return c.err
	default:
	}
	calls := g.take()
	var batch []step
	for _, c := range calls {
		batch = append(batch, c.steps...)
	}
	err := errBatchFailed // a panic must not look like success to the others
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
		moment := time.NewTimer(aMoment)
		select {
		case <-g.enough:
		case <-moment.C:
		}
		moment.Stop()
		g.mu.Lock()
	}
	select {
	case <-g.enough:
	default:
	}
	calls, g.waiting = g.waiting, nil
	return calls
}

// A step is what one email does in a statement about several: the mark before the final dot, or that it was accepted.
type step struct {
	claim reminder.Claim
	from  reminder.State // StateClaimed or StateHandover
	// what is written: Message-ID, Date and address of a mark; the receipt of an accepted one
	values []any
}

// together takes some steps in one statement with those that come at the same time: all, or errBatchFailed.
func (s *Store) together(ctx context.Context, steps ...step) error {
	return s.steps.join(steps, func(batch []step) error {
		query, args := update(batch)
		res, err := s.DB.ExecContext(ctx, query, args...)
		switch {
		case err == nil:
		case len(batch) == len(steps) && !transient(err): // nobody shares it
			return err
		default:
			return errBatchFailed
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(batch)) {
			return errBatchFailed // a claim of the batch is lost: each caller finds out whether it is its own
		}
		return nil
	})
}

// writes are the columns that steps write, by the state before them.
var writes = []struct {
	from    reminder.State
	columns []string // in the order of step.values
	now     []string
}{
	{reminder.StateHandover, []string{"receipt_id"}, []string{"ended_at", "sent_at"}},
	{reminder.StateClaimed, []string{"message_id", "message_date", "address"}, []string{"handover_at"}},
}

// update is the statement for a batch of steps. MySQL assigns from left to right, so the state comes last. CONCAT_WS
// keeps the optimizer from weighing the indexes of token and state against the ids. That is a fifth of the cost.
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
