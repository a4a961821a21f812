package page

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/cmd/local/imports"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// A month of the calendar of closed days.
type month struct {
	First      reminder.Date
	Weeks      [][]day
	Prev, Next string          // months such as 2026-12
	Closures   []mysql.Closure // not long over, or to come
	Import     *closureImport
}

// A day is a cell of the calendar; it is empty if Date is zero.
type day struct {
	Date          reminder.Date
	Name          string
	Closed, Fixed bool // Fixed: closed every week, or by the library's own system
}

// A closureImport is the content of a file that is shown before it is stored.
type closureImport struct {
	File  string
	Known []mysql.Closure
	Left  []imports.Left
}

// month builds the calendar of the month in the request, else of the month of the day in the request, else of this
// month. Weeks begin on Monday.
func (v *visit) month() (m month, err error) {
	m.First = v.Today()
	if t, err := time.Parse("2006-01", v.FormValue("month")); err == nil && t.Year() > 1970 && t.Year() < 2200 {
		m.First = reminder.DateOf(t, time.UTC)
	}
	m.First.Day = 1
	m.Prev, m.Next = yearMonth(m.First.AddDays(-1)), yearMonth(m.First.AddDays(31))
	closures, err := v.store().Closures(v.Context())
	if err != nil {
		return m, err
	}
	m.Closures = slices.DeleteFunc(slices.Clone(closures), func(c mysql.Closure) bool {
		return c.Last.Before(v.Today().AddDays(-31))
	})
	rules, err := v.app.Runner.Rules(v.Context(), m.First)
	days := make([]day, (int(m.First.Weekday())+6)%7)
	for at := m.First; at.Month == m.First.Month; at = at.AddDays(1) {
		d := day{Date: at}
		if i := slices.IndexFunc(closures, covers(at)); i >= 0 {
			d.Closed, d.Name = true, closures[i].Name
		} else {
			d.Name, d.Closed = rules.Calendar.Closed(at)
			d.Fixed = d.Closed
		}
		days = append(days, d)
	}
	m.Weeks = slices.Collect(slices.Chunk(days, 7))
	return m, err
}

func yearMonth(d reminder.Date) string { return d.String()[:len("2006-01")] }

// covers returns a function that reports whether a closure contains the day.
func covers(d reminder.Date) func(mysql.Closure) bool {
	return func(c mysql.Closure) bool { return !d.Before(c.First) && !d.After(c.Last) }
}

// Month names a month.
func (v *visit) Month(d reminder.Date) string {
	words := strings.Fields(v.Date(d))
	return strings.Join(words[len(words)-2:], " ")
}

// closure reads two days, in either order, and a name.
func (v *visit) closure(first, last, name string) (c mysql.Closure, err error) {
	if c.First, err = reminder.ParseDate(first); err == nil {
		c.Last, err = reminder.ParseDate(last)
	}
	if err != nil {
		return c, v.fault("page.holidays.span_wrong")
	}
	if c.Last.Before(c.First) {
		c.First, c.Last = c.Last, c.First
	}
	c.Name = desk.Clip(desk.Plain(name), imports.MaxName)
	return c, nil
}

// closed returns the action that confirms a change to a closure and shows its month.
func closed(key string, n int, c mysql.Closure) action {
	return action{Key: key, N: n, On: c.First.String() + ".." + c.Last.String(),
		To: "/holidays?month=" + yearMonth(c.First)}
}

// closeDays closes a span, or a day; it opens a day that is closed.
func closeDays(v *visit) (action, error) {
	day, name := v.PostFormValue("day"), v.PostFormValue("name")
	c, err := v.closure(cmp.Or(day, v.PostFormValue("first")), cmp.Or(day, v.PostFormValue("last")), name)
	days := c.Last.Sub(c.First) + 1
	switch {
	case err != nil:
		return action{}, err
	case days > 367:
		return action{}, v.fault("page.holidays.span_wrong")
	case day != "":
		if opened, err := v.openDay(c.First); err != nil || opened {
			return closed("opened", c.First.Day, c), err
		}
	}
	return closed("closed", days, c), v.store().AddClosure(v.Context(), c)
}

// openDay takes one day out of every closure, and reports whether it was in any. The remaining days are stored first: a
// crash in between leaves too many days closed, which the page shows.
func (v *visit) openDay(d reminder.Date) (opened bool, err error) {
	ctx, store := v.Context(), v.store()
	closures, err := store.Closures(ctx)
	for _, c := range closures {
		if !covers(d)(c) || err != nil {
			continue
		}
		for _, rest := range []mysql.Closure{{First: c.First, Last: d.AddDays(-1), Name: c.Name},
			{First: d.AddDays(1), Last: c.Last, Name: c.Name}} {
			if !rest.Last.Before(rest.First) && err == nil {
				err = store.AddClosure(ctx, rest)
			}
		}
		if err == nil {
			opened, err = store.RemoveClosure(ctx, c)
		}
	}
	return opened, err
}

func removeClosure(v *visit) (action, error) {
	c, err := v.closure(v.PostFormValue("first"), v.PostFormValue("last"), "")
	if err == nil {
		_, err = v.store().RemoveClosure(v.Context(), c)
	}
	return closed("removed", 0, c), err
}

// importDays reads a file and shows its days. Nothing is stored before the second form is sent.
func importDays(v *visit) (action, error) {
	name, data, err := v.upload()
	if err != nil {
		return action{}, err
	}
	found, err := imports.ReadClosures(name, data, v.Today(), v.app.Runner.Settings.Zone, false)
	if err != nil {
		return action{}, err
	}
	in := closureImport{File: name, Known: found.Days}
	in.Left = slices.DeleteFunc(found.Left, func(l imports.Left) bool { return l.Reason == imports.Past })
	m, err := v.month()
	m.Import = &in
	return action{Show: m}, err
}

// acceptDays stores the closures that were ticked.
func acceptDays(v *visit) (action, error) {
	chosen := v.PostForm["closure"]
	for _, line := range chosen {
		cells := append(strings.SplitN(line, " ", 3), "", "")
		c, err := v.closure(cells[0], cells[1], cells[2])
		if err == nil {
			err = v.store().AddClosure(v.Context(), c)
		}
		if err != nil {
			return action{}, err
		}
	}
	return action{Key: "imported", N: len(chosen)}, nil
}

func closureRows(v *visit) (rows [][]string, err error) {
	closures, err := v.store().Closures(v.Context())
	for _, c := range closures {
		rows = append(rows, []string{c.First.String(), c.Last.String(), c.Name})
	}
	return rows, err
}
