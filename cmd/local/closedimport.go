package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) closedImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import BERKAS",
		Short: p.say("Tambahkan hari tutup dari kalender (.ics) atau tabel (.csv)", "Add closed days from a calendar (.ics) or a table (.csv)"),
		Long: p.say(`Kalender: semua acara sehari penuh, juga yang berhari-hari dan yang berulang setiap tahun
(tahun ini dan tahun depan). Acara dengan jam dilewati.

Tabel: satu baris per libur, dipisah koma atau titik koma: tanggal, sampai (boleh tidak ada),
nama. Tanggal seperti 2026-12-21 atau 21/12/2026 (hari/bulan/tahun).

Aman diulang: yang sudah ada tidak ditambahkan lagi. Bila ada yang salah dalam berkas, tidak ada
yang ditambahkan.`,
			`Calendar: all events of whole days, also of several days, and those that repeat every year (this
year's and next year's). Events with a time are left out.

Table: one line a holiday, separated by commas or semicolons: date, until (may be missing),
name. Dates such as 2026-12-21 or 21/12/2026 (day/month/year).

It may be repeated: what is there already is not added again. If anything in the file is wrong,
nothing is added.`),
		Example: "  pengingat closed import kalender-pendidikan.ics\n  pengingat closed import libur.csv",
		Args:    p.args(1, 1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			list, timed, err := p.readClosures(args[0], reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone))
			if err != nil {
				return reminder.NewFault(err, args[0]+" tidak dapat dipakai; tidak ada yang ditambahkan.",
					args[0]+" cannot be used; nothing was added.")
			}
			there, err := app.Store.Closures(ctx)
			if err != nil {
				return err
			}
			count := map[string]int{}
			for _, c := range list {
				mark := "+"
				i := slices.IndexFunc(there, func(t mysql.Closure) bool { return t.First == c.First && t.Last == c.Last })
				switch {
				case i >= 0 && there[i].Name == c.Name:
					mark = "="
				case i >= 0:
					mark = "~"
				}
				if mark != "=" {
					if err := app.Store.AddClosure(ctx, c); err != nil {
						return err
					}
					there = append(there, c)
				}
				count[mark]++
				fmt.Fprintf(p.out, "%s %s..%s  %s\n", mark, c.First, c.Last, clip(c.Name, 52))
			}
			p.printf("%d ditambahkan, %d berganti nama, %d sudah ada, %d acara dengan jam dilewati.",
				"%d added, %d renamed, %d there already, %d events with a time left out.", count["+"], count["~"], count["="], timed)
			return nil
		}),
	}
}

// readClosures reads a file of closed days. timed counts events that are no closed days because they have a time.
func (p *program) readClosures(file string, today reminder.Date) (list []mysql.Closure, timed int, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	data = setup.DecodeText(data)
	switch strings.ToLower(filepath.Ext(file)) {
	case ".ics":
		list, timed, err = p.parseICS(data, today)
	case ".csv", ".txt":
		list, err = p.parseCSV(data)
	default:
		err = errors.New(p.say("harus berakhiran .ics atau .csv", "the name must end in .ics or .csv"))
	}
	for i := range list {
		list[i].Name = clip(strings.Join(strings.Fields(list[i].Name), " "), maxClosureName)
	}
	return list, timed, err
}

// maxClosureName is the width of the column.
const maxClosureName = 100

