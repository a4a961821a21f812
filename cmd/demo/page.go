package main

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/wneessen/go-mail"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A page is what the demonstration shows, on the terminal and as index.html.
type page struct {
	Locale string
	Runs   []showing
}

// A showing is one run and what it left behind.
type showing struct {
	When, Note reminder.Text
	Report     reminder.Report
	Mails      []letter
	Untold     []silence
}

// A letter is a mail as it was written.
type letter struct {
	File                string // beside the others of its run
	Name, Addr          string
	Subject, Text, HTML string
}

// A silence is an open loan that nobody was told about.
type silence struct {
	Name, Title string
	Due         reminder.Date
	Why         reminder.Verdict
}

// readMails reads the mails in dir, those with the same subject together.
func readMails(dir string) ([]letter, error) {
	files, err := fs.Glob(os.DirFS(dir), "*.eml") // none when nothing was sent and there is no folder
	if err != nil {
		return nil, err
	}
	var letters []letter
	for _, file := range files {
		l, err := readMail(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("read the mail %s: %w", file, err)
		}
		letters = append(letters, l)
	}
	slices.SortFunc(letters, func(a, b letter) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name))
	})
	return letters, nil
}

func readMail(file string) (letter, error) {
	m, err := mail.EMLToMsgFromFile(file)
	if err != nil {
		return letter{}, err
	}
	to, subject, parts := m.GetTo(), m.GetGenHeader(mail.HeaderSubject), m.GetParts()
	if len(to) != 1 || len(subject) != 1 || len(parts) != 2 {
		return letter{}, errors.New("it has not one recipient, a subject, a text and its HTML")
	}
	l := letter{File: filepath.Base(file), Name: to[0].Name, Addr: to[0].Address}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(subject[0]); err != nil {
		return letter{}, err
	}
	text, err := parts[0].GetContent()
	if err != nil {
		return letter{}, err
	}
	html, err := parts[1].GetContent()
	l.Text, l.HTML = string(text), string(html)
	return l, err
}

// Say returns a text in the page's language.
func (p page) Say(id, en string) string { return reminder.Text{ID: id, EN: en}.In(p.Locale) }

// In is Say for a Text.
func (p page) In(t reminder.Text) string { return t.In(p.Locale) }

// Sent returns how many mails were sent in all.
func (p page) Sent() (n int) {
	for _, r := range p.Runs {
		n += len(r.Mails)
	}
	return n
}

// Reason says why nobody was told.
func (p page) Reason(v reminder.Verdict) string {
	switch v {
	case reminder.NotYet:
		return p.Say("belum waktunya", "not yet due")
	case reminder.TooOld:
		return p.Say("terlambat lebih dari 60 hari", "late for more than 60 days")
	case reminder.OptedOut:
		return p.Say("minta tidak diingatkan", "asked for no reminders")
	case reminder.Unreachable:
		return p.Say("tidak punya alamat surel yang benar", "has no usable e-mail address")
	}
	return string(v)
}

// A step is what to do next, with a library's own database.
type step struct{ Command, Does string }

// Steps returns what to do next.
func (p page) Steps() []step {
	return []step{
		{"pengingat migrate --source perpustakaan", p.Say("membuat tabel reminder_* dan view; tabel perpustakaan tidak diubah",
			"creates the reminder_* tables and the view; the library's own tables stay as they are")},
		{"pengingat run --dry-run", p.Say("hanya menghitung: tidak ada yang ditulis atau dikirim",
			"only counts: nothing is written or sent")},
		{"pengingat preview", p.Say("menyusun surel yang akan dikirim, untuk dilihat dulu",
			"composes the e-mails that would be sent, to look at them first")},
		{"pengingat run", p.Say("mengirim; yang sudah dikirim tidak dikirim lagi", "sends; what was sent is not sent again")},
		{"pengingat status", p.Say("apa yang terkirim, menunggu, atau perlu dilihat orang",
			"what was sent, what waits, and what needs a person")},
	}
}

// print tells the demonstration on a terminal.
func (p page) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, p.Say("Peragaan Pengingat: program yang sebenarnya, perpustakaan contoh (%d pinjaman terbuka), surel sebagai berkas.\n",
		"Pengingat, a demonstration: the real program, a sample library (%d open loans), e-mails as files.\n"),
		p.Runs[0].Report.Loans.Open)
	for i, r := range p.Runs {
		fmt.Fprintf(w, "\n%d. %s: %d %s\n   %s\n", i+1, p.In(r.When), len(r.Mails), p.Say("surel", "e-mails"), p.In(r.Note))
		if len(r.Mails) == 0 {
			continue
		}
		for _, m := range r.Mails {
			fmt.Fprintf(w, "     %s\t%s\n", m.Name, m.Subject)
		}
		fmt.Fprintf(w, "   %s\n", p.Say("Pinjaman yang belum diingatkan:", "Loans without a reminder yet:"))
		for _, s := range r.Untold {
			fmt.Fprintf(w, "     %s\t%s\t%s\n", s.Name, s.Title, p.Reason(s.Why))
		}
	}
	return w.Flush()
}

//go:embed page.html
var layout string

// write writes index.html into dir and says on out where it is, and what comes next.
func (p page) write(out io.Writer, dir string) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{"inc": func(i int) int { return i + 1 }}).Parse(layout)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	name := filepath.Join(dir, "index.html")
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	err = t.Execute(file, p)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	fmt.Fprintf(out, "\n%s\n  %s\n\n%s\n", p.Say("Semua surel, seperti peminjam melihatnya (buka di peramban):",
		"All e-mails, as borrowers see them (open it in a browser):"), name,
		p.Say("Berikutnya, dengan basis data perpustakaan sendiri (lihat README.md):",
			"Next, with a library's own database (see README.md):"))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range p.Steps() {
		fmt.Fprintf(w, "  %s\t%s\n", s.Command, s.Does)
	}
	return w.Flush()
}
