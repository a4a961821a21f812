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

// message addresses a composed mail. After a try that surely failed, the next one gets a new Message-ID, because
// receivers must not drop it as a copy. After an unknown outcome, the next try keeps the Message-ID of the first.
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

// branch returns who a mail is from, and where answers go when that is elsewhere.
func (s Settings) branch(draft Draft) (from, replyTo mail.Address) {
	from, replyTo = s.From, s.ReplyTo
	// A branch's address becomes From only where the configuration says that the mail login may use it; elsewhere,
	// answers go to it. Else one cell in the library's system could stop all mail.
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

// branchAddress parses an address that every mail server accepts as a sender. With letters beyond ASCII before the @,
// some servers would refuse the mail.
func branchAddress(raw string) (mail.Address, error) {
	addr, err := mail.ParseAddress(raw)
	if err == nil && strings.ContainsFunc(addr.Addr, func(r rune) bool { return r > unicode.MaxASCII }) {
		err = mail.ErrNoAddress
	}
	return addr, err
}
