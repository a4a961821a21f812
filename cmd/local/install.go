package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"

	"golang.org/x/term"
	"golang.org/x/text/encoding/unicode"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// The tasks of Windows Task Scheduler, and the account they run under: NT AUTHORITY\LOCAL SERVICE, by its SID because
// Windows translates its name. The account works when nobody is logged on, needs no stored password and has few rights.
// Its tasks run in session 0, which has no screen, so no console window appears. The program remains a console program,
// because a person wants to read what it prints.
const (
	taskName     = "Pengingat"
	testTaskName = "Pengingat-test" // a dry run every minute, for trying out; registered but not enabled

	localService   = "*S-1-5-19"
	localSystem    = "*S-1-5-18"
	administrators = "*S-1-5-32-544"
)

// eventKey is where the registry keeps the source of our entries in the event log.
const eventKey = `HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\` + taskName

// A test renders these templates with sample paths; deploy/windows and deploy/linux have the results.
var (
	//go:embed task.xml
	taskXML string
	//go:embed systemd.service
	serviceUnit string
	//go:embed systemd.timer
	timerUnit string
)

// An installation is where the program is and what it needs there. All paths are absolute.
type installation struct {
	Exe     string // the program
	Dir     string // where it keeps its settings (setup.Home), which is also the working directory of a task
	Env     string // the settings file; a task has no environment variables of its own
	Minutes int    // after which the system ends a run: the lease, which is longer than any normal run

	person string   // SID of a user who may read and change the settings like administrators, or ""
	logs   string   // the folder of the log
	files  []string // other files that the task reads
	reads  []string // other folders that the task reads
	writes []string // other folders that the task writes
}

// installation finds out where the program is. It reads the settings if there are any.
func (p *program) installation() (installation, error) {
	i := installation{Minutes: 15}
	exe, err := os.Executable()
	if err != nil {
		return i, err
	}
	i.Exe = exe
	if i.Dir, _, err = setup.Home(); err != nil {
		return i, err
	}
	logFile, err := setup.LogFile()
	if err != nil {
		return i, err
	}
	inDir := func(path string) string { // as the task will see it
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(i.Dir, path)
	}
	i.Env = inDir("pengingat.env")
	i.logs = inDir(cmp.Or(p.environ["LOG_FILE"], logFile))
	if info, err := os.Stat(i.logs); err != nil || !info.IsDir() {
		i.logs = filepath.Dir(i.logs)
	}
	if p.envFile == "" && p.envErr == nil {
		return i, nil
	}
	cfg, err := p.config(setup.Load)
	if err != nil {
		return i, err
	}
	i.Minutes = int((cfg.Lease + time.Minute - 1) / time.Minute)
	for _, file := range []string{cfg.MailCAFile, cfg.DBCAFile} {
		if file != "" && !strings.Contains(file, "-----BEGIN") { // else it is the certificate itself
			i.files = append(i.files, inDir(file))
		}
	}
	if cfg.Templates != "" {
		i.reads = append(i.reads, inDir(cfg.Templates))
	}
	if cfg.Mailer == "file" || cfg.Mailer == "log" {
		i.writes = append(i.writes, inDir(cfg.MailFileDir))
	}
	i.Env, err = filepath.Abs(p.envFile)
	return i, err
}

// task renders a task for Windows Task Scheduler in UTF-16, little-endian, with a byte order mark and CR LF: schtasks
// reads Unicode in no other form.
//
//   - StartWhenAvailable starts a run that was missed during sleep. On a laptop it starts the first run of the day: a
//     "shutdown" with fast start-up is a sleep too, after which the boot trigger does not fire.
//   - A time without a zone is in the computer's zone. At 17 minutes past the hour few other tasks start. Two runs
//     close together do no harm: a run that has nothing to do does nothing.
//   - Windows may or may not treat an exit code as a failure. If it does, RestartOnFailure starts the run up to three
//     more times, which does no harm. Nothing depends on it.
//   - LogonType is absent, because the schema has no value for system accounts.
func (i installation) task(name string) ([]byte, error) {
	data := struct {
		installation
		Name, Description, Arguments string
		Test                         bool
	}{i, name, text.In("id").Say("install.about") + " " + text.In("en").Say("install.about"), "run",
		name == testTaskName}
	if data.Test {
		data.Description = "Uji coba setiap menit, tanpa mengirim. A dry run every minute; nothing is sent."
		data.Arguments += " --dry-run"
	}
	data.Arguments += ` --env "` + i.Env + `"` // a quote cannot be part of a path on Windows
	text, err := render(taskXML, data)
	if err != nil {
		return nil, err
	}
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder()
	return utf16.Bytes(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
}

// render executes a template. In a template, xml escapes a text for XML, and unit a path for systemd.
func render(text string, data any) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"xml": func(s string) (string, error) {
			var b strings.Builder
			err := xml.EscapeText(&b, []byte(s))
			return b.String(), err
		},
		"unit": strings.NewReplacer("%", "%%").Replace,
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// grants returns the commands that close the folder to all but administrators and the system, and give the task's
// account what it needs: to read the folder and the settings, and to write the log. A new folder in C:\ is open to all
// who sign in: any pupil could read the mail password in it, and replace the program that runs every hour.
func (i installation) grants() (commands [][]string) {
	const folder = "(OI)(CI)" // with the files and folders in it, also future ones
	commands = append(commands, []string{"icacls", i.Dir, "/inheritance:r",
		"/grant:r", administrators + ":" + folder + "(F)", "/grant:r", localSystem + ":" + folder + "(F)"})
	grant := func(who, rights string, paths ...string) {
		for _, path := range paths {
			commands = append(commands, []string{"icacls", path, "/grant", who + ":" + rights})
		}
	}
	grant(localService, folder+"(RX)", append([]string{i.Dir}, i.reads...)...)
	grant(localService, folder+"(M)", append([]string{i.logs}, i.writes...)...)
	grant(localService, "(R)", append([]string{i.Env}, i.files...)...)
	if i.person != "" { // may use the desk and write settings and templates, but cannot replace the program
		grant("*"+i.person, folder+"(RX)", i.Dir)
		grant("*"+i.person, folder+"(M)", i.logs)
		grant("*"+i.person, "(M)", i.Env)
	}
	return commands
}

var isSID = regexp.MustCompile(`^S-1(-\d+)+$`).MatchString

func (c *call) install(ctx context.Context) error {
	i, err := c.installation()
	i.person = c.flag("for")
	switch print := c.flag("print"); {
	case err != nil:
		return err
	case i.person != "" && !isSID(i.person):
		return c.usage("install.no_sid", "Person", i.person)
	case print != "":
		return c.printTask(i, print)
	case runtime.GOOS != "windows":
		return c.printUnits(i)
	case c.envFile == "":
		return reminder.NewFault(nil, "install.no_settings_file")
	}
	if err := c.installTasks(ctx, i); err != nil || c.on("dry-run") {
		return err
	}
	c.print("install.registered", "TaskName", taskName, "TestTaskName", testTaskName)
	if row, err := c.taskRow(ctx); err == nil {
		c.print("install.next_run", "Row", row[2])
	}
	c.print("install.next", "TaskName", taskName)
	return c.diagnose(ctx, i)
}

func (c *call) uninstall(ctx context.Context) error {
	if runtime.GOOS != "windows" {
		_, err := fmt.Fprintln(c.out, "sudo systemctl disable --now pengingat.timer\nsudo rm /etc/systemd/system/pengingat.{service,timer}")
		return err
	}
	dir, _, err := setup.Home()
	if err != nil {
		return err
	}
	if err := mayInstall(dir, c.on("dry-run")); err != nil {
		return err
	}
	for _, name := range []string{taskName, testTaskName} {
		if err := c.carryOut(ctx, "schtasks", "/delete", "/f", "/tn", name); err != nil {
			c.print("install.not_removed", "Name", name, "Err", err)
		}
	}
	if err := c.do("reg delete "+eventKey+" /f", removeEventSource); err != nil || c.on("dry-run") {
		return err
	}
	return c.done(nil, "install.kept", "Dir", dir)
}

// printTask prints a task: to a file in UTF-16 as Windows reads it, to a terminal as readable text.
func (p *program) printTask(i installation, name string) error {
	if name != taskName && name != testTaskName {
		return p.usage("install.unknown_task", "Name", name, "TaskName", taskName, "TestTaskName", testTaskName)
	}
	data, err := i.task(name)
	if err != nil {
		return err
	}
	if f, ok := p.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if data, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data); err != nil {
			return err
		}
	}
	_, err = p.out.Write(data)
	return err
}

// printUnits prints the systemd units and, as comments, their paths and how to install them.
func (p *program) printUnits(i installation) error {
	for _, unit := range []struct{ name, text string }{{"pengingat.service", serviceUnit},
		{"pengingat.timer", timerUnit}} {
		text, err := render(unit.text, i)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "# /etc/systemd/system/%s\n%s\n", unit.name, text)
	}
	p.print("install.save_units")
	fmt.Fprintln(p.out, "#   sudo systemctl daemon-reload && sudo systemctl enable --now pengingat.timer")
	return nil
}

// installTasks makes the folders, sets their access rights, and registers the tasks.
func (c *call) installTasks(ctx context.Context, i installation) error {
	if err := mayInstall(i.Dir, c.on("dry-run")); err != nil {
		return err
	}
	for _, dir := range append([]string{i.Dir, i.logs}, i.writes...) {
		if err := c.do("mkdir "+dir, func() error { return os.MkdirAll(dir, 0o755) }); err != nil {
			return err
		}
	}
	for _, command := range i.grants() {
		if err := c.carryOut(ctx, command...); err != nil {
			return err
		}
	}
	if err := c.do("reg add "+eventKey, addEventSource); err != nil {
		return err
	}
	for _, name := range []string{taskName, testTaskName} {
		if err := c.register(ctx, i, name); err != nil {
			return err
		}
	}
	return nil
}

// register gives a task to schtasks, which reads it from a file.
func (c *call) register(ctx context.Context, i installation, name string) error {
	data, err := i.task(name)
	if err != nil {
		return err
	}
	file := filepath.Join(i.Dir, name+".xml") // where only administrators write: whoever changes it chooses what runs
	if !c.on("dry-run") {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
		defer os.Remove(file)
	}
	return c.carryOut(ctx, "schtasks", "/create", "/f", "/tn", name, "/xml", file)
}

// carryOut runs a command of Windows. Its error includes what the command printed.
func (c *call) carryOut(ctx context.Context, command ...string) error {
	quoted := slices.Clone(command)
	for i, arg := range command {
		if strings.ContainsAny(arg, " ()") {
			quoted[i] = `"` + arg + `"`
		}
	}
	line := strings.Join(quoted, " ")
	return c.do(line, func() error {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err == nil {
			return nil
		}
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(strings.ToValidUTF8(string(out), "?")))
		return reminder.NewFault(err, "install.command_failed", "Line", line)
	})
}

// do does one step; with --dry-run it only prints the step.
func (c *call) do(text string, step func() error) error {
	if c.on("dry-run") {
		fmt.Fprintln(c.out, text)
		return nil
	}
	return step()
}

// diagnose runs doctor in a process of its own, as a person would after the installation. The findings do not make the
// installation fail.
func (p *program) diagnose(ctx context.Context, i installation) error {
	cmd := exec.CommandContext(ctx, i.Exe, "doctor", "--env", i.Env)
	cmd.Stdout, cmd.Stderr = p.out, p.errOut
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		p.code = exitNeedsPerson
		return nil
	}
	return err
}
