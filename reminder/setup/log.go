package setup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// logger returns the log of a configuration, and its file or nil. The first line creates the file and its folder, so a
// command that logs nothing creates no file.
func (c *Config) logger(stderr io.Writer) (*slog.Logger, *logFile) {
	if c.LogFile == "" {
		return slog.New(c.handler(stderr)), nil
	}
	if info, err := os.Stat(c.LogFile); err == nil && info.IsDir() {
		c.LogFile = filepath.Join(c.LogFile, "pengingat.log") // lumberjack would rename a folder as if it were a full log
	}
	file := &logFile{locale: c.AppLocale, stderr: stderr,
		Logger: lumberjack.Logger{Filename: c.LogFile, MaxSize: 5, MaxBackups: 5, MaxAge: 180,
			LocalTime: true}} // MB, files, days
	return slog.New(c.handler(file)), file
}

// A logFile is a log file. If another program locks it or the disk is full, the run goes on, because the database has
// all that must not be lost. The lines then go to standard error, the first one after the reason.
type logFile struct {
	lumberjack.Logger
	stderr io.Writer
	locale string
	err    error // the first failure
}

// Write writes a line. slog calls it from one goroutine at a time.
func (l *logFile) Write(line []byte) (int, error) {
	_, err := l.Logger.Write(line)
	if err == nil {
		return len(line), nil
	}
	if l.err == nil {
		l.err = reminder.NewFault(err, "log.not_writable")
		fmt.Fprintln(l.stderr, text.In(l.locale).Error(l.err))
	}
	return l.stderr.Write(line)
}

// LogFault returns why the log file could not be written, or cannot be written now, or nil. A command calls it at its
// end, after the last line of the log.
func (a *App) LogFault() error {
	if a.log == nil {
		return nil
	}
	if a.log.err != nil {
		return a.log.err
	}
	f, err := os.OpenFile(a.log.Filename, os.O_WRONLY|os.O_APPEND, 0) // creates nothing
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return reminder.NewFault(err, "log.not_writable")
	}
	return f.Close()
}

func (c *Config) handler(out io.Writer) slog.Handler {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo // Laravel has more levels, such as notice; none of them may silence this log
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" || c.LogFormat == "" && c.CloudService != "" {
		options.ReplaceAttr = c.cloudAttr
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// NewLog returns a log on stderr in the format that an environment asks for, even if other settings are wrong.
func NewLog(environ map[string]string, stderr io.Writer) *slog.Logger {
	cfg, _ := parse(environ) // Load reports its problems
	return slog.New(cfg.handler(stderr))
}

// cloudAttr gives attributes outside groups the names and values that Cloud Logging expects. The id of the run becomes
// a label, by which all lines of a run can be found, and the trace links the lines to the request.
func (c *Config) cloudAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		return slog.String("severity", strings.Replace(a.Value.String(), "WARN", "WARNING", 1))
	case slog.MessageKey:
		a.Key = "message"
	case "run_id":
		return slog.Group("logging.googleapis.com/labels", a)
	case "trace":
		a.Key = "logging.googleapis.com/trace"
		if c.CloudProject != "" {
			a.Value = slog.StringValue("projects/" + c.CloudProject + "/traces/" + a.Value.String())
		}
	}
	return a
}
