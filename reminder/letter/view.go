package letter

import (
	"cmp"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A viewer prepares data for templates in the reader's language.
type viewer struct {
	*language
	texts Texts
}

// A view has the fields of a struct for templates. A missing field is an error, so all views of a kind have all fields.
type view = map[string]any

// Limits of data in a mail, in characters.
const (
	maxTitle        = 120
	maxSubjectTitle = 60
	maxName         = 80
	maxCode         = 40
)

// root returns the view of a mail's data.
func (v viewer) root(data any) any {
	root := v.view(data)
	if fields, ok := root.(view); ok {
		fields["Lang"], fields["Library"], fields["URL"] = v.tag, v.texts.Library, v.texts.URL
	}
	return root
}

// view returns data for a template: it replaces values by clean strings in the reader's language, also within structs
// and lists.
func (v viewer) view(data any) any {
	switch data := data.(type) {
	case string:
		return cleanTitle(data, maxTitle)
	case reminder.Message:
		return clean(text.In(v.tag).Text(data), maxTitle)
	case reminder.Date:
		return v.date(data)
	case time.Weekday:
		return v.Days[data]
	case reminder.Letter:
		return v.letter(data)
	case reminder.GuardianLetter:
		return v.guardianLetter(data.Letter)
	case reminder.Summary:
		return v.summary(data)
	case reminder.ClassList:
		return v.classList(data)
	}
	switch value := reflect.ValueOf(data); value.Kind() {
	case reflect.Struct:
		fields := make(view)
		for field, value := range value.Fields() {
			if field.IsExported() {
				fields[field.Name] = v.view(value.Interface())
			}
		}
		return fields
	case reflect.Slice:
		list := make([]any, value.Len())
		for i := range list {
			list[i] = v.view(value.Index(i).Interface())
		}
		return list
	}
	return data
}

// letter is the view of a letter to a borrower or a guardian. loan.txt and guardian.txt describe its fields. Most mails
// are letters, so it and its parts are structs: templates read the fields of a struct faster than those of a map. They
// search the fields in order, so the most frequent ones come first.
type letter struct {
	Mixed, One, Formal, Tomorrow, BeforeClosure bool
	Late, Today, Count, Upcoming                int
	Days, DaysLate, MostLate                    int
	Library, Name, Hours, Title, Group, Child   string
	Answers                                     bool
	Children                                    int
	Groups                                      []group
	Lang, URL                                   string
}

type group struct {
	Late, Today  bool
	Child, Class string // in a letter to a guardian
	Items        []*item
}

type item struct {
	Late, Today, Tomorrow, Closed             bool
	Title, ItemCode, Ref, Due, ReturnBy, Time string
	ClosedDay, ClosedFor, Fine                string
	LastOpen, Reopens, ClosureName            string
	LastOpenToday                             bool
	Days, Number                              int
	Renew, RenewAt, RenewText                 string
}

func (v viewer) letter(l reminder.Letter) *letter {
	groups := []group{{Late: true}, {Today: true}, {}}
	late, today, upcoming := &groups[0].Items, &groups[1].Items, &groups[2].Items
	for _, it := range l.Items {
		item, list := v.item(it, l.Today), upcoming
		if item.RenewText = v.Renew; !item.Late {
			item.Renew, item.RenewAt = v.renew(it, l.AnswerTo)
		}
		if item.Late {
			list = late
		} else if item.Today {
			list = today
		}
		*list = append(*list, item)
	}
	view := &letter{
		Lang: v.tag, Library: v.texts.Library, URL: v.texts.URL, Name: clean(l.Name, maxName), Group: clean(l.Group, maxCode),
		Formal: slices.Contains(reminder.BorrowerTypes[1:], l.Type), Answers: v.texts.Answers,
		Hours: clean(v.texts.Hours, maxTitle),
		Count: len(l.Items), Late: len(*late), Today: len(*today), Upcoming: len(*upcoming),
	}
	if view.Upcoming == view.Count {
		view.Days, _ = days(*upcoming)
		view.Tomorrow = view.Days == 1
		view.BeforeClosure = !slices.ContainsFunc(*upcoming, func(it *item) bool { return it.LastOpen == "" })
	}
	view.DaysLate, view.MostLate = days(*late)
	view.Groups = slices.DeleteFunc(groups, func(g group) bool { return len(g.Items) == 0 })
	view.Mixed, view.One = len(view.Groups) > 1, view.Count == 1
	if v.texts.TitleInSubject && view.Count == 1 {
		view.Title = cleanTitle(l.Items[0].Title, maxSubjectTitle)
	}
	return view
}

// renew returns the link to renew a loan, or to ask for that by mail, and its text. It returns no link to the site if
// RenewURL needs an id that the loan does not have.
func (v viewer) renew(it reminder.Item, answerTo string) (link, at string) {
	link = v.texts.RenewURL
	for name, value := range map[string]string{"{loan}": it.Loan, "{ref}": it.Ref, "{item}": it.ItemCode} {
		if strings.Contains(link, name) && value == "" {
			link = ""
		}
		link = strings.ReplaceAll(link, name, strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	if link != "" || !v.texts.Answers || answerTo == "" {
		return link, link
	}
	subject := v.Renew + ": " + clean(cmp.Or(it.Ref, it.Loan), maxCode) + " " + cleanTitle(it.Title, maxSubjectTitle)
	return reminder.Mailto(answerTo, strings.TrimSpace(subject)), answerTo
}

// guardianLetter returns the view of a letter to a guardian, which groups the loans by child.
func (v viewer) guardianLetter(l reminder.Letter) *letter {
	view := v.letter(l)
	view.Groups, view.Mixed = nil, true
	for _, it := range l.Items {
		child, class := clean(it.Child, maxName), clean(it.Group, maxCode)
		i := slices.IndexFunc(view.Groups, func(g group) bool { return g.Child == child && g.Class == class })
		if i < 0 {
			i = len(view.Groups)
			view.Groups = append(view.Groups, group{Late: true, Child: child, Class: class})
		}
		view.Groups[i].Items = append(view.Groups[i].Items, v.item(it, l.Today))
	}
	if view.Children = len(view.Groups); view.Children == 1 {
		view.Child = view.Groups[0].Child
	}
	return view
}

// days returns the days that all items have, or 0 when they differ, and the most days of an item.
func days(items []*item) (same, most int) {
	for i, it := range items {
		if most = max(most, it.Days); i == 0 {
			same = it.Days
		} else if it.Days != same {
			same = 0
		}
	}
	return same, most
}

func (v viewer) item(it reminder.Item, today reminder.Date) *item {
	days := it.ReturnBy.Sub(today)
	view := &item{
		Title: cleanTitle(it.Title, maxTitle), ItemCode: clean(it.ItemCode, maxCode), Ref: clean(it.Ref, maxCode),
		Due: v.date(it.Due), ReturnBy: v.date(it.ReturnBy), Closed: it.Due != it.ReturnBy, Number: it.Number,
		Late: it.Days > 0, Today: days == 0, Tomorrow: days == 1, Days: max(days, it.Days),
	}
	if view.Closed { // the time of the due date does not apply to the next open day
		view.ClosedDay, view.ClosedFor = v.Days[it.Due.Weekday()], clean(it.ClosedFor, maxName)
	} else {
		view.Time = v.hour(it.DueTime)
	}
	if !it.LastOpen.IsZero() {
		view.LastOpen, view.Reopens = v.date(it.LastOpen), v.date(it.Reopens)
		view.ClosureName = clean(it.ClosureName, maxName)
		view.LastOpenToday = it.LastOpen == today
	}
	if view.Late && it.FinePerDay > 0 {
		view.Fine = v.money(int64(it.Days) * it.FinePerDay)
	}
	return view
}

// summary returns the view of a summary. summary.txt describes its fields.
func (v viewer) summary(s reminder.Summary) view {
	all := view{
		"Date": v.date(s.Today), "Since": "", "SinceTime": v.hour(s.SinceTime), "Sent": s.Sent, "Planned": s.Planned,
		"Waiting": s.Waiting, "Sending": s.Sending, "Later": s.Waiting - s.Sending,
		"Restored": s.Held == reminder.ReasonLooksRestored, "Many": s.Held == reminder.ReasonMaxPerRun,
		"Bounced": s.SenderTrouble.Bounced, "Accepted": s.SenderTrouble.Accepted, "Refused": s.SenderTrouble.Refused,
		"Open": s.Open, "Late": s.Late, "Unreachable": s.Unreachable, "VersionMonths": s.VersionMonths,
	}
	if !s.Since.IsZero() {
		all["Since"] = v.date(s.SinceDate)
	}
	troubles, unreachables := 0, 0
	var trouble, longest []view
	for _, t := range s.Trouble {
		reason, details := text.In(v.tag).Reason(t.Reason)
		troubles += t.Count
		trouble = append(trouble, view{
			"State": t.State, "Reason": v.view(reason), "Details": clean(details, maxTitle), "Count": t.Count,
		})
	}
	for _, g := range s.Unreachable {
		unreachables += g.Count
	}
	for _, l := range s.Longest {
		if days := s.Calendar.Offset(l.Due, s.Today); days > 0 {
			longest = append(longest, view{
				"Name": clean(l.Borrower.Name, maxName), "Group": clean(l.Borrower.Group, maxCode),
				"Title": cleanTitle(l.Title, maxTitle), "Due": v.date(l.Due), "Days": days,
			})
		}
	}
	all["Troubles"], all["Trouble"], all["Unreachables"], all["Longest"] = troubles, trouble, unreachables, longest
	return all
}

// maxListed is how many books a class list names; the others are counted. Gmail does not show more than 102 KB of a
// mail.
const maxListed = 120

// classList returns the view of a class list. class.txt describes its fields.
func (v viewer) classList(c reminder.ClassList) view {
	var people []view
	var person view
	noMail, pupils := false, map[string]bool{}
	for i, l := range c.Late {
		b := l.Borrower
		if pupils[b.ID] = true; i >= maxListed {
			continue
		}
		if i == 0 || c.Late[i-1].Borrower.ID != b.ID {
			person = view{"Name": clean(b.Name, maxName), "Class": className(b.Group), "Books": []view(nil),
				"Absent": false, "Dead": false}
			people = append(people, person)
		}
		// The reminder of one book may have bounced, while that of another was not sent yet.
		person["Absent"] = person["Absent"] == true || l.Mail == reminder.VerdictUnreachable
		person["Dead"] = person["Dead"] == true || l.Mail == reminder.VerdictBadAddress
		noMail = noMail || l.Mail != reminder.VerdictDue
		person["Books"] = append(person["Books"].([]view), view{"Title": cleanTitle(l.Title, maxTitle),
			"ItemCode": clean(l.ItemCode, maxCode), "Ref": clean(l.Ref, maxCode), "Due": v.date(l.Due), "Days": l.Days})
	}
	return view{"Class": className(c.Class), "Librarian": c.Class == "", "Name": clean(c.Teacher, maxName),
		"Date": v.date(c.Today), "Books": len(c.Late), "Pupils": len(pupils), "More": max(0, len(c.Late)-maxListed),
		"NoMail": noMail, "Answers": v.texts.Answers, "People": people}
}

// className returns the name of a class without the word "class", because the sentences around it have that word.
func className(name string) string {
	name = clean(name, maxCode)
	for _, word := range []string{"kelas ", "class "} {
		if len(name) > len(word) && strings.EqualFold(name[:len(word)], word) {
			return name[len(word):]
		}
	}
	return name
}
