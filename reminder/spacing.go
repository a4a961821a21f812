package reminder

import (
	"context"
	"slices"
	"time"
)

// This file keeps emails to one person apart (REMINDER_MIN_DAYS). A notice that is held back is not promised. Every
// run judges it anew, and the next email that may go has all of them, each loan with the step that is in force then.
// The steps between are left out, as after a week without power. An email about a loan that is due today is never held
// back.

// spacedKinds go to borrowers and guardians. The other kinds go to the library's own staff and are not held back.
var spacedKinds = []Kind{KindLoan, KindGuardian}

// within returns the period in which an email holds the next one back. An email with a later date was sent while the
// clock was ahead, and does not count.
func (r *Runner) within(today Date) (from, to time.Time) {
	midnight := func(d Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, r.Settings.Zone) }
	return midnight(today.AddDays(1 - r.Settings.MinDays)), midnight(today.AddDays(2))
}

// WrittenTo returns, of some recipients, those to whom REMINDER_MIN_DAYS allows no email today, and when their last one
// was sent. An email about a loan that is due today is allowed all the same.
func (r *Runner) WrittenTo(ctx context.Context, kind Kind, recipients []string, today Date) (map[string]time.Time,
	error) {
	if r.Settings.MinDays == 0 || len(recipients) == 0 || !slices.Contains(spacedKinds, kind) {
		return nil, nil
	}
	from, to := r.within(today)
	return r.Store.Written(ctx, kind, recipients, from, to)
}

// spaced returns the emails of one kind that may be promised now, and the number of notices in the others.
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

// heldBack ends a recheck. If another email went to the recipient while this one waited, this one ends as canceled. Its
// notices are promised anew when the days are over.
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
