package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
)

// access looks at who may read the settings and replace the program, beside administrators.
func (x *examination) access(context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	close := "chmod 600 " + x.envFile + "; chmod go-w " + exe + " " + filepath.Dir(exe)
	if runtime.GOOS == "windows" {
		close = x.say("access.install_as_administrator_closes")
	}
	if x.envFile != "" {
		read, write, err := othersMay(x.envFile)
		if err != nil {
			return err
		}
		if read || write {
			x.warn(x.say("access.other_users_this_computer_can", "EnvFile", x.envFile),
				x.say("access.passwords_mail_and_database_in"), close)
		}
	}
	for _, path := range []string{exe, filepath.Dir(exe)} {
		_, write, err := othersMay(path)
		if err != nil {
			return err
		}
		if write {
			x.warn(x.say("access.other_users_this_computer_can_2", "Path", path),
				x.say("access.that_program_runs_every_hour"), close)
			break
		}
	}
	x.okUnlessFound("access.settings_and_program_closed_other")
	return nil
}
