package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

func TestPreview(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	loan := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Title: "<script>alert(1)</script>",
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Name: "Ani", Email: "ani@example.org"})})

	assert.Contains(t, command(t, environ, "preview", "--date", "2026-11-01").out, "Tidak ada surel")
	for range 2 {
		got := command(t, environ, "preview", "--date", "2026-11-24", "--out", "lihat dulu")
		require.Equal(t, exitDone, got.code, got.err)
		assert.Contains(t, got.out, "1 surel")
	}
	raw, err := os.ReadFile(filepath.Join("lihat dulu", "0001.eml"))
	require.NoError(t, err)
	assert.Contains(t, mailtest.Parse(t, raw).Subject, "hari ini")
	page, err := os.ReadFile(filepath.Join("lihat dulu", "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "ani@example.org")
	assert.NotContains(t, string(page), "<script>alert")

	got := command(t, environ, "preview", "--loan", fmt.Sprint(loan), "--date", "2026-12-24")
	assert.Contains(t, got.out, "1 surel", got.err)
	assert.Equal(t, exitUsage, command(t, environ, "preview", "--loan", "404").code)
	assert.Equal(t, exitUsage, command(t, environ, "preview", "--date", "tomorrow").code)
	assert.Empty(t, srv.Messages())
	var rows int
	require.NoError(t, db.Admin.QueryRow("SELECT (SELECT COUNT(*) FROM reminder_emails) + (SELECT COUNT(*) FROM reminder_runs)").Scan(&rows))
	assert.Zero(t, rows, "a preview writes nothing")
}

func TestTestMail(t *testing.T) {
	db, srv, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	loan := db.AddLoan(t, mysqltest.Loan{Due: "2026-11-24", Title: "Laskar Pelangi",
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: "murid_1@example.org, Lain@example.org"})})

	got := command(t, environ, "test-mail", "--to", "pustakawan@example.org")
	require.Equal(t, exitDone, got.code, got.err)
	for _, step := range []string{"mencari server", "menyambung", "memperkenalkan diri", "menyerahkan surel"} {
		assert.Contains(t, got.out, step)
	}
	for _, borrower := range []string{"murid_1@example.org", "lain@EXAMPLE.org"} {
		got = command(t, environ, "test-mail", "--to", borrower)
		assert.Equal(t, exitUsage, got.code)
		assert.Contains(t, got.err, "--loan")
	}
	assert.Equal(t, exitDone, command(t, environ, "test-mail", "--to", "muridX1@example.org").code,
		"_ is a letter, not a wildcard")
	require.Len(t, srv.Messages(), 2)
	assert.NotContains(t, srv.Messages()[0].Parse(t).Text, "Laskar Pelangi")

	require.Equal(t, exitDone, command(t, environ, "test-mail", "--to", "pustakawan@example.org", "--loan",
		fmt.Sprint(loan)).code)
	require.Len(t, srv.Messages(), 3)
	assert.Contains(t, srv.Messages()[2].Parse(t).Text, "Laskar Pelangi")
	assert.Equal(t, "pustakawan@example.org", srv.Messages()[2].To)
	assert.Equal(t, exitUsage, command(t, environ, "test-mail", "--to", "nobody").code)
	assert.Equal(t, exitUsage, command(t, environ, "test-mail").code)
}

