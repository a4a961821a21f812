package page

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// preview has the mails that would be sent on a day, and why other loans get none.
type preview struct {
	Day     reminder.Date
	Groups  map[string][]Letter // by class
	Count   int
	More    int // mails that are left out
	Silent  []desk.Silence
	Unnamed int // silences that are left out
}

func loadPreview(v *visit) (any, error) {
	p := preview{Day: v.Today()}
	if text := v.FormValue("day"); text != "" {
		day, err := reminder.ParseDate(text)
		if err != nil || day.Sub(p.Day) > 5*366 || p.Day.Sub(day) > 366 {
			return p, v.fault("page.preview.day_wrong")
		}
		p.Day = day
	}
	d, err := newDesk(v.app).Read(v.Context())
	if err != nil {
		return p, err
	}
	var all []Letter
	err = d.Preview(v.Context(), p.Day, func(m mail.Message) error {
		all = append(all, LetterOf(m, ""))
		return nil
	})
	if err != nil {
		return p, err
	}
	of := map[string]string{} // the class of an address
	err = v.store().EachLoan(v.Context(), func(l reminder.Loan, _ bool) error {
		of[strings.ToLower(desk.Plain(l.Borrower.Email))] = l.Borrower.Group
		return nil
	})
	if err != nil {
		return p, err
	}
	p.Count, all = len(all), all[:min(len(all), maxShown)]
	p.More = p.Count - len(all)
	p.Groups = map[string][]Letter{}
	for i := range all {
		all[i].N = i
		group := of[strings.ToLower(all[i].Addr)]
		p.Groups[group] = append(p.Groups[group], all[i])
	}
	v.d.keep(all)
	p.Silent, p.Unnamed, err = d.Silent(v.Context(), p.Day, maxShown)
	return p, err
}

// keep stores the mails that a page shows, for its frames.
func (d *Desk) keep(letters []Letter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letters = letters
}

// frame answers with one mail of the preview as a document of its own, which may have styles and nothing else.
func frame(v *visit) error {
	n, err := strconv.Atoi(v.FormValue("n"))
	v.d.mu.Lock()
	letters := v.d.letters
	v.d.mu.Unlock()
	if err != nil || n < 0 || n >= len(letters) {
		return errNotFound
	}
	return v.send(http.StatusOK, html,
		"default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'", []byte(letters[n].HTML))
}
