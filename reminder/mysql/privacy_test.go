package mysql_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPrivacyPageIsTheSchema: docs/privasi.md has each column of each table that the program writes, and no other.
func TestPrivacyPageIsTheSchema(t *testing.T) {
	_, db, _ := open(t)
	text, err := os.ReadFile("../../docs/privasi.md")
	require.NoError(t, err)
	said := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(reminder_\\w+)` \\|[^|]*\\| (.*?) \\|").FindAllStringSubmatch(string(text), -1) {
		said[row[1]] = strings.ReplaceAll(row[2], "`", "")
	}
	rows, err := db.Admin.Query(`SELECT c.table_name, GROUP_CONCAT(c.column_name ORDER BY c.ordinal_position SEPARATOR ', ')
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = DATABASE() AND c.table_name LIKE 'reminder\_%' AND t.table_type = 'BASE TABLE' GROUP BY c.table_name`)
	require.NoError(t, err)
	is := map[string]string{}
	for rows.Next() {
		var table, columns string
		require.NoError(t, rows.Scan(&table, &columns))
		is[table] = columns
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, is, said)
}
