// Package letter composes the mails. Each language has a folder with the texts of each kind of mail (loan.txt) and a
// description of how dates, hours and money are written (language.toml). The layout of a kind (loan.html) is the same
// in all languages. A new language is a new folder, and a new kind is new templates; neither needs Go code here.
package letter

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Texts are a library's settings for its mails.
type Texts struct {
	Library        string // the name of the library, or ""
	URL            string // of the library's site, or ""
	RenewURL       string // for renewing a loan, with {loan}, {ref} and {item} in it; or ""
	Locale         string // the language for readers without one: "en"; any other value means Indonesian
	Answers        bool   // somebody reads the answers to a mail
	Hours          string // the opening hours as text for a mail, or ""
	TitleInSubject bool   // usually off: locked screens show subjects, and what somebody reads is private
	Dir            string // a folder with templates that Export wrote, or "" for the built-in ones
}

// A Composer is a [reminder.Composer].
type Composer struct {
	texts Texts
	forms map[formKey]func() (*form, error) // parsed when first needed
}

// A formKey is a kind of mail in one language.
type formKey struct {
	lang string
	kind reminder.Kind
}

// New returns a Composer. If the library has templates of its own, New composes samples of each kind of mail. So a
// mistake is found at the start, with file and line, and not on the day when such a mail is due. Tests do that for the
// built-in templates. They are parsed when the first mail needs them, so a run without mail is faster.
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
		if _, ok := files[kind+".html"]; !ok { // a language.toml, a layout or another file
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

// Compose implements [reminder.Composer].
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

// form returns the form of a kind for a language tag ("en", "id-ID", "en_GB"). If there is none, it returns the form in
// the library's language, or in Indonesian.
func (c *Composer) form(kind reminder.Kind, tag string) (*form, error) {
	for _, tag := range []string{tag, c.texts.Locale, "id"} {
		base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
		if f, ok := c.forms[formKey{strings.ToLower(base), kind}]; ok {
			return f()
		}
	}
	return nil, fmt.Errorf("no template for a mail of the kind %q", kind)
}
