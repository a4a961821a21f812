package mysql_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// open migrates a school and returns a store with the rights of deploy/grants.sql.
func open(t testing.TB) (*mysql.Store, *mysqltest.DB, *driver.Config) {
	db := mysqltest.Library(t)
	grants, err := os.ReadFile("../../deploy/grants.sql")
	require.NoError(t, err)
	user := db.User(t, string(grants))
	return connect(t, user, 16), db, user
}

func connect(t testing.TB, cfg *driver.Config, conns int) *mysql.Store {
	store, err := mysql.Open(cfg, conns, 0)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func day(s string) reminder.Date {
	d, err := reminder.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// emails returns n emails with one notice each.
func emails(n int) []reminder.Email {
	var out []reminder.Email
	for i := range n {
		id := fmt.Sprint(i)
		out = append(out, reminder.Email{Kind: reminder.KindLoan, Borrower: id, Priority: reminder.DueToday,
			Notices: []reminder.Notice{{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: id, Due: day("2026-11-24")}}}})
	}
	return out
}

func promise(t testing.TB, store *mysql.Store, emails []reminder.Email) {
	t.Helper()
	n, err := store.Promise(t.Context(), "run", emails)
	require.NoError(t, err)
	require.Equal(t, len(emails), n.Emails)
}

func claim(t testing.TB, store *mysql.Store, n int, lease time.Duration) []reminder.Claim {
	t.Helper()
	claims, _, err := store.Claim(t.Context(), reminder.Wanted{Most: n, Lease: lease})
	require.NoError(t, err)
	return claims
}

func state(t testing.TB, db *mysqltest.DB, id int64) (state string) {
	t.Helper()
	require.NoError(t, db.Admin.QueryRowContext(t.Context(), "SELECT state FROM reminder_emails WHERE id = ?",
		id).Scan(&state))
	return state
}

// endLeases ends all leases.
func endLeases(t testing.TB, db *mysqltest.DB) {
	t.Helper()
	db.Exec(t, "UPDATE reminder_emails SET lease_until = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 SECOND) WHERE lease_until IS NOT NULL")
}

// TestWhichServer logs the server of the tests.
func TestWhichServer(t *testing.T) {
	db := mysqltest.New(t)
	var version, comment string
	require.NoError(t, db.Admin.QueryRowContext(t.Context(), "SELECT VERSION(), @@version_comment").Scan(&version,
		&comment))
	t.Log("server: " + version + ", " + comment)
}

func TestLeastRights(t *testing.T) {
	store, db, user := open(t)
	loan := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24"})
	require.NoError(t, store.Check(t.Context()))
	conn, err := mysql.OpenDB(user, 1)
	require.NoError(t, err)
	defer conn.Close()
	numbers := []uint16{1142, 1143, 1044, 1227}
	if db.TiDB { // looks for columns before rights, cannot write to views, and has a number for a lacking UPDATE
		numbers = append(numbers, 1054, 1288, 8121)
	}
	for _, statement := range []string{
		"UPDATE peminjaman SET status = 'Dikembalikan'", "DELETE FROM peminjaman", "SELECT password FROM users",
		"SELECT nama FROM siswa",
		"UPDATE reminder_loans SET due_at = '2027-01-01'", "DROP TABLE reminder_emails", "CREATE TABLE t (i INT)",
		"UPDATE reminder_migrations SET version_id = 9", "ALTER TABLE reminder_emails ADD COLUMN x INT",
		"DROP VIEW reminder_loans",
	} {
		_, err := conn.ExecContext(t.Context(), statement)
		var refused *driver.MySQLError
		require.ErrorAs(t, err, &refused, statement)
		assert.Contains(t, numbers, refused.Number, statement)
	}
	loans, err := store.Reread(t.Context(), []string{fmt.Sprint(loan)})
	require.NoError(t, err)
	assert.Len(t, loans, 1)
}

func TestView(t *testing.T) {
	store, db, _ := open(t)
	ani := db.AddBorrower(t, mysqltest.Borrower{Name: "Ani", Email: "ani@example.org", Class: "7A"})
	db.Exec(t, `INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon) VALUES (?, '9', '8B', '2012-01-01', '', '')`, ani)
	open := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: ani, Title: `"Bumi" 🌏 <script>`})
	future := db.AddLoan(t, mysqltest.Loan{Due: "2026-12-24", Borrower: ani, Status: "Terlambat"})
	sample := db.AddBorrower(t, mysqltest.Borrower{Email: "admin@perpustakaan.com"})
	placeholder := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Borrower: sample})
	for _, status := range []string{"Diproses", "Dikembalikan", "Dibatalkan"} {
		db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Status: status})
	}
	db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Returned: "2026-11-23 10:00:00"}) // Dipinjam with a return date

	var seen []string
	require.NoError(t, store.Scan(t.Context(), day("2026-01-01"), day("2027-12-31"), func(loans []reminder.Loan) error {
		for _, l := range loans {
			seen = append(seen, l.ID)
		}
		return nil
	}))
	assert.ElementsMatch(t, []string{fmt.Sprint(open), fmt.Sprint(placeholder), fmt.Sprint(future)}, seen,
		"one row per open loan")

	loans, err := store.Reread(t.Context(), []string{fmt.Sprint(open), fmt.Sprint(placeholder), fmt.Sprint(open) + "x"})
	require.NoError(t, err)
	require.Len(t, loans, 2)
	assert.Equal(t, reminder.Loan{
		ID: fmt.Sprint(open), Due: day("2026-11-24"), Ref: loans[0].Ref, Title: `"Bumi" 🌏 <script>`,
		ItemCode: loans[0].ItemCode,
		Borrowed: day("2026-01-05"),
		Borrower: reminder.Borrower{ID: fmt.Sprint(ani), Name: "Ani", Email: "ani@example.org", Group: "7A", Type: "student"},
	}, loans[0])
	assert.Contains(t, loans[0].Ref, "PJM-")
	assert.Empty(t, loans[1].Borrower.Email, "the sample accounts' domain belongs to somebody else")

	counted, err := store.CountLoans(t.Context(), day("2026-12-01"))
	require.NoError(t, err)
	assert.Equal(t, reminder.LoanCounts{Open: 3, TooOld: 2}, counted)
}

