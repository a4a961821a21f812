package mysql

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
)

// feedbackPlace is the name of the row of reminder_state that holds the position in the source of feedback.
const feedbackPlace = "feedback"

// Place returns the position in the source of feedback up to which it was read, or "".
func (s *Store) Place(ctx context.Context) (at string, err error) {
	err = s.DB.Row(ctx, []any{&at}, "SELECT reason FROM reminder_state WHERE name = ?", feedbackPlace)
	return at, fault("read the place in the feedback", err)
}

// KeepPlace stores the position in the source of feedback.
func (s *Store) KeepPlace(ctx context.Context, at string) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_state (name, kind, reason) VALUES (?, '', ?)
		ON DUPLICATE KEY UPDATE reason = VALUES(reason)`, feedbackPlace, at)
	return fault("store the place in the feedback", err)
}

// handedOver reads emails that were handed over within feedback.MaxAge and fulfil a condition.
func (s *Store) handedOver(ctx context.Context, where string, args ...any) ([]feedback.Handed, error) {
	type row struct {
		feedback.Handed
		micros int64
	}
	rows, err := List(ctx, s.DB, func(r *row) []any {
		return []any{&r.ID, &r.Ref, &r.MessageID, &r.Receipt, &r.Kind, ident{nil, &r.Borrower}, &r.Run, &r.State,
			&r.Unknowns, &r.Address, &r.At, &r.micros}
	}, `SELECT id, ref, message_id, receipt_id, kind, borrower_id, run_id, state, unknowns, address, handover_at,
		TIMESTAMPDIFF(MICROSECOND, handover_at, UTC_TIMESTAMP(6)) FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL ? DAY) AND `+where,
		append([]any{int(feedback.MaxAge / (24 * time.Hour))}, args...)...)
	emails := make([]feedback.Handed, len(rows))
	for i, r := range rows {
		emails[i] = r.Handed
		emails[i].Age = time.Duration(r.micros) * time.Microsecond
	}
	return emails, err
}

// mayBeAccepted is the condition that an email was accepted or may have been, and that no run has claimed it again.
const mayBeAccepted = "(state IN ('sent', 'unknown') OR state = 'queued' AND unknowns > 0)"

// Named returns the emails that have one of the names, the newest first.
func (s *Store) Named(ctx context.Context, names feedback.Names) ([]feedback.Handed, error) {
	var either []string
	var args []any
	add := func(column string, values any, n int) {
		if n > 0 {
			either, args = append(either, column+" IN (?)"), append(args, values)
		}
	}
	add("message_id", names.IDs, len(names.IDs))
	add("ref", names.Refs, len(names.Refs))
	add("receipt_id", names.Receipts, len(names.Receipts))
	add("address", names.Addresses, len(names.Addresses))
	if len(either) == 0 {
		return nil, nil
	}
	emails, err := s.handedOver(ctx, "("+mayBeAccepted+" OR state = 'bounced') AND ("+strings.Join(either, " OR ")+
		") ORDER BY handover_at DESC", args...)
	return emails, fault("look for what came back", err)
}

// CameBack returns the bounces from an address of a borrower in the last two months.
func (s *Store) CameBack(ctx context.Context, borrower string, address reminder.Digest) ([]feedback.Verdict, error) {
	earlier, err := List(ctx, s.DB, func(v *feedback.Verdict) []any { return []any{&v.Email.ID, &v.Class, &v.At} },
		`SELECT email_id, class, came_at FROM reminder_bounces WHERE borrower_id = ? AND address = ?
		AND came_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 60 DAY)`, borrower, address)
	return earlier, fault("read what came back earlier", err)
}

// Bounce records a verdict. The notices of the email get dropped = 'bounced'.
func (s *Store) Bounce(ctx context.Context, v feedback.Verdict) (done bool, err error) {
	err = s.DB.Tx(ctx, func(tx *DB, again bool) error {
		n, err := tx.Exec(ctx, `UPDATE reminder_emails SET state = 'bounced', reason = ?, bounced_at = ?, bounce_code = ?,
			sent_at = COALESCE(sent_at, handover_at), ended_at = UTC_TIMESTAMP(6) WHERE id = ? AND `+mayBeAccepted,
			clip(v.Reason()), v.At, v.Code, v.Email.ID)
		if done = n > 0 || again; err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO reminder_bounces
			(email_id, run_id, borrower_id, address, class, code, reason, bad, came_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON DUPLICATE KEY UPDATE address = VALUES(address), class = VALUES(class), code = VALUES(code),
			reason = VALUES(reason), bad = VALUES(bad), came_at = VALUES(came_at)`,
			v.Email.ID, v.Email.Run, v.Email.Borrower, v.Email.Address, v.Class, v.Code, clip(v.Text), v.Bad, v.At)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE reminder_notices SET dropped = 'bounced' WHERE email_id = ? AND dropped = ''", v.Email.ID)
		return err
	})
	return done, fault("record what came back", err)
}

