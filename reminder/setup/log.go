package setup

import (
	"io"
	"log/slog"
	"strings"

	"gopkg.in/natefinch/lumberjack.v2"
)

// logger returns the log of a configuration, and what closes it.
func (c *Config) logger(stderr io.Writer) (*slog.Logger, io.Closer) {
	if c.LogFile == "" {
		return slog.New(c.handler(stderr)), io.NopCloser(nil)
	}
	file := &lumberjack.Logger{Filename: c.LogFile, MaxSize: 5, MaxBackups: 5, MaxAge: 180, LocalTime: true} // MB, files, days
	return slog.New(c.handler(file)), file
}

func (c *Config) handler(out io.Writer) slog.Handler {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo // Laravel knows more levels, such as notice; none of them silences ours
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" || c.LogFormat == "" && c.CloudService != "" {
		options.ReplaceAttr = cloudAttr
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// cloudAttr gives the built-in attributes the names and values that Cloud Logging reads; only those, not an attribute of
// the same name in a group.
func cloudAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		return slog.String("severity", strings.Replace(a.Value.String(), "WARN", "WARNING", 1))
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}
