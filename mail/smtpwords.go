package mail

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed smtpwords.txt
var wordList string

// stems returns, for each concept of wordList, the expression that finds it in a folded text. They are compiled at the
// first failure, because most runs have none, and a function in the cloud is a new process in each run.
var stems = sync.OnceValue(func() map[string]*regexp.Regexp {
	lists := map[string][]string{}
	for line := range strings.Lines(wordList) {
		if name, words, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && name[0] != '#' {
			lists[name] = append(lists[name], words)
		}
	}
	all := map[string]*regexp.Regexp{}
	for name, list := range lists {
		all[name] = regexp.MustCompile(fold(strings.Join(list, "|")))
	}
	return all
})

// re compiles an expression when it is first used, for the same reason.
func re(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// fold removes differences between servers: case, accents, and the form of an apostrophe.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == '’':
			return '\''
		case r == 'ı': // Turkish; some servers write i instead
			return 'i'
		}
		return r
	}, norm.NFKD.String(strings.ToLower(text)))
}

// clauses has the set of concepts in each clause of a text.
type clauses []map[string]bool

// say reports whether one clause has all concepts of says and none of not. Both are separated by blanks.
func (list clauses) say(says, not string) bool {
	all, none := strings.Fields(says), strings.Fields(not)
	return slices.ContainsFunc(list, func(c map[string]bool) bool {
		return !slices.ContainsFunc(all, func(concept string) bool { return !c[concept] }) &&
			!slices.ContainsFunc(none, func(concept string) bool { return c[concept] })
	})
}

var (
	link      = re(`(?i)https?://\S*`)
	clauseEnd = re(`[.;!?,]+(\s|$)|\s[-–—]+\s|[。，；！？]`)
)

// clausesOf divides a text into clauses. Concepts of different clauses do not belong together: "Mailbox is full. Try
// sending it again" is not about a limit of sending.
func clausesOf(text string) (list clauses) {
	text = strings.ReplaceAll(fold(link().ReplaceAllString(text, "")), fold(removed), "_")
	for _, part := range clauseEnd().Split(text, -1) {
		c := map[string]bool{}
		for concept, words := range stems() {
			c[concept] = words.MatchString(part)
		}
		list = append(list, c)
	}
	return list
}
