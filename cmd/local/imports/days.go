package imports

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A Span is a day, or several days in a row.
type Span struct{ First, Last reminder.Date }

// valid reports whether a library may be closed for this span.
func (s Span) valid() bool {
	days := s.Last.Sub(s.First)
	return days >= 0 && days <= maxClosureDays && s.First.Year >= 2000 && s.Last.Year < 2200
}

// maxClosureDays bounds one closure.
const maxClosureDays = 365

// parseSpan reads a day or a span as people and spreadsheets in Indonesia write them: 2026-12-25, 25/12/2026 (day
// first), 25 Desember 2026, December 25, 2026, 21-31 Desember 2026, 21 Desember 2026 s.d. 2 Januari 2027. The first day
// may omit the month or year that the last one has. The name of a weekday may precede a date. ok is false for anything
// else.
func parseSpan(text string) (s Span, ok bool) {
	text = strings.NewReplacer("–", "-", "—", "-", "‐", "-", "‑", "-", "…", "..").Replace(text)
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	text = midnight.ReplaceAllString(weekdayName.ReplaceAllString(text, "$1"), "")
	text = strings.TrimRight(strings.TrimLeft(text, " ,;:/-"), " ,;:.")
	text = dateLabel.ReplaceAllString(text, "")
	if d, full := parsePart(text); full {
		last := d.on(0)
		s = Span{last, last}
		return s, s.valid()
	}
	for _, at := range between.FindAllStringIndex(text, -1) {
		last, full := parsePart(strings.TrimSpace(text[at[1]:]))
		first, _ := parsePart(strings.TrimSpace(text[:at[0]]))
		if !full || first.day == 0 {
			continue
		}
		s.Last = last.on(0)
		switch overNewYear := first.month > last.month && first.year == 0; {
		case first.month == 0:
			first.month = last.month
		case overNewYear:
			first.year = last.year - 1
		}
		s.First = first.on(last.year)
		if s.valid() {
			return s, true
		}
	}
	return Span{}, false
}

// LeadingSpan reads the span at the beginning of words and returns the words after it, which must not begin with
// another date.
func LeadingSpan(words []string) (s Span, rest []string, ok bool) {
	for n := len(words); n > 0; n-- {
		if s, ok = parseSpan(strings.Join(words[:n], " ")); ok {
			rest = words[n:]
			more := strings.ToLower(strings.Join(rest, " "))
			goesOn := strings.Trim(andMore.ReplaceAllString(weekdayName.ReplaceAllString(more, "$1"), ""), " ,")
			date := hasDate(more) && goesOn != "" &&
				(goesOn[0] <= '9' || monthOf(strings.Trim(strings.Fields(goesOn)[0], ".,")) > 0)
			at := between.FindStringIndex(more)
			return s, rest, !date && (at == nil || at[0] > 0)
		}
	}
	return Span{}, words, false
}

var andMore = regexp.MustCompile(`^(?:dan|and|serta|&|\+|[,;/])\s*`)

// hasDate reports whether a text contains something that looks like a date, even an invalid one.
var hasDate = regexp.MustCompile(`(?i)\d{1,2} ?[-/.] ?\d{1,2} ?[-/.] ?\d{2,4}|\d{4}[-/.]\d{1,2}\b|` +
	`\b\d{1,2}[ .\-/]?[a-z]{3,10}[ .\-/]\d{2,4}\b|` +
	`\b(?:\d{1,2}[ .\-/]?)?(?:jan|[fp]eb|mar|apr|mei|may|jun|jul|agu|agt|ags|aug|sep|o[kc]t|no[vp]|de[sc])[a-z]*\.? \d`).MatchString

// A part is a date whose month and year may be missing.
type part struct{ day, month, year int }

// on returns the date; year is used if the part has none. For a day that does not exist, such as 31 February, it is the
// zero Date.
func (p part) on(year int) reminder.Date {
	if p.year != 0 {
		year = p.year
	}
	d := reminder.Date{Year: year, Month: time.Month(p.month), Day: p.day}
	if d.AddDays(0) != d {
		return reminder.Date{}
	}
	return d
}

var (
	yearFirst  = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$`)
	numbers    = regexp.MustCompile(`^(\d{1,2})(?: ?[-/.] ?(\d{1,2})(?: ?[-/.] ?(\d{4}|\d{2}))?)?$`)
	dayFirst   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th)?[ .\-/]*([a-z]+)\.?,?[ \-/]*(\d{4}|\d{2})?$`)
	monthFirst = regexp.MustCompile(`^([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?$`)

	between     = regexp.MustCompile(`\.\.+|\bs\.? ?/? ?d\b\.?|\bsampai(?: dengan)?\b|\bhingga\b|\bto\b|\buntil\b|\bthrough\b|-`)
	weekdayName = regexp.MustCompile(`(^|[^a-z])(?:(?:hari|tanggal|tgl\.?) )?(?:senin|selasa|rabu|kamis|jum['’ʼ]?at|sabtu|minggu|ahad|` +
		`(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b[ ,/]*`)
	dateLabel = regexp.MustCompile(`^(?:tanggal|tgl\b\.?):? ?`)
	midnight  = regexp.MustCompile(`[ t]0?0[:.]00([:.]00)?`) // as spreadsheets write a date
)

// parsePart reads one date. full reports that day, month and year are there.
func parsePart(text string) (p part, full bool) {
	number := func(digits string) int { n, _ := strconv.Atoi(digits); return n }
	year := ""
	if m := yearFirst.FindStringSubmatch(text); m != nil {
		p.day, p.month, year = number(m[3]), number(m[2]), m[1]
	} else if m := numbers.FindStringSubmatch(text); m != nil {
		p.day, p.month, year = number(m[1]), number(m[2]), m[3]
	} else if m := dayFirst.FindStringSubmatch(text); m != nil && monthOf(m[2]) > 0 {
		p.day, p.month, year = number(m[1]), monthOf(m[2]), m[3]
	} else if m := monthFirst.FindStringSubmatch(text); m != nil && monthOf(m[1]) > 0 {
		p.day, p.month, year = number(m[2]), monthOf(m[1]), m[3]
	}
	if p.year = number(year); len(year) == 2 {
		p.year += 2000
	}
	return p, p.month != 0 && p.year != 0
}

// monthNames has the months in both languages, and spellings that are not prefixes of them.
var monthNames = strings.Fields(`januari,january februari,february,pebruari maret,march april mei,may juni,june juli,july
	agustus,august,agt,ags september,sept oktober,october november,nopember desember,december`)

// monthOf returns the month whose name has this prefix of three letters or more, or 0.
func monthOf(word string) int {
	for i, names := range monthNames {
		for name := range strings.SplitSeq(names, ",") {
			if len(word) >= 3 && strings.HasPrefix(name, word) {
				return i + 1
			}
		}
	}
	return 0
}
