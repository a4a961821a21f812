package mysql_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// understood are the words of SQL that the program uses. MariaDB 10.4, MySQL 5.7, TiDB and Vitess understand each of
// them according to their documentation. (TiDB accepts ALGORITHM and MERGE and then decides alone, like the others for
// a view that cannot be merged.) A word that is not in the list makes the test fail: look it up for all four before
// adding it.
const understood = `
	SELECT DISTINCT FROM JOIN LEFT ON WHERE GROUP BY HAVING ORDER DESC LIMIT OFFSET MONTH DAYOFMONTH UNION ALL AS AND OR NOT IN IS NULL LIKE ESCAPE EXISTS
	CASE WHEN THEN ELSE END INSERT INTO VALUES UPDATE SET DELETE DUPLICATE KEY CREATE TABLE IF PRIMARY UNIQUE DEFAULT COMMENT
	AUTO_INCREMENT ENGINE CHARSET COLLATE BIGINT SMALLINT TINYINT UNSIGNED VARCHAR BINARY DATE DATETIME TEXT CHAR
	COUNT SUM MIN MAX COALESCE NULLIF CONCAT CONCAT_WS LOWER TRIM LPAD ELT SUBSTRING_INDEX CAST CONVERT HEX USING DATABASE
	UTC_TIMESTAMP TIMESTAMP CURRENT_TIMESTAMP DATE_SUB DATE_ADD INTERVAL MICROSECOND SECOND MINUTE DAY TIMESTAMPDIFF FROM_UNIXTIME FLOOR LEAST GREATEST VERSION DUAL
	GLOBAL SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED REPEATABLE WRITE SHOW VARIABLES
	REPLACE VIEW SQL SECURITY DEFINER ALGORITHM MERGE PREPARE EXECUTE`

// notUnderstood are features that one of the four lacks, with the reason why somebody may want to use them.
var notUnderstood = map[string]string{
	`SKIP\s+LOCKED`:      "MariaDB 10.4, MySQL 5.7: syntax errors; TiDB: ignored. A claim is one UPDATE … ORDER BY … LIMIT",
	`NOWAIT`:             "MySQL 5.7, and another error number in MariaDB",
	`RETURNING`:          "MySQL. A claim is read back by its token",
	`^\s*WITH\b`:         "MySQL 5.7 has no common table expressions",
	`\bOVER\s*\(`:        "MySQL 5.7 has no window functions",
	`LATERAL|JSON_TABLE`: "MariaDB 10.4, MySQL 5.7",
	`AS\s+new\b`:         "MariaDB has no row aliases in ON DUPLICATE KEY UPDATE",
	`GET_LOCK`:           "old TiDB; Vitess pins a connection for it. No lock that outlives a statement is relied upon",
	`FOREIGN\s+KEY`:      "old TiDB, Vitess with shards",
	`->`:                 "MariaDB",
}

func TestOnlySQLThatAllUnderstand(t *testing.T) {
	known := strings.Fields(understood)
	quoted := regexp.MustCompile(`'[^']*'|--.*|\{\{.*?\}\}`)
	word := regexp.MustCompile(`\b[A-Z][A-Z_]+\b`)
	used := map[string]string{}
	for where, text := range statements(t) {
		for pattern, reason := range notUnderstood {
			assert.NotRegexp(t, regexp.MustCompile(pattern), text, "%s: %s", where, reason)
		}
		for _, w := range word.FindAllString(quoted.ReplaceAllString(text, ""), -1) {
			used[w] = where
		}
	}
	for w, where := range used {
		assert.True(t, slices.Contains(known, w), "%s: is %s understood by MariaDB 10.4, MySQL 5.7, TiDB and Vitess? Then add it.", where, w)
	}
	for _, w := range known {
		assert.NotEmpty(t, used[w], "no statement uses %s any more: take it off the list", w)
	}
	assert.Greater(t, len(used), 50)
}

// statements are all SQL texts of the program, by their position.
func statements(t *testing.T) map[string]string {
	all := map[string]string{}
	sqlText := regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|SET SESSION|CREATE OR|CREATE TABLE|WHERE|ORDER BY|STRICT_ALL)\b|LIMIT \?|^ AND `)
	for _, dir := range []string{".", "staffdb", "deskdb", "schema", "schema/migrations", "schema/views"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.sql"))
		require.NoError(t, err)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			all[name] = string(text)
		}
		names, err = filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		fset := token.NewFileSet()
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for n := range ast.Preorder(file) {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				if sqlText.MatchString(text) {
					all[fset.Position(lit.Pos()).String()] = text
				}
			}
		}
	}
	return all
}
