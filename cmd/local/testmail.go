package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) testMailCommand() *cobra.Command {
	var to, loan string
	cmd := &cobra.Command{
		Use:     p.say("testmail.test_mail_address"),
		Short:   p.say("testmail.send_one_sample_mail_step"),
		Long:    p.say("testmail.connects_mail_server_shows_every"),
		Example: "  pengingat test-mail --to pustakawan@sekolah.sch.id",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			addr, err := mail.ParseAddress(to)
			if err != nil {
				return p.usage("testmail.not_usable_e_mail_address")
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
	cmd.Flags().StringVar(&loan, "loan", "", p.say("testmail.send_mail_about_this_loan"))
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
	theirs, _, err := app.Store.Search(ctx, to.Addr, func(l reminder.Loan) bool { return desk.IsBorrower(l.Borrower, to.Addr) })
	switch {
	case err != nil:
		return mail.Message{}, err
	case len(theirs) > 0:
		return mail.Message{}, p.usage("testmail.that_borrowers_address_sample")
	}
	return newDesk(app).Example()
}

// sendSample shows the way to the server and sends the message.
func (p *program) sendSample(ctx context.Context, app *setup.App, m mail.Message) error {
	if smtp, ok := app.Runner.Sender.(*mail.SMTP); ok {
		for _, step := range smtp.Probe(ctx) {
			if step.Err != nil {
				p.print("testmail.failed", "Step", p.step(step.Name))
				return p.mailFault(app.Config, step.Err)
			}
			fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step(step.Name), step.Detail)
		}
	}
	receipt, err := app.Runner.Sender.Send(ctx, m, func(context.Context) error { return nil })
	if err != nil {
		return p.mailFault(app.Config, err)
	}
	fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step("dot"), receipt.ID)
	p.print("testmail.server_accepted_it_look_into")
	return app.Runner.Sender.Close()
}

// step names a step on the way to the mail server.
func (p *program) step(name string) string {
	said, ok := map[string]reminder.Message{
		"resolve": reminder.Say("testmail.find_server"), "connect": reminder.Say("testmail.connect"),
		"tls": reminder.Say("testmail.encrypt"), "starttls": reminder.Say("testmail.encrypt"), "greet": reminder.Say("testmail.greeting"),
		"ehlo": reminder.Say("testmail.introduction"), "auth": reminder.Say("testmail.log_in"), "dot": reminder.Say("testmail.hand_over"),
	}[name]
	if !ok {
		return name
	}
	return p.text(said)
}

// mailFault adds to a mail error what can be done about it.
func (p *program) mailFault(cfg setup.Config, err error) error {
	f := &reminder.Fault{Temporary: true, Message: reminder.Say("testmail.mail_was_not_sent_try"), Err: err}
	e, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return f
	}
	gmail := strings.HasSuffix(cfg.MailHost, "gmail.com") || strings.HasSuffix(cfg.MailHost, "googlemail.com")
	invalid, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, unknownCA := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherHost := errors.AsType[x509.HostnameError](err)
	say := func(key string) { f.Message = reminder.Say(key) }
	switch {
	case desk.Remedy(e.Error()).Key != "":
		f.Temporary, f.Message = e.Pause == mail.PauseServer, desk.Remedy(e.Error())
	case e.Phase == "resolve":
		say("testmail.server_mail_host_was_not")
	case e.Phase == "connect" && cfg.MailPort == 25:
		say("testmail.port_25_cannot_be_reached")
	case e.Phase == "connect":
		say("testmail.mail_server_cannot_be_reached")
	case certificate && invalid.Reason == x509.Expired:
		say("testmail.servers_certificate_outside_its")
	case unknownCA || otherHost || certificate:
		say("testmail.servers_certificate_not_known")
	case e.Phase == "tls" || e.Phase == "starttls":
		say("testmail.secure_connection_failed_use_mail")
	case e.Pause == mail.PauseCredentials && gmail:
		return reminder.NewFault(err, "testmail.gmail_refused_login_mail_password")
	case e.Pause == mail.PauseCredentials:
		return reminder.NewFault(err, "testmail.server_refused_login_check_mail")
	case e.Pause == mail.PauseSender:
		return reminder.NewFault(err, "testmail.server_does_not_allow_this")
	case e.Pause == mail.PauseQuota:
		say("testmail.this_accounts_sending_limit_reached")
	case e.Fate == mail.BadAddress:
		return reminder.NewFault(err, "testmail.server_refused_that_recipient")
	}
	return f
}
