//go:build wine

package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

const (
	oldVersion, newVersion = "0.8.0", "0.9.0"

	programs = `C:\Program Files\Pengingat`
	data     = `C:\ProgramData\Pengingat`
	arpKey   = `HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\Pengingat`
)

// onDisk is where Wine keeps a file of its Windows.
func onDisk(path string) string {
	return filepath.Join(os.Getenv("WINEPREFIX"), "drive_c",
		filepath.FromSlash(strings.ReplaceAll(path[len(`C:\`):], `\`, "/")))
}

// run runs a command and returns what it prints and its exit code.
func run(t *testing.T, environ []string, name string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a program that hangs is told by its name
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 10*time.Second
	err := cmd.Run()
	require.NotNil(t, cmd.ProcessState, "%s %v: %v", name, args, err)
	return out.String(), cmd.ProcessState.ExitCode()
}

// windows runs a program under Wine; it must end well.
func windows(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, code := run(t, nil, "wine", append([]string{name}, args...)...)
	require.Zero(t, code, "%s %v: %s", name, args, out)
	return out
}

// TestSetup takes the setup program through a school's years: a first installation, settings, an update while a run is
// under way, an uninstallation, and the way back. Under Wine there is neither UAC nor SmartScreen, and rights are not
// kept.
func TestSetup(t *testing.T) {
	place := t.TempDir()
	dist := func(version string, environ ...string) string {
		folder := filepath.Join(place, version)
		out, code := run(t, environ, "./dist.sh", "v"+version, folder, "windows")
		require.Zero(t, code, out)
		return folder
	}
	certificate := filepath.Join(place, "certificate.pem")
	selfSigned(t, place)
	old := dist(oldVersion)
	current := dist(newVersion, "SIGN=deploy/release/sign.sh", "SIGN_PKCS12="+filepath.Join(place, "certificate.p12"),
		"SIGN_PASSWORD_FILE="+filepath.Join(place, "password"))
	setup := func(folder, version string) string { return filepath.Join(folder, "pengingat-setup-"+version+".exe") }
	signed := func(file string) {
		out, code := run(t, nil, "osslsigncode", "verify", "-CAfile", certificate, "-in", file)
		assert.Zero(t, code, "%s: %s", file, out)
	}
	signed(setup(current, newVersion))
	sums := text(t, filepath.Join(current, "SHA256SUMS"))
	for name, file := range map[string]string{
		"MTSN6Garut.Pengingat.installer.yaml": setup(current, newVersion),
		"pengingat.json":                      filepath.Join(current, "pengingat-"+newVersion+"-windows-amd64.zip"),
	} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		assert.Contains(t, text(t, filepath.Join(current, "manifests", name)), hex.EncodeToString(sum[:]))
		assert.Contains(t, sums, hex.EncodeToString(sum[:])+"  "+filepath.Base(file)+"\n")
		assert.NotContains(t, text(t, filepath.Join(current, "manifests", name)), "@")
	}

	// A first installation, without questions; the folder cannot be chosen.
	windows(t, setup(old, oldVersion), "/S", `/D=C:\Perpustakaan Kita`)
	assert.NoDirExists(t, onDisk(`C:\Perpustakaan Kita`))
	for _, name := range []string{"pengingat.exe", "uninstall.exe", "panduan.html", "old-services.cmd", "grants.sql",
		"LICENSE", "THIRD_PARTY.txt"} {
		assert.FileExists(t, onDisk(programs+`\`+name))
	}
	assert.DirExists(t, onDisk(data+`\logs`))
	assert.Contains(t, windows(t, "reg", "query", arpKey, "/v", "DisplayVersion"), oldVersion)
	menu := onDisk(`C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Pengingat`)
	for name, argument := range map[string]string{"Pengingat.lnk": "desk", "Perintah.lnk": "pengingat --help",
		"Panduan.lnk": ""} {
		wide, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(argument)
		require.NoError(t, err)
		assert.Contains(t, text(t, filepath.Join(menu, name)), wide)
	}
	tasks := onDisk(`C:\windows\system32\tasks\Pengingat`)
	assert.NoFileExists(t, tasks, "there are no settings yet")

	// The school settles in: settings, words of its own in a folder with a blank, the hourly task.
	db := mysqltest.New(t)
	db.School(t)
	arrived, release := make(chan bool), make(chan bool)
	var once sync.Once
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "dot" {
			once.Do(func() { close(arrived); <-release })
		}
		return mailtest.Action{}
	}})
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	pengingat := func(args ...string) string { t.Helper(); return windows(t, programs+`\pengingat.exe`, args...) }
	words := data + `\kata kata`
	pengingat("templates", "export", words)
	template := onDisk(words + `\id\loan.txt`)
	own := strings.Replace(text(t, template), "Halo", "Apa kabar", 1)
	require.Contains(t, own, "Apa kabar")
	require.NoError(t, os.WriteFile(template, []byte(own), 0o600))
	settings := fmt.Sprintf("APP_TIMEZONE=Asia/Jakarta\r\nDB_HOST=%s\r\nDB_PORT=%s\r\nDB_DATABASE=%s\r\nDB_USERNAME=%s\r\nDB_PASSWORD='%s'\r\n"+
		"MAIL_MAILER=smtp\r\nMAIL_HOST=127.0.0.1\r\nMAIL_PORT=%d\r\nMAIL_FROM_ADDRESS=perpus@mtsn6garut.sch.id\r\n"+
		"REMINDER_WINDOW=00:00-24:00\r\nREMINDER_TEMPLATES='%s'\r\n",
		host, port, db.Name, db.Config.User, db.Config.Passwd, srv.Port(), words)
	require.NoError(t, os.WriteFile(onDisk(data+`\pengingat.env`), []byte(settings), 0o600))
	pengingat("migrate", "--source", "perpustakaan")
	db.AddLoan(t, mysqltest.Loan{Due: time.Now().In(time.FixedZone("WIB", 7*3600)).Format(time.DateOnly)})
	assert.Contains(t, pengingat("version"), oldVersion)

	// An update in the middle of a run: the run ends as it began, everything else is new or as it was.
	ended := make(chan string)
	go func() {
		out, code := run(t, nil, "wine", programs+`\pengingat.exe`, "run")
		ended <- fmt.Sprint(code, " ", out)
	}()
	<-arrived
	windows(t, setup(current, newVersion), "/S")
	assert.Contains(t, pengingat("version"), newVersion)
	close(release)
	assert.Regexp(t, "^0 ", <-ended)
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, string(srv.Messages()[0].Data), "Apa kabar")
	kept := func() {
		t.Helper()
		assert.Equal(t, settings, strings.ReplaceAll(text(t, onDisk(data+`\pengingat.env`)), "\n", "\r\n"))
		assert.Equal(t, own, text(t, template))
		pengingat("run")
		assert.Len(t, srv.Messages(), 1, "nothing is sent twice")
	}
	kept()
	assert.Contains(t, windows(t, "reg", "query", arpKey, "/v", "DisplayVersion"), newVersion)
	signed(onDisk(programs + `\pengingat.exe`))
	signed(onDisk(programs + `\uninstall.exe`))
	registered := func() { // Wine keeps no more of a task than that; pengingat install --print shows what it was given
		t.Helper()
		assert.Contains(t, text(t, tasks), `<URI>\Pengingat</URI>`)
	}
	registered()

	raw := pengingat("install", "--print")
	task, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().String(raw)
	require.NoError(t, err)
	for _, want := range []string{"<Command>" + programs + `\pengingat.exe</Command>`,
		`--env &#34;` + data + `\pengingat.env&#34;`,
		"<WorkingDirectory>" + data + "</WorkingDirectory>"} {
		assert.Contains(t, task, want)
	}

	// The uninstaller goes on in a copy of itself. Asked nothing, it keeps what the school wrote.
	windows(t, programs+`\uninstall.exe`, "/S")
	require.Eventually(t, func() bool {
		_, err := os.Stat(onDisk(programs))
		return os.IsNotExist(err)
	}, 2*time.Minute, 100*time.Millisecond)
	assert.NoFileExists(t, tasks)
	assert.NoDirExists(t, menu)
	out, code := run(t, nil, "wine", "reg", "query", arpKey)
	assert.NotZero(t, code, out)

	windows(t, setup(current, newVersion), "/S")
	registered()
	kept()
}

// selfSigned makes a certificate for signing programs: certificate.pem, and with its key certificate.p12.
func selfSigned(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "password"), []byte("secret"), 0o600))
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Pengingat test",
			"-addext", "extendedKeyUsage=codeSigning", "-keyout", "key.pem", "-out", "certificate.pem"},
		{"pkcs12", "-export", "-inkey", "key.pem", "-in", "certificate.pem", "-passout", "pass:secret", "-out",
			"certificate.p12"},
	} {
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		cmd.Dir = folder
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
