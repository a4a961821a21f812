package main

import (
	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
)

func (p *program) templatesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates",
		Short: p.say("templates.change_wording_mails"),
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "export FOLDER",
		Short:   p.say("templates.copy_built_in_templates_folder"),
		Long:    p.say("templates.copies_mail_templates_edit_files"),
		Example: "  pengingat templates export kata-kata",
		Args:    p.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := letter.Export(args[0]); err != nil {
				return reminder.NewFault(err, "templates.templates_could_not_be_copied")
			}
			p.print("templates.templates_in_set_reminder_templates", "Args", args[0], "Args2", args[0])
			return nil
		},
	})
	return cmd
}
