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

// mailboxKeys are the settings of the mailbox, as far as they do not follow from MAIL_*.
var mailboxKeys = []string{"IMAP_HOST", "IMAP_USERNAME", "IMAP_PASSWORD"}

// A feedback is the switch of MAIL_FEEDBACK.
type feedback struct {
	Kind    string // "imap" or "sendgrid": what can be asked
	On      bool
	Account string // of the mailbox
	Fields  []field
	values  map[string]string // all settings, with what was typed
}

func loadFeedback(v *visit) (any, error) { return v.feedback() }

func (v *visit) feedback() (f feedback, err error) {
	values, _, err := v.d.Machine.Environ()
	if err != nil {
		return f, err
	}
	v.take(values, mailboxKeys...)
	f = feedback{Kind: "imap", Account: cmp.Or(values["IMAP_USERNAME"], values["MAIL_USERNAME"]),
		On:     !slices.Contains([]string{"", "off"}, strings.ToLower(values["MAIL_FEEDBACK"])),
		Fields: v.fields(values, mailboxKeys...), values: values}
	if strings.EqualFold(values["MAIL_MAILER"], "sendgrid") {
		f.Kind = "sendgrid"
	}
	return f, nil
}

// switchFeedback turns it off, or on when the login works.
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
