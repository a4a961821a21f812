package main

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

//go:embed preview.html
var previewPage string

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
			if len(messages) == 0 {
				p.printf("Tidak ada surel untuk %s.", "There is no mail for %s.", today)
				return nil
			}
			page, err := p.writePreview(dir, today, messages)
			if err != nil {
				return fmt.Errorf("preview: %w", err)
			}
			p.printf("%d surel: buka %s", "%d mails: open %s", len(messages), page)
			return nil
		}),
	}
	cmd.Flags().StringVar(&dir, "out", "pratinjau", p.say("folder tujuan", "folder to write to"))
	cmd.Flags().TextVar(&date, "date", date, p.say("seolah-olah hari ini `tanggal` itu, misalnya 2026-12-01", "as if it were that `day`, such as 2026-12-01"))
	cmd.Flags().StringVar(&loan, "loan", "", p.say("hanya pinjaman ini, seolah-olah belum pernah diingatkan", "this loan only, as if nothing had been told about it"))
	return cmd
}

// writePreview writes the mails and the page that shows them, and returns the page's path.
func (p *program) writePreview(dir string, today reminder.Date, messages []mail.Message) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for i, m := range messages {
		raw, err := m.Bytes()
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.eml", i+1)), raw, 0o600); err != nil {
			return "", err
		}
	}
	tmpl, err := template.New("preview").Funcs(template.FuncMap{"say": p.say}).Parse(previewPage)
	if err != nil {
		return "", err
	}
	page := filepath.Join(dir, "index.html")
	return page, replaceFile(page, func(w io.Writer) error {
		return tmpl.Execute(w, map[string]any{"Today": today, "Messages": messages, "Locale": p.locale})
	})
}
