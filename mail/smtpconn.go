package mail

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// A conn is a connection to a mail server. One goroutine uses it at a time.
type conn struct {
	cfg     *SMTPConfig
	tcp     *wire             // deadlines and Close act on it, so they work in any state of the TLS layer
	stream  net.Conn          // tcp, or TLS over it
	in      *bufio.Reader     // of stream
	offers  map[string]string // extensions of the server with their parameters
	secrets []string          // texts of the login that the server may repeat
	opened  time.Time
	used    int // transactions begun

	handedOver bool // handover was called for the current message
	broken     bool // it cannot be used for another message
}

// A Bounded is a connection that fails after a number of bytes read. It sets no deadlines.
type Bounded struct {
	net.Conn
	Left atomic.Int64
}

// Read implements [net.Conn].
func (b *Bounded) Read(data []byte) (int, error) {
	left := b.Left.Load()
	if left <= 0 {
		return 0, errors.New("the server does not come to an end")
	}
	n, err := b.Conn.Read(data[:min(int64(len(data)), left)])
	b.Left.Add(int64(-n))
	return n, err
}

// A wire is a TCP connection that counts bytes. It limits what the server may send in one exchange, and it shows
// whether a failed write has sent anything.
type wire struct {
	Bounded
	wrote int64
}

// maxExchange is how many bytes a server may send in one exchange, including a TLS handshake.
const maxExchange = 256 << 10

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.wrote += int64(n)
	return n, err
}

// connect opens a connection and logs in. It calls report after each step.
func (s *SMTP) connect(ctx context.Context, report func(Step)) (*conn, error) {
	c := &conn{cfg: &s.cfg, opened: time.Now(), secrets: s.cfg.secrets()}
	type step struct {
		name string
		run  func(context.Context) (detail string, err error)
	}
	steps := []step{{"connect", c.dial}, {"greet", c.greet}, {"ehlo", c.hello}}
	switch s.cfg.Security {
	case ImplicitTLS:
		steps = slices.Insert(steps, 1, step{"tls", c.encrypt})
	case StartTLS:
		steps = append(steps, step{"starttls", c.startTLS})
	}
	if s.cfg.Username != "" {
		steps = append(steps, step{"auth", c.login})
	}
	for _, step := range steps {
		var detail string
		err := c.do(ctx, func() (err error) {
			detail, err = step.run(ctx)
			return err
		})
		if err != nil {
			err = c.failure(ctx, step.name, err)
		}
		report(Step{step.name, cleaned(detail, c.secrets...), err})
		if err != nil {
			if c.tcp != nil {
				c.tcp.Close()
			}
			return nil, err
		}
	}
	return c, nil
}

// do runs one exchange with the server. It ends at the timeout or with ctx.
func (c *conn) do(ctx context.Context, exchange func() error) error {
	if c.tcp != nil {
		c.allow(c.cfg.Timeout)
		done := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			c.tcp.SetDeadline(time.Unix(1, 0)) // makes a blocked read or write fail
			close(done)
		})
		defer func() {
			if !stop() {
				<-done // otherwise it could end a later exchange with another ctx
			}
		}()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return exchange()
}

// allow begins an exchange that must be over after d.
func (c *conn) allow(d time.Duration) {
	c.tcp.Left.Store(maxExchange)
	c.tcp.SetDeadline(time.Now().Add(d))
}

func (c *conn) dial(ctx context.Context) (string, error) {
	d := net.Dialer{Timeout: c.cfg.Timeout}
	tcp, err := d.DialContext(ctx, "tcp", net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port)))
	if err != nil {
		return "", err
	}
	c.tcp = &wire{Bounded: Bounded{Conn: tcp}}
	c.setStream(c.tcp)
	remote := tcp.RemoteAddr().(*net.TCPAddr)
	if c.cfg.Security == PlainLoopback && !remote.IP.IsLoopback() { // "localhost" may resolve to another machine
		return "", errors.New("the address is not on this machine")
	}
	return remote.String(), nil
}

// setStream continues the session on stream and discards what was read before.
func (c *conn) setStream(stream net.Conn) { c.stream, c.in = stream, bufio.NewReader(stream) }

// ErrOldTLS is the cause when a server only offers versions of TLS that are not safe any more (RFC 8996).
var ErrOldTLS = errors.New("the server offers no encryption newer than TLS 1.1")

