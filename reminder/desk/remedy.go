package desk

import (
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// Remedy says what a person can do about a recorded reason that has a special remedy, and nothing about other reasons.
func Remedy(reason string) reminder.Message {
	for said, key := range map[string]string{
		mail.ErrOldTLS.Error(): "testmail.old_tls",
		mail.ErrFilter.Error(): "testmail.filtered",
		" 5.7.139":             "testmail.microsoft_login_refused",
		" 5.7.30":              "testmail.microsoft_login_refused",
		" 5.7.515":             "testmail.microsoft_domain_refused",
	} {
		if strings.Contains(reason, said) {
			return reminder.Say(key)
		}
	}
	return reminder.Message{}
}
