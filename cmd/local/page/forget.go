package page

import (
	"encoding/json"

	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// dossier reads what is kept of one borrower.
func (v *visit) dossier() (desk.Dossier, error) {
	d, err := newDesk(v.app).Dossier(v.Context(), v.FormValue("id"))
	if err == nil && d.Kept.Empty() && len(d.Library) == 0 {
		err = errNotFound
	}
	for _, part := range d.About {
		d.Words[part.Name] = v.Text(part.What)
	}
	return d, err
}

// export downloads what 'pengingat export' prints.
func export(v *visit) error {
	d, err := v.dossier()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return v.download(v.T("page.forget.file")+".json", "application/json", append(data, '\n'))
}

func forget(v *visit) (action, error) {
	d, err := v.dossier()
	if err == nil && v.PostFormValue("sure") == "" {
		err = v.fault("page.forget.not_sure")
	}
	if err != nil {
		return action{}, err
	}
	return action{Key: "forget", N: len(d.Kept.Emails), To: "/find"}, v.store().Forget(v.Context(), d.Kept.Borrower)
}
