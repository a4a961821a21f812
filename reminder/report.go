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
	ReasonDailyLimit    = "daily_limit"    // with RunDone: the rest waits
	ReasonTimeSpent     = "time_spent"     // with RunPartial
	ReasonInterrupted   = "interrupted"    // with RunPartial: the caller went, or the machine shuts down
	ReasonQuarantined   = "quarantined"    // with RunDone: this was no run but a quarantine
)

// A Report is what a run did. Both doors return it as JSON; its field names are used from outside.
type Report struct {
	RunID   string     `json:"run_id"`
	Trigger string     `json:"trigger"` // "http" or "local"
	Version string     `json:"version"`
	Today   Date       `json:"today"`
	DryRun  bool       `json:"dry_run"`
	Outcome RunOutcome `json:"outcome"`
	Reason  string     `json:"reason"` // why the outcome is what it is: a Reason word, a kind of pause, or an error's text

	Loans   *LoanCounts   `json:"loans,omitempty"` // nil when the run did not look
	Planned PlannedCounts `json:"planned"`
	Emails  EmailCounts   `json:"emails"`

	Feedback *FeedbackCounts `json:"feedback,omitempty"` // nil when the run did not ask
	Pruned   *Pruned         `json:"pruned,omitempty"`   // nil when nothing was due to be removed

	// RFC 3339, UTC: when the oldest waiting email was promised; "" if none
	OldestWaiting string    `json:"oldest_waiting"`
	StartedAt     time.Time `json:"started_at"`
	DurationMS    int64     `json:"duration_ms"`
}

// LoanCounts count loans as the run saw them.
type LoanCounts struct {
	Open        int `json:"open"`               // rows of the view; above 20,000 as the first run of the day found it
	InReach     int `json:"in_reach"`           // due on a day that the schedule reaches today
	Held        int `json:"held"`               // in reach, but on hold or opted out
	TooOld      int `json:"too_old"`            // later than REMINDER_MAX_OVERDUE_DAYS
	Unreachable int `json:"unreachable"`        // in reach, but without an address that works
	TooSoon     int `json:"too_soon,omitempty"` // kept back by REMINDER_MIN_DAYS
	Odd         int `json:"odd"`                // with a cell that makes no sense, so nobody is reminded; doctor names it
}

// PlannedCounts count what the run promised, or what a dry run would promise.
type PlannedCounts struct {
	Emails  int `json:"emails"`
	Notices int `json:"notices"`
	Odd     int `json:"-"` // notices that the database refused to store; the report counts them with the loans
}

// EmailCounts count what became of reminders in this run. Waiting is the state of the outbox afterwards. The
// librarian's summary is no reminder: it is counted only where somebody should look (refused, failed, unknown) and
// while it waits.
type EmailCounts struct {
	Sent     int `json:"sent"`
	Refused  int `json:"refused"`
	Failed   int `json:"failed"`
	Canceled int `json:"canceled"`
	Expired  int `json:"expired"`
	Unknown  int `json:"unknown"` // became unknown, even if they are sent once more later
	Withheld int `json:"withheld"`
	Waiting  int `json:"waiting"`
	Bounced  int `json:"bounced"` // came back, whichever run sent them
}

// FeedbackCounts count what the run learned of emails after they were accepted. Unmatched are those that came back and
// name no email of ours, or another address than it was sent to.
type FeedbackCounts struct {
	Read      int `json:"read"` // messages, or rows, of the source
	Bounced   int `json:"bounced"`
	Resolved  int `json:"resolved"` // unknown emails, when it became known whether they were accepted
	Unmatched int `json:"unmatched"`
	// Found are sent mails that records from a backup do not know. They are put back on record and not sent again; a run
	// that is held only counts them.
	Found int    `json:"found,omitempty"`
	Error string `json:"error"` // why reading stopped; the run does not fail
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

// NeedsPerson reports whether somebody should look: an email failed, was refused or has an unknown outcome, a loan is
// odd, or the run holds back.
func (r Report) NeedsPerson() bool {
	e := r.Emails
	return r.Outcome == RunHeld || r.Loans != nil && r.Loans.Odd > 0 ||
		e.Failed > 0 || e.Refused > 0 || e.Unknown > 0 || e.Bounced > 0 ||
		r.Outcome == RunPaused && r.Reason != string(PauseByPerson)
}

// LogValue makes the report the attributes of one log line, with the names that they have in JSON: alerts in the cloud
// are built on them. Two differ. The run's id is left out, because every line of a run has it. The age of the oldest
// waiting email is added as a number, because alerts cannot calculate with a time.
func (r Report) LogValue() slog.Value {
	var age int64
	if oldest, err := time.Parse(time.RFC3339, r.OldestWaiting); err == nil {
		age = max(0, int64(r.StartedAt.Sub(oldest).Seconds()))
	}
	return slog.GroupValue(append(attributes(reflect.ValueOf(r)), slog.Int64("oldest_waiting_seconds", age))...)
}

// attributes returns the fields of a struct as attributes. A part of the report that is nil is left out: the run did
// not look.
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
