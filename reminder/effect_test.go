package reminder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

func TestEffects(t *testing.T) {
	schedule := func(text string) reminder.Schedule {
		s, err := reminder.ParseSchedule(text)
		require.NoError(t, err)
		return s
	}
	holiday := reminder.Calendar{Dates: map[reminder.Date]string{day("2026-11-24"): "", day("2026-11-25"): ""}}
	for _, tt := range []struct {
		name     string
		schedule string
		calendar reminder.Calendar
		asOf     string
		told     []deskdb.ToldCount
		want     []desk.Effect
	}{
		{"nothing", "-1,0", reminder.Calendar{}, "2026-11-24", nil, []desk.Effect{}},
		{"the next step's day has not come", "-1,0,1,3,7,+7", reminder.Calendar{}, "2026-11-26",
			[]deskdb.ToldCount{{Due: day("2026-11-24"), Step: 1, Count: 5}}, []desk.Effect{{Step: 1, Within: 2, Unknown: 5}}},
		{"it has", "-1,0,1,3,7,+7", reminder.Calendar{}, "2026-11-27",
			[]deskdb.ToldCount{{Due: day("2026-11-24"), Step: 1, Count: 5, Again: 2}},
			[]desk.Effect{{Step: 1, Within: 2, Back: 3, Again: 2}}},
		{"it has, but the library was closed", "-1,0,1,3,7,+7", holiday, "2026-11-27",
			[]deskdb.ToldCount{{Due: day("2026-11-24"), Step: 1, Count: 5}}, []desk.Effect{{Step: 1, Within: 2, Unknown: 5}}},
		{"repeats, and several due dates", "0,7,+7", reminder.Calendar{}, "2026-11-24", []deskdb.ToldCount{
			{Due: day("2026-11-10"), Step: 7, Count: 2}, {Due: day("2026-11-03"), Step: 14, Count: 3, Again: 1},
			{Due: day("2026-11-11"), Step: 7, Count: 4},
		}, []desk.Effect{{Step: 7, Within: 7, Back: 2, Unknown: 4}, {Step: 14, Within: 7, Back: 2, Again: 1}}},
		{"the last step", "0,3", reminder.Calendar{}, "2026-12-24",
			[]deskdb.ToldCount{{Due: day("2026-11-24"), Step: 3, Count: 5}}, []desk.Effect{{Step: 3, Unknown: 5}}},
		{"the last one before it is too late", "0,7,+7", reminder.Calendar{}, "2026-12-24",
			[]deskdb.ToldCount{{Due: day("2026-10-01"), Step: 56, Count: 5}},
			[]desk.Effect{{Step: 56, Within: 7, Unknown: 5}}},
		{"a step of a former schedule", "0,7", reminder.Calendar{}, "2026-12-24",
			[]deskdb.ToldCount{{Due: day("2026-11-24"), Step: 3, Count: 5, Again: 1}},
			[]desk.Effect{{Step: 3, Within: 4, Back: 4, Again: 1}}},
	} {
		rules := reminder.Rules{Schedule: schedule(tt.schedule), Calendar: tt.calendar, MaxOverdueDays: 60}
		assert.Equal(t, tt.want, desk.Effects(rules, tt.told, day(tt.asOf)), tt.name)
	}
}

