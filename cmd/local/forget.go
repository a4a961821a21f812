package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// What a borrower may ask for: a copy of what is kept of them, and that it is erased.

func (p *program) exportCommand() *cobra.Command {
	guardian := false
	cmd := &cobra.Command{
		Use:     p.say("forget.export_borrower"),
		Aliases: []string{"salinan"},
		Short:   p.say("forget.export_short"),
		Long:    p.say("forget.export_long"),
		Example: "  pengingat export 1234\n  pengingat export siswa@sekolah.sch.id > siswa.json",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			id, _, err := p.person(ctx, app, strings.Join(args, " "), guardian)
			if err != nil {
				return err
			}
			dossier, err := newDesk(app).Dossier(ctx, id)
			if err != nil {
				return err
			}
			for _, part := range dossier.About {
				dossier.Words[part.Name] = p.text(part.What)
			}
			out := json.NewEncoder(p.out)
			out.SetIndent("", "  ")
			return out.Encode(dossier)
		}),
	}
	cmd.Flags().BoolVar(&guardian, "guardian", false, p.say("closed.guardian_flag"))
	return cmd
}

// person finds a borrower or, by the address, a guardian: by what they are known, and how they are called.
func (p *program) person(ctx context.Context, app *setup.App, key string, guardian bool) (id, whom string, err error) {
	if !guardian {
		b, err := newDesk(app).Borrower(ctx, key)
		return b.ID, p.whom(b), err
	}
	addr, err := mail.ParseAddress(key)
	if err != nil {
		return "", "", p.usage("class.bad_address", "Address", key)
	}
	return reminder.GuardianID(addr.Addr), p.say("closed.guardian", "Address", addr.Addr), nil
}

func (p *program) forgetCommand() *cobra.Command {
	var yes, guardian bool
	cmd := &cobra.Command{
		Use:     p.say("forget.forget_borrower"),
		Aliases: []string{"lupakan"},
		Short:   p.say("forget.forget_short"),
		Long:    p.say("forget.forget_long"),
		Example: "  pengingat forget 1234\n  pengingat forget siswa@sekolah.sch.id --yes",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			id, whom, err := p.person(ctx, app, strings.Join(args, " "), guardian)
			if err != nil {
				return err
			}
			dossier, err := newDesk(app).Dossier(ctx, id)
			if err != nil {
				return err
			}
			kept := dossier.Kept
			if !kept.Empty() && !yes && !p.machine.answers(p.in) {
				return p.usage("forget.add_yes")
			}
			p.print("forget.on_record", "Whom", whom, "N", len(kept.Emails), "Notices", len(kept.Notices), "Bounces",
				len(kept.Bounces), "BadAddress", kept.BadAddress != nil, "OptedOut", !kept.OptedOut.IsZero())
			if kept.Empty() {
				p.print("forget.nothing")
			} else {
				if !yes {
					if agreed, _ := p.agrees(); !agreed {
						p.print("quarantine.nothing_was_changed")
						return nil
					}
				}
				if err := app.Store.Forget(ctx, id); err != nil {
					return err
				}
				p.print("forget.forgotten")
			}
			if n := len(dossier.Library); n > 0 {
				p.print("forget.library_holds", "N", n)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&guardian, "guardian", false, p.say("closed.guardian_flag"))
	cmd.Flags().BoolVar(&yes, "yes", false, p.say("quarantine.do_not_ask"))
	return cmd
}
