package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sendgrid/rest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const sendGridKey = "SG.canary-key.0123456789"

// sendGridMessage returns a message with all fields set. Its private parts are canaries.
func sendGridMessage() Message {
	return Message{
		ID:          "r.0b0e8a52.1@perpus.example.sch.id",
		Ref:         "0b0e8a52-3f0a-4f7e-9d0e-6a2f2a1c9b11",
		Date:        time.Date(2026, 11, 23, 7, 17, 0, 0, time.UTC),
		From:        Address{Name: "Perpustakaan", Addr: "perpus@example.sch.id"},
		To:          Address{Name: "Siti Canary, S.Pd.", Addr: "siti.canary@example.sch.id"},
		ReplyTo:     Address{Name: "Pustakawan", Addr: "staf@example.sch.id"},
		Subject:     "Canary Pelangi — jatuh tempo besok",
		Text:        "Buku <Ronggeng Canary> & 1 lagi",
		HTML:        "<p>Buku &lt;Ronggeng Canary&gt;</p>",
		Lang:        "id",
		Unsubscribe: "mailto:staf@example.sch.id?subject=berhenti",
	}
}

func newSendGrid(t testing.TB, cfg SendGridConfig) *SendGrid {
	t.Helper()
	cfg.Key = sendGridKey
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	s, err := NewSendGrid(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// noLeaks fails the test if goroutines that it started still run after its other cleanups.
func noLeaks(t *testing.T) {
	current := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, current) })
}

// agree is a handover without an error.
func agree(context.Context) error { return nil }

// A rawAPI is a TCP server in place of SendGrid, with control of each byte. It counts what must not happen twice.
type rawAPI struct {
	host     string
	conns    atomic.Int32
	requests atomic.Int32  // complete ones, with their body
	seen     chan struct{} // closed when the client got the begin of an answer
	over     chan struct{} // closed at the end of the test, for a script that keeps silent until then
}

// A peer is the server's end of one connection.
type peer struct {
	*net.TCPConn
	t   *testing.T
	api *rawAPI
	in  *bufio.Reader
}

