package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// What a person at the desk looks at and changes. Runs may be at work meanwhile: each change names the states that it
// may start from.

// A Listed is an email as a list shows it.
type Listed struct {
	ID       int64          `json:"id"`
	Kind     reminder.Kind  `json:"kind"`
	Borrower string         `json:"borrower_id"`
	Loans    []string       `json:"loan_ids"`
	State    reminder.State `json:"state"`
	Reason   string         `json:"reason"`
	Attempts int            `json:"attempts"`
	Promised time.Time      `json:"promised_at"`
	Ended    time.Time      `json:"ended_at,omitzero"`
}

// List returns the emails in some states, the newest first.
func (s *Store) List(ctx context.Context, states ...reminder.State) ([]Listed, error) {
	emails := []Listed{}
	err := s.read(ctx, func() { emails = []Listed{} }, func(rows *sql.Rows) error {
		var l Listed
		var loan string
		err := rows.Scan(&l.ID, &l.Kind, &l.Borrower, &l.State, &l.Reason, &l.Attempts, datetime{&l.Promised},
			datetime{&l.Ended}, text{&loan})
		if err != nil {
			return err
		}
		if n := len(emails); n == 0 || emails[n-1].ID != l.ID {
			l.Loans = []string{}
			emails = append(emails, l)
		}
		if last := &emails[len(emails)-1]; loan != "" && !slices.Contains(last.Loans, loan) {
			last.Loans = append(last.Loans, loan)
		}
		return nil
	}, `SELECT e.id, e.kind, e.borrower_id, e.state, e.reason, e.attempts, e.created_at, e.ended_at, n.loan_id
		FROM reminder_emails e LEFT JOIN reminder_notices n ON n.email_id = e.id
		WHERE e.state IN (`+marks(len(states))+") ORDER BY e.id DESC, n.loan_id", anys(states)...)
	return emails, fault("list the emails", err)
}

// Retry queues emails again that failed, were refused, came back, or have an unknown outcome; all of a state when ids
// is empty. A refused address is forgotten, because whoever asks has mended it. It returns how many it queued.
func (s *Store) Retry(ctx context.Context, ids []int64, states ...reminder.State) (int, error) {
	where, args := chosen(ids, states)
	n, err := s.requeue(ctx, "reason = '', crashes = 0", where, args)
	return n, fault("queue emails again", err)
}

// requeue queues emails with all their tries and undoes what was recorded with their end. It returns how many it
// queued.
func (s *Store) requeue(ctx context.Context, set, where string, args []any) (int, error) {
	var n int64
	err := s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM reminder_bad_addresses WHERE borrower_id IN
			(SELECT borrower_id FROM reminder_emails WHERE state IN ('refused', 'bounced') AND `+where+")", args...)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE reminder_notices SET dropped = '' WHERE dropped IN ('failed', 'refused', 'bad_address', 'bounced') AND email_id IN
			(SELECT id FROM reminder_emails WHERE `+where+")", args...)
		if err != nil {
			return err
		}
		// An unknown email keeps its Message-ID: the first copy may have arrived. One that came back did not.
		res, err := tx.ExecContext(ctx, "UPDATE reminder_emails SET "+set+`, unknowns = IF(state = 'bounced', 0, unknowns),
			message_id = IF(unknowns > 0, message_id, NULL), message_date = IF(unknowns > 0, message_date, NULL),
			handover_at = IF(unknowns > 0, handover_at, NULL), state = 'queued', attempts = 0, ended_at = NULL, bounced_at = NULL, bounce_code = '',
			next_at = UTC_TIMESTAMP(6) WHERE `+where, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), err
}

// Cancelable are the states from which a person may cancel an email.
var Cancelable = []reminder.State{reminder.StateQueued, reminder.StateFailed, reminder.StateRefused,
	reminder.StateUnknown, reminder.StateBounced}

