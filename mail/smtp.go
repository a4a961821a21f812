package mail

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// Security says how a connection is encrypted. There is no opportunistic TLS: anybody on the way could switch it off.
type Security int

// The three kinds of Security.
const (
	ImplicitTLS   Security = iota // TLS from the first byte, as on port 465
	StartTLS                      // TLS after the command STARTTLS, as on port 587
	PlainLoopback                 // no TLS; only to a server on this machine
)

// Auth names a way to log in.
type Auth string

// The ways to log in.
const (
	AuthAuto    Auth = "" // XOAUTH2 with a Token, else the first of PLAIN, LOGIN and CRAM-MD5 that the server offers
	AuthPlain   Auth = "PLAIN"
	AuthLogin   Auth = "LOGIN"
	AuthCRAMMD5 Auth = "CRAM-MD5"
	AuthXOAUTH2 Auth = "XOAUTH2"
)

// SMTPConfig says how to reach a mail server.
type SMTPConfig struct {
	Host     string // also the name that the certificate must have
	Port     int
	Security Security
	Username string // empty: no login
	Password string `json:"-"`
	Token    string `json:"-"` // OAuth 2 access token, in place of a password
	Auth     Auth
	RootCAs  *x509.CertPool // default: the system's
	Timeout  time.Duration  // for connecting, and for each reply but the one to the final dot; default 1 minute
	// DotTimeout is for the reply to the final dot. Giving up early makes a second copy of what was accepted, so the
	// default is what RFC 5321 4.5.3.2.6 asks for: 10 minutes.
	DotTimeout time.Duration

	// Servers limit how much one connection may do, by number and by time.
	MaxPerConnection int           // messages; default 100
	MaxAge           time.Duration // default 5 minutes
}

// Format prints the configuration without its secrets, whatever the verb.
func (c SMTPConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Host:%s Port:%d Username:*** Password:*** Token:***}", c.Host, c.Port)
}

// SMTP sends mail through a mail server (RFC 5321). It connects at the first message and keeps connections for the next
// ones, as many as there are concurrent calls of Send.
type SMTP struct {
	cfg SMTPConfig

	// patience is how long the next message waits between text and dot: a virus scanner on the way may need a moment until
	// it hangs up.
	patience atomic.Int64

	mu   sync.Mutex
	idle []*conn // the most recently used one is the last
}

// Format prints the configuration without its secrets: fmt would look into the fields of fields.
func (s *SMTP) Format(f fmt.State, verb rune) { s.cfg.Format(f, verb) }

// NewSMTP checks cfg and returns a sender. It does not connect.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	cfg.DotTimeout = cmp.Or(cfg.DotTimeout, 10*time.Minute)
	cfg.MaxPerConnection = cmp.Or(cfg.MaxPerConnection, 100)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 5*time.Minute)
	cfg.Password = appPassword(cfg.Host, cfg.Password)
	switch {
	case cfg.Host == "" || cfg.Port < 1 || cfg.Port > 65535:
		return nil, errors.New("smtp: host or port is missing or wrong")
	case cfg.Security == PlainLoopback && cfg.Host != "localhost" && !net.ParseIP(cfg.Host).IsLoopback():
		return nil, errors.New("smtp: only a server on this machine may be used without TLS")
	case cfg.Username != "" && cfg.Password == "" && cfg.Token == "":
		return nil, errors.New("smtp: there is a user name, but neither password nor token")
	case cfg.Auth == AuthXOAUTH2 && cfg.Token == "":
		return nil, errors.New("smtp: XOAUTH2 needs a token")
	}
	s := &SMTP{cfg: cfg}
	s.patience.Store(int64(firstPatience))
	return s, nil
}

// How long a message waits after its text: the first one a little, and one after a hang-up so long that the end of a
// distant connection arrives. As long as messages are accepted they do not wait.
const (
	firstPatience = 100 * time.Millisecond
	burntPatience = time.Second
)

// appPassword removes the blanks of an App Password: Google shows it in four groups, and people copy it like that.
func appPassword(host, password string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, password)
	google := strings.HasSuffix(host, ".gmail.com") || strings.HasSuffix(host, ".googlemail.com")
	if google && len(bare) == 16 && !strings.ContainsFunc(bare, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return bare
	}
	return password
}

