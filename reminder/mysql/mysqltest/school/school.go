// Package school holds the tables of the school's Laravel application, for the tests and the demonstration, which must
// not import package testing.
package school

import _ "embed"

// Schema creates the tables users, siswa, buku, peminjaman, jobs and failed_jobs. It has only CREATE TABLE statements,
// each of which ends with a semicolon at the end of a line.
//
//go:embed school.sql
var Schema string
