package page

import (
	"cmp"
	"encoding/json"

	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// A dossier is what is kept of one borrower: shown, handed out, erased.
type dossier struct {
	desk.Dossier
	Name, Group string
}

func loadDossier(v *visit) (any, error) { return v.dossier() }

func (v *visit) dossier() (d dossier, err error) {
	id := v.FormValue("id")
	d.Dossier, err = newDesk(v.app).Dossier(v.Context(), id)
	if err == nil && d.Kept.Empty() && len(d.Library) == 0 {
		err = errNotFound
	}
	for _, part := range d.About {
		d.Words[part.Name] = v.Text(part.What)
	}
	if len(d.Library) > 0 {
		d.Name, d.Group = desk.Plain(d.Library[0].Borrower.Name), d.Library[0].Borrower.Group
	}
	d.Name = cmp.Or(d.Name, v.T("page.borrower", "ID", id))
	return d, err
}

// export hands out the file that 'pengingat export' prints.
func export(v *visit) error {
	d, err := v.dossier()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(d.Dossier, "", "  ")
	if err != nil {
		return err
	}
	return v.download(v.T("page.forget.file")+".json", "application/json", append(data, '\n'))
}

func forget(v *visit) (action, error) {
	d, err := v.dossier()
	if err == nil && v.PostFormValue("sure") == "" {
		err = v.fault("page.forget.tick")
	}
	if err != nil {
		return action{}, err
	}
	return action{Key: "forget", N: len(d.Kept.Emails), To: "/find"}, v.app.Store.Forget(v.Context(), d.Kept.Borrower)
}
