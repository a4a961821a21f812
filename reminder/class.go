package reminder

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mtsn6garut/pengingat/mail"
)

// A ClassList is what a homeroom teacher is told once a week: what pupils of one class have not brought back. It is
// composed at the hand-over, from what is true then, and kept nowhere.
type ClassList struct {
	Class   string // "" in the librarian's list of those who stand on no other
	Teacher string // data, or ""
	Today   Date
	Late    []LateLoan // those of one borrower together
}

// A LateLoan is a loan on a class list.
type LateLoan struct {
	Loan
	Days int // late
	// why no mail reaches the borrower: VerdictUnreachable, or VerdictBadAddress also when the last reminder came back;
	// else Due
	Mail Verdict
}

// A Class is a class of a school, or whatever else group_name means, with its homeroom teacher.
type Class struct {
	Name    string `json:"class"`   // as in group_name; data
	Teacher string `json:"teacher"` // or ""; data
	Email   string `json:"email"`   // raw, as a borrower's
	Source  bool   `json:"source"`  // the library's own system says so, and not a person at the desk
}

// MaxClass is how many characters of a class's name a Store keeps.
const MaxClass = 90

// Recipient is the homeroom teacher, as [Rules.Address] judges borrowers.
func (c Class) Recipient() Borrower {
	return Borrower{ID: "class:" + c.Name, Name: c.Teacher, Email: c.Email}
}

// Classes are all that have a teacher.
type Classes []Class

// Named returns the class that a name means. The very name comes first. Another spelling of it will do, but not where
// it may mean two.
func (c Classes) Named(name string) (Class, bool) {
	if spelling(name) == "" {
		return Class{}, false
	}
	if i := slices.IndexFunc(c, func(c Class) bool { return c.Name == name }); i >= 0 {
		return c[i], true
	}
	var found []Class
	for _, class := range c {
		if SameClass(class.Name, name) {
			found = append(found, class)
		}
	}
	if len(found) != 1 {
		return Class{}, false
	}
	return found[0], true
}

// SameClass reports whether two names are spellings of one: case, the blanks around words and the form of characters
// make no difference. Whether there is a blank does: "VII I" is not "VIII".
func SameClass(a, b string) bool { return spelling(a) == spelling(b) }

func spelling(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) && !unicode.IsSpace(r) { // nobody sees it
			return -1
		}
		return r
	}, norm.NFKC.String(name))
	return strings.Join(strings.Fields(norm.NFKC.String(strings.ToLower(strings.ToUpper(name)))), " ")
}

// A Roll is what is late, by the class whose teacher is told of it, and under "" what no teacher is told of: the class
// has none, or none with an address that works, or it is not clear which class it is.
type Roll map[string][]LateLoan

