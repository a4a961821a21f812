package mail

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pattern is what is left of an [Error] when all is taken out in which the answers to several recipients differ
// although they mean the same: numbers, addresses, hosts, ids. Two errors with one Pattern are alike; the zero Pattern
// is like none.
type Pattern struct {
	Fate    Fate
	Mailbox bool   // it surely speaks of the recipient's mailbox
	Words   string // phase, class and enhanced code of the reply, and the first words of its text
}

var (
	errorText   = re(`^([a-z]+): ([a-z_]+)(?: (\d)\d\d)?(?: (\d\.\d{1,3}\.\d{1,3}))?(?:: (.*))?$`)
	mailboxCode = re(`^5\.(1\.\d+|2\.1|4\.[14])$`) // that a mailbox, or its domain, is not there (RFC 3463)
)

// maxPatternWords is how many words of a text are compared: what comes later may be cut off.
const maxPatternWords = 10

// PatternOf returns the Pattern of an error by its text, such as one that was stored; the zero Pattern when text is
// nothing that [Error.Error] returns.
func PatternOf(text string) Pattern {
	m := errorText().FindStringSubmatch(text)
	fate := -1
	if m != nil {
		fate = slices.Index(fates, m[2])
	}
	if fate < 0 {
		return Pattern{}
	}
	said := strings.ToLower(m[5])
	words := []string{m[1], m[3], m[4]}
	for _, word := range strings.Fields(said) {
		bare := strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
		// What holds a digit or a sign within is a number, an address, a host, an id, or was taken out before (…). Two
		// letters may be somebody's name.
		if strings.ContainsFunc(word, unicode.IsDigit) || strings.ContainsAny(word, "@…") ||
			strings.ContainsAny(bare, ".:=_/<>[]") || utf8.RuneCountInString(bare) < 3 {
			continue
		}
		words = append(words, bare)
	}
	p := Pattern{Fate: Fate(fate), Words: strings.Join(words[:min(len(words), 3+maxPatternWords)], " ")}
	p.Mailbox = p.Fate == BadAddress && (mailboxCode().MatchString(m[4]) ||
		slices.ContainsFunc(clauses(said), func(c concept) bool { return c&(person|mailbox) != 0 }))
	return p
}