// newRawAPI starts a server that runs script for each connection, and closes the connection afterwards.
func newRawAPI(t *testing.T, script func(p *peer)) *rawAPI {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	api := &rawAPI{host: "http://" + ln.Addr().String(), seen: make(chan struct{}), over: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			api.conns.Add(1)
			wg.Go(func() {
				defer conn.Close()
				script(&peer{TCPConn: conn.(*net.TCPConn), t: t, api: api, in: bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		close(api.over)
		ln.Close()
		wg.Wait()
	})
	return api
}

// read reads a request as SendGrid would, and checks it.
func (p *peer) read() {
	req, err := http.ReadRequest(p.in)
	if !assert.NoError(p.t, err, "request") {
		return
	}
	body, err := io.ReadAll(req.Body)
	assert.NoError(p.t, err, "request body")
	p.api.requests.Add(1)
	checkSendGridRequest(p.t, req, body)
}

// wait waits for the first byte of a request.
func (p *peer) wait() {
	_, err := p.in.Peek(1)
	assert.NoError(p.t, err)
}

func (p *peer) write(s string) {
	_, err := io.WriteString(p, s)
	assert.NoError(p.t, err, "write answer")
}

// reset closes the connection with a TCP RST, like a crashed server or a firewall.
func (p *peer) reset() {
	assert.NoError(p.t, p.SetLinger(0))
	p.Close()
}

// serverTime is the Date of each scripted answer.
const serverTime = 1795418220

func httpAnswer(status int, body string, header ...string) string {
	date := time.Unix(serverTime, 0).UTC().Format(http.TimeFormat)
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %d\r\n%s\r\n%s",
		status, http.StatusText(status), date, len(body), strings.Join(append(header, ""), "\r\n"), body)
}

// answers returns a script that reads a request and answers it.
func answers(status int, body string, header ...string) func(*peer) {
	return says(httpAnswer(status, body, header...))
}

func says(s string) func(*peer) {
	return func(p *peer) { p.read(); p.write(s) }
}

// problem returns an error of the API as JSON.
func problem(field, message string) string {
	f := "null"
	if field != "" {
		f = `"` + field + `"`
	}
	return fmt.Sprintf(`{"errors":[{"message":%q,"field":%s,"help":null}]}`, message, f)
}

func TestSendGridAnswers(t *testing.T) {
	const (
		html   = "<html><body>nginx</body></html>"
		minute = time.Minute
		hour   = time.Hour
	)
	date := func(unix int64) string { return time.Unix(unix, 0).UTC().Format(http.TimeFormat) }
	reset := func(seconds int64) string { return fmt.Sprintf("X-RateLimit-Reset: %d", seconds) }
	fields := func(a, b string) string { return fmt.Sprintf(`{"errors":[{"field":%q},{"field":%q}]}`, a, b) }
	wrongTo := problem("personalizations.0.to.0.email", "Does not contain a valid address.")
	wrongFrom := problem("from", "The from address does not match a verified Sender Identity.")

	tests := []struct {
		name     string
		script   func(*peer)
		sandbox  bool
		accepted bool   // with this id in receipt
		receipt  string //
		fate     Fate
		pause    PauseKind
		pauseFor time.Duration
		unread   bool // the server never read the whole request
	}{
		// Accepted, and what happens afterwards does not matter.
		{name: "202", script: answers(202, "", "X-Message-Id: 14c5d75ce93"), accepted: true, receipt: "14c5d75ce93"},
		{name: "202 without id", script: answers(202, ""), accepted: true},
		{name: "202 in sandbox", script: answers(202, ""), sandbox: true, accepted: true},
		{name: "200 in sandbox", script: answers(200, ""), sandbox: true, accepted: true},
		{name: "202, then close", script: answers(202, "", "Connection: close"), accepted: true},
		{name: "202, then reset", script: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 5\r\n\r\n")
			<-p.api.seen // a reset may discard data that was not read yet
			p.reset()
		}, accepted: true, receipt: "abc"},
		{name: "202 with cut body", script: says("HTTP/1.1 202 OK\r\nX-Message-Id: abc\r\nContent-Length: 9\r\n\r\n{"),
			accepted: true, receipt: "abc"},
		{name: "202 with broken chunks", script: says("HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
			accepted: true},
		{name: "202 with error JSON", script: answers(202, wrongTo), accepted: true},
		{name: "202 after 100 Continue", script: says("HTTP/1.1 100 Continue\r\n\r\n" + httpAnswer(202, "")),
			accepted: true},
		{name: "202 after 103 Early Hints", script: says("HTTP/1.1 103 Early Hints\r\n\r\n" + httpAnswer(202, "")),
			accepted: true},
		{name: "202 after lower-case id", script: answers(202, "", "x-message-id: abc"),
			accepted: true, receipt: "abc"},

		// A success status that SendGrid does not use. A gateway sent it, and may have passed the request on.
		{name: "200", script: answers(200, ""), fate: Unknown},
		{name: "201", script: answers(201, "{}"), fate: Unknown},
		{name: "204", script: answers(204, ""), fate: Unknown},
		{name: "204 in sandbox", script: answers(204, ""), sandbox: true, fate: Unknown},

		// Redirects are never followed: a 307 would post the message a second time.
		{name: "301", script: answers(301, "", "Location: /elsewhere"),
			fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "302", script: answers(302, "", "Location: /elsewhere"),
			fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "303", script: answers(303, "", "Location: /elsewhere"), fate: Unknown},
		{name: "307", script: answers(307, "", "Location: /elsewhere"),
			fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "308", script: answers(308, "", "Location: /elsewhere"),
			fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "307 to a broken place", script: answers(307, "", "Location: :"), fate: Unknown},

		// 400: the field shows what is wrong.
		{name: "400 to", script: answers(400, wrongTo), fate: BadAddress},
		{name: "400 to without index", script: answers(400, problem("personalizations.to", "x")), fate: BadAddress},
		{name: "400 to name", script: answers(400, problem("personalizations.0.to.0.name", "x")), fate: Refused},
		{name: "400 custom args", script: answers(400, problem("personalizations.0.custom_args", "x")), fate: Refused},
		{name: "400 content", script: answers(400, problem("content.0.value", "x")), fate: Refused},
		{name: "400 without field", script: answers(400, problem("", "Bad Request")), fate: Refused},
		{name: "400 from", script: answers(400, problem("from.email", "x")),
			fate: Stop, pause: PauseSender, pauseFor: 24 * hour},
		{name: "400 reply-to", script: answers(400, problem("reply_to.email", "x")),
			fate: Stop, pause: PauseSender, pauseFor: 24 * hour},
		{name: "400 to and from", script: answers(400, fields("personalizations.0.to", "from")),
			fate: Stop, pause: PauseSender, pauseFor: 24 * hour},
		{name: "400 two fields", script: answers(400, fields("subject", "personalizations.0.to")),
			fate: BadAddress},
		{name: "400 from a proxy", script: answers(400, html), fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "400 without end", script: func(p *peer) {
			p.read()
			endless := `{"errors":[{"field":"from"}` + strings.Repeat(" ", 1<<20) + `]}`
			_, _ = io.WriteString(p, httpAnswer(400, endless)) // the client may hang up
		}, fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "400 with cut JSON", script: says("HTTP/1.1 400 Bad\r\nContent-Length: 999\r\n\r\n" + wrongTo[:40]),
			fate: Stop, pause: PauseServer, pauseFor: 10 * minute},

		// Problems of the account.
		{name: "401", script: answers(401, problem("", "The provided authorization grant is invalid")),
			fate: Stop, pause: PauseCredentials, pauseFor: 24 * hour},
		{name: "401 credits", script: answers(401, problem("", "Maximum credits exceeded")),
			fate: Stop, pause: PauseQuota, pauseFor: 3 * hour},
		{name: "401 empty", script: answers(401, ""), fate: Stop, pause: PauseCredentials, pauseFor: 24 * hour},
		{name: "403", script: answers(403, problem("", "access forbidden")),
			fate: Stop, pause: PauseCredentials, pauseFor: 24 * hour},
		{name: "403 sender", script: answers(403, wrongFrom), fate: Stop, pause: PauseSender, pauseFor: 24 * hour},
		{name: "403 credits", script: answers(403, problem("", "Maximum credits exceeded")),
			fate: Stop, pause: PauseQuota, pauseFor: 3 * hour},
		{name: "404", script: answers(404, problem("", "not found")), fate: Stop, pause: PauseCredentials,
			pauseFor: 24 * hour},
		{name: "405", script: answers(405, problem("", "method not allowed")),
			fate: Stop, pause: PauseCredentials, pauseFor: 24 * hour},

		// Too large, and the statuses that the API does not use.
		{name: "413", script: answers(413, html), fate: Refused},
		{name: "408", script: answers(408, ""), fate: Stop, pause: PauseServer, pauseFor: 10 * minute},
		{name: "422", script: answers(422, wrongTo), fate: Retry},

		// 429: the pause lasts until the reset by the server's clock, but between a minute and three hours.
		{name: "429 reset ahead", script: answers(429, "", reset(serverTime+1800)),
			fate: Stop, pause: PauseQuota, pauseFor: 30 * minute},
		{name: "429 reset now", script: answers(429, "", reset(serverTime)),
			fate: Stop, pause: PauseQuota, pauseFor: minute},
		{name: "429 reset in the past", script: answers(429, "", reset(serverTime-86400)),
			fate: Stop, pause: PauseQuota, pauseFor: minute},
		{name: "429 reset next year", script: answers(429, "", reset(serverTime+31536000)),
			fate: Stop, pause: PauseQuota, pauseFor: 3 * hour},
		{name: "429 reset in milliseconds", script: answers(429, "", reset(serverTime*1000)),
			fate: Stop, pause: PauseQuota, pauseFor: 3 * hour},
		{name: "429 reset beyond int64", script: answers(429, "", "X-RateLimit-Reset: 99999999999999999999999"),
			fate: Stop, pause: PauseQuota, pauseFor: 10 * minute},
		{name: "429 reset negative", script: answers(429, "", "X-RateLimit-Reset: -1"),
			fate: Stop, pause: PauseQuota, pauseFor: minute},
		{name: "429 reset no number", script: answers(429, "", "X-RateLimit-Reset: soon"),
			fate: Stop, pause: PauseQuota, pauseFor: 10 * minute},
		{name: "429 without reset", script: answers(429, problem("", "too many requests")),
			fate: Stop, pause: PauseQuota, pauseFor: 10 * minute},
		{name: "429 without date", script: says("HTTP/1.1 429 X\r\nX-RateLimit-Reset: 9\r\nContent-Length: 0\r\n\r\n"),
			fate: Stop, pause: PauseQuota, pauseFor: 10 * minute},
		{name: "429 retry after", script: answers(429, "", "Retry-After: 300"),
			fate: Stop, pause: PauseQuota, pauseFor: 5 * minute},
		{name: "429 retry after a date", script: answers(429, "", "Retry-After: "+date(serverTime+420)),
			fate: Stop, pause: PauseQuota, pauseFor: 7 * minute},
		{name: "429 retry after a date of last year", script: answers(429, "", "Retry-After: "+date(serverTime-31536000)),
			fate: Stop, pause: PauseQuota, pauseFor: minute},
		{name: "429 both", script: answers(429, "", reset(serverTime+600), "Retry-After: 300"),
			fate: Stop, pause: PauseQuota, pauseFor: 5 * minute},
		{name: "429 retry after weeks", script: answers(429, "", "Retry-After: 9223372036854775807"),
			fate: Stop, pause: PauseQuota, pauseFor: 3 * hour},

		// 5xx: the answer counts if it is from the API, not if it is from a gateway.
		{name: "500", script: answers(500, problem("", "An error has occurred")), fate: Retry},
		{name: "503", script: answers(503, problem("", "Service unavailable")), fate: Retry},
		{name: "500 html", script: answers(500, html), fate: Unknown},
		{name: "503 html", script: answers(503, html), fate: Unknown},
		{name: "503 empty", script: answers(503, ""), fate: Unknown},
		{name: "503 other JSON", script: answers(503, `{"message":"no healthy upstream"}`), fate: Unknown},
		{name: "503 no errors", script: answers(503, `{"errors":[]}`), fate: Unknown},
		{name: "501", script: answers(501, problem("", "x")), fate: Unknown},
		{name: "502", script: answers(502, html), fate: Unknown},
		{name: "502 with JSON", script: answers(502, problem("", "x")), fate: Unknown},
		{name: "504", script: answers(504, html), fate: Unknown},
		{name: "504 with JSON", script: answers(504, problem("", "x")), fate: Unknown},
		{name: "599", script: answers(599, ""), fate: Unknown},

		// No answer, or an unreadable one, after the connection was open.
		{name: "reset at the first byte", script: func(p *peer) { p.wait(); p.reset() }, fate: Unknown, unread: true},
		{name: "close at the first byte", script: func(p *peer) { p.wait() }, fate: Unknown, unread: true},
		{name: "reset after the request", script: func(p *peer) { p.read(); p.reset() }, fate: Unknown},
		{name: "close after the request", script: func(p *peer) { p.read() }, fate: Unknown},
		{name: "close after 100 Continue", script: says("HTTP/1.1 100 Continue\r\n\r\n"), fate: Unknown},
		{name: "close within the status line", script: says("HTTP/1.1 20"), fate: Unknown},
		{name: "close within the headers", script: says("HTTP/1.1 202 Accepted\r\nX-Message-Id: ab"), fate: Unknown},
		{name: "reset within the headers", script: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 202 Accepted\r\nX-Mess")
			p.reset()
		}, fate: Unknown},
		{name: "garbage status line", script: says("220 smtp.example.sch.id ESMTP\r\n\r\n"), fate: Unknown},
		{name: "garbage status", script: says("HTTP/1.1 2x2 Accepted\r\n\r\n"), fate: Unknown},
		{name: "garbage header", script: says("HTTP/1.1 202 Accepted\r\nno colon\r\n\r\n"), fate: Unknown},
		{name: "answer at the first byte", script: func(p *peer) { p.wait(); p.write(httpAnswer(503, html)) },
			fate: Unknown, unread: true},
	}
	noLeaks(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api := newRawAPI(t, tt.script)
			s := newSendGrid(t, SendGridConfig{Host: api.host, Sandbox: tt.sandbox})
			handovers := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotFirstResponseByte: sync.OnceFunc(func() { close(api.seen) }),
			})
			receipt, err := s.Send(ctx, sendGridMessage(), func(context.Context) error {
				handovers++
				assert.Zero(t, api.conns.Load(), "handover comes before the first byte")
				return nil
			})

			assert.Equal(t, 1, handovers, "handovers")
			assert.EqualValues(t, 1, api.conns.Load(), "connections")
			if !tt.unread {
				assert.EqualValues(t, 1, api.requests.Load(), "requests")
			}
			assert.Equal(t, Receipt{ID: tt.receipt}, receipt)
			if tt.accepted {
				assert.NoError(t, err)
				return
			}
			e := requireSendGridError(t, err)
			assert.Equal(t, tt.fate, e.Fate, "fate")
			assert.Equal(t, tt.pause, e.Pause, "pause")
			assert.Equal(t, tt.pauseFor, e.PauseFor, "pause for")
		})
	}
}

