//go:build realmail

package inbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRealInbox: in 5,000 messages in Debian's Dovecot the wanted ones are found once, also when a session ends between
// reading and recording, and when the provider gives new UIDs.
func TestRealInbox(t *testing.T) {
	var startTLS, tls, port int
	var box string
	_, err := fmt.Sscan(os.Getenv("TEST_POSTFIX"), &startTLS, &tls, &box, &port)
	require.NoError(t, err, "TEST_POSTFIX: run this by deploy/dev/real-mail-servers.sh")
	home := filepath.Join(filepath.Dir(box), "perpus")
	deliver := func(n int, raw string) {
		require.NoError(t, os.MkdirAll(filepath.Join(home, "new"), 0o777))
		name := filepath.Join(home, "new", fmt.Sprintf("%d.M%dP1.localhost", time.Now().Unix(), n))
		require.NoError(t, os.WriteFile(name, []byte(raw), 0o666))
	}
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(home, sub), 0o777))
		require.NoError(t, os.Chmod(filepath.Join(home, sub), 0o777))
	}
	open := func() *Mailbox {
		m, err := Open(t.Context(), Config{Host: "127.0.0.1", Port: port, Plain: true, Username: "perpus",
			Password: "rahasia"})
		require.NoError(t, err)
		t.Cleanup(func() { m.Close() })
		return m
	}
	empty := func() {
		for _, pattern := range []string{"dovecot*", "new/*", "cur/*"} {
			files, err := filepath.Glob(filepath.Join(home, pattern))
			require.NoError(t, err)
			for _, file := range files {
				require.NoError(t, os.Remove(file))
			}
		}
	}
	t.Cleanup(empty)
	_, _, cursor := since(t, open(), Cursor{})
	want := 0
	for n := range maxMessages {
		raw := note(n)
		if n%100 == 7 {
			raw, want = bounce(n)+strings.Repeat(strings.Repeat("x", 75)+"\n", 1000), want+1
		}
		deliver(n, raw)
	}
	begun := time.Now()
	killed := errors.New("killed")
	batches := 0
	err = open().Since(t.Context(), cursor, time.Now().AddDate(0, 0, -14), daemon, func(b Batch) error {
		if batches++; batches == 20 {
			return killed // what was read is not recorded
		}
		cursor = b.Next
		want -= len(b.Messages)
		return nil
	})
	require.ErrorIs(t, err, killed)
	subjects, _, next := since(t, open(), cursor)
	assert.Len(t, subjects, want, "none is left out, and none comes twice")
	t.Logf("%d messages in %v", maxMessages, time.Since(begun))
	again, looked, _ := since(t, open(), next)
	assert.Empty(t, again)
	assert.Zero(t, looked)

	empty()                             // the provider has restored the mailbox, with newer mail
	time.Sleep(1100 * time.Millisecond) // a UIDVALIDITY is a time in seconds
	deliver(1, bounce(1))
	subjects, _, renewed := since(t, open(), next)
	assert.Equal(t, []string{"b1"}, subjects)
	assert.NotEqual(t, next.Validity, renewed.Validity)

	seen, err := filepath.Glob(filepath.Join(home, "cur", "*S*"))
	require.NoError(t, err)
	assert.Empty(t, seen, "nothing is marked as read")
	_, err = Open(context.Background(), Config{Host: "127.0.0.1", Port: 1, Plain: true})
	assert.ErrorContains(t, err, "connect: ")
}