// TestLookBack counts the records that some days of a library have left.
func TestLookBack(t *testing.T) {
	lib := newLibrary(t)
	srv := mailtest.NewServer(t, mailtest.Options{})
	app := lib.app(t, srv, map[string]string{"REMINDER_SUMMARY_TO": librarian})
	zone := app.Runner.Settings.Zone
	var loans []int64
	for range 4 {
		loans = append(loans, lib.AddLoan(t, mysqltest.Loan{Due: "2026-11-25"}))
	}
	back := func(i int) {
		lib.Exec(t, "UPDATE peminjaman SET tanggal_pengembalian = '2026-11-25 10:00:00' WHERE id = ?", loans[i])
	}
	seen := 0
	for _, d := range []struct {
		day   string
		event func()
	}{{"2026-11-24", nil}, {"2026-11-25", func() { back(0) }}, {"2026-11-26", func() { back(1) }}, {"2026-11-27", nil}} {
		if d.event != nil {
			d.event()
		}
		lib.at(t, d.day+" 08:00")
		_, err := app.Runner.Run(t.Context(), reminder.Options{})
		require.NoError(t, err)
		// Hand-overs have the database's clock, which a test cannot set.
		lib.Exec(t, "UPDATE reminder_emails SET handover_at = ? WHERE id > ?", lib.now.UTC().Format(time.DateTime), seen)
		seen = lib.count(t, "SELECT MAX(id) FROM reminder_emails")
	}
	rules, err := app.Runner.Rules(t.Context(), day("2026-11-27"))
	require.NoError(t, err)

	sent, err := deskdb.New(app.Store).Sent(t.Context(), day("2026-11-24"), day("2026-11-27"), zone)
	require.NoError(t, err)
	assert.Equal(t, map[reminder.Date]map[reminder.Priority]int{
		day("2026-11-24"): {reminder.BeforeDue: 4}, day("2026-11-25"): {reminder.DueToday: 3},
		day("2026-11-26"): {reminder.FirstLate: 2},
	}, sent, "summaries are not counted")
	told, err := deskdb.New(app.Store).ToldCounts(t.Context(), day("2026-11-24"), day("2026-11-27"), zone)
	require.NoError(t, err)
	assert.Equal(t, []desk.Effect{
		{Step: -1, Within: 1, Back: 1, Again: 3}, {Step: 0, Within: 1, Back: 1, Again: 2}, {Step: 1, Within: 2, Unknown: 2},
	}, desk.Effects(rules, told, day("2026-11-27")))
	lib.Exec(t, "UPDATE reminder_notices SET dropped = 'returned' WHERE step = 1")
	told, err = deskdb.New(app.Store).ToldCounts(t.Context(), day("2026-11-25"), day("2026-11-25"), zone)
	require.NoError(t, err)
	assert.Equal(t, []deskdb.ToldCount{{Due: day("2026-11-25"), Step: 0, Count: 3}}, told,
		"what was back before it was sent needed no other")

	reports, err := deskdb.New(app.Store).Reports(t.Context(), day("2026-11-25"), day("2026-11-27"), zone)
	require.NoError(t, err)
	require.Len(t, reports, 3)
	assert.Equal(t, 3, reports[day("2026-11-25")].Loans.InReach)
	lib.at(t, "2026-11-27 21:00")
	_, err = app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	reports, err = deskdb.New(app.Store).Reports(t.Context(), day("2026-11-25"), day("2026-11-27"), zone)
	require.NoError(t, err)
	assert.Equal(t, 2, reports[day("2026-11-27")].Loans.InReach, "a run outside the window has not looked")

	// A civil day begins at the library's midnight, whatever its zone and the clocks do.
	for name, utc := range map[string]string{"Asia/Jakarta": "2026-11-23 17:00:00",
		"Asia/Kathmandu":   "2026-11-23 18:15:00",
		"America/New_York": "2026-11-24 05:00:00", "Pacific/Chatham": "2026-11-23 10:15:00"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		lib.Exec(t, "UPDATE reminder_emails SET handover_at = ?", utc)
		for d, want := range map[string]int{"2026-11-23": 0, "2026-11-24": 9} {
			sent, err := deskdb.New(app.Store).Sent(t.Context(), day(d), day(d), zone)
			require.NoError(t, err)
			n := 0
			for _, count := range sent[day(d)] {
				n += count
			}
			assert.Equal(t, want, n, "%s %s", name, d)
		}
		lib.Exec(t, "UPDATE reminder_emails SET handover_at = DATE_SUB(handover_at, INTERVAL 1 MICROSECOND)")
		sent, err := deskdb.New(app.Store).Sent(t.Context(), day("2026-11-23"), day("2026-11-24"), zone)
		require.NoError(t, err)
		assert.Contains(t, sent, day("2026-11-23"), name)
		assert.NotContains(t, sent, day("2026-11-24"), name)
	}
}
