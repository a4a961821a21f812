package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// calendarFile is a calendar with events as calendar programs write them.
func calendarFile(events ...string) string {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//\n"
	for i, event := range events {
		text += fmt.Sprintf("BEGIN:VEVENT\nUID:%d\nDTSTAMP:20260101T000000Z\n%s\nEND:VEVENT\n", i, event)
	}
	return strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n")
}

func TestReadClosures(t *testing.T) {
	today := reminder.Date{Year: 2026, Month: time.November, Day: 24}
	for _, tt := range []struct {
		name, file, text string
		want             string // closures as FIRST..LAST NAME, separated by commas; or the error
		timed            int
	}{
		{"one day", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal", 0},
		{"without an end", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal", 0},
		{"the end on the day itself", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal", 0},
		{"several days", "a.ICS", calendarFile("DTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20270103\nSUMMARY:Libur semester\\, ganjil"), "2026-12-21..2027-01-02 Libur semester, ganjil", 0},
		{"a duration", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261221\nDURATION:P3D\nSUMMARY:Ujian"), "2026-12-21..2026-12-23 Ujian", 0},
		{"folded name", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Hari Raya \n Natal"), "2026-12-25..2026-12-25 Hari Raya Natal", 0},
		{"with a time", "a.ics", calendarFile("DTSTART:20261225T090000Z\nDTEND:20261225T100000Z\nSUMMARY:Rapat", "DTSTART;VALUE=DATE:20261225\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal", 1},
		{"cancelled", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED\nSUMMARY:Natal"), "", 0},
		{"every year", "a.ics", calendarFile("DTSTART;VALUE=DATE:20200817\nRRULE:FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=17\nSUMMARY:Kemerdekaan"),
			"2026-08-17..2026-08-17 Kemerdekaan,2027-08-17..2027-08-17 Kemerdekaan", 0},
		{"every week", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261129\nRRULE:FREQ=WEEKLY\nSUMMARY:Minggu"), `error: "Minggu": pengulangan seperti itu tidak didukung`, 0},
		{"a few years", "a.ics", calendarFile("DTSTART;VALUE=DATE:20260817\nRRULE:FREQ=YEARLY;COUNT=2\nSUMMARY:X"), `error: "X": pengulangan`, 0},
		{"the second Monday of a year", "a.ics", calendarFile("DTSTART;VALUE=DATE:20260817\nRRULE:FREQ=YEARLY;BYDAY=2MO\nSUMMARY:X"), `error: "X": pengulangan`, 0},
		{"a year too long", "a.ics", calendarFile("DTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20361221\nSUMMARY:X"), `error: "X": lebih lama dari setahun`, 0},
		{"no calendar", "a.ics", "<html>", "error: ", 0},
		{"cut off", "a.ics", strings.TrimSuffix(calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Natal"), "END:VEVENT\r\nEND:VCALENDAR\r\n"), "error: ", 0},

		{"table", "a.csv", "tanggal,sampai,nama\n2026-12-25,,Natal\n2026-12-21,2027-01-02,Libur semester\n2026-11-25,Hari Guru\n2026-11-26\n",
			"2026-12-25..2026-12-25 Natal,2026-12-21..2027-01-02 Libur semester,2026-11-25..2026-11-25 Hari Guru,2026-11-26..2026-11-26 ", 0},
		{"table of a spreadsheet", "a.csv", "\ufeffTanggal;Sampai;Nama\r\n21/12/2026;2/1/2027;\"Libur; semester\"\r\n", "2026-12-21..2027-01-02 Libur; semester", 0},
		{"Windows-1252", "a.csv", "2026-12-25,No\xebl", "2026-12-25..2026-12-25 Noël", 0},
		{"not a date", "a.csv", "2026-12-25,Natal\n2026-13-01,Salah\n", `error: baris 2: "2026-13-01" bukan tanggal`, 0},
		{"a date as the headings", "a.csv", "2026-02-30,Salah\n", `error: baris 1: "2026-02-30" bukan tanggal`, 0},
		{"the end before the beginning", "a.csv", "2027-01-02,2026-12-21,Libur\n", "error: baris 1: tanggal akhir", 0},
		{"the end is no date", "a.csv", "2026-12-21,besok,Libur\n", `error: baris 1: "besok" bukan tanggal`, 0},
		{"another kind of file", "a.xlsx", "PK", "error: harus berakhiran .ics atau .csv", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.WriteFile(tt.file, []byte(tt.text), 0o600))
			list, timed, err := (&program{}).readClosures(tt.file, today)
			if text, wrong := strings.CutPrefix(tt.want, "error: "); wrong {
				assert.ErrorContains(t, err, text)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, c := range list {
				got = append(got, fmt.Sprintf("%s..%s %s", c.First, c.Last, c.Name))
			}
			assert.Equal(t, tt.want, strings.Join(got, ","))
			assert.Equal(t, tt.timed, timed)
		})
	}
}

// TestClosedImport: twice the same file adds nothing, a renamed holiday is renamed, and a run keeps to it.
func TestClosedImport(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	today := at(t, environ, 0)
	day := strings.ReplaceAll(today, "-", "")
	write := func(name string) {
		require.NoError(t, os.WriteFile("libur.ics", []byte(calendarFile("DTSTART;VALUE=DATE:"+day+"\nSUMMARY:"+name, "DTSTART;VALUE=DATE:20991225\nSUMMARY:Natal")), 0o600))
	}
	long := strings.Repeat("Libur panjang ", 20)
	for _, tt := range []struct{ name, says string }{
		{"Libur", "2 ditambahkan, 0 berganti nama, 0 sudah ada"}, {"Libur", "0 ditambahkan, 0 berganti nama, 2 sudah ada"},
		{long, "0 ditambahkan, 1 berganti nama, 1 sudah ada"}, {long, "0 ditambahkan, 0 berganti nama, 2 sudah ada"},
	} {
		write(tt.name)
		got := command(t, environ, "closed", "import", "libur.ics")
		require.Equal(t, exitDone, got.code, got.err)
		assert.Contains(t, got.out, tt.says)
		for line := range strings.Lines(got.out) {
			assert.LessOrEqual(t, len([]rune(line)), 80)
		}
	}
	db.AddLoan(t, mysqltest.Loan{Due: today})
	for range 2 {
		assert.Contains(t, command(t, environ, "run").out, "tutup hari ini")
	}
	assert.Equal(t, []mailtest.Received(nil), srv.Messages())

	require.NoError(t, os.WriteFile("salah.csv", []byte("2099-01-01,Tahun Baru\nbesok,Libur\n"), 0o600))
	got := command(t, environ, "closed", "import", "salah.csv")
	assert.Equal(t, exitConfig, got.code)
	assert.Contains(t, got.err, "tidak ada yang ditambahkan")
	assert.NotContains(t, command(t, environ, "closed", "list").out, "2099-01-01", "nothing of a file with a fault")
	assert.Equal(t, exitConfig, command(t, environ, "closed", "import", "tidak-ada.ics").code)
}
