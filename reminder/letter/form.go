package letter

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/reminder"
)

//go:embed *.html */*.txt */language.toml
var embedded embed.FS

// A source says where to read a template or a language.toml.
type source struct {
	fsys fs.FS
	name string
}

// sources returns the files by name: those in a library's folder, and the built-in ones that the folder does not have.
// So a folder that an older version exported still works. A subfolder with a language.toml is a language.
func sources(dir string) (map[string]source, error) {
	files, err := find(embedded)
	if err != nil || dir == "" {
		return files, err
	}
	own, err := find(os.DirFS(dir))
	used := false
	for name, file := range own {
		_, builtIn := files[name]
		_, described := own[path.Dir(name)+"/language.toml"]
		used = used || builtIn || described
		// An unknown .html file is the layout of a new kind. Its texts are in the folder of a language.
		if builtIn || described || path.Ext(name) == ".html" {
			files[name] = file
		}
	}
	if err == nil && !used {
		err = fmt.Errorf("there is no template in %s: %w", dir, fs.ErrNotExist)
	}
	return files, err
}

// find returns the files in fsys by the names that Export gives them.
func find(fsys fs.FS) (map[string]source, error) {
	files := make(map[string]source)
	for _, pattern := range []string{"*.html", "*.txt", "*/*.txt", "*/language.toml"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			current := currentName(name)
			if other, ok := files[current]; ok {
				return nil, fmt.Errorf("%s and %s are the same template: keep one", other.name, name)
			}
			files[current] = source{fsys, name}
		}
	}
	return files, nil
}

// currentName returns the current name of a file. Older versions exported mail.html, id.txt and summary.id.txt, before
// each language had a folder.
func currentName(name string) string {
	words, ok := strings.CutSuffix(name, ".txt")
	switch kind, lang, more := strings.Cut(words, "."); {
	case name == "mail.html":
		return "loan.html"
	case !ok || strings.Contains(name, "/"):
		return name
	case !more:
		return kind + "/loan.txt"
	default:
		return lang + "/" + name[:len(kind)] + ".txt"
	}
}

// Words returns the texts of every kind of mail in every language, by the name of the file in the library's folder, or
// of the built-in file if the folder does not have it.
func Words(dir string) (map[string]string, error) {
	files, err := sources(dir)
	words := map[string]string{}
	for name, file := range files {
		if path.Ext(name) == ".txt" && err == nil {
			words[file.name], err = file.read()
		}
	}
	return words, err
}

// Export writes the built-in files into a folder, for a librarian to edit. It returns fs.ErrExist if the folder has
// templates.
func Export(dir string) error {
	own, err := find(os.DirFS(dir))
	switch {
	case err != nil:
		return err
	case len(own) > 0: // a file with an older name would no longer be used
		return fs.ErrExist
	}
	return os.CopyFS(dir, embedded)
}

// read reads a file in any form in which an editor on Windows may have saved it.
func (s source) read() (string, error) {
	data, err := fs.ReadFile(s.fsys, s.name)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s is not in UTF-8: save it again with that encoding", s.name)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"), nil
}

// A form is one kind of mail in one language.
type form struct {
	language *language
	text     *template.Template
	html     *htmltemplate.Template
}

// newForm parses the texts of a kind of mail in a language, and its layout.
func newForm(files map[string]source, lang, kind string) (*form, error) {
	description, words, layout := files[lang+"/language.toml"], files[lang+"/"+kind+".txt"], files[kind+".html"]
	language, err := newLanguage(description, lang)
	if err != nil {
		return nil, err
	}
	f := &form{language: language}
	text, err := words.read()
	if err != nil {
		return nil, err
	}
	functions := language.functions()
	f.text, err = template.New(words.name).Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	text, err = layout.read()
	if err == nil && strings.Contains(text, `{{template "loan.html" .}}`) { // the kind uses the layout of loan.html
		layout = files["loan.html"]
		text, err = layout.read()
	}
	if err != nil {
		return nil, err
	}
	f.html = htmltemplate.New(layout.name).Option("missingkey=error").Funcs(functions)
	// The layout uses the sentences of the text. html/template escapes the data in them, but not their own text, which is
	// plain text, too.
	for _, sentence := range f.text.Templates() {
		if sentence.Name() == words.name {
			continue
		}
		tree := sentence.Tree.Copy()
		eachList(tree.Root, escapeText)
		if _, err = f.html.AddParseTree(tree.Name, tree); err != nil {
			return nil, err
		}
	}
	if _, err = f.html.Parse(text); err != nil {
		return nil, err
	}
	trees := map[string]*parse.Tree{}
	for _, t := range f.text.Templates() {
		trees[t.Name()] = t.Tree
	}
	inline(f.text.Tree, trees)
	clear(trees)
	for _, t := range f.html.Templates() {
		trees[t.Name()] = t.Tree
	}
	inline(f.html.Tree, trees)
	return f, nil
}

