//go:build package

package pengingat

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	// the platform's main needs it: so go.sum pins it
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
)

// These tests take the archive for the platform (make package), build it as the platform does, and call what comes out.

const framework = "github.com/GoogleCloudPlatform/functions-framework-go"

// TestPackage: what is in the archive, and that the function built from it answers as it should.
func TestPackage(t *testing.T) {
	archive := packaged(t, "v0.0.0-test")
	again, err := os.ReadFile(packaged(t, "v0.0.0-test"))
	require.NoError(t, err)
	text, err := os.ReadFile(archive)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, again), "the same sources must give the same bytes")
	source := unpack(t, archive)
	require.NoError(t, filepath.WalkDir(source, func(name string, _ os.DirEntry, err error) error {
		assert.NotRegexp(t, `_test\.go$|/(cmd|deploy|terraform|docs|testdata|mysqltest|mailtest|migrations|views)(/|$)`,
			name[len(source):])
		return err
	}))
	binary := build(t, source)
	size := func(file string) float64 {
		info, err := os.Stat(file)
		require.NoError(t, err)
		return float64(info.Size()) / 1e6
	}
	t.Logf("archive %.2f MB, function %.1f MB, hello %.1f MB: %.2f times", size(archive), size(binary), size(hello(t)),
		size(binary)/size(hello(t)))

	db := mysqltest.New(t)
	db.School(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	for range 3 {
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	}
	today := time.Now().In(time.FixedZone("WIB", 7*3600)).Format(time.DateOnly)
	db.Exec(t, "UPDATE peminjaman SET tanggal_kembali = ?", today)
	f := start(t, binary, environ(t, db, srv), "POST")
	code, body := f.call(t, "POST", "")
	assert.Equal(t, 500, code)
	assert.Contains(t, body, "pengingat migrate", "it names the command that mends the schema")
	migrate(t, db)

	code, body = f.call(t, "GET", "")
	assert.Equal(t, 405, code, body)
	code, body = f.call(t, "POST", `{"to":"mallory@example.org"}`)
	assert.Equal(t, 400, code, body)
	hasty := start(t, binary, append(environ(t, db, srv), "REMINDER_BUDGET=1ns"), "POST")
	code, body = hasty.call(t, "POST", "")
	assert.Equal(t, 503, code, body)
	for _, sent := range []int{3, 0} {
		code, body = f.call(t, "POST", "")
		require.Equal(t, 200, code, body)
		var rep reminder.Report
		require.NoError(t, json.Unmarshal([]byte(body), &rep))
		assert.Equal(t, sent, rep.Emails.Sent)
		assert.Equal(t, "v0.0.0-test", rep.Version)
	}
	assert.Len(t, srv.Messages(), 3)
	broken := start(t, binary, append(environ(t, db, srv), "REMINDER_SCHEDULE=never"), "POST")
	code, body = broken.call(t, "POST", "")
	assert.Equal(t, 500, code, body)
	assert.Contains(t, body, "REMINDER_SCHEDULE")
}

// echo is what the platform's conformance client expects to call: a function that writes the body it got into a file.
// It also answers the client's second kind of request only when as many have come as must be served at once.
const echo = `package pengingat

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"` + framework + `/functions"
)

func init() {
	var together sync.WaitGroup
	together.Add(50)
	functions.HTTP("Echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && strings.Contains(string(body), "data") {
			together.Done()
			together.Wait()
		} else if err == nil {
			err = os.WriteFile("function_output.json", body, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}
`

