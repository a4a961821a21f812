// Package desk provides what a person sees and does, as data: the overview, people, trouble, the explanation of a loan,
// the report of a period, the quarantine. It prints nothing and knows no language: a sentence is a [reminder.Message],
// which the command line and the pages write in the user's language. People and titles may appear on a screen at the
// library, but not in logs, records and the answers of the function.
//
// It uses the same rules and the same store as a run, so what it says is what a run would do. A run never imports it.
package desk

import (
	"errors"
	"log/slog"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// A Desk looks at one library.
type Desk struct {
	Runner *reminder.Runner
	Store  *deskdb.Store
}

// New returns the Desk of a library.
func New(r *reminder.Runner, s *mysql.Store) Desk { return Desk{r, deskdb.New(s)} }

// quiet returns the Runner with a log that discards everything, for dry runs.
func (d Desk) quiet() *reminder.Runner {
	quiet := *d.Runner
	quiet.Log = slog.New(slog.DiscardHandler)
	return &quiet
}

// An Absence is the error of a name or number that matches nothing or too much. Nothing was done then.
type Absence struct{ *reminder.Fault }

// Unwrap returns the Fault.
func (a Absence) Unwrap() error { return a.Fault }

// Absent returns the Absence with a message.
func Absent(key string, pairs ...any) error { return Absence{reminder.NewFault(nil, key, pairs...)} }

// IsAbsent reports whether an error is an Absence.
func IsAbsent(err error) bool {
	_, absent := errors.AsType[Absence](err)
	return absent
}
