package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// DBLocal reports whether the connection to the database needs no network, or uses the socket of the cloud platform.
func (c *Config) DBLocal() bool {
	return c.DBSocket != "" || c.DBCloudSQL != "" || isLoopback(c.DBHost)
}

// databaseTLS returns the TLS configuration for DB_TLS, nil for no TLS. A connection never falls back to plain text,
// because an attacker on the network could cause that.
//   - true: the certificate must be valid for DB_HOST.
//   - verify-ca: an authority in DB_CA_FILE must have signed the certificate; its name does not matter. The
//     certificates that MySQL generates have no name, and those of Cloud SQL do not name the address. Their authorities
//     sign only the certificate of that server.
//   - false: no TLS.
func (c *Config) databaseTLS() (*tls.Config, error) {
	if c.DBTLS == "false" {
		return nil, nil
	}
	cfg := &tls.Config{ServerName: c.DBHost, MinVersion: tls.VersionTLS12}
	var err error
	cfg.RootCAs, err = certificates(c.DBCAFile)
	if err != nil || cfg.RootCAs == nil || c.DBTLS != "verify-ca" {
		return cfg, err
	}
	cfg.InsecureSkipVerify = true // the function below verifies the chain, but not the name
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

// certificates reads PEM certificates from a file, or from the text itself: the cloud has no file. For "" it returns
// nil, which stands for those of the system.
func certificates(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
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
