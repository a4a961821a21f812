package page

import (
	"context"
	"io"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A Machine is what the desk asks of the program around it, because only this computer has it.
type Machine struct {
	Now       func() time.Time
	User      string   // who is at the desk
	Trace     string   // the file by which a second start finds the first
	Seen      string   // the file with the version whose news were read
	Roots     []string // where library systems have their configurations
	Templates string   // the folder for the library's own templates
	Log       io.Writer
	// Environ returns the current settings and the file they come from. Write stores them in the program's own file.
	Environ func() (environ map[string]string, file string, err error)
	Write   func(values map[string]string) error
	Begin   func(values map[string]string) error // corrects values of a Laravel configuration that make no sense here
	Migrate func(ctx context.Context, environ map[string]string, source string) error
	Mail    func(ctx context.Context, app *setup.App, to mail.Address) error // sends a sample
	// Task says whether the scheduled task is there, and whether Install can register it.
	Task     func(ctx context.Context, lang string) (said string, can bool)
	Install  func(ctx context.Context) error
	Findings func(ctx context.Context) []check.Finding
	Report   func(ctx context.Context, app *setup.App, first, last reminder.Date, lang string, w io.Writer) error
}
