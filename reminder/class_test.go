package reminder_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A classroom is a library with class lists.
type classroom struct {
	*library
	srv  *mailtest.Server
	app  *setup.App
	read int // messages
}

const rina, joko = "rina@sekolah.example", "joko@sekolah.example"

// newClassroom returns a classroom with lists on Mondays for 7A and 7B. It is 08:00 on Monday 2026-11-23.
func newClassroom(t *testing.T, settings map[string]string) *classroom {
	c := &classroom{library: newLibrary(t)}
	c.environ["REMINDER_CLASS_DAY"], c.environ["REMINDER_SCHEDULE"] = "senin", "0"
	maps.Copy(c.environ, settings)
	c.srv = mailtest.NewServer(t, mailtest.Options{})
	c.app = c.library.app(t, c.srv, nil)
	c.at(t, "2026-11-23 08:00")
	c.teach(t, "7A", rina)
	c.teach(t, "7B", joko)
	return c
}

func (c *classroom) teach(t *testing.T, class, address string) {
	require.NoError(t, deskdb.New(c.app.Store).SetClass(t.Context(), staffdb.Class{Name: class, Teacher: "Guru " + class,
		Email: address}))
}

// lend adds a pupil with a book that is a week late.
func (c *classroom) lend(t *testing.T, class, title string) int64 {
	pupil := c.AddBorrower(t, mysqltest.Borrower{Name: "Siswa " + title, Class: class})
	return c.AddLoan(t, mysqltest.Loan{Due: "2026-11-16", Borrower: pupil, Title: title})
}

func (c *classroom) bringBack(t *testing.T, loan int64) {
	c.Exec(t, "UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = '2026-11-23 07:00:00' WHERE id = ?",
		loan)
}

// arrived returns the lists that arrived since the last call, by recipient.
func (c *classroom) arrived(t *testing.T) map[string]string {
	got := map[string]string{}
	for _, m := range c.srv.Messages()[c.read:] {
		if text := m.Parse(t).Text; strings.Contains(text, "* [ ] ") {
			got[m.To] += text
		}
		c.read++
	}
	return got
}

// listed performs a run and returns who got a list, in order.
func (c *classroom) listed(t *testing.T) []string {
	c.run(t, c.app, reminder.Options{})
	return slices.Sorted(maps.Keys(c.arrived(t)))
}

// TestClassLists: a teacher gets the late loans of the class, and the librarian those of the other classes, each once.
func TestClassLists(t *testing.T) {
	c := newClassroom(t, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	c.teach(t, "8A", rina)
	c.lend(t, "7A", "Laskar Pelangi")
	c.bringBack(t, c.lend(t, "7A", "Bumi Manusia"))
	c.lend(t, "8A", "Ronggeng")
	c.lend(t, "9C", "Sang Pemimpi")
	c.lend(t, "", "Negeri 5 Menara")
	c.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Title: "Belum", Borrower: c.AddBorrower(t,
		mysqltest.Borrower{Class: "7A"})})
	silent := c.AddBorrower(t, mysqltest.Borrower{Name: "Tanpa Surel", Email: "-", Class: "7A"})
	c.AddLoan(t, mysqltest.Loan{Due: "2024-02-29", Borrower: silent, Title: "Sangat lama"})
	rep := c.run(t, c.app, reminder.Options{})
	assert.Equal(t, 7, rep.Planned.Emails, "three lists and four reminders")

	var subjects []string
	for _, m := range c.srv.Messages() {
		if sent := m.Parse(t); strings.Contains(sent.Text, "* [ ] ") {
			subjects = append(subjects, m.To+" "+sent.Subject)
		}
	}
	slices.Sort(subjects)
	assert.Equal(t, []string{
		librarian + " Buku terlambat tanpa wali kelas: 2 buku, 2 peminjam",
		rina + " Buku terlambat kelas 7A: 2 buku, 2 siswa",
		rina + " Buku terlambat kelas 8A: 1 buku, 1 siswa",
	}, subjects, "two classes are two mails, and 7B, of which nothing is late, is none")
	got := c.arrived(t)
	for _, want := range []string{"Yth. Bapak/Ibu Guru 7A,", "Siswa Laskar Pelangi\n", "terlambat 7 hari",
		"Senin, 16 November 2026", "Tanpa Surel [tidak punya surel]", "Kamis, 29 Februari 2024", "Ronggeng"} {
		assert.Contains(t, got[rina], want)
	}
	for _, title := range []string{"Bumi Manusia", "Sang Pemimpi", "Menara", "Belum"} {
		assert.NotContains(t, got[rina], title)
	}
	assert.Contains(t, got[librarian], "Siswa Sang Pemimpi (9C)")
	assert.Contains(t, got[librarian], "Siswa Negeri 5 Menara (tanpa kelas)")
	assert.NotContains(t, got[librarian], "Laskar Pelangi")
}

