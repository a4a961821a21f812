package deskdb

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
)

// maxFound is how many loans a search returns: more than a person reads.
const maxFound = 200

// Search returns the open loans that match, by borrower and due date, and how many more match. key is what was typed.
// It is compared with ids, numbers and item codes, and its longest word is looked for in names and addresses; of those
// the database finds, match decides with what a search compares: ids, Ref, ItemCode, name and address.
func (s *Store) Search(ctx context.Context, key string, match func(reminder.Loan) bool) ([]reminder.Loan, int, error) {
	views, err := s.Views(ctx)
	if err != nil {
		return nil, 0, err
	}
	words := strings.Fields(strings.ToLower(key))
	if len(words) == 0 {
		return nil, 0, nil
	}
	longest := slices.MaxFunc(words, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	x := views.Expression // no derived table: TiDB asks for rights on the view's own tables then
	like := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(longest) + "%"
	found, err := mysql.List(ctx, s.DB, func(l *reminder.Loan) []any {
		b := &l.Borrower
		return []any{views.Ident(&l.ID), views.Ident(&b.ID), mysql.Prose(&b.Name), mysql.Cell(&b.Email),
			mysql.Prose(&l.Ref), mysql.Prose(&l.ItemCode)}
	}, "SELECT "+views.Select("loan_id", "borrower_id", "borrower_name", "email", "loan_ref", "item_code")+
		" FROM reminder_loans WHERE "+x("loan_id")+" = ? OR "+x("borrower_id")+" = ? OR "+x("loan_ref")+" = ? OR "+
		x("item_code")+" = ? OR LOWER("+x("borrower_name")+") LIKE ? ESCAPE '!' OR LOWER("+x("email")+`) LIKE ? ESCAPE '!'
		ORDER BY borrower_name, borrower_id, due_at, loan_id`, key, key, key, key, like, like)
	found = slices.DeleteFunc(found, func(l reminder.Loan) bool { return !match(l) })
	if err == nil && len(found) == 0 || mysql.OfData(err) {
		// The database may miss a loan whose text is stored in another form than it was typed, or has a cell that cannot
		// be computed.
		found, err = s.Filter(ctx, match)
	}
	if err != nil {
		return nil, 0, mysql.Explain("search", err)
	}
	var shown []string
	for _, l := range found[:min(len(found), maxFound)] {
		shown = append(shown, l.ID)
	}
	loans, err := s.Reread(ctx, shown)
	slices.SortFunc(loans, func(a, b reminder.Loan) int {
		return cmp.Compare(slices.Index(shown, a.ID), slices.Index(shown, b.ID))
	})
	return loans, len(found) - len(shown), err
}

// FindLoan returns the open loans with an id or, if there is none, with a number or item code that the desk knows.
func (s *Store) FindLoan(ctx context.Context, key string) ([]reminder.Loan, error) {
	loans, err := s.Reread(ctx, []string{key})
	if err != nil || len(loans) > 0 {
		return loans, err
	}
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := s.IDs(ctx, "SELECT loan_id FROM reminder_loans WHERE "+views.Expression("loan_ref")+" = ? OR "+
		views.Expression("item_code")+" = ? LIMIT 10", key, key)
	switch {
	case err == nil && len(ids) == 0, mysql.OfData(err):
		return s.Filter(ctx, func(l reminder.Loan) bool { return l.ID == key || l.Ref == key || l.ItemCode == key })
	case err != nil:
		return nil, mysql.Explain("look for a loan", err)
	}
	return s.Reread(ctx, ids)
}

// Loans returns the open loans with these ids.
func (s *Store) Loans(ctx context.Context, ids []string) (map[string]reminder.Loan, error) {
	loans := map[string]reminder.Loan{}
	for chunk := range slices.Chunk(ids, maxFound) {
		read, err := s.Reread(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, l := range read {
			loans[l.ID] = l
		}
	}
	return loans, nil
}

// LoansOf returns an open loan of each of these borrowers who has one; of a guardian, a loan of one of their children.
func (s *Store) LoansOf(ctx context.Context, borrowers []string) (map[string]reminder.Loan, error) {
	of := map[string]reminder.Loan{}
	views, err := s.Views(ctx)
	if err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(borrowers, maxFound) {
		condition, args := views.Where("borrower_id", chunk)
		ids, err := s.IDs(ctx, "SELECT MIN(loan_id) FROM reminder_loans"+condition+" GROUP BY borrower_id", args...)
		if err != nil {
			return nil, mysql.Explain("look for the borrowers", err)
		}
		loans, err := s.Loans(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, l := range loans {
			of[l.Borrower.ID] = l
		}
	}
	if !slices.ContainsFunc(borrowers, reminder.IsGuardianID) {
		return of, nil
	}
	return of, s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
		if theirs, _ := l.ForGuardian(); slices.Contains(borrowers, theirs.Borrower.ID) {
			of[theirs.Borrower.ID] = l
		}
		return nil
	})
}

// phoneChunk is how many loans' phone numbers are read at a time.
const phoneChunk = 500

// Phones returns, by borrower, the phone numbers that the view has in its column phone; none when it has no such
// column.
func (s *Store) Phones(ctx context.Context, loans []reminder.Loan) (map[string]string, error) {
	phones := map[string]string{}
	views, err := s.Views(ctx)
	if err != nil || !views.Has("phone") {
		return phones, err
	}
	type row struct{ borrower, phone string }
	for chunk := range slices.Chunk(loans, phoneChunk) {
		ids := make([]string, len(chunk))
		for i, l := range chunk {
			ids[i] = l.ID
		}
		condition, args := views.Where("loan_id", ids)
		rows, err := mysql.List(ctx, s.DB,
			func(r *row) []any { return []any{views.Ident(&r.borrower), mysql.Cell(&r.phone)} },
			"SELECT borrower_id, phone FROM reminder_loans"+condition, args...)
		if err != nil && !mysql.OfData(err) { // a number that cannot be computed is no number
			return nil, mysql.Explain("read the phone numbers", err)
		}
		for _, r := range rows {
			if r.phone != "" {
				phones[r.borrower] = r.phone
			}
		}
	}
	return phones, nil
}

// Known reports whether a borrower is on record although no loan may be open: was reminded, or opted out.
func (s *Store) Known(ctx context.Context, borrower string) (bool, error) {
	n, err := s.DB.Count(ctx, "SELECT (SELECT COUNT(*) FROM reminder_emails WHERE borrower_id = ?) + "+
		"(SELECT COUNT(*) FROM reminder_opt_outs WHERE borrower_id = ?)", borrower, borrower)
	return n > 0, mysql.Explain("look for a borrower", err)
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
	ids := []string{loan}
	of, err := mysql.Hashes(ctx, s.DB, ids)
	if err != nil {
		return nil, mysql.Explain("read what was promised", err)
	}
	for hash := range of {
		ids = append(ids, hash)
	}
	past, err := mysql.List(ctx, s.DB, func(p *PastNotice) []any {
		return []any{&p.Loan, &p.Due, &p.Kind, &p.Step, &p.Number, &p.Dropped, &p.Borrower, &p.Email, &p.State, &p.Reason,
			&p.Promised, &p.Sent}
	}, `SELECT n.loan_id, n.due_date, n.kind, n.step, n.number, n.dropped, COALESCE(e.borrower_id, ''), n.email_id,
		COALESCE(e.state, 'unknown'), COALESCE(e.reason, ''), e.created_at, e.sent_at
		FROM reminder_notices n LEFT JOIN reminder_emails e ON e.id = n.email_id
		WHERE n.loan_id IN (?) ORDER BY e.created_at, n.step`, ids)
	for i := range past {
		p := &past[i]
		if mysql.IsHash(p.Loan) {
			p.Loan, p.Borrower = loan, ""
		}
		mysql.RestoreMoved(&p.Step, &p.Dropped)
	}
	return past, mysql.Explain("read what was promised", err)
}

// A Contact records that a person reached a borrower about a loan in another way than by mail. It is for people: it
// changes no reminder.
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
	contacts, err := mysql.List(ctx, s.DB, func(c *Contact) []any {
		return []any{mysql.Ident(&c.Loan), &c.Due, mysql.Ident(&c.Borrower), &c.Way, &c.At}
	}, `SELECT loan_id, due_date, borrower_id, way, contacted_at FROM reminder_contacts
		WHERE contacted_at >= ? AND ? IN ('', borrower_id) ORDER BY contacted_at, loan_id`, since, borrower)
	return contacts, mysql.Explain("read who was spoken to", err)
}

// AddContacts stores contacts, in place of earlier ones about the same loans.
func (s *Store) AddContacts(ctx context.Context, contacts []Contact) error {
	return mysql.Explain("store who was spoken to", s.DB.Tx(ctx, func(tx *mysql.DB, _ bool) error {
		for _, c := range contacts {
			_, err := tx.Exec(ctx, `INSERT INTO reminder_contacts (loan_id, due_date, borrower_id, way, contacted_at)
				VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE borrower_id = VALUES(borrower_id), way = VALUES(way),
				contacted_at = VALUES(contacted_at)`, c.Loan, c.Due, c.Borrower, c.Way, c.At)
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// RemoveContacts removes the contacts of a borrower, and returns how many there were.
func (s *Store) RemoveContacts(ctx context.Context, borrower string) (int, error) {
	n, err := s.DB.Exec(ctx, "DELETE FROM reminder_contacts WHERE borrower_id = ?", borrower)
	return n, mysql.Explain("take back who was spoken to", err)
}
