package mail

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pattern is an [Error] without the parts that differ between recipients although the answer is the same: numbers,
// addresses, hosts, ids. Errors with the same Pattern are the same answer. The zero Pattern stands for no answer.
type Pattern struct {
	Fate    Fate
	Mailbox bool   // the answer is surely about the recipient's mailbox
	Words   string // phase, class and enhanced code of the reply, and the first words of its text
}

var (
	errorText   = re(`^([a-z]+): ([a-z_]+)(?: (\d)\d\d)?(?: (\d\.\d{1,3}\.\d{1,3}))?(?:: (.*))?$`)
	mailboxCode = re(`^5\.(1\.\d+|2\.1|4\.[14])$`) // a mailbox or its domain does not exist (RFC 3463)
)

// maxPatternWords is how many words of a text are compared. Later ones may be cut off in the stored text.
const maxPatternWords = 10

// PatternOf returns the Pattern of an error by its text, such as a stored one. It returns the zero Pattern for a text
// that does not come from [Error.Error].
func PatternOf(text string) Pattern {
	m := errorText().FindStringSubmatch(text)
	fate := -1
	if m != nil {
		fate = slices.Index(fates, m[2])
	}
	if fate < 0 {
		return Pattern{}
	}
	reply := strings.ToLower(m[5])
	words := []string{m[1], m[3], m[4]}
	for _, word := range strings.Fields(reply) {
		bare := strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
		// A word with a digit or a sign in it is a number, an address, a host, an id, or redacted (…). A word of two
		// letters may be a name.
		if strings.ContainsFunc(word, unicode.IsDigit) || strings.ContainsAny(word, "@…") ||
			strings.ContainsAny(bare, ".:=_/<>[]") || utf8.RuneCountInString(bare) < 3 {
			continue
		}
		words = append(words, bare)
	}
	p := Pattern{Fate: Fate(fate), Words: strings.Join(words[:min(len(words), 3+maxPatternWords)], " ")}
	clauses := clausesOf(reply)
	p.Mailbox = p.Fate == BadAddress &&
		(mailboxCode().MatchString(m[4]) || clauses.say("person", "") || clauses.say("mailbox", ""))
	return p
}
