package letter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
)

var update = flag.Bool("update", false, "rewrite the golden mails in testdata/mails")

// monday is the Today of the letters.
var monday = reminder.Date{Year: 2026, Month: time.November, Day: 23}

// loanItem returns an item that is late by some days, or due in some days if they are negative, when the library is
// open.
func loanItem(title string, days int) reminder.Item {
	due := monday.AddDays(-days)
	it := reminder.Item{Title: title, ItemCode: "B-0042", Ref: "PJM-2026-0117", Due: due, ReturnBy: due, Days: days}
	if days > 0 {
		it.Number = 1
	}
	return it
}

// with returns an item with a change.
func with(it reminder.Item, change func(*reminder.Item)) reminder.Item {
	change(&it)
	return it
}

func about(items ...reminder.Item) reminder.Letter {
	return reminder.Letter{
		Name: "Siti Aminah", Today: monday, Items: items, AnswerTo: "perpus@mtsn6garut.example",
	}
}

var reopening = reminder.Date{Year: 2027, Month: time.January, Day: 4}

// beforeClosure makes an item due in a long closure, or on its eve in some days.
func beforeClosure(it *reminder.Item, eve int) {
	it.LastOpen, it.Reopens, it.ClosureName = monday.AddDays(eve), reopening, "Libur semester"
}

// letters are the letters in the golden files, by name.
var letters = map[string]reminder.Letter{
	"tomorrow":  about(loanItem("Laskar Pelangi", -1)),
	"in-3-days": about(loanItem("Laskar Pelangi", -3)),
	"today":     about(loanItem("Laskar Pelangi", 0)),
	"late-1":    about(loanItem("Laskar Pelangi", 1)),
	"late-3":    about(with(loanItem("Laskar Pelangi", 3), func(it *reminder.Item) { it.Number = 2 })),
	"late-12":   about(with(loanItem("Laskar Pelangi", 12), func(it *reminder.Item) { it.Number = 4 })),
	"closed-weekly": about(with(loanItem("Laskar Pelangi", -6), func(it *reminder.Item) {
		it.ReturnBy = it.Due.AddDays(1)
	})),
	"closed-named": about(with(loanItem("Laskar Pelangi", -1), func(it *reminder.Item) {
		it.ReturnBy, it.ClosedFor = reminder.Date{Year: 2027, Month: time.January, Day: 4}, "Libur semester"
	})),
	"closed-last-day": about(with(loanItem("Laskar Pelangi", 1), func(it *reminder.Item) {
		it.ReturnBy, it.Days, it.Number = monday, 0, 0
	})),
	"closed-late": about(with(loanItem("Laskar Pelangi", 2), func(it *reminder.Item) {
		it.Due, it.ReturnBy, it.Days = monday.AddDays(-8), monday.AddDays(-7), 7
	})),
	"closure-eve": about(with(loanItem("Laskar Pelangi", 0), func(it *reminder.Item) { beforeClosure(it, 0) })),
	"closure-in": about(with(loanItem("Laskar Pelangi", -11), func(it *reminder.Item) {
		it.ClosedFor, it.ReturnBy = "Libur semester", reopening
		beforeClosure(it, 0)
	})),
	"closure-soon": about(
		with(loanItem("Laskar Pelangi", -3), func(it *reminder.Item) {
			it.ReturnBy = reopening
			beforeClosure(it, 2)
		}),
		with(loanItem("Bumi Manusia", -4), func(it *reminder.Item) {
			it.ClosedFor, it.ReturnBy = "Libur semester", reopening
			beforeClosure(it, 2)
		})),
	"hourly": about(with(loanItem("Kamus Besar Bahasa Indonesia", 0),
		func(it *reminder.Item) { it.DueTime = "14:30" })),
	"with-fine": about(with(loanItem("Laskar Pelangi", 3), func(it *reminder.Item) { it.FinePerDay = 1000 })),
	"two-late":  about(loanItem("Laskar Pelangi", 3), loanItem("Bumi Manusia", 1)),
	"two-soon":  about(loanItem("Laskar Pelangi", -3), loanItem("Bumi Manusia", -2)),
	"several": about(
		with(loanItem("Laskar Pelangi", -1), func(it *reminder.Item) { it.ItemCode, it.Ref = "B-0042", "PJM-2026-0117" }),
		with(loanItem("Fisika untuk SMP/MTs Kelas VIII", 0), func(it *reminder.Item) {
			it.ItemCode, it.Ref = "B-0318", "PJM-2026-0109"
		}),
		with(loanItem("Bumi Manusia", 3), func(it *reminder.Item) {
			it.ItemCode, it.Ref, it.Number, it.FinePerDay = "B-0077", "PJM-2026-0098", 2, 500
		}),
	),
	"no-name": {Today: monday, Items: []reminder.Item{{Due: monday, ReturnBy: monday}}},
	"titles": about(
		loanItem("الأربعون النووية: شرح مختصر", 3),
		loanItem("吾輩は猫である・我是猫", 0),
		loanItem("Cerita 👨‍👩‍👧‍👦 Keluarga 🌈 Ceria", -1),
		loanItem(strings.Repeat("Sejarah panjang sekali ", 25), -2),
		loanItem("<script>alert('x')</script> {{.Name}} & <b>tebal</b>", -3),
		loanItem("Baris satu\r\nBcc: x@example.com\u2028\u202eakhir\x00\x1b[31m /", -4),
	),
}

