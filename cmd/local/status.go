package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   p.say("status.show_how_things_stand_what"),
		Long:    p.say("status.shows_what_there_know_and"),
		Example: "  pengingat status\n  pengingat status --json",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			st, err := p.standing(ctx, app)
			if err != nil {
				return err
			}
			if p.asJSON {
				return p.printJSON(st)
			}
			who, err := p.troubled(ctx, app, maxTroubles)
			if err != nil {
				return err
			}
			p.printStatus(st, who, app.Runner.Settings)
			return nil
		}),
	}
	return p.jsonFlag(cmd)
}

// A standing is how everything stands at one moment.
type standing struct {
	mysql.Status
	Contacts contactSurvey   `json:"contacts"`
	Window   sendWindow      `json:"next_window"`
	Next     reminder.Report `json:"next_run"` // a dry run's, whatever the hour
	Notes    []note          `json:"notes"`

	newest time.Time // when the newest run started, by the clock of then
}

// A sendWindow is when mail may be sent next; zero when never.
type sendWindow struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// A note tells a person what they would not find out by themselves.
type note struct {
	Code string `json:"code"`
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend,omitempty"`
}

// standing reads how everything stands. It writes nothing.
func (p *program) standing(ctx context.Context, app *setup.App) (st standing, err error) {
	now, s := app.Runner.Now(), app.Runner.Settings
	if st.Status, err = app.Store.Status(ctx, now, 5); err != nil {
		return st, err
	}
	if st.newest, err = app.Store.LastWorked(ctx); err != nil {
		return st, err
	}
	if st.Contacts, err = contacts(ctx, app.Store); err != nil {
		return st, err
	}
	rules, err := app.Runner.Rules(ctx, reminder.DateOf(now, s.Zone))
	if err != nil {
		return st, err
	}
	st.Window.From, st.Window.To = s.Window.Next(now, rules.Calendar, s.Zone)
	if st.Next, err = quietly(app.Runner).Run(ctx, reminder.Options{Trigger: "local", DryRun: true, Now: true}); err != nil {
		return st, err
	}
	st.Notes = p.notes(st, app, now)
	return st, nil
}

// offFor is after how long without a run something must be wrong: the task starts one every hour.
const offFor = 26 * time.Hour

