package imports

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// calendarFile is a calendar with events as calendar programs write them.
func calendarFile(events ...string) string {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//\n"
	for i, event := range events {
		if !strings.Contains(event, "UID:") {
			event = fmt.Sprintf("UID:%d\n", i) + event
		}
		text += fmt.Sprintf("BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n%s\nEND:VEVENT\n", event)
	}
	return strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n")
}

// google is an event as Google's national calendars have it.
func google(day, name, description string) string {
	return "DTSTART;VALUE=DATE:" + day + "\nCLASS:PUBLIC\nDESCRIPTION:" + description + "\nSTATUS:CONFIRMED\nSUMMARY:" +
		name + "\nTRANSP:TRANSPARENT"
}

func TestReadCalendars(t *testing.T) {
	const natal = "DTSTART;VALUE=DATE:20261225\nSUMMARY:Natal"
	for _, tt := range []struct {
		name, text string
		want       string // closures as FIRST..LAST NAME, with commas; what is left out as !LINE REASON
	}{
		{"one day", calendarFile("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Natal"),
			"2026-12-25..2026-12-25 Natal"},
		{"without an end", calendarFile(natal), "2026-12-25..2026-12-25 Natal"},
		{"the end on the day itself", calendarFile("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225\nSUMMARY:Natal"),
			"2026-12-25..2026-12-25 Natal"},
		{"several days", calendarFile("DTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20270103\nSUMMARY:Libur semester\\, ganjil"), "2026-12-21..2027-01-02 Libur semester, ganjil"},
		{"a duration", calendarFile("DTSTART;VALUE=DATE:20261221\nDURATION:P3D\nSUMMARY:Ujian"),
			"2026-12-21..2026-12-23 Ujian"},
		{"a duration of weeks", calendarFile("DTSTART;VALUE=DATE:20261221\nDURATION:P1W\nSUMMARY:Ujian"),
			"2026-12-21..2026-12-27 Ujian"},
		{"a duration of hours", calendarFile("DTSTART:20261221T000000\nDURATION:PT48H\nSUMMARY:X"),
			"2026-12-21..2026-12-22 X"},
		{"a date, and an end with a time", calendarFile("DTSTART;VALUE=DATE:20261225\nDTEND:20261227T000000\nSUMMARY:Natal"),
			"2026-12-25..2026-12-26 Natal"},
		{"midnight to midnight", calendarFile("DTSTART:20261225T000000\nDTEND:20261226T000000\nSUMMARY:Natal"),
			"2026-12-25..2026-12-25 Natal"},
		{"until the last minute", calendarFile("DTSTART:20261225T000000\nDTEND:20261226T235959\nSUMMARY:Natal"),
			"2026-12-25..2026-12-26 Natal"},
		{"until the last minute, as UTC", calendarFile("DTSTART:20261224T170000Z\nDTEND:20261226T165900Z\nSUMMARY:Natal"),
			"2026-12-25..2026-12-26 Natal"},
		{"midnight in a zone", calendarFile("DTSTART;TZID=Asia/Jakarta:20261225T000000\nDTEND;TZID=\"Asia/Jakarta\":20261226T000000\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal"},
		{"midnight in Jakarta, as UTC", calendarFile("DTSTART:20261224T170000Z\nDTEND:20261225T170000Z\nSUMMARY:Natal"),
			"2026-12-25..2026-12-25 Natal"},
		{"midnight UTC", calendarFile("DTSTART:20261225T000000Z\nDTEND:20261226T000000Z\nSUMMARY:Natal"),
			"2026-12-25..2026-12-25 Natal"},
		{"a zone of Windows", calendarFile("DTSTART;TZID=SE Asia Standard Time:20261225T000000\nDTEND;TZID=SE Asia Standard Time:20261226T000000\nSUMMARY:Natal"), "2026-12-25..2026-12-25 Natal"},
		{"hours", calendarFile("DTSTART:20261225T090000Z\nDTEND:20261225T100000Z\nSUMMARY:Rapat", natal),
			"2026-12-25..2026-12-25 Natal,!4 hours"},
		{"from midnight for some hours", calendarFile("DTSTART:20261225T000000\nDTEND:20261225T080000\nSUMMARY:X"),
			"!4 hours"},
		{"a moment", calendarFile("DTSTART:20261225T000000\nSUMMARY:X"), "!4 hours"},
		{"cancelled", calendarFile("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED\nSUMMARY:Natal"), ""},
		{"years ago", calendarFile("DTSTART;VALUE=DATE:20201225\nSUMMARY:X", natal), "2026-12-25..2026-12-25 Natal,!4 past"},
		{"in many years", calendarFile("DTSTART;VALUE=DATE:20401225\nSUMMARY:X"), "2040-12-25..2040-12-25 X"},
		{"longer than a year", calendarFile("DTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20361221\nSUMMARY:X", natal),
			"2026-12-25..2026-12-25 Natal,!4 not_understood"},
		{"no such day", calendarFile("DTSTART;VALUE=DATE:20261332\nSUMMARY:X", natal),
			"2026-12-25..2026-12-25 Natal,!4 not_understood"},
		{"no day", calendarFile("SUMMARY:X", natal), "2026-12-25..2026-12-25 Natal,!4 not_understood"},

		{"every year", calendarFile("DTSTART;VALUE=DATE:20200817\nRRULE:FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=17\nSUMMARY:X"),
			"2026-08-17..2026-08-17 X,2027-08-17..2027-08-17 X"},
		{"every other year", calendarFile("DTSTART;VALUE=DATE:20200817\nRRULE:FREQ=YEARLY;INTERVAL=2\nSUMMARY:X"),
			"2026-08-17..2026-08-17 X"},
		{"two years", calendarFile("DTSTART;VALUE=DATE:20250817\nRRULE:FREQ=YEARLY;COUNT=2\nSUMMARY:X"),
			"2026-08-17..2026-08-17 X"},
		{"the second Sunday of May", calendarFile("DTSTART;VALUE=DATE:20210509\nRRULE:FREQ=YEARLY;BYMONTH=5;COUNT=10;BYDAY=2SU\nSUMMARY:X"), "2026-05-10..2026-05-10 X,2027-05-09..2027-05-09 X"},
		{"the last Friday of each quarter", calendarFile("DTSTART;VALUE=DATE:20260327\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR;UNTIL=20260930\nSUMMARY:X"), "2026-03-27..2026-03-27 X,2026-06-26..2026-06-26 X,2026-09-25..2026-09-25 X"},
		{"every week", calendarFile("DTSTART;VALUE=DATE:20261206\nRRULE:freq=weekly;count=2;byday=SU;\nSUMMARY:X"),
			"2026-12-06..2026-12-06 X,2026-12-13..2026-12-13 X"},
		{"every day is one break", calendarFile("DTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20261222\nRRULE:FREQ=DAILY;UNTIL=20270102\nSUMMARY:X"), "2026-12-21..2027-01-02 X"},
		{"until a time in UTC that is midnight here", calendarFile("DTSTART;TZID=Asia/Jakarta:20261221T000000\nDTEND;TZID=Asia/Jakarta:20261222T000000\nRRULE:FREQ=DAILY;UNTIL=20261222T170000Z\nSUMMARY:X"), "2026-12-21..2026-12-23 X"},
		{"until the end of a day in UTC", calendarFile("DTSTART;VALUE=DATE:20261221\nRRULE:FREQ=DAILY;UNTIL=20261223T235959Z\nSUMMARY:X"), "2026-12-21..2026-12-23 X"},
		{"the 29th of February", calendarFile("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY\nSUMMARY:X", natal),
			"2026-12-25..2026-12-25 Natal"},
		{"over New Year", calendarFile("DTSTART;VALUE=DATE:20241221\nDTEND;VALUE=DATE:20250105\nRRULE:FREQ=YEARLY\nSUMMARY:X"),
			"2025-12-21..2026-01-04 X,2026-12-21..2027-01-04 X,2027-12-21..2028-01-04 X"},
		{"but not", calendarFile("DTSTART;VALUE=DATE:20250817\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20270817\nSUMMARY:X"),
			"2026-08-17..2026-08-17 X"},
		{"but not, as times", calendarFile("DTSTART:20260816T170000Z\nDTEND:20260817T170000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260817T170000Z,20300101T170000Z\nSUMMARY:X"), "2026-08-17..2026-08-17 X"},
		{"more days", calendarFile("DTSTART;VALUE=DATE:20261225\nRDATE;VALUE=DATE:20261226,20261228\nSUMMARY:X"),
			"2026-12-25..2026-12-25 X,2026-12-26..2026-12-26 X,2026-12-28..2026-12-28 X"},
		{"periods", calendarFile("DTSTART;VALUE=DATE:20261225\nRDATE;VALUE=PERIOD:20261227T170000Z/20261229T170000Z,20270101T000000/P1D\nSUMMARY:X"),
			"2026-12-25..2026-12-25 X,2026-12-28..2026-12-29 X,2027-01-01..2027-01-01 X"},
		{"one moved", calendarFile("DTSTART;VALUE=DATE:20251224\nRRULE:FREQ=YEARLY;COUNT=2\nUID:S\nSUMMARY:X",
			"UID:S\nRECURRENCE-ID;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261228\nSUMMARY:Y"), "2026-12-28..2026-12-28 Y"},
		{"one cancelled", calendarFile("UID:S\nRECURRENCE-ID;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED", "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY\nUID:S\nSUMMARY:X"), "2027-12-24..2027-12-24 X"},
		{"moved twice", calendarFile("DTSTART;VALUE=DATE:20251224\nRRULE:FREQ=YEARLY;COUNT=2\nUID:S\nSUMMARY:X",
			"UID:S\nSEQUENCE:1\nRECURRENCE-ID;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261228\nSUMMARY:Y",
			"UID:S\nSEQUENCE:2\nRECURRENCE-ID;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261229\nSUMMARY:Z"),
			"2026-12-29..2026-12-29 Z"},
		{"a former state", calendarFile(natal+"\nUID:S\nSEQUENCE:3",
			"UID:S\nSEQUENCE:4\nDTSTART;VALUE=DATE:20261226\nSUMMARY:Cuti"), "2026-12-26..2026-12-26 Cuti"},
		{"moved for good", calendarFile("DTSTART;VALUE=DATE:20260824\nRRULE:FREQ=YEARLY\nUID:S\nSUMMARY:X",
			"UID:S\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270824\nDTSTART;VALUE=DATE:20270828\nSUMMARY:Y"),
			"2026-08-24..2026-08-24 X,!4 not_understood"},
		{"ended for good", calendarFile("DTSTART;VALUE=DATE:20260824\nRRULE:FREQ=YEARLY\nUID:S\nSUMMARY:X",
			"UID:S\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270824\nDTSTART;VALUE=DATE:20270824\nSTATUS:CANCELLED"),
			"2026-08-24..2026-08-24 X"},
		{"a rule that nobody knows", calendarFile("DTSTART;VALUE=DATE:20260824\nRRULE:FREQ=PURNAMA\nSUMMARY:X", natal),
			"2026-12-25..2026-12-25 Natal,!4 not_understood"},
		{"every hour", calendarFile("DTSTART;VALUE=DATE:20260824\nRRULE:FREQ=HOURLY\nSUMMARY:X"), "!4 not_understood"},

		{"Google's", calendarFile(google("20260817", "HUT RI", "Hari libur nasional"), google("20270214", "Valentine",
			"Perayaan\\nUntuk menyembunyikan perayaan\\, buka Setelan Google Kale\n nder > Hari libur di Indonesia"),
			google("20261126", "Guru", "Observance\\nTo hide observances\\, go to Google Calendar Settings > Holidays in Indonesia"), google("20261127", "X", "Праздник\\nGoogle > X"),
			google("20270310", "Idulfitri", "Public holiday\\nTentative date"), google("20270311", "Cuti", "")),
			"2026-08-17..2026-08-17 HUT RI,2027-03-10..2027-03-10 Idulfitri,2027-03-11..2027-03-11 Cuti,!14 observance,!25 observance,!35 observance"},
		{"a school's own notes in Google's", calendarFile("DTSTART;VALUE=DATE:20261221\nDESCRIPTION:Lihat\\n<a href=\"https://docs.google.com/x\">Google Docs</a> > Kalender\nSUMMARY:Libur"), "2026-12-21..2026-12-21 Libur"},
		{"others'", calendarFile(google("20261101", "A", "Observance"), google("20261102", "B", "Perayaan."),
			google("20261103", "C", "Perayaan HUT sekolah"), google("20261104", "D", "Observance, Christian"),
			google("20261105", "E", "Not a public holiday in Indonesia"), natal+"\nCATEGORIES:Holidays",
			natal+"\nCATEGORIES:Observance"),
			"2026-11-03..2026-11-03 C,2026-12-25..2026-12-25 Natal,!4 observance,!14 observance,!34 observance,!44 observance,!61 observance"},
		{"Apple's marks", calendarFile("DTSTART;VALUE=DATE:20261001\nSUMMARY:A\nX-APPLE-SPECIAL-DAY:WORK-HOLIDAY",
			"DTSTART;VALUE=DATE:20261010\nSUMMARY:B\nX-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY",
			"DTSTART;VALUE=DATE:20261011\nSUMMARY:C"),
			"2026-10-01..2026-10-01 A,!11 observance,!18 observance"},
		{"Apple's without marks", calendarFile("DTSTART;VALUE=DATE:20260817\nSUMMARY;LANGUAGE=id:Hari Kemerdekaan\nCATEGORIES:Holidays\nRRULE:FREQ=YEARLY;COUNT=5"), "2026-08-17..2026-08-17 Hari Kemerdekaan,2027-08-17..2027-08-17 Hari Kemerdekaan"},

		{"a folded name", calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Hari Raya \n Natal"),
			"2026-12-25..2026-12-25 Hari Raya Natal"},
		{"a fold within a letter", calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Idulfitri 1448 H – caf\xc3\n \xa9"),
			"2026-12-25..2026-12-25 Idulfitri 1448 H – café"},
		{"CR alone", strings.ReplaceAll(calendarFile(natal), "\r\n", "\r"), "2026-12-25..2026-12-25 Natal"},
		{"CR CR LF", strings.ReplaceAll(calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Hari \n Natal"), "\r", "\r\r"),
			"2026-12-25..2026-12-25 Hari Natal"},
		{"LF alone, empty lines", strings.ReplaceAll(calendarFile(natal), "\r\n", "\n\n"), "2026-12-25..2026-12-25 Natal"},
		{"small letters", strings.ToLower(calendarFile(natal)), "2026-12-25..2026-12-25 natal"},
		{"byte order mark", "\ufeff" + calendarFile(natal), "2026-12-25..2026-12-25 Natal"},
		{"UTF-16", utf16le(calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:Hari Raya é")),
			"2026-12-25..2026-12-25 Hari Raya é"},
		{"Windows-1252", calendarFile("DTSTART;VALUE=DATE:20261225\nSUMMARY:caf\xe9"), "2026-12-25..2026-12-25 café"},
		{"several calendars", calendarFile(natal) + calendarFile("DTSTART;VALUE=DATE:20261226\nSUMMARY:Cuti"),
			"2026-12-25..2026-12-25 Natal,2026-12-26..2026-12-26 Cuti"},
		{"things to do", strings.Replace(calendarFile(natal), "BEGIN:VEVENT",
			"BEGIN:VTODO\r\nDTSTART;VALUE=DATE:20261111\r\nEND:VTODO\r\nBEGIN:VEVENT", 1), "2026-12-25..2026-12-25 Natal"},
		{"an alarm", calendarFile(natal + "\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nSUMMARY:Alarm\nEND:VALARM\nDTEND;VALUE=DATE:20261227"), "2026-12-25..2026-12-26 Natal"},
		{"lines that are none", calendarFile(natal + "\nini bukan apa-apa\n;;;:\nX-Y;Z:\nDESCRIPTION;A=\"b:c\":d"),
			"2026-12-25..2026-12-25 Natal"},
		{"without the end of the calendar", strings.TrimSuffix(calendarFile(natal), "END:VCALENDAR\r\n"),
			"2026-12-25..2026-12-25 Natal"},
		{"without the end of an event", strings.Replace(calendarFile(natal, "DTSTART;VALUE=DATE:20261226\nSUMMARY:Cuti"),
			"END:VEVENT\r\n", "", 1), "2026-12-25..2026-12-25 Natal,2026-12-26..2026-12-26 Cuti"},
		{"cut off", strings.TrimSuffix(calendarFile(natal, "DTSTART;VALUE=DATE:20261221\nSUMMARY:X"),
			"END:VEVENT\r\nEND:VCALENDAR\r\n"), "2026-12-25..2026-12-25 Natal,!10 not_understood"},
		{"quoted parameters", calendarFile("DTSTART;VALUE=\"DATE\":20261225\nSUMMARY;ALTREP=\"http://x/;y:z\";LANGUAGE=id:Natal"), "2026-12-25..2026-12-25 Natal"},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, read(t, tt.text)) })
	}
	assert.Equal(t, "error", read(t, "<html><body>Masuk</body></html>"))
	assert.Equal(t, "error", read(t, "PK\x03\x04 buku kerja"))
	assert.Equal(t, "error", read(t, ""))
	assert.Equal(t, "error", read(t, "Nama;Kelas\nAni;7A\n"))
}

