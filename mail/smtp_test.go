package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func yes(context.Context) error { return nil }

// script returns a script in which f decides at one phase. f gets how often the phase was reached, from 1 on.
func script(phase string, f func(n int) mailtest.Action) func(mailtest.Command) mailtest.Action {
	var mu sync.Mutex
	n := 0
	return func(c mailtest.Command) mailtest.Action {
		if c.Phase != phase {
			return mailtest.Action{}
		}
		mu.Lock()
		defer mu.Unlock()
		n++
		return f(n)
	}
}

// first misbehaves once.
func first(a mailtest.Action) func(int) mailtest.Action {
	return func(n int) mailtest.Action {
		if n == 1 {
			return a
		}
		return mailtest.Action{}
	}
}

func phases(srv *mailtest.Server) string {
	var list []string
	for _, c := range srv.Commands() {
		list = append(list, c.Phase)
	}
	return strings.Join(list, " ")
}

func TestSMTPSend(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	m := newMessage(1)

	receipt, err := s.Send(t.Context(), m, yes)

	require.NoError(t, err)
	assert.Equal(t, "ok: queued as 000001", receipt.ID)
	require.Len(t, srv.Messages(), 1)
	got := srv.Messages()[0]
	assert.Equal(t, "perpus@sekolah.sch.id", got.From)
	assert.Equal(t, "siti@sekolah.sch.id", got.To)
	assert.Equal(t, m.ID, got.ID)
	raw, err := m.Bytes()
	require.NoError(t, err)
	assert.Equal(t, string(raw), string(got.Data), "what arrived is what Bytes says, dots and all")
	assert.Equal(t, m.Text, got.Parse(t).Text)
}

func TestSMTPKeepsItsConnection(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	for n := range 3 {
		_, err := s.Send(t.Context(), newMessage(n), yes)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	srv.Close()
	assert.Equal(t, "greet ehlo mail rcpt data dot mail rcpt data dot mail rcpt data dot quit", phases(srv))

	require.NoError(t, s.Close(), "closing twice is nothing special")
}

func TestSMTPSendsAgainAfterClose(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	for n := range 2 {
		_, err := s.Send(t.Context(), newMessage(n), yes)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	assert.Len(t, srv.Messages(), 2)
	assert.Equal(t, 2, srv.Count("greet"))
}

func TestSMTPResetsAfterRefusal(t *testing.T) {
	for i, phase := range []string{"mail", "rcpt", "data", "dot", "mail", "rcpt", "data", "dot"} {
		t.Run(phase, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{NoPipeline: i < 4, Script: script(phase, first(say("550 5.5.0 no")))})
			s := newSMTP(t, srv, nil)
			_, err := s.Send(t.Context(), newMessage(1), yes)
			require.Error(t, err)
			_, err = s.Send(t.Context(), newMessage(2), yes)
			require.NoError(t, err)

			assert.Equal(t, 1, srv.Count("rset"))
			assert.Equal(t, 1, srv.Count("greet"))
			require.Len(t, srv.Messages(), 1)
			assert.Equal(t, newMessage(2).ID, srv.Messages()[0].ID)
		})
	}
}

// Commands are sent together to a server with PIPELINING; any other server gets each command after it has answered the
// one before.
func TestSMTPPipelines(t *testing.T) {
	for _, pipelining := range []bool{true, false} {
		var wire *tap
		srv := mailtest.NewServer(t, mailtest.Options{NoPipeline: !pipelining,
			Script: script("mail", func(int) mailtest.Action {
				ahead := func() bool {
					return strings.HasSuffix(wire.sent(), "MAIL FROM:<perpus@sekolah.sch.id>\r\n"+
						"RCPT TO:<siti@sekolah.sch.id>\r\nDATA\r\n")
				}
				if pipelining {
					assert.Eventually(t, ahead, time.Minute, time.Millisecond)
				} else {
					assert.True(t, strings.HasSuffix(wire.sent(), "MAIL FROM:<perpus@sekolah.sch.id>\r\n"))
				}
				return mailtest.Action{}
			})})
		wire = newTap(t, srv.Addr())
		s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: wire.port(), Security: PlainLoopback})
		require.NoError(t, err)
		for n := range 2 {
			_, err = s.Send(t.Context(), newMessage(n), yes)
			require.NoError(t, err)
		}
		require.NoError(t, s.Close())
		assert.Len(t, srv.Messages(), 2)
	}
}

func TestSMTPLeavesAConnectionThatCannotGoOn(t *testing.T) {
	for phase, action := range map[string]mailtest.Action{
		"rset": say("500 5.5.2 no"),
		"data": say("354 nevertheless"), // it waits for a text, and no dot may be sent
	} {
		t.Run(phase, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
				switch {
				case c.Conn == 1 && c.Phase == "rcpt":
					return say("550 5.1.1 no")
				case c.Conn == 1 && c.Phase == phase:
					return action
				}
				return mailtest.Action{}
			}})
			s := newSMTP(t, srv, nil)
			_, err := s.Send(t.Context(), newMessage(1), yes)
			require.Equal(t, BadAddress, FateOf(err))
			_, err = s.Send(t.Context(), newMessage(2), yes)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			srv.Close()
			assert.Equal(t, 2, srv.Count("greet"))
			assert.Equal(t, 1, srv.Count("dot"))
			assert.Len(t, srv.Messages(), 1)
		})
	}
}

