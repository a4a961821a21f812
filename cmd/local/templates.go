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
		Short:   p.say("templates.export_short"),
		Long:    p.say("templates.export_long"),
		Example: "  pengingat templates export kata-kata",
		Args:    p.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := letter.Export(args[0]); err != nil {
				return reminder.NewFault(err, "templates.not_copied")
			}
			p.print("templates.copied", "Args", args[0], "Args2", args[0])
			return nil
		},
	})
	return cmd
}
