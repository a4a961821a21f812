package page

import (
	"context"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A count caches what the next run would do. Counting 20,000 loans takes a second or more, and the first page does not
// wait for it.
type count struct {
	mu      sync.Mutex
	report  *reminder.Report // nil: not known
	at      time.Time
	pending chan struct{} // closed when it is counted
	err     error
}

const (
	countLife = 5 * time.Minute
	patience  = 120 * time.Millisecond // of the first page
)

// forget drops the result, because something was changed.
func (c *count) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report, c.pending = nil, nil
}

// counting reports whether a count is under way.
func (c *count) counting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending != nil
}

// counted returns what the next run would do, or nil while that is being counted.
func (v *visit) counted() (*reminder.Report, error) {
	c, now := &v.d.count, v.d.Machine.Now()
	c.mu.Lock()
	if c.report != nil && now.Sub(c.at) >= 0 && now.Sub(c.at) < countLife {
		defer c.mu.Unlock()
		return c.report, nil
	}
	going := c.pending
	if going == nil {
		going = make(chan struct{})
		c.pending, c.err = going, nil
		go v.d.recount(context.WithoutCancel(v.Context()), going)
	}
	c.mu.Unlock()
	select {
	case <-going:
	case <-time.After(patience):
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report, c.err
}

// recount counts on a connection of its own, because the page that asked may be closed before it ends.
func (d *Desk) recount(ctx context.Context, going chan struct{}) {
	defer close(going)
	environ, _, err := d.Machine.Environ()
	var rep reminder.Report
	if err == nil {
		var app, werr = d.newApp(environ)
		if err = werr; err == nil {
			defer app.Close()
			rep, err = newDesk(app).Next(ctx)
		}
	}
	c := &d.count
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending != going { // something was done meanwhile
		return
	}
	if c.pending, c.err = nil, err; err == nil {
		c.report, c.at = &rep, d.Machine.Now()
	}
}
