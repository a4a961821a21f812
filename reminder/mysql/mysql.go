// Package mysql implements [reminder.Store] and [reminder.Loans] on the library's own MySQL or MariaDB. It keeps the
// records in tables of its own and reads the loans through a view.
//
// It relies on these rules:
//
//   - Every session begins by setting all settings that matter, so the server's defaults do not.
//   - A unique key decides which run promised a notice (plain INSERT; error 1062 says that another one did).
//   - A state changes by one guarded UPDATE that names the claim's token, and the number of rows matched is checked.
//   - After any error in a transaction, all of it is rolled back and begun again: after a deadlock MySQL continues
//     outside the transaction, and after a lock wait it would commit half of it.
//   - A write whose reply was lost may have happened. So every write can be repeated. The repetition finds by its token
//     or key what the first try has done.
//   - Leases and retry times come from UTC_TIMESTAMP(6) of the database; due dates never do. The program writes UTC, in
//     columns that no time zone changes. The session's zone is the library's, for columns of its own system that depend
//     on it.
//
// MariaDB 10.4 and MySQL 5.7 understand all of the SQL: it has no SKIP LOCKED, no window functions and no row aliases.
package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A Store is a reminder.Store on one database.
type Store struct {
	DB     *DB                   // for other packages of the program
	Zone   *time.Location        // the library's
	draft  string                // suffix of the views' names; "" for the views in use
	source atomic.Pointer[Views] // as Check found them
	raws   raws

	scanning chan struct{} // has an element during a Scan
	steps    *group
	ample    allowance
}

var (
	_ reminder.Loans = (*Store)(nil)
	_ reminder.Store = (*Store)(nil)
)

// Open returns a Store. It does not connect. cfg has the address, the login and, as Loc, the library's time zone; Open
// sets the rest, so that all sessions are the same. The Store has up to maxConns connections, but up to two at least,
// which a scan of many loans needs. The first connection may take as long as patience.
func Open(cfg *mysql.Config, maxConns int, patience time.Duration) (*Store, error) {
	db, err := open(cfg, maxConns, patience)
	if err != nil {
		return nil, err
	}
	return New(db, cfg.Loc), nil
}

// New returns a Store on a database that OpenDB opened for a library in a zone.
func New(db *sql.DB, zone *time.Location) *Store {
	return &Store{DB: &DB{db, db}, Zone: zone, steps: newGroup(), scanning: make(chan struct{}, 1)}
}

// Drafts returns a Store that reads the views whose names end with suffix, to check them before they are in use.
func (s *Store) Drafts(suffix string) *Store {
	d := New(s.DB.pool, s.Zone)
	d.draft = suffix
	return d
}

// OpenDB is Open without the Store, for migrations and diagnosis.
func OpenDB(cfg *mysql.Config, maxConns int) (*sql.DB, error) { return open(cfg, maxConns, 0) }

func open(cfg *mysql.Config, maxConns int, patience time.Duration) (*sql.DB, error) {
	cfg = cfg.Clone()
	cfg.ParseTime = false      // dates stay text, so no zone can change a day, and a zero date is no error
	cfg.ClientFoundRows = true // an UPDATE returns the number of matched rows, even if it changes nothing
	cfg.InterpolateParams = true
	cfg.RejectReadOnly = true // after a failover the server may be read-only: connect again, perhaps to another one
	cfg.Collation = collation
	cfg.Timeout = cmp.Or(cfg.Timeout, 5*time.Second)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, 75*time.Second) // a statement has four fifths of it
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 30*time.Second)
	cfg.Logger = &mysql.NopLogger{} // all errors are returned, too
	connector, err := newSessions(cfg)
	if err != nil {
		return nil, fmt.Errorf("database configuration: %w", err)
	}
	if patience > 0 {
		connector.cold = &coldStart{patience: patience}
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(max(maxConns, 2))
	db.SetMaxIdleConns(max(maxConns, 2))
	// Shorter than the time for which servers and firewalls keep an idle connection: on Windows the driver cannot see that
	// a connection was closed.
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(3 * time.Minute)
	return db, nil
}

// Close closes the connections.
func (s *Store) Close() error { return s.DB.pool.Close() }

// maxTries is how often a statement or transaction is tried at most. After deadlocks it is maxDeadlocks: in each of
// them another transaction succeeded, which is normal with several runs.
const maxTries, maxDeadlocks = 5, 30

// retry calls f until it succeeds, fails for good, or was tried too often. f may have taken effect although it returned
// an error, because a reply can be lost; it must be repeatable even then. again is true in a repetition.
func retry(ctx context.Context, f func(again bool) error) error {
	for try := 1; ; try++ {
		err := f(try > 1)
		limit := maxTries
		if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == 1213 {
			limit = maxDeadlocks
		}
		if err == nil || try >= limit || !transient(err) || ctx.Err() != nil {
			return err
		}
		pause := time.Duration(min(try, maxTries)*min(try, maxTries)) * 10 * time.Millisecond
		timer := time.NewTimer(pause + rand.N(pause)) // jitter, so the same transactions do not conflict again
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// transient reports whether another try may succeed.
func transient(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch e.Number {
		case 1213, // deadlock
			1205,                               // lock wait timeout
			1020,                               // row changed since the snapshot (MariaDB with innodb_snapshot_isolation)
			1053, 1927, 3168, 3169, 1317, 1040, // shutdown, killed, interrupted, too many connections
			1158, 1159, 1160, 4031, // network, idle for too long
			1047,             // MariaDB: the node has not caught up with its cluster
			1290, 1792, 1836, // read-only: failover under way
			8002, 8022, 8028, 9007, // TiDB: write conflict, schema changed
			8005, 8027, 8229, 9001, 9002, 9003, 9004, 9005, 9010, 9011: // TiDB: storage away for a while
			return true
		case 1105: // of no kind; TiDB's when others always took a row before this statement did
			return strings.Contains(e.Message, "lock retry limit")
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)
}

// An execQuerier is a *sql.DB or a *sql.Tx.
type execQuerier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// SetOf returns keys as a set.
func SetOf[K comparable](keys []K) map[K]bool {
	set := make(map[K]bool, len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set
}

// The types for destinations of columns that may be NULL (the zero time, or "") or that are text in the database.
type (
	datetime struct{ *time.Time }
	day      struct{ *reminder.Date }
	text     struct{ *string }
)

func (d datetime) Scan(src any) (err error) {
	var raw sql.NullString
	if err := raw.Scan(src); err != nil {
		return err
	}
	*d.Time, err = parseTime(raw)
	return err
}

func (d day) Scan(src any) (err error) {
	var raw sql.NullString
	if err := raw.Scan(src); err != nil {
		return err
	}
	*d.Date, err = reminder.ParseDate(raw.String)
	return err
}

func (t text) Scan(src any) error {
	var raw sql.NullString
	err := raw.Scan(src)
	*t.string = raw.String
	return err
}

// instant is the layout of DATETIME(6).
const instant = "2006-01-02 15:04:05.000000"

func formatTime(t time.Time) string { return t.UTC().Format(instant) }

// parseTime reads a DATETIME with or without a fraction; NULL is the zero time.
func parseTime(s sql.NullString) (time.Time, error) {
	if !s.Valid {
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02 15:04:05", s.String)
}
