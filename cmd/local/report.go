package main

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

//go:embed report.html
var reportPage string

func (c *call) report(ctx context.Context) error {
	from, last := c.date("from"), cmp.Or(c.date("to"), c.today())
	first := cmp.Or(from, last.AddDays(1-c.number("days")))
	if from.After(last) {
		return c.usage("report.first_after_last", "From", from, "Last", last)
	}
	if n := last.Sub(first) + 1; n < 1 || n > desk.MaxReviewDays {
		return c.usage("report.bad_length", "N", desk.MaxReviewDays, "N2", n)
	}
	if err := c.Store.Check(ctx); err != nil {
		return err
	}
	m := c.meter("report.making")
	look, err := c.Review(ctx, first, last, c.today())
	m.stop()
	if err != nil {
		return err
	}
	out, err := filepath.Abs(c.flag("out"))
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := setup.ReplaceFile(out, 0o600, review{look, c.program, c.app.Config.AppName}.write); err != nil {
		return reminder.NewFault(err, "report.not_writable", "Out", out)
	}
	c.print("report.written", "Out", out)
	if c.on("open") {
		c.show(out)
	}
	return nil
}

// A review is the data of the report's page.
type review struct {
	desk.Review
	p       *program
	Library string
}

// Chat returns the link that opens a chat with a person.
func (v review) Chat(p desk.Person) string { return desk.Chat(v.p.say, v.Date, v.Library, p) }

// Say returns a text in the page's language, and Date a day in its words.
func (v review) Say(key string, pairs ...any) string { return v.p.say(key, pairs...) }
func (v review) Date(d reminder.Date) string         { return letter.Day(d, v.p.locale) }
func (v review) Text(m reminder.Message) string      { return v.p.text(m) }
func (v review) Locale() string                      { return v.Say("report.locale") }
func (v review) SilentCount() int                    { return len(v.Silent) + max(0, v.Unlisted) }
func (v review) Share(e desk.Effect) (part int)      { return e.Back * 100 / max(1, e.Back+e.Again) }

// Sent returns how many reminders were sent in all.
func (v review) Sent() (n int) {
	for _, d := range v.Days {
		n += d.Sent()
	}
	return n
}

// Step names a step.
func (v review) Step(step int) string {
	switch {
	case step == 0:
		return v.Say("report.step_due")
	case step < 0:
		return v.p.say("report.step_before", "N", -step)
	}
	return v.p.say("report.step_late", "N", step)
}

// A chart has a column for each day. The page's template "chart" draws it; a table beside it has the numbers.
type chart struct {
	Description string
	Lines       []int // the values of the grid lines, from 0 upwards
	Columns     []column
}

// A column is one day. Upper is stacked on Lower.
type column struct {
	Label, Title string // Label is below the column, "" for most; Title is its tooltip
	Lower, Upper int
	Known        bool // otherwise nothing is drawn
}

// Percent returns the height of n in percent of the chart.
func (c chart) Percent(n int) float64 {
	return math.Round(1000*float64(n)/float64(c.Lines[len(c.Lines)-1])) / 10
}

// draw makes a chart of the days. About five columns have their date as label, counted from the last.
func (v review) draw(description string, of func(desk.ReviewDay) column) chart {
	c, most := chart{Description: description}, 0
	for i, d := range v.Days {
		col := of(d)
		col.Title = v.Date(d.Date)
		if col.Known {
			most = max(most, col.Lower+col.Upper)
			col.Title += ": " + strconv.Itoa(col.Lower+col.Upper)
		}
		if (len(v.Days)-1-i)%(1+(len(v.Days)-1)/5) == 0 {
			col.Label = fmt.Sprintf("%d/%d", d.Date.Day, int(d.Date.Month))
		}
		c.Columns = append(c.Columns, col)
	}
	c.Lines = scale(most)
	return c
}

// scale returns the grid lines of an axis up to most: at most five steps of 1, 2, 5, 10, 20, 50...
func scale(most int) (lines []int) {
	step := 1
	for i := 0; most > 5*step; i++ {
		step = step * []int{4, 5, 4}[i%3] / 2
	}
	for n := 0; n < max(1, most)+step; n += step {
		lines = append(lines, n)
	}
	return lines
}

// SentChart draws the reminders sent a day.
func (v review) SentChart() chart {
	most := slices.MaxFunc(v.Days, func(a, b desk.ReviewDay) int { return cmp.Compare(a.Sent(), b.Sent()) })
	return v.draw(v.p.say("report.sent_chart",
		"N", v.Sent(), "Count", len(v.Days), "Sent", most.Sent(), "Date", v.Date(most.Date)),
		func(d desk.ReviewDay) column {
			return column{Lower: d.Before + d.Due, Upper: d.First + d.Again, Known: true}
		})
}

// ReachChart draws the loans that are late or due soon; it is nil if no run has counted them.
func (v review) ReachChart() *chart {
	looked := 0
	for _, d := range v.Days {
		if d.Looked {
			looked++
		}
	}
	if looked == 0 {
		return nil
	}
	c := v.draw(v.p.say("report.reach_chart", "N", looked, "Count", len(v.Days)),
		func(d desk.ReviewDay) column { return column{Upper: d.InReach, Known: d.Looked} })
	return &c
}

// GroupShare returns the length of a class's bar in percent of the longest bar.
func (v review) GroupShare(g reminder.GroupCount) int {
	most := slices.MaxFunc(v.Groups, func(a, b reminder.GroupCount) int { return cmp.Compare(a.Count, b.Count) })
	return 100 * g.Count / most.Count
}

// A peopleTable is the data of the page's template "people".
type peopleTable struct {
	review
	Rows []desk.Person
}

// People returns a table of people.
func (v review) People(rows []desk.Person) peopleTable { return peopleTable{v, rows} }

// Group names a class.
func (v review) Group(name string) string { return cmp.Or(name, v.Say("report.no_class")) }

// write writes the page.
func (v review) write(w io.Writer) error {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}

// openFile opens a file with the desktop's program for it.
func openFile(name string) error {
	switch runtime.GOOS {
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", name).Run()
	case "darwin":
		return exec.Command("open", name).Run()
	}
	return exec.Command("xdg-open", name).Run()
}
