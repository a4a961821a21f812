package page

import (
	"net/http"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// words say everything in the language of one browser.
type words struct{ Lang string }

// words are those that the browser was told to use, else those of the settings.
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

// T says the sentence of a key, with named arguments.
func (w words) T(key string, args ...any) string { return text.In(w.Lang).Say(key, args...) }

// Text says a message.
func (w words) Text(m reminder.Message) string { return text.In(w.Lang).Text(m) }