// TestNoClass: a library without teachers and librarians gets no lists, and its reminders are sent.
func TestNoClass(t *testing.T) {
	c := newClassroom(t, nil)
	c.Exec(t, "DELETE FROM reminder_groups")
	c.lend(t, "7A", "Laskar Pelangi")
	assert.Equal(t, 1, c.run(t, c.app, reminder.Options{}).Emails.Sent, "the pupil's")
}

// A countedLoans counts the readings of many loans.
type countedLoans struct {
	reminder.Loans
	readings int
}

func (c *countedLoans) CountLoans(ctx context.Context, before reminder.Date) (reminder.LoanCounts, error) {
	c.readings++
	return c.Loans.CountLoans(ctx, before)
}

func (c *countedLoans) Scan(ctx context.Context, first, last reminder.Date, page func([]reminder.Loan) error) error {
	c.readings++
	return c.Loans.Scan(ctx, first, last, page)
}

func (c *countedLoans) DueBetween(ctx context.Context, first, last reminder.Date) ([]reminder.Loan, error) {
	c.readings++
	return c.Loans.DueBetween(ctx, first, last)
}

// TestFewReadings: lists that are sent together are made of one reading of the loans, and so is what the desk shows.
func TestFewReadings(t *testing.T) {
	c := newClassroom(t, nil)
	for _, class := range []string{"7C", "7D", "7E"} {
		c.teach(t, class, class+"@sekolah.example")
		c.lend(t, class, "Buku "+class)
	}
	loans := &countedLoans{Loans: c.app.Runner.Loans}
	c.app.Runner.Loans = loans
	_, err := c.app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Len(t, c.arrived(t), 3)
	assert.Equal(t, 4, loans.readings, "the count, the plan, the plan of the lists, the lists")
	loans.readings = 0
	_, err = desk.New(c.app.Runner, c.app.Store).Overview(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, loans.readings, "all loans, and the late ones, for the two classes without a list")
}

