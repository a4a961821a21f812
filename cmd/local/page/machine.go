package page

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A Machine is what the desk asks of the program around it, because only this computer has it.
type Machine struct {
	Now     func() time.Time
	User    string                                                     // who is at the desk
	Trace   string                                                     // the file by which a second start finds the first
	Environ func() (environ map[string]string, file string, err error) // the settings as they are now
	Log     io.Writer                                                  // where the log goes when it cannot be written
	Notes   func(ctx context.Context, app *setup.App, lang string) ([]Note, error)
}

// asFault finds the part of an error that was written for a person.
func asFault(err error) *reminder.Fault {
	f, _ := errors.AsType[*reminder.Fault](err)
	return f
}

// fault is an error by its key.
func (v *visit) fault(key string, args ...any) error {
	return reminder.NewFault(nil, key, args...)
}

// number reads what a person typed as a number, with or without separators; -1 for what is none.
func number(text string) int {
	n, err := strconv.Atoi(strings.NewReplacer(".", "", ",", "", " ", "").Replace(text))
	if err != nil {
		return -1
	}
	return n
}