// RunCounts counts a run's accepted emails, and those of them that came back.
func (s *Store) RunCounts(ctx context.Context, run string) (accepted, bounced int, err error) {
	err = s.DB.Row(ctx, []any{&accepted, &bounced}, `SELECT COUNT(*), COALESCE(SUM(state = 'bounced'), 0) FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 30 DAY) AND run_id = ? AND state IN ('sent', 'bounced')`, run)
	return accepted, bounced, fault("count what came back", err)
}

// Mark records the addresses of a run as bad according to its verdicts; with none it undoes that. Notices to a bad
// address are void, so they are promised again when the address changes, as after a refusal.
func (s *Store) Mark(ctx context.Context, run string, none bool) error {
	statements := []string{`INSERT INTO reminder_bad_addresses (borrower_id, digest, reason, since)
			SELECT b.borrower_id, b.address, b.reason, b.came_at FROM reminder_bounces b WHERE b.run_id = ? AND b.bad = 1
			ON DUPLICATE KEY UPDATE digest = b.address, reason = b.reason, since = b.came_at`,
		`UPDATE reminder_notices n JOIN reminder_bounces b ON b.email_id = n.email_id SET n.dropped = 'bad_address'
			WHERE b.run_id = ? AND b.bad = 1 AND n.dropped = 'bounced'`,
		"UPDATE reminder_bounces SET bad = 2 WHERE run_id = ? AND bad = 1"}
	if none {
		statements = []string{`DELETE a FROM reminder_bad_addresses a JOIN reminder_bounces b ON b.borrower_id = a.borrower_id AND b.address = a.digest
			WHERE b.run_id = ? AND b.bad = 2`,
			`UPDATE reminder_notices n JOIN reminder_bounces b ON b.email_id = n.email_id SET n.dropped = 'bounced'
			WHERE b.run_id = ? AND b.bad = 2 AND n.dropped = 'bad_address'`,
			"UPDATE reminder_bounces SET bad = 0 WHERE run_id = ? AND bad > 0"}
	}
	return fault("mark addresses", s.DB.Tx(ctx, func(tx *DB, _ bool) error {
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement, run); err != nil {
				return err
			}
		}
		return nil
	}))
}

