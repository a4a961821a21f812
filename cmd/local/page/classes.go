package page

import (
	"errors"
	"io"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// The homeroom teachers, who get the list of what is late in their class.

// classes is what the page shows.
type classes struct {
	desk.Register
	Fill   reminder.Class // of the form
	Import *classImport
}

// Weekday is the day of the lists, where there is one.
func (c classes) Weekday() int { return int(*c.Day) }

// A classImport is what a file holds, before it counts.
type classImport struct {
	File string
	Rows []desk.ClassRow
	N    int // of those that can be entered
}

// Value carries a row of a file through the form with which it is accepted.
func (classImport) Value(r desk.ClassRow) string {
	return strings.Join([]string{r.Name, r.Teacher, r.Email}, "\t")
}

func showClasses(v *visit) error {
	c, err := v.classes()
	c.Fill.Name = v.FormValue("class")
	for _, known := range c.Classes {
		if known.Name == c.Fill.Name {
			c.Fill = known.Class
		}
	}
	v.Data = c
	return err
}

func (v *visit) classes() (c classes, err error) {
	v.page = "classes"
	if err = v.open(); err == nil {
		c.Register, err = newDesk(v.app).Register(v.Context())
	}
	return c, err
}

// classFault lets a person mend what they filled in.
func classFault(err error) error {
	if f, ok := errors.AsType[*reminder.Fault](err); ok && strings.HasPrefix(f.Message.Key, "class.") {
		return inputError{err}
	}
	return err
}

func setClass(v *visit) (action, error) {
	c, err := v.classes()
	if err != nil {
		return action{}, err
	}
	c.Fill = reminder.Class{Name: v.PostFormValue("class"), Teacher: v.PostFormValue("teacher"),
		Email: v.PostFormValue("to")}
	v.Data = c
	set, _, err := newDesk(v.app).SetClass(v.Context(), c.Fill)
	return action{Key: "class", N: 1, On: set.Name, To: "/classes"}, classFault(err)
}

func removeClass(v *visit) (action, error) {
	c, err := v.classes()
	if err != nil {
		return action{}, err
	}
	v.Data = c
	name, err := newDesk(v.app).RemoveClass(v.Context(), v.PostFormValue("class"))
	return action{Key: "class_removed", On: name, To: "/classes"}, classFault(err)
}

// importClasses reads a file and shows what it holds. Nothing counts before the second form is sent.
func importClasses(v *visit) (action, error) {
	c, err := v.classes()
	if err != nil {
		return action{}, err
	}
	v.Data = c
	file, header, err := v.FormFile("file")
	if err != nil {
		return action{}, v.fault("page.holidays.no_file")
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return action{}, err
	}
	in := classImport{File: desk.Plain(header.Filename)}
	rows, err := v.d.Machine.Classes(in.File, data)
	if err != nil {
		return action{}, classFault(err)
	}
	if in.Rows, err = newDesk(v.app).ImportClasses(v.Context(), rows, true); err != nil {
		return action{}, err
	}
	for _, r := range in.Rows {
		if r.Change != "" {
			in.N++
		}
	}
	c.Import = &in
	v.Data = c
	v.render(nil)
	return action{}, errDone
}

// acceptClasses enters what was chosen of a file.
func acceptClasses(v *visit) (action, error) {
	c, err := v.classes()
	if err != nil {
		return action{}, err
	}
	v.Data = c
	var rows []desk.ClassRow
	for _, value := range v.PostForm["row"] {
		cells := append(strings.Split(value, "\t"), "", "")
		rows = append(rows, desk.ClassRow{Class: reminder.Class{Name: cells[0], Teacher: cells[1], Email: cells[2]}})
	}
	if rows, err = newDesk(v.app).ImportClasses(v.Context(), rows, false); err != nil {
		return action{}, err
	}
	n := 0
	for _, r := range rows {
		if r.Change != "" {
			n++
		}
	}
	return action{Key: "class", N: n, To: "/classes"}, nil
}
