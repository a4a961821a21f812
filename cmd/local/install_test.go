package main

import (
	"encoding/xml"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"
)

// The paths in deploy/windows and deploy/linux. Whoever registers the files by hand changes them there.
var (
	sampleWindows = installation{Exe: `C:\Pengingat\pengingat.exe`, Dir: `C:\Pengingat`, Env: `C:\Pengingat\pengingat.env`,
		Minutes: 15}
	sampleLinux = installation{Exe: "/opt/pengingat/pengingat", Dir: "/opt/pengingat",
		Env: "/opt/pengingat/pengingat.env", Minutes: 15}
)

// TestDeployFiles: the files in deploy/ are what install renders.
func TestDeployFiles(t *testing.T) {
	files := map[string][]byte{}
	var err error
	files["windows/pengingat.xml"], err = sampleWindows.task(taskName)
	require.NoError(t, err)
	files["windows/pengingat-test.xml"], err = sampleWindows.task(testTaskName)
	require.NoError(t, err)
	files["linux/pengingat.service"], err = render(serviceUnit, sampleLinux)
	require.NoError(t, err)
	files["linux/pengingat.timer"], err = render(timerUnit, sampleLinux)
	require.NoError(t, err)
	for name, want := range files {
		name = "../../deploy/" + name
		if *update {
			require.NoError(t, os.WriteFile(name, want, 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, slices.Equal(want, got), "%s is not what install renders: go test ./cmd/local -run TestDeployFiles -update", name)
	}
}

// A taskDocument is what the rules below look at.
type taskDocument struct {
	XMLName  xml.Name
	Version  string `xml:"version,attr"`
	Triggers struct {
		Times     []taskTrigger `xml:"TimeTrigger"`
		Calendars []taskTrigger `xml:"CalendarTrigger"`
		Boots     []taskTrigger `xml:"BootTrigger"`
	}
	Principals struct {
		Principal struct {
			ID        string `xml:"id,attr"`
			UserID    string `xml:"UserId"`
			RunLevel  string
			LogonType *string
		}
	}
	Settings struct {
		MultipleInstancesPolicy                            string
		DisallowStartIfOnBatteries, StopIfGoingOnBatteries string
		StartWhenAvailable, RunOnlyIfNetworkAvailable      string
		Enabled, WakeToRun, ExecutionTimeLimit             string
		RestartOnFailure                                   *struct{ Interval, Count string }
	}
	Actions struct {
		Context string `xml:"Context,attr"`
		Exec    []struct{ Command, Arguments, WorkingDirectory string }
	}
}

type taskTrigger struct {
	Enabled, StartBoundary, Delay string
	Repetition                    struct{ Interval, Duration string }
	ScheduleByDay                 struct{ DaysInterval string }
}

// TestTaskRules checks what Windows wants of a task and no schema says, and what a laptop in a school needs. Where the
// schema is at hand (TASK_SCHEMA), it is asked too.
func TestTaskRules(t *testing.T) {
	odd := installation{Exe: `D:\Perpustakaan & "Café" <6>\pengingat.exe`, Dir: `D:\Perpustakaan & Café`,
		Env: `D:\web\TA & Co\perpustakaan\.env`, Minutes: 31}
	for name, i := range map[string]installation{"sample": sampleWindows, "odd": odd} {
		for _, task := range []string{taskName, testTaskName} {
			t.Run(name+" "+task, func(t *testing.T) {
				raw, err := i.task(task)
				require.NoError(t, err)
				checkTask(t, raw, i, task == testTaskName)
			})
		}
	}
}

func checkTask(t *testing.T, raw []byte, i installation, test bool) {
	require.Equal(t, "\xff\xfe", string(raw[:2]), "the byte order mark of UTF-16, little-endian")
	text, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(raw)
	require.NoError(t, err)
	prolog, body, _ := strings.Cut(string(text), "\r\n")
	require.Equal(t, `<?xml version="1.0" encoding="UTF-16"?>`, prolog)
	assert.NotRegexp(t, `[^\r]\n`, body, "line ends")

	var doc taskDocument
	require.NoError(t, xml.Unmarshal([]byte(body), &doc))
	assert.Equal(t, xml.Name{Space: "http://schemas.microsoft.com/windows/2004/02/mit/task", Local: "Task"}, doc.XMLName)
	assert.Equal(t, "1.2", doc.Version)

	// A time trigger without a beginning is refused; one in the future would wait for it; one with a zone would move.
	for _, trigger := range append(doc.Triggers.Times, doc.Triggers.Calendars...) {
		begin, err := time.Parse("2006-01-02T15:04:05", trigger.StartBoundary)
		require.NoError(t, err)
		assert.True(t, begin.Before(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
		assert.Equal(t, "true", trigger.Enabled)
		assert.Empty(t, trigger.Repetition.Duration, "without a duration it repeats for ever")
	}
	// Windows reads these in this order only.
	assert.Regexp(t, `(?s)<TimeTrigger>\s*<Repetition>.*</Repetition>\s*<StartBoundary>[^<]*</StartBoundary>\s*<Enabled>`,
		body)
	s := doc.Settings
	if test {
		require.Len(t, doc.Triggers.Times, 1)
		assert.Equal(t, "PT1M", doc.Triggers.Times[0].Repetition.Interval)
		assert.Empty(t, doc.Triggers.Boots)
		assert.Equal(t, "false", s.Enabled)
	} else {
		require.Len(t, doc.Triggers.Times, 1)
		assert.Equal(t, "PT1H", doc.Triggers.Times[0].Repetition.Interval)
		assert.NotContains(t, doc.Triggers.Times[0].StartBoundary, ":00:00", "at an odd minute")
		require.Len(t, doc.Triggers.Calendars, 1)
		assert.Contains(t, doc.Triggers.Calendars[0].StartBoundary, "T07:00:00")
		assert.Equal(t, "1", doc.Triggers.Calendars[0].ScheduleByDay.DaysInterval)
		assert.Regexp(t, `(?s)<CalendarTrigger>\s*<StartBoundary>[^<]*</StartBoundary>\s*<Enabled>true</Enabled>\s*<ScheduleByDay>`, body)
		require.Len(t, doc.Triggers.Boots, 1)
		assert.Equal(t, "PT3M", doc.Triggers.Boots[0].Delay)
		assert.Regexp(t, `(?s)<BootTrigger>\s*<Enabled>true</Enabled>\s*<Delay>`, body)
		assert.Equal(t, "true", s.Enabled)
		assert.Equal(t, "true", s.StartWhenAvailable, "what was missed in sleep is made up for")
		require.NotNil(t, s.RestartOnFailure)
		assert.Equal(t, []string{"PT5M", "3"}, []string{s.RestartOnFailure.Interval, s.RestartOnFailure.Count},
			"both or none")
	}
	assert.Equal(t, "IgnoreNew", s.MultipleInstancesPolicy)
	assert.Equal(t, "false", s.DisallowStartIfOnBatteries)
	assert.Equal(t, "false", s.StopIfGoingOnBatteries)
	assert.Equal(t, "false", s.RunOnlyIfNetworkAvailable)
	assert.Equal(t, "false", s.WakeToRun)
	assert.Equal(t, map[int]string{15: "PT15M", 31: "PT31M"}[i.Minutes], s.ExecutionTimeLimit)

	p := doc.Principals.Principal
	assert.Equal(t, "S-1-5-19", p.UserID)
	assert.Equal(t, "LeastPrivilege", p.RunLevel)
	assert.Nil(t, p.LogonType, "there is none for accounts of the system")
	assert.Equal(t, p.ID, doc.Actions.Context)
	require.Len(t, doc.Actions.Exec, 1)
	action := doc.Actions.Exec[0]
	assert.Equal(t, i.Exe, action.Command)
	assert.Regexp(t, `^[A-Z]:\\`, action.Command, "absolute")
	assert.Equal(t, i.Dir, action.WorkingDirectory)
	assert.True(t, strings.HasPrefix(action.Arguments, "run "))
	assert.Equal(t, test, strings.Contains(action.Arguments, "--dry-run"))
	assert.True(t, strings.HasSuffix(action.Arguments, ` --env "`+i.Env+`"`))

	if schema := os.Getenv("TASK_SCHEMA"); schema != "" {
		file := t.TempDir() + "/task.xml"
		require.NoError(t, os.WriteFile(file, raw, 0o600))
		out, err := exec.CommandContext(t.Context(), "xmllint", "--noout", "--schema", schema, file).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	}
}

// TestGrants: the task's account may read the program and the settings and write the log, and nothing else.
func TestGrants(t *testing.T) {
	i := sampleWindows
	i.Env, i.logs, i.files = `D:\web\TA\.env`, `C:\Pengingat\logs`, []string{`D:\ca.pem`}
	i.reads, i.writes = []string{`D:\templates`}, []string{`C:\Pengingat\mails`}
	var got []string
	for _, command := range i.grants() {
		got = append(got, strings.Join(command, " "))
	}
	assert.Equal(t, []string{
		`icacls C:\Pengingat /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)(F) /grant:r *S-1-5-18:(OI)(CI)(F)`,
		`icacls C:\Pengingat /grant *S-1-5-19:(OI)(CI)(RX)`,
		`icacls D:\templates /grant *S-1-5-19:(OI)(CI)(RX)`,
		`icacls C:\Pengingat\logs /grant *S-1-5-19:(OI)(CI)(M)`,
		`icacls C:\Pengingat\mails /grant *S-1-5-19:(OI)(CI)(M)`,
		`icacls D:\web\TA\.env /grant *S-1-5-19:(R)`,
		`icacls D:\ca.pem /grant *S-1-5-19:(R)`,
	}, got)
}

// TestInstallElsewhere: outside Windows the units and the way to install them are printed, and nothing is done.
func TestInstallElsewhere(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("my settings 100%.env",
		[]byte("DB_DATABASE=perpustakaan\nMAIL_MAILER=file\nMAIL_FROM_ADDRESS=a@example.org\nREMINDER_LEASE=20m\n"), 0o600))
	here, err := os.Getwd()
	require.NoError(t, err)
	got := command(t, nil, "install", "--env", "my settings 100%.env")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "LoadCredential=pengingat.env:"+here+"/my settings 100%%.env\n")
	assert.Contains(t, got.out, "TimeoutStartSec=20min")
	assert.Contains(t, got.out, "systemctl enable --now pengingat.timer")
	exe, err := os.Executable()
	require.NoError(t, err)
	assert.Contains(t, got.out, `ExecStart="`+exe+`" run`)
	assert.Equal(t, got, command(t, nil, "install", "--env", "my settings 100%.env"))

	printed := command(t, nil, "install", "--print", "--env", "my settings 100%.env")
	require.Equal(t, exitDone, printed.code, printed.err)
	assert.Equal(t, "\xff\xfe<\x00?\x00", printed.out[:6])
	test := command(t, nil, "install", "--print=Pengingat-test")
	assert.Equal(t, exitDone, test.code)
	assert.NotEqual(t, printed.out, test.out)
	assert.Equal(t, exitUsage, command(t, nil, "install", "--print=no-such-task").code)

	require.NoError(t, os.WriteFile("broken.env", []byte("DB_DATABASE=perpustakaan\n"), 0o600))
	broken := command(t, nil, "install", "--env", "broken.env")
	assert.Equal(t, exitConfig, broken.code)
	assert.Contains(t, broken.err, "MAIL_FROM_ADDRESS")
	assert.Empty(t, broken.out)
	assert.Contains(t, command(t, nil, "uninstall").out, "systemctl disable")
}

func TestInstallHelpInBothLanguages(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"install", "uninstall"} {
		id := command(t, nil, name, "--help")
		en := command(t, map[string]string{"APP_LOCALE": "en"}, name, "--help")
		assert.Contains(t, id.out, "Contoh:")
		assert.Contains(t, en.out, "Examples:")
		assert.NotEqual(t, id.out, en.out)
		assert.Contains(t, en.out, "pengingat "+name)
	}
}

// TestScripts: what the scripts in deploy/windows say to the program is what it understands.
func TestScripts(t *testing.T) {
	t.Chdir("../../deploy/windows")
	for _, name := range []string{"install", "uninstall", "status"} {
		script, err := os.ReadFile(name + ".ps1")
		require.NoError(t, err)
		assert.Contains(t, string(script), "$arguments = @('"+name+"')")
		help := command(t, nil, name, "--help").out
		for _, flag := range regexp.MustCompile(`'(--[a-z-]+)'`).FindAllStringSubmatch(string(script), -1) {
			assert.Contains(t, help, flag[1], name)
		}
	}
}

// TestOldServices: the script, the guide and doctor name the same services and the same commands.
func TestOldServices(t *testing.T) {
	script, err := os.ReadFile("../../deploy/windows/old-services.cmd")
	require.NoError(t, err)
	assert.NotRegexp(t, `[^\r]\n`, string(script), "cmd.exe loses its way in a script without CR")
	assert.Contains(t, string(script), "set services="+strings.Join(oldServices, " ")+"\r\n")
	for _, want := range []string{"net stop %%s", "sc config %%s start= disabled", "sc config %%s start= auto",
		"net start %%s"} {
		assert.Contains(t, string(script), want)
	}
	for _, label := range regexp.MustCompile(`goto (\w+)`).FindAllStringSubmatch(string(script), -1) {
		assert.Contains(t, string(script), "\n:"+label[1]+"\r\n")
	}
}
