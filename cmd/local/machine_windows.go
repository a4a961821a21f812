package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/eventlog"

	"github.com/mtsn6garut/pengingat/reminder"
)

// freeSpace returns the free bytes on the disk of a folder.
func freeSpace(folder string) (free uint64, err error) {
	name, err := windows.UTF16PtrFromString(folder)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	}
	return free, err
}

// othersMay returns what everybody who signs in may do with a file or folder.
func othersMay(path string) (read, write bool, err error) {
	security, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, false, err
	}
	list, _, err := security.DACL()
	if err != nil {
		return false, false, err
	}
	if list == nil { // no list: everybody may do everything
		return true, true, nil
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return false, false, err
		}
		who := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) // the identifier is the rest of the entry
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || !slices.ContainsFunc(everybody, who.IsWellKnown) {
			continue
		}
		const readIt, changeIt = windows.FILE_READ_DATA, windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.DELETE |
			windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL
		read = read || ace.Mask&(readIt|windows.GENERIC_READ|windows.GENERIC_ALL) != 0
		write = write || ace.Mask&changeIt != 0
	}
	return read, write, nil
}

// everybody has the groups that everybody who signs in belongs to.
var everybody = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid,
}

// mayInstall refuses what cannot work. Only an administrator can register a task for another account; that account sees
// no network drives, and it should not be able to read a whole drive.
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

// logEvent writes a warning to the event log (Windows Logs, Application), because nobody sees the output of a task.
func logEvent(text string) error {
	log, err := eventlog.Open(taskName)
	if err != nil {
		return err
	}
	defer log.Close()
	return log.Warning(1, text) // EventCreate.exe knows the ids 1 to 1000
}

// elevate makes Windows ask for an administrator's permission, and runs a command of this program with it. The user who
// asked keeps access to the settings, because the desk reads and writes them.
func elevate(command, file string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	u, err := user.Current()
	if err != nil {
		return err
	}
	args := fmt.Sprintf(`%s --env "%s" --for %s`, command, file, u.Uid) // a quote cannot be part of a path on Windows
	return windows.ShellExecute(0, windows.StringToUTF16Ptr("runas"), windows.StringToUTF16Ptr(exe),
		windows.StringToUTF16Ptr(args), nil, windows.SW_SHOWNORMAL)
}
