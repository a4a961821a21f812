//go:build realmail

package reminder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestRealBounces: a run sends through Debian's Postfix and Exim, they return what cannot be delivered, and the next
// run reads it from Debian's Dovecot.
func TestRealBounces(t *testing.T) {
	for _, name := range []string{"TEST_POSTFIX", "TEST_EXIM"} {
		t.Run(name, func(t *testing.T) {
			var startTLS, tls, imap int
			var maildir string
			_, err := fmt.Sscan(os.Getenv(name), &startTLS, &tls, &maildir, &imap)
			require.NoError(t, err, "%s: run this by deploy/dev/real-mail-servers.sh", name)
			lib := newLibrary(t)
			classes := map[string]string{"tidakada": "no_address", "penuh": "full", "nonaktif": "disabled"}
			for to := range classes {
				b := lib.AddBorrower(t, mysqltest.Borrower{Email: to + "@murid.example"})
				lib.AddLoan(t, mysqltest.Loan{Borrower: b, Due: "2026-11-24"})
			}
			b := lib.AddBorrower(t, mysqltest.Borrower{Email: "siti@example.test"})
			lib.AddLoan(t, mysqltest.Loan{Borrower: b, Due: "2026-11-24"})
			app := lib.app(t, nil, map[string]string{
				"MAIL_HOST": "127.0.0.1", "MAIL_PORT": strconv.Itoa(tls), "MAIL_ENCRYPTION": "ssl", "MAIL_USERNAME": "perpus",
				"MAIL_PASSWORD": "rahasia",
				"MAIL_CA_FILE":  os.Getenv("TEST_MAIL_CERT"), "MAIL_FROM_ADDRESS": "perpus@example.test", "MAIL_SCHEME": "smtps",
				"MAIL_FEEDBACK": "imap", "IMAP_PORT": strconv.Itoa(imap), "IMAP_ENCRYPTION": "none",
			})
			rep, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			require.Equal(t, 4, rep.Emails.Sent, lib.log.String())
			read := *rep.Feedback
			require.Eventually(t, func() bool {
				came, err := filepath.Glob(filepath.Join(filepath.Dir(maildir), "perpus", "*", "*"))
				return err == nil && len(came) >= 3
			}, 15*time.Second, 100*time.Millisecond, "three come back")
			rep, err = app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Empty(t, rep.Feedback.Error)
			assert.Equal(t, 3, rep.Feedback.Bounced+read.Bounced)
			assert.Zero(t, rep.Feedback.Unmatched)
			for to, class := range classes {
				assert.Equal(t, 1, lib.count(t, `SELECT COUNT(*) FROM reminder_emails e JOIN reminder_bounces b ON b.email_id = e.id
					JOIN users u ON u.id = e.borrower_id WHERE e.state = 'bounced' AND u.email = ? AND b.class = ?`, to+"@murid.example", class), to)
			}
			assert.Zero(t, lib.count(t, "SELECT COUNT(*) FROM reminder_bad_addresses"),
				"three of four: it is not about the addresses")
			again, err := app.Runner.Run(t.Context(), reminder.Options{})
			require.NoError(t, err)
			assert.Equal(t, &reminder.FeedbackCounts{}, again.Feedback, "nothing twice")
			assert.Zero(t, again.Emails.Sent)
		})
	}
}
