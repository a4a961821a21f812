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

// logger returns the log of a configuration and its file, if it has one. The file is opened, and its folder made, when
// the first line is written: a command that logs nothing leaves nothing behind.
func (c *Config) logger(stderr io.Writer) (*slog.Logger, *logFile) {
	if c.LogFile == "" {
		return slog.New(c.handler(stderr)), nil
	}
	if info, err := os.Stat(c.LogFile); err == nil && info.IsDir() {
		c.LogFile = filepath.Join(c.LogFile, "pengingat.log") // a folder would be taken for a full log and renamed
	}
	file := &logFile{locale: c.AppLocale, stderr: stderr,
		Logger: lumberjack.Logger{Filename: c.LogFile, MaxSize: 5, MaxBackups: 5, MaxAge: 180,
			LocalTime: true}} // MB, files, days
	return slog.New(c.handler(file)), file
}

// A logFile is a log that may fail: its file is locked by another program, the disk is full. Nothing depends on it,
// since what must not be lost is in the database; so a run goes on, and what the file does not take goes to standard
// error, the first time with the reason.
type logFile struct {
	lumberjack.Logger
	stderr io.Writer
	locale string
	err    error // the first failure
}

// Write is called by one goroutine at a time: slog sees to it.
func (l *logFile) Write(line []byte) (int, error) {
	_, err := l.Logger.Write(line)
	if err == nil {
		return len(line), nil
	}
	if l.err == nil {
		l.err = logFault(err)
		fmt.Fprintln(l.stderr, text.In(l.locale).Error(l.err))
	}
	return l.stderr.Write(line)
}

func logFault(err error) error {
	return reminder.NewFault(err, "log.not_writable")
}

// LogFault says why the log file could not be written, or cannot be at this moment; nil when it can, or when there is
// none. It is for the end of a command, when nothing is logged any more.
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
		return logFault(err)
	}
	return f.Close()
}

func (c *Config) handler(out io.Writer) slog.Handler {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo // Laravel knows more levels, such as notice; none of them silences ours
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" || c.LogFormat == "" && c.CloudService != "" {
		options.ReplaceAttr = c.cloudAttr
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// NewLog returns a log on stderr as an environment asks for it, whatever else is wrong in that.
func NewLog(environ map[string]string, stderr io.Writer) *slog.Logger {
	cfg, _ := parse(environ) // its problems are reported by Load
	return slog.New(cfg.handler(stderr))
}

// cloudAttr gives some attributes the names and values that Cloud Logging reads; only those, not an attribute of the
// same name in a group. The run's id becomes a label, by which all lines of a run are found, and the trace leads from
// them to the request.
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
