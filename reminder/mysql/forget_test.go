package mysql_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// TestForgottenIsNotPromisedAgain: a run whose plan was made before a borrower was forgotten promises no notice again,
// and neither does a later run. Notices for another due date or another borrower are promised.
func TestForgottenIsNotPromisedAgain(t *testing.T) {
	store, db, _ := open(t)
	batch := emails(3)
	promise(t, store, batch)
	db.Exec(t, "UPDATE reminder_emails SET state = 'sent', ended_at = created_at")
	require.NoError(t, deskdb.New(store).Forget(t.Context(), "1"))
	n, err := store.Promise(t.Context(), "planned before", batch[1:2]) // no unique key prevents it
	require.NoError(t, err)
	assert.Zero(t, n.Emails)
	renewed := batch[1]
	renewed.Notices = []reminder.Notice{
		{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: "1", Due: day("2026-12-08")}}}
	n, err = store.Promise(t.Context(), "planned before", append(batch, renewed))
	require.NoError(t, err)
	assert.Equal(t, 1, n.Emails)
	known, err := store.Promised(t.Context(), day("2026-01-01"), "0", "1", "2")
	require.NoError(t, err)
	assert.True(t, known[batch[1].Notices[0].Cycle].Promised("1", 0))
	assert.True(t, known[batch[1].Notices[0].Cycle].Promised("somebody", 0), "whoever it was is not on record")
	assert.False(t, known[batch[2].Notices[0].Cycle].Promised("somebody", 0))

	// Once more, with two borrowers forgotten: the same loan's renewal, too.
	db.Exec(t, "UPDATE reminder_emails SET state = 'sent', ended_at = created_at")
	require.NoError(t, deskdb.New(store).Forget(t.Context(), "1"))
	require.NoError(t, deskdb.New(store).Forget(t.Context(), "2"))
	require.NoError(t, deskdb.New(store).Forget(t.Context(), "nobody"))
	n, err = store.Promise(t.Context(), "again", append(batch, renewed))
	require.NoError(t, err)
	assert.Zero(t, n.Emails)
}
