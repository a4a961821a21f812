package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// RefHeader has the Ref of a message. It comes back with a message that could not be delivered, also from a provider
// that writes a Message-ID of its own.
const RefHeader = "X-Pengingat-Ref"

// RecordHeader has the Record of a message.
const RecordHeader = "X-Pengingat-Record"

// maxHeaderText is how many characters of a subject or a name are kept. A longer one helps nobody in a list of mails.
const maxHeaderText = 120

var (
	messageID   = re(`^[!-;=?-~]+@[!-;=?-~]+$`) // printable ASCII without < and >
	mailtoURI   = re(`^mailto:[!-+\--;=?-~]+$`) // nor a comma, which divides URIs
	plainRef    = re(`^[A-Za-z0-9.-]{1,100}$`)  // fit for a header, and for ENVID (RFC 3461) as it is
	languageTag = re(`^[A-Za-z0-9-]{1,35}$`)    // RFC 5646
)

// lineFeeds makes every line end an LF. mime/quotedprintable loses that of "\ré\n", which it takes for a CRLF.
func lineFeeds(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// Bytes returns the message in the Internet Message Format (RFC 5322) with CRLF line ends. The same Message always
// gives the same bytes, so that a server which drops duplicates can know one. An error is an *Error.
func (m Message) Bytes() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	boundary := sha256.Sum256([]byte(m.ID))
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(hex.EncodeToString(boundary[:16])))
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(m.Date.UTC())
	msg.FromMailAddress(m.From.header())
	msg.ToMailAddress(m.To.header())
	if m.ReplyTo != (Address{}) {
		msg.ReplyToMailAddress(m.ReplyTo.header())
	}
	msg.Subject(headerText(m.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5: no vacation notes, please
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	if plainRef().MatchString(m.Ref) {
		msg.SetGenHeader(RefHeader, m.Ref)
	}
	if m.Record != "" {
		msg.SetGenHeader(RecordHeader, headerText(m.Record))
	}
	if m.Lang != "" {
		msg.SetGenHeader(gomail.HeaderContentLang, m.Lang)
	}
	if m.Unsubscribe != "" {
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
	}
	msg.SetBodyString(gomail.TypeTextPlain, lineFeeds(m.Text))
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, lineFeeds(m.HTML))
	}

	var b bytes.Buffer
	b.Grow(2<<10 + 5*(len(m.Text)+len(m.HTML))/4)
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, &Error{Fate: Refused, Phase: "compose", Err: fmt.Errorf("write message: %w", err)}
	}
	return b.Bytes(), nil
}

// check refuses what must not reach a header or a command, whoever filled the fields. The fates differ: a bad To is
// that borrower's matter, a bad From or Reply-To is everybody's.
func (m Message) check() error {
	switch {
	case !m.To.usable():
		return &Error{Fate: BadAddress, Phase: "compose", Err: ErrNoAddress}
	case !m.From.usable() || !isASCII(m.From.Addr), m.ReplyTo != (Address{}) && !m.ReplyTo.usable():
		return &Error{Fate: Stop, Pause: PauseSender, PauseFor: configPause, Phase: "compose",
			Err: fmt.Errorf("from or reply-to: %w", ErrNoAddress)}
	case !messageID().MatchString(m.ID), m.Date.IsZero():
		return &Error{Fate: Refused, Phase: "compose", Err: errors.New("message without a valid Message-ID and Date")}
	case m.Unsubscribe != "" && !mailtoURI().MatchString(m.Unsubscribe):
		return &Error{Fate: Refused, Phase: "compose", Err: errors.New("unsubscribe is not a mailto URI")}
	case m.Lang != "" && !languageTag().MatchString(m.Lang):
		return &Error{Fate: Refused, Phase: "compose", Err: errors.New("language is not a BCP 47 tag")}
	}
	return nil
}

// header returns a for a header. net/mail would write a backslash into an encoded word of a name, where no reader
// expects one (RFC 2047 section 5.3), and no name needs one.
func (a Address) header() *netmail.Address {
	return &netmail.Address{Name: strings.ReplaceAll(headerText(a.Name), `\`, "/"), Address: a.Addr}
}

// headerText makes data fit for a header: one line, nothing that hides or reorders text, no ready-made encoded word
// (RFC 2047) that a reader would decode into what we took out, at most maxHeaderText characters.
func headerText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r): // with CR, LF, U+2028 and U+2029
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "=?", "= ?")
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxHeaderText {
		s = strings.TrimSpace(string(runes[:maxHeaderText-1])) + "…"
	}
	return s
}
