// Package panduan is the guide in Indonesian: the Markdown files of this folder, as one page that needs no network.
package panduan

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

//go:embed *.md *.svg page.html
var files embed.FS

// Guides are the names of the guides, in the order of the page.
var Guides = []string{"pasang", "harian", "kelas", "masalah", "memperbarui", "pindah", "perintah"}

var (
	page   = template.Must(template.ParseFS(files, "page.html"))
	title  = regexp.MustCompile(`(?m)^# (.*)$`)
	link   = regexp.MustCompile(`href="(?:[^":]*/)?([\w-]+)\.md(#[^"]*)?"`)
	figure = regexp.MustCompile(`<img src="([\w-]+\.svg)" alt="[^"]*"\s*/?>`)
)

// Write writes the page. The guides are its articles, their links lead from one to another, and pictures are part of
// it.
func Write(w io.Writer) error {
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	ids := parser.NewContext().IDs() // shared, so that no heading has the id of another guide's
	type article struct {
		Name, Title string
		Body        template.HTML
	}
	var articles []article
	for _, name := range Guides {
		ids.Put([]byte(name))
		text, err := files.ReadFile(name + ".md")
		if err != nil {
			return err
		}
		heading := title.FindSubmatch(text)
		if heading == nil {
			return fmt.Errorf("%s.md has no title", name)
		}
		var body bytes.Buffer
		if err := markdown.Convert(text, &body, parser.WithContext(parser.NewContext(parser.WithIDs(ids)))); err != nil {
			return err
		}
		shown := link.ReplaceAllStringFunc(body.String(), func(l string) string {
			to := link.FindStringSubmatch(l)
			if _, err := files.Open(to[1] + ".md"); err != nil {
				return fmt.Sprintf("href=%q", "https://github.com/mtsn6garut/pengingat/blob/main/docs/"+to[1]+".md")
			}
			if to[2] == "" {
				to[2] = "#" + to[1]
			}
			return fmt.Sprintf("href=%q", to[2])
		})
		shown = figure.ReplaceAllStringFunc(shown, func(img string) string {
			picture, err := files.ReadFile(figure.FindStringSubmatch(img)[1])
			if err != nil {
				return img
			}
			return strings.TrimSpace(string(picture))
		})
		articles = append(articles, article{name, string(heading[1]), template.HTML(shown)}) // our own text
	}
	return page.Execute(w, articles)
}
