package page

import (
	"strings"

	"github.com/mtsn6garut/pengingat/cmd/local/imports"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// classes is the page of homeroom teachers, who get the list of late books of their class.
type classes struct {
	desk.Register
	Fill   staffdb.Class // of the form
	Import *classImport
}

// A classImport is the content of a file that is shown before it is stored.
type classImport struct {
	File string
	Rows []desk.ClassRow
	N    int // rows that can be stored
}

// classes reads the teachers. The form shows what was typed, or what is known of the class in the query.
func (v *visit) classes() (c classes, err error) {
	c.Register, err = newDesk(v.app).Register(v.Context())
	c.Fill = staffdb.Class{Name: v.FormValue("class"), Teacher: v.FormValue("teacher"), Email: v.FormValue("to")}
	for _, known := range c.Classes {
		if known.Name == c.Fill.Name && c.Fill.Email == "" {
			c.Fill = known.Class
		}
	}
	return c, err
}

func setClass(v *visit) (action, error) {
	set, _, err := newDesk(v.app).SetClass(v.Context(), staffdb.Class{Name: v.PostFormValue("class"),
		Teacher: v.PostFormValue("teacher"), Email: v.PostFormValue("to")})
	return action{Key: "class", N: 1, On: set.Name}, err
}

func removeClass(v *visit) (action, error) {
	name, err := newDesk(v.app).RemoveClass(v.Context(), v.PostFormValue("class"))
	return action{Key: "class_removed", On: name}, err
}

// importClasses reads a file and shows its rows. Nothing is stored before the second form is sent.
func importClasses(v *visit) (action, error) {
	name, data, err := v.upload()
	if err != nil {
		return action{}, err
	}
	rows, err := imports.Classes(name, data)
	if err != nil {
		return action{}, err
	}
	in := classImport{File: name}
	if in.Rows, in.N, err = v.enter(rows, true); err != nil {
		return action{}, err
	}
	c, err := v.classes()
	c.Import = &in
	return action{Show: c}, err
}

// acceptClasses stores the rows that were ticked.
func acceptClasses(v *visit) (action, error) {
	var rows []desk.ClassRow
	for _, value := range v.PostForm["row"] {
		cells := append(strings.Split(value, "\t"), "", "")
		rows = append(rows, desk.ClassRow{Class: staffdb.Class{Name: cells[0], Teacher: cells[1], Email: cells[2]}})
	}
	_, n, err := v.enter(rows, false)
	return action{Key: "class", N: n}, err
}

// enter stores rows, or with dryRun only says what that would change. n counts the rows that can be stored.
func (v *visit) enter(rows []desk.ClassRow, dryRun bool) (done []desk.ClassRow, n int, err error) {
	done, err = newDesk(v.app).ImportClasses(v.Context(), rows, dryRun)
	for _, r := range done {
		if r.Change != "" {
			n++
		}
	}
	return done, n, err
}
