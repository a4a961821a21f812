// Package deploy holds those files of this folder that the program brings along.
package deploy

import (
	_ "embed"
	"strings"
)

// Grants has the rights of the everyday database user, as SQL.
//
//go:embed grants.sql
var Grants string

// GrantsFor returns Grants for a database by its name. Where the database is on another machine, the user may come from
// anywhere, over TLS alone.
func GrantsFor(database string, local bool) string {
	_, statements, _ := strings.Cut(Grants, "\n\n") // after what it says to change by hand
	statements = strings.ReplaceAll(statements, "ON perpustakaan.", "ON `"+strings.ReplaceAll(database, "`", "``")+"`.")
	if !local {
		statements = strings.ReplaceAll(statements, "'pengingat'@'localhost'", "'pengingat'@'%'") +
			"\nALTER USER 'pengingat'@'%' REQUIRE SSL;\n"
	}
	return statements
}
