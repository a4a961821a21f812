package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

//go:embed report.html
var reportPage string

// Bounds of a report: what a person still reads, prints, and a browser still shows at once.
const (
	maxReportDays = 366
	maxPeople     = 500
	maxLongest    = 20
	maxChatBooks  = 10 // a link has to fit where browsers and WhatsApp keep it
)

func (p *program) reportCommand() *cobra.Command {
	var out string
	var from, to reminder.Date
	var days int
	var open bool
	cmd := &cobra.Command{
		Use:     "report",
		Aliases: []string{"laporan"},
		Short:   p.say("Buat halaman laporan: grafik, slip cetak, tautan WhatsApp", "Make a page to look at: charts, slips to print, WhatsApp links"),
		Long: p.say(`Membuat satu halaman HTML yang berdiri sendiri: surel terkirim per hari, pinjaman terlambat, apa yang
terjadi sesudah tiap pengingat, peminjam tanpa alamat surel (dengan slip untuk dicetak), dan tautan WhatsApp
bila nomor teleponnya diketahui. Tidak ada yang dikirim; tautan itu membuka percakapan, orang yang menekan
kirim. Halaman itu memuat nama peminjam: hapus bila sudah dipakai.`,
			`Makes one HTML page that needs nothing else: mails sent a day, late loans, what followed each reminder,
borrowers without an e-mail address (with slips to print), and WhatsApp links where a phone number is known.
Nothing is sent; such a link opens a chat, and a person presses send. The page names borrowers: delete it
when it has been used.`),
		Example: "  pengingat report --open\n  pengingat report --days 90 --out laporan.html\n  pengingat report --from 2026-07-13 --to 2026-12-18",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			today := reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone)
			last := cmp.Or(to, today)
			first := cmp.Or(from, last.AddDays(1-days))
			if from.After(last) {
				return p.usagef("hari pertama %s sesudah hari terakhir %s", "the first day %s is after the last day %s", from, last)
			}
			if n := last.Sub(first) + 1; n < 1 || n > maxReportDays {
				return p.usagef("laporan mencakup 1 sampai %d hari, bukan %d", "a report covers 1 to %d days, not %d", maxReportDays, n)
			}
			if err := app.Store.Check(ctx); err != nil {
				return err
			}
			m := p.meter("Menyusun laporan", "Making the report")
			page, err := p.review(ctx, app, first, last, today)
			m.stop()
			if err != nil {
				return err
			}
			if out, err = filepath.Abs(out); err != nil {
				return fmt.Errorf("report: %w", err)
			}
			if err := replaceFile(out, page.write); err != nil {
				return reminder.NewFault(err, "Laporan tidak dapat ditulis ke "+out+". Pilih tempat lain dengan --out.",
					"The report cannot be written to "+out+". Choose another place with --out.")
			}
			p.printf("Laporan: %s\nIsinya nama peminjam. Berkas ini hanya untuk Anda: hapus bila sudah dipakai.",
				"Report: %s\nIt names borrowers. The file is for you alone: delete it when it has been used.", out)
			if open {
				if err := openFile(out); err != nil {
					p.printf("Peramban tidak dapat dibuka (%v). Bukalah berkas itu sendiri.", "No browser could be opened (%v). Open the file yourself.", err)
				}
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&out, "out", "report.html", p.say("`berkas` yang ditulis", "`file` to write"))
	cmd.Flags().BoolVar(&open, "open", false, p.say("buka di peramban", "open it in the browser"))
	cmd.Flags().IntVar(&days, "days", 30, p.say("berapa `hari` sampai hari terakhir", "how many `days` until the last day"))
	cmd.Flags().TextVar(&from, "from", from, p.say("`hari` pertama, misalnya 2026-07-13, sebagai ganti --days", "first `day`, such as 2026-07-13, in place of --days"))
	cmd.Flags().TextVar(&to, "to", to, p.say("`hari` terakhir (bawaan: hari ini)", "last `day` (default: today)"))
	return cmd
}

// A review is what the page shows.
type review struct {
	p                  *program
	Library            string
	First, Last, Today reminder.Date
	Open, Late         int // loans, now
	Waiting, Failed    int // emails, now
	Days               []reviewDay
	Effects            []reminder.Effect
	Groups             []reminder.GroupCount // unreachable borrowers
	Silent             []person              // the same, one by one
	Unlisted           int                   // how many of them the page leaves out
	Longest            []person              // late longest
}

// A reviewDay is one civil day.
type reviewDay struct {
	Date                      reminder.Date
	Before, Due, First, Again int // reminders sent, by what they were about
	InReach                   int // loans late, or due by the first step's day; meaningful when a run looked
	Looked                    bool
}

