package page

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// KeepDays returns how many days records are kept, ByItself whether a run removes older ones, Old what is older now.
func (v *visit) KeepDays() int                 { return cmp.Or(v.app.Runner.Settings.KeepDays, reminder.KeepDays) }
func (v *visit) ByItself() bool                { return v.app.Runner.Settings.KeepDays > 0 }
func (v *visit) Old() (reminder.Pruned, error) { return v.prune(true) }

func (v *visit) prune(dryRun bool) (reminder.Pruned, error) {
	return v.app.Runner.Prune(v.Context(), v.app.Runner.Now(), v.KeepDays(), dryRun, nil)
}

// pruneOld removes old records.
func pruneOld(v *visit) (action, error) {
	done, err := v.prune(false)
	return action{Key: "prune", N: done.Emails}, err
}

// Version returns the program's version.
func (v *visit) Version() string { return reminder.Version }

// OptedOut returns the borrowers who want no reminders. If they have no open loan, only their id is known.
func (v *visit) OptedOut() (list []reminder.Borrower, err error) {
	out, err := v.store().OptedOut(v.Context())
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(out))
	of, err := v.store().LoansOf(v.Context(), ids)
	for _, id := range ids {
		list = append(list, reminder.Borrower{ID: id, Name: v.optedOut(id, of), Group: of[id].Borrower.Group})
	}
	return list, err
}

// optedOut names a borrower or guardian by an open loan that is theirs, or returns "".
func (v *visit) optedOut(id string, of map[string]reminder.Loan) string {
	loan, found := of[id]
	switch guardian := reminder.IsGuardianID(id); {
	case guardian && found:
		return v.T("optout.guardian_of", "Whom", v.Name(loan.Borrower))
	case guardian:
		return v.T("page.today.stopped_guardian")
	}
	return desk.Plain(loan.Borrower.Name)
}

func optOutRows(v *visit) (rows [][]string, err error) {
	list, err := v.OptedOut()
	for _, b := range list {
		rows = append(rows, []string{b.ID, b.Name, b.Group})
	}
	return rows, err
}