// TestViewByHand: a custom view, with due times and unusable rows. These rows are odd, and the others are read.
func TestViewByHand(t *testing.T) {
	store, db, _ := open(t)
	long := strings.Repeat("9", 101)
	rows := []string{
		"'A1', 'b', '2026-11-24 14:30:00'", "'a1', 'b', '2026-11-24 23:59:00'", "'B', 'b', '2026-11-24 00:00:00'",
		"'C', 'b', '2026-11-24 23:58:00'",
		"'" + long + "', 'b', '2026-11-24 00:00:00'", "'D', '" + long + "', '2026-11-24 00:00:00'",
		"'" + long[1:] + "', 'b', '2026-11-24 00:00:00'", "'E', 'b', NULL",
	}
	db.Exec(t, "CREATE OR REPLACE VIEW reminder_loans AS SELECT loan_id COLLATE utf8mb4_bin AS loan_id, borrower_id, 'N' AS borrower_name, 'b@example.org' AS email, 'T' AS title,"+
		"CAST(due_at AS DATETIME) AS due_at, NULL AS loan_ref, NULL AS item_code, '0000-00-00' AS borrowed_at, NULL AS group_name, NULL AS language, NULL AS hold_reason, 500 AS fine_per_day"+
		" FROM (SELECT 'x' AS loan_id, 'x' AS borrower_id, NULL AS due_at UNION ALL SELECT "+strings.Join(rows,
		" UNION ALL SELECT ")+") AS r WHERE loan_id <> 'x'")
	require.NoError(t, store.Check(t.Context()))
	got := map[string]string{}
	require.NoError(t, store.Scan(t.Context(), day("2026-11-01"), day("2026-11-30"), func(loans []reminder.Loan) error {
		for _, l := range loans {
			got[l.ID[:min(3, len(l.ID))]+fmt.Sprint(len(l.ID))] = l.DueTime + l.Odd(day("2026-11-24"))
		}
		return nil
	}))
	assert.Equal(t, map[string]string{"A12": "14:30", "a12": "", "B1": "", "C1": "23:58", "999101": "loan_id",
		"D1": "borrower_id", "999100": "", "E1": "due_at"}, got)

	loans, err := store.Reread(t.Context(), []string{"E", "A1"})
	require.NoError(t, err)
	require.Len(t, loans, 2)
	for _, l := range loans {
		assert.Equal(t, l.ID == "E", l.Due.IsZero())
		assert.Equal(t, int64(500), l.FinePerDay)
		assert.True(t, l.Borrowed.IsZero(), "a zero date is no date")
	}
	_, err = store.LastBorrowed(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	counted, err := store.CountLoans(t.Context(), day("2026-11-01"))
	require.NoError(t, err)
	assert.Equal(t, 8, counted.Open)
}

// TestScanPages scans more loans than are read ahead, due on one day or on many. Each must be returned once, with its
// history.
func TestScanPages(t *testing.T) {
	t.Parallel()
	store, db, user := open(t)
	db.AddLoan(t, mysqltest.Loan{Due: "2026-01-01"}) // creates borrower and book 1
	db.Exec(t, "DELETE FROM peminjaman")
	due := func(i int) reminder.Date {
		if i%3 == 0 {
			return day("2026-11-20") // more than a page on one day
		}
		return day("2026-09-01").AddDays(i % 100)
	}
	const n = 28000
	want := map[string]reminder.Date{}
	var promised []reminder.Email
	for from := 1; from <= n; from += 200 {
		var rows []string
		for i := from; i < from+200; i++ {
			rows = append(rows, fmt.Sprintf("(%d, 1, 1, 'P%d', '2026-01-01', '%s', 'Dipinjam')", i, i, due(i)))
			want[fmt.Sprint(i)] = due(i)
			if i%7 == 0 {
				promised = append(promised, reminder.Email{Kind: reminder.KindLoan, Borrower: "1", Notices: []reminder.Notice{
					{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: fmt.Sprint(i), Due: due(i)}, Step: -1},
					{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: fmt.Sprint(i), Due: due(i)}, Step: i % 9, Number: 1}}})
			}
		}
		db.Exec(t, "INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status) VALUES "+strings.Join(rows, ","))
	}
	promise(t, store, promised)
	for _, reach := range [][2]string{{"2026-01-01", "2027-01-01"}, {"2026-09-10", "2026-11-20"},
		{"2026-11-20", "2026-11-20"}, {"2026-01-01", "2026-01-02"}} {
		first, last := day(reach[0]), day(reach[1])
		got := map[string]reminder.Date{}
		history := 0
		require.NoError(t, store.Scan(t.Context(), first, last, func(loans []reminder.Loan) error {
			ids := make([]string, len(loans))
			for i, l := range loans {
				ids[i] = l.ID
			}
			known, err := store.Promised(t.Context(), first, ids...)
			require.NoError(t, err)
			for _, l := range loans {
				_, twice := got[l.ID]
				require.False(t, twice, "seen twice")
				got[l.ID] = l.Due
				h, ok := known[reminder.Cycle{Kind: reminder.KindLoan, Loan: l.ID, Due: l.Due}]
				var i int
				_, err := fmt.Sscan(l.ID, &i)
				require.NoError(t, err)
				require.Equal(t, i%7 == 0, ok)
				if ok {
					history++
					require.Len(t, h, 2)
					require.ElementsMatch(t, []int{-1, i % 9}, []int{h[0].Step, h[1].Step})
					require.Equal(t, "1", h[0].Borrower)
					require.True(t, h[0].Waiting)
					require.False(t, h[0].Told)
				}
			}
			return nil
		}))
		inReach := 0
		for id, d := range want {
			if !d.Before(first) && !d.After(last) {
				inReach++
				require.Equal(t, d, got[id], id)
			}
		}
		assert.Len(t, got, inReach, "%v", reach)
		if inReach == n {
			assert.Equal(t, n/7, history)
		}
	}

	// The connection breaks after some loans were given to page: these are not given again.
	var conns []net.Conn
	cfg := user.Clone()
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		conns = append(conns, c)
		return c, err
	}
	seen := map[string]bool{}
	err := connect(t, cfg, 1).Scan(t.Context(), day("2026-01-01"), day("2027-01-01"), func(loans []reminder.Loan) error {
		if len(seen) == 0 {
			for _, c := range conns {
				c.Close()
			}
		}
		for _, l := range loans {
			require.False(t, seen[l.ID], "handed over twice")
			seen[l.ID] = true
		}
		return nil
	})
	require.Error(t, err)
	assert.True(t, reminder.IsTemporary(err), "%v", err)
	assert.Less(t, len(seen), n)

	// Two librarians' summaries are composed at once, with the minimum of connections.
	two := connect(t, user, 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var scans sync.WaitGroup
	for range 2 {
		scans.Go(func() {
			assert.NoError(t, two.Scan(ctx, day("2026-01-01"), day("2027-01-01"),
				func([]reminder.Loan) error { return nil }))
		})
	}
	scans.Wait()
}

