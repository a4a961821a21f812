package feedback

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	e := Handed{ID: 9, Kind: reminder.KindLoan, Borrower: "7"}
	earlier := func(class mail.ReturnClass, days ...int) (list []Verdict) {
		for i, d := range days {
			list = append(list, Verdict{Email: Handed{ID: int64(i)}, Class: class, At: now.AddDate(0, 0, -d)})
		}
		return list
	}
	for _, tt := range []struct {
		class   mail.ReturnClass
		earlier []Verdict
		bad     bool
	}{
		{mail.ReturnNoAddress, nil, true},
		{mail.ReturnDisabled, nil, false},
		{mail.ReturnDisabled, earlier(mail.ReturnDisabled, 1), true},
		{mail.ReturnDisabled, earlier(mail.ReturnFull, 1), false},
		{mail.ReturnDisabled, []Verdict{{Email: e, Class: mail.ReturnDisabled, At: now}}, false}, // the same email once more
		{mail.ReturnFull, earlier(mail.ReturnFull, 1), false},
		{mail.ReturnFull, earlier(mail.ReturnFull, 1, 2, 3), false},
		{mail.ReturnFull, earlier(mail.ReturnFull, 15), false},
		{mail.ReturnFull, earlier(mail.ReturnFull, 15, 7), true},
		{mail.ReturnRouting, earlier(mail.ReturnRouting, 30, 20, 10, 1), false},
		{mail.ReturnPolicy, earlier(mail.ReturnPolicy, 30, 20, 10, 1), false},
		{mail.ReturnUnclear, earlier(mail.ReturnUnclear, 30, 20, 10, 1), false},
	} {
		assert.Equal(t, tt.bad, Judge(e, Failure{Class: tt.class}, now, tt.earlier).Bad, "%s after %d", tt.class,
			len(tt.earlier))
	}
	summary := e
	summary.Kind = reminder.KindSummary
	assert.False(t, Judge(summary, Failure{Class: mail.ReturnNoAddress}, now, nil).Bad,
		"the librarian's address is nobody's loan")
}

func TestTooMany(t *testing.T) {
	for _, tt := range []struct {
		accepted, bounced int
		want              bool
	}{{2, 2, false}, {10, 2, false}, {10, 3, true}, {15, 3, false}, {14, 3, true}, {1000, 200, false}, {1000, 201, true}} {
		assert.Equal(t, tt.want, TooMany(tt.accepted, tt.bounced), "%+v", tt)
	}
}

// TestDecide: a missing copy proves something only if the source has copies of other mails from that time.
func TestDecide(t *testing.T) {
	const wait = 15 * time.Minute
	e := Handed{ID: 1, Age: time.Hour}
	b, b2, a := Handed{ID: 2, Age: 2 * time.Hour}, Handed{ID: 3, Age: 3 * time.Hour}, Handed{ID: 4, Age: 30 * time.Minute}
	for _, tt := range []struct {
		name          string
		age           time.Duration
		there         []int64
		before, after []Handed
		want          Settlement
	}{
		{"found", time.Minute, []int64{1}, nil, nil, Sent},
		{"young", time.Minute, []int64{2}, []Handed{b}, nil, Leave},
		{"one before it is there", time.Hour, []int64{2}, []Handed{b, b2}, []Handed{a}, Again},
		{"none before it is there: somebody cleared the mailbox", time.Hour, []int64{4}, []Handed{b, b2}, []Handed{a},
			Resend},
		{"the first of all", time.Hour, []int64{4}, nil, []Handed{a}, Again},
		{"the one after it is young", time.Hour, []int64{5}, nil, []Handed{{ID: 5, Age: time.Minute}}, Resend},
		{"no copy of any", time.Hour, nil, []Handed{b}, []Handed{a}, Resend},
		{"nothing else was sent", time.Hour, nil, nil, nil, Resend},
	} {
		there := map[int64]bool{}
		for _, id := range tt.there {
			there[id] = true
		}
		e.Age = tt.age
		assert.Equal(t, tt.want, decide(e, there, tt.before, tt.after, wait), tt.name)
	}
}