// compose composes a borrower's mail.
func (c *Composer) compose(l reminder.Letter) (reminder.Content, error) {
	return c.Compose(reminder.KindLoan, l.Lang, l)
}

func composer(t testing.TB, texts Texts) *Composer {
	t.Helper()
	c, err := New(texts)
	require.NoError(t, err)
	return c
}

var school = Texts{
	Library: "Perpustakaan MTsN 6 Garut", URL: "https://perpustakaan.example.sch.id", Locale: "id", Answers: true,
}

// languages are the languages of a borrower's mail.
var languages = []string{"id", "en", "su"}

// TestComposeGolden: each mail in each language, friendly and formal. The texts of a language are in one file, to be
// read aloud; the HTML has the same sentences.
func TestComposeGolden(t *testing.T) {
	c := composer(t, school)
	for _, lang := range languages {
		for register, addressee := range map[string]reminder.Letter{
			"":        {Name: "Siti Aminah", Type: "student", Group: "VIII B"},
			".formal": {Name: "Drs. H. Ahmad Fauzi, M.Pd.", Type: "teacher"},
		} {
			var all strings.Builder
			for _, name := range slices.Sorted(maps.Keys(letters)) {
				l := letters[name]
				l.Lang, l.Type, l.Group = lang, addressee.Type, addressee.Group
				if l.Name != "" {
					l.Name = addressee.Name
				}
				got, err := c.compose(l)
				require.NoError(t, err)
				assert.Equal(t, lang, got.Lang)
				fmt.Fprintf(&all, "======== %s\nSubject: %s\n\n%s\n", name, got.Subject, got.Text)
				if register == "" || name == "several" {
					golden(t, name+"."+lang+register+".html", got.HTML)
				}
			}
			golden(t, lang+register+".txt", all.String())
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "mails", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "if the new mail reads better: go test ./reminder/letter -run Golden -update")
}

// TestComposeParts checks what is true for all mails.
func TestComposeParts(t *testing.T) {
	c := composer(t, school)
	for name, l := range letters {
		for _, lang := range languages {
			l.Lang = lang
			t.Run(name+"."+lang, func(t *testing.T) {
				got, err := c.compose(l)
				require.NoError(t, err)

				for line := range strings.SplitSeq(got.Text, "\n") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), 76, line)
					assert.Equal(t, strings.TrimRight(line, " "), line)
				}
				assert.NotContains(t, got.Text, "\n\n\n")
				for _, r := range got.Subject + strings.ReplaceAll(got.Text, "\n", "") {
					require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r), "%U in the text", r)
				}

				elements, before := parsed(t, got.HTML)
				assert.Contains(t, got.HTML, `<html lang="`+lang+`"`)
				assert.NotContains(t, elements, "img")
				assert.NotContains(t, elements, "link")
				assert.NotContains(t, elements, "script")
				assert.NotContains(t, got.HTML, "src=")
				assert.NotContains(t, got.HTML, "url(")
				assert.NotContains(t, strings.ReplaceAll(got.HTML, school.URL, ""), "http", "nothing remote")
				assert.Greater(t, utf8.RuneCountInString(before), 200, "locked screens show this much, so no title may be in it")
				for _, it := range l.Items {
					title := cleanTitle(it.Title, maxTitle)
					assert.Contains(t, strings.Join(strings.Fields(got.Text), " "), title)
					if title != "" {
						assert.NotContains(t, got.Subject, title)
						assert.NotContains(t, before, title)
					}
				}
			})
		}
	}
}

