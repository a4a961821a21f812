package pengingat

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// What terraform/ and deploy/cloud/ say about the program, held against the program. What they say about the cloud is
// tested by terraform/tests.

// TestAlertsReadTheLog: the fields and words by which alerts and charts find their lines stand in the line that a run
// writes.
func TestAlertsReadTheLog(t *testing.T) {
	var log bytes.Buffer
	cfg, err := setup.Load(map[string]string{
		"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_DATABASE": "none", // it stops, but its line has every field
		"MAIL_MAILER": "file", "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example", "LOG_FORMAT": "json",
	})
	require.NoError(t, err)
	app, err := setup.New(cfg, &log)
	require.NoError(t, err)
	defer app.Close()
	_, err = app.Runner.Run(t.Context(), reminder.Options{Trigger: "http"})
	require.Error(t, err)
	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), log.String())

	words := map[string][]string{
		"message": {line["message"].(string)},
		"outcome": {string(reminder.RunDone), string(reminder.RunHeld), string(reminder.RunPaused),
			string(reminder.RunClosed),
			string(reminder.RunStopped), string(reminder.RunPartial)},
		"reason": {string(reminder.PauseByPerson)},
	}
	text := terraform(t)
	fields := regexp.MustCompile(`jsonPayload\.([a-z_.]+)(=\(?\\"[^)]*?\\"(?:\)|[^ ]*))?`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, fields)
	for _, field := range fields {
		assert.NotNil(t, at(line, strings.Split(field[1], ".")), "no line of a run has %s", field[0])
		for _, word := range regexp.MustCompile(`\\"(\w+)\\"`).FindAllStringSubmatch(field[2], -1) {
			assert.Contains(t, words[field[1]], word[1], field[0])
		}
	}
	for _, field := range []string{"message", "outcome", "emails.failed", "emails.unknown", "oldest_waiting_seconds"} {
		assert.True(t, strings.Contains(text, "jsonPayload."+field), "nobody is told of %s", field)
	}
}

// at returns what stands under a path of keys.
func at(value any, path []string) any {
	for _, key := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}

// notForTheCloud has the settings that nothing in the cloud sets, and why.
var notForTheCloud = map[string]string{
	"DB_SOCKET":                 "of a database on the same machine",
	"MAIL_CA_FILE":              "a file, and the function has none of its own",
	"MAIL_FILE_DIR":             "mails as files would be lost with the function's disk",
	"REMINDER_TEMPLATES":        "a folder, and the function has none of its own",
	"LOG_FILE":                  "the platform takes what is written to standard error",
	"MYSQL_ATTR_SSL_CA":         "Laravel's name for DB_CA_FILE",
	"MAIL_SCHEME":               "MAIL_ENCRYPTION and the port say it",
	"K_SERVICE":                 "set by the platform",
	"CLOUD_RUN_TIMEOUT_SECONDS": "set by the platform",
}

// TestCloudKnowsTheSettings: what is passed to the function is a setting, and no setting is forgotten.
func TestCloudKnowsTheSettings(t *testing.T) {
	var keys []string
	for field := range reflect.TypeFor[setup.Config]().Fields() {
		if key := field.Tag.Get("env"); key != "" {
			keys = append(keys, key)
		}
	}
	used := regexp.MustCompile(`\b(?:APP|DB|MAIL|IMAP|SENDGRID|REMINDER|LOG|GOOGLE|K|CLOUD)_[A-Z_]+\b`).FindAllString(terraform(t), -1)
	for _, key := range used {
		if key != "DB_ADMIN_PASSWORD" && key != "GOOGLE_GOLDFLAGS" { // the migrations' DB_PASSWORD; the build's
			assert.Contains(t, keys, key, "terraform names what is no setting")
		}
	}
	lack := []string{"DB_CLOUDSQL_INSTANCE" /* the socket */, "MAIL_OAUTH_TOKEN" /* ends within the hour */}
	for _, key := range keys {
		if notForTheCloud[key] == "" && !slices.Contains(lack, key) {
			assert.Contains(t, used, key, "terraform does not let one set it")
		}
	}
}

