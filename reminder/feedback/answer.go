package feedback

import (
	"regexp"
	"slices"
	"strings"
)

// This file reads the answers that end the reminders: the mail that List-Unsubscribe asks for, whose subject is
// "berhenti" and the email's ref, and an answer that says so and nothing else in its first line. It counts only
// from the address that the email was sent to (match), with what names the email, and when the provider says
// nothing against its sender. What else people answer is for the staff, and is not looked at further.

var (
	answers = regexp.MustCompile(`(?i)^\s*(?:(?:re|bls|balas)\s*:\s*)+`)
	end     = regexp.MustCompile(`(?i)^\W*(?:berhenti|stop|unsubscribe|eureun)(?:\s+([A-Z2-7]{26}))?\W*$`)
)

// topic returns the subject without what answers begin with.
func (h header) topic() string { return answers.ReplaceAllString(h.subject(), "") }

// mayEnd reports, by some fields of a header, whether a message may be such an answer.
func (h header) mayEnd() bool {
	return (end.MatchString(h.topic()) || ownID.MatchString(strings.Trim(h.get("In-Reply-To"), "<> "))) && h.byPerson()
}

// byPerson reports whether a message is no automatic one (RFC 3834).
func (h header) byPerson() bool {
	auto := h.get("Auto-Submitted")
	return auto == "" || strings.EqualFold(auto, "no")
}

// ends fills in a Return of a message that ends the reminders.
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
	r.Complaint, r.Answer, r.Foreign = true, true, true // a person's mail that names no email of ours is none of ours
	r.Failures = []Failure{{Addresses: from}}
	return len(r.Refs) > 0 || slices.ContainsFunc(r.IDs, ownID.MatchString)
}