// A filter, a proxy or a portal that answers in place of SendGrid stops the run, and the message keeps its tries.
func TestSendGridBehindAFilter(t *testing.T) {
	const page = "<!DOCTYPE html><html><title>Access Denied</title>This site is blocked by your administrator</html>"
	for name, script := range map[string]func(*peer){
		"407":                   answers(407, "", "Proxy-Authenticate: Basic realm=\"sekolah\""),
		"407 page":              answers(407, page),
		"451":                   answers(451, ""),
		"451 page":              answers(451, page),
		"511":                   answers(511, page),
		"200 page":              answers(200, "\r\n"+page, "Content-Type: text/html"),
		"400 page":              answers(400, page),
		"401 page":              answers(401, page),
		"403 page":              answers(403, page),
		"404 page":              answers(404, page),
		"429 page":              answers(429, page),
		"403 page of an old IE": answers(403, "<HTML><BODY>Internet Positif</BODY></HTML>"),
	} {
		t.Run(name, func(t *testing.T) {
			api := newRawAPI(t, script)
			_, err := newSendGrid(t, SendGridConfig{Host: api.host}).Send(t.Context(), sendGridMessage(), agree)
			assert.Equal(t, server, outcome(err))
			assert.ErrorIs(t, err, ErrFilter)
		})
	}
}

