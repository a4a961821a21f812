// Package imports reads what schools have as files: calendars (.ics) and tables (.csv) of closed days, and tables of
// classes. The files come from many programs and from people, so a reader takes what it understands and names the rest.
package imports

import (
	"bytes"
	"regexp"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// MaxName is the width of the column for the name of a closure.
const MaxName = 100

// Closures has the closed days of a file.
type Closures struct {
	Days  []mysql.Closure
	Left  []Left
	Until reminder.Date // the day until which repetitions are filled in; zero when nothing repeats
}

// A Left is an event or a line that was left out.
type Left struct {
	Line   int              `json:"line"`
	Name   string           `json:"name"`
	First  reminder.Date    `json:"first_day,omitzero"`
	Reason string           `json:"reason"`
	Text   string           `json:"text"` // Why, in a language
	Why    reminder.Message `json:"-"`
}

// The reasons for leaving something out.
const (
	Observance    = "observance"
	Hours         = "hours"
	Past          = "past"
	NotUnderstood = "not_understood"
)

// Event names what was left out, with its first day if that is known.
func (l Left) Event() string {
	if l.First.IsZero() {
		return l.Name
	}
	return l.First.String() + " " + l.Name
}

// leave leaves something out.
func (c *Closures) leave(l Left, reason, key string, pairs ...any) {
	l.Reason, l.Why, l.Name = reason, reminder.Say(key, pairs...), desk.Clip(l.Name, MaxName)
	c.Left = append(c.Left, l)
}

// ReadClosures reads a file of closed days. It recognises the kind of file by its content; name is for the error.
// Observances are days that a calendar marks as working days; they are left out unless the caller wants them.
func ReadClosures(name string, data []byte, today reminder.Date, zone *time.Location, observances bool) (
	Closures, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		data = setup.DecodeText(data)
	}
	if isCalendar(data) {
		return readCalendar(data, today, zone, observances), nil
	}
	if isNeither(data) {
		return Closures{}, reminder.NewFault(nil, "closed.file_of_another_kind", "File", name)
	}
	c := readTable(string(setup.DecodeText(data)))
	if len(c.Days)+len(c.Left) == 0 {
		return c, reminder.NewFault(nil, "closed.file_without_dates", "File", name)
	}
	return c, nil
}

var (
	isCalendar = regexp.MustCompile(`(?i)(?:^|[\r\n])(?:\x{feff})?BEGIN:V(?:CALENDAR|EVENT)`).Match
	isNeither  = regexp.MustCompile(`^(?:PK|%PDF|\s*<)`).Match // a workbook, a PDF, a page
)
