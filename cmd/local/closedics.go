package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// An event is a VEVENT: its properties by name, and where it begins.
type event struct {
	line       int
	properties map[string][]*ics.BaseProperty
	cutOff     bool // the file ends in it
}

// value returns the first value of a property, or "".
func (e event) value(name string) string {
	if found := e.properties[name]; len(found) > 0 {
		return strings.TrimSpace(found[0].Value)
	}
	return ""
}

func (e event) name() string   { return strings.Join(strings.Fields(e.value("SUMMARY")), " ") }
func (e event) canceled() bool { return strings.EqualFold(e.value("STATUS"), "CANCELLED") }

// events reads the events of a calendar file. Unlike the reader of the package ics, it skips a line that it does not
// understand and reads the others. Lines are unfolded as bytes, because a fold may split a letter.
func events(data []byte) (list []event) {
	for _, end := range []string{"\r\r\n", "\r\n", "\r"} {
		data = bytes.ReplaceAll(data, []byte(end), []byte("\n"))
	}
	lines := bytes.Split(data, []byte("\n"))
	inside := 0 // components open, counted from the event
	for i := 0; i < len(lines); i++ {
		number, line := i+1, lines[i]
		for ; i+1 < len(lines) && len(lines[i+1]) > 0 && (lines[i+1][0] == ' ' || lines[i+1][0] == '\t'); i++ {
			line = slices.Concat(line, lines[i+1][1:])
		}
		text := string(setup.DecodeText(line))
		end := strings.IndexAny(text, ";:")
		if end < 0 {
			continue
		}
		text = strings.ToUpper(strings.TrimSpace(text[:end])) + text[end:]
		begins, ends := strings.HasPrefix(text, "BEGIN:"), strings.HasPrefix(text, "END:")
		what := strings.ToUpper(strings.TrimSpace(text[end+1:]))
		switch {
		case begins && what == "VEVENT":
			list = append(list, event{line: number, properties: map[string][]*ics.BaseProperty{}})
			inside = 1
		case ends && (what == "VEVENT" || what == "VCALENDAR"):
			inside = 0
		case begins && inside > 0: // a VALARM
			inside++
		case ends && inside > 1:
			inside--
		case inside == 1:
			if property, err := ics.ParseProperty(ics.ContentLine(text)); err == nil && property != nil {
				e := list[len(list)-1]
				e.properties[property.IANAToken] = append(e.properties[property.IANAToken], property)
			}
		}
	}
	if inside > 0 {
		list[len(list)-1].cutOff = true
	}
	return list
}

// A moment is a time or a day in a calendar; of a period, its beginning.
type moment struct {
	time.Time
	day bool
	end time.Time // of a period
}