// Sent returns how many reminders were sent on the day.
func (d reviewDay) Sent() int { return d.Before + d.Due + d.First + d.Again }

// A person is a borrower to talk to, with books to bring back.
type person struct {
	Name, Group, Phone string // data; Phone in the international form, digits only, or ""
	Books              []lent
}

// A lent is a book to bring back.
type lent struct {
	Title, Code string // data
	Due         reminder.Date
	Days        int // late, 0 or less when not
}

// review gathers what a report shows.
func (p *program) review(ctx context.Context, app *setup.App, first, last, today reminder.Date) (v review, err error) {
	zone := app.Runner.Settings.Zone
	v = review{p: p, Library: app.Config.AppName, First: first, Last: last, Today: today}
	rules, err := app.Runner.Rules(ctx, today)
	if err != nil {
		return v, err
	}
	counted, err := app.Store.CountLoans(ctx, today)
	if v.Open, v.Late = counted.Open, counted.TooOld; err != nil {
		return v, err
	}
	status, err := app.Store.Status(ctx, app.Runner.Now(), 1)
	if err != nil {
		return v, err
	}
	v.Waiting = status.Emails[reminder.StateQueued] + status.Emails[reminder.StateClaimed] + status.Emails[reminder.StateHandover]
	v.Failed = status.Emails[reminder.StateFailed] + status.Emails[reminder.StateUnknown]
	sent, err := app.Store.Sent(ctx, first, last, zone)
	if err != nil {
		return v, err
	}
	reports, err := app.Store.Reports(ctx, first, last, zone)
	if err != nil {
		return v, err
	}
	for d := first; !d.After(last); d = d.AddDays(1) {
		n := sent[d]
		day := reviewDay{Date: d, Before: n[reminder.BeforeDue], Due: n[reminder.DueToday], First: n[reminder.FirstLate], Again: n[reminder.RepeatLate]}
		if r, ok := reports[d]; ok {
			day.InReach, day.Looked = r.Loans.InReach+r.Loans.TooOld, true
		}
		v.Days = append(v.Days, day)
	}
	told, err := app.Store.ToldCounts(ctx, first, last, zone)
	if err != nil {
		return v, err
	}
	worked, err := app.Store.LastWorked(ctx)
	if err != nil {
		return v, err
	}
	v.Effects = rules.Effects(told, reminder.DateOf(worked, zone))
	silent, err := app.Runner.Unreachable(ctx, rules, today)
	if err != nil {
		return v, err
	}
	longest, err := app.Store.LateLongest(ctx, today.AddDays(-maxReportDays*10), today, maxLongest)
	if err != nil {
		return v, err
	}
	v.Groups = reminder.CountGroups(silent)
	phones, err := app.Store.Phones(ctx, slices.Concat(silent, longest))
	if err != nil {
		return v, err
	}
	v.Silent, v.Longest = people(silent, phones, rules.Calendar, today), people(longest, phones, rules.Calendar, today)
	slices.SortStableFunc(v.Silent, func(a, b person) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) })
	if v.Unlisted = len(v.Silent) - maxPeople; v.Unlisted > 0 {
		v.Silent = v.Silent[:maxPeople]
	}
	return v, nil
}

// people gathers loans by borrower, in the order of their first loan.
func people(loans []reminder.Loan, phones map[string]string, calendar reminder.Calendar, today reminder.Date) (list []person) {
	index := map[string]int{}
	for _, l := range loans {
		i, ok := index[l.Borrower.ID]
		if !ok {
			i = len(list)
			index[l.Borrower.ID] = i
			list = append(list, person{Name: l.Borrower.Name, Group: l.Borrower.Group, Phone: international(phones[l.Borrower.ID])})
		}
		list[i].Books = append(list[i].Books, lent{Title: l.Title, Code: l.ItemCode, Due: l.Due, Days: calendar.Offset(l.Due, today)})
	}
	return list
}

// international returns an Indonesian phone number, however it was typed, in the form that wa.me wants: country code and
// number, digits only. It returns "" for what cannot be one.
func international(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone)
	switch {
	case strings.HasPrefix(strings.TrimSpace(phone), "+"), strings.HasPrefix(digits, "62"):
	case strings.HasPrefix(digits, "0"):
		digits = "62" + digits[1:]
	case strings.HasPrefix(digits, "8"):
		digits = "62" + digits
	default:
		return ""
	}
	if len(digits) < 10 || len(digits) > 15 { // E.164 has at most 15
		return ""
	}
	return digits
}

