package imports

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
	cutOff     bool // the file ends inside the event
}

// value returns the first value of a property, or "".
func (e event) value(name string) string {
	if e.has(name) {
		return strings.TrimSpace(e.properties[name][0].Value)
	}
	return ""
}

func (e event) has(name string) bool { return len(e.properties[name]) > 0 }
func (e event) name() string         { return strings.Join(strings.Fields(e.value("SUMMARY")), " ") }
func (e event) canceled() bool       { return strings.EqualFold(e.value("STATUS"), "CANCELLED") }
func (e event) isDayOff() bool {
	return strings.EqualFold(e.value("X-APPLE-SPECIAL-DAY"), "WORK-HOLIDAY")
}

// readCalendar reads the closed days of a calendar. Repeated events are expanded until the end of next year.
func readCalendar(data []byte, today reminder.Date, library *time.Location, observances bool) (found Closures) {
	all := current(events(data))
	january := reminder.Date{Year: today.Year, Month: time.January, Day: 1}
	to := time.Date(today.Year+1, time.December, 31, 0, 0, 0, 0, time.UTC)
	marked := slices.ContainsFunc(all, event.isDayOff)
	changed := map[string][]event{} // the instances that differ from their series, by its UID
	for _, e := range all {
		if e.has("RECURRENCE-ID") {
			changed[e.value("UID")] = append(changed[e.value("UID")], e)
		}
		if e.has("RRULE") {
			found.Until = reminder.DateOf(to, time.UTC)
		}
	}
	for _, e := range all {
		s, err := e.series(library, to)
		left := Left{Line: e.line, Name: e.name()}
		if err == nil {
			left.First = reminder.DateOf(s.first, time.UTC)
		}
		switch {
		case e.canceled():
		case e.cutOff:
			found.leave(left, NotUnderstood, "closed.event_cut_off")
		case err != nil:
			found.leave(left, NotUnderstood, "closed.event_without_dates")
		case s.days == 0:
			found.leave(left, Hours, "closed.event_has_hours")
		case s.days > maxClosureDays+1:
			found.leave(left, NotUnderstood, "closed.event_too_long")
		case !e.has("RRULE") && !e.has("RDATE") && left.First.AddDays(s.days-1).Before(january):
			found.leave(left, Past, "closed.event_past")
		case !observances && e.isObservance(marked):
			found.leave(left, Observance, "closed.event_is_observance")
		case !e.has("RECURRENCE-ID"):
			days, problem := s.all(changed[e.value("UID")])
			found.Days = append(found.Days, days...)
			if problem.Key != "" {
				found.leave(left, NotUnderstood, problem.Key, problem.Args...)
			}
		case e.properties["RECURRENCE-ID"][0].ICalParameters["RANGE"] == nil:
			found.Days = append(found.Days, s.closure(s.first, s.days))
		}
	}
	found.Days = slices.DeleteFunc(found.Days, func(c mysql.Closure) bool { return c.Last.Before(january) })
	return found
}

// events reads the events of a calendar file. Unlike the reader of the package ics, it skips a line that it does not
// understand and reads the others.
func events(data []byte) (list []event) {
	inside := 0 // depth of open components, counted from the event
	for _, line := range unfolded(data) {
		text := string(setup.DecodeText(line.text))
		end := strings.IndexAny(text, ";:")
		if end < 0 {
			continue
		}
		text = strings.ToUpper(strings.TrimSpace(text[:end])) + text[end:]
		begins, ends := strings.HasPrefix(text, "BEGIN:"), strings.HasPrefix(text, "END:")
		what := strings.ToUpper(strings.TrimSpace(text[end+1:]))
		switch {
		case begins && what == "VEVENT":
			list = append(list, event{line: line.number, properties: map[string][]*ics.BaseProperty{}})
			inside = 1
		case ends && (what == "VEVENT" || what == "VCALENDAR"):
			inside = 0
		case begins && inside > 0: // a VALARM
			inside++
		case ends && inside > 1:
			inside--
		case inside == 1:
			if property, err := ics.ParseProperty(ics.ContentLine(text)); err == nil && property != nil {
				properties := list[len(list)-1].properties
				properties[property.IANAToken] = append(properties[property.IANAToken], property)
			}
		}
	}
	if inside > 0 {
		list[len(list)-1].cutOff = true
	}
	return list
}

// A fileLine is a line together with its continuation lines.
type fileLine struct {
	number int
	text   []byte
}