// Cancel ends emails that wait, failed, were refused, came back, or have an unknown outcome. It returns how many it
// ended.
func (s *Store) Cancel(ctx context.Context, ids []int64) (int, error) {
	where, args := chosen(ids, Cancelable)
	var n int64
	err := s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		res, err := tx.ExecContext(ctx, `UPDATE reminder_emails SET state = 'canceled', reason = 'by a person', ended_at = UTC_TIMESTAMP(6)
			WHERE `+where, args...)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		// What was surely not sent does not count as a reminder, and is not promised anew.
		_, err = tx.ExecContext(ctx, `UPDATE reminder_emails e JOIN reminder_notices n ON n.email_id = e.id SET n.dropped = ?
			WHERE e.state = 'canceled' AND e.reason = 'by a person' AND e.unknowns = 0 AND n.dropped IN ('', 'failed')`, reminder.ReasonByPerson)
		return err
	})
	return int(n), fault("cancel emails", err)
}

// States returns the states of those of these emails that exist.
func (s *Store) States(ctx context.Context, ids []int64) (map[int64]reminder.State, error) {
	is := map[int64]reminder.State{}
	if len(ids) == 0 {
		return is, nil
	}
	err := s.read(ctx, func() { clear(is) }, func(rows *sql.Rows) error {
		var id int64
		var state reminder.State
		err := rows.Scan(&id, &state)
		is[id] = state
		return err
	}, "SELECT id, state FROM reminder_emails WHERE id IN ("+marks(len(ids))+")", anys(ids)...)
	return is, fault("look for the emails", err)
}

// chosen is the condition for emails by id, or all, in some states.
func chosen(ids []int64, states []reminder.State) (where string, args []any) {
	where = "state IN (" + marks(len(states)) + ")"
	if len(ids) > 0 {
		where += " AND id IN (" + marks(len(ids)) + ")"
	}
	return where, append(anys(states), anys(ids)...)
}

// A Closure is one row of reminder_closed_days.
type Closure struct {
	First reminder.Date `json:"first_day"`
	Last  reminder.Date `json:"last_day"`
	Name  string        `json:"name"`
}

// Closures returns all dated closures, the earliest first.
func (s *Store) Closures(ctx context.Context) ([]Closure, error) {
	return s.closures(ctx, reminder.Date{Year: 1000, Month: 1, Day: 1})
}

// closures returns those that end on a day or later.
func (s *Store) closures(ctx context.Context, from reminder.Date) ([]Closure, error) {
	closures, err := list(ctx, s, func(rows *sql.Rows, c *Closure) error {
		return rows.Scan(day{&c.First}, day{&c.Last}, &c.Name)
	}, "SELECT first_day, last_day, name FROM reminder_closed_days WHERE last_day >= ? ORDER BY first_day, last_day",
		from.String())
	return closures, fault("read the closed days", err)
}

// AddClosure stores a closure, or renames it.
func (s *Store) AddClosure(ctx context.Context, c Closure) error {
	_, err := s.exec(ctx, "INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE name = ?",
		c.First.String(), c.Last.String(), c.Name, c.Name)
	return fault("store a closure", err)
}

// RemoveClosure removes a closure and reports whether there was one.
func (s *Store) RemoveClosure(ctx context.Context, c Closure) (bool, error) {
	n, err := s.exec(ctx, "DELETE FROM reminder_closed_days WHERE first_day = ? AND last_day = ?", c.First.String(),
		c.Last.String())
	return n > 0, fault("remove a closure", err)
}

// AddOptOut keeps a borrower from being reminded.
func (s *Store) AddOptOut(ctx context.Context, borrower string, now time.Time) error {
	_, err := s.exec(ctx, "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES (?, ?) ON DUPLICATE KEY UPDATE borrower_id = borrower_id",
		borrower, now.UTC().Format("2006-01-02 15:04:05"))
	return fault("store an opt-out", err)
}

