package main

import (
	"bytes"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// told has who gets a mail in each run.
var told = [][]string{
	{
		"Aisyah Putri Lestari", "Bagas Aditya Nugraha", "Citra Ayu Maharani", "Dimas Raka Pratama", "Eka Nur Fadilah",
		"Fajar Hidayatullah", "Gita Permata Sari", "Hafiz Maulana Ibrahim", "Joko Satrio Wibisono", "Kirana Dewi Anggraini",
		"Lukman Arifin", "Melati Kusuma Wardani", "Nabila Zahra Khairani", "Qori Ramadhani", "Zahra Amelia",
	},
	nil,
	{ // not Citra, who brought her book back, nor Aisyah, who renewed hers; Umi's day has come
		"Bagas Aditya Nugraha", "Dimas Raka Pratama", "Joko Satrio Wibisono", "Kirana Dewi Anggraini",
		"Nabila Zahra Khairani", "Qori Ramadhani", "Umi Azizah", "Zahra Amelia",
	},
}

func TestDemonstration(t *testing.T) {
	var stories []string
	for range 2 {
		dir := newFolder(t)
		var out bytes.Buffer
		require.NoError(t, show(t.Context(), &out, dir, "id"))
		stories = append(stories, strings.ReplaceAll(out.String(), dir, "DIR"))

		page := readText(t, filepath.Join(dir, "index.html"))
		assert.False(t, strings.Contains(page, "<script>alert"), "the page has a title as HTML")
		assert.True(t, strings.Contains(page, "&lt;script&gt;alert"), "the page does not have the title with HTML")
		shown := html.UnescapeString(page)
		for i, names := range told {
			mails := readFolder(t, filepath.Join(dir, "mails", strconv.Itoa(i+1)))
			var to []string
			for _, m := range mails {
				addr, err := m.Header.AddressList("To")
				require.NoError(t, err)
				require.Len(t, addr, 1)
				to = append(to, addr[0].Name)
				assert.Regexp(t, addr[0].Name+` +`+m.Subject, out.String())
				for _, part := range []string{m.Subject, m.Text, m.HTML} { // assert.Contains would print the whole page
					assert.True(t, strings.Contains(shown, part), "the page does not show %q", part)
				}
			}
			slices.Sort(to)
			assert.Equal(t, names, to, "run %d", i+1)
		}
	}
	assert.Equal(t, stories[0], stories[1], "the clock is set, so the outcome is always the same")
	assert.Regexp(t, `(?m)^2\. .*: 0 surel$`, stories[0])
	assert.Regexp(t, `Puspita Wulandari +Rahasia Kebun Teh +tidak punya alamat surel`, stories[0])
	assert.Regexp(t, `Yusuf Abdurrahman +Tata Surya dan Kita +peminjam tidak ingin diingatkan`, stories[0])
	assert.Regexp(t, `Intan Cahya Ningrum +Tata Surya dan Kita +terlalu lama terlambat`, stories[0])
}

func TestInEnglish(t *testing.T) {
	dir := newFolder(t)
	var out bytes.Buffer
	require.NoError(t, show(t.Context(), &out, dir, "en"))
	assert.Contains(t, out.String(), "Your library book is due back today")
	page := readText(t, filepath.Join(dir, "index.html"))
	assert.True(t, strings.Contains(page, "23 e-mails, none of them twice"), "the page is not in English")
}

func TestFailsWhenARunSendsSomethingElse(t *testing.T) {
	triggers[1].want++
	t.Cleanup(func() { triggers[1].want-- })
	err := show(t.Context(), &bytes.Buffer{}, newFolder(t), "id")
	require.ErrorContains(t, err, "run 2: 1 mails should have been sent; there are 0")
}

func TestResultsNeedANewFolder(t *testing.T) {
	require.ErrorIs(t, show(t.Context(), &bytes.Buffer{}, t.TempDir(), "id"), os.ErrExist)
}

func newFolder(t *testing.T) string { return filepath.Join(t.TempDir(), "new") }

func readFolder(t *testing.T, dir string) (mails []mailtest.Mail) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range files {
		mails = append(mails, mailtest.Parse(t, []byte(readRaw(t, file))))
	}
	return mails
}

// readText reads a file with LF at the end of its lines.
func readText(t *testing.T, file string) string {
	t.Helper()
	return strings.ReplaceAll(readRaw(t, file), "\r\n", "\n")
}

func readRaw(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}