// unfolded returns the unfolded lines of a calendar. It works on bytes, because a fold may split a letter.
func unfolded(data []byte) (lines []fileLine) {
	for _, end := range []string{"\r\r\n", "\r\n", "\r"} {
		data = bytes.ReplaceAll(data, []byte(end), []byte("\n"))
	}
	for i, line := range strings.Split(string(data), "\n") {
		if line != "" && strings.ContainsAny(line[:1], " \t") && i > 0 {
			last := &lines[len(lines)-1]
			last.text = append(last.text, line[1:]...)
		} else {
			lines = append(lines, fileLine{i + 1, []byte(line)})
		}
	}
	return lines
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

// observance matches the word for an observance: in DESCRIPTION, where Google and others write it, or in CATEGORIES.
var observance = regexp.MustCompile(`(?i)^(?:(?:\S+ )?observance|perayaan|peringatan|sambutan|celebration|commemoration|` +
	`celebración|festividad|celebração|célébration|fête|feier|gedenktag|viering|ricorrenza|not a public holiday.*|bukan (?:hari )?libur.*)$`)

// isObservance reports whether an event is marked as an observance, which is not a day off. In every language Google
// adds a second line that says how to hide observances; a link that a person added is something else. Some of Apple's
// calendars mark days off and working days; an event without a mark is neither.
func (e event) isObservance(marked bool) bool {
	word, more, _ := strings.Cut(e.value("DESCRIPTION"), "\n")
	word, _, _ = strings.Cut(word, ",")
	return strings.Contains(more, "Google") && strings.Contains(more, " > ") && !strings.Contains(more, "<") ||
		observance.MatchString(strings.Trim(word, " .:")) ||
		slices.ContainsFunc(strings.Split(e.value("CATEGORIES"), ","), func(category string) bool {
			return observance.MatchString(strings.TrimSpace(category))
		}) || marked && !e.isDayOff()
}

// A moment is a time or a day in a calendar, or the beginning of a period.
type moment struct {
	time.Time
	day bool
	end time.Time // of the period, if it is one
}

// moments reads the values of a property. A value without a zone is in the library's.
func moments(p *ics.BaseProperty, library *time.Location) (list []moment, err error) {
	zone := library
	for name, values := range p.ICalParameters {
		if named, err := time.LoadLocation(strings.Join(values, "")); err == nil && strings.EqualFold(name, "TZID") {
			zone = named
		}
	}
	for text := range strings.SplitSeq(strings.ToUpper(p.Value), ",") {
		begin, end, isPeriod := strings.Cut(strings.TrimSpace(text), "/")
		m, err := parseMoment(begin, zone)
		switch {
		case err != nil:
		case isPeriod && strings.HasPrefix(end, "P"):
			m.end, err = after(m, end)
		case isPeriod:
			var last moment
			last, err = parseMoment(end, zone)
			m.end = last.Time
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func parseMoment(text string, zone *time.Location) (moment, error) {
	if cut, isUTC := strings.CutSuffix(text, "Z"); isUTC {
		text, zone = cut, time.UTC
	}
	if t, err := time.Parse("20060102", text); err == nil {
		return moment{Time: t, day: true}, nil
	}
	t, err := time.ParseInLocation("20060102T150405", text, zone)
	if err != nil {
		t, err = time.ParseInLocation("20060102T1504", text, zone)
	}
	return moment{Time: t}, err
}

var isoDuration = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?$`)

// after returns the moment plus an ISO 8601 duration.
func after(m moment, duration string) (time.Time, error) {
	found := isoDuration.FindStringSubmatch(strings.ToUpper(duration))
	if found == nil {
		return m.Time, fmt.Errorf("duration %q", duration)
	}
	end := m.Time
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(found[i+1])
		end = end.Add(time.Duration(n) * unit)
	}
	return end, nil
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

// wholeDays returns the days from one moment to another, and the zone in which they are whole days: that of the first
// moment, or else the library's. days is 0 when they are whole days in neither.
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

// A series is an event and its repetitions until a day. days is 0 for an event of some hours.
type series struct {
	event
	first         time.Time // as midnight UTC, like all days here
	days          int       // of each
	zone, library *time.Location
	to            time.Time
}

func (e event) series(library *time.Location, to time.Time) (s series, err error) {
	s = series{event: e, library: library, to: to}
	if !e.has("DTSTART") {
		return s, errors.New("no date")
	}
	start, err := moments(e.properties["DTSTART"][0], library)
	if err != nil {
		return s, err
	}
	end := start[:1]
	if e.has("DTEND") {
		end, err = moments(e.properties["DTEND"][0], library)
	} else if e.value("DURATION") != "" {
		end = []moment{{day: start[0].day}}
		end[0].Time, err = after(start[0], e.value("DURATION"))
	}
	if err == nil {
		s.first, s.days, s.zone = wholeDays(start[0], end[0], library)
	}
	return s, err
}

func (s series) closure(first time.Time, days int) mysql.Closure {
	d := reminder.DateOf(first, time.UTC)
	return mysql.Closure{First: d, Last: d.AddDays(days - 1), Name: s.name()}
}

// all returns the days of a series. changed has the instances that the file changes individually. problem says what
// was not understood.
func (s series) all(changed []event) (list []mysql.Closure, problem reminder.Message) {
	starts := map[time.Time]int{} // number of days by first day
	if !s.has("RRULE") {
		starts[s.first] = s.days
	}
	if !s.collect(starts, "RRULE", "RDATE") {
		return nil, reminder.Say("closed.repetition_unclear")
	}
	without := map[time.Time]int{}
	understood := s.collect(without, "EXRULE", "EXDATE")
	for _, e := range changed {
		id := e.properties["RECURRENCE-ID"][0]
		found, err := moments(id, s.zone)
		if err != nil {
			understood = false
			continue
		}
		day := found[0].on(s.zone)
		if id.ICalParameters["RANGE"] == nil {
			without[day] = 0
			continue
		}
		maps.DeleteFunc(starts, func(t time.Time, _ int) bool { return !t.Before(day) })
		if !e.canceled() {
			problem = reminder.Say("closed.series_changed", "Since", day.Format(time.DateOnly))
		}
	}
	maps.DeleteFunc(starts, func(t time.Time, _ int) bool { _, is := without[t]; return is })
	if !understood {
		problem = reminder.Say("closed.exceptions_unclear")
	}
	ordered := slices.SortedFunc(maps.Keys(starts), time.Time.Compare)
	for len(ordered) > 0 {
		// A break that repeats every day is one break. Two days that follow each other stay two.
		first, run, days := ordered[0], 1, starts[ordered[0]]
		for s.days == 1 && run < min(len(ordered), maxClosureDays) && ordered[run].Equal(first.AddDate(0, 0, run)) {
			run++
		}
		if run > 2 {
			days = run
		} else {
			run = 1
		}
		list = append(list, s.closure(first, cmp.Or(days, 1)))
		ordered = ordered[run:]
	}
	return list, problem
}

// collect adds to starts the days of rules and of dates, and reports whether all of them were understood.
func (s series) collect(starts map[time.Time]int, rules, dates string) (understood bool) {
	understood = true
	for _, p := range s.properties[rules] {
		found, err := s.repeat(p.Value)
		understood = understood && err == nil
		for _, t := range found {
			starts[t] = s.days
		}
	}
	for _, p := range s.properties[dates] {
		found, err := moments(p, s.zone)
		understood = understood && err == nil
		for _, m := range found {
			days := s.days
			if !m.end.IsZero() {
				_, days, _ = wholeDays(m, moment{Time: m.end}, s.zone)
			}
			if days == 0 || days > maxClosureDays+1 {
				understood = false
				continue
			}
			starts[m.on(s.zone)] = days
		}
	}
	return understood
}

var (
	untilPart    = regexp.MustCompile(`UNTIL=([^;]*)`)
	noRepetition = regexp.MustCompile(`(?:COUNT|INTERVAL)=(?:-|0*(?:;|$))`)
)

// repeat returns the days of a recurrence rule.
func (s series) repeat(rule string) ([]time.Time, error) {
	rule = strings.ToUpper(strings.Trim(strings.Join(strings.Fields(rule), ""), ";"))
	if until := untilPart.FindStringSubmatch(rule); until != nil {
		m, err := parseMoment(until[1], s.zone)
		if err != nil {
			return nil, err
		}
		zone := s.zone
		if m.Location() == time.UTC && !m.day && !m.isMidnight(zone) && !m.isMidnight(s.library) {
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
	option.Dtstart, option.Byhour, option.Byminute, option.Bysecond = s.first, nil, nil, nil
	if option.Until.IsZero() || option.Until.After(s.to) {
		option.Until = s.to
	}
	r, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, err
	}
	return r.All(), nil
}
