package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// LoansView and ClosedDaysView are the views through which the program reads the library's own system.
const (
	LoansView      = "reminder_loans"
	ClosedDaysView = "reminder_source_closed_days"
)

// requiredColumns and optionalColumns of LoansView. What a library's system does not have, its view may leave out.
var (
	requiredColumns = []string{"loan_id", "borrower_id", "borrower_name", "email", "title", "due_at"}
	optionalColumns = []string{"loan_ref", "item_code", "borrowed_at", "group_name", "language", "hold_reason",
		"fine_per_day", "wants", "calendar", "from_address", "reply_to",
		"borrower_type", "guardian_name", "guardian_email", "guardian_wants"}
)

// A source describes the views: the columns of LoansView, and whether there is a ClosedDaysView. If LoansView has the
// column calendar, there must be one; and one that exists must work. Otherwise mail would silently go out on closed
// days.
type source struct {
	view       string // LoansView, or its draft
	columns    []string
	types      map[string]string // of columns
	closedDays bool
}

// readSource looks at the views, as far as our rights show them.
func (s *Store) readSource(ctx context.Context) (*source, error) {
	found := &source{}
	err := s.read(ctx, func() { *found = source{view: LoansView + s.draft, types: map[string]string{}} },
		func(rows *sql.Rows) error {
			var view, column, kind string
			err := rows.Scan(&view, &column, &kind)
			column = strings.ToLower(column)
			if view == ClosedDaysView+s.draft {
				found.closedDays = true
			} else {
				found.columns = append(found.columns, column)
				found.types[column] = strings.ToLower(kind)
			}
			return err
		}, `SELECT table_name, column_name, IF(numeric_precision > 15, CONCAT('long ', data_type), data_type)
		FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (?, ?)`,
		LoansView+s.draft, ClosedDaysView+s.draft)
	if err != nil {
		return nil, fault("look for the views", err)
	}
	if len(found.columns) == 0 {
		if err := s.probeColumns(ctx, found); err != nil {
			return nil, fault("look at the view", err)
		}
	}
	found.closedDays = found.closedDays || slices.Contains(found.columns, "calendar")
	if !found.closedDays { // a broken view has no columns either
		err := s.read(ctx, func() {}, func(*sql.Rows) error { return nil },
			"SELECT day FROM "+ClosedDaysView+s.draft+" WHERE 1 = 0")
		e, _ := errors.AsType[*mysql.MySQLError](err)
		absent := e != nil && (e.Number == 1146 || e.Number == 1142)
		if err != nil && !absent {
			return nil, fault("look at the view of closed days", err)
		}
		found.closedDays = !absent
	}
	s.source.Store(found)
	return found, nil
}

