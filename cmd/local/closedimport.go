package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) closedImportCommand() *cobra.Command {
	var observances bool
	cmd := &cobra.Command{
		Use:     p.say("closed.import_file"),
		Short:   p.say("closed.import_short"),
		Long:    p.say("closed.import_long"),
		Example: "  pengingat closed import kalender-pendidikan.ics\n  pengingat closed import libur.csv",
		Args:    p.args(1, 1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			zone := app.Runner.Settings.Zone
			list, left, until, err := readClosures(args[0], reminder.DateOf(app.Runner.Now(), zone), zone, observances)
			if err != nil {
				return p.usage("closed.import_problem", "Problem", err)
			}
			done, err := addClosures(ctx, app.Store, list)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(left, func(l leftOut) bool { return l.Reason == notUnderstood }) {
				p.code = exitNeedsPerson
			}
			if p.asJSON {
				for i, l := range left {
					left[i].Text = p.text(l.text)
				}
				return p.printJSON(imported{Closures: done, LeftOut: append([]leftOut{}, left...), Until: until})
			}
			p.printImported(done, left)
			if !until.IsZero() {
				p.print("closed.repeats_until", "Until", until)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&observances, "observances", false, p.say("closed.observances_flag"))
	return p.jsonFlag(cmd)
}

// imported is what an import did, as JSON.
type imported struct {
	Closures []addedClosure `json:"closures"`
	LeftOut  []leftOut      `json:"left_out"`
	Until    reminder.Date  `json:"repeated_until,omitzero"`
}

type addedClosure struct {
	mysql.Closure
	Change string `json:"change"` // added, renamed, or known: it was there
}

// A leftOut is an event or a line that was not added.
type leftOut struct {
	Line   int           `json:"line"`
	Name   string        `json:"name"`
	First  reminder.Date `json:"first_day,omitzero"`
	Reason string        `json:"reason"` // observance, hours, past, or not_understood
	Text   string        `json:"text"`
	text   reminder.Message
}

const notUnderstood = "not_understood"

// maxClosureName is the width of the column.
const maxClosureName = 100

// addClosures stores closures. Those for the same days become one, with both names.
func addClosures(ctx context.Context, store *mysql.Store, list []mysql.Closure) ([]addedClosure, error) {
	there, err := store.Closures(ctx)
	if err != nil {
		return nil, err
	}
	done := []addedClosure{}
	for _, c := range list {
		same := func(o mysql.Closure) bool { return o.First == c.First && o.Last == c.Last }
		if i := slices.IndexFunc(done, func(d addedClosure) bool { return same(d.Closure) }); i < 0 {
			done = append(done, addedClosure{Closure: c})
		} else if !slices.Contains(strings.Split(done[i].Name, " / "), c.Name) {
			done[i].Name += " / " + c.Name
		}
	}
	for i, c := range done {
		c.Name = clip(strings.Trim(strings.Join(strings.Fields(c.Name), " "), " /"), maxClosureName)
		at := slices.IndexFunc(there, func(t mysql.Closure) bool { return t.First == c.First && t.Last == c.Last })
		switch {
		case at < 0:
			c.Change = "added"
		case there[at].Name != c.Name:
			c.Change = "renamed"
		default:
			c.Change = "known"
		}
		if c.Change != "known" {
			if err := store.AddClosure(ctx, c.Closure); err != nil {
				return nil, err
			}
		}
		done[i] = c
	}
	slices.SortStableFunc(done, func(a, b addedClosure) int { return a.First.Compare(b.First) })
	return done, nil
}

func (p *program) printImported(done []addedClosure, left []leftOut) {
	count := map[string]int{}
	for _, c := range done {
		count[c.Change]++
		mark := map[string]string{"added": "+", "renamed": "~", "known": "="}[c.Change]
		fmt.Fprintf(p.out, "%s %s..%s  %s\n", mark, c.First, c.Last, clip(c.Name, 52))
	}
	for _, l := range left {
		if count[l.Reason]++; l.Reason != "past" {
			text := p.say("closed.line", "N", l.Line, "TrimLeft", strings.TrimLeft(l.First.String()+" ", "0- "))
			if l.First.IsZero() {
				text = p.say("closed.line_without_date", "N", l.Line)
			}
			fmt.Fprintf(p.out, "- %s\n", wrap(text+l.Name+": "+p.text(l.text), 2))
		}
	}
	p.print("closed.import_count",
		"N", count["added"], "Count", count["renamed"], "Count2", count["known"])
	for _, more := range []struct {
		reason, key string
	}{
		{"observance", "closed.left_out_observances"},
		{"hours", "closed.left_out_hours"},
		{"past", "closed.left_out_past"},
		{notUnderstood, "closed.left_out_unclear"},
	} {
		if n := count[more.reason]; n > 0 {
			p.print(more.key, "N", n)
		}
	}
}

// readClosures reads a file of closed days by what is in it.
func readClosures(file string, today reminder.Date, zone *time.Location, observances bool) (
	list []mysql.Closure, left []leftOut, until reminder.Date, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, until, reminder.NewFault(nil, "closed.file_unreadable", "File", file)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		data = setup.DecodeText(data)
	}
	if isCalendar(data) {
		list, left, until = parseICS(data, today, zone, observances)
		return list, left, until, nil
	}
	if isNeither(data) {
		return nil, nil, until, reminder.NewFault(nil,
			"closed.file_of_another_kind", "File", file)
	}
	list, left = parseTable(string(setup.DecodeText(data)))
	if len(list)+len(left) == 0 {
		return nil, nil, until, reminder.NewFault(nil, "closed.file_without_dates", "File", file)
	}
	return list, left, until, nil
}

var (
	isCalendar = regexp.MustCompile(`(?i)(?:^|[\r\n])(?:\x{feff})?BEGIN:V(?:CALENDAR|EVENT)`).Match
	isNeither  = regexp.MustCompile(`^(?:PK|%PDF|\s*<)`).Match // a workbook, a PDF, a page
)

// parseTable reads the closed days of a table. Each line with a date is a closure; its name is the rest of the line,
// without numbers and weekdays. A line without a date is a heading or a footer, unless there is something in the column
// of the dates.
func parseTable(text string) (list []mysql.Closure, left []leftOut) {
	column := -1 // where the last date was
	tableRows(text, func(line int, row []string, err error) {
		c, date, problem := closureOf(row, column)
		switch {
		case err != nil || problem.Key != "":
			name := clip(strings.Join(strings.Fields(strings.Join(row, " ")), " "), maxClosureName)
			left = append(left, leftOut{Line: line, Name: name, Reason: notUnderstood, text: problem})
		case date >= 0:
			list = append(list, c)
			column = date
		}
	})
	return list, left
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

// separator returns the character between columns: of tab, semicolon and comma the one that most lines have.
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
	var spans []span
	var name []string
	filled, last, unread := 0, -1, ""
	date = -1
	for i, cell := range row {
		cell = strings.Join(strings.Fields(cell), " ")
		if cell == "" {
			continue
		}
		filled++
		s, rest, ok := leadingSpan(strings.Fields(cell))
		if !ok && len(spans) == 1 { // "31 Des" behind "2026-12-21"
			if day, _ := parsePart(strings.ToLower(cell)); day.month > 0 && day.year == 0 {
				s, ok = parseSpan(fmt.Sprintf("%s %d", cell, spans[0].first.Year))
				rest = nil
				if ok && s.first.Before(spans[0].first) {
					s, ok = parseSpan(fmt.Sprintf("%s %d", cell, spans[0].first.Year+1))
				}
			}
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
	whole := span{spans[0].first, spans[len(spans)-1].last}
	if len(spans) > 2 || !whole.valid() {
		return c, -1, reminder.Say("closed.span_too_long")
	}
	c.First, c.Last = whole.first, whole.last
	return c, date, problem
}

// isHijri reports whether a cell is a date of the Islamic calendar; the Gregorian date stands beside it.
var isHijri = regexp.MustCompile(`(?i)^\d{1,2}[^\d]+1[34]\d\d ?h?\.?$`).MatchString

func lacksYear(cell string) bool {
	_, ok := parseSpan(cell + " 2000")
	return ok
}

// isNumber reports whether a cell is a line number or a number of days.
var isNumber = regexp.MustCompile(`(?i)^\d+[.,)]?\d*(?: hari| days?)?$`).MatchString
