package mailtest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/stretchr/testify/require"
)

// The mailboxes of an IMAP server. The one for sent mail has a name in the library's language, and one that has the
// English name is not for it.
const (
	Inbox   = "INBOX"
	Sent    = "Surat Terkirim"
	NotSent = "Sent"
)

// The login of an IMAP server.
const (
	IMAPUser     = "perpus"
	IMAPPassword = "rahasia"
)

// An IMAP is a mailbox server in memory. It counts what would change something in a mailbox.
type IMAP struct {
	KeepsSent bool // one mailbox is marked for sent mail
	Host      string
	Port      int
	RootCAs   *x509.CertPool // nil: no TLS
	user      *imapmemserver.User
	changes   atomic.Int32
	server    *imapserver.Server
}

// NewIMAP starts a server with empty mailboxes. It ends with the test.
func NewIMAP(t testing.TB, encrypted bool) *IMAP {
	t.Helper()
	s := &IMAP{KeepsSent: true, Host: "127.0.0.1", user: imapmemserver.NewUser(IMAPUser, IMAPPassword)}
	for _, name := range []string{Inbox, Sent, NotSent} {
		require.NoError(t, s.user.Create(name, nil))
	}
	memory := imapmemserver.New()
	memory.AddUser(s.user)
	s.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return imapSession{memory.NewSession(), s}, nil, nil
		},
		InsecureAuth: true, Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapSpecialUse: {}},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.Port = l.Addr().(*net.TCPAddr).Port
	if encrypted {
		certificate := NewCertificate(t, time.Now().Add(time.Hour), "127.0.0.1")
		s.RootCAs = x509.NewCertPool()
		s.RootCAs.AddCert(certificate.Leaf)
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.server.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

// Close stops the server.
func (s *IMAP) Close() { _ = s.server.Close() }

// Add puts a message, with LF or CRLF, into a mailbox.
func (s *IMAP) Add(t testing.TB, mailbox string, raw []byte) {
	t.Helper()
	text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n")
	_, err := s.user.Append(mailbox, imapLiteral{strings.NewReader(text)}, &imap.AppendOptions{})
	require.NoError(t, err)
}

type imapLiteral struct{ *strings.Reader }

func (l imapLiteral) Size() int64 { return l.Reader.Size() }

// Renew replaces a mailbox by an empty one with another UIDVALIDITY.
func (s *IMAP) Renew(t testing.TB, mailbox string) {
	t.Helper()
	require.NoError(t, s.user.Delete(mailbox))
	require.NoError(t, s.user.Create(mailbox, nil))
}

// Changes returns how many commands were given that change something, or may.
func (s *IMAP) Changes() int { return int(s.changes.Load()) }

type imapSession struct {
	imapserver.Session
	*IMAP
}

func (s imapSession) Close() error { return s.Session.Close() }

func (s imapSession) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	if !o.ReadOnly {
		s.changes.Add(1)
	}
	return s.Session.Select(name, o)
}

func (s imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	for _, section := range o.BodySection {
		if !section.Peek {
			s.changes.Add(1)
		}
	}
	return s.Session.Fetch(w, set, o)
}

func (s imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, f *imap.StoreFlags, o *imap.StoreOptions) error {
	s.changes.Add(1)
	return s.Session.Store(w, set, f, o)
}

func (s imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	s.changes.Add(1)
	return s.Session.Expunge(w, uids)
}

// List says what the mailboxes are for, which the server in memory cannot.
func (s imapSession) List(w *imapserver.ListWriter, _ string, _ []string, _ *imap.ListOptions) error {
	for _, name := range []string{Inbox, NotSent, Sent} {
		data := imap.ListData{Mailbox: name, Delim: '/'}
		if name == Sent && s.KeepsSent {
			data.Attrs = []imap.MailboxAttr{imap.MailboxAttrSent}
		}
		if err := w.WriteList(&data); err != nil {
			return err
		}
	}
	return nil
}
