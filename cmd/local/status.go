package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: p.say("Tampilkan keadaan: apa yang terkirim, menunggu, gagal", "Show how things stand: what was sent, waits, failed"),
		Args:  cobra.NoArgs,
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			st, err := app.Store.Status(ctx, 5)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(p.out).Encode(st)
			}
			p.printStatus(st, app.Runner.Settings)
			if fault := app.LogFault(); fault != nil {
				fmt.Fprintln(p.out, "\n"+reminder.Localize(fault, p.locale))
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, p.say("cetak sebagai JSON", "print as JSON"))
	return cmd
}

func (p *program) printStatus(st mysql.Status, s reminder.Settings) {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	waiting := st.Emails[reminder.Queued] + st.Emails[reminder.Claimed] + st.Emails[reminder.Handover]
	fmt.Fprintf(w, "%s\t%d\n", p.say("Menunggu", "Waiting"), waiting)
	if st.OldestWaiting != "" {
		fmt.Fprintf(w, "%s\t%s\n", p.say("  sejak", "  since"), st.OldestWaiting)
	}
	for _, row := range []struct {
		state reminder.State
		text  reminder.Text
	}{
		{reminder.Sent, reminder.Text{ID: "Terkirim", EN: "Sent"}},
		{reminder.Failed, reminder.Text{ID: "Gagal", EN: "Failed"}},
		{reminder.Unknown, reminder.Text{ID: "Tidak pasti (mungkin terkirim)", EN: "Unknown (may have been sent)"}},
		{reminder.Refused, reminder.Text{ID: "Ditolak", EN: "Refused"}},
		{reminder.Canceled, reminder.Text{ID: "Dibatalkan", EN: "Canceled"}},
		{reminder.Expired, reminder.Text{ID: "Kedaluwarsa", EN: "Expired"}},
	} {
		fmt.Fprintf(w, "%s\t%d\n", row.text.In(p.locale), st.Emails[row.state])
	}
	fmt.Fprintf(w, "%s\t%d\n", p.say("Alamat surel yang ditolak", "Addresses refused"), st.BadAddresses)
	for _, pause := range st.Pauses {
		until := p.say("sampai dicabut", "until it is lifted")
		if !pause.Until.IsZero() {
			until = p.say("sampai ", "until ") + pause.Until.In(s.Zone).Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "%s\t%s, %s: %s\n", p.say("Jeda", "Pause"), pause.Kind, until, pause.Reason)
	}
	fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\n", p.say("Terakhir dijalankan", "Last runs"), p.say("hasil", "outcome"),
		p.say("terkirim", "sent"), p.say("keterangan", "reason"))
	for _, r := range st.Runs {
		outcome := string(r.Report.Outcome)
		if r.FinishedAt.IsZero() {
			outcome = p.say("tidak selesai", "did not finish")
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", r.StartedAt.In(s.Zone).Format("2006-01-02 15:04:05"), outcome, r.Report.Emails.Sent, r.Report.Reason)
	}
}
