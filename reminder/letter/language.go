package letter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A language is the content of a language.toml: how dates, hours and money are written.
type language struct {
	tag        string
	Days       []string // the names of the weekdays, Sunday first
	Months     []string
	Date       string   // a date with {weekday}, {day}, {month} and {year}
	Hours      string   // the separator of hours and minutes
	Money      string   // an amount of rupiah with {amount}
	Thousands  string   // the separator of groups of three digits
	Renew      string   // the text of a link to renew a loan; older files have none
	Honorifics []string // with which a name may begin: "Bapak", "Mr"
}

// newLanguage reads the description of a language.
func newLanguage(file source, tag string) (*language, error) {
	text, err := file.read()
	if err != nil {
		return nil, err
	}
	l := &language{tag: tag, Renew: "Perpanjangan / Renewal"}
	meta, err := toml.Decode(text, l)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file.name, err)
	case len(meta.Undecoded()) > 0:
		return nil, fmt.Errorf("%s: unknown: %v", file.name, meta.Undecoded())
	case len(l.Days) != 7, len(l.Months) != 12, l.Date == "", l.Hours == "", !strings.Contains(l.Money, "{amount}"):
		return nil, fmt.Errorf("%s: it takes 7 days, 12 months, a date, hours and money with {amount}", file.name)
	}
	l.Date = strings.NewReplacer("%", "%%",
		"{weekday}", "%[1]s", "{day}", "%[2]d", "{month}", "%[3]s", "{year}", "%[4]d").Replace(l.Date)
	return l, nil
}

var indonesian, english = builtIn("id"), builtIn("en")

func builtIn(tag string) func() *language {
	return sync.OnceValue(func() *language {
		l, err := newLanguage(source{embedded, tag + "/language.toml"}, tag)
		if err != nil {
			panic(err) // a test reads the same file
		}
		return l
	})
}

// of returns the language for a locale: English if it begins with "en", else Indonesian.
func of(locale string) *language {
	if strings.HasPrefix(locale, "en") {
		return english()
	}
	return indonesian()
}

// Day returns d as a locale writes it: "Senin, 30 November 2026".
func Day(d reminder.Date, locale string) string { return of(locale).date(d) }

// Weekdays returns the names of weekdays in a locale, separated by commas.
func Weekdays(days []time.Weekday, locale string) string {
	var names []string
	for _, d := range days {
		names = append(names, of(locale).Days[d])
	}
	return strings.Join(names, ", ")
}

func (l *language) date(d reminder.Date) string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf(l.Date, l.Days[d.Weekday()], d.Day, l.Months[d.Month-1], d.Year)
}

// hour returns "14:30" with the language's separator.
func (l *language) hour(clock string) string { return strings.ReplaceAll(clock, ":", l.Hours) }

// money returns an amount as in "Rp12.500".
func (l *language) money(amount int64) string {
	s := strconv.FormatInt(amount, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + l.Thousands + s[i:]
	}
	return strings.Replace(l.Money, "{amount}", s, 1)
}

// functions are what templates can call.
func (l *language) functions() map[string]any {
	return map[string]any{"comma": comma, "honored": l.honored}
}

// comma returns the comma after a name in a salutation, or "" after an academic degree: "Rina, M.Pd.", "Rina S.Pd".
func comma(name string) string {
	last := name[strings.LastIndexByte(name, ' ')+1:]
	if strings.Contains(name, ",") || strings.Contains(last, ".") {
		return ""
	}
	return ","
}

// honored reports whether a name begins with an honorific.
func (l *language) honored(name string) bool {
	first, _, _ := strings.Cut(name, " ")
	return slices.ContainsFunc(l.Honorifics, func(h string) bool {
		return strings.EqualFold(h, strings.TrimSuffix(first, "."))
	})
}