func TestSMTPLimitsOfAConnection(t *testing.T) {
	tests := map[string]struct {
		change func(*SMTPConfig)
		want   []int // connection of each of five messages
	}{
		"by number": {func(c *SMTPConfig) { c.MaxPerConnection = 2 }, []int{1, 1, 2, 2, 3}},
		"by age":    {func(c *SMTPConfig) { c.MaxAge = 1 }, []int{1, 2, 3, 4, 5}},
		"none":      {func(*SMTPConfig) {}, []int{1, 1, 1, 1, 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{})
			s := newSMTP(t, srv, tt.change)
			for n := range tt.want {
				_, err := s.Send(t.Context(), newMessage(n), yes)
				require.NoError(t, err)
			}
			var conns []int
			for _, m := range srv.Messages() {
				conns = append(conns, m.Conn)
			}
			assert.Equal(t, tt.want, conns)
		})
	}
}

// A connection that dies while it is idle, or before the handover, costs a message no try.
func TestSMTPReconnectsOnce(t *testing.T) {
	idle := map[string]mailtest.Action{ // at the second MAIL, on the first connection
		"421":      say("421 4.4.2 idle for too long"),
		"421, EOF": {Reply: "421 4.4.2 idle for too long", Drop: true},
		"EOF":      drop,
		"RST":      reset,
		"silence":  hang,
	}
	for name, action := range idle {
		t.Run("idle "+name, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{Script: script("mail", func(n int) mailtest.Action {
				if n == 2 {
					return action
				}
				return mailtest.Action{}
			})})
			s := newSMTP(t, srv, func(c *SMTPConfig) {
				if name == "silence" {
					c.Timeout, c.DotTimeout = 500*time.Millisecond, 500*time.Millisecond
				}
			})
			handed := 0
			for n := range 2 {
				_, err := s.Send(t.Context(), newMessage(n), func(context.Context) error { handed++; return nil })
				require.NoError(t, err)
			}
			assert.Equal(t, 2, handed)
			assert.Len(t, srv.Messages(), 2)
			assert.Equal(t, 2, srv.Count("greet"))
		})
	}
	for _, phase := range []string{"greet", "ehlo", "auth", "mail", "rcpt", "data"} {
		t.Run("new "+phase, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{Username: "perpus", Password: "rahasia",
				Script: script(phase, first(mailtest.Action{Reply: "421 4.3.0 closing", Drop: true}))})
			s := newSMTP(t, srv, func(c *SMTPConfig) { c.Username, c.Password = "perpus", "rahasia" })
			_, err := s.Send(t.Context(), newMessage(1), yes)
			require.NoError(t, err)
			assert.Len(t, srv.Messages(), 1)
			assert.Equal(t, 2, srv.Count("greet"))
		})
	}
	t.Run("all idle ones are gone", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{})
		s := newSMTP(t, srv, nil)
		var both sync.WaitGroup // two messages at once make two connections
		both.Add(2)
		meet := func(context.Context) error {
			both.Done()
			both.Wait()
			return nil
		}
		var wg sync.WaitGroup
		for n := range 2 {
			wg.Go(func() {
				_, err := s.Send(t.Context(), newMessage(n), meet)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		srv.CloseConnections()
		_, err := s.Send(t.Context(), newMessage(3), yes)
		require.NoError(t, err)
		assert.Len(t, srv.Messages(), 3)
	})
}

func TestSMTPServerDown(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	_, err := s.Send(t.Context(), newMessage(1), yes)
	require.NoError(t, err)
	srv.Close()

	_, err = s.Send(t.Context(), newMessage(2), yes)
	assert.Equal(t, "stop server 10m0s", outcome(err))
	assert.Equal(t, "connect", err.(*Error).Phase)

	again := mailtest.NewServer(t, mailtest.Options{Addr: srv.Addr()})
	_, err = s.Send(t.Context(), newMessage(2), yes)
	require.NoError(t, err)
	assert.Len(t, again.Messages(), 1)
}

func TestSMTPConcurrent(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{Script: script("mail", func(n int) mailtest.Action {
		if n%10 == 0 { // some connections break, and every message still arrives once
			return drop
		}
		return mailtest.Action{}
	})})
	s := newSMTP(t, srv, func(c *SMTPConfig) { c.MaxPerConnection = 7 })
	const workers, each = 8, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				// Two drops in a row for one message are possible, and then it is the caller's turn.
				for {
					_, err := s.Send(t.Context(), newMessage(w*each+i), yes)
					if err == nil {
						break
					}
					assert.Equal(t, Stop, FateOf(err))
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.Close())
	ids := map[string]int{}
	for _, m := range srv.Messages() {
		ids[m.ID]++
	}
	assert.Len(t, srv.Messages(), workers*each)
	assert.Len(t, ids, workers*each)
}