func TestPromiseIsOnce(t *testing.T) {
	store, db, user := open(t)
	batch := emails(450) // more than two chunks
	promise(t, store, batch)
	n, err := store.Promise(t.Context(), "again", batch)
	require.NoError(t, err)
	assert.Zero(t, n)

	// Eight runs promise overlapping parts at the same time.
	var wg sync.WaitGroup
	start := make(chan struct{})
	var mu sync.Mutex
	var total reminder.PlannedCounts
	for i := range 8 {
		other := connect(t, user, 4)
		wg.Go(func() {
			<-start
			n, err := other.Promise(t.Context(), fmt.Sprint("run", i), emails(1000)[i*50:600+i*50])
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, err)
			total.Emails += n.Emails
			total.Notices += n.Notices
		})
	}
	close(start)
	wg.Wait()
	assert.Equal(t, reminder.PlannedCounts{Emails: 950 - 450, Notices: 950 - 450}, total)
	var rows, orphans int
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_notices").Scan(&rows))
	require.NoError(t, db.Admin.QueryRow(`SELECT COUNT(*) FROM reminder_emails e LEFT JOIN reminder_notices n ON n.email_id = e.id
		WHERE n.email_id IS NULL`).Scan(&orphans))
	assert.Equal(t, 950, rows)
	assert.Zero(t, orphans, "no email without a notice")
}

