package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A meter is a line on a terminal that shows progress and disappears at the end. When the program's messages go into a
// file or another program, there is none.
type meter struct {
	mu       sync.Mutex
	done, of int
	end      chan struct{}
	drawn    sync.WaitGroup
}

// meter starts a meter labelled with the sentence of key.
func (p *program) meter(key string) *meter {
	m := &meter{end: make(chan struct{})}
	if !p.machine.terminal {
		return m
	}
	began := p.machine.now()
	m.drawn.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for width := 0; ; {
			line := p.say(key) + m.String(p) + " " + p.machine.now().Sub(began).Round(time.Second).String()
			fmt.Fprintf(p.errOut, "\r%-*s", width, line)
			width = len(line)
			select {
			case <-tick.C:
			case <-m.end:
				fmt.Fprintf(p.errOut, "\r%s\r", strings.Repeat(" ", width))
				return
			}
		}
	})
	return m
}

// set records how much is done, and of how much; of is 0 if it is unknown or was given before.
func (m *meter) set(done, of int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.of = done, max(m.of, of)
}

// stop ends the line.
func (m *meter) stop() {
	close(m.end)
	m.drawn.Wait()
}

// String says how far it is.
func (m *meter) String(p *program) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.of > 0:
		return p.say("meter.left", "N", m.done, "Of", m.of, "Of2", m.of-m.done)
	case m.done > 0:
		return fmt.Sprintf(": %d,", m.done)
	}
	return " ..."
}
