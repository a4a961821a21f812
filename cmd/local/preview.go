package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) preview(ctx context.Context) error {
	today, dir := cmp.Or(c.date("date"), c.today()), c.flag("out")
	day := letter.Day(today, c.locale)
	run := page.Run{When: day}
	m := c.meter("preview.progress")
	messages, err := c.composed(ctx, today, c.flag("loan"), m)
	m.stop()
	if err == nil && c.flag("loan") == "" {
		run.Silent, run.More, err = c.Silent(ctx, today, desk.MaxPeople)
	}
	if err != nil {
		return err
	}
	file, err := c.writePreview(dir, page.Sheet{Locale: c.locale, Lead: c.say("preview.page_lead"),
		Title: c.say("preview.title", "N", len(messages), "Today", day)}, run, messages)
	switch {
	case err != nil:
		return reminder.NewFault(err, "preview.not_writable", "Dir", dir)
	case len(messages) == 0:
		c.print("preview.no_mails", "Today", today, "File", file)
	default:
		c.print("preview.written", "N", len(messages), "File", file)
	}
	return nil
}

// composed returns the mails of a day, or the mail about one loan.
func (c *call) composed(ctx context.Context, today reminder.Date, loan string, m *meter) (
	all []mail.Message, err error) {
	if loan != "" {
		one, err := c.sampleOf(ctx, today, loan)
		return []mail.Message{one}, err
	}
	err = c.Preview(ctx, today, func(one mail.Message) error {
		all = append(all, one)
		m.set(len(all), 0)
		return nil
	})
	return all, err
}

// sampleOf returns the mail that would be sent because of a loan.
func (c *call) sampleOf(ctx context.Context, today reminder.Date, loan string) (mail.Message, error) {
	id, err := c.Loan(ctx, loan)
	if err != nil {
		return mail.Message{}, err
	}
	return c.Sample(ctx, today, id)
}

// writePreview replaces an earlier preview by the mails and the page that shows them. It returns the page's path.
func (p *program) writePreview(dir string, shown page.Sheet, run page.Run, messages []mail.Message) (string, error) {
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
	return file, setup.ReplaceFile(file, 0o600, shown.Write)
}
