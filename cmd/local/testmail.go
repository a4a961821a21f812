package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) testMailCommand() *cobra.Command {
	var to, loan string
	cmd := &cobra.Command{
		Use:     p.say("testmail.test_mail_address"),
		Short:   p.say("testmail.short"),
		Long:    p.say("testmail.long"),
		Example: "  pengingat test-mail --to pustakawan@sekolah.sch.id",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			addr, err := mail.ParseAddress(to)
			if err != nil {
				return p.usage("testmail.to_unusable")
			}
			m, err := p.sample(ctx, app, addr, loan)
			if err != nil {
				return err
			}
			m.To = addr
			return p.sendSample(ctx, app, m)
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", p.say("testmail.address_send"))
	cmd.Flags().StringVar(&loan, "loan", "", p.say("testmail.loan_flag"))
	return cmd
}

// sample composes the mail to send: an invented one, or the one about a loan.
func (p *program) sample(ctx context.Context, app *setup.App, to mail.Address, loan string) (mail.Message, error) {
	if loan != "" {
		loan, err := newDesk(app).Loan(ctx, loan)
		if err != nil {
			return mail.Message{}, err
		}
		return newDesk(app).Sample(ctx, reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone), loan)
	}
	theirs, _, err := app.Store.Search(ctx, to.Addr, func(l reminder.Loan) bool {
		return desk.IsBorrower(l.Borrower,
			to.Addr)
	})
	switch {
	case err != nil:
		return mail.Message{}, err
	case len(theirs) > 0:
		return mail.Message{}, p.usage("testmail.to_is_borrower")
	}
	return newDesk(app).Example()
}

// sendSample shows the way to the server and sends the message.
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
func (p *program) step(name string) string {
	said, ok := map[string]reminder.Message{
		"resolve": reminder.Say("testmail.find_server"), "connect": reminder.Say("testmail.connect"),
		"tls": reminder.Say("testmail.encrypt"), "starttls": reminder.Say("testmail.encrypt"),
		"greet": reminder.Say("testmail.greeting"),
		"ehlo":  reminder.Say("testmail.introduction"), "auth": reminder.Say("testmail.log_in"),
		"dot": reminder.Say("testmail.hand_over"),
	}[name]
	if !ok {
		return name
	}
	return p.text(said)
}
