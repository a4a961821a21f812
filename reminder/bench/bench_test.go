//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A bench is a measurement with all that it needs.
type bench struct {
	*testing.T
	*results
	program, port string
	runs, large   int // measurements; of datasets of a million
	begun         time.Time
}

func TestBench(t *testing.T) {
	b := &bench{T: t, runs: number(t, "BENCH_RUNS", 5), large: number(t, "BENCH_RUNS_LARGE", 3), begun: time.Now()}
	b.results = &results{Runs: b.runs, Tables: map[string]*table{}}
	var version string
	b.program, version = build(t)
	port, sink := startSink(t)
	b.port = port
	s := newSchool(t)
	b.Machine = newMachine(t, s.db, sink)
	b.Machine.Version = version
	s.exec("SET GLOBAL innodb_monitor_enable = 'module_trx'") // so that commits are counted
	t.Cleanup(func() { b.write(t) })

	s.lend(1, 1, 1, s.today)
	b.Message = b.steps(s, "size", 1, 1).size

	for _, part := range []struct {
		name string
		run  func(*bench)
	}{
		{"delivery", (*bench).delivery}, {"peers", (*bench).peers}, {"idle", (*bench).idle},
		{"reach", (*bench).reach}, {"records", (*bench).records}, {"distance", (*bench).distance},
		{"composing", (*bench).composing},
		{"sendgrid", (*bench).sendGrid}, {"function", (*bench).function},
	} {
		t.Run(part.name, func(t *testing.T) {
			one := *b
			one.T, b.Machine.t = t, t
			part.run(&one)
		})
	}
}

// progress tells a person who waits.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: %5.0f s: %s\n", time.Since(b.begun).Seconds(), fmt.Sprintf(format, args...))
}

var concurrencies = []int{1, 4, 16}