// notes says what is unusual, the most important first. The guide quotes these texts.
func (p *program) notes(st standing, app *setup.App, now time.Time) []note {
	list := []note{}
	add := func(code, what, why, mend string) { list = append(list, note{code, what, why, mend}) }
	s := app.Runner.Settings
	moment := func(t time.Time) string { return t.In(s.Zone).Format(dayAndTime) }
	switch {
	case len(st.Runs) == 0:
		add("never_ran", p.say("status.there_has_been_no_run"),
			p.say("status.program_was_not_run_so"),
			p.say("status.run_dry_run_counts_run"))
	case st.newest.After(now.Add(5 * time.Minute)):
		add("clock_back", p.say("status.clock_went_back_last_run",
			"Newest", moment(st.newest), "Now", moment(now)),
			p.say("status.with_wrong_date_reminders_come"),
			p.say("status.set_computers_date_and_time"))
	case now.Sub(st.Runs[0].StartedAt) > offFor:
		add("off", p.say("status.there_has_been_no_run_2", "N", int(now.Sub(st.Runs[0].StartedAt).Hours()/24), "StartedAt", moment(st.Runs[0].StartedAt)),
			p.say("status.computer_was_off_or_asleep"),
			p.say("status.doctor_checks_scheduled_task_run"))
	case st.Runs[0].FinishedAt.IsZero() && now.Sub(st.Runs[0].StartedAt) > s.Lease:
		add("unfinished", p.say("status.last_run_did_not_finish", "StartedAt", moment(st.Runs[0].StartedAt)),
			p.say("status.power_cut_shutdown_or_program"), "pengingat run")
	case st.Runs[0].Report.Outcome == reminder.RunStopped:
		add("stopped", p.say("status.last_run_stopped", "Reason", p.reason(st.Runs[0].Report.Reason)),
			p.say("status.what_was_not_sent_waits"), "pengingat doctor")
	}
	switch {
	case st.Next.Reason == reminder.ReasonLooksRestored:
		add("looks_restored", p.say("status.held_database_looks_restored_from"),
			p.say("status.record_reminders_older_than_it"),
			p.say("status.quarantine_before_if_database", "Today", st.Next.Today))
	case st.Next.Reason == reminder.ReasonLooksCopied:
		add("looks_copied", p.say("status.held_looks_like_copy"), p.say("status.server_or_name_not_on_record"), p.say("status.if_database_moved"))
	case st.Next.Outcome == reminder.RunHeld:
		add("held", p.say("status.held_emails_planned_more_than", "N", st.Next.Planned.Emails, "MaxPerRun", s.MaxPerRun),
			p.say("status.that_many_mistake_more_often"),
			p.say("status.check_with_preview_then_run"))
	}
	for _, pause := range st.Pauses {
		if st.Next.Outcome != reminder.RunPaused || st.Next.Reason != string(pause.Kind) {
			continue // over
		}
		until := p.say("status.until_it_lifted")
		if !pause.Until.IsZero() {
			until = p.say("status.until") + moment(pause.Until)
		}
		why, mend := p.pauseText(pause.Kind)
		if word := knownRefusal(pause.Reason); word.Key != "" {
			mend = p.text(word)
		}
		add("paused", p.say("status.paused", "Until", until, "Reason", cmp.Or(p.reason(pause.Reason), p.reason(string(pause.Kind)))), why, mend)
	}
	if q := st.Quarantine; q != nil && q.Notices > 0 {
		add("quarantine", p.say("status.quarantine_reminders_before_skipped",
			"N", q.Notices, "Before", q.Before, "At", moment(q.At)),
			p.say("status.after_backup_was_restored_what"),
			p.say("status.nothing_if_it_was_mistake"))
	}
	if st.Emails[reminder.StateUnknown] > 0 {
		add("unknown", p.say("status.mails_unknown_outcome_they_may", "N", st.Emails[reminder.StateUnknown]),
			p.say("status.connection_broke_just_when_server"), "pengingat failed")
	}
	if n := st.Emails[reminder.StateFailed] + st.Emails[reminder.StateRefused]; n > 0 {
		add("failed", p.say("status.mails_failed_or_were_refused", "N", n),
			p.say("status.their_borrowers_were_not_told"), "pengingat failed")
	}
	if fault := app.LogFault(); fault != nil {
		what, _ := p.trouble(fault)
		add("log", what, p.say("status.runs_go_on_and_on"),
			p.say("status.look_at")+app.Config.LogFile)
	}
	return list
}

// pauseText says of a kind of pause what it means and what ends it.
func (p *program) pauseText(kind mail.PauseKind) (why, mend string) {
	switch kind {
	case reminder.PauseByPerson:
		return p.say("status.somebody_paused_sending_after"), "pengingat resume"
	case mail.PauseCredentials:
		return p.say("status.mail_server_refused_login_pause"),
			p.say("status.mend_mail_username_and_mail")
	case mail.PauseSender:
		return p.say("status.mail_server_does_not_allow"),
			p.say("status.make_mail_from_address_accounts")
	case mail.PauseQuota:
		return p.say("status.mail_accounts_limit_reached_pause"),
			p.say("status.wait_if_it_happens_often")
	}
	return p.say("status.mail_server_does_not_answer"),
		p.say("status.check_connection_with_doctor_resume")
}

// maxTroubles is how many mails that ended badly status names; failed has them all.
const maxTroubles = 5