// The break that is under way is closed, and only once a year.
func TestBreakUnderWay(t *testing.T) {
	newYear := calendarFile("DTSTART;VALUE=DATE:20241221\nDTEND;VALUE=DATE:20250105\nRRULE:FREQ=YEARLY\nSUMMARY:X")
	for _, today := range []reminder.Date{{Year: 2027, Month: 1, Day: 2}, {Year: 2027, Month: 1, Day: 4},
		{Year: 2027, Month: 12, Day: 31}} {
		found := readCalendar([]byte(newYear), today, time.UTC, false)
		assert.Empty(t, found.Left)
		assert.Equal(t, fmt.Sprint(today.Year+1, "-12-31"), found.Until.String())
		var got []string
		for _, c := range found.Days {
			got = append(got, c.First.String()+".."+c.Last.String())
		}
		assert.Equal(t, []string{"2026-12-21..2027-01-04", "2027-12-21..2028-01-04", "2028-12-21..2029-01-04"}, got, today)
	}
}

func TestReadTables(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"table", "tanggal,sampai,nama\n2026-12-25,,Natal\n2026-12-21,2027-01-02,Libur semester\n2026-11-25,Hari Guru\n2026-11-26\n",
			"2026-12-25..2026-12-25 Natal,2026-12-21..2027-01-02 Libur semester,2026-11-25..2026-11-25 Hari Guru,2026-11-26..2026-11-26 "},
		{"of a spreadsheet", "\ufeffTanggal;Sampai;Nama\r\n21/12/2026;2/1/2027;\"Libur; semester\"\r\n",
			"2026-12-21..2027-01-02 Libur; semester"},
		{"as a school has it", "KALENDER PENDIDIKAN TAHUN 2026/2027;;;\r\n;;;\r\nNo;Hari/Tanggal;Keterangan;Jumlah hari\r\n1;Senin, 17 Agustus 2026;HUT Kemerdekaan RI;1\r\n" +
			"2.;Senin, 21 Desember 2026 s.d. Sabtu, 2 Januari 2027;Libur semester;12 hari\r\n;;;\r\n3;Jum'at / 25-12-2026;Natal;1\r\n;;;\r\n;;Garut, 12 Juli 2026;\r\n;;Kepala Madrasah,;\r\n;;NIP. 19670101 199003 1 001;\r\n",
			"2026-08-17..2026-08-17 HUT Kemerdekaan RI,2026-12-21..2027-01-02 Libur semester,2026-12-25..2026-12-25 Natal"},
		{"weekdays in a column", "No\tHari\tTanggal\tUraian\n1\tSenin - Jumat\t21-25 Desember 2026\tLibur\n2\tSabtu\t26 Des 2026\tCuti bersama\n", "2026-12-21..2026-12-25 Libur,2026-12-26..2026-12-26 Cuti bersama"},
		{"the name first", "Keterangan;Mulai;Selesai\nLibur semester;21/12/2026;2/1/2027\nNatal;25/12/2026;\n",
			"2026-12-21..2027-01-02 Libur semester,2026-12-25..2026-12-25 Natal"},
		{"commas and quotes", "No,\"Hari, Tanggal\",Keterangan\n1,\"Senin, 21 Desember 2026\",\"Libur, semester\"\n",
			"2026-12-21..2026-12-21 Libur, semester"},
		{"Windows-1252", "Tanggal;Nama\n25/12/2026;Caf\xe9\n", "2026-12-25..2026-12-25 Café"},
		{"a cell of two lines", "Tanggal;Nama\n25/12/2026;\"Hari\nNatal\"\n26/12/2026;Cuti\n",
			"2026-12-25..2026-12-25 Hari Natal,2026-12-26..2026-12-26 Cuti"},
		{"a quote left open", "Tanggal;Nama\n25/12/2026;\"Natal\n26/12/2026;Cuti\n",
			"2026-12-25..2026-12-25 Natal,2026-12-26..2026-12-26 Cuti"},
		{"CR alone", "Tanggal;Nama\r25/12/2026;Natal\r", "2026-12-25..2026-12-25 Natal"},
		{"a list", "25 Desember 2026 Natal\n\n1 Januari 2027: Tahun Baru\n",
			"2026-12-25..2026-12-25 Natal,2027-01-01..2027-01-01 Tahun Baru"},
		{"the end without a year", "2026-12-21,31 Des,Libur\n", "2026-12-21..2026-12-31 Libur"},
		{"the end without a year, over New Year", "2026-12-21;2 Jan;Libur\n", "2026-12-21..2027-01-02 Libur"},
		{"dates of a spreadsheet", "2026-12-25 00:00:00;Natal\n", "2026-12-25..2026-12-25 Natal"},
		{"a date in the name", "2026-08-17;HUT RI 17 Agustus 1945\n", "2026-08-17..2026-08-17 HUT RI 17 Agustus 1945"},
		{"US dates are none", "12/25/2026,Natal\n26/12/2026,Cuti\n", "2026-12-26..2026-12-26 Cuti,!1 not_understood"},
		{"wrong lines are named, the others taken", "Tanggal;Nama\n31/02/2026;A\n25/12/2026;Natal\nbesok;B\n32 Desember 2026;C\nDesember 2026;D\n24 dan 26 Desember 2026;E\n2026-12-21 s.d. besok;F\n",
			"2026-12-25..2026-12-25 Natal,!2 not_understood,!4 not_understood,!5 not_understood,!6 not_understood,!7 not_understood,!8 not_understood"},
		{"without a year", "Tanggal;Keterangan\n25 Desember;Natal\n21-31 Des;Libur\n26 Desember 2026;Cuti\n",
			"2026-12-26..2026-12-26 Cuti,!2 not_understood,!3 not_understood"},
		{"beside the Islamic date", "No;Hijriah;Tanggal;Hijriah;Keterangan\n1;;20 Maret 2027;1 Syawal 1448 H;Idulfitri\n2;1 Muharram 1449;16 Juni 2027;;Tahun Baru\n",
			"2027-03-20..2027-03-20 1 Syawal 1448 H Idulfitri,2027-06-16..2027-06-16 1 Muharram 1449 Tahun Baru"},
		{"a curly apostrophe, a label, a full stop", "No;Hari;Tanggal;Keterangan\n1;Jum’at;Tgl. 25 Desember 2026.;Natal\n2;;Hari Jum’at tanggal 1 Januari 2027;Tahun Baru\n3;;tanggal 21 s/d 23 Desember 2026;Libur\n",
			"2026-12-25..2026-12-25 Natal,2027-01-01..2027-01-01 Tahun Baru,2026-12-21..2026-12-23 Libur"},
		{"the wrong way round", "2027-01-02;2026-12-21;Libur\n2026-12-25;2036-12-25;X\n",
			"!1 not_understood,!2 not_understood"},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, read(t, tt.text)) })
	}
}