// TestClassListsOnceAWeek: the lists are sent on their day, or else on the first later day of the week with a finished
// run.
func TestClassListsOnceAWeek(t *testing.T) {
	c := newClassroom(t, nil)
	c.lend(t, "7A", "Laskar Pelangi")
	on := func(clock, day string, lists ...string) {
		t.Helper()
		c.at(t, clock)
		weekdays, err := reminder.ParseWeekdays(day)
		require.NoError(t, err)
		c.app.Runner.Settings.ClassDay = &weekdays[0]
		assert.Equal(t, append([]string{}, lists...), append([]string{}, c.listed(t)...), "%s, with lists on %s", clock, day)
	}
	on("2026-11-23 06:00", "senin") // before the window
	on("2026-11-23 08:00", "senin", rina)
	c.lend(t, "7B", "Bumi Manusia")
	on("2026-11-24 08:00", "senin")
	on("2026-11-25 08:00", "rabu", joko) // its list was not promised this week
	on("2026-11-27 08:00", "jumat")
	on("2026-11-29 08:00", "minggu")

	c.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day) VALUES ('2026-11-30', '2026-12-01')")
	on("2026-11-30 08:00", "senin")
	on("2026-12-02 08:00", "senin", joko, rina) // the library was closed
	on("2026-12-03 08:00", "senin")
	on("2026-12-08 08:00", "senin", joko, rina) // nothing ran on Monday
	require.NoError(t, c.app.Store.SetPause(t.Context(), reminder.Pause{Kind: reminder.PauseByPerson}))
	on("2026-12-14 08:00", "senin")
	require.NoError(t, c.app.Store.LiftPause(t.Context(), true))
	on("2026-12-15 08:00", "senin", joko, rina)

	c.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day) VALUES ('2026-12-26', '2026-12-27')")
	on("2026-12-26 08:00", "sabtu")
	on("2026-12-28 08:00", "sabtu") // the week is over
	c.app.Runner.Settings.ClassDay = nil
	c.at(t, "2027-01-04 08:00")
	assert.Empty(t, c.listed(t))
}

// TestClassListIsTrueWhenItIsSent: a promised list is sent with the loans, classes and teachers of that moment.
func TestClassListIsTrueWhenItIsSent(t *testing.T) {
	for name, change := range map[string]struct {
		do   func(t *testing.T, c *classroom, loan int64)
		want map[string]string // by recipient, a word of the list
	}{
		"nothing":      {func(*testing.T, *classroom, int64) {}, map[string]string{rina: "Laskar Pelangi"}},
		"brought back": {func(t *testing.T, c *classroom, loan int64) { c.bringBack(t, loan) }, nil},
		"moved": {func(t *testing.T, c *classroom, _ int64) {
			c.Exec(t, "UPDATE siswa SET kelas = '7B'")
			c.lend(t, "7A", "Bumi Manusia")
		}, map[string]string{rina: "Bumi Manusia", joko: "Laskar Pelangi"}},
		"another teacher": {func(t *testing.T, c *classroom, _ int64) { c.teach(t, "7A", "dewi@sekolah.example") },
			map[string]string{"dewi@sekolah.example": "Laskar Pelangi"}},
		"no teacher": {func(t *testing.T, c *classroom, _ int64) {
			_, err := deskdb.New(c.app.Store).RemoveClass(t.Context(), "7A")
			require.NoError(t, err)
		}, nil},
		"no address":   {func(t *testing.T, c *classroom, _ int64) { c.teach(t, "7A", "-") }, nil},
		"switched off": {func(_ *testing.T, c *classroom, _ int64) { c.app.Runner.Settings.ClassDay = nil }, nil},
		"withheld":     {func(_ *testing.T, c *classroom, _ int64) { c.app.Runner.Settings.OnlyTo = []string{joko} }, nil},
		"next week": {func(t *testing.T, c *classroom, _ int64) { c.at(t, "2026-11-30 08:00") },
			map[string]string{rina: "per Senin, 30 November 2026"}}, // that week's own
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClassroom(t, nil)
			loan := c.lend(t, "7A", "Laskar Pelangi")
			_, err := c.app.Store.Promise(t.Context(), "run", []reminder.Email{{Kind: reminder.KindClass,
				Borrower: "class:7A", Priority: reminder.FirstLate, Notices: []reminder.Notice{{
					Cycle: reminder.Cycle{Kind: reminder.KindClass, Loan: "7A", Due: day("2026-11-23")}}}}})
			require.NoError(t, err)
			change.do(t, c, loan)
			_, err = c.app.Runner.Run(t.Context(), reminder.Options{Now: true})
			require.NoError(t, err)
			got := c.arrived(t)
			assert.Len(t, got, len(change.want))
			for to, word := range change.want {
				assert.Contains(t, got[to], word)
				assert.Equal(t, 1, strings.Count(got[to], "* [ ]"))
			}
		})
	}
}

