package feedback

import (
	"regexp"
	"slices"
	"strings"
)

// This file recognises the answers that opt out: the mail of List-Unsubscribe, which has "berhenti" and the ref of the
// email as its subject, and an answer whose first line is only that word. An answer counts only if it comes from the
// address of the email (match), names the email, and passes the sender check of the provider. The staff handle all
// other answers.

var (
	answerPrefix = regexp.MustCompile(`(?i)^\s*(?:(?:re|bls|balas)\s*:\s*)+`)
	optOutWord   = regexp.MustCompile(`(?i)^\W*(?:berhenti|stop|unsubscribe|eureun)(?:\s+([A-Z2-7]{26}))?\W*$`)
)

// topic returns the subject without the prefix of an answer.
func (h header) topic() string { return answerPrefix.ReplaceAllString(h.subject(), "") }

// mayOptOut reports by some header fields whether a message may be such an answer.
func (h header) mayOptOut() bool {
	answers := ownID.MatchString(strings.Trim(h.get("In-Reply-To"), "<> "))
	return (answers || optOutWord.MatchString(h.topic())) && h.byPerson()
}

// byPerson reports whether a message is not an automatic one (RFC 3834).
func (h header) byPerson() bool {
	auto := h.get("Auto-Submitted")
	return auto == "" || strings.EqualFold(auto, "no")
}

// optsOut fills in the Return of a message that opts out. It returns false for any other message.
func (r *Return) optsOut(h header, text string) bool {
	from := addresses(h.get("From"))
	if len(from) != 1 || len(h["from"]) != 1 || !h.byPerson() || !h.authentic(from[0]) {
		return false
	}
	_, domain, _ := strings.Cut(from[0], "@")
	if _, path, ok := strings.Cut(h.get("Return-Path"), "@"); ok && !related(path, domain) {
		return false
	}
	word := optOutWord.FindStringSubmatch(h.topic())
	if word == nil {
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" {
				word = optOutWord.FindStringSubmatch(line)
				break
			}
		}
	}
	if word == nil {
		return false
	}
	if word[1] != "" {
		r.Refs = append(r.Refs, strings.ToUpper(word[1]))
	}
	r.Complaint, r.Answer, r.Foreign = true, true, true
	r.Failures = []Failure{{Addresses: from}}
	return len(r.Refs) > 0 || slices.ContainsFunc(r.IDs, ownID.MatchString)
}
