package setup

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	words "github.com/mtsn6garut/pengingat/reminder/text"
)

// Connections to a database on another computer are encrypted, and no setting makes them less secure.
func TestDatabaseTLS(t *testing.T) {
	ca := os.Getenv("TEST_MYSQL_CA")
	require.NotEmpty(t, ca, "deploy/dev/with-mariadb.sh says where the private server's certificate is")
	text, err := os.ReadFile(ca)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		changes map[string]string
		on      bool   // encrypted
		refused string // by Load
	}{
		"this computer": {map[string]string{}, false, ""},
		"localhost":     {map[string]string{"DB_HOST": "localhost"}, false, ""},
		"IPv6":          {map[string]string{"DB_HOST": "::1"}, false, ""},
		"a socket": {map[string]string{"DB_HOST": "db.sch.id", "DB_SOCKET": "/run/mysqld/mysqld.sock"}, false,
			""},
		"Cloud SQL's socket":   {map[string]string{"DB_HOST": "db.sch.id", "DB_CLOUDSQL_INSTANCE": "p:a-b1:i"}, false, ""},
		"elsewhere":            {map[string]string{"DB_HOST": "db.sch.id"}, true, ""},
		"in the school":        {map[string]string{"DB_HOST": "192.168.1.10"}, true, ""},
		"elsewhere, false":     {map[string]string{"DB_HOST": "db.sch.id", "DB_TLS": "false"}, false, "DB_TLS=false"},
		"elsewhere, FALSE":     {map[string]string{"DB_HOST": "db.sch.id", "DB_TLS": "FALSE"}, false, "DB_TLS=false"},
		"preferred is no more": {map[string]string{"DB_HOST": "db.sch.id", "DB_TLS": "preferred"}, false, "verify-ca"},
		"this computer, true":  {map[string]string{"DB_TLS": "true"}, true, ""},
		"verify-ca": {map[string]string{"DB_HOST": "db.sch.id", "DB_TLS": "verify-ca", "DB_CA_FILE": ca}, true,
			""},
		"verify-ca of nothing": {map[string]string{"DB_HOST": "db.sch.id", "DB_TLS": "verify-ca"}, false, "DB_CA_FILE"},
		"the text itself":      {map[string]string{"DB_HOST": "db.sch.id", "DB_CA_FILE": string(text)}, true, ""},
		"Laravel's key":        {map[string]string{"DB_HOST": "db.sch.id", "MYSQL_ATTR_SSL_CA": ca}, true, ""},
		"no such file": {map[string]string{"DB_HOST": "db.sch.id", "DB_CA_FILE": "/none/ca.pem"}, false,
			"DB_CA_FILE"},
		"no certificate": {map[string]string{"DB_HOST": "db.sch.id", "DB_CA_FILE": "tls_test.go"}, false,
			"no certificate"},
		"Laravel's, no file": {map[string]string{"DB_HOST": "db.sch.id", "MYSQL_ATTR_SSL_CA": "/none"}, false,
			"DB_CA_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Load(with(tt.changes))
			if tt.refused != "" {
				require.Error(t, err)
				assert.Contains(t, words.In("en").Error(err), tt.refused)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.on, cfg.database().TLS != nil)
		})
	}
}

// TestDatabaseTLSOnAServer connects to a real server, whose certificate is signed by its own authority and valid only
// for 127.0.0.1.
func TestDatabaseTLSOnAServer(t *testing.T) {
	ca := os.Getenv("TEST_MYSQL_CA")
	dsn, err := mysql.ParseDSN(os.Getenv("TEST_MYSQL_DSN"))
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(dsn.Addr)
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "other.pem")
	web := httptest.NewTLSServer(nil)
	web.Close()
	require.NoError(t, os.WriteFile(other, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: web.Certificate().Raw}), 0o600))
	for name, tt := range map[string]struct {
		changes map[string]string
		works   bool
	}{
		"its authority":          {map[string]string{"DB_CA_FILE": ca}, true},
		"the system's":           {map[string]string{}, false},
		"another one":            {map[string]string{"DB_CA_FILE": other}, false},
		"another name":           {map[string]string{"DB_CA_FILE": ca, "DB_HOST": "localhost"}, false},
		"another name, allowed":  {map[string]string{"DB_CA_FILE": ca, "DB_HOST": "localhost", "DB_TLS": "verify-ca"}, true},
		"verify-ca, another one": {map[string]string{"DB_CA_FILE": other, "DB_TLS": "verify-ca"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			environ := with(map[string]string{"DB_HOST": host, "DB_PORT": port, "DB_DATABASE": "mysql", "DB_USERNAME": dsn.User,
				"DB_TLS": "true"})
			maps.Copy(environ, tt.changes)
			cfg, err := Load(environ)
			require.NoError(t, err)
			db, err := cfg.OpenDB()
			require.NoError(t, err)
			defer db.Close()
			var variable, cipher string
			err = db.QueryRowContext(t.Context(), "SHOW STATUS LIKE 'Ssl_cipher'").Scan(&variable, &cipher)
			if !tt.works {
				var certificate *tls.CertificateVerificationError
				var authority x509.UnknownAuthorityError
				require.True(t, errors.As(err, &certificate) || errors.As(err, &authority), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.NotEmpty(t, cipher, "the connection is not encrypted")
		})
	}
}
