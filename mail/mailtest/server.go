// Package mailtest is a mail server for tests: it speaks enough SMTP to be strict about it, records what it accepts,
// and can be told to misbehave at any point of the conversation.
//
//	srv := mailtest.NewServer(t, mailtest.Options{})
//	… send to srv.Addr() …
//	require.Len(t, srv.Messages(), 1)
//
// A message counts as accepted from the moment the server decides so, which is before the client can read the 250:
// that is the window in which a sender cannot know, and what tests of lost replies need.
package mailtest

import (
	"bufio"
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TLS says when a server begins to encrypt.
type TLS int

// The three ways: never, after the STARTTLS command, from the first byte.
const (
	Plain TLS = iota
	StartTLS
	Implicit
)

// Options shape a Server. The zero Options are a plain server that accepts everything from everyone.
type Options struct {
	TLS         TLS
	Certificate *tls.Certificate // nil: a fresh one for 127.0.0.1 and localhost, see Server.RootCAs
	Username    string           // with Password: mail is refused without AUTH
	Password    string           // the password, or the token of XOAUTH2
	Auth        []string         // mechanisms offered; default PLAIN and LOGIN, also known: CRAM-MD5, XOAUTH2
	NoSMTPUTF8  bool
	NoPipeline  bool   // PIPELINING is not offered
	DSN         bool   // DSN is offered (RFC 3461)
	Addr        string // where to listen; default a free port of 127.0.0.1
	NoData      bool   // messages are kept without their Data, and no commands: a million take little memory

	// Script is asked at every step what to do; nil, or the zero Action: what a good server does.
	// It is called from one goroutine a connection, so it must guard what it shares.
	Script func(Command) Action
	// Accepted, when not nil, is called with a message that the server accepts, before it answers.
	Accepted func(Received)
}

// A Command is one step of a conversation.
type Command struct {
	Conn  int    // 1 for the server's first connection
	Phase string // greet, ehlo, starttls, auth, mail, rcpt, data, dot, rset, noop, quit; other verbs in lower case; body
	Arg   string // the address of mail and rcpt, the message of dot, the first line of body, else the rest of the line
}

// An Action replaces a step. Without Reply the connection is only dropped, reset or left hanging.
type Action struct {
	Reply  string // "451 4.7.1 later": one or more lines divided by \n, sent as they are
	Slow   bool   // the reply goes out in slices of one byte
	Cut    int    // of the reply, its line end included, so many bytes are missing
	Drop   bool   // close after the reply
	Reset  bool   // like Drop, with a TCP RST
	Hang   bool   // say no more, until the client goes or the server closes
	Accept bool   // at dot: record the message although the reply does not say 2xx, or is never sent
}

// A Received is a message that the server took responsibility for.
type Received struct {
	From, To string // envelope addresses; To has blanks between several
	Params   string // of MAIL and of RCPT, with a blank before each
	Data     []byte // without dot stuffing and final dot
	ID       string // Message-ID without angle brackets
	Conn     int    // which connection brought it
	TLS      bool
	User     string // who logged in
}

// A Server listens on loopback until the test ends or Close is called.
type Server struct {
	opt      Options
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool
	wg       sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool // nil after Close
	accepted int               // connections so far
	messages []Received
	commands []Command
}

// NewServer starts a server. It ends with the test.
func NewServer(t testing.TB, opt Options) *Server {
	t.Helper()
	s := &Server{opt: opt, conns: map[net.Conn]bool{}}
	if opt.TLS != Plain {
		if opt.Certificate == nil {
			cert := NewCertificate(t, time.Now().Add(time.Hour), "127.0.0.1", "localhost")
			opt.Certificate = &cert
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{*opt.Certificate}}
		s.roots = x509.NewCertPool()
		s.roots.AddCert(opt.Certificate.Leaf)
	}
	l, err := net.Listen("tcp", cmp.Or(opt.Addr, "127.0.0.1:0"))
	require.NoError(t, err, "mailtest: listen")
	s.listener = l
	s.wg.Go(s.serve)
	t.Cleanup(s.Close)
	return s
}

// Addr returns host:port. Host and Port return its halves.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Host returns the address without the port.
func (s *Server) Host() string { return s.listener.Addr().(*net.TCPAddr).IP.String() }

// Port returns the port.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// RootCAs returns a pool that trusts the server's certificate; nil for a plain server.
func (s *Server) RootCAs() *x509.CertPool { return s.roots }

// Close stops listening, cuts all connections and waits for them. A server on the same Addr may follow.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.wg.Wait()
}

