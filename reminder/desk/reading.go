package desk

import (
	"context"
	"errors"
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

var errManyLoans = errors.New("more loans than a reading holds")

// Read returns the desk with a reading. A library with more than maxRead loans is asked each question. The last report
// saves the attempt, if that run counted the loans.
func (d Desk) Read(ctx context.Context) (Desk, error) {
	if _, ok := d.Runner.Loans.(reading); ok {
		return d, nil
	}
	last, err := d.Store.LastReport(ctx)
	if err != nil || last.Loans != nil && last.Loans.Open > maxRead {
		return d, err
	}
	all, err := read(ctx, d.Runner.Loans)
	if errors.Is(err, errManyLoans) {
		return d, nil
	}
	runner := *d.Runner
	runner.Loans = all
	return Desk{&runner, d.Store}, err
}

// read returns errManyLoans when there are more than maxRead loans.
func read(ctx context.Context, loans reminder.Loans) (reading, error) {
	r := reading{Loans: loans}
	first, last := reminder.AllDue()
	err := loans.Scan(ctx, first, last, func(page []reminder.Loan) error {
		if r.all = append(r.all, page...); len(r.all) > maxRead {
			return errManyLoans
		}
		return nil
	})
	return r, err
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

// Scan shows loans due on a day that does not exist, such as 2026-00-00, whatever the days: a Loan has no such date.
func (r reading) Scan(_ context.Context, first, last reminder.Date, page func([]reminder.Loan) error) error {
	shown := slices.DeleteFunc(slices.Clone(r.all), func(l reminder.Loan) bool { return !l.Shown(first, last) })
	for loans := range slices.Chunk(shown, scanned) {
		if err := page(loans); err != nil {
			return err
		}
	}
	return nil
}
