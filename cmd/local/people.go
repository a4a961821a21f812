package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A screen at the library shows people and titles; logs, records and the function's answers never do.

func (p *program) findCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     p.say("people.find_name"),
		Aliases: []string{"cari"},
		Short:   p.say("people.find_short"),
		Long:    p.say("people.find_long"),
		Example: "  pengingat find aisyah\n  pengingat find PJM-00123",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			loans, more, err := newDesk(app).Find(ctx, strings.Join(args, " "))
			switch {
			case err != nil:
				return err
			case p.asJSON:
				return p.printJSON(loans)
			}
			for i, l := range loans {
				if i == 0 || loans[i-1].Borrower.ID != l.Borrower.ID {
					fmt.Fprintln(p.out, wrap(p.whom(l.Borrower), 0))
				}
				fmt.Fprintf(p.out, "  %s\n", wrap(p.book(l), 4))
			}
			if more > 0 {
				p.print("people.more_books", "N", more)
			}
			return nil
		}),
	})
}

// whom names a borrower: name, class and id.
func (p *program) whom(b reminder.Borrower) string { return p.text(desk.Whom(b)) }

// book names a loan as the desk knows it, and when it is due.
func (p *program) book(l reminder.Loan) string { return p.text(desk.Book(l)) }
