package page

import (
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
)

// loadSend asks before it sends, with the number of mails.
func loadSend(v *visit) (any, error) { return v.overview(true) }

// Held says why a run is held back.
func (v *visit) Held(r reminder.Report) string {
	what, why, _, _ := newDesk(v.app).Held(r)
	return v.Text(what) + " " + v.Text(why)
}

// run starts a run in the background. A plan that is held back must be approved by typing its number.
func run(v *visit) (action, error) {
	t, err := v.overview(true)
	if err == nil {
		err = v.app.Config.CheckSender()
	}
	if err != nil {
		return action{}, err
	}
	o := reminder.Options{Trigger: "local", Now: true}
	done := action{Key: "run", N: t.Next.Planned.Emails + t.Waiting, To: "/"}
	if t.Next.Outcome == reminder.RunHeld {
		typed := strings.NewReplacer(".", "", ",", "", " ", "").Replace(v.PostFormValue("number"))
		if n, err := strconv.Atoi(typed); err != nil || n != t.Next.Planned.Emails {
			return action{}, v.fault("page.send.wrong_number")
		}
		o.Approve, done.Key = true, "approve"
	}
	if !v.d.job.start(v, v.app, o) {
		return action{}, v.fault("page.send.working")
	}
	v.app = nil // the job closes it
	return done, nil
}