// TestCloudTimesAreAccepted: the default ladder of times is one that the program starts with.
func TestCloudTimesAreAccepted(t *testing.T) {
	text := terraform(t)
	seconds := func(name string) string {
		found := regexp.MustCompile(name + `\s*= optional\(number, (\d+)\)`).FindStringSubmatch(text)
		require.NotNil(t, found, name)
		return found[1]
	}
	environ := map[string]string{
		"DB_DATABASE": "perpus", "MAIL_MAILER": "file", "MAIL_FROM_ADDRESS": "perpus@mtsn6garut.example",
		"REMINDER_BUDGET": seconds("budget") + "s", "REMINDER_LEASE": seconds("lease") + "s",
		"CLOUD_RUN_TIMEOUT_SECONDS": seconds("function"), "K_SERVICE": "pengingat",
	}
	_, err := setup.Load(environ)
	require.NoError(t, err)
	environ["CLOUD_RUN_TIMEOUT_SECONDS"] = seconds("lease")
	_, err = setup.Load(environ)
	require.Error(t, err)
}

func TestNobodyElseMayCall(t *testing.T) {
	script, err := os.ReadFile("deploy/cloud/deploy.sh")
	require.NoError(t, err)
	for _, everybody := range []string{"allUsers", "allAuthenticatedUsers", " --allow-unauthenticated", "ALLOW_ALL",
		"--ingress=all"} {
		assert.False(t, strings.Contains(terraform(t)+string(script), everybody), everybody)
	}
}

// fakeGcloud remembers what exists in a folder and writes down every call. It reads what would be a password from
// standard input, as gcloud does.
const fakeGcloud = `#!/usr/bin/env bash
state=$FAKE_STATE
printf '%s\n' "$*" >>"$state/calls"
case "$*" in
  "secrets versions access latest --secret="*) for a in "$@"; do case $a in --secret=*) id=${a#*=};; esac; done; cat "$state/secret.$id" 2>/dev/null ;;
  "secrets versions describe latest"*) for a in "$@"; do case $a in --secret=*) id=${a#*=};; esac; done; cat "$state/versions.$id" | wc -l ;;
  "secrets versions list"*) n=$(cat "$state/versions.$4" | wc -l); for ((i = 1; i <= n; i++)); do [ -e "$state/off.$4.$i" ] || echo "$i"; done ;;
  "secrets versions disable"*) for a in "$@"; do case $a in --secret=*) id=${a#*=};; esac; done; touch "$state/off.$id.$4" ;;
  "secrets versions add"*) cat >"$state/secret.$4"; echo >>"$state/versions.$4" ;;
  "scheduler jobs list"*) ls "$state" | sed -n 's/^job\.//p' ;;
  "scheduler jobs describe"*) [ -e "$state/job.$4" ] ;;
  "scheduler jobs create"*) touch "$state/job.$5" ;;
  "scheduler jobs delete"*) rm "$state/job.$4" ;;
  "run services describe"*) echo https://pengingat-abc-et.a.run.app ;;
  "iam service-accounts describe"*) [ -e "$state/account.${4%%@*}" ] ;;
  "iam service-accounts create"*) touch "$state/account.$4" ;;
  "artifacts repositories describe"*) [ -e "$state/repository.$4" ] ;;
  "artifacts repositories create"*) touch "$state/repository.$4" ;;
  "secrets describe"*) [ -e "$state/there.$3" ] ;;
  "secrets create"*) touch "$state/there.$3" ;;
esac
`