// Drain stops listening and waits until all clients have closed their connections.
func (s *Server) Drain() {
	s.listener.Close()
	s.wg.Wait()
}

// CloseConnections cuts all connections, as a restart or an idle timeout of a server would.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Messages returns what was accepted so far, in order.
func (s *Server) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// taken returns how many messages were accepted.
func (s *Server) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}

// Commands returns the steps of all conversations so far, in order of arrival.
func (s *Server) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Open returns how many connections there are now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Count returns how often a phase was reached.
func (s *Server) Count(phase string) (n int) {
	for _, c := range s.Commands() {
		if c.Phase == phase {
			n++
		}
	}
	return n
}

func (s *Server) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.conns == nil {
			c.Close()
			s.mu.Unlock()
			return
		}
		s.accepted++
		session := &session{srv: s, n: s.accepted, raw: c}
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			session.talk()
			c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// A session is one connection. The zero values of from, to and user are what RSET and EHLO go back to.
type session struct {
	srv   *Server
	n     int
	raw   net.Conn // the TCP connection
	conn  net.Conn // raw, or TLS over it
	r     *bufio.Reader
	tls   bool
	user  string
	from  string
	to    []string
	began bool // MAIL was accepted
	utf8  bool // MAIL said SMTPUTF8

	params string // of MAIL and RCPT
}

func (s *session) upgrade() bool {
	c := tls.Server(s.raw, s.srv.tls)
	s.conn, s.r, s.tls = c, bufio.NewReader(c), true
	return c.Handshake() == nil
}

func (s *session) talk() {
	s.conn, s.r = s.raw, bufio.NewReader(s.raw)
	if s.srv.opt.TLS == Implicit && !s.upgrade() {
		return
	}
	if !s.answer("greet", "", func() string { return "220 mailtest ESMTP" }) {
		return
	}
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		line, ok := strings.CutSuffix(line, "\r\n")
		if !ok || strings.ContainsAny(line, "\r\n") {
			s.send("500 5.5.2 bare CR or LF", Action{})
			return
		}
		verb, arg, _ := strings.Cut(line, " ")
		phase := strings.ToLower(verb)
		if !s.step(phase, arg) {
			return
		}
	}
}

// step answers one command and says whether to go on.
func (s *session) step(phase, arg string) bool {
	opt := s.srv.opt
	switch phase {
	case "ehlo", "helo":
		return s.answer("ehlo", arg, func() string { s.reset(); return s.capabilities(phase) })
	case "starttls":
		usable := opt.TLS == StartTLS && !s.tls
		return s.answer(phase, arg, func() string {
			if !usable {
				return "502 5.5.1 no STARTTLS here"
			}
			return "220 2.0.0 go ahead"
		}) && (!usable || s.upgrade())
	case "auth":
		return s.answer(phase, arg, func() string { return s.login(arg) })
	case "mail":
		s.utf8 = strings.Contains(arg, " SMTPUTF8") && !opt.NoSMTPUTF8
		addr, ok := s.path("FROM:", arg)
		return s.answer(phase, addr, func() string {
			switch {
			case opt.Username != "" && s.user == "":
				return "530 5.7.0 authentication required"
			case !ok:
				return "501 5.5.4 syntax"
			case s.began:
				return "503 5.5.1 nested MAIL"
			}
			s.began, s.from = true, addr
			return "250 2.1.0 ok"
		})
	case "rcpt":
		addr, ok := s.path("TO:", arg)
		return s.answer(phase, addr, func() string {
			switch {
			case !s.began:
				return "503 5.5.1 MAIL first"
			case !ok:
				return "501 5.5.4 syntax"
			}
			s.to = append(s.to, addr)
			return "250 2.1.5 ok"
		})
	case "data":
		proceed := false
		return s.answer(phase, arg, func() string {
			if len(s.to) == 0 {
				return "503 5.5.1 RCPT first"
			}
			proceed = true
			return "354 go ahead"
		}) && (!proceed || s.receive())
	case "rset":
		return s.answer(phase, arg, func() string { s.reset(); return "250 2.0.0 ok" })
	case "noop":
		return s.answer(phase, arg, func() string { return "250 2.0.0 ok" })
	case "quit":
		s.answer(phase, arg, func() string { return "221 2.0.0 bye" })
		return false
	}
	return s.answer(phase, arg, func() string { return "500 5.5.2 what?" })
}