func utf16le(text string) string {
	out := "\xff\xfe"
	for _, r := range text {
		out += string([]byte{byte(r), byte(r >> 8)})
	}
	return out
}

// read returns what is read of a file, in a line.
func read(t *testing.T, text string) string {
	zone, err := time.LoadLocation("Asia/Jakarta")
	require.NoError(t, err)
	today := reminder.Date{Year: 2026, Month: time.November, Day: 24}
	found, err := ReadClosures("libur", []byte(text), today, zone, false)
	if err != nil {
		return "error"
	}
	var got []string
	for _, c := range found.Days {
		if text := fmt.Sprintf("%s..%s %s", c.First, c.Last, c.Name); !slices.Contains(got, text) {
			got = append(got, text)
		}
	}
	for _, l := range found.Left {
		got = append(got, fmt.Sprintf("!%d %s", l.Line, l.Reason))
		assert.NotEmpty(t, l.Why.Key)
	}
	return strings.Join(got, ",")
}

// FuzzClosures: whatever is in a file, nothing breaks, and what is taken can be stored.
func FuzzClosures(f *testing.F) {
	for _, seed := range []string{calendarFile("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;BYDAY=2SU,-1MO;BYSETPOS=1\nEXDATE:20260101T000000Z"),
		calendarFile("DTSTART:20261225T000000\nRDATE;VALUE=PERIOD:20261225T000000/P1D\nRRULE:FREQ=DAILY;COUNT=3;INTERVAL=0"),
		"1;Senin, 21 Des 2026 s.d. 2 Jan 2027;\"X\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		calendar := readCalendar(data, reminder.Date{Year: 2026, Month: 11, Day: 24}, time.UTC, false)
		for _, c := range append(calendar.Days, readTable(string(setup.DecodeText(data))).Days...) {
			require.True(t, c.Last.Sub(c.First) >= 0 && c.Last.Sub(c.First) <= maxClosureDays, "%v", c)
		}
	})
}

