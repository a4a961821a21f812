package reminder

import (
	"context"
	"errors"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// ErrLost is returned by Store methods that write to a claimed email when the claim is lost: its lease has ended, and
// another run has swept it. After ErrLost a run must not send the email.
var ErrLost = errors.New("the claim was lost to another run")

// PauseByPerson is the kind of pause that a person sets. The other kinds are mail's.
const PauseByPerson mail.PauseKind = "person"

// A Pause stops planning and sending for a while. There is at most one that a person has set, and one for a failure of
// the mail server.
type Pause struct {
	Kind   mail.PauseKind `json:"kind"`
	Reason string         `json:"reason"`         // for a person; without addresses
	Until  time.Time      `json:"until,omitzero"` // zero: until it is lifted
	// of the mail configuration that failed; the pause ends when the configuration changes
	Fingerprint string `json:"fingerprint"`
}

// Swept counts the emails of crashed runs that a sweep has ended.
type Swept struct {
	Unknown int // handed over, and the lease has ended: the outcome is unknown
	Failed  int // claimed too often by runs that crashed
}

// Loans are the open loans of the library's own system. They are only read, so they may be in another database than
// the records.
type Loans interface {
	// CountLoans counts all open loans, as TooOld those due before a day, and as Odd those that no Scan from that day on
	// returns.
	CountLoans(ctx context.Context, before Date) (LoanCounts, error)
	// Scan calls page with the open loans due from first to last, and with those whose due date makes no sense, some
	// thousand at a time and in no order. A loan that the database cannot compute has Broken set. Scan may fail after page
	// was called. page must not call Scan.
	Scan(ctx context.Context, first, last Date, page func(loans []Loan) error) error
	// Reread returns the loans with some ids as they are now, without those that were returned. If the database cannot
	// compute a cell of a loan, Reread returns the loan without it.
	Reread(ctx context.Context, ids []string) ([]Loan, error)
	// DueBetween returns the loans due from first to last as they are now.
	DueBetween(ctx context.Context, first, last Date) ([]Loan, error)
	// LastBorrowed returns the newest day up to today on which an open loan was borrowed, or zero when that is unknown.
	LastBorrowed(ctx context.Context, today Date) (Date, error)
}

// A Store keeps the records. Its methods are safe for concurrent runs, on one machine or several; the database decides
// between them. Leases and retry times are measured by the database's clock, so the clocks of the machines may differ.
//
// All methods, also those of Loans, may return a *Fault.
type Store interface {
	Outbox
	Journal
	// Library returns what people and refused mails left on record about days, from one on, and about borrowers.
	Library(ctx context.Context, from Date) (Library, error)
}

// An Outbox keeps emails and their notices.
type Outbox interface {
	// Promised returns what was promised, for all kinds, with due dates from a day on. ids are values of Notice.Loan.
	Promised(ctx context.Context, from Date, ids ...string) (map[Cycle]History, error)
	// Promise stores emails and their notices, many in one transaction, and returns what it stored. It leaves out notices
	// that another run promised meanwhile, and emails without notices. If the database refuses an email, the others are
	// still stored.
	Promise(ctx context.Context, runID string, emails []Email) (PlannedCounts, error)

	// RecordSent records mails as sent that were sent before the records were restored from a backup, and returns how
	// many. It leaves out a mail if it or one of its notices is on record by now.
	RecordSent(ctx context.Context, runID string, before []SentBefore) (int, error)

	// Sweep settles the emails of crashed runs: claims whose lease has ended are queued again, or fail if that has
	// happened too often; hand-overs become unknown. With resend, an email that is unknown for the first time is queued
	// once more.
	Sweep(ctx context.Context, resend bool) (Swept, error)
	// Claim claims queued emails whose time has come, the most urgent first. It reports whether the daily limit held some
	// back.
	Claim(ctx context.Context, w Wanted) (claims []Claim, full bool, err error)
	// HandOver marks a claim as about to be sent with this Message-ID and Date. After ErrLost nothing may be sent. In the
	// same statement it records that the accepted ones were sent. It may be repeated after an error.
	HandOver(ctx context.Context, c Claim, messageID string, date time.Time, accepted ...Accepted) error
	// Record records the outcome of a claim. It may be repeated: an outcome that is already recorded is no error.
	Record(ctx context.Context, c Claim, o Outcome) error

	// Written returns, by recipient, when an email of a kind was last handed over within a period, by its Date. An email
	// that surely was not accepted, or that bounced, does not count.
	Written(ctx context.Context, kind Kind, recipients []string, from, to time.Time) (map[string]time.Time, error)
	// OtherEmail reports whether another email to the claim's recipient counts as Written in a period, or is about to be
	// sent: another run has claimed it, or it comes first with the same token. So of two emails at the same time, at most
	// one is sent.
	OtherEmail(ctx context.Context, c Claim, from, to time.Time) (bool, error)

	// Answered returns the emails to borrowers that are queued again, or that ended badly in the last period, with the
	// answers of the server.
	Answered(ctx context.Context, period time.Duration) ([]Answered, error)
	// RequeueLast queues some of them again with all their tries, to go after the others: their reasons begin with
	// GoesLast. It undoes what was recorded when they ended: the notices are not dropped, and the address is not bad.
	RequeueLast(ctx context.Context, ids []int64) error

	// Backlog returns what has not ended.
	Backlog(ctx context.Context) (Backlog, error)
}

// A Backlog is the emails that have not ended.
type Backlog struct {
	Waiting int
	Oldest  time.Time     // when the oldest was promised; zero: none waits
	Queued  bool          // some are queued,
	Next    time.Duration // and so long it is until one of them may be claimed
}

// Wanted says which emails to claim.
type Wanted struct {
	Which      Which
	Most       int // emails
	Lease      time.Duration
	DailyLimit int // of hand-overs and claims of all runs in 24 hours; 0: none
}

// Which emails a claim takes.
type Which int

// The ways to claim.
const (
	ClaimAll   Which = iota
	ClaimFirst       // only PriorityFirst
	ClaimFresh       // without those that go after the others: of unknown outcome, or from RequeueLast
)

// A Journal keeps the records of runs, and what later runs need of them.
type Journal interface {
	// Check returns a Fault if the schema, the views or the rights are wrong.
	Check(ctx context.Context) error
	// Records returns the state of the records, and which of some runs are on record. Runs that began after now, by a
	// clock that was ahead, do not count.
	Records(ctx context.Context, now time.Time, runs ...string) (Records, error)
	// Begin records that a run started, and returns the database's secret. It makes one if the records have none.
	//
	// With accept it first prepares the records for further runs. If a part of them came from a backup, no new email gets
	// the number of one that is missing. Where the records lie is remembered, unless Here is zero.
	Begin(ctx context.Context, r Report, found Records, accept bool) (secret string, err error)
	// Finish records a run's report. A run that died has none.
	Finish(ctx context.Context, r Report) error

	// Prune removes runs and ended emails, with their notices, from before a time; a dry run counts them. It keeps emails
	// whose loans are open, or due on the horizon or later, because these may get further notices.
	Prune(ctx context.Context, before time.Time, horizon Date, dryRun bool, progress func(Pruned)) (Pruned, error)
	// SetPruneDue stores when a run is to prune next.
	SetPruneDue(ctx context.Context, due time.Time) error

	// SetPause stores a pause; a provider's replaces a provider's, a person's a person's.
	SetPause(ctx context.Context, p Pause) error
	// LiftPause removes the pause set by a person, or the one for the mail server.
	LiftPause(ctx context.Context, byPerson bool) error
}

// A Library is what is on record about days and borrowers.
type Library struct {
	Calendars    map[string]Calendar // closures: the library's under "", and those of branches that have their own
	OptedOut     map[string]bool     // borrowers who want no reminders
	BadAddresses map[string]Digest   // by borrower: of the address that was refused for good
}
