// Package check has the checks of doctor: it looks at everything that a run depends on and returns what is wrong as a
// [Finding]. It prints nothing and knows no language. The command line and the page write a Finding in the user's
// language. A check writes nothing to the database and sends no mail, and no Finding contains a name, an address or a
// secret.
package check

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A Severity says how much a finding matters.
type Severity string

// The severities, from low to high.
const (
	OK   Severity = "ok"
	Warn Severity = "warn"
	Fail Severity = "fail" // no mail goes out until this is mended
)

// The exit codes of the program that a finding asks for. The highest wins: settings must be right before a new try
// helps.
const (
	Done        = 0
	NeedsPerson = 10
	NeedsRetry  = 75
	NeedsSetup  = 78
)

// A Finding is one result of a check.
type Finding struct {
	Check    string
	Severity Severity
	// Mend says what to do. It may be a command, which has no key because it is the same in every language.
	What, Why, Mend reminder.Message
	Details         string // the technical cause, as a machine said it
	Code            int    // NeedsPerson and so on
}

// A Machine is what the checks need of the program and of the computer.
type Machine struct {
	App     func() (*setup.App, error)   // wires the settings
	Config  func() (setup.Config, error) // the settings that the database needs
	EnvFile string                       // the file with the settings; "": the environment
	Windows bool
	Now     func() time.Time
	Zone    *time.Location // of the computer's clock

	LookupTXT func(ctx context.Context, name string) ([]string, error)
	FreeSpace func(folder string) (bytes uint64, err error)
	// OthersMay returns what users who are neither the owner nor the administrator may do with a file or folder.
	OthersMay func(path string) (read, write bool, err error)
	// LastResult returns the exit code with which the scheduled task ended last; ErrNoTask when there is none.
	LastResult func(ctx context.Context) (int, error)
	// OldServices returns which services of the former reminder still run.
	OldServices func(ctx context.Context) []string
	// Newest asks for the newest release. It is nil unless a person asked for it.
	Newest func(ctx context.Context) (string, error)
}

// ErrNoTask is the error of a scheduled task that is not installed.
var ErrNoTask = errors.New("there is no such task")

// checks have an order in which an earlier one provides the basis of a later one. A check without its basis is skipped,
// because an earlier check has reported the cause. An error of a check becomes a finding.
var checks = []struct {
	name  string
	basis func(*examination) bool
	check func(*examination, context.Context) error
}{
	{"settings", always, (*examination).settings},
	{"access", always, (*examination).access},
	{"database", connected, (*examination).database},
	{"schema", connected, (*examination).schema},
	{"rights", readable, (*examination).rights},
	{"clock", always, (*examination).clock},
	{"loans", readable, (*examination).loans},
	{"speed", runnable, (*examination).speed},
	{"addresses", surveyed, (*examination).addresses},
	{"classes", runnable, (*examination).classes},
	{"application", connected, (*examination).application},
	{"records", runnable, (*examination).records},
	{"mail", configured, (*examination).mailServer},
	{"feedback", configured, (*examination).feedback},
	{"sender", configured, (*examination).sender},
	{"dns", configured, (*examination).domain},
	{"task", always, (*examination).task},
	{"rival", always, (*examination).rivals},
	{"disk", always, (*examination).disk},
	{"log", configured, (*examination).log},
	{"version", always, (*examination).version},
}

// The bases of checks.
func always(*examination) bool       { return true }
func configured(x *examination) bool { return x.app != nil }
func connected(x *examination) bool  { return x.store != nil }
func readable(x *examination) bool   { return x.usable }
func runnable(x *examination) bool   { return x.usable && x.app != nil }
func surveyed(x *examination) bool   { return x.survey != nil }

// An examination holds what the checks have learned so far.
type examination struct {
	Machine
	each  func(Finding)
	check string // the current one
	found bool   // the current check has found something

	app      *setup.App    // nil: the settings are wrong
	cfg      setup.Config  // as far as it could be read
	store    *deskdb.Store // nil: the database is not known or does not answer
	opened   io.Closer     // the app, or without one the store
	off      time.Duration // by which the database's clock differs from ours
	usable   bool          // the tables and the view can be read
	survey   *staff.Survey // nil: the loans cannot be read
	notes    []desk.Note   // what the records show,
	notesErr error         // or why they cannot be read
	jobs     int           // reminders in the queue of the Laravel application
	online   bool          // the mail server was reached
}

// Run does all checks and reports each finding as soon as it is known.
func Run(ctx context.Context, m Machine, each func(Finding)) {
	x := &examination{Machine: m, each: each}
	for _, c := range checks {
		if !c.basis(x) {
			continue
		}
		x.check, x.found = c.name, false
		if err := c.check(x, ctx); err != nil {
			x.failed(err, "")
		}
	}
	if x.opened != nil {
		_ = x.opened.Close() // an error here means nothing to the person
	}
}

func (x *examination) tell(f Finding) {
	f.Check, x.found = x.check, true
	x.each(f)
}

func (x *examination) ok(key string, pairs ...any) {
	x.tell(Finding{Severity: OK, What: reminder.Say(key, pairs...)})
}

// okUnlessFound reports ok when the check has found nothing.
func (x *examination) okUnlessFound(key string, pairs ...any) {
	if !x.found {
		x.ok(key, pairs...)
	}
}

// warn reports something that needs a person. The pairs fill the blanks of mend.
func (x *examination) warn(what reminder.Message, why, mend string, pairs ...any) {
	x.tell(Finding{Severity: Warn, What: what, Why: reminder.Say(why), Mend: reminder.Say(mend, pairs...),
		Code: NeedsPerson})
}

// fail reports something that stops all mail.
func (x *examination) fail(code int, what reminder.Message, why, mend string, pairs ...any) {
	x.tell(Finding{Severity: Fail, What: what, Why: reminder.Say(why), Mend: reminder.Say(mend, pairs...), Code: code})
}

// failed reports an error whose text says what to do.
func (x *examination) failed(err error, why string) {
	f := Finding{Severity: Fail, Why: reminder.Say(why), Code: NeedsSetup}
	if f.What, f.Details = reminder.MessageOf(err); errors.Is(err, context.Canceled) || reminder.IsTemporary(err) {
		f.Code = NeedsRetry
	}
	x.tell(f)
}