// parse checks that s is well-formed, as XML is, and returns the names of its elements in order and the text of its
// body before the first book.
func parsed(t testing.TB, s string) (elements []string, before string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	body, books := false, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements, strings.Join(strings.Fields(before), " ")
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			elements = append(elements, token.Name.Local)
			body = body || token.Name.Local == "body"
			books = books || slices.ContainsFunc(token.Attr, func(a xml.Attr) bool {
				return a.Name.Local == "class" && (a.Value == "late" || a.Value == "today" || a.Value == "upcoming")
			})
		case xml.CharData:
			if body && !books {
				before += string(token) + " "
			}
		}
	}
}

func TestComposeKeepsDataInert(t *testing.T) {
	const hostile = `</p><script>alert(1)</script><img src=x onerror=alert(1)> {{.Name}} {{template "x"}} "'&`
	it := reminder.Item{
		Title: hostile, ItemCode: hostile[:39], Ref: hostile[4:40], Due: monday, ReturnBy: monday.AddDays(1),
		ClosedFor: hostile,
	}
	texts := Texts{Library: hostile, URL: `https://example.org/"><script>`, TitleInSubject: true}
	got, err := composer(t, texts).compose(reminder.Letter{Name: hostile, Today: monday, Items: []reminder.Item{it}})
	require.NoError(t, err)
	elements, _ := parsed(t, got.HTML)
	assert.NotContains(t, elements, "script")
	assert.NotContains(t, elements, "img")
	assert.Contains(t, got.HTML, "{{.Name}} {{template")
	assert.Contains(t, got.Text, "<script>alert(1)</script>", "text shows data as it is")
	assert.Contains(t, got.Subject, "<script>")
}

func TestComposeSubject(t *testing.T) {
	long := loanItem(strings.Repeat("kata ", 100), -1)
	broken := loanItem("Satu\r\nBcc: x@example.com", -1)
	plain, titled := composer(t, Texts{}), composer(t, Texts{TitleInSubject: true})
	for _, test := range []struct {
		letter reminder.Letter
		titles bool
		id, en string
	}{
		{about(loanItem("A", -1)), false, "Buku perpustakaan harus dikembalikan besok", "Your library book is due back tomorrow"},
		{about(loanItem("A", -3)), false,
			"Buku perpustakaan harus dikembalikan 3 hari lagi", "Your library book is due back in 3 days"},
		{about(loanItem("A", 0)), false, "Buku perpustakaan harus dikembalikan hari ini", "Your library book is due back today"},
		{about(loanItem("A", 1)), false,
			"Buku perpustakaan terlambat 1 hari, mohon dikembalikan", "Your library book is 1 day late: please return it"},
		{about(loanItem("A", 3)), false,
			"Buku perpustakaan terlambat 3 hari, mohon dikembalikan", "Your library book is 3 days late: please return it"},
		{about(loanItem("A", 3), loanItem("B", 3)), false,
			"2 buku perpustakaan terlambat 3 hari, mohon dikembalikan", "2 library books are 3 days late: please return them"},
		{about(loanItem("A", 2), loanItem("B", 1)), false,
			"2 buku perpustakaan terlambat hingga 2 hari, mohon dikembalikan",
			"2 library books are up to 2 days late: please return them"},
		{about(loanItem("A", -1), loanItem("B", -1)), false,
			"2 buku perpustakaan harus dikembalikan besok", "2 library books are due back tomorrow"},
		{about(loanItem("A", -1), loanItem("B", -2)), false,
			"2 buku perpustakaan harus segera dikembalikan", "2 library books are due back soon"},
		{about(loanItem("A", 0), loanItem("B", -2)), false,
			"2 buku perpustakaan perlu dikembalikan, 1 di antaranya hari ini", "2 library books to return, 1 of them today"},
		{about(loanItem("A", 4), loanItem("B", -2)), false,
			"2 buku perpustakaan perlu dikembalikan, 1 terlambat 4 hari", "2 library books to return, 1 of them 4 days late"},
		{about(loanItem("A", -1)), true,
			"Buku perpustakaan harus dikembalikan besok: A", "Your library book is due back tomorrow: A"},
		{about(loanItem("A", 0), loanItem("B", 0)), true,
			"2 buku perpustakaan harus dikembalikan hari ini", "2 library books are due back today"},
		{about(broken), true, "Buku perpustakaan harus dikembalikan besok: Satu Bcc: x@example.com",
			"Your library book is due back tomorrow: Satu Bcc: x@example.com"},
		{about(long), true, "Buku perpustakaan harus dikembalikan besok: " + strings.Repeat("kata ", 11) + "kata…",
			"Your library book is due back tomorrow: " + strings.Repeat("kata ", 11) + "kata…"},
	} {
		c := plain
		if test.titles {
			c = titled
		}
		for lang, want := range map[string]string{"id": test.id, "en": test.en} {
			test.letter.Lang = lang
			got, err := c.compose(test.letter)
			require.NoError(t, err)
			assert.Equal(t, want, got.Subject)
		}
	}
}

