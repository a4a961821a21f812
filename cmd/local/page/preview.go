package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// What would be sent, and why the others get nothing.

// showFrame shows one mail of the preview in a document of its own: it may have its own styles, and nothing else.
func showFrame(v *visit) error {
	n, err := strconv.Atoi(v.FormValue("n"))
	d := v.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil || n < 0 || n >= len(d.letters) {
		return errNotFound
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(v.w, d.letters[n].HTML) // the page may have gone
	return errDone
}

// preview is what would be sent on a day.
type preview struct {
	Day     reminder.Date
	Today   reminder.Date
	Groups  []letters
	Count   int
	Silent  []desk.Silence
	Unnamed int // silences that are left out
	More    int // mails that are left out
}

// letters are those to one class.
type letters struct {
	Group string
	Mails []Letter
}

func showPreview(v *visit) error {
	v.page = "preview"
	if err := v.open(); err != nil {
		return err
	}
	ctx, day := v.Context(), v.today()
	p := preview{Day: day, Today: day}
	v.Data = p
	if text := v.FormValue("day"); text != "" {
		var err error
		if day, err = reminder.ParseDate(text); err != nil || day.Sub(v.today()) > 5*366 || v.today().Sub(day) > 366 {
			return v.fault("page.preview.day_wrong")
		}
	}
	p.Day = day
	of := map[string]string{} // the class of an address
	err := v.app.Store.EachLoan(ctx, func(l reminder.Loan,
		_ bool) {
		of[strings.ToLower(desk.Plain(l.Borrower.Email))] = l.Borrower.Group
	})
	if err != nil {
		return err
	}
	all, err := v.letters(day)
	if err != nil {
		return err
	}
	p.Count = len(all)
	if len(all) > maxShown {
		p.More = len(all) - maxShown
		all = all[:maxShown]
	}
	for i := range all {
		all[i].N = i
		group := of[strings.ToLower(all[i].Addr)]
		at := slices.IndexFunc(p.Groups, func(g letters) bool { return g.Group == group })
		if at < 0 {
			at = len(p.Groups)
			p.Groups = append(p.Groups, letters{Group: group})
		}
		p.Groups[at].Mails = append(p.Groups[at].Mails, all[i])
	}
	slices.SortFunc(p.Groups, func(a, b letters) int { return cmp.Compare(a.Group, b.Group) })
	v.d.mu.Lock()
	v.d.letters = all
	v.d.mu.Unlock()
	p.Silent, p.Unnamed, err = desk.Desk{Runner: v.app.Runner, Store: v.app.Store}.Silent(ctx, day, maxShown)
	v.Data = p
	return err
}

// letters composes the mails of a day.
func (v *visit) letters(day reminder.Date) (all []Letter, err error) {
	err = desk.Desk{Runner: v.app.Runner, Store: v.app.Store}.Preview(v.Context(), day, func(m mail.Message) error {
		all = append(all, LetterOf(m, ""))
		return nil
	})
	return all, err
}
