package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// calendarFile is a calendar with events.
func calendarFile(events ...string) string {
	text := "BEGIN:VCALENDAR\n"
	for i, event := range events {
		text += fmt.Sprintf("BEGIN:VEVENT\nUID:%d\nDTSTART;VALUE=DATE:%s\nEND:VEVENT\n", i, event)
	}
	return text + "END:VCALENDAR\n"
}

// TestClosedImport: twice the same file adds nothing, a renamed holiday is renamed, and a run keeps to it.
func TestClosedImport(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	today := at(t, environ, 0)
	day := strings.ReplaceAll(today, "-", "")
	write := func(name string) {
		require.NoError(t, os.WriteFile("libur.ics", []byte(calendarFile(day+"\nSUMMARY:"+name,
			"20991225\nSUMMARY:Natal")), 0o600))
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

	require.NoError(t, os.WriteFile("salah.csv", []byte("2099-01-01,Tahun Baru\nbesok,Libur\n2099-01-01,Cuti\n"), 0o600))
	for _, says := range []string{"1 ditambahkan", "1 sudah ada"} {
		got := command(t, environ, "closed", "import", "salah.csv")
		assert.Equal(t, exitNeedsPerson, got.code)
		assert.Contains(t, got.out, says)
		assert.Contains(t, got.out, `- baris 2: besok Libur: "besok" bukan tanggal`)
		assert.Contains(t, command(t, environ, "closed", "list").out, "2099-01-01..2099-01-01 Tahun Baru / Cuti")
	}
	var report struct {
		Closures []map[string]string
		LeftOut  []map[string]any `json:"left_out"`
	}
	require.NoError(t, json.Unmarshal([]byte(command(t, environ, "closed", "import", "salah.csv", "--json").out), &report))
	assert.Equal(t, []map[string]string{{"first_day": "2099-01-01", "last_day": "2099-01-01", "name": "Tahun Baru / Cuti",
		"change": "known"}}, report.Closures)
	assert.Equal(t, "not_understood", report.LeftOut[0]["reason"])
	assert.EqualValues(t, 2, report.LeftOut[0]["line"])

	require.NoError(t, os.WriteFile("google.ics", []byte(calendarFile("20990214\nSUMMARY:Valentine\nDESCRIPTION:Perayaan")),
		0o600))
	got := command(t, environ, "closed", "import", "google.ics")
	assert.Equal(t, exitDone, got.code)
	assert.Contains(t, got.out, "- baris 2: 2099-02-14 Valentine: perayaan, bukan hari libur\n0 ditambahkan")
	assert.NotContains(t, command(t, environ, "closed", "list").out, "Valentine")
	command(t, environ, "closed", "import", "google.ics", "--observances")
	assert.Contains(t, command(t, environ, "closed", "list").out, "Valentine")

	assert.Equal(t, exitUsage, command(t, environ, "closed", "import", "tidak-ada.ics").code)
}

// TestClosedAddTakesDates: as import does, in one argument or in several.
func TestClosedAddTakesDates(t *testing.T) {
	_, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for _, tt := range []struct {
		args []string
		name string
	}{
		{[]string{"25/12/2098", "Natal"}, "Natal"}, {[]string{"25", "Desember", "2098", "Hari", "Natal"}, "Hari Natal"},
		{[]string{"25 December 2098", "Christmas"}, "Christmas"}, {[]string{"Kamis, 25-12-2098"}, ""},
	} {
		got := command(t, environ, append([]string{"closed", "add"}, tt.args...)...)
		require.Equal(t, exitDone, got.code, got.err)
		assert.Contains(t, command(t, environ, "closed", "list").out, strings.TrimSpace("2098-12-25..2098-12-25 "+tt.name))
	}
	require.Equal(t, exitDone, command(t, environ, "closed", "remove", "25", "Desember", "2098").code)
	assert.NotContains(t, command(t, environ, "closed", "list").out, "2098")
	for _, wrong := range []string{"besok", "31/02/2027", "25 Desember", "2026-12-21 s.d. besok"} {
		got := command(t, environ, "closed", "add", wrong)
		assert.Equal(t, exitUsage, got.code, wrong)
		assert.Contains(t, got.err, "bukan tanggal seperti")
	}
}