// The handover is called when the server has all of the message but its end.
func TestSMTPHandoverComesBetweenBodyAndDot(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	wire := newTap(t, srv.Addr())
	s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: wire.port(), Security: PlainLoopback})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	m := newMessage(1)
	raw, err := m.Bytes()
	require.NoError(t, err)
	stuffed := strings.TrimSuffix(strings.ReplaceAll(string(raw), "\r\n.", "\r\n.."), "\r\n")

	calls := 0
	_, err = s.Send(t.Context(), m, func(context.Context) error {
		calls++
		assert.Eventually(t, func() bool { return strings.HasSuffix(wire.sent(), "DATA\r\n"+stuffed) },
			time.Minute, time.Millisecond)
		assert.Zero(t, srv.Count("dot"))
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, calls)
	assert.True(t, strings.HasSuffix(wire.sent(), stuffed+"\r\n.\r\n"))
}

func TestSMTPHandoverRefused(t *testing.T) {
	for _, security := range []mailtest.TLS{mailtest.Plain, mailtest.Implicit} {
		srv := mailtest.NewServer(t, mailtest.Options{TLS: security})
		s := newSMTP(t, srv, func(c *SMTPConfig) {
			if security == mailtest.Implicit {
				c.Security = ImplicitTLS
			}
		})
		refusal := errors.New("another runner has it")
		_, err := s.Send(t.Context(), newMessage(1), func(context.Context) error { return refusal })
		assert.Same(t, refusal, err, "as it is")
		_, err = s.Send(t.Context(), newMessage(2), yes)
		require.NoError(t, err)

		require.NoError(t, s.Close())
		srv.Close()
		require.Len(t, srv.Messages(), 1)
		assert.Equal(t, newMessage(2).ID, srv.Messages()[0].ID)
		assert.Equal(t, "greet ehlo mail rcpt data greet ehlo mail rcpt data dot quit", phases(srv))
	}
}

// The time limit for the answer begins after the handover, which may take long.
func TestSMTPSlowHandover(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	c, err := newSMTP(t, srv, nil).connect(t.Context(), func(Step) {})
	require.NoError(t, err)
	defer c.tcp.Close()
	m := newMessage(1)
	raw, err := m.Bytes()
	require.NoError(t, err)
	_, err = c.deliver(t.Context(), m, raw, 0, func(context.Context) error { return c.tcp.SetDeadline(time.Unix(1, 0)) })
	require.NoError(t, err)
	assert.Len(t, srv.Messages(), 1)
}

// A connection that cannot be used any more is closed at once, without waiting for the server.
func TestSMTPClosesUselessConnections(t *testing.T) {
	for _, phase := range []string{"greet", "ehlo", "mail", "rcpt", "data", "dot"} {
		t.Run(phase, func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{Script: script(phase,
				func(int) mailtest.Action { return say("what?") })})
			_, err := newSMTP(t, srv, nil).Send(t.Context(), newMessage(1), yes)
			require.Error(t, err)
			assert.Eventually(t, func() bool { return srv.Open() == 0 }, time.Minute, time.Millisecond)
		})
	}
}

func TestSMTPServerGoesDuringHandover(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	calls := 0
	_, err := s.Send(t.Context(), newMessage(1), func(context.Context) error {
		calls++
		srv.CloseConnections()
		return nil
	})
	assert.Equal(t, "retry", outcome(err), "no byte of the dot left")
	assert.Equal(t, 1, calls)
	assert.Equal(t, 1, srv.Count("greet"), "never tried again")
	assert.Equal(t, "body", err.(*Error).Phase)
}

// If a virus scanner closes the connection because of the text, or sends something, handover is not called.
func TestSMTPClosedAfterTheText(t *testing.T) {
	for name, action := range map[string]mailtest.Action{
		"EOF": drop, "RST": reset, "a word": {Reply: "554 virus found", Hang: true},
		"a good word": {Reply: "250 ok", Hang: true},
	} {
		for _, security := range []Security{PlainLoopback, ImplicitTLS, StartTLS} {
			t.Run(fmt.Sprintf("%s %d", name, security), func(t *testing.T) {
				t.Parallel()
				srv := mailtest.NewServer(t, mailtest.Options{TLS: tlsOf[security],
					Script: func(c mailtest.Command) mailtest.Action {
						if c.Phase == "body" && c.Conn <= 6 {
							return action
						}
						return mailtest.Action{}
					}})
				s := newSMTP(t, srv, func(c *SMTPConfig) { c.Security = security })
				s.patience.Store(int64(time.Minute)) // this machine may be busier than the server's reply
				handed := 0
				hand := func(context.Context) error { handed++; return nil }
				for n := range 3 {
					_, err := s.Send(t.Context(), newMessage(n), hand)
					assert.Equal(t, "retry", outcome(err), "%v", err)
				}
				assert.Equal(t, 6, srv.Count("greet"), "each was tried on a new connection")
				assert.Zero(t, handed)
				assert.Zero(t, srv.Count("dot"))
				_, err := s.Send(t.Context(), newMessage(4), hand)
				require.NoError(t, err)
				assert.Len(t, srv.Messages(), 1)
				_, err = s.Send(t.Context(), newMessage(5), hand)
				require.NoError(t, err)
				assert.Zero(t, s.patience.Load(), "what is accepted needs no patience")
			})
		}
	}
}

var tlsOf = map[Security]mailtest.TLS{PlainLoopback: mailtest.Plain, ImplicitTLS: mailtest.Implicit,
	StartTLS: mailtest.StartTLS}

