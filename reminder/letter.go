package reminder

import (
	"slices"

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
	Type  string // of the borrower, one of BorrowerTypes; else unknown
	Group string // of the borrower: class, branch, or ""; data
	Lang  string // BCP 47 tag from the library's system, or "" for the library's language
	Today Date
	Items []Item

	From, ReplyTo string // addresses of the branch that lent all of it, or ""; data
	AnswerTo      string // the address to which answers go
}

func (l Letter) Draft(to mail.Address) Draft {
	return Draft{To: to, Lang: l.Lang, Data: l, From: l.From, ReplyTo: l.ReplyTo,
		Courtesy: !slices.ContainsFunc(l.Items, func(it Item) bool { return it.Days >= 0 })}
}

// A GuardianLetter is what one email says to the guardian of all children in it.
type GuardianLetter struct{ Letter }

// A Draft is an email that is about to be composed.
type Draft struct {
	To            mail.Address
	Lang          string // a BCP 47 tag, or "" for the library's language
	Data          any    // what the templates of the kind print
	From, ReplyTo string // addresses of a branch, or ""; data
	Courtesy      bool   // nothing in it is due yet: its reader is told how to get no more such mails
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
	// The last open day before a long closure in which, or on whose eve, the book is due; the first one after it, and the
	// name of the closure or "". Zero when the closure is short, or has begun.
	LastOpen, Reopens Date
	ClosureName       string
	Days              int    // days after ReturnBy when late, 0 from Due to ReturnBy, negative before Due
	Number            int    // which late reminder for this loan this is, from 1; 0 when not late
	FinePerDay        int64  // whole units of currency, 0 when unknown
	Child             string // in a letter to a guardian, who has it; data
	Group             string // of that child: class, branch, or ""; data
}

// Content is a composed mail without its envelope.
type Content struct {
	Subject, Text, HTML string
	Lang                string // the language that it is written in: "id"
}
