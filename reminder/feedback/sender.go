package feedback

import (
	"regexp"
	"slices"
	"strings"
)

// from returns the address in From in lower case, or the first word if there is no address.
func (h header) from() string {
	if list := addresses(h.get("From")); len(list) > 0 {
		return list[len(list)-1] // the display name before it may look like an address, too
	}
	return strings.ToLower(strings.Trim(first(h.get("From")), "<>"))
}

// fromSystem reports whether the sender of a message is a mail system. Return-Path and Authentication-Results, if the
// provider writes them, expose a forged sender. A delivery report, or a message that Exim or Exchange marks as one, may
// have any sender if its Return-Path is empty, because only mail systems send such messages. A reply from a postmaster
// is from a person.
func (h header) fromSystem(report bool) bool {
	from := h.from()
	local, domain, _ := strings.Cut(from, "@")
	path, returnPath := h["return-path"], strings.Trim(h.get("Return-Path"), "<> \t")
	marked := report || h["x-failed-recipients"] != nil || h["x-ms-exchange-message-is-ndr"] != nil
	switch null := len(path) > 0 && returnPath == ""; {
	case local == "postmaster" && h.get("In-Reply-To") != "" && !marked && !null:
		return false
	case sendersOf.MatchString(local), from == "" && null, marked && null:
	default:
		return false
	}
	if _, sent, ok := strings.Cut(returnPath, "@"); ok && !related(sent, domain) {
		return false
	}
	return h.authentic(from)
}

var authResult = regexp.MustCompile(`(?i)\b(dmarc|dkim|spf)\s*=\s*(\w+)([^;]*)`)

var (
	provesFor   = regexp.MustCompile(`(?i)(?:header\.d|header\.i|header\.from|smtp\.mailfrom|smtp\.helo|policy\.d)=@?(?:[^\s;@]*@)?([\w.-]+)`)
	alwaysSigns = []string{"googlemail.com", "google.com"}
)

// authentic reports whether to trust the sender, by the receiving provider's check. Only the topmost
// Authentication-Results comes from the provider. A sender without one is trusted, and so is one for whom the provider
// tried no method, except if the domain always signs its mail.
func (h header) authentic(from string) bool {
	results := h.get("Authentication-Results")
	if results == "" {
		return true
	}
	_, domain, _ := strings.Cut(from, "@")
	proven, tried := false, false
	for _, m := range authResult.FindAllStringSubmatch(results, 20) {
		method, result := strings.ToLower(m[1]), strings.ToLower(m[2])
		switch {
		case result == "pass":
			tried = true
			for _, d := range provesFor.FindAllStringSubmatch(m[3], 10) {
				proven = proven || related(strings.ToLower(d[1]), domain)
			}
		case result == "fail" && method == "dmarc":
			return false
		case slices.Contains([]string{"fail", "softfail", "permerror"}, result):
			tried = true
		}
	}
	return proven || !tried && !slices.Contains(alwaysSigns, domain)
}

// related reports whether two domains are the same, or one is a subdomain of the other.
func related(a, b string) bool {
	a, b = strings.ToLower(strings.TrimRight(a, ">. ")), strings.ToLower(strings.TrimRight(b, ">. "))
	return a != "" && b != "" && (a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a))
}
