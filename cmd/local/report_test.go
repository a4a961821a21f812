package main

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

var update = flag.Bool("update", false, "rewrite the golden reports, and the files in deploy/windows and deploy/linux")

// hostile is data that would break out of text, an attribute, or a line.
const hostile = `</script><script>alert(1)</script> "'&<b> {{.}}` + "\r\n" + `javascript:`

// sampleReview is a report of an invented library, always the same.
func sampleReview(locale string) review {
	last := reminder.Date{Year: 2026, Month: time.November, Day: 24}
	look := desk.Review{
		First: last.AddDays(-29), Last: last, Today: last,
		Open: 154, Late: 31, Waiting: 3, Failed: 2,
		Effects: []desk.Effect{
			{Step: -1, Within: 1, Back: 96, Again: 61, Unknown: 9}, {Step: 0, Within: 1, Back: 34, Again: 29, Unknown: 7},
			{Step: 1, Within: 2, Back: 12, Again: 19, Unknown: 5}, {Step: 3, Within: 4, Back: 11, Again: 10, Unknown: 4},
			{Step: 7, Within: 7, Back: 5, Again: 6, Unknown: 8}, {Step: 14, Within: 7, Unknown: 6},
		},
		Groups: []reminder.GroupCount{{Group: "7A", Count: 2}, {Group: "7B", Count: 1}, {Group: "8C", Count: 1},
			{Group: "9B", Count: 1}, {Count: 1}},
		Silent: []desk.Person{
			{Name: "Bagas Aditya Nugraha", Group: "7A", Phone: "6281200000001", Books: []desk.DueBook{
				{Title: "Asal-usul Nama Desa Kami", Code: "BK-0102", Due: last.AddDays(-3), Days: 3},
				{Title: "Kumpulan Pantun Ceria 🌻📚", Code: "BK-0104", Due: last, Days: 0}}},
			{Name: "Puspita Wulandari", Group: "7A", Books: []desk.DueBook{{Title: "Rahasia Kebun Teh", Code: "BK-0111",
				Due: last.AddDays(-1), Days: 1}}},
			{Name: "Oka Mahendra Putra", Group: "7B", Phone: "6281200000003",
				Books: []desk.DueBook{{Title: "Tata Surya dan Kita", Code: "BK-0109", Due: last.AddDays(1), Days: -1}}},
			{Name: "Joko Satrio Wibisono", Group: "8C", Books: []desk.DueBook{{Title: "Matematika Itu Menyenangkan", Code: "",
				Due: last.AddDays(-12), Days: 12}}},
			{Name: "Nabila Zahra Khairani", Group: "9B", Phone: "6281200000005",
				Books: []desk.DueBook{{Title: "Petualangan di Lereng Papandayan", Code: "BK-0101", Due: last.AddDays(-5),
					Days: 5}}},
			{Name: "Teguh Santoso", Books: []desk.DueBook{{Title: "Belajar Membuat Laman: <script>", Code: "BK-0105",
				Due: last.AddDays(-2), Days: 2}}},
		},
		Longest: []desk.Person{
			{Name: "Intan Cahya Ningrum", Group: "9A", Phone: "6281200000009",
				Books: []desk.DueBook{{Title: "Tata Surya dan Kita", Code: "BK-0109", Due: last.AddDays(-72), Days: 72}}},
			{Name: "Joko Satrio Wibisono", Group: "8C", Books: []desk.DueBook{{Title: "Matematika Itu Menyenangkan", Code: "",
				Due: last.AddDays(-12), Days: 12}, {Title: "Rahasia Kebun Teh", Code: "", Due: last.AddDays(-9), Days: 9}}},
		},
	}
	v := review{look, &program{locale: locale}, "Perpustakaan MTsN 6 Garut"}
	for i := range 30 {
		d := desk.ReviewDay{Date: v.First.AddDays(i), InReach: 36 + (i*7)%11 - i/3, Looked: true}
		if d.Date.Weekday() == time.Sunday || i == 12 {
			d.Looked, d.InReach = false, 0
		} else {
			d.Before, d.Due, d.First, d.Again = 5+(i*5)%4, 2+i%3, 1+(i*3)%3, i%4
		}
		v.Days = append(v.Days, d)
	}
	return v
}

func pageOf(t *testing.T, v review) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, v.write(&b))
	return b.String()
}

// contains is assert.Contains without printing the page.
func contains(t *testing.T, page, part string) {
	t.Helper()
	assert.True(t, strings.Contains(page, part), "the page has no %s", part)
}

