package imports

import (
	"bytes"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// classColumns has the headings that a column may have, in lower case.
var classColumns = map[string][]string{
	"class": {"kelas", "nama kelas", "rombel", "rombongan belajar", "class", "group", "group_name", "homeroom"},
	"teacher": {"wali kelas", "wali", "nama wali kelas", "nama wali", "guru", "nama guru", "nama", "teacher", "name",
		"teacher_name"},
	"address": {"surel", "alamat surel", "email", "e-mail", "alamat email", "alamat e-mail",
		"address", "teacher_email", "alamat"},
}

// Classes reads a table of classes by the headings of its columns. Without headings the columns are class and teacher,
// and the address is what contains an @.
func Classes(file string, data []byte) (rows []desk.ClassRow, err error) {
	if data = setup.DecodeText(data); isNeither(data) || bytes.ContainsRune(data, 0) {
		return nil, reminder.NewFault(nil, "class.no_table", "File", file)
	}
	var columns map[string]int
	tableRows(string(data), func(line int, row []string, err error) {
		for i, cell := range row {
			row[i] = desk.Plain(cell)
		}
		if strings.Join(row, "") == "" && err == nil {
			return
		}
		if found := headings(row); columns == nil && found != nil { // the rows above it are a title
			columns, rows = found, slices.DeleteFunc(rows, func(r desk.ClassRow) bool { return r.Email == "" })
			return
		}
		r := desk.ClassRow{Line: line}
		if columns != nil {
			cell := func(column string) string {
				if i, ok := columns[column]; ok && i < len(row) {
					return row[i]
				}
				return ""
			}
			r.Name, r.Teacher, r.Email = cell("class"), cell("teacher"), cell("address")
		} else {
			into := []*string{&r.Name, &r.Teacher}
			for _, cell := range row {
				switch {
				case strings.Contains(cell, "@") && r.Email == "":
					r.Email = cell
				case cell != "" && len(into) > 0:
					*into[0], into = cell, into[1:]
				}
			}
		}
		rows = append(rows, r)
	})
	if len(rows) == 0 {
		return nil, reminder.NewFault(nil, "class.empty_table", "File", file)
	}
	return rows, nil
}

// headings returns which column is which, or nil if the row is not a row of headings.
func headings(row []string) map[string]int {
	columns := map[string]int{}
	for i, cell := range row {
		for column, names := range classColumns {
			if _, known := columns[column]; !known && slices.Contains(names, strings.ToLower(strings.Trim(cell, " :."))) {
				columns[column] = i
			}
		}
	}
	if _, known := columns["class"]; !known || strings.Contains(strings.Join(row, ""), "@") {
		return nil
	}
	return columns
}
