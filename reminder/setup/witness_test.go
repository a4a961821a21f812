package setup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

// TestWitness: each database has its own witness and finds it again at another address. A witness that cannot be read
// does not hide the others.
func TestWitness(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	smp, sma := newWitness(folder, "tcp 127.0.0.1:3306 smp"), newWitness(folder, "tcp 127.0.0.1:3306 sma")
	told, err := smp.Recall()
	require.NoError(t, err)
	assert.Empty(t, told, "nothing was told yet")

	at := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	one, two := reminder.Checkpoint{Database: "a", Run: "1", Started: at, Email: 40},
		reminder.Checkpoint{Database: "b", Run: "2", Started: at, Email: 7}
	require.NoError(t, smp.Tell(reminder.Checkpoint{Database: "a", Run: "0"}))
	require.NoError(t, smp.Tell(one))
	require.NoError(t, sma.Tell(two))
	here := func(c reminder.Checkpoint) reminder.Checkpoint { c.Here = true; return c }
	recall := func(w *witness, want ...reminder.Checkpoint) {
		t.Helper()
		told, err := w.Recall()
		require.NoError(t, err)
		assert.ElementsMatch(t, want, told)
	}
	recall(smp, here(one), two)
	recall(sma, one, here(two))
	moved := newWitness(folder, "tcp db.example.org:3306 smp")
	recall(moved, one, two)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "witness-broken.json"), []byte("{"), 0o600))
	told, err = moved.Recall()
	require.Error(t, err)
	assert.ElementsMatch(t, []reminder.Checkpoint{one, two}, told)
	require.NoError(t, os.Remove(filepath.Join(folder, "witness-broken.json")))

	require.NoError(t, moved.Tell(one))
	recall(smp, two, one) // one file a database, and no other is left behind
	recall(moved, two, here(one))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 2)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, newWitness(filepath.Join(file, "logs"), "x").Tell(one))
}
