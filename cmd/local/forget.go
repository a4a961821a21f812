package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// What a borrower may ask for: a copy of what is kept of them, and that it is erased.

func (p *program) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:     p.say("forget.export_borrower"),
		Aliases: []string{"salinan"},
		Short:   p.say("forget.export_short"),
		Long:    p.say("forget.export_long"),
		Example: "  pengingat export 1234\n  pengingat export siswa@sekolah.sch.id > siswa.json",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			b, err := newDesk(app).Borrower(ctx, strings.Join(args, " "))
			if err != nil {
				return err
			}
			dossier, err := newDesk(app).Dossier(ctx, b.ID)
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
}

func (p *program) forgetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     p.say("forget.forget_borrower"),
		Aliases: []string{"lupakan"},
		Short:   p.say("forget.forget_short"),
		Long:    p.say("forget.forget_long"),
		Example: "  pengingat forget 1234\n  pengingat forget siswa@sekolah.sch.id --yes",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			d := newDesk(app)
			b, err := d.Borrower(ctx, strings.Join(args, " "))
			if err != nil {
				return err
			}
			dossier, err := d.Dossier(ctx, b.ID)
			if err != nil {
				return err
			}
			kept := dossier.Kept
			p.print("forget.on_record", "Whom", p.whom(b), "N", len(kept.Emails), "Notices", len(kept.Notices), "Bounces",
				len(kept.Bounces), "BadAddress", kept.BadAddress != nil, "OptedOut", !kept.OptedOut.IsZero())
			if kept.Empty() {
				p.print("forget.nothing")
			} else {
				if !yes {
					agreed, asked := p.agrees()
					switch {
					case !asked:
						return p.usage("forget.add_yes")
					case !agreed:
						p.print("quarantine.nothing_was_changed")
						return nil
					}
				}
				if err := app.Store.Forget(ctx, b.ID); err != nil {
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
	cmd.Flags().BoolVar(&yes, "yes", false, p.say("quarantine.do_not_ask"))
	return cmd
}
