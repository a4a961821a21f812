package pengingat

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests keep the rules of the house that no compiler and no linter knows.

const module = "github.com/mtsn6garut/pengingat"

// mayImport is the direction of the imports: each package, and which of ours it may import. The doors come first, and
// what knows least comes last. A new package needs a line here.
var mayImport = map[string][]string{
	".":                 {"reminder", "reminder/setup", "reminder/text"},
	"cmd/local/imports": {"reminder", "reminder/desk", "reminder/mysql", "reminder/setup"},
	"cmd/local/page": {"cmd/local/imports", "deploy", "docs/panduan", "mail", "reminder", "reminder/check",
		"reminder/desk", "reminder/letter", "reminder/mysql", "reminder/mysql/deskdb", "reminder/mysql/schema",
		"reminder/mysql/staffdb", "reminder/setup", "reminder/text"},
	"cmd/local": {"cmd/local/imports", "cmd/local/page", "deploy", "docs/panduan", "mail", "reminder", "reminder/check",
		"reminder/desk", "reminder/desk/staff", "reminder/letter", "reminder/mysql", "reminder/mysql/deskdb",
		"reminder/mysql/schema", "reminder/mysql/staffdb", "reminder/setup", "reminder/text"},
	"reminder/bench/river": {}, // what the program is measured beside
	"cmd/demo": {"cmd/local/page", "mail", "reminder", "reminder/desk", "reminder/mysql", "reminder/mysql/schema",
		"reminder/mysql/mysqltest/school", "reminder/setup", "reminder/text"},
	"reminder/check": {"mail", "mail/inbox", "reminder", "reminder/desk", "reminder/desk/staff", "reminder/mysql",
		"reminder/mysql/deskdb", "reminder/setup"},
	"reminder/setup": {"mail", "mail/inbox", "reminder", "reminder/desk/staff", "reminder/feedback", "reminder/letter",
		"reminder/mysql", "reminder/text"},
	"reminder/desk": {"mail", "reminder", "reminder/desk/staff", "reminder/mysql", "reminder/mysql/deskdb",
		"reminder/mysql/staffdb"},
	"reminder/desk/staff":    {"mail", "reminder", "reminder/mysql", "reminder/mysql/staffdb"},
	"reminder/mysql/schema":  {"reminder", "reminder/mysql"},
	"reminder/mysql/deskdb":  {"mail", "reminder", "reminder/mysql", "reminder/mysql/staffdb"},
	"reminder/mysql/staffdb": {"reminder", "reminder/feedback", "reminder/mysql"},
	"reminder/mysql":         {"mail", "reminder", "reminder/feedback"},
	"reminder/letter":        {"reminder", "reminder/text"},
	"reminder/text":          {"mail", "reminder"},
	"reminder":               {"mail"},
	"reminder/feedback":      {"mail", "mail/inbox", "reminder"},
	"mail/inbox":             {"mail"},
	"mail":                   {},

	"deploy":                {},
	"docs/panduan":          {},
	"deploy/package":        {},
	"deploy/cloud/settings": {"reminder/setup", "reminder/text"},
	"deploy/release":        {},

	// For tests, and the last for the demonstration too.
	"mail/mailtest":                   {},
	"reminder/mysql/mysqltest":        {"reminder/mysql/schema", "reminder/mysql/mysqltest/school"},
	"reminder/mysql/mysqltest/school": {},
	"reminder/bench":                  {},
	"reminder/torture":                {},
	"deploy/dev/desk":                 {},
	"deploy/dev/tools/winres":         {},
	"deploy/dev/tools/materials":      {},
}

// mustNotImport keeps the story free of the ways in which it is told.
var mustNotImport = map[string][]string{
	"reminder": {"database/sql", "net/http", "net/smtp", "os/exec", "github.com/go-sql-driver/mysql"},
	"mail":     {"database/sql"},
}

// A line is at most this wide, a tab counted as one column; a line that a long literal fills cannot be broken.
const maxColumns = 120

var literal = regexp.MustCompile("`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\"")

func TestLinesFit(t *testing.T) {
	for _, f := range goFiles(t) {
		source, err := os.ReadFile(f.name)
		require.NoError(t, err)
		raw := false // within a literal of several lines
		for n, line := range strings.Split(string(source), "\n") {
			within := raw
			raw = raw != (strings.Count(line, "`")%2 == 1)
			if utf8.RuneCountInString(line) <= maxColumns || within || raw {
				continue
			}
			longest := 0
			for _, l := range literal.FindAllString(line, -1) {
				longest = max(longest, utf8.RuneCountInString(l))
			}
			assert.GreaterOrEqual(t, longest, 40, "%s:%d is wider than %d columns", f.name, n+1, maxColumns)
		}
	}
}

