package page

import (
	"encoding/json"
	"fmt"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// What is kept of one borrower: shown, handed out, erased.

// dossier is what the page shows.
type dossier struct {
	desk.Dossier
	Name, Group string
}

func (v *visit) dossier() (d dossier, err error) {
	if err := v.open(); err != nil {
		return d, err
	}
	id := v.FormValue("id")
	if d.Dossier, err = newDesk(v.app).Dossier(v.Context(), id); err != nil {
		return d, err
	}
	if d.Kept.Empty() && len(d.Library) == 0 {
		return d, errNotFound
	}
	for _, part := range d.About {
		d.Words[part.Name] = v.Text(part.What)
	}
	var b reminder.Borrower
	if len(d.Library) > 0 {
		b = d.Library[0].Borrower
	}
	d.Name, d.Group = desk.Plain(b.Name), b.Group
	if d.Name == "" {
		d.Name = v.T("page.borrower", "ID", id)
	}
	return d, nil
}

func showForget(v *visit) error {
	v.page = "forget"
	d, err := v.dossier()
	v.Data = d
	return err
}

// showExport hands out the file that 'pengingat export' prints.
func showExport(v *visit) error {
	v.page = "forget"
	d, err := v.dossier()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", v.T("page.forget.file")+".json"))
	out := json.NewEncoder(v.w)
	out.SetIndent("", "  ")
	_ = out.Encode(d.Dossier) // the page may have gone
	return errDone
}

func forget(v *visit) (action, error) {
	v.page = "forget"
	d, err := v.dossier()
	v.Data = d
	if err != nil {
		return action{}, err
	}
	if v.PostFormValue("sure") == "" {
		return action{}, v.fault("page.forget.tick")
	}
	return action{Key: "forget", N: len(d.Kept.Emails), To: "/find"}, v.app.Store.Forget(v.Context(), d.Kept.Borrower)
}
