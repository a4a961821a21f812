package reminder_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

var (
	wholeYear  = flag.Bool("year", false, "a whole year of a school of 600 pupils, and not a term of a small one")
	updateYear = flag.Bool("update", false, "rewrite the golden tables of the simulated year")
)

// A yearOf describes a period in the life of a school.
type yearOf struct {
	name                      string
	pupils, classes, teachers int
	first, last               string
	closures                  map[string][2]string // by name: from, to
	ramadan, sick             [2]string            // shorter hours; a mail server that is down
}

var (
	smallTerm = yearOf{
		name: "term", pupils: 40, classes: 4, teachers: 3, first: "2027-01-18", last: "2027-03-20",
		closures: map[string][2]string{
			"Idul Fitri": {"2027-03-08", "2027-03-17"}, "Isra Mikraj": {"2027-02-05", "2027-02-05"},
		},
		ramadan: [2]string{"2027-02-08", "2027-03-07"}, sick: [2]string{"2027-01-25", "2027-01-30"},
	}
	schoolYear = yearOf{
		name: "year", pupils: 600, classes: 30, teachers: 25, first: "2026-07-13", last: "2027-07-10",
		closures: map[string][2]string{
			"Libur semester ganjil": {"2026-12-21", "2027-01-02"}, "Libur semester genap": {"2027-06-21", "2027-07-10"},
			"Idul Fitri": {"2027-03-08", "2027-03-17"}, "Hari Kemerdekaan": {"2026-08-17", "2026-08-17"},
			"Isra Mikraj": {"2027-02-05", "2027-02-05"},
		},
		ramadan: [2]string{"2027-02-08", "2027-03-07"}, sick: [2]string{"2026-10-05", "2026-10-10"},
	}
)

// A pupilBook is a loan of the simulated school.
type pupilBook struct {
	pupil         int
	id            int64
	due, returned reminder.Date // returned at ten in the morning
}

const yearMinDays = 3

// TestSchoolYear simulates a school on the real store, day by day. The table in testdata, which a librarian can read,
// has who got which mail on which day. No borrower gets two mails within REMINDER_MIN_DAYS, except about a book that is
// due on that day. No mail is sent at night, on a closed day, or to a borrower without a book. Each class gets its list
// once a week.
//
//	go test ./reminder -run TestSchoolYear -year
func TestSchoolYear(t *testing.T) {
	y := smallTerm
	if *wholeYear {
		y = schoolYear
	}
	s := newSchoolLife(t, y)
	for d := day(y.first); !d.After(day(y.last)); d = d.AddDays(1) {
		s.live(t, d)
	}
	s.check(t)
	path := "testdata/" + y.name + ".md"
	table := s.table()
	if *updateYear {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(table), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), table, "if the year is better so: go test ./reminder -run TestSchoolYear -update")
}

// A schoolLife is the state of the simulated school.
type schoolLife struct {
	yearOf
	*library
	rng        *rand.Rand
	calendar   reminder.Calendar
	app, fasts *setup.App // with the usual hours, and with those of Ramadan
	ids        []int64
	books      []pupilBook
	held       map[reminder.Date]int
	lateOn     map[reminder.Date]map[int]bool // classes with late books, on Mondays

	mu   sync.Mutex // guards what the mail server sees
	at   time.Time
	down bool
	got  []gotMail
}

type gotMail struct {
	at            time.Time
	day           reminder.Date
	to, subject   string
	today, before bool
}

func newSchoolLife(t *testing.T, y yearOf) *schoolLife {
	s := &schoolLife{yearOf: y, library: newLibrary(t), rng: rand.New(rand.NewPCG(6, 2026)),
		held: map[reminder.Date]int{}, lateOn: map[reminder.Date]map[int]bool{},
		calendar: reminder.Calendar{Weekdays: []time.Weekday{time.Sunday}, Dates: map[reminder.Date]string{}}}
	srv := mailtest.NewServer(t, mailtest.Options{
		Script: func(c mailtest.Command) mailtest.Action {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.down && c.Phase == "ehlo" {
				return mailtest.Action{Reply: "421 4.3.2 down", Drop: true}
			}
			return mailtest.Action{}
		},
		Accepted: func(m mailtest.Received) {
			parsed := m.Parse(t)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.got = append(s.got, gotMail{s.at, reminder.DateOf(s.at, s.at.Location()), m.To, parsed.Subject,
				strings.Contains(parsed.Text, "Hari ini hari terakhir"), strings.Contains(parsed.Text, "buka lagi")})
		},
	})
	s.Exec(t, "ALTER TABLE siswa ADD nama_wali VARCHAR(80), ADD email_wali VARCHAR(80), ADD izin_wali TINYINT")
	require.NoError(t, schema.CreateView(t.Context(), s.Admin, "perpustakaan"))
	settings := map[string]string{
		"REMINDER_MIN_DAYS": fmt.Sprint(yearMinDays), "REMINDER_BEFORE_CLOSURE": "5", "REMINDER_CLOSED_WEEKDAYS": "minggu",
		"REMINDER_CLASS_DAY": "senin", "REMINDER_GUARDIAN_FROM": "14", "REMINDER_SUMMARY_TO": "petugas@mtsn.example",
	}
	s.app = s.library.app(t, srv, settings)
	settings["REMINDER_WINDOW"] = "08:00-13:00"
	s.fasts = s.library.app(t, srv, settings)
	for name, days := range y.closures {
		s.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES (?, ?, ?)", days[0], days[1], name)
		for d := day(days[0]); !d.After(day(days[1])); d = d.AddDays(1) {
			s.calendar.Dates[d] = name
		}
	}
	for i := range y.pupils {
		id := s.AddBorrower(t, mysqltest.Borrower{Name: fmt.Sprintf("Siswa %03d", i), Class: s.class(i),
			Email: fmt.Sprintf("siswa%03d@murid.example", i)})
		s.ids = append(s.ids, id)
		if i%3 == 0 { // with a guardian who has agreed; two have two children
			s.Exec(t, "UPDATE siswa SET nama_wali = ?, email_wali = ?, izin_wali = 1 WHERE user_id = ?",
				fmt.Sprintf("Wali %03d", max(6, i)), fmt.Sprintf("wali%03d@wali.example", max(6, i)), id)
		}
	}
	for c := range y.classes {
		s.Exec(t, "INSERT INTO reminder_groups (group_name, teacher_name, teacher_email) VALUES (?, ?, ?)", s.class(c),
			fmt.Sprintf("Guru %02d", c%y.teachers), fmt.Sprintf("guru%02d@guru.example", c%y.teachers))
	}
	return s
}

