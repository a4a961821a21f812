package main

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// freeSpace returns how much the program may still write where a folder is.
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

// everybody are the groups in which everybody is who signs in.
var everybody = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid,
}
