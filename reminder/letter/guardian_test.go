package letter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

// late returns an item of a child that is some days late.
func late(child, class, title string, days, number int) reminder.Item {
	return with(loanItem(title, days), func(it *reminder.Item) { it.Child, it.Group, it.Number = child, class, number })
}

func toGuardian(name string, items ...reminder.Item) reminder.GuardianLetter {
	return reminder.GuardianLetter{Letter: reminder.Letter{Name: name, Type: "parent", Today: monday, Items: items}}
}

// guardianLetters are the letters in the golden files, by name.
var guardianLetters = []struct {
	name   string
	letter reminder.GuardianLetter
}{
	{"one", toGuardian("Dedi Kurnia", late("Siti Aminah", "VIII B", "Laskar Pelangi", 14, 1))},
	{"several", toGuardian("Drs. H. Dedi Kurnia, M.Pd.", late("Siti Aminah", "VIII B", "Laskar Pelangi", 21, 2),
		with(late("Rizky Maulana", "VII A", "Bumi Manusia", 14, 1), func(it *reminder.Item) { it.FinePerDay = 500 }),
		with(late("Siti Aminah", "VIII B", "Fisika untuk SMP/MTs Kelas VIII", 14, 1), func(it *reminder.Item) {
			it.Due, it.ReturnBy = monday.AddDays(-15), monday.AddDays(-14)
		}))},
	{"no-names", toGuardian("", with(late("", "", "", 14, 1), func(it *reminder.Item) { it.ItemCode, it.Ref = "", "" }))},
}

// TestGuardianGolden: each mail to a guardian in each language, formal, with the layout of a borrower's mail.
func TestGuardianGolden(t *testing.T) {
	texts := school
	texts.Hours = "Senin-Kamis 07.00-15.00, Jumat 07.00-11.00"
	c := composer(t, texts)
	for _, lang := range languages {
		var all strings.Builder
		for _, l := range guardianLetters {
			got, err := c.Compose(reminder.KindGuardian, lang, l.letter)
			require.NoError(t, err)
			fmt.Fprintf(&all, "======== %s\nSubject: %s\n\n%s\n", l.name, got.Subject, got.Text)
			golden(t, "guardian-"+l.name+"."+lang+".html", got.HTML)
			parsed(t, got.HTML)
			for _, it := range l.letter.Items {
				assert.Contains(t, got.HTML, it.Child)
				assert.False(t, it.Title != "" && strings.Contains(got.Subject, it.Title))
			}
		}
		golden(t, "guardian."+lang+".txt", all.String())
	}
}

// TestGuardianInAnOlderLook: templates that a library exported before there were guardians are used for mails to
// guardians, too.
func TestGuardianInAnOlderLook(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "exported"))))
	edit(t, filepath.Join(dir, "mail.html"), "#0b5c5c", "#123456")
	texts := school
	texts.Dir = dir
	c := composer(t, texts)
	for _, l := range guardianLetters {
		for _, lang := range languages {
			got, err := c.Compose(reminder.KindGuardian, lang, l.letter)
			require.NoError(t, err)
			assert.Contains(t, got.HTML, "#123456")
		}
	}
}
