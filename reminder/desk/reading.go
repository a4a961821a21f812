package desk

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A reading holds all open loans as a scan showed them at one moment. Where the due date has no index, the database
// looks at the loans of all years for each question. A reading answers the questions of one page from memory.
type reading struct {
	reminder.Loans // answers what the reading cannot
	all            []reminder.Loan
}

// maxRead is how many loans a reading holds: about 5 MB.
const maxRead = 20_000

// Read returns the desk with a reading. A library with more than maxRead loans is asked each question.
func (d Desk) Read(ctx context.Context) (Desk, error) {
	if _, ok := d.Runner.Loans.(reading); ok {
		return d, nil
	}
	last, err := d.Store.LastReport(ctx)
	if err != nil || last.Loans != nil && last.Loans.Open > maxRead {
		return d, err
	}
	runner, loans := *d.Runner, reading{Loans: d.Runner.Loans}
	first, end := reminder.PlausibleDue(reminder.DateOf(runner.Now(), runner.Settings.Zone))
	err = runner.Loans.Scan(ctx, first, end, func(page []reminder.Loan) error {
		loans.all = append(loans.all, page...)
		return nil
	})
	runner.Loans = loans
	return Desk{&runner, d.Store}, err
}

// CountLoans counts no odd loans, because Scan shows them all.
func (r reading) CountLoans(_ context.Context, before reminder.Date) (reminder.LoanCounts, error) {
	n := reminder.LoanCounts{Open: len(r.all)}
	first, _ := reminder.PlausibleDue(before)
	for _, l := range r.all {
		if !l.Due.Before(first) && l.Due.Before(before) {
			n.TooOld++
		}
	}
	return n, nil
}

// scanned is how many loans Scan hands over at a time.
const scanned = 2000

func (r reading) Scan(_ context.Context, first, last reminder.Date, page func([]reminder.Loan) error) error {
	shown := slices.DeleteFunc(slices.Clone(r.all), func(l reminder.Loan) bool { return !l.Shown(first, last) })
	for loans := range slices.Chunk(shown, scanned) {
		if err := page(loans); err != nil {
			return err
		}
	}
	return nil
}