// delivery measures runs in which every loan is a mail, beside the limits.
func (b *bench) delivery() {
	limits := b.table("limits", "Limits",
		"What Postfix's own client sends to the same server, and what the database makes durable.",
		column{"sessions", "sessions, connections", 0}, column{"mails", "limit 1: `smtp-source -d`, mails/s", 0},
		column{"commits", "limit 2: durable single-row commits/s", 0})
	runs := b.table("run", "Run",
		"Mails a second from the start of the process to its end. The lower limit is the lower one of limit 1 and of limit 2 divided "+
			"by the commits a mail; both are measured right before the run.",
		column{"loans", "due loans", 0}, column{"concurrency", "`MAIL_CONCURRENCY`", 0}, column{"mails", "mails/s", 0},
		column{"of_limit_1", "of limit 1", 2}, column{"of_lower_limit", "of the lower limit", 2},
		column{"commits", "commits a mail", 2}, column{"log_writes", "log writes a mail", 2},
		column{"statements", "statements a mail", 1},
		column{"program", "program, µs CPU a mail", 0}, column{"database", "database, µs CPU a mail", 0},
		column{"server", "mail server, µs CPU a mail", 0}, column{"peak", "peak resident MiB", 1},
		column{"others", "others' CPU %", 0})
	steps := b.table("steps", "Where the time of a run goes",
		"One measurement each, in milliseconds. Deliver is everything between the last promise and the last outcome. The columns "+
			"after it are parts of it, a mail, added up over all workers: with 16 of them, 16 ms pass in each millisecond. Record "+
			"passes beside the next mail's reread, composing and dialogue, whose end waits for it.",
		column{"loans", "due loans", 0}, column{"concurrency", "`MAIL_CONCURRENCY`", 0},
		column{"prepare", "prepare, count", 0},
		column{"scan", "scan", 0}, column{"plan", "plan", 0}, column{"promise", "promise", 0},
		column{"deliver", "deliver", 0},
		column{"reread", "reread", 2}, column{"compose", "compose, wait for a claim", 2},
		column{"dialogue", "encode, dialogue", 2},
		column{"handover", "hand-over", 2}, column{"record", "record", 2}, column{"claim", "claim", 2})
	for _, loans := range list(b.T, "BENCH_LOANS", "2000,20000") {
		s := newSchool(b.T)
		s.lend(1, loans, 1, s.today)
		for n := range b.runs {
			for _, concurrency := range concurrencies {
				mails := source(b.T, b.port, concurrency, b.Message, 5000)
				commits := s.commits(concurrency, 2*time.Second)
				limit := limits.row(concurrency)
				add(limit, "mails", mails)
				add(limit, "commits", commits)

				s.forget()
				environ := s.environ("MAIL_PORT="+b.port, fmt.Sprint("MAIL_CONCURRENCY=", concurrency))
				before, used := s.counters(), b.Machine.usage()
				p := s.start(b.program, environ, "run", "--now", "--json")
				counted, now := s.counters(), b.Machine.usage()
				require.Equal(b, loans, p.report(b.T).Emails.Sent)
				row, of := runs.row(loans, concurrency), float64(loans)
				rate, perMail := of/p.seconds, float64(counted.commits-before.commits)/of
				add(row, "mails", rate)
				add(row, "of_limit_1", rate/mails)
				add(row, "of_lower_limit", rate/min(mails, commits/perMail))
				add(row, "commits", perMail)
				add(row, "log_writes", float64(counted.logWrites-before.logWrites)/of)
				add(row, "statements", float64(counted.statements-before.statements)/of)
				add(row, "program", 1e6*p.cpu/of)
				add(row, "database", 1e6*(now.db-used.db)/of)
				add(row, "server", 1e6*(now.sink-used.sink)/of)
				add(row, "peak", float64(p.peak)/1024)
				add(row, "others", b.Machine.others(used))
				p = s.start(b.program, environ, "run", "--now", "--json")
				require.Zero(b, p.report(b.T).Emails.Sent, "the second run sends nothing")
				b.progress("run: %d loans, concurrency %d: %.0f mails/s (%d of %d)", loans, concurrency, rate, n+1, b.runs)
			}
		}
		for _, concurrency := range concurrencies {
			s.forget()
			w := b.steps(s, fmt.Sprintf("run-%d-%d", loans, concurrency), loans, concurrency)
			row, of := steps.row(loans, concurrency), float64(loans)
			for key, seconds := range map[string]float64{
				"prepare": w.prepared.Sub(w.begun).Seconds(), "scan": w.scan.seconds() - w.page.seconds(), "plan": w.page.seconds(),
				"promise": w.promise.seconds(), "deliver": w.ended.Sub(w.promised).Seconds(),
				"reread":   w.reread.seconds() / of,
				"compose":  (float64(concurrency)*w.ended.Sub(w.promised).Seconds() - w.reread.seconds() - w.send.seconds()) / of,
				"dialogue": (w.send.seconds() - w.handover.seconds()) / of,
				"handover": w.handover.seconds() / of, "record": w.record.seconds() / of, "claim": w.claim.seconds() / of,
			} {
				add(row, key, 1000*seconds)
			}
			b.progress("steps: %d loans, concurrency %d", loans, concurrency)
		}
	}
}

// inReach is how many loans are in reach where most are not: what a large library may have that is late.
const inReach = 5000

// idle measures runs that find nothing to do, and in the largest library one that finds one loan in fifty new.
func (b *bench) idle() {
	t := b.idleTable("idle", "Runs with little to do", "Everything in reach was promised before, but for the new loans. All are due "+
		"yesterday, as at the end of a school year, or spread evenly.")
	sizes := list(b.T, "BENCH_OPEN", "10000,100000,1000000")
	for _, open := range sizes {
		newly := 0
		if open == slices.Max(sizes) {
			newly = open / 50
		}
		i := b.idling(t, open)
		s := i.school
		s.lend(1, open-newly, 1, s.today.AddDays(-1))
		i.tell()
		i.measure(open-newly, 1, 0)
		s.exec("UPDATE peminjaman SET tanggal_kembali = DATE_SUB(?, INTERVAL 1 + id MOD 59 DAY)", s.today.String())
		i.tell()
		i.measure(open-newly, 60, 0)
		if newly > 0 {
			s.lend(open-newly+1, open, 1, s.today)
			i.measure(open, 60, newly)
		}
	}
}

