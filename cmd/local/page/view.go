package page

import (
	"html/template"
	"strconv"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

var layouts = template.Must(template.New("").ParseFS(assets, "html/*.html"))

// What the layout asks of a visit.

// Title is the page's.
func (v *visit) Title() string { return v.T("page." + v.page + ".title") }

// Library is its name.
func (v *visit) Library() string {
	if v.app == nil {
		return ""
	}
	return v.app.Config.AppName
}

// A link is one of the navigation.
type link struct {
	Path, Name string
	Here       bool
	Count      int
}

// Nav is empty until there are settings to work with.
func (v *visit) Nav() (links []link) {
	if v.app == nil {
		return nil
	}
	for _, page := range []string{"today", "troubles", "preview", "late", "find", "holidays",
		"classes", "report", "check", "more"} {
		path := "/" + page
		if page == "today" {
			path = "/"
		}
		links = append(links, link{Path: path, Name: v.T("page.nav." + page), Here: v.page == page})
	}
	return links
}

// Said is what the POST that led here has done.
func (v *visit) Said() string {
	key := v.FormValue("done")
	n, _ := strconv.Atoi(v.FormValue("n")) // 0 where there is none
	said := v.T("page.done."+key, "N", n)
	if v.Method != "GET" || said == "page.done."+key { // nothing that we say
		return ""
	}
	return said
}

// trouble says an error.
func (v *visit) trouble(err error) *trouble {
	what, details := reminder.Tell(err)
	return &trouble{v.Text(what), details}
}

// Date says a day in words, Moment an instant on the library's clock, Number a number as it is written.
func (v *visit) Date(d reminder.Date) string {
	if d.IsZero() {
		return "–"
	}
	return letter.Day(d, v.Lang)
}

func (v *visit) Moment(t time.Time) string {
	t = t.In(v.app.Runner.Settings.Zone)
	day := reminder.DateOf(t, t.Location())
	switch v.today().Sub(day) {
	case 0:
		return v.T("page.moment.today", "Time", t.Format("15.04"))
	case 1:
		return v.T("page.moment.yesterday", "Time", t.Format("15.04"))
	}
	return v.T("page.moment.day", "Day", v.Date(day), "Time", t.Format("15.04"))
}

// Clock is a time of the day.
func (v *visit) Clock(t time.Time) string { return t.In(v.app.Runner.Settings.Zone).Format("15.04") }

// Number separates thousands: 1.234, in English 1,234.
func (v *visit) Number(n int) string {
	text, separator := strconv.Itoa(n), "."
	if v.Lang == "en" {
		separator = ","
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + separator + text[i:]
	}
	return text
}

// List is for templates, which have no lists of their own.
func (v *visit) List(items ...string) []string { return items }

// Numbers is the same for numbers.
func (v *visit) Numbers(items ...int) []int { return items }

// Today is the library's.
func (v *visit) Today() reminder.Date { return v.today() }

// Verdict says why nobody is told.
func (v *visit) Verdict(w reminder.Verdict) string { return v.Reason(string(w)) }

// State and Outcome name what is on record, Reason says why.
func (v *visit) State(s reminder.State) string        { return v.T("state." + string(s)) }
func (v *visit) Outcome(o reminder.RunOutcome) string { return v.T("outcome." + string(o)) }
func (v *visit) Reason(recorded string) string {
	said, _ := text.In(v.Lang).Reason(recorded)
	return said
}