func requireSendGridError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := err.(*Error)
	require.True(t, ok, "an *Error, not wrapped: %v", err)
	assert.Equal(t, "post", e.Phase)
	return e
}

// Each of these cases waits for the timeout, so they run in parallel.
func TestSendGridSilence(t *testing.T) {
	noLeaks(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, tt := range map[string]struct {
		script   func(*peer)
		https    bool
		accepted bool
		fate     Fate
	}{
		"no answer":          {script: says(""), fate: Unknown},
		"half the headers":   {script: says("HTTP/1.1 202 Accepted\r\nX-Mess"), fate: Unknown},
		"only 100 Continue":  {script: says("HTTP/1.1 100 Continue\r\n\r\n"), fate: Unknown},
		"202, half the body": {script: says("HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\nhalf"), accepted: true},
		"500, half the body": {script: says("HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\n{"), fate: Unknown},
		"no TLS handshake":   {script: func(*peer) {}, https: true, fate: Stop},
	} {
		api := newRawAPI(t, func(p *peer) { tt.script(p); <-p.api.over })
		host := api.host
		if tt.https {
			host = strings.Replace(host, "http", "https", 1)
		}
		s := newSendGrid(t, SendGridConfig{Host: host, Timeout: time.Second})
		wg.Go(func() {
			_, err := s.Send(t.Context(), sendGridMessage(), agree)
			assert.EqualValues(t, 1, api.conns.Load(), "%s: connections", name)
			assert.Equal(t, tt.accepted, err == nil, "%s: %v", name, err)
			if err != nil {
				assert.Equal(t, tt.fate, FateOf(err), name)
			}
		})
	}
}

// Without a connection no byte of the message was sent.
func TestSendGridNoConnection(t *testing.T) {
	noLeaks(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request reached a server whose certificate nobody signed")
	}))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	noTLS := newRawAPI(t, func(p *peer) { p.write("HTTP/1.1 400 Bad Request\r\n\r\n") })
	resets := newRawAPI(t, func(p *peer) { p.reset() })

	for name, host := range map[string]string{
		"port refused":        "http://" + closed.Addr().String(),
		"no such name":        "https://api.sendgrid.invalid",
		"certificate unknown": untrusted.URL,
		"no TLS spoken":       strings.Replace(noTLS.host, "http", "https", 1),
		"reset within TLS":    strings.Replace(resets.host, "http", "https", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSendGrid(t, SendGridConfig{Host: host})
			handovers := 0
			_, err := s.Send(t.Context(), sendGridMessage(), func(context.Context) error { handovers++; return nil })
			e := requireSendGridError(t, err)
			assert.Equal(t, Stop, e.Fate)
			assert.Equal(t, PauseServer, e.Pause)
			assert.Equal(t, 10*time.Minute, e.PauseFor)
			assert.Zero(t, e.Code)
			assert.NotEmpty(t, e.Text)
			assert.Equal(t, 1, handovers)
		})
	}
}

