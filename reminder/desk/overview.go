package desk

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// An Overview is the state of everything at one moment.
type Overview struct {
	deskdb.Status
	Contacts staff.Contacts  `json:"contacts"`
	Window   Window          `json:"next_window"`
	Next     reminder.Report `json:"next_run"` // a dry run's, whatever the hour

	newest time.Time // start of the newest run, by the clock of that time
	now    time.Time
	rules  reminder.Rules
}

// A Window is when mail may be sent next. The zero Window means never.
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// A Note tells a person something that is otherwise hard to notice. Programs know it by its Code.
type Note struct {
	Code            string
	What, Why, Mend reminder.Message
}

// Overview reads the state of everything. It writes nothing.
func (d Desk) Overview(ctx context.Context) (Overview, error) {
	st, err := d.Glance(ctx)
	if err != nil {
		return st, err
	}
	if d, err = d.Read(ctx); err != nil {
		return st, err
	}
	today := reminder.DateOf(st.now, d.Runner.Settings.Zone)
	survey, err := staff.ReadSurvey(ctx, d.Runner.Loans, d.Store.Store, st.rules, today, 0)
	if err != nil {
		return st, err
	}
	st.Contacts = survey.Contacts
	st.Next, err = d.Next(ctx)
	return st, err
}

// Next returns what the next run would do if it were allowed to send now.
func (d Desk) Next(ctx context.Context) (reminder.Report, error) {
	d, err := d.Read(ctx)
	if err != nil {
		return reminder.Report{}, err
	}
	return d.quiet().Run(ctx, reminder.Options{Trigger: "local", DryRun: true, Now: true})
}

// Glance is Overview without Contacts and Next, which take a while with many loans.
func (d Desk) Glance(ctx context.Context) (st Overview, err error) {
	s := d.Runner.Settings
	st.now = d.Runner.Now()
	if err := d.Store.Check(ctx); err != nil {
		return st, err
	}
	if st.Status, err = d.Store.Status(ctx, st.now, 5); err != nil {
		return st, err
	}
	if st.newest, err = d.Store.LastWorked(ctx); err != nil {
		return st, err
	}
	st.rules, err = d.Runner.Rules(ctx, reminder.DateOf(st.now, s.Zone))
	st.Window.From, st.Window.To = s.Window.Next(st.now, st.rules.Calendar, s.Zone)
	return st, err
}

// TimeFormat is how the desk writes a moment.
const TimeFormat = "2006-01-02 15:04"

// offFor is how long there may be no run. The task starts one every hour, so after this time something is wrong.
const offFor = 26 * time.Hour

// Notes returns what is unusual, the most important first. The guide quotes these texts.
func (d Desk) Notes(st Overview) []Note {
	list := []Note{}
	add := func(code string, what reminder.Message, why, mend string, pairs ...any) {
		list = append(list, Note{code, what, reminder.Say(why, pairs...), reminder.Say(mend, pairs...)})
	}
	s, say := d.Runner.Settings, reminder.Say
	moment := func(t time.Time) string { return t.In(s.Zone).Format(TimeFormat) }
	switch {
	case len(st.Runs) == 0:
		add("never_ran", say("status.never_ran"), "status.never_ran_why", "status.never_ran_mend")
	case st.newest.After(st.now.Add(5 * time.Minute)):
		add("clock_back", say("status.clock_back", "Newest", moment(st.newest), "Now", moment(st.now)),
			"status.clock_back_why", "status.clock_back_mend")
	case st.now.Sub(st.Runs[0].StartedAt) > offFor:
		days := int(st.now.Sub(st.Runs[0].StartedAt).Hours() / 24)
		add("off", say("status.off", "N", days, "StartedAt", moment(st.Runs[0].StartedAt)),
			"status.off_why", "status.off_mend")
	case st.Runs[0].FinishedAt.IsZero() && st.now.Sub(st.Runs[0].StartedAt) > s.Lease:
		add("unfinished", say("status.unfinished", "StartedAt", moment(st.Runs[0].StartedAt)),
			"status.unfinished_why", "command.run")
	case st.Runs[0].Report.Outcome == reminder.RunStopped:
		add("stopped", say("status.stopped", "Reason", reminder.Verdict(st.Runs[0].Report.Reason)),
			"status.stopped_why", "command.doctor")
	}
	if what, why, mend, held := d.Held(st.Next); held {
		list = append(list, Note{heldCode(st.Next), what, why, mend})
	}
	if i := slices.IndexFunc(st.Runs, func(r deskdb.Run) bool {
		return r.Report.Feedback != nil && r.Report.Feedback.Found > 0
	}); i >= 0 {
		what := "status.found"
		if st.Runs[i].Report.Outcome == reminder.RunHeld {
			what = "status.found_held"
		}
		add("found", say(what, "N", st.Runs[i].Report.Feedback.Found), "status.found_why", "status.found_mend")
	}
	for _, pause := range st.Pauses {
		if st.Next.Outcome != reminder.RunPaused || st.Next.Reason != string(pause.Kind) {
			continue // over
		}
		until := say("status.until_resumed")
		if !pause.Until.IsZero() {
			until = say("status.until", "Moment", moment(pause.Until))
		}
		why, mend := pauseTexts(pause)
		reason := pause.Reason
		if reason == "" {
			reason = string(pause.Kind)
		}
		add("paused", say("status.paused", "Until", until, "Reason", reminder.Verdict(reason)), why, mend)
	}
	if q := st.Quarantine; q != nil && q.Notices > 0 {
		add("quarantine", say("status.quarantine", "N", q.Notices, "Before", q.Before, "At", moment(q.At)),
			"status.quarantine_why", "status.quarantine_mend")
	}
	if n := st.Emails[reminder.StateUnknown]; n > 0 {
		add("unknown", say("status.unknown", "N", n), "status.unknown_why", "command.failed")
	}
	if n := st.Emails[reminder.StateFailed] + st.Emails[reminder.StateRefused]; n > 0 {
		add("failed", say("status.failed", "N", n), "status.failed_why", "command.failed")
	}
	list = append(list, d.returned(st.Status)...)
	if len(st.Runs) > 0 && st.Runs[0].Report.Feedback != nil && st.Runs[0].Report.Feedback.Error != "" {
		add("feedback", say("status.feedback", "Error", st.Runs[0].Report.Feedback.Error),
			"status.feedback_why", "command.doctor")
	}
	return list
}

