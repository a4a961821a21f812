// Package deploy holds those files of this folder that the program brings along.
package deploy

import _ "embed"

// Grants has the rights of the everyday database user, as SQL.
//
//go:embed grants.sql
var Grants string
