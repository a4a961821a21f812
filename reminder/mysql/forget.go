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

// When a borrower is forgotten, an opt-out must keep its effect, and nothing may be told twice. So hashes take the
// place of the ids in the keys: of the borrower's in emails and opt-outs, of the loan's in notices. The hash is keyed
// with the database's secret. Whoever has the whole database and knows an id can still recognise its hash. Nobody can
// compute an id from a hash.

// forgotten is the prefix of such a hash.
const forgotten = "forgotten:"

// isForgotten returns the condition that a column holds such a hash. It is a range, so that an index serves.
func isForgotten(column string) string {
	return column + " >= 'forgotten:' AND " + column + " < 'forgotten;'"
}

// IsHash reports whether an id is the hash of a forgotten one.
func IsHash(id string) bool { return strings.HasPrefix(id, forgotten) }

// HashOf returns the hash of an id.
func HashOf(secret, id string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("forgotten " + id))
	return forgotten + hex.EncodeToString(mac.Sum(nil))
}

// Hashes returns loans by their hashes. It returns nil when no loan on record is forgotten, as in most libraries.
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

// errForgotten means that a notice that is being promised is on record under a hash.
var errForgotten = errors.New("promised to a borrower who was forgotten meanwhile")

// checkForgotten returns errForgotten when a chunk holds a notice whose borrower was forgotten after the plan was made.
// The row on record has a hash in place of the loan's id, so the unique key does not refuse the notice.
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
