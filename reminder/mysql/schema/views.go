package schema

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Custom is the source of a library that writes its own views. Its definition is an example to change.
const Custom = "custom"

// The definitions of the views are templates, because a system's versions differ. The tables of the database decide
// what is in a view, and not a version number.
//
//go:embed views/*.sql
var views embed.FS

// Sources returns the names of the library systems that are known.
func Sources() []string {
	entries, _ := views.ReadDir("views") // an embedded folder can be read
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".sql"))
	}
	slices.Sort(names)
	return names
}

// A Schema is what the database has: "table" and "table.column", each column with "charset collation" (empty for what
// is no text).
type Schema map[string]string

// Text returns a source's definition for a schema, as a person would run it.
func Text(source string, schema Schema) (string, error) {
	if !slices.Contains(Sources(), source) {
		return "", fmt.Errorf("there is no source %q; known are %s", source, strings.Join(Sources(), ", "))
	}
	t, err := template.New(source+".sql").Funcs(template.FuncMap{"has": schema.Has, "same": schema.same,
		"list": list, "first": schema.first, "typeOf": typeOf}).ParseFS(views, "views/"+source+".sql")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, nil)
	return b.String(), err
}

// Index returns the table and the columns of the index that makes reading a source's loans fast, as the line "-- Index:
// table (columns)" of the source has them. Both are empty for Custom.
func Index(source string) (table string, columns []string) {
	text, _ := views.ReadFile("views/" + source + ".sql")
	if match := index.FindStringSubmatch(string(text)); match != nil {
		return match[1], strings.Split(match[2], ", ")
	}
	return "", nil
}

// Lacking returns the columns that a source needs and the schema lacks, and the oldest version of the system that has
// all of them. The lines from "-- Needs version: table.column …" to the index name them.
func Lacking(source string, schema Schema) (version string, columns []string) {
	text, _ := views.ReadFile("views/" + source + ".sql")
	match := needs.FindStringSubmatch(string(text))
	if match == nil {
		return "", nil
	}
	return match[1], slices.DeleteFunc(strings.Fields(strings.ReplaceAll(match[2], "--", "")), schema.Has)
}

var needs = regexp.MustCompile(`(?s)-- Needs ([^:]+): (.*?)\n-- Index`)

var index = regexp.MustCompile(`(?m)^-- Index: (\w+) \((.*)\)$`)

// Has reports whether there is a table, or a column of one.
func (s Schema) Has(name string) bool { _, ok := s[name]; return ok }

// same returns the condition that two columns are equal. If their collations differ, it converts the first one, so that
// an index on the second one still serves.
func (s Schema) same(a, aliasA, b, aliasB string) string {
	left, right := aliasA+a[strings.Index(a, "."):], aliasB+b[strings.Index(b, "."):]
	if charset, collation, ok := strings.Cut(s[b], " "); ok && s[a] != s[b] {
		left = "CONVERT(" + left + " USING " + charset + ") COLLATE " + collation
	}
	return right + " = " + left
}

// first returns the first of some columns that a table has, or "".
func (s Schema) first(table string, columns ...string) string {
	for _, c := range columns {
		if s.Has(table + "." + c) {
			return c
		}
	}
	return ""
}

// typeOf returns the SQL expression of the borrower_type for a column, by the words that libraries use.
func typeOf(column string) string {
	words := [][]string{
		{"teacher", "guru", "teacher", "wali kelas", "dosen", "lecturer", "faculty", "ustad", "pengajar", "kepala sekolah"},
		{"parent", "orang tua", "orangtua", "ortu", "wali", "parent", "guardian"},
		{"student", "siswa", "siswi", "student", "pelajar", "murid", "santri", "pupil", "juvenile", "child"},
		{"staff", "staf", "pegawai", "karyawan", "tata usaha", "employee", "librarian", "pustakawan"},
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range words {
		like := column + " LIKE '%" + strings.Join(w[1:], "%' OR "+column+" LIKE '%") + "%'"
		b.WriteString(" WHEN " + like + " THEN '" + w[0] + "'")
	}
	return b.String() + " END"
}

func list(items ...string) []string { return items }

// NoClosedDays is the view reminder_source_closed_days of a system that has no calendar. It exists everywhere, so that
// the same rights can be granted everywhere.
const NoClosedDays = `CREATE OR REPLACE SQL SECURITY DEFINER VIEW reminder_source_closed_days AS
SELECT NULL AS calendar, '' AS day, 0 AS is_open, '' AS name FROM reminder_closed_days WHERE 1 = 0`

var (
	comment   = regexp.MustCompile(`(?m)(^|\s)--(\s.*)?$|^\s*#.*$|/\*\*/|/\*[^!](?s:.*?)\*/`)
	end       = regexp.MustCompile(`;\s*(\n|$)`)
	definable = regexp.MustCompile("(?is)^CREATE\\s+(OR\\s+REPLACE\\s+)?(ALGORITHM\\s*=\\s*\\w+\\s+)?(DEFINER\\s*=\\s*\\S+\\s+)?" +
		"(SQL\\s+SECURITY\\s+\\w+\\s+)?VIEW\\s+`?(reminder_loans|reminder_source_closed_days)`?\\s")
)

// Draft is the suffix of the names of views that are not in use yet.
const Draft = "_draft"

// AsDraft returns one of Statements with the name of the draft for its view.
func AsDraft(statement string) string {
	name := definable.FindStringSubmatchIndex(statement)[10:12]
	return statement[:name[0]] + strings.ToLower(statement[name[0]:name[1]]) + Draft + statement[name[1]:]
}

// Statements splits a definition into statements. A person may have written it, and the database user who runs it has
// many rights, so it may create the two views and nothing else. A definition without closed days gets NoClosedDays.
func Statements(text string) ([]string, error) {
	var statements []string
	loans, closedDays := false, false
	for _, statement := range end.Split(comment.ReplaceAllString(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"),
		"\r\n", "\n"), ""), -1) {
		statement = strings.TrimSpace(statement)
		if statement == "" {
			continue
		}
		match := definable.FindStringSubmatch(statement)
		if match == nil {
			return nil, fmt.Errorf("only CREATE OR REPLACE VIEW reminder_loans and reminder_source_closed_days are run, not %.40q", statement)
		}
		loans, closedDays = loans || strings.EqualFold(match[5], "reminder_loans"),
			closedDays || !strings.EqualFold(match[5], "reminder_loans")
		statements = append(statements, statement)
	}
	if !loans {
		return nil, fmt.Errorf("there is no CREATE OR REPLACE VIEW reminder_loans in it")
	}
	if !closedDays {
		statements = append(statements, NoClosedDays)
	}
	return statements, nil
}
