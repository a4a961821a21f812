package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/mtsn6garut/pengingat/reminder"
)

// access checks whether others than administrators may read the settings or replace the program.
func (x *examination) access(context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	mend := "chmod 600 " + x.EnvFile + "; chmod go-w " + exe + " " + filepath.Dir(exe)
	if x.Windows {
		mend = "access.install_closes"
	}
	if x.EnvFile != "" {
		read, write, err := x.OthersMay(x.EnvFile)
		if err != nil {
			return err
		}
		if read || write {
			x.warn(say("access.settings_open", "EnvFile", x.EnvFile), "access.settings_matter", mend)
		}
	}
	for _, path := range []string{exe, filepath.Dir(exe)} {
		_, write, err := x.OthersMay(path)
		if err != nil {
			return err
		}
		if write {
			x.warn(say("access.program_open", "Path", path), "access.program_matters", mend)
			break
		}
	}
	x.okUnlessFound("access.well")
	return nil
}

// Results of Task Scheduler, which it shows in place of an exit code.
const (
	taskRunning    = 0x41301
	taskDisabled   = 0x41302
	taskNotYetRun  = 0x41303
	taskTerminated = 0x41306
)

// task checks the task of the program in the system's scheduler.
func (x *examination) task(ctx context.Context) error {
	const why, mend = "doctor.task_matters", "pengingat install"
	result, err := x.LastResult(ctx)
	switch {
	case errors.Is(err, ErrNoTask):
		x.warn(say("doctor.no_task"), why, mend)
	case err != nil:
		x.ok("doctor.task_unknown")
	case result == taskDisabled:
		x.warn(say("doctor.task_disabled"), why, mend)
	case result == Done || result == taskRunning || result == taskNotYetRun:
		x.ok("doctor.task_well")
	case result == NeedsPerson || result == NeedsRetry:
		x.ok("doctor.task_had_trouble", "N", result)
	case result == NeedsSetup:
		x.warn(say("doctor.task_lacks_settings"), "doctor.task_has_an_account", mend)
	case result == taskTerminated:
		x.ok("doctor.task_was_ended")
	default:
		x.warn(say("doctor.task_failed", "N", result, "Bits", uint32(result)), why, mend)
	}
	return nil
}

// rivals looks for the queue and the services by which the Laravel application sends reminders.
func (x *examination) rivals(ctx context.Context) error {
	if x.jobs > 0 {
		x.warn(say("doctor.old_jobs_wait", "N", x.jobs), "doctor.old_jobs_matter", "doctor.switch_services_off")
	}
	for _, name := range x.OldServices(ctx) {
		x.warn(say("doctor.old_service_runs", "Name", name), "doctor.old_services_matter",
			fmt.Sprintf("net stop %s & sc config %s start= disabled", name, name))
	}
	return nil
}

func (x *examination) disk(context.Context) error {
	if x.cfg.LogFile == "" {
		return nil
	}
	folder := filepath.Dir(x.cfg.LogFile)
	for _, err := os.Stat(folder); err != nil && folder != filepath.Dir(folder); _, err = os.Stat(folder) {
		folder = filepath.Dir(folder) // the nearest one that exists
	}
	free, err := x.FreeSpace(folder)
	switch mb := free >> 20; {
	case err != nil:
		x.ok("doctor.disk_unknown")
	case mb < 100:
		x.fail(NeedsPerson, say("doctor.disk_full", "N", mb), "doctor.disk_matters", "doctor.free_space")
	case mb < 1024:
		x.warn(say("doctor.disk_low", "N", mb), "doctor.disk_matters", "doctor.free_space")
	default:
		x.ok("doctor.disk_well", "N", free>>30)
	}
	return nil
}

func (x *examination) log(context.Context) error {
	file := x.cfg.LogFile
	if file == "" {
		return nil
	}
	if fault := x.app.LogFault(); fault != nil {
		x.warn(say("doctor.error", "Error", fault), "doctor.log_matters", "doctor.look_at_log", "File", file)
		return nil
	}
	var size int64
	files, _ := filepath.Glob(strings.TrimSuffix(file, filepath.Ext(file)) + "*") // the pattern is a valid path
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	if size > 100<<20 {
		x.warn(say("doctor.log_large", "N", size>>20), "doctor.log_large_matters", "doctor.delete_logs", "Dir",
			filepath.Dir(file))
		return nil
	}
	x.ok("doctor.log_well", "File", file, "N", (size+1023)>>10)
	return nil
}

// releasesPage shows people the newest release.
const releasesPage = "https://github.com/mtsn6garut/pengingat/releases"

// version reports the age of the program or, when a person asked, whether there is a newer one.
func (x *examination) version(ctx context.Context) error {
	current := reminder.Version
	if x.Newest == nil {
		switch months, old := reminder.VersionAge(x.Now()); {
		case old:
			x.warn(say("version.old", "Version", current, "N", months), "version.does_not_ask",
				"pengingat doctor --check-version")
		case reminder.VersionDate == "":
			x.ok("version.unknown_age", "Version", current)
		default:
			x.ok("version.age", "Version", current, "N", months)
		}
		return nil
	}
	look := Finding{Severity: Warn, Mend: say("version.look", "Page", releasesPage), Code: NeedsPerson}
	newest, err := x.Newest(ctx)
	switch {
	case err != nil:
		look.What, look.Why, look.Details = say("version.not_known"), say("version.page_not_read"), err.Error()
		x.tell(look)
	case !semver.IsValid(current):
		x.ok("version.no_release", "Newest", newest, "Version", current)
	case semver.Compare(newest, current) > 0:
		look.What, look.Why = say("version.newer", "Newest", newest), say("version.this", "Version", current)
		x.tell(look)
	default:
		x.ok("version.newest", "Version", current)
	}
	return nil
}