// A server may take as long for a message as RFC 5321 allows; its other replies must be fast.
func TestSMTPWaitsLongerAfterTheDot(t *testing.T) {
	s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: 25, Security: PlainLoopback})
	require.NoError(t, err)
	assert.Equal(t, time.Minute, s.cfg.Timeout)
	assert.Equal(t, 10*time.Minute, s.cfg.DotTimeout)
	for phase, want := range map[string]string{"rcpt": "retry", "dot": "ok"} {
		think := make(chan struct{})
		srv := mailtest.NewServer(t, mailtest.Options{Script: script(phase,
			func(int) mailtest.Action { <-think; return mailtest.Action{} })})
		done := sync.OnceFunc(func() { close(think) })
		t.Cleanup(done) // before the server waits for its connections
		if phase == "dot" {
			defer time.AfterFunc(2*time.Second, done).Stop()
		}
		s := newSMTP(t, srv, func(c *SMTPConfig) { c.Timeout = time.Second })
		_, err := s.Send(t.Context(), newMessage(1), yes)
		assert.Equal(t, want, outcome(err), phase)
	}
}

// A server that sends without end is disconnected before its data fills the memory.
func TestSMTPRepliesAreBounded(t *testing.T) {
	endless := map[string]string{"one line": strings.Repeat("x", 32<<20), "many lines": strings.Repeat("a\n250-", 5<<20)}
	for name, text := range endless {
		for phase, want := range map[string]string{"greet": server, "ehlo": server, "rcpt": "retry", "dot": "unknown"} {
			t.Run(name+" "+phase, func(t *testing.T) {
				srv := mailtest.NewServer(t, mailtest.Options{Script: script(phase, func(int) mailtest.Action {
					return say(map[string]string{"greet": "220-"}[phase] + "250-" + text)
				})})
				s := newSMTP(t, srv, nil)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				c, err := s.connect(t.Context(), func(Step) {})
				if err == nil {
					m := newMessage(1)
					raw, _ := m.Bytes()
					_, err = c.deliver(t.Context(), m, raw, 0, yes)
					c.tcp.Close()
				}
				runtime.ReadMemStats(&after)
				assert.Equal(t, want, outcome(err))
				assert.Less(t, len(err.Error()), 400)
				srv.Close()
			})
		}
	}
}

// Texts of a login that a server repeats are in no error, neither at AUTH nor later.
func TestSMTPErrorsHideTheLogin(t *testing.T) {
	const username, password = "perpus@sekolah.sch.id", "Rahasia#42 panjang"
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	plain := b64("\x00" + username + "\x00" + password)
	echoes := []string{username, "perpus", password, strings.ToUpper(password), b64(username), b64(password), plain,
		strings.TrimRight(plain, "="), plain[:20], plain[10:], "AUTH PLAIN " + plain + " failed", "<" + password + ">",
		"(" + b64(password) + ")"}
	for _, auth := range []Auth{AuthPlain, AuthLogin, AuthCRAMMD5, AuthXOAUTH2} {
		for _, phase := range []string{"greet", "ehlo", "auth", "mail", "rcpt", "dot"} {
			t.Run(string(auth)+" "+phase, func(t *testing.T) {
				t.Parallel()
				said := "535 5.7.8 " + strings.Join(echoes, " ; ")
				first := true
				srv := mailtest.NewServer(t, mailtest.Options{Username: username, Password: password, Auth: []string{string(auth)},
					Script: func(c mailtest.Command) mailtest.Action {
						switch {
						case c.Phase == phase && c.Phase == "auth" && first: // the server has got all of the login
							first = false
							return mailtest.Action{}
						case c.Phase == phase && c.Phase != "auth":
							return say(said)
						}
						return mailtest.Action{}
					}})
				s := newSMTP(t, srv, func(c *SMTPConfig) {
					c.Auth, c.Username, c.Password = auth, username, password
					if auth == AuthXOAUTH2 {
						c.Token = password
					}
				})
				c, err := s.connect(t.Context(), func(step Step) { assert.NotContains(t, step.Detail, password) })
				if phase == "auth" {
					require.NoError(t, err)
					err = c.failure(t.Context(), "auth", &textproto.Error{Code: 535, Msg: strings.TrimPrefix(said, "535 ")})
				} else if err == nil {
					m := newMessage(1)
					raw, _ := m.Bytes()
					_, err = c.deliver(t.Context(), m, raw, 0, yes)
				}
				if c != nil {
					c.tcp.Close()
				}
				e := err.(*Error)
				got := fmt.Sprintf("%v %+v %v", e, *e, errors.Unwrap(e))
				for _, canary := range []string{"perpus", "Rahasia", "RAHASIA", "panjang", b64(username)[:12], b64(password)[:12],
					plain[:12], plain[12:24]} {
					assert.NotContains(t, got, canary)
				}
			})
		}
	}
}