// reach measures runs that find nothing to do in libraries of which most loans are not in reach. Each of the others was
// told about once, on an earlier due date.
func (b *bench) reach() {
	t := b.idleTable("reach", "Loans that are not in reach", "Everything in reach was promised before, and every other loan has a "+
		"notice of an earlier due date on record.")
	for _, open := range list(b.T, "BENCH_OPEN", "10000,100000,1000000") {
		i := b.idling(t, open)
		s := i.school
		s.lend(1, inReach, 59, s.today.AddDays(-1))
		s.lend(inReach+1, open, 28, s.today.AddDays(29))
		i.tell()
		earlier, others := s.today.AddDays(-70).String(), numbers(inReach+1, open)
		s.exec(`INSERT INTO reminder_emails
			(id, ref, borrower_id, run_id, priority, state, attempts, next_at, created_at, handover_at, sent_at, ended_at)
			SELECT 10000000 + n, CONCAT('OLD', n), n, 'OLD', 3, 'sent', 1, ?, ?, ?, ?, ? FROM `+others, earlier, earlier, earlier, earlier,
			earlier)
		s.exec("INSERT INTO reminder_notices (loan_id, due_date, step, email_id, number) SELECT n, ?, 1, 10000000 + n, 1 FROM "+others,
			earlier)
		i.measure(inReach, 60, 0)
	}
}

// An idling library is one in which a run finds little to do.
type idling struct {
	bench      *bench
	school     *school
	table      *table
	environ    map[string]string
	open, runs int
}

func (b *bench) idleTable(key, title, note string) *table {
	return b.table(key, title, note+" The bare count is `SELECT COUNT(*)` of the loans in reach, through the same view. In reach are "+
		"loans that are at most 60 days late or due by tomorrow.",
		column{"open", "open loans", 0}, column{"reach", "in reach", 0}, column{"days", "due on, days", 0},
		column{"index", "index on the due date", 0}, column{"new", "newly due", 0},
		column{"seconds", "run, s", 2}, column{"count", "bare count, s", 2}, column{"ratio", "ratio", 2},
		column{"program", "program, s CPU", 2}, column{"database", "database, s CPU", 2},
		column{"peak", "peak resident MiB", 1}, column{"others", "others' CPU %", 0})
}

// idling returns a library that will have so many loans.
func (b *bench) idling(t *table, open int) idling {
	i := idling{bench: b, school: newSchool(b.T), table: t, open: open, runs: b.runs}
	if open >= 1_000_000 {
		i.runs = min(i.runs, b.large)
		t.Note += fmt.Sprintf(" Runs on %s open loans were measured %d times.", decimal(float64(open), 0), i.runs)
	}
	i.environ = i.school.environ("MAIL_PORT="+b.port, "MAIL_CONCURRENCY=16")
	b.progress("%d loans are being lent", open)
	return i
}

// tell records as told what is due today. The command `quarantine` takes no day to come, and so leaves the step of
// today.
func (i idling) tell() {
	begin := time.Now()
	cfg, err := setup.Load(i.environ)
	require.NoError(i.bench, err)
	app, err := setup.New(cfg, io.Discard)
	require.NoError(i.bench, err)
	defer app.Close()
	_, err = desk.New(app.Runner, app.Store).Quarantine(i.bench.Context(), i.school.today.AddDays(1),
		func(desk.Silenced) bool { return true })
	require.NoError(i.bench, err)
	i.bench.progress("%d open: what is due was recorded as told in %.0f s", i.open, time.Since(begin).Seconds())
}

// measure measures runs without an index on the due date, and then with one.
func (i idling) measure(reach, days, newly int) {
	s := i.school
	i.measureWith("no", reach, days, newly)
	s.exec("CREATE INDEX bench_due ON peminjaman (tanggal_kembali)")
	i.measureWith("yes", reach, days, newly)
	s.exec("DROP INDEX bench_due ON peminjaman")
}

