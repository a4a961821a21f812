package mysql

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
)

// feedbackPlace is the name under which it is kept how far the source of feedback has been read.
const feedbackPlace = "feedback"

// Place returns how far the source of feedback has been read, or "".
func (s *Store) Place(ctx context.Context) (string, error) {
	places, err := column[string](ctx, s, "SELECT reason FROM reminder_state WHERE name = ?", feedbackPlace)
	return strings.Join(places, ""), fault("read the place in the feedback", err)
}

// KeepPlace stores how far the source of feedback has been read.
func (s *Store) KeepPlace(ctx context.Context, at string) error {
	_, err := s.exec(ctx, "INSERT INTO reminder_state (name, kind, reason) VALUES (?, '', ?) ON DUPLICATE KEY UPDATE reason = ?", feedbackPlace, at, at)
	return fault("store the place in the feedback", err)
}

// handedOver reads emails that were handed over within the time in which something can come back.
func (s *Store) handedOver(ctx context.Context, where string, args ...any) ([]feedback.Handed, error) {
	return list(ctx, s, func(rows *sql.Rows, e *feedback.Handed) error {
		var address []byte
		var micros int64
		err := rows.Scan(&e.ID, &e.Ref, text{&e.MessageID}, &e.Receipt, &e.Kind, ident{nil, &e.Borrower}, &e.Run, &e.State,
			&e.Unknowns, &address,
			datetime{&e.At}, &micros)
		copy(e.Address[:], address)
		e.Age = time.Duration(micros) * time.Microsecond
		return err
	}, `SELECT id, ref, message_id, receipt_id, kind, borrower_id, run_id, state, unknowns, address, handover_at,
		TIMESTAMPDIFF(MICROSECOND, handover_at, UTC_TIMESTAMP(6)) FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL ? DAY) AND `+where, append([]any{int(feedback.MaxAge / (24 * time.Hour))}, args...)...)
}

// mayBeOut is the condition that an email was accepted or may have been, and is not on its way again.
const mayBeOut = "(state IN ('sent', 'unknown') OR state = 'queued' AND unknowns > 0)"

// Named returns the emails that names name.
func (s *Store) Named(ctx context.Context, names feedback.Names) ([]feedback.Handed, error) {
	var either []string
	var args []any
	add := func(column string, values []any) {
		if len(values) > 0 {
			either, args = append(either, column+" IN ("+marks(len(values))+")"), append(args, values...)
		}
	}
	add("message_id", anys(names.IDs))
	add("ref", anys(names.Refs))
	add("receipt_id", anys(names.Receipts))
	digests := make([]any, len(names.Addresses))
	for i, d := range names.Addresses {
		digests[i] = d[:]
	}
	add("address", digests)
	if len(either) == 0 {
		return nil, nil
	}
	emails, err := s.handedOver(ctx, "("+mayBeOut+" OR state = 'bounced') AND ("+strings.Join(either,
		" OR ")+") ORDER BY handover_at DESC", args...)
	return emails, fault("look for what came back", err)
}

// CameBack returns what has come back from an address of a borrower in the last two months.
func (s *Store) CameBack(ctx context.Context, borrower string, address reminder.Digest) ([]feedback.Verdict, error) {
	earlier, err := list(ctx, s, func(rows *sql.Rows, v *feedback.Verdict) error {
		return rows.Scan(&v.Email.ID, &v.Class, datetime{&v.At})
	}, `SELECT email_id, class, came_at FROM reminder_bounces WHERE borrower_id = ? AND address = ?
		AND came_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 60 DAY)`, borrower, address[:])
	return earlier, fault("read what came back earlier", err)
}

// Bounce records a verdict. The notices of the email do not count as told.
func (s *Store) Bounce(ctx context.Context, v feedback.Verdict) (done bool, err error) {
	err = s.tx(ctx, func(tx *sql.Tx, again bool) error {
		res, err := tx.ExecContext(ctx, `UPDATE reminder_emails SET state = 'bounced', reason = ?, bounced_at = ?, bounce_code = ?,
			sent_at = COALESCE(sent_at, handover_at), ended_at = UTC_TIMESTAMP(6) WHERE id = ? AND `+mayBeOut,
			clip(v.Reason()), formatTime(v.At), v.Code, v.Email.ID)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if done = n > 0 || again; err != nil || n == 0 {
			return err
		}
		class, code, reason, at := string(v.Class), v.Code, clip(v.Text), formatTime(v.At)
		_, err = tx.ExecContext(ctx, `INSERT INTO reminder_bounces (email_id, run_id, borrower_id, address, class, code, reason, bad, came_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE address = ?, class = ?, code = ?, reason = ?, bad = ?, came_at = ?`,
			v.Email.ID, v.Email.Run, v.Email.Borrower, v.Email.Address[:], class, code, reason, v.Bad, at,
			v.Email.Address[:], class, code, reason, v.Bad, at)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE reminder_notices SET dropped = 'bounced' WHERE email_id = ? AND dropped = ''",
			v.Email.ID)
		return err
	})
	return done, fault("record what came back", err)
}

