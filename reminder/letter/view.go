package letter

import (
	"reflect"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A viewer turns data into what templates print: clean strings in the reader's language.
type viewer struct {
	*language
	texts Texts
}

// root returns the view of a mail's data.
func (v viewer) root(data any) any {
	view := v.view(data)
	if fields, ok := view.(map[string]any); ok {
		fields["Lang"], fields["Library"], fields["URL"] = v.tag, v.texts.Library, v.texts.URL
	}
	return view
}

// view returns the view of any data. A struct becomes a map of its exported fields.
func (v viewer) view(data any) any {
	switch data := data.(type) {
	case string:
		return cleanTitle(data, maxTitle)
	case reminder.Text:
		return clean(data.In(v.tag), maxTitle)
	case reminder.Date:
		if data.IsZero() {
			return ""
		}
		return v.date(data)
	case time.Weekday:
		return v.Days[data]
	case reminder.Letter:
		return v.letter(data)
	case reminder.Summary:
		return v.summary(data)
	}
	switch value := reflect.ValueOf(data); value.Kind() {
	case reflect.Struct:
		fields := make(map[string]any)
		for field, value := range value.Fields() {
			if field.IsExported() {
				fields[field.Name] = v.view(value.Interface())
			}
		}
		return fields
	case reflect.Slice:
		list := make([]any, value.Len())
		for i := range list {
			list[i] = v.view(value.Index(i).Interface())
		}
		return list
	}
	return data
}

// A letterView is a [reminder.Letter] as the templates see it.
type letterView struct {
	Lang, Library, URL    string
	Name                  string
	Count                 int
	Late, Today, Upcoming int      // how many of Count are late, have their last day today, have it later
	Mixed                 bool     // not all in the same state
	Tomorrow              bool     // the last day of all is tomorrow
	Days                  int      // the last day of all is in so many days; 0 when late, today or not the same
	Title                 string   // of the only book, where the subject may show it
	Groups                []*group // late, today, upcoming; without empty ones
}

type group struct {
	Late, Today bool
	Items       []*entry
}

type entry struct {
	Title, ItemCode, Ref       string
	Due, ReturnBy, Time        string
	Closed                     bool // the library is closed on Due
	ClosedDay, ClosedFor, Fine string
	Late, Today, Tomorrow      bool
	Days                       int // late, or left
	Number                     int
}

// Limits of data in a mail, in characters.
const (
	maxTitle        = 120
	maxSubjectTitle = 60
	maxName         = 80
	maxCode         = 40
)

func (v viewer) letter(l reminder.Letter) *letterView {
	view := &letterView{
		Lang: v.tag, Library: v.texts.Library, URL: v.texts.URL, Name: clean(l.Name, maxName), Count: len(l.Items),
	}
	late, today, upcoming := &group{Late: true}, &group{Today: true}, &group{}
	for _, it := range l.Items {
		e, g := v.entry(it, l.Today), upcoming
		if e.Late {
			g = late
		} else if e.Today {
			g = today
		}
		g.Items = append(g.Items, e)
	}
	view.Late, view.Today, view.Upcoming = len(late.Items), len(today.Items), len(upcoming.Items)
	view.Groups = slices.DeleteFunc([]*group{late, today, upcoming}, func(g *group) bool { return len(g.Items) == 0 })
	view.Mixed = len(view.Groups) > 1
	if !view.Mixed && view.Upcoming > 0 {
		first := upcoming.Items[0].Days
		if !slices.ContainsFunc(upcoming.Items, func(e *entry) bool { return e.Days != first }) {
			view.Days, view.Tomorrow = first, first == 1
		}
	}
	if v.texts.TitleInSubject && len(l.Items) == 1 {
		view.Title = cleanTitle(l.Items[0].Title, maxSubjectTitle)
	}
	return view
}

func (v viewer) entry(it reminder.Item, today reminder.Date) *entry {
	e := &entry{
		Title:    cleanTitle(it.Title, maxTitle),
		ItemCode: clean(it.ItemCode, maxCode),
		Ref:      clean(it.Ref, maxCode),
		Due:      v.date(it.Due),
		ReturnBy: v.date(it.ReturnBy),
		Number:   it.Number,
		Days:     it.ReturnBy.Sub(today),
	}
	if it.Due == it.ReturnBy {
		e.Time = v.hour(it.DueTime)
	} else {
		// The hour goes with the closed day: on the next open day there is time until the end of it.
		e.Closed, e.ClosedDay, e.ClosedFor = true, v.Days[it.Due.Weekday()], clean(it.ClosedFor, maxName)
	}
	e.Late, e.Today, e.Tomorrow = it.Days > 0, e.Days == 0, e.Days == 1
	if e.Late {
		e.Days = it.Days
		if it.FinePerDay > 0 {
			e.Fine = v.money(int64(it.Days) * it.FinePerDay)
		}
	}
	return e
}

// A summaryView is a [reminder.Summary] as the templates see it.
type summaryView struct {
	Lang, Library, URL string
	Date               string
	Since, SinceTime   string // "" since the beginning
	Sent, Planned      int
	Waiting, Sending   int
	Later              int  // of Waiting, left for another day
	Restored           bool // held, because the records look restored from a backup
	Many               bool // held, because too many are planned
	Troubles           int
	Trouble            []trouble
	Open, Late         int
	Unreachables       int // borrowers
	Unreachable        []reminder.GroupCount
	Longest            []lateEntry
}

// A trouble is a [reminder.Trouble] in plain words, and what a machine said behind them.
type trouble struct {
	State           reminder.State
	Reason, Details string
	Count           int
}

// A lateEntry is a loan that is late.
type lateEntry struct {
	Name, Group, Title, Due string
	Days                    int
}

func (v viewer) summary(s reminder.Summary) *summaryView {
	view := &summaryView{
		Lang: v.tag, Library: v.texts.Library, URL: v.texts.URL, Date: v.date(s.Today), Sent: s.Sent, Planned: s.Planned,
		Waiting: s.Waiting, Sending: s.Sending, Later: s.Waiting - s.Sending,
		Restored: s.Held == reminder.ReasonLooksRestored, Many: s.Held == reminder.ReasonMaxPerRun,
		Open: s.Open, Late: s.Late, Unreachable: s.Unreachable,
	}
	if !s.Since.IsZero() {
		view.Since, view.SinceTime = v.date(s.SinceDate), v.hour(s.SinceTime)
	}
	for _, t := range s.Trouble {
		text, details := reminder.Plainly(t.Reason)
		view.Troubles += t.Count
		view.Trouble = append(view.Trouble,
			trouble{t.State, clean(text.In(v.tag), maxTitle), clean(details, maxTitle), t.Count})
	}
	for _, g := range s.Unreachable {
		view.Unreachables += g.Count
	}
	for _, l := range s.Longest {
		if days := s.Calendar.Offset(l.Due, s.Today); days > 0 {
			view.Longest = append(view.Longest, lateEntry{
				Name: clean(l.Borrower.Name, maxName), Group: clean(l.Borrower.Group, maxCode),
				Title: cleanTitle(l.Title, maxTitle), Due: v.date(l.Due), Days: days,
			})
		}
	}
	return view
}
