package reminder

import (
	"context"
	"slices"
	"time"
)

// This file limits how often one person gets an email (REMINDER_MIN_DAYS). A notice that is held back is not promised,
// so every run judges its loan again. The next email that is allowed has all of these loans, each with the step that is
// in force then; the steps between are left out, as after a week without power. An email about a loan that is due today
// is never held back.

// spacedKinds go to borrowers and guardians. The other kinds go to the library's own staff and are not held back.
var spacedKinds = []Kind{KindLoan, KindGuardian}

// spacingPeriod returns the period in which an email holds the next one back. An email with a later date was sent while
// the clock was ahead, and does not count.
func (r *Runner) spacingPeriod(today Date) (from, to time.Time) {
	return today.AddDays(1 - r.Settings.MinDays).Midnight(r.Settings.Zone), today.AddDays(2).Midnight(r.Settings.Zone)
}

// WrittenTo returns those of the recipients to whom REMINDER_MIN_DAYS allows no email today, each with the time of the
// last email. It does not consider that an email about a loan that is due today is always allowed.
func (r *Runner) WrittenTo(ctx context.Context, kind Kind, recipients []string, today Date) (map[string]time.Time,
	error) {
	if r.Settings.MinDays == 0 || len(recipients) == 0 || !slices.Contains(spacedKinds, kind) {
		return nil, nil
	}
	from, to := r.spacingPeriod(today)
	return r.Store.Written(ctx, kind, recipients, from, to)
}

// allowed returns the emails of one kind that may be promised now, and the number of notices in the others.
func (r *Run) allowed(ctx context.Context, emails []Email) (allowed []Email, held int, err error) {
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
			allowed = append(allowed, e)
		}
	}
	return allowed, held, err
}

// cancelTooSoon changes the outcome of a recheck to canceled if another email went to the recipient while this one was
// waiting. The notices are promised again when the days are over.
func (r *Run) cancelTooSoon(ctx context.Context, c Claim, o Outcome) (Outcome, error) {
	if r.Settings.MinDays == 0 || !slices.Contains(spacedKinds, c.Kind) {
		return o, nil
	}
	from, to := r.spacingPeriod(r.Today)
	if tooSoon, err := r.Store.OtherEmail(ctx, c, from, to); err != nil || !tooSoon {
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