// CameBackLast returns the cycles of loans whose newest notice came back.
func (s *Store) CameBackLast(ctx context.Context) (map[reminder.Cycle]bool, error) {
	back := map[reminder.Cycle]bool{}
	err := s.read(ctx, func() { clear(back) }, func(rows *sql.Rows) error {
		var c reminder.Cycle
		err := scanCycle(rows, &c)
		back[c] = true
		return err
	}, `SELECT n.loan_id, n.due_date, n.kind FROM reminder_emails e JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.state = 'bounced' AND n.dropped = 'bounced' AND NOT EXISTS (SELECT 1 FROM reminder_notices later WHERE later.loan_id = n.loan_id
		AND later.due_date = n.due_date AND later.kind = n.kind AND later.step > n.step)`)
	return back, fault("look for what came back", err)
}

// RunCounts counts a run's accepted emails, and those of them that came back.
func (s *Store) RunCounts(ctx context.Context, run string) (accepted, bounced int, err error) {
	err = s.row(ctx, []any{&accepted, &bounced}, `SELECT COUNT(*), COALESCE(SUM(state = 'bounced'), 0) FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 30 DAY) AND run_id = ? AND state IN ('sent', 'bounced')`, run)
	return accepted, bounced, fault("count what came back", err)
}

// Mark makes the addresses of a run's verdicts bad, or takes that back. What is known under a bad address is told anew
// when the address changes, as after a refusal.
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
	return fault("mark addresses", s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement, run); err != nil {
				return err
			}
		}
		return nil
	}))
}

