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

// A Cycle is one loan with one due date, for one kind of notice. A renewed loan begins a new cycle, with all steps of
// the schedule.
type Cycle struct {
	Kind Kind   `json:"kind"`
	Loan string `json:"loan_id"` // Loan.ID; a kind that is not about a loan has its own meaning for Loan and Due
	Due  Date   `json:"due"`
}

// A Notice is the promise to tell one recipient about one step of one loan, once. (Kind, Loan, Due, Step) is its key: a
// unique key in the database, which decides between runs that promise at the same time.
type Notice struct {
	Cycle
	Step   int `json:"step"`   // see Schedule
	Number int `json:"number"` // which late reminder of this cycle it is, from 1; 0 when Step <= 0
}

// A Priority orders emails when not all can be sent at once (MAIL_DAILY_LIMIT, time). Lower goes first. It is stored.
type Priority int

// The priorities. PriorityFirst is for mail to the staff; the others are ordered by how much a mail helps a borrower.
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
	Borrower string // Borrower.ID, or another id of the recipient that the kind defines; never an address
	Priority Priority
	Notices  []Notice
	Today    bool // a notice is about a loan that is due today, so REMINDER_MIN_DAYS does not hold the email back
}

// A State of an email. It is stored as this word. Each end has a state of its own.
type State string

// The states. An email starts as queued and returns there for another try. While it is claimed, it belongs to one run
// for the time of a lease, and nothing was sent yet. Handover is set just before the irreversible byte. The others are
// ends, except that REMINDER_UNKNOWN=resend turns unknown into queued once.
const (
	StateQueued   State = "queued"
	StateClaimed  State = "claimed"
	StateHandover State = "handover"
	StateSent     State = "sent"     // a server took responsibility
	StateRefused  State = "refused"  // refused for good, because of the address or the content
	StateCanceled State = "canceled" // the loan was returned or renewed, or the borrower opted out or has no address now
	StateExpired  State = "expired"  // a later step is in force
	StateFailed   State = "failed"   // all tries are used
	StateUnknown  State = "unknown"  // it may have been sent
	StateBounced  State = "bounced"  // it was accepted and came back
)

// Waits reports whether an email in this state has not ended.
func (s State) Waits() bool { return s == StateQueued || s == StateClaimed || s == StateHandover }

// A Claim is an email that only this run may process until its lease ends. Each later write has the token as a
// condition, so a run that lost its claim changes nothing.
type Claim struct {
	ID       int64
	Ref      string // random and public: it is in the mail's header, and the provider gets it
	Token    string
	Kind     Kind
	Borrower string
	Priority Priority
	Notices  []Notice
	Address  Digest // of the recipient; only a bounce from this address counts
	Attempts int    // tries begun, including this one
	Unknowns int    // hand-overs whose outcome stayed unknown
	// MessageID and Date of the hand-over whose outcome is unknown. They are used again, so that receivers can recognise
	// the copy. Otherwise they are zero.
	MessageID string
	Date      time.Time

	name   string // the beginning of its Message-ID; "": Ref is used
	record string // for mail.RecordHeader; see the function record
}

// An Accepted is a claim that a server took responsibility for.
type Accepted struct {
	Claim
	ReceiptID string // the server's id of the mail
}

// Loans returns the Loan of each notice that has one.
func (c Claim) Loans() (ids []string) {
	for _, n := range c.Notices {
		if n.Loan != "" {
			ids = append(ids, n.Loan)
		}
	}
	return ids
}

// named returns the claim with its name, the beginning of the Message-ID. The name is a keyed hash of the recipient and
// of the notices without those that were dropped. If the records are restored from a backup and make the same promise
// again, the mail has the same Message-ID, and receivers can drop it as a copy. Without the secret the name reveals no
// ids.
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
	State      State         // an end, or StateQueued for another try; "": none yet
	Reason     string        // for a person: "returned", "smtp 550 5.1.1"; no personal data
	RetryAfter time.Duration // with StateQueued: how long from now the next try has to wait
	KeepTry    bool          // with StateQueued: this try does not count, because the message was not at fault
	ReceiptID  string        // with StateSent: the server's id of the mail
	BadAddress string        // with StateRefused: the address; its digest is stored until the address changes
	Dropped    []Dropped     // notices that the message leaves out, with any State
}

// For returns the outcome as it is recorded for a claim. If an earlier try may have been sent, the email ends as
// unknown, because "not sent" might be wrong.
func (o Outcome) For(c Claim) Outcome {
	if c.Unknowns > 0 && o.State != StateQueued && o.State != "" {
		o.State = StateUnknown
	}
	return o
}

// A Dropped notice is left out of its email because it is no longer true.
type Dropped struct {
	Notice
	Reason string
}

// Voids are the reasons that make a dropped notice void: surely nothing was sent, and the obstacle may pass, so the
// step may be promised again. While the obstacle lasts, the plan promises nothing, so a notice is not promised and
// dropped in a loop. Other reasons do not make a notice void. After "superseded" and "expired" a newer step is
// promised. If a server refused the email or a person canceled it, only a person can queue it again.
var Voids = []string{
	ReasonReturned, ReasonRenewed, string(VerdictTooOld), string(VerdictOnHold), string(VerdictOptedOut),
	string(VerdictUnreachable), string(VerdictBadAddress),
	string(StateCanceled), ReasonReleased, string(VerdictOdd), string(VerdictNotYet),
	string(VerdictTooSoon),
}

// Further reasons, beside those of a recheck, why a notice was dropped or an email canceled. They are stored.
const (
	ReasonByPerson  = "by_person" // a person canceled the email
	ReasonReleased  = "released"  // a person undid a quarantine
	ReasonUnwanted  = "unwanted"  // the setting that asks for this kind of email was removed
	ReasonMoved     = "moved"     // sent, but the loan has moved to another borrower, who gets a notice of their own
	ReasonForgotten = "forgotten" // a person had the records of the borrower erased
)
