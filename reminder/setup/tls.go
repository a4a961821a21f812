package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// DBLocal reports whether the program reaches the database without a network or by the socket of the platform.
func (c *Config) DBLocal() bool {
	return c.DBSocket != "" || c.DBCloudSQL != "" || isLoopback(c.DBHost)
}

// databaseTLS is the meaning of DB_TLS. It never falls back to plain text, because anybody on the way could cause that.
//   - true: the certificate must be valid for DB_HOST.
//   - verify-ca: the certificate must be signed by DB_CA_FILE, and its name does not matter. The certificates of MySQL
//     have no name, and those of Cloud SQL do not name the address. Their authority signs for this server only.
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
	cfg.InsecureSkipVerify = true // it skips the name; the function below verifies the chain
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

// certificates reads PEM certificates from a file, or takes them as the text itself: the cloud has no file.
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
