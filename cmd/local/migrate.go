package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) migrate(ctx context.Context) error {
	source, view := c.flag("source"), c.flag("view")
	if source != "" && !slices.Contains(schema.Sources(), source) {
		return c.usage("migrate.unknown_source", "Source", source, "Sources", strings.Join(schema.Sources(), ", "))
	}
	if c.on("print-template") {
		text, err := schema.Text(cmp.Or(source, schema.Custom), nil)
		fmt.Fprint(c.out, text)
		return err
	}
	if (source == schema.Custom) != (view != "") {
		return c.usage("migrate.custom_needs_view")
	}
	definition := ""
	if view != "" {
		data, err := os.ReadFile(view)
		definition = string(setup.DecodeText(data)) // PowerShell's > writes UTF-16
		if err == nil {
			_, err = schema.Statements(definition)
		}
		if err != nil {
			return reminder.NewFault(err, "migrate.view_file_unusable")
		}
	}
	if !c.on("print") {
		return c.upgrade(ctx, source, definition)
	}
	text, err := schema.Print(source, definition, func() (schema.Schema, error) {
		_, db, err := c.database()
		if err != nil {
			return nil, err
		}
		defer db.Close()
		return schema.Inspect(ctx, db)
	})
	fmt.Fprint(c.out, text)
	return err
}

// database opens the database. Only the database settings need to be valid.
func (p *program) database() (cfg setup.Config, db *sql.DB, err error) {
	if cfg, err = p.config(setup.LoadDatabase); err == nil {
		db, err = cfg.OpenDB()
	}
	return cfg, db, err
}

// upgrade creates or completes the tables and, if a source is named, the view. definition is the SQL of a custom view.
func (p *program) upgrade(ctx context.Context, source, definition string) error {
	cfg, db, err := p.database()
	if err != nil {
		return err
	}
	defer db.Close()
	store := cfg.NewStore(db)
	applied, err := schema.Up(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range applied {
		p.print("migrate.applied", "Name", name)
	}
	// The secret for Message-IDs is made before the first run, so that every backup has it.
	if _, err := store.NewSecret(ctx); err != nil {
		return err
	}
	if len(applied) == 0 {
		p.print("migrate.tables_complete")
	}
	switch {
	case definition != "":
		err = schema.CreateViews(ctx, db, definition, func() error {
			return p.checkView(ctx, deskdb.New(store.Drafts(schema.Draft)))
		})
	case source != "":
		err = schema.CreateView(ctx, db, source)
	case store.Check(ctx) != nil: // the tables alone
		p.print("migrate.view_missing", "Sources", strings.Join(schema.Sources(), ", "))
		return nil
	}
	if err != nil {
		return err
	}
	if source != "" {
		p.print("migrate.view_created", "Source", source)
		index, err := schema.Remember(ctx, db, source)
		if err != nil {
			return err
		}
		if index != "" {
			p.print("migrate.index", "Index", index)
		}
	}
	return p.done(nil, "migrate.next")
}

// checkView prints what is wrong with a custom view, and refuses the view if borrowers would be told something wrong.
func (p *program) checkView(ctx context.Context, store *deskdb.Store) error {
	m := p.meter("migrate.checking_view")
	survey := staff.NewSurvey(reminder.Rules{}, reminder.DateOf(p.machine.now(), p.machine.zone), nil)
	findings, err := check.View(ctx, store, survey)
	m.stop()
	if err != nil {
		return err
	}
	p.print("migrate.rows_checked", "N", min(survey.Open, check.MaxChecked))
	refused := false
	for _, f := range findings {
		fmt.Fprintln(p.out, "- "+p.text(f.Message))
		if f.Serious {
			p.code = exitNeedsPerson
		}
		refused = refused || f.Wrong
	}
	if refused {
		return reminder.NewFault(nil, "migrate.view_refused")
	}
	return nil
}
