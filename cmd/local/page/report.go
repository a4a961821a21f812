package page

import (
	"bytes"
	"net/http"
	"net/url"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A period is the first and the last day of a report.
type period struct{ First, Last reminder.Date }

// View returns the address of the report itself.
func (p period) View() string {
	return "/report/page?" + url.Values{"from": {p.First.String()}, "to": {p.Last.String()}}.Encode()
}

// period returns the period in the request, else the last thirty days.
func (v *visit) period() (p period, err error) {
	month := period{v.Today().AddDays(-29), v.Today()}
	p = month
	for key, d := range map[string]*reminder.Date{"from": &p.First, "to": &p.Last} {
		if text := v.FormValue(key); text != "" && err == nil {
			*d, err = reminder.ParseDate(text)
		}
	}
	if n := p.Last.Sub(p.First); err != nil || n < 0 || n >= 366 {
		return month, v.fault("page.report.period_wrong")
	}
	return p, nil
}

// report answers with the page that 'pengingat report' writes. It is shown in a frame, or alone for printing.
func report(v *visit) error {
	p, err := v.period()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := v.d.Machine.Report(v.Context(), v.app, p.First, p.Last, v.Lang, &b); err != nil {
		return err
	}
	return v.send(http.StatusOK, html,
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'", b.Bytes())
}
