// Package deskdb has the statements that only the desk needs: lists, searches, changes by a person, and doctor's
// questions. They use the sessions of package mysql and follow its rules. The run never imports this package.
//
// A run may be at work at the same time. So each change names the states from which it may start.
package deskdb

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// A Store is a run's Store with the statements of the desk, and those of the mails to the staff.
type Store struct{ *staffdb.Store }

// New returns the Store of the desk on a run's.
func New(s *mysql.Store) *Store { return &Store{staffdb.New(s)} }

// Closures returns all dated closures, the earliest first.
func (s *Store) Closures(ctx context.Context) ([]mysql.Closure, error) {
	return s.Store.Closures(ctx, reminder.Date{Year: 1000, Month: 1, Day: 1})
}

// AddClosure stores a closure, or renames it.
func (s *Store) AddClosure(ctx context.Context, c mysql.Closure) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE name = VALUES(name)`, c.First, c.Last, c.Name)
	return mysql.Explain("store a closure", err)
}

// RemoveClosure removes a closure and reports whether there was one.
func (s *Store) RemoveClosure(ctx context.Context, c mysql.Closure) (bool, error) {
	n, err := s.DB.Exec(ctx, "DELETE FROM reminder_closed_days WHERE first_day = ? AND last_day = ?", c.First, c.Last)
	return n > 0, mysql.Explain("remove a closure", err)
}

// OddClosedDays returns the days of the view of closed days that cannot be read.
func (s *Store) OddClosedDays(ctx context.Context) ([]string, error) {
	_, odd, err := s.SourceCalendars(ctx)
	return odd, err
}

// AddOptOut keeps a borrower from being reminded.
func (s *Store) AddOptOut(ctx context.Context, borrower string, now time.Time) error {
	return s.OptOut(ctx, borrower, "", now)
}

// RemoveOptOut lets a borrower be reminded again and reports whether they had opted out.
func (s *Store) RemoveOptOut(ctx context.Context, borrower string) (bool, error) {
	secret, err := mysql.Secret(ctx, s.DB)
	n := 0
	if err == nil {
		n, err = s.DB.Exec(ctx, "DELETE FROM reminder_opt_outs WHERE borrower_id IN (?, ?)", borrower,
			mysql.HashOf(secret, borrower))
	}
	return n > 0, mysql.Explain("remove an opt-out", err)
}

// An OptOut is an opt-out that a borrower sent by mail.
type OptOut struct {
	Borrower string
	How      string
	At       time.Time
}

// OptOuts returns the opt-outs that came by mail since a time, the newest first.
func (s *Store) OptOuts(ctx context.Context, from time.Time) ([]OptOut, error) {
	outs, err := mysql.List(ctx, s.DB, func(o *OptOut) []any { return []any{mysql.Ident(&o.Borrower), &o.How, &o.At} },
		`SELECT borrower_id, how, since FROM reminder_opt_outs WHERE how <> '' AND since >= ?
		ORDER BY since DESC, borrower_id`, from.Truncate(time.Second))
	return outs, mysql.Explain("read the opt-outs", err)
}

// OddClasses returns the classes for which the library's own system names no teacher clearly.
func (s *Store) OddClasses(ctx context.Context) ([]string, error) {
	_, odd, err := s.SourceClasses(ctx)
	return odd, err
}

// SetClass stores who teaches a class.
func (s *Store) SetClass(ctx context.Context, c staffdb.Class) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_groups (group_name, teacher_name, teacher_email) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE teacher_name = VALUES(teacher_name), teacher_email = VALUES(teacher_email)`,
		c.Name, c.Teacher, c.Email)
	return mysql.Explain("store a class", err)
}

// RemoveClass forgets who teaches a class, and reports whether it was known.
func (s *Store) RemoveClass(ctx context.Context, name string) (bool, error) {
	n, err := s.DB.Exec(ctx, "DELETE FROM reminder_groups WHERE group_name = ?", name)
	return n > 0, mysql.Explain("remove a class", err)
}
