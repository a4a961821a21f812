package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"html"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

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
		raws *raws // remembers the raw value, to find the loan by it; or nil
		id   *string
	}
)

// Cell returns the destination of a cell, Prose that of a cell that people read, and Ident that of an id.
func Cell(s *string) sql.Scanner { return cell{s} }

// Prose decodes, once, the HTML entities that a PHP program (htmlspecialchars, htmlentities) stored.
func Prose(s *string) sql.Scanner { return prose{s} }

// Ident is for an id from the program's own tables.
func Ident(id *string) sql.Scanner { return ident{nil, id} }

// Ident is for an id from the view. The view remembers it, to find the loan by it.
func (v *Views) Ident(id *string) sql.Scanner { return ident{v.raws, id} }

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
	*i.id = IDOf(raw)
	if i.raws != nil && *i.id != raw && !strings.HasPrefix(*i.id, "0x") {
		i.raws.Store(*i.id, raw)
	}
	return err
}

// IDOf returns the id that a value stands for, without padding: the unique key ignores blanks at the end, and an import
// must not turn a loan into another one. Bytes that are no text, such as a UUID in BINARY(16), are written as 0x….
func IDOf(raw string) string {
	id := strings.TrimLeft(strings.TrimRight(raw, "\x00"+padding), padding)
	if utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl) {
		return id
	}
	return "0x" + strings.ToUpper(hex.EncodeToString([]byte(raw)))
}

// raws holds the stored value of each id that differs from it, as the last scan found it.
type raws struct{ sync.Map }

// OfData reports whether a statement failed because of a row's data: a subquery that found two rows, a number out of
// range, a function that refused its argument. These errors are too many to list, so OfData excludes all others.
func OfData(err error) bool {
	n := Number(err)
	if n == 0 || isFault(err) || transient(err) {
		return false
	}
	if n == 1267 || n == 1271 { // collations that clash, perhaps only with the id that is looked for
		return true
	}
	return remedyFor(n) == "" && !slices.Contains([]uint16{1064, 1037, 1038, 1041}, n) // syntax, memory
}

// ofValue reports whether an INSERT was refused because of a value: by its column, a CHECK, a trigger or a partition.
func ofValue(err error) bool {
	return slices.Contains([]uint16{1048, 1264, 1265, 1292, 1300, 1366, 1406, 1526, 1644, 1690, 3819, 4025}, Number(err))
}

// maxBroken bounds how many rows that the database cannot compute are skipped.
const maxBroken = 1000

// salvage visits the rows of a view and skips those that the database cannot compute. The database sends each row as
// soon as it has computed it, so a statement fails at the row after the last one received; broken gets its number, and
// the next statement starts behind it. When not one of several rows can be computed, the fault is the view's.
func salvage[T any](ctx context.Context, s *Store, view, list string, columns func(*T) []any, visit func(T) error,
	broken func(row int) error) error {
	none := func(err error) error {
		return reminder.NewFault(err, "view.no_row_computable", "Name", strings.TrimSuffix(view, s.draft))
	}
	row, rows, scanned := 0, 0, 0
	var last error
	for lost := 0; ; {
		err := retry(ctx, func(bool) error {
			return Each(ctx, s.DB, columns, func(v T) error {
				row++
				scanned++
				return visit(v)
			}, "SELECT "+list+" FROM "+view+" LIMIT ? OFFSET ?", math.MaxInt-row, row)
		})
		if err == nil && scanned == 0 && lost > 1 {
			return none(last)
		}
		if !OfData(err) {
			return err
		}
		last = err
		if rows == 0 {
			var counting error
			if rows, counting = s.DB.Count(ctx, "SELECT COUNT(*) FROM "+view); OfData(counting) {
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

// EachLoan visits all open loans, once and in no order. A loan that the database cannot compute is one with Broken.
// isFine reports whether its fine is an amount.
func (s *Store) EachLoan(ctx context.Context, visit func(l reminder.Loan, isFine bool) error) error {
	views, err := s.Views(ctx)
	if err != nil {
		return err
	}
	err = salvage(ctx, s, views.loans, views.Select(allColumns...), views.columns,
		func(r loanRow) error { return visit(r.loan()) },
		func(row int) error {
			l, err := s.broken(ctx, " LIMIT 1 OFFSET ?", row)
			if err != nil {
				return err
			}
			return visit(l, true)
		})
	return fault("read the view "+LoansView, err)
}

// Among reads all open loans and returns those that fit.
func (s *Store) Among(ctx context.Context, fits func(reminder.Loan) bool) (loans []reminder.Loan, err error) {
	err = s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
		if fits(l) {
			loans = append(loans, l)
		}
		return nil
	})
	return loans, err
}

// broken finds the column of a loan that the database cannot compute, and reads the others.
func (s *Store) broken(ctx context.Context, which string, args ...any) (reminder.Loan, error) {
	views, err := s.Views(ctx)
	if err != nil {
		return reminder.Loan{}, err
	}
	column := "?" // when somebody has corrected it meanwhile
	whole := *views
	whole.types = maps.Clone(views.types)
	for _, c := range allColumns {
		_, err := Column[string](ctx, s.DB, "SELECT "+views.Select(c)+" FROM "+views.loans+which, args...)
		if OfData(err) {
			column = c
			delete(whole.types, c)
		} else if err != nil {
			return reminder.Loan{}, err
		}
	}
	loans, err := whole.list(ctx, s.DB, which, args...)
	l := reminder.Loan{Broken: column}
	if len(loans) > 0 {
		l = loans[len(loans)-1]
		l.Broken = column
	}
	return l, err
}