func (p *program) printStatus(st standing, who []trouble, s reminder.Settings) {
	for _, n := range st.Notes {
		fmt.Fprintf(p.out, "! %s\n  %s\n  => %s\n\n", wrap(n.What, 2), wrap(n.Why, 2), wrap(n.Mend, 5))
	}
	for _, t := range who {
		p.print("status.id_word", "N", t.ID, "Whose", t.Whose, "State", p.state(t.State))
	}
	if len(who) > 0 {
		fmt.Fprintln(p.out)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(what string, value any) { fmt.Fprintf(w, "%s\t%v\n", what, value) }
	row(p.say("status.waiting"), st.Emails[reminder.StateQueued]+st.Emails[reminder.StateClaimed]+st.Emails[reminder.StateHandover])
	if oldest, err := time.Parse(time.RFC3339, st.OldestWaiting); err == nil {
		row(p.say("status.oldest_since"), oldest.In(s.Zone).Format(dayAndTime))
	}
	for _, state := range []reminder.State{reminder.StateSent, reminder.StateFailed, reminder.StateUnknown, reminder.StateRefused, reminder.StateCanceled, reminder.StateExpired} {
		row(p.text(stateTexts[state]), st.Emails[state])
	}
	row(p.say("status.borrowers_without_usable_mail"), p.say("status.of", "Part", st.Contacts.Unreachable, "All", st.Contacts.Borrowers))
	switch from, to := st.Window.From.In(s.Zone), st.Window.To.In(s.Zone); {
	case st.Window.From.IsZero():
		row(p.say("status.mail_may_be_sent"), p.say("status.never_closed_on_every_day"))
	case !st.Window.From.After(st.Next.StartedAt):
		row(p.say("status.mail_may_be_sent"), p.say("status.now_until", "To", to.Format("15:04")))
	default:
		row(p.say("status.mail_may_be_sent"), p.say("status.from_until", "From", from.Format(dayAndTime), "To", to.Format("15:04")))
	}
	switch st.Next.Outcome {
	case reminder.RunHeld, reminder.RunPaused:
		row(p.say("status.next_run"), p.say("status.sends_nothing_see_above"))
	default:
		row(p.say("status.next_run"), p.say("status.new_mails_that_wait", "New", st.Next.Planned.Emails, "Waiting", st.Next.Emails.Waiting))
		if s.DailyLimit > 0 {
			row(p.say("status.at_most"), p.say("status.mails_in_24_hours_mail", "Limit", s.DailyLimit))
		}
	}
	if len(st.Runs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\n", p.say("status.last_runs"), p.say("status.outcome"), p.say("status.sent"), p.say("status.reason"))
	for _, r := range st.Runs {
		outcome, sent := p.text(outcomeTexts[r.Report.Outcome]), fmt.Sprint(r.Report.Emails.Sent)
		if r.FinishedAt.IsZero() { // it is at work, or died: how much it sent is not on record
			outcome, sent = p.say("status.not_finished"), "?"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.StartedAt.In(s.Zone).Format(dayAndTime), outcome, sent,
			cmp.Or(clip(p.reason(r.Report.Reason), 34), "-"))
	}
}

// stateTexts names the states of an email, outcomeTexts the outcomes of a run.
var (
	stateTexts = map[reminder.State]reminder.Message{
		reminder.StateSent:     reminder.Say("status.sent_2"),
		reminder.StateFailed:   reminder.Say("status.failed"),
		reminder.StateUnknown:  reminder.Say("status.unknown_may_have_been_sent"),
		reminder.StateRefused:  reminder.Say("status.refused"),
		reminder.StateCanceled: reminder.Say("status.canceled"),
		reminder.StateExpired:  reminder.Say("status.expired"),
		reminder.StateQueued:   reminder.Say("status.waiting"),
		reminder.StateClaimed:  reminder.Say("status.being_prepared"),
		reminder.StateHandover: reminder.Say("status.being_handed_over"),
	}
	outcomeTexts = map[reminder.RunOutcome]reminder.Message{
		reminder.RunDone: reminder.Say("status.done"), reminder.RunHeld: reminder.Say("status.held"), reminder.RunPaused: reminder.Say("status.paused_2"),
		reminder.RunClosed: reminder.Say("status.closed"), reminder.RunStopped: reminder.Say("status.stopped"), reminder.RunPartial: reminder.Say("status.partial"),
	}
)

// state names a state in the user's language.
func (p *program) state(s reminder.State) string {
	return strings.ToLower(p.text(stateTexts[s]))
}

// reason says a recorded reason in the user's language, without what lies behind it.
func (p *program) reason(recorded string) string {
	said, _ := text.In(p.locale).Reason(recorded)
	return said
}

// clip cuts a text so that a table fits a terminal.
func clip(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