// answer records a step, asks the script, and otherwise does what a good server does.
func (s *session) answer(phase, arg string, good func() string) bool {
	a := s.ask(phase, arg)
	if a == (Action{}) {
		a.Reply = good()
	} else if strings.HasPrefix(a.Reply, "2") || strings.HasPrefix(a.Reply, "3") {
		good() // what is answered well is also done
	}
	return s.act(a)
}

func (s *session) ask(phase, arg string) Action {
	cmd := Command{Conn: s.n, Phase: phase, Arg: arg}
	if !s.srv.opt.NoData {
		s.srv.mu.Lock()
		s.srv.commands = append(s.srv.commands, cmd)
		s.srv.mu.Unlock()
	}
	if s.srv.opt.Script == nil {
		return Action{}
	}
	return s.srv.opt.Script(cmd)
}

func (s *session) act(a Action) bool {
	if a.Reply != "" && !s.send(a.Reply, a) {
		return false
	}
	switch {
	case a.Reset:
		s.raw.(*net.TCPConn).SetLinger(0) // Close now sends RST
		return false
	case a.Drop:
		return false
	case a.Hang:
		io.Copy(io.Discard, s.r)
		return false
	}
	return true
}

func (s *session) send(reply string, a Action) bool {
	b := []byte(strings.ReplaceAll(reply, "\n", "\r\n") + "\r\n")
	b = b[:len(b)-a.Cut]
	size := len(b)
	if a.Slow {
		size = 1
	}
	for part := range slices.Chunk(b, size) {
		if _, err := s.conn.Write(part); err != nil {
			return false
		}
	}
	return true
}

// receive reads a message up to its dot, decides, records, and only then answers.
func (s *session) receive() bool {
	var data []byte
	wrong := ""
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return false // no dot, no message: RFC 5321 4.1.1.4
		}
		body, ok := strings.CutSuffix(line, "\r\n")
		switch {
		case !ok || strings.ContainsAny(body, "\r\n"):
			wrong = "550 5.6.0 bare CR or LF"
		case len(line) > 1000: // RFC 5321 4.5.3.1.6, with CRLF
			wrong = "550 5.6.0 line too long"
		}
		if line == ".\r\n" {
			break
		}
		if data == nil && s.srv.opt.Script != nil { // not recorded: it is no step, only a moment to hang up
			if a := s.srv.opt.Script(Command{Conn: s.n, Phase: "body", Arg: body}); a != (Action{}) && !s.act(a) {
				return false
			}
		}
		data = append(data, strings.TrimPrefix(line, ".")...)
	}
	a := s.ask("dot", string(data))
	if a == (Action{}) {
		if a.Reply = wrong; wrong == "" {
			a.Reply = "250 2.0.0 ok: queued as " + fmt.Sprintf("%06d", s.srv.taken()+1)
		}
	}
	if a.Accept || strings.HasPrefix(a.Reply, "2") {
		m := Received{From: s.from, To: strings.Join(s.to, " "), Params: s.params, Data: data, ID: messageID(data),
			Conn: s.n, TLS: s.tls, User: s.user}
		if s.srv.opt.NoData {
			m.Data = nil
		}
		s.srv.mu.Lock()
		s.srv.messages = append(s.srv.messages, m)
		s.srv.mu.Unlock()
		if s.srv.opt.Accepted != nil {
			s.srv.opt.Accepted(m)
		}
	}
	s.reset()
	return s.act(a)
}

