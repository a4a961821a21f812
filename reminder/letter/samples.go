package letter

import (
	"slices"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// samples returns data for a kind of mail. Together they execute every branch of its templates.
func samples(kind reminder.Kind) (data []any) {
	today := reminder.Date{Year: 2026, Month: time.November, Day: 23}
	switch kind {
	case reminder.KindLoan:
		items := []reminder.Item{
			{Due: today.AddDays(-3), ReturnBy: today.AddDays(-3), Days: 3, Number: 2, FinePerDay: 500},
			{Due: today.AddDays(-1), ReturnBy: today.AddDays(-1), Days: 1, Number: 1, Title: "A", ItemCode: "B", Ref: "C"},
			{Due: today.AddDays(-1), ReturnBy: today, Title: "A"},
			{Due: today.AddDays(1), ReturnBy: today.AddDays(1), DueTime: "14:30", Days: -1, Loan: "7"},
			{Due: today.AddDays(2), ReturnBy: today.AddDays(5), ClosedFor: "D", Days: -2},
			{Due: today.AddDays(2), ReturnBy: today.AddDays(5), Days: -2, LastOpen: today, Reopens: today.AddDays(5)},
			{Due: today.AddDays(2), ReturnBy: today.AddDays(5), Days: -2, LastOpen: today.AddDays(1), ClosureName: "D"},
		}
		for first := range items {
			for end := first + 1; end <= len(items); end++ {
				data = append(data, reminder.Letter{Today: today, Items: items[first:end]},
					reminder.Letter{Today: today, Items: items[first:end], Name: "E", Type: "teacher"},
					reminder.Letter{Today: today, Items: items[first:end], Name: "E", Group: "F"})
			}
		}
	case reminder.KindClass:
		for _, class := range []string{"", "A"} {
			list := reminder.ClassList{Class: class, Teacher: class, Today: today}
			for i, reached := range []reminder.Verdict{reminder.VerdictDue, reminder.VerdictUnreachable,
				reminder.VerdictBadAddress} {
				loan := reminder.Loan{Due: today.AddDays(-1 - i), Borrower: reminder.Borrower{ID: string(reached)}}
				list.Late = append(list.Late, reminder.LateLoan{Loan: loan, Days: 1 + i, Mail: reached})
				loan.Title, loan.ItemCode, loan.Borrower.Name, loan.Borrower.Group = "B", "C", "D", "E"
				list.Late = append(list.Late, reminder.LateLoan{Loan: loan, Days: 1 + i, Mail: reached})
				data = append(data, list)
			}
			list.Late = slices.Repeat(list.Late, maxListed)
			data = append(data, list)
		}
	case reminder.KindGuardian:
		for n := 1; n <= 3; n++ {
			items := []reminder.Item{
				{Due: today.AddDays(-9), ReturnBy: today.AddDays(-8), Days: 8, Number: 2, FinePerDay: 500, ItemCode: "C"},
				{Due: today.AddDays(-7), ReturnBy: today.AddDays(-7), DueTime: "14:30", Days: 7, Number: 1, Ref: "D"},
				{Due: today.AddDays(-9), ReturnBy: today.AddDays(-7), Days: 7, Title: "E", Child: "A", Group: "B", ClosedFor: "F"},
			}[:n]
			data = append(data, reminder.GuardianLetter{Letter: reminder.Letter{Today: today, Items: items}},
				reminder.GuardianLetter{Letter: reminder.Letter{Today: today, Items: items[n-1:], Name: "G"}})
		}
	case reminder.KindSummary:
		for _, held := range []string{"", reminder.ReasonMaxPerRun, reminder.ReasonLooksRestored} {
			data = append(data, reminder.Summary{Today: today, Held: held}, reminder.Summary{
				Today: today, SinceDate: today.AddDays(-3), SinceTime: "07:02", Planned: 2, Sending: 1, Held: held,
				Open: 9, Late: 4, VersionMonths: 7,
				Activity: reminder.Activity{Since: time.Unix(1, 0), Sent: 5, Waiting: 3, Trouble: []reminder.Trouble{
					{State: reminder.StateFailed, Reason: "rcpt: retry 450", Count: 2},
					{State: reminder.StateUnknown, Reason: "b", Count: 1}, {State: reminder.StateRefused, Count: 1},
				}},
				Unreachable: []reminder.GroupCount{{Group: "A", Count: 2}, {Count: 1}},
				Longest: []reminder.Loan{
					{Due: today.AddDays(-9), Title: "B", Borrower: reminder.Borrower{Name: "C", Group: "D"}},
					{Due: today.AddDays(-1)},
				},
			})
		}
	}
	return data
}
