package mail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// A verdict is what a reply means for the message and for the messages after it.
type verdict struct {
	fate     Fate
	pause    PauseKind
	pauseFor time.Duration
}

var (
	retry       = verdict{fate: Retry}
	refused     = verdict{fate: Refused}
	badAddress  = verdict{fate: BadAddress}
	unknown     = verdict{fate: Unknown}
	stopServer  = verdict{Stop, PauseServer, shortPause}
	stopRate    = verdict{Stop, PauseQuota, time.Hour}
	stopQuota   = verdict{Stop, PauseQuota, maxQuotaPause} // daily limits roll over 24 hours: probe, don't wait a day
	stopAccount = verdict{Stop, PauseCredentials, configPause}
	stopSender  = verdict{Stop, PauseSender, configPause}
)

// A rule gives the verdict on a reply. The first rule that fits decides, so the special ones come first: providers use
// one code for several things, and often only the text tells our full quota from their full mailbox.
type rule struct {
	phases string                // divided by blanks; "" fits every phase
	reply  func() *regexp.Regexp // matched with "550 5.1.1 what the server said, in lower case"
	verdict
}

// These rules collect what Gmail, Microsoft 365, SendGrid, Postfix and Exim document or were seen to say.
var rules = []rule{
	// Their mailbox receives too fast. Gmail uses the code of a disabled mailbox (5.2.1) for it.
	{"rcpt dot", re(`receiving mail (at a rate|too quickly)`), retry},

	// Our limits, in whatever phase and with whatever code.
	{"", re(`^5\d\d 5\.4\.5|^5\d\d 5\.1\.90|^5\d\d 5\.7\.23[23]|^554 5\.2\.0`), stopQuota},
	{"", re(`daily ((user|smtp|message|mail|sending|relay) )*(limit|quota)|maximum credits exceeded`), stopQuota},
	{"", re(`^\d+ [45]\.7\.28|^5\d\d 5\.2\.25[1-5]|^432\b`), stopRate},
	{"", re(`unusual rate|rate.?limit|peak smtp relay|too many (login|messages|concurrent)`), stopRate},

	// The login. A refusal for now is often the answer to too many attempts, so it rests longer than a sick server.
	{"auth", re(`^421\b`), stopServer},
	{"auth", re(`^4`), stopRate},
	{"auth", re(`^5`), stopAccount},
	{"", re(`^530\b.*starttls`), stopServer},
	{"mail rcpt data dot", re(`^53[0458]\b|^504 5\.7\.4|^550 5\.7\.30|^5.*auth(entication)? (is )?required`), stopAccount},

	// The server goes away, or does not want us at all. But Gmail also says 421 to the content of one message.
	{"dot", re(`^421 4\.7\.0 .*this message`), retry},
	{"", re(`^421\b`), stopServer},
	{"connect tls greet ehlo starttls", re(``), stopServer},

	// The sender. What is said at MAIL cannot be about the recipient, but some servers say it later.
	{"mail dot", re(`^55\d (5\.3\.4|5\.2\.3|.*(size exceed|too (big|large)))`), refused},
	{"mail", re(`^5\d\d 5\.2\.2`), stopQuota}, // our own mailbox is full (Microsoft 365)
	{"mail", re(`^5`), stopSender},
	{"mail", re(``), stopServer},
	{"rcpt data dot", re(`^5\d\d 5\.1\.[78]\b|^5.*sender (address rejected|verify|domain)|^5.*verified sender`), stopSender},
	{"rcpt data dot", re(`^5\d\d 5\.7\.(2[3-9]|3[0-2]|60|[57]\d\d)\b`), stopSender}, // SPF, DKIM, DMARC, PTR; banned
	{"rcpt data dot", re(`^5.*(relay(ing)?( access| is)? (denied|not permitted|not allowed|prohibited)|to relay|for relay)`),
		stopSender},
	{"rcpt data dot", re(`^5.*\b(ip|client)\b.*not (authori[sz]ed|authenticated)`), stopSender},
	{"rcpt data dot", re(`^5.*(blocked using|block ?list|blacklist|spamhaus|poor reputation|client host .*blocked)`),
		stopSender},

	// The recipient. A full mailbox may have room again; the others will not exist tomorrow either.
	{"rcpt data dot", re(`^5\d\d 5\.2\.2|^5.*(mailbox (is )?full|over ?quota|quota exceeded|out of storage)`), retry},
	{"rcpt", re(`^552\b`), retry},
	{"rcpt", re(`^5\d\d 5\.(1\.\d+|2\.1|4\.1)\b|^551\b|^511\b`), badAddress},
	{"rcpt", re(`^55[03] .*(no such|unrout|does(n't| not) exist|` +
		`(user|mailbox|recipient|address) (is )?(unknown|not found|disabled|inactive)|` +
		`(unknown|invalid) (user|mailbox|recipient|address))`), badAddress},

	// All else. A reply that is neither success nor failure, or none (code 0), tells nothing once the dot is out. Before
	// that it stops the run, unless this message or its recipient may be what breaks the connection: with Stop it would
	// keep its tries, come first again, and block all others for good.
	{"", re(`^4`), retry},
	{"", re(`^5`), refused},
	{"dot", re(``), unknown},
	{"rcpt data body", re(``), retry},
}

// re compiles when it is first asked: most runs meet no failure, and a function in the cloud starts for every one.
func re(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// classify judges what the server said in a phase of the conversation; code 0 means that it said nothing.
// It may have repeated something private, above all the recipient: redact takes that out.
func classify(phase string, code int, text string, private ...string) *Error {
	enhanced, text := splitReply(text)
	line := fmt.Sprintf("%d %s", code, strings.ToLower(strings.TrimSpace(enhanced+" "+text)))
	v := stopServer
	for _, r := range rules {
		if (r.phases == "" || slices.Contains(strings.Fields(r.phases), phase)) && r.reply().MatchString(line) {
			v = r.verdict
			break
		}
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor,
		Phase: phase, Code: code, Enhanced: enhanced, Text: redact(text, private...)}
}

var enhancedCode = re(`(?m)^[245]\.\d{1,3}\.\d{1,3}(\s+|$)`)

// splitReply takes the enhanced status code (RFC 2034) out of a reply, which has it in front of every line.
func splitReply(text string) (enhanced, rest string) {
	if loc := enhancedCode().FindStringIndex(text); loc != nil && loc[0] == 0 {
		enhanced = strings.TrimSpace(text[:loc[1]])
		text = enhancedCode().ReplaceAllString(text, "")
	}
	return enhanced, strings.Join(strings.Fields(text), " ")
}

// maxErrorText is how many bytes of a reply are kept.
const maxErrorText = 200

var (
	bracketed   = re(`<[^<>]*>`)
	addressLike = re(`\S*@\S*`)
)

// folded maps letters that only differ in case to the same one.
func folded(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// redact makes text from a server fit for logs and tables: without addresses, without the private texts, on one
// line, and short. Private texts of one or two bytes stay; taking them out would only eat words.
func redact(text string, private ...string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = bracketed().ReplaceAllString(text, "<…>")
	text = addressLike().ReplaceAllString(text, "…")
	for _, p := range private {
		if len(p) > 2 && strings.Contains(folded(text), folded(p)) { // it hardly ever does, and the expression is dear
			text = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(p)).ReplaceAllLiteralString(text, "…")
		}
	}
	for len(text) > maxErrorText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.TrimSpace(text)
}
