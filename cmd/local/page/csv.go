package page

import (
	"encoding/csv"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// csv answers with a table for a spreadsheet. The semicolon is what a spreadsheet expects where the comma stands in
// numbers, as in Indonesian, and the mark at the beginning tells it that the text is UTF-8.
func (v *visit) csv(name string, heads []string, rows [][]string) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q",
		v.T("page.csv."+name)+"-"+v.today().String()+".csv"))
	fmt.Fprint(v.w, "\ufeff")
	w := csv.NewWriter(v.w)
	w.Comma, w.UseCRLF = ';', true
	_ = w.Write(heads) // as below, w.Flush tells of an error, and then there is nobody to tell
	for _, row := range rows {
		for i := range row {
			row[i] = formula.ReplaceAllString(desk.Plain(row[i]), "$1'$2")
		}
		_ = w.Write(row)
	}
	w.Flush()
	return errDone
}

// formula is where a spreadsheet would begin to calculate: at the beginning of a cell, and behind what may separate
// cells in another language. Some take wide characters for narrow ones.
var formula = regexp.MustCompile(`((?:^|[,;"])\s*)([=+@\-＝＋－＠])`)

func showFoundCSV(v *visit) error {
	if err := showFind(v); err != nil {
		return err
	}
	var rows [][]string
	for _, p := range v.Data.(found).People {
		for _, b := range p.Books {
			rows = append(rows, v.bookCells(p, b))
		}
	}
	return v.csv("find", v.bookHeads(), rows)
}

func showTroublesCSV(v *visit) error {
	v.page = "troubles"
	if err := v.open(); err != nil {
		return err
	}
	list, err := v.badMails()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, b := range list {
		for _, book := range append(b.Books, "")[:max(1, len(b.Books))] {
			rows = append(rows, []string{strconv.FormatInt(b.ID, 10), b.Name, b.Group, book, v.State(b.State) + ": " + b.Why,
				v.Moment(b.Promised)})
		}
	}
	return v.csv("troubles", []string{"ID", v.T("page.late.name"), v.T("page.late.group"), v.T("page.late.book"),
		v.T("page.loan.what"), v.T("page.troubles.since")}, rows)
}

func showHolidaysCSV(v *visit) error {
	v.page = "holidays"
	if err := v.open(); err != nil {
		return err
	}
	closures, err := v.app.Store.Closures(v.Context())
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range closures {
		rows = append(rows, []string{c.First.String(), c.Last.String(), c.Name})
	}
	return v.csv("holidays", []string{v.T("page.holidays.first"), v.T("page.holidays.last"),
		v.T("page.holidays.closed")}, rows)
}

func showOptOutsCSV(v *visit) error {
	v.page = "more"
	if err := v.open(); err != nil {
		return err
	}
	out, err := v.app.Store.OptedOut(v.Context())
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(out))
	of, err := v.app.Store.LoansOf(v.Context(), ids)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, id := range ids {
		rows = append(rows, []string{id, of[id].Borrower.Name, of[id].Borrower.Group})
	}
	return v.csv("optouts", []string{"ID", v.T("page.late.name"), v.T("page.late.group")}, rows)
}
