package reminder

import (
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Composer writes mails; package letter has the one that the program uses. It is safe for concurrent use. The same
// data always gives the same bytes.
type Composer interface {
	// Compose writes a mail of a kind. lang is the reader's language, a BCP 47 tag, or "" for the library's. data is what
	// the templates of the kind print: a [Letter], [GuardianLetter], [ClassList] or [Summary].
	Compose(kind Kind, lang string, data any) (Content, error)
}

// A Letter is what one email says to one borrower. It has everything that the text needs, but not the borrower's
// address. "data" marks untrusted text from the library's system, here and below.
type Letter struct {
	Name  string // of the borrower; data
	Type  string // of the borrower: one of BorrowerTypes; any other value means unknown
	Group string // of the borrower: class, branch, or ""; data
	Lang  string // BCP 47 tag from the library's system, or "" for the library's language
	Today Date
	Items []Item

	From, ReplyTo string // addresses of the branch when it lent all of the books, else ""; data
	AnswerTo      string // the address to which answers go
}

// Draft returns the letter as an email to an address.
func (l Letter) Draft(to mail.Address) Draft {
	return Draft{To: to, Lang: l.Lang, Data: l, From: l.From, ReplyTo: l.ReplyTo,
		Courtesy: !slices.ContainsFunc(l.Items, func(it Item) bool { return it.Days >= 0 })}
}

// A GuardianLetter is what one email says to a guardian about all of their children.
type GuardianLetter struct{ Letter }

// A Draft is an email that is about to be composed.
type Draft struct {
	To            mail.Address
	Lang          string // a BCP 47 tag, or "" for the library's language
	Data          any    // what the templates of the kind print
	From, ReplyTo string // addresses of a branch, or ""; data
	Courtesy      bool   // no loan in it is due yet, so the mail says how to stop such mails
}

// An Item is one loan in a Letter.
type Item struct {
	Loan     string // Loan.ID; data
	Title    string // data
	ItemCode string // data, or ""
	Ref      string // data, or ""
	Due      Date
	DueTime  string // "14:30" when due at an hour, else ""
	ReturnBy Date   // the last day to return the book in time: Due, or the next open day if the library is closed then
	// when ReturnBy is not Due: the name of the closure ("Libur semester"), or "" for a weekly closed day
	ClosedFor string
	// when the book is due in a long closure or on its eve: the last open day before the closure, the first open day after
	// it, and its name or ""; zero when the closure is short or has begun
	LastOpen, Reopens Date
	ClosureName       string
	Days              int    // days after ReturnBy when late, 0 from Due to ReturnBy, negative before Due
	Number            int    // which late reminder of this loan it is, from 1; 0 when not late
	FinePerDay        int64  // whole units of the library's currency; 0 when unknown
	Child             string // in a letter to a guardian: the name of the borrower; data
	Group             string // in a letter to a guardian: the class or branch of the borrower, or ""; data
}

// A ClassList is what a homeroom teacher reads once a week: the late loans of one class. It is composed just before it
// is sent, from what is true then, and never stored.
type ClassList struct {
	Class   string // "" in the librarian's list of the loans that are on no other list
	Teacher string // data, or ""
	Today   Date
	Late    []LateLoan // grouped by borrower
}

// A LateLoan is a loan on a class list.
type LateLoan struct {
	Loan
	Days int // how late
	// why no mail reaches the borrower: VerdictUnreachable, or VerdictBadAddress, also if the last reminder bounced;
	// VerdictDue if mail does
	Mail Verdict
}

// A Summary is what the librarian reads on the morning of an open day. It names borrowers and titles, because it goes
// to the library itself. It is composed just before it is sent and never stored.
type Summary struct {
	Today Date
	Activity
	SinceDate Date   // Activity.Since as a day in the library's zone
	SinceTime string // Activity.Since as a time in the library's zone: "07:02"
	Planned   int    // emails that this run promised, or would promise if it were not held
	Sending   int    // how many of Waiting this run is about to send; MAIL_DAILY_LIMIT may keep some for later
	Held      string // ReasonMaxPerRun or ReasonLooksRestored when the run is held, else ""

	Open, Late  int // numbers of loans
	Unreachable []GroupCount
	Longest     []Loan // the loans that are late for the longest time
	Calendar    Calendar

	VersionMonths int // age of the program, in the month's first summary once it is old; else 0
}

// Activity is what became of reminders since the last summary.
type Activity struct {
	Since         time.Time // when the last summary was handed over; zero when there was none
	Sent          int       // emails
	Waiting       int       // emails that have not ended
	Ahead         int       // emails that go first and have not ended
	LastDay       int       // emails of every kind that were handed over in the last 24 hours
	Trouble       []Trouble // the most frequent first
	SenderTrouble SenderTrouble
}

// SenderTrouble counts the bounces of the last week that are about the library's own mail and not about addresses.
type SenderTrouble struct {
	// The newest run of which too many emails bounced; zero when there is none. Its addresses are not marked as bad.
	Accepted int       `json:"accepted,omitempty"` // emails that the server accepted
	Bounced  int       `json:"bounced,omitempty"`  // emails that bounced
	Sent     time.Time `json:"sent,omitzero"`      // when the run sent the first email
	// The newest day on which several emails were refused as spam or by a rule; zero when there is none.
	Refused int       `json:"refused,omitempty"`
	Day     time.Time `json:"day,omitzero"` // when the last of them was refused
}

// A Trouble counts emails that ended in the same bad state for the same reason.
type Trouble struct {
	State  State // StateRefused, StateFailed, StateUnknown or StateBounced
	Reason string
	Count  int
}

// A GroupCount is the number of some borrowers in a group, such as a class.
type GroupCount struct {
	Group string // "" when unknown
	Count int
}

// Content is a composed mail without its envelope.
type Content struct {
	Subject, Text, HTML string
	Lang                string // the language of the text, such as "id"
}
