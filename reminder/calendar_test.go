package reminder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// day reads a date; a test's dates are constants.
func day(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestDate(t *testing.T) {
	assert.Equal(t, day("2028-03-01"), day("2028-02-29").AddDays(1), "leap day")
	assert.Equal(t, day("2027-02-28"), day("2027-03-01").AddDays(-1))
	assert.Equal(t, day("2026-12-31"), day("2027-01-01").AddDays(-1))
	assert.Equal(t, 366, day("2029-01-01").Sub(day("2028-01-01")))
	assert.Equal(t, -1, day("2026-11-23").Sub(day("2026-11-24")))
	assert.Equal(t, time.Sunday, day("2026-11-29").Weekday())
	for _, bad := range []string{"", "2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01 00:00:00",
		"0000-00-00"} {
		_, err := ParseDate(bad)
		assert.Error(t, err, bad)
	}
	text, err := day("2026-11-23").MarshalText()
	require.NoError(t, err)
	var d Date
	require.NoError(t, d.UnmarshalText(text))
	assert.Equal(t, day("2026-11-23"), d)
	text, err = Date{}.MarshalText()
	require.NoError(t, err)
	assert.Empty(t, text)
	require.NoError(t, d.UnmarshalText(text))
	assert.True(t, d.IsZero())
}

// The library's day begins at its own midnight, wherever the server's clock lives.
func TestDateOfAndWindowInJakarta(t *testing.T) {
	jakarta, err := time.LoadLocation("Asia/Jakarta")
	require.NoError(t, err)
	window, err := ParseWindow("07:00-20:00")
	require.NoError(t, err)
	for _, tt := range []struct {
		utc  string // what the server's clock says
		want string
		left time.Duration
	}{
		{"2026-11-23T16:59:59Z", "2026-11-23", 0},                 // 23:59:59
		{"2026-11-23T17:00:00Z", "2026-11-24", 0},                 // 00:00
		{"2026-11-23T23:59:59Z", "2026-11-24", 0},                 // 06:59:59
		{"2026-11-24T00:00:00Z", "2026-11-24", 13 * time.Hour},    // 07:00
		{"2026-11-24T12:59:59Z", "2026-11-24", time.Second},       // 19:59:59
		{"2026-11-24T13:00:00Z", "2026-11-24", 0},                 // 20:00
		{"2026-12-31T17:00:00Z", "2027-01-01", 0},                 // new year
		{"2026-11-24T00:30:00Z", "2026-11-24", 750 * time.Minute}, // 07:30
	} {
		now, err := time.Parse(time.RFC3339, tt.utc)
		require.NoError(t, err)
		assert.Equal(t, day(tt.want), DateOf(now, jakarta), tt.utc)
		assert.Equal(t, tt.left, window.Left(now, jakarta), tt.utc)
	}
}

func TestParseWindow(t *testing.T) {
	always, err := ParseWindow("00:00-24:00")
	require.NoError(t, err)
	assert.Positive(t, always.Left(time.Date(2026, 11, 24, 23, 59, 59, 0, time.UTC), time.UTC))
	assert.Equal(t, "00:00-24:00", always.String())
	halves, err := ParseWindow("07:30-20:15")
	require.NoError(t, err)
	assert.Equal(t, "07:30-20:15", halves.String())
	assert.Zero(t, halves.Left(time.Date(2026, 11, 24, 7, 29, 59, 0, time.UTC), time.UTC))
	assert.Equal(t, 45*time.Minute, halves.Left(time.Date(2026, 11, 24, 19, 30, 0, 0, time.UTC), time.UTC))
	for _, bad := range []string{"", "07:00", "x-20:00", "07:00-x", "20:00-07:00", "07:00-07:00", "7-20", "07:00-25:00",
		"07:00–20:00", "a-b", "24:00-24:00"} {
		_, err := ParseWindow(bad)
		assert.Error(t, err, bad)
	}
}

func TestParseWeekdays(t *testing.T) {
	days, err := ParseWeekdays(" Minggu,, friday,minggu ,")
	require.NoError(t, err)
	assert.Equal(t, []time.Weekday{time.Sunday, time.Friday}, days)
	none, err := ParseWeekdays("")
	require.NoError(t, err)
	assert.Empty(t, none)
	for _, bad := range []string{"holiday", "0", "sun,mon,tue,wed,thu,fri,sat"} {
		_, err := ParseWeekdays(bad)
		assert.Error(t, err, bad)
	}
}

func TestCalendarOffset(t *testing.T) {
	// 2026-11-29 is a Sunday; the school holiday is from Monday 2026-12-21 to Saturday 2027-01-02.
	c := Calendar{Weekdays: []time.Weekday{time.Sunday}, Dates: map[Date]string{}}
	for d := day("2026-12-21"); !d.After(day("2027-01-02")); d = d.AddDays(1) {
		c.Dates[d] = "Libur semester"
	}
	for _, tt := range []struct {
		due, today string
		offset     int
		returnBy   string
	}{
		{"2026-11-29", "2026-11-28", -1, "2026-11-30"},
		{"2026-11-29", "2026-11-29", 0, "2026-11-30"},
		{"2026-11-29", "2026-11-30", 0, "2026-11-30"}, // the first day on which it can be returned
		{"2026-11-29", "2026-12-01", 1, "2026-11-30"},
		{"2026-11-27", "2026-11-30", 3, "2026-11-27"}, // was late before the closed day, and stays so
		{"2026-12-22", "2026-12-31", 0, "2027-01-04"},
		{"2026-12-22", "2027-01-04", 0, "2027-01-04"}, // Sunday 2027-01-03 follows the holiday
		{"2026-12-22", "2027-01-05", 1, "2027-01-04"},
		{"2026-12-19", "2027-01-04", 16, "2026-12-19"},
	} {
		assert.Equal(t, tt.offset, c.Offset(day(tt.due), day(tt.today)), "%s seen on %s", tt.due, tt.today)
		assert.Equal(t, day(tt.returnBy), c.NextOpen(day(tt.due)), tt.due)
	}
	name, closed := c.Closed(day("2026-12-24"))
	assert.True(t, closed)
	assert.Equal(t, "Libur semester", name)

	never := Calendar{Weekdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}
	assert.Equal(t, day("2026-11-29"), never.NextOpen(day("2026-11-29")), "a calendar without an open day must not hang")
}

func TestWindowNext(t *testing.T) {
	zone := time.FixedZone("WIB", 7*60*60)
	window := Window{From: 7 * time.Hour, To: 20 * time.Hour}
	calendar := Calendar{Weekdays: []time.Weekday{time.Sunday}, Dates: map[Date]string{{2026, 11, 30}: "ujian"}}
	for now, want := range map[string]string{
		"2026-11-27 06:59": "2026-11-27 07:00..2026-11-27 20:00", // Friday
		"2026-11-27 07:00": "2026-11-27 07:00..2026-11-27 20:00",
		"2026-11-27 19:59": "2026-11-27 19:59..2026-11-27 20:00",
		"2026-11-27 20:00": "2026-11-28 07:00..2026-11-28 20:00",
		"2026-11-28 23:00": "2026-12-01 07:00..2026-12-01 20:00", // over the Sunday and the closed Monday
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", now, zone)
		require.NoError(t, err)
		from, to := window.Next(at, calendar, zone)
		assert.Equal(t, want, from.Format("2006-01-02 15:04")+".."+to.Format("2006-01-02 15:04"), now)
		assert.Positive(t, window.Left(from, zone), "the window is open then")
	}
	_, to := Window{To: 24 * time.Hour}.Next(time.Date(2026, 11, 27, 23, 0, 0, 0, zone), Calendar{}, zone)
	assert.Equal(t, "2026-11-28 00:00", to.Format("2006-01-02 15:04"))
	never := Calendar{Dates: map[Date]string{}}
	for d := (Date{2026, 11, 1}); d.Before(Date{2028, 11, 1}); d = d.AddDays(1) {
		never.Dates[d] = ""
	}
	from, _ := window.Next(time.Date(2026, 11, 27, 8, 0, 0, 0, zone), never, zone)
	assert.True(t, from.IsZero())
}
