package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// HandOver sets the hand-over mark. A run that slept longer than its lease matches no row, and closes its connection
// without the final dot.
func (s *Store) HandOver(ctx context.Context, c reminder.Claim, messageID string, date time.Time,
	accepted ...reminder.Accepted) error {
	steps := []step{{c, reminder.StateClaimed, []any{messageID, stamp(date), c.Address[:]}}}
	for _, a := range accepted {
		steps = append(steps, sent(a.Claim, a.ReceiptID))
	}
	err := s.inBatch(ctx, steps...)
	if err == errBatchFailed && len(accepted) == 0 {
		g := guard{check: `SELECT COUNT(*) FROM reminder_emails WHERE id = ? AND claim_token = ? AND state = 'handover'
			AND message_id = ? AND lease_until > UTC_TIMESTAMP(6)`, checkArgs: []any{c.ID, c.Token, messageID}}
		g.update, g.args = update(steps)
		err = s.guarded(ctx, g, true)
	}
	return fault("mark the hand-over", err)
}

// sent is the step of a claim that was accepted.
func sent(c reminder.Claim, receiptID string) step {
	return step{c, reminder.StateHandover, []any{clip(receiptID)}}
}

// Record records an outcome. An accepted email is recorded as sent even if a sweep has made it unknown meanwhile, or
// has queued it again, unless another run has claimed it since.
func (s *Store) Record(ctx context.Context, c reminder.Claim, o reminder.Outcome) error {
	g := recordUpdate(c, o)
	ended := slices.Contains([]reminder.State{reminder.StateCanceled, reminder.StateExpired, reminder.StateRefused,
		reminder.StateFailed}, o.State)
	if len(o.Dropped) == 0 && o.BadAddress == "" && !ended {
		alone := o.State != reminder.StateSent
		if !alone && s.inBatch(ctx, sent(c, o.ReceiptID)) == nil {
			return nil
		}
		return fault("record an outcome", s.guarded(ctx, g, !alone))
	}
	// Several rows are written in one transaction, and none if the claim is lost.
	err := s.DB.Tx(ctx, func(tx *DB, again bool) error {
		done, err := g.apply(ctx, tx, again)
		if err != nil || done {
			return err
		}
		if c.Unknowns > 0 {
			o.Dropped = nil // the copy that may have arrived has these notices
		}
		for _, d := range o.Dropped {
			_, err := tx.Exec(ctx, "UPDATE reminder_notices SET dropped = ? WHERE "+keyIs+" AND email_id = ?",
				slices.Concat([]any{d.Reason}, key(d.Notice), []any{c.ID})...)
			if err != nil {
				return err
			}
		}
		if ended { // nothing was sent, so the notices do not count as reminders
			reason := string(o.State)
			if o.BadAddress != "" {
				reason = string(reminder.VerdictBadAddress) // void: the notices are promised again when the address changes
			}
			_, err := tx.Exec(ctx, "UPDATE reminder_notices SET dropped = ? WHERE email_id = ? AND dropped = ''",
				reason, c.ID)
			if err != nil {
				return err
			}
		}
		if o.BadAddress != "" {
			return addBadAddress(ctx, tx, c.Borrower, o)
		}
		return nil
	})
	return fault("record an outcome", err)
}

// recordUpdate returns the guarded UPDATE for an outcome.
func recordUpdate(c reminder.Claim, o reminder.Outcome) guard {
	// An email that is released without a try keeps the reason of its last try.
	set := []string{"state = ?", "reason = IF(? = '', reason, ?)", "ended_at = UTC_TIMESTAMP(6)"}
	args := []any{string(o.State), clip(o.Reason), clip(o.Reason)}
	if o.State != reminder.StateQueued {
		set[1], args = "reason = ?", args[:2]
	}
	from, fromArgs := "state IN ('claimed', 'handover')", []any(nil)
	switch o.State {
	case reminder.StateSent:
		set = append(set, "sent_at = UTC_TIMESTAMP(6)", "receipt_id = ?")
		args = append(args, clip(o.ReceiptID))
		from += " OR state = 'unknown' OR state = 'queued' AND unknowns > ?"
		fromArgs = []any{c.Unknowns}
	case reminder.StateQueued:
		set = append(set, "ended_at = NULL", "next_at = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)")
		args = append(args, o.RetryAfter.Microseconds())
		if o.KeepTry {
			set = append(set, "attempts = attempts - 1")
		}
		if c.Unknowns == 0 {
			// Surely not accepted: the next try is a new message, and this one does not count for MAIL_DAILY_LIMIT.
			set = append(set, "message_id = NULL", "message_date = NULL", "handover_at = NULL")
		}
	case reminder.StateUnknown:
		set = append(set, "unknowns = unknowns + 1")
	}
	return guard{
		update: "UPDATE reminder_emails SET " + strings.Join(set, ", ") +
			" WHERE id = ? AND claim_token = ? AND (" + from + ")",
		args:      append(append(args, c.ID, c.Token), fromArgs...),
		check:     "SELECT COUNT(*) FROM reminder_emails WHERE id = ? AND claim_token = ? AND state = ?",
		checkArgs: []any{c.ID, c.Token, string(o.State)},
	}
}

// A guard is an UPDATE that must match one row, that of the claim. The check counts one row if the UPDATE has taken
// effect.
type guard struct {
	update    string
	args      []any
	check     string
	checkArgs []any
}

// apply executes the UPDATE. If it matches no row, either the claim is lost, and apply returns ErrLost, or an earlier
// try has taken effect and only its reply was lost, and apply returns true.
func (g guard) apply(ctx context.Context, db *DB, again bool) (done bool, err error) {
	n, err := db.Exec(ctx, g.update, g.args...)
	if err != nil || n == 1 {
		return false, err
	}
	if again {
		n, err := db.Count(ctx, g.check, g.checkArgs...)
		if err != nil || n == 1 {
			return true, err
		}
	}
	return false, reminder.ErrLost
}

// guarded applies a guard outside a transaction. maybe says that an earlier try may have taken effect.
func (s *Store) guarded(ctx context.Context, g guard, maybe bool) error {
	return s.DB.repeat(ctx, func(db *DB, again bool) error {
		_, err := g.apply(ctx, db, again || maybe)
		return err
	})
}

func addBadAddress(ctx context.Context, tx *DB, borrower string, o reminder.Outcome) error {
	_, err := tx.Exec(ctx, `INSERT INTO reminder_bad_addresses (borrower_id, digest, reason, since)
		VALUES (?, ?, ?, UTC_TIMESTAMP())
		ON DUPLICATE KEY UPDATE digest = VALUES(digest), reason = VALUES(reason), since = UTC_TIMESTAMP()`,
		borrower, reminder.DigestOf(o.BadAddress), clip(o.Reason))
	return err
}

// clip cuts a text to the width of its column.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 255 {
		return fmt.Sprintf("%s…", string(runes[:254]))
	}
	return text
}
