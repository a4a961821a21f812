// Package schema creates and migrates the tables of package mysql, and creates the views over each library system that
// is known. A person runs it with "pengingat migrate", as a database user who may create tables. A run never does.
//
// It is a package of its own so that the cloud function does not contain the migration library.
package schema

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
)

//go:embed migrations/*.sql
var migrations embed.FS

// files are the migrations by the names under which they are applied.
func files() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it depends on a constant only
	}
	return files
}

// versionTable creates the table in which goose records what was applied. Goose would create it, too. But if it is cut
// off after that, it refuses the empty table as a mistake.
var versionTable = []string{
	`CREATE TABLE IF NOT EXISTS reminder_migrations (
		id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
		version_id BIGINT          NOT NULL,
		is_applied TINYINT(1)      NOT NULL,
		tstamp     TIMESTAMP       NULL DEFAULT CURRENT_TIMESTAMP,
		PRIMARY KEY (id)
	) ENGINE = InnoDB`,
	`INSERT INTO reminder_migrations (version_id, is_applied) SELECT 0, 1 FROM DUAL
		WHERE NOT EXISTS (SELECT version_id FROM reminder_migrations)`,
}

// Up applies the migrations that are missing and returns their file names. It may be repeated, also after one that was
// cut off.
func Up(ctx context.Context, db *sql.DB) ([]string, error) {
	p, err := goose.NewProvider(goose.DialectMySQL, db, files(), goose.WithTableName(mysql.VersionTable))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	for _, statement := range versionTable {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, mysql.Explain("migrate", err)
		}
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, mysql.Explain("migrate", err)
	}
	var applied []string
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	schema, err := Inspect(ctx, db)
	if err == nil && !schema.Has(mysql.ClosedDaysView) {
		_, err = db.ExecContext(ctx, NoClosedDays)
	}
	return applied, mysql.Explain("migrate", err)
}

// Inspect describes the tables of the database as far as the user may see them.
func Inspect(ctx context.Context, db *sql.DB) (Schema, error) {
	schema := Schema{}
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
	schema, err := Inspect(ctx, db)
	if err != nil {
		return err
	}
	definition, err := text(source, schema)
	if err != nil {
		return err
	}
	return CreateViews(ctx, db, definition, nil)
}

// text is Text for a schema that has what the source needs.
func text(source string, schema Schema) (string, error) {
	if version, lacking := Lacking(source, schema); schema != nil && len(lacking) > 0 {
		names := strings.Join(lacking[:min(5, len(lacking))], ", ")
		return "", reminder.NewFault(nil,
			"migrate.wrong_version", "Source", source, "Version", version, "Names", names)
	}
	return Text(source, schema)
}

// CreateViews creates or replaces both views as a definition says, or neither. It creates drafts first. When check,
// which may be nil, returns no error, one statement puts them in the place of the old views.
func CreateViews(ctx context.Context, db *sql.DB, definition string, check func() error) error {
	statements, err := Statements(definition)
	if err != nil {
		return err
	}
	const old = "_old"
	drop := func() error {
		for _, suffix := range []string{Draft, old} {
			_, err := db.ExecContext(ctx, "DROP VIEW IF EXISTS "+mysql.LoansView+suffix+", "+mysql.ClosedDaysView+suffix)
			if err != nil {
				return mysql.Explain("remove the former views", err)
			}
		}
		return nil
	}
	if err := drop(); err != nil {
		return err
	}
	err = createDrafts(ctx, db, statements)
	if err == nil && check != nil {
		err = check()
	}
	if err != nil {
		return errors.Join(err, drop())
	}
	schema, err := Inspect(ctx, db)
	if err != nil {
		return err
	}
	var renames []string
	for _, view := range []string{mysql.LoansView, mysql.ClosedDaysView} {
		if schema.Has(view) {
			renames = append(renames, view+" TO "+view+old)
		}
		renames = append(renames, view+Draft+" TO "+view)
	}
	if _, err := db.ExecContext(ctx, "RENAME TABLE "+strings.Join(renames, ", ")); err != nil {
		return mysql.Explain("put the views into use", err)
	}
	return drop()
}

func createDrafts(ctx context.Context, db *sql.DB, statements []string) error {
	for _, statement := range statements {
		_, err := db.ExecContext(ctx, AsDraft(statement))
		if e, ok := errors.AsType[*driver.MySQLError](err); ok && (e.Number == 1146 || e.Number == 1054 || e.Number == 1064) {
			return reminder.NewFault(err, "migrate.wrong_source")
		}
		if err != nil {
			return mysql.Explain("create the views", err)
		}
	}
	return nil
}

// Remember stores which system the views read, and the statement that creates the index for it: doctor proposes that if
// reading is slow. It returns the statement, or "" when an index with the same first column exists.
func Remember(ctx context.Context, db *sql.DB, source string) (statement string, err error) {
	if table, columns := Index(source); table != "" {
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

// Print returns all statements for a source as text, for a person who runs them by hand. Without a source it leaves out
// the views. The views are those of definition or, if it is "", those of the source for the schema.
func Print(source, definition string, schema func() (Schema, error)) (string, error) {
	var b strings.Builder
	names, err := fs.Glob(files(), "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files(), name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "-- %s\n%s\n", name, text)
	}
	if source == "" {
		return b.String(), nil
	}
	if definition == "" {
		found, err := schema()
		if err != nil {
			return "", err
		}
		if definition, err = text(source, found); err != nil {
			return "", err
		}
	}
	statements, err := Statements(definition)
	for _, statement := range statements {
		b.WriteString(statement + ";\n\n")
	}
	return b.String(), err
}
