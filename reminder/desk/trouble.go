package desk

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// Bad are the states of emails that need a person.
var Bad = []reminder.State{reminder.StateFailed, reminder.StateRefused, reminder.StateUnknown, reminder.StateBounced}

// A Trouble is an email that ended badly, with the person and the books that the desk knows.
type Trouble struct {
	deskdb.Listed
	// of an email to a guardian, a child of theirs; nil: the library itself, or who has none of these books any more
	Borrower *reminder.Borrower
	Loans    []reminder.Loan // open, and still the borrower's
	Back     []string        // ids of the others
}

// Whose names the borrower.
func (t Trouble) Whose() reminder.Message {
	switch {
	case t.Kind == reminder.KindSummary:
		return reminder.Say("trouble.librarians_summary")
	case t.Kind == reminder.KindClass && len(t.Listed.Loans) > 0:
		return reminder.Say("trouble.class_list", "Class", Plain(t.Listed.Loans[0]))
	case t.Kind == reminder.KindClass:
		return reminder.Say("trouble.librarians_list")
	case t.Kind == reminder.KindGuardian && t.Borrower == nil:
		return reminder.Say("trouble.guardian")
	case t.Kind == reminder.KindGuardian:
		return reminder.Say("trouble.guardian_of", "Whom", Whom(*t.Borrower))
	case t.Borrower == nil:
		return reminder.Say("trouble.borrower_id", "Borrower", t.Listed.Borrower)
	}
	return Whom(*t.Borrower)
}

// Troubles lists up to most of the emails that ended badly, the newest first.
func (d Desk) Troubles(ctx context.Context, most int) ([]Trouble, error) {
	list, err := d.Store.List(ctx, Bad...)
	if err != nil {
		return nil, err
	}
	list = list[:min(len(list), most)]
	var ids []string
	for _, l := range list {
		ids = append(ids, l.Loans...)
	}
	open, err := d.Store.Loans(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := []Trouble{}
	for _, l := range list {
		t := Trouble{Listed: l}
		for _, id := range l.Loans {
			loan, ok := open[id]
			switch {
			case l.Kind == reminder.KindClass: // the class stands there
			case ok && recipient(l.Kind, loan) == l.Borrower:
				t.Borrower, t.Loans = &loan.Borrower, append(t.Loans, loan)
			case id != "":
				t.Back = append(t.Back, id)
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// recipient returns by what a kind knows whom it tells about a loan.
func recipient(kind reminder.Kind, l reminder.Loan) string {
	if kind == reminder.KindGuardian {
		l, _ = l.ForGuardian()
	}
	return l.Borrower.ID
}

// Retry queues emails again that ended badly: those with these ids, or all in these states where there are none. It
// returns how many. An id that does not exist, or is in another state, is an Absence, and then nothing is done.
func (d Desk) Retry(ctx context.Context, ids []int64, states ...reminder.State) (int, error) {
	if err := d.inState(ctx, ids, states); err != nil {
		return 0, err
	}
	return d.Store.Retry(ctx, ids, states...)
}

// Cancel ends emails that wait or ended badly, as [Desk.Retry] begins them again.
func (d Desk) Cancel(ctx context.Context, ids []int64) (int, error) {
	if err := d.inState(ctx, ids, deskdb.Cancelable); err != nil {
		return 0, err
	}
	return d.Store.Cancel(ctx, ids)
}

func (d Desk) inState(ctx context.Context, ids []int64, states []reminder.State) error {
	is, err := d.Store.States(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if state, ok := is[id]; !ok {
			return Absent("trouble.no_such_mail", "N", id)
		} else if !slices.Contains(states, state) {
			return Absent("trouble.wrong_state", "N", id, "State", StateWord(state))
		}
	}
	return nil
}

// StateWord names the state of an email.
func StateWord(s reminder.State) reminder.Message { return reminder.Say("state." + string(s)) }

// OutcomeWord names how a run ended.
func OutcomeWord(o reminder.RunOutcome) reminder.Message { return reminder.Say("outcome." + string(o)) }
