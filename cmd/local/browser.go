package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) deskCommand() *cobra.Command {
	var noBrowser bool
	cmd := &cobra.Command{
		Use:     "desk",
		Aliases: []string{"meja"},
		Short:   p.say("desk.short"),
		Long:    p.say("desk.long"),
		Example: "  pengingat desk\n  pengingat desk --no-browser",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, folder, err := p.deskMachine()
			if err != nil {
				return err
			}
			opened := func(url string) {
				fmt.Fprintln(p.out, url)
				if noBrowser {
					return
				}
				if err := p.machine.browse(url); err != nil {
					p.print("desk.no_browser_opened", "Err", err)
				}
			}
			if url := page.Running(m.Trace); url != "" { // somebody clicked twice
				opened(url)
				return nil
			}
			deeds, err := os.OpenFile(filepath.Join(folder, "desk.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer deeds.Close()
			d := page.Desk{Machine: m, Deeds: slog.New(slog.NewJSONHandler(deeds, nil))}
			return d.Serve(cmd.Context(), opened)
		},
	}
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, p.say("desk.no_browser"))
	return cmd
}

// deskMachine is what the desk asks of this computer, and the folder of this user's own data.
func (p *program) deskMachine() (m page.Machine, folder string, err error) {
	cache, err := os.UserCacheDir() // %LocalAppData% on Windows
	if err != nil {
		return m, "", err
	}
	folder = filepath.Join(cache, "Pengingat")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return m, "", err
	}
	who := ""
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	file := ""
	if len(p.envFiles) > 0 {
		if file, err = filepath.Abs(p.envFiles[0]); err != nil {
			return m, "", err
		}
	}
	name := sha256.Sum256([]byte(file)) // each library has a desk of its own
	return page.Machine{
		Now: p.machine.now, User: who, Trace: filepath.Join(folder, "desk-"+hex.EncodeToString(name[:4])+".json"), Log: p.errOut,
		Environ: func() (map[string]string, string, error) {
			environ, file, err := setup.Environ(file, p.real)
			if log, lerr := setup.LogFile(); err == nil && lerr == nil && environ["LOG_FILE"] == "" {
				environ["LOG_FILE"] = log
			}
			return environ, file, err
		},
		Notes: func(ctx context.Context, app *setup.App, lang string) ([]page.Note, error) {
			q := *p
			q.locale = lang
			st, err := q.standing(ctx, app)
			var notes []page.Note
			for _, n := range st.Notes {
				notes = append(notes, page.Note{Level: "warn", What: n.What, Why: n.Why, Mend: n.Mend})
			}
			return notes, err
		},
	}, folder, nil
}
