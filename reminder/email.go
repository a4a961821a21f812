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

// A Cycle is one loan with one due date, for one kind of notice. A renewed loan begins a new cycle and is reminded of
// anew.
type Cycle struct {
	Kind Kind   `json:"kind"`
	Loan string `json:"loan_id"` // Loan.ID, or what else the kind is about
	Due  Date   `json:"due"`     // or the day that the kind is about
}

// A Notice is the promise to tell one recipient about one step of one loan, once. (Kind, Loan, Due, Step) is its key: a
// unique key in the database, which decides between runs that promise at the same time.
type Notice struct {
	Cycle
	Step   int `json:"step"`   // see Schedule
	Number int `json:"number"` // which late reminder of this cycle it is, from 1; 0 when Step <= 0
}

// A Priority orders emails when not all may be sent at once (MAIL_DAILY_LIMIT, time). Lower goes first. Stored.
type Priority int

// The priorities: what goes first, then in the order in which the mail helps a borrower most.
const (
	PriorityFirst Priority = iota - 1
	DueToday
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

// An Email is one message to one recipient with all notices of one kind that became due for them in one run. It is a
// row of the outbox. It holds no address, no name and no title: these are read again when it is sent.
type Email struct {
	Kind     Kind
	Borrower string // Borrower.ID, or by what else the kind knows the recipient; never an address
	Priority Priority
	Notices  []Notice
	Today    bool // a notice is about a loan that is due today: REMINDER_MIN_DAYS does not hold the email back
}

// A State of an email. States are stored as these words; every ending has its own.
type State string

// The states. Queued is where an email starts and where it returns to for another try; Claimed belongs to one run for
// the length of a lease, and nothing has left yet; Handover is set just before the irreversible byte. The others are
// ends, but for Unknown, which REMINDER_UNKNOWN=resend turns into Queued once.
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
	StateBounced  State = "bounced"  // accepted, and came back
)

// Waits reports whether an email has not ended.
func (s State) Waits() bool { return s == StateQueued || s == StateClaimed || s == StateHandover }

// A Claim is an email that only this run may work on until its lease ends. Every further write names the token, so a
// run that lost its claim changes nothing.
type Claim struct {
	ID       int64
	Ref      string // random and public: goes into the Message-ID and to the provider
	Token    string
	Kind     Kind
	Borrower string
	Priority Priority
	Notices  []Notice
	Address  Digest // of where it is handed over to; what comes back must name it
	Attempts int    // tries begun, this one included
	Unknowns int    // hand-overs whose outcome was never learned
	// MessageID and Date of the hand-over whose outcome is unknown, to be used again so that receivers can recognise
	// the copy; empty and zero otherwise.
	MessageID string
	Date      time.Time

	name   string // what its Message-ID begins with; "": its Ref
	record string // see record
}

// An Accepted is a claim that a server took responsibility for.
type Accepted struct {
	Claim
	ReceiptID string // what the server called it
}

// Loans returns the ids of the loans, or of what else, that the email is about.
func (c Claim) Loans() (ids []string) {
	for _, n := range c.Notices {
		if n.Loan != "" {
			ids = append(ids, n.Loan)
		}
	}
	return ids
}

// named returns the claim with the name that its Message-ID begins with. The name is derived from what is told and to
// whom. When records restored from a backup make the same promise again, the mail has the same Message-ID and receivers
// can drop it as a copy. The secret keeps ids from being guessed.
func (c Claim) named(secret string, dropped []Dropped) Claim {
	told := slices.DeleteFunc(slices.Clone(c.Notices), func(n Notice) bool {
		return slices.ContainsFunc(dropped, func(d Dropped) bool { return d.Notice == n })
	})
	slices.SortFunc(told, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Loan, b.Loan), a.Due.Compare(b.Due), cmp.Compare(a.Step, b.Step))
	})
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s %q", c.Kind, c.Borrower)
	for _, n := range told {
		fmt.Fprintf(mac, " %q %s %d", n.Loan, n.Due, n.Step)
	}
	c.name, c.record = hex.EncodeToString(mac.Sum(nil)[:16]), record(secret, c.Borrower, told)
	return c
}

// first reports whether the email is about the library and not about a borrower.
func (c Claim) first() bool { return c.Priority == PriorityFirst }

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

// For returns the outcome as it is recorded for a claim. An email that may have been sent before ends as unknown, not
// as surely unsent.
func (o Outcome) For(c Claim) Outcome {
	if c.Unknowns > 0 && o.State != StateQueued && o.State != "" {
		o.State = StateUnknown
	}
	return o
}

// A Dropped notice was left out of its email because what it would say is no longer true.
type Dropped struct {
	Notice
	Reason string
}

// Voids are the reasons for which a dropped notice is void: surely nothing was sent, and the obstacle may pass, so the
// step may be promised again. While the obstacle lasts, the plan promises nothing, so a notice is not promised and
// dropped in a loop. The other reasons are not void: superseded and expired give way to a newer step, and what a server
// refused or a person ended, a person begins again.
var Voids = []string{
	ReasonReturned, ReasonRenewed, string(VerdictTooOld), string(VerdictOnHold), string(VerdictOptedOut),
	string(VerdictUnreachable), string(VerdictBadAddress),
	string(StateCanceled), ReasonReleased, string(VerdictOdd), string(VerdictNotYet),
	string(VerdictTooSoon),
}

// Words beside the reasons of a recheck for which a notice is on record as dropped.
const (
	ReasonByPerson  = "by_person" // canceled
	ReasonReleased  = "released"  // a quarantine was taken back
	ReasonUnwanted  = "unwanted"  // its key was taken out of the settings; the notice is dropped as canceled
	ReasonMoved     = "moved"     // told, but the loan was another borrower's, who is told anew
	ReasonForgotten = "forgotten" // the record of the email was erased on request
)
