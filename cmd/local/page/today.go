package page

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// today is the data of the first page.
type today struct {
	desk.Overview      // Pauses has only those in force
	Counted       bool // Next is known
	Open          bool // mail may be sent now
	Troubles      int  // mails, as the next two
	Waiting       int
	SentToday     int
}

func loadToday(v *visit) (any, error) { return v.overview(false) }

// overview reads the state of everything. Without wait, what the next run would do may still be missing.
func (v *visit) overview(wait bool) (t today, err error) {
	ctx, d := v.Context(), newDesk(v.app)
	if t.Overview, err = d.Glance(ctx); err != nil {
		return t, err
	}
	now := v.app.Runner.Now() // after Glance, because an open window begins at the instant of Glance
	t.Open = !t.Window.From.IsZero() && !t.Window.From.After(now)
	t.Pauses = slices.DeleteFunc(t.Pauses, func(p reminder.Pause) bool {
		return !p.Until.IsZero() && !p.Until.After(now)
	})
	sent, err := v.store().Sent(ctx, v.Today(), v.Today(), v.app.Runner.Settings.Zone)
	if err != nil {
		return t, err
	}
	for _, n := range sent[v.Today()] {
		t.SentToday += n
	}
	for state, n := range t.Emails {
		switch {
		case slices.Contains(desk.Bad, state):
			t.Troubles += n
		case state.Waits():
			t.Waiting += n
		}
	}
	if wait {
		t.Next, err = d.Next(ctx)
		t.Counted = true
	} else if next, cerr := v.counted(); cerr != nil || next != nil {
		t.Next, t.Counted, err = *cmp.Or(next, &reminder.Report{}), true, cerr
	}
	return t, err
}

// A stopped borrower said by mail, not long ago, that they want no reminders.
type stopped struct{ ID, Name, Why string }

// stoppedFor is for how many days the page names them.
const stoppedFor = 14

// Stopped returns the borrowers who stopped their reminders by mail in the last days.
func (v *visit) Stopped() (list []stopped, err error) {
	outs, err := v.store().OptOuts(v.Context(), v.app.Runner.Now().AddDate(0, 0, -stoppedFor))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(outs))
	for i, o := range outs {
		ids[i] = o.Borrower
	}
	loans, err := v.store().LoansOf(v.Context(), ids)
	for _, o := range outs {
		day := v.Date(reminder.DateOf(o.At, v.app.Runner.Settings.Zone))
		name := cmp.Or(v.optedOut(o.Borrower, loans), o.Borrower)
		list = append(list, stopped{o.Borrower, name, v.T("optout.by_"+o.How, "Day", day)})
	}
	return list, err
}

// A Note tells a person about something unusual.
type Note struct {
	Code string `json:"code"`
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend,omitempty"`
}

// Notes returns what is unusual, in the language of a locale.
func Notes(app *setup.App, locale string, o desk.Overview) []Note {
	notes, in := []Note{}, text.In(locale)
	for _, n := range newDesk(app).Notes(o) {
		notes = append(notes, Note{n.Code, in.Text(n.What), in.Text(n.Why), in.Text(n.Mend)})
	}
	if fault := app.LogFault(); fault != nil {
		what, _ := reminder.MessageOf(fault)
		notes = append(notes, Note{"log", in.Text(what), in.Say("status.log_why"),
			in.Say("status.log_mend", "File", app.Config.LogFile)})
	}
	return notes
}

// Notes returns what is unusual, or one note that all is well.
func (v *visit) Notes(o desk.Overview) []Note {
	if notes := Notes(v.app, v.Lang, o); len(notes) > 0 {
		return notes
	}
	return []Note{{Code: "good", What: v.T("page.today.all_well"), Why: v.T("page.today.all_well_text")}}
}

// Level returns how serious the note is: bad, warn or good.
func (n Note) Level() string {
	switch n.Code {
	case "good", "quarantine":
		return "good"
	case "off", "stopped", "clock_back", "log", "mass_bounce":
		return "bad"
	}
	return "warn"
}

// mendedAt maps the code of a note to the page on which a person acts on it.
var mendedAt = map[string]string{"never_ran": "/send", "quarantine": "/quarantine",
	"off": "/check", "stopped": "/check", "log": "/check", "unfinished": "/check", "reputation": "/check",
	"feedback": "/check", "failed": "/troubles", "unknown": "/troubles", "bounced": "/troubles",
	"mass_bounce": "/troubles", "held": "/troubles", "looks_restored": "/troubles", "looks_copied": "/troubles"}

// Path returns the page on which a person acts on the note, or "".
func (n Note) Path() string { return mendedAt[n.Code] }

func pause(v *visit) (action, error) {
	p := reminder.Pause{Kind: reminder.PauseByPerson, Reason: desk.Plain(v.PostFormValue("reason"))}
	if until := v.PostFormValue("until"); until != "" {
		now, err := v.app.Runner.Now(), error(nil)
		p.Until, err = time.ParseInLocation(time.DateOnly, until, v.app.Runner.Settings.Zone)
		if err != nil || !p.Until.After(now) || p.Until.After(now.AddDate(1, 0, 0)) {
			return action{}, v.fault("page.today.pause_until_wrong")
		}
	}
	return action{Key: "pause"}, v.store().SetPause(v.Context(), p)
}

func resume(v *visit) (action, error) {
	ctx, store := v.Context(), v.store()
	return action{Key: "resume"}, errors.Join(store.LiftPause(ctx, true), store.LiftPause(ctx, false))
}
