package mysql

import (
	"context"
	"database/sql"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A Contact says that a person reached a borrower about a loan in another way than by mail. It is for people: no
// reminder waits for it, and none is left out.
type Contact struct {
	Loan     string        `json:"loan_id"`
	Due      reminder.Date `json:"due_date"`
	Borrower string        `json:"borrower_id"`
	Way      string        `json:"way"` // one of Ways
	At       time.Time     `json:"contacted_at"`
}

// Ways are those in which a borrower is reached.
var Ways = []string{"spoken", "whatsapp", "letter"}

// Contacts returns the contacts since a moment, about one borrower where it is not "".
func (s *Store) Contacts(ctx context.Context, since time.Time, borrower string) ([]Contact, error) {
	contacts, err := list(ctx, s, func(rows *sql.Rows, c *Contact) error {
		return rows.Scan(ident{nil, &c.Loan}, day{&c.Due}, ident{nil, &c.Borrower}, &c.Way, datetime{&c.At})
	}, `SELECT loan_id, due_date, borrower_id, way, contacted_at FROM reminder_contacts
		WHERE contacted_at >= ? AND ? IN ('', borrower_id) ORDER BY contacted_at, loan_id`, formatTime(since), borrower)
	return contacts, fault("read who was spoken to", err)
}

// AddContacts stores contacts, in place of earlier ones about the same loans.
func (s *Store) AddContacts(ctx context.Context, contacts []Contact) error {
	return fault("store who was spoken to", s.tx(ctx, func(tx *sql.Tx, _ bool) error {
		for _, c := range contacts {
			at := formatTime(c.At)
			_, err := tx.ExecContext(ctx, `INSERT INTO reminder_contacts (loan_id, due_date, borrower_id, way, contacted_at)
				VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE borrower_id = ?, way = ?, contacted_at = ?`,
				c.Loan, c.Due.String(), c.Borrower, c.Way, at, c.Borrower, c.Way, at)
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// RemoveContacts takes back what is stored of a borrower, and returns about how many loans.
func (s *Store) RemoveContacts(ctx context.Context, borrower string) (int, error) {
	n, err := s.exec(ctx, "DELETE FROM reminder_contacts WHERE borrower_id = ?", borrower)
	return int(n), fault("take back who was spoken to", err)
}
