package page

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tokenLife is how long a link to the desk is valid. A slow computer needs half a minute to start its browser.
const tokenLife = 2 * time.Minute

// A gate admits only the librarian's own browser. Any open web page, and any other user of this computer, can reach
// 127.0.0.1. There are three checks, and each stops what the others let through:
//
//   - The Host must be the desk's. A page whose own name resolves to 127.0.0.1 (DNS rebinding) has the same origin as
//     the desk, to its browser.
//   - A request that changes something must come from the desk's own pages. Browsers say so in Sec-Fetch-Site or
//     Origin.
//   - A cookie shows that the browser was opened with a link that only the user of this process saw. The link works
//     once.
type gate struct {
	next        http.Handler
	refuse      func(w http.ResponseWriter, r *http.Request) // answers a request without a valid cookie
	now         func() time.Time
	crossOrigin *http.CrossOriginProtection
	hosts       []string
	cookie      string // its name has the port: a browser shares cookies between all ports of a host
	session     string // its value
	secret      string // known to a second start from the file only

	mu     sync.Mutex
	tokens map[string]time.Time // when each expires
}

func newGate(port int, now func() time.Time, next http.Handler, refuse http.HandlerFunc) *gate {
	return &gate{
		next: next, refuse: refuse, now: now, crossOrigin: http.NewCrossOriginProtection(),
		hosts:  []string{address("127.0.0.1", port), address("localhost", port)},
		cookie: "pengingat_" + strconv.Itoa(port), session: rand.Text(), secret: rand.Text(),
		tokens: map[string]time.Time{},
	}
}

func address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// policy is what a page may load and where it may be shown.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(g.hosts, r.Host) {
		http.Error(w, "this host is not served here", http.StatusMisdirectedRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // the pages name borrowers
	if err := g.crossOrigin.Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	switch token := r.URL.Query().Get("token"); {
	case r.URL.Path == "/open" && r.Method == http.MethodPost:
		g.reopen(w, r)
	case token != "" && r.Method == http.MethodGet && g.use(token):
		http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.session, Path: "/", HttpOnly: true,
			SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/", http.StatusSeeOther) // the link does not stay in the address bar
	case token == "" && (g.knows(r) || strings.HasPrefix(r.URL.Path, "/static/")):
		g.next.ServeHTTP(w, r)
	default:
		g.refuse(w, r)
	}
}

func (g *gate) knows(r *http.Request) bool {
	c, err := r.Cookie(g.cookie)
	return err == nil && hmac.Equal([]byte(c.Value), []byte(g.session))
}

// token returns a new token for a link.
func (g *gate) token() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	token := rand.Text() // 130 bits
	g.tokens[token] = g.now().Add(tokenLife)
	return token
}

// use removes a token and reports whether it was valid.
func (g *gate) use(token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.tokens, func(_ string, until time.Time) bool { return !g.now().Before(until) })
	_, ok := g.tokens[token]
	delete(g.tokens, token)
	return ok
}

func (g *gate) url() string { return "http://" + g.hosts[0] + "/?token=" + g.token() }

// A second start asks the first for a new link. Both prove that they have read the file that only this user can read,
// and neither sends its contents: if the first has died, another user's program may listen on its port.

// proof returns an HMAC that shows that the sender knows the secret. The nonce in parts makes it valid once.
func proof(secret string, parts ...string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, strings.Join(parts, "\n")) // no hash returns an error
	return hex.EncodeToString(mac.Sum(nil))
}

// An answer carries a token for a second start.
type answer struct{ Token, Proof string }

func (g *gate) reopen(w http.ResponseWriter, r *http.Request) {
	nonce := r.Header.Get("Nonce")
	if !hmac.Equal([]byte(r.Header.Get("Proof")), []byte(proof(g.secret, "ask", nonce))) {
		http.Error(w, "this is for a second start of the program", http.StatusForbidden)
		return
	}
	token := g.token()
	_ = json.NewEncoder(w).Encode(answer{token, proof(g.secret, "token", nonce, token)}) // fails if the client is gone
}

// A trace is a file that tells the next start where the desk runs. Only its user can read it.
type trace struct {
	Port   int
	Secret string
}

func (g *gate) leave(file string, port int) error {
	data, err := json.Marshal(trace{port, g.secret})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.Remove(file) // a file that exists would keep its mode
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// forget removes the trace, unless a later desk has replaced it.
func (g *gate) forget(file string) {
	if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), g.secret) {
		_ = os.Remove(file) // a trace that stays is recognised as stale
	}
}

// Running returns a new link to the desk that left a trace, or "" if no such desk answers.
func Running(file string) string {
	var t trace
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &t) != nil {
		return ""
	}
	nonce, host := rand.Text(), address("127.0.0.1", t.Port)
	r, err := http.NewRequest(http.MethodPost, "http://"+host+"/open", nil)
	if err != nil {
		return ""
	}
	r.Header = http.Header{"Nonce": {nonce}, "Proof": {proof(t.Secret, "ask", nonce)}}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // without a proxy
	resp, err := client.Do(r)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var a answer
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<10)).Decode(&a)
	if err != nil || !isToken(a.Token) || !hmac.Equal([]byte(a.Proof), []byte(proof(t.Secret, "token", nonce, a.Token))) {
		return ""
	}
	return "http://" + host + "/?token=" + a.Token
}

var isToken = regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString
