package reminder_test

import (
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestModel performs random operations on the real store and on a model of it, and compares them: operations of runs
// that finish, die and overlap, and changes in the library. If they differ, rapid prints the shortest sequence that
// shows it, and the flag that repeats it.
func TestModel(t *testing.T) {
	// The store is under test here and not its goroutines, and with the race detector each operation costs ten times
	// as much.
	setRapid(t, "rapid.checks", 200, 20) // times about 150 operations
	setRapid(t, "rapid.steps", 150, 150)
	lib := newLibrary(t)
	app := lib.app(t, nil, map[string]string{"MAIL_MAILER": "file"})
	operations := 0
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt, lib, app.Store)
		actions := map[string]func(*rapid.T){
			"lend": m.lend, "renew": m.renew, "return": m.giveBack, "book it back": m.bookBack,
			"move": m.move, "opt out or in": m.optOut, "close a day": m.closeDay, "next day": m.nextDay,
			"plan": m.plan, "claim": m.claim, "hand over": m.handOver, "record": m.record, "die": m.die,
			"leases end": m.leasesEnd, "sweep": m.sweep,
		}
		for name, action := range actions {
			actions[name] = func(rt *rapid.T) { operations++; m.rt = rt; action(rt) }
		}
		rt.Repeat(actions)
		m.rt = rt
		m.converge(rt)
	})
	t.Log("operations:", operations)
}

// setByHand has the flags that are set on the command line.
var setByHand = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return set
})

// setRapid sets one of rapid's flags, unless it is set on the command line.
func setRapid(t *testing.T, name string, value, withRaceDetector int) {
	if !mysqltest.InFull(t, 1, 2) {
		value = withRaceDetector
	}
	if !setByHand()[name] {
		require.NoError(t, flag.Set(name, strconv.Itoa(value)))
	}
}

// A model is the expected content of the records, in the simplest form.
type model struct {
	rt    *rapid.T
	t     *testing.T
	lib   *library
	store *mysql.Store
	db    *sql.DB

	today  reminder.Date
	loans  map[string]mLoan
	quiet  map[string]bool // borrowers who opted out
	closed map[reminder.Date]string
	emails map[int64]*mEmail
	past   map[reminder.Cycle][]*mPast
	told   map[mTold]int64 // the email that a server took
	gone   map[string]mLoan
	flight []*flight
	nextID int
}

type mLoan struct {
	borrower string
	due      reminder.Date
}

// A mPast is a promised notice.
type mPast struct {
	step     int
	borrower string
	email    *mEmail
	void     bool // see reminder.Voids
	aside    bool // the loan has moved, and the step was promised to another borrower
}

// A mTold is a step that must not be sent twice to a borrower.
type mTold struct {
	borrower string
	cycle    reminder.Cycle
	step     int
}

type mEmail struct {
	state    reminder.State
	token    string
	live     bool // its lease has not ended
	unknowns int
	crashes  int
	notices  map[reminder.Notice]bool
	accepted []string // Message-IDs under which a server took it
}

// A flight is an email that a run has claimed.
type flight struct {
	claim reminder.Claim
	email *mEmail
	token string
	mark  bool // the hand-over mark was set by this claim

	dropped []reminder.Dropped // by its recheck
}

const mBorrowers = 3

var mSteps = []int{-1, 0, 2, 5, 8, 11, 14} // the steps of the schedule -1,0,2,5,+3 in the days of a model

func newModel(t *testing.T, rt *rapid.T, lib *library, store *mysql.Store) *model {
	m := &model{rt: rt, t: t, lib: lib, store: store, db: lib.Admin, today: day("2026-11-24"), loans: map[string]mLoan{},
		quiet:  map[string]bool{},
		closed: map[reminder.Date]string{}, emails: map[int64]*mEmail{}, past: map[reminder.Cycle][]*mPast{},
		told: map[mTold]int64{}, gone: map[string]mLoan{}, nextID: 1}
	for _, table := range []string{"reminder_emails", "reminder_notices", "reminder_opt_outs", "reminder_closed_days",
		"peminjaman"} {
		m.exec("DELETE FROM " + table)
	}
	m.exec("INSERT IGNORE INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi) VALUES (1, 'B', 'J', '', '', '', '')")
	for b := 1; b <= mBorrowers; b++ {
		m.exec("INSERT IGNORE INTO users (id, nama, email, password, level) VALUES (?, 'N', ?, '', 'siswa')", b,
			fmt.Sprintf("b%d@example.org", b))
	}
	return m
}

func (m *model) exec(query string, args ...any) {
	_, err := m.db.Exec(query, args...)
	require.NoError(m.rt, err, query)
}

func (m *model) rules() reminder.Rules {
	s, err := reminder.ParseSchedule("-1,0,2,5,+3")
	require.NoError(m.rt, err)
	calendars, err := m.store.Calendars(m.t.Context(), m.today.AddDays(-60))
	require.NoError(m.rt, err)
	out, err := m.store.OptedOut(m.t.Context())
	require.NoError(m.rt, err)
	return reminder.Rules{Schedule: s, Calendar: calendars[""], MaxOverdueDays: 60, OptedOut: out}
}

// inForce returns the step in force today for a loan due on a day.
func (m *model) inForce(due reminder.Date) (int, bool) {
	returnBy := due
	for m.closed[returnBy] != "" {
		returnBy = returnBy.AddDays(1)
	}
	offset := m.today.Sub(due)
	if offset >= 0 {
		offset = max(0, m.today.Sub(returnBy))
	}
	i := slices.IndexFunc(mSteps, func(step int) bool { return step > offset })
	if i < 0 {
		i = len(mSteps)
	}
	return mSteps[max(0, i-1)], i > 0
}

func (m *model) pick(rt *rapid.T) string {
	if len(m.loans) == 0 {
		rt.Skip()
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.loans))).Draw(rt, "loan")
}

func (m *model) dueDate(rt *rapid.T) reminder.Date {
	return m.today.AddDays(rapid.IntRange(-9, 2).Draw(rt, "due"))
}

func (m *model) lend(rt *rapid.T) {
	if len(m.loans) >= 8 {
		rt.Skip()
	}
	l := mLoan{strconv.Itoa(rapid.IntRange(1, mBorrowers).Draw(rt, "borrower")), m.dueDate(rt)}
	id := strconv.Itoa(m.nextID)
	m.nextID++
	m.loans[id] = l
	m.exec(`INSERT INTO peminjaman (id, user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status)
		VALUES (?, ?, 1, ?, '2026-11-01', ?, 'Dipinjam')`, id, l.borrower, id, l.due.String())
}

func (m *model) renew(rt *rapid.T) {
	id := m.pick(rt)
	l := m.loans[id]
	l.due = m.dueDate(rt)
	m.loans[id] = l
	m.exec("UPDATE peminjaman SET tanggal_kembali = ? WHERE id = ?", l.due.String(), id)
}

func (m *model) giveBack(rt *rapid.T) {
	id := m.pick(rt)
	m.gone[id] = m.loans[id]
	delete(m.loans, id)
	m.exec("UPDATE peminjaman SET status = 'Dikembalikan' WHERE id = ?", id)
}

// bookBack undoes a return that was booked by mistake.
func (m *model) bookBack(rt *rapid.T) {
	if len(m.gone) == 0 {
		rt.Skip()
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.gone))).Draw(rt, "loan")
	m.loans[id] = m.gone[id]
	delete(m.gone, id)
	m.exec("UPDATE peminjaman SET status = 'Dipinjam' WHERE id = ?", id)
}

// move books a loan on another borrower.
func (m *model) move(rt *rapid.T) {
	id := m.pick(rt)
	l := m.loans[id]
	l.borrower = strconv.Itoa(rapid.IntRange(1, mBorrowers).Draw(rt, "borrower"))
	m.loans[id] = l
	m.exec("UPDATE peminjaman SET user_id = ? WHERE id = ?", l.borrower, id)
}

func (m *model) optOut(rt *rapid.T) {
	b := strconv.Itoa(rapid.IntRange(1, mBorrowers).Draw(rt, "borrower"))
	if m.quiet[b] = !m.quiet[b]; m.quiet[b] {
		m.exec("INSERT INTO reminder_opt_outs (borrower_id, since) VALUES (?, UTC_TIMESTAMP())", b)
	} else {
		m.exec("DELETE FROM reminder_opt_outs WHERE borrower_id = ?", b)
	}
}

func (m *model) closeDay(rt *rapid.T) {
	d := m.today.AddDays(rapid.IntRange(0, 3).Draw(rt, "day"))
	if m.closed[d] != "" || len(m.closed) > 5 {
		rt.Skip()
	}
	m.closed[d] = "libur"
	m.exec("INSERT INTO reminder_closed_days VALUES (?, ?, 'libur')", d.String(), d.String())
}

func (m *model) nextDay(*rapid.T) {
	if m.today.Sub(day("2026-11-24")) < 5 {
		m.today = m.today.AddDays(1)
	}
}

// plan performs scan, plan and promise of a run on a machine whose clock may be on another day.
func (m *model) plan(rt *rapid.T) {
	expected := map[string]map[reminder.Notice]bool{}
	for id, l := range m.loans {
		step, ok := m.inForce(l.due)
		cycle := reminder.Cycle{Kind: reminder.KindLoan, Loan: id, Due: l.due}
		if ok && !m.quiet[l.borrower] && !m.promised(cycle, l.borrower, step) {
			if expected[l.borrower] == nil {
				expected[l.borrower] = map[reminder.Notice]bool{}
			}
			expected[l.borrower][reminder.Notice{Cycle: cycle, Step: step}] = true
		}
	}
	rules := m.rules()
	plan := reminder.NewPlan(rules, m.today)
	first, last := rules.Reach(m.today)
	require.NoError(rt, m.store.Scan(m.t.Context(), first, last, func(loans []reminder.Loan) error {
		var ids []string
		for _, l := range loans {
			ids = append(ids, l.ID)
		}
		known, err := m.store.Promised(m.t.Context(), first, ids...)
		plan.Add(loans, known)
		return err
	}))
	var before int64
	require.NoError(rt, m.db.QueryRow("SELECT COALESCE(MAX(id), 0) FROM reminder_emails").Scan(&before))
	for range 2 { // the second time is an overlapping run
		_, err := m.store.Promise(m.t.Context(), "run", plan.Emails(nil))
		require.NoError(rt, err)
	}
	rows, err := m.db.Query(`SELECT e.id, e.borrower_id, n.kind, n.loan_id, n.due_date, n.step FROM reminder_emails e
		JOIN reminder_notices n ON n.email_id = e.id WHERE e.id > ?`, before)
	require.NoError(rt, err)
	defer rows.Close()
	got := map[string]map[reminder.Notice]bool{}
	for rows.Next() {
		var id int64
		var borrower string
		var due time.Time
		var n reminder.Notice
		require.NoError(rt, rows.Scan(&id, &borrower, &n.Kind, &n.Loan, &due, &n.Step))
		n.Due = reminder.DateOf(due, time.UTC)
		if got[borrower] == nil {
			got[borrower] = map[reminder.Notice]bool{}
			m.emails[id] = &mEmail{state: reminder.StateQueued, notices: got[borrower]}
		}
		got[borrower][n] = true
		m.past[n.Cycle] = slices.DeleteFunc(m.past[n.Cycle], func(p *mPast) bool { return p.step == n.Step && p.void })
		for _, p := range m.past[n.Cycle] {
			p.aside = p.aside || p.step == n.Step
		}
		m.past[n.Cycle] = append(m.past[n.Cycle], &mPast{step: n.Step, borrower: borrower, email: m.emails[id]})
	}
	require.NoError(rt, rows.Err())
	require.Equal(rt, expected, got, "one email a borrower, with exactly what is new")
}

// promised reports whether a step, or a newer one, was promised to a borrower, or may still be sent to another.
func (m *model) promised(c reminder.Cycle, borrower string, step int) bool {
	return slices.ContainsFunc(m.past[c], func(p *mPast) bool {
		waiting := slices.Contains([]reminder.State{reminder.StateQueued, reminder.StateClaimed, reminder.StateHandover},
			p.email.state)
		return !p.void && (p.borrower == borrower && p.step >= step || p.borrower != borrower && p.step == step && waiting &&
			!p.aside)
	})
}

// take accepts the mail of a claim like a server. No notice may be sent twice.
func (m *model) take(rt *rapid.T, c reminder.Claim, dropped []reminder.Dropped, messageID string) {
	m.emails[c.ID].accepted = append(m.emails[c.ID].accepted, messageID)
	for _, n := range c.Notices {
		if slices.ContainsFunc(dropped, func(d reminder.Dropped) bool { return d.Notice == n }) {
			continue
		}
		key := mTold{c.Borrower, n.Cycle, n.Step}
		if other, told := m.told[key]; told {
			require.Equal(rt, other, c.ID, "told twice: %v", key)
		}
		m.told[key] = c.ID
	}
}

func (m *model) in(states ...reminder.State) (n int) {
	for _, e := range m.emails {
		if slices.Contains(states, e.state) {
			n++
		}
	}
	return n
}

func (m *model) claim(rt *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(rt, "n")
	claims, _, err := m.store.Claim(m.t.Context(), reminder.Wanted{Most: n, Lease: time.Hour})
	require.NoError(rt, err)
	require.Len(rt, claims, min(n, m.in(reminder.StateQueued)))
	for _, c := range claims {
		e := m.emails[c.ID]
		require.Equal(rt, reminder.StateQueued, e.state)
		require.Equal(rt, e.unknowns, c.Unknowns)
		if e.unknowns > 0 && len(e.accepted) > 0 {
			require.Equal(rt, e.accepted[0], c.MessageID, "a copy keeps its Message-ID")
		}
		e.state, e.token, e.live = reminder.StateClaimed, c.Token, true
		m.flight = append(m.flight, &flight{claim: c, email: e, token: c.Token})
	}
}

func (m *model) pickFlight(rt *rapid.T) (*flight, int) {
	if len(m.flight) == 0 {
		rt.Skip()
	}
	i := rapid.IntRange(0, len(m.flight)-1).Draw(rt, "flight")
	return m.flight[i], i
}

// handOver performs recheck and hand-over. When the mark is set, the server may accept the email.
func (m *model) handOver(rt *rapid.T) {
	f, i := m.pickFlight(rt)
	if f.mark {
		rt.Skip()
	}
	lines := 0
	for _, n := range f.claim.Notices {
		l, open := m.loans[n.Loan]
		step, _ := m.inForce(l.due)
		if open && l.due == n.Due && l.borrower == f.claim.Borrower && !m.quiet[l.borrower] && step <= n.Step {
			lines++
		}
	}
	loans, err := m.store.Reread(m.t.Context(), f.claim.Loans())
	require.NoError(rt, err)
	letter, _, outcome := m.rules().Recheck(f.claim, loans, m.today)
	outcome = outcome.For(f.claim)
	require.Len(rt, letter.Items, lines)
	holds := f.email.token == f.token && f.email.state == reminder.StateClaimed // the run still holds the claim
	if lines == 0 {
		require.Equal(rt, f.email.unknowns > 0 && holds, outcome.State == reminder.StateUnknown && holds)
		m.settle(rt, f, i, outcome)
		return
	}
	id := f.claim.MessageID
	if id == "" {
		id = fmt.Sprintf("%s.%d", f.claim.Ref, f.claim.Attempts)
	}
	err = m.store.HandOver(m.t.Context(), f.claim, id, time.Unix(0, 0))
	if !holds || !f.email.live {
		require.ErrorIs(rt, err, reminder.ErrLost, "the email of a lost claim must not be sent")
		m.flight = slices.Delete(m.flight, i, i+1)
		return
	}
	require.NoError(rt, err)
	f.email.state, f.mark = reminder.StateHandover, true
	if rapid.Bool().Draw(rt, "accepted") {
		m.take(rt, f.claim, outcome.Dropped, id)
	}
	f.dropped = outcome.Dropped
}

// record records an outcome: the true one, or unknown.
func (m *model) record(rt *rapid.T) {
	f, i := m.pickFlight(rt)
	if !f.mark {
		rt.Skip()
	}
	o := reminder.Outcome{State: reminder.StateUnknown}
	if taken := len(f.email.accepted) > f.email.unknowns || len(f.email.accepted) > 0 && f.email.unknowns == 0; taken {
		if rapid.Bool().Draw(rt, "reply read") {
			o.State = reminder.StateSent
		}
	} else if rapid.Bool().Draw(rt, "refused") {
		o = rapid.SampledFrom([]reminder.Outcome{{State: reminder.StateRefused}, {State: reminder.StateFailed},
			{State: reminder.StateQueued}}).Draw(rt, "outcome")
	}
	o.Dropped = f.dropped
	m.settle(rt, f, i, o)
}

