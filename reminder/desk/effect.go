package desk

import (
	"maps"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// An Effect counts, for one step, after how many reminders the book was returned or renewed before the next step.
//
// This is an inference: a run does not see a book come back, but it promises the notice of the next step when the loan
// is still open on that day. Nobody knows why a book came back.
type Effect struct {
	Step    int
	Within  int // days until the next step, as the schedule is now; 0: there is none
	Back    int // no later notice was needed
	Again   int // one was
	Unknown int // the next step's day has not come, or never comes
}

// Effects counts by step what followed the reminders, up to the day on which a run last looked at the loans.
func Effects(r reminder.Rules, told []deskdb.ToldCount, asOf reminder.Date) []Effect {
	steps := map[int]*Effect{}
	for _, t := range told {
		e := steps[t.Step]
		if e == nil {
			e = &Effect{Step: t.Step}
			if next, ok := next(r.Schedule, t.Step); ok {
				e.Within = next - t.Step
			}
			steps[t.Step] = e
		}
		e.Again += t.Again
		now, _ := r.Schedule.InForce(r.Calendar.Offset(t.Due, asOf))
		// A loan that is late for too long gets no further notice, back or not.
		if followed := e.Within > 0 && t.Step+e.Within <= r.MaxOverdueDays; followed && now > t.Step {
			e.Back += t.Count - t.Again
		} else {
			e.Unknown += t.Count - t.Again
		}
	}
	effects := []Effect{}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		effects = append(effects, *steps[step])
	}
	return effects
}

// next returns the step after one.
func next(s reminder.Schedule, step int) (int, bool) {
	for offset := step + 1; offset <= step+2*reminder.MaxStep; offset++ {
		if next, ok := s.InForce(offset); ok && next > step {
			return next, true
		}
	}
	return 0, false
}