// probeColumns selects each column of LoansView by itself. If a view calls a function, information_schema shows its
// columns only to users who may call it; without them, loans that are on hold would be told about.
func (s *Store) probeColumns(ctx context.Context, found *source) error {
	for _, c := range slices.Concat(requiredColumns, optionalColumns, []string{"phone"}) {
		err := retry(ctx, func(bool) error {
			rows, err := s.db.QueryContext(ctx, "SELECT "+c+" FROM "+found.view+" WHERE 1 = 0")
			if err != nil {
				return err
			}
			defer rows.Close()
			types, err := rows.ColumnTypes()
			if err == nil {
				found.columns, found.types[c] = append(found.columns, c), strings.ToLower(types[0].DatabaseTypeName())
			}
			return err
		})
		switch e, ok := errors.AsType[*mysql.MySQLError](err); {
		case ok && e.Number == 1054: // no such column
		case ok && (e.Number == 1146 || e.Number == 1142): // no such view, for us
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// dated reports whether the database compares due dates as dates.
func (v *source) dated() bool {
	kind := v.types["due_at"]
	return kind == "date" || kind == "datetime" || kind == "timestamp"
}

// views returns what Check found last, or looks now.
func (s *Store) views(ctx context.Context) (*source, error) {
	if found := s.source.Load(); found != nil {
		return found, nil
	}
	return s.readSource(ctx)
}

// missing returns a Fault that names the required columns that the view lacks.
func (v *source) missing() error {
	lacks := slices.DeleteFunc(slices.Clone(requiredColumns), func(c string) bool { return slices.Contains(v.columns, c) })
	if len(v.columns) == 0 || len(lacks) == 0 {
		return nil
	}
	names := strings.Join(lacks, ", ")
	return reminder.NewFault(nil, "source.columns_missing", "Names", names)
}

// list returns a select list, with NULL in place of columns that the view does not have.
func (v *source) list(columns ...string) string {
	var list []string
	for _, c := range columns {
		if e := v.expression(c); e != c {
			c = e + " AS " + c
		}
		list = append(list, c)
	}
	return strings.Join(list, ", ")
}

// sourceCalendars reads the closed days of the library's own system, by branch, and returns the rows that it did not
// understand. Each row closes, or with is_open opens, one day: "2026-12-25", "12-25" every year, "sun" every week.
func (s *Store) sourceCalendars(ctx context.Context) (calendars map[string]reminder.Calendar, odd []string, err error) {
	calendars = map[string]reminder.Calendar{}
	views, err := s.views(ctx)
	if err != nil || !views.closedDays {
		return calendars, nil, err
	}
	err = s.salvage(ctx, ClosedDaysView+s.draft, "calendar, day, is_open, name", math.MaxInt, func(rows *sql.Rows) error {
		var branch, day, open, name string
		if err := rows.Scan(cell{&branch}, cell{&day}, cell{&open}, prose{&name}); err != nil {
			return err
		}
		row, err := closedDay(day, open, name)
		if err != nil {
			odd = append(odd, cmp.Or(day, "?"))
			return nil
		}
		closed := calendars[branch]
		closed.Add(row) // in place: to copy thousands of days for each of them would take seconds
		calendars[branch] = closed
		return nil
	}, func(row int) error {
		odd = append(odd, fmt.Sprintf("#%d", row+1))
		return nil
	})
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == 1054 {
		err = reminder.NewFault(err, "source.closed_days_columns")
	}
	for _, c := range calendars {
		maps.DeleteFunc(c.Dates, func(d reminder.Date, _ string) bool { return c.Open[d] }) // an exception comes first
	}
	return calendars, odd, fault("read the closed days of the library's system", err)
}

// closedDay returns the calendar that one row of ClosedDaysView makes.
func closedDay(day, isOpen, name string) (reminder.Calendar, error) {
	open := isOpen == "1" || isOpen == "\x01" // of a BIT
	if isOpen != "" && isOpen != "0" && !open {
		return reminder.Calendar{}, fmt.Errorf("%q is neither open nor closed", isOpen)
	}
	if weekdays, err := reminder.ParseWeekdays(day); err == nil && len(weekdays) == 1 && !open {
		return reminder.Calendar{Weekdays: weekdays}, nil
	}
	date, err := reminder.ParseDate(strings.TrimSuffix(strings.TrimSuffix(day, ".000000"), " 00:00:00")) // a DATETIME
	// 2000 has a 29 February
	if yearly, yerr := time.Parse("2006-01-02", "2000-"+day); yerr == nil {
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

// nameSource adds the source that migrate was run for to an error that says to run it.
func (s *Store) nameSource(ctx context.Context, err error) error {
	f, ok := errors.AsType[*reminder.Fault](err)
	if !ok || !slices.Contains([]string{"database.view", "database.definer", "database.migrate"}, f.Message.Key) {
		return err
	}
	sources, unknown := column[string](ctx, s, "SELECT kind FROM reminder_state WHERE name = ?", SourceState)
	if unknown != nil || len(sources) == 0 {
		return err
	}
	named := *f
	named.Message.Args = append(slices.Clip(f.Message.Args), "Source", sources[0])
	return &named
}
