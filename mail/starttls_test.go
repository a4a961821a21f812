package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStartTLSForgetsWhatCameBefore: an attacker on the network can send plain text right after the server's "ready for
// TLS". If it were read as the answer to the first command over TLS, the attacker would choose the mechanism of the
// login.
func TestStartTLSForgetsWhatCameBefore(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	heard := make(chan []string, 1)
	go func() {
		var lines []string
		defer func() { heard <- lines }()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		next := func(r *bufio.Reader) string {
			line, err := r.ReadString('\n')
			if line = strings.TrimSpace(line); err == nil {
				lines = append(lines, line)
			}
			return line
		}
		fmt.Fprint(conn, "220 mail ESMTP\r\n")
		plain := bufio.NewReader(conn)
		next(plain)
		fmt.Fprint(conn, "250-mail\r\n250 STARTTLS\r\n")
		next(plain)
		fmt.Fprint(conn, "220 go ahead\r\n250-evil\r\n250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n")
		secure := tls.Server(conn, &tls.Config{Certificates: web.TLS.Certificates})
		inside := bufio.NewReader(secure)
		next(inside)
		fmt.Fprint(secure, "250-mail\r\n250 AUTH PLAIN\r\n")
		next(inside)
		fmt.Fprint(secure, "535 5.7.8 no\r\n")
	}()
	s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: StartTLS,
		Username: "perpus",
		Password: "rahasia", RootCAs: roots})
	require.NoError(t, err)
	steps := s.Probe(context.Background())
	lines := <-heard
	require.Len(t, lines, 4, "%v", steps)
	assert.Equal(t, "STARTTLS", lines[1])
	assert.True(t, strings.HasPrefix(lines[3], "AUTH PLAIN "), "the login went by what stood in the clear: %s", lines[3])
	assert.Error(t, steps[len(steps)-1].Err)
}
