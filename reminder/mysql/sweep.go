package mysql

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
)

// maxCrashes is how many runs may crash with a claimed email before the email counts as the cause.
const maxCrashes = 10

// Sweep settles the emails that crashed runs left. After a crash between two of its statements the next sweep does the
// rest.
func (s *Store) Sweep(ctx context.Context, resend bool) (reminder.Swept, error) {
	var swept reminder.Swept
	// Most runs find nothing to sweep, and this needs one round trip in place of five.
	left, err := s.DB.Count(ctx, `SELECT COUNT(*) FROM reminder_emails WHERE state IN ('claimed', 'handover')
		OR state = 'unknown' AND unknowns = 1 OR state = 'queued' AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR reason IN (?, ?) AND next_at > UTC_TIMESTAMP(6))`, reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil || left == 0 {
		return swept, fault("look for what to sweep", err)
	}

	// No retry is later than in a day, and no lease is longer. Such a time was written while the clock was ahead, and is
	// ignored; a run that still works with such a lease is fenced, as after any lease. Withheld emails are rechecked by
	// this run, which may have no REMINDER_ONLY_TO.
	_, err = s.DB.Exec(ctx, `UPDATE reminder_emails
		SET next_at = LEAST(next_at, UTC_TIMESTAMP(6)), lease_until = LEAST(lease_until, UTC_TIMESTAMP(6))
		WHERE state IN ('queued', 'claimed', 'handover') AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR lease_until > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY) OR state = 'queued' AND reason IN (?, ?))`,
		reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil {
		return swept, fault("sweep times in the future", err)
	}

	// The mark was set and no outcome was recorded, so the email may have been sent. The token stays, so a run that was
	// only slow can still record that the email was accepted.
	n, err := s.DB.Exec(ctx, `UPDATE reminder_emails
		SET state = 'unknown', unknowns = unknowns + 1, ended_at = UTC_TIMESTAMP(6), reason = 'the run ended in the hand-over'
		WHERE state = 'handover' AND lease_until < UTC_TIMESTAMP(6)`)
	if err != nil {
		return swept, fault("sweep hand-overs", err)
	}
	swept.Unknown = n

	// Without a mark nothing was sent. The crash uses up no try, unless there are many crashes. Then the email fails, or
	// stays unknown if an earlier try may have been sent.
	n, err = s.DB.Exec(ctx, `UPDATE reminder_emails SET state = IF(unknowns > 0, 'unknown', 'failed'),
		unknowns = IF(unknowns > 0, 2, 0), ended_at = UTC_TIMESTAMP(6), reason = 'every run that took it died'
		WHERE state = 'claimed' AND lease_until < UTC_TIMESTAMP(6) AND crashes >= ?`, maxCrashes)
	if err != nil {
		return swept, fault("sweep claims", err)
	}
	if swept.Failed = n; n > 0 {
		_, err = s.DB.Exec(ctx, `UPDATE reminder_notices SET dropped = 'failed' WHERE dropped = '' AND email_id IN
			(SELECT id FROM reminder_emails WHERE state = 'failed')`)
		if err != nil {
			return swept, fault("sweep claims", err)
		}
	}
	_, err = s.DB.Exec(ctx, `UPDATE reminder_emails SET state = 'queued', attempts = attempts - 1, crashes = crashes + 1,
		next_at = UTC_TIMESTAMP(6) WHERE state = 'claimed' AND lease_until < UTC_TIMESTAMP(6)`)
	if err != nil {
		return swept, fault("sweep claims", err)
	}

	if resend {
		// Only once: after a second unknown outcome, unknowns is 2 and the email stays unknown.
		_, err = s.DB.Exec(ctx, `UPDATE reminder_emails SET state = 'queued', next_at = UTC_TIMESTAMP(6), ended_at = NULL
			WHERE state = 'unknown' AND unknowns = 1`)
	}
	return swept, fault("queue unknown emails again", err)
}
