package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A cutter is a relay that closes its first connection after a number of bytes in one direction. Later connections stay
// open.
type cutter struct {
	port     int
	passed   [2]atomic.Int64        // bytes of the first connection, by direction
	cut      atomic.Bool            // the first connection was closed
	again    atomic.Pointer[func()] // called when the client connects again
	up       bool                   // the direction is from the client
	after    int64                  // -1: never
	reset    bool                   // drop with a TCP RST
	listener net.Listener
	open     sync.WaitGroup
}

func newCutter(t *testing.T, to string, up bool, after int64, reset bool) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &cutter{port: l.Addr().(*net.TCPAddr).Port, up: up, after: after, reset: reset, listener: l}
	p.open.Go(func() {
		for first := true; ; first = false {
			client, err := l.Accept()
			if err != nil {
				return
			}
			if !first {
				(*p.again.Load())()
			}
			server, err := net.Dial("tcp", to)
			if !assert.NoError(t, err) {
				client.Close()
				return
			}
			p.open.Go(func() { p.pass(client.(*net.TCPConn), server.(*net.TCPConn), first, true) })
			p.open.Go(func() { p.pass(server.(*net.TCPConn), client.(*net.TCPConn), first, false) })
		}
	})
	return p
}

func (p *cutter) pass(from, to *net.TCPConn, first, up bool) {
	passed := &p.passed[0]
	if !up {
		passed = &p.passed[1]
	}
	defer to.CloseWrite()
	for b := make([]byte, 4<<10); ; {
		n, err := from.Read(b)
		if first && up == p.up && p.after >= 0 && passed.Load()+int64(n) > p.after {
			n = int(p.after - passed.Load())
			to.Write(b[:n])
			if p.reset {
				from.SetLinger(0)
				to.SetLinger(0)
			}
			from.Close()
			to.Close()
			p.cut.Store(true)
			return
		}
		to.Write(b[:n])
		if first {
			passed.Add(int64(n))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to.Close()
			}
			return
		}
	}
}

func (p *cutter) close() {
	p.listener.Close()
	p.open.Wait()
}

// A thousand connections are cut at any byte, in either direction. A message that the server has never counts as
// unsent, no message arrives twice, and the outcome is unknown only if a byte of the dot was sent. Before that a cut
// costs no try.
func TestSMTPCutAtAnyByte(t *testing.T) {
	const cuts = 1000
	random := rand.New(rand.NewPCG(13, 4))
	t.Logf("seed 13, 4")
	var unknowns, wasted atomic.Int32
	for _, security := range []Security{PlainLoopback, ImplicitTLS, StartTLS} {
		srv := mailtest.NewServer(t, mailtest.Options{TLS: tlsOf[security]})
		// Even a patient client may be faster than a cut right after its text, if this machine is busy.
		send := func(n int, p *cutter, patience time.Duration) (handedDead bool, err error) {
			s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: p.port, Security: security, RootCAs: srv.RootCAs(),
				Timeout: 30 * time.Second})
			require.NoError(t, err)
			defer p.close()
			defer s.Close()
			s.patience.Store(int64(patience))
			again := func() { s.patience.Store(0) }
			p.again.Store(&again)
			_, err = s.Send(t.Context(), newMessage(n), func(context.Context) error { handedDead = p.cut.Load(); return nil })
			return handedDead, err
		}
		whole := newCutter(t, srv.Addr(), true, -1, false)
		_, err := send(0, whole, 0)
		require.NoError(t, err)
		// The length that a write adds to the stream: TLS 1.3 puts it into a record.
		onWire := func(n int64) int64 {
			if security != PlainLoopback {
				n += 22
			}
			return n
		}
		up, down := whole.passed[0].Load(), whole.passed[1].Load()
		dot := up - onWire(int64(len("\r\n.\r\n"))) - onWire(int64(len("QUIT\r\n")))

		accepted := func(id string) (n int) {
			for _, m := range srv.Messages() {
				if m.ID == id {
					n++
				}
			}
			return n
		}
		var running sync.WaitGroup
		slots := make(chan struct{}, 64)
		for n := range cuts / 3 {
			up, at := n%2 == 0, random.Int64N(up)
			if !up {
				at = random.Int64N(down)
			}
			if n%10 == 0 { // a cut near the dot
				up, at = true, dot-3+random.Int64N(12)
			}
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				p := newCutter(t, srv.Addr(), up, at, n%3 == 0)
				patience := time.Duration(0)
				if up && at < dot {
					patience = time.Minute
				}
				handedDead, err := send(n+1, p, patience)
				got := accepted(newMessage(n + 1).ID)
				where := fmt.Sprintf("security %d, up %t, cut at %d, dot at %d: %v", security, up, at, dot, err)
				switch outcome(err) {
				case "ok":
					assert.Equal(t, 1, got, where)
				case "unknown":
					unknowns.Add(1)
					assert.LessOrEqual(t, got, 1, where)
					if up && at < dot { // at dot it is dropped when the first byte of the dot has come
						wasted.Add(1)
						assert.False(t, handedDead, "what was dead by the mark is no unknown: %s", where)
					}
				default:
					assert.Zero(t, got, where)
					assert.Fail(t, "a new connection has it", where)
				}
			})
		}
		running.Wait()
	}
	assert.Positive(t, unknowns.Load(), "the cuts reach the dot")
	assert.Zero(t, wasted.Load(), "unknown without the dot on the wire")
}
