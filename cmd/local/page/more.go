package page

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// more is what is seldom used.
type more struct {
	OptedOut []reminder.Borrower // those without an open loan have an ID alone
	Prune    reminder.Pruned     // what would go
	Keep     int                 // days
	ByItself bool                // a run prunes
	Version  string
}

func loadMore(v *visit) (any, error) {
	m := more{Version: reminder.Version, Keep: v.keepDays(), ByItself: v.app.Runner.Settings.KeepDays > 0}
	var err error
	if m.OptedOut, err = v.optedOut(); err == nil {
		m.Prune, err = v.app.Runner.Prune(v.Context(), m.Keep, true, nil)
	}
	return m, err
}

func (v *visit) keepDays() int { return cmp.Or(v.app.Runner.Settings.KeepDays, reminder.KeepDays) }

func (v *visit) optedOut() (list []reminder.Borrower, err error) {
	out, err := v.app.Store.OptedOut(v.Context())
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(out))
	of, err := v.app.Store.LoansOf(v.Context(), ids)
	for _, id := range ids {
		list = append(list, reminder.Borrower{ID: id, Name: desk.Plain(of[id].Borrower.Name), Group: of[id].Borrower.Group})
	}
	return list, err
}

func optOutsCSV(v *visit) error {
	list, err := v.optedOut()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, b := range list {
		rows = append(rows, []string{b.ID, b.Name, b.Group})
	}
	return v.csv(rows, "ID", "page.late.name", "page.late.group")
}

// pruneOld removes old records.
func pruneOld(v *visit) (action, error) {
	done, err := v.app.Runner.Prune(v.Context(), v.keepDays(), false, nil)
	return action{Key: "prune", N: done.Emails}, err
}
