package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Mail is a received message, parsed by the standard library only, so that it can judge what made it.
type Mail struct {
	Header  mail.Header
	Subject string // decoded
	Text    string // the text/plain part, decoded, with LF
	HTML    string // the text/html part, likewise; "" when there is none
}

// Parse reads a message of one text part, or a multipart/alternative of two.
func (r Received) Parse(t testing.TB) Mail { t.Helper(); return Parse(t, r.Data) }

// Parse reads a raw message; the test fails when it is no valid one.
func Parse(t testing.TB, raw []byte) Mail {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err, "mailtest: parse message")
	m := Mail{Header: msg.Header}
	m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	require.NoError(t, err, "mailtest: parse message")

	mediaType, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	require.NoError(t, err, "mailtest: parse message")
	if mediaType == "text/plain" {
		b, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		require.NoError(t, err, "mailtest: parse message")
		m.Text = lines(b)
		return m
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextPart() // undoes quoted-printable
		if err == io.EOF {
			return m
		}
		require.NoError(t, err, "mailtest: parse message")
		b, err := io.ReadAll(part)
		require.NoError(t, err, "mailtest: parse message")
		switch partType, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); partType {
		case "text/plain":
			m.Text = lines(b)
		case "text/html":
			m.HTML = lines(b)
		default:
			t.Fatalf("mailtest: unexpected part %q", partType)
		}
	}
}

func lines(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "\n") }

func messageID(raw []byte) string {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return strings.Trim(msg.Header.Get("Message-ID"), "<>")
}

// NewCertificate makes a self-signed certificate for names (host names or IP addresses) that ends at notAfter.
func NewCertificate(t testing.TB, notAfter time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err, "mailtest: key")
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: notAfter.Add(-48 * time.Hour), NotAfter: notAfter,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err, "mailtest: certificate")
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err, "mailtest: certificate")
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