// TestClassListsKeepTheRules: the rules for all mails apply to class lists, too.
func TestClassListsKeepTheRules(t *testing.T) {
	c := newClassroom(t, map[string]string{"REMINDER_MAX_PER_RUN": "3", "MAIL_DAILY_LIMIT": "1"})
	c.lend(t, "7A", "Laskar Pelangi")
	c.Exec(t, "UPDATE users SET email = CONCAT('-', id)")
	c.app.Runner.Settings.OnlyTo = []string{joko}
	rep, err := c.app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1, rep.Emails.Withheld)
	assert.Zero(t, c.count(t, "SELECT COUNT(*) FROM reminder_emails"))
	rep, err = c.app.Runner.Run(t.Context(), reminder.Options{DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, 1, rep.Emails.Withheld)

	c.app.Runner.Settings.OnlyTo = nil
	c.at(t, "2026-11-23 21:00")
	assert.Empty(t, c.listed(t), "outside the window")
	c.at(t, "2026-11-23 09:00")
	c.app.Runner.Settings.MaxPerRun = 0
	rep, err = c.app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, reminder.RunHeld, rep.Outcome)
	assert.Empty(t, c.arrived(t), "the brake")
	c.app.Runner.Settings.MaxPerRun = 3

	c.lend(t, "7B", "Bumi Manusia")
	c.Exec(t, "UPDATE users SET email = CONCAT('-', id)")
	assert.Equal(t, []string{rina}, c.listed(t), "the limit of a day")
	c.app.Runner.Settings.DailyLimit = 0
	assert.Equal(t, []string{joko}, c.listed(t))

	at := func(d string) (sent []string) {
		require.NoError(t, desk.New(c.app.Runner, c.app.Store).Preview(t.Context(), day(d),
			func(m mail.Message) error {
				sent = append(sent, m.To.Addr)
				return nil
			}))
		return sent
	}
	assert.Empty(t, at("2026-11-24"))
	assert.Equal(t, []string{rina, joko}, at("2026-11-30"))
}

// TestClassListThatDoesNotArrive: an address that was refused, or from which a list bounced, is not used until it
// changes. Meanwhile the class is on the librarian's list.
func TestClassListThatDoesNotArrive(t *testing.T) {
	c := newClassroom(t, nil)
	c.lend(t, "7A", "Laskar Pelangi")
	gone := mailtest.NewServer(t, mailtest.Options{Script: func(cmd mailtest.Command) mailtest.Action {
		if cmd.Arg == rina {
			return mailtest.Action{Reply: "550 5.1.1 no such user"}
		}
		return mailtest.Action{}
	}})
	rep, err := c.library.app(t, gone, nil).Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1, rep.Emails.Refused)
	assert.Empty(t, c.listed(t))
	register, err := desk.New(c.app.Runner, c.app.Store).Register(t.Context())
	require.NoError(t, err)
	assert.Equal(t, reminder.VerdictBadAddress, register.Classes[0].Trouble)
	assert.Equal(t, []desk.ClassLate{{Name: "7A", Late: 1}}, register.Others)
	troubles, err := desk.New(c.app.Runner, c.app.Store).Troubles(t.Context(), 9)
	require.NoError(t, err)
	require.Len(t, troubles, 1)
	assert.Equal(t, "daftar kelas 7A", text.In("id").Text(troubles[0].Whose()))
	assert.Empty(t, troubles[0].Back)

	c.teach(t, "7A", "rina.baru@sekolah.example")
	assert.Equal(t, []string{"rina.baru@sekolah.example"}, c.listed(t), "in the same week")

	e := feedback.Handed{ID: 1, Kind: reminder.KindClass, Borrower: "class:7A"}
	assert.True(t, feedback.Judge(e, feedback.Failure{Class: mail.ReturnNoAddress}, c.now, nil).Bad)
	e.Kind = reminder.KindSummary
	assert.False(t, feedback.Judge(e, feedback.Failure{Class: mail.ReturnNoAddress}, c.now, nil).Bad)
}