func TestClaimIsExclusiveAndOrdered(t *testing.T) {
	store, _, user := open(t)
	batch := emails(300)
	for i := range batch {
		batch[i].Priority = reminder.Priority(i % 4)
	}
	promise(t, store, batch)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	start := make(chan struct{})
	for range 8 {
		other := connect(t, user, 2)
		wg.Go(func() {
			<-start
			last := -1
			for {
				claims, _, err := other.Claim(t.Context(), reminder.Wanted{Most: 7, Lease: time.Hour})
				mu.Lock()
				assert.NoError(t, err)
				for _, c := range claims {
					assert.False(t, seen[c.ID], "claimed twice")
					seen[c.ID] = true
					assert.Len(t, c.Notices, 1)
					assert.Equal(t, 1, c.Attempts)
					var i int
					_, err := fmt.Sscan(c.Borrower, &i)
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, i%4, last, "the most urgent first")
					last = i % 4
				}
				mu.Unlock()
				if err != nil || len(claims) == 0 {
					return
				}
			}
		})
	}
	close(start)
	wg.Wait()
	assert.Len(t, seen, 300)
}

// TestClaimFollowsItsIndex: a claim reads only the emails that it takes, and not all queued ones.
func TestClaimFollowsItsIndex(t *testing.T) {
	store, admin, user := open(t)
	promise(t, store, emails(20000)) // with few emails the database may read all of them
	db, err := mysql.OpenDB(user, 1)
	require.NoError(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	reads := func() (total int) {
		rows, err := conn.QueryContext(t.Context(), "SHOW SESSION STATUS LIKE 'Handler_read%'")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var name string
			var n int
			require.NoError(t, rows.Scan(&name, &n))
			total += n
		}
		return total
	}
	for _, which := range []string{"", " AND priority = -1"} {
		before := reads()
		if admin.TiDB { // TiDB counts no reads, but its plan names the index
			require.Zero(t, before)
			var plan string
			explain := "EXPLAIN FORMAT = 'brief' " + fmt.Sprintf(mysql.ClaimUpdate, which)
			rows, err := conn.QueryContext(t.Context(), explain, "token", 1, 8)
			require.NoError(t, err)
			for rows.Next() {
				var id, estimate, task, object, info string
				require.NoError(t, rows.Scan(&id, &estimate, &task, &object, &info))
				plan += id + " " + object + " " + info + "\n"
			}
			require.NoError(t, rows.Err())
			require.NoError(t, rows.Close())
			assert.Contains(t, plan, "IndexRangeScan", plan)
			assert.Contains(t, plan, "index:claim(", plan)
			continue
		}
		_, err = conn.ExecContext(t.Context(), fmt.Sprintf(mysql.ClaimUpdate, which), "token", 1, 8)
		require.NoError(t, err)
		assert.Less(t, reads()-before, 200, which)
	}
}

