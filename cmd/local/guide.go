package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/docs/panduan"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The commands that print or copy parts of the program: the guides, the database rights, the templates.

func (c *call) guide(context.Context) error {
	file := c.flag("out")
	if file == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		file = filepath.Join(cache, "Pengingat", "panduan.html")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
	}
	var page bytes.Buffer
	if err := panduan.Write(&page); err != nil {
		return err
	}
	if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
		return reminder.NewFault(err, "guide.not_writable", "File", file)
	}
	c.print("guide.written", "File", file)
	if c.flag("out") == "" {
		c.show(file)
	}
	return nil
}

// show opens a file in the browser.
func (c *call) show(file string) {
	if err := c.machine.browse(file); err != nil {
		c.print("report.browser_failed", "Err", err)
	}
}

func (c *call) templatesExport(context.Context) error {
	if err := letter.Export(c.args[0]); err != nil {
		return reminder.NewFault(err, "templates.not_copied")
	}
	return c.done(nil, "templates.copied", "Folder", c.args[0])
}

func (c *call) grants(context.Context) error {
	cfg, err := c.config(setup.LoadDatabase)
	if err != nil {
		return err
	}
	statements := deploy.GrantsFor(cfg.DBDatabase, cfg.DBLocal())
	if c.on("create-password") {
		password := newPassword()
		first, rest, _ := strings.Cut(strings.Replace(statements, "ganti-kata-sandi-ini", password, 1), "\n")
		// CREATE USER IF NOT EXISTS does not change the password of a user who exists.
		again := strings.Replace(first, "CREATE USER IF NOT EXISTS", "ALTER USER", 1)
		statements = fmt.Sprintf("%s\n%s\n%s\n-- %s\n-- DB_USERNAME=pengingat\n-- DB_PASSWORD=%s\n", first, again, rest,
			c.say("grants.in_settings"), password)
	}
	_, err = fmt.Fprint(c.out, statements)
	return err
}

// newPassword makes a password that needs no quotes in a settings file and satisfies a server's rules about kinds of
// characters.
func newPassword() string {
	text := rand.Text()
	return strings.ToLower(text[:8]) + "-" + text[8:20] + "7"
}
