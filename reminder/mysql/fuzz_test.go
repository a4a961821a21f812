package mysql_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// FuzzCells: for any cell, a due date is zero or a day that exists, a time is valid, and entities are decoded only
// once.
func FuzzCells(f *testing.F) {
	for _, seed := range []string{"2026-11-24", "2026-11-24 23:59:00", "0000-00-00 00:00:00", "2026-11-24 25:61",
		"&amp;lt;b&gt;", "&#x110000;", "&eacute", "\xff"} {
		f.Add(seed)
	}
	hour := regexp.MustCompile("^$|^([01][0-9]|2[0-3]):[0-5][0-9]$")
	f.Fuzz(func(t *testing.T, cell string) {
		var loan reminder.Loan
		mysql.SetDue(&loan, cell)
		if !loan.Due.IsZero() {
			_, err := reminder.ParseDate(loan.Due.String())
			assert.NoError(t, err, cell)
		}
		assert.Regexp(t, hour, loan.DueTime, cell)
		assert.LessOrEqual(t, len(mysql.Decode(cell)), 2*len(cell)+4, cell)
	})
}
