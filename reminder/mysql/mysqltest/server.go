package mysqltest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Server is a database server of a test's own. It may be killed and started again, and it writes to the disk as
// servers do unless told otherwise, so that what it confirmed survives its death.
type Server struct {
	Options []string // read by Start
	program string
	socket  string
	process *exec.Cmd
}

// NewServer makes an empty database, as deploy/dev/with-mariadb.sh does, and starts its server. The server ends with
// the test.
func NewServer(t testing.TB, options ...string) *Server {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian keeps database servers
	dir := t.TempDir()
	// A server that starts removes what looks like another one's temporary tables, so it has a folder of its own for them.
	temporary := filepath.Join(dir, "tmp")
	require.NoError(t, os.Mkdir(temporary, 0o700))
	s := &Server{socket: filepath.Join(dir, "socket"), Options: append([]string{"--no-defaults", "--skip-log-bin",
		"--datadir=" + filepath.Join(dir, "data"), "--tmpdir=" + temporary}, options...)}
	if os.Getuid() == 0 {
		s.Options = append(s.Options, "--user=root")
	}
	var create *exec.Cmd
	var err error
	if s.program, err = exec.LookPath("mariadbd"); err == nil {
		create = exec.Command("mariadb-install-db", append(s.Options,
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")...)
	} else {
		s.program, err = exec.LookPath("mysqld")
		require.NoError(t, err, "this test starts a server: install MariaDB or MySQL")
		s.Options = append(s.Options, "--secure-file-priv=", "--loose-mysqlx=OFF")
		create = exec.Command(s.program, append(s.Options, "--initialize-insecure")...)
	}
	out, err := create.CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.Start(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
}

// DSN is the administrator's way to the server, for TEST_MYSQL_DSN.
func (s *Server) DSN() string { return "root@unix(" + s.socket + ")/" }

// Start starts the server and waits until it is ready.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.process = exec.Command(s.program, append(s.Options, "--socket="+s.socket, "--skip-networking")...)
	log, err := s.process.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.process.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready for connections") {
			go io.Copy(io.Discard, log)
			return
		}
		fmt.Fprintln(&said, lines.Text())
	}
	require.Fail(t, "the server does not start", said.String())
}

// Kill kills the server as the end of its machine would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	assert.NoError(t, s.process.Process.Kill())
	s.process.Wait()
}
