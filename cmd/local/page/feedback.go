package page

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// mailbox has the settings of the mailbox that do not follow from MAIL_*.
var mailbox = group{"mailbox", []string{"IMAP_HOST", "IMAP_USERNAME", "IMAP_PASSWORD"}}

// A feedback is the page that switches MAIL_FEEDBACK.
type feedback struct {
	form
	Kind    string // "imap" or "sendgrid": what can be asked
	On      bool
	Account string // of the mailbox
}

func (v *visit) feedback() (f feedback, err error) {
	f.form, err = v.form(mailbox)
	f.Account = cmp.Or(f.values["IMAP_USERNAME"], f.values["MAIL_USERNAME"])
	f.On = !slices.Contains([]string{"", "off"}, strings.ToLower(f.values["MAIL_FEEDBACK"]))
	if f.Kind = "imap"; strings.EqualFold(f.values["MAIL_MAILER"], "sendgrid") {
		f.Kind = "sendgrid"
	}
	return f, err
}

// switchFeedback turns MAIL_FEEDBACK off, or tries the login and turns it on if that works.
func switchFeedback(v *visit) (action, error) {
	f, err := v.feedback()
	if err != nil {
		return action{}, err
	}
	if v.PostFormValue("off") != "" {
		f.values["MAIL_FEEDBACK"] = "off"
		return action{Key: "feedback_off"}, v.d.Machine.Write(f.values)
	}
	f.values["MAIL_FEEDBACK"] = f.Kind
	cfg, err := setup.Load(f.values)
	if err != nil {
		return action{}, err
	}
	var wrong error
	err = check.Feedback(v.Context(), cfg, func(f check.Finding) {
		if f.Severity != check.OK && wrong == nil {
			wrong = &reminder.Fault{Message: f.What, Err: errors.New(f.Details)}
		}
	})
	if err = cmp.Or(err, wrong); err != nil {
		return action{}, err
	}
	return action{Key: "feedback_on"}, v.d.Machine.Write(f.values)
}
