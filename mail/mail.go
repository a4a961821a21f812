// Package mail hands one message at a time to a mail server and says what became of it.
//
// It knows nothing about loans. Its contract has three parts:
//
//   - A [Message] has one recipient. There is no way to address two.
//   - A [Sender] tells its caller just before the irreversible byte: the [Handover] callback runs when everything
//     up to that byte was taken by the server (SMTP: after the body, before the final dot; HTTP: before the
//     request; file: before the rename). If the callback fails, nothing is sent.
//   - An [Error] says what the caller may do next ([Fate]), not what the server said.
//
// Three senders stand behind it: [SMTP], [SendGrid] and [File].
package mail

import (
	"context"
	"time"
)

// A Message is one mail to one recipient. All strings are data from a library's database: senders strip control and
// bidirectional formatting characters from what goes into a header, and encode the rest.
type Message struct {
	ID      string    // Message-ID without angle brackets; unique, without personal data
	Ref     string    // random id of the outbox row; the only thing a provider may keep about the message
	Record  string    // words by which the sender's own database knows the message among the sent ones; or ""
	Date    time.Time // the Date header; a message sent again because its outcome is unknown keeps ID and Date
	From    Address
	To      Address
	ReplyTo Address // zero: no Reply-To
	Subject string
	Text    string // plain text, complete in itself
	HTML    string // the same in HTML; empty: a text-only mail
	Lang    string // BCP 47 tag of the text, for Content-Language
	// Unsubscribe is a mailto URI for List-Unsubscribe; empty: no such header.
	Unsubscribe string
}

// An Address is a mailbox with an optional display name.
type Address struct {
	Name string
	Addr string // as ParseAddress returns it
}

// A Receipt is what the server called the message it accepted, for a person who asks the provider about it.
type Receipt struct {
	ID string
}

// A Handover is called by a Sender exactly once a message, just before the byte after which the message may be
// accepted whatever happens to us. When it returns an error the Sender must not write that byte: it drops the
// connection and returns the error, unwrapped by any Fate.
type Handover func(ctx context.Context) error

// A Sender hands messages to a server. Send and Close are safe for concurrent use.
type Sender interface {
	// Send hands m over. A nil error means that a server took responsibility for m, not that m was delivered.
	// An error from handover is returned as it is. Every other error is an *Error, whose Fate says what may be done.
	// Send never retries after handover was called.
	Send(ctx context.Context, m Message, handover Handover) (Receipt, error)

	// Close drops idle connections. The Sender connects again when it is used again.
	Close() error
}
