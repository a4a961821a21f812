package reminder

import (
	"fmt"
	"strconv"
	"strings"
)

// DefaultSchedule reminds the day before, on the day, 1, 3 and 7 days late, then every 7 days.
const DefaultSchedule = "-1,0,1,3,7,+7"

// MaxStep is the largest step, in days. Otherwise a typing error such as 3000 would make each run read ten years.
const MaxStep = 366

// A Schedule says on which days, counted from the due date, a borrower gets a notice about a loan. Each of these days
// is a step, and its number is its name: -1 is the day before, 0 the due date, 7 a week late.
//
// A step is in force from its day until the next step's day. So a run does not ask whether today is the day of a step,
// but which step is in force. After a week without power it sends one notice, for the newest step.
type Schedule struct {
	steps []int // increasing, at least one
	every int   // days between the repeats after the last step; 0: none
	from  int   // when not 0, it is the first step
}

// ParseSchedule reads steps such as "-1,0,1,3,7,+7": increasing days, and optionally +N as the last element, which
// repeats every N days after the last step. "0,+1" is a mail every day from the due date on.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	parts := strings.Split(text, ",")
	for i, part := range parts {
		part = strings.TrimSpace(part)
		n, err := strconv.Atoi(part)
		if err != nil || n < -MaxStep || n > MaxStep {
			return Schedule{}, fmt.Errorf("schedule %q: %q is not a number of days between -%d and %d", text, part, MaxStep,
				MaxStep)
		}
		if strings.HasPrefix(part, "+") {
			if i != len(parts)-1 || i == 0 || n == 0 {
				return Schedule{}, fmt.Errorf("schedule %q: %s (repeat every so many days) must be the last element, after a step, and above 0", text, part)
			}
			s.every = n
			break
		}
		if i > 0 && n <= s.steps[i-1] {
			return Schedule{}, fmt.Errorf("schedule %q: the steps must increase, but %d comes after %d", text, n, s.steps[i-1])
		}
		s.steps = append(s.steps, n)
	}
	return s, nil
}

// InForce returns the step in force offset days after the due date, or before it when offset is negative. It returns
// false when the day of the first step has not come.
func (s Schedule) InForce(offset int) (step int, ok bool) {
	if len(s.steps) == 0 || offset < s.steps[0] || s.from != 0 && offset < s.from {
		return 0, false
	}
	for _, n := range s.steps {
		if n <= offset {
			step = n
		}
	}
	if last := s.steps[len(s.steps)-1]; s.every > 0 && step == last {
		step += (offset - last) / s.every * s.every
	}
	if s.from != 0 {
		step = max(step, s.from)
	}
	return step, true
}

// From returns the schedule without the steps before a day. That day becomes a step.
func (s Schedule) From(day int) Schedule {
	s.from = day
	return s
}

// First returns the first step of ParseSchedule. If it is negative, due dates up to so many days ahead matter today.
func (s Schedule) First() int { return s.steps[0] }

// String returns the schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	var parts []string
	for _, n := range s.steps {
		parts = append(parts, strconv.Itoa(n))
	}
	if s.every > 0 {
		parts = append(parts, fmt.Sprintf("+%d", s.every))
	}
	return strings.Join(parts, ",")
}
