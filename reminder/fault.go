package reminder

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime"
	"strings"
)

// A Text is what a person reads, in the program's two languages.
type Text struct{ ID, EN string }

// In returns the text in a locale: Indonesian unless it begins with "en".
func (t Text) In(locale string) string {
	if len(locale) >= 2 && locale[:2] == "en" {
		return t.EN
	}
	return t.ID
}

// A Fault is a failure that a person can mend. It says what is wrong and what to do next.
type Fault struct {
	Temporary bool // trying again later may help (database down); else something must be set up
	Text      Text
	Err       error // the cause, or nil; without personal data and secrets
}

// NewFault returns a Fault that lasts until somebody mends it. The cause may be nil.
func NewFault(cause error, id, en string) *Fault {
	return &Fault{Text: Text{ID: id, EN: en}, Err: cause}
}

// Error returns the English text and the cause.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Text.EN
	}
	return f.Text.EN + " (" + f.Err.Error() + ")"
}

// In returns the text in a locale, with the cause, as [Plainly] takes them apart.
func (f *Fault) In(locale string) string {
	if f.Err == nil {
		return f.Text.In(locale)
	}
	return f.Text.In(locale) + " [" + f.Err.Error() + "]"
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// IsTemporary reports whether trying again later may help against err. An error that is no Fault may be one of the
// moment, so it counts as temporary.
func IsTemporary(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return !ok || f.Temporary
}

// Localize returns err's text for a person in a locale.
func Localize(err error, locale string) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.In(locale)
	}
	return err.Error()
}

// Panicked turns what recover returned into a Fault. The log says of which type it was and where it came from; its value
// may hold data and is told to nobody.
func Panicked(log *slog.Logger, value any) error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var trail []string
	for more := true; more; {
		var f runtime.Frame
		switch f, more = frames.Next(); {
		case f.Function == "runtime.gopanic":
			trail = nil // until here it was about the recovery
		case !strings.HasPrefix(f.Function, "runtime."):
			trail = append(trail, fmt.Sprintf("%s:%d", path.Base(f.Function), f.Line))
		}
	}
	log.Error("panic", "type", fmt.Sprintf("%T", value), "trail", strings.Join(trail, " < "))
	return &Fault{Temporary: true, Text: Text{
		ID: "Program ini mengandung kesalahan; log menyebut di mana. Laporkan kepada pembuatnya.",
		EN: "This program has an error; the log says where. Please report it to its makers.",
	}}
}
