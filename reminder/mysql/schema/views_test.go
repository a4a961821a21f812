package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEverySourceIsTheTwoViews(t *testing.T) {
	for _, source := range Sources() {
		for _, schema := range []Schema{nil, {"holiday": "", "library_weekly_closures": "", "return_claims.issue_id": ""}} {
			text, err := Text(source, schema)
			require.NoError(t, err)
			statements, err := Statements(text)
			require.NoError(t, err, source)
			assert.Len(t, statements, 2, source)
		}
		if table, columns := Index(source); source != Custom {
			assert.NotEmpty(t, table, source)
			assert.NotEmpty(t, columns, source)
		}
	}
	_, err := Text("evergreen", nil)
	assert.ErrorContains(t, err, "koha, perpustakaan, slims")
}

func TestColumnsOfTwoCollationsAreConverted(t *testing.T) {
	schema := Schema{"a.x": "utf8 utf8_unicode_ci", "b.y": "utf8mb4 utf8mb4_general_ci", "c.z": "utf8 utf8_unicode_ci",
		"d.n": ""}
	assert.Equal(t, "p.y = CONVERT(q.x USING utf8mb4) COLLATE utf8mb4_general_ci", schema.same("a.x", "q", "b.y", "p"))
	assert.Equal(t, "p.z = q.x", schema.same("a.x", "q", "c.z", "p"))
	assert.Equal(t, "p.n = q.x", schema.same("a.x", "q", "d.n", "p"), "a number is no text")
}

func TestOnlyTheViewsAreMade(t *testing.T) {
	const loans = "CREATE OR REPLACE VIEW reminder_loans AS SELECT 1 AS loan_id -- ; no end\n, ';' AS title;\n"
	statements, err := Statements("\ufeff-- mine\r\n" + strings.ReplaceAll(loans, "\n", "\r\n"))
	require.NoError(t, err)
	require.Len(t, statements, 2)
	assert.True(t, strings.HasSuffix(statements[0], "AS title"), statements[0])
	assert.Equal(t, NoClosedDays, statements[1])
	_, err = Statements("create algorithm=merge definer=`root`@`%` sql security definer view `reminder_loans` as select 1")
	require.NoError(t, err)

	for _, text := range []string{
		"", "-- nothing", loans + "DROP TABLE users;\n", "DROP TABLE users;\n" + loans,
		"CREATE VIEW reminder_loans2 AS SELECT 1",
		"CREATE TABLE reminder_loans (i INT)", loans + "GRANT ALL ON *.* TO x",
		"CREATE VIEW reminder_source_closed_days AS SELECT 1",
	} {
		_, err := Statements(text)
		assert.Error(t, err, text)
	}
}
