package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/migrations"
	"github.com/mtsn6garut/pengingat/reminder/mysql/views"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) migrateCommand() *cobra.Command {
	var source string
	var print bool
	sources := strings.Join(views.Sources(), ", ")
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: p.say("Siapkan tabel dan view di basis data", "Prepare the tables and the view in the database"),
		Long: p.say(`Membuat tabel reminder_* dan, dengan --source, view reminder_loans yang dibaca program. Tabel
perpustakaan sendiri tidak diubah. Aman diulang. Pengguna basis data harus boleh membuat tabel
dan view; sesudahnya deploy/grants.sql memberi hak yang lebih kecil untuk sehari-hari.`,
			`Creates the reminder_* tables and, with --source, the view reminder_loans that the program reads. The
library's own tables are not changed. It may be repeated. The database user must be allowed to create
tables and views; afterwards deploy/grants.sql gives smaller rights for every day.`),
		Example: "  pengingat migrate --source perpustakaan\n  pengingat migrate --source perpustakaan --print",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if print {
				text, err := migrations.Print(source)
				if err == nil {
					fmt.Fprint(p.out, text)
				}
				return unknownSource(err)
			}
			if source != "" {
				if _, err := views.Source(source); err != nil {
					return unknownSource(err)
				}
			}
			cfg, err := p.config(setup.LoadDatabase)
			if err != nil {
				return err
			}
			db, err := cfg.OpenDB()
			if err != nil {
				return err
			}
			defer db.Close()
			applied, err := migrations.Up(cmd.Context(), db)
			if err != nil {
				return err
			}
			for _, name := range applied {
				p.printf("diterapkan: %s", "applied: %s", name)
			}
			if len(applied) == 0 {
				p.printf("Tabel sudah lengkap.", "The tables are complete.")
			}
			if source != "" {
				if err := migrations.CreateView(cmd.Context(), db, source); err != nil {
					return err
				}
				p.printf("view reminder_loans dibuat untuk: %s", "view reminder_loans created for: %s", source)
			}
			p.printf("Berikutnya: pengingat run --dry-run", "Next: pengingat run --dry-run")
			return nil
		},
	}
	cmd.Flags().StringVar(&source, "source", "", p.say("sistem perpustakaan: ", "library system: ")+sources)
	cmd.Flags().BoolVar(&print, "print", false, p.say("hanya cetak perintah SQL-nya", "only print the SQL statements"))
	return cmd
}

func unknownSource(err error) error {
	if err == nil {
		return nil
	}
	return &reminder.Fault{Text: reminder.Text{ID: "Sumber itu tidak dikenal.", EN: "That source is not known."}, Err: err}
}
