package page

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A job is the run that a person has started. There is one at a time. It belongs to the desk and not to a page.
type job struct {
	mu       sync.Mutex
	finished chan struct{} // nil: none was started; open: it is at work
	done, of int
	last     *trouble // why the last one could not do its work
}

// start begins a run, unless one is at work.
func (j *job) start(ctx context.Context, v *visit, app *setup.App, o reminder.Options) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.busy() {
		return false
	}
	finished := make(chan struct{})
	j.finished, j.done, j.of, j.last = finished, 0, 0, nil
	app.Runner.Progress = func(done, of int) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.done = done
		j.of = max(j.of, of)
	}
	go func() {
		defer close(finished)
		defer app.Close()
		defer v.d.count.forget()
		rep, err := app.Runner.Run(ctx, o)
		// A run ends after its time budget, and the task starts the next one in an hour. Here a person waits for the rest.
		for err == nil && rep.Reason == reminder.ReasonTimeSpent && rep.Emails.Sent > 0 {
			rep, err = app.Runner.Run(ctx, o)
		}
		if err != nil {
			said := v.trouble(err)
			j.mu.Lock()
			j.last = said
			j.mu.Unlock()
		}
	}()
	return true
}

func (j *job) busy() bool {
	select {
	case <-j.finished:
		return false
	default:
		return j.finished != nil
	}
}

func (j *job) working() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.busy()
}

// wait returns when no run is at work.
func (j *job) wait() {
	j.mu.Lock()
	finished := j.finished
	j.mu.Unlock()
	if finished != nil {
		<-finished
	}
}

// A progress is how far a run has come.
type progress struct {
	Working bool   `json:"working"`
	Done    int    `json:"done"`
	Of      int    `json:"of"`
	Text    string `json:"text"`
	Counts  bool   `json:"counting"` // what the next run would do is being counted
}

func (j *job) progress(w words) progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := progress{Working: j.busy(), Done: j.done, Of: j.of, Text: w.T("page.progress.counting")}
	if p.Of > 0 {
		p.Text = w.T("page.progress.sending", "N", p.Done, "Of", p.Of)
	}
	return p
}

func (j *job) write(to http.ResponseWriter, w words, counting bool) {
	p := j.progress(w)
	p.Counts = counting
	to.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(to).Encode(p) // the page may have been closed
}

func (j *job) trouble() *trouble {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