// budgets are how many lines of code there may be, without comments, blanks and tests: of the run, and of all. They are
// what there is; whoever adds lines takes some away, or says here why not.
var budgets = map[string]int{"run": 11_490, "all": 22_520}

// ofRun and notOfRun match the packages of the run: the function, mail, and reminder without the desk, the checks, the
// catalogues and the feedback.
var (
	ofRun    = regexp.MustCompile(`^(\.|mail|reminder)(/|$)`)
	notOfRun = regexp.MustCompile(`^reminder/(desk|check|text|feedback)(/|$)`)
)

func TestBudgets(t *testing.T) {
	lines := map[string]int{}
	for _, f := range goFiles(t) {
		dir := path.Dir(f.name)
		if f.isTest() || strings.Contains(dir, "test") || strings.HasPrefix(dir, "deploy/dev") || dir == "cmd/demo" ||
			strings.HasPrefix(dir, "reminder/bench") || dir == "reminder/torture" {
			continue
		}
		source, err := os.ReadFile(f.name)
		require.NoError(t, err)
		for line := range strings.Lines(string(source)) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			lines["all"]++
			if ofRun.MatchString(dir) && !notOfRun.MatchString(dir) {
				lines["run"]++
			}
		}
	}
	t.Logf("lines of code: %v", lines)
	for half, most := range budgets {
		assert.LessOrEqual(t, lines[half], most, half)
	}
}

// sentence matches words that only a sentence in one of our languages has.
var sentence = regexp.MustCompile(`(?i)\b(yang|tidak|dengan|untuk|belum|sudah|dan|dari|surel|peminjam)\b.*\b\w+\b.* `)

// TestNoSentenceInCode: what a person reads stands in the catalogues of reminder/text and the templates of
// reminder/letter.
func TestNoSentenceInCode(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.isTest() || strings.Contains(f.name, "test/") || strings.HasPrefix(f.name, "deploy/dev/") ||
			strings.HasPrefix(f.name, "reminder/bench/") || // it sends a sample mail by other means
			strings.HasPrefix(f.name, "mail/") || f.name == "cmd/demo/main.go" { // it reads what servers and people write
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				assert.NotRegexp(t, sentence, l.Value, "%s: put it into reminder/text", f.name)
			}
			return true
		})
	}
}

func TestImportsRunOneWay(t *testing.T) {
	for _, f := range goFiles(t) {
		dir := path.Dir(f.name)
		allowed, known := mayImport[dir]
		assert.True(t, known, "%s: say in mayImport what package %s may import", f.name, dir)
		if f.isTest() {
			continue
		}
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				assert.Contains(t, allowed, ours, "%s must not import it", f.name)
			}
			assert.NotContains(t, mustNotImport[dir], imported, "%s must not import it", f.name)
		}
	}
}

// TestFunctionHasNoDesk: the function contains neither the desk nor its statements, and migrates nothing.
func TestFunctionHasNoDesk(t *testing.T) {
	linked := []string{"."}
	for i := 0; i < len(linked); i++ {
		for _, p := range mayImport[linked[i]] {
			if !slices.Contains(linked, p) {
				linked = append(linked, p)
			}
		}
	}
	for _, p := range []string{"reminder/desk", "reminder/mysql/deskdb", "reminder/mysql/schema", "reminder/check"} {
		assert.NotContains(t, linked, p)
	}
	assert.Contains(t, linked, "reminder/mysql/staffdb")
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if !f.isTest() {
			dir := path.Dir(f.name)
			documented[dir] = documented[dir] || f.syntax.Doc != nil
		}
	}
	for dir, ok := range documented {
		assert.True(t, ok, "package %s has no package comment", dir)
	}
}

// forbiddenSQL appears in no statement of the program.
var forbiddenSQL = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`(?i)\bINSERT\s+IGNORE\b`),
		"it also swallows what is too long or refers to nothing; let the unique key alone decide"},
	{regexp.MustCompile(`(?i)\bSELECT\s+\*`),
		"a column that a library adds must not change what is read; name the columns"},
	{regexp.MustCompile(`(?i)\b(NOW|SYSDATE|CURDATE|CURTIME|LOCALTIME)\s*\(`),
		"its value depends on the session's time zone; pass the time, or take UTC_TIMESTAMP(6) for a lease"},
}

func TestStatementsAreSafe(t *testing.T) {
	check := func(where, text string) {
		for _, forbidden := range forbiddenSQL {
			if found := forbidden.pattern.FindString(text); found != "" {
				assert.Fail(t, found+" in "+where, forbidden.reason)
			}
		}
	}
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		for n := range ast.Preorder(f.syntax) {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				check(f.at(lit), lit.Value)
			}
		}
	}
	comment := regexp.MustCompile(`--.*`)
	for _, name := range files(t, ".sql") {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		check(name, comment.ReplaceAllString(string(text), ""))
	}
}