// TestComposeGreeting: a formal mail has one title before the name, and no comma after an academic degree.
func TestComposeGreeting(t *testing.T) {
	c := composer(t, Texts{})
	for _, test := range []struct{ kind, name, id, en, su string }{
		{"", "Siti Aminah", "Halo Siti Aminah,", "Hello Siti Aminah,", "Halo Siti Aminah,"},
		{"student", "", "Halo,", "Hello,", "Halo,"},
		{"teacher", "Drs. H. Ahmad Fauzi, M.Pd.", "Yth. Bapak/Ibu Drs. H. Ahmad Fauzi, M.Pd.",
			"Dear Drs. H. Ahmad Fauzi, M.Pd.", "Kahatur Bapa/Ibu Drs. H. Ahmad Fauzi, M.Pd."},
		{"staff", "Ibu Rina", "Yth. Ibu Rina,", "Dear Ibu Rina,", "Kahatur Ibu Rina,"},
		{"parent", "BPK. Dadang", "Yth. BPK. Dadang,", "Dear BPK. Dadang,", "Kahatur BPK. Dadang,"},
		{"parent", "Ibu", "Yth. Ibu,", "Dear Ibu,", "Kahatur Ibu,"},
		{"teacher", "", "Yth. Bapak/Ibu,", "Dear reader,", "Kahatur Bapa/Ibu,"},
		{"teacher", "Rina Sari S.Pd", "Yth. Bapak/Ibu Rina Sari S.Pd", "Dear Rina Sari S.Pd",
			"Kahatur Bapa/Ibu Rina Sari S.Pd"},
		{"student", "Ahmad, S.Pd", "Halo Ahmad, S.Pd", "Hello Ahmad, S.Pd", "Halo Ahmad, S.Pd"},
	} {
		for lang, want := range map[string]string{"id": test.id, "en": test.en, "su": test.su} {
			l := about(loanItem("A", 1))
			l.Lang, l.Name, l.Type = lang, test.name, test.kind
			got, err := c.compose(l)
			require.NoError(t, err)
			greeting, _, _ := strings.Cut(got.Text, "\n")
			assert.Equal(t, want, greeting)
		}
	}
}

func TestComposeLanguage(t *testing.T) {
	composers := make(map[string]*Composer)
	for _, test := range []struct{ locale, lang, want string }{
		{"", "", "id"}, {"id", "", "id"}, {"en", "", "en"}, {"en_GB", "", "en"}, {"fr", "", "id"},
		{"id", "en", "en"}, {"id", "en-US", "en"}, {"id", "EN_us", "en"}, {"en", "id-ID", "id"},
		{"en", "default", "en"}, {"id", "default", "id"}, {"id", "fr", "id"}, {"en", "ens", "en"}, {"id", "ens", "id"},
		{"id", "su", "su"}, {"en", "su-ID", "su"},
	} {
		if composers[test.locale] == nil {
			composers[test.locale] = composer(t, Texts{Locale: test.locale})
		}
		l := about(loanItem("A", 0))
		l.Lang = test.lang
		got, err := composers[test.locale].compose(l)
		require.NoError(t, err)
		assert.Equal(t, test.want, got.Lang, "%+v", test)
	}
}

func TestComposeIsRepeatable(t *testing.T) {
	c := composer(t, school)
	want, err := c.compose(letters["several"])
	require.NoError(t, err)
	t.Run("at once", func(t *testing.T) {
		for range 4 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				got, err := c.compose(letters["several"])
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	})
	again, err := composer(t, school).compose(letters["several"])
	require.NoError(t, err)
	assert.Equal(t, want, again)
}

func TestComposeNothing(t *testing.T) {
	_, err := composer(t, Texts{}).compose(reminder.Letter{Name: "Siti Aminah", Today: monday})
	assert.EqualError(t, err, "a letter about nothing")
}

