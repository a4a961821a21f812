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

// Security says how a connection is encrypted. There is no opportunistic TLS, because an attacker on the network could
// switch it off.
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
	Host     string // the certificate must be valid for it
	Port     int
	Security Security
	Username string // empty: no login
	Password string `json:"-"`
	Token    string `json:"-"` // OAuth 2 access token, in place of a password
	Auth     Auth
	RootCAs  *x509.CertPool // default: the system's
	Timeout  time.Duration  // for connecting, and for each reply but the one to the final dot; default 1 minute
	// for the reply to the final dot; default 10 minutes (RFC 5321 4.5.3.2.6): giving up earlier would cause a second copy
	// of an accepted message
	DotTimeout time.Duration

	// Servers limit the number of messages on a connection, and its age.
	MaxPerConnection int           // messages; default 100
	MaxAge           time.Duration // default 5 minutes
}

// Format prints the configuration without its secrets, whatever the verb.
func (c SMTPConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Host:%s Port:%d Username:*** Password:*** Token:***}", c.Host, c.Port)
}

// SMTP sends mail through a mail server (RFC 5321). It opens a connection for the first message and keeps it for the
// next ones. There are as many connections as concurrent calls of Send.
type SMTP struct {
	cfg SMTPConfig

	// patience is how long the next message waits between text and dot, because a virus scanner on the network may need a
	// moment before it closes the connection.
	patience atomic.Int64

	mu   sync.Mutex
	idle []*conn // the last one is the most recently used one
}

// Format prints the configuration without its secrets. Otherwise fmt would print all fields of the configuration.
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

// How long a message waits after its text. The first message waits a little. After a connection was closed at that
// point, the next one waits long enough for news from a distant server. While messages are accepted they do not wait.
const (
	firstPatience = 100 * time.Millisecond
	longPatience  = time.Second
)

// appPassword removes the blanks from a Google App Password. Google shows it in four groups, and people copy the
// blanks.
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
	if again { // once, on a new connection, because the idle ones have probably ended for the same reason
		receipt, _, err = s.attempt(ctx, nil, m, raw, handover)
	}
	return receipt, err
}

// attempt sends m on c, or on a new connection when c is nil. again is true when the connection was lost before the
// handover, so another try on a new one may succeed.
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
		s.patience.Store(int64(longPatience))
	}
	// A router may have dropped an old connection without notice. With a new connection a timeout is no reason to try
	// again.
	silent := reused && errors.Is(err, os.ErrDeadlineExceeded)
	again = !c.handedOver && (lost(err) || silent)
	s.release(c)
	return receipt, again, err
}

// lost reports whether the server ended the connection, with a 421 reply or without one.
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
		c.tcp.Close() // the server has probably ended the connection, and would not answer a QUIT
	}
	return nil
}

// release keeps c for the next message or closes it. The caller must not use c afterwards.
func (s *SMTP) release(c *conn) {
	switch {
	case c.broken:
		// No QUIT: after DATA the final dot would have to come first, and it must not be sent.
		c.tcp.Close()
	case c.used >= s.cfg.MaxPerConnection:
		c.quit()
	default:
		s.mu.Lock()
		s.idle = append(s.idle, c)
		s.mu.Unlock()
	}
}

// A Step is one step of connecting to a mail server, for people who look for an error.
type Step struct {
	Name   string // resolve, connect, tls, greet, ehlo, starttls, auth
	Detail string // the addresses, the certificate, the name of the server, or the mechanism of the login
	Err    error  // nil, or an *Error
}

// Probe connects and logs in like Send, but sends nothing. If a step failed, it is the last one.
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
