package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) migrateCommand() *cobra.Command {
	var source, view string
	var print, printTemplate bool
	sources := strings.Join(schema.Sources(), ", ")
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: p.say("migrate.short"),
		Long:  p.say("migrate.long"),
		Example: `  pengingat migrate --source perpustakaan
  pengingat migrate --source slims --print
  pengingat migrate --source custom --print-template > view.sql
  pengingat migrate --source custom --view view.sql`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source != "" && !slices.Contains(schema.Sources(), source) {
				return p.usage("migrate.unknown_source", "Source", source, "Sources", sources)
			}
			if printTemplate {
				text, err := schema.Text(cmp.Or(source, schema.Custom), nil)
				fmt.Fprint(p.out, text)
				return err
			}
			if (source == schema.Custom) != (view != "") {
				return p.usage("migrate.custom_needs_view")
			}
			return p.migrate(cmd.Context(), source, view, print)
		},
	}
	cmd.Flags().StringVar(&source, "source", "", p.say("migrate.library_system")+sources)
	cmd.Flags().StringVar(&view, "view", "", p.say("migrate.view_flag"))
	cmd.Flags().BoolVar(&print, "print", false, p.say("migrate.print_flag"))
	cmd.Flags().BoolVar(&printTemplate, "print-template", false, p.say("migrate.print_template_flag"))
	return cmd
}

func (p *program) migrate(ctx context.Context, source, view string, print bool) error {
	definition := ""
	if view != "" {
		data, err := os.ReadFile(view)
		text := string(setup.DecodeText(data)) // PowerShell's > writes UTF-16
		if err == nil {
			_, err = schema.Statements(text)
		}
		if err != nil {
			return reminder.NewFault(err, "migrate.view_file_unusable")
		}
		definition = text
	}
	var cfg setup.Config
	open := func() (db *sql.DB, err error) {
		if cfg, err = p.config(setup.LoadDatabase); err != nil {
			return nil, err
		}
		return cfg.OpenDB()
	}
	if print {
		text, err := schema.Print(source, definition, func() (schema.Schema, error) {
			db, err := open()
			if err != nil {
				return nil, err
			}
			defer db.Close()
			return schema.Inspect(ctx, db)
		})
		fmt.Fprint(p.out, text)
		return err
	}
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	applied, err := schema.Up(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range applied {
		p.print("migrate.applied", "Name", name)
	}
	// Before there is a first run, so that no backup is without it: the Message-IDs are made of it.
	if _, err := cfg.NewStore(db).NewSecret(ctx); err != nil {
		return err
	}
	if len(applied) == 0 {
		p.print("migrate.tables_complete")
	}
	if source != "" {
		if definition == "" {
			err = schema.CreateView(ctx, db, source)
		} else {
			err = schema.CreateViews(ctx, db, definition, func() error {
				return p.checkView(ctx,
					cfg.NewStore(db).Drafts(schema.Draft))
			})
		}
		if err != nil {
			return err
		}
		p.print("migrate.view_created", "Source", source)
		index, err := schema.Remember(ctx, db, source)
		if err != nil {
			return err
		}
		if index != "" {
			p.print("migrate.index", "Index", index)
		}
	}
	if source == "" && cfg.NewStore(db).Check(ctx) != nil { // the tables alone
		p.print("migrate.view_missing", "Sources", strings.Join(schema.Sources(), ", "))
		return nil
	}
	p.print("migrate.next")
	return nil
}

// checkView tells what is wrong with a view that a person wrote, and refuses it where that would tell borrowers wrong
// things.
func (p *program) checkView(ctx context.Context, store *mysql.Store) error {
	m := p.meter("migrate.checking_view")
	survey := desk.NewSurvey(reminder.Rules{}, reminder.DateOf(p.machine.now(), p.machine.zone), nil)
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