// TestRenewal: each book that is not late has a link. There is no link if the URL needs an id that the loan does not
// have.
func TestRenewal(t *testing.T) {
	const staff = "perpus+buku@mtsn6garut.example"
	it := loanItem("Laskar & Pelangi?", -1)
	it.Loan = "a/7"
	bare := it
	bare.Ref = ""
	late := loanItem("Bumi Manusia", 1)
	for name, test := range map[string]struct {
		site     string
		item     reminder.Item
		answerTo string
		mute     bool
		link, at string
	}{
		"by mail": {item: it, answerTo: staff, at: staff,
			link: "mailto:perpus%2Bbuku@mtsn6garut.example?subject=Minta%20perpanjangan%3A%20PJM-2026-0117%20Laskar%20%26%20Pelangi%3F"},
		"without a number": {item: bare, answerTo: staff, at: staff,
			link: "mailto:perpus%2Bbuku@mtsn6garut.example?subject=Minta%20perpanjangan%3A%20a%2F7%20Laskar%20%26%20Pelangi%3F"},
		"on the site": {site: "https://opac.example/renew?id={loan}&b={item}", item: it, answerTo: staff,
			link: "https://opac.example/renew?id=a%2F7&b=B-0042", at: "https://opac.example/renew?id=a%2F7&b=B-0042"},
		"the site asks for a number": {site: "https://opac.example/renew/{ref}", item: bare, answerTo: staff, at: staff,
			link: "mailto:perpus%2Bbuku@mtsn6garut.example?subject=Minta%20perpanjangan%3A%20a%2F7%20Laskar%20%26%20Pelangi%3F"},
		"nobody reads answers": {item: it, answerTo: staff, mute: true},
		"late":                 {site: "https://opac.example/renew/{loan}", item: late, answerTo: staff},
	} {
		t.Run(name, func(t *testing.T) {
			c := composer(t, Texts{Answers: !test.mute, RenewURL: test.site})
			got, err := c.compose(reminder.Letter{Today: monday, Items: []reminder.Item{test.item}, AnswerTo: test.answerTo})
			require.NoError(t, err)
			parsed(t, got.HTML)
			_, html, _ := strings.Cut(got.HTML, "<body")
			_, link, found := strings.Cut(html, `href="`)
			link, _, _ = strings.Cut(link, `"`)
			assert.Equal(t, test.link != "", found)
			assert.Equal(t, test.link, strings.ReplaceAll(link, "&amp;", "&"))
			_, at, _ := strings.Cut(got.Text, "Minta perpanjangan: ")
			at, _, _ = strings.Cut(at, "\n")
			assert.Equal(t, test.at, at)
		})
	}
}

func TestSite(t *testing.T) {
	for address, want := range map[string]string{
		"https://perpus.example.sch.id/cari": "https://perpus.example.sch.id/cari",
		"http://192.168.1.10":                "http://192.168.1.10",
		"http://localhost:8000":              "",
		"http://127.0.0.1:8000":              "",
		"http://[::1]/":                      "",
		"javascript:alert(1)":                "",
		"perpustakaan":                       "",
		"http://a b":                         "",
		"":                                   "",
	} {
		assert.Equal(t, want, site(address), address)
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Laskar Pelangi /", "Laskar Pelangi"},
		{"Lontar : novel =", "Lontar : novel"},
		{"  a\t\r\n b\u2028c\u00a0d ", "a b c d"},
		{"a\x00\x1b\u0085\u202e\u2066\u200f\ufeff\u00ad\uffffb", "a b"},
		{"\xff\xfea", "\ufffd\ufffda"},
		{"می\u200cخواهم 👨\u200d👩\u200d👧", "می\u200cخواهم 👨\u200d👩\u200d👧"},
		{"/ :", ""},
		{strings.Repeat("é", 20), strings.Repeat("é", 20)},
		{strings.Repeat("é", 21), strings.Repeat("é", 19) + "…"},
		{"satu dua tiga empat lima", "satu dua tiga empat…"},
		{"satu duatigaempatlimaenamtujuh", "satu duatigaempatli…"},
		{strings.Repeat("x", 18) + "e\u0301\u0302yz", strings.Repeat("x", 18) + "…"},
		{strings.Repeat("x", 17) + "👨‍👩‍👧yz", strings.Repeat("x", 17) + "…"},
		{"x" + strings.Repeat("\u0301", 40), "x…"},
	} {
		got := cleanTitle(test.in, 20)
		assert.Equal(t, test.want, got)
		assert.LessOrEqual(t, utf8.RuneCountInString(got), 20)
	}
}

