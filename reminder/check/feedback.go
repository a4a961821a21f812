package check

import (
	"context"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail/inbox"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// feedbackTime is how long the check of the feedback may take.
const feedbackTime = 20 * time.Second

// Feedback does only the check of the feedback.
func Feedback(ctx context.Context, cfg setup.Config, each func(Finding)) error {
	return (&examination{cfg: cfg, each: each}).feedback(ctx)
}

// feedback connects to the source of the feedback and says what the program can read there.
func (x *examination) feedback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedbackTime)
	defer cancel()
	const blind = "status.feedback_why"
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
		x.tell(Finding{Severity: Warn, What: say("doctor.mailbox_unread", "Host", cfg.Host), Why: say(blind),
			Mend: say("doctor.mailbox_login"), Details: err.Error(), Code: NeedsPerson})
	case "sendgrid":
		switch lacking, err := x.cfg.SendGridFeedback().Check(ctx); {
		case err != nil:
			x.tell(Finding{Severity: Warn, What: say("doctor.sendgrid_silent"), Why: say(blind), Mend: say("pengingat doctor"),
				Details: err.Error(), Code: NeedsPerson})
		case len(lacking) > 0:
			x.warn(say("doctor.sendgrid_scopes", "Scopes", strings.Join(lacking, ", ")), blind, "doctor.sendgrid_give")
		default:
			x.ok("doctor.sendgrid_tells")
		}
	}
	return nil
}

// mailbox says plainly what the program can read. It is more than the program needs.
func (x *examination) mailbox(a inbox.Account) {
	x.ok("doctor.mailbox_read", "Host", x.cfg.IMAPHost, "N", a.Messages)
	x.ok("doctor.mailbox_all")
	if a.Sent == "" {
		x.ok("doctor.mailbox_no_sent")
	} else {
		x.ok("doctor.mailbox_sent", "Folder", a.Sent)
	}
}
