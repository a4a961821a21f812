// Package inbox reads a mailbox over IMAP and changes nothing in it: it opens mailboxes with EXAMINE and fetches with
// PEEK, so no message is deleted, moved or marked as read.
//
// What a server sends is bounded: how many messages, how much of each, how much in all, and by the caller's context for
// how long.
package inbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Config says how a mailbox is reached.
type Config struct {
	Host     string
	Port     int
	Plain    bool // no TLS; only to this machine
	Username string
	Password string
	Token    string         // OAuth 2.0 token in place of Password
	RootCAs  *x509.CertPool // nil: the system's
}

// What one session reads at most.
const (
	maxMessages = 5000     // of which the header is read
	maxWanted   = 500      // of which the text is read
	maxBatch    = 100      // at a time
	maxText     = 64 << 10 // of one message; a bounce tells its cause in front
	maxHeader   = 16 << 10 // of one message
	maxSession  = 48 << 20 // in all
)

// An Error says how far a session came. Its text is redacted.
type Error struct {
	Phase string // connect, tls, greet, login, list, examine, search, fetch
	Err   error
}

func (e *Error) Error() string { return e.Phase + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Mailbox is an open session. One goroutine uses it at a time.
type Mailbox struct {
	cfg    Config
	client *imapclient.Client
	stop   func() bool // ends the watch on the context
}

// Open connects and logs in. When ctx ends, so does the session.
func Open(ctx context.Context, cfg Config) (*Mailbox, error) {
	m := &Mailbox{cfg: cfg}
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, m.failed(ctx, "connect", err)
	}
	m.stop = context.AfterFunc(ctx, func() { tcp.Close() })
	conn, phase, err := m.secured(ctx, tcp)
	if err == nil {
		m.client = imapclient.New(conn, nil)
		phase, err = "greet", m.client.WaitGreeting()
	}
	if err == nil {
		phase, err = "login", m.login()
	}
	if err != nil {
		err = m.failed(ctx, phase, err)
		m.stop()
		tcp.Close()
		return nil, err
	}
	return m, nil
}

// secured returns the connection over which all else is said.
func (m *Mailbox) secured(ctx context.Context, tcp net.Conn) (net.Conn, string, error) {
	bounded := &boundedConn{Conn: tcp, left: maxSession}
	if m.cfg.Plain {
		if !tcp.RemoteAddr().(*net.TCPAddr).IP.IsLoopback() { // "localhost" is only a name
			return nil, "connect", errors.New("the address is not on this machine")
		}
		return bounded, "", nil
	}
	t := tls.Client(bounded, &tls.Config{ServerName: m.cfg.Host, RootCAs: m.cfg.RootCAs, MinVersion: tls.VersionTLS12})
	return t, "tls", t.HandshakeContext(ctx)
}

func (m *Mailbox) login() error {
	if m.cfg.Token != "" {
		return m.client.Authenticate(&xoauth2{m.cfg.Username, m.cfg.Token})
	}
	return m.client.Login(m.cfg.Username, m.cfg.Password).Wait()
}

// xoauth2 is Google's and Microsoft's form of OAuth 2.0, which is older than OAUTHBEARER.
type xoauth2 struct{ username, token string }

