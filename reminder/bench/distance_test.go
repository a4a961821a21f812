//go:build bench

package bench

import (
	"fmt"
	"net"
	"time"

	"github.com/stretchr/testify/require"
)

// distance measures runs with a mail server that is far away, beside what the round trips allow: two a mail where the
// server takes sender, recipient and DATA together (PIPELINING), and four where it does not.
func (b *bench) distance() {
	const trip, each = 50 * time.Millisecond, 60
	far := b.table("distance", "A mail server 50 ms away",
		fmt.Sprintf("The limit is the round trips of a mail: two with PIPELINING, four without it. %d mails a connection, timed from the "+
			"start of the process to its end, so the time to connect is in it.", each),
		column{"connections", "connections", 0}, column{"pipelining", "PIPELINING", 0}, column{"mails", "mails/s", 1},
		column{"limit", "limit", 0}, column{"of_limit", "of the limit", 2}, column{"others", "others' CPU %", 0})
	plain, _ := startSink(b.T, "-p")
	ports := map[string]string{"yes": b.far(b.port, trip), "no": b.far(plain, trip)}
	for range b.runs {
		for _, connections := range []int{1, 2, 4} {
			s := newSchool(b.T)
			s.lend(1, each*connections, 1, s.today)
			for pipelining, trips := range map[string]int{"yes": 2, "no": 4} {
				s.forget()
				used := b.Machine.usage()
				p := s.start(b.program, s.environ("MAIL_PORT="+ports[pipelining], fmt.Sprint("MAIL_CONCURRENCY=", connections)),
					"run", "--now", "--json")
				require.Equal(b, each*connections, p.report(b.T).Emails.Sent)
				limit := float64(connections) / (float64(trips) * trip.Seconds())
				rate := float64(each*connections) / p.seconds
				row := far.row(connections, pipelining)
				add(row, "mails", rate)
				add(row, "limit", limit)
				add(row, "of_limit", rate/limit)
				add(row, "others", b.Machine.others(used))
				b.progress("distance: %d connections, PIPELINING %s: %.1f of %.0f mails/s", connections, pipelining, rate, limit)
			}
		}
	}
}

// far listens on a port of its own and passes everything to and from another one, half a round trip later.
func (b *bench) far(port string, trip time.Duration) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				here.Close()
				return
			}
			go later(there, here, trip/2)
			go later(here, there, trip/2)
		}
	}()
	_, own, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(b, err)
	return own
}

// later passes what comes from one connection on to another, each piece a while after it came.
func later(to, from net.Conn, while time.Duration) {
	type piece struct {
		due  time.Time
		text []byte
	}
	pieces := make(chan piece, 1000)
	go func() {
		defer close(pieces)
		for {
			text := make([]byte, 32<<10)
			n, err := from.Read(text)
			if n > 0 {
				pieces <- piece{time.Now().Add(while), text[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	defer to.Close()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.text); err != nil {
			from.Close()
		}
	}
}
