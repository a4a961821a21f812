package feedback

import (
	"regexp"
	"slices"
	"strings"
)

// from returns the address in From, or what stands there in its place, in lower case.
func (h header) from() string {
	if list := addresses(h.get("From")); len(list) > 0 {
		return list[len(list)-1] // a name may look like an address, too
	}
	return strings.ToLower(strings.Trim(first(h.get("From")), "<>"))
}

// fromSystem reports whether a message comes from a mail system, as far as its header tells. A sender who only claims
// to be one is found out by Return-Path and Authentication-Results, where the provider writes them. A report, and what
// Exim and Exchange mark as one, may have another sender, when its Return-Path is the empty one of mail systems. A
// postmaster is a person, too, who answers.
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

// authentic reports whether what the receiving provider found out about a sender speaks for it. Only the topmost
// Authentication-Results is the provider's; where there is none nothing is known. A system that proves nothing at all
// may be an honest one, but not when its name is one that always signs.
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

// related reports whether one domain is the other, or lies in it.
func related(a, b string) bool {
	a, b = strings.ToLower(strings.TrimRight(a, ">. ")), strings.ToLower(strings.TrimRight(b, ">. "))
	return a != "" && b != "" && (a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a))
}
