package setup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Home returns the folder with the settings of the program. For a program from the zip file it is the folder of the
// program. An installer puts the program where everybody can read it; then the settings are in a folder that only
// administrators can read: %ProgramData%\Pengingat or /etc/pengingat.
func Home() (dir string, installed bool, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", false, err
	}
	dir, installed = home(exe, runtime.GOOS, os.Getenv)
	return dir, installed, nil
}

func home(exe, system string, getenv func(string) string) (dir string, installed bool) {
	if system != "windows" {
		if strings.HasPrefix(exe, "/usr/") {
			return "/etc/pengingat", true
		}
		return path.Dir(exe), false
	}
	for _, key := range []string{"ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"} {
		programs, data := getenv(key), getenv("ProgramData")
		if programs != "" && data != "" && strings.HasPrefix(strings.ToLower(exe), strings.ToLower(programs)+`\`) {
			return data + `\Pengingat`, true
		}
	}
	return filepath.Dir(exe), false
}

// LogFile returns the file of the log when LOG_FILE is not set.
func LogFile() (string, error) {
	dir, installed, err := Home()
	if installed && runtime.GOOS != "windows" {
		return "/var/log/pengingat/pengingat.log", nil
	}
	return filepath.Join(dir, "logs", "pengingat.log"), err
}

// ReplaceFile writes a file completely or not at all: what stood there before stays until all of the new is written.
func ReplaceFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".pengingat-*")
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
