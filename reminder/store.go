package reminder

import (
	"context"
	"errors"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// ErrLost is returned by Store methods that write to a claimed email when the claim is lost: its lease ran
// out and another run swept it. Whoever gets it must not send.
var ErrLost = errors.New("the claim was lost to another run")

// PauseByPerson is the kind of pause that a person sets. The other kinds are mail's.
const PauseByPerson mail.PauseKind = "person"

// A Pause keeps runs from planning and sending for a while. There is at most one set by a person and one by a failing
// mail provider.
type Pause struct {
	Kind   mail.PauseKind `json:"kind"`
	Reason string         `json:"reason"`         // for a person; no addresses
	Until  time.Time      `json:"until,omitzero"` // zero: until it is lifted
	// of the mail configuration that failed; another configuration lifts the pause
	Fingerprint string `json:"fingerprint"`
}

// Swept says what the start of a run found of runs that died.
type Swept struct {
	Unknown int // hand-overs whose lease ran out: their outcome is unknown
	Failed  int // emails that used all tries without ever being handed over
}

// Feedback learns what became of mail after it was accepted.
type Feedback interface {
	// Settle resolves emails of unknown outcome where it can, and queues again those that were surely not accepted. It
	// returns how many it resolved.
	Settle(ctx context.Context) (int, error)
	// Forgotten returns what is among the mail sent since a moment, of a database, that it does not know as sent: all of
	// it, or nothing when the newest mails are known. It returns nothing where no sent mail is kept.
	Forgotten(ctx context.Context, database string, since time.Time, all bool) ([]Copy, error)
	// Read records what came back.
	Read(ctx context.Context, now time.Time) (FeedbackCounts, error)
}

// Loans are the open loans of the library's own system. They are only read, so they may be in another database than the
// records.
type Loans interface {
	// CountLoans counts all open loans, those due before a day (as TooOld), and the Odd ones that no Scan from that
	// day on shows.
	CountLoans(ctx context.Context, before Date) (LoanCounts, error)
	// Scan calls page for the open loans due from first to last, and for those whose due date nobody can mean, some
	// thousand at a time and in no order. A loan that the database cannot compute is a Loan with Broken. When Scan
	// fails, some pages may have been handed over. page must not Scan.
	Scan(ctx context.Context, first, last Date, page func(loans []Loan) error) error
	// Reread returns the loans with some ids as they are now. A loan that was returned is missing; of one that the
	// database cannot compute as a whole, what it can.
	Reread(ctx context.Context, ids []string) ([]Loan, error)
	// DueBetween returns the loans due from first to last as they are now.
	DueBetween(ctx context.Context, first, last Date) ([]Loan, error)
	// LastBorrowed returns the newest day until today on which an open loan was borrowed; zero when the source does
	// not tell.
	LastBorrowed(ctx context.Context, today Date) (Date, error)
}

// A Store keeps the records. Its methods are safe for concurrent runs and for several runs on several machines; the
// database decides between them. Leases and retry times are measured by the database's clock, so the machines' clocks
// need not agree.
//
// Any method, also of Loans, may fail with a *Fault.
type Store interface {
	Outbox
	Journal
	Library
}

// An Outbox keeps emails and their notices.
type Outbox interface {
	// Promised returns what was promised, for every kind, about loans of these ids, or what else kinds are about, with
	// a due date on a day or after it.
	Promised(ctx context.Context, from Date, ids ...string) (map[Cycle]History, error)
	// Promise stores emails and their notices, many in one transaction. Notices that another run promised meanwhile are
	// left out, and emails left without any; one that the database refuses does not keep it from storing the others. It
	// returns what was stored.
	Promise(ctx context.Context, runID string, emails []Email) (PlannedCounts, error)

	// PutBack records mails as sent that the records had forgotten, and returns how many. It leaves out those of which
	// something is on record by now.
	PutBack(ctx context.Context, runID string, before []SentBefore) (int, error)

	// Sweep settles what dead runs left: claims whose lease ran out are queued again, or fail when that has happened
	// too often; hand-overs become unknown. With resend, an email that became unknown for the first time is queued
	// once more.
	Sweep(ctx context.Context, resend bool) (Swept, error)
	// Claim takes queued emails whose time has come, the most urgent first. It reports whether the daily limit kept
	// some back.
	Claim(ctx context.Context, w Wanted) (claims []Claim, full bool, err error)
	// NextTry returns how long it is until the next queued email may be claimed, and false when none is queued.
	NextTry(ctx context.Context) (time.Duration, bool, error)
	// HandOver marks a claim as about to be sent with this Message-ID and Date. After ErrLost nothing may be sent. With
	// accepted it also records these, in the same statement. Both may be repeated after an error.
	HandOver(ctx context.Context, c Claim, messageID string, date time.Time, accepted ...Accepted) error
	// Record writes what became of a claim. It may be repeated: an outcome that is already recorded is no error.
	Record(ctx context.Context, c Claim, o Outcome) error

	// Written returns when emails of a kind to some recipients were last handed over, of those from a moment on and before
	// another one, by their Date. What was surely not accepted does not count, nor what came back.
	Written(ctx context.Context, kind Kind, recipients []string, from, to time.Time) (map[string]time.Time, error)
	// Beside reports whether another email to the claim's recipient was Written, or is about to be: a run has claimed it,
	// and of one claim it comes first. So of two emails at once, in whichever runs, no more than one finds nothing.
	Beside(ctx context.Context, c Claim, from, to time.Time) (bool, error)

	// Answered returns the borrowers' emails that are queued again or ended badly in the last period, with what was
	// said.
	Answered(ctx context.Context, period time.Duration) ([]Answered, error)
	// TakeBack queues some of them with all their tries. What was recorded with their end is undone: the notices are on
	// their way again, the address is not bad. Their reasons begin with GoesLast.
	TakeBack(ctx context.Context, ids []int64) error

	// Backlog counts the emails that have not ended, and says when the oldest was promised (zero when there is none).
	Backlog(ctx context.Context) (waiting int, oldest time.Time, err error)
	// Activity says what became of reminders since the last summary that was sent on a day before today.
	Activity(ctx context.Context, today Date) (Activity, error)
}

// Wanted says which emails a claim takes.
type Wanted struct {
	Which      Which
	Most       int // emails
	Lease      time.Duration
	DailyLimit int // of every run's hand-overs and claims in 24 hours; 0: none
}

// Which emails a claim takes.
type Which int

// The ways to claim.
const (
	ClaimAll   Which = iota
	ClaimFirst       // of PriorityFirst alone
	ClaimFresh       // without those that go after the others: second chances, and those taken back
)

// A Journal keeps what runs did, and what they must know of each other.
type Journal interface {
	// Check reports what is wrong with the schema, the view or the rights, before anything is done.
	Check(ctx context.Context) error
	// Begin records that a run started. It returns the database's secret: the known one, or a new one when that is "".
	Begin(ctx context.Context, r Report, known string) (secret string, err error)
	// Finish records a run's report. A run that died has none.
	Finish(ctx context.Context, r Report) error
	// LastReport returns what the newest finished run reported; a zero Report when there was none.
	LastReport(ctx context.Context) (Report, error)

	// Worked reports whether a run that began in a period did all that could be done.
	Worked(ctx context.Context, from, until time.Time) (bool, error)

	// Records says how the records look. Runs that began after now, by a clock that was ahead, do not count.
	Records(ctx context.Context, now time.Time) (Records, error)
	// Ran reports whether a run is on record.
	Ran(ctx context.Context, runID string) (bool, error)
	// Accept prepares the records for further runs. If a part of them came from a backup, no new email gets the number of
	// one that is missing. With place it remembers where the records lie.
	Accept(ctx context.Context, r Records, place bool) error

	// Prune removes runs and ended emails, with their notices, from before a moment, or counts them. Those stay whose
	// loans are open or due on the horizon or after it: they may be told about again.
	Prune(ctx context.Context, before time.Time, horizon Date, dryRun bool, progress func(Pruned)) (Pruned, error)
	// PruneDue returns when a run is to prune next; zero when none ever did. SetPruneDue stores it.
	PruneDue(ctx context.Context) (time.Time, error)
	SetPruneDue(ctx context.Context, due time.Time) error

	// Pauses returns the pauses stored, whether or not they are over.
	Pauses(ctx context.Context) ([]Pause, error)
	// SetPause stores a pause; a provider's replaces a provider's, a person's a person's.
	SetPause(ctx context.Context, p Pause) error
	// LiftPause removes the pause set by a person, or the one set by a provider.
	LiftPause(ctx context.Context, byPerson bool) error
}

// A Library keeps what people, and refused mails, say about days, classes and borrowers.
type Library interface {
	// Calendars returns the closures from a day on: the library's under "", and those of branches that have their own.
	Calendars(ctx context.Context, from Date) (map[string]Calendar, error)
	// Classes returns the classes that have a homeroom teacher.
	Classes(ctx context.Context) (Classes, error)
	// OptedOut returns the borrowers who want no reminders.
	OptedOut(ctx context.Context) (map[string]bool, error)
	// CameBackLast returns the cycles whose newest notice came back after it was accepted.
	CameBackLast(ctx context.Context) (map[Cycle]bool, error)
	// BadAddresses returns, by borrower, the digest of the address that was refused for good.
	BadAddresses(ctx context.Context) (map[string]Digest, error)
}
