//go:build !windows

package main

import "errors"

// Outside Windows there is nothing to register, and standard error goes to systemd's journal.

func mayInstall(string, bool) error { return errors.ErrUnsupported }
func addEventSource() error         { return errors.ErrUnsupported }
func removeEventSource() error      { return errors.ErrUnsupported }
func logEvent(string) error         { return nil }
