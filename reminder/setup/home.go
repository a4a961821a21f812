package setup

import (
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Home returns the folder in which a program keeps its settings: its own folder when it stands in one of its own, as
// from the zip. A program that an installer put among the system's programs, where everybody may read, keeps them in a
// folder that only administrators can read: %ProgramData%\Pengingat, or /etc/pengingat.
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

// LogFile returns where the log goes when LOG_FILE does not say it.
func LogFile() (string, error) {
	dir, installed, err := Home()
	if installed && runtime.GOOS != "windows" {
		return "/var/log/pengingat/pengingat.log", nil
	}
	return filepath.Join(dir, "logs", "pengingat.log"), err
}
