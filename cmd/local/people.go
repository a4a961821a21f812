package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
)

// The commands about one person. They print names and titles; logs, records and the function's answers never have them.

func (c *call) find(ctx context.Context) error {
	loans, more, err := c.Find(ctx, c.joined())
	switch {
	case err != nil:
		return err
	case c.on("json"):
		return c.printJSON(loans)
	}
	for i, l := range loans {
		if i == 0 || loans[i-1].Borrower.ID != l.Borrower.ID {
			fmt.Fprintln(c.out, wrap(c.whom(l.Borrower), 0))
		}
		fmt.Fprintf(c.out, "  %s\n", wrap(c.book(l), 4))
	}
	if more > 0 {
		c.print("people.more_books", "N", more)
	}
	return nil
}

// whom names a borrower: name, class and id.
func (p *program) whom(b reminder.Borrower) string { return p.text(desk.Whom(b)) }

// book names a loan by title and number, and says when it is due.
func (p *program) book(l reminder.Loan) string { return p.text(desk.Book(l)) }

func (c *call) optOutAdd(ctx context.Context) error {
	id, whom, err := c.person(ctx)
	if err == nil {
		err = c.Store.AddOptOut(ctx, id, c.Runner.Now())
	}
	return c.done(err, "optout.added", "Whom", whom)
}

func (c *call) optOutRemove(ctx context.Context) error {
	id, whom, err := c.person(ctx)
	if err != nil {
		return err
	}
	found, err := c.Store.RemoveOptOut(ctx, id)
	if err == nil && !found {
		err = desk.Absent("optout.absent", "Whom", whom)
	}
	return c.done(err, "optout.removed", "Whom", whom)
}

func (c *call) optOutList(ctx context.Context) error {
	out, err := c.Store.OptedOut(ctx)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(out))
	of, err := c.Store.LoansOf(ctx, ids)
	byMail, mailErr := c.Store.OptOuts(ctx, time.Unix(0, 0))
	if err := errors.Join(err, mailErr); err != nil {
		return err
	}
	if c.on("json") {
		list := []reminder.Borrower{}
		for _, id := range ids {
			var b reminder.Borrower
			if !reminder.IsGuardianID(id) { // only the name of the child is known
				b = of[id].Borrower
			}
			b.ID = id
			list = append(list, b)
		}
		return c.printJSON(list)
	}
	for _, id := range ids {
		switch loan, has := of[id]; {
		case has && reminder.IsGuardianID(id):
			c.print("optout.guardian_of", "Whom", c.whom(loan.Borrower))
		case has:
			fmt.Fprintln(c.out, c.whom(loan.Borrower))
		default:
			c.print("optout.without_loan", "ID", id)
		}
		for _, o := range byMail {
			if o.Borrower == id {
				fmt.Fprintln(c.out, wrap("   "+c.say("optout.by_"+o.How,
					"Day", letter.Day(reminder.DateOf(o.At, c.Runner.Settings.Zone), c.locale)), 3))
			}
		}
	}
	if len(ids) == 0 {
		c.print("optout.none")
	}
	return nil
}

// export prints a copy of all that is stored about a person, who has a right to it.
func (c *call) export(ctx context.Context) error {
	id, _, err := c.person(ctx)
	if err != nil {
		return err
	}
	dossier, err := c.Dossier(ctx, id)
	if err != nil {
		return err
	}
	for _, part := range dossier.About {
		dossier.Words[part.Name] = c.text(part.What)
	}
	out := json.NewEncoder(c.out)
	out.SetIndent("", "  ")
	return out.Encode(dossier)
}

// forget erases what is stored about a person, who has a right to that.
func (c *call) forget(ctx context.Context) error {
	id, whom, err := c.person(ctx)
	if err != nil {
		return err
	}
	dossier, err := c.Dossier(ctx, id)
	if err != nil {
		return err
	}
	kept, yes := dossier.Kept, c.on("yes")
	if !kept.Empty() && !yes && !c.machine.answers(c.in) {
		return c.usage("forget.add_yes")
	}
	c.print("forget.on_record", "Whom", whom, "N", len(kept.Emails), "Notices", len(kept.Notices), "Bounces",
		len(kept.Bounces), "BadAddress", kept.BadAddress != nil, "OptedOut", !kept.OptedOut.IsZero())
	if kept.Empty() {
		c.print("forget.nothing")
	} else {
		if agreed, _ := c.agrees(); !agreed {
			c.print("agree.declined")
			return nil
		}
		if err := c.Store.Forget(ctx, id); err != nil {
			return err
		}
		c.print("forget.forgotten")
	}
	if n := len(dossier.Library); n > 0 {
		c.print("forget.library_holds", "N", n)
	}
	return nil
}
