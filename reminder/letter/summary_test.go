package letter

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

// summaries are the summaries in the golden files, by name.
var summaries = map[string]reminder.Summary{
	"summary-quiet": {Today: monday, SinceDate: monday.AddDays(-2), SinceTime: "07:02",
		Activity: reminder.Activity{Since: time.Unix(1, 0)}, Open: 4},
	"summary-busy": {
		Today: monday, SinceDate: monday.AddDays(-3), SinceTime: "07:02", Planned: 8, Sending: 7, Open: 154, Late: 31,
		VersionMonths: 7,
		Activity: reminder.Activity{Since: time.Unix(1, 0), Sent: 12, Waiting: 9,
			SenderTrouble: reminder.SenderTrouble{Accepted: 20, Bounced: 6, Refused: 4}, Trouble: []reminder.Trouble{
				{State: reminder.StateFailed, Reason: "rcpt: retry 450 4.7.1: greylisted", Count: 2},
				{State: reminder.StateUnknown, Reason: "the run ended in the hand-over", Count: 1},
				{State: reminder.StateRefused, Count: 1},
			}},
		Unreachable: []reminder.GroupCount{{Group: "7A", Count: 3}, {Group: "9B", Count: 2}, {Count: 2}},
		Longest: []reminder.Loan{
			{Due: monday.AddDays(-43), Title: "Laskar Pelangi /", Borrower: reminder.Borrower{Name: "Siti Aminah", Group: "9B"}},
			{Due: monday.AddDays(-1), Title: "<script>alert('x')</script>",
				Borrower: reminder.Borrower{Name: "Baris\r\nBcc: x@example.com"}},
			{Due: monday.AddDays(-1)},
		},
	},
	"summary-held":     {Today: monday, Planned: 1204, Held: reminder.ReasonMaxPerRun, Open: 1500, Late: 1200},
	"summary-restored": {Today: monday, Held: reminder.ReasonLooksRestored, Open: 1500, Late: 1200},
}

func TestSummaryGolden(t *testing.T) {
	for _, lang := range []string{"id", "en"} {
		texts := school
		texts.Locale = lang
		c := composer(t, texts)
		for name, s := range summaries {
			t.Run(name+"."+lang, func(t *testing.T) {
				got, err := c.Compose(reminder.KindSummary, "", s)
				require.NoError(t, err)
				assert.Equal(t, lang, got.Lang)
				golden(t, name+"."+lang+".txt", "Subject: "+got.Subject+"\n\n"+got.Text)
				golden(t, name+"."+lang+".html", got.HTML)
				elements, _ := parsed(t, got.HTML)
				assert.NotContains(t, elements, "script")
				assert.NotContains(t, strings.ReplaceAll(got.HTML, school.URL, ""), "http", "nothing remote")
				for line := range strings.SplitSeq(got.Text, "\n") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), 76, line)
				}
			})
		}
	}
}