func (c *conn) encrypt(ctx context.Context) (string, error) {
	t := tls.Client(c.tcp, c.tlsConfig())
	c.setStream(t)
	if err := t.HandshakeContext(ctx); err != nil {
		if strings.Contains(err.Error(), "protocol version") { // crypto/tls does not export the type of the alert
			err = fmt.Errorf("%w: %w", ErrOldTLS, err)
		}
		return describeUnverified(err), err
	}
	return describeTLS(t.ConnectionState()), nil
}

func (c *conn) greet(context.Context) (string, error) {
	_, err := c.answer(220)
	return "", err
}

func (c *conn) hello(context.Context) (string, error) {
	local := c.tcp.LocalAddr().(*net.TCPAddr).IP
	literal := "[" + local.String() + "]"
	if local.To4() == nil {
		literal = "[IPv6:" + local.String() + "]"
	}
	text, err := c.command("EHLO "+literal, 250)
	name, extensions, _ := strings.Cut(text, "\n")
	c.offers = map[string]string{}
	for line := range strings.Lines(extensions) {
		keyword, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.offers[strings.ToUpper(keyword)] = params
	}
	return name, err
}

func (c *conn) startTLS(ctx context.Context) (string, error) {
	if _, offered := c.offers["STARTTLS"]; !offered {
		return "", errors.New("the server does not offer STARTTLS")
	}
	if _, err := c.command("STARTTLS", 220); err != nil {
		return "", err
	}
	found, err := c.encrypt(ctx)
	if err == nil {
		_, err = c.hello(ctx) // an attacker on the network could have changed the extensions before TLS
	}
	return found, err
}

func (c *conn) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: c.cfg.Host, RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12} // RFC 8997
}

func describeTLS(s tls.ConnectionState) string {
	return tls.VersionName(s.Version) + ", " + describeCertificate(s.PeerCertificates[0])
}

// describeUnverified describes a certificate that was not trusted. Often it belongs to a virus scanner or a router.
func describeUnverified(err error) string {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return describeCertificate(e.UnverifiedCertificates[0])
	}
	return ""
}

