package page

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// The days on which the library is closed.

// A month is what the calendar shows.
type month struct {
	First      reminder.Date
	Weeks      [][]dayCell
	Prev, Next string // months as 2026-12
	Closures   []mysql.Closure
	Import     *imported
}

// A dayCell is one day; a zero Date is none.
type dayCell struct {
	Date          reminder.Date
	Name          string
	Closed, Fixed bool // Fixed: by the week, or by the library's own system
	Today         bool
}

// imported is what a file holds, before it counts.
type imported struct {
	File  string
	Known []mysql.Closure
	Left  []LeftOut
}

// A LeftOut is a line of a file that was not understood.
type LeftOut struct {
	Line      int
	Text, Why string
}

func showHolidays(v *visit) error {
	v.page = "holidays"
	m, err := v.month(v.FormValue("month"))
	v.Data = m
	return err
}

// month builds the calendar of one month, weeks beginning on Monday.
func (v *visit) month(text string) (m month, err error) {
	if err := v.open(); err != nil {
		return m, err
	}
	today := v.today()
	m.First = reminder.Date{Year: today.Year, Month: today.Month, Day: 1}
	if t, err := time.Parse("2006-01", text); err == nil && t.Year() > 1970 && t.Year() < 2200 {
		m.First = reminder.DateOf(t, time.UTC)
	}
	next := m.First.AddDays(31)
	next.Day = 1
	prev := m.First.AddDays(-1)
	m.Next, m.Prev = next.String()[:7], prev.String()[:7]
	all, err := v.app.Store.Closures(v.Context())
	if err != nil {
		return m, err
	}
	for _, c := range all {
		if !c.Last.Before(today.AddDays(-31)) {
			m.Closures = append(m.Closures, c)
		}
	}
	rules, err := v.app.Runner.Rules(v.Context(), m.First)
	if err != nil {
		return m, err
	}
	week := make([]dayCell, (int(m.First.Weekday())+6)%7)
	for d := m.First; d.Month == m.First.Month; d = d.AddDays(1) {
		c := dayCell{Date: d, Today: d == today}
		if i := slices.IndexFunc(all, func(c mysql.Closure) bool { return !d.Before(c.First) && !d.After(c.Last) }); i >= 0 {
			c.Closed, c.Name = true, all[i].Name
		} else {
			c.Name, c.Closed = rules.Calendar.Closed(d)
			c.Fixed = c.Closed
		}
		if week = append(week, c); len(week) == 7 {
			m.Weeks, week = append(m.Weeks, week), nil
		}
	}
	if len(week) > 0 {
		m.Weeks = append(m.Weeks, append(week, make([]dayCell, 7-len(week))...))
	}
	return m, nil
}

// Month names a month, Weekday a day of the week.
func (v *visit) Month(d reminder.Date) string {
	words := strings.Fields(v.Date(d))
	return strings.Join(words[len(words)-2:], " ")
}

func (v *visit) Weekday(n int) string {
	return v.T("page.weekday." + time.Weekday(n).String())
}

// maxName is the width of the column.
const maxName = 100

// closeDays closes a day, or a span; a day that is closed is opened again.
func closeDays(v *visit) (action, error) {
	m, err := v.month(v.PostFormValue("month"))
	if err != nil {
		return action{}, err
	}
	v.page, v.Data = "holidays", m
	ctx, store := v.Context(), v.app.Store
	to := "/holidays?month=" + m.First.String()[:7]
	name := []rune(desk.Plain(v.PostFormValue("name")))
	c := mysql.Closure{Name: string(name[:min(len(name), maxName)])}
	if day := v.PostFormValue("day"); day != "" {
		if c.First, err = reminder.ParseDate(day); err != nil {
			return action{}, errNotFound
		}
		c.Last = c.First
		all, err := store.Closures(ctx)
		if err != nil {
			return action{}, err
		}
		opened := false
		for _, old := range all {
			if !c.First.Before(old.First) && !c.First.After(old.Last) {
				opened = true
				if err := v.without(old, c.First); err != nil {
					return action{}, err
				}
			}
		}
		if opened {
			return action{Key: "opened", N: c.First.Day, On: day, To: to}, nil
		}
		return action{Key: "closed", N: 1, On: day, To: to}, store.AddClosure(ctx, c)
	}
	c.First, err = reminder.ParseDate(v.PostFormValue("first"))
	if err == nil {
		c.Last, err = reminder.ParseDate(v.PostFormValue("last"))
	}
	if c.Last.Before(c.First) {
		c.First, c.Last = c.Last, c.First
	}
	if err != nil || c.Last.Sub(c.First) > 366 {
		return action{}, v.fault("page.holidays.span_wrong")
	}
	return action{Key: "closed", N: c.Last.Sub(c.First) + 1, On: c.First.String() + ".." + c.Last.String(), To: to},
		store.AddClosure(ctx, c)
}

// without takes one day out of a closure.
func (v *visit) without(c mysql.Closure, d reminder.Date) error {
	store := v.app.Store
	// The remaining days are stored first: a crash in between leaves too many days closed, which the page shows.
	if c.First.Before(d) {
		if err := store.AddClosure(v.Context(), mysql.Closure{First: c.First, Last: d.AddDays(-1),
			Name: c.Name}); err != nil {
			return err
		}
	}
	if d.Before(c.Last) {
		if err := store.AddClosure(v.Context(), mysql.Closure{First: d.AddDays(1), Last: c.Last, Name: c.Name}); err != nil {
			return err
		}
	}
	_, err := store.RemoveClosure(v.Context(), c)
	return err
}

func removeClosure(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	first, err := reminder.ParseDate(v.PostFormValue("first"))
	last, err2 := reminder.ParseDate(v.PostFormValue("last"))
	if err != nil || err2 != nil {
		return action{}, errNotFound
	}
	_, err = v.app.Store.RemoveClosure(v.Context(), mysql.Closure{First: first, Last: last})
	return action{Key: "removed", On: first.String() + ".." + last.String(), To: "/holidays?month=" + first.String()[:7]},
		err
}

// importDays reads a file and shows its days. Nothing is stored before the second form is sent.
func importDays(v *visit) (action, error) {
	m, err := v.month("")
	if err != nil {
		return action{}, err
	}
	v.page, v.Data = "holidays", m
	file, header, err := v.FormFile("file")
	if err != nil {
		return action{}, v.fault("page.holidays.no_file")
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return action{}, err
	}
	in := imported{File: desk.Plain(header.Filename)}
	if in.Known, in.Left, err = v.d.Machine.Closures(in.File, data, v.today(), v.app.Runner.Settings.Zone,
		v.Lang); err != nil {
		return action{}, err
	}
	m.Import = &in
	v.Data = m
	v.render(nil)
	return action{}, errDone
}

// acceptDays stores what was chosen of a file.
func acceptDays(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	n := 0
	for _, line := range v.PostForm["closure"] {
		first, rest, _ := strings.Cut(line, " ")
		last, name, _ := strings.Cut(rest, " ")
		var c mysql.Closure
		var err error
		if c.First, err = reminder.ParseDate(first); err != nil {
			return action{}, errNotFound
		}
		if c.Last, err = reminder.ParseDate(last); err != nil {
			return action{}, errNotFound
		}
		c.Name = name
		if err := v.app.Store.AddClosure(v.Context(), c); err != nil {
			return action{}, err
		}
		n++
	}
	return action{Key: "imported", N: n, To: "/holidays"}, nil
}
