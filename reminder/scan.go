package reminder

import (
	"context"
	"maps"
	"slices"
)

// Plan scans the loans in reach and returns the emails to promise, the most urgent of each kind first. It only reads.
func (r *Run) Plan(ctx context.Context) (emails []Email, err error) {
	from, to := r.Rules.Reach(r.Today)
	counted, err := r.countLoans(ctx, from)
	if err != nil {
		return nil, err
	}
	planners, err := r.planners(ctx)
	if err != nil {
		return nil, err
	}
	err = r.Scan(ctx, from, to, func(loans []Loan, known map[Cycle]History) {
		for _, p := range planners {
			p.Add(loans, known)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, p := range planners {
		planned, tooSoon, err := r.emails(ctx, p)
		if err != nil {
			return nil, err
		}
		emails, counted.TooSoon = append(emails, planned...), counted.TooSoon+tooSoon
	}
	rep, loans := r.Report, r.loans.Counts
	maps.Copy(r.odd, r.loans.odd)
	r.loans = nil // with 20,000 emails this frees 7 MB
	counted.Odd += loans.Odd
	counted.InReach, counted.Held, counted.Unreachable = loans.InReach, loans.Held, loans.Unreachable
	rep.Loans, rep.Planned.Emails = &counted, len(emails)
	for _, e := range emails {
		rep.Planned.Notices += len(e.Notices)
	}
	return emails, nil
}

// countedEachRun is up to how many open loans each run counts. Counting a million takes longer than the rest of a run
// without news. If there are more, only the first run of a day counts them, and the others repeat its figures.
const countedEachRun = 20_000

// countLoans counts the open loans, and those due before a day.
func (r *Run) countLoans(ctx context.Context, before Date) (LoanCounts, error) {
	last := r.records.Last
	if l := last.Loans; l != nil && last.Today == r.Today && l.Open > countedEachRun {
		return LoanCounts{Open: l.Open, TooOld: l.TooOld}, nil
	}
	return r.Loans.CountLoans(ctx, before)
}

// planners returns a planner for each kind that is in use today and does not go first.
func (r *Run) planners(ctx context.Context) (planners []Planner, err error) {
	for _, m := range r.Mailings {
		if m.First() {
			continue
		}
		p, err := m.Plan(ctx, r)
		if err != nil {
			return nil, err
		}
		if p != nil {
			planners = append(planners, p)
		}
	}
	return planners, nil
}

// emails returns the emails of one kind that may be promised now, and how many notices REMINDER_MIN_DAYS holds back.
func (r *Run) emails(ctx context.Context, p Planner) (emails []Email, tooSoon int, err error) {
	odd, err := Unreadable(ctx, r.Loans, p.Loans())
	if err != nil {
		return nil, 0, err
	}
	maps.Copy(r.odd, odd)
	emails, tooSoon, err = r.allowed(ctx, p.Emails(odd))
	if p, ok := p.(interface{ Withheld() int }); ok {
		r.Report.Emails.Withheld += p.Withheld()
	}
	return emails, tooSoon, err
}

// Scan calls page for the loans due in a period, some thousand at a time, with what was promised in their cycles.
func (r *Runner) Scan(ctx context.Context, first, last Date, page func(loans []Loan, known map[Cycle]History)) error {
	return r.Loans.Scan(ctx, first, last, func(loans []Loan) error {
		ids := make([]string, len(loans))
		for i, l := range loans {
			ids[i] = l.ID
		}
		known, err := r.Store.Promised(ctx, first, ids...)
		if err == nil {
			page(loans, known)
		}
		return err
	})
}

// rereadChunk is how many loans are read at a time.
const rereadChunk = 500

// RereadAll calls Reread for many loans, in chunks.
func RereadAll(ctx context.Context, from Loans, ids []string) (loans []Loan, err error) {
	for chunk := range slices.Chunk(ids, rereadChunk) {
		read, err := from.Reread(ctx, chunk)
		if err != nil {
			return nil, err
		}
		loans = append(loans, read...)
	}
	return loans, nil
}

// Unreadable returns the ids, of those given, of the open loans that a recheck could not read: the database cannot
// compute one of their cells, or does not find them by their id.
func Unreadable(ctx context.Context, from Loans, ids []string) (map[string]bool, error) {
	odd := map[string]bool{}
	for chunk := range slices.Chunk(ids, rereadChunk) { // all loans of a plan at once would take too much memory
		loans, err := from.Reread(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, id := range chunk {
			odd[id] = true
		}
		for _, l := range loans {
			if l.Broken == "" {
				delete(odd, l.ID)
			}
		}
	}
	return odd, nil
}
