package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// LoansView and ClosedDaysView are the views through which everything is read that belongs to the library's own system.
const (
	LoansView      = "reminder_loans"
	ClosedDaysView = "reminder_source_closed_days"
)

// requiredColumns and optionalColumns of LoansView. What a library's system does not have, its view may leave out.
var (
	requiredColumns = []string{"loan_id", "borrower_id", "borrower_name", "email", "title", "due_at"}
	optionalColumns = []string{"loan_ref", "item_code", "borrowed_at", "group_name", "language", "hold_reason", "fine_per_day",
		"wants", "calendar", "from_address", "reply_to"}
)

// A source is what the views have: the columns of LoansView, and whether there is a ClosedDaysView. One must be there where
// LoansView has the column calendar: closed days that could silently not be read would send mail on them.
type source struct {
	view       string // LoansView, or its draft
	columns    []string
	closedDays bool
}

// readSource looks at the views as our rights show them.
func (s *Store) readSource(ctx context.Context) (*source, error) {
	found := &source{}
	err := s.read(ctx, func() { *found = source{view: LoansView + s.draft} }, func(rows *sql.Rows) error {
		var view, column string
		err := rows.Scan(&view, &column)
		if view == ClosedDaysView+s.draft {
			found.closedDays = true
		} else {
			found.columns = append(found.columns, strings.ToLower(column))
		}
		return err
	}, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (?, ?)",
		LoansView+s.draft, ClosedDaysView+s.draft)
	if err != nil {
		return nil, fault("look for the views", err)
	}
	found.closedDays = found.closedDays || slices.Contains(found.columns, "calendar")
	s.source.Store(found)
	return found, nil
}

// views is what Check found last, or looks itself.
func (s *Store) views(ctx context.Context) (*source, error) {
	if found := s.source.Load(); found != nil {
		return found, nil
	}
	return s.readSource(ctx)
}

// missing returns a Fault that names the columns which a view must have and this one has not.
func (v *source) missing() error {
	lacks := slices.DeleteFunc(slices.Clone(requiredColumns), func(c string) bool { return slices.Contains(v.columns, c) })
	if len(v.columns) == 0 || len(lacks) == 0 {
		return nil
	}
	names := strings.Join(lacks, ", ")
	return reminder.NewFault(nil, "View reminder_loans tidak punya kolom: "+names+". Contohnya: pengingat migrate --source custom --print-template",
		"The view reminder_loans lacks the columns: "+names+". For an example: pengingat migrate --source custom --print-template")
}

// list is a select list with NULL in the place of an optional column that the view leaves out.
func (v *source) list(columns ...string) string {
	var list []string
	for _, c := range columns {
		if slices.Contains(optionalColumns, c) && !slices.Contains(v.columns, c) {
			c = "NULL AS " + c
		}
		list = append(list, c)
	}
	return strings.Join(list, ", ")
}

// sourceCalendars reads the closed days of the library's own system, by branch, and how many of its rows it did not
// understand. Each row closes, or with is_open opens, one day: "2026-12-25", "12-25" every year, "sun" every week.
func (s *Store) sourceCalendars(ctx context.Context) (calendars map[string]reminder.Calendar, odd []string, err error) {
	calendars = map[string]reminder.Calendar{}
	views, err := s.views(ctx)
	if err != nil || !views.closedDays {
		return calendars, nil, err
	}
	err = s.read(ctx, func() { clear(calendars); odd = nil }, func(rows *sql.Rows) error {
		var branch, day, name sql.NullString
		var open sql.NullBool
		if err := rows.Scan(&branch, &day, &open, &name); err != nil {
			return err
		}
		row, err := closedDay(day.String, open.Bool, name.String)
		if err != nil {
			odd = append(odd, day.String)
			return nil
		}
		closed := calendars[branch.String]
		closed.Add(row) // in place: to copy thousands of days for each of them would take seconds
		calendars[branch.String] = closed
		return nil
	}, "SELECT calendar, day, is_open, name FROM "+ClosedDaysView+s.draft)
	for _, c := range calendars {
		maps.DeleteFunc(c.Dates, func(d reminder.Date, _ string) bool { return c.Open[d] }) // an exception comes first
	}
	return calendars, odd, fault("read the closed days of the library's system", err)
}

// closedDay is the calendar that one row of ClosedDaysView makes.
func closedDay(day string, open bool, name string) (reminder.Calendar, error) {
	if weekdays, err := reminder.ParseWeekdays(day); err == nil && len(weekdays) == 1 && !open {
		return reminder.Calendar{Weekdays: weekdays}, nil
	}
	date, err := reminder.ParseDate(day)
	if yearly, yerr := time.Parse("2006-01-02", "2000-"+day); yerr == nil { // 2000 has a 29 February
		date, err = reminder.Date{Month: yearly.Month(), Day: yearly.Day()}, nil
	}
	switch {
	case err != nil || open && date.Year == 0:
		return reminder.Calendar{}, fmt.Errorf("%q is no day", day)
	case open:
		return reminder.Calendar{Open: map[reminder.Date]bool{date: true}}, nil
	}
	return reminder.Calendar{Dates: map[reminder.Date]string{date: name}}, nil
}
