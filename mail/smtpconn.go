package mail

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// A conn is a connection to a mail server. One goroutine uses it at a time.
type conn struct {
	cfg    *SMTPConfig
	tcp    net.Conn // its deadlines and its Close work whatever TLS and the client above it are doing
	stream net.Conn // tcp, or TLS over it
	client *smtp.Client
	opened time.Time
	used   int // transactions begun

	handedOver bool // handover was called for the current message
	broken     bool // of no further use
}

// connect opens a connection and logs in, reporting every step.
func (s *SMTP) connect(ctx context.Context, report func(Step)) (*conn, error) {
	c := &conn{cfg: &s.cfg, opened: time.Now()}
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
			err = failure(ctx, step.name, err)
		}
		report(Step{step.name, detail, err})
		if err != nil {
			if c.tcp != nil {
				c.tcp.Close()
			}
			return nil, err
		}
	}
	return c, nil
}

// do runs one exchange with the server. Timeout bounds it, and so does ctx.
func (c *conn) do(ctx context.Context, exchange func() error) error {
	if c.tcp != nil {
		c.tcp.SetDeadline(time.Now().Add(c.cfg.Timeout))
		done := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			c.tcp.SetDeadline(time.Unix(1, 0)) // fails what waits
			close(done)
		})
		defer func() {
			if !stop() {
				<-done // or else it might cut off a later exchange, which has another ctx
			}
		}()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return exchange()
}

func (c *conn) dial(ctx context.Context) (string, error) {
	d := net.Dialer{Timeout: c.cfg.Timeout}
	tcp, err := d.DialContext(ctx, "tcp", net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port)))
	if err != nil {
		return "", err
	}
	c.tcp, c.stream = tcp, tcp
	remote := tcp.RemoteAddr().(*net.TCPAddr)
	if c.cfg.Security == PlainLoopback && !remote.IP.IsLoopback() { // "localhost" is only a name
		return "", errors.New("the address is not on this machine")
	}
	return remote.String(), nil
}

func (c *conn) encrypt(ctx context.Context) (string, error) {
	t := tls.Client(c.tcp, c.tlsConfig())
	c.stream = t
	if err := t.HandshakeContext(ctx); err != nil {
		return describeUnverified(err), err
	}
	return describeTLS(t.ConnectionState()), nil
}

func (c *conn) greet(context.Context) (_ string, err error) {
	c.client, err = smtp.NewClient(c.stream, c.cfg.Host)
	return "", err
}

func (c *conn) hello(context.Context) (string, error) {
	local := c.tcp.LocalAddr().(*net.TCPAddr).IP
	literal := "[" + local.String() + "]"
	if local.To4() == nil {
		literal = "[IPv6:" + local.String() + "]"
	}
	err := c.client.Hello(cmp.Or(c.cfg.HelloName, literal))
	return redact(c.client.HelloResponse()), err
}

func (c *conn) startTLS(context.Context) (string, error) {
	if offered, _ := c.client.Extension("STARTTLS"); !offered {
		return "", errors.New("the server does not offer STARTTLS")
	}
	if err := c.client.StartTLS(c.tlsConfig()); err != nil {
		return describeUnverified(err), err
	}
	state, _ := c.client.TLSConnectionState()
	return describeTLS(state), nil
}

func (c *conn) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: c.cfg.Host, RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12} // RFC 8997
}

func describeTLS(s tls.ConnectionState) string {
	return tls.VersionName(s.Version) + ", " + describeCertificate(s.PeerCertificates[0])
}

// describeUnverified names the certificate that was not trusted: often a virus scanner's or a router's own.
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

// login is only reached over TLS or on this machine, so that no mechanism needs to look again.
func (c *conn) login(context.Context) (string, error) {
	cfg, mechanism := c.cfg, c.cfg.Auth
	_, offered := c.client.Extension("AUTH")
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
		e := classify("auth", 0, "the server offers no login that we know: "+cmp.Or(offered, "none"))
		e.Fate, e.Pause, e.PauseFor = stopAccount.fate, stopAccount.pause, stopAccount.pauseFor
		return "", e
	}
	return string(mechanism), c.client.Auth(auth)
}

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