// TestBrokenTemplate breaks the built-in templates in one place each. The error names the place before any mail is due.
func TestBrokenTemplate(t *testing.T) {
	for name, test := range map[string]struct{ file, old, new, want string }{
		"syntax in text":    {"id/loan.txt", "{{.URL}}", "{{.URL}", "bad character"},
		"syntax in html":    {"loan.html", "range .Items}}", "range .Items}", "bad character"},
		"field in text":     {"en/loan.txt", "{{.Fine}}", "{{.Fines}}", "Fines"},
		"field for answers": {"id/loan.txt", "Balas saja surel ini", "{{.Reply}}", "Reply"},
		"field for late":    {"id/loan.txt", "ke-{{.Number}}", "ke-{{.Nomor}}", "Nomor"},
		"field for closed":  {"id/loan.txt", "({{.ClosedFor}})", "({{.Closure}})", "Closure"},
		"field in html":     {"loan.html", `href="{{.}}"`, `href="{{.Site}}"`, "Site"},
		"unknown sentence":  {"loan.html", `template "closed"`, `template "shut"`, `"shut"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, Export(dir))
			line := edit(t, filepath.Join(dir, test.file), test.old, test.new)
			_, err := New(Texts{Dir: dir, URL: "https://example.org"})
			require.ErrorContains(t, err, test.want)
			assert.ErrorContains(t, err, fmt.Sprintf("%s:%d:", test.file, line))
		})
	}
	for name, test := range map[string]struct{ file, old, new, want string }{
		"renamed sentence": {"en/loan.txt", `block "ask"`, `block "asking"`, `no such template "ask"`},
		"open quote":       {"loan.html", `lang="{{.Lang}}"`, `lang="{{.Lang}}`, "loan.html"},
		"no subject":       {"id/loan.txt", "Subject: ", "Perihal: ", "id/loan.txt: the mail must begin"},
		"two subjects":     {"id/loan.txt", "Subject: ", "Subject: a\nSubject: ", "id/loan.txt: the mail must begin"},
		"not utf-8":        {"en/loan.txt", "Kind regards", "Kind regards \xe9", "en/loan.txt is not in UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, Export(dir))
			edit(t, filepath.Join(dir, test.file), test.old, test.new)
			_, err := New(Texts{Dir: dir})
			require.ErrorContains(t, err, test.want)
		})
	}
	t.Run("none", func(t *testing.T) {
		_, err := New(Texts{Dir: t.TempDir()})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("twice", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, Export(dir))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "id.txt"), nil, 0o666))
		_, err := New(Texts{Dir: dir})
		assert.ErrorContains(t, err, "keep one")
	})
	for name, old := range map[string]string{
		"field": `days`, "number of days": `"Minggu", `, "unknown field": "honor", "hours": `"." #`, "money": "{amount}",
	} {
		t.Run("language/"+name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, Export(dir))
			edit(t, filepath.Join(dir, "id", "language.toml"), old, "")
			_, err := New(Texts{Dir: dir})
			assert.ErrorContains(t, err, "id/language.toml: ")
		})
	}
}

// edit replaces old by new in a file and returns the line number of the first occurrence.
func edit(t *testing.T, path, old, new string) (line int) {
	t.Helper()
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	before, _, found := strings.Cut(string(source), old)
	require.True(t, found, "%q is not in %s any more", old, path)
	require.NoError(t, os.WriteFile(path, bytes.ReplaceAll(source, []byte(old), []byte(new)), 0o666))
	return strings.Count(before, "\n") + 1
}

func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "templates")
	require.NoError(t, Export(dir))
	l := letters["several"]
	builtIn, err := composer(t, Texts{}).compose(l)
	require.NoError(t, err)
	exported, err := composer(t, Texts{Dir: dir}).compose(l)
	require.NoError(t, err)
	assert.Equal(t, builtIn, exported)

	// A file edited in Notepad: with a byte order mark, and a carriage return on each line.
	path := filepath.Join(dir, "id/loan.txt")
	edit(t, path, "Salam,", "Salam hangat <3,")
	edit(t, path, "didahulukan, ya", "didahulukan &ya") // within a condition
	edit(t, path, "\n", "\r\n")
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append([]byte("\ufeff"), source...), 0o666))
	edited, err := composer(t, Texts{Dir: dir}).compose(l)
	require.NoError(t, err)
	said := strings.NewReplacer("Salam,", "Salam hangat <3,", "didahulukan, ya", "didahulukan &ya")
	assert.Equal(t, said.Replace(builtIn.Text),
		edited.Text)
	said = strings.NewReplacer("Salam,", "Salam hangat &lt;3,", "didahulukan, ya", "didahulukan &amp;ya")
	assert.Equal(t, said.Replace(builtIn.HTML),
		edited.HTML)

	require.ErrorIs(t, Export(dir), fs.ErrExist)
	assert.FileExists(t, path)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(kept), "Salam hangat")
}