// returned notes what came back, by class, and what of it is not the fault of the addresses.
func (d Desk) returned(st deskdb.Status) (list []Note) {
	say, zone, a := reminder.Say, d.Runner.Settings.Zone, st.SenderTrouble
	if n := st.Emails[reminder.StateBounced]; n > 0 {
		list = append(list, Note{"bounced", say("status.bounced", "N", n, "Classes", classes(st.Bounced)),
			say("status.bounced_why"), say("status.bounced_mend")})
	}
	if a.Bounced > 0 {
		list = append(list, Note{"mass_bounce", say("status.mass_bounce", "N", a.Bounced, "Accepted", a.Accepted, "Moment",
			a.Sent.In(zone).Format(TimeFormat)), say("status.mass_bounce_why"), say("status.mass_bounce_mend")})
	}
	if a.Refused > 0 {
		list = append(list, Note{"reputation", say("status.reputation", "N", a.Refused, "Day",
			reminder.DateOf(a.Day, zone)), say("status.reputation_why"), say("status.reputation_mend")})
	}
	return list
}

// classes lists the classes of what came back, the most frequent first.
func classes(counts map[mail.ReturnClass]int) (list reminder.Message) {
	for i, class := range slices.SortedFunc(maps.Keys(counts),
		func(a, b mail.ReturnClass) int { return cmp.Or(counts[a]-counts[b], cmp.Compare(b, a)) }) {
		one := reminder.Say("status.class_n", "N", counts[class], "Class", reminder.Say("status.class_"+string(class)))
		if list = reminder.Say("status.class_and", "First", one, "Rest", list); i == 0 {
			list = one
		}
	}
	return list
}

// Held says why a run is held and what ends that. It returns held false for any other run.
func (d Desk) Held(r reminder.Report) (what, why, mend reminder.Message, held bool) {
	say := reminder.Say
	switch {
	case r.Outcome != reminder.RunHeld:
		return what, why, mend, false
	case r.Reason == reminder.ReasonLooksRestored:
		return say("status.restored"), say("status.restored_why"),
			say("status.restored_mend", "Today", r.Today), true
	case r.Reason == reminder.ReasonLooksCopied:
		return say("status.copied"), say("status.copied_why"),
			say("status.copied_mend"), true
	}
	return say("status.too_many", "N", r.Planned.Emails, "MaxPerRun", d.Runner.Settings.MaxPerRun),
		say("status.too_many_why"), say("status.too_many_mend"), true
}

func heldCode(r reminder.Report) string {
	if r.Reason == reminder.ReasonLooksRestored || r.Reason == reminder.ReasonLooksCopied {
		return r.Reason
	}
	return "held"
}

// pauseTexts returns the keys of what a pause means and what ends it.
func pauseTexts(p reminder.Pause) (why, mend string) {
	if p.Kind == reminder.PauseByPerson {
		return "status.pause_person_why", "command.resume"
	}
	name := cmp.Or(map[mail.PauseKind]string{mail.PauseCredentials: "login", mail.PauseSender: "sender",
		mail.PauseQuota: "quota"}[p.Kind], "server")
	return "status.pause_" + name + "_why", cmp.Or(Remedy(p.Reason).Key, "status.pause_"+name+"_mend")
}
