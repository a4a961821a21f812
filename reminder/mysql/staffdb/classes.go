package staffdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
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
	classes, err := mysql.List(ctx, s.DB, func(c *Class) []any {
		return []any{mysql.Cell(&c.Name), mysql.Cell(&c.Teacher), mysql.Cell(&c.Email)}
	}, "SELECT group_name, teacher_name, teacher_email FROM reminder_groups")
	if err != nil {
		return nil, mysql.Explain("read the classes", err)
	}
	source, _, err := s.SourceClasses(ctx)
	for _, c := range source {
		if !slices.ContainsFunc(classes, func(o Class) bool { return o.Name == c.Name }) {
			classes = append(classes, c)
		}
	}
	slices.SortFunc(classes, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	return classes, err
}

// SourceClasses reads GroupsView, if there is one, and returns the classes of which it does not say clearly who teaches
// them as odd. A class that has two teachers there has none: it is not known which of them may see its list.
func (s *Store) SourceClasses(ctx context.Context) (classes []Class, odd []string, err error) {
	err = mysql.Salvage(ctx, s.Store, GroupsView, "group_name, teacher_name, teacher_email", func(c *Class) []any {
		return []any{mysql.Prose(&c.Name), mysql.Prose(&c.Teacher), mysql.Cell(&c.Email)}
	}, func(c Class) error {
		c.Source = true
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
	switch {
	case mysql.Absent(err):
		return nil, nil, nil
	case mysql.Number(err) == 1054, mysql.Number(err) == 1356:
		err = reminder.NewFault(err, "source.groups_view")
	}
	return classes, odd, mysql.Explain("read the classes of the library's system", err)
}
