package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// GroupsView is where the library's own system says who is the homeroom teacher of a class. A school that keeps them
// there creates it by hand.
const GroupsView = "reminder_groups_source"

// A Class is a class of a school, or whatever else group_name means, with its homeroom teacher.
type Class struct {
	Name    string `json:"class"`   // as in group_name; data
	Teacher string `json:"teacher"` // or ""; data
	Email   string `json:"email"`   // raw, as a borrower's
	Source  bool   `json:"source"`  // the library's own system says so, and not a person at the desk
}

// MaxClass is how many characters the name of a Class can have.
const MaxClass = 90

// Classes returns the classes with a teacher, by name. What a person said at the desk comes before what the library's
// own system says.
func (s *Store) Classes(ctx context.Context) ([]Class, error) {
	classes, err := list(ctx, s, func(rows *sql.Rows, c *Class) error {
		return rows.Scan(cell{&c.Name}, cell{&c.Teacher}, cell{&c.Email})
	}, "SELECT group_name, teacher_name, teacher_email FROM reminder_groups")
	if err != nil {
		return nil, fault("read the classes", err)
	}
	source, _, err := s.sourceClasses(ctx)
	for _, c := range source {
		if !slices.ContainsFunc(classes, func(o Class) bool { return o.Name == c.Name }) {
			classes = append(classes, c)
		}
	}
	slices.SortFunc(classes, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	return classes, err
}

// OddClasses returns the classes of the library's own system of which it does not say clearly who teaches them.
func (s *Store) OddClasses(ctx context.Context) ([]string, error) {
	_, odd, err := s.sourceClasses(ctx)
	return odd, err
}

// sourceClasses reads GroupsView, if there is one. A class that has two teachers there has none: it is not known which
// of them may see its list.
func (s *Store) sourceClasses(ctx context.Context) (classes []Class, odd []string, err error) {
	err = s.salvage(ctx, GroupsView, "group_name, teacher_name, teacher_email", math.MaxInt, func(rows *sql.Rows) error {
		c := Class{Source: true}
		if err := rows.Scan(prose{&c.Name}, prose{&c.Teacher}, cell{&c.Email}); err != nil {
			return err
		}
		at := slices.IndexFunc(classes, func(o Class) bool { return o.Name == c.Name })
		switch {
		case c.Name == "" || utf8.RuneCountInString(c.Name) > MaxClass:
			odd = append(odd, cmp.Or(c.Name, "?"))
		case at < 0:
			classes = append(classes, c)
		case !strings.EqualFold(classes[at].Email, c.Email):
			odd = append(odd, c.Name)
		}
		return nil
	}, func(row int) error {
		odd = append(odd, fmt.Sprintf("#%d", row+1))
		return nil
	})
	classes = slices.DeleteFunc(classes, func(c Class) bool { return slices.Contains(odd, c.Name) })
	e, _ := errors.AsType[*mysql.MySQLError](err)
	switch {
	case e != nil && (e.Number == 1146 || e.Number == 1142): // there is none, for us
		return nil, nil, nil
	case e != nil && (e.Number == 1054 || e.Number == 1356):
		err = reminder.NewFault(err, "source.groups_view")
	}
	return classes, odd, fault("read the classes of the library's system", err)
}

// SetClass stores who teaches a class.
func (s *Store) SetClass(ctx context.Context, c Class) error {
	_, err := s.exec(ctx, `INSERT INTO reminder_groups (group_name, teacher_name, teacher_email) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE teacher_name = ?, teacher_email = ?`, c.Name, c.Teacher, c.Email, c.Teacher, c.Email)
	return fault("store a class", err)
}

// RemoveClass forgets who teaches a class, and reports whether it was known.
func (s *Store) RemoveClass(ctx context.Context, name string) (bool, error) {
	n, err := s.exec(ctx, "DELETE FROM reminder_groups WHERE group_name = ?", name)
	return n > 0, fault("remove a class", err)
}
