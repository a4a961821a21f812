package page

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const port = 40123

// A clock stands still until a test sets it.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// testGate is a gate before a page that says "in".
func testGate() (*gate, *clock) {
	c := &clock{time.Date(2026, time.November, 26, 0, 0, 0, 0, time.UTC)}
	in := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "in") })
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	return newGate(port, c.Now, in, refuse), c
}

// ask sends a request through the gate.
func ask(g *gate, method, target, host string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	for key, values := range header {
		r.Header[key] = values
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// cookie is that of a browser that was let in.
func cookie(g *gate) string { return g.cookie + "=" + g.session }

func TestGate(t *testing.T) {
	g, _ := testGate()
	const ours = "127.0.0.1:40123"
	for _, c := range []struct {
		name, method, target, host string
		header                     http.Header
		want                       int
	}{
		{"own page", "GET", "/", ours, http.Header{"Cookie": {cookie(g)}}, 200},
		{"by its other name", "GET", "/", "localhost:40123", http.Header{"Cookie": {cookie(g)}}, 200},
		{"own form", "POST", "/", ours, http.Header{"Cookie": {cookie(g)}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"form of an old browser", "POST", "/", ours, http.Header{"Cookie": {cookie(g)}, "Origin": {"http://" + ours}}, 200},
		{"style sheet of the page that says no", "GET", "/static/desk.css", ours, nil, 200},

		{"a name of its own (DNS rebinding)", "GET", "/", "evil.example", http.Header{"Cookie": {cookie(g)}}, 421},
		{"with our port", "POST", "/", "evil.example:40123",
			http.Header{"Cookie": {cookie(g)}, "Sec-Fetch-Site": {"same-origin"}}, 421},
		{"that begins like ours", "GET", "/", "127.0.0.1.evil.example:40123", http.Header{"Cookie": {cookie(g)}}, 421},
		{"our address without the port", "GET", "/", "127.0.0.1", http.Header{"Cookie": {cookie(g)}}, 421},
		{"another loopback address", "GET", "/", "127.0.0.2:40123", http.Header{"Cookie": {cookie(g)}}, 421},
		{"style sheet under another name", "GET", "/static/desk.css", "evil.example", nil, 421},
		{"a page elsewhere posts", "POST", "/", ours, http.Header{"Cookie": {cookie(g)}, "Sec-Fetch-Site": {"cross-site"}},
			403},
		{"a page on another port posts", "POST", "/", ours,
			http.Header{"Cookie": {cookie(g)}, "Sec-Fetch-Site": {"same-site"}}, 403},
		{"an old browser posts from elsewhere", "POST", "/", ours,
			http.Header{"Cookie": {cookie(g)}, "Origin": {"https://evil.example"}}, 403},
		{"a sandboxed frame posts", "POST", "/", ours, http.Header{"Cookie": {cookie(g)}, "Origin": {"null"}}, 403},
		{"no cookie", "GET", "/", ours, nil, 403},
		{"no cookie, changing something", "POST", "/run", ours, nil, 403},
		{"another value", "GET", "/", ours, http.Header{"Cookie": {g.cookie + "=A"}}, 403},
		{"the cookie of another port", "GET", "/", ours, http.Header{"Cookie": {"pengingat_1=" + g.session}}, 403},
		{"a second start without the secret", "POST", "/open", ours,
			http.Header{"Nonce": {"n"}, "Proof": {proof("?", "ask", "n")}}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(g, c.method, c.target, c.host, c.header)
			assert.Equal(t, c.want, w.Code)
			if c.want != 421 {
				policy := w.Header().Get("Content-Security-Policy")
				assert.Contains(t, policy, "default-src 'none'")
				assert.Contains(t, policy, "frame-ancestors 'none'")
				assert.NotContains(t, policy, "unsafe")
				assert.NotContains(t, policy, "http")
				assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				assert.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
				assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			}
		})
	}
}

func TestTokenWorksOnceAndSoon(t *testing.T) {
	g, c := testGate()
	enter := func(token string) *httptest.ResponseRecorder {
		return ask(g, "GET", "/?token="+token, g.hosts[0], nil)
	}
	token := g.token()
	assert.GreaterOrEqual(t, len(token)*5, 128, "bits")
	in := enter(token)
	assert.Equal(t, 303, in.Code)
	assert.Equal(t, "/", in.Header().Get("Location"), "the token does not stay in the address bar")
	set := in.Result().Cookies()
	require.Len(t, set, 1)
	assert.True(t, set[0].HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, set[0].SameSite)
	assert.Contains(t, set[0].Name, "40123", "cookies are shared between ports")
	assert.Equal(t, 200, ask(g, "GET", "/", g.hosts[0], http.Header{"Cookie": {set[0].Name + "=" + set[0].Value}}).Code)

	assert.Equal(t, 403, enter(token).Code, "a second time")
	late := g.token()
	c.now = c.now.Add(tokenLife)
	assert.Equal(t, 403, enter(late).Code, "two minutes later")
	assert.Equal(t, 403, enter("").Code)
	assert.Equal(t, 403, enter(strings.Repeat("A", 26)).Code)
	assert.Equal(t, 403, ask(g, "POST", "/?token="+g.token(), g.hosts[0], nil).Code, "only a browser's address bar")
}

// serveDesk serves a desk until the test ends.
func serveDesk(t *testing.T, d *Desk) (url string, over chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if d.Actions == nil {
		d.Actions = slog.New(slog.DiscardHandler)
	}
	if d.Machine.Trace == "" {
		d.Machine.Trace = filepath.Join(t.TempDir(), "data", "desk.json")
	}
	if d.Machine.Now == nil {
		d.Machine.Now = time.Now
	}
	if d.Machine.Environ == nil {
		d.Machine.Environ = func() (map[string]string, string, error) { return map[string]string{}, "", nil }
	}
	opened := make(chan string, 1)
	over = make(chan error, 1)
	go func() { over <- d.Serve(ctx, func(url string) { opened <- url }) }()
	select {
	case url = <-opened:
	case err := <-over:
		require.NoError(t, err)
	}
	return url, over
}

func TestSecondStartFindsTheFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "desk.json")
	assert.Empty(t, Running(file), "there is none")
	d := &Desk{Machine: Machine{Trace: file}}
	first, _ := serveDesk(t, d)
	info, err := os.Stat(file)
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // there a user's own folder is closed to the others
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "another user must not read it")
	}
	second := Running(file)
	assert.Equal(t, first[:len("http://127.0.0.1:")], second[:len("http://127.0.0.1:")])
	assert.NotEqual(t, first, second, "a link of its own")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, url := range []string{second, first} {
		resp, err := client.Get(url)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, 303, resp.StatusCode)
	}
}

