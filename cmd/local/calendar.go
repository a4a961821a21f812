package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/cmd/local/imports"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// The commands for the days on which the library is closed.

func (c *call) closedAdd(ctx context.Context) error {
	closure, name, err := c.closure()
	if err != nil {
		return err
	}
	closure.Name = desk.Clip(strings.Join(name, " "), imports.MaxName)
	return c.done(c.Store.AddClosure(ctx, closure), "closed.added", "Days", c.days(closure))
}

func (c *call) closedRemove(ctx context.Context) error {
	closure, rest, err := c.closure()
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return c.usage("closed.remove_by_date")
	}
	found, err := c.Store.RemoveClosure(ctx, closure)
	if err == nil && !found {
		err = desk.Absent("closed.absent", "Args", c.joined())
	}
	return c.done(err, "closed.removed", "Days", c.days(closure))
}

// closure reads the arguments as a span of days and returns the words after it.
func (c *call) closure() (closure mysql.Closure, rest []string, err error) {
	words := strings.Fields(c.joined())
	s, rest, ok := imports.LeadingSpan(words)
	if !ok {
		return closure, nil, c.usage("closed.no_date", "Words", strings.Join(words, " "))
	}
	return mysql.Closure{First: s.First, Last: s.Last}, rest, nil
}

// days names the days of a closure.
func (p *program) days(c mysql.Closure) string {
	if c.First == c.Last {
		return c.First.String()
	}
	return p.say("closed.from_to", "First", c.First, "Last", c.Last)
}

func (c *call) closedList(ctx context.Context) error {
	list, err := c.Store.Closures(ctx)
	switch {
	case err != nil:
		return err
	case c.on("json"):
		return c.printJSON(list)
	case len(list) == 0:
		c.print("closed.none")
	}
	for _, closure := range list {
		fmt.Fprintln(c.out, wrap(fmt.Sprintf("%s..%s %s", closure.First, closure.Last, desk.Plain(closure.Name)), 23))
	}
	if days := c.Runner.Settings.ClosedWeekdays; len(days) > 0 {
		c.print("closed.every_week", "WeekdayNames", letter.Weekdays(days, c.locale))
	}
	return nil
}

func (c *call) closedImport(ctx context.Context) error {
	data, err := os.ReadFile(c.args[0])
	if err != nil {
		return c.usage("closed.file_unreadable", "File", c.args[0])
	}
	found, err := imports.ReadClosures(c.args[0], data, c.today(), c.Runner.Settings.Zone, c.on("observances"))
	if err != nil {
		return c.usage("closed.import_problem", "Problem", err)
	}
	done, err := addClosures(ctx, c.Store, found.Days)
	if err != nil {
		return err
	}
	left := slices.Clone(found.Left)
	for i, l := range left {
		left[i].Text = c.text(l.Why)
		if l.Reason == imports.NotUnderstood {
			c.code = exitNeedsPerson
		}
	}
	if c.on("json") {
		return c.printJSON(imported{Closures: done, LeftOut: append([]imports.Left{}, left...), Until: found.Until})
	}
	c.printImported(done, left)
	if !found.Until.IsZero() {
		c.print("closed.repeats_until", "Until", found.Until)
	}
	return nil
}

// imported is the outcome of an import, as JSON.
type imported struct {
	Closures []addedClosure `json:"closures"`
	LeftOut  []imports.Left `json:"left_out"`
	Until    reminder.Date  `json:"repeated_until,omitzero"`
}

type addedClosure struct {
	mysql.Closure
	Change string `json:"change"` // added, renamed, or known: it was there
}

// addClosures stores closures. Those for the same days become one, with both names.
func addClosures(ctx context.Context, store *deskdb.Store, list []mysql.Closure) ([]addedClosure, error) {
	there, err := store.Closures(ctx)
	if err != nil {
		return nil, err
	}
	known := map[mysql.Closure]string{} // names by days
	for _, c := range there {
		known[mysql.Closure{First: c.First, Last: c.Last}] = c.Name
	}
	names := map[mysql.Closure]string{}
	for _, c := range list {
		days := mysql.Closure{First: c.First, Last: c.Last}
		all, name := names[days], strings.Join(strings.Fields(c.Name), " ")
		if !slices.Contains(strings.Split(all, " / "), name) {
			all += " / " + name
		}
		names[days] = all
	}
	done := []addedClosure{}
	for days, all := range names {
		c := addedClosure{days, "added"}
		c.Name = desk.Clip(strings.Trim(all, " /"), imports.MaxName)
		if name, is := known[days]; is && name == c.Name {
			c.Change = "known"
		} else if is {
			c.Change = "renamed"
		}
		done = append(done, c)
	}
	slices.SortFunc(done, func(a, b addedClosure) int {
		return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last))
	})
	for _, c := range done {
		if c.Change != "known" {
			if err := store.AddClosure(ctx, c.Closure); err != nil {
				return nil, err
			}
		}
	}
	return done, nil
}

func (p *program) printImported(done []addedClosure, left []imports.Left) {
	count := map[string]int{}
	for _, c := range done {
		count[c.Change]++
		mark := map[string]string{"added": "+", "renamed": "~", "known": "="}[c.Change]
		fmt.Fprintf(p.out, "%s %s..%s  %s\n", mark, c.First, c.Last, desk.Clip(c.Name, 52))
	}
	for _, l := range left {
		if count[l.Reason]++; l.Reason != imports.Past {
			fmt.Fprintf(p.out, "- %s\n", wrap(p.say("closed.line", "N", l.Line)+l.Event()+": "+l.Text, 2))
		}
	}
	p.print("closed.import_count", "N", count["added"], "Count", count["renamed"], "Count2", count["known"])
	for _, reason := range []string{imports.Observance, imports.Hours, imports.Past, imports.NotUnderstood} {
		if n := count[reason]; n > 0 {
			p.print("closed.left_out_"+reason, "N", n)
		}
	}
}
