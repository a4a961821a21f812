package reminder

import (
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// Settings are what a person configures about runs. Package setup fills them from the environment.
type Settings struct {
	Zone           *time.Location
	Locale         string // of what is recorded for people
	Schedule       Schedule
	Window         Window
	ClosedWeekdays []time.Weekday
	BeforeClosure  int // a closure of at least so many days is announced on its eve; 0: none
	MinDays        int // at least so many days between two emails to a borrower; 0: any
	MaxOverdueDays int
	GuardianFrom   int      // days late from which guardians get mail; 0: never
	MaxPerRun      int      // emails; a larger plan is held
	KeepDays       int      // a run removes older records; 0: it removes none
	OnlyTo         []string // empty: everybody
	Resend         bool     // send an email of unknown outcome once more
	From, ReplyTo  mail.Address
	FromAllowed    []string       // what a branch's own From may be, beside From: addresses, or "@domain"
	Unsubscribe    string         // address for List-Unsubscribe on mails before the due date, or ""
	UnsubscribeAll bool           // on every mail to borrowers
	SummaryTo      []mail.Address // the librarians who get the morning's summary
	ClassDay       *time.Weekday  // of the class lists; nil: none
	// Fingerprint recognises the mail configuration. From an old fingerprint it returns the same one as long as nobody
	// has changed how mail is sent. From "" it returns a new one.
	Fingerprint func(old string) string

	Concurrency int           // connections to the mail server, each with one email in flight
	Together    time.Duration // how long the record of an accepted email may wait for the mark of the next one
	Rate        float64       // emails a second; 0: as fast as the server takes them
	DailyLimit  int           // emails in any 24 hours; 0: none
	Tries       int           // of one email
	Budget      time.Duration // no email is begun later than this after the start of a run
	Lease       time.Duration // of a claim; longer than any run can last
	Backoff     func(attempts int) time.Duration
}
