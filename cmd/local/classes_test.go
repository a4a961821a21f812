package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestClassImport: what can be used is entered, what cannot is said, and what is there is not lost.
func TestClassImport(t *testing.T) {
	_, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for _, set := range []string{"9A --to dewi@sekolah.sch.id --name Dewi", "7B --to lama@sekolah.sch.id"} {
		require.Equal(t, exitDone, command(t, environ, append([]string{"class", "set"}, strings.Fields(set)...)...).code)
	}
	file := filepath.Join(t.TempDir(), "wali.csv")
	require.NoError(t, os.WriteFile(file, []byte("Kelas;Wali kelas;Surel\n7A;Rina;rina@sekolah.sch.id\n7b;Joko;joko@sekolah.sch.id\n"+
		"8A;Tanpa;\n8B;Salah;bukan alamat\n8C;Satu;satu@sekolah.sch.id\n8c ;Dua;dua@sekolah.sch.id\n;Siapa;siapa@sekolah.sch.id\n"+
		"7A;Rina;RINA@sekolah.sch.id\n9A;Dewi;dewi@sekolah.sch.id\n8D;Ganda;a@x.id, b@x.id\n"), 0o600))

	list := func() string { return command(t, environ, "class", "list", "--json").out }
	before := list()
	preview := command(t, environ, "class", "import", file, "--dry-run")
	assert.Equal(t, exitNeedsPerson, preview.code)
	assert.Contains(t, preview.out, "Akan ditambahkan 1, diganti 1, sudah ada 2.")
	assert.Equal(t, before, list(), "a dry run enters nothing")

	got := command(t, environ, "class", "import", file)
	assert.Equal(t, exitNeedsPerson, got.code)
	for _, want := range []string{"+ 7A  Rina <rina@sekolah.sch.id>\n", "~ 7B  Joko <joko@sekolah.sch.id>\n",
		"- baris 4: 8A: alamat surel wali kelas tidak ada\n", "- baris 5: 8B:", "- baris 6: 8C: kelas 8C ada dua kali",
		"- baris 7: 8c: kelas 8c ada dua kali", "- baris 8:", "= 9A  Dewi", "- baris 11: 8D:",
		"1 ditambahkan, 1 diganti, 2 sudah ada.\n6 baris tidak dapat dipakai"} {
		assert.Contains(t, got.out, want)
	}
	var known struct {
		Classes []struct{ Class, Teacher, Email string }
	}
	require.NoError(t, json.Unmarshal([]byte(list()), &known))
	assert.Equal(t, []struct{ Class, Teacher, Email string }{{"7A", "Rina", "rina@sekolah.sch.id"},
		{"7B", "Joko", "joko@sekolah.sch.id"}, {"9A", "Dewi", "dewi@sekolah.sch.id"}}, known.Classes)
	again := command(t, environ, "class", "import", file)
	assert.Contains(t, again.out, "0 ditambahkan, 0 diganti, 4 sudah ada.")

	require.NoError(t, os.WriteFile(file, []byte("PK\x03\x04"), 0o600))
	assert.Equal(t, exitUsage, command(t, environ, "class", "import", file).code)
	assert.Len(t, known.Classes, 3)
}

// TestDoctorLooksAtClasses: lists that go to nobody are told, and a library without lists hears nothing.
func TestDoctorLooksAtClasses(t *testing.T) {
	db, m, environ := healthy(t)
	db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, -3),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "budi@sekolah.sch.id", Class: "9C"})})
	said := func() (list []string) {
		_, findings := diagnosis(t, m, environ)
		for _, f := range findings {
			if f.Check == "classes" {
				list = append(list, string(f.Severity)+" "+f.What)
			}
		}
		return list
	}
	assert.Empty(t, said())
	environ["REMINDER_CLASS_DAY"], environ["APP_LOCALE"] = "senin", "en"
	assert.Equal(t, []string{"warn REMINDER_CLASS_DAY is set, but no homeroom teacher is known.",
		"warn One late book is on no class list, and REMINDER_SUMMARY_TO is empty: nobody is told."}, said())
	environ["REMINDER_SUMMARY_TO"] = "petugas@sekolah.sch.id"
	db.Exec(t, `INSERT INTO reminder_groups (group_name, teacher_email) VALUES ('7A', 'rina@sekolah.sch.id'), ('7B', 'bukan')`)
	assert.Equal(t, []string{"warn The list of one class cannot be sent to its homeroom teacher; the address cannot be used " +
		"or was refused: 7B"}, said())
	db.Exec(t, "DELETE FROM reminder_groups WHERE group_name = '7B'")
	assert.Equal(t, []string{"ok Class lists: homeroom teachers of 1 classes; late books on the librarian's list alone: 1."},
		said())
	environ["REMINDER_CLASS_DAY"] = ""
	assert.Equal(t, []string{"warn One class has a homeroom teacher, but REMINDER_CLASS_DAY is empty: no class list is sent."},
		said())
}
