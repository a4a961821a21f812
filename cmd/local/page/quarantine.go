package page

import (
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// A quarantineForm asks for a quarantine.
type quarantineForm struct {
	Before reminder.Date
	Asked  *desk.Silenced // what the quarantine would silence; nil: not counted yet
}

func loadQuarantine(v *visit) (any, error) {
	q := quarantineForm{Before: v.Today()}
	if v.FormValue("before") == "" {
		return q, nil
	}
	done, err := v.quarantine(func(asked desk.Silenced) bool {
		q.Asked = &asked
		return false
	})
	if err == nil {
		q.Before = done.Before
	}
	return q, err
}

// Quarantine returns the quarantine in force, or nil.
func (v *visit) Quarantine() (*deskdb.Quarantine, error) {
	status, err := v.store().Status(v.Context(), v.app.Runner.Now(), 1)
	return status.Quarantine, err
}

// quarantine silences what was due before the day of the form, if agree returns true.
func (v *visit) quarantine(agree func(desk.Silenced) bool) (desk.Silenced, error) {
	before, err := reminder.ParseDate(v.FormValue("before"))
	if err != nil || before.After(v.Today()) {
		return desk.Silenced{}, v.fault("page.quarantine.date_wrong")
	}
	return newDesk(v.app).Quarantine(v.Context(), before, agree)
}

func quarantine(v *visit) (action, error) {
	done, err := v.quarantine(func(desk.Silenced) bool { return true })
	return action{Key: "quarantine", N: done.Loans, On: done.Before.String(), To: "/troubles"}, err
}

func release(v *visit) (action, error) {
	n, err := v.store().Release(v.Context())
	return action{Key: "release", N: n}, err
}