// An incomplete reply is no reply, even if it looks like one: "550 5.7" may be the beginning of a limit for the
// account.
func TestSMTPTakesWholeRepliesOnly(t *testing.T) {
	for _, security := range []Security{PlainLoopback, ImplicitTLS, StartTLS} {
		for _, phase := range []string{"greet", "ehlo", "auth", "mail", "rcpt", "data"} {
			srv := mailtest.NewServer(t, mailtest.Options{TLS: tlsOf[security], Username: "perpus", Password: "rahasia",
				Script: func(c mailtest.Command) mailtest.Action {
					if c.Conn == 1 && c.Phase == phase {
						return mailtest.Action{Reply: "550 5.7", Cut: 2, Drop: true}
					}
					return mailtest.Action{}
				}})
			s := newSMTP(t, srv, func(c *SMTPConfig) { c.Security, c.Username, c.Password = security, "perpus", "rahasia" })
			_, err := s.Send(t.Context(), newMessage(1), yes)
			assert.NoError(t, err, "%s: a new connection has the answer", phase)
		}
	}
}

// Before the handover Send ends at once with its ctx; after it only the server's answer counts.
func TestSMTPCanceled(t *testing.T) {
	for _, phase := range []string{"greet", "ehlo", "starttls", "auth", "mail", "rcpt", "data"} {
		t.Run(phase, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv := mailtest.NewServer(t, mailtest.Options{TLS: mailtest.StartTLS, Username: "perpus", Password: "rahasia",
				NoPipeline: true, Script: script(phase, func(int) mailtest.Action { cancel(); return hang })})
			s := newSMTP(t, srv, func(c *SMTPConfig) {
				c.Security, c.Username, c.Password = StartTLS, "perpus", "rahasia"
			})
			_, err := s.Send(ctx, newMessage(1), func(context.Context) error { t.Error("handed over"); return nil })
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, "stop  0s", outcome(err), "stop, and no pause: the server is not to blame")
			if phase != "greet" { // the server is there before the client knows
				assert.Equal(t, phase, err.(*Error).Phase)
			}
			assert.Equal(t, 1, srv.Count("greet"), "not tried again")
		})
	}
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		srv := mailtest.NewServer(t, mailtest.Options{})
		s := newSMTP(t, srv, nil)
		_, err := s.Send(ctx, newMessage(1), yes)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, srv.Count("greet"))

		_, err = s.Send(t.Context(), newMessage(2), yes)
		require.NoError(t, err)
		_, err = s.Send(ctx, newMessage(3), yes)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, srv.Count("mail"), "nor on a connection that is there")
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		srv := mailtest.NewServer(t, mailtest.Options{Script: script("rcpt", func(int) mailtest.Action { return hang })})
		_, err := newSMTP(t, srv, nil).Send(ctx, newMessage(1), yes)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("in handover", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv := mailtest.NewServer(t, mailtest.Options{})
		s := newSMTP(t, srv, nil)
		_, err := s.Send(ctx, newMessage(1), func(context.Context) error { cancel(); return nil })
		require.NoError(t, err)
		_, err = s.Send(t.Context(), newMessage(2), yes)
		require.NoError(t, err)
		assert.Len(t, srv.Messages(), 2)
		assert.Equal(t, 1, srv.Count("greet"), "the connection is as good as before")
	})
	t.Run("dot", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv := mailtest.NewServer(t, mailtest.Options{Script: script("dot", func(int) mailtest.Action {
			cancel()
			return slow("250 2.0.0 accepted")
		})})
		receipt, err := newSMTP(t, srv, nil).Send(ctx, newMessage(1), yes)
		require.NoError(t, err)
		assert.Equal(t, "accepted", receipt.ID)
	})
}

func TestSMTPRefusesBadMessages(t *testing.T) {
	srv := mailtest.NewServer(t, mailtest.Options{})
	s := newSMTP(t, srv, nil)
	m := newMessage(1)
	m.To.Addr = "siti> ORCPT=rfc822;x@evil.example"
	_, err := s.Send(t.Context(), m, yes)
	assert.Equal(t, "bad_address", outcome(err))
	assert.Zero(t, srv.Count("greet"))
}

func TestSMTPUTF8(t *testing.T) {
	m := newMessage(1)
	m.To.Addr = "sítí@sekolah.sch.id"
	t.Run("offered", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{})
		_, err := newSMTP(t, srv, nil).Send(t.Context(), m, yes)
		require.NoError(t, err)
		require.Len(t, srv.Messages(), 1)
		assert.Equal(t, m.To.Addr, srv.Messages()[0].To)
	})
	t.Run("not offered", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{NoSMTPUTF8: true})
		s := newSMTP(t, srv, nil)
		_, err := s.Send(t.Context(), m, func(context.Context) error { t.Error("handed over"); return nil })
		assert.Equal(t, "bad_address", outcome(err))
		_, err = s.Send(t.Context(), newMessage(2), yes)
		require.NoError(t, err)
		assert.Equal(t, 1, srv.Count("greet"), "the connection was not to blame")
	})
	t.Run("not asked for", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{})
		wire := newTap(t, srv.Addr())
		s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: wire.port(), Security: PlainLoopback})
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		_, err = s.Send(t.Context(), newMessage(1), yes)
		require.NoError(t, err)
		assert.Contains(t, wire.sent(), "MAIL FROM:<perpus@sekolah.sch.id>")
		assert.NotContains(t, wire.sent(), "SMTPUTF8")
	})
}

