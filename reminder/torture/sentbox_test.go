//go:build torture

package torture

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A sentbox is a mailbox of Debian's Dovecot. The mail servers file in it what they accept, before they say so, as
// Gmail does.
type sentbox struct {
	*testing.T
	folder string
	port   int
	filed  atomic.Int64
}

// The mailbox's name is in the library's language; its use is what the program goes by.
const sentName = "Surat Terkirim"

func newSentbox(t *testing.T) *sentbox {
	dir, err := os.MkdirTemp("", "sentbox") // others must get into it, which they must not with t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &sentbox{T: t, folder: filepath.Join(dir, "mail", "."+sentName), port: l.Addr().(*net.TCPAddr).Port}
	require.NoError(t, l.Close())
	owner, err := user.Current()
	require.NoError(t, err)
	if owner.Uid == "0" { // Dovecot shows root no mail
		owner, err = user.Lookup("mail")
		require.NoError(t, err)
	}
	group, err := user.LookupGroupId(owner.Gid)
	require.NoError(t, err)
	for _, sub := range []string{"cur", "new", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(b.folder, sub), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "passwd"),
		fmt.Appendf(nil, "perpus:{PLAIN}rahasia:%s:%s::/nonexistent\n", owner.Uid, owner.Gid), 0o644))
	conf := filepath.Join(dir, "conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `base_dir = %[1]s/run
state_dir = %[1]s/run
protocols = imap
ssl = no
disable_plaintext_auth = no
default_internal_user = %[2]s
default_internal_group = %[3]s
default_login_user = %[2]s
first_valid_uid = 0
first_valid_gid = 0
log_path = %[1]s/log
mail_max_userip_connections = 1000
mail_location = maildir:%[1]s/mail
passdb {
  driver = passwd-file
  args = %[1]s/passwd
}
userdb {
  driver = passwd-file
  args = %[1]s/passwd
}
namespace inbox {
  inbox = yes
  mailbox "%[4]s" {
    special_use = \Sent
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    address = 127.0.0.1
    port = %[5]d
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
`, dir, owner.Username, group.Name, sentName, b.port), 0o644))
	require.NoError(t, exec.CommandContext(t.Context(), "chown", "-R", owner.Uid, filepath.Join(dir, "mail")).Run())
	server := exec.Command("dovecot", "-F", "-c", conf)
	server.Stderr = os.Stderr
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		assert.NoError(t, server.Process.Signal(syscall.SIGTERM))
		_ = server.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", b.port))
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	return b
}

// file puts a message into the mailbox. A rename shows it whole or not at all.
func (b *sentbox) file(m mailtest.Received) {
	name := fmt.Sprintf("%d.M%dP%d.localhost", time.Now().Unix(), b.filed.Add(1), os.Getpid())
	tmp := filepath.Join(b.folder, "tmp", name)
	assert.NoError(b, os.WriteFile(tmp, m.Data, 0o644))
	assert.NoError(b, os.Rename(tmp, filepath.Join(b.folder, "new", name)))
}

// environ is the program's configuration for the mailbox.
func (b *sentbox) environ() []string {
	return []string{"MAIL_FEEDBACK=imap", "IMAP_HOST=127.0.0.1", fmt.Sprint("IMAP_PORT=", b.port), "IMAP_ENCRYPTION=none",
		"IMAP_USERNAME=perpus", "IMAP_PASSWORD=rahasia"}
}