// RemoveOptOut lets a borrower be reminded again and reports whether they had opted out.
func (s *Store) RemoveOptOut(ctx context.Context, borrower string) (bool, error) {
	secret, err := secretOf(ctx, s.db)
	var n int64
	if err == nil {
		n, err = s.exec(ctx, "DELETE FROM reminder_opt_outs WHERE borrower_id IN (?, ?)", borrower, hashOf(secret, borrower))
	}
	return n > 0, fault("remove an opt-out", err)
}

// maxFound is how many loans a search returns: more than a person reads.
const maxFound = 200

// Search returns the open loans that match, by borrower and due date, and how many more match. key is what was typed.
// It is compared with ids, numbers and item codes, and its longest word is looked for in names and addresses; of those
// the database finds, match decides with what a search compares: ids, Ref, ItemCode, name and address.
func (s *Store) Search(ctx context.Context, key string, match func(reminder.Loan) bool) ([]reminder.Loan, int, error) {
	views, err := s.views(ctx)
	if err != nil {
		return nil, 0, err
	}
	words := strings.Fields(strings.ToLower(key))
	if len(words) == 0 {
		return nil, 0, nil
	}
	longest := slices.MaxFunc(words, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	like := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(longest) + "%"
	var ids []string
	err = s.read(ctx, func() { ids = nil }, func(rows *sql.Rows) error {
		var l reminder.Loan
		b := &l.Borrower
		err := rows.Scan(ident{s, &l.ID}, ident{s, &b.ID}, prose{&b.Name}, cell{&b.Email}, prose{&l.Ref}, prose{&l.ItemCode})
		if err == nil && match(l) {
			ids = append(ids, l.ID)
		}
		return err
	}, "SELECT loan_id, borrower_id, borrower_name, email, loan_ref, item_code FROM (SELECT "+
		views.list("loan_id", "borrower_id", "borrower_name", "email", "due_at", "loan_ref", "item_code")+` FROM reminder_loans) AS loans
		WHERE loan_id = ? OR borrower_id = ? OR loan_ref = ? OR item_code = ?
		OR LOWER(borrower_name) LIKE ? ESCAPE '!' OR LOWER(email) LIKE ? ESCAPE '!'
		ORDER BY borrower_name, borrower_id, due_at, loan_id`, key, key, key, key, like, like)
	if err == nil && len(ids) == 0 || ofData(err) {
		// What is stored around or in place of what was typed, or a cell that cannot be computed, may hide it from the
		// database.
		ids = nil
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			if match(l) {
				ids = append(ids, l.ID)
			}
			return nil
		})
	}
	if err != nil {
		return nil, 0, fault("search", err)
	}
	shown := ids[:min(len(ids), maxFound)]
	loans, err := s.byID(ctx, shown)
	slices.SortFunc(loans, func(a, b reminder.Loan) int {
		return cmp.Compare(slices.Index(shown, a.ID), slices.Index(shown, b.ID))
	})
	return loans, len(ids) - len(shown), err
}