// OptOut keeps a borrower from being reminded, by what came back: an answer, a complaint.
func (s *Store) OptOut(ctx context.Context, borrower, how string, at time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO reminder_opt_outs (borrower_id, since, how) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE borrower_id = borrower_id`, borrower, stamp(at), how)
	return fault("store an opt-out", err)
}

// An OptOut is a borrower's that came by mail.
type OptOut struct {
	Borrower string
	How      string
	At       time.Time
}

// OptOuts returns those that came by mail from a moment on, the newest first.
func (s *Store) OptOuts(ctx context.Context, from time.Time) (list []OptOut, err error) {
	err = s.read(ctx, func() { list = nil }, func(rows *sql.Rows) error {
		var o OptOut
		err := rows.Scan(ident{nil, &o.Borrower}, &o.How, datetime{&o.At})
		list = append(list, o)
		return err
	}, "SELECT borrower_id, how, since FROM reminder_opt_outs WHERE how <> '' AND since >= ? ORDER BY since DESC, borrower_id",
		stamp(from))
	return list, fault("read the opt-outs", err)
}

// maxUnsettled is how many emails of unknown outcome are looked up at once.
const maxUnsettled = 30

// Unsettled returns emails of unknown outcome whose turn it is, the oldest first. What a person canceled is settled.
func (s *Store) Unsettled(ctx context.Context) ([]feedback.Handed, error) {
	emails, err := s.handedOver(ctx, "(state = 'unknown' AND next_at <= UTC_TIMESTAMP(6) OR state = 'queued' AND unknowns > 0) AND message_id IS NOT NULL AND reason NOT IN (?, ?) ORDER BY handover_at LIMIT ?",
		reminder.ReasonQuarantined, reminder.ReasonByPerson, maxUnsettled)
	return emails, fault("look for unknown emails", err)
}

// Neighbours returns the accepted emails next to another one.
func (s *Store) Neighbours(ctx context.Context, e feedback.Handed) (before, after []feedback.Handed, err error) {
	const accepted, n = "state IN ('sent', 'bounced') AND message_id IS NOT NULL AND handover_at ", 3
	before, err = s.handedOver(ctx, accepted+"< ? ORDER BY handover_at DESC LIMIT ?", formatTime(e.At), n)
	if err == nil {
		after, err = s.handedOver(ctx, accepted+"> ? ORDER BY handover_at LIMIT ?", formatTime(e.At), n)
	}
	return before, after, fault("look for accepted emails", err)
}

// Resolve ends the doubt about an email.
func (s *Store) Resolve(ctx context.Context, e feedback.Handed, how feedback.Settlement) (bool, error) {
	set := "state = 'queued', next_at = UTC_TIMESTAMP(6), ended_at = NULL"
	switch how {
	case feedback.Sent:
		set = "state = 'sent', reason = '', sent_at = COALESCE(sent_at, handover_at), ended_at = UTC_TIMESTAMP(6)"
	// surely not accepted: the next try is a new message, and this one does not count for a daily limit
	case feedback.Again:
		set += ", unknowns = 0, message_id = NULL, message_date = NULL, handover_at = NULL"
	case feedback.Leave: // so that others get their turn
		set = "next_at = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL TIMESTAMPDIFF(SECOND, handover_at, UTC_TIMESTAMP(6)) DIV 4 SECOND)"
		if e.State != reminder.StateUnknown {
			return false, nil
		}
	}
	n, err := s.exec(ctx, "UPDATE reminder_emails SET "+set+" WHERE id = ? AND state = ? AND unknowns = ? AND message_id = ?",
		e.ID, string(e.State), e.Unknowns, e.MessageID)
	return n > 0, fault("settle an unknown email", err)
}

// Bounces counts the emails that came back since a moment and were not queued again, by class.
func (s *Store) Bounces(ctx context.Context, since time.Time) (map[mail.ReturnClass]int, error) {
	counts := map[mail.ReturnClass]int{}
	err := s.read(ctx, func() { clear(counts) }, func(rows *sql.Rows) error {
		var class mail.ReturnClass
		var n int
		err := rows.Scan(&class, &n)
		counts[class] = n
		return err
	}, `SELECT b.class, COUNT(*) FROM reminder_bounces b JOIN reminder_emails e ON e.id = b.email_id
		WHERE e.state = 'bounced' AND b.came_at >= ? GROUP BY b.class`, formatTime(since))
	return counts, fault("count what came back", err)
}

// AboutUs looks for what came back in the last week that is about the library's own mail.
func (s *Store) AboutUs(ctx context.Context) (reminder.AboutUs, error) {
	const lastWeek, several = "came_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 7 DAY)", 3
	runs, err := list(ctx, s, func(rows *sql.Rows, a *reminder.AboutUs) error {
		return rows.Scan(&a.Accepted, &a.Bounced, datetime{&a.Sent})
	}, `SELECT COUNT(*), SUM(state = 'bounced'), MIN(handover_at) AS began FROM reminder_emails
		WHERE handover_at > DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 30 DAY) AND state IN ('sent', 'bounced')
		AND run_id IN (SELECT run_id FROM reminder_bounces WHERE `+lastWeek+`) GROUP BY run_id ORDER BY began DESC`)
	if err != nil {
		return reminder.AboutUs{}, fault("count what came back", err)
	}
	var about reminder.AboutUs
	for _, run := range slices.Backward(runs) {
		if feedback.TooMany(run.Accepted, run.Bounced) {
			about = run
		}
	}
	days, err := list(ctx, s, func(rows *sql.Rows, a *reminder.AboutUs) error {
		return rows.Scan(&a.Refused, datetime{&a.Day})
	}, `SELECT COUNT(*), MAX(came_at) AS last FROM reminder_bounces WHERE class = 'policy' AND `+lastWeek+`
		GROUP BY DATE(came_at) HAVING COUNT(*) >= ? ORDER BY last DESC LIMIT 1`, several)
	if len(days) > 0 {
		about.Refused, about.Day = days[0].Refused, days[0].Day
	}
	return about, fault("count what came back", err)
}

// Refs returns which emails are on record, and whether they wait and were never handed over.
func (s *Store) Refs(ctx context.Context, refs []string) (map[string]bool, error) {
	waits := map[string]bool{}
	for chunk := range slices.Chunk(refs, 500) {
		err := s.read(ctx, func() {}, func(rows *sql.Rows) error {
			var ref string
			var waiting bool
			err := rows.Scan(&ref, &waiting)
			waits[ref] = waiting
			return err
		}, `SELECT ref, state = 'queued' AND message_id IS NULL AND attempts = 0 FROM reminder_emails
			WHERE ref IN (`+marks(len(chunk))+")", anys(chunk)...)
		if err != nil {
			return nil, fault("look for sent emails", err)
		}
	}
	return waits, nil
}

// PutBack records mails as sent that the records had forgotten.
func (s *Store) PutBack(ctx context.Context, runID string, before []reminder.SentBefore) (n int, err error) {
	for _, b := range before {
		err := s.tx(ctx, func(tx *sql.Tx, again bool) error {
			guard := " AND state = 'queued' AND message_id IS NULL"
			if len(b.Email.Notices) > 0 {
				guard = ""
				err := insertEmails(ctx, tx, promise{runID, reminder.StateSent, ""}, []reminder.Email{b.Email}, []string{b.Ref})
				if err != nil {
					return err
				}
			}
			at := formatTime(b.At)
			_, err := tx.ExecContext(ctx, `UPDATE reminder_emails SET state = 'sent', message_id = ?, message_date = ?, address = ?,
				handover_at = ?, sent_at = ?, ended_at = UTC_TIMESTAMP(6), attempts = 1, reason = '' WHERE ref = ?`+guard,
				b.MessageID, at, b.To[:], at, at, b.Ref)
			return err
		})
		if isDuplicate(err) { // on record by now, or told otherwise
			continue
		}
		if err != nil {
			return n, fault("put back what was sent", err)
		}
		n++
	}
	return n, nil
}
