package staff

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// classMailing tells homeroom teachers once a week which books of their class are late. The librarians get the late
// loans that are on no teacher's list. Its notice is (KindClass, class, Monday of the week, 0), or (KindClass, "",
// Monday, position in REMINDER_SUMMARY_TO): so a list goes out once a week, also when REMINDER_CLASS_DAY changes in the
// week.
//
// The lists belong to that day. They are promised by its runs. When no run of that day did its work, because the
// library was closed or nothing ran, the runs of the next day in the same week promise them. A class with nothing late
// on that day has no list that week.
type classMailing struct{ store *staffdb.Store }

func (classMailing) Kind() reminder.Kind { return reminder.KindClass }
func (classMailing) First() bool         { return false }

func (m classMailing) Plan(ctx context.Context, run *reminder.Run) (reminder.Planner, error) {
	if due, err := m.due(ctx, run); err != nil || !due {
		return nil, err
	}
	classes, err := m.store.Classes(ctx)
	if err != nil {
		return nil, err
	}
	free, err := unpromised(ctx, m.store, weekOf(run.Today), readers(run, classes))
	if err != nil || len(free) == 0 { // with many late loans it takes long to call the roll
		return nil, err
	}
	roll, err := ReadRoll(ctx, run.Loans, m.store, run.Rules, run.Today, classes)
	var plan staffPlan
	for _, a := range free {
		switch {
		case len(roll[a.notice.Loan]) == 0:
		case a.verdict == reminder.VerdictWithheld:
			run.Report.Emails.Withheld++
		default:
			plan = append(plan, a.email(reminder.FirstLate))
		}
	}
	return plan, err
}

// due reports whether the lists of this week are to be promised.
func (m classMailing) due(ctx context.Context, run *reminder.Run) (bool, error) {
	if run.Settings.ClassDay == nil {
		return false, nil
	}
	zone := run.Settings.Zone
	first := weekOf(run.Today).AddDays((int(*run.Settings.ClassDay) + 6) % 7)
	if !first.Before(run.Today) {
		return first == run.Today, nil
	}
	if run.Today.After(reminder.DateOf(run.Now, zone)) { // a preview of a day to come: the lists will have gone by then
		return false, nil
	}
	worked, err := m.store.Worked(ctx, first.Midnight(zone), run.Today.Midnight(zone))
	return !worked, err
}

// weekOf returns the Monday of a day's week.
func weekOf(d reminder.Date) reminder.Date { return d.AddDays(-(int(d.Weekday()) + 6) % 7) }

// Recheck calls the roll anew.
func (m classMailing) Recheck(ctx context.Context, run *reminder.Run, c reminder.Claim) (d reminder.Draft,
	o reminder.Outcome, err error) {
	classes, err := m.store.Classes(ctx)
	if err != nil {
		return d, o, err
	}
	a, o := recheck(c, weekOf(run.Today), readers(run, classes))
	if run.Settings.ClassDay == nil && o.State == "" {
		o = canceled(reminder.ReasonUnwanted)
	}
	if o.State != "" {
		return d, o, nil
	}
	roll, err := ReadRoll(ctx, run.Loans, m.store, run.Rules, run.Today, classes)
	late := roll[a.notice.Loan]
	if err == nil && len(late) == 0 {
		o = canceled(reminder.ReasonReturned)
	}
	return reminder.Draft{To: a.to, Data: reminder.ClassList{Class: a.notice.Loan, Teacher: a.to.Name, Today: run.Today,
		Late: late}}, o, err
}

// readers returns who reads the lists of this week.
func readers(run *reminder.Run, classes []staffdb.Class) (all []addressee) {
	week := weekOf(run.Today)
	for _, c := range classes {
		to, verdict := run.Rules.Address(Teacher(c))
		n := reminder.Notice{Cycle: reminder.Cycle{Kind: reminder.KindClass, Loan: c.Name, Due: week}}
		all = append(all, addressee{n, Teacher(c).ID, to, verdict})
	}
	for i, to := range run.Settings.SummaryTo { // with ids of their own, so that one's list does not count as another's
		_, verdict := run.Rules.Address(reminder.Borrower{Email: to.Addr})
		n := reminder.Notice{Cycle: reminder.Cycle{Kind: reminder.KindClass, Due: week}, Step: i}
		all = append(all, addressee{n, "librarian:" + strconv.Itoa(i), to, verdict})
	}
	return all
}

// Teacher returns the homeroom teacher of a class as a borrower, so that the rules judge the address.
func Teacher(c staffdb.Class) reminder.Borrower {
	return reminder.Borrower{ID: "class:" + c.Name, Name: c.Teacher, Email: c.Email}
}

