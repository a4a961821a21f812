package page

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
)

// wording is one template of the mails, as it is stored or as it was typed.
type wording struct {
	Files      []string
	File, Text string
	Shown      bool // the frame shows a sample of it
}

// wording reads the template in the request from the library's own folder, else the built-in one.
func (v *visit) wording() (w wording, err error) {
	words, err := letter.Words(v.app.Config.Templates)
	if err != nil {
		return w, err
	}
	w.Files, w.File = slices.Sorted(maps.Keys(words)), cmp.Or(v.FormValue("file"), v.Lang+"/loan.txt")
	saved, known := words[w.File]
	if !known {
		return w, errNotFound
	}
	if w.Text = saved; v.Method == http.MethodPost {
		w.Text = strings.ReplaceAll(v.PostFormValue("text"), "\r\n", "\n")
	}
	return w, nil
}

// saveWording shows a sample with the new words, or saves them.
func saveWording(v *visit) (action, error) {
	w, err := v.wording()
	if err != nil {
		return action{}, err
	}
	sample, err := v.sample(w)
	if err != nil {
		return action{}, err
	}
	if v.PostFormValue("save") == "" {
		w.Shown = true
		v.d.keep([]Letter{sample})
		return action{Show: w}, nil
	}
	dir := cmp.Or(v.app.Config.Templates, v.d.Machine.Templates)
	if err = letter.Export(dir); err == nil || errors.Is(err, fs.ErrExist) {
		err = w.write(dir)
	}
	done := action{Key: "wording", On: w.File}
	if err != nil || v.app.Config.Templates != "" {
		return done, err
	}
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	environ["REMINDER_TEMPLATES"] = dir
	return done, v.d.Machine.Write(environ)
}

// write writes the file into a folder of templates.
func (w wording) write(dir string) error {
	file := filepath.Join(dir, filepath.FromSlash(w.File))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(w.Text), 0o644)
}

// sample composes a mail with words that are not saved yet.
func (v *visit) sample(w wording) (l Letter, err error) {
	cfg := v.app.Config
	draft, err := os.MkdirTemp("", "pengingat-")
	if err != nil {
		return l, err
	}
	defer os.RemoveAll(draft)
	if cfg.Templates != "" {
		err = os.CopyFS(draft, os.DirFS(cfg.Templates))
	}
	if err = cmp.Or(err, w.write(draft)); err != nil {
		return l, err
	}
	runner := *v.app.Runner
	runner.Composer, err = letter.New(letter.Texts{Library: cfg.AppName, URL: cfg.AppURL, Locale: path.Dir(w.File),
		TitleInSubject: cfg.TitleInSubject, Dir: draft})
	if err != nil {
		return l, reminder.NewFault(err, "page.wording.broken")
	}
	m, err := (desk.Desk{Runner: &runner}).Example()
	return LetterOf(m, ""), err
}