func TestFence(t *testing.T) {
	store, db, _ := open(t)
	promise(t, store, emails(3))
	c := claim(t, store, 3, time.Hour)
	now := time.Now()

	require.NoError(t, store.HandOver(t.Context(), c[0], "a@x", now))
	require.ErrorIs(t, store.HandOver(t.Context(), c[0], "b@x", now), reminder.ErrLost, "a mark is set once")
	require.NoError(t, store.Record(t.Context(), c[0], reminder.Outcome{State: reminder.StateSent, ReceiptID: "r"}))
	assert.Equal(t, "sent", state(t, db, c[0].ID))
	require.ErrorIs(t, store.Record(t.Context(), c[0], reminder.Outcome{State: reminder.StateRefused}), reminder.ErrLost,
		"an end is an end")

	// A run that slept longer than its lease, before the mark and after it.
	require.NoError(t, store.HandOver(t.Context(), c[2], "c@x", now))
	endLeases(t, db)
	require.ErrorIs(t, store.HandOver(t.Context(), c[1], "d@x", now), reminder.ErrLost)
	swept, err := store.Sweep(t.Context(), false)
	require.NoError(t, err)
	assert.Equal(t, reminder.Swept{Unknown: 1}, swept)
	assert.Equal(t, "unknown", state(t, db, c[2].ID))
	require.NoError(t, store.Record(t.Context(), c[2], reminder.Outcome{State: reminder.StateSent}),
		"that it was accepted is a fact")
	assert.Equal(t, "sent", state(t, db, c[2].ID))

	again := claim(t, store, 3, time.Hour)
	require.Len(t, again, 1)
	assert.Equal(t, c[1].ID, again[0].ID)
	assert.Equal(t, 1, again[0].Attempts, "a crash takes no try")
	require.ErrorIs(t, store.Record(t.Context(), c[1], reminder.Outcome{State: reminder.StateSent}), reminder.ErrLost)
	require.ErrorIs(t, store.HandOver(t.Context(), c[1], "e@x", now), reminder.ErrLost)
	require.NoError(t, store.HandOver(t.Context(), again[0], "f@x", now))
}

func TestUnknownIsSentOnceMore(t *testing.T) {
	store, db, _ := open(t)
	promise(t, store, emails(1))
	date := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	c := claim(t, store, 1, time.Hour)[0]
	require.NoError(t, store.HandOver(t.Context(), c, "same@x", date))
	endLeases(t, db)

	for range 2 { // with hold it stays unknown
		_, err := store.Sweep(t.Context(), false)
		require.NoError(t, err)
		require.Empty(t, claim(t, store, 1, time.Hour))
	}
	_, err := store.Sweep(t.Context(), true)
	require.NoError(t, err)
	c = claim(t, store, 1, time.Hour)[0]
	assert.Equal(t, "same@x", c.MessageID)
	assert.Equal(t, date, c.Date)
	assert.Equal(t, 1, c.Unknowns)

	// Released before it was sent: Message-ID and Date still belong to the first copy.
	require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateQueued, KeepTry: true}))
	require.Equal(t, "queued", state(t, db, c.ID))
	c = claim(t, store, 1, time.Hour)[0]
	assert.Equal(t, "same@x", c.MessageID)
	require.NoError(t, store.HandOver(t.Context(), c, "same@x", date))
	require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateUnknown, Reason: "silence"}))
	for range 3 {
		swept, err := store.Sweep(t.Context(), true)
		require.NoError(t, err)
		assert.Zero(t, swept)
		require.Empty(t, claim(t, store, 1, time.Hour), "the second unknown outcome is final")
	}
	assert.Equal(t, "unknown", state(t, db, c.ID))
}