func describeCertificate(c *x509.Certificate) string {
	return fmt.Sprintf("certificate of %s by %s, valid from %s to %s", c.Subject, c.Issuer,
		c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
}

// login logs in. The connection uses TLS or goes to this machine, so the mechanisms need not check that again.
func (c *conn) login(context.Context) (string, error) {
	cfg, mechanism := c.cfg, c.cfg.Auth
	offered := c.offers["AUTH"]
	if mechanism == AuthAuto {
		mechanism = chooseAuth(strings.Fields(offered), cfg.Token != "")
	}
	var auth smtp.Auth
	switch mechanism {
	case AuthPlain:
		auth = smtp.PlainAuth("", cfg.Username, cfg.Password, cfg.Host, true)
	case AuthLogin:
		auth = smtp.LoginAuth(cfg.Username, cfg.Password, cfg.Host, true)
	case AuthCRAMMD5:
		auth = smtp.CRAMMD5Auth(cfg.Username, cfg.Password)
	case AuthXOAUTH2:
		auth = smtp.XOAuth2Auth(cfg.Username, cfg.Token)
	default:
		e := classify("auth", 0, "")
		e.Fate, e.Pause, e.PauseFor = stopAccount.fate, stopAccount.pause, stopAccount.pauseFor
		e.Text = Redact("the server offers no login that we know: "+cmp.Or(offered, "none"), c.secrets...)
		return "", e
	}
	name, response, err := auth.Start(&smtp.ServerInfo{Name: cfg.Host, TLS: true, Auth: strings.Fields(offered)})
	for line := "AUTH " + name; err == nil; line = "" {
		if response != nil {
			c.secrets = append(c.secrets, encoded(response))
			line = strings.TrimSpace(line + " " + base64.StdEncoding.EncodeToString(response))
		}
		var challenge string
		code := 0
		if code, challenge, err = c.say(line); err != nil {
			break
		}
		switch code {
		case 235:
			return string(mechanism), nil
		case 334:
			var b []byte
			if b, err = base64.StdEncoding.DecodeString(challenge); err == nil {
				response, err = auth.Next(b, true)
			}
			if err != nil { // the error may quote the server
				err = textproto.ProtocolError(err.Error())
			}
		default:
			err = &textproto.Error{Code: code, Msg: challenge}
		}
	}
	return string(mechanism), err
}

// secrets returns the texts of the login, in all forms in which a server may repeat them.
func (c *SMTPConfig) secrets() (list []string) {
	if c.Username == "" {
		return nil
	}
	user, _, _ := strings.Cut(c.Username, "@")
	for _, secret := range []string{c.Username, c.Password, c.Token, "\x00" + c.Username + "\x00" + c.Password,
		"user=" + c.Username + "\x01auth=Bearer " + c.Token + "\x01\x01"} {
		list = append(list, secret, encoded([]byte(secret)))
	}
	return append(list, user)
}

// encoded returns base64 as in AUTH, without the padding, because a server may repeat the text without it.
func encoded(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func chooseAuth(offered []string, token bool) Auth {
	if token {
		return AuthXOAUTH2
	}
	for _, a := range []Auth{AuthPlain, AuthLogin, AuthCRAMMD5} {
		if slices.Contains(offered, string(a)) {
			return a
		}
	}
	return ""
}

// deliver runs one mail transaction. After the text it waits for patience, in case the server closes the connection.
func (c *conn) deliver(ctx context.Context, m Message, raw []byte, patience time.Duration, handover Handover) (
	Receipt, error,
) {
	private := []string{m.Subject, m.To.Name, m.To.local()}
	beyondASCII := !isASCII(m.To.Addr)
	if _, offered := c.offers["SMTPUTF8"]; beyondASCII && !offered {
		return Receipt{}, &Error{Fate: BadAddress, Phase: "rcpt",
			Err: errors.New("the server does not take addresses beyond ASCII (SMTPUTF8)")}
	}
	c.handedOver = false
	c.used++

	params, notify := "", ""
	if beyondASCII {
		params = " BODY=8BITMIME SMTPUTF8"
	}
	if _, offered := c.offers["DSN"]; offered && plainRef().MatchString(m.Ref) {
		// Then a bounce has the Ref as ENVID, and it contains no titles. The server sends no notices about delays.
		params, notify = params+" RET=HDRS ENVID="+m.Ref, " NOTIFY=FAILURE"
	}
	if e := c.begin(ctx, private, []command{
		{"mail", "MAIL FROM:<" + m.From.Addr + ">" + params, 250},
		{"rcpt", "RCPT TO:<" + m.To.Addr + ">" + notify, 25}, // 250 or 251
		{"data", "DATA", 354},
	}); e != nil {
		return Receipt{}, e
	}
	err := c.do(ctx, func() error {
		// All but the final dot and the line ends around it is sent.
		_, err := c.stream.Write(bytes.ReplaceAll(bytes.TrimSuffix(raw, crlf), []byte("\n."), []byte("\n..")))
		return cmp.Or(err, c.listen(patience))
	})
	if err != nil {
		c.broken = true
		return Receipt{}, c.failure(ctx, "body", err, private...)
	}

	// If the program crashes before handover returns, no dot was sent, and the server drops the message (RFC 5321
	// 4.1.1.4). If it crashes later, the caller has recorded that the message may have been accepted.
	c.handedOver = true
	if err := handover(ctx); err != nil {
		c.broken = true
		return Receipt{}, err
	}
	return c.finish(private)
}

// errEarly means that the server sent something before the dot. It would be mistaken for the reply to the dot.
var errEarly = errors.New("the server spoke out of turn")

// listen waits for patience and returns an error if the server closes the connection or sends something. With 0 it only
// checks what has arrived; on Windows, where wire.readable does not know, that takes a few milliseconds.
func (c *conn) listen(patience time.Duration) error {
	if patience == 0 && c.in.Buffered() == 0 && !c.tcp.readable() {
		return nil
	}
	c.tcp.SetReadDeadline(time.Now().Add(max(patience, 5*time.Millisecond)))
	switch _, err := c.in.Peek(1); {
	case err == nil:
		return errEarly
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}
	return nil
}

var crlf = []byte("\r\n")

// A command is one line at the beginning of a transaction.
type command struct {
	phase, line string
	reply       int // the wanted code; 25 stands for 250 and 251
}

// begin sends the commands. If the server offers PIPELINING (RFC 2920), it sends them at once, so with a distant server
// a mail takes two round trips in place of four. The first refusal counts; the later ones only follow from it.
func (c *conn) begin(ctx context.Context, private []string, commands []command) *Error {
	_, pipelining := c.offers["PIPELINING"]
	sent := 0
	for i, command := range commands {
		err := c.do(ctx, func() error {
			var lines []byte
			for ; sent <= i || pipelining && sent < len(commands); sent++ {
				lines = append(append(lines, commands[sent].line...), crlf...)
			}
			if _, err := c.stream.Write(lines); err != nil {
				return err
			}
			_, err := c.answer(command.reply)
			return err
		})
		if err != nil {
			e := c.failure(ctx, command.phase, err, private...)
			c.broken = !answered(e) || c.settle(ctx, sent-i-1) != nil
			return e
		}
	}
	return nil
}

// settle prepares the connection for the next message after a refusal. It reads the replies to the commands that were
// sent ahead, and sends RSET. If the server accepted DATA although it refused the recipient, the connection must end
// without a dot, because a dot could send something.
func (c *conn) settle(ctx context.Context, ahead int) error {
	return c.do(ctx, func() error {
		for range ahead {
			switch code, _, err := c.read(); {
			case err != nil:
				return err
			case code == 354:
				return errors.New("the server waits for a message that was refused")
			}
		}
		_, err := c.command("RSET", 250)
		return err
	})
}

// finish sends the dot and waits for the reply. It has no ctx, because from now on the message may be accepted, and
// only the server knows. RFC 5321 4.5.3.2.6 allows the server 10 minutes.
func (c *conn) finish(private []string) (Receipt, error) {
	phase, before := "body", c.tcp.wrote
	c.allow(c.cfg.Timeout)
	err := c.listen(0) // handover took some time
	if err == nil {
		_, err = c.stream.Write([]byte("\r\n.\r\n"))
	}
	text := ""
	if err == nil || c.tcp.wrote > before { // otherwise no byte of the dot was sent
		phase = "dot"
	}
	if err == nil {
		c.allow(c.cfg.DotTimeout)
		text, err = c.answer(2) // any success
	}
	if err != nil {
		e := c.failure(context.Background(), phase, err, private...)
		c.broken = !answered(e) || c.settle(context.Background(), 0) != nil
		return Receipt{}, e
	}
	_, text = splitReply(text)
	return Receipt{ID: Redact(text, append(private, c.secrets...)...)}, nil
}

// say sends a line and reads the reply.
func (c *conn) say(line string) (code int, text string, err error) {
	if _, err := c.stream.Write(append([]byte(line), crlf...)); err != nil {
		return 0, "", err
	}
	return c.read()
}

// command sends a line and checks the reply like answer.
func (c *conn) command(line string, want int) (string, error) {
	return expect(want)(c.say(line))
}

// answer reads a reply whose code must be want or begin with it.
func (c *conn) answer(want int) (string, error) { return expect(want)(c.read()) }

func expect(want int) func(int, string, error) (string, error) {
	return func(code int, text string, err error) (string, error) {
		if err == nil && code != want && code/10 != want && code/100 != want {
			err = &textproto.Error{Code: code, Msg: text}
		}
		return text, err
	}
}

// read reads a reply (RFC 5321 4.2). An incomplete line is an error: a server may close the connection in the middle of
// "550 5.7.1 daily limit", and "550 5.7" alone would mean that the message is refused.
func (c *conn) read() (code int, text string, err error) {
	var lines []string
	for {
		line, err := c.in.ReadString('\n')
		if err == io.EOF && line != "" {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, "", err
		}
		line = strings.TrimRight(line, "\r\n")
		n, err := strconv.Atoi(line[:min(3, len(line))])
		more := len(line) > 3 && line[3] == '-'
		if err != nil || n < 100 || len(line) > 3 && line[3] != ' ' && !more || code != 0 && n != code {
			return 0, "", textproto.ProtocolError("not a reply: " + line)
		}
		code, lines = n, append(lines, line[min(4, len(line)):])
		if !more {
			return code, strings.Join(lines, "\n"), nil
		}
	}
}

// quit ends the session. A missing answer is no error.
func (c *conn) quit() {
	c.allow(min(c.cfg.Timeout, 5*time.Second))
	_, _ = c.command("QUIT", 221)
	c.tcp.Close()
}

// answered reports whether e is a reply after which the session continues.
func answered(e *Error) bool { return e.Code >= 400 && e.Code < 600 && e.Code != 421 }

// failure returns an error in a phase as an *Error.
func (c *conn) failure(ctx context.Context, phase string, err error, private ...string) *Error {
	private = append(private, c.secrets...)
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return classify(phase, reply.Code, reply.Msg, private...)
	}
	if ctx.Err() != nil {
		return &Error{Fate: Stop, Phase: phase, Err: ctx.Err()}
	}
	e := classify(phase, 0, "")
	e.Text = Redact(err.Error(), private...)
	if _, garbage := errors.AsType[textproto.ProtocolError](err); !garbage { // a ProtocolError quotes the server
		e.Err = err
	}
	return e
}