func TestSendGridHandoverRefused(t *testing.T) {
	noLeaks(t)
	api := newRawAPI(t, answers(202, ""))
	s := newSendGrid(t, SendGridConfig{Host: api.host})
	lost := errors.New("lease lost")
	_, err := s.Send(t.Context(), sendGridMessage(), func(context.Context) error { return lost })
	assert.True(t, err == lost, "the error as it is, got %v", err)
	assert.Zero(t, api.conns.Load(), "not even a connection")
}

// A message that cannot be composed is refused before the handover.
func TestSendGridUnusableMessage(t *testing.T) {
	api := newRawAPI(t, answers(202, ""))
	s := newSendGrid(t, SendGridConfig{Host: api.host})
	for name, tt := range map[string]struct {
		spoil func(*Message)
		fate  Fate
	}{
		"two recipients": {func(m *Message) { m.To.Addr = "a@example.id, b@example.id" }, BadAddress},
		"no sender":      {func(m *Message) { m.From = Address{} }, Stop},
		"no id":          {func(m *Message) { m.ID = "" }, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			m := sendGridMessage()
			tt.spoil(&m)
			_, err := s.Send(t.Context(), m, func(context.Context) error {
				t.Error("handover for a message that is never sent")
				return nil
			})
			require.Error(t, err)
			assert.Equal(t, tt.fate, FateOf(err))
		})
	}
	assert.Zero(t, api.conns.Load())
}

func TestSendGridCanceled(t *testing.T) {
	noLeaks(t)
	t.Run("before the handover", func(t *testing.T) {
		api := newRawAPI(t, answers(202, ""))
		s := newSendGrid(t, SendGridConfig{Host: api.host})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Send(ctx, sendGridMessage(), func(ctx context.Context) error { return ctx.Err() })
		assert.Equal(t, context.Canceled, err)
		assert.Zero(t, api.conns.Load())
	})
	t.Run("by the handover", func(t *testing.T) {
		api := newRawAPI(t, answers(202, "", "X-Message-Id: abc"))
		s := newSendGrid(t, SendGridConfig{Host: api.host})
		ctx, cancel := context.WithCancel(t.Context())
		receipt, err := s.Send(ctx, sendGridMessage(), func(context.Context) error { cancel(); return nil })
		assert.NoError(t, err, "what was handed over is waited for")
		assert.Equal(t, "abc", receipt.ID)
	})
	t.Run("while SendGrid thinks", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		api := newRawAPI(t, func(p *peer) { p.read(); cancel(); p.write(httpAnswer(202, "", "X-Message-Id: abc")) })
		s := newSendGrid(t, SendGridConfig{Host: api.host})
		receipt, err := s.Send(ctx, sendGridMessage(), agree)
		assert.NoError(t, err, "the end of the run must not make an accepted mail unknown")
		assert.Equal(t, "abc", receipt.ID)
	})
}

// The classic double send: on a reused connection the server accepts the second request, and dies before it answers.
// net/http would repeat the request on a new connection if it were idempotent.
func TestSendGridKeptConnectionBreaks(t *testing.T) {
	noLeaks(t)
	for name, end := range map[string]func(*peer){
		"close": func(*peer) {},
		"reset": func(p *peer) { p.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			api := newRawAPI(t, func(p *peer) { answers(202, "")(p); p.read(); end(p) })
			s := newSendGrid(t, SendGridConfig{Host: api.host})
			_, err := s.Send(t.Context(), sendGridMessage(), agree)
			require.NoError(t, err)
			_, err = s.Send(t.Context(), sendGridMessage(), agree)
			assert.Equal(t, Unknown, requireSendGridError(t, err).Fate)
			assert.EqualValues(t, 1, api.conns.Load(), "the connection was kept")
			assert.EqualValues(t, 2, api.requests.Load(), "no request was repeated")
		})
	}
}

// A mortalConn accepts no byte after it has died.
type mortalConn struct {
	net.Conn
	dead *atomic.Bool
}