func TestReportGolden(t *testing.T) {
	for _, locale := range []string{"id", "en"} {
		got := pageOf(t, sampleReview(locale))
		name := filepath.Join("testdata", "report."+locale+".html")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o777))
			require.NoError(t, os.WriteFile(name, []byte(got), 0o666))
		}
		want, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, string(want) == got, "%s differs; if the new page looks better: go test ./cmd/local -run Golden -update", name)
	}
}

// TestReportNeedsNothing: the page loads nothing, runs nothing, and can be read without seeing its charts.
func TestReportNeedsNothing(t *testing.T) {
	page := pageOf(t, sampleReview("id"))
	for _, never := range []string{"<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "javascript:",
		"onload", "onclick"} {
		assert.False(t, strings.Contains(page, never), never)
	}
	outside := regexp.MustCompile(`https?://[^\s"'<]+`).FindAllString(page, -1)
	for _, address := range outside {
		assert.True(t, strings.HasPrefix(address, "https://wa.me/62"), address)
	}
	assert.Equal(t, 2, strings.Count(page, `<div class="chart" role="img" aria-label="Grafik batang: `))
	assert.Equal(t, 2*30, strings.Count(page, `<div class="day" title="`))
}

func TestReportKeepsDataInert(t *testing.T) {
	v := sampleReview("id")
	tame := strings.Count(pageOf(t, v), "<")
	v.Library = hostile
	v.Groups[0].Group = hostile
	v.Silent[0].Name, v.Silent[0].Group, v.Silent[0].Books[0] = hostile, hostile,
		desk.DueBook{Title: hostile, Code: hostile, Due: v.Today, Days: 3}
	page := pageOf(t, v)
	assert.False(t, strings.Contains(page, "<script"))
	assert.Equal(t, tame, strings.Count(page, "<"), "data made an element")
	link := regexp.MustCompile(`href="(https://wa.me/6281200000001[^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, link)
	u, err := url.Parse(html.UnescapeString(link[1]))
	require.NoError(t, err)
	assert.NotContains(t, link[1], "+")
	assert.Contains(t, u.Query().Get("text"), "- "+desk.Plain(hostile)+" (batas kembali Selasa, 24 November 2026)\n",
		"the message arrives as it is, a title on one line")
}

func TestChatNamesSomeBooks(t *testing.T) {
	v := sampleReview("en")
	w := desk.Person{Name: "A", Phone: "6281", Books: make([]desk.DueBook, 13)}
	link, err := url.Parse(v.Chat(w))
	require.NoError(t, err)
	assert.Contains(t, link.Query().Get("text"), "- and 3 more")
	assert.Less(t, len(v.Chat(w)), 2000)
	assert.Empty(t, v.Chat(desk.Person{Name: "B"}))
}

func TestReportOfNothing(t *testing.T) {
	v := sampleReview("en")
	v.Effects, v.Groups, v.Silent, v.Longest = nil, nil, nil, nil
	for i := range v.Days {
		v.Days[i] = desk.ReviewDay{Date: v.Days[i].Date}
	}
	page := pageOf(t, v)
	contains(t, page, "There are no reminders in this time yet.")
	contains(t, page, "None: all borrowers in reach")
	assert.Equal(t, 1, strings.Count(page, `role="img"`), "the days, without bars")
}

func TestInternational(t *testing.T) {
	for typed, want := range map[string]string{
		"081234567890": "6281234567890", "+62 812-3456-7890": "6281234567890", "6281234567890": "6281234567890",
		"81234567890": "6281234567890", "(0262) 123456": "62262123456", "+1 415 555 0100": "14155550100",
		"": "", "-": "", "0": "", "08": "", "12345": "", "tidak ada": "", "0812345678901234567": "",
		"081234567890 / 0813": "",
	} {
		assert.Equal(t, want, desk.International(typed), typed)
	}
}

func TestScale(t *testing.T) {
	for most, want := range map[int][]int{
		0: {0, 1}, 1: {0, 1}, 3: {0, 1, 2, 3}, 5: {0, 1, 2, 3, 4, 5}, 6: {0, 2, 4, 6}, 11: {0, 5, 10, 15},
		24:  {0, 5, 10, 15, 20, 25},
		154: {0, 50, 100, 150, 200}, 1000: {0, 200, 400, 600, 800, 1000}, 73000: {0, 20000, 40000, 60000, 80000},
	} {
		assert.Equal(t, want, scale(most), most)
	}
}

// TestReport makes a report from a real library, twice, with and without a column for phone numbers.
func TestReport(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	mute := db.AddBorrower(t, mysqltest.Borrower{Name: "Budi Santoso", Email: "tidak ada", Class: "9B"})
	db.Exec(t, "UPDATE siswa SET no_telepon = '0812-3456-78' WHERE user_id = ?", mute)
	db.AddLoan(t, mysqltest.Loan{Borrower: mute, Due: at(t, environ, -2), Title: "Laskar Pelangi"})
	for range 3 {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	}
	require.Equal(t, exitDone, command(t, environ, "run").code)
	out := filepath.Join(t.TempDir(), "laporan saya.html")
	for range 2 {
		made := command(t, environ, "report", "--out", out)
		require.Equal(t, exitDone, made.code, made.err)
		assert.Contains(t, made.out, out)
		assert.Contains(t, made.out, "nama peminjam")
		assert.NotContains(t, made.out, "Budi")
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(out)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	others, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Len(t, others, 1, "nothing is left beside the report")
	read := func() string {
		page, err := os.ReadFile(out)
		require.NoError(t, err)
		return string(page)
	}
	page := read()
	contains(t, page, "<b>3</b><span>pengingat terkirim")
	contains(t, page, "<b>4</b><span>pinjaman terbuka kini")
	contains(t, page, `https://wa.me/62812345678?text=Halo%20Budi%20Santoso`)
	assert.Regexp(t, `<bdi>Budi Santoso</bdi> · <bdi>9B</bdi>`, page, "a slip")
	assert.Regexp(t, `hari terakhir</th><td class="bar" aria-hidden="true"><i style="width: 0%"></i></td><td class="n">0</td><td class="n">1 hari</td><td class="n">0</td><td class="n">3</td>`, page, "sent today: too early to say")
	assert.Len(t, srv.Messages(), 3)

	var view, name, x, y string
	require.NoError(t, db.Admin.QueryRow("SHOW CREATE VIEW reminder_loans").Scan(&name, &view, &x, &y))
	db.Exec(t, "ALTER TABLE users ADD no_hp VARCHAR(20) NULL") // a teacher's, where the application has been given one
	teacher := db.AddBorrower(t, mysqltest.Borrower{Level: "guru"})
	db.AddLoan(t, mysqltest.Loan{Borrower: teacher, Due: at(t, environ, -3)})
	db.Exec(t, "UPDATE users SET no_hp = ' 0819 0000 1111 ' WHERE id = ?", teacher)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	require.Equal(t, exitDone, command(t, environ, "report", "--out", out).code)
	contains(t, read(), "wa.me/6281900001111")
	db.Exec(t, "RENAME TABLE reminder_loans TO with_phone")
	db.Exec(t, `CREATE VIEW reminder_loans AS SELECT loan_id, borrower_id, borrower_name, email, title, due_at, loan_ref, item_code, borrowed_at,
		group_name, language, hold_reason, fine_per_day FROM with_phone`)
	require.Equal(t, exitDone, command(t, environ, "report", "--out", out).code, "a view without phone numbers")
	assert.False(t, strings.Contains(read(), "wa.me"))
	contains(t, read(), "Budi Santoso")
	require.Equal(t, exitDone, command(t, environ, "run").code)

	for _, args := range []string{"--days 0", "--days 367", "--from 2026-12-02 --to 2026-12-01", "--from besok",
		"--to besok", "extra"} {
		assert.Equal(t, exitUsage, command(t, environ, append([]string{"report"}, strings.Fields(args)...)...).code, args)
	}
	before := read()
	nowhere := command(t, environ, "report", "--out", filepath.Join(t.TempDir(), "nowhere", "x.html"))
	assert.Equal(t, exitConfig, nowhere.code)
	assert.Contains(t, nowhere.err, "--out")
	assert.Equal(t, before, read())
}

// TestReportOpens: --open hands the page to the desktop, and says so when there is none.
func TestReportOpens(t *testing.T) {
	_, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	out := filepath.Join(t.TempDir(), "report.html")
	desktop := quietMachine
	desktop.browse = openFile
	none := commandOn(t, desktop, "", environ, "report", "--out", out, "--open")
	assert.Equal(t, exitDone, none.code, "the report is there")
	assert.Contains(t, none.out, "Bukalah berkas itu sendiri")

	shown := filepath.Join(t.TempDir(), "shown")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" > %s\n", shown)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o755))
	assert.NotContains(t, commandOn(t, desktop, "", environ, "report", "--out", out, "--open").out, "sendiri")
	got, err := os.ReadFile(shown)
	require.NoError(t, err)
	assert.Equal(t, out+"\n", string(got))
}
