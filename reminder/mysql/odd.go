package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"html"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A cell of a library's data may hold anything that MySQL can store. No cell may keep the other rows from being read,
// so every cell is read as text. Where the database cannot compute a cell, the rest of the row and the other rows are
// read without it.

// The types that cells of the views are scanned into. NULL becomes "".
type (
	cell    struct{ *string } // one line of text, without padding and invalid UTF-8, cut at maxCell
	prose   struct{ *string } // a cell that people read
	consent struct{ *string } // what a guardian has agreed to; NULL is nothing
	ident   struct {          // an id
		store *Store // remembers the raw value, to find the loan by it; or nil
		id    *string
	}
)

// maxCell is how many bytes of a cell are read.
const maxCell = 4096

// padding is what surrounds values in columns of a fixed length, and after an import.
const padding = " \t\r\n\u00a0"

func (c cell) Scan(src any) error {
	err := text(c).Scan(src)
	raw := strings.Trim(strings.TrimRight(*c.string, "\x00"+padding), padding)
	*c.string = strings.ToValidUTF8(raw[:min(len(raw), maxCell)], "\ufffd")
	return err
}

// Scan decodes, once, the HTML entities that a PHP program (htmlspecialchars, htmlentities) stored.
func (p prose) Scan(src any) error {
	err := cell(p).Scan(src)
	*p.string = decode(*p.string)
	return err
}

func (c consent) Scan(src any) error {
	err := cell(c).Scan(src)
	*c.string = cmp.Or(*c.string, "none")
	return err
}

var entity = regexp.MustCompile(`&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// decode leaves an entity without its semicolon, or with an unknown name, as it is: no program wrote that.
func decode(s string) string {
	return entity.ReplaceAllStringFunc(s, func(e string) string {
		decoded := html.UnescapeString(e)
		if strings.HasSuffix(decoded, ";") { // not known, or only its beginning
			return e
		}
		return decoded
	})
}

func (i ident) Scan(src any) error {
	var raw string
	err := text{&raw}.Scan(src)
	*i.id = idOf(raw)
	if i.store != nil && *i.id != raw && !strings.HasPrefix(*i.id, "0x") {
		i.store.raws.Store(*i.id, raw)
	}
	return err
}

// idOf returns the id that a value stands for, without padding: the unique key ignores blanks at the end, and an import
// must not turn a loan into another one. Bytes that are no text, such as a UUID in BINARY(16), are written as 0x….
func idOf(raw string) string {
	id := strings.TrimLeft(strings.TrimRight(raw, "\x00"+padding), padding)
	if utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl) {
		return id
	}
	return "0x" + strings.ToUpper(hex.EncodeToString([]byte(raw)))
}

// raws holds the stored value of each id that differs from it, as the last scan found it.
type raws struct{ sync.Map }

// expression returns how a column is selected, so that it is read as text or a number whatever its type.
func (v *source) expression(column string) string {
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

// ofData reports whether a statement failed because of a row's data: a subquery that found two rows, a number out of
// range, a function that refused its argument. These errors are too many to list, so ofData excludes all others.
func ofData(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if _, explained := errors.AsType[*reminder.Fault](err); !ok || explained || transient(err) {
		return false
	}
	// collations that clash, perhaps only with the id that is looked for
	if slices.Contains([]uint16{1267, 1271}, e.Number) {
		return true
	}
	for _, numbers := range remedies {
		if slices.Contains(numbers, e.Number) {
			return false
		}
	}
	return !slices.Contains([]uint16{1064, 1037, 1038, 1041}, e.Number) // syntax, memory
}

// ofValue reports whether an INSERT was refused because of a value: by its column, a CHECK, a trigger or a partition.
func ofValue(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && slices.Contains([]uint16{1048, 1264, 1265, 1292, 1300, 1366, 1406, 1526, 1644, 1690, 3819, 4025},
		e.Number)
}

// maxBroken bounds how many rows that the database cannot compute are skipped.
const maxBroken = 1000

// salvage reads up to limit rows of a view and skips those that the database cannot compute. The database sends each
// row as soon as it has computed it, so a statement fails at the row after the last one received; broken gets its
// number, and the next statement starts behind it. When not one of several rows can be computed, the fault is the
// view's.
func (s *Store) salvage(ctx context.Context, view, list string, limit int, scan func(*sql.Rows) error,
	broken func(row int) error) error {
	name := strings.TrimSuffix(view, s.draft)
	none := func(err error) error {
		return reminder.NewFault(err,
			"view.no_row_computable", "Name", name)
	}
	row, rows, scanned := 0, 0, 0
	var last error
	for lost := 0; ; {
		err := retry(ctx, func(bool) error {
			return each(ctx, s.db, func(rows *sql.Rows) error {
				row++
				scanned++
				return scan(rows)
			}, "SELECT "+list+" FROM "+view+" LIMIT ? OFFSET ?", max(limit-row, 0), row)
		})
		if err == nil && scanned == 0 && lost > 1 {
			return none(last)
		}
		if !ofData(err) {
			return err
		}
		last = err
		if rows == 0 {
			var counting error
			if rows, counting = s.count(ctx, "SELECT COUNT(*) FROM "+view); ofData(counting) {
				rows = math.MaxInt // MySQL computed the columns to count the rows; behind the last one nothing fails
			} else if counting != nil {
				return counting
			}
		}
		if lost++; lost > maxBroken || lost > 1 && lost >= rows {
			return none(err)
		}
		if err := broken(row); err != nil {
			return err
		}
		if row++; row >= rows {
			return nil
		}
	}
}

// salvageLoans visits up to limit open loans, with the raw fine of each.
func (s *Store) salvageLoans(ctx context.Context, limit int, visit func(l reminder.Loan, fine string) error) error {
	views, err := s.views(ctx)
	if err != nil {
		return err
	}
	return s.salvage(ctx, views.view, views.list(slices.Concat(requiredColumns, optionalColumns)...), limit,
		func(rows *sql.Rows) error {
			l, fine, err := s.scanLoan(rows)
			if err != nil {
				return err
			}
			return visit(l, fine)
		}, func(row int) error {
			l, err := s.broken(ctx, " LIMIT 1 OFFSET ?", row)
			if err != nil {
				return err
			}
			return visit(l, "")
		})
}

// broken finds the column of a loan that the database cannot compute, and reads the others.
func (s *Store) broken(ctx context.Context, which string, args ...any) (l reminder.Loan, err error) {
	views, err := s.views(ctx)
	if err != nil {
		return l, err
	}
	column := "?" // when somebody has corrected it meanwhile
	whole := source{view: views.view, types: maps.Clone(views.types)}
	for _, c := range slices.Concat(requiredColumns, optionalColumns) {
		var value string
		err := s.row(ctx, []any{text{&value}}, "SELECT "+views.list(c)+" FROM "+views.view+which, args...)
		if ofData(err) {
			column = c
			delete(whole.types, c)
		} else if err != nil {
			return l, err
		}
	}
	err = s.read(ctx, func() {}, func(rows *sql.Rows) (err error) {
		l, _, err = s.scanLoan(rows)
		return err
	}, whole.selectLoans()+which, args...)
	l.Broken = column
	return l, err
}
