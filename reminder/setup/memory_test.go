package setup

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemoryLimitFollowsTheHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	LimitMemory()
	limit := func() int64 { return debug.SetMemoryLimit(math.MinInt64) }
	becomes := func(is func(int64) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			runtime.GC()
			return is(limit())
		}, time.Minute, 10*time.Millisecond)
	}

	plan := make([]byte, 64<<20)
	becomes(func(limit int64) bool { return limit >= 96<<20 })
	runtime.KeepAlive(plan) // and not longer
	becomes(func(limit int64) bool { return limit < 96<<20 })
	assert.GreaterOrEqual(t, limit(), int64(27<<20))
}
