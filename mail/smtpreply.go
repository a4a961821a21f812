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
	stopQuota   = verdict{Stop, PauseQuota, maxQuotaPause} // daily limits roll over 24 hours: probe, don't wait a day
	stopAccount = verdict{Stop, PauseCredentials, configPause}
	stopSender  = verdict{Stop, PauseSender, configPause}
	stopUnclear = verdict{Stop, PauseSender, 50 * time.Minute} // the next hourly run probes
)

// A rule gives the verdict on a reply. The first rule that fits decides, so the special ones come first: providers use
// one code for several things, and often only the words tell our full quota from their full mailbox.
type rule struct {
	phases string // divided by blanks; "" fits every phase
	// matched with the codes, such as "550 5.1.1", or "550 " without an enhanced one; nil: any
	status func() *regexp.Regexp
	says   concept // concepts of which one clause has all,
	not    concept // and none of these
	verdict
}

// rules go from what is certain to what is likely: what codes mean at known providers (Gmail, Microsoft 365, SendGrid),
// what the words say, the subject of the enhanced code (RFC 3463), the basic code. A 5.7.x, "policy", says least of
// all.
var rules = []rule{
	// One recipient, for now.
	{"rcpt data dot", nil, grey, 0, retry},
	{"rcpt data dot", nil, limit | receiving, yours, retry}, // their mailbox gets too much; Gmail says so with 5.2.1

	// Our limits, in whatever phase and with whatever code.
	{"", re(`^5\d\d 5\.4\.5\b|5\.1\.90\b|5\.7\.23[23]\b`), 0, 0, stopQuota},
	{"", re(`^432 |[45]\.7\.28\b|5\.2\.25[1-5]\b`), 0, 0, stopRate},
	{"mail", re(` [45]\.2\.2\b`), 0, 0, stopQuota}, // our own mailbox is full (Microsoft 365)
	{"rcpt data dot", re(` [45]\.2\.2\b`), 0, 0, retry},
	{"mail rcpt data dot", re(`^5\d\d 5\.(3\.4|2\.3)\b`), 0, 0, refused},
	{"mail rcpt data dot", re(`^5`), size, mailbox | sending | soon | day, refused},
	{"rcpt data dot", re(` [45]\.3\.[125]\b`), full, sending | soon | day, stopServer}, // the system's storage
	{"rcpt data dot", re(`^4`), full | busy, 0, stopServer},
	{"rcpt data dot", nil, mailbox | limit, sending | soon | day, retry},
	{"rcpt data dot", nil, mailbox | full, sending | soon | day, retry},
	{"rcpt data dot", nil, full, sending | soon | day | letters, retry},
	{"", nil, limit | day, size | busy, stopQuota},
	{"", nil, limit | soon, size | busy, stopRate},
	{"", nil, limit | sending, size, stopQuota},
	{"rcpt", re(`^552 `), limit, 0, retry}, // RFC 5321: the recipient's storage
	{"", re(`^\d+ ($|[45]\.[02-7])`), limit, content | size | busy, stopQuota},

	// The login. A refusal for now is often the answer to too many attempts, so it rests longer than a sick server.
	{"auth", re(`^421`), 0, 0, stopServer},
	{"auth", re(`^4`), 0, 0, stopRate},
	{"auth", re(`^5`), 0, 0, stopAccount},
	{"mail rcpt data dot", re(`^530`), encrypted, 0, stopServer},
	{"mail rcpt data dot", re(`^53[0458]|^504 5\.7\.4\b|^550 5\.7\.30\b|5\.7\.(8|57|139)\b`), 0, 0, stopAccount},

	// The server goes away, or does not want us at all. But a 421 may also be about the content of one message (Gmail).
	{"dot", re(`^421`), content, 0, retry},
	{"", re(`^421`), 0, 0, stopServer},
	{"connect tls greet ehlo starttls", nil, 0, 0, stopServer},

	// The sender, and who may send. What is said at MAIL cannot be about the recipient, but some servers say it later.
	{"rcpt data dot", re(`^5\d\d 5\.7\.1(2\d|3[346])\b`), 0, 0, refused}, // a group that takes mail from members only
	{"", re(`5\.1\.[78]\b|5\.7\.(2[3-9]|3[0-2]|60|[5-7]\d\d)\b|4\.1\.[78]\b`), 0, 0, stopSender},
	{"", nil, proof, 0, stopSender},
	{"", nil, relay | denied, 0, stopSender},
	{"", nil, relay | gone, 0, stopSender},
	{"", nil, listed, 0, stopSender},
	{"", nil, login | need, 0, stopAccount},
	{"", nil, sender | stopped, 0, stopSender},
	{"", nil, sender | denied, 0, stopSender},
	{"", nil, sender | gone, 0, stopSender},
	{"", nil, sender | need, 0, stopSender},
	{"", nil, service | stopped | yours, receiving, stopAccount},
	{"", nil, service | stopped | need, 0, stopAccount},
	{"", nil, service | sending | denied, receiving, stopAccount},
	{"", nil, sending | stopped, receiving, stopAccount},
	{"", nil, service | stopped, person | receiving | content | busy, stopAccount}, // a plan, a subscription, an API key
	{"mail rcpt data dot", nil, login | denied, mailbox | receiving | gone, stopAccount},
	{"", nil, sending | permit | denied, receiving, stopSender},
	{"", nil, host | denied, 0, stopSender},
	{"", nil, host | gone, 0, stopSender},
	{"data dot", nil, person | stopped, 0, stopSender}, // an address that is not verified (Amazon SES)

	// The server's own trouble.
	{"", re(` [45]\.3\.[125]\b|4\.7\.[5-8]\d\d\b`), 0, 0, stopServer},
	{"", re(`^4\d\d ($|4\.[0357])`), busy, mailbox, stopServer},
	{"mail rcpt data", re(`^50[0234]`), 0, 0, stopServer}, // it means our commands, and they are the same for everybody
	{"mail", re(`^5\d\d 5\.1\.`), 0, 0, stopSender},
	{"mail", re(`^5`), 0, 0, stopUnclear},
	{"mail", nil, 0, 0, stopServer},

	// The recipient.
	{"rcpt", re(`^5\d\d 5\.(1\.([1-6]|10)|4\.4)\b|^551|^511|^556`), 0, 0, badAddress},
	{"rcpt data dot", re(`^5`), later, 0, retry},
	{"rcpt", re(`^5\d\d 5\.2\.1\b`), 0, 0, badAddress},
	{"rcpt", re(`^5\d\d 5\.(1\.0|4\.1)\b`), person | denied, 0, badAddress}, // IronPort; Microsoft 365
	{"rcpt", re(`^55\d (5|$)`), person | gone, 0, badAddress},
	{"rcpt", re(`^55\d (5|$)`), person | stopped, yours, badAddress},
	{"rcpt", re(`^552 `), 0, 0, retry},

	// All else. A reply that is neither success nor failure, or none (code 0), tells nothing once the dot is out. Before
	// that it stops the run, unless this message or its recipient may be what breaks the connection: with Stop it would
	// keep its tries, come first again, and block all others for good.
	{"", re(`^4`), 0, 0, retry},
	{"", re(`^5`), 0, 0, refused},
	{"dot", nil, 0, 0, unknown},
	{"rcpt data body", nil, 0, 0, retry},
}