func TestReadClasses(t *testing.T) {
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("kelas\tsurel\n7A\trina@x.id\n")
	require.NoError(t, err)
	for name, tt := range map[string]struct{ text, want string }{ // rows as LINE CLASS|TEACHER|ADDRESS
		"headings": {"Kelas,Wali Kelas,Surel\n7A,Rina,rina@x.id\n7B,Joko,joko@x.id\n",
			"2 7A|Rina|rina@x.id, 3 7B|Joko|joko@x.id"},
		"in another order, with more": {"No;EMAIL:;Nama Wali;Rombel\n1;rina@x.id;Rina, M.Pd.;7A\n",
			"2 7A|Rina, M.Pd.|rina@x.id"},

		"none":              {"7A,Rina,rina@x.id\n7B,joko@x.id\n", "1 7A|Rina|rina@x.id, 2 7B||joko@x.id"},
		"a title above":     {"Daftar wali kelas\n\nkelas,surel\n7A,rina@x.id\n", "4 7A||rina@x.id"},
		"Excel":             {"\ufeffkelas;wali;surel\r\n7A;\"Rina \"\"R\"\"\";rina@x.id\r\n;;\r\n", "2 7A|Rina \"R\"|rina@x.id"},
		"Unicode of Excel":  {utf16, "2 7A||rina@x.id"},
		"no address":        {"kelas,surel\n7A,\n", "2 7A||"},
		"short rows":        {"kelas,wali,surel\n7A\n", "2 7A||"},
		"a quote too many":  {"kelas,surel\n7\"A,rina@x.id\n7B,joko@x.id\n", "2 7\"A||rina@x.id, 3 7B||joko@x.id"},
		"breaks in a cell":  {"kelas,surel\n\"7\nA\",rina@x.id\n7B,joko@x.id\n", "2 7 A||rina@x.id, 4 7B||joko@x.id"},
		"Windows's letters": {"kelas,wali,surel\n7A,Andr\xe9,andre@x.id\n", "2 7A|André|andre@x.id"},
		"nothing":           {"\n\n", "class.empty_table"},
		"headings alone":    {"kelas,surel\n", "class.empty_table"},
		"a workbook":        {"PK\x03\x04", "class.no_table"},
		"an old workbook":   {"\xd0\xcf\x11\xe0\x00\x00", "class.no_table"},
		"a page":            {"<html>", "class.no_table"},
	} {
		rows, err := Classes("f.csv", []byte(tt.text))
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%d %s|%s|%s", r.Line, r.Name, r.Teacher, r.Email))
		}
		if err != nil {
			assert.ErrorContains(t, err, tt.want, name)
			continue
		}
		assert.Equal(t, tt.want, strings.Join(got, ", "), name)
	}
}