// deliver runs one mail transaction.
func (c *conn) deliver(ctx context.Context, m Message, raw []byte, handover Handover) (Receipt, error) {
	private := []string{m.Subject, m.To.Name, m.To.local()}
	beyondASCII := !isASCII(m.To.Addr)
	if offered, _ := c.client.Extension("SMTPUTF8"); beyondASCII && !offered {
		return Receipt{}, &Error{Fate: BadAddress, Phase: "rcpt",
			Err: errors.New("the server does not take addresses beyond ASCII (SMTPUTF8)")}
	}
	c.handedOver = false
	c.used++

	params := ""
	if beyondASCII {
		params = " BODY=8BITMIME SMTPUTF8"
	}
	if e := c.begin(ctx, private, []command{
		{"mail", "MAIL FROM:<" + m.From.Addr + ">" + params, 250},
		{"rcpt", "RCPT TO:<" + m.To.Addr + ">", 25}, // 250 or 251
		{"data", "DATA", 354},
	}); e != nil {
		return Receipt{}, e
	}
	err := c.do(ctx, func() error {
		// All but the dot and the line ends around it.
		if err := c.write(bytes.ReplaceAll(bytes.TrimSuffix(raw, crlf), []byte("\n."), []byte("\n.."))); err != nil {
			return err
		}
		if c.client.Text.R.Buffered() > 0 { // it would pass for the answer to the dot
			return errors.New("the server spoke out of turn")
		}
		return nil
	})
	if err != nil {
		c.broken = true
		return Receipt{}, failure(ctx, "body", err, private...)
	}

	// If we crash before handover returns, no dot has left and the server throws the message away (RFC 5321 4.1.1.4).
	// If we crash after it, the caller has noted that the message may have been accepted.
	c.handedOver = true
	if err := handover(ctx); err != nil {
		c.broken = true
		return Receipt{}, err
	}
	return c.finish(private)
}

var crlf = []byte("\r\n")

// A command is one that a transaction begins with, and the reply that lets it go on; of 25 the first two digits.
type command struct {
	phase, line string
	reply       int
}

// begin sends the commands, all of them at once to a server that takes them so (PIPELINING, RFC 2920): a distant one then
// costs a mail two round trips and not four. The first refusal counts; what follows it is only its consequence.
func (c *conn) begin(ctx context.Context, private []string, commands []command) *Error {
	pipelining, _ := c.client.Extension("PIPELINING")
	sent := 0
	for i, command := range commands {
		err := c.do(ctx, func() error {
			var lines []byte
			for ; sent <= i || pipelining && sent < len(commands); sent++ {
				lines = append(append(lines, commands[sent].line...), crlf...)
			}
			if err := c.write(lines); err != nil {
				return err
			}
			_, _, err := c.client.Text.ReadResponse(command.reply)
			return err
		})
		if err != nil {
			e := failure(ctx, command.phase, err, private...)
			c.broken = !answered(e) || c.settle(ctx, sent-i-1) != nil
			return e
		}
	}
	return nil
}

// settle makes the connection fit for the next message after a refusal: it reads the replies to the commands that were sent
// ahead, and resets. A server that wants the text although it refused the recipient gets no dot: that could send something.
func (c *conn) settle(ctx context.Context, ahead int) error {
	return c.do(ctx, func() error {
		for range ahead {
			switch code, _, err := c.client.Text.ReadResponse(0); {
			case err != nil:
				return err
			case code == 354:
				return errors.New("the server waits for a message that was refused")
			}
		}
		return c.client.Reset()
	})
}

// write sends b, in one piece when nothing else is buffered.
func (c *conn) write(b []byte) error {
	if _, err := c.client.Text.W.Write(b); err != nil {
		return err
	}
	return c.client.Text.W.Flush()
}

// finish sends the dot and waits for the reply. There is no ctx: what is known so far is only that the message may be
// accepted, and nobody but the server can tell.
func (c *conn) finish(private []string) (Receipt, error) {
	c.tcp.SetDeadline(time.Now().Add(c.cfg.Timeout))
	err := c.write([]byte("\r\n.\r\n"))
	text := ""
	if err == nil {
		_, text, err = c.client.Text.ReadResponse(2) // any success
	}
	if err != nil {
		e := failure(context.Background(), "dot", err, private...)
		c.broken = !answered(e) || c.settle(context.Background(), 0) != nil
		return Receipt{}, e
	}
	_, text = splitReply(text)
	return Receipt{ID: redact(text, private...)}, nil
}

// quit takes leave of the server, which need not answer.
func (c *conn) quit() {
	c.tcp.SetDeadline(time.Now().Add(min(c.cfg.Timeout, 5*time.Second)))
	c.client.Quit()
	c.tcp.Close()
}

// answered reports whether e is an answer of a server that goes on listening.
func answered(e *Error) bool { return e.Code >= 400 && e.Code < 600 && e.Code != 421 }

// failure turns what went wrong in a phase into an *Error.
func failure(ctx context.Context, phase string, err error, private ...string) *Error {
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
	e.Text = redact(err.Error(), private...)
	if _, garbage := errors.AsType[textproto.ProtocolError](err); !garbage { // it quotes the server
		e.Err = err
	}
	return e
}
