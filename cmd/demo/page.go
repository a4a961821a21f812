package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/wneessen/go-mail"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
)

// A story is what the demonstration shows, on the terminal and as index.html.
type story struct {
	page.Sheet
	dir  string
	open int // loans at the beginning
}

// readMails reads the mails in a folder below root, those with the same subject together.
func readMails(root, dir string) ([]page.Letter, error) {
	files, err := fs.Glob(os.DirFS(filepath.Join(root, dir)), "*.eml") // none if nothing was sent: there is no folder
	if err != nil {
		return nil, err
	}
	var letters []page.Letter
	for _, file := range files {
		l, err := readMail(root, path.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("read the mail %s: %w", file, err)
		}
		letters = append(letters, l)
	}
	slices.SortFunc(letters, func(a, b page.Letter) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name))
	})
	return letters, nil
}

func readMail(root, file string) (page.Letter, error) {
	m, err := mail.EMLToMsgFromFile(filepath.Join(root, file))
	if err != nil {
		return page.Letter{}, err
	}
	to, subject, parts := m.GetTo(), m.GetGenHeader(mail.HeaderSubject), m.GetParts()
	if len(to) != 1 || len(subject) != 1 || len(parts) != 2 {
		return page.Letter{}, errors.New("it has not one recipient, a subject, a text and its HTML")
	}
	l := page.Letter{File: file, Name: to[0].Name, Addr: to[0].Address}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(subject[0]); err != nil {
		return page.Letter{}, err
	}
	text, err := parts[0].GetContent()
	if err != nil {
		return page.Letter{}, err
	}
	html, err := parts[1].GetContent()
	l.Text, l.HTML = string(text), string(html)
	return l, err
}

// steps are what to do next, with a library's own database.
func (s story) steps() []page.Step {
	return []page.Step{
		{Command: "pengingat migrate --source perpustakaan", Does: s.Say("demo.does_migrate")},
		{Command: "pengingat run --dry-run", Does: s.Say("demo.does_dry_run")},
		{Command: "pengingat preview", Does: s.Say("demo.does_preview")},
		{Command: "pengingat run", Does: s.Say("demo.does_run")},
		{Command: "pengingat status", Does: s.Say("demo.does_status")},
	}
}

// print describes the demonstration on a terminal.
func (s story) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, s.Say("demo.heading", "N", s.open))
	for i, r := range s.Runs {
		fmt.Fprintf(w, "\n%d. %s: %d %s\n   %s\n", i+1, r.When, len(r.Letters), s.Say("demo.e_mails"), r.Note)
		if len(r.Letters) == 0 {
			continue
		}
		for _, l := range r.Letters {
			fmt.Fprintf(w, "     %s\t%s\n", l.Name, l.Subject)
		}
		fmt.Fprintf(w, "   %s\n", s.Say("demo.silent"))
		for _, l := range r.Silent {
			fmt.Fprintf(w, "     %s\t%s\t%s\n", l.Name, l.Title, s.Reason(l.Why))
		}
	}
	return w.Flush()
}

// write writes index.html and says on out where it is, and what comes next.
func (s story) write(out io.Writer) error {
	sent := 0
	for _, r := range s.Runs {
		sent += len(r.Letters)
	}
	s.Steps = s.steps()
	s.Title = s.Say("demo.count", "N", sent)
	s.Lead = s.Say("demo.page_lead", "N", s.open)
	name := filepath.Join(s.dir, "index.html")
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := errors.Join(s.Write(file), file.Close()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	fmt.Fprintf(out, "\n%s\n  %s\n\n%s\n", s.Say("demo.all_mails"), name,
		s.Say("demo.next"))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, step := range s.Steps {
		fmt.Fprintf(w, "  %s\t%s\n", step.Command, step.Does)
	}
	return w.Flush()
}
