// Package mail sends one message at a time and reports what became of it.
//
// It knows nothing about loans. Its contract has three parts:
//
//   - A [Message] has one recipient. Two recipients are not possible.
//   - A [Sender] calls a [Handover] just before the irreversible byte, when the server has accepted everything before
//     it (SMTP: after the body, before the final dot; HTTP: before the request; file: before the rename). If the
//     Handover fails, nothing is sent.
//   - An [Error] says what the caller may do next ([Fate]), and not only what the server answered.
//
// There are three senders: [SMTP], [SendGrid] and [File].
package mail

import (
	"context"
	"time"
)

// A Message is one mail to one recipient. All strings are untrusted data from a library's database. Senders remove
// control and bidirectional formatting characters from the header, and encode the rest.
type Message struct {
	ID      string    // Message-ID without angle brackets; unique, without personal data
	Ref     string    // random id of the email in the outbox; the only id that a provider may store
	Record  string    // value of RecordHeader, by which the database finds the message in sent mail; or ""
	Date    time.Time // the Date field; a message sent again because its outcome is unknown keeps ID and Date
	From    Address
	To      Address
	ReplyTo Address // zero: no Reply-To
	Subject string
	Text    string // plain text with all of the content
	HTML    string // the same content in HTML; empty: a text-only mail
	Lang    string // BCP 47 tag of the text, for Content-Language
	// Unsubscribe is a mailto URI for List-Unsubscribe; empty: no such header.
	Unsubscribe string
}

// An Address is a mailbox with an optional display name.
type Address struct {
	Name string
	Addr string // as ParseAddress returns it
}

// A Receipt has the server's id of an accepted message, for questions to the provider.
type Receipt struct {
	ID string
}

// A Handover is called by a Sender at most once for a message, just before the byte after which the server may have
// accepted the message, even if the program crashes. If it returns an error, the Sender must not write that byte: it
// closes the connection and returns the error unchanged.
type Handover func(ctx context.Context) error

// A Sender hands messages to a server. Send and Close are safe for concurrent use.
type Sender interface {
	// Send hands m over. A nil error means that a server took responsibility for m, not that m was delivered.
	// An error of handover is returned unchanged. Any other error is an *Error, whose Fate says what may be done.
	// Send never tries again after it has called handover.
	Send(ctx context.Context, m Message, handover Handover) (Receipt, error)

	// Close closes idle connections. The Sender may be used again and then opens new ones.
	Close() error
}
