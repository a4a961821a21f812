package mysql

import "time"

// Gathering returns how many calls wait for the next batch.
func Gathering(s *Store) int { return s.steps.gathering() }

func (g *group) gathering() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// ClaimUpdate is the statement of a claim.
const ClaimUpdate = claimUpdate

// PanicTogether lets three calls join a batch that panics. It returns how many of them panicked, and how many returned
// an error.
func PanicTogether() (panics, failures int) {
	g := newGroup()
	g.executing <- struct{}{}
	ends := make(chan bool)
	for range 3 {
		go func() {
			defer func() { ends <- recover() != nil }()
			if g.join(nil, func([]step) error { panic("a batch") }) == nil {
				panic("a batch that panics must not succeed")
			}
		}()
	}
	for g.gathering() < 3 {
		time.Sleep(time.Millisecond)
	}
	<-g.executing
	for range 3 {
		if <-ends {
			panics++
		} else {
			failures++
		}
	}
	if g.join(nil, func([]step) error { return nil }) != nil {
		panic("the group is still blocked")
	}
	return panics, failures
}

// SetDue and Decode are the functions that read due dates and text.
var (
	SetDue = setDue
	Decode = decode
)