// TestLateButSure: a run that slept longer than its lease gets to know that its email was accepted. That is recorded,
// even if the sweep has queued the email again, so no copy is sent. It is not recorded if another run has claimed the
// email.
func TestLateButSure(t *testing.T) {
	store, db, _ := open(t)
	for _, taken := range []bool{false, true} {
		db.Exec(t, "DELETE FROM reminder_emails")
		db.Exec(t, "DELETE FROM reminder_notices")
		promise(t, store, emails(1))
		c := claim(t, store, 1, time.Hour)[0]
		require.NoError(t, store.HandOver(t.Context(), c, "m@x", time.Now()))
		endLeases(t, db)
		_, err := store.Sweep(t.Context(), true)
		require.NoError(t, err)
		require.Equal(t, "queued", state(t, db, c.ID))
		if taken {
			require.Len(t, claim(t, store, 1, time.Hour), 1)
			require.ErrorIs(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent}), reminder.ErrLost)
			continue
		}
		require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent}))
		require.Equal(t, "sent", state(t, db, c.ID))
		require.Empty(t, claim(t, store, 1, time.Hour))
	}
}

func TestRetryIsANewMessage(t *testing.T) {
	store, _, _ := open(t)
	promise(t, store, emails(1))
	c := claim(t, store, 1, time.Hour)[0]
	require.NoError(t, store.HandOver(t.Context(), c, "first@x", time.Now()))
	require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateQueued, RetryAfter: time.Hour}))
	require.Empty(t, claim(t, store, 1, time.Hour), "not before its time")
	backlog, err := store.Backlog(t.Context())
	require.NoError(t, err)
	assert.True(t, backlog.Queued)
	assert.InDelta(t, time.Hour, backlog.Next, float64(time.Minute))
	require.ErrorIs(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateSent}), reminder.ErrLost)
}

func TestPoison(t *testing.T) {
	store, db, _ := open(t)
	promise(t, store, emails(2))
	// One of the two emails may have been sent by the first run that died.
	claims := claim(t, store, 2, time.Hour)
	require.NoError(t, store.HandOver(t.Context(), claims[0], "id@x", time.Now()))
	failed := 0
	for range 20 {
		endLeases(t, db)
		swept, err := store.Sweep(t.Context(), true)
		require.NoError(t, err)
		failed += swept.Failed
		if len(claim(t, store, 2, time.Hour)) == 0 {
			break
		}
	}
	assert.Equal(t, 2, failed, "an email over which every run dies must end")
	assert.Equal(t, "unknown", state(t, db, claims[0].ID), "what may have been sent is not called unsent")
	assert.Equal(t, "failed", state(t, db, claims[1].ID))
}

// TestSweepFindsOne: a sweep finds each kind of email that it settles, even if there is only one.
func TestSweepFindsOne(t *testing.T) {
	for _, left := range []string{
		"state = 'queued', next_at = DATE_ADD(next_at, INTERVAL 1 YEAR)",
		"state = 'claimed', lease_until = DATE_ADD(lease_until, INTERVAL 1 YEAR)",
		"state = 'claimed', lease_until = DATE_SUB(lease_until, INTERVAL 1 HOUR)",
		"state = 'handover', lease_until = DATE_SUB(lease_until, INTERVAL 1 HOUR)",
		"state = 'unknown', unknowns = 1",
		"state = 'queued', reason = 'withheld', next_at = DATE_ADD(next_at, INTERVAL 1 HOUR)",
		"state = 'queued', reason = 'closed_day', next_at = DATE_ADD(next_at, INTERVAL 1 HOUR)",
	} {
		store, db, _ := open(t)
		promise(t, store, emails(1))
		require.Len(t, claim(t, store, 1, time.Hour), 1)
		db.Exec(t, "UPDATE reminder_emails SET "+left)
		require.Empty(t, claim(t, store, 1, time.Hour), left)
		_, err := store.Sweep(t.Context(), true)
		require.NoError(t, err)
		require.Len(t, claim(t, store, 1, time.Hour), 1, left)
	}
}

