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
	page.Page
	dir  string
	open int // loans at the beginning
}

// readMails reads the mails in a folder below root, those with the same subject together.
func readMails(root, dir string) ([]page.Letter, error) {
	files, err := fs.Glob(os.DirFS(filepath.Join(root, dir)), "*.eml") // none when nothing was sent and there is no folder
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
		{Command: "pengingat migrate --source perpustakaan", Does: s.Say("demo.creates_reminder_tables_and_view")},
		{Command: "pengingat run --dry-run", Does: s.Say("demo.only_counts_nothing_written_or")},
		{Command: "pengingat preview", Does: s.Say("demo.composes_e_mails_that_would")},
		{Command: "pengingat run", Does: s.Say("demo.sends_what_was_sent_not")},
		{Command: "pengingat status", Does: s.Say("demo.what_was_sent_what_waits")},
	}
}

// print tells the demonstration on a terminal.
func (s story) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, s.Say("demo.demonstration_real_program_sample", "N", s.open))
	for i, r := range s.Runs {
		fmt.Fprintf(w, "\n%d. %s: %d %s\n   %s\n", i+1, r.When, len(r.Letters), s.Say("demo.e_mails"), r.Note)
		if len(r.Letters) == 0 {
			continue
		}
		for _, l := range r.Letters {
			fmt.Fprintf(w, "     %s\t%s\n", l.Name, l.Subject)
		}
		fmt.Fprintf(w, "   %s\n", s.Say("demo.loans_without_reminder_yet"))
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
	s.Title = s.Say("demo.e_mails_none_them_twice", "N", sent)
	s.Lead = s.Say("demo.demonstration_with_sample_library", "N", s.open)
	name := filepath.Join(s.dir, "index.html")
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := errors.Join(s.Write(file), file.Close()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	fmt.Fprintf(out, "\n%s\n  %s\n\n%s\n", s.Say("demo.all_e_mails_as_borrowers"), name,
		s.Say("demo.next_with_librarys_own_database"))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, step := range s.Steps {
		fmt.Fprintf(w, "  %s\t%s\n", step.Command, step.Does)
	}
	return w.Flush()
}
