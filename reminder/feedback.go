package reminder

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Feedback learns what became of mail after it was accepted.
type Feedback interface {
	// Settle finds out which emails of unknown outcome were sent, and queues again those that were surely not. It returns
	// for how many it knows.
	Settle(ctx context.Context) (int, error)
	// Forgotten returns the mails sent since a moment for a database that its records do not know as sent. Without all
	// it returns nothing when the records know the newest mails, which takes less time. Where no sent mail is kept it
	// returns nothing.
	Forgotten(ctx context.Context, database string, since time.Time, all bool) ([]Copy, error)
	// Read records what came back.
	Read(ctx context.Context, now time.Time) (FeedbackCounts, error)
}

// feedbackTime must be left to read the feedback at the end of a run: 20 s for the source, the rest for the database.
const feedbackTime = 30 * time.Second

// readFeedback learns at the end of a run what became of accepted mail.
func (r *Run) readFeedback(ctx context.Context) {
	r.withFeedback(ctx, func() error {
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(r.Runner.Now()) < feedbackTime {
			return errBudget
		}
		unsettled := r.settleUnknown(ctx)
		read, err := r.Feedback.Read(ctx, r.Now)
		c := r.Report.Feedback
		c.Read, c.Bounced, c.Unmatched, c.Resolved = read.Read, read.Bounced, read.Unmatched, c.Resolved+read.Resolved
		r.Report.Emails.Bounced = read.Bounced
		return cmp.Or(err, unsettled)
	})
}

// settleUnknown finds out whether emails of unknown outcome were sent, as far as the feedback knows.
func (r *Run) settleUnknown(ctx context.Context) error {
	resolved, err := r.Feedback.Settle(ctx)
	r.Report.Feedback.Resolved += resolved
	r.Report.Emails.Unknown = max(0, r.Report.Emails.Unknown-resolved)
	return err
}

// withFeedback runs a part of the feedback. An error or a panic in it is reported and does not fail the run.
func (r *Run) withFeedback(ctx context.Context, part func() error) {
	if r.Feedback == nil {
		return
	}
	if r.Report.Feedback == nil {
		r.Report.Feedback = &FeedbackCounts{}
	}
	if err := r.recovered(part); err != nil && ctx.Err() == nil {
		r.Log.Warn("the feedback could not be read to its end", "error", err)
		r.Report.Feedback.Error = r.describe(err)
	}
}

// A Copy is a sent mail that the records do not know as sent, because they came from an older backup.
type Copy struct {
	Ref, MessageID string
	At             time.Time // when it was sent
	To             Digest
	Notices        []string // marks of its notices
	Waiting        bool     // its email is on record, and waits
}

// A SentBefore is a Copy with those of its notices that are planned again.
type SentBefore struct {
	Copy
	Email
}

// maxMarks is how many notices a mail names, because a header line has a maximum length.
const maxMarks = 60

// mark names a notice in a mail. Only this database understands it; a reader of the mail learns nothing from it.
func (n Notice) mark(secret, borrower string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "notice %s %q %q %s %d", n.Kind, borrower, n.Loan, n.Due, n.Step)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// record returns the header by which a database recognises a mail that it has forgotten: its own name, and the notices.
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

// untold returns the emails without notices that a mail contained which was sent before the records were restored from
// a backup. It puts such mails back on record. When that fails, the notices are left out all the same.
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

// forgotten searches the sent mail once for mails that the records do not know. Records that look restored are compared
// with everything that was sent since their last run, others with the newest mails.
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
