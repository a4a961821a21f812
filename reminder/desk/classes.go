package desk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// A Register lists the classes with a homeroom teacher, and their late loans.
type Register struct {
	Day     *time.Weekday `json:"-"` // of the lists; nil: none are sent
	Classes []Class       `json:"classes"`
	Others  []ClassLate   `json:"others"` // late loans that no teacher is told about, by class
}

// A Class is a class with a homeroom teacher.
type Class struct {
	staffdb.Class
	Trouble reminder.Verdict `json:"trouble"` // why its list cannot be sent, or ""
	Late    int              `json:"late"`    // loans; 0 where its list cannot be sent
}

// A ClassLate counts the late loans of a class.
type ClassLate struct {
	Name string `json:"class"` // "" when the borrower has none
	Late int    `json:"late"`
}

// Register returns what the class lists of today would contain.
func (d Desk) Register(ctx context.Context) (Register, error) {
	r := Register{Day: d.Runner.Settings.ClassDay, Classes: []Class{}, Others: []ClassLate{}}
	today := reminder.DateOf(d.Runner.Now(), d.Runner.Settings.Zone)
	rules, err := d.Runner.Rules(ctx, today)
	if err != nil {
		return r, err
	}
	classes, err := d.Store.Classes(ctx)
	if err != nil {
		return r, err
	}
	roll, err := staff.ReadRoll(ctx, d.Runner.Loans, d.Store.Store, rules, today, classes)
	for _, c := range classes {
		_, verdict := rules.Address(staff.Teacher(c))
		if verdict == reminder.VerdictDue {
			verdict = ""
		}
		r.Classes = append(r.Classes, Class{c, verdict, len(roll[c.Name])})
	}
	for _, l := range roll[""] {
		name := Plain(l.Borrower.Group)
		i := slices.IndexFunc(r.Others, func(o ClassLate) bool { return o.Name == name })
		if i < 0 {
			i, r.Others = len(r.Others), append(r.Others, ClassLate{Name: name})
		}
		r.Others[i].Late++
	}
	slices.SortFunc(r.Others, func(a, b ClassLate) int {
		if a.Name == "" || b.Name == "" { // those without a class last
			return cmp.Compare(b.Name, a.Name)
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return r, err
}

// What entering a class has changed.
const (
	ClassAdded   = "added"
	ClassChanged = "changed"
	ClassKnown   = "known" // as it was
)

// maxTeacher and maxTeacherAddress are the widths of the columns.
const maxTeacher, maxTeacherAddress = 100, 255

// CheckedClass returns a class as it can be stored, or a *reminder.Fault that says what is wrong with it.
func CheckedClass(c staffdb.Class) (staffdb.Class, error) {
	c.Name, c.Teacher = Plain(c.Name), Plain(c.Teacher)
	addr, err := mail.ParseAddress(c.Email)
	switch {
	case staff.Spelling(c.Name) == "":
		return c, reminder.NewFault(nil, "class.no_name")
	case utf8.RuneCountInString(c.Name) > staffdb.MaxClass:
		return c, reminder.NewFault(nil, "class.long_name", "N", staffdb.MaxClass)
	case strings.TrimSpace(c.Email) == "":
		return c, reminder.NewFault(nil, "class.no_address")
	case err != nil || strings.Count(c.Email, "@") > 1 || utf8.RuneCountInString(addr.Addr) > maxTeacherAddress:
		return c, reminder.NewFault(nil, "class.bad_address", "Address", Plain(c.Email))
	}
	if runes := []rune(c.Teacher); len(runes) > maxTeacher {
		c.Teacher = string(runes[:maxTeacher])
	}
	c.Email = addr.Addr
	return c, nil
}

// SetClass stores the teacher of a class. It returns the class under its known name, because another spelling means the
// same class. A class that cannot be stored is a *reminder.Fault.
func (d Desk) SetClass(ctx context.Context, c staffdb.Class) (staffdb.Class, string, error) {
	rows, err := d.ImportClasses(ctx, []ClassRow{{Class: c}}, false)
	if err == nil && rows[0].Change == "" {
		err = &reminder.Fault{Message: rows[0].Why}
	}
	if err != nil {
		return c, "", err
	}
	return rows[0].Class, rows[0].Change, nil
}

// A ClassRow is a row of a table of classes.
type ClassRow struct {
	Line int `json:"line"`
	staffdb.Class
	Change string           `json:"change"` // what storing it does; "" when it cannot be stored
	Why    reminder.Message `json:"-"`      // it cannot
}

// ImportClasses stores the rows that can be stored, even when others cannot. A dry run only says what it would do. When
// the table has two teachers for a class, neither row can be stored.
func (d Desk) ImportClasses(ctx context.Context, rows []ClassRow, dryRun bool) ([]ClassRow, error) {
	classes, err := d.Store.Classes(ctx)
	if err != nil {
		return nil, err
	}
	rows = slices.Clone(rows)
	for i := range rows {
		r := &rows[i]
		if r.Class, err = CheckedClass(r.Class); err != nil {
			r.Why, _ = reminder.MessageOf(err)
		}
	}
	for i := range rows {
		r := &rows[i]
		twice := func(o ClassRow) bool {
			return o.Why.Key != "class.bad_address" && staff.Spelling(o.Name) == staff.Spelling(r.Name) &&
				!strings.EqualFold(o.Email, r.Email)
		}
		if r.Why.Key == "" && slices.ContainsFunc(rows, twice) {
			r.Why = reminder.Say("class.twice", "Name", r.Name)
		}
		if r.Why.Key != "" {
			continue
		}
		r.Change = ClassAdded
		if old, known := staff.NamedClass(classes, r.Name); known {
			if r.Name = old.Name; strings.EqualFold(r.Email, old.Email) {
				r.Email, r.Teacher = old.Email, cmp.Or(r.Teacher, old.Teacher)
			}
			if r.Change = ClassChanged; r.Class == old {
				r.Change = ClassKnown
			}
		}
		if !dryRun && r.Change != ClassKnown {
			if err := d.Store.SetClass(ctx, r.Class); err != nil {
				return nil, err
			}
		}
		classes = append(slices.DeleteFunc(classes, func(c staffdb.Class) bool { return c.Name == r.Name }), r.Class)
	}
	return rows, nil
}

// RemoveClass removes the teacher of a class, and returns the name of the class. A class that nobody entered is an
// Absence.
func (d Desk) RemoveClass(ctx context.Context, name string) (string, error) {
	classes, err := d.Store.Classes(ctx)
	if err != nil {
		return "", err
	}
	c, known := staff.NamedClass(classes, Plain(name))
	if c.Source {
		return c.Name, Absent("class.from_source", "Name", c.Name)
	}
	found := false
	if known {
		found, err = d.Store.RemoveClass(ctx, c.Name)
	}
	if err == nil && !found {
		err = Absent("class.unknown", "Name", Plain(name))
	}
	return c.Name, err
}
