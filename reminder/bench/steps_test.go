//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A clock adds up the time of one kind of call, over all workers.
type clock struct{ ns atomic.Int64 }

func (c *clock) since(begin time.Time) { c.ns.Add(int64(time.Since(begin))) }

func (c *clock) seconds() float64 { return time.Duration(c.ns.Load()).Seconds() }

// A stopwatch is a Store and a Sender that measure those beneath them. What a run does between the calls, composing
// above all, is what remains.
type stopwatch struct {
	reminder.Loans
	reminder.Store
	sender mail.Sender

	scan, page, promise, claim, reread, handover, record, send clock

	begun, prepared time.Time // the run, the scan
	promised, ended time.Time // after the promise, after the last outcome

	once sync.Once
	size int // of a message in bytes, as it is sent
}

func (w *stopwatch) Scan(ctx context.Context, first, last reminder.Date,
	page func([]reminder.Loan) error) error {
	w.prepared = time.Now()
	defer w.scan.since(w.prepared)
	return w.Loans.Scan(ctx, first, last, func(loans []reminder.Loan) error {
		defer w.page.since(time.Now())
		return page(loans)
	})
}

func (w *stopwatch) Promise(ctx context.Context, run string, emails []reminder.Email) (reminder.PlannedCounts, error) {
	defer func() { w.promised = time.Now() }()
	defer w.promise.since(time.Now())
	return w.Store.Promise(ctx, run, emails)
}

func (w *stopwatch) Claim(ctx context.Context, want reminder.Wanted) ([]reminder.Claim, bool, error) {
	defer w.claim.since(time.Now())
	return w.Store.Claim(ctx, want)
}

func (w *stopwatch) Reread(ctx context.Context, ids []string) ([]reminder.Loan, error) {
	defer w.reread.since(time.Now())
	return w.Loans.Reread(ctx, ids)
}

func (w *stopwatch) HandOver(ctx context.Context, c reminder.Claim, id string, date time.Time,
	accepted ...reminder.Accepted) error {
	defer w.handover.since(time.Now())
	return w.Store.HandOver(ctx, c, id, date, accepted...)
}

func (w *stopwatch) Record(ctx context.Context, c reminder.Claim, o reminder.Outcome) error {
	defer w.record.since(time.Now())
	return w.Store.Record(ctx, c, o)
}

func (w *stopwatch) Backlog(ctx context.Context) (reminder.Backlog, error) {
	w.ended = time.Now()
	return w.Store.Backlog(ctx)
}

func (w *stopwatch) Send(ctx context.Context, m mail.Message, handover mail.Handover) (mail.Receipt, error) {
	w.once.Do(func() {
		if raw, err := m.Bytes(); err == nil {
			w.size = len(raw)
		}
	})
	defer w.send.since(time.Now())
	return w.sender.Send(ctx, m, handover)
}

func (w *stopwatch) Close() error { return w.sender.Close() }

// steps does in this process what `pengingat run --now` does in one of its own, and returns where the time went. With
// BENCH_PROFILES, a folder, it leaves a CPU profile there.
func (b *bench) steps(s *school, name string, loans, concurrency int) *stopwatch {
	cfg, err := setup.Load(s.environ("MAIL_PORT="+b.port, fmt.Sprint("MAIL_CONCURRENCY=", concurrency)))
	require.NoError(b, err)
	setup.LimitMemory()
	app, err := setup.New(cfg, io.Discard)
	require.NoError(b, err)
	defer app.Close()
	w := &stopwatch{Loans: app.Runner.Loans, Store: app.Runner.Store, sender: app.Runner.Sender}
	app.Runner.Loans, app.Runner.Store, app.Runner.Sender = w, w, w
	if dir := os.Getenv("BENCH_PROFILES"); dir != "" {
		f, err := os.Create(filepath.Join(dir, name+".pprof"))
		require.NoError(b, err)
		defer f.Close()
		require.NoError(b, pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	w.begun = time.Now()
	rep, err := app.Runner.Run(b.Context(), reminder.Options{Trigger: "local", Now: true})
	require.NoError(b, err)
	require.Equal(b, loans, rep.Emails.Sent, "%+v", rep)
	return w
}