func (i idling) measureWith(index string, reach, days, newly int) {
	b, s := i.bench, i.school
	row := i.table.row(i.open, reach, days, index, newly)
	for n := range i.runs {
		begin := time.Now()
		// An index on the due date serves this condition as it serves the program's.
		require.Equal(b, reach, s.count("SELECT COUNT(*) FROM reminder_loans WHERE due_at >= ? AND due_at < ?",
			s.today.AddDays(-60).String(), s.today.AddDays(2).String()))
		bare := time.Since(begin).Seconds()
		used := b.Machine.usage()
		p := s.start(b.program, i.environ, "run", "--now", "--json")
		database := b.Machine.usage().db - used.db
		rep := p.report(b.T)
		require.Equal(b, []int{reach, newly}, []int{rep.Loans.InReach, rep.Emails.Sent}, "%+v", rep)
		add(row, "seconds", p.seconds)
		add(row, "count", bare)
		if newly == 0 {
			add(row, "ratio", p.seconds/bare)
		} else {
			s.exec(`DELETE FROM reminder_notices
				WHERE email_id IN (SELECT id FROM reminder_emails WHERE run_id = ?)`, rep.RunID)
			s.exec("DELETE FROM reminder_emails WHERE run_id = ?", rep.RunID)
			s.forgetFiles() // a witness would take the records for an old backup
		}
		add(row, "program", p.cpu)
		add(row, "database", database)
		add(row, "peak", float64(p.peak)/1024)
		add(row, "others", b.Machine.others(used))
		b.progress("%d open, %d in reach on %d days, index %s, %d new: %.2f s (%d of %d)",
			i.open, reach, days, index, newly, p.seconds, n+1, i.runs)
	}
}

// composing measures the writing of a mail, from the loans to the bytes.
func (b *bench) composing() {
	compose := b.table("composing", "Composing",
		"Text and HTML of one mail on one processor, and then the encoding as it is sent.",
		column{"items", "loans in the mail", 0}, column{"micros", "compose, µs", 0}, column{"rate", "mails/s", 0},
		column{"allocs", "allocations", 0}, column{"kib", "allocated KiB", 1}, column{"encode", "encode, µs", 0},
		column{"encode_allocs", "allocations", 0}, column{"others", "others' CPU %", 0})
	composer, err := letter.New(letter.Texts{Library: "Perpustakaan MTSN 6 Garut", URL: "https://perpustakaan.example"})
	require.NoError(b, err)
	from, err := mail.ParseAddress("perpus@example.org")
	require.NoError(b, err)
	to, err := mail.ParseAddress("siswa1@example.org")
	require.NoError(b, err)
	today := reminder.Date{Year: 2026, Month: time.November, Day: 24}
	for _, items := range []int{1, 3, 10} {
		l := reminder.Letter{Name: "Siti Aminah", Today: today}
		for i := range items {
			due := today.AddDays(-3 * i)
			l.Items = append(l.Items, reminder.Item{Title: fmt.Sprint("Laskar Pelangi ", i), ItemCode: fmt.Sprint("B", i),
				Ref: fmt.Sprint("PJM-", i), Due: due, ReturnBy: due, Days: 3 * i, Number: i})
		}
		content, err := composer.Compose(reminder.KindLoan, "", l)
		require.NoError(b, err)
		message := mail.Message{ID: "a@example.org", Ref: "a", Date: time.Unix(1800000000, 0), From: from, To: to,
			Subject: content.Subject, Text: content.Text, HTML: content.HTML, Lang: content.Lang}
		row := compose.row(items)
		for range b.runs {
			used := b.Machine.usage()
			r := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := composer.Compose(reminder.KindLoan, "", l); err != nil {
						b.Fatal(err)
					}
				}
			})
			add(row, "micros", float64(r.NsPerOp())/1e3)
			add(row, "rate", 1e9/float64(r.NsPerOp()))
			add(row, "allocs", float64(r.AllocsPerOp()))
			add(row, "kib", float64(r.AllocedBytesPerOp())/1024)
			r = testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := message.Bytes(); err != nil {
						b.Fatal(err)
					}
				}
			})
			add(row, "encode", float64(r.NsPerOp())/1e3)
			add(row, "encode_allocs", float64(r.AllocsPerOp()))
			add(row, "others", b.Machine.others(used))
		}
		b.progress("composing: %d loans", items)
	}
}

// latency of SendGrid's API, seen from another continent.
const latency = 80 * time.Millisecond

