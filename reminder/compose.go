package reminder

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"
)

// A Letter is what one email says to one borrower: everything the text needs and no address of theirs.
type Letter struct {
	Name  string // the borrower's; data
	Lang  string // BCP 47 tag from the library's system, or "" for the library's language
	Today Date
	Items []Item

	From, ReplyTo string // addresses of the branch that lent all of it, or ""; data
}

// An Item is one loan in a Letter.
type Item struct {
	Title      string // data
	ItemCode   string // data, or ""
	Ref        string // data, or ""
	Due        Date
	DueTime    string // "14:30" when due at an hour, else ""
	ReturnBy   Date   // the last day to bring it back in time: Due, or the next open day when the library is closed then
	ClosedFor  string // when ReturnBy is not Due: the name of that closure ("Libur semester"), or "" on a weekly closed day
	Days       int    // days after ReturnBy when late, 0 from Due to ReturnBy, negative before Due
	Number     int    // which late reminder for this loan this is, from 1; 0 when not late
	FinePerDay int64  // whole units of currency, 0 when unknown
}

// Content is a composed mail without its envelope.
type Content struct {
	Subject, Text, HTML string
	Lang                string // "id" or "en"
}

// Texts is how a library wants its mails to read.
type Texts struct {
	Library        string // its name, or ""
	URL            string // its site, or ""
	Locale         string // the language for borrowers who have none: "en", or Indonesian
	TitleInSubject bool   // off, because subjects show on locked screens and what somebody reads is private
	Dir            string // a folder with templates as ExportTemplates wrote them, or "" for the built-in ones
}

// A Composer writes mails. It is safe for concurrent use, and the same letter always gives the same bytes.
type Composer struct {
	texts   Texts
	writers map[string]func() (*writer, error) // by language; parsed when first needed
}

// A writer holds the templates of one language.
type writer struct {
	language
	letter, summary form
}

// A form is one kind of mail in one language.
type form struct {
	text *template.Template
	html *htmltemplate.Template
}

//go:embed templates
var embedded embed.FS

// templates returns the built-in templates.
func templates() fs.FS {
	sub, err := fs.Sub(embedded, "templates")
	if err != nil {
		panic(err) // the name above is wrong
	}
	return sub
}

// ExportTemplates writes the built-in templates into a folder, for a librarian to edit. It never overwrites a file.
func ExportTemplates(dir string) error {
	if err := os.CopyFS(dir, templates()); err != nil {
		return fmt.Errorf("export templates: %w", err)
	}
	return nil
}

// NewComposer prepares the templates. With those of a library it composes a letter of every kind, so that a mistake in one,
// which the error names by file and line, shows at start and not on the day when that kind of letter is due. The built-in
// ones were tried by a test, and are parsed for the first mail: a run that finds nothing to do is over sooner.
func NewComposer(texts Texts) (*Composer, error) {
	texts.Library, texts.URL = clean(texts.Library, maxName), site(texts.URL)
	c := &Composer{texts: texts, writers: make(map[string]func() (*writer, error))}
	fsys := templates()
	if texts.Dir != "" {
		fsys = os.DirFS(texts.Dir)
	}
	for _, lang := range languages {
		c.writers[lang.tag] = sync.OnceValues(func() (*writer, error) { return newWriter(fsys, lang) })
		if texts.Dir == "" {
			continue
		}
		w, err := c.writers[lang.tag]()
		if err != nil {
			return nil, fmt.Errorf("mail templates: %w", err)
		}
		for _, s := range sampleSummaries() {
			if _, err := w.summarize(s, c.texts); err != nil {
				return nil, fmt.Errorf("mail templates: %w", err)
			}
		}
		for _, l := range samples(lang.tag) {
			if _, err := c.Compose(l); err != nil {
				return nil, fmt.Errorf("mail templates: %w", err)
			}
		}
	}
	return c, nil
}

func newWriter(fsys fs.FS, lang language) (*writer, error) {
	w := &writer{language: lang}
	var err error
	if w.letter, err = newForm(fsys, lang.tag+".txt", "mail.html"); err != nil {
		return nil, err
	}
	w.summary, err = newForm(fsys, "summary."+lang.tag+".txt", "summary.html")
	if errors.Is(err, fs.ErrNotExist) { // a folder that was exported before there were summaries
		w.summary, err = newForm(templates(), "summary."+lang.tag+".txt", "summary.html")
	}
	return w, err
}

// newForm parses the words of a mail and its look.
func newForm(fsys fs.FS, words, look string) (f form, err error) {
	source, err := readTemplate(fsys, words)
	if err != nil {
		return f, err
	}
	if f.text, err = template.New(words).Option("missingkey=error").Parse(source); err != nil {
		return f, err
	}
	if source, err = readTemplate(fsys, look); err != nil {
		return f, err
	}
	f.html = htmltemplate.New(look).Option("missingkey=error")
	// The look is put around the sentences of the words. html/template escapes what they print, like all data; their own text
	// is no HTML either.
	for _, sentence := range f.text.Templates() {
		if sentence.Name() == words {
			continue
		}
		tree := sentence.Tree.Copy()
		escapeText(tree.Root)
		if _, err = f.html.AddParseTree(tree.Name, tree); err != nil {
			return f, err
		}
	}
	_, err = f.html.Parse(source)
	return f, err
}

// escapeText makes the text of a template, as somebody writes it into a mail, text of HTML.
func escapeText(node parse.Node) {
	switch n := node.(type) {
	case *parse.TextNode:
		n.Text = []byte(htmltemplate.HTMLEscapeString(string(n.Text)))
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				escapeText(child)
			}
		}
	case *parse.IfNode:
		escapeText(n.List)
		escapeText(n.ElseList)
	case *parse.WithNode:
		escapeText(n.List)
		escapeText(n.ElseList)
	case *parse.RangeNode:
		escapeText(n.List)
		escapeText(n.ElseList)
	}
}

