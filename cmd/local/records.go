package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The commands that change many of the program's records at once.

func (c *call) prune(ctx context.Context) error {
	days, ok := cmp.Or(c.Runner.Settings.KeepDays, reminder.KeepDays), true
	if c.cmd.Flags().Changed("older-than") {
		days, ok = setup.Days(c.flag("older-than"))
	}
	if !ok {
		return c.usage("prune.bad_age", "OlderThan", c.flag("older-than"), "N", reminder.KeptDays)
	}
	if err := c.Store.Check(ctx); err != nil {
		return err
	}
	m := c.meter("prune.progress")
	done, err := c.Runner.Prune(ctx, c.Runner.Now(), days, c.on("dry-run"),
		func(done reminder.Pruned) { m.set(done.Emails, 0) })
	m.stop()
	key := "prune.removed"
	switch {
	case c.on("json"):
		return errors.Join(err, c.printJSON(done))
	case err != nil:
		return err
	case done == reminder.Pruned{Kept: done.Kept}:
		return c.done(nil, "prune.nothing", "N", done.Kept)
	case c.on("dry-run"):
		key = "prune.would_remove"
	}
	return c.done(nil, key, "N", done.Emails, "Notices", done.Notices, "Runs", done.Runs, "Kept", done.Kept)
}

// quarantine skips the reminders that were due before a day, or lifts that again.
func (c *call) quarantine(ctx context.Context) error {
	before := c.flag("before")
	switch {
	case c.on("undo") == (before != ""):
		return c.usage("quarantine.flag_missing")
	case c.on("undo"):
		return c.release(ctx)
	}
	date, err := reminder.ParseDate(before)
	if err != nil {
		return c.usage("quarantine.bad_date", "Before", before)
	}
	if date.After(c.today()) {
		return c.usage("quarantine.date_to_come", "Date", date, "Today", c.today())
	}
	var agreed, asked bool
	done, err := c.Quarantine(ctx, date, func(q desk.Silenced) bool {
		c.print("quarantine.asked",
			"N", q.Loans, "Borrowers", q.Borrowers, "Before", q.Before, "Canceled", q.Canceled)
		agreed, asked = c.agrees()
		return agreed
	})
	switch {
	case err != nil:
		return err
	case !asked && !agreed:
		return c.usage("quarantine.not_agreed")
	case !agreed:
		return c.done(nil, "agree.declined")
	case done.Loans+done.Canceled+done.Unknown == 0:
		return c.done(nil, "quarantine.nothing")
	}
	c.print("quarantine.done", "N", done.Loans, "Canceled", done.Canceled)
	if done.Unknown > 0 {
		c.print("quarantine.unknown", "N", done.Unknown)
	}
	return c.done(nil, "quarantine.how_to_undo")
}

// release lifts all quarantines.
func (c *call) release(ctx context.Context) error {
	if err := c.Store.Check(ctx); err != nil {
		return err
	}
	n, err := c.Store.Release(ctx)
	if err == nil && n == 0 {
		err = c.usage("quarantine.none")
	}
	return c.done(err, "quarantine.released", "N", n)
}

// agrees asks a person whether to go on, unless --yes is set. Without a person or an answer it returns false.
func (c *call) agrees() (agreed, asked bool) {
	if c.on("yes") {
		return true, false
	}
	if !c.machine.answers(c.in) {
		return false, false
	}
	fmt.Fprint(c.out, c.say("agree.ask"))
	line, _ := bufio.NewReader(c.in).ReadString('\n')
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y"), true
}
