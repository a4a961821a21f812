package imports

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// How people here write days. The right side is empty for what is none.
func TestParseSpan(t *testing.T) {
	const semester = "2026-12-21..2027-01-02"
	for text, want := range map[string]string{
		"2026-12-25": "2026-12-25..2026-12-25", "2026/12/25": "2026-12-25..2026-12-25",
		"25/12/2026": "2026-12-25..2026-12-25",
		"25-12-2026": "2026-12-25..2026-12-25", "25.12.2026": "2026-12-25..2026-12-25",
		"25 / 12 / 2026": "2026-12-25..2026-12-25",
		"25/12/26":       "2026-12-25..2026-12-25",
		"03/04/2026":     "2026-04-03..2026-04-03", " 3/4/2026 ": "2026-04-03..2026-04-03",
		"25 Desember 2026": "2026-12-25..2026-12-25", "25 Des 2026": "2026-12-25..2026-12-25",
		"25-Des-26":    "2026-12-25..2026-12-25",
		"25 DES. 2026": "2026-12-25..2026-12-25", "1\u00a0Mei\u00a02027": "2027-05-01..2027-05-01",
		"17 agt 2026": "2026-08-17..2026-08-17",
		"17 Ags 2026": "2026-08-17..2026-08-17", "1 Nop 2026": "2026-11-01..2026-11-01",
		"2 Pebruari 2027":  "2027-02-02..2027-02-02",
		"25 December 2026": "2026-12-25..2026-12-25", "December 25, 2026": "2026-12-25..2026-12-25",
		"Dec 25th, 2026": "2026-12-25..2026-12-25",
		"25th of Dec":    "", "Friday, 25 December 2026": "2026-12-25..2026-12-25",
		"Senin, 21 Desember 2026":   "2026-12-21..2026-12-21",
		"Jum'at / 25 Desember 2026": "2026-12-25..2026-12-25", "Hari Jumat, 25-12-2026": "2026-12-25..2026-12-25",
		"Ahad 27 Desember 2026": "2026-12-27..2026-12-27",
		"2026-12-25 00:00:00":   "2026-12-25..2026-12-25", "2026-12-25T00:00": "2026-12-25..2026-12-25",
		"29 Februari 2028": "2028-02-29..2028-02-29",

		"2026-12-21..2027-01-02": semester, "2026-12-21 .. 2027-01-02": semester, "21/12/2026..2/1/2027": semester,
		"21/12/2026-02/01/2027": semester,
		"21-12-2026 - 2-1-2027": semester, "21 Desember 2026 s.d. 2 Januari 2027": semester,
		"21 Desember 2026 s/d 2 Januari 2027": semester,
		"21 Desember 2026 sd 2 Januari 2027":  semester, "21 Des 2026 – 2 Jan 2027": semester,
		"21 Desember s.d. 2 Januari 2027":               semester,
		"21 Desember 2026 sampai dengan 2 Januari 2027": semester, "21 Desember 2026 hingga 2 Januari 2027": semester,
		"Senin, 21 Desember 2026 s.d. Sabtu, 2 Januari 2027": semester, "December 21, 2026 to January 2, 2027": semester,
		"2026-12-21 s.d. 2027-01-02": semester, "21 Desember 2026..2027-01-02": semester, "21/12/26 s.d. 2/1/27": semester,
		"21-31 Desember 2026": "2026-12-21..2026-12-31", "21 s/d 31 Des 2026": "2026-12-21..2026-12-31",
		"21–31/12/2026":       "2026-12-21..2026-12-31",
		"21 - 31 - 12 - 2026": "2026-12-21..2026-12-31", "21/12 - 31/12/2026": "2026-12-21..2026-12-31",
		"Senin - Jumat, 21 - 25 Desember 2026": "2026-12-21..2026-12-25",
		"21 Desember - 31 Desember 2026":       "2026-12-21..2026-12-31",

		"": "", "besok": "", "Libur": "", "Minggu": "", "21": "", "21 Desember": "", "21-31": "", "Desember 2026": "",
		"2026": "", "2026/2027": "", "31/02/2026": "",
		"32 Desember 2026": "", "29 Februari 2027": "", "12/25/2026": "", "25/12/0206": "", "0/1/2026": "", "25 Foo 2026": "",
		"31 Desember 2026 s.d. 21 Desember 2026": "",
		"21 Desember 2026 s.d. 2 Januari 2029":   "", "31-21 Desember 2026": "", "25 Desember 2026 Natal": "",
		"Garut, 12 Juli 2026": "", "25 ma 2026": "",
	} {
		got := ""
		if s, ok := parseSpan(text); ok {
			got = s.First.String() + ".." + s.Last.String()
		}
		assert.Equal(t, want, got, text)
	}
}

// What stands behind a date is a name, unless it goes on with days.
func TestLeadingSpan(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-25": "2026-12-25..2026-12-25|", "25 Desember 2026 Natal": "2026-12-25..2026-12-25|Natal",
		"2026-12-25 Hari Natal":                               "2026-12-25..2026-12-25|Hari Natal",
		"21 Desember 2026 s.d. 2 Januari 2027 Libur semester": "2026-12-21..2027-01-02|Libur semester",
		"21-31 Des 2026 Libur":                                "2026-12-21..2026-12-31|Libur",
		"Senin, 21 Desember 2026: Rapat":                      "2026-12-21..2026-12-21|Rapat",
		"17-8-2026 HUT RI 17 Agustus 1945":                    "2026-08-17..2026-08-17|HUT RI 17 Agustus 1945",
		"1/5/2027 Dan lain-lain":                              "2027-05-01..2027-05-01|Dan lain-lain",
		"Natal":                                               "", "Natal 25 Desember 2026": "",
		"besok":                 "",
		"2026-12-21 s.d. besok": "", "2026-12-21 - nanti": "", "24 Desember 2026 dan 26 Desember 2026": "",
		"24 dan 26 Desember 2026": "", "24 Desember 2026, 26 Desember 2026": "",
		"24 Desember 2026 & Sabtu 26 Desember 2026": "", "2026-12-21 sampai 2026-12-20": "",
	} {
		got := ""
		if s, rest, ok := LeadingSpan(strings.Fields(text)); ok {
			got = s.First.String() + ".." + s.Last.String() + "|" + strings.Join(rest, " ")
		}
		assert.Equal(t, want, got, text)
	}
}
