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

// Feedback finds out what became of mail after it was accepted.
type Feedback interface {
	// Settle finds out which emails of unknown outcome were sent, and queues those again that surely were not. It returns
	// the number of both.
	Settle(ctx context.Context) (int, error)
	// Unrecorded returns the mails for a database that were sent since a time and that its records do not have as sent.
	// Without all it is faster: it returns nothing if the newest mails are on record. It returns nothing if the account
	// keeps no sent mail.
	Unrecorded(ctx context.Context, database string, since time.Time, all bool) ([]Copy, error)
	// Read records the emails that came back since the last call, and returns how many.
	Read(ctx context.Context, now time.Time) (FeedbackCounts, error)
}

// feedbackTime is how much time a run must have left to read the feedback: 20 s for the source, the rest for the
// database.
const feedbackTime = 30 * time.Second

// readFeedback reads at the end of a run what became of accepted mail.
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

// settleUnknown settles the emails of unknown outcome that the feedback has an answer for.
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
		r.Log.Warn("reading the feedback did not finish", "error", err)
		r.Report.Feedback.Error = r.describe(err)
	}
}

// A Copy is a sent mail that the records do not have as sent, because they were restored from a backup.
type Copy struct {
	Ref, MessageID string
	At             time.Time // when it was sent
	To             Digest
	Notices        []string // see Notice.mark
	Waiting        bool     // its email is on record as queued
}

// A SentBefore is a Copy, and an Email with those of its notices that are planned again.
type SentBefore struct {
	Copy
	Email
}

// maxMarks is how many notices a mail's header names at most; a header line has a maximum length.
const maxMarks = 60

// mark returns a keyed hash that names a notice in the header of a mail. Without the secret it reveals nothing.
func (n Notice) mark(secret, borrower string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "notice %s %q %q %s %d", n.Kind, borrower, n.Loan, n.Due, n.Step)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// record returns the value of mail.RecordHeader: the name of the database and the marks of the notices. After a restore
// the database recognises its mails by it.
func record(secret, borrower string, notices []Notice) string {
	if secret == "" {
		return ""
	}
	words := []string{database(secret)}
	for _, n := range notices[:min(len(notices), maxMarks)] {
		words = append(words, n.mark(secret, borrower))
	}
	return strings.Join(words, " ")
}

// withoutSent leaves out of planned emails the notices that were sent already, in mails that the records do not have
// because they were restored from a backup. It also records these mails as sent. If that fails, the notices are left
// out anyway.
func (r *Run) withoutSent(ctx context.Context, emails []Email) []Email {
	copies := r.withoutRecord(ctx)
	where := map[string]int{} // the index in before, by mark
	before := make([]SentBefore, len(copies))
	for i, c := range copies {
		before[i].Copy = c
		for _, mark := range c.Notices {
			where[mark] = i
		}
	}
	var rest []Email
	for _, e := range emails {
		wasSent := func(n Notice) bool {
			i, ok := where[n.mark(r.records.Secret, e.Borrower)]
			if ok {
				sent := e
				sent.Notices = append(before[i].Email.Notices, n)
				before[i].Email = sent
			}
			return ok
		}
		if e.Notices = slices.DeleteFunc(slices.Clone(e.Notices), wasSent); len(e.Notices) > 0 {
			rest = append(rest, e)
		}
	}
	before = slices.DeleteFunc(before, func(b SentBefore) bool { return len(b.Email.Notices) == 0 && !b.Waiting })
	if len(before) > 0 {
		r.withFeedback(ctx, func() error {
			n, err := r.Store.RecordSent(ctx, r.Report.RunID, before)
			if r.Report.Outcome != RunHeld { // start has counted all of them
				r.Report.Feedback.Found += n
			}
			r.Log.Warn("sent mails were not on record; they are recorded now", "emails", n)
			return err
		})
	}
	return rest
}

// withoutRecord searches the sent mail, once in a run, for mails that the records do not have. Records that look
// restored are compared with all mail since their last run, others with the newest mails.
func (r *Run) withoutRecord(ctx context.Context) []Copy {
	if r.Feedback == nil || r.DryRun || r.records.Secret == "" || r.searched {
		return r.copies
	}
	r.searched = true
	since := r.Now.AddDate(0, 0, -14)
	if r.records.Worked.After(since) {
		since = r.records.Worked.AddDate(0, 0, -1)
	}
	r.withFeedback(ctx, func() (err error) {
		r.copies, err = r.Feedback.Unrecorded(ctx, database(r.records.Secret), since, r.restored)
		return err
	})
	return r.copies
}
