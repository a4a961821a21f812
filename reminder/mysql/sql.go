package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A DB executes statements, in the pool of sessions or in one transaction. If it may help, it executes a statement that
// failed again. In a transaction it does not: Tx repeats the whole transaction.
//
// Parameters may be times (written as DATETIME(6) in UTC), [reminder.Date], [reminder.Digest], and lists. The mark of a
// list stands for all its values, as in "id IN (?)".
//
// Destinations of columns are pointers, as for [sql.Rows.Scan]. NULL becomes "" or the zero time.
type DB struct {
	execQuerier
	pool *sql.DB // nil in a transaction
}

// Exec executes a statement that may be repeated, and returns the number of matched rows.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (matched int, err error) {
	query, args = bind(query, args)
	err = db.retry(ctx, func(bool) error {
		res, err := db.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		matched = int(n)
		return err
	})
	return matched, err
}

// Row reads the only row of a query. If there is no row, it reads nothing.
func (db *DB) Row(ctx context.Context, into []any, query string, args ...any) error {
	return db.retry(ctx, func(bool) error {
		return Each(ctx, db, func(*struct{}) []any { return slices.Clone(into) }, func(struct{}) error { return nil },
			query, args...)
	})
}

// Count reads the only number of a query.
func (db *DB) Count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = db.Row(ctx, []any{&n}, query, args...)
	return n, err
}

// Each calls visit for each row of a query, as the database sends it. columns returns the destinations for the columns
// of a row. The query is not repeated after an error.
func Each[T any](ctx context.Context, db *DB, columns func(*T) []any, visit func(T) error, query string,
	args ...any) error {
	query, args = bind(query, args)
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(destinations(columns(&v))...); err != nil {
			return err
		}
		if err := visit(v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// List returns the rows of a query as values. columns returns the destinations for the columns of a row.
func List[T any](ctx context.Context, db *DB, columns func(*T) []any, query string, args ...any) (all []T, err error) {
	err = db.retry(ctx, func(bool) error {
		all = []T{}
		return Each(ctx, db, columns, func(v T) error {
			all = append(all, v)
			return nil
		}, query, args...)
	})
	return all, err
}

// Column reads the only column of a query.
func Column[T any](ctx context.Context, db *DB, query string, args ...any) ([]T, error) {
	return List(ctx, db, func(v *T) []any { return []any{v} }, query, args...)
}

// Pairs reads the two columns of a query into a map from the first to the second one.
func Pairs[K comparable, V any](ctx context.Context, db *DB, query string, args ...any) (map[K]V, error) {
	type pair struct {
		key   K
		value V
	}
	rows, err := List(ctx, db, func(p *pair) []any { return []any{&p.key, &p.value} }, query, args...)
	pairs := make(map[K]V, len(rows))
	for _, p := range rows {
		pairs[p.key] = p.value
	}
	return pairs, err
}

// Tx executes f in a transaction and commits. After an error it rolls back and, if that may help, begins again. again
// means that an earlier commit may have taken effect, and only its reply was lost.
func (db *DB) Tx(ctx context.Context, f func(tx *DB, again bool) error) error {
	return retry(ctx, func(again bool) error {
		conn, err := db.pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		committed := false
		defer func() {
			tx.Rollback() // after Commit it does nothing
			if !committed {
				// A rollback may fail, too. Then the next transaction on this connection would commit this one.
				conn.Raw(func(any) error { return driver.ErrBadConn })
			}
		}()
		if err := f(&DB{execQuerier: tx}, again); err != nil {
			return err
		}
		err = tx.Commit()
		committed = err == nil
		return err
	})
}

// retry repeats f, unless db is a transaction.
func (db *DB) retry(ctx context.Context, f func(again bool) error) error {
	if db.pool == nil {
		return f(false)
	}
	return retry(ctx, f)
}

// repeat is retry for several statements. Each try executes each of them once.
func (db *DB) repeat(ctx context.Context, f func(once *DB, again bool) error) error {
	return retry(ctx, func(again bool) error { return f(&DB{execQuerier: db.execQuerier}, again) })
}

// bind returns a statement and its parameters in the form for the driver. An empty slice becomes NULL, to which no
// value is equal.
func bind(query string, args []any) (string, []any) {
	var text strings.Builder
	values := make([]any, 0, len(args))
	for _, arg := range args {
		before, after, _ := strings.Cut(query, "?")
		text.WriteString(before)
		query = after
		list := reflect.ValueOf(arg)
		if _, bytes := arg.([]byte); bytes || list.Kind() != reflect.Slice {
			text.WriteByte('?')
			values = append(values, parameter(arg))
			continue
		}
		text.WriteString(marks(max(1, list.Len())))
		for i := range list.Len() {
			values = append(values, parameter(list.Index(i).Interface()))
		}
		if list.Len() == 0 {
			values = append(values, nil)
		}
	}
	text.WriteString(query)
	return text.String(), values
}

func parameter(v any) any {
	switch v := v.(type) {
	case time.Time:
		return formatTime(v)
	case reminder.Date:
		return v.String()
	case reminder.Digest:
		return v[:]
	}
	return v
}

// destinations replaces destinations that cannot be scanned into, because of NULL or another form, by scanners.
func destinations(into []any) []any {
	for i, d := range into {
		switch d := d.(type) {
		case *string:
			into[i] = text{d}
		case *time.Time:
			into[i] = datetime{d}
		case *reminder.Date:
			into[i] = day{d}
		case *reminder.Digest:
			into[i] = digest{d}
		case *reminder.Report:
			into[i] = report{d}
		}
	}
	return into
}

type (
	digest struct{ *reminder.Digest }
	report struct{ *reminder.Report }
)

func (d digest) Scan(src any) error {
	var raw sql.NullString
	err := raw.Scan(src)
	copy(d.Digest[:], raw.String)
	return err
}

func (r report) Scan(src any) error {
	var raw sql.NullString
	if err := raw.Scan(src); err != nil || !raw.Valid {
		return err
	}
	return json.Unmarshal([]byte(raw.String), r.Report)
}
