package reminder

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Copy is a mail among the sent ones that the records do not know as sent: they came from a backup that is older.
type Copy struct {
	Ref, MessageID string
	At             time.Time // when it was sent
	To             Digest
	Notices        []string // marks of what it tells
	Waiting        bool     // its email is on record, and waits
}

// A SentBefore is a Copy and what of it is planned again.
type SentBefore struct {
	Copy
	Email
}

// maxMarks is how many notices a mail names; a line of a header has an end.
const maxMarks = 60

// mark names a notice in a mail, for this database alone: whoever reads the mail learns nothing by it.
func (n Notice) mark(secret, borrower string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "notice %s %q %q %s %d", n.Kind, borrower, n.Loan, n.Due, n.Step)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// record is what a mail says of itself to a database that has forgotten it: whose it is, and what it tells.
func record(secret, borrower string, told []Notice) string {
	if secret == "" {
		return ""
	}
	words := []string{database(secret)}
	for _, n := range told[:min(len(told), maxMarks)] {
		words = append(words, n.mark(secret, borrower))
	}
	return strings.Join(words, " ")
}

// untold returns the emails without what stands in a mail that was sent before the records came from a backup. Such
// mails are put back on record. When that fails, what they tell is not promised all the same.
func (r *Run) untold(ctx context.Context, emails []Email) []Email {
	copies := r.forgotten(ctx)
	where := map[string]int{} // by mark
	before := make([]SentBefore, len(copies))
	for i, c := range copies {
		before[i].Copy = c
		for _, mark := range c.Notices {
			where[mark] = i
		}
	}
	var rest []Email
	for _, e := range emails {
		told := func(n Notice) bool {
			i, ok := where[n.mark(r.secret, e.Borrower)]
			if ok {
				copied := e
				copied.Notices = append(before[i].Email.Notices, n)
				before[i].Email = copied
			}
			return ok
		}
		if e.Notices = slices.DeleteFunc(slices.Clone(e.Notices), told); len(e.Notices) > 0 {
			rest = append(rest, e)
		}
	}
	before = slices.DeleteFunc(before, func(b SentBefore) bool { return len(b.Email.Notices) == 0 && !b.Waiting })
	if len(before) > 0 {
		r.withFeedback(ctx, func() error {
			n, err := r.Store.PutBack(ctx, r.Report.RunID, before)
			if r.Report.Outcome != RunHeld { // which has counted them all
				r.Report.Feedback.Found += n
			}
			r.Log.Warn("mails that the records had forgotten are among the sent ones", "emails", n)
			return err
		})
	}
	return rest
}

// forgotten looks once among the sent mail for what the records do not know. Records that look restored are compared
// with all that was sent since their last run, others with the newest mails.
func (r *Run) forgotten(ctx context.Context) []Copy {
	if r.Feedback == nil || r.DryRun || r.secret == "" || r.looked {
		return r.copies
	}
	r.looked = true
	since := r.Now.AddDate(0, 0, -14)
	if r.worked.After(since) {
		since = r.worked.AddDate(0, 0, -1)
	}
	r.withFeedback(ctx, func() (err error) {
		r.copies, err = r.Feedback.Forgotten(ctx, database(r.secret), since, r.restored)
		return err
	})
	return r.copies
}
