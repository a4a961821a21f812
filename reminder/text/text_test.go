package text_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

var (
	forms  = []string{"zero", "one", "two", "few", "many", "other"}
	blank  = regexp.MustCompile(`\.([A-Z]\w*)`)
	action = regexp.MustCompile(`\{\{.*?\}\}`)
)

// catalogue reads a language's file as what its sentences say, by key, and their blanks.
func catalogue(t *testing.T, lang string) map[string]map[string]bool {
	t.Helper()
	var areas map[string]map[string]any
	_, err := toml.DecodeFile(lang+".toml", &areas)
	require.NoError(t, err)
	blanks := map[string]map[string]bool{}
	for area, entries := range areas {
		for key, entry := range entries {
			said := []string{}
			switch e := entry.(type) {
			case string:
				said = append(said, e)
			case map[string]any: // it differs by number
				for form, s := range e {
					require.Contains(t, forms, form, "%s.%s", area, key)
					said = append(said, s.(string))
				}
				require.Contains(t, e, "other", "%s.%s", area, key)
			}
			names := map[string]bool{}
			for _, s := range said {
				assert.NotEmpty(t, s, "%s.%s", area, key)
				for _, a := range action.FindAllString(s, -1) {
					for _, m := range blank.FindAllStringSubmatch(a, -1) {
						names[m[1]] = true
					}
				}
			}
			blanks[area+"."+key] = names
		}
	}
	return blanks
}

// TestLanguagesAgree: every language has the same sentences with the same blanks. One that counts may lack the number
// where its form of one says it in words.
func TestLanguagesAgree(t *testing.T) {
	first := catalogue(t, "id")
	for _, lang := range text.Languages() {
		other := catalogue(t, lang)
		assert.Equal(t, slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(other)), lang)
		for key, names := range first {
			assert.Equal(t, names, other[key], "%s in %s", key, lang)
		}
	}
}

// TestKeysAreUsed: what code says is in the catalogues, with the blanks that it fills, and nothing else is there.
func TestKeysAreUsed(t *testing.T) {
	known := catalogue(t, "id")
	optional := map[string]bool{"database.view.Source": true, "database.definer.Source": true,
		"database.migrate.Source": true}
	areas := map[string]bool{}
	for key := range known {
		areas[key[:strings.Index(key, ".")]] = true
	}
	form := regexp.MustCompile(`^([a-z]+)\.[a-z0-9_.]*$`)
	inTemplate := regexp.MustCompile(`(?:\.(?:Say|T) |printf )"([^"%]+)`)
	file := regexp.MustCompile(`\.(html|log|css|js|txt|json)$`)
	used := map[string]bool{}
	use := func(key, where string) bool {
		if m := form.FindStringSubmatch(key); m == nil || !areas[m[1]] || file.MatchString(key) {
			return false
		}
		if strings.HasSuffix(key, ".") || strings.HasSuffix(key, "_") { // it is completed by what it is about
			for k := range known {
				used[k] = used[k] || strings.HasPrefix(k, key) && (key != "page." || strings.HasSuffix(k, ".title"))
			}
			return true
		}
		used[key] = true
		return known[key] != nil || !assert.Fail(t, "no such sentence", "%s in %s", key, where)
	}
	fset := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".html" {
			source, err := os.ReadFile(path)
			for _, m := range inTemplate.FindAllStringSubmatch(string(source), -1) {
				use(m[1], path)
			}
			return err
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if key, err := strconv.Unquote(l.Value); err == nil {
					use(key, fset.Position(l.Pos()).String())
				}
			}
			call, ok := n.(*ast.CallExpr)
			if f, isName := fun(call).(*ast.Ident); !ok || call.Ellipsis.IsValid() || isName && f.Name == "finding" {
				return true // finding fills blanks of its own
			}
			for i, arg := range call.Args {
				key, ok := literal(arg)
				if !ok || known[key] == nil || len(call.Args) == i+1 && len(known[key]) > 0 {
					continue // no sentence, or filled elsewhere
				}
				filled := map[string]bool{}
				for j := i + 1; j+1 < len(call.Args); j += 2 {
					name, _ := literal(call.Args[j])
					filled[name] = true
				}
				for name := range known[key] {
					assert.True(t, filled[name] || optional[key+"."+name], "%s: %s lacks %s", fset.Position(call.Pos()), key, name)
				}
				break
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	for key := range known {
		assert.True(t, used[key], "nothing says %s", key)
	}
}

func fun(call *ast.CallExpr) ast.Expr {
	if call == nil {
		return nil
	}
	return call.Fun
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// TestSay: blanks are filled, and messages within messages are in the same language.
func TestSay(t *testing.T) {
	inner := reminder.NewFault(os.ErrClosed, "database.full")
	m := reminder.Say("dotenv.file", "File", "a.env", "Problem", inner)
	assert.Equal(t, "a.env: "+text.In("en").Say("database.full")+" [file already closed]", text.In("en_GB").Text(m))
	assert.Equal(t, "a.env: "+text.In("id").Say("database.full")+" [file already closed]", text.In("").Text(m))
	assert.Equal(t, "no.such_key", text.In("id").Say("no.such_key"))
	assert.Empty(t, text.In("id").Text(reminder.Message{}))
}
