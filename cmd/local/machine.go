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

// A machine is the computer and its network as the program uses them, except for files. Tests replace it.
type machine struct {
	os        string // as runtime.GOOS
	now       func() time.Time
	zone      *time.Location // in which the computer shows its clock, and starts scheduled tasks
	lookupTXT func(ctx context.Context, name string) ([]string, error)
	command   func(ctx context.Context, name string, args ...string) (stdout string, err error)
	freeSpace func(folder string) (bytes uint64, err error)
	web       []string                // folders in which library systems may be installed
	releases  string                  // URL of the newest release; requested only when a person asks for it
	browse    func(url string) error  // opens the desktop's browser
	terminal  bool                    // standard error is a terminal
	answers   func(in io.Reader) bool // a person can answer on in
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
