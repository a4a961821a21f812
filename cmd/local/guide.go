package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/docs/panduan"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) guideCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "guide",
		Aliases: []string{"panduan"},
		Short:   p.say("guide.open"),
		Example: "  pengingat guide\n  pengingat guide --out panduan.html",
		RunE: func(*cobra.Command, []string) error {
			file := out
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
				return reminder.NewFault(err, "guide.cannot_be_written", "File", file)
			}
			p.print("guide.is_at", "File", file)
			if out != "" {
				return nil
			}
			if err := p.machine.browse(file); err != nil {
				p.print("report.no_browser", "Err", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", p.say("guide.out"))
	return cmd
}

func (p *program) grantsCommand() *cobra.Command {
	var create bool
	cmd := &cobra.Command{
		Use:     "grants",
		Short:   p.say("grants.print_sql"),
		Long:    p.say("grants.for_your_database"),
		Example: "  pengingat grants --print --create-password > grants.sql",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := p.config(setup.LoadDatabase)
			if err != nil {
				return err
			}
			statements := deploy.GrantsFor(cfg.DBDatabase, cfg.DBLocal())
			if create {
				password := newPassword()
				first, rest, _ := strings.Cut(strings.Replace(statements, "ganti-kata-sandi-ini", password, 1), "\n")
				// CREATE USER IF NOT EXISTS leaves the password of a user who is there.
				statements = first + "\n" + strings.Replace(first, "CREATE USER IF NOT EXISTS", "ALTER USER", 1) + "\n" + rest
				statements += "\n-- " + p.say("grants.in_settings") + "\n-- DB_USERNAME=pengingat\n-- DB_PASSWORD=" + password +
					"\n"
			}
			_, err = fmt.Fprint(p.out, statements)
			return err
		},
	}
	cmd.Flags().Bool("print", false, p.say("grants.print"))
	cmd.Flags().BoolVar(&create, "create-password", false, p.say("grants.create_password"))
	return cmd
}

// newPassword makes a password that a settings file holds without quotes, and that servers' rules about kinds of
// characters accept.
func newPassword() string {
	text := rand.Text()
	return strings.ToLower(text[:8]) + "-" + text[8:20] + "7"
}
