package page

import (
	"cmp"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

var layouts = template.Must(template.New("").ParseFS(assets, "html/*.html"))

// words says everything in the language of one browser.
type words struct{ Lang string }

// words returns the language of the browser's cookie, else that of the settings.
func (d *Desk) words(r *http.Request) words {
	locale := ""
	if c, err := r.Cookie("pengingat_lang"); err == nil {
		locale = c.Value
	} else if environ, _, err := d.Machine.Environ(); err == nil {
		locale = environ["APP_LOCALE"]
	}
	if strings.HasPrefix(locale, "en") {
		return words{"en"}
	}
	return words{"id"}
}

// T says the sentence of a key, with named arguments. Text says a message.
func (w words) T(key string, args ...any) string     { return text.In(w.Lang).Say(key, args...) }
func (w words) Text(m reminder.Message) string       { return text.In(w.Lang).Text(m) }
func (w words) State(s reminder.State) string        { return w.T("state." + string(s)) }
func (w words) Outcome(o reminder.RunOutcome) string { return w.T("outcome." + string(o)) }

// Reason says a recorded reason, Verdict why nobody is told.
func (w words) Reason(recorded string) string {
	said, _ := text.In(w.Lang).Reason(recorded)
	return said
}

func (w words) Verdict(v reminder.Verdict) string { return w.Reason(string(v)) }

// Date says a day in words.
func (w words) Date(d reminder.Date) string { return cmp.Or(letter.Day(d, w.Lang), "–") }

// Weekday names a day of the week.
func (w words) Weekday(d time.Weekday) string { return w.T("page.weekday." + d.String()) }

// Number separates thousands: 1.234, in English 1,234.
func (w words) Number(n int) string { return message.NewPrinter(language.Make(w.Lang)).Sprint(n) }

// Page is the page itself, for the navigation and for the form that changes the language.
func (v *visit) Page() page    { return v.page }
func (v *visit) Title() string { return v.T("page." + v.shown + ".title") }

// Library returns the library's name.
func (v *visit) Library() string {
	if v.app == nil {
		return ""
	}
	return v.app.Config.AppName
}

// Nav returns the pages of the navigation. It is empty until there are usable settings.
func (v *visit) Nav() (menu []page) {
	for _, p := range pages {
		if p.menu && v.app != nil {
			menu = append(menu, p)
		}
	}
	return menu
}

// Said confirms what the POST that led here has done.
func (v *visit) Said() string {
	key := v.FormValue("done")
	n, _ := strconv.Atoi(v.FormValue("n")) // 0 where there is none
	said := v.T("page.done."+key, "N", n)
	if v.Method != "GET" || said == "page.done."+key { // an unknown key
		return ""
	}
	return said
}

// trouble says an error.
func (v *visit) trouble(err error) *trouble {
	what, details := reminder.MessageOf(err)
	return &trouble{v.Text(what), details}
}

// Moment says an instant on the library's clock.
func (v *visit) Moment(t time.Time) string {
	t = t.In(v.app.Runner.Settings.Zone)
	day := reminder.DateOf(t, t.Location())
	switch v.Today().Sub(day) {
	case 0:
		return v.T("page.moment.today", "Time", t.Format("15.04"))
	case 1:
		return v.T("page.moment.yesterday", "Time", t.Format("15.04"))
	}
	return v.T("page.moment.day", "Day", v.Date(day), "Time", t.Format("15.04"))
}

// Clock is a time of the day.
func (v *visit) Clock(t time.Time) string { return t.In(v.app.Runner.Settings.Zone).Format("15.04") }

// List returns its arguments, because templates cannot write a list.
func (v *visit) List(items ...string) []string { return items }

// Weekdays returns the days of the week from Monday on.
func (v *visit) Weekdays() []time.Weekday { return []time.Weekday{1, 2, 3, 4, 5, 6, 0} }

// Today returns the current date in the library's zone.
func (v *visit) Today() reminder.Date {
	return reminder.DateOf(v.d.Machine.Now(), v.app.Runner.Settings.Zone)
}

// setLanguage stores the language in a cookie for a year.
func setLanguage(v *visit) (action, error) {
	http.SetCookie(v.w, &http.Cookie{Name: "pengingat_lang", Value: v.PostFormValue("lang"), Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 60 * 60})
	return action{}, nil
}