// OptOut records that a borrower wants no reminders. how is one of feedback.OptOutByAnswer and OptOutByComplaint, or ""
// for a person at the desk.
func (s *Store) OptOut(ctx context.Context, borrower, how string, at time.Time) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_opt_outs (borrower_id, since, how) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE borrower_id = VALUES(borrower_id)`, borrower, at.Truncate(time.Second), how)
	return fault("store an opt-out", err)
}

// maxUnsettled is how many emails of unknown outcome are looked up at once.
const maxUnsettled = 30

// Unsettled returns the emails of unknown outcome that are to be looked up now, the oldest first. It leaves out those
// that a person canceled.
func (s *Store) Unsettled(ctx context.Context) ([]feedback.Handed, error) {
	emails, err := s.handedOver(ctx, "(state = 'unknown' AND next_at <= UTC_TIMESTAMP(6) OR state = 'queued' AND unknowns > 0) AND message_id IS NOT NULL AND reason NOT IN (?, ?) ORDER BY handover_at LIMIT ?",
		reminder.ReasonQuarantined, reminder.ReasonByPerson, maxUnsettled)
	return emails, fault("look for unknown emails", err)
}

// Neighbours returns up to three accepted emails handed over before an email, and three after it, the nearest first.
func (s *Store) Neighbours(ctx context.Context, e feedback.Handed) (before, after []feedback.Handed, err error) {
	const accepted, n = "state IN ('sent', 'bounced') AND message_id IS NOT NULL AND handover_at ", 3
	before, err = s.handedOver(ctx, accepted+"< ? ORDER BY handover_at DESC LIMIT ?", e.At, n)
	if err == nil {
		after, err = s.handedOver(ctx, accepted+"> ? ORDER BY handover_at LIMIT ?", e.At, n)
	}
	return before, after, fault("look for accepted emails", err)
}

// Resolve settles an email of unknown outcome.
func (s *Store) Resolve(ctx context.Context, e feedback.Handed, how feedback.Settlement) (bool, error) {
	set := "state = 'queued', next_at = UTC_TIMESTAMP(6), ended_at = NULL"
	switch how {
	case feedback.Sent:
		set = "state = 'sent', reason = '', sent_at = COALESCE(sent_at, handover_at), ended_at = UTC_TIMESTAMP(6)"
	case feedback.Again: // the next try is a new message, and this one does not count for MAIL_DAILY_LIMIT
		set += ", unknowns = 0, message_id = NULL, message_date = NULL, handover_at = NULL"
	case feedback.Leave: // it waits, so that the next look-ups get others
		set = "next_at = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL TIMESTAMPDIFF(SECOND, handover_at, UTC_TIMESTAMP(6)) DIV 4 SECOND)"
		if e.State != reminder.StateUnknown {
			return false, nil
		}
	}
	n, err := s.DB.Exec(ctx, "UPDATE reminder_emails SET "+set+" WHERE id = ? AND state = ? AND unknowns = ? AND message_id = ?",
		e.ID, e.State, e.Unknowns, e.MessageID)
	return n > 0, fault("settle an unknown email", err)
}

// Refs returns which of the emails are on record, by ref, and whether each is queued and was never handed over.
func (s *Store) Refs(ctx context.Context, refs []string) (map[string]bool, error) {
	waits := map[string]bool{}
	for chunk := range slices.Chunk(refs, 500) {
		part, err := Pairs[string, bool](ctx, s.DB, `SELECT ref, state = 'queued' AND message_id IS NULL AND attempts = 0
			FROM reminder_emails WHERE ref IN (?)`, chunk)
		if err != nil {
			return nil, fault("look for sent emails", err)
		}
		maps.Copy(waits, part)
	}
	return waits, nil
}

// RecordSent records mails as sent that were sent before the records were restored from a backup. It returns how many.
func (s *Store) RecordSent(ctx context.Context, runID string, before []reminder.SentBefore) (n int, err error) {
	for _, b := range before {
		err := s.DB.Tx(ctx, func(tx *DB, again bool) error {
			guard := " AND state = 'queued' AND message_id IS NULL"
			if len(b.Email.Notices) > 0 {
				guard = ""
				err := insertEmails(ctx, tx, Terms{runID, reminder.StateSent, ""}, []reminder.Email{b.Email}, []string{b.Ref})
				if err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, `UPDATE reminder_emails SET state = 'sent', message_id = ?, message_date = ?, address = ?,
				handover_at = ?, sent_at = ?, ended_at = UTC_TIMESTAMP(6), attempts = 1, reason = '' WHERE ref = ?`+guard,
				b.MessageID, b.At, b.To, b.At, b.At, b.Ref)
			return err
		})
		if isDuplicate(err) { // the email or one of its notices is on record by now
			continue
		}
		if err != nil {
			return n, fault("record sent mails", err)
		}
		n++
	}
	return n, nil
}