func (y yearOf) class(pupil int) string { return fmt.Sprintf("K%02d", pupil%y.classes) }

func (s *schoolLife) closed(d reminder.Date) bool {
	_, closed := s.calendar.Closed(d)
	return closed
}

func in(d reminder.Date, days [2]string) bool {
	return !d.Before(day(days[0])) && !d.After(day(days[1]))
}

// live simulates one day: runs before, in and after the send window, and loans and returns between them.
func (s *schoolLife) live(t *testing.T, d reminder.Date) {
	app := s.app
	if in(d, s.ramadan) {
		app = s.fasts
	}
	s.lateOn[d] = map[int]bool{}
	for _, b := range s.books {
		if b.returned.Before(d) || s.calendar.Offset(b.due, d) <= 0 {
			continue
		}
		s.lateOn[d][b.pupil%s.classes] = true
	}
	for _, clock := range []string{"06:30", "08:10", "12:40", "21:00"} {
		if clock == "21:00" && d.Weekday() != time.Saturday { // nights are alike
			continue
		}
		if clock == "12:40" && !s.closed(d) {
			s.lend(t, d)
		}
		s.library.at(t, d.String()+" "+clock)
		s.mu.Lock()
		s.at, s.down = s.now, in(d, s.sick)
		s.mu.Unlock()
		rep, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		if rep.Loans != nil {
			s.held[d] = rep.Loans.TooSoon
		}
	}
}

// lend books today's returns and new loans.
func (s *schoolLife) lend(t *testing.T, d reminder.Date) {
	var back []string
	open := map[int]int{}
	for _, b := range s.books {
		if b.returned == d {
			back = append(back, fmt.Sprint(b.id))
		} else if b.returned.After(d) {
			open[b.pupil]++
		}
	}
	if len(back) > 0 {
		s.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = ? WHERE id IN ("+
			strings.Join(back, ",")+")", d.String()+" 10:00:00")
	}
	for i := range s.pupils {
		if s.rng.IntN(25) > 0 || open[i] > 2 {
			continue
		}
		b := pupilBook{pupil: i, due: d.AddDays(7)}
		switch n := s.rng.IntN(10); {
		case n < 6: // in time
			b.returned = b.due.AddDays(-s.rng.IntN(4))
		case n < 9:
			b.returned = b.due.AddDays(1 + s.rng.IntN(5))
		default:
			b.returned = b.due.AddDays(10 + s.rng.IntN(35))
		}
		b.returned = s.calendar.NextOpen(b.returned)
		b.id = s.AddLoan(t, mysqltest.Loan{Borrower: s.ids[i], Due: b.due.String(), Borrowed: d.String() + " 12:00:00"})
		s.books = append(s.books, b)
	}
}