// TestExportedBefore: a folder that was exported before each language had its own folder still works: its texts and its
// layout are used, and the missing ones are built in.
func TestExportedBefore(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "exported"))))
	edit(t, filepath.Join(dir, "id.txt"), "Salam,", "Salam hangat,")
	edit(t, filepath.Join(dir, "mail.html"), "#0b5c5c", "#123456")
	texts := school
	texts.Dir = dir
	c := composer(t, texts)
	for name, l := range letters {
		for _, lang := range languages {
			l.Lang = lang
			got, err := c.compose(l)
			require.NoError(t, err, name)
			assert.Equal(t, lang == "id", strings.Contains(got.Text, "Salam hangat,"))
			assert.Contains(t, got.HTML, "#123456")
		}
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "mail.html")))
	got, err := composer(t, texts).compose(letters["several"])
	require.NoError(t, err, "old words in the new look")
	assert.Contains(t, got.HTML, "Salam hangat,")
	require.Error(t, Export(dir), "new files beside them would take their place")
	for _, name := range []string{"summary.id.txt", "summary.en.txt", "summary.html"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	c, builtIn := composer(t, texts), composer(t, school)
	for _, s := range summaries {
		got, err := c.Compose(reminder.KindSummary, "", s)
		require.NoError(t, err)
		want, err := builtIn.Compose(reminder.KindSummary, "", s)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// TestLanguageIsAFolder: a language that a library adds to its templates is used for its readers.
func TestLanguageIsAFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "jv"), must(fs.Sub(embedded, "id"))(t)))
	edit(t, filepath.Join(dir, "jv", "language.toml"), "Minggu", "Ngahad")
	edit(t, filepath.Join(dir, "jv", "loan.txt"), "Salam,", "Nuwun,")
	l := about(loanItem("A", 1))
	l.Lang = "jv-ID"
	got, err := composer(t, Texts{Dir: dir}).compose(l)
	require.NoError(t, err)
	assert.Equal(t, "jv", got.Lang)
	assert.Contains(t, got.Text, "Ngahad, 22 November 2026")
	assert.Contains(t, got.Text, "Nuwun,")
}

// TestKindIsATemplate: a new kind uses a layout with its own texts. They print the data of the run, prepared by the
// view.
func TestKindIsATemplate(t *testing.T) {
	files := must(sources(""))(t)
	added := fstest.MapFS{
		"shelf.html": {Data: []byte(`<p lang="{{.Lang}}">{{template "greeting" .}}</p>{{.Library}}`)},
		"id/shelf.txt": {Data: []byte(`Subject: Kelas {{.Group}}

{{block "greeting" .}}Yth. {{.Teacher}}, {{.Today}}:{{end}}
{{range .Pupils}}
* {{.Name}}: {{range .Groups}}{{range .Items}}{{.Title}}, {{.Days}} hari{{end}}{{end}}
{{- end}}
`)},
	}
	for name := range added {
		files[name] = source{added, name}
	}
	type shelf struct {
		Group, Teacher string
		Today          reminder.Date
		Pupils         []reminder.Letter
		hidden         string //nolint:unused // a field that templates cannot see must not be read
	}
	got, err := must(newComposer(school, files))(t).Compose("shelf", "fr", shelf{
		Group: "7A", Teacher: "Ibu <b>\u202eRina\r\nBcc: x", Today: monday,
		Pupils: []reminder.Letter{about(loanItem("Laskar Pelangi /", 3))},
	})
	require.NoError(t, err)
	assert.Equal(t, reminder.Content{
		Subject: "Kelas 7A",
		Text:    "Yth. Ibu <b>Rina Bcc: x, Senin, 23 November 2026:\n\n* Siti Aminah: Laskar Pelangi, 3 hari\n",
		HTML:    `<p lang="id">Yth. Ibu &lt;b&gt;Rina Bcc: x, Senin, 23 November 2026:</p>Perpustakaan MTsN 6 Garut`,
		Lang:    "id",
	}, got)
	_, err = composer(t, school).Compose("shelf", "", shelf{})
	assert.ErrorContains(t, err, `"shelf"`)
}

