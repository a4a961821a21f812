package reminder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
)

// summaries are what the golden files show, by name.
var summaries = map[string]Summary{
	"summary-quiet": {Today: monday, SinceDate: monday.AddDays(-2), SinceTime: "07:02", Activity: Activity{Since: monday.utc()}, Open: 4},
	"summary-busy": {
		Today: monday, SinceDate: monday.AddDays(-3), SinceTime: "07:02", Planned: 8, Sending: 7, Open: 154, Late: 31,
		Activity: Activity{Since: monday.utc(), Sent: 12, Waiting: 9, Trouble: []Trouble{
			{StateFailed, "rcpt: retry 450 4.7.1: greylisted", 2}, {StateUnknown, "the run ended in the hand-over", 1}, {StateRefused, "", 1},
		}},
		Unreachable: []GroupCount{{"7A", 3}, {"9B", 2}, {"", 2}},
		Longest: []Loan{
			{Due: monday.AddDays(-43), Title: "Laskar Pelangi /", Borrower: Borrower{Name: "Siti Aminah", Group: "9B"}},
			{Due: monday.AddDays(-1), Title: "<script>alert('x')</script>", Borrower: Borrower{Name: "Baris\r\nBcc: x@example.com"}},
			{Due: monday.AddDays(-1)},
		},
	},
	"summary-held":     {Today: monday, Planned: 1204, Held: ReasonMaxPerRun, Open: 1500, Late: 1200},
	"summary-restored": {Today: monday, Held: ReasonLooksRestored, Open: 1500, Late: 1200},
}

func TestSummaryGolden(t *testing.T) {
	for _, lang := range []string{"id", "en"} {
		texts := school
		texts.Locale = lang
		c := composer(t, texts)
		for name, s := range summaries {
			t.Run(name+"."+lang, func(t *testing.T) {
				got, err := c.Summarize(s)
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

// TestOldTemplates: a folder exported before there were summaries goes on working, and its summaries are the built-in ones.
func TestOldTemplates(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, ExportTemplates(dir))
	for _, name := range []string{"summary.id.txt", "summary.en.txt", "summary.html"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	texts := school
	texts.Dir = dir
	got, err := composer(t, texts).Summarize(summaries["summary-busy"])
	require.NoError(t, err)
	want, err := composer(t, school).Summarize(summaries["summary-busy"])
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestRecheckSummary(t *testing.T) {
	to := []mail.Address{{Addr: "a@example.org"}, {Addr: "b@example.org"}}
	for _, tt := range []struct {
		name     string
		notices  []Notice
		unknowns int
		onlyTo   []string
		want     State
		to       string
	}{
		{"today's", []Notice{summaryNotice(monday, 1)}, 0, nil, "", "b@example.org"},
		{"a former day's", []Notice{summaryNotice(monday.AddDays(-1), 0)}, 0, nil, StateExpired, ""},
		{"a former day's that may have been sent", []Notice{summaryNotice(monday.AddDays(-1), 0)}, 1, nil, StateUnknown, ""},
		{"of a day to come, by a clock that was wrong", []Notice{summaryNotice(monday.AddDays(1), 0)}, 0, nil, StateExpired, ""},
		{"without its notice", nil, 0, nil, StateExpired, ""},
		{"for somebody who gets none any more", []Notice{summaryNotice(monday, 2)}, 0, nil, StateCanceled, ""},
		{"withheld", []Notice{summaryNotice(monday, 0)}, 0, []string{"b@example.org"}, StateQueued, "a@example.org"},
		{"not withheld", []Notice{summaryNotice(monday, 1)}, 0, []string{"B@example.org"}, "", "b@example.org"},
	} {
		addr, o := Rules{OnlyTo: tt.onlyTo}.recheckSummary(Claim{Notices: tt.notices, Unknowns: tt.unknowns}, to, monday)
		assert.Equal(t, tt.want, o.State, tt.name)
		assert.Equal(t, tt.to, addr.Addr, tt.name)
	}
}

func TestCountGroups(t *testing.T) {
	loan := func(borrower, group string) Loan { return Loan{Borrower: Borrower{ID: borrower, Group: group}} }
	assert.Equal(t, []GroupCount{{"7A", 2}, {"9B", 1}, {"", 1}}, CountGroups([]Loan{
		loan("1", "9B"), loan("2", ""), loan("3", "7A"), loan("3", "7A"), loan("4", " 7A\n"),
	}), "a borrower counts once")
	assert.Empty(t, CountGroups(nil))
}
