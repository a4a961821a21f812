package reminder

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime"
	"strings"
)

// A Message is a sentence for a person: its key in the catalogues of package text, and the values of its blanks.
type Message struct {
	Key  string
	Args []any // pairs of a blank's name and its value, which may be a Message or an error itself
}

// Say returns the Message with a key. The pairs are a blank's name and its value.
func Say(key string, pairs ...any) Message { return Message{Key: key, Args: pairs} }

// String returns the key and the values of the blanks, for a log.
func (m Message) String() string {
	var b strings.Builder
	b.WriteString(m.Key)
	for i := 0; i+1 < len(m.Args); i += 2 {
		fmt.Fprintf(&b, " %v=%v", m.Args[i], m.Args[i+1])
	}
	return b.String()
}

// A Fault is a failure that a person can mend. Its message says what is wrong and what to do next.
type Fault struct {
	Temporary bool // a later try may succeed (database down); false: a person must change something
	Message   Message
	Err       error // the cause, or nil; without personal data and secrets
}

// NewFault returns a Fault that is not temporary. The cause may be nil.
func NewFault(cause error, key string, pairs ...any) *Fault {
	return &Fault{Message: Say(key, pairs...), Err: cause}
}

// Error returns the message and the cause, for a log. Package text has the sentence for a person.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Message.String()
	}
	return f.Message.String() + " (" + f.Err.Error() + ")"
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// MessageOf returns the sentence that a person reads about an error, and the technical cause, or "".
func MessageOf(err error) (message Message, details string) {
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		return Say("program.failed"), err.Error()
	}
	if f.Err != nil {
		details = f.Err.Error()
	}
	return f.Message, details
}

// IsTemporary reports whether a later try may succeed. An error that is no Fault counts as temporary.
func IsTemporary(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return !ok || f.Temporary
}

// Panicked turns what recover returned into a Fault. The log gets the type of the panic value and the stack. The value
// itself may contain personal data, so it is neither logged nor returned.
func Panicked(log *slog.Logger, value any) error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var stack []string
	for more := true; more; {
		var f runtime.Frame
		switch f, more = frames.Next(); {
		case f.Function == "runtime.gopanic":
			stack = nil // the frames before it belong to the recovery
		case !strings.HasPrefix(f.Function, "runtime."):
			stack = append(stack, fmt.Sprintf("%s:%d", path.Base(f.Function), f.Line))
		}
	}
	log.Error("panic", "type", fmt.Sprintf("%T", value), "trail", strings.Join(stack, " < "))
	return &Fault{Temporary: true, Message: Say("fault.panic")}
}
