package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) classCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "class",
		Aliases: []string{"kelas"},
		Short:   p.say("class.short"),
		Long:    p.say("class.long"),
	}
	var to, name string
	set := &cobra.Command{
		Use:     p.say("class.set_usage"),
		Short:   p.say("class.set_short"),
		Example: "  pengingat class set 7A --to rina@sekolah.sch.id --name \"Rina Marlina, M.Pd.\"",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, change, err := newDesk(app).SetClass(ctx, mysql.Class{Name: strings.Join(args, " "), Teacher: name, Email: to})
			if f, wrong := errors.AsType[*reminder.Fault](err); wrong && strings.HasPrefix(f.Message.Key, "class.") {
				return misuse{errors.New(p.text(f.Message))}
			}
			if err != nil {
				return err
			}
			p.print("class."+change, "Name", c.Name, "Address", c.Email)
			r, err := newDesk(app).Register(ctx)
			if err == nil && r.Day == nil {
				p.print("class.no_day")
			}
			return err
		}),
	}
	set.Flags().StringVar(&to, "to", "", p.say("class.to"))
	set.Flags().StringVar(&name, "name", "", p.say("class.name"))
	cmd.AddCommand(set, p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   p.say("class.list_short"),
		Example: "  pengingat class list",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			r, err := newDesk(app).Register(ctx)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(r.Classes, func(c desk.Class) bool { return c.Trouble != "" }) {
				p.code = exitNeedsPerson
			}
			if p.asJSON {
				return p.printJSON(r)
			}
			p.printRegister(r)
			return nil
		}),
	}), &cobra.Command{
		Use:     p.say("class.remove_usage"),
		Short:   p.say("class.remove_short"),
		Example: "  pengingat class remove 7A",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			name, err := newDesk(app).RemoveClass(ctx, strings.Join(args, " "))
			if err == nil {
				p.print("class.removed", "Name", name)
			}
			return err
		}),
	}, p.classImportCommand())
	return cmd
}

func (p *program) printRegister(r desk.Register) {
	for _, c := range r.Classes {
		who := desk.Plain(c.Email)
		if c.Teacher != "" {
			who = fmt.Sprintf("%s <%s>", desk.Plain(c.Teacher), who)
		}
		line := p.say("class.line", "Name", desk.Plain(c.Name), "Teacher", who, "N", c.Late)
		if c.Trouble != "" {
			line = p.say("class.line_trouble", "Name", desk.Plain(c.Name), "Teacher", who, "Why", p.reason(string(c.Trouble)))
		}
		fmt.Fprintln(p.out, wrap(line, 4))
	}
	if len(r.Classes) == 0 {
		p.print("class.none")
	}
	for _, o := range r.Others {
		if o.Name == "" {
			p.print("class.others_none", "N", o.Late)
		} else {
			p.print("class.others", "Name", o.Name, "N", o.Late)
		}
	}
	if r.Day == nil {
		p.print("class.no_day")
	} else {
		p.print("class.day", "Day", letter.Weekdays([]time.Weekday{*r.Day}, p.locale))
	}
}

func (p *program) classImportCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:     p.say("closed.import_file"),
		Short:   p.say("class.import_short"),
		Long:    p.say("class.import_long"),
		Example: "  pengingat class import wali-kelas.csv --dry-run\n  pengingat class import wali-kelas.csv",
		Args:    p.args(1, 1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return p.usage("closed.file_unreadable", "File", args[0])
			}
			rows, err := readClasses(args[0], data)
			if err != nil {
				return misuse{errors.New(p.text(reminder.Say("closed.import_problem", "Problem", err)))}
			}
			return p.importClasses(ctx, newDesk(app), rows, dryRun)
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, p.say("class.dry_run"))
	return p.jsonFlag(cmd)
}

func (p *program) importClasses(ctx context.Context, d desk.Desk, rows []desk.ClassRow, dryRun bool) error {
	rows, err := d.ImportClasses(ctx, rows, dryRun)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, r := range rows {
		if count[r.Change]++; r.Change == "" {
			p.code = exitNeedsPerson
		}
	}
	if p.asJSON {
		type row struct {
			desk.ClassRow
			Why string `json:"why"`
		}
		all := []row{}
		for _, r := range rows {
			all = append(all, row{r, p.text(r.Why)})
		}
		return p.printJSON(map[string]any{"rows": all, "dry_run": dryRun})
	}
	for _, r := range rows {
		mark := map[string]string{desk.ClassAdded: "+", desk.ClassChanged: "~", desk.ClassKnown: "="}[r.Change]
		line := strings.TrimSpace(fmt.Sprintf("%s %s  %s <%s>", mark, r.Name, r.Teacher, r.Email))
		if r.Change == "" {
			line = "- " + p.say("class.row", "Line", r.Line, "Name", r.Name, "Why", r.Why)
		}
		fmt.Fprintln(p.out, wrap(line, 2))
	}
	key := "class.imported"
	if dryRun {
		key = "class.would_import"
	}
	p.print(key, "N", count[desk.ClassAdded], "Changed", count[desk.ClassChanged], "Known", count[desk.ClassKnown])
	if n := count[""]; n > 0 {
		p.print("class.left_out", "N", n)
	}
	return nil
}

// classColumns are what the heading of a column of a table can say, in lower case.
var classColumns = map[string][]string{
	"class": {"kelas", "nama kelas", "rombel", "rombongan belajar", "class", "group", "group_name", "homeroom"},
	"teacher": {"wali kelas", "wali", "nama wali kelas", "nama wali", "guru", "nama guru", "nama", "teacher", "name",
		"teacher_name"},
	"address": {"surel", "alamat surel", "email", "e-mail", "alamat email", "alamat e-mail",
		"address", "teacher_email", "alamat"},
}

// readClasses reads a table of classes: by the headings of its columns or, where it has none, the class, the teacher,
// and as the address what has an @.
func readClasses(file string, data []byte) (rows []desk.ClassRow, err error) {
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
		if found := headings(row); columns == nil && found != nil { // what stands above them is a title
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

// headings returns which column is which, or nil where the row is none of headings.
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
