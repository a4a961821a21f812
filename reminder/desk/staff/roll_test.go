package staff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/staffdb"
)

// spellings are names of classes as libraries write them, by the class that they mean.
var spellings = map[string][]string{
	"7A":    {"7A", "7a", " 7A ", "7A\u200b", "７Ａ", "7\u00adA", "\t7A\n"},
	"7 A":   {"7 A", "7  a", "7\u00a0A"},
	"VII I": {"VII I", "vii i", "Ⅶ Ⅰ"},
	"VIII":  {"VIII", "viii", "Ⅷ"},
	"É1":    {"É1", "é1", "E\u03011"},
	"8B":    {"8B", "8b"},
	"":      {"", " ", "\u200b"},
}

// TestNoListHoldsAnothersPupil makes up libraries with odd rows, and calls their rolls.
func TestNoListHoldsAnothersPupil(t *testing.T) {
	today := monday
	var names []string
	means := map[string]string{}
	for class, all := range spellings {
		for _, name := range all {
			names, means[name] = append(names, name), class
		}
	}
	slices.Sort(names)
	for seed := range 3000 {
		r := rand.New(rand.NewPCG(uint64(seed), 18))
		pick := func(from []string) string { return from[r.IntN(len(from))] }
		var w world
		for range r.IntN(5) {
			name := pick(names)
			if !slices.ContainsFunc(w.classes, func(c staffdb.Class) bool { return c.Name == name }) {
				w.classes = append(w.classes, staffdb.Class{Name: name, Email: pick([]string{"guru@x.example", "-", "a@x, b@x"})})
			}
		}
		groups := map[string]string{}
		for id := range 12 {
			borrower := fmt.Sprint("p", r.IntN(6))
			if groups[borrower] == "" || r.IntN(9) == 0 { // sometimes a borrower is in two classes
				groups[borrower] = pick(names)
			}
			w.loans = append(w.loans, reminder.Loan{ID: fmt.Sprint(id - r.IntN(9)/8), Due: today.AddDays(-r.IntN(9) + 2),
				Hold: pick([]string{"", "", "", "lost"}), Broken: pick([]string{"", "", "", "", "title"}),
				Borrower: reminder.Borrower{ID: borrower, Group: groups[borrower], Email: pick([]string{"a@x.example", ""})}})
		}
		roll := callRoll(w.loans, nil, reminder.Rules{}, today, w.classes)

		listed := map[string]int{}
		for class, late := range roll {
			for _, l := range late {
				listed[l.ID]++
				require.True(t, l.Days > 0 && l.Hold == "" && l.Broken == "", "%d: %+v", seed, l)
				if class == "" {
					continue
				}
				c := w.classes[slices.IndexFunc(w.classes, func(c staffdb.Class) bool { return c.Name == class })]
				require.Equal(t, "guru@x.example", c.Email, seed)
				for _, o := range w.loans { // all that the data says of this pupil
					if o.Borrower.ID == l.Borrower.ID && isLate(o, today) && means[o.Borrower.Group] != "" {
						require.Equal(t, means[class], means[o.Borrower.Group], "%d: %q on the list of %q", seed, o.Borrower.Group, class)
					}
				}
				for _, o := range w.classes {
					require.False(t, o.Name == l.Borrower.Group && o.Name != class, "%d: %q has a list of its own", seed, o.Name)
				}
			}
		}
		for _, l := range w.loans {
			if isLate(l, today) {
				require.Equal(t, 1, listed[l.ID], "%d: each late loan is on one list", seed)
			}
		}
	}
}

// TestNamed: a class's very name comes first, and a spelling that may mean two means none.
func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		classes []string
		name    string
		want    string
	}{
		{[]string{"7A", "7a"}, "7A", "7A"}, {[]string{"7A", "7a"}, "7a", "7a"}, {[]string{"7A", "7a"}, "７Ａ", ""},
		{[]string{"7A", "7B"}, " 7a", "7A"}, {[]string{"VII I"}, "VIII", ""}, {[]string{"7A"}, "", ""},
		{[]string{"\u200b"}, "", ""}, {[]string{"\u200b"}, "\u200b", ""}, {nil, "7A", ""},
	} {
		var classes []staffdb.Class
		for _, name := range tt.classes {
			classes = append(classes, staffdb.Class{Name: name})
		}
		got, found := NamedClass(classes, tt.name)
		assert.Equal(t, tt.want, got.Name, "%q", tt)
		assert.Equal(t, tt.want != "", found, "%q", tt)
	}
}

func isLate(l reminder.Loan, today reminder.Date) bool {
	return l.Due.Before(today) && l.Hold == "" && l.Broken == ""
}

// A world is what a roll is called from.
type world struct {
	classes []staffdb.Class
	loans   []reminder.Loan
}