func TestBadAddressIsADigest(t *testing.T) {
	store, db, _ := open(t)
	promise(t, store, emails(1))
	c := claim(t, store, 1, time.Hour)[0]
	for range 2 {
		require.NoError(t, store.HandOver(t.Context(), c, "a@x", time.Now()))
		require.NoError(t, store.Record(t.Context(), c, reminder.Outcome{State: reminder.StateRefused, Reason: "550 5.1.1",
			BadAddress: "Gone@Example.org"}))
		db.Exec(t, "UPDATE reminder_emails SET state = 'claimed'") // and once more, as after a restored backup
	}
	library, err := store.Library(t.Context(), day("2026-11-24"))
	require.NoError(t, err)
	assert.Equal(t, map[string]reminder.Digest{"0": reminder.DigestOf("gone@example.org")}, library.BadAddresses)
	var dropped string
	require.NoError(t, db.Admin.QueryRow("SELECT dropped FROM reminder_notices").Scan(&dropped))
	assert.Equal(t, "bad_address", dropped, "it does not count as a reminder, and is told when the address is mended")
}

func TestState(t *testing.T) {
	store, db, _ := open(t)
	until := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for range 2 {
		require.NoError(t, store.SetPause(t.Context(), reminder.Pause{Kind: reminder.PauseByPerson, Reason: "ujian"}))
		require.NoError(t, store.SetPause(t.Context(), reminder.Pause{Kind: "quota", Reason: "550 5.4.5", Until: until,
			Fingerprint: "f"}))
	}
	found, err := store.Records(t.Context(), until)
	require.NoError(t, err)
	assert.Equal(t, []reminder.Pause{{Kind: "quota", Reason: "550 5.4.5", Until: until, Fingerprint: "f"},
		{Kind: reminder.PauseByPerson, Reason: "ujian"}}, found.Pauses)
	require.NoError(t, store.LiftPause(t.Context(), false))
	found, err = store.Records(t.Context(), until)
	require.NoError(t, err)
	assert.Len(t, found.Pauses, 1)
	assert.Zero(t, found.PruneDue)
	require.NoError(t, store.SetPruneDue(t.Context(), until))
	found, err = store.Records(t.Context(), until)
	require.NoError(t, err)
	assert.Equal(t, until, found.PruneDue)

	db.Exec(t, "INSERT INTO reminder_closed_days VALUES ('2026-12-30', '2027-01-02', 'Libur'), ('2026-01-01', '2026-01-01', 'lama'), ('2026-12-25', '9999-12-31', 'salah ketik')")
	calendars, err := store.Calendars(t.Context(), day("2026-12-31"))
	require.NoError(t, err)
	closed := calendars[""].Dates
	assert.Equal(t, "Libur", closed[day("2027-01-02")])
	assert.NotContains(t, closed, day("2026-01-01"))
	assert.LessOrEqual(t, len(closed), 370, "a typing error does not close the library for ever")

	db.Exec(t, "INSERT INTO reminder_opt_outs (borrower_id, since) VALUES ('A1', UTC_TIMESTAMP())")
	out, err := store.OptedOut(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"A1": true}, out, "ids keep their case")
}

