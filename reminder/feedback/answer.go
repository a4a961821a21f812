package feedback

import (
	"regexp"
	"slices"
	"strings"
)

// This file recognises the answers that end the reminders: the mail of List-Unsubscribe, whose subject is "berhenti"
// and the ref of the email, and an answer whose first line says only that. It counts only when it comes from the
// address of the email (match), names the email, and passes the sender check of the provider. All other answers are
// left to the staff.

var (
	answers = regexp.MustCompile(`(?i)^\s*(?:(?:re|bls|balas)\s*:\s*)+`)
	end     = regexp.MustCompile(`(?i)^\W*(?:berhenti|stop|unsubscribe|eureun)(?:\s+([A-Z2-7]{26}))?\W*$`)
)

// topic returns the subject without the prefix of an answer.
func (h header) topic() string { return answers.ReplaceAllString(h.subject(), "") }

// mayEnd reports by some header fields whether a message may be such an answer.
func (h header) mayEnd() bool {
	return (end.MatchString(h.topic()) || ownID.MatchString(strings.Trim(h.get("In-Reply-To"), "<> "))) && h.byPerson()
}

// byPerson reports whether a message is not an automatic one (RFC 3834).
func (h header) byPerson() bool {
	auto := h.get("Auto-Submitted")
	return auto == "" || strings.EqualFold(auto, "no")
}

// ends fills in the Return of a message that ends the reminders. It reports false for any other message.
func (r *Return) ends(h header, text string) bool {
	from := addresses(h.get("From"))
	if len(from) != 1 || len(h["from"]) != 1 || !h.byPerson() || !h.authentic(from[0]) {
		return false
	}
	_, domain, _ := strings.Cut(from[0], "@")
	if _, path, ok := strings.Cut(h.get("Return-Path"), "@"); ok && !related(path, domain) {
		return false
	}
	wish := end.FindStringSubmatch(h.topic())
	if wish == nil {
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" {
				wish = end.FindStringSubmatch(line)
				break
			}
		}
	}
	if wish == nil {
		return false
	}
	if wish[1] != "" {
		r.Refs = append(r.Refs, strings.ToUpper(wish[1]))
	}
	r.Complaint, r.Answer, r.Foreign = true, true, true // a mail that names none of our emails is not for us
	r.Failures = []Failure{{Addresses: from}}
	return len(r.Refs) > 0 || slices.ContainsFunc(r.IDs, ownID.MatchString)
}
