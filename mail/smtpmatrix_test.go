package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A matrixCase is one behaviour of a server at one step, the same on each connection.
type matrixCase struct {
	phase    string
	action   mailtest.Action
	want     string // ok, or the fate, with the pause when there is one
	handed   int    // calls of handover
	accepted int    // messages that the server accepted
	conns    int    // connections: 2 if a second try makes sense
}

func say(reply string) mailtest.Action  { return mailtest.Action{Reply: reply} }
func slow(reply string) mailtest.Action { return mailtest.Action{Reply: reply, Slow: true} }

var (
	drop  = mailtest.Action{Drop: true}
	reset = mailtest.Action{Reset: true}
	hang  = mailtest.Action{Hang: true}
	long  = " " + strings.Repeat("x", 8<<10)
)

const (
	server  = "stop server 10m0s"
	rate    = "stop quota 1h0m0s"
	quota   = "stop quota 3h0m0s"
	account = "stop credentials 24h0m0s"
	from    = "stop sender 24h0m0s"
)

var matrix = []matrixCase{
	// Greeting and EHLO: an error here concerns every message.
	{"greet", say("220-a\n220-b\n220 c"), "ok", 1, 1, 1},
	{"greet", slow("220 a"), "ok", 1, 1, 1},
	{"greet", say("220" + long), "ok", 1, 1, 1},
	{"greet", say("421 4.3.2 closing"), server, 0, 0, 2},
	{"greet", mailtest.Action{Reply: "421 4.3.2 closing", Drop: true}, server, 0, 0, 2},
	{"greet", say("421 4.7.0 too many concurrent connections"), rate, 0, 0, 2},
	{"greet", say("432 4.3.2 concurrent connections limit exceeded"), rate, 0, 0, 1},
	{"greet", say("450 4.3.2 not now"), server, 0, 0, 1},
	{"greet", say("554 5.7.1 your address is listed"), server, 0, 0, 1},
	{"greet", say("554-a\n554 b"), server, 0, 0, 1},
	{"greet", say("250 what?"), server, 0, 0, 1},
	{"greet", say("HTTP/1.1 400 Bad Request"), server, 0, 0, 1},
	{"greet", say("2"), server, 0, 0, 1},
	{"greet", drop, server, 0, 0, 2},
	{"greet", mailtest.Action{Reply: "220-half a greeting", Drop: true}, server, 0, 0, 2},
	{"greet", hang, server, 0, 0, 1},
	{"ehlo", slow("250-mailtest\n250-AUTH PLAIN\n250 SIZE"), "ok", 1, 1, 1},
	{"ehlo", say("250-mailtest" + long + "\n250 AUTH PLAIN"), "ok", 1, 1, 1},
	{"ehlo", say("421 4.3.0 closing"), server, 0, 0, 2},
	{"ehlo", say("550 5.7.1 who are you?"), server, 0, 0, 1},
	{"ehlo", say("501 5.5.4 invalid domain"), server, 0, 0, 1},
	{"ehlo", say("354 what?"), server, 0, 0, 1},
	{"ehlo", say("hello to you"), server, 0, 0, 1},
	{"ehlo", drop, server, 0, 0, 2},
	{"ehlo", reset, server, 0, 0, 2},
	{"ehlo", hang, server, 0, 0, 1},

	// The login.
	{"auth", slow("235 2.7.0 ok"), "ok", 1, 1, 1},
	{"auth", say("235-2.7.0 welcome\n235 2.7.0 ok" + long), "ok", 1, 1, 1},
	{"auth", say("535 5.7.8 username and password not accepted"), account, 0, 0, 1},
	{"auth", say("535-5.7.8 username and password not accepted\n535 5.7.8 for more information ask siti@sekolah.sch.id"),
		account, 0, 0, 1},
	{"auth", say("535 5.7.1 authentication unsuccessful"), account, 0, 0, 1},
	{"auth", say("535 5.7.3 authentication unsuccessful"), account, 0, 0, 1},
	{"auth", say("535 5.7.139 authentication unsuccessful, SmtpClientAuthentication is disabled"), account, 0, 0, 1},
	{"auth", slow("535 no"), account, 0, 0, 1},
	{"auth", say("534-5.7.9 application-specific password required\n534 5.7.9 see there"), account, 0, 0, 1},
	{"auth", say("534 5.7.14 log in via your web browser"), account, 0, 0, 1},
	{"auth", say("538 encryption required for requested authentication mechanism"), account, 0, 0, 1},
	{"auth", say("504 5.7.4 unrecognized authentication type"), account, 0, 0, 1},
	{"auth", say("550 5.7.30 basic authentication is not supported"), account, 0, 0, 1},
	{"auth", say("502 5.5.1 no such command"), account, 0, 0, 1},
	{"auth", say("454 4.7.0 temporary authentication failure"), rate, 0, 0, 1},
	{"auth", say("454 4.7.0 too many login attempts, please try again later"), rate, 0, 0, 1},
	{"auth", say("451 4.3.0 try again"), rate, 0, 0, 1},
	{"auth", say("421 4.7.0 too many login attempts"), rate, 0, 0, 2},
	{"auth", say("421 4.4.2 timeout"), server, 0, 0, 2},
	{"auth", say("200 what?"), server, 0, 0, 1},
	{"auth", say("OK"), server, 0, 0, 1},
	{"auth", say("334 !!!"), server, 0, 0, 1},
	{"auth", drop, server, 0, 0, 2},
	{"auth", reset, server, 0, 0, 2},
	{"auth", hang, server, 0, 0, 1},

	// MAIL: the reply cannot be about the recipient.
	{"mail", slow("250-2.1.0 a\n250 2.1.0 b"), "ok", 1, 1, 1},
	{"mail", say("250" + long), "ok", 1, 1, 1},
	{"mail", say("550 5.7.1 sender not owned by user"), from, 0, 0, 1},
	{"mail", say("553 5.7.1 <perpus@sekolah.sch.id>: sender address rejected: not owned by user"), from, 0, 0, 1},
	{"mail", say("550 5.7.60 client does not have permissions to send as this sender"), from, 0, 0, 1},
	{"mail", say("501 5.1.7 invalid address"), from, 0, 0, 1},
	{"mail", say("550 the from address does not match a verified Sender Identity"), from, 0, 0, 1},
	{"mail", say("550 5.1.1 whatever this is, it is not the recipient"), from, 0, 0, 1},
	{"mail", say("554 5.7.1 lampu merah menyala"), "stop sender 50m0s", 0, 0, 1},
	{"mail", say("530 5.7.0 must issue a STARTTLS command first"), server, 0, 0, 1},
	{"mail", say("530 5.7.0 authentication required"), account, 0, 0, 1},
	{"mail", say("530 5.7.57 client not authenticated to send mail"), account, 0, 0, 1},
	{"mail", say("550 5.7.30 basic authentication is not supported"), account, 0, 0, 1},
	{"mail", say("552 5.3.4 message size exceeds fixed limit"), "refused", 0, 0, 1},
	{"mail", say("552 5.2.3 too long"), "refused", 0, 0, 1},
	{"mail", say("554 5.2.2 mailbox full"), quota, 0, 0, 1},
	{"mail", say("550 5.4.5 daily user sending limit exceeded"), quota, 0, 0, 1},
	{"mail", say("550 5.7.1 daily SMTP relay limit exceeded"), quota, 0, 0, 1},
	{"mail", say("451 authentication failed: maximum credits exceeded"), quota, 0, 0, 1},
	{"mail", say("550 5.1.90 your message can't be sent because you've reached your daily limit"), quota, 0, 0, 1},
	{"mail", say("550 5.7.232 your message can't be sent because your trial tenant has exceeded its limit"), quota, 0, 0,
		1},
	{"mail", say("550 5.7.233 your message can't be sent because your tenant exceeded its limit"), quota, 0, 0, 1},
	{"mail", say("550 5.2.251 sender throttled due to continuous invalid recipients errors"), rate, 0, 0, 1},
	{"mail", say("550 5.2.255 sender throttled"), rate, 0, 0, 1},
	{"mail", say("450 4.2.1 peak SMTP relay limit exceeded"), rate, 0, 0, 1},
	{"mail", say("421 4.7.28 an unusual rate of mail"), rate, 0, 0, 2},
	{"mail", say("432 4.3.2 concurrent connections limit exceeded"), rate, 0, 0, 1},
	{"mail", say("452 4.3.1 insufficient system storage"), server, 0, 0, 1},
	{"mail", say("451 4.3.0 local problem"), server, 0, 0, 1},
	{"mail", say("421 4.4.2 idle for too long"), server, 0, 0, 2},
	{"mail", mailtest.Action{Reply: "421 4.4.2 idle for too long", Drop: true}, server, 0, 0, 2},
	{"mail", say("354 what?"), server, 0, 0, 1},
	{"mail", say("<siti@sekolah.sch.id> what?"), server, 0, 0, 1},
	{"mail", drop, server, 0, 0, 2},
	{"mail", reset, server, 0, 0, 2},
	{"mail", hang, server, 0, 0, 1},

	// RCPT: this recipient, or our right to send.
	{"rcpt", slow("250 2.1.5 ok"), "ok", 1, 1, 1},
	{"rcpt", say("251 2.1.5 user not local, will forward"), "ok", 1, 1, 1},
	{"rcpt", say("250" + long), "ok", 1, 1, 1},
	{"rcpt", say("450 4.2.1 the user you are trying to contact is receiving mail too quickly"), "retry", 0, 0, 1},
	{"rcpt", say("550 5.2.1 the user you are trying to contact is receiving mail at a rate that prevents delivery"),
		"retry", 0, 0, 1},
	{"rcpt", say("450 4.7.1 <siti@sekolah.sch.id>: greylisted"), "retry", 0, 0, 1},
	{"rcpt", say("451 4.7.1 greylisting in action"), "retry", 0, 0, 1},
	{"rcpt", say("452 4.2.2 mailbox full"), "retry", 0, 0, 1},
	{"rcpt", say("452 4.5.3 too many recipients"), rate, 0, 0, 1},
	{"rcpt", say("450 later"), "retry", 0, 0, 1},
	{"rcpt", say("450 5.1.1 neither this nor that"), "retry", 0, 0, 1},
	{"rcpt", say("552 5.2.2 mailbox full"), "retry", 0, 0, 1},
	{"rcpt", say("552 requested mail action aborted: exceeded storage allocation"), "retry", 0, 0, 1},
	{"rcpt", say("550 mailbox is full"), "retry", 0, 0, 1},
	{"rcpt", say("554 over quota"), "retry", 0, 0, 1},
	{"rcpt", say("550-5.1.1 the email account that you tried to reach\n550-5.1.1 does not exist\n550 5.1.1 gsmtp"),
		"bad_address", 0, 0, 1},
	{"rcpt", slow("550 5.1.1 <siti@sekolah.sch.id>: user unknown"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 5.1.1" + long), "bad_address", 0, 0, 1},
	{"rcpt", say("550 5.1.2 host not found"), "bad_address", 0, 0, 1},
	{"rcpt", say("553 5.1.3 bad syntax"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 5.1.10 recipient not found"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 5.2.1 the account is disabled"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 5.4.1 recipient address rejected: access denied"), "bad_address", 0, 0, 1},
	{"rcpt", say("551 user not local"), "bad_address", 0, 0, 1},
	{"rcpt", say("511 5.1.1 invalid"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 no such user here"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 <siti@sekolah.sch.id>: user unknown"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 unrouteable address"), "bad_address", 0, 0, 1},
	{"rcpt", say("550 4.1.1 neither this nor that"), "refused", 0, 0, 1},
	{"rcpt", say("550 no"), "refused", 0, 0, 1},
	{"rcpt", say("550 5.7.1 you are not authorized to send to this group"), "refused", 0, 0, 1},
	{"rcpt", say("554 5.7.1 <siti@sekolah.sch.id>: relay access denied"), from, 0, 0, 1},
	{"rcpt", say("550 5.7.0 mail relay denied"), from, 0, 0, 1},
	{"rcpt", say("550 5.7.54 unable to relay recipient in non-accepted domain"), from, 0, 0, 1},
	{"rcpt", say("550-5.7.1 invalid credentials for relay [192.0.2.1]. The IP address you've\n550 5.7.1 registered"),
		from, 0, 0, 1},
	{"rcpt", say("550 5.7.1 the IP you're using to send mail is not authorized"), from, 0, 0, 1},
	{"rcpt", say("550 5.7.25 the IP address has no PTR record"), from, 0, 0, 1},
	{"rcpt", say("550 5.7.26 unauthenticated email is not accepted due to the domain's DMARC policy"), from, 0, 0, 1},
	{"rcpt", say("550 5.7.32 DKIM"), from, 0, 0, 1},
	{"rcpt", say("550 5.1.8 access denied, bad outbound sender"), from, 0, 0, 1},
	{"rcpt", say("550 sender verify failed: does not exist"), from, 0, 0, 1},
	{"rcpt", say("554 5.7.1 client host [192.0.2.1] blocked using a list"), from, 0, 0, 1},
	{"rcpt", say("535 5.7.8 log in first"), account, 0, 0, 1},
	{"rcpt", say("550 authentication required"), account, 0, 0, 1},
	{"rcpt", say("550 5.4.5 daily user sending limit exceeded"), quota, 0, 0, 1},
	{"rcpt", say("554 5.2.0 submission quota exceeded"), quota, 0, 0, 1},
	{"rcpt", say("550 5.7.1 rate limited"), rate, 0, 0, 1},
	{"rcpt", say("421 4.7.0 rate limit exceeded"), rate, 0, 0, 2},
	{"rcpt", say("421 4.3.0 closing"), server, 0, 0, 2},
	{"rcpt", say("354 what?"), "retry", 0, 0, 1},
	{"rcpt", say("siti, siti@sekolah.sch.id?"), "retry", 0, 0, 1},
	{"rcpt", drop, "retry", 0, 0, 2},
	{"rcpt", reset, "retry", 0, 0, 2},
	{"rcpt", hang, "retry", 0, 0, 1},

	// DATA.
	{"data", slow("354-a\n354 b"), "ok", 1, 1, 1},
	{"data", say("354" + long), "ok", 1, 1, 1},
	{"data", say("451 4.3.0 later"), "retry", 0, 0, 1},
	{"data", say("452 4.3.1 no space"), server, 0, 0, 1},
	{"data", say("554 5.5.1 no valid recipients"), "refused", 0, 0, 1},
	{"data", say("554 5.7.1 not for you"), "refused", 0, 0, 1},
	{"data", say("550 5.7.1 daily SMTP relay limit exceeded"), quota, 0, 0, 1},
	{"data", say("421 4.3.0 closing"), server, 0, 0, 2},
	{"data", say("250 what?"), "retry", 0, 0, 1},
	{"data", say("what?"), "retry", 0, 0, 1},
	{"data", say("354 go ahead\n250 2.0.0 already accepted, even"), "retry", 0, 0, 2},
	{"data", drop, "retry", 0, 0, 2},
	{"data", reset, "retry", 0, 0, 2},
	{"data", hang, "retry", 0, 0, 1},

	// The dot: a message may be accepted only here, so only here the outcome of a missing answer is unknown.
	{"dot", slow("250 2.0.0 ok"), "ok", 1, 1, 1},
	{"dot", say("250-2.0.0 a\n250 2.0.0 b"), "ok", 1, 1, 1},
	{"dot", say("250" + long), "ok", 1, 1, 1},
	{"dot", say("252 as good as accepted"), "ok", 1, 1, 1},
	{"dot", mailtest.Action{Reply: "250 2.0.0 ok", Drop: true}, "ok", 1, 1, 1},
	{"dot", say("451 4.3.0 later"), "retry", 1, 0, 1},
	{"dot", say("450 4.7.1 greylisted"), "retry", 1, 0, 1},
	{"dot", slow("452 4.3.1 no space"), server, 1, 0, 1},
	{"dot", say("550 5.2.1 the user is receiving mail at a rate that prevents delivery"), "retry", 1, 0, 1},
	{"dot", say("421 4.7.0 we have detected that this message is suspicious"), "retry", 1, 0, 1},
	{"dot", say("550 5.7.1 content rejected"), "refused", 1, 0, 1},
	{"dot", say("554-5.7.1 spam\n554 5.7.1 message from perpus@sekolah.sch.id to siti@sekolah.sch.id"), "refused", 1, 0,
		1},
	{"dot", say("554 5.6.0 bad message"), "refused", 1, 0, 1},
	{"dot", say("552 5.3.4 message too big"), "refused", 1, 0, 1},
	{"dot", say("552 5.2.3 message too long"), "refused", 1, 0, 1},
	{"dot", say("550 5.1.1 user unknown"), "refused", 1, 0, 1},
	{"dot", say("550 5.4.5 daily user sending limit exceeded"), quota, 1, 0, 1},
	{"dot", say("554 5.2.0 submission quota exceeded"), quota, 1, 0, 1},
	{"dot", say("550 5.7.26 DMARC"), from, 1, 0, 1},
	{"dot", say("550 the from address does not match a verified Sender Identity"), from, 1, 0, 1},
	{"dot", say("550-5.7.1 our system has detected an unusual rate of\n550 5.7.1 unsolicited mail"), rate, 1, 0, 1},
	{"dot", say("421 4.7.28 too many messages with the same Message-ID"), rate, 1, 0, 1},
	{"dot", say("421 4.3.0 closing"), server, 1, 0, 1},
	{"dot", say("354 what?"), "unknown", 1, 0, 1},
	{"dot", mailtest.Action{Reply: "354 what?", Accept: true}, "unknown", 1, 1, 1},
	{"dot", say("yes"), "unknown", 1, 0, 1},
	{"dot", say("2"), "unknown", 1, 1, 1},
	{"dot", drop, "unknown", 1, 0, 1},
	{"dot", reset, "unknown", 1, 0, 1},
	{"dot", hang, "unknown", 1, 0, 1},
	{"dot", mailtest.Action{Accept: true, Drop: true}, "unknown", 1, 1, 1},
	{"dot", mailtest.Action{Accept: true, Reset: true}, "unknown", 1, 1, 1},
	{"dot", mailtest.Action{Accept: true, Hang: true}, "unknown", 1, 1, 1},

	// After the acceptance nothing changes the outcome.
	{"quit", say("500 5.5.2 no"), "ok", 1, 1, 1},
	{"quit", drop, "ok", 1, 1, 1},
	{"quit", reset, "ok", 1, 1, 1},
	{"quit", hang, "ok", 1, 1, 1},
}

func TestSMTPMatrix(t *testing.T) {
	for i, c := range slices.Concat(matrix, matrix) {
		t.Run(fmt.Sprintf("%03d %s %.60q", i, c.phase, c.action.Reply), func(t *testing.T) {
			t.Parallel()
			srv := mailtest.NewServer(t, mailtest.Options{Username: "perpus", Password: "rahasia", NoPipeline: i < len(matrix),
				Script: func(cmd mailtest.Command) mailtest.Action {
					if cmd.Phase == c.phase {
						return c.action
					}
					return mailtest.Action{}
				}})
			handed := 0
			s := newSMTP(t, srv, func(cfg *SMTPConfig) {
				cfg.Username, cfg.Password = "perpus", "rahasia"
				if c.action.Hang {
					cfg.Timeout, cfg.DotTimeout = 500*time.Millisecond, 500*time.Millisecond
				}
			})
			_, err := s.Send(t.Context(), newMessage(1), func(context.Context) error { handed++; return nil })
			require.NoError(t, s.Close())
			srv.Close()

			assert.Equal(t, c.want, outcome(err), "%v", err)
			assert.Equal(t, c.handed, handed, "handover")
			assert.Len(t, srv.Messages(), c.accepted, "accepted")
			assert.Equal(t, c.conns, srv.Count("greet"), "connections")
			if err != nil {
				assert.NotRegexp(t, `(?i)siti|sekolah|perpus|rahasia|laskar`, err.Error())
				if cause := errors.Unwrap(err); cause != nil {
					assert.NotRegexp(t, `(?i)siti|sekolah|rahasia|laskar`, cause.Error())
				}
				if !c.action.Reset { // a reset also discards data that was not read yet
					assert.Contains(t, c.phase+" body", err.(*Error).Phase) // data that arrives too early is found after the body
				}
			}
		})
	}
}

// outcome returns in one line what an error from Send allows.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	e, ok := err.(*Error)
	if !ok {
		return "not classified: " + err.Error()
	}
	if e.Fate != Stop {
		return e.Fate.String()
	}
	return fmt.Sprintf("stop %s %s", e.Pause, e.PauseFor)
}

func newSMTP(t testing.TB, srv *mailtest.Server, change func(*SMTPConfig)) *SMTP {
	t.Helper()
	cfg := SMTPConfig{Host: srv.Host(), Port: srv.Port(), Security: PlainLoopback, RootCAs: srv.RootCAs(),
		Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSMTP(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func newMessage(n int) Message {
	return Message{
		ID:      fmt.Sprintf("r.%04d@sekolah.sch.id", n),
		Ref:     fmt.Sprintf("ref-%04d", n),
		Date:    time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC),
		From:    Address{Name: "Perpustakaan", Addr: "perpus@sekolah.sch.id"},
		To:      Address{Name: "Siti Nurhaliza", Addr: "siti@sekolah.sch.id"},
		Subject: "Laskar Pelangi harus kembali besok",
		Text:    "Halo Siti,\n\n.Buku ini harus kembali besok.\n..\n.\nSalam\n",
		HTML:    "<p>Halo Siti,</p>\n<p>Buku ini harus kembali besok.</p>\n",
		Lang:    "id",
	}
}
