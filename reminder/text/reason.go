package text

import (
	"regexp"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// Plainly says a recorded reason for a person, and what a machine said behind it, or "". A reason is recorded as a word
// or as the error of a mail server; anything else was written for a person and stays.
func Plainly(reason string) (text reminder.Message, detail string) {
	reason = strings.TrimPrefix(reason, reminder.GoesLast)
	if text, ok := reasons[reason]; ok {
		return text, ""
	}
	if word := reminder.Say("reason." + reason); In("id").Text(word) != word.Key {
		return word, ""
	}
	if m := cameBack.FindStringSubmatch(reason); m != nil {
		return reminder.Say("reason.came_back_" + m[1]), m[2]
	}
	if !mailError.MatchString(reason) {
		said, cause, _ := strings.Cut(reason, " [") // a Fault's, which was cut to its column
		return reminder.Say("reason.said", "Text", said), strings.TrimSuffix(cause, "]")
	}
	for _, r := range mailReasons {
		if r.pattern.MatchString(reason) {
			return r.text, reason
		}
	}
	return reminder.Say("reason.not_accepted"), reason
}

// mailError is the form of [mail.Error].
var mailError = regexp.MustCompile(`^[a-z]+: (unknown|retry|refused|bad_address|stop)\b`)

// cameBack is the form in which it is recorded why an email came back: its class, and what was said.
var cameBack = regexp.MustCompile(`^bounced: (no_address|disabled|full|routing|policy|unclear)\b ?(.*)$`)

// reasons are those whose sentence has another key than "reason." and the word that is recorded.
var reasons = map[string]reminder.Message{
	string(reminder.PauseByPerson): reminder.Say("reason.by_person"),
	"by a person":                  reminder.Say("reason.by_person"),
	string(mail.PauseCredentials):  reminder.Say("reason.pause_login"),
	string(mail.PauseSender):       reminder.Say("reason.pause_sender"),
	string(mail.PauseQuota):        reminder.Say("reason.pause_quota"),
	string(mail.PauseServer):       reminder.Say("reason.pause_server"),
	string(reminder.VerdictOnHold): reminder.Say("reason.on_hold"),
	string(reminder.StateBounced):  reminder.Say("reason.came_back"),
	reminder.ReasonByPerson:        reminder.Say("reason.canceled_by_person"),

	"the run ended in the hand-over": reminder.Say("reason.died_in_handover"),
	"every run that took it died":    reminder.Say("reason.died_each_time"),
}

// mailReasons are what mail servers say, the special before the general.
var mailReasons = []struct {
	pattern *regexp.Regexp
	text    reminder.Message
}{
	{regexp.MustCompile(reminder.AnsweredAlike), reminder.Say("reason.answered_alike")},
	// on record from older versions
	{regexp.MustCompile(`emails in a row`), reminder.Say("reason.refused_in_a_row")},
	{regexp.MustCompile(`^resolve:|^connect: .*no such host`), reminder.Say("reason.host_not_found")},
	{regexp.MustCompile(`^connect:`), reminder.Say("reason.server_unreachable")},
	{regexp.MustCompile(`certificate has expired or is not yet valid`),
		reminder.Say("reason.certificate_expired")},
	{regexp.MustCompile(`x509|certificate`), reminder.Say("reason.certificate_unknown")},
	{regexp.MustCompile(`^(tls|starttls):`), reminder.Say("reason.tls_failed")},
	{regexp.MustCompile(`^auth: stop`), reminder.Say("reason.login_refused")},
	{regexp.MustCompile(`^compose:`), reminder.Say("reason.compose_failed")},
	{regexp.MustCompile(`^file:`), reminder.Say("reason.file_failed")},
	{regexp.MustCompile(`: unknown\b`), reminder.Say("reason.connection_broke")},
	{regexp.MustCompile(`\b[45]\.2\.2\b`), reminder.Say("reason.borrowers_mailbox_full")},
	{regexp.MustCompile(`: bad_address`), reminder.Say("reason.no_such_address")},
	{regexp.MustCompile(`\b[45]\.(4\.5|7\.28|5\.3|2\.1)\b|\b(421|452|454)\b.*(limit|quota|rate)`),
		reminder.Say("reason.quota_reached")},
	{regexp.MustCompile(`^mail: (stop|refused)`), reminder.Say("reason.sender_refused")},
	{regexp.MustCompile(`: refused`), reminder.Say("reason.mail_refused")},
	{regexp.MustCompile(`: (retry|stop)`), reminder.Say("reason.not_yet_accepted")},
}
