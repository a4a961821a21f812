package reminder

import (
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Composer writes mails; package letter has the one that the program uses. It is safe for concurrent use, and the
// same data always gives the same bytes.
type Composer interface {
	// Compose writes a mail of a kind in a reader's language, a BCP 47 tag or "" for the library's, from the data that
	// the kind's templates print: a [Letter], a [Summary].
	Compose(kind Kind, lang string, data any) (Content, error)
}

// A Letter is what one email says to one borrower: everything the text needs and no address of theirs.
type Letter struct {
	Name  string // the borrower's; data
	Type  string // of the borrower: one of BorrowerTypes, or anything else for unknown
	Group string // of the borrower: class, branch, or ""; data
	Lang  string // BCP 47 tag from the library's system, or "" for the library's language
	Today Date
	Items []Item

	From, ReplyTo string // addresses of the branch that lent all of the books, or ""; data
	AnswerTo      string // the address to which answers go
}

// Draft returns the letter as an email to an address.
func (l Letter) Draft(to mail.Address) Draft {
	return Draft{To: to, Lang: l.Lang, Data: l, From: l.From, ReplyTo: l.ReplyTo,
		Courtesy: !slices.ContainsFunc(l.Items, func(it Item) bool { return it.Days >= 0 })}
}

// A GuardianLetter is what one email says to a guardian about all their children.
type GuardianLetter struct{ Letter }

// A Draft is an email that is about to be composed.
type Draft struct {
	To            mail.Address
	Lang          string // a BCP 47 tag, or "" for the library's language
	Data          any    // what the templates of the kind print
	From, ReplyTo string // addresses of a branch, or ""; data
	Courtesy      bool   // nothing in it is due yet: it says how to get no more such mails
}

// An Item is one loan in a Letter.
type Item struct {
	Loan     string // Loan.ID; data
	Title    string // data
	ItemCode string // data, or ""
	Ref      string // data, or ""
	Due      Date
	DueTime  string // "14:30" when due at an hour, else ""
	ReturnBy Date   // the last day to bring it back in time: Due, or the next open day when the library is closed then
	// when ReturnBy is not Due: the name of that closure ("Libur semester"), or "" on a weekly closed day
	ClosedFor string
	// The book is due in a long closure, or on its eve: the last open day before it, the first one after it, and its name
	// or "". Zero when the closure is short, or has begun.
	LastOpen, Reopens Date
	ClosureName       string
	Days              int    // days after ReturnBy when late, 0 from Due to ReturnBy, negative before Due
	Number            int    // which late reminder for this loan this is, from 1; 0 when not late
	FinePerDay        int64  // whole units of currency, 0 when unknown
	Child             string // in a letter to a guardian, the name of the borrower; data
	Group             string // of that borrower: class, branch, or ""; data
}

// A ClassList is what a homeroom teacher reads once a week: which books the pupils of one class have not brought back.
// It is composed at the hand-over, from what is true then, and never stored.
type ClassList struct {
	Class   string // "" in the librarian's list of the loans that are on no other
	Teacher string // data, or ""
	Today   Date
	Late    []LateLoan // those of one borrower together
}

// A LateLoan is a loan on a class list.
type LateLoan struct {
	Loan
	Days int // late
	// why no mail reaches the borrower: VerdictUnreachable, or VerdictBadAddress also when the last reminder came back;
	// else Due
	Mail Verdict
}

// A Summary is what the librarian reads on the morning of an open day. It names borrowers and titles, because it goes
// to the library itself. It is composed at the hand-over and never stored.
type Summary struct {
	Today     Date
	Activity         // of reminders
	SinceDate Date   // of Activity.Since in the library's zone
	SinceTime string // "07:02"
	Planned   int    // emails that this run promised, or would have
	Sending   int    // emails of Waiting that this run is about to send; MAIL_DAILY_LIMIT may leave some for later
	Held      string // ReasonMaxPerRun or ReasonLooksRestored when the run is held, else ""

	Open, Late  int // loans
	Unreachable []GroupCount
	Longest     []Loan // late longest
	Calendar    Calendar

	VersionMonths int // age of the program, in the month's first summary once it is old; else 0
}

// Activity is what became of reminders since the summary before.
type Activity struct {
	Since   time.Time // when the summary before was handed over; zero: since the beginning
	Sent    int       // emails
	Waiting int       // emails that have not ended
	Ahead   int       // emails that go first and have not ended
	LastDay int       // emails of every kind that were handed over in the last 24 hours
	Trouble []Trouble // what ended badly, the most frequent first
	AboutUs AboutUs
}

// AboutUs is what came back in the last week because of the library's own mail, and not because of the addresses.
type AboutUs struct {
	Accepted int       `json:"accepted,omitempty"` // emails of the newest run of which too many came back
	Bounced  int       `json:"bounced,omitempty"`  // too many to mark an address as bad; 0: there is no such run
	Sent     time.Time `json:"sent,omitzero"`      // when that run sent the first
	Refused  int       `json:"refused,omitempty"`  // refused as spam, or by a rule, on the newest day with several; else 0
	Day      time.Time `json:"day,omitzero"`       // the last of those
}

// A Trouble counts emails that ended badly in the same way.
type Trouble struct {
	State  State // StateRefused, StateFailed, StateUnknown or StateBounced
	Reason string
	Count  int
}

// A GroupCount counts borrowers of a group, such as a class.
type GroupCount struct {
	Group string // "" when unknown
	Count int
}

// Content is a composed mail without its envelope.
type Content struct {
	Subject, Text, HTML string
	Lang                string // the language that it is written in: "id"
}
