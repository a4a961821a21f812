package desk

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

// A Dossier is all that there is of one borrower, for themselves.
type Dossier struct {
	Words   map[string]string `json:"about"` // what each part is, in the reader's language
	Kept    deskdb.Kept       `json:"kept"`
	Library []reminder.Loan   `json:"library"` // what the library's own system shows of them now; not kept here
	About   []Part            `json:"-"`
}

// A Part is one part of a Dossier.
type Part struct {
	Name string
	What reminder.Message
}

// parts are those of a Dossier, by their names in JSON.
var parts = []string{"emails", "notices", "bounces", "bad_address", "opted_out_at", "contacts", "library"}

// Dossier reads all that there is of a borrower.
func (d Desk) Dossier(ctx context.Context, borrower string) (Dossier, error) {
	dossier := Dossier{Words: map[string]string{}}
	for _, name := range parts {
		dossier.About = append(dossier.About, Part{name, reminder.Say("forget.about_" + name)})
	}
	var err error
	if dossier.Kept, err = d.Store.Kept(ctx, borrower); err != nil {
		return dossier, err
	}
	dossier.Library, _, err = d.Store.Search(ctx, borrower,
		func(l reminder.Loan) bool { return l.Borrower.ID == borrower })
	return dossier, err
}
