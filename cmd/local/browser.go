package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) serveDesk(ctx context.Context) error {
	m, folder, err := c.deskMachine()
	if err != nil {
		return err
	}
	opened := func(url string) {
		fmt.Fprintln(c.out, url)
		if c.on("no-browser") {
			return
		}
		c.print("desk.window")
		if err := c.machine.browse(url); err != nil {
			c.print("desk.browser_failed", "Err", err)
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
	defer func() { _ = deeds.Close() }() // each line is written at once
	d := page.Desk{Machine: m, Actions: slog.New(slog.NewJSONHandler(deeds, nil))}
	return d.Serve(ctx, opened)
}

// deskMachine returns what the desk needs of this computer, and the folder of this user's own data.
func (p *program) deskMachine() (m page.Machine, folder string, err error) {
	cache, err := os.UserCacheDir() // %LocalAppData% on Windows
	if err != nil {
		return m, "", err
	}
	folder = filepath.Join(cache, "Pengingat")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return m, "", err
	}
	home, _, err := setup.Home()
	if err != nil {
		return m, "", err
	}
	named := "" // by --env
	if len(p.envFiles) > 0 {
		if named, err = filepath.Abs(p.envFiles[0]); err != nil {
			return m, "", err
		}
	}
	m = page.Machine{Now: p.machine.now, Log: p.errOut, Roots: p.machine.web, Templates: filepath.Join(home, "templates")}
	if u, err := user.Current(); err == nil {
		m.User = u.Username
	}
	name := sha256.Sum256([]byte(named)) // each library has a desk of its own
	m.Trace = filepath.Join(folder, "desk-"+hex.EncodeToString(name[:4])+".json")
	m.Seen = filepath.Join(folder, "version")
	m.Environ = func() (map[string]string, string, error) {
		environ, file, err := setup.Environ(named, p.real)
		if named != "" && err != nil {
			if _, missing := os.Stat(named); os.IsNotExist(missing) { // it will be written there
				environ, _, err = setup.Environ(os.DevNull, p.real)
				file = ""
			}
		}
		if log, lerr := setup.LogFile(); err == nil && lerr == nil && environ["LOG_FILE"] == "" {
			environ["LOG_FILE"] = log
		}
		return environ, file, err
	}
	m.Write = func(values map[string]string) error {
		_, file, err := m.Environ()
		if err != nil {
			return err
		}
		if _, err := mayWrite(file, true); err != nil || file == "" { // never write to Laravel's own file
			if file = named; file == "" || err != nil {
				file = filepath.Join(home, "pengingat.env")
			}
		}
		if _, err := mayWrite(file, true); err != nil {
			return err
		}
		if log, err := setup.LogFile(); err == nil && values["LOG_FILE"] == log { // the default
			values = maps.Clone(values)
			delete(values, "LOG_FILE")
		}
		if err := setup.ReplaceFile(file, 0o600, p.quiet(values["APP_LOCALE"]).settings(values)); err != nil {
			return reminder.NewFault(err, "desk.not_writable", "File", file)
		}
		return nil
	}
	m.Begin = adapt
	m.Migrate = func(ctx context.Context, environ map[string]string, source string) error {
		q := p.quiet("")
		q.environ, q.envErr = environ, nil
		return q.upgrade(ctx, source, "")
	}
	m.Mail = func(ctx context.Context, app *setup.App, to mail.Address) error {
		message, err := newDesk(app).Example()
		if err != nil {
			return err
		}
		message.To = to
		return p.quiet("").sendSample(ctx, app, message)
	}
	m.Findings = func(ctx context.Context) (found []check.Finding) {
		q := p.quiet("")
		q.read(named)
		q.examine(ctx, false, func(f check.Finding) { found = append(found, f) })
		return found
	}
	m.Report = func(ctx context.Context, app *setup.App, first, last reminder.Date, lang string, to io.Writer) error {
		look, err := newDesk(app).Review(ctx, first, last, reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone))
		if err != nil {
			return err
		}
		return review{look, p.quiet(lang), app.Config.AppName}.write(to)
	}
	m.Task = func(ctx context.Context, lang string) (string, bool) {
		q := p.quiet(lang)
		if q.machine.os != "windows" {
			return q.say("desk.linux_task"), false
		}
		if row, err := q.taskRow(ctx); err == nil {
			return q.say("desk.task", "Next", row[2]), true
		}
		return q.say("desk.no_task"), true
	}
	m.Install = func(context.Context) error {
		_, file, err := m.Environ()
		if err != nil {
			return err
		}
		return elevate("install", file)
	}
	return m, folder, nil
}

// quiet returns the program in a language, with its output discarded.
func (p *program) quiet(locale string) *program {
	return &program{in: bufio.NewReader(strings.NewReader("")), out: io.Discard, errOut: io.Discard, machine: p.machine,
		envFiles: p.envFiles,
		real:     p.real, environ: p.environ, envFile: p.envFile, locale: locale}
}