// escapeText escapes the plain text in a list of nodes for HTML.
func escapeText(list *parse.ListNode) {
	for i := range list.Nodes {
		if text, ok := list.Nodes[i].(*parse.TextNode); ok {
			text.Text = []byte(htmltemplate.HTMLEscapeString(string(text.Text)))
		}
	}
}

// maxInlined is how many calls are replaced at most: templates that call others twice would grow without bound.
const maxInlined = 1000

// inline replaces calls of templates within root by the templates, if that changes nothing: the template gets the dot
// of its caller and has no variables. A mail needs about forty calls, and a call takes longer than most sentences.
func inline(root *parse.Tree, trees map[string]*parse.Tree) {
	left := maxInlined
	eachList(root.Root, func(list *parse.ListNode) {
		for i := 0; i < len(list.Nodes) && left > 0; i++ {
			call, _ := list.Nodes[i].(*parse.TemplateNode)
			if call == nil || call.Pipe == nil || call.Pipe.String() != "." {
				continue
			}
			called := trees[call.Name]
			if called == nil || strings.Contains(called.Root.String(), "$") ||
				reaches(called, call.Name, trees, map[string]bool{}) { // it calls itself
				continue
			}
			list.Nodes = slices.Replace(list.Nodes, i, i+1, called.Root.CopyList().Nodes...)
			left--
			i-- // the template may begin with a call
		}
	})
}

// reaches reports whether a template calls another one, itself or through others. seen are the names found so far.
func reaches(from *parse.Tree, name string, trees map[string]*parse.Tree, seen map[string]bool) (found bool) {
	eachList(from.Root, func(list *parse.ListNode) {
		for _, node := range list.Nodes {
			if call, ok := node.(*parse.TemplateNode); ok && !found && !seen[call.Name] {
				seen[call.Name] = true
				called := trees[call.Name]
				found = call.Name == name || called != nil && reaches(called, name, trees, seen)
			}
		}
	})
	return found
}

// eachList visits all lists of nodes within a node, the outer ones first.
func eachList(node parse.Node, visit func(*parse.ListNode)) {
	branch := func(n *parse.BranchNode) {
		eachList(n.List, visit)
		eachList(n.ElseList, visit)
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			visit(n)
			for _, child := range n.Nodes {
				eachList(child, visit)
			}
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	}
}

// write composes a mail with the form.
func (f *form) write(data any, texts Texts) (reminder.Content, error) {
	view := viewer{f.language, texts}.root(data)
	var text, html strings.Builder
	text.Grow(1 << 10)
	html.Grow(6 << 10)
	if err := f.text.Execute(&text, view); err != nil {
		return reminder.Content{}, err
	}
	if err := f.html.Execute(&html, view); err != nil {
		return reminder.Content{}, err
	}
	head, body, _ := strings.Cut(text.String(), "\n\n")
	subject, ok := strings.CutPrefix(head, "Subject: ")
	if !ok || subject == "" || strings.Contains(subject, "\n") {
		return reminder.Content{},
			fmt.Errorf(`%s: the mail must begin with one line "Subject: ..." and an empty line`, f.text.Name())
	}
	return reminder.Content{Subject: subject, Text: wrap(body), HTML: html.String(), Lang: f.language.tag}, nil
}