// readTemplate reads a file as an editor on Windows may have saved it.
func readTemplate(fsys fs.FS, name string) (string, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s is not in UTF-8: save it again with that encoding", name)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"), nil
}

// samples returns letters that together take every branch of a template.
func samples(lang string) []Letter {
	today := Date{2026, time.November, 23}
	items := []Item{
		{Due: today.AddDays(-3), ReturnBy: today.AddDays(-3), Days: 3, Number: 2, FinePerDay: 500},
		{Due: today.AddDays(-1), ReturnBy: today.AddDays(-1), Days: 1, Number: 1, Title: "A", ItemCode: "B", Ref: "C"},
		{Due: today.AddDays(-1), ReturnBy: today, Title: "A"},
		{Due: today.AddDays(1), ReturnBy: today.AddDays(1), DueTime: "14:30", Days: -1},
		{Due: today.AddDays(2), ReturnBy: today.AddDays(5), ClosedFor: "D", Days: -2},
	}
	var letters []Letter
	for first := range items {
		for end := first + 1; end <= len(items); end++ {
			letters = append(letters, Letter{Lang: lang, Today: today, Items: items[first:end]},
				Letter{Lang: lang, Today: today, Items: items[first:end], Name: "E"})
		}
	}
	return letters
}

// Compose writes a letter in its reader's language.
func (c *Composer) Compose(l Letter) (Content, error) {
	if len(l.Items) == 0 {
		return Content{}, errors.New("a letter about nothing")
	}
	w, err := c.writer(l.Lang)
	if err != nil {
		return Content{}, err
	}
	return w.letter.write(c.view(l, w.language), w.tag)
}

// write fills in a form.
func (f form) write(view any, lang string) (Content, error) {
	var text, html strings.Builder
	text.Grow(2 << 10)
	html.Grow(8 << 10)
	if err := f.text.Execute(&text, view); err != nil {
		return Content{}, err
	}
	if err := f.html.Execute(&html, view); err != nil {
		return Content{}, err
	}
	head, body, _ := strings.Cut(text.String(), "\n\n")
	subject, ok := strings.CutPrefix(head, "Subject: ")
	if !ok || subject == "" || strings.Contains(subject, "\n") {
		return Content{}, fmt.Errorf(`%s: the mail must begin with one line "Subject: ..." and an empty line`, f.text.Name())
	}
	return Content{Subject: subject, Text: wrap(body), HTML: html.String(), Lang: lang}, nil
}

// writer returns the writer for a language tag ("en", "id-ID", "en_GB"), else the library's, else the Indonesian one.
func (c *Composer) writer(tag string) (*writer, error) {
	for _, tag := range []string{tag, c.texts.Locale} {
		base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
		if w, ok := c.writers[strings.ToLower(base)]; ok {
			return w()
		}
	}
	return c.writers["id"]()
}

// A view is a letter as the templates see it: clean strings in the reader's language, ready to print.
type view struct {
	Lang, Library, URL, Name string

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

func (c *Composer) view(l Letter, lang language) *view {
	v := &view{Lang: lang.tag, Library: c.texts.Library, URL: c.texts.URL, Name: clean(l.Name, maxName)}
	v.Count = len(l.Items)
	late, today, upcoming := &group{Late: true}, &group{Today: true}, &group{}
	for _, it := range l.Items {
		switch e := newEntry(it, l.Today, lang); {
		case e.Late:
			late.Items = append(late.Items, e)
		case e.Today:
			today.Items = append(today.Items, e)
		default:
			upcoming.Items = append(upcoming.Items, e)
		}
	}
	v.Late, v.Today, v.Upcoming = len(late.Items), len(today.Items), len(upcoming.Items)
	for _, g := range []*group{late, today, upcoming} {
		if len(g.Items) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	v.Mixed = len(v.Groups) > 1
	if !v.Mixed && v.Upcoming > 0 {
		first := upcoming.Items[0].Days
		if !slices.ContainsFunc(upcoming.Items, func(e *entry) bool { return e.Days != first }) {
			v.Days, v.Tomorrow = first, first == 1
		}
	}
	if c.texts.TitleInSubject && len(l.Items) == 1 {
		v.Title = cleanTitle(l.Items[0].Title, maxSubjectTitle)
	}
	return v
}

func newEntry(it Item, today Date, lang language) *entry {
	e := &entry{
		Title:    cleanTitle(it.Title, maxTitle),
		ItemCode: clean(it.ItemCode, maxCode),
		Ref:      clean(it.Ref, maxCode),
		Due:      lang.date(it.Due),
		ReturnBy: lang.date(it.ReturnBy),
		Number:   it.Number,
		Days:     it.ReturnBy.Sub(today),
	}
	if it.Due == it.ReturnBy {
		e.Time = strings.ReplaceAll(it.DueTime, ":", lang.hourSep)
	} else {
		// The hour goes with the closed day: on the next open day there is time until the end of it.
		e.Closed, e.ClosedDay, e.ClosedFor = true, lang.days[it.Due.Weekday()], clean(it.ClosedFor, maxName)
	}
	e.Late, e.Today, e.Tomorrow = it.Days > 0, e.Days == 0, e.Days == 1
	if e.Late {
		e.Days = it.Days
		if it.FinePerDay > 0 {
			e.Fine = lang.rupiah(int64(it.Days) * it.FinePerDay)
		}
	}
	return e
}