func (s *session) reset() { s.from, s.to, s.began, s.params = "", nil, false, "" }

func (s *session) capabilities(verb string) string {
	if verb == "helo" {
		return "250 mailtest"
	}
	opt, lines := s.srv.opt, []string{"mailtest", "8BITMIME", "SIZE 10485760", "ENHANCEDSTATUSCODES"}
	if !opt.NoSMTPUTF8 {
		lines = append(lines, "SMTPUTF8")
	}
	if !opt.NoPipeline {
		lines = append(lines, "PIPELINING")
	}
	if opt.DSN {
		lines = append(lines, "DSN")
	}
	if opt.TLS == StartTLS && !s.tls {
		lines = append(lines, "STARTTLS")
	} else if opt.Username != "" {
		lines = append(lines, "AUTH "+strings.Join(s.mechanisms(), " "))
	}
	for i := range lines[:len(lines)-1] {
		lines[i] = "250-" + lines[i]
	}
	lines[len(lines)-1] = "250 " + lines[len(lines)-1]
	return strings.Join(lines, "\n")
}

func (s *session) mechanisms() []string {
	if s.srv.opt.Auth == nil {
		return []string{"PLAIN", "LOGIN"}
	}
	return s.srv.opt.Auth
}

// login runs one AUTH exchange and returns its last reply.
func (s *session) login(arg string) string {
	opt := s.srv.opt
	mechanism, initial, _ := strings.Cut(arg, " ")
	if opt.Username == "" || !slices.Contains(s.mechanisms(), mechanism) {
		return "504 5.5.4 unknown mechanism"
	}
	challenge := func(text string) string {
		s.send("334 "+base64.StdEncoding.EncodeToString([]byte(text)), Action{})
		line, _ := s.r.ReadString('\n')
		b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		return string(b)
	}
	good := false
	switch b, _ := base64.StdEncoding.DecodeString(initial); mechanism {
	case "PLAIN":
		good = string(b) == "\x00"+opt.Username+"\x00"+opt.Password
	case "LOGIN":
		user := challenge("Username:")
		good = challenge("Password:") == opt.Password && user == opt.Username
	case "CRAM-MD5":
		const nonce = "<1@mailtest>"
		mac := hmac.New(md5.New, []byte(opt.Password))
		mac.Write([]byte(nonce))
		good = challenge(nonce) == fmt.Sprintf("%s %x", opt.Username, mac.Sum(nil))
	case "XOAUTH2":
		if good = string(b) == "user="+opt.Username+"\x01auth=Bearer "+opt.Password+"\x01\x01"; !good {
			challenge(`{"status":"400"}`)
		}
	}
	if !good {
		return "535 5.7.8 username and password not accepted"
	}
	s.user = opt.Username
	return "235 2.7.0 accepted"
}

var pathArg = regexp.MustCompile(`^<([^<>\s]*)>((?: [A-Z0-9]+(?:=[^\s=]+)?)*)$`)

// path takes the address out of "FROM:<a@b> PARAM=x". Anything but exactly one pair of brackets is wrong, and so is an
// address beyond ASCII when MAIL did not say SMTPUTF8 (RFC 6531 3.4).
func (s *session) path(prefix, arg string) (addr string, ok bool) {
	rest, ok := strings.CutPrefix(arg, prefix)
	m := pathArg.FindStringSubmatch(rest)
	if !ok || m == nil {
		return "", false
	}
	s.params += m[2]
	ascii := !strings.ContainsFunc(m[1], func(r rune) bool { return r > 127 })
	return m[1], ascii || s.utf8
}
