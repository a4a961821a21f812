// Command demo shows Pengingat at work on a machine with nothing but Go: `go run -C cmd/demo .`
//
// It starts a MySQL engine in its own process, fills it with a sample library in the tables of the school's
// application, and then does what a library does: migrate, and a run whenever the schedule triggers one. All of that is
// the program's real code; only the clock is set, so that the outcome is always the same. Mails become files, and
// nothing leaves the machine. It fails when a run does not send exactly what it should.
//
// It is a module of its own, because the engine is several times as large as the program.
package main

import (
	"context"
	"database/sql"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/cmd/local/page"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest/school"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func main() {
	flags := flag.NewFlagSet("demo", flag.ExitOnError) // the engine's libraries add flags to the global set
	locale := flags.String("locale", os.Getenv("APP_LOCALE"), "id (Indonesia), en (English)")
	dir := flags.String("out", "", "folder baru untuk hasilnya / new folder for the results (default a temporary one)")
	_ = flags.Parse(os.Args[1:]) // exits on an error
	if err := show(context.Background(), os.Stdout, *dir, *locale); err != nil {
		fmt.Fprintln(os.Stderr, text.In(*locale).Error(err))
		os.Exit(1)
	}
}

// A trigger is one moment at which the schedule starts a run, and what happened in the library before it.
type trigger struct {
	at   time.Time
	when reminder.Message // the time in words
	desk string           // what the library's own system did to its tables since the last run
	note reminder.Message
	want int // how many mails this run sends
}

// triggers and sample.sql belong together.
var triggers = []trigger{
	{
		at:   time.Date(2026, time.November, 24, 1, 0, 0, 0, time.UTC), // Asia/Jakarta is 7 hours ahead
		when: reminder.Say("demo.tuesday_eight"),
		note: reminder.Say("demo.tuesday_eight_note"),
		want: 15,
	},
	{
		at:   time.Date(2026, time.November, 24, 2, 0, 0, 0, time.UTC),
		when: reminder.Say("demo.tuesday_nine"),
		note: reminder.Say("demo.tuesday_nine_note"),
		want: 0,
	},
	{
		at:   time.Date(2026, time.November, 25, 1, 0, 0, 0, time.UTC),
		when: reminder.Say("demo.wednesday_eight"),
		desk: `
UPDATE peminjaman SET status = 'Dikembalikan', tanggal_pengembalian = '2026-11-24 12:15:00'
WHERE no_peminjaman = 'PJM-2611-003';
UPDATE peminjaman SET tanggal_kembali = '2026-12-02' WHERE no_peminjaman = 'PJM-2611-001';
`,
		note: reminder.Say("demo.wednesday_eight_note"),
		want: 8,
	},
}

//go:embed sample.sql
var sample string

// ownRows are rows of the program's own tables: a closed day, and a borrower who wants no reminders.
const ownRows = `
INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES ('2026-11-26', '2026-11-26', 'Rapat kerja guru');
INSERT INTO reminder_opt_outs (borrower_id, since) VALUES ('24', '2026-11-02 00:00:00');
`

// show plays the demonstration, describes it on out and leaves its results in dir.
func show(ctx context.Context, out io.Writer, dir, locale string) error {
	dir, err := makeFolder(dir)
	if err != nil {
		return fmt.Errorf("make a new folder for the results: %w", err)
	}
	const database = "perpustakaan"
	port, stop, err := startMySQL(database)
	if err != nil {
		return err
	}
	defer stop()
	environ := map[string]string{
		"APP_NAME": "Perpustakaan Sekolah Contoh", "APP_URL": "https://perpustakaan.example.org", "APP_LOCALE": locale,
		"DB_PORT": strconv.Itoa(port), "DB_DATABASE": database, "DB_CONNECTIONS": "1", // one: see startMySQL
		"MAIL_MAILER": "file", "MAIL_FROM_ADDRESS": "perpustakaan@example.org",
		"REMINDER_CLOSED_WEEKDAYS": "minggu", // Sunday
		"LOG_FILE":                 filepath.Join(dir, "pengingat.log"),
	}
	config, err := setup.LoadDatabase(environ)
	if err != nil {
		return err
	}
	db, err := config.OpenDB()
	if err != nil {
		return err
	}
	defer db.Close()
	if err := prepare(ctx, db); err != nil {
		return fmt.Errorf("prepare the sample library: %w", err)
	}

	s := story{Sheet: page.Sheet{Locale: locale}, dir: dir}
	for i, t := range triggers {
		if err := execute(ctx, db, t.desk); err != nil {
			return fmt.Errorf("between the runs: %w", err)
		}
		mails := path.Join("mails", strconv.Itoa(i+1))
		environ["MAIL_FILE_DIR"] = filepath.Join(dir, mails)
		r, open, err := run(ctx, environ, t, dir, mails)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		if s.Runs = append(s.Runs, r); i == 0 {
			s.open = open
		}
	}
	if err := s.print(out); err != nil {
		return err
	}
	return s.write(out)
}

// makeFolder makes dir, or a temporary folder. It must be new: old files in it would be taken for results.
func makeFolder(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "pengingat-demo-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// prepare fills the tables of the library's own system, then does what `pengingat migrate --source perpustakaan` does.
func prepare(ctx context.Context, db *sql.DB) error {
	if err := execute(ctx, db, school.Schema+sample); err != nil {
		return err
	}
	if _, err := schema.Up(ctx, db); err != nil {
		return err
	}
	if err := schema.CreateView(ctx, db, "perpustakaan"); err != nil {
		return err
	}
	return execute(ctx, db, ownRows)
}

// execute executes statements, each of which ends with a semicolon at the end of a line.
func execute(ctx context.Context, db *sql.DB, statements string) error {
	for statement := range strings.SplitSeq(statements, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// run does what `pengingat run` does, and returns the mails that were sent and the number of open loans. It sets up
// everything anew, like a new process: only the database stays between two runs.
func run(ctx context.Context, environ map[string]string, t trigger, dir, mails string) (r page.Run, open int,
	err error) {
	config, err := setup.Load(environ)
	if err != nil {
		return r, 0, err
	}
	app, err := setup.New(config, os.Stderr)
	if err != nil {
		return r, 0, err
	}
	defer app.Close()
	app.Runner.Now = func() time.Time { return t.at }
	report, err := app.Runner.Run(ctx, reminder.Options{Trigger: "local"})
	if err != nil {
		return r, 0, err
	}
	say := text.In(environ["APP_LOCALE"])
	r.When, r.Note = say.Text(t.when), say.Text(t.note)
	if r.Letters, err = readMails(dir, mails); err != nil {
		return r, 0, err
	}
	if report.Outcome != reminder.RunDone || report.Emails.Sent != t.want || len(r.Letters) != t.want {
		return r, 0, fmt.Errorf("%d mails should have been sent; there are %d, and the report says %+v", t.want,
			len(r.Letters), report)
	}
	if t.want > 0 {
		r.Silent, r.More, err = desk.New(app.Runner, app.Store).Silent(ctx, report.Today, 1000)
		r.Silent = slices.DeleteFunc(r.Silent, func(s desk.Silence) bool { return s.Why == reminder.VerdictTold })
	}
	return r, report.Loans.Open, err
}
