package reminder

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Loan is a book that is out, as the view reminder_loans shows it at this moment. All strings are untrusted data.
//
// A scan fills only the fields that a decision needs: those up to Broken, and ID, Email and Guardian of the Borrower. A
// re-read before sending fills all fields.
type Loan struct {
	ID  string `json:"id"` // key in the library's system
	Due Date   `json:"due"`
	// why the loan is counted but gets no reminders (lost, claimed returned, blocked), or ""
	Hold string `json:"hold"`
	// the steps that the borrower wants: "" all, "none", or a list of "-2" (from two days before the due date), "0" (the
	// due date), "+" (late), "+7" (late, from a week on)
	Wants    string   `json:"wants"`
	Calendar string   `json:"calendar"` // the branch whose closed days count, or "" for the library's
	Borrower Borrower `json:"borrower"`
	// a column that the database cannot compute for this loan, or ""; the field for it is empty
	Broken string `json:"broken,omitempty"`

	DueTime    string `json:"due_time"` // "14:30" when the loan is due at a time of the day, else ""
	Ref        string `json:"ref"`      // the number that librarians and borrowers use, or ""
	Title      string `json:"title"`
	ItemCode   string `json:"item_code"`         // barcode or call number, or ""
	Borrowed   Date   `json:"borrowed,omitzero"` // zero when unknown
	FinePerDay int64  `json:"fine_per_day"`      // in whole units of the library's currency; 0 when unknown
	From       string `json:"from"`              // the address of the branch that lent the book, or ""
	ReplyTo    string `json:"reply_to"`          // the address for answers to that branch, or ""

	child *Borrower // the borrower of the loan when Borrower is the guardian, else nil
}

// Cycle returns the cycle of the loan, for its borrower or for their guardian.
func (l Loan) Cycle() Cycle {
	if l.child != nil {
		return Cycle{KindGuardian, l.ID, l.Due}
	}
	return Cycle{KindLoan, l.ID, l.Due}
}

// MaxID is the maximum length of an id in a Store, in characters.
const MaxID = 100

// PlausibleDue returns the first and the last due date that make sense today. Any other date is a typing error (0026,
// 2062) or no date at all.
func PlausibleDue(today Date) (first, last Date) {
	return Date{1970, time.January, 1}, today.AddDays(5 * 365)
}

// AllDue returns the days between which a Scan returns every open loan, also one that is due in many years by mistake.
func AllDue() (first, last Date) {
	return Date{1970, time.January, 1}, Date{9990, time.December, 31}
}

// Shown reports whether a Scan from first to last shows the loan: it is due then, its due date makes no sense, or the
// database cannot compute it.
func (l Loan) Shown(first, last Date) bool {
	from, to := PlausibleDue(last)
	return l.Broken != "" || l.Due.Before(from) || l.Due.After(to) || !l.Due.Before(first) && !l.Due.After(last)
}

// Odd returns the column whose value makes reminders about the loan impossible, or "". For a loan on hold only a broken
// column counts.
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
	case !l.hasValidWants():
		return "wants"
	}
	return ""
}

// hasValidWants reports whether every part of Wants has a meaning.
func (l Loan) hasValidWants() bool {
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

// stepWanted returns inForce, the schedule's step in force offset days after the due date. If the borrower wants mail
// only from a later day before the due date on, and that day has come, it returns that day.
func (l Loan) stepWanted(inForce, offset int) int {
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
	Email    string `json:"email"`    // raw: it may be empty, invalid, or several addresses
	Group    string `json:"group"`    // class, branch or borrower type, or ""
	Language string `json:"language"` // BCP 47 tag, or "" for the library's language
	// one of BorrowerTypes; any other value means unknown
	Type     string   `json:"type,omitempty"`
	Guardian Guardian `json:"guardian,omitzero"`
}

// BorrowerTypes are what a Borrower's Type can be. All but a student are addressed formally.
var BorrowerTypes = []string{"student", "teacher", "staff", "parent"}
