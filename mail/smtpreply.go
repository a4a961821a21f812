package mail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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
	stopQuota   = verdict{Stop, PauseQuota, maxQuotaPause} // a daily limit often counts 24 hours back: try again sooner
	stopAccount = verdict{Stop, PauseCredentials, configPause}
	stopSender  = verdict{Stop, PauseSender, configPause}
	stopUnclear = verdict{Stop, PauseSender, 50 * time.Minute} // the next hourly run tries again
)

// A rule gives the verdict on a reply. The first rule that fits decides. The special ones come first, because providers
// use one code for several things: often only the words tell whether our quota or their mailbox is full.
type rule struct {
	phases string // separated by blanks; "": every phase
	// status matches the codes, such as "550 5.1.1", or "550 " without an enhanced code. nil: any code.
	status func() *regexp.Regexp
	says   string // concepts of smtpwords.txt, of which one clause has all,
	not    string // and none of these
	verdict
}

// The rules go from the certain to the likely: codes of known providers (Gmail, Microsoft 365, SendGrid), then the
// words, then the subject of the enhanced code (RFC 3463), then the basic code. A 5.7.x ("policy") says the least.
var rules = []rule{
	// One recipient, for now.
	{"rcpt data dot", nil, "grey", "", retry},
	{"rcpt data dot", nil, "limit receiving", "yours", retry}, // their mailbox gets too much; 5.2.1 at Gmail

	// Our limits, in any phase and with any code.
	{"", re(`^5\d\d 5\.4\.5\b|5\.1\.90\b|5\.7\.23[23]\b`), "", "", stopQuota},
	{"", re(`^432 |[45]\.7\.28\b|5\.2\.25[1-5]\b`), "", "", stopRate},
	{"mail", re(` [45]\.2\.2\b`), "", "", stopQuota}, // our own mailbox is full (Microsoft 365)
	{"rcpt data dot", re(` [45]\.2\.2\b`), "", "", retry},
	{"mail rcpt data dot", re(`^5\d\d 5\.(3\.4|2\.3)\b`), "", "", refused},
	{"mail rcpt data dot", re(`^5`), "size", "mailbox sending soon day", refused},
	{"rcpt data dot", re(` [45]\.3\.[125]\b`), "full", "sending soon day", stopServer}, // the system's storage
	{"rcpt data dot", re(`^4`), "full busy", "", stopServer},
	{"rcpt data dot", nil, "mailbox limit", "sending soon day", retry},
	{"rcpt data dot", nil, "mailbox full", "sending soon day", retry},
	{"rcpt data dot", nil, "full", "sending soon day letters", retry},
	{"", nil, "limit day", "size busy", stopQuota},
	{"", nil, "limit soon", "size busy", stopRate},
	{"", nil, "limit sending", "size", stopQuota},
	{"rcpt", re(`^552 `), "limit", "", retry}, // RFC 5321: the recipient's storage
	{"", re(`^\d+ ($|[45]\.[02-7])`), "limit", "content size busy", stopQuota},

	// The login. A temporary refusal often follows too many attempts, so the pause is longer than for a server's trouble.
	{"auth", re(`^421`), "", "", stopServer},
	{"auth", re(`^4`), "", "", stopRate},
	{"auth", re(`^5`), "", "", stopAccount},
	{"mail rcpt data dot", re(`^530`), "encrypted", "", stopServer},
	{"mail rcpt data dot", re(`^53[0458]|^504 5\.7\.4\b|^550 5\.7\.30\b|5\.7\.(8|57|139)\b`), "", "", stopAccount},

	// The server hangs up, or takes no mail from us. At Gmail a 421 may also be about the content of one message.
	{"dot", re(`^421`), "content", "", retry},
	{"", re(`^421`), "", "", stopServer},
	{"connect tls greet ehlo starttls", nil, "", "", stopServer},

	// The sender, and who may send. A reply to MAIL cannot be about the recipient; some servers reply later than that.
	{"rcpt data dot", re(`^5\d\d 5\.7\.1(2\d|3[346])\b`), "", "", refused}, // a group that takes mail from members only
	{"", re(`5\.1\.[78]\b|5\.7\.(2[3-9]|3[0-2]|60|[5-7]\d\d)\b|4\.1\.[78]\b`), "", "", stopSender},
	{"", nil, "proof", "", stopSender},
	{"", nil, "relay denied", "", stopSender},
	{"", nil, "relay gone", "", stopSender},
	{"", nil, "listed", "", stopSender},
	{"", nil, "login need", "", stopAccount},
	{"", nil, "sender stopped", "", stopSender},
	{"", nil, "sender denied", "", stopSender},
	{"", nil, "sender gone", "", stopSender},
	{"", nil, "sender need", "", stopSender},
	{"", nil, "service stopped yours", "receiving", stopAccount},
	{"", nil, "service stopped need", "", stopAccount},
	{"", nil, "service sending denied", "receiving", stopAccount},
	{"", nil, "sending stopped", "receiving", stopAccount},
	{"", nil, "service stopped", "person receiving content busy", stopAccount}, // a plan, a subscription, an API key
	{"mail rcpt data dot", nil, "login denied", "mailbox receiving gone", stopAccount},
	{"", nil, "sending permit denied", "receiving", stopSender},
	{"", nil, "host denied", "", stopSender},
	{"", nil, "host gone", "", stopSender},
	{"data dot", nil, "person stopped", "", stopSender}, // an address that is not verified (Amazon SES)

	// The server's own trouble.
	{"", re(` [45]\.3\.[125]\b|4\.7\.[5-8]\d\d\b`), "", "", stopServer},
	{"", re(`^4\d\d ($|4\.[0357])`), "busy", "mailbox", stopServer},
	{"mail rcpt data", re(`^50[0234]`), "", "", stopServer}, // about our commands, which are the same for all
	{"mail", re(`^5\d\d 5\.1\.`), "", "", stopSender},
	{"mail", re(`^5`), "", "", stopUnclear},
	{"mail", nil, "", "", stopServer},

	// The recipient.
	{"rcpt", re(`^5\d\d 5\.(1\.([1-6]|10)|4\.4)\b|^551|^511|^556`), "", "", badAddress},
	{"rcpt data dot", re(`^5`), "later", "", retry},
	{"rcpt", re(`^5\d\d 5\.2\.1\b`), "", "", badAddress},
	{"rcpt", re(`^5\d\d 5\.(1\.0|4\.1)\b`), "person denied", "", badAddress}, // IronPort; Microsoft 365
	{"rcpt", re(`^55\d (5|$)`), "person gone", "", badAddress},
	{"rcpt", re(`^55\d (5|$)`), "person stopped", "yours", badAddress},
	{"rcpt", re(`^552 `), "", "", retry},

	// The rest. A reply that is neither success nor failure, or no reply (code 0), means Unknown once the dot has left.
	// Earlier it stops the run, unless the message or its recipient may have broken the connection: with Stop that message
	// would keep its tries, come first again, and block all others for ever.
	{"", re(`^4`), "", "", retry},
	{"", re(`^5`), "", "", refused},
	{"dot", nil, "", "", unknown},
	{"rcpt data body", nil, "", "", retry},
}

