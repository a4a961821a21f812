package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
	allColumns = slices.Concat(requiredColumns, optionalColumns)
)

// Views describes the views: the columns of LoansView, and whether there is a ClosedDaysView. If LoansView has the
// column calendar, there must be one; and one that exists must work. Otherwise mail would silently go out on closed
// days.
type Views struct {
	loans      string            // LoansView, or its draft
	types      map[string]string // of the columns of loans, by name
	closedDays bool
	raws       *raws
}

// Views returns what Check found last, or looks now.
func (s *Store) Views(ctx context.Context) (*Views, error) {
	if found := s.source.Load(); found != nil {
		return found, nil
	}
	return s.readSource(ctx)
}

// readSource looks at the views, as far as our rights show them.
func (s *Store) readSource(ctx context.Context) (*Views, error) {
	found := &Views{loans: LoansView + s.draft, types: map[string]string{}, raws: &s.raws}
	type row struct{ view, column, kind string }
	rows, err := List(ctx, s.DB, func(r *row) []any { return []any{&r.view, &r.column, &r.kind} },
		`SELECT table_name, column_name, IF(numeric_precision > 15, CONCAT('long ', data_type), data_type)
		FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (?, ?)`,
		found.loans, ClosedDaysView+s.draft)
	if err != nil {
		return nil, fault("look for the views", err)
	}
	for _, r := range rows {
		if r.view == ClosedDaysView+s.draft {
			found.closedDays = true
		} else {
			found.types[strings.ToLower(r.column)] = strings.ToLower(r.kind)
		}
	}
	if len(found.types) == 0 {
		if err := s.probeColumns(ctx, found); err != nil {
			return nil, fault("look at the view", err)
		}
	}
	found.closedDays = found.closedDays || found.Has("calendar")
	if !found.closedDays { // a broken view has no columns either
		_, err := s.DB.Exec(ctx, "SELECT day FROM "+ClosedDaysView+s.draft+" WHERE 1 = 0")
		if err != nil && !absent(err) {
			return nil, fault("look at the view of closed days", err)
		}
		found.closedDays = err == nil
	}
	s.source.Store(found)
	return found, nil
}

// probeColumns selects each column of LoansView by itself. If a view calls a function, information_schema shows its
// columns only to users who may call it; without them, loans that are on hold would be told about.
func (s *Store) probeColumns(ctx context.Context, found *Views) error {
	for _, c := range append(slices.Clone(allColumns), "phone") {
		err := retry(ctx, func(bool) error {
			rows, err := s.DB.QueryContext(ctx, "SELECT "+c+" FROM "+found.loans+" WHERE 1 = 0")
			if err != nil {
				return err
			}
			defer rows.Close()
			types, err := rows.ColumnTypes()
			if err == nil {
				found.types[c] = strings.ToLower(types[0].DatabaseTypeName())
			}
			return err
		})
		switch {
		case Number(err) == 1054: // no such column
		case absent(err):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// absent reports whether there is no such table, for us.
func absent(err error) bool { return Number(err) == 1146 || Number(err) == 1142 }

// Has reports whether the view of loans has a column.
func (v *Views) Has(column string) bool { return v.types[column] != "" }

// Unknown returns the columns of the view of loans that no run reads.
func (v *Views) Unknown() []string {
	columns := slices.Sorted(maps.Keys(v.types))
	return slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(allColumns, c) })
}

// Dated reports whether the database compares due dates as dates, and as what they are stored.
func (v *Views) Dated() (kind string, dated bool) {
	kind = v.types["due_at"]
	return kind, kind == "date" || kind == "datetime" || kind == "timestamp"
}

// missing returns a Fault that names the required columns that the view lacks.
func (v *Views) missing() error {
	lacks := slices.DeleteFunc(slices.Clone(requiredColumns), v.Has)
	if len(v.types) == 0 || len(lacks) == 0 {
		return nil
	}
	return reminder.NewFault(nil, "source.columns_missing", "Names", strings.Join(lacks, ", "))
}

// Select returns a select list of columns of LoansView, with NULL in place of those that it does not have.
func (v *Views) Select(columns ...string) string {
	var list []string
	for _, c := range columns {
		if e := v.Expression(c); e != c {
			c = e + " AS " + c
		}
		list = append(list, c)
	}
	return strings.Join(list, ", ")
}

// Expression returns how a column is selected, so that it is read as text or a number whatever its type.
func (v *Views) Expression(column string) string {
	switch v.types[column] {
	case "":
		if column == "guardian_wants" { // a view that does not ask shows only those who have agreed
			return "'+'"
		}
		return "NULL"
	case "bit", "long bit":
		return column + " + 0"
	case "json", "float", "double", "long float", "long double", "long decimal": // compared as text, too
		return "CAST(" + column + " AS CHAR)"
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
		"geometrycollection", "geomcollection":
		return "NULL"
	}
	return column
}

// SourceCalendars reads the closed days of the library's own system, by branch, and returns the rows that it did not
// understand. Each row closes, or with is_open opens, one day: "2026-12-25", "12-25" every year, "sun" every week.
func (s *Store) SourceCalendars(ctx context.Context) (calendars map[string]reminder.Calendar, odd []string, err error) {
	calendars = map[string]reminder.Calendar{}
	views, err := s.Views(ctx)
	if err != nil || !views.closedDays {
		return calendars, nil, err
	}
	type closing struct{ branch, day, open, name string }
	err = salvage(ctx, s, ClosedDaysView+s.draft, "calendar, day, is_open, name", func(c *closing) []any {
		return []any{Cell(&c.branch), Cell(&c.day), Cell(&c.open), Prose(&c.name)}
	}, func(c closing) error {
		row, err := closedDay(c.day, c.open, c.name)
		if err != nil {
			odd = append(odd, cmp.Or(c.day, "?"))
			return nil
		}
		closed := calendars[c.branch]
		closed.Add(row) // in place: to copy thousands of days for each of them would take seconds
		calendars[c.branch] = closed
		return nil
	}, func(row int) error {
		odd = append(odd, fmt.Sprintf("#%d", row+1))
		return nil
	})
	if Number(err) == 1054 {
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
	if yearly, yerr := time.Parse(time.DateOnly, "2000-"+day); yerr == nil {
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

// SourceState is the row of reminder_state that says whose system the views read, and which statement would make that
// fast.
const SourceState = "source"

// nameSource adds the source that migrate was run for to an error that says to run it.
func (s *Store) nameSource(ctx context.Context, err error) error {
	f, ok := errors.AsType[*reminder.Fault](err)
	if !ok || !slices.Contains([]string{"database.view", "database.definer", "database.migrate"}, f.Message.Key) {
		return err
	}
	sources, unknown := Column[string](ctx, s.DB, "SELECT kind FROM reminder_state WHERE name = ?", SourceState)
	if unknown != nil || len(sources) == 0 {
		return err
	}
	named := *f
	named.Message.Args = append(slices.Clip(f.Message.Args), "Source", sources[0])
	return &named
}
