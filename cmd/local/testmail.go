package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) testMail(ctx context.Context) error {
	to, err := mail.ParseAddress(c.flag("to"))
	if err != nil {
		return c.usage("testmail.to_unusable")
	}
	m, err := c.sample(ctx, to)
	if err != nil {
		return err
	}
	m.To = to
	return c.sendSample(ctx, c.app, m)
}

// sample composes the mail to send: an example, or the mail about a loan.
func (c *call) sample(ctx context.Context, to mail.Address) (mail.Message, error) {
	if loan := c.flag("loan"); loan != "" {
		return c.sampleOf(ctx, c.today(), loan)
	}
	theirs, _, err := c.Store.Search(ctx, to.Addr, func(l reminder.Loan) bool {
		return desk.IsBorrower(l.Borrower, to.Addr)
	})
	switch {
	case err != nil:
		return mail.Message{}, err
	case len(theirs) > 0:
		return mail.Message{}, c.usage("testmail.to_is_borrower")
	}
	return c.Example()
}

// sendSample prints each step to the server and sends the message.
func (p *program) sendSample(ctx context.Context, app *setup.App, m mail.Message) error {
	if smtp, ok := app.Runner.Sender.(*mail.SMTP); ok {
		for _, step := range smtp.Probe(ctx) {
			if step.Err != nil {
				p.print("testmail.failed", "Step", p.step(step.Name))
				return check.MailFault(app.Config, step.Err)
			}
			fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step(step.Name), step.Detail)
		}
	}
	receipt, err := app.Runner.Sender.Send(ctx, m, func(context.Context) error { return nil })
	if err != nil {
		return check.MailFault(app.Config, err)
	}
	fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step("dot"), receipt.ID)
	p.print("testmail.accepted")
	return app.Runner.Sender.Close()
}

// step names a step on the way to the mail server.
func (p *program) step(name string) string { return cmp.Or(p.sayAny("testmail.step_"+name), name) }