// A Roll has the late loans by the class whose teacher gets them, and under "" those that no teacher gets: the class
// has no teacher, or none with an address that works, or it is not clear which class it is.
type Roll map[string][]reminder.LateLoan

// ReadRoll calls the roll.
func ReadRoll(ctx context.Context, from reminder.Loans, store *staffdb.Store, rules reminder.Rules,
	today reminder.Date, classes []staffdb.Class) (Roll, error) {
	loans, err := from.DueBetween(ctx, today.AddDays(-longestReach), today.AddDays(-1))
	if err != nil {
		return nil, err
	}
	back, err := store.CameBackLast(ctx)
	return callRoll(loans, back, rules, today, classes), err
}

// callRoll sorts loans into lists.
func callRoll(loans []reminder.Loan, back map[reminder.Cycle]bool, rules reminder.Rules, today reminder.Date,
	classes []staffdb.Class) Roll {
	late, doubtful := lateLoans(loans, back, rules, today)
	lists := map[string]string{} // the class whose list it is, by what the loans call it
	roll := Roll{}
	for _, l := range late {
		group := l.Borrower.Group
		if _, known := lists[group]; !known {
			lists[group] = ""
			c, _ := NamedClass(classes, group)
			if _, v := rules.Address(Teacher(c)); v == reminder.VerdictDue || v == reminder.VerdictWithheld {
				lists[group] = c.Name
			}
		}
		class := lists[group]
		if doubtful["loan "+l.ID] || doubtful["borrower "+l.Borrower.ID] {
			class = ""
		}
		roll[class] = append(roll[class], l)
	}
	return roll
}

// lateLoans returns the loans that are late, each once, those of one borrower together. A view may show a loan several
// times, and a borrower in several classes. Such loans are doubtful, and no teacher gets them.
func lateLoans(loans []reminder.Loan, back map[reminder.Cycle]bool, rules reminder.Rules,
	today reminder.Date) (late []reminder.LateLoan, doubtful map[string]bool) {
	doubtful = map[string]bool{}
	classOf := map[string]string{}
	compare := func(what, class string) {
		if was, known := classOf[what]; known && was != class {
			doubtful[what] = true
		}
		classOf[what] = class
	}
	spelled := map[string]string{} // to spell a class once takes long enough
	spell := func(name string) string {
		if _, known := spelled[name]; !known {
			spelled[name] = Spelling(name)
		}
		return spelled[name]
	}
	shown := map[string]bool{}
	for _, l := range loans {
		days := rules.Offset(l, today)
		if days <= 0 || l.Hold != "" || l.Odd(today) != "" {
			continue
		}
		_, reached := rules.Address(l.Borrower)
		if back[l.Cycle()] && reached != reminder.VerdictUnreachable {
			reached = reminder.VerdictBadAddress
		} else if reached == reminder.VerdictWithheld {
			reached = reminder.VerdictDue
		}
		compare("loan "+l.ID, l.Borrower.ID+" "+spell(l.Borrower.Group))
		if l.Borrower.Group != "" {
			compare("borrower "+l.Borrower.ID, spell(l.Borrower.Group))
		}
		if !shown[l.ID] {
			shown[l.ID], late = true, append(late, reminder.LateLoan{Loan: l, Days: days, Mail: reached})
		}
	}
	slices.SortFunc(late, func(a, b reminder.LateLoan) int {
		return cmp.Or(cmp.Compare(spell(a.Borrower.Group), spell(b.Borrower.Group)),
			cmp.Compare(a.Borrower.Name, b.Borrower.Name), cmp.Compare(a.Borrower.ID, b.Borrower.ID),
			a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	return late, doubtful
}

// NamedClass returns the class that a name means. A class of exactly that name comes first. Otherwise a class with
// another spelling of it will do, but not where there are two.
func NamedClass(classes []staffdb.Class, name string) (staffdb.Class, bool) {
	found, n := staffdb.Class{}, 0
	for _, c := range classes {
		switch {
		case Spelling(name) == "":
		case c.Name == name:
			return c, true
		case Spelling(c.Name) == Spelling(name):
			found, n = c, n+1
		}
	}
	if n != 1 {
		return staffdb.Class{}, false
	}
	return found, true
}

// Spelling is the same for all spellings of a class's name: case, the blanks around words and the form of characters
// make no difference. Whether there is a blank does: "VII I" is not "VIII".
func Spelling(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) && !unicode.IsSpace(r) { // nobody sees it
			return -1
		}
		return r
	}, norm.NFKC.String(name))
	return strings.Join(strings.Fields(norm.NFKC.String(strings.ToLower(strings.ToUpper(name)))), " ")
}
