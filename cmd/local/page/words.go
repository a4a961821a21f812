package page

import (
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
)

//go:embed id.toml en.toml
var catalogues embed.FS

var sentences = map[string]map[string]*template.Template{"id": catalogue("id.toml"), "en": catalogue("en.toml")}

func catalogue(file string) map[string]*template.Template {
	data, err := catalogues.ReadFile(file)
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for line := range strings.Lines(string(data)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		text, err := strconv.Unquote(value)
		if err != nil {
			panic(file + ": " + key)
		}
		all[strings.Trim(key, `"`)] = template.Must(template.New(key).Parse(text))
	}
	return all
}

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
	return words{reminder.Text{ID: "id", EN: "en"}.In(locale)}
}

// T says the sentence of a key, with named arguments.
func (w words) T(key string, args ...any) string {
	t := sentences[w.Lang][key]
	if t == nil {
		return key
	}
	values := map[string]any{}
	for i := 0; i+1 < len(args); i += 2 {
		values[args[i].(string)] = args[i+1]
	}
	var b strings.Builder
	if err := t.Execute(&b, values); err != nil {
		return key
	}
	return b.String()
}