func (p *program) parseICS(data []byte, today reminder.Date) (list []mysql.Closure, timed int, err error) {
	calendar, err := ics.ParseCalendar(bytes.NewReader(data))
	if err != nil {
		return nil, 0, err
	}
	for _, event := range calendar.Events() {
		value := func(property ics.ComponentProperty) string {
			if found := event.GetProperty(property); found != nil {
				return found.Value
			}
			return ""
		}
		name := ics.FromText(value(ics.ComponentPropertySummary))
		wrong := func(id, en string) error { return fmt.Errorf("%q: %s", name, p.say(id, en)) }
		if strings.EqualFold(value(ics.ComponentPropertyStatus), "CANCELLED") {
			continue
		}
		first, err := time.Parse("20060102", value(ics.ComponentPropertyDtStart))
		if err != nil {
			timed++
			continue
		}
		end := first.AddDate(0, 0, 1) // exclusive, as DTEND is
		if text := value(ics.ComponentPropertyDtEnd); text != "" {
			if end, err = time.Parse("20060102", text); err != nil {
				return nil, 0, wrong("akhirnya bukan tanggal", "its end is no date")
			}
		} else if text := value(ics.ComponentPropertyDuration); text != "" {
			days, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(text, "P"), "D"))
			if err != nil {
				return nil, 0, wrong("lamanya bukan jumlah hari", "its duration is no number of days")
			}
			end = first.AddDate(0, 0, days)
		}
		if !end.After(first) { // some programs write the day itself
			end = first.AddDate(0, 0, 1)
		}
		c := mysql.Closure{First: reminder.DateOf(first, time.UTC), Last: reminder.DateOf(end, time.UTC).AddDays(-1), Name: name}
		if c.Last.Sub(c.First) > maxClosureDays {
			return nil, 0, wrong("lebih lama dari setahun", "it is longer than a year")
		}
		rule := value(ics.ComponentPropertyRrule)
		switch {
		case rule == "":
			list = append(list, c)
		case !isYearly(rule) || event.HasProperty(ics.ComponentPropertyExdate):
			return nil, 0, wrong("pengulangan seperti itu tidak didukung: hapus dari kalender dan pakai 'pengingat closed add', atau REMINDER_CLOSED_WEEKDAYS untuk hari tutup mingguan",
				"a repetition of that kind is not supported: take it out of the calendar and use 'pengingat closed add', or REMINDER_CLOSED_WEEKDAYS for weekdays")
		default:
			for year := max(today.Year, c.First.Year); year <= today.Year+1; year++ {
				again := c
				again.First = reminder.DateOf(first.AddDate(year-c.First.Year, 0, 0), time.UTC)
				again.Last = again.First.AddDays(c.Last.Sub(c.First))
				list = append(list, again)
			}
		}
	}
	return list, timed, nil
}

// maxClosureDays bounds one closure, as for 'closed add'.
const maxClosureDays = 365

// isYearly reports whether a recurrence rule is the same days of every year, for ever.
func isYearly(rule string) bool {
	yearly := false
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		key, value, _ := strings.Cut(part, "=")
		switch {
		case part == "FREQ=YEARLY":
			yearly = true
		case part == "INTERVAL=1", key == "WKST":
		case key == "BYMONTH" || key == "BYMONTHDAY": // of one number it repeats what DTSTART says
			if _, err := strconv.Atoi(value); err != nil {
				return false
			}
		default:
			return false
		}
	}
	return yearly
}

func (p *program) parseCSV(data []byte) (list []mysql.Closure, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	if firstLine, _, _ := bytes.Cut(data, []byte("\n")); bytes.ContainsRune(firstLine, ';') {
		r.Comma = ';' // as spreadsheets write it where the comma stands in numbers
	}
	for n := 1; ; n++ {
		row, err := r.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		var c mysql.Closure
		if c.First, err = parseDay(row[0]); err != nil {
			if n == 1 && !strings.ContainsAny(row[0], "0123456789") { // the headings
				continue
			}
			return nil, fmt.Errorf(p.say("baris %d: %q bukan tanggal seperti 2026-12-21 atau 21/12/2026", "line %d: %q is no date such as 2026-12-21 or 21/12/2026"), line, row[0])
		}
		c.Last = c.First
		rest := row[1:]
		if len(rest) > 0 {
			if last, err := parseDay(rest[0]); err == nil {
				c.Last, rest = last, rest[1:]
			} else if len(rest) > 1 && strings.TrimSpace(rest[0]) != "" {
				return nil, fmt.Errorf(p.say("baris %d: %q bukan tanggal seperti 2026-12-21 atau 21/12/2026", "line %d: %q is no date such as 2026-12-21 or 21/12/2026"), line, rest[0])
			}
		}
		if days := c.Last.Sub(c.First); days < 0 || days > maxClosureDays {
			return nil, fmt.Errorf(p.say("baris %d: tanggal akhir harus dalam setahun setelah tanggal awal", "line %d: the last day must lie within a year after the first"), line)
		}
		c.Name = strings.Join(rest, " ")
		list = append(list, c)
	}
}

// parseDay reads a day as people and spreadsheets write it here: the year first, or the day first.
func parseDay(text string) (reminder.Date, error) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse("2/1/2006", text); err == nil {
		return reminder.DateOf(t, time.UTC), nil
	}
	return reminder.ParseDate(text)
}
