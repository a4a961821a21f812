package imports

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// readTable reads the closed days of a table. Each line with a date is a closure; its name is the rest of the line
// without numbers and weekdays. A line without a date is a heading or a footer, unless it has something in the column
// of dates.
func readTable(text string) (found Closures) {
	column := -1 // the column of the last date
	tableRows(text, func(line int, row []string, err error) {
		c, date, problem := closureOf(row, column)
		switch {
		case err != nil || problem.Key != "":
			found.leave(Left{Line: line, Name: desk.Plain(strings.Join(row, " "))}, NotUnderstood, problem.Key, problem.Args...)
		case date >= 0:
			found.Days = append(found.Days, c)
			column = date
		}
	})
	return found
}

// tableRows visits the rows of a table with the line on which each begins.
func tableRows(text string, visit func(line int, row []string, err error)) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	records := []string{text}
	if strings.Count(text, `"`)%2 == 1 { // a quote that is not closed would swallow the lines below it
		records = strings.SplitAfter(text, "\n")
	}
	line := 0
	for _, record := range records {
		r := csv.NewReader(strings.NewReader(record))
		r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace, r.Comma = -1, true, true, separator(text)
		for {
			row, err := r.Read()
			if err == io.EOF {
				break
			}
			at, _ := r.FieldPos(0)
			visit(line+at, row, err)
		}
		line += strings.Count(record, "\n")
	}
}

// separator returns the character between columns: tab, semicolon or comma, whichever most lines have.
func separator(text string) rune {
	best, most := ',', 0
	for _, sep := range "\t;," {
		n := 0
		for line := range strings.Lines(text) {
			if strings.ContainsRune(line, sep) {
				n++
			}
		}
		if n > most {
			best, most = sep, n
		}
	}
	return best
}

// closureOf reads a line of a table. date is the column of its date, or -1; expected is the column in the line before.
func closureOf(row []string, expected int) (c mysql.Closure, date int, problem reminder.Message) {
	var spans []Span
	var name []string
	filled, last, unread := 0, -1, ""
	date = -1
	for i, cell := range row {
		cell = strings.Join(strings.Fields(cell), " ")
		if cell == "" {
			continue
		}
		filled++
		s, rest, ok := LeadingSpan(strings.Fields(cell))
		if !ok && len(spans) == 1 { // "31 Des" behind "2026-12-21"
			rest = nil
			s, ok = spanAfter(spans[0].First, cell)
		}
		switch {
		case ok && (len(spans) == 0 || (len(name) == 0 || i == last+1) && len(rest) == 0):
			spans = append(spans, s)
			name = append(name, rest...)
			if last = i; date < 0 {
				date = i
			}
		case len(name) == 0 && (hasDate(cell) && !isHijri(cell) && (len(spans) == 0 || cell[0] <= '9') ||
			len(spans) == 0 && lacksYear(cell)):
			unread = cmp.Or(unread, cell)
		case !isNumber(cell) && strings.Trim(weekdayName.ReplaceAllString(strings.ToLower(cell), "$1"), " -/,s.d") != "":
			name = append(name, cell)
		}
	}
	c.Name = strings.Join(name, " ")
	heading := filled == 1 && len(row) > 1 // or a footer: "Garut, 12 Juli 2026"
	switch {
	case len(spans) == 0 && unread == "" && expected >= 0 && expected < len(row) && filled > 1:
		unread = strings.TrimSpace(row[expected])
	case unread != "" && heading && unread[0] > '9':
		unread = ""
	}
	if unread != "" {
		return c, -1, reminder.Say("closed.cell_no_date", "Unread", unread)
	}
	if len(spans) == 0 {
		return c, -1, problem
	}
	whole := Span{spans[0].First, spans[len(spans)-1].Last}
	if len(spans) > 2 || !whole.valid() {
		return c, -1, reminder.Say("closed.span_too_long")
	}
	c.First, c.Last = whole.First, whole.Last
	return c, date, problem
}

// spanAfter reads a day without a year that follows another day: it is in that day's year or the next one.
func spanAfter(first reminder.Date, cell string) (s Span, ok bool) {
	if day, _ := parsePart(strings.ToLower(cell)); day.month == 0 || day.year != 0 {
		return s, false
	}
	for _, year := range []int{first.Year, first.Year + 1} {
		if s, ok = parseSpan(fmt.Sprintf("%s %d", cell, year)); ok && !s.First.Before(first) {
			return s, true
		}
	}
	return s, false
}

// isHijri reports whether a cell is a date of the Islamic calendar; the Gregorian date stands beside it.
var isHijri = regexp.MustCompile(`(?i)^\d{1,2}[^\d]+1[34]\d\d ?h?\.?$`).MatchString

func lacksYear(cell string) bool {
	_, ok := parseSpan(cell + " 2000")
	return ok
}

// isNumber reports whether a cell is a line number or a number of days.
var isNumber = regexp.MustCompile(`(?i)^\d+[.,)]?\d*(?: hari| days?)?$`).MatchString
