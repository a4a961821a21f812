//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A memory is an outbox that nothing outlives: what a run costs without its promise. It knows what this measurement
// needs, queued emails that are all accepted. The loans are read from the database all the same.
type memory struct {
	reminder.Store
	mu     sync.Mutex
	queued []reminder.Claim
	sent   int
}

func (m *memory) Promised(context.Context, reminder.Date, ...string) (map[reminder.Cycle]reminder.History, error) {
	return nil, nil
}

func (m *memory) Promise(_ context.Context, _ string, emails []reminder.Email) (n reminder.PlannedCounts, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range emails {
		id := int64(len(m.queued) + 1)
		m.queued = append(m.queued, reminder.Claim{ID: id, Ref: fmt.Sprint("ref", id), Kind: e.Kind, Borrower: e.Borrower,
			Priority: e.Priority, Notices: e.Notices, Attempts: 1})
		n.Emails, n.Notices = n.Emails+1, n.Notices+len(e.Notices)
	}
	return n, nil
}

func (m *memory) Claim(_ context.Context, w reminder.Wanted) ([]reminder.Claim, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(w.Most, len(m.queued))
	claims := m.queued[:n]
	m.queued = m.queued[n:]
	return claims, false, nil
}

func (m *memory) HandOver(_ context.Context, _ reminder.Claim, _ string, _ time.Time,
	accepted ...reminder.Accepted) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent += len(accepted)
	return nil
}

func (m *memory) Record(context.Context, reminder.Claim, reminder.Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent++
	return nil
}

func (m *memory) Backlog(context.Context) (reminder.Backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reminder.Backlog{Waiting: len(m.queued)}, nil
}

// memory is the program with such an outbox, in this process.
func (b *bench) memory(s *school, loans int) peer {
	return peer{name: "outbox in memory", forget: s.forget,
		start: func(port string, concurrency int, _ func(int)) (p process, err error) {
			begin, before := time.Now(), ownTime(b)
			cfg, err := setup.Load(s.environ("MAIL_PORT="+port, fmt.Sprint("MAIL_CONCURRENCY=", concurrency)))
			require.NoError(b, err)
			app, err := setup.New(cfg, io.Discard)
			require.NoError(b, err)
			defer app.Close()
			m := &memory{Store: app.Runner.Store}
			app.Runner.Store = m
			_, err = app.Runner.Run(b.Context(), reminder.Options{Trigger: "local", Now: true})
			require.Equal(b, loans, m.sent)
			return process{seconds: time.Since(begin).Seconds(), cpu: ownTime(b) - before}, err
		},
		usage: func() float64 { return b.Machine.usage().db },
	}
}

func ownTime(b *bench) float64 {
	var r syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}
