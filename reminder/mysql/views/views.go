// Package views holds the definition of the view reminder_loans for each library system that is known.
package views

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.sql
var files embed.FS

// Sources returns the names of the library systems that are known.
func Sources() []string {
	entries, _ := files.ReadDir(".") // an embedded folder can be read
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".sql"))
	}
	slices.Sort(names)
	return names
}

// Source returns the CREATE VIEW statement for a source.
func Source(name string) (string, error) {
	if !slices.Contains(Sources(), name) {
		return "", fmt.Errorf("there is no source %q; known are %s", name, strings.Join(Sources(), ", "))
	}
	text, err := files.ReadFile(name + ".sql")
	return string(text), err
}