// moments reads the values of a property. A value without a zone is in the library's.
func moments(p *ics.BaseProperty, library *time.Location) (list []moment, err error) {
	for text := range strings.SplitSeq(strings.ToUpper(p.Value), ",") {
		begin, end, isPeriod := strings.Cut(strings.TrimSpace(text), "/")
		zone := library
		for name, values := range p.ICalParameters {
			if named, err := time.LoadLocation(strings.Join(values, "")); err == nil && strings.EqualFold(name, "TZID") {
				zone = named
			}
		}
		if strings.HasSuffix(begin, "Z") {
			begin, zone = strings.TrimSuffix(begin, "Z"), time.UTC
		}
		m := moment{day: len(begin) == len("20060102")}
		if m.Time, err = time.Parse("20060102", begin); !m.day {
			if m.Time, err = time.ParseInLocation("20060102T150405", begin, zone); err != nil {
				m.Time, err = time.ParseInLocation("20060102T1504", begin, zone)
			}
		}
		if err == nil && isPeriod && strings.HasPrefix(end, "P") {
			var length time.Duration
			length, err = duration(end)
			m.end = m.Add(length)
		} else if err == nil && isPeriod {
			var ends []moment
			if ends, err = moments(&ics.BaseProperty{ICalParameters: p.ICalParameters, Value: end}, library); err == nil {
				m.end = ends[0].Time
			}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// on returns the day of a moment in a zone, as midnight UTC.
func (m moment) on(zone *time.Location) time.Time {
	if m.day {
		return m.Time
	}
	y, month, d := m.In(zone).Date()
	return time.Date(y, month, d, 0, 0, 0, 0, time.UTC)
}

func (m moment) isMidnight(zone *time.Location) bool {
	t := m.In(zone)
	return m.day || t.Hour() == 0 && t.Minute() == 0
}

var errNoDate = errors.New("no date")

// days returns an event's first day, how many days it has, and the zone in which they are whole days. days is 0 for an
// event of some hours.
func (e event) days(library *time.Location) (first time.Time, days int, zone *time.Location, err error) {
	if len(e.properties["DTSTART"]) == 0 {
		return first, 0, nil, errNoDate
	}
	start, err := moments(e.properties["DTSTART"][0], library)
	if err != nil {
		return first, 0, nil, err
	}
	end := start[0]
	if found := e.properties["DTEND"]; len(found) > 0 {
		ends, err := moments(found[0], library)
		if err != nil {
			return first, 0, nil, err
		}
		end = ends[0]
	} else if text := e.value("DURATION"); text != "" {
		length, err := duration(text)
		if err != nil {
			return first, 0, nil, err
		}
		end.Time = end.Add(length)
	}
	first, days, zone = wholeDays(start[0], end, library)
	return first, days, zone, nil
}

// wholeDays returns the days from one moment to another, by the zone of the first, else by the library's.
func wholeDays(start, end moment, library *time.Location) (first time.Time, days int, zone *time.Location) {
	for _, zone := range []*time.Location{end.Location(), library} { // 23:59 means the end of the day
		if t := end.In(zone); t.Hour() == 23 && t.Minute() == 59 {
			end.Time = t.Truncate(time.Minute).Add(time.Minute)
		}
	}
	if start.day {
		days = int(end.on(library).Sub(start.Time) / (24 * time.Hour)) // a part of the last day is no whole day
		return start.Time, max(days, 1), library                       // some programs write the day itself as its end
	}
	for _, zone := range []*time.Location{start.Location(), library} {
		first := start.on(zone)
		days := int(end.on(zone).Sub(first) / (24 * time.Hour))
		if start.isMidnight(zone) && end.isMidnight(zone) && days > 0 {
			return first, days, zone
		}
	}
	return start.on(library), 0, library
}

var isoDuration = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?$`)

func duration(text string) (total time.Duration, err error) {
	m := isoDuration.FindStringSubmatch(strings.ToUpper(text))
	if m == nil {
		return 0, fmt.Errorf("duration %q", text)
	}
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1])
		total += time.Duration(n) * unit
	}
	return total, nil
}

var (
	untilPart    = regexp.MustCompile(`UNTIL=([^;]*)`)
	noRepetition = regexp.MustCompile(`(?:COUNT|INTERVAL)=(?:-|0*(?:;|$))`)
)

// repeat returns the days of a recurrence rule until a day.
func repeat(rule string, first, to time.Time, zone, library *time.Location) ([]time.Time, error) {
	rule = strings.ToUpper(strings.Trim(strings.Join(strings.Fields(rule), ""), ";"))
	if until := untilPart.FindStringSubmatch(rule); until != nil {
		found, err := moments(&ics.BaseProperty{Value: until[1]}, zone)
		if err != nil {
			return nil, err
		}
		m := found[0]
		if m.Location() == time.UTC && !m.day && !m.isMidnight(zone) && !m.isMidnight(library) {
			zone = time.UTC // the end of a day, written as if it were in UTC
		}
		rule = strings.Replace(rule, until[0], "UNTIL="+m.on(zone).Format("20060102"), 1)
	}
	option, err := rrule.StrToROption(rule)
	if err != nil {
		return nil, err
	}
	// such a rule would never end
	if option.Freq > rrule.DAILY || option.Interval > 1000 || noRepetition.MatchString(rule) {
		return nil, errors.New("no repetition of days")
	}
	option.Dtstart, option.Byhour, option.Byminute, option.Bysecond = first, nil, nil, nil
	if option.Until.IsZero() || option.Until.After(to) {
		option.Until = to
	}
	r, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, err
	}
	return r.All(), nil
}

// observance matches the word for an observance: in DESCRIPTION, where Google and others write it, or in CATEGORIES.
var observance = regexp.MustCompile(`(?i)^(?:(?:\S+ )?observance|perayaan|peringatan|sambutan|celebration|commemoration|` +
	`celebración|festividad|celebração|célébration|fête|feier|gedenktag|viering|ricorrenza|not a public holiday.*|bukan (?:hari )?libur.*)$`)

// isObservance reports whether an event is marked as an observance, which is no day off. In every language Google says
// in a second line how to hide observances; a link that a person put there is something else. In some calendars Apple
// marks days off and working days; an event without a mark is neither.
func (e event) isObservance(marked bool) bool {
	word, more, _ := strings.Cut(e.value("DESCRIPTION"), "\n")
	word, _, _ = strings.Cut(word, ",")
	if strings.Contains(more, "Google") && strings.Contains(more, " > ") && !strings.Contains(more, "<") ||
		observance.MatchString(strings.Trim(word, " .:")) {
		return true
	}
	for category := range strings.SplitSeq(e.value("CATEGORIES"), ",") {
		if observance.MatchString(strings.TrimSpace(category)) {
			return true
		}
	}
	return marked && !e.isDayOff()
}

func (e event) isDayOff() bool {
	return strings.EqualFold(e.value("X-APPLE-SPECIAL-DAY"), "WORK-HOLIDAY")
}

// current drops older versions of events.
func current(all []event) []event {
	sequence := func(e event) int { n, _ := strconv.Atoi(e.value("SEQUENCE")); return n }
	return slices.DeleteFunc(slices.Clone(all), func(e event) bool {
		return e.value("UID") != "" && slices.ContainsFunc(all, func(o event) bool {
			return o.value("UID") == e.value("UID") && o.value("RECURRENCE-ID") == e.value("RECURRENCE-ID") &&
				sequence(o) > sequence(e)
		})
	})
}

// parseICS reads the closed days of a calendar. Repeated events are expanded until the end of next year; until is that
// day, or zero when nothing repeats.
func parseICS(data []byte, today reminder.Date, library *time.Location, observances bool) (
	list []mysql.Closure, left []leftOut, until reminder.Date) {
	all := current(events(data))
	january := reminder.Date{Year: today.Year, Month: time.January, Day: 1}
	to := time.Date(today.Year+1, time.December, 31, 0, 0, 0, 0, time.UTC)
	marked := slices.ContainsFunc(all, event.isDayOff)
	changed := map[string][]event{} // the instances that differ from their series, by its UID
	for _, e := range all {
		if len(e.properties["RECURRENCE-ID"]) > 0 {
			changed[e.value("UID")] = append(changed[e.value("UID")], e)
		}
	}
	for _, e := range all {
		out := leftOut{Line: e.line, Name: clip(e.name(), maxClosureName)}
		leave := func(reason string, why reminder.Message) {
			out.Reason, out.text = reason, why
			left = append(left, out)
		}
		first, days, zone, err := e.days(library)
		switch {
		case e.canceled():
			continue
		case e.cutOff:
			leave(notUnderstood, reminder.Say("closed.event_cut_off"))
			continue
		case err != nil:
			leave(notUnderstood, reminder.Say("closed.event_without_dates"))
			continue
		}
		out.First = reminder.DateOf(first, time.UTC)
		switch {
		case days == 0:
			leave("hours", reminder.Say("closed.event_has_hours"))
			continue
		case days > maxClosureDays+1:
			leave(notUnderstood, reminder.Say("closed.event_too_long"))
			continue
		case len(e.properties["RRULE"])+len(e.properties["RDATE"]) == 0 && out.First.AddDays(days-1).Before(january):
			leave("past", reminder.Say("closed.it_past"))
			continue
		case !observances && e.isObservance(marked):
			leave("observance", reminder.Say("closed.event_is_observance"))
			continue
		}
		if len(e.properties["RECURRENCE-ID"]) == 0 {
			more, problem := e.series(first, days, zone, library, to, changed[e.value("UID")])
			if list = append(list, more...); problem.Key != "" {
				leave(notUnderstood, problem)
			}
		} else if e.properties["RECURRENCE-ID"][0].ICalParameters["RANGE"] == nil {
			list = append(list, closure(first, days, e.name()))
		}
	}
	if slices.ContainsFunc(all, func(e event) bool { return len(e.properties["RRULE"]) > 0 }) {
		until = reminder.DateOf(to, time.UTC)
	}
	return slices.DeleteFunc(list, func(c mysql.Closure) bool { return c.Last.Before(january) }), left, until
}

func closure(first time.Time, days int, name string) mysql.Closure {
	d := reminder.DateOf(first, time.UTC)
	return mysql.Closure{First: d, Last: d.AddDays(days - 1), Name: name}
}

// series returns the days of an event and of its repetitions. changed has the instances that the file changes one by
// one. problem says what was not understood.
func (e event) series(first time.Time, days int, zone, library *time.Location, to time.Time, changed []event) (
	list []mysql.Closure, problem reminder.Message) {
	starts := map[time.Time]int{first: days} // and how many days each has
	if len(e.properties["RRULE"]) > 0 {
		clear(starts)
	}
	ok := true
	each := func(name string, do func(t time.Time, days int)) {
		for _, p := range e.properties[name] {
			found, err := moments(p, zone)
			ok = ok && err == nil
			for _, m := range found {
				n := days
				if !m.end.IsZero() {
					_, n, _ = wholeDays(m, moment{Time: m.end}, zone)
				}
				if n == 0 || n > maxClosureDays+1 {
					ok = false
					continue
				}
				do(m.on(zone), n)
			}
		}
	}
	rules := func(name string, do func(t time.Time, days int)) {
		for _, p := range e.properties[name] {
			found, err := repeat(p.Value, first, to, zone, library)
			ok = ok && err == nil
			for _, t := range found {
				do(t, days)
			}
		}
	}
	add := func(t time.Time, n int) { starts[t] = n }
	remove := func(t time.Time, _ int) { delete(starts, t) }
	rules("RRULE", add)
	each("RDATE", add)
	if !ok {
		return list, reminder.Say("closed.repetition_unclear")
	}
	rules("EXRULE", remove)
	each("EXDATE", remove)
	for _, c := range changed {
		id := c.properties["RECURRENCE-ID"][0]
		found, err := moments(id, zone)
		if err != nil {
			ok = false
			continue
		}
		day := found[0].on(zone)
		if id.ICalParameters["RANGE"] == nil {
			remove(day, 0)
			continue
		}
		maps.DeleteFunc(starts, func(t time.Time, _ int) bool { return !t.Before(day) })
		if !c.canceled() {
			since := day.Format(time.DateOnly)
			problem = reminder.Say("closed.series_changed", "Since", since)
		}
	}
	if !ok {
		problem = reminder.Say("closed.exceptions_unclear")
	}
	ordered := slices.SortedFunc(maps.Keys(starts), time.Time.Compare)
	for i := 0; i < len(ordered); {
		// A break that repeats every day is one break. Two days that follow each other stay two.
		run := 1
		for days == 1 && run < maxClosureDays && i+run < len(ordered) &&
			ordered[i+run].Equal(ordered[i].AddDate(0, 0, run)) {
			run++
		}
		n := starts[ordered[i]]
		if run > 2 {
			n = run
		} else {
			run = 1
		}
		list = append(list, closure(ordered[i], cmp.Or(n, 1), e.name()))
		i += run
	}
	return list, problem
}