func (x *xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.username + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the explanation of a refusal, which must be answered before the refusal itself comes.
func (x *xoauth2) Next([]byte) ([]byte, error) { return nil, nil }

// failed makes an error of a phase. A context that ended is the cause of what it broke.
func (m *Mailbox) failed(ctx context.Context, phase string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if refusal, ok := errors.AsType[*imap.Error](err); ok { // it may quote the login
		err = errors.New(mail.Redact(string(refusal.Type)+" "+string(refusal.Code)+" "+refusal.Text, m.cfg.Username,
			m.cfg.Password, m.cfg.Token))
	}
	return &Error{phase, err}
}

// Close ends the session.
func (m *Mailbox) Close() error {
	_ = m.client.Logout().Wait() // a server that is gone needs no good-bye
	m.stop()
	_ = m.client.Close()
	return nil
}

// A Cursor is how far an inbox has been read. UIDs mean something only under their UIDVALIDITY (RFC 9051 2.3.1.1).
type Cursor struct {
	Validity, UID uint32
}

// String returns the cursor as ParseCursor reads it.
func (c Cursor) String() string { return fmt.Sprintf("%d:%d", c.Validity, c.UID) }

// ParseCursor reads a cursor; what is none is the zero Cursor.
func ParseCursor(s string) (c Cursor) {
	if n, err := fmt.Sscanf(s, "%d:%d", &c.Validity, &c.UID); n != 2 || err != nil {
		return Cursor{}
	}
	return c
}

// A Message is one that was wanted: its beginning, header and all.
type Message struct {
	Raw      []byte
	Received time.Time
}

// A Batch is what was read between two cursors.
type Batch struct {
	Messages []Message
	Looked   int // messages of which at least the header was read
	Next     Cursor
}

// headerFields are enough to see whether a message can be a bounce, or an answer.
var headerFields = []string{"From", "Return-Path", "Content-Type", "Subject", "Auto-Submitted", "X-Failed-Recipients",
	"X-MS-Exchange-Message-Is-Ndr", "In-Reply-To"}

// Since reads the inbox after a cursor, oldest first, and from a day on when the cursor says nothing. Of each message
// it reads some of the header, and the text where wanted says so. It calls take for each batch; when take fails it
// stops.
func (m *Mailbox) Since(ctx context.Context, after Cursor, day time.Time, wanted func(header []byte) bool,
	take func(Batch) error) error {
	data, err := m.client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return m.failed(ctx, "examine", err)
	}
	if after.Validity != data.UIDValidity { // the numbers mean other messages now
		after = Cursor{Validity: data.UIDValidity}
	}
	if data.NumMessages == 0 {
		return take(Batch{Next: after})
	}
	criteria := imap.SearchCriteria{Since: day}
	if after.UID > 0 {
		criteria.Since = time.Time{}
	}
	newer := imap.UIDSet{imap.UIDRange{Start: imap.UID(after.UID + 1), Stop: 0}} // 0 is *
	criteria.UID = []imap.UIDSet{newer}
	found, err := m.client.UIDSearch(&criteria, nil).Wait()
	if err != nil {
		return m.failed(ctx, "search", err)
	}
	// "n:*" names the last message even when its number is below n.
	uids := slices.DeleteFunc(found.AllUIDs(), func(uid imap.UID) bool { return uint32(uid) <= after.UID })
	slices.Sort(uids)
	uids = uids[:min(len(uids), maxMessages)]
	left := maxWanted
	for batch := range slices.Chunk(uids, maxBatch) {
		headers, err := m.fetch(ctx, batch, &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader,
			HeaderFields: headerFields, Peek: true}, maxHeader)
		if err != nil {
			return err
		}
		b := Batch{Next: Cursor{data.UIDValidity, uint32(batch[len(batch)-1])}, Looked: len(batch)}
		var whole []imap.UID
		for i, uid := range batch {
			if !wanted(headers[uid].Raw) {
				continue
			}
			if left--; left < 0 { // the rest is the next run's
				b.Next.UID, b.Looked = uint32(uid)-1, i
				break
			}
			whole = append(whole, uid)
		}
		if len(whole) > 0 {
			texts, err := m.fetch(ctx, whole, &imap.FetchItemBodySection{Peek: true,
				Partial: &imap.SectionPartial{Size: maxText}}, maxText)
			if err != nil {
				return err
			}
			for _, uid := range whole {
				if msg, ok := texts[uid]; ok { // else it was deleted meanwhile
					b.Messages = append(b.Messages, msg)
				}
			}
		}
		if err := take(b); err != nil {
			return err
		}
		if left < 0 {
			return nil
		}
	}
	if len(uids) == 0 {
		return take(Batch{Next: after})
	}
	return nil
}

