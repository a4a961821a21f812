package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestMain lets the test binary be the program, for tests that need a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_PENGINGAT_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// serve starts `pengingat serve` and returns its address and the process.
func serve(t *testing.T, environ map[string]string) (string, *exec.Cmd) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cmd := exec.Command(os.Args[0], "serve", "--port", port)
	cmd.Env = append(os.Environ(), "TEST_PENGINGAT_MAIN=1")
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		cmd.Env = append(cmd.Env, key+"="+environ[key])
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond, "it does not listen: %s", &out)
	return "http://127.0.0.1:" + port + "/", cmd
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(answer)
}

// TestServe: the function, served on this computer, and the program tell the same of the same data.
func TestServe(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for _, days := range []int{1, 0, -1, -3, -100} {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, days)})
	}
	url, _ := serve(t, environ)
	code, body := request(t, "GET", url, "")
	assert.Equal(t, 405, code, body)
	code, body = request(t, "POST", url, `{"to":"mallory@example.org"}`)
	assert.Equal(t, 400, code, body)

	same := func(overHTTP string, local result) {
		t.Helper()
		a, b := report(t, result{out: overHTTP}), report(t, local)
		assert.Equal(t, []string{"http", "local"}, []string{a.Trigger, b.Trigger})
		for _, r := range []*reminder.Report{&a, &b} {
			r.RunID, r.Trigger, r.StartedAt, r.DurationMS = "", "", time.Time{}, 0
		}
		assert.Equal(t, b, a)
	}
	code, body = request(t, "POST", url, `{"dry_run":true}`)
	require.Equal(t, 200, code, body)
	same(body, command(t, environ, "run", "--json", "--dry-run"))
	code, body = request(t, "POST", url, "")
	require.Equal(t, 200, code, body)
	assert.Len(t, srv.Messages(), 4)
	db.Exec(t, "DELETE FROM reminder_notices")
	db.Exec(t, "DELETE FROM reminder_emails")
	witnesses, err := filepath.Glob(filepath.Join(filepath.Dir(environ["LOG_FILE"]), "witness-*.json"))
	require.NoError(t, err)
	require.Len(t, witnesses, 1)
	require.NoError(t, os.Remove(witnesses[0]))
	same(body, command(t, environ, "run", "--json"))
	_, body = request(t, "POST", url, "")
	same(body, command(t, environ, "run", "--json"))
	assert.Len(t, srv.Messages(), 8)
}

// TestServeEndsInOrder: SIGTERM in the middle of a run. The mail in flight is finished and recorded, the others are
// handed back, the caller gets an answer, and the process ends.
func TestServeEndsInOrder(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for range 5 {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	}
	var process *exec.Cmd
	slow := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		if c.Phase == "dot" {
			_ = process.Process.Signal(syscall.SIGTERM)
			time.Sleep(2 * time.Second) // a server that takes its time, so that the signal comes first
		}
		return mailtest.Action{}
	}})
	environ["MAIL_PORT"], environ["MAIL_CONCURRENCY"] = fmt.Sprint(slow.Port()), "1"
	url, cmd := serve(t, environ)
	process = cmd
	code, body := request(t, "POST", url, "")
	assert.Equal(t, 503, code, body)
	var rep reminder.Report
	require.NoError(t, json.Unmarshal([]byte(body), &rep))
	assert.Equal(t, reminder.ReasonInterrupted, rep.Reason)
	assert.Equal(t, 1, rep.Emails.Sent)
	assert.Equal(t, 4, rep.Emails.Waiting)
	require.NoError(t, cmd.Wait(), "it ends by itself")
	assert.Len(t, slow.Messages(), 1)
	assert.Equal(t, 4, report(t, command(t, environ, "run", "--json")).Emails.Sent)
}

// TestServeRefusesWebPages: a page that somebody has open must not start a run, nor must one whose name leads to this
// computer.
func TestServeRefusesWebPages(t *testing.T) {
	served := 0
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ })
	for name, tt := range map[string]struct {
		host    string
		headers map[string]string
		status  int
	}{
		"curl":                          {"127.0.0.1:8080", nil, 200},
		"by name":                       {"localhost:8080", nil, 200},
		"a page of another site":        {"127.0.0.1:8080", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a page of an old browser":      {"127.0.0.1:8080", map[string]string{"Origin": "https://example.org"}, 403},
		"a page of another port":        {"127.0.0.1:8080", map[string]string{"Origin": "http://127.0.0.1:9090"}, 403},
		"a sandboxed page":              {"127.0.0.1:8080", map[string]string{"Origin": "null"}, 403},
		"a name that leads here":        {"pengingat.example.org:8080", nil, 421},
		"another port":                  {"127.0.0.1:80", nil, 421},
		"the address without its port":  {"127.0.0.1", nil, 421},
		"no host":                       {"", nil, 421},
		"a host that begins like ours":  {"localhost:8080.example.org", nil, 421},
		"our own address, written long": {"127.0.0.1.:8080", nil, 421},
	} {
		t.Run(name, func(t *testing.T) {
			before := served
			r := httptest.NewRequest("POST", "/", nil)
			r.Host = tt.host
			for key, value := range tt.headers {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			localServer(handler, 8080).Handler.ServeHTTP(w, r)
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.status == 200, served > before)
		})
	}
}

// TestServeDropsSlowClients: whoever opens a connection and says nothing does not hold it.
func TestServeDropsSlowClients(t *testing.T) {
	server := localServer(http.NotFoundHandler(), 8080)
	require.Positive(t, server.ReadHeaderTimeout)
	server.ReadHeaderTimeout = 10 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	c, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "POST / HTTP/1.1\r\nHost: 127")
	require.NoError(t, err)
	_, err = io.ReadAll(c) // ends when the server hangs up
	require.NoError(t, err)
}