func (c *mortalConn) Write(b []byte) (int, error) {
	if c.dead.Load() {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(b)
}

// If an idle connection broke unnoticed, no byte can be written to it, and net/http opens another one. Only that one
// counts.
func TestSendGridKeptConnectionIsDead(t *testing.T) {
	noLeaks(t)
	for name, answering := range map[string]bool{"server is up": true, "server is down": false} {
		t.Run(name, func(t *testing.T) {
			api := newRawAPI(t, func(p *peer) { answers(202, "")(p); <-p.api.over })
			s := newSendGrid(t, SendGridConfig{Host: api.host})
			var dead, down atomic.Bool
			transport := s.client.HTTPClient.Transport.(*http.Transport)
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if down.Load() {
					return nil, errors.New("connection refused")
				}
				conn, err := dial(ctx, network, addr)
				if !dead.Load() {
					conn = &mortalConn{conn, &dead} // the first one
				}
				return conn, err
			}
			_, err := s.Send(t.Context(), sendGridMessage(), agree)
			require.NoError(t, err)

			dead.Store(true)
			down.Store(!answering)
			_, err = s.Send(t.Context(), sendGridMessage(), agree)
			if answering {
				assert.NoError(t, err)
				assert.EqualValues(t, 2, api.requests.Load())
				return
			}
			assert.Equal(t, Stop, requireSendGridError(t, err).Fate)
			assert.EqualValues(t, 1, api.requests.Load())
		})
	}
}

// HTTP/2 is not used: with it, net/http repeats a POST whose stream the server reset.
func TestSendGridOverTLS(t *testing.T) {
	noLeaks(t)
	var proto atomic.Value
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		w.WriteHeader(http.StatusAccepted)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	s := newSendGrid(t, SendGridConfig{Host: srv.URL})
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s.client.HTTPClient.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	_, err := s.Send(t.Context(), sendGridMessage(), agree)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1", proto.Load())
}

func TestSendGridBody(t *testing.T) {
	const tracking = `{"click_tracking":{"enable":false,"enable_text":false},"open_tracking":{"enable":false},
		"subscription_tracking":{"enable":false},"ganalytics":{"enable":false}}`
	full := sendGridMessage()
	full.Subject = "Canary\r\nBcc: x@example.id \u202ePelangi"
	bare := Message{ID: full.ID, Ref: full.Ref, Date: full.Date, Subject: "Kabar", Text: "Halo",
		From: Address{Addr: full.From.Addr}, To: Address{Addr: full.To.Addr}}

	for name, tt := range map[string]struct {
		message Message
		sandbox bool
		want    string
	}{
		"everything": {full, false, `{
			"personalizations": [{
				"to": [{"email": "siti.canary@example.sch.id"}],
				"custom_args": {"ref": "0b0e8a52-3f0a-4f7e-9d0e-6a2f2a1c9b11"}
			}],
			"from": {"email": "perpus@example.sch.id", "name": "Perpustakaan"},
			"reply_to": {"email": "staf@example.sch.id", "name": "Pustakawan"},
			"subject": "Canary Bcc: x@example.id Pelangi",
			"headers": {
				"Message-ID": "<r.0b0e8a52.1@perpus.example.sch.id>",
				"Auto-Submitted": "auto-generated",
				"X-Auto-Response-Suppress": "All",
				"X-Pengingat-Ref": "0b0e8a52-3f0a-4f7e-9d0e-6a2f2a1c9b11",
				"Content-Language": "id",
				"List-Unsubscribe": "<mailto:staf@example.sch.id?subject=berhenti>"
			},
			"content": [
				{"type": "text/plain", "value": "Buku <Ronggeng Canary> & 1 lagi"},
				{"type": "text/html", "value": "<p>Buku &lt;Ronggeng Canary&gt;</p>"}
			],
			"tracking_settings": ` + tracking + `}`},
		"only what must be, in the sandbox": {bare, true, `{
			"personalizations": [{
				"to": [{"email": "siti.canary@example.sch.id"}],
				"custom_args": {"ref": "0b0e8a52-3f0a-4f7e-9d0e-6a2f2a1c9b11"}
			}],
			"from": {"email": "perpus@example.sch.id"},
			"subject": "Kabar",
			"headers": {
				"Message-ID": "<r.0b0e8a52.1@perpus.example.sch.id>",
				"Auto-Submitted": "auto-generated",
				"X-Auto-Response-Suppress": "All",
				"X-Pengingat-Ref": "0b0e8a52-3f0a-4f7e-9d0e-6a2f2a1c9b11"
			},
			"content": [{"type": "text/plain", "value": "Halo"}],
			"mail_settings": {"sandbox_mode": {"enable": true}},
			"tracking_settings": ` + tracking + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.JSONEq(t, tt.want, string(body))
				checkSendGridRequest(t, r, body)
				w.WriteHeader(http.StatusAccepted)
			}))
			defer srv.Close()
			s := newSendGrid(t, SendGridConfig{Host: srv.URL, Sandbox: tt.sandbox})
			_, err := s.Send(t.Context(), tt.message, agree)
			require.NoError(t, err)
		})
	}
}

