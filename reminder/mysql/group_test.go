package mysql_test

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// several matches a statement for more than one email or loan.
var several = regexp.MustCompile(`CASE id|IN \('?\d+'?,`)

// TestBatch lets six calls arrive while another one is executed, so they share a statement. For any result of that
// statement each caller gets the result for its own email. An email whose claim was lost is not marked.
func TestBatch(t *testing.T) {
	const leaseOver = "lease over" // only this lease has ended; the other emails of the statement are valid
	for name, fault := range map[string]fault{
		"undisturbed": nil, leaseOver: nil, "lost": lost, "half lost": halfLost, "reply lost": replyLost,
		"last byte lost": lastByteLost,
		"deadlock":       answered(1213), "lock wait": answered(1205),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db, user := open(t)
			w := newWire(db, user)
			store := connect(t, w.cfg, 8)
			var batch []reminder.Email
			for range 14 {
				loan := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
				batch = append(batch, reminder.Email{Kind: reminder.KindLoan, Borrower: "b", Notices: []reminder.Notice{
					{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: fmt.Sprint(loan), Due: day("2026-11-24")}}}})
			}
			promise(t, store, batch)
			all := claim(t, store, 14, time.Hour)
			require.Len(t, all, 14)
			claims, next := all[:7], all[7:]
			lost := claims[3]
			taken := "claim_token = 'another'"
			if name == leaseOver {
				taken = "lease_until = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 SECOND)"
			}
			db.Exec(t, fmt.Sprintf("UPDATE reminder_emails SET %s WHERE id = %d", taken, lost.ID))

			together := func(claims []reminder.Claim, call func(c reminder.Claim) error) (failed []int64) {
				w.disarm()
				arrived, release := make(chan bool, 1), make(chan bool)
				w.arm(func(c *wireConn, statement []byte) (int, error) {
					arrived <- true
					<-release
					return c.Conn.Write(statement)
				}, func(i int, _ string) bool { return i == 1 })
				if fault != nil {
					w.arm(fault, func(_ int, sql string) bool { return several.MatchString(sql) })
				}
				var mu sync.Mutex
				var calls sync.WaitGroup
				begin := func(c reminder.Claim) {
					calls.Go(func() {
						if err := call(c); err != nil {
							assert.ErrorIs(t, err, reminder.ErrLost)
							mu.Lock()
							failed = append(failed, c.ID)
							mu.Unlock()
						}
					})
				}
				begin(claims[0])
				<-arrived
				for _, c := range claims[1:] {
					begin(c)
				}
				require.Eventually(t, func() bool { return mysql.Gathering(store) == len(claims)-1 }, time.Minute, time.Millisecond)
				close(release)
				calls.Wait()
				if fault != nil {
					assert.Equal(t, 2, w.struck, "what kept the first waiting, and the fault")
				}
				return failed
			}
			date := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
			require.Equal(t, []int64{lost.ID}, together(claims, func(c reminder.Claim) error {
				return store.HandOver(t.Context(), c, c.Ref+"@x", date)
			}))
			sent := slices.DeleteFunc(slices.Clone(claims), func(c reminder.Claim) bool { return c.ID == lost.ID })
			record := func(c reminder.Claim) error {
				return store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent, ReceiptID: "receipt of " + c.Ref})
			}
			// Each email is recorded with the mark of the next one. The last one of them is lost; then its statement is repeated
			// in parts, as a connection does it.
			db.Exec(t, fmt.Sprintf("UPDATE reminder_emails SET claim_token = 'another' WHERE id = %d", next[5].ID))
			require.Equal(t, []int64{sent[5].ID}, together(sent, func(c reminder.Claim) error {
				n := next[slices.IndexFunc(sent, func(s reminder.Claim) bool { return s.ID == c.ID })]
				mark := func(accepted ...reminder.Accepted) error {
					return store.HandOver(t.Context(), n, n.Ref+"@x", date, accepted...)
				}
				if mark(reminder.Accepted{Claim: c, ReceiptID: "receipt of " + c.Ref}) == nil {
					return nil
				}
				assert.NoError(t, record(c))
				return mark()
			}))
			require.Empty(t, together(next[:5], record))
			if fault == nil {
				assert.Equal(t, 2, w.passed, "one statement for the first, one for all others")
			}
			if name != leaseOver { // no other run has claimed that one, so its outcome is recorded
				require.ErrorIs(t, store.Record(t.Context(), lost, reminder.Outcome{State: reminder.StateSent}), reminder.ErrLost)
			}
			for _, c := range all[:13] {
				var got string
				require.NoError(t, db.Admin.QueryRow(`SELECT CONCAT_WS(' ', state, message_id, message_date, receipt_id, attempts)
					FROM reminder_emails WHERE id = ?`, c.ID).Scan(&got))
				want := fmt.Sprintf("sent %[1]s@x 2026-11-24 01:02:03 receipt of %[1]s 1", c.Ref)
				if c.ID == lost.ID || c.ID == next[5].ID {
					want = "claimed  1" // no mark, no receipt
				}
				assert.Equal(t, want, got)
			}
		})
	}
}

// A call in a batch that panics must not count as successful.
func TestPanicInABatch(t *testing.T) {
	panics, failures := mysql.PanicTogether()
	assert.Equal(t, []int{1, 2}, []int{panics, failures})
}
