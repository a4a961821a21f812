// Package inbox reads a mailbox over IMAP and changes nothing in it: it opens mailboxes with EXAMINE and fetches with
// PEEK, so no message is deleted, moved or marked as read.
//
// It limits what it accepts from a server: the number of messages, the size of each, and the size of the session. The
// caller's context limits the time.
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

// A Config says how to reach an account.
type Config struct {
	Host     string
	Port     int
	Plain    bool // no TLS; only to this machine
	Username string
	Password string
	Token    string         // OAuth 2.0 token in place of Password
	RootCAs  *x509.CertPool // nil: the system's
}

// Limits of one session. Sizes are in bytes.
const (
	maxMessages = 5000     // messages whose header is read
	maxWanted   = 500      // messages whose text is read
	maxBatch    = 100      // messages at a time
	maxText     = 64 << 10 // of one message; a bounce states its cause at the beginning
	maxHeader   = 16 << 10 // of one message
	maxLogin    = 1 << 20  // until the login has succeeded
	maxSession  = 48 << 20 // after the login
)

// An Error says in which phase a session failed. Its text is redacted.
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

// Open connects and logs in. The session ends when ctx ends.
func Open(ctx context.Context, cfg Config) (*Mailbox, error) {
	m := &Mailbox{cfg: cfg}
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, m.failed(ctx, "connect", err)
	}
	m.stop = context.AfterFunc(ctx, func() { tcp.Close() })
	bounded := &mail.Bounded{Conn: tcp} // the library sets its own deadlines, and the context bounds the session
	bounded.Left.Store(maxLogin)
	conn, phase, err := m.secured(ctx, bounded)
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
	bounded.Left.Store(maxSession)
	return m, nil
}

// secured returns the connection for the session, with TLS unless Plain is set. It also returns the phase that failed.
func (m *Mailbox) secured(ctx context.Context, tcp net.Conn) (net.Conn, string, error) {
	if m.cfg.Plain {
		if !tcp.RemoteAddr().(*net.TCPAddr).IP.IsLoopback() { // "localhost" may resolve to another machine
			return nil, "connect", errors.New("the address is not on this machine")
		}
		return tcp, "", nil
	}
	t := tls.Client(tcp, &tls.Config{ServerName: m.cfg.Host, RootCAs: m.cfg.RootCAs, MinVersion: tls.VersionTLS12})
	return t, "tls", t.HandshakeContext(ctx)
}

func (m *Mailbox) login() error {
	if m.cfg.Token != "" {
		return m.client.Authenticate(&xoauth2{m.cfg.Username, m.cfg.Token})
	}
	return m.client.Login(m.cfg.Username, m.cfg.Password).Wait()
}

// xoauth2 is the login by OAuth 2.0 that Google and Microsoft offer. It is older than OAUTHBEARER.
type xoauth2 struct{ username, token string }

