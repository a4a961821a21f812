// Package text writes what a person reads on a screen, in their language. No sentence for a person stands in Go code: a
// program says the key of one and fills its blanks, and a catalogue, one file a language, holds the sentence.
//
// A catalogue is a TOML file in the form of go-i18n: tables are the program's areas, `{{.Name}}` is a blank, and a
// sentence that differs by number has the forms of its language (one, other) and is chosen by the blank N. Another
// language is one more file; a test holds keys and blanks of all files equal. Mails have templates of their own, in
// package letter.
package text

import (
	"embed"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/mtsn6garut/pengingat/reminder"
)

//go:embed *.toml
var files embed.FS

// catalogues are by language, each read when it is first needed.
var catalogues = func() map[string]func() *i18n.Localizer {
	all := map[string]func() *i18n.Localizer{}
	for _, tag := range Languages() {
		all[tag] = sync.OnceValue(func() *i18n.Localizer {
			b := i18n.NewBundle(language.Make(tag))
			b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
			if _, err := b.LoadMessageFileFS(files, tag+".toml"); err != nil {
				panic(err) // it is part of the program
			}
			return i18n.NewLocalizer(b, tag)
		})
	}
	return all
}()

// Languages returns the tags of the languages that there are.
func Languages() []string {
	tags, _ := fs.Glob(files, "*.toml")
	for i := range tags {
		tags[i] = strings.TrimSuffix(tags[i], ".toml")
	}
	return tags
}

// A Printer writes in one language. It is safe for concurrent use.
type Printer struct{ localizer *i18n.Localizer }

// In returns the Printer of a locale such as "id", "en" or "en_GB": Indonesian where there is no catalogue for it.
func In(locale string) Printer {
	base, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	catalogue, ok := catalogues[strings.ToLower(base)]
	if !ok {
		catalogue = catalogues["id"]
	}
	return Printer{catalogue()}
}

// Say writes the sentence of a key. Its blanks are filled from pairs of a name and a value; a Message or an error that
// is a value is written in the same language.
func (p Printer) Say(key string, pairs ...any) string { return p.Text(reminder.Say(key, pairs...)) }

// Text writes a message. Where there is no such key it is the key itself.
func (p Printer) Text(m reminder.Message) string {
	if m.Key == "" {
		return ""
	}
	blanks := make(map[string]any, len(m.Args)/2)
	for i := 0; i+1 < len(m.Args); i += 2 {
		value := m.Args[i+1]
		switch v := value.(type) {
		case reminder.Message:
			value = p.Text(v)
		case []reminder.Message:
			value = p.Lines(v)
		case reminder.Verdict:
			value, _ = p.Reason(string(v))
		case error:
			value = p.Error(v)
		}
		blanks[m.Args[i].(string)] = value
	}
	config := &i18n.LocalizeConfig{MessageID: m.Key, TemplateData: blanks}
	if n, ok := blanks["N"]; ok {
		config.PluralCount = n
		if said, err := p.localizer.Localize(config); err == nil {
			return said
		}
		config.PluralCount = nil // the sentence is the same for every number
	}
	said, err := p.localizer.Localize(config)
	if err != nil {
		return m.Key
	}
	return said
}

// Lines writes messages, each on a line of its own.
func (p Printer) Lines(messages []reminder.Message) string {
	var lines []string
	for _, m := range messages {
		lines = append(lines, p.Text(m))
	}
	return strings.Join(lines, "\n")
}

// Error writes an error for a person: a Fault's text with its cause behind it, or what another error says.
func (p Printer) Error(err error) string {
	f, ok := errors.AsType[*reminder.Fault](err)
	switch {
	case !ok:
		return err.Error()
	case f.Err == nil:
		return p.Text(f.Message)
	}
	return p.Text(f.Message) + " [" + f.Err.Error() + "]"
}

// Reason says a recorded reason for a person, and what a machine said behind it, or "".
func (p Printer) Reason(recorded string) (said, details string) {
	m, details := Plainly(recorded)
	return p.Text(m), details
}
