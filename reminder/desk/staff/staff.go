// Package staff writes to the library's own staff: the morning's summary to the librarians, and the class lists to the
// homeroom teachers. Its Mailings are part of a run; the desk shows the same numbers and lists.
package staff

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// Mailings returns the kinds that go to the library's own staff. A run promises and sends them like every other kind.
func Mailings(store *mysql.Store) []reminder.Mailing {
	return []reminder.Mailing{summaryMailing{staffdb.New(store)}, classMailing{staffdb.New(store)}}
}

// An addressee is a member of the staff, and the notice that they are to get in this period: a day, or a week.
type addressee struct {
	notice  reminder.Notice
	id      string // Email.Borrower
	to      mail.Address
	verdict reminder.Verdict // on the address
}

// email returns what a run is to promise to the addressee.
func (a addressee) email(p reminder.Priority) reminder.Email {
	return reminder.Email{Kind: a.notice.Kind, Borrower: a.id, Priority: p, Notices: []reminder.Notice{a.notice}}
}

// unpromised returns the addressees who can be written to and were not promised their notice.
func unpromised(ctx context.Context, store *staffdb.Store, period reminder.Date, all []addressee) ([]addressee,
	error) {
	if len(all) == 0 {
		return nil, nil
	}
	var about []string
	for _, a := range all {
		about = append(about, a.notice.Loan)
	}
	known, err := store.Promised(ctx, period, about...)
	return slices.DeleteFunc(all, func(a addressee) bool {
		return a.verdict != reminder.VerdictDue && a.verdict != reminder.VerdictWithheld ||
			slices.ContainsFunc(known[a.notice.Cycle], func(p reminder.Past) bool {
				return p.Step == a.notice.Step && !slices.Contains(reminder.Voids, p.Dropped)
			})
	}), err
}

// recheck finds the addressee of a claim. It returns an outcome with a State when nothing is to be sent. What belongs
// to an earlier period expires: after a week without a mail server, one summary is sent and not seven.
func recheck(c reminder.Claim, period reminder.Date, all []addressee) (addressee, reminder.Outcome) {
	if len(c.Notices) == 0 || c.Notices[0].Due != period {
		return addressee{}, reminder.Outcome{State: reminder.StateExpired, Reason: reminder.ReasonSuperseded}
	}
	i := slices.IndexFunc(all, func(a addressee) bool { return a.notice == c.Notices[0] })
	switch {
	case i < 0:
		return addressee{}, canceled(string(reminder.VerdictUnreachable))
	case all[i].verdict == reminder.VerdictWithheld:
		return all[i], reminder.Withheld(string(reminder.VerdictWithheld))
	case all[i].verdict != reminder.VerdictDue:
		return all[i], canceled(string(all[i].verdict))
	}
	return all[i], reminder.Outcome{}
}

// canceled is the outcome of an email that is promised again if it can be sent in the same period after all.
func canceled(reason string) reminder.Outcome {
	return reminder.Outcome{State: reminder.StateCanceled, Reason: reason}
}

// A staffPlan are the emails to promise. No loan of a scan changes them.
type staffPlan []reminder.Email

func (staffPlan) Add([]reminder.Loan, map[reminder.Cycle]reminder.History) {}
func (staffPlan) Loans() []string                                          { return nil }
func (p staffPlan) Emails(map[string]bool) []reminder.Email                { return p }
