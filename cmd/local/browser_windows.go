package main

import (
	"fmt"
	"os"
	"os/user"

	"golang.org/x/sys/windows"
)

// elevate has Windows ask for an administrator's permission, and runs a command of this program with it. The settings
// stay open to the user who asked: the desk reads and writes them.
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