// settle records an outcome in the store and in the model.
func (m *model) settle(rt *rapid.T, f *flight, i int, o reminder.Outcome) {
	m.flight = slices.Delete(m.flight, i, i+1)
	e := f.email
	holds := e.token == f.token && (e.state == reminder.StateClaimed || e.state == reminder.StateHandover ||
		o.State == reminder.StateSent && (e.state == reminder.StateUnknown || e.state == reminder.StateQueued &&
			e.unknowns > f.claim.Unknowns))
	err := m.store.Record(m.t.Context(), f.claim, o)
	if !holds {
		require.ErrorIs(rt, err, reminder.ErrLost)
		return
	}
	require.NoError(rt, err)
	if e.state = o.State; o.State == reminder.StateUnknown {
		e.unknowns++
	}
	if f.claim.Unknowns > 0 {
		return
	}
	for c, past := range m.past {
		for _, p := range past {
			if p.email != e || p.aside {
				continue
			}
			i := slices.IndexFunc(o.Dropped, func(d reminder.Dropped) bool { return d.Cycle == c && d.Step == p.step })
			p.void = p.void || i >= 0 && o.Dropped[i].Reason != "superseded" || i < 0 && o.State == reminder.StateCanceled
		}
	}
}

func (m *model) die(rt *rapid.T) {
	_, i := m.pickFlight(rt)
	m.flight = slices.Delete(m.flight, i, i+1)
}

func (m *model) leasesEnd(*rapid.T) {
	m.exec("UPDATE reminder_emails SET lease_until = DATE_SUB(UTC_TIMESTAMP(6), INTERVAL 1 SECOND) WHERE lease_until IS NOT NULL")
	for _, e := range m.emails {
		e.live = false
	}
}

func (m *model) sweep(rt *rapid.T) {
	resend := rapid.Bool().Draw(rt, "resend")
	swept, err := m.store.Sweep(m.t.Context(), resend)
	require.NoError(rt, err)
	var want reminder.Swept
	for _, e := range m.emails {
		if e.state == reminder.StateHandover && !e.live {
			e.state = reminder.StateUnknown
			e.unknowns++
			want.Unknown++
		}
		if e.state == reminder.StateClaimed && !e.live {
			if e.crashes >= 10 {
				e.state = reminder.StateFailed
				if e.unknowns > 0 {
					e.state, e.unknowns = reminder.StateUnknown, 2
				}
				want.Failed++
			} else {
				e.state = reminder.StateQueued
				e.crashes++
			}
		}
		if resend && e.state == reminder.StateUnknown && e.unknowns == 1 {
			e.state = reminder.StateQueued
		}
	}
	require.Equal(rt, want, swept)
}

// converge performs runs without faults, and then compares the whole store with the model.
func (m *model) converge(rt *rapid.T) {
	m.flight = nil
	for range 4 {
		m.leasesEnd(rt)
		_, err := m.store.Sweep(m.t.Context(), true)
		require.NoError(rt, err)
		for {
			claims, _, err := m.store.Claim(m.t.Context(), reminder.Wanted{Most: 10, Lease: time.Hour})
			require.NoError(rt, err)
			if len(claims) == 0 {
				break
			}
			for _, c := range claims {
				loans, err := m.store.Reread(m.t.Context(), c.Loans())
				require.NoError(rt, err)
				_, _, o := m.rules().Recheck(c, loans, m.today)
				o = o.For(c)
				if o.State == "" {
					id := c.MessageID
					if id == "" {
						id = fmt.Sprintf("%s.%d", c.Ref, c.Attempts)
					}
					require.NoError(rt, m.store.HandOver(m.t.Context(), c, id, time.Unix(0, 0)))
					m.take(rt, c, o.Dropped, id)
					o.State = reminder.StateSent
				}
				require.NoError(rt, m.store.Record(m.t.Context(), c, o))
			}
		}
	}
	rows, err := m.db.Query("SELECT id, state FROM reminder_emails")
	require.NoError(rt, err)
	defer rows.Close()
	ended := 0
	for rows.Next() {
		var id int64
		var state string
		require.NoError(rt, rows.Scan(&id, &state))
		e := m.emails[id]
		ended++
		switch reminder.State(state) {
		case reminder.StateSent:
			require.NotEmpty(rt, e.accepted, "recorded sent, so a server took it")
		case reminder.StateQueued, reminder.StateClaimed, reminder.StateHandover:
			require.Fail(rt, "an email did not end", state)
		case reminder.StateRefused, reminder.StateCanceled, reminder.StateExpired, reminder.StateFailed:
			require.LessOrEqual(rt, len(e.accepted), 1)
		}
		require.LessOrEqual(rt, len(e.accepted), 2, "once, and once more at most")
		if len(e.accepted) == 2 {
			require.Equal(rt, e.accepted[0], e.accepted[1], "the copy can be recognised")
		}
	}
	require.NoError(rt, rows.Err())
	assert.Len(rt, m.emails, ended)
}
