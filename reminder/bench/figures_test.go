//go:build bench

package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A figure is one quantity, measured several times.
type figure []float64

func (f figure) median() float64 {
	s := slices.Sorted(slices.Values(f))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (f figure) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"median": f.median(), "min": slices.Min(f), "max": slices.Max(f),
		"runs": []float64(f)})
}

// in prints a figure with so many decimals, and its spread if there is one.
func (f figure) in(decimals int) string {
	median, least, most := decimal(f.median(), decimals), decimal(slices.Min(f), decimals),
		decimal(slices.Max(f), decimals)
	if least == most {
		return median
	}
	return fmt.Sprintf("%s (%s–%s)", median, least, most)
}

// decimal prints a number with its thousands apart.
func decimal(n float64, decimals int) string {
	s := strconv.FormatFloat(n, 'f', decimals, 64)
	whole, _, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A table is what `make bench` prints.
type table struct {
	Title   string           `json:"title"`
	Note    string           `json:"note"`
	Columns []column         `json:"columns"`
	Rows    []map[string]any `json:"rows"` // by Column.Key: a figure, a number or a text
}

type column struct {
	Key      string `json:"key"`
	Head     string `json:"head"`
	Decimals int    `json:"-"`
}

// row returns the row in which the first columns have these values, and makes it if need be.
func (t *table) row(values ...any) map[string]any {
next:
	for _, row := range t.Rows {
		for i, v := range values {
			if row[t.Columns[i].Key] != v {
				continue next
			}
		}
		return row
	}
	row := map[string]any{}
	for i, v := range values {
		row[t.Columns[i].Key] = v
	}
	t.Rows = append(t.Rows, row)
	return row
}

// add adds one measurement to a figure of a row.
func add(row map[string]any, key string, value float64) {
	f, _ := row[key].(figure)
	row[key] = append(f, value)
}

func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.Title)
	heads, rules := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i], rules[i] = c.Head, "---:"
	}
	fmt.Fprintf(&b, "| %s |\n|%s|\n", strings.Join(heads, " | "), strings.Join(rules, "|"))
	for _, row := range t.Rows {
		cells := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			switch v := row[c.Key].(type) {
			case figure:
				cells[i] = v.in(c.Decimals)
			case int:
				cells[i] = decimal(float64(v), 0)
			case string:
				cells[i] = v
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	if t.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", t.Note)
	}
	return b.String()
}

// results are what a whole measurement found.
type results struct {
	Machine *machine          `json:"machine"`
	Runs    int               `json:"runs"`
	Message int               `json:"message_bytes"`
	Tables  map[string]*table `json:"tables"`
	order   []string
}

func (r *results) table(key, title, note string, columns ...column) *table {
	t := &table{Title: title, Note: note, Columns: columns}
	r.Tables[key] = t
	r.order = append(r.order, key)
	return t
}

// write writes bench.json and the same for people, bench.md. It is done also after a failure: what was measured until
// then took its time.
func (r *results) write(t *testing.T) {
	text, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("../../bin/bench.json", append(text, '\n'), 0o666))
	m := r.Machine
	var b strings.Builder
	fmt.Fprintf(&b, "%s UTC, commit %s, %s, %d × %s, database %s with innodb_flush_log_at_trx_commit=1. A durable write of 4 KB "+
		"(`fdatasync`) takes %s µs. One loan makes a message of %s bytes. Medians of %d measurements (smallest–largest).\n",
		m.Date, m.Version, m.Go, m.Processors, cmp.Or(m.Processor, "unknown processor"), m.Database, m.Fdatasync.in(0),
		decimal(float64(r.Message), 0), r.Runs)
	for _, key := range r.order {
		if len(r.Tables[key].Rows) > 0 {
			b.WriteString("\n" + r.Tables[key].markdown())
		}
	}
	require.NoError(t, os.WriteFile("../../bin/bench.md", []byte(b.String()), 0o666))
}
