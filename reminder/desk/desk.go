// Package desk has what a person sees and does, as data: the overview, people, trouble, the explanation of a loan, the
// report of a period, the quarantine. It knows no language and prints nothing: a sentence is a [reminder.Message],
// which the command line and the pages write in the user's language. A screen at the library may show people and
// titles; logs, records and the function's answers may not.
//
// It reads through the same rules and the same store as a run, so it says what a run would do. A run never imports it.
package desk

import (
	"errors"
	"log/slog"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A Desk looks at one library.
type Desk struct {
	Runner *reminder.Runner
	Store  *mysql.Store
}

// quiet returns the Runner with a log that discards everything, for dry runs.
func (d Desk) quiet() *reminder.Runner {
	quiet := *d.Runner
	quiet.Log = slog.New(slog.DiscardHandler)
	return &quiet
}

// An Absence is the error of a name or number that matches nothing, or too much, so that nothing was done.
type Absence struct{ *reminder.Fault }

// Unwrap returns the Fault.
func (a Absence) Unwrap() error { return a.Fault }

// Absent returns the Absence of a message's key.
func Absent(key string, pairs ...any) error { return Absence{reminder.NewFault(nil, key, pairs...)} }

// IsAbsent reports whether an error is an Absence.
func IsAbsent(err error) bool {
	_, absent := errors.AsType[Absence](err)
	return absent
}
