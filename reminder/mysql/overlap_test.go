package mysql_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestOverlap starts 2 to 32 runs at the same moment, a thousand times. They promise the same loans and then share the
// promised emails. No email is promised, claimed or handed over twice, and none is left. Some notices are promised
// again because they were canceled before they were sent, or were sent to another borrower.
func TestOverlap(t *testing.T) {
	t.Parallel()
	const rounds, most = 1000, 32
	_, db, user := open(t)
	stores := make([]*mysql.Store, most)
	for i := range stores {
		stores[i] = connect(t, user, 1)
		_, err := deskdb.New(stores[i]).Server(t.Context()) // opens the connection before the runs start
		require.NoError(t, err)
	}
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	items, moved := 0, 0
	for round := range rounds {
		if !mysqltest.InFull(t, round, 7) {
			continue
		}
		// Usually there are few runs, and sometimes all.
		runners := 2 + rng.IntN(3)
		if round%20 == 0 {
			runners = 2 + rng.IntN(most-1)
		}
		batch := emails(1 + rng.IntN(12))
		for i := range batch {
			batch[i].Notices[0].Loan = fmt.Sprintf("%d-%d", round, i)
			batch[i].Priority = reminder.Priority(rng.IntN(4))
			switch past := batch[i]; rng.IntN(4) {
			case 0:
				_, err := deskdb.New(stores[0]).Skip(t.Context(), "run", []reminder.Email{past}, string(reminder.StateCanceled))
				require.NoError(t, err)
			case 1:
				past.Borrower = "wrong"
				_, err := deskdb.New(stores[0]).Skip(t.Context(), "run", []reminder.Email{past}, "told")
				require.NoError(t, err)
				moved++
			}
		}
		items += len(batch)

		var mu sync.Mutex
		var promised int
		handed := map[int64]int{}
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, store := range stores[:runners] {
			wg.Go(func() {
				<-start
				n, err := store.Promise(t.Context(), "run", batch)
				mu.Lock()
				promised += n.Emails
				mu.Unlock()
				for err == nil {
					var claims []reminder.Claim
					if claims, _, err = store.Claim(t.Context(), reminder.Wanted{Most: 3, Lease: time.Hour}); len(claims) == 0 {
						break
					}
					for _, c := range claims {
						assert.NoError(t, store.HandOver(t.Context(), c, "m@x", time.Unix(0, 0)))
						mu.Lock()
						handed[c.ID]++
						mu.Unlock()
						assert.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent}))
					}
				}
				assert.NoError(t, err)
			})
		}
		close(start)
		wg.Wait()
		require.Equal(t, len(batch), promised, "round %d: promised once", round)
		require.Len(t, handed, len(batch), "round %d: all of it", round)
		for id, n := range handed {
			require.Equal(t, 1, n, "round %d: email %d was handed over twice", round, id)
		}
	}
	var sent int
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_emails WHERE state = 'sent'").Scan(&sent))
	assert.Equal(t, items, sent)
	var stands, aside int
	require.NoError(t, db.Admin.QueryRow("SELECT SUM(dropped = ''), SUM(step < -1000) FROM reminder_notices").Scan(&stands,
		&aside))
	assert.Equal(t, items, stands, "each of them once")
	assert.Equal(t, moved, aside, "and what another was told is kept")
}
