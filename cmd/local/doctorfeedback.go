package main

import (
	"context"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail/inbox"
)

// feedbackTime is how long the check of the feedback may take.
const feedbackTime = 20 * time.Second

// feedback tries to reach what tells what became of mail, and says what the program can read there.
func (x *examination) feedback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedbackTime)
	defer cancel()
	blind := x.say("status.dead_addresses_unknown")
	switch x.cfg.MailFeedback {
	case "imap":
		cfg, err := x.cfg.Inbox()
		if err != nil {
			return err
		}
		box, err := inbox.Open(ctx, cfg)
		if err == nil {
			defer box.Close()
			var a inbox.Account
			if a, err = box.Look(ctx); err == nil {
				x.mailbox(a)
				return nil
			}
		}
		x.warn(x.say("doctor.mailbox_unread", "Host", cfg.Host), blind, x.say("doctor.mailbox_login"))
		x.found[len(x.found)-1].Details = err.Error()
	case "sendgrid":
		switch lacking, err := x.cfg.SendGridFeedback().Check(ctx); {
		case err != nil:
			x.warn(x.say("doctor.sendgrid_silent"), blind, "pengingat doctor")
			x.found[len(x.found)-1].Details = err.Error()
		case len(lacking) > 0:
			x.warn(x.say("doctor.sendgrid_scopes", "Scopes", strings.Join(lacking, ", ")), blind, x.say("doctor.sendgrid_give"))
		default:
			x.ok("doctor.sendgrid_tells")
		}
	}
	return nil
}

// mailbox says what the program can read, in plain words: it is more than it needs.
func (x *examination) mailbox(a inbox.Account) {
	x.ok("doctor.mailbox_read", "Host", x.cfg.IMAPHost, "N", a.Messages)
	x.ok("doctor.mailbox_all")
	if a.Sent == "" {
		x.ok("doctor.mailbox_no_sent")
	} else {
		x.ok("doctor.mailbox_sent", "Folder", a.Sent)
	}
}
