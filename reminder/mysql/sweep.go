package mysql

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
)

// maxCrashes is how many runs may die over an email before it is taken for the cause.
const maxCrashes = 10

// Sweep settles what dead runs left. Its statements stand in an order in which a crash between two of them is made good
// by the next sweep.
func (s *Store) Sweep(ctx context.Context, resend bool) (reminder.Swept, error) {
	var swept reminder.Swept
	// Most runs find nothing of all that follows, and one round trip instead of five shows it.
	left, err := s.DB.Count(ctx, `SELECT COUNT(*) FROM reminder_emails WHERE state IN ('claimed', 'handover')
		OR state = 'unknown' AND unknowns = 1 OR state = 'queued' AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR reason IN (?, ?) AND next_at > UTC_TIMESTAMP(6))`, reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil || left == 0 {
		return swept, fault("look for what to sweep", err)
	}

	// No try is put off and no lease lasts for a day. Such a time was written while the clock stood too far ahead, and
	// must not be waited for; a run that is still at work after all is fenced, as after any lease. What another run
	// withheld is judged anew: this one may have no REMINDER_ONLY_TO.
	_, err = s.DB.Exec(ctx, `UPDATE reminder_emails
		SET next_at = LEAST(next_at, UTC_TIMESTAMP(6)), lease_until = LEAST(lease_until, UTC_TIMESTAMP(6))
		WHERE state IN ('queued', 'claimed', 'handover') AND (next_at > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY)
		OR lease_until > DATE_ADD(UTC_TIMESTAMP(6), INTERVAL 1 DAY) OR state = 'queued' AND reason IN (?, ?))`,
		reminder.VerdictWithheld, reminder.ReasonClosedDay)
	if err != nil {
		return swept, fault("sweep times to come", err)
	}

	// The mark was set and no outcome recorded: the email may have been sent. The token stays, so that a run that was
	// only slow can still record that it was accepted.
	n, err := s.DB.Exec(ctx, `UPDATE reminder_emails
		SET state = 'unknown', unknowns = unknowns + 1, ended_at = UTC_TIMESTAMP(6), reason = 'the run ended in the hand-over'
		WHERE state = 'handover' AND lease_until < UTC_TIMESTAMP(6)`)
	if err != nil {
		return swept, fault("sweep hand-overs", err)
	}
	swept.Unknown = n

	// No mark: nothing was sent. The crash was not the email's fault and takes no try, unless it happens again and
	// again. An email that may have been sent by an earlier try is then unknown for good.
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
		// Once: a second unknown outcome raises unknowns above 1 and is final.
		_, err = s.DB.Exec(ctx, `UPDATE reminder_emails SET state = 'queued', next_at = UTC_TIMESTAMP(6), ended_at = NULL
			WHERE state = 'unknown' AND unknowns = 1`)
	}
	return swept, fault("queue unknown emails again", err)
}
