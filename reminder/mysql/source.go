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

// The columns of LoansView. A view may leave out an optional column that the library's system does not have.
var (
	requiredColumns = []string{"loan_id", "borrower_id", "borrower_name", "email", "title", "due_at"}
	optionalColumns = []string{"loan_ref", "item_code", "borrowed_at", "group_name", "language", "hold_reason",
		"fine_per_day", "wants", "calendar", "from_address", "reply_to",
		"borrower_type", "guardian_name", "guardian_email", "guardian_wants"}
	allColumns = slices.Concat(requiredColumns, optionalColumns)
)

// Views describes the views: the columns of LoansView, and whether there is a ClosedDaysView. If LoansView has the
// column calendar, ClosedDaysView must exist, and if it exists, it must work. Otherwise mail would be sent on closed
// days without a warning.
type Views struct {
	loans      string            // LoansView, or its draft
	types      map[string]string // of the columns of loans, by name
	closedDays bool
	raws       *raws
}

// Views returns the views as Check found them last; before the first Check it reads them now.
func (s *Store) Views(ctx context.Context) (*Views, error) {
	if found := s.source.Load(); found != nil {
		return found, nil
	}
	return s.readSource(ctx)
}

// readSource reads which columns the views have, as far as the user's rights show them.
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
	if !found.closedDays { // a broken view has no columns in information_schema, either
		_, err := s.DB.Exec(ctx, "SELECT day FROM "+ClosedDaysView+s.draft+" WHERE 1 = 0")
		if err != nil && !Absent(err) {
			return nil, fault("look at the view of closed days", err)
		}
		found.closedDays = err == nil
	}
	s.source.Store(found)
	return found, nil
}

// probeColumns selects each column of LoansView to find out which ones exist. If a view calls a function,
// information_schema shows its columns only to users who may call the function. Without the column hold_reason,
// reminders would be sent for loans on hold.
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
		case Absent(err):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// Absent reports whether the table does not exist, or the user has no right to read it.
func Absent(err error) bool { return Number(err) == 1146 || Number(err) == 1142 }

// Has reports whether LoansView has a column.
func (v *Views) Has(column string) bool { return v.types[column] != "" }

// Unknown returns the columns of LoansView that the program does not know, sorted.
func (v *Views) Unknown() []string {
	columns := slices.Sorted(maps.Keys(v.types))
	return slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(allColumns, c) })
}

// Dated returns the type of the column due_at, and reports whether the database compares it as a date.
func (v *Views) Dated() (kind string, dated bool) {
	kind = v.types["due_at"]
	return kind, kind == "date" || kind == "datetime" || kind == "timestamp"
}

// missing returns a Fault that names the required columns that the view does not have, or nil.
func (v *Views) missing() error {
	lacks := slices.DeleteFunc(slices.Clone(requiredColumns), v.Has)
	if len(v.types) == 0 || len(lacks) == 0 {
		return nil
	}
	return reminder.NewFault(nil, "source.columns_missing", "Names", strings.Join(lacks, ", "))
}

// Select returns a select list for columns of LoansView, with NULL for those that the view does not have.
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

// Expression returns the SQL expression for a column of LoansView. Its value is text or a number, whatever the type of
// the column.
func (v *Views) Expression(column string) string {
	switch v.types[column] {
	case "":
		if column == "guardian_wants" { // a view without it has only guardians who have agreed to get mail
			return "'+'"
		}
		return "NULL"
	case "bit", "long bit":
		return column + " + 0"
	case "json", "float", "double", "long float", "long double", "long decimal": // so a condition compares text, too
		return "CAST(" + column + " AS CHAR)"
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
		"geometrycollection", "geomcollection":
		return "NULL"
	}
	return column
}

// SourceCalendars reads the closed days of the library's own system. It returns a calendar for each branch, and the
// days, or the numbers as "#12", of the rows that are odd. A row is a closed day, or an open one if is_open is 1:
// "2026-12-25", "12-25" for every year, "sun" for every week.
func (s *Store) SourceCalendars(ctx context.Context) (calendars map[string]reminder.Calendar, odd []string, err error) {
	calendars = map[string]reminder.Calendar{}
	views, err := s.Views(ctx)
	if err != nil || !views.closedDays {
		return calendars, nil, err
	}
	type closing struct{ branch, day, open, name string }
	err = Salvage(ctx, s, ClosedDaysView+s.draft, "calendar, day, is_open, name", func(c *closing) []any {
		return []any{Cell(&c.branch), Cell(&c.day), Cell(&c.open), Prose(&c.name)}
	}, func(c closing) error {
		row, err := closedDay(c.day, c.open, c.name)
		if err != nil {
			odd = append(odd, cmp.Or(c.day, "?"))
			return nil
		}
		closed := calendars[c.branch]
		closed.Add(row) // in place: copying a calendar of thousands of days for each day would take seconds
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
		maps.DeleteFunc(c.Dates, func(d reminder.Date, _ string) bool { return c.Open[d] }) // an open day wins
	}
	return calendars, odd, fault("read the closed days of the library's system", err)
}

// closedDay returns a calendar with the day of one row of ClosedDaysView.
func closedDay(day, isOpen, name string) (reminder.Calendar, error) {
	open := isOpen == "1" || isOpen == "\x01" // a BIT
	if isOpen != "" && isOpen != "0" && !open {
		return reminder.Calendar{}, fmt.Errorf("%q is neither open nor closed", isOpen)
	}
	if weekdays, err := reminder.ParseWeekdays(day); err == nil && len(weekdays) == 1 && !open {
		return reminder.Calendar{Weekdays: weekdays}, nil
	}
	date, err := reminder.ParseDate(strings.TrimSuffix(strings.TrimSuffix(day, ".000000"), " 00:00:00")) // a DATETIME
	// 2000 is a leap year: it has a 29 February.
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

// SourceState is the name of the row of reminder_state that says which system the views read, and which statement would
// make that fast.
const SourceState = "source"

// nameSource adds the name of the source to an error that tells a person to run migrate.
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
