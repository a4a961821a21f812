package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) closedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "closed",
		Aliases: []string{"libur"},
		Short:   p.say("Hari-hari perpustakaan tutup", "The days on which the library is closed"),
	}
	cmd.AddCommand(&cobra.Command{
		Use:   p.say("add TANGGAL [NAMA]", "add DATE [NAME]"),
		Short: p.say("Tambahkan hari tutup", "Add closed days"),
		Long: p.say(`Tanggal seperti 2026-12-25, 25/12/2026 (hari/bulan/tahun), atau 25 Desember 2026. Beberapa hari:
2026-12-21..2027-01-02, 21-31 Desember 2026, atau 21 Desember 2026 s.d. 2 Januari 2027. Yang
ditulis di belakangnya adalah nama liburnya.`,
			`A date such as 2026-12-25, 25/12/2026 (day/month/year), or 25 December 2026. Several days:
2026-12-21..2027-01-02, 21-31 December 2026, or 21 December 2026 to 2 January 2027. What is
written behind it is the name of the closure.`),
		Example: "  pengingat closed add 25 Desember 2026 Natal\n  pengingat closed add 2026-12-21..2027-01-02 \"Libur semester\"",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, name, err := p.closure(args)
			if err != nil {
				return err
			}
			c.Name = clip(strings.Join(name, " "), maxClosureName)
			if err := app.Store.AddClosure(ctx, c); err != nil {
				return err
			}
			p.printf("Tutup: %s.", "Closed: %s.", p.days(c))
			return nil
		}),
	}, p.closedImportCommand(), p.closedListCommand(), &cobra.Command{
		Use:     p.say("remove TANGGAL", "remove DATE"),
		Short:   p.say("Hapus hari tutup", "Remove closed days"),
		Example: "  pengingat closed remove 2026-12-25",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			c, rest, err := p.closure(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return p.usagef("sebutkan tanggalnya saja", "name the date alone")
			}
			found, err := app.Store.RemoveClosure(ctx, c)
			switch {
			case err != nil:
				return err
			case !found:
				return p.absent("Tidak ada hari tutup %s; lihat 'pengingat closed list'.", "There is no closure %s; see 'pengingat closed list'.", strings.Join(args, " "))
			}
			p.printf("Hari tutup dihapus: %s.", "Closure removed: %s.", p.days(c))
			return nil
		}),
	})
	return cmd
}

// closure reads a day or a range of days, and returns what stands behind it.
func (p *program) closure(args []string) (c mysql.Closure, rest []string, err error) {
	words := strings.Fields(strings.Join(args, " "))
	s, rest, ok := leadingSpan(words)
	if !ok {
		return c, nil, p.usagef("%q bukan tanggal seperti 2026-12-25, 25/12/2026, 25 Desember 2026, atau 21-31 Desember 2026 (paling lama setahun)",
			"%q is no date such as 2026-12-25, 25/12/2026, 25 December 2026 or 21-31 December 2026 (a year at most)", strings.Join(words, " "))
	}
	return mysql.Closure{First: s.first, Last: s.last}, rest, nil
}

// days are those of a closure, in words.
func (p *program) days(c mysql.Closure) string {
	if c.First == c.Last {
		return c.First.String()
	}
	return p.sayf("%s sampai %s", "%s to %s", c.First, c.Last)
}

func (p *program) closedListCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   p.say("Daftar hari tutup", "List the closed days"),
		Example: "  pengingat closed list",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			list, err := app.Store.Closures(ctx)
			switch {
			case err != nil:
				return err
			case p.asJSON:
				return p.printJSON(list)
			case len(list) == 0:
				p.printf("Tidak ada tanggal tutup.", "There are no closed dates.")
			}
			for _, c := range list {
				fmt.Fprintln(p.out, wrap(fmt.Sprintf("%s..%s %s", c.First, c.Last, plain(c.Name)), 23))
			}
			if days := app.Runner.Settings.ClosedWeekdays; len(days) > 0 {
				p.printf("Setiap minggu: %s", "Every week: %s", letter.Weekdays(days, p.locale))
			}
			return nil
		}),
	})
}

func (p *program) optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "optout",
		Short: p.say("Peminjam yang tidak ingin diingatkan", "Borrowers who want no reminders"),
	}
	cmd.AddCommand(&cobra.Command{
		Use:     p.say("add PEMINJAM", "add BORROWER"),
		Short:   p.say("Jangan ingatkan peminjam ini lagi (ID, nama atau alamat utuh)", "Remind this borrower no more (whole id, name or address)"),
		Example: "  pengingat optout add 1234\n  pengingat optout add siswa@sekolah.sch.id",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			b, err := p.borrower(ctx, app, strings.Join(args, " "))
			if err != nil {
				return err
			}
			if err := app.Store.AddOptOut(ctx, b.ID, app.Runner.Now()); err != nil {
				return err
			}
			p.printf("%s tidak diingatkan lagi.", "%s is not reminded any more.", p.whom(b))
			return nil
		}),
	}, p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   p.say("Daftar mereka", "List them"),
		Example: "  pengingat optout list",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			out, err := app.Store.OptedOut(ctx)
			if err != nil {
				return err
			}
			ids := slices.Sorted(maps.Keys(out))
			of, err := app.Store.LoansOf(ctx, ids)
			if err != nil {
				return err
			}
			list := []reminder.Borrower{}
			for _, id := range ids {
				b := of[id].Borrower
				b.ID = id
				list = append(list, b)
			}
			if p.asJSON {
				return p.printJSON(list)
			}
			for _, b := range list {
				if _, has := of[b.ID]; has {
					fmt.Fprintln(p.out, p.whom(b))
				} else {
					p.printf("ID %s (tidak punya pinjaman terbuka)", "ID %s (has no open loan)", b.ID)
				}
			}
			if len(list) == 0 {
				p.printf("Tidak ada.", "None.")
			}
			return nil
		}),
	}), &cobra.Command{
		Use:     p.say("remove PEMINJAM", "remove BORROWER"),
		Short:   p.say("Ingatkan peminjam ini lagi", "Remind this borrower again"),
		Example: "  pengingat optout remove 1234",
		Args:    p.args(1, -1),
		RunE: p.withApp(func(ctx context.Context, app *setup.App, args []string) error {
			b, err := p.borrower(ctx, app, strings.Join(args, " "))
			if err != nil {
				return err
			}
			found, err := app.Store.RemoveOptOut(ctx, b.ID)
			switch {
			case err != nil:
				return err
			case !found:
				return p.absent("%s memang diingatkan; tidak ada yang diubah.", "%s is reminded as it is; nothing was changed.", p.whom(b))
			}
			p.printf("%s diingatkan lagi.", "%s is reminded again.", p.whom(b))
			return nil
		}),
	})
	return cmd
}
