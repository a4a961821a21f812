//go:build realmail

package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A realServer is a mail server that deploy/dev/real-mail-servers.sh has started.
type realServer struct {
	startTLS, tls int // ports
	maildir       string
	cramMD5, utf8 bool // what it offers beyond PLAIN and LOGIN
}

func realServers(t *testing.T) map[string]realServer {
	servers := map[string]realServer{
		"TEST_POSTFIX": {cramMD5: true, utf8: true},
		"TEST_EXIM":    {},
	}
	for name, s := range servers {
		_, err := fmt.Sscan(os.Getenv(name), &s.startTLS, &s.tls, &s.maildir)
		require.NoError(t, err, "%s: run this by deploy/dev/real-mail-servers.sh", name)
		servers[name] = s
	}
	return servers
}

func (s realServer) sender(t *testing.T, change func(*SMTPConfig)) *SMTP {
	t.Helper()
	pem, err := os.ReadFile(os.Getenv("TEST_MAIL_CERT"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	cfg := SMTPConfig{Host: "127.0.0.1", Port: s.tls, Username: "perpus", Password: "rahasia", RootCAs: pool}
	if change != nil {
		change(&cfg)
	}
	sender, err := NewSMTP(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { sender.Close() })
	return sender
}

// delivered waits for the message in the server's maildir, and returns it as it was delivered.
func (s realServer) delivered(t *testing.T, id string) mailtest.Mail {
	t.Helper()
	var raw []byte
	require.Eventually(t, func() bool {
		found := s.find(t, id)
		if len(found) == 1 {
			raw = found[0]
		}
		return len(found) == 1
	}, time.Minute, 50*time.Millisecond, "delivered once")
	return mailtest.Parse(t, raw)
}

func (s realServer) find(t *testing.T, id string) (found [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.maildir, "new", "*"))
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(b), "<"+id+">") {
			found = append(found, b)
		}
	}
	return found
}

func realMessage(t *testing.T, n int) Message {
	m := newMessage(n)
	m.ID = fmt.Sprintf("r.%d.%d@example.test", time.Now().UnixNano(), n)
	m.From.Addr, m.To.Addr = "perpus@example.test", "siti@example.test"
	m.To.Name, m.Subject = "Siti “Çiçek” 山田", strings.Repeat("吾輩は猫である。", 20)
	return m
}

func TestRealServers(t *testing.T) {
	for name, srv := range realServers(t) {
		t.Run(name, func(t *testing.T) { testRealServer(t, srv) })
	}
}

func testRealServer(t *testing.T, srv realServer) {
	type way struct {
		security Security
		auth     Auth
	}
	ways := []way{{ImplicitTLS, AuthAuto}, {ImplicitTLS, AuthLogin}, {StartTLS, AuthPlain}, {StartTLS, AuthLogin}}
	if srv.cramMD5 {
		ways = append(ways, way{StartTLS, AuthCRAMMD5})
	}
	through := func(w way) func(*SMTPConfig) {
		return func(c *SMTPConfig) {
			c.Security, c.Auth = w.security, w.auth
			if w.security == StartTLS {
				c.Port = srv.startTLS
			}
		}
	}
	for _, w := range ways {
		name := strconv.Itoa(int(w.security)) + string(w.auth)
		t.Run("delivers "+name, func(t *testing.T) {
			s := srv.sender(t, through(w))
			m := realMessage(t, 1)
			receipt, err := s.Send(t.Context(), m, yes)
			require.NoError(t, err)
			assert.NotEmpty(t, receipt.ID)
			got := srv.delivered(t, m.ID)
			assert.Equal(t, headerText(m.Subject), got.Subject)
			assert.Equal(t, m.Text, got.Text)
			assert.Equal(t, m.HTML, got.HTML)
			to := oneAddress(t, got.Header, "To")
			assert.Equal(t, m.To, Address{Name: to.Name, Addr: to.Address})
		})
		t.Run("bad password "+name, func(t *testing.T) {
			s := srv.sender(t, func(c *SMTPConfig) { through(w)(c); c.Password = "salah" })
			_, err := s.Send(t.Context(), realMessage(t, 1), yes)
			assert.Equal(t, account, outcome(err), "%v", err)
			assert.Equal(t, 535, err.(*Error).Code)
		})
		t.Run("probe "+name, func(t *testing.T) {
			for _, step := range srv.sender(t, through(w)).Probe(t.Context()) {
				assert.NoError(t, step.Err, step.Name)
			}
		})
	}

	t.Run("one connection, refusals and all", func(t *testing.T) {
		s := srv.sender(t, nil)
		var sent []Message
		for n := range 6 {
			m := realMessage(t, n)
			if n%2 == 1 {
				m.To.Addr = "tidak.ada@example.test"
				_, err := s.Send(t.Context(), m, yes)
				assert.Equal(t, "bad_address", outcome(err), "%v", err)
				continue
			}
			_, err := s.Send(t.Context(), m, yes)
			require.NoError(t, err)
			sent = append(sent, m)
		}
		require.Len(t, s.idle, 1)
		assert.Equal(t, 6, s.idle[0].used)
		for _, m := range sent {
			srv.delivered(t, m.ID)
		}
	})

	t.Run("handover refused", func(t *testing.T) {
		s := srv.sender(t, nil)
		refused, accepted := realMessage(t, 1), realMessage(t, 2)
		refusal := errors.New("another runner has it")
		_, err := s.Send(t.Context(), refused, func(context.Context) error { return refusal })
		assert.Same(t, refusal, err)
		_, err = s.Send(t.Context(), accepted, yes)
		require.NoError(t, err)
		srv.delivered(t, accepted.ID)
		assert.Empty(t, srv.find(t, refused.ID), "a body without its dot is no message")
	})

	t.Run("SMTPUTF8", func(t *testing.T) {
		m := realMessage(t, 1)
		m.To.Addr = "sítí@example.test"
		_, err := srv.sender(t, nil).Send(t.Context(), m, yes)
		if !srv.utf8 {
			assert.Equal(t, "bad_address", outcome(err), "%v", err)
			return
		}
		require.NoError(t, err)
		to := oneAddress(t, srv.delivered(t, m.ID).Header, "To")
		assert.Equal(t, m.To.Addr, to.Address)
	})

	t.Run("no login", func(t *testing.T) {
		m := realMessage(t, 1)
		m.To.Addr = "siti@elsewhere.example"
		_, err := srv.sender(t, func(c *SMTPConfig) { c.Username = "" }).Send(t.Context(), m, yes)
		assert.Contains(t, []string{from, "stop sender 50m0s"}, outcome(err), "Exim does not say why: %v", err)
	})

	t.Run("unknown authority", func(t *testing.T) {
		for _, w := range []way{{ImplicitTLS, AuthAuto}, {StartTLS, AuthAuto}} {
			s := srv.sender(t, func(c *SMTPConfig) { through(w)(c); c.RootCAs = x509.NewCertPool() })
			_, err := s.Send(t.Context(), realMessage(t, 1), yes)
			assert.Equal(t, server, outcome(err), "%v", err)
			_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
			assert.True(t, badCert)
		}
	})
}
