package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/term"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
)

// A machine is what the program asks of the computer around it and its network, beyond files. A test has one of its
// own.
type machine struct {
	os        string // as runtime.GOOS
	now       func() time.Time
	zone      *time.Location // in which the computer shows its clock, and starts scheduled tasks
	lookupTXT func(ctx context.Context, name string) ([]string, error)
	command   func(ctx context.Context, name string, args ...string) (stdout string, err error)
	freeSpace func(folder string) (bytes uint64, err error)
	web       []string                // folders in which library systems may stand
	releases  string                  // where the newest release is told; asked only when a person asks
	browse    func(url string) error  // opens the desktop's browser
	terminal  bool                    // somebody sees what goes to standard error
	answers   func(in io.Reader) bool // somebody can answer
}

var thisMachine = machine{
	os:        runtime.GOOS,
	now:       time.Now,
	zone:      time.Local,
	lookupTXT: net.DefaultResolver.LookupTXT,
	command: func(ctx context.Context, name string, args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, name, args...).Output()
		return string(out), err
	},
	freeSpace: freeSpace,
	web:       page.Roots(),
	releases:  latestRelease,
	browse:    openFile,
	terminal:  term.IsTerminal(int(os.Stderr.Fd())),
	answers: func(in io.Reader) bool {
		f, ok := in.(*os.File)
		return ok && term.IsTerminal(int(f.Fd()))
	},
}