// TestTestMailSaysWhatToDo: each way to fail has its hint, in both languages.
func TestTestMailSaysWhatToDo(t *testing.T) {
	_, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	expired := mailtest.NewCertificate(t, time.Now().Add(-time.Hour), "127.0.0.1")
	server := func(opt mailtest.Options, settings map[string]string) map[string]string {
		srv := mailtest.NewServer(t, opt)
		with := maps.Clone(environ)
		with["MAIL_HOST"], with["MAIL_PORT"] = srv.Host(), fmt.Sprint(srv.Port())
		maps.Copy(with, settings)
		return with
	}
	refuse := func(phase, reply string) mailtest.Options {
		return mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
			if c.Phase == phase {
				return mailtest.Action{Reply: reply}
			}
			return mailtest.Action{}
		}}
	}
	for _, tt := range []struct {
		name    string
		environ map[string]string
		code    int
		id, en  string
	}{
		{"no such host", server(mailtest.Options{}, map[string]string{"MAIL_HOST": "mail.invalid", "MAIL_ENCRYPTION": "tls"}),
			exitRetry, "ejaannya", "spelling"},
		{"nobody listens", server(mailtest.Options{}, map[string]string{"MAIL_PORT": "1"}), exitRetry, "MAIL_PORT",
			"MAIL_PORT"},
		{"port 25", server(mailtest.Options{}, map[string]string{"MAIL_PORT": "25"}), exitRetry, "Port 25", "Port 25"},
		{"wrong clock", server(mailtest.Options{TLS: mailtest.Implicit, Certificate: &expired},
			map[string]string{"MAIL_ENCRYPTION": "ssl"}), exitRetry, "jam komputer", "clock"},
		{"unknown certificate", server(mailtest.Options{TLS: mailtest.Implicit}, map[string]string{"MAIL_ENCRYPTION": "ssl"}),
			exitRetry, "MAIL_CA_FILE", "MAIL_CA_FILE"},
		{"no STARTTLS", server(mailtest.Options{}, map[string]string{"MAIL_ENCRYPTION": "tls"}), exitRetry, "MAIL_ENCRYPTION",
			"MAIL_ENCRYPTION"},
		{"wrong password", server(mailtest.Options{Username: "u", Password: "p"},
			map[string]string{"MAIL_USERNAME": "u", "MAIL_PASSWORD": "x"}), exitConfig, "MAIL_PASSWORD", "MAIL_PASSWORD"},
		{"not our From", server(refuse("mail", "553 5.7.1 not owned by user"), nil), exitConfig, "MAIL_FROM_ADDRESS",
			"MAIL_FROM_ADDRESS"},
		{"quota", server(refuse("mail", "550 5.4.5 daily limit"), nil), exitRetry, "Batas kirim", "limit"},
		{"unknown recipient", server(refuse("rcpt", "550 5.1.1 no such user"), nil), exitConfig, "tujuan", "recipient"},
		{"out of order", server(refuse("dot", "451 4.3.0 later"), nil), exitRetry, "Coba lagi", "Try again"},
	} {
		for locale, hint := range map[string]string{"id": tt.id, "en": tt.en} {
			tt.environ["APP_LOCALE"] = locale
			got := command(t, tt.environ, "test-mail", "--to", "pustakawan@example.org")
			assert.Equal(t, tt.code, got.code, "%s: %s", tt.name, got.err)
			assert.Contains(t, got.err, hint, tt.name)
			assert.NotContains(t, got.err, "pustakawan@", tt.name)
		}
	}
}

// TestRunSaysWhatToDo after a refused login, which no retry mends, and after a refused mail.
func TestRunSaysWhatToDo(t *testing.T) {
	db, _, environ := school(t)
	lend := func(email string) {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0), Borrower: db.AddBorrower(t, mysqltest.Borrower{Email: email})})
	}
	lend("gone@sekolah.sch.id")
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	environ["MAIL_FROM_ADDRESS"], environ["MAIL_USERNAME"], environ["MAIL_PASSWORD"] = "perpus@mtsn6garut.sch.id", "u", "x"
	srv := mailtest.NewServer(t, mailtest.Options{Username: "u", Password: "p",
		Script: func(c mailtest.Command) mailtest.Action {
			if c.Phase == "rcpt" {
				return mailtest.Action{Reply: "550 5.1.1 no such user"}
			}
			return mailtest.Action{}
		}})
	environ["MAIL_PORT"] = fmt.Sprint(srv.Port())
	got := command(t, environ, "run")
	assert.Equal(t, exitConfig, got.code, got.out)
	assert.Contains(t, got.out, "=> pengingat doctor\n")

	environ["MAIL_PASSWORD"] = "p"
	got = command(t, environ, "run")
	assert.Equal(t, exitNeedsPerson, got.code, got.out)
	assert.Contains(t, got.out, "=> pengingat failed\n")
}

func TestTemplates(t *testing.T) {
	_, _, environ := school(t)
	got := command(t, environ, "templates", "export", "surat")
	require.Equal(t, exitDone, got.code, got.err)
	assert.Contains(t, got.out, "REMINDER_TEMPLATES=surat")
	assert.Equal(t, exitConfig, command(t, environ, "templates", "export", "surat").code, "nothing is overwritten")

	require.NoError(t, os.WriteFile(filepath.Join("surat", "id", "loan.txt"), []byte("Subject: x\n\n{{.Nonsense}}\n"),
		0o600))
	environ["REMINDER_TEMPLATES"] = "surat"
	got = command(t, environ, "run", "--dry-run")
	assert.Equal(t, exitConfig, got.code)
	assert.Contains(t, got.err, "id/loan.txt:3", "a broken template is named by file and line")
}
