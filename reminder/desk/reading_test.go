package desk

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

// manyLoans are loans that are all due on one day.
type manyLoans struct {
	reminder.Loans
	n, shown int
}

func (m *manyLoans) Scan(_ context.Context, _, _ reminder.Date, page func([]reminder.Loan) error) error {
	for m.shown < m.n {
		m.shown += 1000
		loans := make([]reminder.Loan, 1000)
		for i := range loans {
			loans[i].Due = reminder.Date{Year: 2026, Month: time.November, Day: 24}
		}
		if err := page(loans); err != nil {
			return err
		}
	}
	return nil
}

// TestReadingHasALimit: a library with more loans than a reading holds is not read to its end.
func TestReadingHasALimit(t *testing.T) {
	some := &manyLoans{n: maxRead}
	r, err := read(t.Context(), some)
	require.NoError(t, err)
	assert.Len(t, r.all, maxRead)
	many := &manyLoans{n: 10 * maxRead}
	_, err = read(t.Context(), many)
	require.ErrorIs(t, err, errManyLoans)
	assert.Equal(t, maxRead+1000, many.shown)
}