// Roll calls the roll.
func (r *Runner) Roll(ctx context.Context, rules Rules, today Date, classes Classes) (Roll, error) {
	loans, err := r.Loans.DueBetween(ctx, today.AddDays(-longestReach), today.AddDays(-1))
	if err != nil {
		return nil, err
	}
	back, err := r.Store.CameBackLast(ctx)
	if err != nil {
		return nil, err
	}
	// What the data says in two ways is not told to a teacher: a loan may be shown several times, and a borrower may be
	// in several classes.
	classOf, doubtful := map[string]string{}, map[string]bool{}
	clear := func(what, class string) {
		if was, known := classOf[what]; known && was != class {
			doubtful[what] = true
		}
		classOf[what] = class
	}
	var late []LateLoan
	shown := map[string]bool{}
	for _, l := range loans {
		days := rules.calendar(l).Offset(l.Due, today)
		if days <= 0 || l.Hold != "" || l.Odd(today) != "" {
			continue
		}
		_, reached := rules.Address(l.Borrower)
		if back[l.Cycle()] && reached != VerdictUnreachable {
			reached = VerdictBadAddress
		} else if reached == VerdictWithheld {
			reached = VerdictDue
		}
		clear("loan "+l.ID, l.Borrower.ID+" "+spelling(l.Borrower.Group))
		if l.Borrower.Group != "" {
			clear("borrower "+l.Borrower.ID, spelling(l.Borrower.Group))
		}
		if !shown[l.ID] {
			shown[l.ID], late = true, append(late, LateLoan{l, days, reached})
		}
	}
	slices.SortFunc(late, func(a, b LateLoan) int {
		return cmp.Or(cmp.Compare(spelling(a.Borrower.Group), spelling(b.Borrower.Group)),
			cmp.Compare(a.Borrower.Name, b.Borrower.Name), cmp.Compare(a.Borrower.ID, b.Borrower.ID),
			a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	teachers := map[string]string{} // classes by what the loans call them
	roll := Roll{}
	for _, l := range late {
		class, known := teachers[l.Borrower.Group]
		if !known {
			c, _ := classes.Named(l.Borrower.Group)
			if _, v := rules.Address(c.Recipient()); v == VerdictDue || v == VerdictWithheld {
				class = c.Name
			}
			teachers[l.Borrower.Group] = class
		}
		if doubtful["loan "+l.ID] || doubtful["borrower "+l.Borrower.ID] {
			class = ""
		}
		roll[class] = append(roll[class], l)
	}
	return roll, nil
}

// classMailing tells homeroom teachers once a week what of their class is late, and the librarians what no teacher is
// told of. Its notice is (KindClass, class, Monday of the week, 0), or (KindClass, "", Monday, place in
// REMINDER_SUMMARY_TO): so a list goes out once a week, also when REMINDER_CLASS_DAY changes in the week.
//
// The lists belong to that day. They are promised by its runs or, when none did its work, because the library is closed
// or nothing ran, by those of the next day in the same week. A class with nothing late then has no list that week.
type classMailing struct{}

func (classMailing) Kind() Kind  { return KindClass }
func (classMailing) First() bool { return false }

// weekOf returns the Monday of a day's week.
func weekOf(d Date) Date { return d.AddDays(-(int(d.Weekday()) + 6) % 7) }

// classDue reports whether the lists of this week are to be promised.
func (r *Run) classDue(ctx context.Context) (bool, error) {
	if r.Settings.ClassDay == nil {
		return false, nil
	}
	zone := r.Settings.Zone
	first := weekOf(r.Today).AddDays((int(*r.Settings.ClassDay) + 6) % 7)
	if !first.Before(r.Today) {
		return first == r.Today, nil
	}
	if r.Today.After(DateOf(r.Now, zone)) { // somebody looks at a day to come: by then they will have gone
		return false, nil
	}
	worked, err := r.Store.Worked(ctx, first.Midnight(zone), r.Today.Midnight(zone))
	return !worked, err
}

// A list is one that may go out this week.
type list struct {
	notice  Notice
	id      string // as which its recipient is known
	to      mail.Address
	verdict Verdict // on the address
}

func (r *Run) lists(classes Classes) (all []list) {
	week := weekOf(r.Today)
	for _, c := range classes {
		to, verdict := r.Rules.Address(c.Recipient())
		all = append(all, list{Notice{Cycle: Cycle{KindClass, c.Name, week}}, c.Recipient().ID, to, verdict})
	}
	for i, to := range r.Settings.SummaryTo { // with ids of their own, so that one's list does not count as another's
		_, verdict := r.Rules.Address(Borrower{Email: to.Addr})
		n := Notice{Cycle: Cycle{KindClass, "", week}, Step: i}
		all = append(all, list{n, "librarian:" + strconv.Itoa(i), to, verdict})
	}
	return all
}

// classPlan are the lists to promise.
type classPlan []Email

func (classMailing) Plan(ctx context.Context, run *Run) (Planner, error) {
	if due, err := run.classDue(ctx); err != nil || !due {
		return nil, err
	}
	classes, err := run.Store.Classes(ctx)
	if err != nil {
		return nil, err
	}
	lists := run.lists(classes)
	if len(lists) == 0 {
		return nil, nil
	}
	names := make([]string, len(lists))
	for i, l := range lists {
		names[i] = l.notice.Loan
	}
	known, err := run.Store.Promised(ctx, weekOf(run.Today), names...)
	lists = slices.DeleteFunc(lists, func(l list) bool {
		return l.verdict != VerdictDue && l.verdict != VerdictWithheld || known[l.notice.Cycle].Promised(l.id, l.notice.Step)
	})
	if err != nil || len(lists) == 0 { // where many loans are late, it takes long to call the roll
		return nil, err
	}
	roll, err := run.Roll(ctx, run.Rules, run.Today, classes)
	var plan classPlan
	for _, l := range lists {
		switch {
		case len(roll[l.notice.Loan]) == 0:
		case l.verdict == VerdictWithheld:
			run.Report.Emails.Withheld++
		default:
			plan = append(plan, Email{Kind: KindClass, Borrower: l.id, Priority: FirstLate, Notices: []Notice{l.notice}})
		}
	}
	return plan, err
}

func (classPlan) Add([]Loan, map[Cycle]History)    {}
func (classPlan) Loans() []string                  { return nil }
func (p classPlan) Emails(map[string]bool) []Email { return p }

// Recheck writes the list anew. What is canceled is promised again when it can be sent in the same week after all.
func (classMailing) Recheck(ctx context.Context, run *Run, c Claim) (Draft, Outcome, error) {
	canceled := func(reason string) (Draft, Outcome, error) {
		return Draft{}, Outcome{State: StateCanceled, Reason: reason}, nil
	}
	switch {
	case len(c.Notices) == 0 || c.Notices[0].Due != weekOf(run.Today):
		return Draft{}, Outcome{State: StateExpired, Reason: ReasonSuperseded}, nil
	case run.Settings.ClassDay == nil:
		return canceled(ReasonUnwanted)
	}
	classes, err := run.Store.Classes(ctx)
	if err != nil {
		return Draft{}, Outcome{}, err
	}
	lists := run.lists(classes)
	i := slices.IndexFunc(lists, func(l list) bool { return l.notice == c.Notices[0] })
	if i < 0 {
		return canceled(string(VerdictUnreachable))
	}
	l := lists[i]
	switch l.verdict {
	case VerdictWithheld:
		return Draft{}, withheld(string(l.verdict)), nil
	case VerdictUnreachable, VerdictBadAddress:
		return canceled(string(l.verdict))
	}
	roll, err := run.Roll(ctx, run.Rules, run.Today, classes)
	if err != nil {
		return Draft{}, Outcome{}, err
	}
	late := roll[l.notice.Loan]
	if len(late) == 0 {
		return canceled(ReasonReturned)
	}
	return Draft{To: l.to, Data: ClassList{l.notice.Loan, l.to.Name, run.Today, late}}, Outcome{}, nil
}
