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
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/migrations"
	"github.com/mtsn6garut/pengingat/reminder/mysql/views"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) migrateCommand() *cobra.Command {
	var source, view string
	var print, printTemplate bool
	sources := strings.Join(views.Sources(), ", ")
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: p.say("Siapkan tabel dan view di basis data", "Prepare the tables and the views in the database"),
		Long: p.say(`Membuat tabel reminder_* dan, dengan --source, view reminder_loans yang dibaca program. Tabel
perpustakaan sendiri tidak diubah. Aman diulang. Pengguna basis data harus boleh membuat tabel
dan view; sesudahnya deploy/grants.sql memberi hak yang lebih kecil untuk sehari-hari.

Sistem buatan sendiri: --source custom. Cetak contohnya dengan --print-template, sesuaikan, lalu
berikan dengan --view; setiap barisnya langsung diperiksa.`,
			`Creates the reminder_* tables and, with --source, the view reminder_loans that the program reads. The
library's own tables are not changed. It may be repeated. The database user must be allowed to create
tables and views; afterwards deploy/grants.sql gives smaller rights for every day.

A system of your own: --source custom. Print the example with --print-template, change it, and give it
with --view; each of its rows is checked at once.`),
		Example: `  pengingat migrate --source perpustakaan
  pengingat migrate --source slims --print
  pengingat migrate --source custom --print-template > view.sql
  pengingat migrate --source custom --view view.sql`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source != "" && !slices.Contains(views.Sources(), source) {
				return p.usagef("Sumber %q tidak dikenal. Yang dikenal: %s.", "The source %q is not known. Known are: %s.", source, sources)
			}
			if printTemplate {
				text, err := views.Text(cmp.Or(source, views.Custom), nil)
				fmt.Fprint(p.out, text)
				return err
			}
			if (source == views.Custom) != (view != "") {
				return p.usagef("--source custom dan --view BERKAS.sql selalu bersama; contoh berkasnya: --print-template",
					"--source custom and --view FILE.sql go together; for an example of the file: --print-template")
			}
			return p.migrate(cmd.Context(), source, view, print)
		},
	}
	cmd.Flags().StringVar(&source, "source", "", p.say("`sistem` perpustakaan: ", "library `system`: ")+sources)
	cmd.Flags().StringVar(&view, "view", "", p.say("`berkas` SQL dengan view buatan sendiri, untuk --source custom", "SQL `file` with a view of your own, for --source custom"))
	cmd.Flags().BoolVar(&print, "print", false, p.say("hanya cetak perintah SQL-nya", "only print the SQL statements"))
	cmd.Flags().BoolVar(&printTemplate, "print-template", false, p.say("cetak contoh view untuk --source custom", "print an example of a view for --source custom"))
	return cmd
}

func (p *program) migrate(ctx context.Context, source, view string, print bool) error {
	definition := ""
	if view != "" {
		data, err := os.ReadFile(view)
		text := string(setup.DecodeText(data)) // PowerShell's > writes UTF-16
		if err == nil {
			_, err = views.Statements(text)
		}
		if err != nil {
			return reminder.NewFault(err, "Berkas --view tidak dapat dipakai.", "The file of --view cannot be used.")
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
		text, err := migrations.Print(source, definition, func() (views.Schema, error) {
			db, err := open()
			if err != nil {
				return nil, err
			}
			defer db.Close()
			return migrations.Schema(ctx, db)
		})
		fmt.Fprint(p.out, text)
		return err
	}
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	applied, err := migrations.Up(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range applied {
		p.printf("diterapkan: %s", "applied: %s", name)
	}
	// Before there is a first run, so that no backup is without it: the Message-IDs are made of it.
	if _, err := cfg.NewStore(db).NewSecret(ctx); err != nil {
		return err
	}
	if len(applied) == 0 {
		p.printf("Tabel sudah lengkap.", "The tables are complete.")
	}
	if source != "" {
		if definition == "" {
			err = migrations.CreateView(ctx, db, source)
		} else {
			err = migrations.CreateViews(ctx, db, definition, func() error { return p.checkView(ctx, cfg.NewStore(db).Drafts(views.Draft)) })
		}
		if err != nil {
			return err
		}
		p.printf("view reminder_loans dibuat untuk: %s", "view reminder_loans created for: %s", source)
		index, err := migrations.Remember(ctx, db, source)
		if err != nil {
			return err
		}
		if index != "" {
			p.printf("Hanya bila ada ratusan ribu pinjaman, indeks ini mempercepat: %s", "Only with hundreds of thousands of loans, this index helps: %s", index)
		}
	}
	if source == "" && cfg.NewStore(db).Check(ctx) != nil { // the tables alone
		p.printf("View reminder_loans belum ada atau tidak cocok. Berikutnya: pengingat migrate --source SISTEM (%s)",
			"The view reminder_loans is missing or does not fit. Next: pengingat migrate --source SYSTEM (%s)", strings.Join(views.Sources(), ", "))
		return nil
	}
	p.printf("Berikutnya: pengingat run --dry-run", "Next: pengingat run --dry-run")
	return nil
}

// checkView tells what is wrong with a view that a person wrote, and refuses it where that would tell borrowers wrong things.
func (p *program) checkView(ctx context.Context, store *mysql.Store) error {
	m := p.meter("Memeriksa view", "Checking the view")
	rows, findings, err := store.CheckView(ctx, reminder.DateOf(p.machine.now(), p.machine.zone))
	m.stop()
	if err != nil {
		return err
	}
	p.printf("%d baris diperiksa.", "%d rows checked.", rows)
	refused := false
	for _, f := range findings {
		fmt.Fprintln(p.out, "- "+f.Text.In(p.locale))
		if f.Serious {
			p.code = exitNeedsPerson
		}
		refused = refused || f.Wrong
	}
	if refused {
		return reminder.NewFault(nil, "View itu tidak dipasang; yang lama, bila ada, tetap dipakai. Perbaiki view-nya, lalu ulangi.",
			"That view was not put into use; the former one, if there is one, stays. Mend the view, and try again.")
	}
	return nil
}
