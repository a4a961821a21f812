package main

import (
	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
)

func (p *program) templatesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates",
		Short: p.say("Ubah kata-kata surel", "Change the wording of the mails"),
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "export FOLDER",
		Short: p.say("Salin templat bawaan ke sebuah folder untuk diubah", "Copy the built-in templates to a folder, to be edited"),
		Long: p.say(`Menyalin templat surel. Ubah berkasnya, isi REMINDER_TEMPLATES dengan folder itu, lalu lihat hasilnya
dengan 'pengingat preview'. Berkas yang sudah ada tidak ditimpa.`,
			`Copies the mail templates. Edit the files, set REMINDER_TEMPLATES to the folder, and look at the result with
'pengingat preview'. A file that exists is not overwritten.`),
		Example: "  pengingat templates export kata-kata",
		Args:    p.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := letter.Export(args[0]); err != nil {
				return reminder.NewFault(err, "Templat tidak dapat disalin. Pilih folder yang belum berisi templat.",
					"The templates could not be copied. Choose a folder without templates in it.")
			}
			p.printf("Templat ada di %s. Isi REMINDER_TEMPLATES=%s", "The templates are in %s. Set REMINDER_TEMPLATES=%s", args[0], args[0])
			return nil
		},
	})
	return cmd
}
