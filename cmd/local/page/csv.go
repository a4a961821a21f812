package page

import (
	"bytes"
	"encoding/csv"
	"regexp"

	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// spreadsheet returns a handler that downloads a table as CSV; heads are catalogue keys. Cells are separated by
// semicolons, because a spreadsheet in Indonesian reads a comma as part of a number. The byte order mark says UTF-8.
func spreadsheet(table func(*visit) ([][]string, error), heads ...string) func(*visit) error {
	return func(v *visit) error {
		rows, err := table(v)
		if err != nil {
			return err
		}
		b := bytes.NewBufferString("\ufeff")
		w := csv.NewWriter(b)
		w.Comma, w.UseCRLF = ';', true
		said := make([]string, len(heads))
		for i, key := range heads {
			said[i] = v.T(key)
		}
		for _, row := range rows {
			for i := range row {
				row[i] = formula.ReplaceAllString(desk.Plain(row[i]), "$1'$2")
			}
		}
		if err := w.WriteAll(append([][]string{said}, rows...)); err != nil {
			return err
		}
		name := v.T("page.csv."+v.page.Name) + "-" + v.Today().String() + ".csv"
		return v.download(name, "text/csv; charset=utf-8", b.Bytes())
	}
}

// formula matches where a spreadsheet would start a formula: at the beginning of a cell, or after a character that
// separates cells in another language. Some spreadsheets read wide characters as narrow ones.
var formula = regexp.MustCompile(`((?:^|[,;"])\s*)([=+@\-＝＋－＠])`)
