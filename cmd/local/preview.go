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
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) previewCommand() *cobra.Command {
	var dir, loan string
	var date reminder.Date
	cmd := &cobra.Command{
		Use:     "preview",
		Aliases: []string{"lihat"},
		Short:   p.say("preview.short"),
		Long:    p.say("preview.long"),
		Example: "  pengingat preview --out pratinjau\n  pengingat preview --date 2026-12-01\n  pengingat preview --loan 1234",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			today := cmp.Or(date, reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone))
			var messages []mail.Message
			m := p.meter("preview.composing_mails")
			if loan != "" {
				loan, err := newDesk(app).Loan(ctx, loan)
				if err != nil {
					m.stop()
					return err
				}
				one, err := newDesk(app).Sample(ctx, today, loan)
				m.stop()
				if err != nil {
					return err
				}
				messages = append(messages, one)
			} else {
				err := newDesk(app).Preview(ctx, today, func(one mail.Message) error {
					messages = append(messages, one)
					m.set(len(messages), 0)
					return nil
				})
				m.stop()
				if err != nil {
					return err
				}
			}
			shown := page.Page{Locale: p.locale, Title: p.say("preview.e_mails_for", "N", len(messages), "Today",
				letter.Day(today, p.locale)),
				Lead: p.say("preview.page_lead")}
			run := page.Run{When: letter.Day(today, p.locale)}
			if loan == "" {
				var err error
				if run.Silent, run.More, err = newDesk(app).Silent(ctx, today, desk.MaxPeople); err != nil {
					return err
				}
			}
			file, err := p.writePreview(dir, shown, run, messages)
			if err != nil {
				return reminder.NewFault(err, "preview.not_writable", "Dir", dir)
			}
			if len(messages) == 0 {
				p.print("preview.no_mails", "Today", today, "File", file)
				return nil
			}
			p.print("preview.mails_open", "N", len(messages), "File", file)
			return nil
		}),
	}
	cmd.Flags().StringVar(&dir, "out", "pratinjau", p.say("preview.folder_write"))
	cmd.Flags().TextVar(&date, "date", date, p.say("preview.date_flag"))
	cmd.Flags().StringVar(&loan, "loan", "", p.say("preview.loan_flag"))
	return cmd
}

// writePreview writes the mails and the page that shows them, in place of those of a former preview, and returns the
// page's path.
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
		if i < desk.MaxPeople {
			run.Letters = append(run.Letters, page.LetterOf(m, name))
		}
	}
	if len(messages) > desk.MaxPeople {
		run.Note = p.say("preview.first_shown", "N", desk.MaxPeople)
	}
	shown.Runs = []page.Run{run}
	file := filepath.Join(dir, "index.html")
	return file, replaceFile(file, shown.Write)
}
