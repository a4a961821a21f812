package mail

import (
	"cmp"
	"strconv"
	"strings"
)

// A ReturnClass says why a message came back.
type ReturnClass string

// The classes. They are stored, so their values are fixed.
const (
	ReturnNoAddress ReturnClass = "no_address" // the mailbox or its domain does not exist
	ReturnDisabled  ReturnClass = "disabled"   // the mailbox is disabled
	ReturnFull      ReturnClass = "full"       // the mailbox is full
	ReturnRouting   ReturnClass = "routing"    // its server could not be reached, or refused the message for days
	ReturnPolicy    ReturnClass = "policy"     // spam, size, a rule: about the sender or the message, never the address
	ReturnUnclear   ReturnClass = "unclear"
)

var (
	returnReply = re(`(?:^|[^\d.-])([245]\d\d)(?:[- ]+#?([245]\.\d{1,3}\.\d{1,3})\b|[-: ]|$)`)
	anyEnhanced = re(`\b([245]\.\d{1,3}\.\d{1,3})\b`)
	// continued matches the place where a line of a reply was joined to the one before.
	continued = re(`\b[45]\d\d[- ]([45]\.\d{1,3}\.\d{1,3})\s`)
	noWay     = re(`(?i)failing for a long time|retry time(out)? (not reached|exceeded)|(connection|operation) (refused|timed ?out|reset)|could not connect|unreachable|no route to host|too long in the queue|in the queue too long|(message|queue\.?) ?expired|too many hops|loops? back|host (or domain name )?not found|tidak (terjangkau|dapat dihubungi)|waktu habis`)
	// notSent matches words that only say that the mail came back, without a cause.
	notSent  = re(`(?i)((tidak|belum|gagal) ?(dapat|bisa|berhasil)? ?((di|ter|me)?(kirim\w*|ngirim\w*)|disampaikan)|(could|can|was|were)(n't| ?not) (be )?(sent|delivered)|(unable to|failed to) (deliver|send))( (kepada|ke|to))?( (karena|because|as))?`)
	ourFault = re(`^(7\.|6\.|3\.4|2\.3|1\.[78])`) // by subject and detail of the enhanced code
)

// ClassifyReturn says why a message came back. It judges the diagnostic like a reply to RCPT, by its codes and words.
// The Status field of the report counts where the diagnostic has no enhanced code; Exim always writes 5.0.0 there. It
// also returns the code.
func ClassifyReturn(status, diagnostic string) (class ReturnClass, code string) {
	vague := func(enhanced string) bool { return strings.HasSuffix(enhanced, ".0.0") }
	status = anyEnhanced().FindString(status) // the field may contain more than the code
	basic, enhanced := 0, ""
	if m := returnReply().FindStringSubmatchIndex(diagnostic); m != nil {
		basic, _ = strconv.Atoi(diagnostic[m[2]:m[3]])
		if m[4] >= 0 {
			enhanced = diagnostic[m[4]:m[5]]
		}
		diagnostic = diagnostic[m[3]:]
	}
	enhanced = cmp.Or(enhanced, anyEnhanced().FindString(diagnostic), status)
	if vague(enhanced) && !vague(status) {
		enhanced = cmp.Or(status, enhanced)
	}
	if enhanced != "" && (basic == 0 || basic/100 == 2) {
		basic = int(enhanced[0]-'0')*100 + 50
	}
	if basic/100 != 4 && basic/100 != 5 { // the diagnostic has no code, but the mail came back
		basic = 550
	}
	if vague(enhanced) {
		enhanced = ""
	}
	diagnostic = strings.TrimSpace(continued().ReplaceAllString(diagnostic, " "))
	if enhanced == "" {
		diagnostic = strings.TrimLeft(notSent().ReplaceAllString(diagnostic, ". "), ". :")
	}
	words := strings.TrimLeft(anyEnhanced().ReplaceAllString(diagnostic, ""), " -#:")
	e := classify("rcpt", basic, strings.TrimSpace(enhanced+" "+words))
	says := clausesOf(e.Text).say
	_, detail, _ := strings.Cut(enhanced, ".")
	switch {
	case detail == "2.2", says("mailbox full", "sending soon day"), says("person full", "sending soon day"),
		basic == 552 && says("limit", "size"):
		class = ReturnFull
	case enhanced == "" && noWay().MatchString(diagnostic):
		class = ReturnRouting
	case strings.HasPrefix(detail, "4.") && (enhanced != "5.4.1" || e.Fate != BadAddress): // a domain may be down
		class = ReturnRouting
	case e.Fate == BadAddress && (detail == "2.1" ||
		!strings.HasPrefix(enhanced, "5.1.") && says("person stopped", "yours")):
		class = ReturnDisabled
	case e.Fate == BadAddress:
		class = ReturnNoAddress
	case ourFault().MatchString(detail), e.Fate == Refused && basic/100 == 5 && enhanced != "", e.Fate == Stop,
		e.Fate == Refused && (says("content", "") || says("size", "") || says("denied", "")):
		class = ReturnPolicy
	case basic/100 == 4:
		class = ReturnRouting // a temporary refusal comes back only after days of tries
	default:
		class = ReturnUnclear
	}
	if enhanced == "" && basic != 550 {
		return class, strconv.Itoa(basic)
	}
	return class, enhanced
}
