package page

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func setLanguage(v *visit) (action, error) {
	http.SetCookie(v.w, &http.Cookie{Name: "pengingat_lang", Value: v.PostFormValue("lang"), Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 60 * 60})
	back := v.PostFormValue("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.Contains(back, "\\") {
		back = "/"
	}
	return action{To: back}, nil
}

// today is how everything stands.
type today struct {
	desk.Overview
	Counted   bool // else Next is not known yet
	Notes     []Note
	News      news
	Open      bool // now
	Paused    []reminder.Pause
	Job       progress
	Failed    *trouble
	Troubles  int
	Waiting   int
	SentToday int
	Stopped   []stopped
}

// stopped is a borrower who said by mail, not long ago, that they want no reminders.
type stopped struct {
	ID, Name, Why string
}

// stoppedFor is how many days the page names them.
const stoppedFor = 14

// stopped returns those who said so by mail.
func (v *visit) stopped() (list []stopped, err error) {
	from := v.app.Runner.Now().AddDate(0, 0, -stoppedFor)
	outs, err := v.app.Store.OptOuts(v.Context(), from)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(outs))
	for i, o := range outs {
		ids[i] = o.Borrower
	}
	loans, err := v.app.Store.LoansOf(v.Context(), ids)
	for _, o := range outs {
		name := cmp.Or(desk.Plain(loans[o.Borrower].Borrower.Name), o.Borrower)
		if reminder.IsGuardianID(o.Borrower) {
			name = v.T("page.today.guardian")
		}
		day := v.Date(reminder.DateOf(o.At, v.app.Runner.Settings.Zone))
		list = append(list, stopped{o.Borrower, name, v.T("closed.by_"+o.How, "Day", day)})
	}
	return list, err
}

// A Note tells a person what they would not find out by themselves.
type Note struct {
	Code            string
	What, Why, Mend string
}

// Level is how bad it is: bad, warn or good.
func (n Note) Level() string {
	switch n.Code {
	case "good", "quarantine":
		return "good"
	case "off", "stopped", "clock_back", "log", "mass_bounce":
		return "bad"
	}
	return "warn"
}

// Path is where it is mended, or "".
func (n Note) Path() string {
	switch n.Code {
	case "never_ran":
		return "/send"
	case "off", "stopped", "log", "unfinished", "reputation", "feedback":
		return "/check"
	case "failed", "unknown", "bounced", "mass_bounce", "held", "looks_restored", "looks_copied":
		return "/troubles"
	case "quarantine":
		return "/quarantine"
	}
	return ""
}

// Last is the last run that has ended.
func (t today) Last() *mysql.Run {
	for i := range t.Runs {
		if !t.Runs[i].FinishedAt.IsZero() {
			return &t.Runs[i]
		}
	}
	return nil
}

func showToday(v *visit) error {
	v.page = "today"
	if _, file, _ := v.d.Machine.Environ(); file == "" && v.open() != nil { // nobody has set anything up yet
		http.Redirect(v.w, v.Request, "/start", http.StatusSeeOther)
		return errDone
	}
	t, err := v.readOverview(false)
	if err == nil {
		t.News, err = v.news()
	}
	v.Data = t
	return err
}

// overview reads how everything stands, with what the next run would do.
func (v *visit) overview() (today, error) { return v.readOverview(true) }

func (v *visit) readOverview(wait bool) (t today, err error) {
	if err := v.open(); err != nil {
		return t, err
	}
	ctx, d := v.Context(), newDesk(v.app)
	if t.Overview, err = d.Glance(ctx); err != nil {
		return t, err
	}
	now := v.app.Runner.Now() // not before the glance: a window that is open begins with it
	t.Open = !t.Window.From.IsZero() && !t.Window.From.After(now)
	sent, err := v.app.Store.Sent(ctx, v.today(), v.today(), v.app.Runner.Settings.Zone)
	if err != nil {
		return t, err
	}
	for _, n := range sent[v.today()] {
		t.SentToday += n
	}
	if t.Stopped, err = v.stopped(); err != nil {
		return t, err
	}
	if wait {
		t.Next, err = d.Next(ctx)
		t.Counted = true
	} else if rep, cerr := v.counted(); cerr != nil {
		err = cerr
	} else if rep != nil {
		t.Next, t.Counted = *rep, true
	}
	if err != nil {
		return t, err
	}
	for _, p := range t.Pauses {
		if p.Until.IsZero() || p.Until.After(now) {
			t.Paused = append(t.Paused, p)
		}
	}
	t.Job, t.Failed = v.d.job.progress(v.words), v.d.job.trouble()
	for _, s := range desk.Bad {
		t.Troubles += t.Emails[s]
	}
	t.Waiting = t.Emails[reminder.StateQueued] + t.Emails[reminder.StateClaimed] + t.Emails[reminder.StateHandover]
	say := text.In(v.Lang)
	for _, n := range d.Notes(t.Overview) {
		t.Notes = append(t.Notes, Note{n.Code, say.Text(n.What), say.Text(n.Why), say.Text(n.Mend)})
	}
	if fault := v.app.LogFault(); fault != nil {
		t.Notes = append(t.Notes, Note{Code: "log", What: say.Error(fault), Why: say.Say("status.log_why")})
	}
	if len(t.Notes) == 0 {
		t.Notes = []Note{{Code: "good", What: v.T("page.today.good"), Why: v.T("page.today.good_text")}}
	}
	return t, nil
}

func newDesk(app *setup.App) desk.Desk { return desk.Desk{Runner: app.Runner, Store: app.Store} }

// showSend asks before it sends, with the number of mails.
func showSend(v *visit) error {
	v.page = "send"
	t, err := v.overview()
	v.Data = t
	return err
}

// run starts a run in the background. A plan that is held back must be approved by typing its number.
func run(ctx context.Context, v *visit) (action, error) {
	t, err := v.overview()
	if err != nil {
		return action{}, err
	}
	v.page, v.Data = "send", t
	if err := v.app.Config.CheckSender(); err != nil {
		return action{}, err
	}
	o := reminder.Options{Trigger: "local", Now: true}
	done := action{Key: "run", N: t.Next.Planned.Emails + t.Waiting}
	if t.Next.Outcome == reminder.RunHeld {
		if number(v.PostFormValue("number")) != t.Next.Planned.Emails {
			return action{}, v.fault("page.send.number")
		}
		o.Approve, done.Key = true, "approve"
	}
	app := v.app
	v.app = nil // the job closes it
	if !v.d.job.start(ctx, v, app, o) {
		v.app = app
		return action{}, v.fault("page.send.working")
	}
	return done, nil
}

func pause(v *visit) (action, error) {
	t, err := v.overview()
	if err != nil {
		return action{}, err
	}
	v.page, v.Data = "today", t
	p := reminder.Pause{Kind: reminder.PauseByPerson, Reason: desk.Plain(v.PostFormValue("reason"))}
	if until := v.PostFormValue("until"); until != "" {
		zone, now := v.app.Runner.Settings.Zone, v.app.Runner.Now()
		if p.Until, err = time.ParseInLocation(time.DateOnly, until, zone); err != nil || !p.Until.After(now) ||
			p.Until.After(now.AddDate(1, 0, 0)) {
			return action{}, v.fault("page.today.until_wrong")
		}
	}
	return action{Key: "pause"}, v.app.Store.SetPause(v.Context(), p)
}

func resume(v *visit) (action, error) {
	if err := v.open(); err != nil {
		return action{}, err
	}
	ctx, store := v.Context(), v.app.Store
	return action{Key: "resume"}, errors.Join(store.LiftPause(ctx, true), store.LiftPause(ctx, false))
}
