package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// RefHeader is the header field for the Ref of a message. A bounce contains it, even if the provider replaces the
// Message-ID.
const RefHeader = "X-Pengingat-Ref"

// RecordHeader is the header field for the Record of a message.
const RecordHeader = "X-Pengingat-Record"

// maxHeaderText is the maximum length of a subject or a name, in characters. Lists of mails show no more.
const maxHeaderText = 120

var (
	messageID   = re(`^[!-;=?-~]+@[!-;=?-~]+$`) // printable ASCII without < and >
	mailtoURI   = re(`^mailto:[!-+\--;=?-~]+$`) // nor a comma, which divides URIs
	plainRef    = re(`^[A-Za-z0-9.-]{1,100}$`)  // fit for a header, and for ENVID (RFC 3461) as it is
	languageTag = re(`^[A-Za-z0-9-]{1,35}$`)    // RFC 5646
)

// Bytes returns the message in the Internet Message Format (RFC 5322) with CRLF line ends. The same Message always
// gives the same bytes, so that a server which drops duplicates can know one. An error is an *Error.
func (m Message) Bytes() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	b := new(bytes.Buffer)
	b.Grow(2<<10 + 5*(len(m.Text)+len(m.HTML))/4)
	m.writeHeader(b)
	if m.HTML == "" {
		writePart(b, "text/plain", m.Text)
		return b.Bytes(), nil
	}
	sum := sha256.Sum256([]byte(m.ID))
	boundary := hex.EncodeToString(sum[:16])
	b.WriteString("Content-Type: multipart/alternative;\r\n boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n")
	writePart(b, "text/plain", m.Text)
	b.WriteString("\r\n--" + boundary + "\r\n")
	writePart(b, "text/html", m.HTML)
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return b.Bytes(), nil
}

// writeHeader writes the fields about the message as a whole.
func (m Message) writeHeader(b *bytes.Buffer) {
	unsubscribe := m.Unsubscribe
	if unsubscribe != "" {
		unsubscribe = "<" + unsubscribe + ">"
	}
	for _, field := range [][2]string{
		{"Auto-Submitted", "auto-generated"}, // RFC 3834 section 5: no vacation notes, please
		{"Content-Language", m.Lang},
		{"Date", m.Date.UTC().Format(time.RFC1123Z)},
		{"List-Unsubscribe", unsubscribe},
		{"MIME-Version", "1.0"},
		{"Message-ID", "<" + m.ID + ">"},
		{"Subject", encodedWords(m.Subject)},
		{"X-Auto-Response-Suppress", "All"}, // as Auto-Submitted, for Exchange
		{RecordHeader, encodedWords(m.Record)},
		{RefHeader, plainRef().FindString(m.Ref)},
		{"From", m.From.header()},
		{"To", m.To.header()},
		{"Reply-To", m.ReplyTo.header()},
	} {
		if name, value := field[0], field[1]; value != "" || name == "Subject" {
			writeField(b, name, value)
		}
	}
}

// writeField writes a header field, folded between words so that no line is longer than it must be (RFC 5322 section
// 2.2.3).
func writeField(b *bytes.Buffer, name, value string) {
	const limit = 72 // columns
	b.WriteString(name + ":")
	column := len(name) + 1
	for word := range strings.SplitSeq(value, " ") {
		if column+1+len(word) > limit {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	b.WriteString("\r\n")
}

// writePart writes a text with the fields that describe it.
func writePart(b *bytes.Buffer, mediaType, text string) {
	writeField(b, "Content-Transfer-Encoding", "quoted-printable")
	writeField(b, "Content-Type", mediaType+"; charset=UTF-8")
	b.WriteString("\r\n")
	// Every line end becomes an LF. The writer would lose that of "\ré\n", which it takes for a CRLF.
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	w := quotedprintable.NewWriter(b)
	_, _ = w.Write([]byte(text)) // writing into memory does not fail
	_ = w.Close()
}

// check returns an Error if a field must not be in a header or a command. A bad To concerns only this borrower, a bad
// From or Reply-To all mails, so the fates differ.
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
func (a Address) header() string {
	if a == (Address{}) {
		return ""
	}
	address := netmail.Address{Name: strings.ReplaceAll(headerText(a.Name), `\`, "/"), Address: a.Addr}
	return address.String()
}

// encodedWords returns a text for a header (RFC 2047).
func encodedWords(s string) string { return mime.QEncoding.Encode("UTF-8", headerText(s)) }

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
	if utf8.RuneCountInString(s) > maxHeaderText {
		s = strings.TrimSpace(string([]rune(s)[:maxHeaderText-1])) + "…"
	}
	return s
}
