package reminder

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScheduleInForce(t *testing.T) {
	const none = -999
	tests := []struct {
		schedule string
		steps    map[int]int // offset → step in force
	}{
		{DefaultSchedule, map[int]int{-2: none, -1: -1, 0: 0, 1: 1, 2: 1, 3: 3, 6: 3, 7: 7, 13: 7, 14: 14, 20: 14, 21: 21,
			60: 56}},
		{"0,+1", map[int]int{-1: none, 0: 0, 1: 1, 2: 2, 30: 30}},
		{"-366,366", map[int]int{-367: none, -366: -366, 365: -366, 366: 366}},
		{"3", map[int]int{0: none, 2: none, 3: 3, 100: 3}},
		{"-7, -1 ,0", map[int]int{-8: none, -7: -7, -2: -7, -1: -1, 0: 0, 9: 0}},
		{"-3,+2", map[int]int{-4: none, -3: -3, -2: -3, -1: -1, 0: -1, 1: 1, 4: 3}},
	}
	for _, tt := range tests {
		s, err := ParseSchedule(tt.schedule)
		require.NoError(t, err, tt.schedule)
		for offset, want := range tt.steps {
			step, ok := s.InForce(offset)
			assert.Equal(t, want != none, ok, "%s at %d", tt.schedule, offset)
			if ok {
				assert.Equal(t, want, step, "%s at %d", tt.schedule, offset)
			}
		}
		again, err := ParseSchedule(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, again, "String must be readable by ParseSchedule")
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for _, bad := range []string{"", " ", "a", "1,1", "3,1", "0,", ",0", "+7", "0,+7,8", "0,+0", "0,+-1", "0;1", "0,1.5",
		"3000", "-3000", "367", "-367", "0,+367", "1 2"} {
		_, err := ParseSchedule(bad)
		require.Error(t, err, "%q", bad)
		assert.Contains(t, err.Error(), fmt.Sprintf("%q", bad), "the error must show what was written")
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{DefaultSchedule, "0,+1", "-7,-1,0", "+", ",", "0,+9999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		last := -MaxStep - 1
		for offset := -MaxStep; offset <= 3*MaxStep; offset++ {
			step, ok := s.InForce(offset)
			require.False(t, ok && step > offset, "step %d in force before its day %d (%s)", step, offset, text)
			require.False(t, ok && step < last, "steps must not go back (%s)", text)
			if ok {
				last = step
			}
		}
		require.False(t, strings.Contains(s.String(), " "))
	})
}
