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
	return reminder.Say("reason.mail_server_did_not_accept"), reason
}

// mailError is the form of [mail.Error].
var mailError = regexp.MustCompile(`^[a-z]+: (unknown|retry|refused|bad_address|stop)\b`)

// cameBack is the form in which it is recorded why an email came back: its class, and what was said.
var cameBack = regexp.MustCompile(`^bounced: (no_address|disabled|full|routing|policy|unclear)\b ?(.*)$`)

// reasons are the words.
var reasons = map[string]reminder.Message{
	reminder.ReasonOutsideWindow: reminder.Say("reason.outside_send_window"),
	reminder.ReasonClosedDay:     reminder.Say("reason.closed_day"),
	reminder.ReasonMaxPerRun:     reminder.Say("reason.too_many_at_once"),
	reminder.ReasonLooksRestored: reminder.Say("reason.database_looks_restored"),
	reminder.ReasonLooksCopied:   reminder.Say("reason.database_looks_copied"),
	reminder.ReasonDailyLimit:    reminder.Say("reason.daily_limit_reached"),
	reminder.ReasonTimeSpent:     reminder.Say("reason.time_was_spent"),
	reminder.ReasonInterrupted:   reminder.Say("reason.interrupted"),
	reminder.ReasonQuarantined:   reminder.Say("reason.quarantine"),

	string(reminder.PauseByPerson): reminder.Say("reason.by_person"),
	string(mail.PauseCredentials):  reminder.Say("reason.mail_login_was_refused"),
	string(mail.PauseSender):       reminder.Say("reason.sender_was_refused"),
	string(mail.PauseQuota):        reminder.Say("reason.mail_accounts_limit"),
	string(mail.PauseServer):       reminder.Say("reason.mail_server_out_order"),

	reminder.ReasonReturned:             reminder.Say("reason.book_back"),
	reminder.ReasonRenewed:              reminder.Say("reason.loan_was_renewed"),
	reminder.ReasonSuperseded:           reminder.Say("reason.newer_reminder_says_more"),
	reminder.ReasonUnwanted:             reminder.Say("reason.unwanted"),
	"empty":                             reminder.Say("reason.nothing_was_left_tell"),
	"by a person":                       reminder.Say("reason.by_person"),
	string(reminder.VerdictTooOld):      reminder.Say("reason.late_for_too_long"),
	string(reminder.VerdictOnHold):      reminder.Say("reason.held_by_librarys_system"),
	string(reminder.VerdictOdd):         reminder.Say("reason.its_data_cannot_be_read"),
	string(reminder.VerdictOptedOut):    reminder.Say("reason.borrower_wants_no_reminders"),
	string(reminder.VerdictUnreachable): reminder.Say("reason.no_usable_e_mail_address"),
	string(reminder.VerdictBadAddress):  reminder.Say("reason.address_was_refused_by_mail"),
	string(reminder.VerdictWithheld):    reminder.Say("reason.withheld_by_reminder_only"),
	string(reminder.VerdictTooSoon):     reminder.Say("reason.written_to_not_long_ago"),
	string(reminder.VerdictNotYet):      reminder.Say("reason.its_time_has_not_come"),
	string(reminder.VerdictTold):        reminder.Say("reason.told_already"),
	string(reminder.StateFailed):        reminder.Say("reason.failed"),
	string(reminder.StateRefused):       reminder.Say("reason.refused"),
	string(reminder.StateBounced):       reminder.Say("reason.came_back"),
	reminder.ReasonForgotten:            reminder.Say("reason.erased_on_request"),
	reminder.ReasonByPerson:             reminder.Say("reason.canceled_by_person"),
	reminder.ReasonReleased:             reminder.Say("reason.its_quarantine_was_taken_back"),
	reminder.ReasonMoved:                reminder.Say("reason.loan_then_moved_another_borrower"),

	"the run ended in the hand-over": reminder.Say("reason.program_ended_just_while_handing"),
	"every run that took it died":    reminder.Say("reason.program_always_ended_at_this"),
}

// mailReasons are what mail servers say, the special before the general.
var mailReasons = []struct {
	pattern *regexp.Regexp
	text    reminder.Message
}{
	{regexp.MustCompile(reminder.AnsweredAlike), reminder.Say("reason.mail_server_gave_different_borrowers")},
	// on record from older versions
	{regexp.MustCompile(`emails in a row`), reminder.Say("reason.mail_server_refused_several_mails")},
	{regexp.MustCompile(`^resolve:|^connect: .*no such host`), reminder.Say("reason.server_mail_host_was_not")},
	{regexp.MustCompile(`^connect:`), reminder.Say("reason.mail_server_cannot_be_reached")},
	{regexp.MustCompile(`certificate has expired or is not yet valid`),
		reminder.Say("reason.servers_certificate_outside_its")},
	{regexp.MustCompile(`x509|certificate`), reminder.Say("reason.servers_certificate_not_known")},
	{regexp.MustCompile(`^(tls|starttls):`), reminder.Say("reason.secure_connection_mail_server")},
	{regexp.MustCompile(`^auth: stop`), reminder.Say("reason.mail_server_refused_login")},
	{regexp.MustCompile(`^compose:`), reminder.Say("reason.mail_could_not_be_composed")},
	{regexp.MustCompile(`^file:`), reminder.Say("reason.mail_could_not_be_written")},
	{regexp.MustCompile(`: unknown\b`), reminder.Say("reason.connection_broke_just_when_server")},
	{regexp.MustCompile(`\b[45]\.2\.2\b`), reminder.Say("reason.borrowers_mailbox_full")},
	{regexp.MustCompile(`: bad_address`), reminder.Say("reason.there_no_such_address_says")},
	{regexp.MustCompile(`\b[45]\.(4\.5|7\.28|5\.3|2\.1)\b|\b(421|452|454)\b.*(limit|quota|rate)`),
		reminder.Say("reason.mail_accounts_limit_reached")},
	{regexp.MustCompile(`^mail: (stop|refused)`), reminder.Say("reason.mail_server_does_not_allow")},
	{regexp.MustCompile(`: refused`), reminder.Say("reason.mail_server_refused_mail_for")},
	{regexp.MustCompile(`: (retry|stop)`), reminder.Say("reason.mail_server_would_not_take")},
}