// TestConformanceRequests sends what the platform's conformance client (functions-framework-conformance, its README and
// sources) sends to an HTTP function, and what Cloud Scheduler sends. The client itself is not run. It judges a
// framework and its main by a function that writes its input to a file, so such a function is put beside ours; ours
// must refuse these bodies.
func TestConformanceRequests(t *testing.T) {
	source := unpack(t, packaged(t, "v0.0.0-test"))
	require.NoError(t, os.WriteFile(filepath.Join(source, "echo.go"), []byte(echo), 0o600))
	binary := build(t, source)
	db := mysqltest.New(t)
	db.School(t)
	migrate(t, db)
	settings := environ(t, db, mailtest.NewServer(t, mailtest.Options{}))

	e := start(t, binary, append(settings, "FUNCTION_TARGET=Echo"), "POST")
	code, body := e.call(t, "POST", `{"res":"PASS"}`)
	require.Equal(t, 200, code, body)
	written, err := os.ReadFile(filepath.Join(e.cmd.Dir, "function_output.json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"res":"PASS"}`, string(written), "the body arrives as it was sent")
	codes := make(chan int, 50)
	for range cap(codes) {
		go func() {
			code, _ := e.call(t, "POST", `{"data": "hello"}`)
			codes <- code
		}()
	}
	for range cap(codes) {
		assert.Equal(t, 200, <-codes, "requests are served at once")
	}

	f := start(t, binary, settings, "POST")
	for _, sent := range []string{`{"res":"PASS"}`, `{"data": "hello"}`} {
		code, body = f.call(t, "POST", sent)
		assert.Equal(t, 400, code, "%s: %s", sent, body)
	}
	// As terraform/ and deploy.sh configure Cloud Scheduler; its headers are those of its documentation.
	code, body = f.call(t, "POST", `{}`, "User-Agent: Google-Cloud-Scheduler", "X-CloudScheduler: true",
		"X-CloudScheduler-JobName: pengingat-hourly",
		"Authorization: Bearer checked.by.the-platform")
	assert.Equal(t, 200, code, body)
	assert.NotContains(t, f.log.String(), "checked.by.the-platform", "a token is in the log")
}

// BenchmarkColdStart starts the function and the smallest possible one in turns, until each has answered 200 for the
// first time: the function with a run on an idle database, which takes its time in a warm process too. The figures are
// medians. On a machine with other work the processor's time is the fairer one.
func BenchmarkColdStart(b *testing.B) {
	binary, other := build(b, unpack(b, packaged(b, "v0.0.0-bench"))), hello(b)
	db := mysqltest.New(b)
	db.School(b)
	migrate(b, db)
	settings := environ(b, db, mailtest.NewServer(b, mailtest.Options{}))
	figures := map[string][]float64{}
	add := func(name string, figure float64) { figures[name] = append(figures[name], figure) }
	for b.Loop() {
		f, h := start(b, binary, settings, "POST"), start(b, other, nil, "GET")
		for name, p := range map[string]*process{"function": f, "hello": h} {
			add("ms-"+name, p.first.Seconds()*1000)
			add("cpu-ms-"+name, p.processor(b).Seconds()*1000)
			add("MB-"+name, p.resident(b))
		}
		begun, used := time.Now(), f.processor(b)
		f.call(b, "POST", "")
		add("ms-warm", time.Since(begun).Seconds()*1000)
		add("cpu-ms-warm", (f.processor(b)-used).Seconds()*1000)
		f.stop()
		h.stop()
	}
	for name, all := range figures {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name)
	}
}

// packaged writes the archive.
func packaged(t testing.TB, version string) string {
	file := filepath.Join(t.TempDir(), "function.zip")
	command(t, ".", "go", "run", "./deploy/package", "-version", version, file)
	return file
}

func unpack(t testing.TB, archive string) string {
	dir := t.TempDir()
	z, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer z.Close()
	require.NoError(t, os.CopyFS(dir, z))
	return dir
}

// build does what the platform's buildpack for Go does with a function's source that has a go.mod and no vendor folder,
// and refuses what that refuses. It returns the binary, without symbols, as terraform/ and deploy.sh ask for it
// (GOOGLE_GOLDFLAGS); with the toolchain that is installed.
func build(t testing.TB, source string) string {
	t.Helper()
	roots, err := filepath.Glob(filepath.Join(source, "*.go"))
	require.NoError(t, err)
	name, imports := "", false
	for _, file := range roots {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		name = cmp.Or(name, syntax.Name.Name)
		require.Equal(t, name, syntax.Name.Name, "all files in the root must be of one package")
		for _, spec := range syntax.Imports {
			imports = imports || spec.Path.Value == strconv.Quote(framework+"/functions")
		}
	}
	require.True(t, imports, "the root must import the framework, or an old main is generated")
	module := strings.TrimSpace(command(t, source, "go", "list", "-m"))
	first, _, _ := strings.Cut(module, "/")
	require.Contains(t, first, ".", "the module's first element must have a dot")
	require.NoDirExists(t, filepath.Join(source, name), "else it would be taken for the function")

	app := filepath.Join(source, "functions.local", "app")
	require.NoError(t, os.MkdirAll(app, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(app, "main.go"), fmt.Appendf(nil, `package main

import (
	"log"
	"os"

	_ %q

	%q
)

func main() {
	if err := funcframework.Start(os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`, module, framework+"/funcframework"), 0o600))
	command(t, source, "go", "mod", "download")
	command(t, source, "go", "mod", "tidy")
	binary := filepath.Join(source, "main")
	command(t, source, "go", "build", "-ldflags", "-s -w", "-o", binary, app)
	return binary
}

// hello is the smallest function there is, built in the same way.
func hello(t testing.TB) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello.go"), []byte(`package hello

import (
	"fmt"
	"net/http"

	"`+framework+`/functions"
)

func init() {
	functions.HTTP("`+Target+`", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
}
`), 0o600))
	// With the same versions of the same modules, so that the difference is ours.
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text = bytes.Replace(text, []byte("module "+module), []byte("module example.com/hello"), 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), text, 0o600))
	}
	return build(t, dir)
}

func command(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOWORK=off")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", name, args, &complaints)
	return string(out)
}

func migrate(t testing.TB, db *mysqltest.DB) {
	_, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	require.NoError(t, schema.CreateView(t.Context(), db.Admin, "perpustakaan"))
}

// environ is a function's environment on the platform.
func environ(t testing.TB, db *mysqltest.DB, srv *mailtest.Server) []string {
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	return []string{
		"K_SERVICE=pengingat", "CLOUD_RUN_TIMEOUT_SECONDS=600",
		"DB_HOST=" + host, "DB_PORT=" + port, "DB_DATABASE=" + db.Name, "DB_USERNAME=" + db.Config.User,
		"DB_PASSWORD=" + db.Config.Passwd,
		"MAIL_MAILER=smtp", "MAIL_HOST=127.0.0.1", fmt.Sprint("MAIL_PORT=", srv.Port()),
		"MAIL_FROM_ADDRESS=perpus@mtsn6garut.example",
		"REMINDER_WINDOW=00:00-24:00",
	}
}

// A process is a function that serves.
type process struct {
	cmd   *exec.Cmd
	url   string
	first time.Duration // from its start to the end of its first answer
	log   bytes.Buffer
}

// start starts a function and calls it until it answers.
func start(t testing.TB, binary string, environ []string, method string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	p := &process{cmd: exec.Command(binary), url: fmt.Sprintf("http://127.0.0.1:%d/", port)}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = slices.Concat([]string{"FUNCTION_TARGET=" + Target}, environ, []string{fmt.Sprint("PORT=", port)})
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	begun := time.Now()
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.stop)
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), method, p.url, nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		p.first = time.Since(begun)
		return err == nil
	}, time.Minute, time.Millisecond)
	return p
}

// call returns the status and the answer, or 0 and the error.
func (p *process) call(t testing.TB, method, body string, headers ...string) (int, string) {
	req, err := http.NewRequestWithContext(t.Context(), method, p.url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(answer)
}

// resident returns the process's resident memory in MB, as Linux counts it.
func (p *process) resident(t testing.TB) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kib, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return float64(kib) * 1024 / 1e6
}

// processor returns how long the process's threads have run, as Linux counts it.
func (p *process) processor(t testing.TB) (used time.Duration) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	require.NoError(t, err)
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		require.NoError(t, err)
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		require.NoError(t, err)
		used += time.Duration(ns)
	}
	return used
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}