func TestSMTPLogin(t *testing.T) {
	tests := []struct {
		offered    string
		auth       Auth
		token      bool
		want       string // the mechanism used; else the outcome
		wrongFails bool
	}{
		{"PLAIN LOGIN CRAM-MD5", AuthAuto, false, "PLAIN", true},
		{"LOGIN CRAM-MD5", AuthAuto, false, "LOGIN", true},
		{"CRAM-MD5", AuthAuto, false, "CRAM-MD5", true},
		{"PLAIN LOGIN XOAUTH2", AuthAuto, true, "XOAUTH2", true},
		{"PLAIN LOGIN", AuthLogin, false, "LOGIN", true},
		{"PLAIN CRAM-MD5", AuthCRAMMD5, false, "CRAM-MD5", true},
		{"PLAIN XOAUTH2", AuthXOAUTH2, true, "XOAUTH2", true},
		{"SCRAM-SHA-256", AuthAuto, false, account, false},
		{"PLAIN", AuthLogin, false, account, false},
	}
	for _, tt := range tests {
		t.Run(tt.offered+" "+string(tt.auth), func(t *testing.T) {
			srv := mailtest.NewServer(t, mailtest.Options{TLS: mailtest.StartTLS, Username: "perpus@sekolah.sch.id",
				Password: "rahasia", Auth: strings.Fields(tt.offered)})
			login := func(secret string) *SMTP {
				return newSMTP(t, srv, func(c *SMTPConfig) {
					c.Security, c.Auth, c.Username = StartTLS, tt.auth, "perpus@sekolah.sch.id"
					if tt.token {
						c.Token = secret
					} else {
						c.Password = secret
					}
				})
			}
			_, err := login("rahasia").Send(t.Context(), newMessage(1), yes)
			if err != nil {
				assert.Equal(t, tt.want, outcome(err))
				return
			}
			require.Len(t, srv.Messages(), 1)
			got := srv.Messages()[0]
			assert.True(t, got.TLS)
			assert.Equal(t, "perpus@sekolah.sch.id", got.User)
			for _, c := range srv.Commands() {
				if c.Phase == "auth" {
					assert.Equal(t, tt.want, strings.Fields(c.Arg)[0])
				}
			}

			_, err = login("salah").Send(t.Context(), newMessage(2), yes)
			assert.Equal(t, account, outcome(err))
			assert.Len(t, srv.Messages(), 1)
		})
	}
	t.Run("no AUTH at all", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{})
		s := newSMTP(t, srv, func(c *SMTPConfig) { c.Username, c.Password = "perpus", "rahasia" })
		_, err := s.Send(t.Context(), newMessage(1), yes)
		assert.Equal(t, account, outcome(err))
	})
}

func TestSMTPOverTLS(t *testing.T) {
	later := time.Now().Add(time.Hour)
	good := mailtest.NewCertificate(t, later, "127.0.0.1")
	expired := mailtest.NewCertificate(t, time.Now().Add(-time.Hour), "127.0.0.1")
	future := mailtest.NewCertificate(t, time.Now().Add(72*time.Hour), "127.0.0.1")
	other := mailtest.NewCertificate(t, later, "mail.example.org")
	const certificate = true
	tests := []struct {
		name        string
		server      mailtest.TLS
		client      Security
		certificate *tls.Certificate
		trusted     bool
		script      func(mailtest.Command) mailtest.Action
		want        string
		phase       string
		badCert     bool // the error names the certificate
	}{
		{"implicit", mailtest.Implicit, ImplicitTLS, &good, true, nil, "ok", "", false},
		{"starttls", mailtest.StartTLS, StartTLS, &good, true, nil, "ok", "", false},
		{"implicit unknown authority", mailtest.Implicit, ImplicitTLS, &good, false, nil, server, "tls", certificate},
		{"starttls unknown authority", mailtest.StartTLS, StartTLS, &good, false, nil, server, "starttls", certificate},
		{"implicit expired", mailtest.Implicit, ImplicitTLS, &expired, true, nil, server, "tls", certificate},
		{"starttls expired", mailtest.StartTLS, StartTLS, &expired, true, nil, server, "starttls", certificate},
		{"implicit not yet valid", mailtest.Implicit, ImplicitTLS, &future, true, nil, server, "tls", certificate},
		{"implicit other name", mailtest.Implicit, ImplicitTLS, &other, true, nil, server, "tls", certificate},
		{"starttls other name", mailtest.StartTLS, StartTLS, &other, true, nil, server, "starttls", certificate},
		{"starttls not offered", mailtest.Plain, StartTLS, nil, false, nil, server, "starttls", false},
		{"starttls on a TLS port", mailtest.Implicit, StartTLS, &good, true, nil, server, "greet", false},
		{"TLS on a plain port", mailtest.StartTLS, ImplicitTLS, &good, true, nil, server, "tls", false},
		{"starttls later", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return say("454 4.7.0 TLS not available") }), server, "starttls",
			false},
		{"starttls refused", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return say("502 5.5.1 no") }), server, "starttls", false},
		{"starttls garbage", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return say("hello") }), server, "starttls", false},
		{"starttls EOF", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return drop }), server, "starttls", false},
		{"starttls EOF in handshake", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return mailtest.Action{Reply: "220 go", Drop: true} }),
			server, "starttls", false},
		{"starttls RST", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return reset }), server, "starttls", false},
		{"starttls hang in handshake", mailtest.StartTLS, StartTLS, &good, true,
			script("starttls", func(int) mailtest.Action { return mailtest.Action{Reply: "220 go", Hang: true} }),
			server, "starttls", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := mailtest.NewServer(t, mailtest.Options{TLS: tt.server, Certificate: tt.certificate, Script: tt.script,
				Username: "perpus", Password: "rahasia"})
			s := newSMTP(t, srv, func(c *SMTPConfig) {
				c.Security, c.Username, c.Password = tt.client, "perpus", "rahasia"
				if !tt.trusted {
					c.RootCAs = x509.NewCertPool()
				}
				if strings.Contains(tt.name, "hang") || strings.Contains(tt.name, "port") {
					c.Timeout, c.DotTimeout = 500*time.Millisecond, 500*time.Millisecond
				}
			})
			_, err := s.Send(t.Context(), newMessage(1), yes)
			assert.Equal(t, tt.want, outcome(err))
			if err == nil {
				require.Len(t, srv.Messages(), 1)
				assert.True(t, srv.Messages()[0].TLS)
				return
			}
			assert.Equal(t, tt.phase, err.(*Error).Phase)
			_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
			assert.Equal(t, tt.badCert, badCert)
			assert.Zero(t, srv.Count("auth"), "no password without TLS")
			assert.Zero(t, srv.Count("mail"), "no address without TLS")
		})
	}
	t.Run("below TLS 1.2", func(t *testing.T) {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{good},
			MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		require.NoError(t, err)
		defer l.Close()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, "220 old\r\n") // shakes hands
				c.Close()
			}
		})
		pool := x509.NewCertPool()
		pool.AddCert(good.Leaf)
		s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, RootCAs: pool})
		require.NoError(t, err)
		_, err = s.Send(t.Context(), newMessage(1), yes)
		assert.Equal(t, server, outcome(err))
		assert.Equal(t, "tls", err.(*Error).Phase)
		assert.ErrorIs(t, err, ErrOldTLS, "which a caller can tell in the language of the user")
		l.Close()
	})
}

