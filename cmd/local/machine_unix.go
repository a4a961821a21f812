//go:build !windows

package main

import "golang.org/x/sys/unix"

// freeSpace returns how much the program may still write where a folder is.
func freeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(folder, &s)
	return s.Bavail * uint64(s.Bsize), err
}
