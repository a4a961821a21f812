//go:build !windows

package main

import "github.com/mtsn6garut/pengingat/reminder"

// elevate runs a command of this program with an administrator's rights.
func elevate(command, file string) error {
	return reminder.NewFault(nil, "desk.only_in_terminal", "Command", command, "File", file)
}
