// Package letter writes the mails. Each language has a folder: a file with the sentences of each kind of mail
// (loan.txt), and how dates, hours and money are written (language.toml). All languages share the look of a kind
// (loan.html). To add a language, add a folder; to add a kind, add its templates. Neither takes Go.
package letter

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Texts is how a library wants its mails to read.
type Texts struct {
	Library        string // its name, or ""
	URL            string // its site, or ""
	RenewURL       string // where a loan is renewed, with {loan}, {ref} and {item} in it; or ""
	Locale         string // the language for readers who have none: "en"; else Indonesian
	Answers        bool   // somebody reads what is answered to a mail
	Hours          string // when the library is open, as a mail says it, or ""
	TitleInSubject bool   // off, because subjects show on locked screens and what somebody reads is private
	Dir            string // a folder with templates as Export wrote them, or "" for the built-in ones
}

// A Composer is a [reminder.Composer].
type Composer struct {
	texts Texts
	forms map[formKey]func() (*form, error) // parsed when first needed
}

// A formKey names a kind of mail in one language.
type formKey struct {
	lang string
	kind reminder.Kind
}

// New prepares the templates. With a library's own it composes a mail of every kind, so that a mistake shows at the
// start, by file and line, and not on the day when that kind of mail is due. Tests do this for the built-in ones,
// which are parsed for the first mail: a run that finds nothing to do ends sooner.
func New(texts Texts) (*Composer, error) {
	files, err := sources(texts.Dir)
	if err != nil {
		return nil, err
	}
	return newComposer(texts, files)
}

func newComposer(texts Texts, files map[string]source) (*Composer, error) {
	texts.Library, texts.URL = clean(texts.Library, maxName), site(texts.URL)
	c := &Composer{texts: texts, forms: make(map[formKey]func() (*form, error))}
	for name := range files {
		dir, words := path.Split(name)
		tag, kind := strings.TrimSuffix(dir, "/"), strings.TrimSuffix(words, ".txt")
		if _, ok := files[kind+".html"]; !ok { // a language.toml, a look or somebody's notes
			continue
		}
		key := formKey{tag, reminder.Kind(kind)}
		c.forms[key] = sync.OnceValues(func() (*form, error) { return newForm(files, tag, kind) })
		if texts.Dir == "" {
			continue
		}
		tried := texts
		tried.Answers = true
		f, err := c.forms[key]()
		for _, sample := range samples(key.kind) {
			if err == nil {
				_, err = f.write(sample, tried)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Compose writes a mail in its reader's language; see [reminder.Composer].
func (c *Composer) Compose(kind reminder.Kind, lang string, data any) (reminder.Content, error) {
	if l, ok := data.(reminder.Letter); ok && len(l.Items) == 0 {
		return reminder.Content{}, errors.New("a letter about nothing")
	}
	f, err := c.form(kind, lang)
	if err != nil {
		return reminder.Content{}, err
	}
	return f.write(data, c.texts)
}

// form returns the form for a language tag ("en", "id-ID", "en_GB"), else the library's, else the Indonesian one.
func (c *Composer) form(kind reminder.Kind, tag string) (*form, error) {
	for _, tag := range []string{tag, c.texts.Locale, "id"} {
		base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
		if f, ok := c.forms[formKey{strings.ToLower(base), kind}]; ok {
			return f()
		}
	}
	return nil, fmt.Errorf("no template for a mail of the kind %q", kind)
}