// Chat returns the link that opens a chat with a person, its message written but not sent.
func (v review) Chat(w person) string {
	if w.Phone == "" {
		return ""
	}
	var titles []string
	for _, b := range w.Books[:min(len(w.Books), maxChatBooks)] {
		titles = append(titles, v.p.sayf("- %s (batas kembali %s)", "- %s (due %s)", b.Title, v.Date(b.Due)))
	}
	if more := len(w.Books) - len(titles); more > 0 {
		titles = append(titles, v.p.sayf("- dan %d lagi", "- and %d more", more))
	}
	text := v.p.sayf("Halo %s, ini dari %s. Mohon kembalikan:\n%s\nBila sudah dikembalikan, abaikan pesan ini. Terima kasih!",
		"Hello %s, this is %s. Please return:\n%s\nIf you have returned it already, ignore this message. Thank you!",
		w.Name, v.Library, strings.Join(titles, "\n"))
	return "https://wa.me/" + w.Phone + "?text=" + strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// Say returns a text in the page's language, and Date a day in its words.
func (v review) Say(id, en string) string           { return v.p.say(id, en) }
func (v review) Date(d reminder.Date) string        { return letter.Day(d, v.p.locale) }
func (v review) Locale() string                     { return v.Say("id", "en") }
func (v review) SilentCount() int                   { return len(v.Silent) + max(0, v.Unlisted) }
func (v review) Share(e reminder.Effect) (part int) { return e.Back * 100 / max(1, e.Back+e.Again) }

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
		return v.Say("hari terakhir", "the last day")
	case step < 0:
		return v.p.sayf("%d hari sebelumnya", "%d day(s) before", -step)
	}
	return v.p.sayf("terlambat %d hari", "%d day(s) late", step)
}

// A chart is a column a day, drawn by the page's template "chart". Its numbers stand in a table beside it.
type chart struct {
	Description string
	Lines       []int // the numbers of the value axis, from 0 up
	Columns     []column
}

// A column is one day. Upper stands upon Lower.
type column struct {
	Label, Title string // under the column, "" under most; beside the pointer
	Lower, Upper int
	Known        bool // else nothing is drawn
}

// Percent returns how high n is drawn.
func (c chart) Percent(n int) float64 {
	return math.Round(1000*float64(n)/float64(c.Lines[len(c.Lines)-1])) / 10
}

// draw makes the chart of the days. About five of them have their date under them, counted from the last.
func (v review) draw(description string, of func(reviewDay) column) chart {
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

// scale returns the numbers of an axis that reaches most: at most five steps of 1, 2, 5, 10, 20, 50...
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
	most := slices.MaxFunc(v.Days, func(a, b reviewDay) int { return cmp.Compare(a.Sent(), b.Sent()) })
	return v.draw(v.p.sayf("Grafik batang: %d pengingat dalam %d hari, terbanyak %d pada %s.", "Bar chart: %d reminders in %d days, at most %d on %s.",
		v.Sent(), len(v.Days), most.Sent(), v.Date(most.Date)),
		func(d reviewDay) column {
			return column{Lower: d.Before + d.Due, Upper: d.First + d.Again, Known: true}
		})
}

// ReachChart draws the loans that are late or nearly so; nil when no run looked.
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
	c := v.draw(v.p.sayf("Grafik batang: keadaan pada %d dari %d hari.", "Bar chart: how things stood on %d of %d days.", looked, len(v.Days)),
		func(d reviewDay) column { return column{Upper: d.InReach, Known: d.Looked} })
	return &c
}

// GroupShare returns how long a class's bar is, in percent of the longest.
func (v review) GroupShare(g reminder.GroupCount) int {
	most := slices.MaxFunc(v.Groups, func(a, b reminder.GroupCount) int { return cmp.Compare(a.Count, b.Count) })
	return 100 * g.Count / most.Count
}

// A peopleTable is what the page's template "people" shows.
type peopleTable struct {
	review
	Rows []person
}

// People returns a table of people.
func (v review) People(rows []person) peopleTable { return peopleTable{v, rows} }

// Group names a class.
func (v review) Group(name string) string { return cmp.Or(name, v.Say("tanpa kelas", "no class")) }

// write writes the page.
func (v review) write(w io.Writer) error {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}

// replaceFile writes a file that only its owner can read. What stood there before stays until all of the new is written.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".pengingat-*") // made with mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// openFile opens a file with the program that the desktop has for it.
func openFile(name string) error {
	switch runtime.GOOS {
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", name).Run()
	case "darwin":
		return exec.Command("open", name).Run()
	}
	return exec.Command("xdg-open", name).Run()
}
