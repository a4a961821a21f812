package mail

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// A verdict is the meaning of a reply for the message and for the messages after it.
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
	stopQuota   = verdict{Stop, PauseQuota, maxQuotaPause} // many daily limits count the last 24 hours: try again sooner
	stopAccount = verdict{Stop, PauseCredentials, configPause}
	stopSender  = verdict{Stop, PauseSender, configPause}
	stopUnclear = verdict{Stop, PauseSender, 50 * time.Minute} // the next hourly run tries again
)

var verdicts = map[string]verdict{"retry": retry, "refused": refused, "bad_address": badAddress, "unknown": unknown,
	"server": stopServer, "rate": stopRate, "quota": stopQuota, "account": stopAccount, "sender": stopSender,
	"unclear": stopUnclear}

// A rule is a line of smtprules.txt, which explains it.
type rule struct {
	verdict
	phases    string
	code      *regexp.Regexp
	says, not string
}

//go:embed smtprules.txt
var ruleList string

var ruleForm = re(`^(\w+) *(?:  in (.*?))?(?:  code (.*?))?(?:  says (.*?))?(?:  not (.*?))?\n$`)

// rules returns the rules. Like the words, they are parsed at the first failure.
var rules = sync.OnceValue(func() (list []rule) {
	for line := range strings.Lines(ruleList) {
		if m := ruleForm().FindStringSubmatch(line); m != nil { // not a comment
			list = append(list, rule{verdicts[m[1]], m[2], regexp.MustCompile(m[3]), m[4], m[5]})
		}
	}
	return list
})

// classify returns the Error for a reply of the server in a phase of the session. Code 0 means that there was no reply.
// It removes the private texts from the reply, because servers repeat them, above all the recipient.
func classify(phase string, code int, text string, private ...string) *Error {
	enhanced, text := splitReply(text)
	text = cleaned(text, private...)
	status, parts := fmt.Sprintf("%d ", code), clauses(nil)
	if code/100 == 4 || code/100 == 5 { // other codes refuse nothing
		status, parts = status+enhanced, clausesOf(text[:min(len(text), maxJudged)])
	}
	v := stopServer
	for _, r := range rules() {
		if r.fits(phase, status, parts) {
			v = r.verdict
			break
		}
	}
	if code/100 == 4 && v.pauseFor == configPause { // for example, the name server of the sender's domain did not answer
		v.pauseFor = time.Hour
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor,
		Phase: phase, Code: code, Enhanced: enhanced, Text: cut(text)}
}

func (r rule) fits(phase, status string, parts clauses) bool {
	return (r.phases == "" || slices.Contains(strings.Fields(r.phases), phase)) &&
		r.code.MatchString(status) && (r.says == "" || parts.say(r.says, r.not))
}

var (
	enhancedCode = re(`(?m)^#?([245]\.\d{1,3}\.\d{1,3})(\s+|$)`)
	qmailsCode   = re(`\(#([245]\.\d{1,3}\.\d{1,3})\)`)
)

// splitReply separates the enhanced status code (RFC 2034) from the text of a reply. Each line begins with the code;
// IronPort writes a # before it, and qmail writes it in brackets.
func splitReply(text string) (enhanced, rest string) {
	if m := enhancedCode().FindStringSubmatchIndex(text); m != nil && m[0] == 0 {
		enhanced = text[m[2]:m[3]]
		text = enhancedCode().ReplaceAllString(text, "")
	} else if m := qmailsCode().FindStringSubmatch(text); m != nil {
		enhanced = m[1]
	}
	return enhanced, strings.Join(strings.Fields(text), " ")
}

// How many bytes of a reply are classified, and how many are kept.
const (
	maxJudged    = 2000
	maxErrorText = 200
)

// removed replaces removed text.
const removed = "…"

var (
	escapes     = re(`\x1b\[[0-9;?]*[ -/]*[@-~]`) // of terminals, such as colours
	bracketed   = re(`<[^<>]*>`)
	addressLike = re(`\S*(@|%40|=40)\S*`)
	linkSecrets = re(`(https?://[^\s?#]*)[?#](\S*)`)
	helpTopic   = re(`^p=[A-Za-z]+$`) // in links to Google's help, which are useful and no secret
	word        = re(`[A-Za-z0-9+/_-]{6,}`)
)

// folded returns s with letters that differ only in case mapped to the same one.
func folded(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// Redact returns the text of a server for screens, logs and tables: one short line without addresses, without secrets
// in links, and without the private texts.
func Redact(text string, private ...string) string { return cut(cleaned(text, private...)) }

// cleaned is Redact without the limit of length. It also removes longer parts of the private texts. It does not remove
// private texts of one or two bytes, because that would damage other words.
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
		if len(p) > 2 && strings.Contains(folded(text), folded(p)) { // rare; compiling the expression is slow
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

// cut returns the beginning of a text, up to maxErrorText bytes.
func cut(text string) string {
	for len(text) > maxErrorText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.TrimSpace(text)
}
