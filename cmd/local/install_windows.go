package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/eventlog"

	"github.com/mtsn6garut/pengingat/reminder"
)

// mayInstall refuses what cannot work: registering a task for another account needs an administrator. That account sees
// no network drives, and it should not read a whole drive.
func mayInstall(dir string, dryRun bool) error {
	volume := filepath.VolumeName(dir) + `\`
	root, err := windows.UTF16PtrFromString(volume)
	if err != nil {
		return err
	}
	shared := []string{volume} // the folder will be closed to all but administrators
	if profile := os.Getenv("USERPROFILE"); profile != "" {
		for _, name := range []string{"", "Desktop", "Documents", "Downloads"} {
			shared = append(shared, filepath.Join(profile, name))
		}
	}
	if slices.ContainsFunc(shared, func(s string) bool { return strings.EqualFold(filepath.Clean(dir), s) }) ||
		windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return reminder.NewFault(nil, "install.needs_own_folder")
	}
	if !dryRun && !windows.GetCurrentProcessToken().IsElevated() {
		return reminder.NewFault(nil, "install.needs_administrator")
	}
	return nil
}

// addEventSource lets the event log show our entries; EventCreate.exe, a part of Windows, has the message texts.
func addEventSource() error {
	_ = eventlog.Remove(taskName) // of an earlier installation
	return eventlog.InstallAsEventCreate(taskName, eventlog.Warning)
}

func removeEventSource() error {
	_ = eventlog.Remove(taskName) // it may not be there
	return nil
}

// logEvent writes a warning to the event log (Windows Logs, Application), where it is found although nobody saw the
// run.
func logEvent(text string) error {
	log, err := eventlog.Open(taskName)
	if err != nil {
		return err
	}
	defer log.Close()
	return log.Warning(1, text) // EventCreate.exe knows the ids 1 to 1000
}
