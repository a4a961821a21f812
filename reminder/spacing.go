package reminder

import (
	"context"
	"slices"
	"time"
)

// This file keeps emails to one person apart (REMINDER_MIN_DAYS). What is held back is not promised: every run judges
// it anew, and the first email that may go has all of it, each loan with the step that is in force then. The steps
// between are left out, as after a week without power. An email about a loan that is due today is never held back.

// spacedKinds go to people who are to be left in peace; the others go to the library's own staff.
var spacedKinds = []Kind{KindLoan, KindGuardian}

// within returns from when to when an email keeps the next one back. One dated later than tomorrow was sent while the
// clock was ahead.
func (r *Runner) within(today Date) (from, to time.Time) {
	midnight := func(d Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, r.Settings.Zone) }
	return midnight(today.AddDays(1 - r.Settings.MinDays)), midnight(today.AddDays(2))
}

// WrittenTo returns when those of some recipients were last written to who are not to be written to today, unless a
// loan of theirs is due.
func (r *Runner) WrittenTo(ctx context.Context, kind Kind, recipients []string, today Date) (map[string]time.Time,
	error) {
	if r.Settings.MinDays == 0 || len(recipients) == 0 || !slices.Contains(spacedKinds, kind) {
		return nil, nil
	}
	from, to := r.within(today)
	return r.Store.Written(ctx, kind, recipients, from, to)
}

// spaced returns the emails of one kind that may be promised now, and how many notices the others have.
func (r *Run) spaced(ctx context.Context, emails []Email) (free []Email, held int, err error) {
	var recipients []string
	for _, e := range emails {
		if !e.Today {
			recipients = append(recipients, e.Borrower)
		}
	}
	if len(recipients) == 0 {
		return emails, 0, nil
	}
	written, err := r.WrittenTo(ctx, emails[0].Kind, recipients, r.Today)
	for _, e := range emails {
		if _, recently := written[e.Borrower]; recently && !e.Today {
			held += len(e.Notices)
		} else {
			free = append(free, e)
		}
	}
	return free, held, err
}

// heldBack is the end of a recheck. An email that waited while another one went to its recipient ends as canceled, and
// its notices are promised anew when they may be.
func (r *Run) heldBack(ctx context.Context, c Claim, o Outcome) (Outcome, error) {
	if r.Settings.MinDays == 0 || !slices.Contains(spacedKinds, c.Kind) {
		return o, nil
	}
	from, to := r.within(r.Today)
	if beside, err := r.Store.Beside(ctx, c, from, to); err != nil || !beside {
		return o, err
	}
	o = Outcome{State: StateCanceled, Reason: string(VerdictTooSoon), Dropped: o.Dropped}
	for _, n := range c.Notices {
		if !slices.ContainsFunc(o.Dropped, func(d Dropped) bool { return d.Notice == n }) {
			o.Dropped = append(o.Dropped, Dropped{n, string(VerdictTooSoon)})
		}
	}
	return o, nil
}
