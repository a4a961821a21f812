package mysql

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// What is kept of one borrower, handed out or erased.
//
// Who is forgotten is not told anything twice, and an opt-out keeps its effect. So what a key is made of stays, as a
// hash in the place of the id: of the borrower in emails and opt-outs, of the loan in notices. The hash is keyed with
// the database's secret. Whoever has the whole database and knows an id can still recognise its hash; nobody can get
// an id out of one.

// forgotten begins the hash that stands for an id.
const forgotten = "forgotten:"

// isForgotten is the condition that a column has such a hash. It is a range of an index.
func isForgotten(column string) string {
	return column + " >= 'forgotten:' AND " + column + " < 'forgotten;'"
}

func hashOf(secret, id string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("forgotten " + id))
	return forgotten + hex.EncodeToString(mac.Sum(nil))
}

// hashes returns loans by their hashes, or none when no loan on record is forgotten, as in most libraries.
func hashes(ctx context.Context, q querier, loans []string) (map[string]string, error) {
	some, err := count(ctx, q, "SELECT EXISTS (SELECT 1 FROM reminder_notices WHERE "+isForgotten("loan_id")+")")
	if err != nil || some == 0 {
		return nil, err
	}
	secret, err := secretOf(ctx, q)
	of := map[string]string{}
	for _, loan := range loans {
		of[hashOf(secret, loan)] = loan
	}
	return of, err
}

// secretOf reads the database's secret.
func secretOf(ctx context.Context, q querier) (secret string, err error) {
	err = each(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&secret) },
		"SELECT fingerprint FROM reminder_state WHERE name = ?", records)
	return secret, err
}

// errForgotten says that a notice which is about to be promised is on record under a hash.
var errForgotten = errors.New("promised to somebody who was forgotten since")

// checkForgotten returns errForgotten when emails that are being stored hold a notice that was promised to somebody
// whom a person had forgotten since the plan was made. The unique key does not know it any more.
func checkForgotten(ctx context.Context, tx *sql.Tx, chunk []reminder.Email) error {
	of, err := hashes(ctx, tx, loansOf(chunk))
	if err != nil || of == nil {
		return err
	}
	known, err := promised(ctx, tx, reminder.Date{}, nil, of)
	for _, e := range chunk {
		for _, n := range e.Notices {
			if known[n.Cycle].Promised(e.Borrower, n.Step) {
				err = errors.Join(err, errForgotten)
			}
		}
	}
	return err
}

func loansOf(emails []reminder.Email) (loans []string) {
	for _, e := range emails {
		for _, n := range e.Notices {
			loans = append(loans, n.Loan)
		}
	}
	return loans
}

// Kept is all that is kept of one borrower.
type Kept struct {
	Borrower   string       `json:"borrower_id"`
	Emails     []KeptEmail  `json:"emails"`
	Notices    []KeptNotice `json:"notices"`
	Bounces    []KeptBounce `json:"bounces"`
	BadAddress *KeptAddress `json:"bad_address"`
	OptedOut   time.Time    `json:"opted_out_at,omitzero"`
	OptedHow   string       `json:"opted_out_how,omitempty"` // as reminder_opt_outs has it
	Contacts   []Contact    `json:"contacts"`
}

// A KeptEmail is a row of reminder_emails.
type KeptEmail struct {
	ID         int64          `json:"id"`
	Kind       reminder.Kind  `json:"kind"`
	State      reminder.State `json:"state"`
	Reason     string         `json:"reason"`
	MessageID  string         `json:"message_id"`
	Receipt    string         `json:"receipt_id"`
	Address    string         `json:"address_sha256"`
	Promised   time.Time      `json:"promised_at"`
	Sent       time.Time      `json:"sent_at,omitzero"`
	Ended      time.Time      `json:"ended_at,omitzero"`
	Bounced    time.Time      `json:"bounced_at,omitzero"`
	BounceCode string         `json:"bounce_code"`
}