// Loans returns the open loans with these ids.
func (s *Store) Loans(ctx context.Context, ids []string) (map[string]reminder.Loan, error) {
	loans := map[string]reminder.Loan{}
	for chunk := range slices.Chunk(ids, maxFound) {
		read, err := s.byID(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, l := range read {
			loans[l.ID] = l
		}
	}
	return loans, nil
}

// LoansOf returns an open loan of each of these borrowers who has one.
func (s *Store) LoansOf(ctx context.Context, borrowers []string) (map[string]reminder.Loan, error) {
	of := map[string]reminder.Loan{}
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(borrowers, maxFound) {
		condition, args := s.where(views, "borrower_id", chunk)
		ids, err := s.ids(ctx, "SELECT MIN(loan_id) FROM reminder_loans"+condition+" GROUP BY borrower_id", args...)
		if err != nil {
			return nil, fault("look for the borrowers", err)
		}
		loans, err := s.byID(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, l := range loans {
			of[l.Borrower.ID] = l
		}
	}
	return of, nil
}

// Known reports whether a borrower is on record although no loan may be open: was reminded, or opted out.
func (s *Store) Known(ctx context.Context, borrower string) (bool, error) {
	n, err := s.count(ctx, "SELECT (SELECT COUNT(*) FROM reminder_emails WHERE borrower_id = ?) + "+
		"(SELECT COUNT(*) FROM reminder_opt_outs WHERE borrower_id = ?)", borrower, borrower)
	return n > 0, fault("look for a borrower", err)
}

// FindLoan returns the open loans with an id or, if there is none, with a number or item code that the desk knows.
func (s *Store) FindLoan(ctx context.Context, key string) ([]reminder.Loan, error) {
	loans, err := s.byID(ctx, []string{key})
	if err != nil || len(loans) > 0 {
		return loans, err
	}
	views, err := s.views(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := s.ids(ctx, "SELECT loan_id FROM (SELECT "+views.list("loan_id", "loan_ref", "item_code")+
		" FROM reminder_loans) AS loans WHERE loan_ref = ? OR item_code = ? LIMIT 10", key, key)
	if err == nil && len(ids) == 0 || ofData(err) {
		// What pads an id, or a cell that cannot be computed, may keep the database from finding it.
		err = s.salvageLoans(ctx, math.MaxInt, func(l reminder.Loan, _ string) error {
			if l.ID == key || l.Ref == key || l.ItemCode == key {
				loans = append(loans, l)
			}
			return nil
		})
		return loans, fault("look for a loan", err)
	}
	if err != nil {
		return nil, fault("look for a loan", err)
	}
	return s.byID(ctx, ids)
}

// ids reads a query's only column, of ids.
func (s *Store) ids(ctx context.Context, query string, args ...any) ([]string, error) {
	return list(ctx, s, func(rows *sql.Rows, loan *string) error { return rows.Scan(ident{s, loan}) }, query, args...)
}

// A PastNotice is what was promised about a loan, and what became of it.
type PastNotice struct {
	reminder.Notice
	Borrower string         `json:"borrower_id"` // whose email it is
	Dropped  string         `json:"dropped"`     // why the borrower was not told, or ""
	Email    int64          `json:"email_id"`
	State    reminder.State `json:"state"`
	Reason   string         `json:"reason"`
	Promised time.Time      `json:"promised_at"`
	Sent     time.Time      `json:"sent_at,omitzero"` // zero: not sent
}

// PastNotices returns what was promised about a loan, the oldest first.
func (s *Store) PastNotices(ctx context.Context, loan string) ([]PastNotice, error) {
	of, err := hashes(ctx, s.db, []string{loan})
	if err != nil {
		return nil, fault("read what was promised", err)
	}
	ids := []string{loan}
	for hash := range of {
		ids = append(ids, hash)
	}
	past, err := list(ctx, s, func(rows *sql.Rows, p *PastNotice) error {
		err := rows.Scan(&p.Loan, day{&p.Due}, &p.Kind, &p.Step, &p.Number, &p.Dropped, &p.Borrower, &p.Email, &p.State,
			&p.Reason,
			datetime{&p.Promised}, datetime{&p.Sent})
		if strings.HasPrefix(p.Loan, forgotten) {
			p.Loan, p.Borrower = loan, ""
		}
		restoreMoved(&p.Step, &p.Dropped)
		return err
	}, `SELECT n.loan_id, n.due_date, n.kind, n.step, n.number, n.dropped, COALESCE(e.borrower_id, ''), n.email_id,
		COALESCE(e.state, 'unknown'), COALESCE(e.reason, ''), e.created_at, e.sent_at
		FROM reminder_notices n LEFT JOIN reminder_emails e ON e.id = n.email_id WHERE n.loan_id IN (`+marks(len(ids))+") ORDER BY e.created_at, n.step", anys(ids)...)
	return past, fault("read what was promised", err)
}
