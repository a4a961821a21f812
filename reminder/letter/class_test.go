package letter

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

// lateBook is a loan on a class list.
func lateBook(borrower, name, group, title string, days int, mail reminder.Verdict) reminder.LateLoan {
	return reminder.LateLoan{Days: days, Mail: mail, Loan: reminder.Loan{ID: title, Title: title, ItemCode: "B-0042",
		Due: monday.AddDays(-days), Borrower: reminder.Borrower{ID: borrower, Name: name, Group: group}}}
}

// classLists are the lists in the golden files, by name.
var classLists = map[string]reminder.ClassList{
	"class-one": {Class: "Kelas 7A", Teacher: "Rina Marlina, M.Pd.", Today: monday, Late: []reminder.LateLoan{
		lateBook("1", "Siti Aminah", "Kelas 7A", "Laskar Pelangi /", 1, reminder.VerdictDue)}},
	"class-several": {Class: "7A", Teacher: "Ibu Rina", Today: monday, Late: []reminder.LateLoan{
		lateBook("1", "Ahmad Fauzi", "7A", "Bumi Manusia", 12, reminder.VerdictUnreachable),
		lateBook("1", "Ahmad Fauzi", "7a", "Sang Pemimpi", 3, reminder.VerdictUnreachable),
		lateBook("2", "Ahmad Fauzi", "7A", "<script>alert('x')</script>", 3, reminder.VerdictDue),
		lateBook("3", "Baris\r\nBcc: x@example.com", "7A", "", 1, reminder.VerdictDue),
		lateBook("3", "Baris\r\nBcc: x@example.com", "7A", "Laskar Pelangi", 1, reminder.VerdictBadAddress)}},
	"class-nobodys": {Today: monday, Late: []reminder.LateLoan{
		lateBook("1", "", "", "Bumi Manusia", 120, reminder.VerdictUnreachable),
		lateBook("2", "Siti Aminah", "9C", "Laskar Pelangi", 3, reminder.VerdictDue)}},
}

func TestClassGolden(t *testing.T) {
	for _, lang := range languages {
		texts := school
		texts.Locale, texts.Answers = lang, true
		c := composer(t, texts)
		for name, list := range classLists {
			t.Run(name+"."+lang, func(t *testing.T) {
				got, err := c.Compose(reminder.KindClass, lang, list)
				require.NoError(t, err)
				assert.Equal(t, lang, got.Lang)
				golden(t, name+"."+lang+".txt", "Subject: "+got.Subject+"\n\n"+got.Text)
				golden(t, name+"."+lang+".html", got.HTML)
				elements, _ := parsed(t, got.HTML)
				assert.NotContains(t, elements, "script")
				assert.NotContains(t, strings.ReplaceAll(got.HTML, school.URL, ""), "http", "nothing remote")
				for _, l := range list.Late {
					assert.False(t, l.Borrower.Name != "" && strings.Contains(got.Subject, l.Borrower.Name),
						"subjects show on locked screens")
				}
				for line := range strings.SplitSeq(got.Text, "\n") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), 76, line)
				}
			})
		}
	}
}

// TestLongClassListIsNotCutOff: the loans that Gmail would cut off are counted instead.
func TestLongClassListIsNotCutOff(t *testing.T) {
	list := reminder.ClassList{Class: "7A", Today: monday}
	for i := range 300 {
		list.Late = append(list.Late, lateBook(fmt.Sprint(i), "Muhammad Abdurrahman Al-Fatih Nugraha", "7A",
			"Kumpulan Cerita Rakyat Nusantara untuk Siswa Madrasah Tsanawiyah", 30, reminder.VerdictUnreachable))
	}
	got, err := composer(t, school).Compose(reminder.KindClass, "id", list)
	require.NoError(t, err)
	assert.Less(t, len(got.HTML), 102<<10)
	assert.Contains(t, got.Subject, "300 buku, 300 siswa")
	assert.Contains(t, got.Text, "dan 180 buku lagi")
}