// classify judges what the server said in a phase of the conversation; code 0 means that it said nothing.
// It may have repeated something private, above all the recipient: Redact takes that out.
func classify(phase string, code int, text string, private ...string) *Error {
	enhanced, text := splitReply(text)
	text = cleaned(text, private...)
	status, said := fmt.Sprintf("%d ", code), []concept(nil)
	if code/100 == 4 || code/100 == 5 { // else it is no refusal, whatever it says
		status, said = status+enhanced, clauses(text[:min(len(text), maxJudged)])
	}
	v := stopServer
	for _, r := range rules {
		if r.fits(phase, status, said) {
			v = r.verdict
			break
		}
	}
	if code/100 == 4 && v.pauseFor == configPause { // a name server that does not answer refuses senders for now, too
		v.pauseFor = time.Hour
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor,
		Phase: phase, Code: code, Enhanced: enhanced, Text: cut(text)}
}

func (r rule) fits(phase, status string, said []concept) bool {
	return (r.phases == "" || slices.Contains(strings.Fields(r.phases), phase)) &&
		(r.status == nil || r.status().MatchString(status)) &&
		(r.says == 0 || slices.ContainsFunc(said, func(c concept) bool { return c&r.says == r.says && c&r.not == 0 }))
}

var (
	enhancedCode = re(`(?m)^#?([245]\.\d{1,3}\.\d{1,3})(\s+|$)`)
	qmailsCode   = re(`\(#([245]\.\d{1,3}\.\d{1,3})\)`)
)

// splitReply takes the enhanced status code (RFC 2034) out of a reply, which has it in front of every line. Some put a
// # before it (IronPort), or have it in brackets (qmail).
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

// removed stands where something was taken out.
const removed = "…"

var (
	escapes     = re(`\x1b\[[0-9;?]*[ -/]*[@-~]`) // colours and the like
	bracketed   = re(`<[^<>]*>`)
	addressLike = re(`\S*(@|%40|=40)\S*`)
	linkSecrets = re(`(https?://[^\s?#]*)[?#](\S*)`)
	helpTopic   = re(`^p=[A-Za-z]+$`) // Google's, and of use to people
	word        = re(`[A-Za-z0-9+/_-]{6,}`)
)

// folded maps letters that only differ in case to the same one.
func folded(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// Redact makes text from a server fit for screens, logs and tables: one short line without addresses, secrets in links
// and the private texts.
func Redact(text string, private ...string) string { return cut(cleaned(text, private...)) }

// cleaned returns text on one line without addresses, without what may be secret in links, and without the private
// texts, or a part of one that is longer than a word. Private texts of one or two bytes stay; taking them out would
// only eat words.
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
		if len(p) > 2 && strings.Contains(folded(text), folded(p)) { // it hardly ever does, and the expression is dear
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
