package reminder

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// A Cycle is one loan with one due date. A renewed loan begins a new cycle and is reminded of anew.
type Cycle struct {
	Loan string `json:"loan_id"` // Loan.ID
	Due  Date   `json:"due"`
}

// A Notice is the promise to tell one borrower one step about one loan, once. (Loan, Due, Step) is its key for ever: a
// unique key in the database, which decides between runs that promise at the same time.
type Notice struct {
	Cycle
	Step   int `json:"step"`   // see Schedule
	Number int `json:"number"` // which late reminder of this cycle it is, from 1; 0 when Step <= 0
}

// summaryNotice is the promise of a day's summary to the librarian: a notice about no loan. Its Step is the recipient's place
// in REMINDER_SUMMARY_TO. No borrower's email can be taken for it, because a Store never shows a loan without an id.
func summaryNotice(today Date, recipient int) Notice {
	return Notice{Cycle: Cycle{Due: today}, Step: recipient}
}

// A Priority orders emails when not all may be sent at once (MAIL_DAILY_LIMIT, time). Lower goes first. Stored.
type Priority int

// The priorities, in the order in which a borrower gains from the mail.
const (
	DueToday Priority = iota
	BeforeDue
	FirstLate
	RepeatLate
)

// Priority returns the priority of the email that carries n alone.
func (n Notice) Priority() Priority {
	switch {
	case n.Step == 0:
		return DueToday
	case n.Step < 0:
		return BeforeDue
	case n.Number <= 1:
		return FirstLate
	}
	return RepeatLate
}

// An Email is one message to one borrower with all notices that became due for them in one run. It is a row of the
// outbox. It holds no address, no name and no title: these are read again when it is sent.
type Email struct {
	Borrower string // Borrower.ID
	Priority Priority
	Notices  []Notice
}

// A State of an email. States are stored as these words; every ending has its own.
type State string

// The states. Queued is where an email starts and where it returns to for another try; Claimed belongs to one run for
// the length of a lease, and nothing has left yet; Handover is set just before the irreversible byte. The others are ends,
// but for Unknown, which REMINDER_UNKNOWN=resend turns into Queued once.
const (
	StateQueued   State = "queued"
	StateClaimed  State = "claimed"
	StateHandover State = "handover"
	StateSent     State = "sent"     // a server took responsibility
	StateRefused  State = "refused"  // this address or this content, for good
	StateCanceled State = "canceled" // returned, renewed, opted out, no address any more
	StateExpired  State = "expired"  // not useful any more: a later step is in force
	StateFailed   State = "failed"   // all tries used
	StateUnknown  State = "unknown"  // may have been sent
)

// waits reports whether an email has not ended.
func (s State) waits() bool { return s == StateQueued || s == StateClaimed || s == StateHandover }

// A Claim is an email that this run alone may work on until its lease ends. The token is the fence: every further write
// names it, and a run that lost its claim changes nothing.
type Claim struct {
	ID       int64
	Ref      string // random and public: goes into the Message-ID and to the provider
	Token    string
	Borrower string
	Notices  []Notice
	Attempts int // tries begun, this one included
	Unknowns int // hand-overs whose outcome was never learned
	// MessageID and Date of the hand-over whose outcome is unknown, to be used again so that receivers can recognise the
	// copy; empty and zero otherwise.
	MessageID string
	Date      time.Time

	name string // what its Message-ID begins with; "": its Ref
}

// named returns the claim with the name under which it is sent. The name is made of what is told and to whom: so the same
// promise, made again by records that were restored from a backup, is a copy that receivers can drop. The secret keeps ids
// from being guessed.
func (c Claim) named(secret string, dropped []Dropped) Claim {
	told := slices.DeleteFunc(slices.Clone(c.Notices), func(n Notice) bool {
		return slices.ContainsFunc(dropped, func(d Dropped) bool { return d.Notice == n })
	})
	slices.SortFunc(told, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Loan, b.Loan), a.Due.Compare(b.Due), cmp.Compare(a.Step, b.Step))
	})
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%q", c.Borrower)
	for _, n := range told {
		fmt.Fprintf(mac, " %q %s %d", n.Loan, n.Due, n.Step)
	}
	c.name = hex.EncodeToString(mac.Sum(nil)[:16])
	return c
}

// isSummary reports whether the email is the librarian's summary, which belongs to no borrower.
func (c Claim) isSummary() bool { return c.Borrower == "" }

// An Outcome is what became of a claimed email.
type Outcome struct {
	State      State         // an end, Queued (again) or Unknown
	Reason     string        // for a person: "returned", "smtp 550 5.1.1"; no personal data
	RetryAfter time.Duration // with Queued: not before that long from now
	KeepTry    bool          // with Queued: this try does not count, because the message was not at fault
	ReceiptID  string        // with Sent: what the server called it
	BadAddress string        // with Refused: the address, of which a digest is remembered until it changes
	Dropped    []Dropped     // notices the message left out, whatever its State
}

// A Dropped notice was left out of its email because what it would say is no longer true.
type Dropped struct {
	Notice
	Reason string
}

// Voids are the reasons of dropped notices that promise nothing any more: surely nothing was sent, and what hindered it may
// pass. A plan that meets the same hindrance again promises nothing, so none is promised and dropped in turn for ever. Of
// the other reasons, superseded and expired give way to a newer step; and what a server refused or a person ended, a person
// begins again.
var Voids = []string{
	ReasonReturned, ReasonRenewed, string(VerdictTooOld), string(VerdictOnHold), string(VerdictOptedOut), string(VerdictUnreachable), string(VerdictBadAddress),
	string(StateCanceled), ReasonReleased, string(VerdictOdd),
}

// Words beside the reasons of a recheck for which a notice is on record as dropped.
const (
	ReasonByPerson = "by_person" // canceled
	ReasonReleased = "released"  // a quarantine was taken back
	ReasonMoved    = "moved"     // told, but the loan was another borrower's, who is told anew
)
