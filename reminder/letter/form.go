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

// A source is where a file of the languages is read from.
type source struct {
	fsys fs.FS
	name string
}

// sources returns the built-in files, and in place of them those in a library's folder. A folder in it with a
// language.toml is a language. A file that it does not have is the built-in one: so a folder exported by an older
// version goes on working.
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
		// The look of a further kind has its words in a language's folder.
		if builtIn || described || path.Ext(name) == ".html" {
			files[name] = file
		}
	}
	if err == nil && !used {
		err = fmt.Errorf("there is no template in %s: %w", dir, fs.ErrNotExist)
	}
	return files, err
}

// find returns the files by the names that Export gives them.
func find(fsys fs.FS) (map[string]source, error) {
	files := make(map[string]source)
	for _, pattern := range []string{"*.html", "*.txt", "*/*.txt", "*/language.toml"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			now := currentName(name)
			if other, ok := files[now]; ok {
				return nil, fmt.Errorf("%s and %s are the same template: keep one", other.name, name)
			}
			files[now] = source{fsys, name}
		}
	}
	return files, nil
}

// currentName returns what a file is called since each language has a folder: mail.html, id.txt and summary.id.txt were
// exported before.
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

// Words returns the sentences of every kind of mail in every language, by the name of their file in a library's folder,
// or where that has none, of the built-in file.
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

// Export writes the built-in files into a folder without templates, for a librarian to edit.
func Export(dir string) error {
	own, err := find(os.DirFS(dir))
	switch {
	case err != nil:
		return err
	case len(own) > 0: // a file of an older version would go unused beside the new ones
		return fs.ErrExist
	}
	return os.CopyFS(dir, embedded)
}

// read reads a file as an editor on Windows may have saved it.
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

// newForm parses the words of a kind of mail and its look.
func newForm(files map[string]source, lang, kind string) (*form, error) {
	description, words, look := files[lang+"/language.toml"], files[lang+"/"+kind+".txt"], files[kind+".html"]
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
	if text, err = look.read(); err == nil && strings.Contains(text, `{{template "loan.html" .}}`) { // it looks like that
		look = files["loan.html"]
		text, err = look.read()
	}
	if err != nil {
		return nil, err
	}
	f.html = htmltemplate.New(look.name).Option("missingkey=error").Funcs(functions)
	// The look is put around the sentences of the words. html/template escapes the data that they print, but not
	// their own text, which is no HTML either.
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

// escapeText makes the text of a template, as somebody writes it into a mail, text of HTML.
func escapeText(list *parse.ListNode) {
	for i := range list.Nodes {
		if text, ok := list.Nodes[i].(*parse.TextNode); ok {
			text.Text = []byte(htmltemplate.HTMLEscapeString(string(text.Text)))
		}
	}
}

// maxInlined ends the inlining of a template that calls itself.
const maxInlined = 1000

// inline puts templates in the place of their calls within root where that changes nothing: the template gets the dot
// of its caller and has no variables. A mail consists of some forty calls, and a call takes longer than most sentences.
func inline(root *parse.Tree, trees map[string]*parse.Tree) {
	left := maxInlined
	eachList(root.Root, func(list *parse.ListNode) {
		for i := 0; i < len(list.Nodes) && left > 0; i++ {
			call, _ := list.Nodes[i].(*parse.TemplateNode)
			if call == nil || call.Pipe == nil || call.Pipe.String() != "." {
				continue
			}
			called := trees[call.Name]
			if called == nil || called == root || strings.Contains(called.Root.String(), "$") {
				continue
			}
			list.Nodes = slices.Replace(list.Nodes, i, i+1, called.Root.CopyList().Nodes...)
			left--
			i-- // it may begin with a call
		}
	})
}

// eachList visits the lists of nodes within a node, the outer ones first.
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

// write fills in a form.
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
