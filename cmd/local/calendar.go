package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) closedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "closed",
		Short: p.say("Hari-hari perpustakaan tutup", "The days on which the library is closed"),
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "add TANGGAL[..TANGGAL] [NAMA]",
		Short:   p.say("Tambahkan hari tutup", "Add closed days"),
		Example: "  pengingat closed add 2026-12-25 Natal\n  pengingat closed add 2026-12-21..2027-01-02 \"Libur semester\"",
		Args:    cobra.RangeArgs(1, 2),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, err := p.closure(args[0])
			if err != nil {
				return err
			}
			c.Name = clip(strings.Join(args[1:], " "), maxClosureName)
			if err := app.Store.AddClosure(ctx, c); err != nil {
				return err
			}
			p.printf("Tutup dari %s sampai %s.", "Closed from %s to %s.", c.First, c.Last)
			return nil
		}),
	}, p.closedImportCommand(), p.closedListCommand(), &cobra.Command{
		Use:     "remove TANGGAL[..TANGGAL]",
		Short:   p.say("Hapus hari tutup", "Remove closed days"),
		Example: "  pengingat closed remove 2026-12-25",
		Args:    cobra.ExactArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, err := p.closure(args[0])
			if err != nil {
				return err
			}
			found, err := app.Store.RemoveClosure(ctx, c)
			if err == nil && !found {
				return reminder.NewFault(nil, "Tidak ada hari tutup seperti itu; lihat 'pengingat closed list'.",
					"There is no such closure; see 'pengingat closed list'.")
			}
			return err
		}),
	})
	return cmd
}

// closure reads a day or a range of days.
func (p *program) closure(text string) (c mysql.Closure, err error) {
	first, last, isRange := strings.Cut(text, "..")
	if c.First, err = reminder.ParseDate(first); err != nil {
		return c, p.usage(err)
	}
	if c.Last = c.First; isRange {
		if c.Last, err = reminder.ParseDate(last); err != nil {
			return c, p.usage(err)
		}
	}
	if days := c.Last.Sub(c.First); days < 0 || days > maxClosureDays {
		return c, p.usagef("tanggal akhir harus dalam setahun setelah tanggal awal", "the last day must lie within a year after the first")
	}
	return c, nil
}

func (p *program) closedListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   p.say("Daftar hari tutup", "List the closed days"),
		Example: "  pengingat closed list",
		Args:    cobra.NoArgs,
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := app.Store.Closures(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list)
			}
			for _, c := range list {
				fmt.Fprintf(p.out, "%s..%s  %s\n", c.First, c.Last, c.Name)
			}
			if days := app.Runner.Settings.ClosedWeekdays; len(days) > 0 {
				p.printf("Setiap minggu: %v", "Every week: %v", days)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, p.say("cetak sebagai JSON", "print as JSON"))
	return cmd
}

func (p *program) optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "optout",
		Short: p.say("Peminjam yang tidak ingin diingatkan", "Borrowers who want no reminders"),
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "add PEMINJAM",
		Short:   p.say("Jangan ingatkan peminjam ini lagi (ID, atau alamat surelnya)", "Remind this borrower no more (id, or e-mail address)"),
		Example: "  pengingat optout add 1234\n  pengingat optout add siswa@sekolah.sch.id",
		Args:    cobra.ExactArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			id, err := p.borrower(ctx, app, args[0])
			if err != nil {
				return err
			}
			if err := app.Store.AddOptOut(ctx, id, app.Runner.Now()); err != nil {
				return err
			}
			p.printf("Peminjam %s tidak diingatkan lagi.", "Borrower %s is not reminded any more.", id)
			return nil
		}),
	}, &cobra.Command{
		Use:     "list",
		Short:   p.say("Daftar ID mereka", "List their ids"),
		Example: "  pengingat optout list",
		Args:    cobra.NoArgs,
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			out, err := app.Store.OptedOut(ctx)
			for _, id := range slices.Sorted(maps.Keys(out)) {
				fmt.Fprintln(p.out, id)
			}
			return err
		}),
	}, &cobra.Command{
		Use:     "remove PEMINJAM",
		Short:   p.say("Ingatkan peminjam ini lagi", "Remind this borrower again"),
		Example: "  pengingat optout remove 1234",
		Args:    cobra.ExactArgs(1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			id, err := p.borrower(ctx, app, args[0])
			if err != nil {
				return err
			}
			found, err := app.Store.RemoveOptOut(ctx, id)
			if err == nil && !found {
				return reminder.NewFault(nil, "Peminjam itu memang diingatkan.", "That borrower is reminded as it is.")
			}
			return err
		}),
	})
	return cmd
}

// borrower finds a borrower's id: the argument itself, unless it is an e-mail address.
func (p *program) borrower(ctx context.Context, app *setup.App, key string) (string, error) {
	addr, err := mail.ParseAddress(key)
	if err != nil {
		return key, nil
	}
	ids, err := app.Store.BorrowersAt(ctx, addr.Addr)
	if err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", reminder.NewFault(nil, fmt.Sprintf("Ada %d peminjam dengan alamat itu; sebutkan ID-nya.", len(ids)),
			fmt.Sprintf("There are %d borrowers with that address; name the id.", len(ids)))
	}
	return ids[0], nil
}
