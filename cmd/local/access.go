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
		close = x.say("pengingat install (sebagai administrator) menutup foldernya", "pengingat install (as administrator) closes its folder")
	}
	if x.envFile != "" {
		read, write, err := othersMay(x.envFile)
		if err != nil {
			return err
		}
		if read || write {
			x.warn(x.sayf("Pengguna lain di komputer ini dapat membaca %s.", "Other users of this computer can read %s.", x.envFile),
				x.say("Di dalamnya ada kata sandi surel dan basis data.", "The passwords of mail and database are in it."), close)
		}
	}
	for _, path := range []string{exe, filepath.Dir(exe)} {
		_, write, err := othersMay(path)
		if err != nil {
			return err
		}
		if write {
			x.warn(x.sayf("Pengguna lain di komputer ini dapat mengganti %s.", "Other users of this computer can replace %s.", path),
				x.say("Program itu berjalan setiap jam; siapa yang menggantinya menentukan apa yang berjalan.",
					"That program runs every hour; whoever replaces it decides what runs."), close)
			break
		}
	}
	x.okUnlessFound("Pengaturan dan program tertutup bagi pengguna lain", "Settings and program are closed to other users")
	return nil
}
