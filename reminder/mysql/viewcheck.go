package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// A Finding is something that is, or may be, wrong with the views over a library's own system.
type Finding struct {
	Wrong   bool // the view itself is wrong, not a row: it must not be used
	Serious bool // some loans are told about wrongly or not at all; else it may be meant
	Note    bool // nothing to mend, but worth a look
	Text    reminder.Text
}

// maxChecked bounds how many rows CheckView looks at.
const maxChecked = 200_000

// examples is how many ids a finding names.
const examples = 3

// CheckView looks at every row of the views and says what is wrong with them, each kind of mistake once with the ids of
// some loans. It returns how many rows it looked at. A view that cannot be read at all is a *reminder.Fault.
func (s *Store) CheckView(ctx context.Context) (checked int, findings []Finding, err error) {
	if err := s.Check(ctx); err != nil {
		return 0, nil, err
	}
	views, err := s.views(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, column := range views.columns {
		known := slices.Concat(requiredColumns, optionalColumns, []string{"phone"}) // phone is read by the look back alone
		if !slices.Contains(known, column) {
			findings = append(findings, Finding{Text: reminder.Text{
				ID: "Kolom " + column + " tidak dibaca program: salah nama?",
				EN: "The column " + column + " is not read by the program: a wrong name?",
			}})
		}
	}
	var kind string
	err = s.row(ctx, []any{&kind}, `SELECT LOWER(data_type) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = ? AND column_name = 'due_at'`, views.view)
	if err != nil {
		return 0, nil, fault("look at the view", err)
	}
	if kind != "date" && kind != "datetime" && kind != "timestamp" {
		findings = append(findings, Finding{Serious: true, Wrong: true, Text: reminder.Text{
			ID: "due_at bertipe " + kind + ", padahal harus DATE atau DATETIME: pakai STR_TO_DATE(kolom, '%d/%m/%Y') bila tanggalnya berupa teks.",
			EN: "due_at is of the type " + kind + " and must be DATE or DATETIME: use STR_TO_DATE(column, '%d/%m/%Y') where dates are text.",
		}})
	}
	zoned, err := s.zoneFindings(ctx)
	if err != nil {
		return 0, nil, err
	}
	findings = append(findings, zoned...)
	c := newViewCheck()
	query := "SELECT " + views.list("loan_id", "borrower_id", "borrower_name", "email", "title", "due_at", "hold_reason", "language", "wants",
		"from_address", "reply_to") + " FROM " + views.view + " LIMIT " + strconv.Itoa(maxChecked)
	err = s.read(ctx, func() { c = newViewCheck() }, func(rows *sql.Rows) error { return c.row(rows) }, query)
	if err != nil {
		return 0, nil, fault("check the view "+LoansView, err)
	}
	findings = append(findings, c.findings()...)
	_, odd, err := s.sourceCalendars(ctx)
	if err != nil {
		return 0, nil, err
	}
	if len(odd) > 0 {
		findings = append(findings, finding(true, odd,
			"hari tutup tidak dapat dibaca; tulis 2026-12-25, 12-25 atau sun", "closed days cannot be read; write 2026-12-25, 12-25 or sun"))
	}
	return c.rows, findings, nil
}

// SourceState is the row of reminder_state that says whose system the views read, and which statement would make that fast.
const SourceState = "source"

// slowScan is how long a run may read loans before it is worth an index. A million loans of Koha take a tenth of it with
// one.
const slowScan = 2 * time.Second

// CheckScan reads the loans due from first to last as a run does, measures that by clock, and proposes an index where it
// is slow.
func (s *Store) CheckScan(ctx context.Context, first, last reminder.Date, clock func() time.Time) ([]Finding, error) {
	start := clock()
	_, _, err := s.CountLoans(ctx, first)
	if err == nil {
		err = s.Scan(ctx, first, last, func([]reminder.Loan, map[reminder.Cycle]reminder.History) error { return nil })
	}
	took := clock().Sub(start)
	if took < slowScan { // an error that took longer is most likely a statement that did not end in its time
		return nil, err
	}
	var statement string
	err = s.row(ctx, []any{&statement}, "SELECT reason FROM reminder_state WHERE name = ?", SourceState)
	if err != nil {
		return nil, fault("look for a proposed index", err)
	}
	text := reminder.Text{
		ID: fmt.Sprintf("membaca pinjaman memakan %.1f detik", took.Seconds()), EN: fmt.Sprintf("reading the loans takes %.1f seconds", took.Seconds()),
	}
	if statement != "" {
		text.ID += "; indeks ini mempercepatnya (dibuat administrator basis data): " + statement
		text.EN += "; this index makes it fast (for the database's administrator): " + statement
	}
	return []Finding{{Text: text}}, nil
}

// A viewCheck gathers what is wrong with rows.
type viewCheck struct {
	rows      int
	seen      map[string]bool      // loan ids
	borrowers map[string][2]string // name and address by borrower id
	wrong     [len(mistakes)][]string
}

func newViewCheck() *viewCheck {
	return &viewCheck{seen: map[string]bool{}, borrowers: map[string][2]string{}}
}

// The mistakes, in the order in which they are told.
const (
	noLoanID = iota
	loanTwice
	noBorrowerID
	longID
	twoBorrowers
	noDueDate
	noAddress
	badAddress
	tornAddress
	noTitle
	noName
	oddLanguage
	oddWants
	badBranch
)

var mistakes = [...]struct {
	serious bool
	id, en  string
}{
	noLoanID:     {true, "pinjaman tanpa loan_id tidak pernah diingatkan", "loans without a loan_id are never told about"},
	loanTwice:    {true, "loan_id muncul lebih dari sekali: sebuah JOIN menggandakan baris; ambil satu nilai dengan subquery MIN(...)", "loan ids appear more than once: a JOIN repeats rows; take one value by a subquery with MIN(...)"},
	noBorrowerID: {true, "pinjaman tanpa borrower_id tidak pernah diingatkan", "loans without a borrower_id are never told about"},
	longID:       {true, "loan_id atau borrower_id lebih panjang dari 100 huruf; pinjamannya tidak diingatkan", "ids are longer than 100 characters; their loans are not told about"},
	twoBorrowers: {true, "borrower_id dipakai dua orang atau lebih: surat seorang akan menyebut buku orang lain", "a borrower_id stands for two people or more: one's mail would name the other's books"},
	noDueDate:    {true, "pinjaman tanpa tanggal kembali yang dapat dibaca tidak pernah diingatkan", "loans without a readable due date are never told about"},
	noAddress:    {false, "pinjaman tanpa alamat surel", "loans without an e-mail address"},
	badAddress:   {false, "pinjaman dengan alamat surel yang tidak dapat dipakai", "loans with an e-mail address that cannot be used"},
	tornAddress: {false, "pinjaman dengan alamat surel yang mungkin hanya separuhnya; adakah koma atau spasi di dalam alamatnya?",
		"loans with what may be half of an e-mail address; is there a comma or a blank inside it?"},
	noTitle:     {false, "pinjaman tanpa judul", "loans without a title"},
	noName:      {false, "pinjaman tanpa nama peminjam", "loans without the borrower's name"},
	oddLanguage: {false, "pinjaman dengan bahasa yang tidak dikenal: tulis id atau en; surat memakai bahasa perpustakaan", "loans with a language that is not known: write id or en; the mail is in the library's language"},
	oddWants:    {true, "kolom wants tidak dapat dibaca; isinya NULL, none, atau daftar dari -2, 0 dan +", "wants cannot be read; it is NULL, none, or a list of -2, 0 and +"},
	badBranch:   {false, "from_address atau reply_to bukan alamat surel yang dapat dipakai", "from_address or reply_to is not a usable e-mail address"},
}

// row checks one row.
func (c *viewCheck) row(rows *sql.Rows) error {
	var id, borrower, name, email, title, due, hold, language, wants, from, replyTo sql.NullString
	if err := rows.Scan(&id, &borrower, &name, &email, &title, &due, &hold, &language, &wants, &from, &replyTo); err != nil {
		return err
	}
	c.rows++
	note := func(mistake int, applies bool) {
		if applies {
			c.wrong[mistake] = append(c.wrong[mistake], cmp.Or(id.String, "?"))
		}
	}
	empty := func(s sql.NullString) bool { return strings.TrimSpace(s.String) == "" }
	unusable := func(s sql.NullString) bool { _, err := mail.ParseAddress(s.String); return err != nil && !empty(s) }

	note(noLoanID, id.String == "")
	note(loanTwice, id.String != "" && c.seen[id.String])
	c.seen[id.String] = true
	note(noBorrowerID, borrower.String == "" && hold.String == "")
	var l reminder.Loan
	l.ID, l.Borrower.ID = id.String, borrower.String
	setDue(&l, due.String)
	note(longID, l.Hold == "id_too_long")
	note(noDueDate, l.Due.IsZero())
	who := [2]string{name.String, email.String}
	other, known := c.borrowers[borrower.String]
	note(twoBorrowers, known && borrower.String != "" && other != who)
	c.borrowers[borrower.String] = who
	note(noAddress, empty(email) && hold.String == "")
	_, broken := mail.ParseAddress(email.String)
	torn := errors.Is(broken, mail.ErrTornAddress)
	note(badAddress, broken != nil && !empty(email) && !torn)
	note(tornAddress, torn)
	note(noTitle, empty(title))
	note(noName, empty(name) && hold.String == "")
	tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(language.String), "_", "-"), "-")
	note(oddLanguage, tag != "" && tag != "id" && tag != "en")
	note(oddWants, wants.String != "" && slices.ContainsFunc(strings.Split(wants.String, ","), oddWant))
	note(badBranch, unusable(from) || unusable(replyTo))
	return nil
}

// oddWant reports whether one part of the column wants means nothing.
func oddWant(part string) bool {
	part = strings.TrimSpace(part)
	days, err := strconv.Atoi(part)
	return part != "none" && part != "+" && (err != nil || days > 0 || strings.HasPrefix(part, "+"))
}

func (c *viewCheck) findings() (list []Finding) {
	for i, m := range mistakes {
		if len(c.wrong[i]) > 0 {
			f := finding(m.serious, c.wrong[i], m.id, m.en)
			f.Wrong = i == loanTwice || i == twoBorrowers
			list = append(list, f)
		}
	}
	return list
}

// finding tells of one kind of mistake, with some of the values that show it.
func finding(serious bool, where []string, id, en string) Finding {
	names := strings.Join(where[:min(examples, len(where))], ", ")
	if len(where) > examples {
		names += ", ..."
	}
	return Finding{Serious: serious, Text: reminder.Text{
		ID: fmt.Sprintf("%d %s (%s)", len(where), id, names), EN: fmt.Sprintf("%d %s (%s)", len(where), en, names),
	}}
}