// must returns a function that returns the value, and that fails the test on an error.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

// FuzzCompose composes a letter with any data. The elements of its HTML are the same as with harmless data, and its
// subject has one line.
func FuzzCompose(f *testing.F) {
	f.Add("Siti Aminah", "Laskar Pelangi", "B-0042", "PJM-1", "Libur semester", "id")
	f.Add("", "", "", "", "", "en-US")
	c := composer(f, Texts{Library: "L", TitleInSubject: true})
	f.Fuzz(func(t *testing.T, name, title, code, ref, closure, lang string) {
		compose := func(as func(string) string) reminder.Content {
			it := reminder.Item{
				Title: as(title), ItemCode: as(code), Ref: as(ref), ClosedFor: as(closure),
				Due: monday, ReturnBy: monday.AddDays(1),
			}
			got, err := c.compose(reminder.Letter{Name: as(name), Lang: lang, Today: monday, Items: []reminder.Item{it}})
			require.NoError(t, err)
			return got
		}
		got := compose(func(s string) string { return s })
		tame := compose(func(s string) string {
			if clean(s, maxTitle) == "" {
				return ""
			}
			return "x"
		})
		elements, _ := parsed(t, got.HTML)
		want, _ := parsed(t, tame.HTML)
		require.Equal(t, want, elements)
		require.Equal(t, strings.Count(tame.HTML, "<"), strings.Count(got.HTML, "<"))
		require.NotContains(t, got.Subject, "\n")
		require.NotContains(t, got.Subject, "\r")
		require.NotEmpty(t, got.Subject)
		require.True(t, utf8.ValidString(got.Subject+got.Text+got.HTML))
	})
}

// TestTemplatesThatCall: a template that stands in the place of its call prints what the call would.
func TestTemplatesThatCall(t *testing.T) {
	for _, test := range []struct{ calls, templates, want string }{
		{`{{template "a" .}}4`, `{{define "a"}}1{{template "b" .}}3{{end}}{{define "b"}}2{{end}}`, "1234"},
		{`{{range .List}}{{template "a" .}}{{end}}`, `{{define "a"}}{{.}}<b>{{end}}`, "x<b>y<b>"},
		{`{{range .List}}{{template "a" $}}{{end}}`, `{{define "a"}}{{.Word}}{{end}}`, "&&"},
		{`{{template "a" .Word}}`, `{{define "a"}}[{{.}}]{{end}}`, "[&]"},
		{`{{with .Word}}{{template "a" .}}{{end}}`, `{{define "a"}}{{$}}{{end}}`, "&"},
		{`{{$x := 1}}{{template "a" .}}{{$x}}`, `{{define "a"}}{{$x := 2}}{{$x}}{{end}}`, "21"},
		{`{{template "a" .Word}}`, `{{define "a"}}{{.}}{{if eq . "&"}}{{template "a" "!"}}{{end}}{{end}}`, "&!"},
		{`{{template "a" .}}`, `{{define "a"}}{{if .Word}}1{{else}}{{template "a" .}}{{template "a" .}}{{end}}{{end}}`, "1"},
		{`{{template "a" .}}`, `{{define "a"}}{{if .Word}}1{{else}}{{range .List}}{{template "a" .}}{{end}}{{end}}{{end}}`, "1"},
	} {
		files, words := must(sources(""))(t), "Subject: s\n\n"+`{{block "all" .}}`+test.calls+"{{end}}"+test.templates
		mine := fstest.MapFS{"call.html": {Data: []byte(`{{template "all" .}}`)}, "id/call.txt": {Data: []byte(words)}}
		for name := range mine {
			files[name] = source{mine, name}
		}
		got, err := must(newComposer(school, files))(t).Compose("call", "id", struct {
			Word string
			List []string
		}{"&", []string{"x", "y"}})
		require.NoError(t, err, words)
		assert.Equal(t, test.want+"\n", got.Text, words)
		assert.Equal(t, template.HTMLEscapeString(test.want), got.HTML, words)
	}
}

func BenchmarkCompose(b *testing.B) {
	c := composer(b, school)
	for _, name := range []string{"tomorrow", "several"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.compose(letters[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
