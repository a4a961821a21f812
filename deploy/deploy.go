// Package deploy has the files of this folder that are embedded in the program.
package deploy

import (
	_ "embed"
	"strings"
)

// Grants has the rights of the everyday database user, as SQL.
//
//go:embed grants.sql
var Grants string

// GrantsFor returns Grants for a database of that name. If it is on another machine, the user may connect from
// anywhere, but only over TLS.
func GrantsFor(database string, local bool) string {
	_, statements, _ := strings.Cut(Grants, "\n\n") // after what it says to change by hand
	statements = strings.ReplaceAll(statements, "ON perpustakaan.", "ON `"+strings.ReplaceAll(database, "`", "``")+"`.")
	if !local {
		statements = strings.ReplaceAll(statements, "'pengingat'@'localhost'", "'pengingat'@'%'") +
			"\nALTER USER 'pengingat'@'%' REQUIRE SSL;\n"
	}
	return statements
}
