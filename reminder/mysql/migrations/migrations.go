// Package migrations brings a library's database to the schema that package mysql works with, and creates the view it
// reads. Only a person runs it (pengingat migrate), with a database user that may create tables; a run never does.
//
// It is a package of its own so that the migration library is no part of the cloud function.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	driver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"

	"github.com/mtsn6garut/pengingat/reminder"
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
	schema, err := Schema(ctx, db)
	if err == nil && !schema.Has(mysql.ClosedDaysView) {
		_, err = db.ExecContext(ctx, views.NoClosedDays)
	}
	return applied, mysql.Explain("migrate", err)
}

// Schema describes the tables of the database as far as the user may see them.
func Schema(ctx context.Context, db *sql.DB) (views.Schema, error) {
	schema := views.Schema{}
	rows, err := db.QueryContext(ctx, `SELECT table_name, column_name, COALESCE(CONCAT(character_set_name, ' ', collation_name), '')
		FROM information_schema.columns WHERE table_schema = DATABASE()`)
	if err != nil {
		return nil, mysql.Explain("look at the tables", err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, column, collation string
		if err := rows.Scan(&table, &column, &collation); err != nil {
			return nil, err
		}
		schema[table], schema[table+"."+column] = "", collation
	}
	return schema, mysql.Explain("look at the tables", rows.Err())
}

// CreateView creates or replaces the views for a source.
func CreateView(ctx context.Context, db *sql.DB, source string) error {
	schema, err := Schema(ctx, db)
	if err != nil {
		return err
	}
	definition, err := views.Text(source, schema)
	if err != nil {
		return err
	}
	return CreateViews(ctx, db, definition)
}

// CreateViews creates or replaces the views as a definition says.
func CreateViews(ctx context.Context, db *sql.DB, definition string) error {
	statements, err := views.Statements(definition)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		_, err := db.ExecContext(ctx, statement)
		if e, ok := errors.AsType[*driver.MySQLError](err); ok && (e.Number == 1146 || e.Number == 1054 || e.Number == 1064) {
			return reminder.NewFault(err, "View tidak cocok dengan basis data ini. Periksa DB_DATABASE dan --source, atau nama tabel dan kolom dalam berkas --view.",
				"The view does not fit this database. Check DB_DATABASE and --source, or the tables and columns in the file of --view.")
		}
		if err != nil {
			return mysql.Explain("create the views", err)
		}
	}
	return nil
}

// Remember stores whose system the views read, and what would make reading them fast: doctor tells it where reading is
// slow. It returns the statement, or "" where there is an index that begins like the one it would make.
func Remember(ctx context.Context, db *sql.DB, source string) (statement string, err error) {
	if table, columns := views.Index(source); table != "" {
		var has int
		err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.statistics
			WHERE table_schema = DATABASE() AND table_name = ? AND seq_in_index = 1 AND column_name = ?`, table, columns[0]).Scan(&has)
		if err != nil {
			return "", mysql.Explain("look for the index", err)
		}
		if has == 0 {
			statement = fmt.Sprintf("CREATE INDEX reminder_due ON %s (%s)", table, strings.Join(columns, ", "))
		}
	}
	_, err = db.ExecContext(ctx, `INSERT INTO reminder_state (name, kind, reason) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE kind = ?, reason = ?`, mysql.SourceState, source, statement, source, statement)
	return statement, mysql.Explain("remember the source", err)
}

// Print returns all statements for a source as text, for a person who runs them by hand. Without a source it leaves
// the views out; with a definition it takes that one. A source that differs between versions looks at the schema.
func Print(source, definition string, schema func() (views.Schema, error)) (string, error) {
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
	if source == "" {
		return b.String(), nil
	}
	if definition == "" {
		var found views.Schema
		if views.Varies(source) {
			if found, err = schema(); err != nil {
				return "", err
			}
		}
		if definition, err = views.Text(source, found); err != nil {
			return "", err
		}
	}
	statements, err := views.Statements(definition)
	for _, statement := range statements {
		b.WriteString(statement + ";\n\n")
	}
	return b.String(), err
}
