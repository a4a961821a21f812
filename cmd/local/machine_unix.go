//go:build !windows

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mtsn6garut/pengingat/reminder"
)

// freeSpace returns the free bytes on the disk of a folder.
func freeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(folder, &s)
	return s.Bavail * uint64(s.Bsize), err
}

// othersMay returns what users who are neither the owner nor the administrator may do with a file or folder.
func othersMay(path string) (read, write bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, false, err
	}
	return info.Mode()&0o044 != 0, info.Mode()&0o022 != 0, nil
}

// Outside Windows there is nothing to register, and standard error goes to systemd's journal.

func mayInstall(string, bool) error { return errors.ErrUnsupported }
func addEventSource() error         { return errors.ErrUnsupported }
func removeEventSource() error      { return errors.ErrUnsupported }
func logEvent(string) error         { return nil }

// elevate refuses: outside Windows a person runs the command in a terminal.
func elevate(command, file string) error {
	return reminder.NewFault(nil, "desk.only_in_terminal", "Command", command, "File", file)
}
