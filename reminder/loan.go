package reminder

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Loan is a book that is out, as the view reminder_loans shows it at this moment. All strings are untrusted data.
//
// A scan fills only what a decision needs: the first fields, and of the Borrower the ID and Email. A re-read before
// sending fills everything.
type Loan struct {
	ID  string `json:"id"` // key in the library's system
	Due Date   `json:"due"`
	// why the loan is counted but not reminded of (lost, claimed returned, blocked), or ""
	Hold string `json:"hold"`
	// which steps the borrower wants: "" all, or a list of "-2" (from two days before), "0" (the day), "+" (late), "+7"
	// (late by a week)
	Wants    string   `json:"wants"`
	Calendar string   `json:"calendar"` // the branch whose closed days count, or "" for the library's
	Borrower Borrower `json:"borrower"`
	// Broken is a column that the database cannot compute for this loan, or "". The field for it is empty.
	Broken string `json:"broken,omitempty"`

	DueTime    string `json:"due_time"` // "14:30" when the loan is due at an hour, else ""
	Ref        string `json:"ref"`      // the number that the desk and the borrower know, or ""
	Title      string `json:"title"`
	ItemCode   string `json:"item_code"`         // barcode or call number, or ""
	Borrowed   Date   `json:"borrowed,omitzero"` // zero when unknown
	FinePerDay int64  `json:"fine_per_day"`      // in whole units of the library's currency; 0 when unknown
	From       string `json:"from"`              // the address of the branch that lent it, or ""
	ReplyTo    string `json:"reply_to"`          // where answers to that branch go, or ""

	child *Borrower // the borrower of the loan, when Borrower is their guardian
}

// Cycle returns the cycle of the loan, for its borrower or for their guardian.
func (l Loan) Cycle() Cycle {
	if l.child != nil {
		return Cycle{KindGuardian, l.ID, l.Due}
	}
	return Cycle{KindLoan, l.ID, l.Due}
}

// MaxID is how many characters of an id a Store keeps.
const MaxID = 100

// PlausibleDue returns the first and last due date that makes sense today. Another one is a typing error (0026, 2062)
// or no date at all.
func PlausibleDue(today Date) (first, last Date) {
	return Date{1970, time.January, 1}, today.AddDays(5 * 365)
}

// Odd returns the column whose value makes it impossible to remind of the loan, or "". Of a loan on hold only a broken
// column is odd.
func (l Loan) Odd(today Date) string {
	first, last := PlausibleDue(today)
	badID := func(id string) bool { return id == "" || utf8.RuneCountInString(id) > MaxID }
	switch {
	case l.Broken != "":
		return l.Broken
	case l.Hold != "":
		return ""
	case badID(l.ID):
		return "loan_id"
	case badID(l.Borrower.ID):
		return "borrower_id"
	case l.Due.Before(first) || l.Due.After(last):
		return "due_at"
	case !l.wantsIsClear():
		return "wants"
	}
	return ""
}

// wantsIsClear reports whether every part of Wants means something.
func (l Loan) wantsIsClear() bool {
	for part := range strings.SplitSeq(l.Wants, ",") {
		part = strings.TrimSpace(part)
		days, err := strconv.Atoi(part)
		if part != "" && part != "none" && part != "+" && (err != nil || days > 0 && !strings.HasPrefix(part, "+")) {
			return false
		}
	}
	return true
}

// wants reports whether the borrower wants a reminder at a step.
func (l Loan) wants(step int) bool {
	if l.Wants == "" {
		return true
	}
	for part := range strings.SplitSeq(l.Wants, ",") {
		part = strings.TrimSpace(part)
		days, err := strconv.Atoi(part)
		late := strings.HasPrefix(part, "+")
		if err == nil && days <= step && (step < 0 || late && step > 0) || part == "0" && step == 0 || part == "+" &&
			step > 0 {
			return true
		}
	}
	return false
}

// ownStep returns the step in force offset days after the due date. When the borrower wants mail only from a later day
// on, and that day has come, it is the step instead.
func (l Loan) ownStep(inForce, offset int) int {
	for part := range strings.SplitSeq(l.Wants, ",") {
		if days, err := strconv.Atoi(strings.TrimSpace(part)); err == nil && inForce < days && days <= min(offset, -1) {
			return days
		}
	}
	return inForce
}

// A Borrower has a loan.
type Borrower struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`    // raw: may be empty, nonsense, or several addresses
	Group    string `json:"group"`    // class, branch or borrower type, or ""
	Language string `json:"language"` // BCP 47 tag, or "" for the library's language
	// one of BorrowerTypes; any other value means unknown
	Type     string   `json:"type,omitempty"`
	Guardian Guardian `json:"guardian,omitzero"`
}

// BorrowerTypes are what a Borrower's Type can be. All but a student are addressed formally.
var BorrowerTypes = []string{"student", "teacher", "staff", "parent"}
