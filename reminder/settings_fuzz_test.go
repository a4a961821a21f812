package reminder

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// FuzzSettings: dates, windows and weekdays are parsed or refused. Their String is parsed as the same value.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"2026-11-24", "0000-00-00", "2026-02-30", "07:00-20:00", "00:00-24:00", "7:0-24:00",
		"minggu,sun", "jum'at", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDate(text); err == nil {
			again, err := ParseDate(d.String())
			assert.NoError(t, err)
			assert.Equal(t, d, again)
			assert.Equal(t, text, d.String())
		}
		if w, err := ParseWindow(text); err == nil {
			again, err := ParseWindow(w.String())
			assert.NoError(t, err)
			assert.Equal(t, w, again)
			assert.True(t, 0 <= w.From && w.From < w.To && w.To.Hours() <= 24, text)
		}
		if days, err := ParseWeekdays(text); err == nil {
			assert.Less(t, len(days), 7, text)
		}
	})
}
