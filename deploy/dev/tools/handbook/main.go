// Command handbook makes pages of the guides, for people without the Internet:
//
//	handbook FOLDER GUIDE.md…
//
// Links between guides stay links. Other files of the repository that a guide names must lie beside the pages.
package main

import (
	"bytes"
	"fmt"
	"html"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

const page = `<!doctype html>
<html lang="id">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.55 "Segoe UI", system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
pre, code { font: 14px/1.45 Consolas, monospace }
pre { padding: .75rem; overflow-x: auto; border: 1px solid #8886; border-radius: 6px }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top }
nav a { margin-right: 1rem }
</style>
<nav>%s</nav>
%s
`

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: handbook FOLDER GUIDE.md…")
	}
	if err := write(os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

var (
	title = regexp.MustCompile(`(?m)^# (.*)$`)
	guide = regexp.MustCompile(`\]\((?:[^()]*/)?([\w-]+)\.md(#[^)]*)?\)`)
	other = regexp.MustCompile(`\]\(\.\./[^()]*?([\w.-]+)\)`)
)

func write(folder string, guides []string) error {
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	texts, links := map[string]string{}, ""
	for _, file := range guides {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		match := title.FindSubmatch(text)
		if match == nil {
			return fmt.Errorf("%s has no title", file)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		texts[name] = string(text)
		links += fmt.Sprintf("<a href=%q>%s</a>\n", name+".html", html.EscapeString(string(match[1])))
	}
	for name, text := range texts {
		text = guide.ReplaceAllStringFunc(text, func(link string) string {
			m := guide.FindStringSubmatch(link)
			if _, ok := texts[m[1]]; !ok {
				return "](https://github.com/mtsn6garut/pengingat/blob/main/docs/" + m[1] + ".md)"
			}
			return "](" + m[1] + ".html" + m[2] + ")"
		})
		text = other.ReplaceAllString(text, "]($1)")
		var body bytes.Buffer
		if err := markdown.Convert([]byte(text), &body); err != nil {
			return err
		}
		out := fmt.Sprintf(page, html.EscapeString(title.FindStringSubmatch(text)[1]), links, &body)
		if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(out), 0o644); err != nil {
			return err
		}
	}
	return nil
}
