package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// The commands for mails that ended badly and for a pause.

// A trouble is a mail that ended badly, with its people and books.
type trouble struct {
	deskdb.Listed
	Whose   string   `json:"whose"`
	Books   []string `json:"books"`
	Why     string   `json:"why"`
	Details string   `json:"details"` // what a machine said, or ""
}

func (c *call) failed(ctx context.Context) error {
	found, err := c.Troubles(ctx, math.MaxInt)
	if err != nil {
		return err
	}
	list := []trouble{}
	for _, d := range found {
		t := trouble{Listed: d.Listed, Whose: c.text(d.Whose()), Books: []string{}}
		for _, loan := range d.Loans {
			t.Books = append(t.Books, c.book(loan))
		}
		for _, id := range d.Back {
			t.Books = append(t.Books, c.say("trouble.loan_back", "Id", id))
		}
		t.Why, t.Details = text.In(c.locale).Reason(d.Reason)
		list = append(list, t)
	}
	switch {
	case c.on("json"):
		return c.printJSON(list)
	case len(list) == 0:
		c.print("trouble.none")
		return nil
	}
	for _, t := range list {
		c.item(fmt.Sprintf("ID %-6d ", t.ID), c.state(t.State)+": "+t.Whose, 10)
		for _, book := range t.Books {
			c.item("          ", book, 12)
		}
		c.item("          ", t.Why, 10)
		c.item("          ", c.labelled("trouble.details", t.Details), 12)
	}
	return c.done(nil, "trouble.failed_next")
}

func (c *call) retry(ctx context.Context) error {
	ids, err := c.ids()
	if err != nil {
		return err
	}
	var states []reminder.State
	for _, state := range desk.Bad {
		if c.on(string(state)) {
			states = append(states, state)
		}
	}
	switch {
	case len(ids) > 0 && len(states) == 0:
		states = desk.Bad
	case len(ids) > 0 || len(states) != 1:
		return c.usage("trouble.retry_usage")
	}
	n, err := c.Retry(ctx, ids, states...)
	if err == nil && n == 0 {
		return c.done(nil, "trouble.none_to_queue")
	}
	return c.done(err, "trouble.queued_again", "N", n)
}

func (c *call) cancel(ctx context.Context) error {
	ids, err := c.ids()
	if err != nil {
		return err
	}
	n, err := c.Cancel(ctx, ids)
	return c.done(err, "trouble.canceled", "N", n)
}

// ids parses the arguments as ids of emails.
func (c *call) ids() (ids []int64, err error) {
	for _, arg := range c.args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return nil, c.usage("trouble.not_an_id", "Arg", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (c *call) pause(ctx context.Context) (err error) {
	pause := reminder.Pause{Kind: reminder.PauseByPerson, Reason: c.joined()}
	zone, now, until := c.Runner.Settings.Zone, c.Runner.Now(), c.flag("until")
	if until != "" {
		if pause.Until, err = parseUntil(until, zone); err != nil {
			return c.usage("trouble.until_no_date", "Until", until)
		}
		if !pause.Until.After(now) || pause.Until.After(now.AddDate(1, 0, 0)) {
			return c.usage("trouble.until_out_of_range", "Until", until, "Now", now.In(zone).Format(desk.TimeFormat))
		}
	}
	if err = c.Store.SetPause(ctx, pause); until == "" {
		return c.done(err, "trouble.paused")
	}
	return c.done(err, "trouble.paused_until", "Until", pause.Until.Format(desk.TimeFormat))
}

// parseUntil parses a day, which means its beginning, or a day with a time.
func parseUntil(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(desk.TimeFormat, text, zone); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, text, zone)
}

func (c *call) resume(ctx context.Context) error {
	pauses, err := c.Store.Pauses(ctx)
	if err != nil || len(pauses) == 0 {
		return c.done(err, "trouble.no_pause")
	}
	return c.done(errors.Join(c.Store.LiftPause(ctx, true), c.Store.LiftPause(ctx, false)), "trouble.resumed")
}

// state names a state in the user's language.
func (p *program) state(s reminder.State) string { return p.text(desk.StateWord(s)) }

// reason says a recorded reason in the user's language, without the technical details.
func (p *program) reason(recorded string) string {
	said, _ := text.In(p.locale).Reason(recorded)
	return said
}
