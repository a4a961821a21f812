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

// This file reads cells of the library's data, which may contain anything that MySQL can store. One odd cell must not
// prevent the other rows from being read. So every cell is read as text. If the database cannot compute a cell, the
// rest of its row and the other rows are still read.

// The types that cells of the views are scanned into. NULL becomes "".
type (
	cell    struct{ *string } // text without padding and invalid UTF-8, cut at maxCell
	prose   struct{ *string } // text that people read: a cell with its HTML entities decoded
	consent struct{ *string } // what a guardian has agreed to; NULL becomes "none"
	ident   struct {          // an id
		raws *raws // stores the raw value, to find the loan by it; or nil
		id   *string
	}
)

// Cell returns a destination for a cell as text.
func Cell(s *string) sql.Scanner { return cell{s} }

// Prose returns a destination for a cell that people read. It decodes, once, the HTML entities that a PHP program
// (htmlspecialchars, htmlentities) stored.
func Prose(s *string) sql.Scanner { return prose{s} }

// Ident returns a destination for an id from the program's own tables.
func Ident(id *string) sql.Scanner { return ident{nil, id} }

// Ident returns a destination for an id from the view. The view stores the raw value, to find the loan by it.
func (v *Views) Ident(id *string) sql.Scanner { return ident{v.raws, id} }

// maxCell is how many bytes of a cell are read.
const maxCell = 4096

// padding has the characters around values in columns of a fixed length, and after an import.
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

// decode decodes HTML entities. It keeps an entity without its semicolon, or with an unknown name, because no program
// writes such a thing.
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

// IDOf returns the id in a raw value, without padding: the unique key ignores blanks at the end, and an import must not
// turn a loan into another one. Bytes that are no text, such as a UUID in BINARY(16), are written as 0x….
func IDOf(raw string) string {
	id := strings.TrimLeft(strings.TrimRight(raw, "\x00"+padding), padding)
	if utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl) {
		return id
	}
	return "0x" + strings.ToUpper(hex.EncodeToString([]byte(raw)))
}

// raws has the stored values of the ids whose stored value is different, as the last scan found them.
type raws struct{ sync.Map }

// OfData reports whether a statement failed because of a row's data: a subquery found two rows, a number was out of
// range, a function refused its argument. There are too many such errors to list them, so OfData excludes all others.
func OfData(err error) bool {
	n := Number(err)
	if n == 0 || isFault(err) || transient(err) {
		return false
	}
	if n == 1267 || n == 1271 { // two collations clash, perhaps only that of the id in the condition
		return true
	}
	return remedyFor(n) == "" && !slices.Contains([]uint16{1064, 1037, 1038, 1041}, n) // syntax, memory
}

// ofValue reports whether an INSERT was refused because of a value: by its column, a CHECK, a trigger or a partition.
func ofValue(err error) bool {
	return slices.Contains([]uint16{1048, 1264, 1265, 1292, 1300, 1366, 1406, 1526, 1644, 1690, 3819, 4025}, Number(err))
}

// maxBroken is how many rows that the database cannot compute are skipped at most.
const maxBroken = 1000

// Salvage visits the rows of a view and skips those that the database cannot compute. The database sends each row as
// soon as it has computed it. So if a statement fails, the row after the last received one is broken. Salvage calls
// broken with its number, and the next statement starts after it. If none of several rows can be computed, the view
// itself is wrong, and Salvage returns a Fault.
func Salvage[T any](ctx context.Context, s *Store, view, list string, columns func(*T) []any, visit func(T) error,
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
				rows = math.MaxInt // MySQL computes the columns to count rows; a statement after the last row does not fail
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

// EachLoan visits each open loan once, in no order. A loan that the database cannot compute has Broken set. isFine
// reports whether the fine is an amount.
func (s *Store) EachLoan(ctx context.Context, visit func(l reminder.Loan, isFine bool) error) error {
	views, err := s.Views(ctx)
	if err != nil {
		return err
	}
	err = Salvage(ctx, s, views.loans, views.Select(allColumns...), views.columns,
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

// Filter reads all open loans and returns those for which keep returns true.
func (s *Store) Filter(ctx context.Context, keep func(reminder.Loan) bool) (loans []reminder.Loan, err error) {
	err = s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
		if keep(l) {
			loans = append(loans, l)
		}
		return nil
	})
	return loans, err
}

// broken reads a loan without the column that the database cannot compute, and finds out which one that is.
func (s *Store) broken(ctx context.Context, which string, args ...any) (reminder.Loan, error) {
	views, err := s.Views(ctx)
	if err != nil {
		return reminder.Loan{}, err
	}
	column := "?" // somebody may have corrected it meanwhile
	computable := *views
	computable.types = maps.Clone(views.types)
	for _, c := range allColumns {
		_, err := Column[string](ctx, s.DB, "SELECT "+views.Select(c)+" FROM "+views.loans+which, args...)
		if OfData(err) {
			column = c
			delete(computable.types, c)
		} else if err != nil {
			return reminder.Loan{}, err
		}
	}
	loans, err := computable.list(ctx, s.DB, which, args...)
	l := reminder.Loan{Broken: column}
	if len(loans) > 0 {
		l = loans[len(loans)-1]
		l.Broken = column
	}
	return l, err
}
