package mail

import (
	"fmt"
	"strings"
	"time"
)

// A Fate says what may be done with a message that was not, or perhaps not, accepted.
type Fate int

const (
	// Unknown: the message may have been accepted. It is the zero value, so that an unclassified error never leads to a
	// second mail.
	Unknown Fate = iota
	// Retry: surely not accepted; a later try may succeed.
	Retry
	// Refused: this message was refused for good; the address is not to blame.
	Refused
	// BadAddress: this address was refused for good.
	BadAddress
	// Stop: surely not accepted, and the next message would get the same answer (wrong password, quota, sender not
	// allowed, server down). The run stops, and the message keeps its tries.
	Stop
)

var fates = []string{"unknown", "retry", "refused", "bad_address", "stop"}

// String returns the word for logs.
func (f Fate) String() string { return fates[f] }

// A PauseKind says why nothing should be sent for a while.
type PauseKind string

// The kinds of pause a failing provider causes. They are stored, so their values are fixed.
const (
	PauseCredentials PauseKind = "credentials" // the login was refused: until the configuration changes, or PauseFor
	PauseSender      PauseKind = "sender"      // our From address or relaying is not allowed: the same
	PauseQuota       PauseKind = "quota"       // too many messages: wait, then try with one
	PauseServer      PauseKind = "server"      // unreachable or out of order: a short pause
)

// An Error says why a message was not accepted, or may not have been accepted. It contains no address: Text is
// redacted.
//
// The phases are compose, before anything is sent; resolve, connect, tls, greet, ehlo, starttls, auth, mail, rcpt,
// data, body, dot of SMTP; post of SendGrid; file of File.
type Error struct {
	Fate     Fate
	Pause    PauseKind     // with Stop: the reason; empty when only the caller's time was over
	PauseFor time.Duration // with Stop: the longest pause
	Phase    string        // in which the sending failed
	Code     int           // SMTP or HTTP status; 0 when the server did not answer
	Enhanced string        // RFC 3463 status such as "5.1.1", or ""
	Text     string        // the answer of the server, redacted and cut to 200 bytes
	Err      error         // the cause, or nil; it contains no address
}

// Error describes the failure in one line without any address.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Phase, e.Fate)
	if e.Code != 0 {
		fmt.Fprintf(&b, " %d", e.Code)
	}
	if e.Enhanced != "" {
		b.WriteString(" " + e.Enhanced)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	} else if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