// TestDeployByGcloud runs deploy.sh against a gcloud that is none: once, again, with fewer runs, with a new password,
// dry.
func TestDeployByGcloud(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	require.NoError(t, os.Mkdir(state, 0o700))
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), mode))
		return name
	}
	write("gcloud", fakeGcloud, 0o700)
	write("unzip", "#!/bin/sh\n", 0o700)
	archive := write("function.zip", "an archive", 0o600)
	web := httptest.NewTLSServer(nil)
	web.Close()
	ca := write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})), 0o600)
	settings := "DB_CA_FILE=" + ca + "\n" + `APP_NAME="Perpustakaan MTSN 6 Garut"
APP_KEY=base64:not-ours
DB_HOST=db.mtsn6garut.sch.id
DB_DATABASE=perpustakaan
DB_USERNAME=pengingat
DB_PASSWORD=rahasia-basis-data
MAIL_MAILER=smtp
MAIL_HOST=smtp.example.org
MAIL_USERNAME='perpus'
MAIL_PASSWORD="rahasia surat" # App Password
MAIL_FEEDBACK=imap
IMAP_HOST=imap.example.org
IMAP_USERNAME=kembali
IMAP_PASSWORD="rahasia kotak"
MAIL_FROM_ADDRESS=perpus@mtsn6garut.sch.id
MAIL_FROM_NAME="${APP_NAME}
di Garut"
`
	env := write("school.env", settings, 0o600)
	run := func(args ...string) (calls []string, output string, err error) {
		t.Helper()
		_ = os.Remove(filepath.Join(state, "calls"))
		cmd := exec.Command("deploy/cloud/deploy.sh", append([]string{"--project", "perpus-mtsn6", "--env", env, "--archive",
			archive}, args...)...)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "FAKE_STATE="+state)
		out, err := cmd.CombinedOutput()
		text, readErr := os.ReadFile(filepath.Join(state, "calls"))
		if readErr == nil {
			calls = strings.Split(strings.TrimSpace(string(text)), "\n")
		}
		for _, secret := range []string{"rahasia-basis-data", "rahasia surat", "rahasia kotak", "rahasia baru"} {
			assert.NotContains(t, string(out)+string(text), secret, "a secret was an argument, or printed")
		}
		assert.NotContains(t, string(text), "not-ours", "a key that is none of ours was passed on")
		return calls, string(out), err
	}
	creating := func(calls []string) (found []string) {
		for _, call := range calls {
			if regexp.MustCompile(`^(\S+ ){1,3}(create|add|delete)\b`).MatchString(call) &&
				!strings.Contains(call, "add-iam-policy-binding") {
				found = append(found, call)
			}
		}
		return found
	}

	calls, output, err := run("--dry-run", "--parallelism", "2")
	require.NoError(t, err, output)
	assert.Empty(t, calls, "a dry run calls nothing")
	for _, command := range []string{"services enable", "run deploy pengingat", "create http pengingat-hourly-2",
		"create http pengingat-daily "} {
		assert.Contains(t, output, command)
	}

	calls, output, err = run("--parallelism", "2")
	require.NoError(t, err, output)
	assert.Len(t, creating(calls), 3+1+3*2+4, "accounts, repository, secrets with a version, jobs")
	all := strings.Join(calls, "\n")
	assert.Contains(t, all, "--set-secrets=DB_PASSWORD=pengingat-db-password:1,MAIL_PASSWORD=pengingat-mail-password:1,IMAP_PASSWORD=pengingat-imap-password:1")
	assert.Contains(t, all, "--no-allow-unauthenticated --ingress=internal --timeout=600 --concurrency=1 --min-instances=0 --max-instances=2")
	assert.Contains(t, all, "APP_NAME=Perpustakaan MTSN 6 Garut~~DB_CA_FILE=-----BEGIN CERTIFICATE-----\n")
	assert.Contains(t, all, "~~DB_DATABASE=perpustakaan~~DB_HOST=db.mtsn6garut.sch.id~~")
	assert.Contains(t, all, "~~MAIL_FROM_NAME=Perpustakaan MTSN 6 Garut\ndi Garut~~")
	assert.Contains(t, all, "--set-build-env-vars=GOOGLE_GOLDFLAGS=-s -w")
	assert.NotContains(t, all, "versions disable")
	assert.Contains(t, all, "--uri=https://pengingat-abc-et.a.run.app --http-method=POST")
	stored, err := os.ReadFile(filepath.Join(state, "secret.pengingat-mail-password"))
	require.NoError(t, err)
	assert.Equal(t, "rahasia surat", string(stored))

	calls, output, err = run("--parallelism", "2")
	require.NoError(t, err, output)
	assert.Empty(t, creating(calls), "the second time everything is there")
	assert.Contains(t, strings.Join(calls, "\n"), "update http pengingat-hourly-2")

	calls, output, err = run()
	require.NoError(t, err, output)
	assert.Len(t, creating(calls), 2, "fewer runs: the jobs that are too many go")
	assert.Contains(t, strings.Join(calls, "\n"), "jobs delete pengingat-daily-2")

	write("school.env", strings.ReplaceAll(settings, "rahasia surat", "rahasia baru"), 0o600)
	calls, output, err = run("--database", "perpus-mtsn6:asia-southeast2:utama")
	require.NoError(t, err, output)
	assert.Len(t, creating(calls), 1, "a new password is a new version")
	all = strings.Join(calls, "\n")
	assert.Contains(t, all, "DB_PASSWORD=pengingat-db-password:1,MAIL_PASSWORD=pengingat-mail-password:2")
	assert.Contains(t, all, "DB_CLOUDSQL_INSTANCE=perpus-mtsn6:asia-southeast2:utama")
	assert.NotContains(t, all, "DB_HOST")
	assert.Contains(t, all, "secrets versions disable 1 --secret=pengingat-mail-password")
	assert.NotRegexp(t, "versions disable .*db-password", all)
	assert.Contains(t, all, "roles/cloudsql.client")

	write("school.env", strings.NewReplacer("DB_HOST=db.mtsn6garut.sch.id\n", "", "DB_PASSWORD=rahasia-basis-data",
		"DB_URL=mysql://pengingat:rahasia-basis-data@db.mtsn6garut.sch.id/perpustakaan").Replace(settings), 0o600)
	calls, output, err = run()
	require.NoError(t, err, output)
	assert.Contains(t, strings.Join(calls, "\n"), "~~DB_HOST=db.mtsn6garut.sch.id~~",
		"a URL is taken apart, and its password is a secret")

	calls, output, err = run("--remove")
	require.NoError(t, err, output)
	assert.Len(t, slices.DeleteFunc(calls, func(c string) bool { return !strings.Contains(c, "delete") }), 2+1+1+3+3,
		output)

	for wrong, text := range map[string]string{
		"--parallelism 0":       "--parallelism",
		"--region Jakarta":      "--region",
		"--database utama":      "project:region:instance",
		"--network kantor":      "belong together",
		"--archive none.zip":    "make package",
		"--colour":              "not an option",
		"--env none.env":        "there is no none.env",
		"--project x":           "--project",
		"--name":                "needs a value",
		"--env " + env + ".not": "MAIL_MAILER",
		"--env " + env + ".loc": "which the cloud cannot reach",
		"--env " + env + ".off": "DB_TLS=false",
		"--env " + env + ".lan": "--network",
		"--env " + env + ".bad": "REMINDER_ONLY_TO",
	} {
		write("school.env.loc", strings.ReplaceAll(settings, "db.mtsn6garut.sch.id", "127.0.0.1"), 0o600)
		write("school.env.not", "# nothing yet\n", 0o600)
		write("school.env.bad", settings+"REMINDER_ONLYTO=saya@example.org\n", 0o600)
		write("school.env.off", settings+"DB_TLS=false\n", 0o600)
		write("school.env.lan", strings.ReplaceAll(settings, "db.mtsn6garut.sch.id", "10.1.2.3"), 0o600)
		calls, output, err := run(strings.Fields(wrong)...)
		exit, ok := err.(*exec.ExitError)
		require.True(t, ok, "%s: %v", wrong, err)
		assert.Equal(t, 64, exit.ExitCode(), wrong)
		assert.Contains(t, output, text, wrong)
		assert.Empty(t, calls, "%s: nothing is done when something is wrong", wrong)
	}
}

// terraform returns all of terraform/*.tf.
func terraform(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("terraform/*.tf")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		fmt.Fprintln(&all, string(text))
	}
	return all.String()
}
