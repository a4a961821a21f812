package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDoctorSeesWhoMayRead: the settings hold passwords, and on a school's computer many people sign in.
func TestDoctorSeesWhoMayRead(t *testing.T) {
	t.Chdir(t.TempDir())
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o644: true, 0o620: true} {
		require.NoError(t, os.WriteFile("pengingat.env", []byte("APP_LOCALE=en\nDB_DATABASE=perpustakaan\n"), 0o600))
		require.NoError(t, os.Chmod("pengingat.env", mode))
		out := command(t, nil, "doctor").out
		if warned {
			assert.Contains(t, out, "can read pengingat.env", mode)
			assert.Contains(t, out, "chmod 600 pengingat.env", mode)
		} else {
			assert.Contains(t, out, "closed to other users", mode)
		}
	}
	require.NoError(t, os.Chmod(".", 0o777))
	_, write, err := othersMay(".")
	require.NoError(t, err)
	assert.True(t, write)
}
