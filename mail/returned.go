package mail

import (
	"cmp"
	"slices"
	"strings"
)

// A ReturnClass says what it means for an address that a message to it came back.
type ReturnClass string

// The classes. They are stored, so their values are fixed.
const (
	ReturnNoAddress ReturnClass = "no_address" // there is no such mailbox, or no such domain
	ReturnDisabled  ReturnClass = "disabled"   // there is one, and it is switched off
	ReturnFull      ReturnClass = "full"
	ReturnRouting   ReturnClass = "routing" // the way to it failed, or took too long
	ReturnPolicy    ReturnClass = "policy"  // spam, size, a rule: about us or this message, never about the address
	ReturnUnclear   ReturnClass = "unclear"
)

var (
	returnReply   = re(`(?:^|[^\d.-])([245]\d\d)(?:[- ]+#?([245]\.\d{1,3}\.\d{1,3})\b|[-: ]|$)`)
	anyEnhanced   = re(`\b([245]\.\d{1,3}\.\d{1,3})\b`)
	vagueEnhanced = re(`^[245]\.0\.0$`)
	continued     = re(`\b[45]\d\d[- ]([45]\.\d{1,3}\.\d{1,3})\s`) // a line of a reply that was joined to the one before
	unrouted      = re(`^[45]\.4\.`)
	noWay         = re(`(?i)failing for a long time|retry time(out)? (not reached|exceeded)|(connection|operation) (refused|timed ?out|reset)|could not connect|unreachable|no route to host|too long in the queue|in the queue too long|(message|queue\.?) ?expired|too many hops|loops? back|host (or domain name )?not found|tidak (terjangkau|dapat dihubungi)|waktu habis`)
	// notSent says of our message that it came back, which is no cause.
	notSent   = re(`(?i)((tidak|belum|gagal) ?(dapat|bisa|berhasil)? ?((di|ter|me)?(kirim\w*|ngirim\w*)|disampaikan)|(could|can|was|were)(n't| ?not) (be )?(sent|delivered)|(unable to|failed to) (deliver|send))( (kepada|ke|to))?( (karena|because|as))?`)
	ourFault  = re(`^[45]\.(7\.|6\.|3\.4|2\.3|1\.[78])`)
	isOff     = re(`^[45]\.2\.1$`)
	isFull    = re(`^[45]\.2\.2$`)
	noMailbox = re(`^5\.1\.\d+$`)
)

// ClassifyReturn judges why a message came back: by the code and the words of the diagnostic, as those of a reply to
// RCPT are, and by the Status field of the report where the diagnostic has no code. Exim says 5.0.0 there, whatever the
// cause. It also returns the code.
func ClassifyReturn(status, diagnostic string) (class ReturnClass, code string) {
	status = anyEnhanced().FindString(status) // what else stands there is no code
	basic, enhanced := 0, ""
	if m := returnReply().FindStringSubmatchIndex(diagnostic); m != nil {
		basic = int(diagnostic[m[2]]-'0')*100 + int(diagnostic[m[2]+1]-'0')*10 + int(diagnostic[m[2]+2]-'0')
		if m[4] >= 0 {
			enhanced = diagnostic[m[4]:m[5]]
		}
		diagnostic = diagnostic[m[3]:]
	}
	if enhanced == "" {
		enhanced = anyEnhanced().FindString(diagnostic)
	}
	if enhanced == "" || vagueEnhanced().MatchString(enhanced) && !vagueEnhanced().MatchString(status) {
		enhanced = cmp.Or(status, enhanced)
	}
	if enhanced != "" && (basic == 0 || basic/100 == 2) {
		basic = int(enhanced[0]-'0')*100 + 50
	}
	if basic/100 != 4 && basic/100 != 5 { // words alone, of a mail that did come back
		basic = 550
	}
	if vagueEnhanced().MatchString(enhanced) {
		enhanced = ""
	}
	diagnostic = strings.TrimSpace(continued().ReplaceAllString(diagnostic, " "))
	if enhanced == "" {
		diagnostic = strings.TrimLeft(notSent().ReplaceAllString(diagnostic, ". "), ". :")
	}
	e := classify("rcpt", basic, strings.TrimSpace(enhanced+" "+strings.TrimLeft(anyEnhanced().ReplaceAllString(diagnostic,
		""), " -#:")))
	said := clauses(e.Text)
	says := func(c, not concept) bool {
		return slices.ContainsFunc(said, func(s concept) bool { return s&c == c && s&not == 0 })
	}
	switch {
	case isFull().MatchString(enhanced), says(mailbox|full, sending|soon|day), says(person|full, sending|soon|day),
		basic == 552 && says(limit, size):
		class = ReturnFull
	case enhanced == "" && noWay().MatchString(diagnostic):
		class = ReturnRouting
	case unrouted().MatchString(enhanced) && (enhanced != "5.4.1" || e.Fate != BadAddress): // a domain may be down
		class = ReturnRouting
	case e.Fate == BadAddress && (isOff().MatchString(enhanced) || !noMailbox().MatchString(enhanced) &&
		says(person|stopped, yours)):
		class = ReturnDisabled
	case e.Fate == BadAddress:
		class = ReturnNoAddress
	case ourFault().MatchString(enhanced), e.Fate == Refused && basic/100 == 5 && enhanced != "", e.Fate == Stop:
		class = ReturnPolicy
	case e.Fate == Refused && says(content, 0), e.Fate == Refused && says(size, 0), e.Fate == Refused && says(denied, 0):
		class = ReturnPolicy
	case basic/100 == 4:
		class = ReturnRouting // tried for days
	default:
		class = ReturnUnclear
	}
	if enhanced == "" && basic != 550 {
		return class, string([]byte{byte('0' + basic/100), byte('0' + basic/10%10), byte('0' + basic%10)})
	}
	return class, enhanced
}
