package page

import (
	"bytes"
	"encoding/csv"
	"regexp"

	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// spreadsheet hands out a table; heads are keys. The semicolon is what a spreadsheet expects where the comma stands in
// numbers, as in Indonesian, and the mark at the beginning tells it that the text is UTF-8.
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

// formula is where a spreadsheet would begin to calculate: at the beginning of a cell, and behind what may separate
// cells in another language. Some take wide characters for narrow ones.
var formula = regexp.MustCompile(`((?:^|[,;"])\s*)([=+@\-＝＋－＠])`)