// check checks the invariants of each day.
func (s *schoolLife) check(t *testing.T) {
	last, lists := map[string]reminder.Date{}, map[string]int{}
	classOf := map[string]map[string]int{} // lists by teacher, then by week
	require.NotEmpty(t, s.got)
	for _, m := range s.got {
		from, to := 7, 20
		if in(m.day, s.ramadan) {
			from, to = 8, 13
		}
		assert.True(t, m.at.Hour() >= from && m.at.Hour() < to && !s.closed(m.day) && !in(m.day, s.sick), "%s %s", m.at, m.to)
		box, domain, _ := strings.Cut(m.to, "@")
		switch domain {
		case "murid.example", "wali.example":
			if before, ok := last[m.to]; ok {
				assert.True(t, m.today || m.day.Sub(before) >= yearMinDays, "%s: %s and %s", m.to, before, m.day)
			}
			last[m.to] = m.day
		case "guru.example":
			week := m.day.AddDays(-(int(m.day.Weekday()) + 6) % 7)
			if classOf[box] == nil {
				classOf[box] = map[string]int{}
			}
			classOf[box][week.String()]++
			lists[week.String()]++
		}
		if domain == "murid.example" {
			var pupil int
			_, err := fmt.Sscanf(box, "siswa%d", &pupil)
			require.NoError(t, err)
			assert.True(t, slices.ContainsFunc(s.books, func(b pupilBook) bool {
				return b.pupil == pupil && !b.returned.Before(m.day)
			}), "%s has no book on %s", m.to, m.day)
		}
	}
	for d := day(s.first); !d.After(day(s.last)); d = d.AddDays(1) {
		if d.Weekday() != time.Monday || s.closed(d) || in(d, s.sick) {
			continue
		}
		assert.Equal(t, len(s.lateOn[d]), lists[d.String()], "a list for each class with late books in the week of %s", d)
		for teacher, weeks := range classOf {
			assert.LessOrEqual(t, weeks[d.String()], (s.classes+s.teachers-1)/s.teachers, "%s, %s", teacher, d)
		}
	}
}

// table returns the year as a table: by day and name for a small school, by week for a large one.
func (s *schoolLife) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Surel pengingat %s sampai %s\n\n", s.first, s.last)
	fmt.Fprintf(&b, "%d siswa, %d kelas, %d guru. Ditulis oleh TestSchoolYear; sekolah, siswa, dan bukunya rekaan.\n", s.pupils,
		s.classes, s.teachers)
	fmt.Fprintf(&b, "REMINDER_MIN_DAYS=%d, REMINDER_BEFORE_CLOSURE=5, REMINDER_CLASS_DAY=senin, REMINDER_GUARDIAN_FROM=14.\n", yearMinDays)
	fmt.Fprintf(&b, "Jam kirim 07.00–20.00; Ramadan (%s sampai %s) 08.00–13.00. Server surel mati %s sampai %s.\n", s.ramadan[0],
		s.ramadan[1], s.sick[0], s.sick[1])
	for _, name := range slices.Sorted(maps.Keys(s.closures)) {
		fmt.Fprintf(&b, "Tutup %s sampai %s: %s. ", s.closures[name][0], s.closures[name][1], name)
	}
	b.WriteString("Tutup setiap Minggu.\n")
	step := 1
	if s.pupils > 100 {
		step = 7
		b.WriteString("\n| minggu mulai | hari buka | siswa: sebelum jatuh tempo | hari itu | terlambat | sebelum libur | wali | daftar kelas | ringkasan | tertahan |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	}
	for d := day(s.first); !d.After(day(s.last)); d = d.AddDays(step) {
		if step == 7 {
			s.week(&b, d)
		} else {
			s.day(&b, d)
		}
	}
	return b.String()
}

func (s *schoolLife) week(b *strings.Builder, monday reminder.Date) {
	open, held := 0, 0
	for i := range 7 {
		if !s.closed(monday.AddDays(i)) {
			open++
		}
		held += s.held[monday.AddDays(i)]
	}
	n := map[string]int{}
	for _, m := range s.got {
		if m.day.Before(monday) || m.day.Sub(monday) > 6 {
			continue
		}
		_, kind, _ := strings.Cut(m.to, "@")
		if kind == "murid.example" {
			switch {
			case m.before:
				kind = "closure"
			case m.today:
				kind = "today"
			case strings.Contains(m.subject, "terlambat"):
				kind = "late"
			}
		}
		n[kind]++
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", monday, open, n["murid.example"], n["today"],
		n["late"], n["closure"], n["wali.example"], n["guru.example"], n["mtsn.example"], held)
}

func (s *schoolLife) day(b *strings.Builder, d reminder.Date) {
	note := ""
	if name, closed := s.calendar.Closed(d); closed {
		note = " · tutup"
		if name != "" {
			note += " (" + name + ")"
		}
	} else if in(d, s.sick) {
		note = " · server surel mati"
	}
	fmt.Fprintf(b, "\n## %s%s\n", letter.Day(d, "id"), note)
	var lines []string
	for _, m := range s.got {
		if m.day == d && !strings.HasPrefix(m.to, "petugas") {
			box, _, _ := strings.Cut(m.to, "@")
			if pupil := -1; strings.HasPrefix(box, "siswa") {
				_, _ = fmt.Sscanf(box, "siswa%d", &pupil)
				box += " (" + s.class(pupil) + ")"
			}
			lines = append(lines, fmt.Sprintf("- %s: %s", box, m.subject))
		}
	}
	slices.Sort(lines)
	if len(lines) > 0 {
		b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	} else if note == "" {
		b.WriteString("\nTidak ada surel.\n")
	}
	if n := s.held[d]; n > 0 {
		fmt.Fprintf(b, "\n%d pengingat menunggu surel berikutnya.\n", n)
	}
}
