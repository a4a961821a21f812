package mysql

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A group lets calls that come at the same time share a statement and a commit: while one batch is at the database, the
// calls that arrive gather for the next. A call never waits for others to join; a single call is executed by itself.
//
// A worker marks an email only when the outcome of its last one is recorded. So a batch holds at most one mark of
// each, and a crash leaves no more emails of unknown outcome than without it: the one in flight of every worker.
type group[T any] struct {
	mu      sync.Mutex
	waiting []*call[T]
}

type call[T any] struct {
	in   T
	done chan struct{} // closed when err is set
	err  error
}

// A semaphore lets one batch at a time be at the database. All groups of a store share it. Without it batches of
// different kinds would overlap and be smaller, and the cost of a batch hardly depends on its size: sharing saved a
// third of the database's work at 16 workers.
type semaphore chan struct{}

// errBatchFailed tells the callers of a batch that it may have failed, in part or as a whole. Each caller then executes
// its own call again, by itself.
var errBatchFailed = errors.New("the batch failed")

// join takes part in a batch and returns what do returned for it.
func (g *group[T]) join(sem semaphore, in T, do func(batch []T) error) error {
	c := &call[T]{in: in, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()

	select {
	case <-c.done:
		return c.err
	case sem <- struct{}{}:
		defer func() { <-sem }()
	}
	select {
	case <-c.done: // the batch before this one took it along
		return c.err
	default:
	}
	g.mu.Lock()
	calls := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	batch := make([]T, len(calls))
	for i, c := range calls {
		batch[i] = c.in
	}
	err := errBatchFailed // a panic must not look like success to the others
	defer func() {
		for _, c := range calls {
			c.err = err
			close(c.done)
		}
	}()
	err = do(batch)
	return err
}

// A mark is one email's part in an UPDATE of several: guard updates the email alone, values in a batch.
type mark struct {
	claim  reminder.Claim
	guard  guard
	values []any
}

// mark writes m together with the marks that arrive at the same time. update returns the statement for several.
func (s *Store) mark(ctx context.Context, g *group[mark], m mark, update func(batch []mark) (string, []any)) error {
	err := g.join(s.batching, m, func(batch []mark) error {
		if len(batch) == 1 {
			return s.guarded(ctx, m.guard, false)
		}
		query, args := update(batch)
		res, err := s.db.ExecContext(ctx, query, args...)
		if err != nil {
			return errBatchFailed
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(batch)) {
			return errBatchFailed // a claim of the batch is lost: each caller finds out whether it is its own
		}
		return nil
	})
	if err == errBatchFailed {
		return s.guarded(ctx, m.guard, true)
	}
	return err
}

// caseByID returns an SQL expression for each email's own value number i, and its arguments.
func caseByID(batch []mark, i int) (string, []any) {
	args := make([]any, 0, 2*len(batch))
	for _, m := range batch {
		args = append(args, m.claim.ID, m.values[i])
	}
	return "CASE id" + strings.Repeat(" WHEN ? THEN ?", len(batch)) + " END", args
}

// ownClaims returns the SQL condition that a row is in the batch and still has its claim's token, and its arguments.
func ownClaims(batch []mark) (string, []any) {
	var ids, tokens []any
	for _, m := range batch {
		ids, tokens = append(ids, m.claim.ID), append(tokens, m.claim.ID, m.claim.Token)
	}
	return "id IN (" + marks(len(ids)) + ") AND claim_token = CASE id" + strings.Repeat(" WHEN ? THEN ?", len(batch)) +
			" END",
		append(ids, tokens...)
}
