package reminder

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// A RunOutcome is the outcome of a run. It is stored and reported, so the values must not change.
type RunOutcome string

// The outcomes of a run.
const (
	RunDone RunOutcome = "done" // the run did everything that it could
	// the plan is too large, or the records are in doubt: no reminder is sent until a person approves
	RunHeld    RunOutcome = "held"
	RunPaused  RunOutcome = "paused"  // a pause is in force: nothing was sent
	RunClosed  RunOutcome = "closed"  // outside the send window, or the library is closed today: nothing was sent
	RunStopped RunOutcome = "stopped" // the mail server or the database failed; unsent emails are queued again
	RunPartial RunOutcome = "partial" // the time is spent, and work is left
)

// The reasons why a run did not do everything.
const (
	ReasonOutsideWindow = "outside_window" // with RunClosed
	ReasonClosedDay     = "closed_day"     // with RunClosed
	ReasonMaxPerRun     = "max_per_run"    // with RunHeld
	ReasonLooksRestored = "looks_restored" // with RunHeld: the records look as if they came from a backup
	ReasonLooksCopied   = "looks_copied"   // with RunHeld: the database looks like a copy of the library's
	ReasonDailyLimit    = "daily_limit"    // with RunDone: the other emails wait
	ReasonTimeSpent     = "time_spent"     // with RunPartial
	ReasonInterrupted   = "interrupted"    // with RunPartial: the caller went, or the machine shuts down
	ReasonQuarantined   = "quarantined"    // with RunDone: this was no run but a quarantine
)

// A Report says what a run did. Function and program return it as JSON, so the names of its fields are fixed.
type Report struct {
	RunID   string     `json:"run_id"`
	Trigger string     `json:"trigger"` // "http" or "local"
	Version string     `json:"version"`
	Today   Date       `json:"today"`
	DryRun  bool       `json:"dry_run"`
	Outcome RunOutcome `json:"outcome"`
	Reason  string     `json:"reason"` // of the outcome: one of the Reason constants, a kind of pause, or an error's text

	Loans   *LoanCounts   `json:"loans,omitempty"` // nil when the run did not read the loans
	Planned PlannedCounts `json:"planned"`
	Emails  EmailCounts   `json:"emails"`

	Feedback *FeedbackCounts `json:"feedback,omitempty"` // nil when the run did not read the feedback
	Pruned   *Pruned         `json:"pruned,omitempty"`   // nil when no clean-up was due

	// when the oldest waiting email was promised (RFC 3339, UTC), or ""
	OldestWaiting string    `json:"oldest_waiting"`
	StartedAt     time.Time `json:"started_at"`
	DurationMS    int64     `json:"duration_ms"`
}

// LoanCounts count loans as the run saw them.
type LoanCounts struct {
	Open        int `json:"open"`               // rows of the view; above 20,000 it is the number of the day's first run
	InReach     int `json:"in_reach"`           // due on a day that the schedule reaches today
	Held        int `json:"held"`               // in reach, but on hold or opted out
	TooOld      int `json:"too_old"`            // later than REMINDER_MAX_OVERDUE_DAYS
	Unreachable int `json:"unreachable"`        // in reach, but without an address that works
	TooSoon     int `json:"too_soon,omitempty"` // held back by REMINDER_MIN_DAYS
	Odd         int `json:"odd"`                // with a cell that makes no sense, so no mail is sent; doctor names them
}

// PlannedCounts count what the run promised, or what a dry run would promise.
type PlannedCounts struct {
	Emails  int `json:"emails"`
	Notices int `json:"notices"`
	Odd     int `json:"-"` // notices that the database refused to store; the report adds them to LoanCounts.Odd
}

// EmailCounts count what became of reminders in this run. Waiting is the number in the outbox after the run. The
// librarian's summary is no reminder, so it is counted only if a person should look (refused, failed, unknown) and
// while it waits.
type EmailCounts struct {
	Sent     int `json:"sent"`
	Refused  int `json:"refused"`
	Failed   int `json:"failed"`
	Canceled int `json:"canceled"`
	Expired  int `json:"expired"`
	Unknown  int `json:"unknown"` // became unknown, even if they are later sent once more
	Withheld int `json:"withheld"`
	Waiting  int `json:"waiting"`
	Bounced  int `json:"bounced"` // came back, from any run
}

// FeedbackCounts count the results of the feedback in this run.
type FeedbackCounts struct {
	Read      int `json:"read"`      // messages, or rows, of the source
	Bounced   int `json:"bounced"`   // emails that came back
	Resolved  int `json:"resolved"`  // unknown emails for which it became known whether they were accepted
	Unmatched int `json:"unmatched"` // bounces that name no email on record, or another address than that of the email
	// sent mails that the records did not have because of a restore; they are recorded and not sent again, or only counted
	// if the run is held
	Found int    `json:"found,omitempty"`
	Error string `json:"error"` // why reading stopped, or ""; the run does not fail
}

// count adds one email that ended in s.
func (c *EmailCounts) count(s State) {
	switch s {
	case StateSent:
		c.Sent++
	case StateRefused:
		c.Refused++
	case StateFailed:
		c.Failed++
	case StateCanceled:
		c.Canceled++
	case StateExpired:
		c.Expired++
	case StateUnknown:
		c.Unknown++
	}
}

// NeedsPerson reports whether a person should look: an email failed, was refused, bounced or has an unknown outcome, a
// loan is odd, or the run is held or paused by the mail server.
func (r Report) NeedsPerson() bool {
	e := r.Emails
	return r.Outcome == RunHeld || r.Loans != nil && r.Loans.Odd > 0 ||
		e.Failed > 0 || e.Refused > 0 || e.Unknown > 0 || e.Bounced > 0 ||
		r.Outcome == RunPaused && r.Reason != string(PauseByPerson)
}

// LogValue returns the report as the attributes of one log line. They have the same names as in JSON, because alerts in
// the cloud use them, with two differences. The run's id is left out, because every line of a run has it. The age of
// the oldest waiting email is added as a number, because alerts cannot calculate with a time.
func (r Report) LogValue() slog.Value {
	var age int64
	if oldest, err := time.Parse(time.RFC3339, r.OldestWaiting); err == nil {
		age = max(0, int64(r.StartedAt.Sub(oldest).Seconds()))
	}
	return slog.GroupValue(append(attributes(reflect.ValueOf(r)), slog.Int64("oldest_waiting_seconds", age))...)
}

// attributes returns the fields of a struct as attributes. It leaves out parts of the report that are nil.
func attributes(v reflect.Value) (list []slog.Attr) {
	for field, value := range v.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		value = reflect.Indirect(value)
		if !value.IsValid() || name == "-" || name == "run_id" || options == "omitempty" && value.IsZero() {
			continue
		}
		if _, isText := value.Interface().(fmt.Stringer); isText || value.Kind() != reflect.Struct {
			list = append(list, slog.Any(name, value.Interface()))
		} else {
			list = append(list, slog.Attr{Key: name, Value: slog.GroupValue(attributes(value)...)})
		}
	}
	return list
}