// checkSendGridRequest checks the rules of the v3 API for a request, and the program's own.
func checkSendGridRequest(t testing.TB, r *http.Request, body []byte) {
	assert.Equal(t, "POST /v3/mail/send", r.Method+" "+r.URL.RequestURI())
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	assert.Equal(t, "Bearer "+sendGridKey, r.Header.Get("Authorization"))
	for _, replayable := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		assert.NotContains(t, r.Header, replayable, "net/http would repeat the POST")
	}

	var v3 struct {
		Personalizations []struct {
			To         []map[string]string
			CustomArgs map[string]string `json:"custom_args"`
		}
		From    map[string]string
		Subject string
		Headers map[string]string
		Content []struct{ Type, Value string }
	}
	if !assert.NoError(t, json.Unmarshal(body, &v3)) {
		return
	}
	assert.NotEmpty(t, v3.From["email"])
	assert.NotEmpty(t, v3.Subject)
	if assert.Len(t, v3.Personalizations, 1) {
		assert.Len(t, v3.Personalizations[0].To, 1, "one recipient")
		assert.Len(t, v3.Personalizations[0].CustomArgs, 1, "nothing but the ref is kept")
	}
	for name, value := range v3.Headers {
		assert.NotEmpty(t, value, name)
		for _, reserved := range []string{"x-sg-id", "x-sg-eid", "received", "dkim-signature", "Content-Type",
			"Content-Transfer-Encoding", "To", "From", "Subject", "Reply-To", "CC", "BCC", "Date"} {
			assert.False(t, strings.EqualFold(name, reserved), "header %s is SendGrid's", name)
		}
	}
	for i, content := range v3.Content { // in this order, and not empty
		assert.Equal(t, []string{"text/plain", "text/html"}[i], content.Type)
		assert.NotEmpty(t, content.Value)
	}
}

// Sixteen goroutines share one sender. Each must get the receipt of its own message, sent to its own recipient.
func TestSendGridConcurrent(t *testing.T) {
	noLeaks(t)
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var v3 struct {
			Personalizations []struct {
				To         []struct{ Email string }
				CustomArgs struct{ Ref string } `json:"custom_args"`
			}
		}
		if assert.NoError(t, json.NewDecoder(r.Body).Decode(&v3)) {
			p := v3.Personalizations[0]
			w.Header().Set("X-Message-Id", strings.TrimSuffix(p.To[0].Email, "@example.id")+" "+p.CustomArgs.Ref)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	s := newSendGrid(t, SendGridConfig{Host: srv.URL})
	const goroutines, each = 16, 25
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d.%d", g, i)
				m := sendGridMessage()
				m.Ref, m.To.Addr = id, id+"@example.id"
				receipt, err := s.Send(t.Context(), m, agree)
				assert.NoError(t, err)
				assert.Equal(t, id+" "+id, receipt.ID)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, goroutines*each, requests.Load())
}

