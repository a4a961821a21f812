package reminder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Calendar knows on which days the library is closed. Its zero value is a library that never closes.
type Calendar struct {
	Weekdays []time.Weekday  // closed every week
	Dates    map[Date]string // closed days and the name of the closure, or ""; a Date with Year 0 is closed every year
	Open     map[Date]bool   // days that are open although they are closed every week or every year
}

// With returns a calendar with the closed and open days of c and of d.
func (c Calendar) With(d Calendar) Calendar {
	var both Calendar
	both.Add(c)
	both.Add(d)
	return both
}

// Add adds the closed and open days of d to c.
func (c *Calendar) Add(d Calendar) {
	if c.Dates == nil {
		c.Dates, c.Open = map[Date]string{}, map[Date]bool{}
	}
	for _, day := range d.Weekdays {
		if !slices.Contains(c.Weekdays, day) {
			c.Weekdays = append(c.Weekdays, day)
		}
	}
	maps.Copy(c.Dates, d.Dates)
	maps.Copy(c.Open, d.Open)
}

// maxClosure bounds the search for an open day, in days. A calendar without an open day in a year is a mistake. Then
// the due date itself counts as the day to return the book, and nothing is sent.
const maxClosure = 366

// Closed reports whether the library is closed on d. It also returns the name of the closure, "" for a weekly closed
// day.
func (c Calendar) Closed(d Date) (name string, closed bool) {
	if name, ok := c.Dates[d]; ok || c.Open[d] {
		return name, ok
	}
	if slices.Contains(c.Weekdays, d.Weekday()) {
		return "", true
	}
	name, closed = c.Dates[Date{Month: d.Month, Day: d.Day}]
	return name, closed
}

// NextOpen returns d when the library is open then, else the first open day after it.
func (c Calendar) NextOpen(d Date) Date {
	for next, i := d, 0; i < maxClosure; next, i = next.AddDays(1), i+1 {
		if _, closed := c.Closed(next); !closed {
			return next
		}
	}
	return d
}

// A Closure is a period of closed days without an open day.
type Closure struct {
	First, Last Date
	Name        string // the first name that one of its days has, or ""
}

// Eve returns the last open day before the closure.
func (c Closure) Eve() Date { return c.First.AddDays(-1) }

// Reopens returns the first open day after the closure.
func (c Closure) Reopens() Date { return c.Last.AddDays(1) }

// Closure returns the closure that contains d, or that begins on the day after d. Weekly closed days next to a holiday
// are part of it. It returns false when there is no closure, or when it does not end within a year.
func (c Calendar) Closure(d Date) (Closure, bool) {
	if _, closed := c.Closed(d); !closed {
		if d = d.AddDays(1); c.NextOpen(d) == d {
			return Closure{}, false
		}
	}
	run := Closure{First: d}
	for ; d.Sub(run.First) < maxClosure; run.First = run.Eve() {
		if _, closed := c.Closed(run.Eve()); !closed {
			break
		}
	}
	for run.Last = run.Eve(); run.Last.Sub(run.First) < maxClosure; run.Last = run.Reopens() {
		name, closed := c.Closed(run.Reopens())
		if !closed {
			return run, true
		}
		run.Name = cmp.Or(run.Name, name)
	}
	return Closure{}, false
}

// Offset returns the days from a due date to today, without days on which the borrower cannot return the book: negative
// before the due date, 0 from the due date to the next open day, then the days since that open day. A book that was due
// in a holiday is not late on the first day on which it can be returned.
func (c Calendar) Offset(due, today Date) int {
	if today.Before(due) {
		return today.Sub(due)
	}
	return max(0, today.Sub(c.NextOpen(due)))
}

// ParseWeekdays reads weekdays by name, separated by commas, in English or Indonesian ("sunday", "minggu", "sun",
// "min"), as in REMINDER_CLOSED_WEEKDAYS. It returns each day once, and none for an empty text.
func ParseWeekdays(text string) ([]time.Weekday, error) {
	var days []time.Weekday
	for part := range strings.SplitSeq(text, ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		if part == "" {
			continue
		}
		i := slices.IndexFunc(weekdayNames, func(names []string) bool { return slices.Contains(names, part) })
		if i < 0 {
			return nil, fmt.Errorf("%q is not a weekday such as sunday or minggu", part)
		}
		if day := time.Weekday(i); !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	if len(days) == 7 {
		return nil, fmt.Errorf("%q closes the library on every day", text)
	}
	return days, nil
}

// weekdayNames holds the names of each day, Sunday first as in package time.
var weekdayNames = [][]string{
	{"sunday", "sun", "minggu", "min", "ahad"},
	{"monday", "mon", "senin", "sen"},
	{"tuesday", "tue", "selasa", "sel"},
	{"wednesday", "wed", "rabu", "rab"},
	{"thursday", "thu", "kamis", "kam"},
	{"friday", "fri", "jumat", "jum'at", "jum"},
	{"saturday", "sat", "sabtu", "sab"},
}

// A Window is the part of a day in which mail may be sent, in the library's wall clock: from From up to but not
// including To, both as time since midnight.
type Window struct {
	From, To time.Duration
}

// ParseWindow reads a window such as "07:00-20:00"; "00:00-24:00" is always open. A window that spans midnight is an
// error, because mail would be sent at night.
func ParseWindow(text string) (Window, error) {
	from, to, ok := strings.Cut(text, "-")
	w := Window{}
	var errFrom, errTo error
	w.From, errFrom = parseClock(strings.TrimSpace(from))
	w.To, errTo = parseClock(strings.TrimSpace(to))
	if !ok || errFrom != nil || errTo != nil || w.From >= w.To {
		return Window{}, fmt.Errorf("window %q is not of the form 07:00-20:00 (00:00-24:00 is always)", text)
	}
	return w, nil
}

// parseClock reads "07:00" as time since midnight; "24:00" is the end of the day.
func parseClock(text string) (time.Duration, error) {
	if text == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", text)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err
}

// Left returns how much of the window is left at the instant now in zone, or 0 outside the window. It uses the wall
// clock, so the hours of the window are right on a day when clocks change, too.
func (w Window) Left(now time.Time, zone *time.Location) time.Duration {
	h, m, s := now.In(zone).Clock()
	clock := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	if clock < w.From || clock >= w.To {
		return 0
	}
	return w.To - clock
}

// Next returns the next period in which mail may be sent. It begins now if mail may be sent now, else when the window
// opens on the next open day. Both times are zero when there is no such day within a year.
func (w Window) Next(now time.Time, c Calendar, zone *time.Location) (from, to time.Time) {
	at := func(d Date, clock time.Duration) time.Time {
		return time.Date(d.Year, d.Month, d.Day, int(clock.Hours()), int(clock.Minutes())%60, 0, 0, zone)
	}
	for d, i := DateOf(now, zone), 0; i < maxClosure; d, i = d.AddDays(1), i+1 {
		from, to = at(d, w.From), at(d, w.To)
		if _, closed := c.Closed(d); closed || !now.Before(to) {
			continue
		}
		if from.Before(now) {
			from = now
		}
		return from, to
	}
	return time.Time{}, time.Time{}
}

// String returns the window as ParseWindow reads it.
func (w Window) String() string {
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return clock(w.From) + "-" + clock(w.To)
}
