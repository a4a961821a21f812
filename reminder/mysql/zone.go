package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// This file handles time zones. A due_at from a TIMESTAMP or FROM_UNIXTIME is the wall clock in the session's time
// zone, so all sessions use the library's zone. DATE and DATETIME are the same in all zones.

// sessionZone returns the SQL expression for a session's time_zone. A zone without summer time is set by its offset,
// because most servers know no names of zones. A zone with summer time needs its name. Where the server does not know
// the name, its own zone is taken, which is often the same; CheckZone compares them.
func sessionZone(zone *time.Location) string {
	if offset, fixed := fixedOffset(zone); fixed {
		return "'" + offset + "'"
	}
	return fmt.Sprintf("IF(CONVERT_TZ('2030-01-01', '+00:00', '%[1]s') IS NULL, 'SYSTEM', '%[1]s')", zone)
}

// fixedOffset returns the offset of a zone that has no summer time, such as "+07:00".
func fixedOffset(zone *time.Location) (offset string, fixed bool) {
	late := time.Date(2100, 1, 1, 0, 0, 0, 0, zone) // after all changes of the zone except summer time
	_, next := late.ZoneBounds()
	return late.Format("-07:00"), next.IsZero()
}

// CheckZone returns a Fault if due dates would be read in another zone than the library's.
func (s *Store) CheckZone(ctx context.Context) error {
	if _, fixed := fixedOffset(s.Zone); fixed {
		return nil
	}
	t := time.Date(2030, 1, 1, 0, 0, 0, 0, s.Zone)
	for range 2 { // around each change of a year
		_, t = t.ZoneBounds()
		for _, probe := range []time.Time{t.Add(-time.Second), t} {
			var shown string
			err := s.DB.Row(ctx, []any{&shown}, "SELECT CAST(FROM_UNIXTIME(?) AS CHAR(19))", probe.Unix())
			if err != nil {
				return fault("look at the time zone", err)
			}
			if shown != probe.Format(time.DateTime) {
				return s.refuseZone(ctx)
			}
		}
	}
	return nil
}

// refuseZone returns a Fault if a due date depends on the session's zone.
func (s *Store) refuseZone(ctx context.Context) error {
	dues, err := s.ZonedDues(ctx, nil)
	if err != nil || len(dues) == 0 {
		return err
	}
	return reminder.NewFault(nil,
		"zone.name_unknown", "Zone", s.Zone)
}

// maxZoned is how many loans ZonedDues reads.
const maxZoned = 1000

// A ZonedDue is the raw due_at of a loan in sessions with different zones.
type ZonedDue struct {
	Loan string
	In   []string // in the order of the zones
}

// ZonedDues returns the loans whose due_at depends on the session's zone, with its value in each of the zones. It looks
// at some loans, or at any: then the database may read the returned loans of all years to find the open ones.
func (s *Store) ZonedDues(ctx context.Context, loans []string, zones ...string) (dues []ZonedDue, err error) {
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := s.DB.pool.Conn(ctx)
	if err != nil {
		return nil, fault("compare time zones", err)
	}
	defer conn.Close()
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it, because its session has another zone
	// TiDB refuses READ ONLY.
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, fault("compare time zones", err)
	}
	defer tx.Rollback()
	condition, args := " WHERE due_at IS NOT NULL LIMIT ?", []any{maxZoned}
	if len(loans) > 0 {
		condition, args = views.Where("loan_id", loans[:min(len(loans), maxZoned)])
	}
	var shown []map[string]string
	// The first two zones are a day apart: a due_at that depends on the zone differs between them.
	for _, zone := range append([]string{"-12:00", "+12:00"}, zones...) {
		_, err := tx.ExecContext(ctx, "SET time_zone = ?", zone)
		in := map[string]string{}
		if err == nil {
			err = Each(ctx, &DB{execQuerier: tx}, func(r *[2]string) []any { return []any{views.Ident(&r[0]), cell{&r[1]}} },
				func(r [2]string) error { in[r[0]] = r[1]; return nil }, "SELECT "+views.Select("loan_id", "due_at")+
					" FROM "+views.loans+condition, args...)
		}
		if OfData(err) {
			return nil, nil // the database cannot compute a cell: nothing can be compared
		}
		if err != nil {
			return nil, fault("compare time zones", err)
		}
		if shown = append(shown, in); len(shown) == 2 && maps.Equal(shown[0], shown[1]) {
			return nil, nil
		}
		condition, args = views.Where("loan_id", slices.Collect(maps.Keys(in)))
	}
	for loan, due := range shown[0] {
		other, ok := shown[1][loan]
		if !ok || other == due {
			continue
		}
		d := ZonedDue{Loan: loan}
		for _, in := range shown[2:] {
			d.In = append(d.In, in[loan])
		}
		dues = append(dues, d)
	}
	slices.SortFunc(dues, func(a, b ZonedDue) int { return strings.Compare(a.Loan, b.Loan) })
	return dues, nil
}
