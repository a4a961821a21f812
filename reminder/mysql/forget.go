package mysql

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder"
)

// When a person at the desk lets a borrower be forgotten, an opt-out keeps its effect, and nothing is told twice. So
// what a key is made of stays, as a hash in the place of the id: of the borrower in emails and opt-outs, of the loan in
// notices. The hash is keyed with the database's secret. Whoever has the whole database and knows an id can still
// recognise its hash; nobody can get an id out of one.

// forgotten begins the hash that stands for an id.
const forgotten = "forgotten:"

// isForgotten is the condition that a column has such a hash. It is a range of an index.
func isForgotten(column string) string {
	return column + " >= 'forgotten:' AND " + column + " < 'forgotten;'"
}

// IsHash reports whether an id is such a hash.
func IsHash(id string) bool { return strings.HasPrefix(id, forgotten) }

// HashOf returns the hash of an id.
func HashOf(secret, id string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("forgotten " + id))
	return forgotten + hex.EncodeToString(mac.Sum(nil))
}

// Hashes returns loans by their hashes, or none when no loan on record is forgotten, as in most libraries.
func Hashes(ctx context.Context, db *DB, loans []string) (map[string]string, error) {
	some, err := db.Count(ctx, "SELECT EXISTS (SELECT 1 FROM reminder_notices WHERE "+isForgotten("loan_id")+")")
	if err != nil || some == 0 {
		return nil, err
	}
	secret, err := Secret(ctx, db)
	of := map[string]string{}
	for _, loan := range loans {
		of[HashOf(secret, loan)] = loan
	}
	return of, err
}

// Secret reads the database's secret.
func Secret(ctx context.Context, db *DB) (secret string, err error) {
	err = db.Row(ctx, []any{&secret}, "SELECT fingerprint FROM reminder_state WHERE name = ?", records)
	return secret, err
}

// errForgotten says that a notice which is about to be promised is on record under a hash.
var errForgotten = errors.New("promised to somebody who was forgotten since")

// checkForgotten returns errForgotten when emails that are being stored hold a notice that was promised to somebody
// whom a person had forgotten since the plan was made. The unique key does not know it any more.
func checkForgotten(ctx context.Context, tx *DB, chunk []reminder.Email) error {
	of, err := Hashes(ctx, tx, loansOf(chunk))
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