// classify judges what the server said in a phase of the conversation. Code 0 means that it said nothing. The private
// texts are removed, because servers repeat them, above all the recipient.
func classify(phase string, code int, text string, private ...string) *Error {
	enhanced, text := splitReply(text)
	text = cleaned(text, private...)
	status, said := fmt.Sprintf("%d ", code), clauses(nil)
	if code/100 == 4 || code/100 == 5 { // other codes refuse nothing
		status, said = status+enhanced, clausesOf(text[:min(len(text), maxJudged)])
	}
	v := stopServer
	for _, r := range rules {
		if r.fits(phase, status, said) {
			v = r.verdict
			break
		}
	}
	if code/100 == 4 && v.pauseFor == configPause { // such as a sender whose name server did not answer
		v.pauseFor = time.Hour
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor,
		Phase: phase, Code: code, Enhanced: enhanced, Text: cut(text)}
}

func (r rule) fits(phase, status string, said clauses) bool {
	return (r.phases == "" || slices.Contains(strings.Fields(r.phases), phase)) &&
		(r.status == nil || r.status().MatchString(status)) && (r.says == "" || said.say(r.says, r.not))
}

var (
	enhancedCode = re(`(?m)^#?([245]\.\d{1,3}\.\d{1,3})(\s+|$)`)
	qmailsCode   = re(`\(#([245]\.\d{1,3}\.\d{1,3})\)`)
)

// splitReply takes the enhanced status code (RFC 2034) out of a reply, where every line begins with it. IronPort puts a
// # before it, qmail puts it in brackets.
func splitReply(text string) (enhanced, rest string) {
	if m := enhancedCode().FindStringSubmatchIndex(text); m != nil && m[0] == 0 {
		enhanced = text[m[2]:m[3]]
		text = enhancedCode().ReplaceAllString(text, "")
	} else if m := qmailsCode().FindStringSubmatch(text); m != nil {
		enhanced = m[1]
	}
	return enhanced, strings.Join(strings.Fields(text), " ")
}

// How many bytes of a reply are judged, and how many are kept.
const (
	maxJudged    = 2000
	maxErrorText = 200
)

// removed stands in place of removed text.
const removed = "…"

var (
	escapes     = re(`\x1b\[[0-9;?]*[ -/]*[@-~]`) // colours and the like
	bracketed   = re(`<[^<>]*>`)
	addressLike = re(`\S*(@|%40|=40)\S*`)
	linkSecrets = re(`(https?://[^\s?#]*)[?#](\S*)`)
	helpTopic   = re(`^p=[A-Za-z]+$`) // in links to Google's help, which people can use
	word        = re(`[A-Za-z0-9+/_-]{6,}`)
)

// folded maps letters that only differ in case to the same one.
func folded(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// Redact makes the text of a server fit for screens, logs and tables: one short line without addresses, without secrets
// in links, and without the private texts.
func Redact(text string, private ...string) string { return cut(cleaned(text, private...)) }

// cleaned is Redact without the limit of length. It also removes longer parts of the private texts. It keeps private
// texts of one or two bytes, because removing those would only damage words.
func cleaned(text string, private ...string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(escapes().ReplaceAllString(text, ""), ""))
	private = slices.Clone(private)
	slices.SortFunc(private, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	for _, p := range private {
		if len(p) > 2 && strings.Contains(folded(text), folded(p)) { // it rarely does, and compiling is slow
			text = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(p)).ReplaceAllLiteralString(text, removed)
		}
	}
	text = word().ReplaceAllStringFunc(text, func(w string) string {
		if slices.ContainsFunc(private, func(p string) bool { return !strings.Contains(p, " ") && strings.Contains(p, w) }) {
			return removed
		}
		return w
	})
	text = bracketed().ReplaceAllString(text, "<"+removed+">")
	text = addressLike().ReplaceAllString(text, removed)
	text = linkSecrets().ReplaceAllStringFunc(text, func(link string) string {
		if m := linkSecrets().FindStringSubmatch(link); !helpTopic().MatchString(m[2]) {
			return m[1] + "?" + removed
		}
		return link
	})
	return strings.TrimSpace(text)
}

// cut returns the beginning of a text that is kept.
func cut(text string) string {
	for len(text) > maxErrorText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.TrimSpace(text)
}
