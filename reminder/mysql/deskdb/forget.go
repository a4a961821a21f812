package deskdb

import (
	"context"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// This file exports or erases the records of one borrower.
//
// A forgotten borrower is told nothing twice, and an opt-out keeps its effect. So the keys stay, with a hash in the
// place of the id ([mysql.HashOf]): of the borrower in emails and opt-outs, of the loan in notices.

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

// theirs is the condition that a notice belongs to a borrower's emails, or is about a loan of those emails: a
// guardian's mail is about the child's loan. If a loan moved, another borrower's notice of it does not match.
const theirs = `(email_id IN (SELECT id FROM reminder_emails WHERE borrower_id = ?) OR kind = 'guardian' AND loan_id IN
	(SELECT n.loan_id FROM reminder_notices n JOIN reminder_emails e ON e.id = n.email_id
	WHERE e.borrower_id = ? AND n.kind = 'loan'))`

// Kept reads all that is kept of a borrower.
func (s *Store) Kept(ctx context.Context, borrower string) (k Kept, err error) {
	k = Kept{Borrower: borrower}
	k.Emails, err = mysql.List(ctx, s.DB, func(e *KeptEmail) []any {
		return []any{&e.ID, &e.Kind, &e.State, &e.Reason, &e.MessageID, &e.Receipt, &e.Address, &e.Promised, &e.Sent,
			&e.Ended, &e.Bounced, &e.BounceCode}
	}, `SELECT id, kind, state, reason, message_id, receipt_id, LOWER(HEX(address)), created_at, sent_at, ended_at,
		bounced_at, bounce_code FROM reminder_emails WHERE borrower_id = ? ORDER BY id`, borrower)
	if err != nil {
		return k, mysql.Explain("read the emails", err)
	}
	k.Notices, err = mysql.List(ctx, s.DB, func(n *KeptNotice) []any {
		return []any{mysql.Ident(&n.Loan), &n.Due, &n.Kind, &n.Step, &n.Number, &n.Dropped, &n.Email}
	}, `SELECT loan_id, due_date, kind, step, number, dropped, email_id FROM reminder_notices
		WHERE `+theirs+" ORDER BY email_id, loan_id, step", borrower, borrower)
	if err != nil {
		return k, mysql.Explain("read the notices", err)
	}
	for i := range k.Notices {
		mysql.RestoreMoved(&k.Notices[i].Step, &k.Notices[i].Dropped)
	}
	if k.Contacts, err = s.Contacts(ctx, time.Unix(0, 0), borrower); err != nil {
		return k, err
	}
	k.Bounces, err = mysql.List(ctx, s.DB, func(b *KeptBounce) []any {
		return []any{&b.Email, &b.Class, &b.Code, &b.Reason, &b.Address, &b.At}
	}, `SELECT email_id, class, code, reason, LOWER(HEX(address)), came_at FROM reminder_bounces
		WHERE borrower_id = ? ORDER BY email_id`, borrower)
	if err != nil {
		return k, mysql.Explain("read what came back", err)
	}
	bad, err := mysql.List(ctx, s.DB, func(a *KeptAddress) []any { return []any{&a.Address, &a.Reason, &a.Since} },
		"SELECT LOWER(HEX(digest)), reason, since FROM reminder_bad_addresses WHERE borrower_id = ?", borrower)
	if err != nil {
		return k, mysql.Explain("read the refused addresses", err)
	}
	if len(bad) > 0 {
		k.BadAddress = &bad[0]
	}
	err = s.DB.Row(ctx, []any{&k.OptedOut, &k.OptedHow}, "SELECT since, how FROM reminder_opt_outs WHERE borrower_id = ?",
		borrower)
	return k, mysql.Explain("read the opt-outs", err)
}

// Forget erases the records of a borrower in one transaction, and cancels emails that wait. While a run has claimed an
// email of the borrower, it returns a temporary error.
func (s *Store) Forget(ctx context.Context, borrower string) error {
	secret, err := s.NewSecret(ctx)
	if err != nil {
		return err
	}
	hash := mysql.HashOf(secret, borrower)
	return mysql.Explain("forget a borrower", s.DB.Tx(ctx, func(tx *mysql.DB, _ bool) error {
		states, err := mysql.Column[reminder.State](ctx, tx, `SELECT state FROM reminder_emails
			WHERE borrower_id = ? OR id IN (SELECT email_id FROM reminder_notices WHERE `+theirs+") FOR UPDATE",
			borrower, borrower, borrower)
		if err != nil {
			return err
		}
		for _, state := range states {
			if state == reminder.StateClaimed || state == reminder.StateHandover {
				return &reminder.Fault{Temporary: true, Message: reminder.Say("forget.busy")}
			}
		}
		loans, err := mysql.Column[string](ctx, tx, "SELECT DISTINCT loan_id FROM reminder_notices WHERE "+theirs, borrower,
			borrower)
		exec := func(query string, args ...any) {
			if err == nil {
				_, err = tx.Exec(ctx, query, args...)
			}
		}
		for _, loan := range loans {
			// Emails that wait, failed or were refused are not tried again.
			exec(`UPDATE reminder_notices SET loan_id = ?, dropped = CASE WHEN dropped = 'bad_address' THEN 'refused'
				WHEN dropped = '' AND email_id IN (SELECT id FROM reminder_emails WHERE state = 'queued' AND unknowns = 0)
				THEN ? ELSE dropped END
				WHERE loan_id = ? AND (kind = 'guardian' OR email_id IN (SELECT id FROM reminder_emails WHERE borrower_id = ?))`,
				mysql.HashOf(secret, mysql.IDOf(loan)), reminder.ReasonByPerson, loan, borrower)
		}
		exec("DELETE FROM reminder_bounces WHERE borrower_id = ?", borrower)
		exec("DELETE FROM reminder_contacts WHERE borrower_id = ?", borrower)
		exec("DELETE FROM reminder_bad_addresses WHERE borrower_id = ?", borrower)
		if !reminder.IsGuardianID(borrower) { // a guardian's id is a hash already
			exec(`INSERT INTO reminder_opt_outs (borrower_id, since, how)
				SELECT ?, since, how FROM reminder_opt_outs o WHERE o.borrower_id = ?
				ON DUPLICATE KEY UPDATE borrower_id = VALUES(borrower_id)`, hash, borrower)
			exec("DELETE FROM reminder_opt_outs WHERE borrower_id = ?", borrower)
		}
		// Accepted emails stay sent, so that later reports show the same counts.
		exec(`UPDATE reminder_emails SET borrower_id = ?, address = NULL, message_id = NULL, message_date = NULL,
			receipt_id = '', claim_token = NULL, bounced_at = NULL, bounce_code = '',
			ended_at = COALESCE(ended_at, UTC_TIMESTAMP(6)), reason = IF(state = 'sent', '', ?),
			state = IF(state IN ('sent', 'expired'), state, 'canceled') WHERE borrower_id = ?`,
			hash, reminder.ReasonForgotten, borrower)
		return err
	}))
}
