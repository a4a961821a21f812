package page

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A Sheet shows mails on one self-contained HTML page. Its texts are in the language of Locale.
type Sheet struct {
	Locale      string
	Title, Lead string
	Runs        []Run
	Steps       []Step
}

// A Run has the mails of one run, and the loans without a mail.
type Run struct {
	When, Note string
	Letters    []Letter
	Silent     []desk.Silence
	More       int // further silences that are not listed
}

// A Letter is a mail that was or would be sent.
type Letter struct {
	N                   int    // its number on the desk's page
	File                string // path relative to the page
	Name, Addr          string
	Subject, Text, HTML string
}

// LetterOf returns the letter of a composed mail that was written to a file.
func LetterOf(m mail.Message, file string) Letter {
	return Letter{File: file, Name: m.To.Name, Addr: m.To.Addr, Subject: m.Subject, Text: m.Text, HTML: m.HTML}
}

// A Step is what to do next.
type Step struct{ Command, Does string }

// Say writes a sentence in the page's language.
func (s Sheet) Say(key string, pairs ...any) string { return text.In(s.Locale).Say(key, pairs...) }

// Reason says why there is no mail about a loan.
func (s Sheet) Reason(v reminder.Verdict) string {
	said, _ := text.In(s.Locale).Reason(string(v))
	return said
}

//go:embed letters.html
var layout string

var parsed = template.Must(template.New("letters").Parse(layout))

// Write writes the page.
func (s Sheet) Write(w io.Writer) error { return parsed.Execute(w, s) }
