package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) previewCommand() *cobra.Command {
	var dir, loan string
	var date reminder.Date
	cmd := &cobra.Command{
		Use:     "preview",
		Aliases: []string{"lihat"},
		Short:   p.say("Lihat surel yang akan dikirim, tanpa mengirimnya", "See the mails that would be sent, without sending them"),
		Long: p.say(`Menyusun surel persis seperti 'run' akan mengirimnya, dan menyimpannya sebagai .eml serta satu
halaman index.html. Tidak ada yang dikirim dan tidak ada yang ditulis ke basis data. Folder itu
berisi nama dan alamat: hapus bila sudah dilihat.`,
			`Composes mails exactly as 'run' would send them, and saves them as .eml and as one page, index.html.
Nothing is sent and nothing is written to the database. The folder holds names and addresses: delete it
when you have looked.`),
		Example: "  pengingat preview --out pratinjau\n  pengingat preview --date 2026-12-01\n  pengingat preview --loan 1234",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			today := cmp.Or(date, reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone))
			var messages []mail.Message
			m := p.meter("Menyusun surel", "Composing mails")
			if loan != "" {
				loan, err := p.loan(ctx, app, loan)
				if err != nil {
					m.stop()
					return err
				}
				one, err := app.Runner.Sample(ctx, today, loan)
				m.stop()
				if err != nil {
					return err
				}
				messages = append(messages, one)
			} else {
				err := app.Runner.Preview(ctx, today, func(one mail.Message) error {
					messages = append(messages, one)
					m.set(len(messages), 0)
					return nil
				})
				m.stop()
				if err != nil {
					return err
				}
			}
			shown := page.Page{Locale: p.locale, Title: p.sayf("%d surel untuk %s", "%d e-mails for %s", len(messages), letter.Day(today, p.locale)),
				Lead: p.say("Disusun seperti 'pengingat run' akan mengirimnya. Halaman ini hanya untuk dilihat; apa yang sudah dikirim "+
					"ditunjukkan oleh 'pengingat status'.",
					"Composed as 'pengingat run' would send them. This page is for looking only; 'pengingat status' shows what was sent.")}
			run := page.Run{When: letter.Day(today, p.locale)}
			if loan == "" {
				var err error
				if run.Silent, run.More, err = app.Runner.Silent(ctx, today, maxPeople); err != nil {
					return err
				}
			}
			file, err := p.writePreview(dir, shown, run, messages)
			if err != nil {
				return reminder.NewFault(err, "Pratinjau tidak dapat ditulis ke "+dir+". Pilih folder lain dengan --out.",
					"The preview cannot be written to "+dir+". Choose another folder with --out.")
			}
			if len(messages) == 0 {
				p.printf("Tidak ada surel untuk %s. Mengapa: buka %s", "There is no mail for %s. Why: open %s", today, file)
				return nil
			}
			p.printf("%d surel: buka %s", "%d mails: open %s", len(messages), file)
			return nil
		}),
	}
	cmd.Flags().StringVar(&dir, "out", "pratinjau", p.say("`folder` tujuan", "`folder` to write to"))
	cmd.Flags().TextVar(&date, "date", date, p.say("seolah-olah hari ini `tanggal` itu, misalnya 2026-12-01", "as if it were that `day`, such as 2026-12-01"))
	cmd.Flags().StringVar(&loan, "loan", "", p.say("hanya `pinjaman` ini, seolah-olah belum pernah diingatkan", "this `loan` only, as if nothing had been told about it"))
	return cmd
}

// writePreview writes the mails and the page that shows them, in place of those of a former preview, and returns the page's
// path.
func (p *program) writePreview(dir string, shown page.Page, run page.Run, messages []mail.Message) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	former, err := filepath.Glob(filepath.Join(dir, "[0-9][0-9][0-9][0-9].eml"))
	for _, file := range former {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		return "", err
	}
	for i, m := range messages {
		raw, err := m.Bytes()
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("%04d.eml", i+1)
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			return "", err
		}
		if i < maxPeople {
			run.Letters = append(run.Letters, page.LetterOf(m, name))
		}
	}
	if len(messages) > maxPeople {
		run.Note = p.sayf("Di sini %d yang pertama; semuanya ada di folder ini sebagai .eml.",
			"The first %d are here; all are in this folder as .eml.", maxPeople)
	}
	shown.Runs = []page.Run{run}
	file := filepath.Join(dir, "index.html")
	return file, replaceFile(file, shown.Write)
}
