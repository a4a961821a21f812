package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/cmd/local/imports"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

func (c *call) classSet(ctx context.Context) error {
	class, change, err := c.SetClass(ctx,
		staffdb.Class{Name: c.joined(), Teacher: c.flag("name"), Email: c.flag("to")})
	if f, wrong := errors.AsType[*reminder.Fault](err); wrong && strings.HasPrefix(f.Message.Key, "class.") {
		return misuse{errors.New(c.text(f.Message))}
	}
	if err != nil {
		return err
	}
	c.print("class."+change, "Name", class.Name, "Address", class.Email)
	if c.Runner.Settings.ClassDay == nil {
		c.print("class.no_day")
	}
	return nil
}

func (c *call) classRemove(ctx context.Context) error {
	name, err := c.RemoveClass(ctx, c.joined())
	return c.done(err, "class.removed", "Name", name)
}

func (c *call) classList(ctx context.Context) error {
	r, err := c.Register(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.Classes, func(c desk.Class) bool { return c.Trouble != "" }) {
		c.code = exitNeedsPerson
	}
	if c.on("json") {
		return c.printJSON(r)
	}
	for _, class := range r.Classes {
		who := desk.Plain(class.Email)
		if class.Teacher != "" {
			who = fmt.Sprintf("%s <%s>", desk.Plain(class.Teacher), who)
		}
		key := "class.line"
		if class.Trouble != "" {
			key = "class.line_trouble"
		}
		fmt.Fprintln(c.out, wrap(c.say(key, "Name", desk.Plain(class.Name), "Teacher", who, "N", class.Late,
			"Why", class.Trouble), 4))
	}
	if len(r.Classes) == 0 {
		c.print("class.none")
	}
	for _, o := range r.Others {
		if o.Name == "" {
			c.print("class.others_none", "N", o.Late)
		} else {
			c.print("class.others", "Name", o.Name, "N", o.Late)
		}
	}
	if r.Day == nil {
		c.print("class.no_day")
	} else {
		c.print("class.day", "Day", letter.Weekdays([]time.Weekday{*r.Day}, c.locale))
	}
	return nil
}

func (c *call) classImport(ctx context.Context) error {
	data, err := os.ReadFile(c.args[0])
	if err != nil {
		return c.usage("closed.file_unreadable", "File", c.args[0])
	}
	rows, err := imports.Classes(c.args[0], data)
	if err != nil {
		return c.usage("closed.import_problem", "Problem", err)
	}
	dryRun := c.on("dry-run")
	if rows, err = c.ImportClasses(ctx, rows, dryRun); err != nil {
		return err
	}
	count := map[string]int{}
	for _, r := range rows {
		if count[r.Change]++; r.Change == "" {
			c.code = exitNeedsPerson
		}
	}
	if c.on("json") {
		type row struct {
			desk.ClassRow
			Why string `json:"why"`
		}
		all := []row{}
		for _, r := range rows {
			all = append(all, row{r, c.text(r.Why)})
		}
		return c.printJSON(map[string]any{"rows": all, "dry_run": dryRun})
	}
	for _, r := range rows {
		mark := map[string]string{desk.ClassAdded: "+", desk.ClassChanged: "~", desk.ClassKnown: "="}[r.Change]
		line := strings.TrimSpace(fmt.Sprintf("%s %s  %s <%s>", mark, r.Name, r.Teacher, r.Email))
		if r.Change == "" {
			line = "- " + c.say("class.row", "Line", r.Line, "Name", r.Name, "Why", r.Why)
		}
		fmt.Fprintln(c.out, wrap(line, 2))
	}
	key := "class.imported"
	if dryRun {
		key = "class.would_import"
	}
	c.print(key, "N", count[desk.ClassAdded], "Changed", count[desk.ClassChanged], "Known", count[desk.ClassKnown])
	if n := count[""]; n > 0 {
		c.print("class.left_out", "N", n)
	}
	return nil
}
