package mysql

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// batchSize is how many emails one transaction removes. It is so small that no run waits for it.
const batchSize = 500

// Prune removes the runs and the ended emails, with their notices, from before a time. A dry run counts them. Prune
// calls progress, when not nil, after each batch.
//
// A notice keeps a mail from being sent again. So it may be removed only when its cycle (loan, due date) can never be
// told about again. Two things must both be true:
//
//   - The cycle's due date lies before horizon, which the caller sets earlier than any day that a run still looks at
//     (REMINDER_MAX_OVERDUE_DAYS). So a loan that comes back into the view with its old due date, because a return was
//     entered by mistake and undone, is too old to be mailed.
//   - The loan is not open now. An open loan comes back into reach when REMINDER_MAX_OVERDUE_DAYS is raised, and
//     without its notices every step would be told again.
//
// An email is removed with all its notices or not at all. Emails that have not ended stay, whatever their age. A person
// may queue an email again meanwhile: so each batch is locked and read once more before it is removed. The newest run
// that worked and the newest email stay, because they say how far the records have come (see [reminder.Records]).
func (s *Store) Prune(ctx context.Context, before time.Time, horizon reminder.Date, dryRun bool,
	progress func(reminder.Pruned)) (done reminder.Pruned, err error) {
	views, err := s.Views(ctx)
	if err != nil {
		return done, err
	}
	newest, err := s.DB.Count(ctx, "SELECT COALESCE(MAX(id), 0) FROM reminder_emails")
	if err != nil {
		return done, fault("look for old emails", err)
	}
	for last, more := int64(0), true; more; {
		ids, err := Column[int64](ctx, s.DB, `SELECT id FROM reminder_emails
			WHERE id > ? AND id < ? AND `+endedBefore+" ORDER BY id LIMIT ?", last, newest, before, batchSize)
		if err != nil {
			return done, fault("look for old emails", err)
		}
		if more = len(ids) == batchSize; len(ids) == 0 {
			break
		}
		last = ids[len(ids)-1]
		var part reminder.Pruned
		err = s.DB.Tx(ctx, func(tx *DB, _ bool) (err error) {
			part, err = s.pruneBatch(ctx, tx, views, ids, before, horizon, dryRun)
			return err
		})
		if err != nil {
			return done, fault("remove old emails", err)
		}
		done.Emails, done.Notices, done.Kept = done.Emails+part.Emails, done.Notices+part.Notices, done.Kept+part.Kept
		if progress != nil {
			progress(done)
		}
	}
	worked, err := s.LastWorked(ctx)
	if err != nil {
		return done, err
	}
	if worked.Before(before) {
		before = worked
	}
	done.Runs, err = s.DB.Count(ctx, "SELECT COUNT(*) FROM reminder_runs WHERE started_at < ?", before)
	if err == nil && !dryRun {
		_, err = s.DB.Exec(ctx, "DELETE FROM reminder_runs WHERE started_at < ?", before)
	}
	if err == nil && !dryRun {
		_, err = s.DB.Exec(ctx, "DELETE FROM reminder_contacts WHERE contacted_at < ?", before)
	}
	return done, fault("remove old runs", err)
}

const endedBefore = "state IN ('sent', 'refused', 'canceled', 'expired', 'failed', 'unknown', 'bounced') AND ended_at < ?"

// pruneBatch removes the emails of a batch that are still old and whose cycles can never be told about again.
func (s *Store) pruneBatch(ctx context.Context, tx *DB, views *Views, ids []int64, before time.Time,
	horizon reminder.Date, dryRun bool) (p reminder.Pruned, err error) {
	old, err := Column[int64](ctx, tx, "SELECT id FROM reminder_emails WHERE id IN (?) AND "+endedBefore+" FOR UPDATE", ids,
		before)
	if err != nil || len(old) == 0 {
		return p, err
	}
	type row struct {
		loan  string
		due   reminder.Date
		email int64
	}
	rows, err := List(ctx, tx, func(r *row) []any { return []any{ident{nil, &r.loan}, &r.due, &r.email} },
		"SELECT loan_id, due_date, email_id FROM reminder_notices WHERE email_id IN (?)", ids)
	if err != nil {
		return p, err
	}
	of, notices, keep := map[string][]int64{}, map[int64]int{}, map[int64]bool{}
	for _, r := range rows {
		of[r.loan] = append(of[r.loan], r.email)
		notices[r.email]++
		keep[r.email] = keep[r.email] || !r.due.Before(horizon)
	}
	open, err := s.open(ctx, tx, views, slices.Collect(maps.Keys(of)))
	if err != nil {
		return p, err
	}
	for _, loan := range open {
		for _, id := range of[loan] {
			keep[id] = true
		}
	}
	var remove []int64
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
		return p, nil
	}
	for _, statement := range []string{"DELETE FROM reminder_notices WHERE email_id IN (?)",
		"DELETE FROM reminder_bounces WHERE email_id IN (?)",
		"DELETE FROM reminder_emails WHERE id IN (?)"} {
		if _, err := tx.Exec(ctx, statement, remove); err != nil {
			return p, err
		}
	}
	return p, nil
}

// open returns which of some loans are open, or all of them when the database cannot say.
func (s *Store) open(ctx context.Context, db *DB, views *Views, loans []string) (open []string, err error) {
	if slices.ContainsFunc(loans, IsHash) { // loans of a borrower who was forgotten
		secret, err := Secret(ctx, db)
		if err != nil {
			return nil, err
		}
		all, err := s.IDs(ctx, "SELECT loan_id FROM reminder_loans")
		if err != nil {
			return loans, nil
		}
		wanted := SetOf(loans)
		for _, id := range all {
			if hash := HashOf(secret, id); wanted[hash] {
				open = append(open, hash)
			}
		}
	}
	condition, args := views.Where("loan_id", slices.DeleteFunc(slices.Clone(loans), IsHash))
	ids, err := List(ctx, db, func(id *string) []any { return []any{views.Ident(id)} },
		"SELECT loan_id FROM reminder_loans"+condition, args...)
	if OfData(err) {
		return loans, nil
	}
	return append(open, ids...), err
}

// prune is the name of the row of reminder_state that says when a run is to prune next.
const prune = "prune"

// SetPruneDue stores when a run is to prune next.
func (s *Store) SetPruneDue(ctx context.Context, due time.Time) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_state (name, kind, reason, until_at) VALUES (?, '', '', ?)
		ON DUPLICATE KEY UPDATE until_at = VALUES(until_at)`, prune, due)
	return fault("store when to remove old records", err)
}
