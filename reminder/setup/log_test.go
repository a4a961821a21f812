package setup

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logTo returns an App with only a log file.
func logTo(t *testing.T, file string, stderr io.Writer) *App {
	cfg := Config{LogFile: file, AppLocale: "en"}
	log, out := cfg.logger(stderr)
	t.Cleanup(func() { assert.NoError(t, out.Close()) })
	return &App{Log: log, log: out}
}

func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs", "pengingat.log")
	var stderr bytes.Buffer
	app := logTo(t, file, &stderr)
	assert.NoError(t, app.LogFault())
	assert.NoDirExists(t, filepath.Dir(file), "nothing was logged")
	app.Log.Info("one")
	app.Log.Info("two")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, 2, bytes.Count(text, []byte("\n")))
	assert.NoError(t, app.LogFault())
	assert.Empty(t, stderr.String())
}

// If LOG_FILE is a folder, the log is written into it, and the folder is not renamed like an old log.
func TestLogFolder(t *testing.T) {
	dir := t.TempDir()
	app := logTo(t, dir, io.Discard)
	app.Log.Info("one")
	assert.FileExists(t, filepath.Join(dir, "pengingat.log"))
	assert.NoError(t, app.LogFault())
}

// TestLogFails: the disk is full, or the file can neither be opened nor renamed, as when another program locks it on
// Windows. The lines go to standard error, with the reason once.
func TestLogFails(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for name, tt := range map[string]struct{ file, says string }{
		"disk full": {"/dev/full", "no space left"},
		"locked":    {filepath.Join(blocked, "pengingat.log"), "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			app := logTo(t, tt.file, &stderr)
			app.Log.Info("one")
			app.Log.Info("two")
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			require.Len(t, lines, 3, stderr.String())
			assert.Contains(t, lines[0], "LOG_FILE")
			assert.Contains(t, lines[0], tt.says)
			assert.Contains(t, lines[1], "msg=one")
			assert.Contains(t, lines[2], "msg=two")
			assert.ErrorContains(t, app.LogFault(), tt.says)
		})
	}
}