func TestFaultsNameTheRemedy(t *testing.T) {
	store, db, user := open(t)
	check := func(store *mysql.Store, temporary bool, id, en string) {
		t.Helper()
		err := store.Check(t.Context())
		require.Error(t, err)
		assert.Equal(t, temporary, reminder.IsTemporary(err), "%v", err)
		assert.Contains(t, text.In("id").Error(err), id)
		assert.Contains(t, text.In("en").Error(err), en)
		assert.NotContains(t, err.Error(), user.Passwd)
	}
	with := func(change func(*driver.Config)) *mysql.Store {
		cfg := user.Clone()
		change(cfg)
		return connect(t, cfg, 1)
	}
	check(with(func(c *driver.Config) { c.Passwd = "wrong" }), false, "DB_PASSWORD", "DB_PASSWORD")
	check(with(func(c *driver.Config) { c.DBName = "nowhere" }), false, "DB_DATABASE", "DB_DATABASE")
	check(with(func(c *driver.Config) { c.Addr = "127.0.0.1:1" }), true, "sedang berjalan", "cannot be reached")

	db.Exec(t, "UPDATE reminder_migrations SET version_id = 99 WHERE version_id = ?", mysql.SchemaVersion)
	check(store, false, "Perbarui program", "Update this program")
	db.Exec(t, "DELETE FROM reminder_migrations WHERE version_id = 99")
	check(store, false, "pengingat migrate", "pengingat migrate")
	db.Exec(t, "INSERT INTO reminder_migrations (version_id, is_applied) VALUES (?, 1)", mysql.SchemaVersion)
	require.NoError(t, store.Check(t.Context()))

	db.Exec(t, "ALTER TABLE buku RENAME COLUMN judul TO nama_buku")
	check(store, false, "--source", "--source")
	db.Exec(t, "ALTER TABLE buku RENAME COLUMN nama_buku TO judul")
	require.NoError(t, store.Check(t.Context()))
	stranger := db.User(t, "GRANT SELECT ON perpustakaan.reminder_migrations TO 'pengingat'@'localhost';")
	check(connect(t, stranger, 1), false, "grants.sql", "grants.sql")
	db.Exec(t, "DROP VIEW reminder_loans")
	check(store, false, "--source", "--source")
	db.Exec(t, "DROP TABLE reminder_migrations")
	check(store, false, "pengingat migrate", "pengingat migrate")
}

func TestMigrateAgain(t *testing.T) {
	db := mysqltest.New(t)
	db.School(t)
	applied, err := schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	assert.Len(t, applied, mysql.SchemaVersion)
	applied, err = schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	assert.Empty(t, applied)

	// Interrupted after the tables were created and before that was recorded.
	db.Exec(t, "DELETE FROM reminder_migrations WHERE version_id > 0")
	applied, err = schema.Up(t.Context(), db.Admin)
	require.NoError(t, err)
	assert.Len(t, applied, mysql.SchemaVersion)
	for range 2 {
		require.NoError(t, schema.CreateView(t.Context(), db.Admin, "perpustakaan"))
	}
	require.ErrorContains(t, schema.CreateView(t.Context(), db.Admin, "nowhere"), "perpustakaan",
		"the error names what there is")
}

// TestCanceled: a canceled context is returned as context.Canceled and not as a Fault.
func TestCanceled(t *testing.T) {
	store, _, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := store.Claim(ctx, reminder.Wanted{Most: 1, Lease: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
}

// TestFarFromTheDailyLimit: if the daily limit is far, a claim has the same statements as without a limit.
func TestFarFromTheDailyLimit(t *testing.T) {
	_, db, user := open(t)
	w := newWire(db, user)
	store := connect(t, w.cfg, 2)
	var batch []reminder.Email
	for i := range 40 {
		batch = append(batch, reminder.Email{Kind: reminder.KindLoan, Borrower: fmt.Sprint(i), Notices: []reminder.Notice{
			{Cycle: reminder.Cycle{Kind: reminder.KindLoan, Loan: fmt.Sprint(i), Due: day("2026-11-24")}}}})
	}
	promise(t, store, batch)
	statements := func(n, limit int) int {
		before := w.passed
		claims, full, err := store.Claim(t.Context(), reminder.Wanted{Most: n, Lease: time.Hour, DailyLimit: limit})
		require.NoError(t, err)
		require.Equal(t, []any{n, false}, []any{len(claims), full})
		return w.passed - before
	}
	bare := statements(2, 0)
	near := statements(2, 20)
	assert.Greater(t, near, bare)
	assert.Equal(t, near, statements(2, 20), "a sixteenth of what is left is less than a claim")
	assert.Equal(t, near, statements(2, 1_000_000))
	assert.Equal(t, bare, statements(2, 1_000_000))
}