// TestAnotherProgramOnThePort: the desk died, and somebody else's program listens where it did.
func TestAnotherProgramOnThePort(t *testing.T) {
	secret := "SECRETOFADEADDESKSECRETOFA"
	var heard []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, fmt.Sprint(r.URL, r.Header))
		_ = json.NewEncoder(w).Encode(answer{Token: strings.Repeat("A", 26), Proof: r.Header.Get("Proof")})
	}))
	defer other.Close()
	data, err := json.Marshal(trace{other.Listener.Addr().(*net.TCPAddr).Port, secret})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "desk.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	assert.Empty(t, Running(file), "no browser is led there")
	require.NotEmpty(t, heard)
	assert.NotContains(t, fmt.Sprint(heard), secret)
}

func TestEndsWhenThePageIsGone(t *testing.T) {
	d := &Desk{}
	ticks := func(passed time.Duration) (n int) {
		for !d.tick(passed) {
			n++
			require.Less(t, n, 10000)
		}
		return n
	}
	d.touch(true)
	assert.Equal(t, 19, ticks(30*time.Second), "ten minutes after the last ping")
	d.touch(true)
	d.tick(9 * time.Minute)
	d.touch(true)
	assert.False(t, d.tick(9*time.Minute), "a ping begins anew")
	d.touch(false)
	assert.Equal(t, 119, ticks(30*time.Second), "an hour where no script pings")

	d.touch(true)
	d.job.Working = true
	for range 100 {
		require.False(t, d.tick(time.Minute), "never in mid-run")
	}
	d.job.Working = false
	assert.Equal(t, 19, ticks(30*time.Second), "ten minutes after the run")
}

func TestProcessEndsWithThePage(t *testing.T) {
	d := &Desk{Idle: 50 * time.Millisecond}
	_, over := serveDesk(t, d)
	d.touch(true)
	require.NoError(t, <-over)
	assert.NoFileExists(t, d.Machine.Trace)
}

func TestListensOnThisComputerAlone(t *testing.T) {
	ports := map[string]bool{}
	for range 3 {
		url, _ := serveDesk(t, &Desk{})
		require.True(t, strings.HasPrefix(url, "http://127.0.0.1:"), url)
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		ports[host] = true
		_, port, err := net.SplitHostPort(host)
		require.NoError(t, err)
		addrs, err := net.InterfaceAddrs()
		require.NoError(t, err)
		for _, a := range addrs {
			if ip := a.(*net.IPNet).IP; !ip.IsLoopback() && ip.To4() != nil {
				_, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second)
				assert.Error(t, err, "%s", ip)
			}
		}
	}
	assert.Len(t, ports, 3, "a port of its own each time")
}