// Send implements [Sender]. When ctx ends before the handover, the error is an *Error with Fate Stop and no Pause that
// wraps ctx.Err(). After the handover ctx has no effect, and DotTimeout bounds the wait: giving up early would turn an
// accepted message into an unknown one.
func (s *SMTP) Send(ctx context.Context, m Message, handover Handover) (Receipt, error) {
	raw, err := m.Bytes()
	if err != nil {
		return Receipt{}, err
	}
	c := s.takeIdle()
	receipt, again, err := s.attempt(ctx, c, m, raw, handover)
	if again { // once, on a new connection: the idle ones have probably ended for the same reason
		receipt, _, err = s.attempt(ctx, nil, m, raw, handover)
	}
	return receipt, err
}

// attempt sends m on c, or on a new connection when c is nil. Again is true when the connection was lost before
// anything was handed over, so that a new one may do better.
func (s *SMTP) attempt(ctx context.Context, c *conn, m Message, raw []byte, handover Handover) (
	receipt Receipt, again bool, err error,
) {
	reused := c != nil
	if !reused {
		if c, err = s.connect(ctx, func(Step) {}); err != nil {
			return Receipt{}, lost(err), err
		}
	}
	receipt, err = c.deliver(ctx, m, raw, time.Duration(s.patience.Load()), handover)
	switch e, _ := errors.AsType[*Error](err); {
	case err == nil:
		s.patience.Store(0)
	case e != nil && e.Code == 0 && (e.Phase == "body" || e.Phase == "dot"):
		s.patience.Store(int64(burntPatience))
	}
	// A router may have dropped an old connection silently. A new connection without an answer is no reason to try again.
	silent := reused && errors.Is(err, os.ErrDeadlineExceeded)
	again = !c.handedOver && (lost(err) || silent)
	s.release(c)
	return receipt, again, err
}

// lost reports whether the server ended the connection, with a reply or without.
func lost(err error) bool {
	e, ok := errors.AsType[*Error](err)
	op, isOp := errors.AsType[*net.OpError](err)
	return ok && e.Code == 421 || errors.Is(err, errEarly) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isOp && !op.Timeout()
}

// Close implements [Sender].
func (s *SMTP) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
	return nil
}

// takeIdle returns the connection that was used last, or nil.
func (s *SMTP) takeIdle() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.idle) > 0 {
		last := len(s.idle) - 1
		c := s.idle[last]
		s.idle = s.idle[:last]
		if time.Since(c.opened) < s.cfg.MaxAge {
			return c
		}
		c.tcp.Close() // the server has probably ended it, and QUIT would wait for nothing
	}
	return nil
}

// release keeps c for the next message or closes it. Afterwards another goroutine may use it.
func (s *SMTP) release(c *conn) {
	switch {
	case c.broken:
		// Without QUIT: after DATA a dot would have to come first, and it must not leave.
		c.tcp.Close()
	case c.used >= s.cfg.MaxPerConnection:
		c.quit()
	default:
		s.mu.Lock()
		s.idle = append(s.idle, c)
		s.mu.Unlock()
	}
}

// A Step is one step on the way to a mail server, shown to people who look for an error.
type Step struct {
	Name   string // resolve, connect, tls, greet, ehlo, starttls, auth
	Detail string // what was found: addresses, certificate, name of the server, mechanism of the login
	Err    error  // nil, or an *Error
}

// Probe connects and logs in as Send would, but sends nothing. The last step is the one that failed, if one did.
func (s *SMTP) Probe(ctx context.Context) []Step {
	lookup, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(lookup, s.cfg.Host)
	if err != nil {
		return []Step{{Name: "resolve", Err: (&conn{}).failure(ctx, "resolve", err)}}
	}
	steps := []Step{{Name: "resolve", Detail: strings.Join(addrs, " ")}}
	c, err := s.connect(ctx, func(step Step) { steps = append(steps, step) })
	if err == nil {
		c.quit()
	}
	return steps
}