func TestSMTPProbe(t *testing.T) {
	names := func(steps []Step) (list []string) {
		for _, s := range steps {
			list = append(list, s.Name)
		}
		return list
	}
	t.Run("good", func(t *testing.T) {
		for security, want := range map[Security]string{
			ImplicitTLS: "resolve connect tls greet ehlo auth", StartTLS: "resolve connect greet ehlo starttls auth",
		} {
			srv := mailtest.NewServer(t, mailtest.Options{Username: "perpus", Password: "rahasia",
				TLS: tlsOf[security]})
			s := newSMTP(t, srv, func(c *SMTPConfig) { c.Security, c.Username, c.Password = security, "perpus", "rahasia" })
			steps := s.Probe(t.Context())
			assert.Equal(t, want, strings.Join(names(steps), " "))
			details := ""
			for _, step := range steps {
				assert.NoError(t, step.Err, step.Name)
				details += step.Detail + "\n"
			}
			assert.Contains(t, details, srv.Addr())
			assert.Contains(t, details, "TLS 1.3, certificate of CN=127.0.0.1 by CN=127.0.0.1, valid from ")
			assert.Contains(t, details, "PLAIN")
			srv.Close()
			assert.Zero(t, srv.Count("mail"))
			assert.Equal(t, 1, srv.Count("quit"))
		}
	})
	t.Run("no such host", func(t *testing.T) {
		s, err := NewSMTP(SMTPConfig{Host: "no host name", Port: 25})
		require.NoError(t, err)
		steps := s.Probe(t.Context())
		assert.Equal(t, []string{"resolve"}, names(steps))
		dnsErr, ok := errors.AsType[*net.DNSError](steps[0].Err)
		require.True(t, ok)
		assert.True(t, dnsErr.IsNotFound)
	})
	t.Run("nobody there", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{})
		srv.Close()
		steps := newSMTP(t, srv, nil).Probe(t.Context())
		assert.Equal(t, []string{"resolve", "connect"}, names(steps))
		assert.Equal(t, server, outcome(steps[1].Err))
	})
	t.Run("expired certificate", func(t *testing.T) {
		expired := mailtest.NewCertificate(t, time.Now().Add(-time.Hour), "127.0.0.1")
		srv := mailtest.NewServer(t, mailtest.Options{TLS: mailtest.Implicit, Certificate: &expired})
		steps := newSMTP(t, srv, func(c *SMTPConfig) { c.Security = ImplicitTLS }).Probe(t.Context())
		assert.Equal(t, []string{"resolve", "connect", "tls"}, names(steps))
		assert.Contains(t, steps[2].Detail, "certificate of CN=127.0.0.1")
		invalid, ok := errors.AsType[x509.CertificateInvalidError](steps[2].Err)
		require.True(t, ok, "a caller can see that the clock may be wrong")
		assert.Equal(t, x509.Expired, invalid.Reason)
	})
	t.Run("wrong password", func(t *testing.T) {
		srv := mailtest.NewServer(t, mailtest.Options{Username: "perpus", Password: "rahasia"})
		steps := newSMTP(t, srv, func(c *SMTPConfig) { c.Username, c.Password = "perpus", "salah" }).Probe(t.Context())
		assert.Equal(t, []string{"resolve", "connect", "greet", "ehlo", "auth"}, names(steps))
		last := steps[len(steps)-1].Err.(*Error)
		assert.Equal(t, PauseCredentials, last.Pause)
		assert.Equal(t, 535, last.Code)
		assert.Equal(t, "5.7.8", last.Enhanced)
	})
}

