package reminder

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mtsn6garut/pengingat/mail"
)

// message returns the mail of a claim with its addresses and header fields. After a try that surely failed, the next
// one gets a new Message-ID, because receivers must not drop it as a copy. After an unknown outcome, the next try has
// the same Message-ID and Date.
func (s Settings) message(c Claim, draft Draft, content Content, now time.Time) mail.Message {
	m := mail.Message{
		ID: c.MessageID, Ref: c.Ref, Record: c.record, Date: c.Date, From: s.From, To: draft.To, ReplyTo: s.ReplyTo,
		Subject: content.Subject, Text: content.Text, HTML: content.HTML, Lang: content.Lang,
	}
	if m.ID == "" {
		m.ID = fmt.Sprintf("%s.%d@%s", cmp.Or(c.name, c.Ref), c.Attempts, s.From.Domain())
		m.Date = now.Truncate(time.Second)
	}
	m.From, m.ReplyTo = s.branch(draft)
	if s.Unsubscribe != "" && (draft.Courtesy || s.UnsubscribeAll && slices.Contains(spacedKinds, c.Kind)) {
		m.Unsubscribe = Mailto(s.Unsubscribe, "berhenti "+c.Ref)
	}
	return m
}

// branch returns the sender of a mail, and the address for answers, zero when they go to the sender.
func (s Settings) branch(draft Draft) (from, replyTo mail.Address) {
	from, replyTo = s.From, s.ReplyTo
	// The address of a branch becomes From only if MAIL_FROM_ALLOWED has it; otherwise it becomes Reply-To. A sender that
	// the server does not allow stops all mail, and one cell in the library's system must not do that.
	if branch, err := branchAddress(draft.From); err == nil {
		if slices.ContainsFunc(s.FromAllowed, func(a string) bool {
			return strings.EqualFold(a, branch.Addr) || strings.EqualFold(a, "@"+branch.Domain())
		}) {
			from.Addr = branch.Addr
		} else {
			replyTo = branch
		}
	}
	if answers, err := branchAddress(draft.ReplyTo); err == nil {
		replyTo = answers
	}
	return from, replyTo
}

// Mailto returns a URI (RFC 6068) that writes a mail with a subject to an address.
func Mailto(addr, subject string) string {
	at := max(0, strings.LastIndexByte(addr, '@'))
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "mailto:" + escape(addr[:at]) + addr[at:] + "?subject=" + escape(subject)
}

// branchAddress parses an address of a branch. It refuses an address with letters beyond ASCII, because some servers
// refuse mail from it.
func branchAddress(raw string) (mail.Address, error) {
	addr, err := mail.ParseAddress(raw)
	if err == nil && strings.ContainsFunc(addr.Addr, func(r rune) bool { return r > unicode.MaxASCII }) {
		err = mail.ErrNoAddress
	}
	return addr, err
}
