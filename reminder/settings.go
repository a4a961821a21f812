package reminder

import (
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// Settings are the configuration of runs. Package setup fills them from the environment.
type Settings struct {
	Zone           *time.Location
	Locale         string // the language of what is recorded for people
	Schedule       Schedule
	Window         Window
	ClosedWeekdays []time.Weekday
	BeforeClosure  int      // a closure of at least so many days is announced on its eve; 0: none is
	MinDays        int      // at least so many days between two emails to a borrower; 0: no limit
	MaxOverdueDays int      // loans that are late for more days get no mail
	GuardianFrom   int      // days late from which guardians get mail; 0: never
	MaxPerRun      int      // emails; a larger plan is held
	KeepDays       int      // a run removes older records; 0: none
	OnlyTo         []string // the only addresses that get mail; empty: all do
	Resend         bool     // send an email of unknown outcome once more
	From, ReplyTo  mail.Address
	FromAllowed    []string       // addresses, or "@domain", that a branch may have as From
	Unsubscribe    string         // address for List-Unsubscribe, in mails before the due date, or ""
	UnsubscribeAll bool           // List-Unsubscribe is in all mails to borrowers
	SummaryTo      []mail.Address // the librarians who get the morning's summary
	ClassDay       *time.Weekday  // when the class lists are sent; nil: never
	// Fingerprint identifies the mail configuration. With an old fingerprint as its argument it returns the same one if
	// nobody has changed how mail is sent since then. With "" it returns a new one.
	Fingerprint func(old string) string

	Concurrency int           // connections to the mail server, each with one email in flight
	Together    time.Duration // how long the record of an accepted email may wait for the mark of the next one
	Rate        float64       // emails a second; 0: no limit
	DailyLimit  int           // emails in any 24 hours; 0: no limit
	Tries       int           // of one email
	Budget      time.Duration // how long after its start a run may begin an email
	Lease       time.Duration // of a claim; longer than any run can last
	Backoff     func(attempts int) time.Duration
}
