// Package migrations brings a library's database to the schema that package mysql works with, and creates the view it
// reads. Only a person runs it (pengingat migrate), with a database user that may create tables; a run never does.
//
// It is a package of its own so that the migration library is no part of the cloud function.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/views"
)

//go:embed *.sql
var files embed.FS

// Up applies the migrations that are missing and returns their file names. It may be repeated, also after one that was
// cut off.
func Up(ctx context.Context, db *sql.DB) ([]string, error) {
	p, err := goose.NewProvider(goose.DialectMySQL, db, files, goose.WithTableName(mysql.VersionTable))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, mysql.Explain("migrate", err)
	}
	var applied []string
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}

// CreateView creates or replaces the view reminder_loans for a source.
func CreateView(ctx context.Context, db *sql.DB, source string) error {
	statement, err := views.Source(source)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return mysql.Explain("create the view reminder_loans for "+source, err)
	}
	return nil
}

// Print returns all statements for a source as text, for a person who runs them by hand. Without a source it leaves
// the view out.
func Print(source string) (string, error) {
	var b strings.Builder
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "-- %s\n%s\n", name, text)
	}
	if source != "" {
		statement, err := views.Source(source)
		if err != nil {
			return "", err
		}
		b.WriteString(statement)
	}
	return b.String(), nil
}
