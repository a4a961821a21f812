package page

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A job is a run that a person has started. There is at most one. It belongs to the desk, not to a page.
type job struct {
	ctx     context.Context // the desk's: a run outlives the request that started it
	running sync.WaitGroup

	mu sync.Mutex
	progress
}

// A progress says how far a run is.
type progress struct {
	Working bool     `json:"working"`
	Done    int      `json:"done"`
	Of      int      `json:"of"`
	Text    string   `json:"text"`
	Counts  bool     `json:"counting"` // a count of what the next run would do is in progress
	Failed  *trouble `json:"-"`        // why the last run failed
}

// start begins a run in the background, which closes app at its end. It returns false if a run is in progress.
func (j *job) start(v *visit, app *setup.App, o reminder.Options) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.Working {
		return false
	}
	j.progress = progress{Working: true}
	app.Runner.Progress = func(done, of int) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.Done, j.Of = done, max(j.Of, of)
	}
	j.running.Go(func() {
		rep, err := app.Runner.Run(j.ctx, o)
		// A run ends after its time budget. Here a person waits, so the next run follows at once.
		for err == nil && rep.Reason == reminder.ReasonTimeSpent && rep.Emails.Sent > 0 {
			rep, err = app.Runner.Run(j.ctx, o)
		}
		app.Close()
		v.d.forgetCount()
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.Working = false; err != nil {
			j.Failed = v.trouble(err)
		}
	})
	return true
}

func (j *job) look(w words) progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.progress
	if p.Text = w.T("page.progress.counting"); p.Of > 0 {
		p.Text = w.T("page.progress.sending", "N", p.Done, "Of", p.Of)
	}
	return p
}

// Job returns the progress of the run, for templates.
func (v *visit) Job() progress { return v.d.job.look(v.words) }

// ping answers the script of an open page.
func (d *Desk) ping(w http.ResponseWriter, r *http.Request) {
	d.touch(true)
	p := d.job.look(d.words(r))
	d.mu.Lock()
	p.Counts = d.count.counting()
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p) // the page may have been closed
}

// A count says what the next run would do. Counting 20,000 loans takes a second or more, so the first page does not
// wait for it.
type count struct {
	began  time.Time
	done   chan struct{} // closed when report and err are there
	report *reminder.Report
	err    error
}

const (
	countLife = 5 * time.Minute
	patience  = 120 * time.Millisecond // of the first page
)

func (c *count) counting() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// forgetCount drops the count, because something was changed.
func (d *Desk) forgetCount() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count = nil
}

// counted returns what the next run would do, or nil while that is being counted.
func (v *visit) counted() (*reminder.Report, error) {
	d, now := v.d, v.d.Machine.Now()
	d.mu.Lock()
	c := d.count
	if c == nil || now.Before(c.began) || now.Sub(c.began) >= countLife || !c.counting() && c.err != nil {
		c = &count{began: now, done: make(chan struct{})}
		d.count = c
		go d.fill(context.WithoutCancel(v.Context()), c)
	}
	d.mu.Unlock()
	select {
	case <-c.done:
		return c.report, c.err
	case <-time.After(patience):
		return nil, nil
	}
}

// fill counts on a connection of its own, because the page that asked may be closed before it ends.
func (d *Desk) fill(ctx context.Context, c *count) {
	defer close(c.done)
	own := &visit{d: d}
	defer own.close()
	if c.err = own.open(); c.err == nil {
		var report reminder.Report
		report, c.err = newDesk(own.app).Next(ctx)
		c.report = &report
	}
}