func TestSendGridClose(t *testing.T) {
	noLeaks(t)
	api := newRawAPI(t, func(p *peer) { answers(202, "")(p); <-p.api.over })
	s := newSendGrid(t, SendGridConfig{Host: api.host})
	for range 2 {
		_, err := s.Send(t.Context(), sendGridMessage(), agree)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	assert.EqualValues(t, 2, api.conns.Load(), "no idle connection is left, and a closed sender connects again")
}

// The texts for a person: the problem of the account in SendGrid's words, and the part of a message that was refused.
func TestSendGridErrorText(t *testing.T) {
	const to = "personalizations.0.to.0.email"
	for want, script := range map[string]func(*peer){
		"post: stop 401: Unauthorized: Maximum credits exceeded": answers(401, problem("", "Maximum credits exceeded")),
		"post: stop 403: Forbidden: not known: …":                answers(403, problem("from", "not known: a@b.id")),
		"post: bad_address 400: Bad Request: " + to:              answers(400, problem(to, "x")),
		"post: unknown 502: Bad Gateway":                         answers(502, "<html>"),
		"post: unknown: answer not understood":                   says("220 smtp\r\n\r\n"),
	} {
		api := newRawAPI(t, script)
		_, err := newSendGrid(t, SendGridConfig{Host: api.host}).Send(t.Context(), sendGridMessage(), agree)
		assert.EqualError(t, err, want)
	}
}

func TestSendGridReceiptIsBounded(t *testing.T) {
	api := newRawAPI(t, answers(202, "", "X-Message-Id: "+strings.Repeat("x", 5000)))
	receipt, err := newSendGrid(t, SendGridConfig{Host: api.host}).Send(t.Context(), sendGridMessage(), agree)
	require.NoError(t, err)
	assert.NotEmpty(t, receipt.ID)
	assert.LessOrEqual(t, len(receipt.ID), 200, "it has to fit into a column")
}

// No text of the request that a server repeats, and no key of a configuration, is in an error.
func TestSendGridSecrecy(t *testing.T) {
	m := sendGridMessage()
	account := fmt.Sprintf("%s <%s> '%s' %s", m.To.Name, m.To.Addr, m.Subject, sendGridKey)
	echo := account + " " + strings.ReplaceAll(m.Text, "\n", " ")
	private := func(t *testing.T, got string) {
		t.Helper()
		for _, canary := range []string{"anary", "S.Pd.", "siti", "Pelangi", "Ronggeng", "jatuh tempo", "0123456789"} {
			assert.NotContains(t, got, canary)
		}
	}
	for name, script := range map[string]func(*peer){
		"refused":     answers(400, problem("", echo)),
		"in a field":  answers(400, problem(m.To.Addr, "x")),
		"credentials": answers(401, problem("", account)),
		"sender":      answers(403, problem("from", account)),
		"quota":       answers(429, problem("", account)),
		"retry":       answers(500, problem("", echo)),
		"unknown":     answers(502, echo),
		"status line": says("HTTP/1.1 " + echo + "\r\n\r\n"),
		"no HTTP":     says(echo + "\r\n\r\n"),
		"header line": says("HTTP/1.1 202 Accepted\r\n" + echo + "\r\n\r\n"),
		"location":    answers(307, "", "Location: :"+echo),
	} {
		t.Run(name, func(t *testing.T) {
			api := newRawAPI(t, script)
			_, err := newSendGrid(t, SendGridConfig{Host: api.host}).Send(t.Context(), m, agree)
			e := requireSendGridError(t, err)
			private(t, fmt.Sprintf("%v %+v %#v", err, *e, *e))
			assert.LessOrEqual(t, len(e.Text), 200)
		})
	}
	t.Run("configuration", func(t *testing.T) {
		cfg := SendGridConfig{Key: sendGridKey, Host: "http://127.0.0.1:9", Timeout: time.Second}
		s, err := NewSendGrid(cfg)
		require.NoError(t, err)
		var logged strings.Builder
		slog.New(slog.NewTextHandler(&logged, nil)).Info("start", "config", cfg, "sender", s)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("start", "config", cfg, "sender", s)
		private(t, logged.String()+fmt.Sprintf("%v %+v %#v %s %v %+v %#v", cfg, cfg, cfg, cfg, s, s, s))
		assert.Contains(t, fmt.Sprint(cfg), "http://127.0.0.1:9")
	})
}

func TestNewSendGrid(t *testing.T) {
	for host, ok := range map[string]bool{
		"":                                   true,
		"https://api.sendgrid.com":           true,
		"https://api.sendgrid.com/":          true,
		"https://api.eu.sendgrid.com":        true,
		"https://mock.example:8443":          true,
		"http://127.0.0.1:4010":              true,
		"http://[::1]:4010":                  true,
		"http://api.sendgrid.com":            false,
		"http://localhost:4010":              false, // a name may point anywhere
		"http://127.0.0.1.example":           false,
		"http://0.0.0.0:4010":                false,
		"http://169.254.169.254":             false,
		"https://api.sendgrid.com/v3":        false,
		"https://api.sendgrid.com?x":         false,
		"https://api.sendgrid.com#x":         false,
		"https://user:canary@example":        false,
		"https://api.sendgrid.com@canary.id": false,
		"https://":                           false,
		"https://:443":                       false,
		"api.sendgrid.com":                   false,
		"ftp://api.sendgrid.com":             false,
		"https://api.sendgrid.com\r\nX: y":   false,
		" https://api.sendgrid.com":          false,
		"https:api.sendgrid.com":             false,
	} {
		s, err := NewSendGrid(SendGridConfig{Key: sendGridKey, Host: host})
		assert.Equal(t, ok, err == nil, "host %q: %v", host, err)
		if ok {
			assert.NotNil(t, s)
		} else {
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	for _, key := range []string{"", "SG.a b", "SG.a\n", "SG.\u00e4", " SG.a", "SG.a\x00"} {
		_, err := NewSendGrid(SendGridConfig{Key: key})
		require.Error(t, err, "key %q", key)
		assert.NotContains(t, err.Error(), "SG.")
	}
}

// FuzzSendGridAnswer checks that the rules on which the run relies hold for any answer.
func FuzzSendGridAnswer(f *testing.F) {
	f.Add(400, problem("personalizations.0.to.0.email", "x"), "", "")
	f.Add(401, problem("", "Maximum credits exceeded"), "", "")
	f.Add(403, problem("from", "x"), "", "")
	f.Add(429, "", "1795418221", "-9223372036854775808")
	f.Add(503, `{"errors":[{"field":1}]}`, "-9223372036854775808", "")
	f.Fuzz(func(t *testing.T, status int, body, reset, after string) {
		e := classifyAnswer(&rest.Response{StatusCode: status, Body: body, Headers: map[string][]string{
			"Date":              {time.Unix(serverTime, 0).UTC().Format(http.TimeFormat)},
			"X-Ratelimit-Reset": {reset},
			"Retry-After":       {after},
		}})
		require.Equal(t, status, e.Code)
		if e.Fate == Stop {
			require.NotEmpty(t, e.Pause)
			require.GreaterOrEqual(t, e.PauseFor, time.Minute)
			require.LessOrEqual(t, e.PauseFor, 24*time.Hour)
		} else {
			require.Empty(t, e.Pause)
			require.Zero(t, e.PauseFor)
		}
		if e.Fate == BadAddress {
			require.Equal(t, 400, status, "only a 400 that names the recipient gives an address up")
		}
		page := strings.HasPrefix(strings.TrimSpace(body), "<") // a filter's
		if status/100 == 2 && !page || status == 502 || status == 504 {
			require.Equal(t, Unknown, e.Fate)
		}
		if status/100 == 4 {
			require.NotEqual(t, Unknown, e.Fate, "the API refused it")
		}
	})
}

func BenchmarkSendGrid(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	s := newSendGrid(b, SendGridConfig{Host: srv.URL})
	m := sendGridMessage()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Send(b.Context(), m, agree); err != nil {
			b.Fatal(err)
		}
	}
}