// A KeptNotice is a row of reminder_notices.
type KeptNotice struct {
	reminder.Notice
	Dropped string `json:"dropped"`
	Email   int64  `json:"email_id"`
}

// A KeptBounce is a row of reminder_bounces.
type KeptBounce struct {
	Email   int64     `json:"email_id"`
	Class   string    `json:"class"`
	Code    string    `json:"code"`
	Reason  string    `json:"reason"`
	Address string    `json:"address_sha256"`
	At      time.Time `json:"came_at"`
}

// A KeptAddress is a row of reminder_bad_addresses.
type KeptAddress struct {
	Address string    `json:"address_sha256"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
}

// Empty reports whether nothing is kept.
func (k Kept) Empty() bool {
	return len(k.Emails)+len(k.Notices)+len(k.Bounces)+len(k.Contacts) == 0 && k.BadAddress == nil && k.OptedOut.IsZero()
}

// theirs is the condition that a notice is of a borrower's emails, or about a loan that those are about: a guardian's
// mail tells of the child's loan. Another borrower's notice of a loan that moved stays.
const theirs = `(email_id IN (SELECT id FROM reminder_emails WHERE borrower_id = ?) OR kind = 'guardian' AND loan_id IN
	(SELECT n.loan_id FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id WHERE e.borrower_id = ? AND n.kind = 'loan'))`

// Kept reads all that is kept of a borrower.
func (s *Store) Kept(ctx context.Context, borrower string) (k Kept, err error) {
	k = Kept{Borrower: borrower}
	k.Emails, err = list(ctx, s, func(rows *sql.Rows, e *KeptEmail) error {
		return rows.Scan(&e.ID, &e.Kind, &e.State, &e.Reason, text{&e.MessageID}, &e.Receipt, text{&e.Address},
			datetime{&e.Promised}, datetime{&e.Sent}, datetime{&e.Ended}, datetime{&e.Bounced}, &e.BounceCode)
	}, `SELECT id, kind, state, reason, message_id, receipt_id, LOWER(HEX(address)), created_at, sent_at, ended_at, bounced_at, bounce_code
		FROM reminder_emails WHERE borrower_id = ? ORDER BY id`, borrower)
	if err != nil {
		return k, fault("read the emails", err)
	}
	k.Notices, err = list(ctx, s, func(rows *sql.Rows, n *KeptNotice) error {
		err := scanCycle(rows, &n.Cycle, &n.Step, &n.Number, &n.Dropped, &n.Email)
		restoreMoved(&n.Step, &n.Dropped)
		return err
	}, `SELECT loan_id, due_date, kind, step, number, dropped, email_id FROM reminder_notices
		WHERE `+theirs+" ORDER BY email_id, loan_id, step", borrower, borrower)
	if err != nil {
		return k, fault("read the notices", err)
	}
	if k.Contacts, err = s.Contacts(ctx, time.Unix(0, 0), borrower); err != nil {
		return k, err
	}
	k.Bounces, err = list(ctx, s, func(rows *sql.Rows, b *KeptBounce) error {
		return rows.Scan(&b.Email, &b.Class, &b.Code, &b.Reason, &b.Address, datetime{&b.At})
	}, `SELECT email_id, class, code, reason, LOWER(HEX(address)), came_at FROM reminder_bounces
		WHERE borrower_id = ? ORDER BY email_id`, borrower)
	if err != nil {
		return k, fault("read what came back", err)
	}
	bad, err := list(ctx, s, func(rows *sql.Rows, a *KeptAddress) error {
		return rows.Scan(&a.Address, &a.Reason, datetime{&a.Since})
	}, "SELECT LOWER(HEX(digest)), reason, since FROM reminder_bad_addresses WHERE borrower_id = ?", borrower)
	if err != nil {
		return k, fault("read the refused addresses", err)
	}
	if len(bad) > 0 {
		k.BadAddress = &bad[0]
	}
	err = s.row(ctx, []any{datetime{&k.OptedOut}, &k.OptedHow}, "SELECT since, how FROM reminder_opt_outs WHERE borrower_id = ?", borrower)
	return k, fault("read the opt-outs", err)
}

// Forget erases what is kept of a borrower, in one transaction. Mail that waits is canceled. It fails, temporarily,
// while a run has one of their emails in its hands.
func (s *Store) Forget(ctx context.Context, borrower string) error {
	secret, err := s.NewSecret(ctx)
	if err != nil {
		return err
	}
	busy := &reminder.Fault{Temporary: true, Message: reminder.Say("forget.busy")}
	err = s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		var ids []int64
		atWork := false
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var id int64
			var state reminder.State
			err := rows.Scan(&id, &state)
			ids = append(ids, id)
			atWork = atWork || state == reminder.StateClaimed || state == reminder.StateHandover
			return err
		}, "SELECT id, state FROM reminder_emails WHERE borrower_id = ? OR id IN (SELECT email_id FROM reminder_notices WHERE "+theirs+") FOR UPDATE",
			borrower, borrower, borrower)
		if err != nil {
			return err
		}
		if atWork {
			return busy
		}
		var loans []string // as they are stored
		err = each(ctx, tx, func(rows *sql.Rows) error {
			var loan string
			err := rows.Scan(&loan)
			loans = append(loans, loan)
			return err
		}, "SELECT DISTINCT loan_id FROM reminder_notices WHERE "+theirs, borrower, borrower)
		if err != nil {
			return err
		}
		hash := hashOf(secret, borrower)
		exec := func(query string, args ...any) {
			if err == nil {
				_, err = tx.ExecContext(ctx, query, args...)
			}
		}
		for _, loan := range loans {
			var id string
			err = errors.Join(err, ident{nil, &id}.Scan(loan))
			// Neither what waits nor what was refused is begun again.
			exec(`UPDATE reminder_notices SET loan_id = ?, dropped = CASE WHEN dropped = 'bad_address' THEN 'refused'
				WHEN dropped = '' AND email_id IN (SELECT id FROM reminder_emails WHERE state = 'queued' AND unknowns = 0) THEN ?
				ELSE dropped END
				WHERE loan_id = ? AND (kind = 'guardian' OR email_id IN (SELECT id FROM reminder_emails WHERE borrower_id = ?))`,
				hashOf(secret, id), reminder.ReasonByPerson, loan, borrower)
		}
		exec("DELETE FROM reminder_bounces WHERE borrower_id = ?", borrower)
		exec("DELETE FROM reminder_contacts WHERE borrower_id = ?", borrower)
		exec("DELETE FROM reminder_bad_addresses WHERE borrower_id = ?", borrower)
		if !reminder.IsGuardianID(borrower) { // which is a hash
			exec(`INSERT INTO reminder_opt_outs (borrower_id, since, how) SELECT ?, since, how FROM reminder_opt_outs o WHERE o.borrower_id = ?
				ON DUPLICATE KEY UPDATE borrower_id = VALUES(borrower_id)`, hash, borrower)
			exec("DELETE FROM reminder_opt_outs WHERE borrower_id = ?", borrower)
		}
		// What was accepted stays sent, so that a report counts what it counted.
		exec(`UPDATE reminder_emails SET borrower_id = ?, address = NULL, message_id = NULL, message_date = NULL, receipt_id = '',
			claim_token = NULL, bounced_at = NULL, bounce_code = '', ended_at = COALESCE(ended_at, UTC_TIMESTAMP(6)),
			reason = IF(state = 'sent', '', ?), state = IF(state IN ('sent', 'expired'), state, 'canceled')
			WHERE borrower_id = ?`, hash, reminder.ReasonForgotten, borrower)
		return err
	})
	return fault("forget a borrower", err)
}