func (x *xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.username + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the explanation of a refusal with an empty line. Only then the server sends the refusal itself.
func (x *xoauth2) Next([]byte) ([]byte, error) { return nil, nil }

// failed returns the error of a phase. If the context has ended, its cause is the cause.
func (m *Mailbox) failed(ctx context.Context, phase string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if refusal, ok := errors.AsType[*imap.Error](err); ok { // the server may quote the login
		err = errors.New(mail.Redact(string(refusal.Type)+" "+string(refusal.Code)+" "+refusal.Text, m.cfg.Username,
			m.cfg.Password, m.cfg.Token))
	}
	return &Error{phase, err}
}

// Close ends the session.
func (m *Mailbox) Close() error {
	_ = m.client.Logout().Wait() // an error does no harm: the server may have closed the connection
	m.stop()
	_ = m.client.Close()
	return nil
}

// A Cursor is the position of the last message that was read in an inbox. A UID is valid only together with its
// UIDVALIDITY (RFC 9051 2.3.1.1).
type Cursor struct {
	Validity, UID uint32
}

// String returns the cursor as ParseCursor reads it.
func (c Cursor) String() string { return fmt.Sprintf("%d:%d", c.Validity, c.UID) }

// ParseCursor reads a cursor. It returns the zero Cursor for any other text.
func ParseCursor(s string) (c Cursor) {
	if n, err := fmt.Sscanf(s, "%d:%d", &c.Validity, &c.UID); n != 2 || err != nil {
		return Cursor{}
	}
	return c
}

// A Message is the beginning of a message, or some fields of its header.
type Message struct {
	Raw      []byte
	Received time.Time
}

// A Batch has the messages that were read between two cursors.
type Batch struct {
	Messages []Message
	Looked   int    // the number of messages whose header was read
	Next     Cursor // the position after the batch
}

// headerFields show whether a message may be a bounce or an answer.
var headerFields = []string{"From", "Return-Path", "Content-Type", "Subject", "Auto-Submitted", "X-Failed-Recipients",
	"X-MS-Exchange-Message-Is-Ndr", "In-Reply-To"}

// Since reads the inbox after a cursor, the oldest message first; with the zero cursor it begins at a day. It reads
// some header fields of each message, and the text if wanted returns true for them. It calls take with each batch, and
// stops with the error of take.
func (m *Mailbox) Since(ctx context.Context, after Cursor, day time.Time, wanted func(header []byte) bool,
	take func(Batch) error) error {
	data, err := m.examine(ctx, "INBOX")
	if err != nil {
		return err
	}
	if after.Validity != data.UIDValidity { // the UIDs belong to other messages now
		after = Cursor{Validity: data.UIDValidity}
	}
	if data.NumMessages == 0 {
		return take(Batch{Next: after})
	}
	criteria := imap.SearchCriteria{Since: day}
	if after.UID > 0 {
		criteria.Since = time.Time{}
	}
	criteria.UID = []imap.UIDSet{{imap.UIDRange{Start: imap.UID(after.UID + 1), Stop: 0}}} // 0 is *
	uids, err := m.search(ctx, criteria)
	if err != nil {
		return err
	}
	// "n:*" includes the last message even if its UID is below n.
	uids = slices.DeleteFunc(uids, func(uid imap.UID) bool { return uint32(uid) <= after.UID })
	uids = uids[:min(len(uids), maxMessages)]
	left := maxWanted
	for batch := range slices.Chunk(uids, maxBatch) {
		headers, err := m.fetch(ctx, batch, &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader,
			HeaderFields: headerFields, Peek: true}, maxHeader)
		if err != nil {
			return err
		}
		b := Batch{Next: Cursor{data.UIDValidity, uint32(batch[len(batch)-1])}, Looked: len(batch)}
		var texts []imap.UID
		for i, uid := range batch {
			if !wanted(headers[uid].Raw) {
				continue
			}
			if left--; left < 0 { // the next run reads the rest
				b.Next.UID, b.Looked = uint32(uid)-1, i
				break
			}
			texts = append(texts, uid)
		}
		if len(texts) > 0 {
			messages, err := m.fetch(ctx, texts, &imap.FetchItemBodySection{Peek: true,
				Partial: &imap.SectionPartial{Size: maxText}}, maxText)
			if err != nil {
				return err
			}
			for _, uid := range texts {
				if msg, ok := messages[uid]; ok { // otherwise it was deleted meanwhile
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

// examine opens a mailbox for reading.
func (m *Mailbox) examine(ctx context.Context, name string) (*imap.SelectData, error) {
	data, err := m.client.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, m.failed(ctx, "examine", err)
	}
	return data, nil
}

// search returns the matching messages of the open mailbox, oldest first.
func (m *Mailbox) search(ctx context.Context, criteria imap.SearchCriteria) ([]imap.UID, error) {
	data, err := m.client.UIDSearch(&criteria, nil).Wait()
	if err != nil {
		return nil, m.failed(ctx, "search", err)
	}
	uids := data.AllUIDs()
	slices.Sort(uids)
	return uids, nil
}

// fetch reads a section of each message, up to atMost bytes.
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
					msg.Raw, _ = io.ReadAll(io.LimitReader(item.Literal, atMost)) // an error also ends the command
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

// A Sought is a message to look for in sent mail. It is found by its Message-ID, or by a header field if the provider
// has replaced the Message-ID.
type Sought struct {
	MessageID, Field, Value string
}

// Sent reports for each message whether it is in a mailbox that the server marks as one for sent mail (RFC 6154); the
// names of these mailboxes differ by language. It returns nil when there is no such mailbox.
func (m *Mailbox) Sent(ctx context.Context, sought []Sought) ([]bool, error) {
	names, err := m.sentMailboxes(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	found := make([]bool, len(sought))
	for _, name := range names {
		if _, err := m.examine(ctx, name); err != nil {
			return nil, err
		}
		for i, s := range sought {
			if found[i] {
				continue
			}
			field := func(key, value string) imap.SearchCriteria {
				return imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: key, Value: value}}}
			}
			either := [2]imap.SearchCriteria{field("Message-ID", s.MessageID), field(s.Field, s.Value)}
			uids, err := m.search(ctx, imap.SearchCriteria{Or: [][2]imap.SearchCriteria{either}})
			if err != nil {
				return nil, err
			}
			found[i] = len(uids) > 0
		}
	}
	return found, nil
}

// Copies reads some header fields of the messages since a day in the mailboxes for sent mail: up to most of the newest
// in each.
func (m *Mailbox) Copies(ctx context.Context, since time.Time, fields []string, most int) (list []Message, err error) {
	names, err := m.sentMailboxes(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if data, err := m.examine(ctx, name); err != nil {
			return nil, err
		} else if data.NumMessages == 0 {
			continue
		}
		uids, err := m.search(ctx, imap.SearchCriteria{Since: since})
		if err != nil {
			return nil, err
		}
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

// An Account describes what a login can read.
type Account struct {
	Messages int    // in the inbox
	Sent     string // the mailbox for sent mail, or ""
}

// Look returns a description of what the login can read.
func (m *Mailbox) Look(ctx context.Context) (Account, error) {
	data, err := m.examine(ctx, "INBOX")
	if err != nil {
		return Account{}, err
	}
	names, err := m.sentMailboxes(ctx)
	return Account{int(data.NumMessages), cmp.Or(append(names, "")...)}, err
}
