package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// DBLocal reports whether the way to the database leads over no network, or through the platform's own socket.
func (c *Config) DBLocal() bool {
	return c.DBSocket != "" || c.DBCloudSQL != "" || isLoopback(c.DBHost)
}

// databaseTLS is what DB_TLS means. It never falls back to plain text: whoever sits between could ask for that.
//   - true: the certificate is valid for DB_HOST.
//   - verify-ca: it is signed by DB_CA_FILE, whatever name it has. MySQL's own certificates have none, and Cloud SQL's
//     do not name its address; their authority signs for this one server.
//   - false: no TLS.
func (c *Config) databaseTLS() (*tls.Config, error) {
	if c.DBTLS == "false" {
		return nil, nil
	}
	cfg := &tls.Config{ServerName: c.DBHost, MinVersion: tls.VersionTLS12}
	if c.DBCAFile == "" {
		return cfg, nil
	}
	var err error
	if cfg.RootCAs, err = certificates(c.DBCAFile); err != nil || c.DBTLS != "verify-ca" {
		return cfg, err
	}
	cfg.InsecureSkipVerify = true // of the name; the chain is verified here
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: cfg.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
	return cfg, nil
}

// certificates reads PEM certificates from a file, or from the text itself where there is no file, as in the cloud.
func certificates(file string) (*x509.CertPool, error) {
	text := []byte(file)
	if !strings.Contains(file, "-----BEGIN") {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in it")
	}
	return roots, nil
}