// TestClassesOfView: a view of the library may name teachers. A teacher entered at the desk wins, and a class with two
// teachers in the view has none.
func TestClassesOfView(t *testing.T) {
	c := newClassroom(t, nil)
	for _, class := range []string{"7A", "7C", "7D", "7E"} {
		c.lend(t, class, "Buku "+class)
	}
	assert.Equal(t, []string{rina}, c.listed(t))
	c.at(t, "2026-11-30 08:00")
	c.Exec(t, `CREATE SQL SECURITY DEFINER VIEW reminder_groups_source AS SELECT '7A' AS group_name, 'X' AS teacher_name, 'x@s.example' AS teacher_email
		UNION ALL SELECT ' 7C ', 'Budi &amp; Co', 'c@s.example' UNION ALL SELECT '7D', 'D', 'd1@s.example' UNION ALL SELECT '7D', 'D', 'd2@s.example'
		UNION ALL SELECT '7E', 'E', NULL UNION ALL SELECT NULL, 'F', 'f@s.example'`)
	assert.Equal(t, []string{rina}, c.listed(t), "without the right to read the view, it does not count")
	c.Exec(t, "GRANT SELECT ON reminder_groups_source TO '"+c.environ["DB_USERNAME"]+"'@'%'")
	c.at(t, "2026-12-07 08:00")
	assert.Equal(t, []string{"c@s.example", rina}, c.listed(t))
	assert.Contains(t, c.srv.Messages()[len(c.srv.Messages())-1].Parse(t).Text+
		c.srv.Messages()[len(c.srv.Messages())-2].Parse(t).Text, "Budi & Co")
	odd, err := deskdb.New(c.app.Store).OddClasses(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"7D", "?"}, odd)

	c.Exec(t, "CREATE OR REPLACE SQL SECURITY DEFINER VIEW reminder_groups_source AS SELECT '7A' AS group_name")
	c.at(t, "2026-12-14 08:00")
	_, err = c.app.Runner.Run(t.Context(), reminder.Options{})
	assert.Contains(t, english(err), "reminder_groups_source")
}

// TestClassListOfOddRows: a loan that the database cannot compute, or that has two classes, does not keep other loans
// off their list, even if due dates are text.
func TestClassListOfOddRows(t *testing.T) {
	for _, due := range []string{"p.tanggal_kembali", "CAST(p.tanggal_kembali AS CHAR)"} {
		c := newClassroom(t, nil)
		c.lend(t, "7A", "Laskar Pelangi")
		c.lend(t, "7B", "Bumi Manusia")
		broken, twice := c.lend(t, "7A", "Rusak"), c.lend(t, "7A", "Kembar")
		c.Exec(t, `INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon)
			SELECT user_id, '99', '7B', '2012-05-02', '', '' FROM peminjaman WHERE id = ?`, twice)
		c.Exec(t, fmt.Sprintf(`CREATE OR REPLACE VIEW reminder_loans AS SELECT p.id AS loan_id, u.id AS borrower_id,
			u.nama AS borrower_name, '' AS email, IF(p.id = %d, (SELECT 1 UNION SELECT 2), b.judul) AS title, %s AS due_at,
			s.kelas AS group_name FROM peminjaman p JOIN users u ON u.id = p.user_id JOIN buku b ON b.id = p.buku_id
			LEFT JOIN siswa s ON s.user_id = u.id`, broken, due))
		c.run(t, c.app, reminder.Options{})
		got := c.arrived(t)
		assert.Contains(t, got[rina], "Laskar Pelangi", due)
		assert.Contains(t, got[joko], "Bumi Manusia", due)
		for _, text := range got {
			assert.NotContains(t, text, "Rusak", due)
			assert.NotContains(t, text, "Kembar", due)
		}
	}
}
