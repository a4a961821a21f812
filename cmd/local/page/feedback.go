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
}

func showFeedback(v *visit) error {
	v.page = "feedback"
	_ = v.open()
	environ, _, err := v.d.Machine.Environ()
	v.Data = newFeedback(environ, v.Lang)
	return err
}

func newFeedback(values map[string]string, lang string) feedback {
	f := feedback{Kind: "imap", Account: cmp.Or(values["IMAP_USERNAME"], values["MAIL_USERNAME"]),
		On: !slices.Contains([]string{"", "off"}, strings.ToLower(values["MAIL_FEEDBACK"]))}
	if strings.EqualFold(values["MAIL_MAILER"], "sendgrid") {
		f.Kind = "sendgrid"
	}
	for _, key := range mailboxKeys {
		f.Fields = append(f.Fields, newField(values, key, lang))
	}
	return f
}

// switchFeedback turns it off, or on when the login works.
func switchFeedback(v *visit) (action, error) {
	v.page = "feedback"
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	if v.PostFormValue("off") != "" {
		environ["MAIL_FEEDBACK"] = "off"
		return action{Key: "feedback_off", To: "/feedback"}, v.d.Machine.Write(environ)
	}
	f := newFeedback(environ, v.Lang)
	if environ["MAIL_FEEDBACK"] = f.Kind; f.Kind == "imap" {
		v.take(environ, mailboxKeys...)
	}
	f = newFeedback(environ, v.Lang)
	f.On = false
	v.Data = f
	cfg, err := setup.Load(environ)
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
	return action{Key: "feedback_on", To: "/feedback"}, v.d.Machine.Write(environ)
}
