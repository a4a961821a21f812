package inbox

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A server is a mailtest.IMAP with the configuration to reach it.
type server struct {
	*mailtest.IMAP
	cfg Config
}

func newServer(t *testing.T) *server {
	t.Helper()
	srv := mailtest.NewIMAP(t, true)
	return &server{srv, Config{Host: srv.Host, Port: srv.Port, Username: mailtest.IMAPUser,
		Password: mailtest.IMAPPassword, RootCAs: srv.RootCAs}}
}

func (s *server) add(t *testing.T, mailbox, raw string) { t.Helper(); s.Add(t, mailbox, []byte(raw)) }

func (s *server) open(t *testing.T) *Mailbox {
	t.Helper()
	m, err := Open(t.Context(), s.cfg)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// daemon returns true for messages of a mail system.
func daemon(header []byte) bool { return strings.Contains(string(header), "MAILER-DAEMON") }

func note(n int) string {
	return fmt.Sprintf("From: siti@example.org\nSubject: n%d\n\nhalo\n", n)
}

func bounce(n int) string {
	return fmt.Sprintf("From: MAILER-DAEMON@example.org\nSubject: b%d\n\nmaaf\n", n)
}

// since reads all messages, and returns the subjects of the wanted ones, how many headers were read, and the cursor.
func since(t *testing.T, m *Mailbox, after Cursor) (subjects []string, looked int, next Cursor) {
	t.Helper()
	err := m.Since(t.Context(), after, time.Now().AddDate(0, 0, -14), daemon, func(b Batch) error {
		for _, msg := range b.Messages {
			_, subject, _ := strings.Cut(string(msg.Raw), "Subject: ")
			subject, _, _ = strings.Cut(subject, "\r\n")
			subjects = append(subjects, subject)
			assert.WithinDuration(t, time.Now(), msg.Received, time.Hour)
		}
		looked += b.Looked
		next = b.Next
		return nil
	})
	require.NoError(t, err)
	return subjects, looked, next
}

func TestSince(t *testing.T) {
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newServer(t)
	m := s.open(t)
	_, looked, cursor := since(t, m, Cursor{})
	assert.Zero(t, looked, "an empty inbox")

	s.add(t, "INBOX", note(1))
	s.add(t, "INBOX", bounce(1))
	s.add(t, "INBOX", note(2))
	subjects, looked, cursor := since(t, m, cursor)
	assert.Equal(t, []string{"b1"}, subjects)
	assert.Equal(t, 3, looked)
	subjects, looked, again := since(t, m, cursor)
	assert.Empty(t, subjects, "nothing twice")
	assert.Zero(t, looked)
	assert.Equal(t, cursor, again)

	s.add(t, "INBOX", bounce(2))
	m = s.open(t)
	subjects, _, cursor = since(t, m, ParseCursor(cursor.String()))
	assert.Equal(t, []string{"b2"}, subjects)

	s.Renew(t, "INBOX") // the provider has restored the mailbox, and its UIDs begin again
	s.add(t, "INBOX", bounce(3))
	subjects, _, next := since(t, s.open(t), cursor)
	assert.Equal(t, []string{"b3"}, subjects, "under another UIDVALIDITY the cursor means nothing")
	assert.NotEqual(t, cursor.Validity, next.Validity)
	assert.Zero(t, s.Changes(), "nothing is changed in the mailbox")
}

// TestLargeInbox: in 5,000 messages the wanted ones are found with limited memory. The next session reads the messages
// beyond the limit of one session.
func TestLargeInbox(t *testing.T) {
	s := newServer(t)
	want := 0
	for n := range maxMessages + 50 {
		raw := note(n)
		if n%100 == 7 || n > maxMessages+45 {
			raw, want = bounce(n)+strings.Repeat(strings.Repeat("x", 75)+"\n", 1000), want+1
		}
		s.add(t, "INBOX", raw)
	}
	m := s.open(t)
	first, looked, cursor := since(t, m, Cursor{})
	assert.Equal(t, maxMessages, looked)
	second, looked, _ := since(t, m, cursor)
	assert.Equal(t, 50, looked)
	assert.Len(t, append(first, second...), want)
}

func TestManyWanted(t *testing.T) {
	s := newServer(t)
	for n := range maxWanted + 30 {
		s.add(t, "INBOX", bounce(n))
	}
	m := s.open(t)
	first, _, cursor := since(t, m, Cursor{})
	assert.Len(t, first, maxWanted)
	second, _, _ := since(t, m, cursor)
	assert.Len(t, second, 30)
	assert.Equal(t, fmt.Sprintf("b%d", maxWanted), second[0], "none is left out between two sessions")
}

func TestLargeMessage(t *testing.T) {
	s := newServer(t)
	s.add(t, "INBOX", bounce(1)+strings.Repeat(strings.Repeat("x", 75)+"\n", 100_000))
	err := s.open(t).Since(t.Context(), Cursor{}, time.Now().AddDate(0, 0, -14), daemon, func(b Batch) error {
		assert.Len(t, b.Messages[0].Raw, maxText)
		return nil
	})
	require.NoError(t, err)
}

func TestSent(t *testing.T) {
	s := newServer(t)
	s.add(t, "Surat Terkirim", "Message-ID: <abc.1@example.org>\nX-Pengingat-Ref: REF1\n\n")
	s.add(t, "Surat Terkirim", "Message-ID: <rewritten@provider>\nX-Pengingat-Ref: REF2\n\n")
	s.add(t, "Sent", "Message-ID: <xyz.1@example.org>\n\n")
	found, err := s.open(t).Sent(t.Context(), []Sought{
		{"abc.1@example.org", "X-Pengingat-Ref", "-"}, {"def.1@example.org", "X-Pengingat-Ref", "REF2"},
		{"xyz.1@example.org", "X-Pengingat-Ref", "REF3"}, {"abc.2@example.org", "X-Pengingat-Ref", "REF4"},
	})
	require.NoError(t, err)
	assert.Equal(t, []bool{true, true, false, false}, found, "by id, by ref, and not by the name of a mailbox")
	account, err := s.open(t).Look(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Account{0, "Surat Terkirim"}, account)
	assert.Zero(t, s.Changes())
}

func TestOpenFails(t *testing.T) {
	s := newServer(t)
	for phase, change := range map[string]func(*Config){
		"login":   func(c *Config) { c.Password = "salah" },
		"tls":     func(c *Config) { c.RootCAs = nil },
		"connect": func(c *Config) { c.Port = 1 },
	} {
		cfg := s.cfg
		change(&cfg)
		_, err := Open(t.Context(), cfg)
		var e *Error
		require.ErrorAs(t, err, &e, phase)
		assert.Equal(t, phase, e.Phase)
		assert.NotContains(t, err.Error(), "salah")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, s.cfg)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestSilentServer: a server that accepts the connection and sends nothing is left when the time is over.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			cancel()
			_, _ = conn.Read(make([]byte, 1))
		}
	}()
	_, err = Open(ctx, Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Plain: true})
	assert.ErrorIs(t, err, context.Canceled)
}

// TestEndlessServer: a server that sends without end is left when it has sent more than a session needs.
func TestEndlessServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, err = conn.Write([]byte("* OK "))
		for more := []byte(strings.Repeat("lagi ", 20_000)); err == nil; {
			_, err = conn.Write(more)
		}
	}()
	_, err = Open(t.Context(), Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Plain: true})
	assert.ErrorContains(t, err, "does not come to an end")
}

func TestPlainStaysHere(t *testing.T) {
	m := &Mailbox{cfg: Config{Plain: true}}
	_, phase, err := m.secured(t.Context(), elsewhere{})
	assert.Equal(t, "connect", phase)
	assert.ErrorContains(t, err, "not on this machine")
}

type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }
