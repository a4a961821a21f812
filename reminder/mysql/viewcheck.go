package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
func (s *Store) CheckView(ctx context.Context, today reminder.Date) (checked int, findings []Finding, err error) {
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
	if kind := views.types["due_at"]; !views.dated() {
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
	c := &viewCheck{today: today, seen: map[string]bool{}, borrowers: map[string][2]string{}, broken: map[string][]string{}}
	var sample []string
	err = s.salvageLoans(ctx, maxChecked, func(l reminder.Loan, fine string) error {
		if c.row(l, fine); l.ID != "" && l.Broken == "" && len(sample) < pageSize {
			sample = append(sample, l.ID)
		}
		return nil
	})
	if err != nil {
		return 0, nil, fault("check the view "+LoansView, err)
	}
	lost, err := s.Unreadable(ctx, sample)
	if err != nil {
		return 0, nil, err
	}
	c.wrong[notFound] = slices.Sorted(maps.Keys(lost))
	findings = append(findings, c.findings()...)
	_, odd, err := s.sourceCalendars(ctx)
	if err != nil {
		return 0, nil, err
	}
	if len(odd) > 0 {
		findings = append(findings, finding(true, odd,
			"hari tutup tidak dapat dibaca dan diabaikan; tulis day sebagai 2026-12-25, 12-25 atau sun, dan is_open sebagai 0 atau 1",
			"closed days cannot be read and are left out; write day as 2026-12-25, 12-25 or sun, and is_open as 0 or 1"))
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
	_, err := s.CountLoans(ctx, first)
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
	today     reminder.Date
	rows      int
	seen      map[string]bool      // loan ids
	borrowers map[string][2]string // name and address by borrower id
	wrong     [len(mistakes)][]string
	broken    map[string][]string // by the column that the database cannot compute
}

// The mistakes, in the order in which they are told.
const (
	noLoanID = iota
	loanTwice
	noBorrowerID
	longID
	twoBorrowers
	noDueDate
	oddDueDate
	notFound
	noAddress
	badAddress
	tornAddress
	noTitle
	noName
	oddText
	oddLanguage
	oddFine
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
	noDueDate:    {true, "pinjaman tanpa tanggal kembali yang dapat dibaca (due_at) tidak pernah diingatkan", "loans without a readable due date (due_at) are never told about"},
	oddDueDate: {true, "pinjaman dengan due_at (tanggal kembali) sebelum 1970 atau lebih dari 5 tahun lagi tidak diingatkan: perbaiki tahunnya, atau isi hold_reason bila memang begitu",
		"loans with a due date (due_at) before 1970 or more than 5 years ahead are not told about: mend the year, or fill in hold_reason if it is meant"},
	notFound: {true, "pinjaman tidak diingatkan, karena basis data tidak menemukannya lagi lewat loan_id-nya: beri loan_id sebagai CAST(kolom AS CHAR)",
		"loans are not told about, because the database does not find them again by their loan_id: give loan_id as CAST(column AS CHAR)"},
	noAddress:  {false, "pinjaman tanpa alamat surel", "loans without an e-mail address"},
	badAddress: {false, "pinjaman dengan alamat surel yang tidak dapat dipakai", "loans with an e-mail address that cannot be used"},
	tornAddress: {false, "pinjaman dengan alamat surel yang mungkin hanya separuhnya; adakah koma atau spasi di dalam alamatnya?",
		"loans with what may be half of an e-mail address; is there a comma or a blank inside it?"},
	noTitle:     {false, "pinjaman tanpa judul", "loans without a title"},
	noName:      {false, "pinjaman tanpa nama peminjam", "loans without the borrower's name"},
	oddText:     {true, "pinjaman yang nama, judul, kelas atau kodenya memuat huruf yang tidak dapat dibaca (bukan UTF-8)", "loans whose name, title, group or code has letters that cannot be read (not UTF-8)"},
	oddFine:     {true, "pinjaman dengan fine_per_day yang bukan jumlah uang; suratnya tidak menyebut denda", "loans with a fine_per_day that is no amount; the mail tells no fine"},
	oddLanguage: {false, "pinjaman dengan bahasa yang tidak dikenal: tulis id atau en; surat memakai bahasa perpustakaan", "loans with a language that is not known: write id or en; the mail is in the library's language"},
	oddWants:    {true, "kolom wants tidak dapat dibaca; isinya NULL, none, atau daftar dari -2, 0, + dan +7", "wants cannot be read; it is NULL, none, or a list of -2, 0, + and +7"},
	badBranch:   {false, "from_address atau reply_to bukan alamat surel yang dapat dipakai", "from_address or reply_to is not a usable e-mail address"},
}

// row checks one row.
func (c *viewCheck) row(l reminder.Loan, fine string) {
	c.rows++
	name := cmp.Or(l.ID, "?")
	if l.Broken != "" {
		c.broken[l.Broken] = append(c.broken[l.Broken], name)
		return
	}
	note := func(mistake int, applies bool) {
		if applies {
			c.wrong[mistake] = append(c.wrong[mistake], name)
		}
	}
	unusable := func(s string) bool { _, err := mail.ParseAddress(s); return err != nil && s != "" }
	b := l.Borrower
	first, last := reminder.PlausibleDue(c.today)

	note(noLoanID, l.ID == "")
	note(loanTwice, l.ID != "" && c.seen[l.ID])
	c.seen[l.ID] = true
	note(noBorrowerID, b.ID == "" && l.Hold == "")
	note(longID, max(utf8.RuneCountInString(l.ID), utf8.RuneCountInString(b.ID)) > reminder.MaxID)
	who := [2]string{b.Name, b.Email}
	other, known := c.borrowers[b.ID]
	note(twoBorrowers, known && b.ID != "" && other != who)
	c.borrowers[b.ID] = who
	note(noDueDate, l.Due.IsZero())
	note(oddDueDate, !l.Due.IsZero() && l.Hold == "" && (l.Due.Before(first) || l.Due.After(last)))
	note(noAddress, b.Email == "" && l.Hold == "")
	_, broken := mail.ParseAddress(b.Email)
	torn := errors.Is(broken, mail.ErrTornAddress)
	note(badAddress, broken != nil && b.Email != "" && !torn)
	note(tornAddress, torn)
	note(noTitle, l.Title == "")
	note(noName, b.Name == "" && l.Hold == "")
	note(oddText, strings.ContainsRune(l.Title+b.Name+b.Group+l.ItemCode+l.Ref, utf8.RuneError))
	tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(b.Language), "_", "-"), "-")
	note(oddLanguage, tag != "" && tag != "id" && tag != "en")
	_, isFine := wholeFine(fine)
	note(oddFine, !isFine)
	note(oddWants, l.Odd(c.today) == "wants")
	note(badBranch, unusable(l.From) || unusable(l.ReplyTo))
}

func (c *viewCheck) findings() (list []Finding) {
	for _, column := range slices.Sorted(maps.Keys(c.broken)) {
		list = append(list, finding(true, c.broken[column],
			"pinjaman tidak diingatkan, karena basis data tidak dapat menghitung kolom "+column+": misalnya sebuah subquery memberi dua baris (pakai MIN(...))",
			"loans are not told about, because the database cannot compute the column "+column+": perhaps a subquery finds two rows (use MIN(...))"))
	}
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
