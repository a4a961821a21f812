package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Pruned counts what Prune removed, or would remove.
type Pruned struct {
	Emails  int `json:"emails"`
	Notices int `json:"notices"`
	Runs    int `json:"runs"`
	Kept    int `json:"kept"` // emails that are old enough, but speak about a loan that may be told about again
}

// pruneBatch is how many emails one transaction removes: small enough that a run does not wait for it.
const pruneBatch = 500

// Prune removes runs and ended emails, with their notices, from before a moment. A dry run counts them. Progress, when
// not nil, is called after each batch.
//
// A notice is what keeps a mail from being sent again, so it may go only when its cycle (loan, due date) can never be
// told about again. Two things must both be true:
//
//   - The cycle's due date lies before horizon, which the caller sets earlier than any day that a run still looks at
//     (REMINDER_MAX_OVERDUE_DAYS). So a loan that comes back into the view with its old due date, because a return was
//     entered by mistake and undone, is too old to be mailed.
//   - The loan is not open now. An open loan is out of reach only as long as REMINDER_MAX_OVERDUE_DAYS stays what it
//     is; were it raised, a loan without its notices would be told everything again.
//
// An email goes with all its notices or not at all. Emails that have not ended stay whatever their age, and so does
// what a person queues again while this runs: each batch is locked and looked at once more before it is removed. The
// newest run that worked and the newest email stay, because they say how far the records have come (see
// [reminder.Records]).
func (s *Store) Prune(ctx context.Context, before time.Time, horizon reminder.Date, dryRun bool,
	progress func(Pruned)) (p Pruned, err error) {
	open, err := set(ctx, s, "SELECT loan_id FROM reminder_loans")
	if err != nil {
		return p, fault("read the loans", err)
	}
	newest, err := s.count(ctx, "SELECT COALESCE(MAX(id), 0) FROM reminder_emails")
	if err != nil {
		return p, fault("look for old emails", err)
	}
	for last, more := int64(0), true; more; {
		ids, err := column[int64](ctx, s, "SELECT id FROM reminder_emails WHERE id > ? AND id < ? AND "+endedBefore+" ORDER BY id LIMIT ?", last, newest, formatTime(before), pruneBatch)
		if err != nil {
			return p, fault("look for old emails", err)
		}
		if more = len(ids) == pruneBatch; len(ids) == 0 {
			break
		}
		last = ids[len(ids)-1]
		done := p
		err = s.tx(ctx, func(tx *sql.Tx, _ bool) error {
			p = done
			return p.batch(ctx, tx, ids, before, horizon, open, dryRun)
		})
		if err != nil {
			return done, fault("remove old emails", err)
		}
		if progress != nil {
			progress(p)
		}
	}
	worked, err := s.LastWorked(ctx)
	if err != nil {
		return p, err
	}
	if worked.Before(before) {
		before = worked
	}
	if p.Runs, err = s.count(ctx, "SELECT COUNT(*) FROM reminder_runs WHERE started_at < ?",
		formatTime(before)); err == nil && !dryRun {
		_, err = s.exec(ctx, "DELETE FROM reminder_runs WHERE started_at < ?", formatTime(before))
	}
	return p, fault("remove old runs", err)
}

const endedBefore = "state IN ('sent', 'refused', 'canceled', 'expired', 'failed', 'unknown', 'bounced') AND ended_at < ?"

// batch removes those of some emails that are still old, and whose cycles cannot come back.
func (p *Pruned) batch(ctx context.Context, tx *sql.Tx, ids []int64, before time.Time, horizon reminder.Date,
	open map[string]bool, dryRun bool) error {
	args := anys(ids)
	var old []int64
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		old = append(old, id)
		return err
	}, "SELECT id FROM reminder_emails WHERE id IN ("+marks(len(ids))+") AND "+endedBefore+" FOR UPDATE",
		append(slices.Clone(args), formatTime(before))...)
	if err != nil || len(old) == 0 {
		return err
	}
	notices, keep := map[int64]int{}, map[int64]bool{}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		var c reminder.Cycle
		var id int64
		if err := scanCycle(rows, &c, &id); err != nil {
			return err
		}
		notices[id]++
		keep[id] = keep[id] || open[c.Loan] || !c.Due.Before(horizon)
		return nil
	}, "SELECT loan_id, due_date, kind, email_id FROM reminder_notices WHERE email_id IN ("+marks(len(ids))+")", args...)
	if err != nil {
		return err
	}
	remove := args[:0]
	for _, id := range old {
		if keep[id] {
			p.Kept++
			continue
		}
		p.Emails++
		p.Notices += notices[id]
		remove = append(remove, id)
	}
	if dryRun || len(remove) == 0 {
		return nil
	}
	for _, statement := range []string{"DELETE FROM reminder_notices WHERE email_id IN (",
		"DELETE FROM reminder_bounces WHERE email_id IN (",
		"DELETE FROM reminder_emails WHERE id IN ("} {
		if _, err := tx.ExecContext(ctx, statement+marks(len(remove))+")", remove...); err != nil {
			return err
		}
	}
	return nil
}