func TestNewSMTP(t *testing.T) {
	good := SMTPConfig{Host: "smtp.gmail.com", Port: 465, Username: "a@gmail.com", Password: "p"}
	tests := map[string]struct {
		change func(*SMTPConfig)
		ok     bool
	}{
		"good":              {func(*SMTPConfig) {}, true},
		"no login":          {func(c *SMTPConfig) { c.Username, c.Password = "", "" }, true},
		"token":             {func(c *SMTPConfig) { c.Password, c.Token = "", "t" }, true},
		"plain localhost":   {func(c *SMTPConfig) { c.Security, c.Host = PlainLoopback, "localhost" }, true},
		"plain 127.0.0.2":   {func(c *SMTPConfig) { c.Security, c.Host = PlainLoopback, "127.0.0.2" }, true},
		"plain ::1":         {func(c *SMTPConfig) { c.Security, c.Host = PlainLoopback, "::1" }, true},
		"plain elsewhere":   {func(c *SMTPConfig) { c.Security = PlainLoopback }, false},
		"plain lookalike":   {func(c *SMTPConfig) { c.Security, c.Host = PlainLoopback, "localhost.example" }, false},
		"no host":           {func(c *SMTPConfig) { c.Host = "" }, false},
		"no port":           {func(c *SMTPConfig) { c.Port = 0 }, false},
		"port too high":     {func(c *SMTPConfig) { c.Port = 65536 }, false},
		"no password":       {func(c *SMTPConfig) { c.Password = "" }, false},
		"XOAUTH2, no token": {func(c *SMTPConfig) { c.Auth = AuthXOAUTH2 }, false},
	}
	for name, tt := range tests {
		cfg := good
		tt.change(&cfg)
		_, err := NewSMTP(cfg)
		assert.Equal(t, tt.ok, err == nil, name)
	}
}

func TestSMTPConfigKeepsSecrets(t *testing.T) {
	c := SMTPConfig{Host: "smtp.example.com", Port: 465, Username: "perpus@x.id", Password: "rahasia", Token: "ya29"}
	s, err := NewSMTP(c)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprintf("%v %+v %s", &c, &c, &c), fmt.Sprintf("%v %+v %#v", s, s, s),
	} {
		assert.NotRegexp(t, "rahasia|ya29|perpus", text)
	}
}

func TestAppPassword(t *testing.T) {
	tests := []struct{ host, password, want string }{
		{"smtp.gmail.com", "abcd efgh ijkl mnop", "abcdefghijklmnop"},
		{"smtp.gmail.com", "abcd\u00a0efgh\u2009ijkl\tmnop\n", "abcdefghijklmnop"},
		{"smtp-relay.gmail.com", " abcdefghijklmnop ", "abcdefghijklmnop"},
		{"smtp.googlemail.com", "abcd efgh ijkl mnop", "abcdefghijklmnop"},
		{"smtp.gmail.com", "four words of old", "four words of old"},
		{"smtp.gmail.com", "abcd efgh ijkl mno1", "abcd efgh ijkl mno1"},
		{"smtp.office365.com", "abcd efgh ijkl mnop", "abcd efgh ijkl mnop"},
		{"notgmail.com", "abcd efgh ijkl mnop", "abcd efgh ijkl mnop"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, appPassword(tt.host, tt.password), "%s %q", tt.host, tt.password)
	}
}

// A tap is a TCP relay that records what the client sends.
type tap struct {
	listener net.Listener
	mu       sync.Mutex
	buf      bytes.Buffer
}

func newTap(t *testing.T, to string) *tap {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &tap{listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to)
		if !assert.NoError(t, err) {
			return
		}
		wg.Go(func() { io.Copy(client, server); client.Close() })
		io.Copy(io.MultiWriter(p, server), client)
		server.Close()
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return p
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *tap) sent() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

func (p *tap) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// TestSMTPDSN: if the server offers DSN, a bounce names the message and contains only its header.
func TestSMTPDSN(t *testing.T) {
	for _, offered := range []bool{true, false} {
		srv := mailtest.NewServer(t, mailtest.Options{DSN: offered})
		s := newSMTP(t, srv, nil)
		m := newMessage(1)
		_, err := s.Send(t.Context(), m, yes)
		require.NoError(t, err)
		m.Ref, m.ID = "two words", "r.2@example.org"
		_, err = s.Send(t.Context(), m, yes)
		require.NoError(t, err)
		got := srv.Messages()
		want := ""
		if offered {
			want = " RET=HDRS ENVID=" + newMessage(1).Ref + " NOTIFY=FAILURE"
		}
		assert.Equal(t, want, got[0].Params)
		assert.Equal(t, newMessage(1).Ref, got[0].Parse(t).Header.Get(RefHeader))
		assert.Empty(t, got[1].Params, "a ref that is no word stays out of commands and headers")
		assert.Empty(t, got[1].Parse(t).Header.Get(RefHeader))
	}
}