// sendGrid measures runs against a server that takes its time to answer, but any number of requests at a time.
func (b *bench) sendGrid() {
	const loans = 2000
	grid := b.table("sendgrid", "SendGrid, with 80 ms to each answer",
		"The limit is one answer per worker in 80 ms. The server is part of this test.",
		column{"loans", "due loans", 0}, column{"concurrency", "`MAIL_CONCURRENCY`", 0}, column{"mails", "mails/s", 0},
		column{"of_limit", "of the limit", 2}, column{"peak", "peak resident MiB", 1}, column{"others", "others' CPU %", 0})
	var taken atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(latency)
		taken.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	b.Cleanup(server.Close)
	s := newSchool(b.T)
	s.lend(1, loans, 1, s.today)
	for range b.runs {
		for _, concurrency := range []int{16, 64} {
			s.forget()
			taken.Store(0)
			used := b.Machine.usage()
			p := s.start(b.program, s.environ("MAIL_MAILER=sendgrid", "SENDGRID_API_KEY=SG.bench", "SENDGRID_HOST="+server.URL,
				fmt.Sprint("MAIL_CONCURRENCY=", concurrency)), "run", "--now", "--json")
			require.Equal(b, loans, p.report(b.T).Emails.Sent)
			require.EqualValues(b, loans, taken.Load())
			row := grid.row(loans, concurrency)
			add(row, "mails", loans/p.seconds)
			add(row, "of_limit", loans/p.seconds/(float64(concurrency)/latency.Seconds()))
			add(row, "peak", float64(p.peak)/1024)
			add(row, "others", b.Machine.others(used))
			b.progress("sendgrid: concurrency %d: %.0f mails/s", concurrency, loans/p.seconds)
		}
	}
}

// function measures the cloud function beside the smallest one, by the benchmark that stands with its package test.
func (b *bench) function() {
	function := b.table("function", "The cloud function beside a hello on the same framework",
		"Built as the platform builds them. Start is from the start of the process to the end of its first answer 200: for the "+
			"function a whole run on an idle database.",
		column{"what", "", 0}, column{"function", "function", 1}, column{"hello", "hello", 1}, column{"ratio", "ratio", 2},
		column{"warm", "a later request", 1})
	cmd := exec.CommandContext(b.Context(), "go", "test", "-tags", "package", "-run", "^TestPackage$",
		"-bench", "^BenchmarkColdStart$", "-benchtime", "5x", "-v", "-count", strconv.Itoa(b.runs), ".")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	metric := regexp.MustCompile(`([0-9.]+) (ms|cpu-ms|MB)-(function|hello|warm)\b`)
	for _, m := range metric.FindAllStringSubmatch(string(out), -1) {
		value, err := strconv.ParseFloat(m[1], 64)
		require.NoError(b, err)
		what := map[string]string{"ms": "start, ms", "cpu-ms": "start, ms CPU", "MB": "resident MB"}[m[2]]
		add(function.row(what), m[3], value)
	}
	for _, m := range regexp.MustCompile(`function ([0-9.]+) MB, hello ([0-9.]+) MB`).FindAllStringSubmatch(string(out),
		-1) {
		for i, which := range []string{"function", "hello"} {
			value, err := strconv.ParseFloat(m[1+i], 64)
			require.NoError(b, err)
			add(function.row("binary, MB"), which, value)
		}
	}
	require.Len(b, function.Rows, 4, "BenchmarkColdStart and TestPackage no longer print what is looked for here:\n%s",
		out)
	for _, row := range function.Rows {
		f, h := row["function"].(figure), row["hello"].(figure)
		for i := range f {
			add(row, "ratio", f[i]/h[i])
		}
	}
	b.progress("function")
}

func number(t *testing.T, name string, otherwise int) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
	require.NoError(t, err, name)
	require.Positive(t, n, name)
	return n
}

// list reads a variable with numbers and commas.
func list(t *testing.T, name, otherwise string) (all []int) {
	for word := range strings.SplitSeq(cmp.Or(os.Getenv(name), otherwise), ",") {
		n, err := strconv.Atoi(word)
		require.NoError(t, err, name)
		all = append(all, n)
	}
	return all
}