// TestOneWordForMail: in Indonesian it is "surel", never "surat" and never "email", but where another program is
// quoted. In the English mails it is "e-mail".
func TestOneWordForMail(t *testing.T) {
	other := regexp.MustCompile(`(?i)\b(surat\w*|e-?mail\w*)\b`)
	quoted := regexp.MustCompile("(?i)'[^']*email[^']*'|Authenticate email|`[^`]*`|\\*English:[^*]*\\*|@[\\w.…-]+|e-?mail=")
	english, comment := regexp.MustCompile(`(?i)(^|[^-])\bmails?\b|\bemail`),
		regexp.MustCompile(`(?s)\{\{- /\*.*?\*/ -\}\}`)
	for _, name := range slices.Concat(files(t, ".txt"), files(t, ".md"), files(t, ".toml")) {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		text := string(source)
		switch dir, file := path.Split(name); {
		case dir == "reminder/letter/id/", strings.HasPrefix(dir, "docs/panduan/"), file == "id.toml":
			assert.Empty(t, other.FindString(quoted.ReplaceAllString(text, "")), "in %s, say surel", name)
		case dir == "reminder/letter/en/":
			assert.Empty(t, english.FindString(comment.ReplaceAllString(text, "")), "in %s, say e-mail", name)
		}
	}
}

// readsClock has the places in reminder/ that may read the machine's clock, and why.
var readsClock = map[string]string{
	"reminder/setup/setup.go": "hands the clock to the Runner, which reads it once a run",
}

func TestDecisionsGetTheTime(t *testing.T) {
	used := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.isTest() || !strings.HasPrefix(f.name, "reminder/") {
			continue
		}
		for n := range ast.Preorder(f.syntax) {
			if isSelector(n, "time", "Now", "Since", "Until") {
				used[f.name] = true
				assert.NotEmpty(t, readsClock[f.name], "%s reads the clock: take the time as an argument", f.at(n))
			}
		}
	}
	for name := range readsClock {
		assert.True(t, used[name], "%s no longer reads the clock: take it off the list", name)
	}
}

func TestNoTestIsSkipped(t *testing.T) {
	for _, f := range goFiles(t) {
		for n := range ast.Preorder(f.syntax) {
			for _, receiver := range []string{"t", "b", "f", "tb"} {
				assert.False(t, isSelector(n, receiver, "Skip", "Skipf", "SkipNow"),
					"%s: a test that is skipped proves nothing; install what it needs", f.at(n))
			}
		}
	}
}

// TestSecurityIsTested: each point of docs/security.md names tests that are there.
func TestSecurityIsTested(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "## Each point and its test")
	require.True(t, ok)
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(table, -1)
	require.NotEmpty(t, named)
	there := map[string]bool{}
	for _, f := range goFiles(t) {
		for _, d := range f.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				there[f.Name.Name] = true
			}
		}
	}
	for _, name := range named {
		assert.True(t, there[name[1]], "there is no %s", name[1])
	}
}

// TestWhereAChangeGoes: what the table of docs/architecture.md names is there.
func TestWhereAChangeGoes(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "## Where a change goes")
	require.True(t, ok)
	named := regexp.MustCompile("`((?:cmd|docs|mail|reminder|deploy|terraform)[\\w/.]*)`").FindAllStringSubmatch(table, -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		_, err := os.Stat(filepath.FromSlash(name[1]))
		assert.NoError(t, err)
	}
}

// A goFile is a parsed Go file of any module of this repository.
type goFile struct {
	name   string // from the repository's root, with slashes
	syntax *ast.File
	fset   *token.FileSet
}

func (f goFile) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f goFile) at(n ast.Node) string { return f.fset.Position(n.Pos()).String() }

func goFiles(t *testing.T) (all []goFile) {
	t.Helper()
	fset := token.NewFileSet()
	for _, name := range files(t, ".go") {
		syntax, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		all = append(all, goFile{name, syntax, fset})
	}
	require.NotEmpty(t, all)
	return all
}

// files returns the names of the repository's files with an extension.
func files(t *testing.T, extension string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && slices.Contains([]string{".git", "bin", "testdata"}, entry.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(name) == extension {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

// isSelector reports whether n is x.name for one of the names.
func isSelector(n ast.Node, x string, names ...string) bool {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := selector.X.(*ast.Ident)
	return ok && id.Name == x && slices.Contains(names, selector.Sel.Name)
}
