package mail

import (
	"testing"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

func BenchmarkBytes(b *testing.B) {
	m := newMessage(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSMTPDelivery sends over one connection. The client of go-mail does the same for comparison.
func BenchmarkSMTPDelivery(b *testing.B) {
	b.Run("pengingat", func(b *testing.B) {
		s := newSMTP(b, mailtest.NewServer(b, mailtest.Options{}), nil)
		m := newMessage(1)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Send(b.Context(), m, yes); err != nil {
				b.Fatal(err)
			}
		}
	})
	goMail := func(b *testing.B) (*gomail.Client, func() *gomail.Msg) {
		srv := mailtest.NewServer(b, mailtest.Options{})
		c, err := gomail.NewClient(srv.Host(), gomail.WithPort(srv.Port()), gomail.WithTLSPolicy(gomail.NoTLS))
		require.NoError(b, err)
		m := newMessage(1)
		return c, func() *gomail.Msg {
			msg := gomail.NewMsg()
			msg.SetMessageIDWithValue(m.ID)
			msg.SetDateWithValue(m.Date)
			require.NoError(b, msg.FromFormat(m.From.Name, m.From.Addr))
			require.NoError(b, msg.AddToFormat(m.To.Name, m.To.Addr))
			msg.Subject(m.Subject)
			msg.SetBodyString(gomail.TypeTextPlain, m.Text)
			msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
			return msg
		}
	}
	b.Run("go-mail Send", func(b *testing.B) {
		c, msg := goMail(b)
		require.NoError(b, c.DialWithContext(b.Context()))
		defer c.Close()
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Send(msg()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-mail DialAndSend", func(b *testing.B) {
		c, msg := goMail(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := c.DialAndSendWithContext(b.Context(), msg()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