// fetch reads a section of messages, of each at most so many bytes.
func (m *Mailbox) fetch(ctx context.Context, uids []imap.UID, section *imap.FetchItemBodySection,
	atMost int64) (map[imap.UID]Message, error) {
	cmd := m.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{section}})
	got := map[imap.UID]Message{}
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		var uid imap.UID
		var msg Message
		for item := data.Next(); item != nil; item = data.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				uid = item.UID
			case imapclient.FetchItemDataInternalDate:
				msg.Received = item.Time
			case imapclient.FetchItemDataBodySection:
				if item.Literal != nil {
					msg.Raw, _ = io.ReadAll(io.LimitReader(item.Literal, atMost)) // an error ends the command, too
				}
			}
		}
		got[uid] = msg
	}
	if err := cmd.Close(); err != nil {
		return nil, m.failed(ctx, "fetch", err)
	}
	return got, nil
}

// A Sought is a message that may be in Sent, by its Message-ID or, where the provider wrote another one, by a header of
// its own.
type Sought struct {
	MessageID, Field, Value string
}

// Sent looks for messages in the mailboxes that the server has marked for sent mail (RFC 6154), never by a name, which
// differs by language. It returns nil when there is no such mailbox.
func (m *Mailbox) Sent(ctx context.Context, sought []Sought) ([]bool, error) {
	names, err := m.sentMailboxes(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	found := make([]bool, len(sought))
	for _, name := range names {
		if _, err := m.client.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			return nil, m.failed(ctx, "examine", err)
		}
		for i, s := range sought {
			if found[i] {
				continue
			}
			field := func(key, value string) imap.SearchCriteria {
				return imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: key, Value: value}}}
			}
			criteria := imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{field("Message-ID", s.MessageID),
				field(s.Field, s.Value)}}}
			data, err := m.client.UIDSearch(&criteria, nil).Wait()
			if err != nil {
				return nil, m.failed(ctx, "search", err)
			}
			found[i] = len(data.AllUIDs()) > 0
		}
	}
	return found, nil
}

// Copies reads some of the header of the newest messages in the mailboxes for sent mail, those since a day.
func (m *Mailbox) Copies(ctx context.Context, since time.Time, fields []string, most int) (list []Message, err error) {
	names, err := m.sentMailboxes(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := m.client.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return nil, m.failed(ctx, "examine", err)
		}
		if data.NumMessages == 0 {
			continue
		}
		found, err := m.client.UIDSearch(&imap.SearchCriteria{Since: since}, nil).Wait()
		if err != nil {
			return nil, m.failed(ctx, "search", err)
		}
		uids := found.AllUIDs()
		slices.Sort(uids)
		for batch := range slices.Chunk(uids[max(0, len(uids)-most):], maxBatch) {
			headers, err := m.fetch(ctx, batch, &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader,
				HeaderFields: fields, Peek: true}, maxHeader)
			if err != nil {
				return nil, err
			}
			for _, uid := range batch {
				list = append(list, headers[uid])
			}
		}
	}
	return list, nil
}

func (m *Mailbox) sentMailboxes(ctx context.Context) (names []string, err error) {
	caps := m.client.Caps()
	options := &imap.ListOptions{ReturnSpecialUse: caps.Has(imap.CapSpecialUse) && caps.Has(imap.CapListExtended) ||
		caps.Has(imap.CapIMAP4rev2)}
	all, err := m.client.List("", "*", options).Collect()
	if err != nil {
		return nil, m.failed(ctx, "list", err)
	}
	for _, box := range all {
		if slices.Contains(box.Attrs, imap.MailboxAttrSent) && !slices.Contains(box.Attrs, imap.MailboxAttrNoSelect) {
			names = append(names, box.Mailbox)
		}
	}
	return names[:min(len(names), 3)], nil
}

// An Account is what a login can read, for a person.
type Account struct {
	Messages int    // in the inbox
	Sent     string // the mailbox for sent mail, or ""
}

// Look returns what the login can read.
func (m *Mailbox) Look(ctx context.Context) (Account, error) {
	data, err := m.client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return Account{}, m.failed(ctx, "examine", err)
	}
	names, err := m.sentMailboxes(ctx)
	return Account{int(data.NumMessages), cmp.Or(append(names, "")...)}, err
}

// A boundedConn ends after so many bytes. The library sets deadlines of its own; the context is what bounds a session.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the server does not come to an end")
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
