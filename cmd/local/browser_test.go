package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A browser is one that a desk let in.
type browser struct {
	*http.Client
	t    *testing.T
	base string
	log  string // of what was done
}

// openDesk starts the desk as a double click does, and opens its link.
func openDesk(t *testing.T, m machine, environ map[string]string, args ...string) browser {
	t.Helper()
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("LocalAppData", cache)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		list = append(list, key+"="+environ[key])
	}
	ctx, end := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan int, 1)
	p := &program{in: strings.NewReader(""), out: printed, errOut: io.Discard, machine: m}
	go func() {
		ended <- p.execute(ctx, slices.Concat([]string{"desk", "--no-browser"}, args), list)
		printed.Close()
	}()
	t.Cleanup(func() {
		end()
		assert.Equal(t, exitDone, <-ended)
	})
	link, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/\?token=[A-Z2-7]{26}\n$`, link, "the first line")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := browser{Client: &http.Client{Jar: jar}, t: t, log: filepath.Join(cache, "Pengingat", "desk.log")}
	b.base, _, _ = strings.Cut(link, "/?")
	b.get(strings.TrimPrefix(strings.TrimSpace(link), b.base))
	return b
}

func (b browser) read(resp *http.Response, err error) (string, int) {
	b.t.Helper()
	require.NoError(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return string(body), resp.StatusCode
}

// get looks at a page.
func (b browser) get(path string) string {
	b.t.Helper()
	body, code := b.read(b.Get(b.base + path))
	require.Equal(b.t, 200, code, "%s: %s", path, said(body))
	return body
}

// post sends a form, and returns the page that it leads to.
func (b browser) post(path string, fields ...string) string {
	b.t.Helper()
	body, code := b.send(path, fields...)
	require.Equal(b.t, 200, code, "%s: %s", path, said(body))
	return body
}

func (b browser) send(path string, fields ...string) (string, int) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.read(b.PostForm(b.base+path, form))
}

// finish waits for a run that was started.
func (b browser) finish() {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return strings.Contains(b.get("/ping"), `"working":false`) }, time.Minute,
		20*time.Millisecond)
}

var tag = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`)

// said is what a page says.
func said(body string) string {
	return strings.Join(strings.Fields(tag.ReplaceAllString(body, " ")), " ")
}

// TestDeskFirstStart is a school's way from nothing to the first mail, without touching a file.
func TestDeskFirstStart(t *testing.T) {
	db, srv, environ := school(t)
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "perpus", "config"), 0o700))
	laravel := fmt.Sprintf("APP_KEY=base64:x\nDB_CONNECTION=mysql\nDB_HOST=%s\nDB_PORT=%s\nDB_DATABASE=%s\nDB_USERNAME=%s\nDB_PASSWORD=%s\nMAIL_FROM_ADDRESS=hello@example.com\n",
		environ["DB_HOST"], environ["DB_PORT"], environ["DB_DATABASE"], environ["DB_USERNAME"], environ["DB_PASSWORD"])
	file := filepath.Join(root, "perpus", ".env")
	require.NoError(t, os.WriteFile(file, []byte(laravel), 0o600))
	db.AddLoan(t, mysqltest.Loan{Due: reminder.DateOf(time.Now(), quietMachine.zone).String(),
		Borrower: db.AddBorrower(t, mysqltest.Borrower{Name: "Aisyah", Email: "aisyah@sekolah.sch.id"})})
	m := quietMachine
	m.web = []string{root}
	written := filepath.Join(t.TempDir(), "folder baru", "pengingat.env")
	require.NoError(t, os.Mkdir(filepath.Dir(written), 0o700))
	b := openDesk(t, m, systemOnly(environ), "--env", written)

	assert.Contains(t, b.get("/"), file, "it begins where nothing is set, and finds the application")
	assert.Contains(t, said(b.post("/start/from", "file", file)), "Basis data")
	database := []string{"DB_HOST", environ["DB_HOST"], "DB_PORT", environ["DB_PORT"], "DB_DATABASE", db.Name,
		"DB_USERNAME", environ["DB_USERNAME"]}
	wrong, code := b.send("/start/database", append(slices.Clone(database[:6]), "DB_USERNAME", "tidakada", "DB_PASSWORD",
		"keliru-sekali")...)
	assert.Equal(t, 422, code)
	assert.Contains(t, wrong, `role="alert"`)
	assert.Contains(t, wrong, `value="tidakada"`, "what was typed is still there")
	assert.NotContains(t, wrong, "keliru-sekali", "but no password")
	right := append(slices.Clone(database), "DB_PASSWORD", environ["DB_PASSWORD"])
	_, code = b.send("/start/database", database...)
	assert.Equal(t, 422, code, "an empty field keeps the password before")
	if environ["DB_PASSWORD"] == "" {
		right = append(right, "no_password", "1")
	}
	assert.Contains(t, said(b.post("/start/database", right...)), "Aplikasi perpustakaan (Laravel)",
		"recognised by its tables")
	assert.Contains(t, said(b.post("/start/prepare", "source", "perpustakaan")), "Tabel dan view siap")

	rules := []string{"APP_NAME", "Perpustakaan MTsN 6", "APP_TIMEZONE", "Asia/Jakarta", "from", "00:00", "to", "24:00",
		"closed", "0"}
	assert.Contains(t, said(b.post("/start/rules", rules...)), "Kirim surel percobaan kepada",
		"no way past the mail to oneself")
	account := []string{"kind", "own", "MAIL_HOST", "127.0.0.1", "MAIL_PORT", environ["MAIL_PORT"], "MAIL_FROM_ADDRESS",
		"perpus@mtsn6garut.sch.id", "plain", "1"}
	assert.Contains(t, said(b.post("/start/mail", append(account, "to", "saya@mtsn6garut.sch.id")...)), "Sudah tiba?")
	require.Len(t, srv.Messages(), 1)
	assert.Contains(t, said(b.post("/start/rules", rules...)), "Kirim surel percobaan kepada",
		"it was not said to have arrived")
	b.post("/start/arrived")
	assert.NoFileExists(t, written, "nothing is written before the last question")
	rules[slices.Index(rules, "24:00")] = "23:59"
	done := said(b.post("/start/rules", rules...))
	assert.Contains(t, done, "Hari ini 1 surel akan dikirim")
	assert.FileExists(t, written)
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, laravel, string(now), "the application's own file")

	b.post("/run")
	b.finish()
	assert.Len(t, srv.Messages(), 2, "the first reminder")
	b.post("/run")
	b.finish()
	assert.Len(t, srv.Messages(), 2, "and not a second one")
	record, err := os.ReadFile(b.log)
	require.NoError(t, err)
	for _, deed := range []string{"prepare", "sample", "settings", "run"} {
		assert.Contains(t, string(record), `"what":"`+deed+`"`)
	}
	assert.Contains(t, string(record), `"who":`)
	assert.NotContains(t, string(record), "Aisyah")
	assert.NotContains(t, string(record), "@mtsn6garut", "no address")
}

// aSchool is one with settings, at work: Aisyah is late, Dewi's address is refused until mended is set.
func aSchool(t *testing.T, more ...string) (db *mysqltest.DB, srv *mailtest.Server, mended chan struct{}, b browser) {
	db, _, environ := school(t)
	mended = make(chan struct{})
	srv = mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		select {
		case <-mended:
		default:
			if c.Arg == "dewi@sekolah.sch.id" {
				return mailtest.Action{Reply: "550 5.1.1 no such user"}
			}
		}
		return mailtest.Action{}
	}})
	environ["MAIL_PORT"], environ["MAIL_FROM_ADDRESS"] = fmt.Sprint(srv.Port()), "perpus@mtsn6garut.sch.id"
	for i := 0; i+1 < len(more); i += 2 {
		environ[more[i]] = more[i+1]
	}
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for name, due := range map[string]int{"Aisyah": -3, "Dewi": -1, "Budi": 30} {
		who := db.AddBorrower(t, mysqltest.Borrower{Name: name, Email: strings.ToLower(name) + "@sekolah.sch.id",
			Class: "7A"})
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, due), Borrower: who,
			Title: map[string]string{"Aisyah": "=1+1"}[name]})
	}
	return db, srv, mended, openDesk(t, quietMachine, environ)
}

func TestDeskMends(t *testing.T) {
	db, srv, mended, b := aSchool(t)
	b.post("/run")
	b.finish()
	require.Len(t, srv.Messages(), 1, "Aisyah")
	page := b.get("/troubles")
	assert.Contains(t, said(page), "Dewi · 7A")
	assert.Contains(t, said(page), "Alamat itu tidak ada, menurut server surel.")
	id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(page)
	require.NotNil(t, id)

	close(mended)
	assert.Contains(t, said(b.post("/retry", "id", id[1])), "1 surel diantrekan lagi")
	b.post("/run")
	b.finish()
	require.Len(t, srv.Messages(), 2, "sent again")
	assert.Contains(t, said(b.get("/troubles")), "Tidak ada yang perlu dilihat")

	db.Exec(t, "UPDATE reminder_emails SET state = 'refused', reason = 'rcpt: bad_address 550 5.1.1' WHERE borrower_id = (SELECT borrower_id FROM (SELECT borrower_id FROM reminder_emails WHERE id = ?) AS e)", id[1])
	assert.Contains(t, said(b.post("/settle", "id", id[1], "how", "told")), "sudah disampaikan")
	assert.Contains(t, said(b.get("/troubles")), "Tidak ada yang perlu dilihat")
	_, code := b.send("/retry", "id", "0 OR 1=1")
	assert.Equal(t, 404, code)
}

func TestDeskHeldRunIsApprovedByItsNumber(t *testing.T) {
	_, srv, _, b := aSchool(t, "REMINDER_MAX_PER_RUN", "1")
	assert.Contains(t, said(b.get("/troubles")), "2 surel direncanakan")
	for _, number := range []string{"", "1", "3", "dua"} {
		page, code := b.send("/run", "number", number)
		assert.Equal(t, 422, code, number)
		assert.Contains(t, said(page), "Tidak ada yang dikirim")
	}
	assert.Empty(t, srv.Messages())
	assert.Contains(t, said(b.post("/run", "number", "2")), "2 surel disetujui")
	b.finish()
	assert.Len(t, srv.Messages(), 1)
}

func TestDeskPausesAndOptsOut(t *testing.T) {
	db, srv, _, b := aSchool(t)
	assert.Contains(t, said(b.get("/")), "Boleh kirim sekarang, sampai pukul 00.00")
	assert.NotContains(t, said(b.get("/send")), "di luar jam kirim")
	page, code := b.send("/pause", "until", "2020-01-01")
	assert.Equal(t, 422, code)
	assert.Contains(t, said(page), "Tidak ada yang dijeda")
	assert.Contains(t, said(b.post("/pause", "reason", "ujian")), "Dijeda sampai Anda melanjutkannya. ujian")
	b.post("/run")
	b.finish()
	assert.Empty(t, srv.Messages())
	b.post("/resume")

	db.Exec(t, "INSERT INTO reminder_opt_outs (borrower_id, since, how) VALUES ('999', UTC_TIMESTAMP(), 'answer')")
	assert.Contains(t, said(b.get("/")), "Tidak ingin diingatkan lagi 999 : membalas")
	db.Exec(t, "DELETE FROM reminder_opt_outs")
	found := b.get("/find?q=aisy")
	id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(found)
	require.NotNil(t, id, said(found))
	assert.Contains(t, said(b.post("/optout", "id", id[1], "on", "1", "back", "/find?q=aisy")), "tidak ingin diingatkan")
	loan := regexp.MustCompile(`/loan\?id=(\d+)`).FindStringSubmatch(found)
	assert.Contains(t, said(b.get("/loan?id="+loan[1])), "peminjam tidak ingin diingatkan")
	assert.Contains(t, said(b.get("/preview")), "1 surel untuk", "Dewi's alone")
	b.post("/optout", "id", id[1])
	assert.Contains(t, said(b.get("/forget?id="+id[1])), "Yang disimpan program")
	assert.Contains(t, b.get("/export.json?id="+id[1]), `"borrower_id": "`+id[1]+`"`)
	_, code = b.send("/forget", "id", id[1])
	assert.Equal(t, 422, code, "not without the tick")
	assert.Contains(t, said(b.post("/forget", "id", id[1], "sure", "1")), "dihapus dari catatan")
	assert.NotContains(t, b.get("/export.json?id="+id[1]), `"state"`)
	assert.Contains(t, said(b.get("/preview")), "2 surel untuk")
	_, code = b.send("/optout", "id", "999999", "on", "1")
	assert.Equal(t, 404, code)
}

// TestDeskNews: after an update the first page says what is new until somebody has read it. A new installation has no
// news.
func TestDeskNews(t *testing.T) {
	_, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	b := openDesk(t, quietMachine, environ)
	seen := filepath.Join(filepath.Dir(b.log), "version")
	assert.NotContains(t, b.get("/"), "Sudah saya baca")
	require.FileExists(t, seen)
	require.NoError(t, os.WriteFile(seen, []byte("v0.0.1"), 0o600))
	for range 2 {
		assert.Contains(t, b.get("/"), "Baru di Pengingat "+reminder.Version)
	}
	assert.NotContains(t, b.post("/news"), "Sudah saya baca")
	assert.NotContains(t, b.get("/"), "Sudah saya baca")
}

func TestDeskClosedDays(t *testing.T) {
	db, _, _, b := aSchool(t)
	rows := func() (all string) {
		require.NoError(t, db.Admin.QueryRow("SELECT COALESCE(GROUP_CONCAT(CONCAT(first_day, '..', last_day, ' ', name) ORDER BY first_day), '') FROM reminder_closed_days").Scan(&all))
		return all
	}
	assert.Contains(t, said(b.post("/holidays", "month", "2027-03", "day", "2027-03-11", "name", "Nyepi")), "Maret 2027")
	assert.Equal(t, "2027-03-11..2027-03-11 Nyepi", rows())
	b.post("/holidays", "month", "2027-03", "day", "2027-03-11")
	assert.Empty(t, rows(), "a second click opens it")
	b.post("/holidays", "month", "2027-03", "first", "2027-03-20", "last", "2027-03-15", "name",
		"Libur") // dragged backwards
	assert.Equal(t, "2027-03-15..2027-03-20 Libur", rows())
	b.post("/holidays", "month", "2027-03", "day", "2027-03-17")
	assert.Equal(t, "2027-03-15..2027-03-16 Libur,2027-03-18..2027-03-20 Libur", rows(),
		"a day in the middle is open again")
	b.post("/holidays/remove", "first", "2027-03-15", "last", "2027-03-16")
	page, code := b.send("/holidays", "first", "2027-03-20", "last", "2030-03-15", "name", "Libur panjang")
	assert.Equal(t, 422, code)
	for _, typed := range []string{"2027-03-20", "2030-03-15", "Libur panjang"} {
		assert.Contains(t, page, `value="`+typed+`"`)
	}

	var body strings.Builder
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "libur.csv")
	require.NoError(t, err)
	fmt.Fprint(part, "tanggal;nama\n25/12/2027;Natal\n32/12/2027;Keliru\n")
	require.NoError(t, w.Close())
	page, code = b.read(b.Post(b.base+"/holidays/import", w.FormDataContentType(), strings.NewReader(body.String())))
	require.Equal(t, 200, code)
	assert.Contains(t, said(page), "32/12/2027", "what is doubtful is shown")
	assert.Equal(t, "2027-03-18..2027-03-20 Libur", rows(), "nothing counts yet")
	assert.Contains(t, said(b.post("/holidays/accept", "closure", "2027-12-25 2027-12-25 Natal")), "1 libur disimpan")
	assert.Contains(t, rows(), "2027-12-25..2027-12-25 Natal")
}

func TestDeskClasses(t *testing.T) {
	db, _, _, b := aSchool(t, "REMINDER_CLASS_DAY", "senin")
	rows := func() (all string) {
		require.NoError(t, db.Admin.QueryRow("SELECT COALESCE(GROUP_CONCAT(CONCAT_WS(' ', group_name, teacher_name, teacher_email) ORDER BY group_name SEPARATOR ','), '') FROM reminder_groups").Scan(&all))
		return all
	}
	db.AddLoan(t, mysqltest.Loan{Due: "2020-01-02", Borrower: db.AddBorrower(t, mysqltest.Borrower{Class: "9<i>"})})
	page := b.get("/classes?class=9%3Ci%3E")
	assert.Contains(t, said(page), "Setiap Senin wali kelas mendapat")
	assert.Contains(t, page, `href="/classes?class=9%3ci%3e#set"><bdi>9&lt;i&gt;</bdi>`)
	assert.Contains(t, page, `name="class" value="9&lt;i&gt;"`, "the form is filled in")

	page, code := b.send("/classes", "class", "7A", "teacher", "Rina", "to", "bukan alamat")
	assert.Equal(t, 422, code)
	assert.Contains(t, said(page), "bukan satu alamat surel")
	assert.Contains(t, page, `value="bukan alamat"`, "what was typed is kept")
	entered := said(b.post("/classes", "class", "7A", "teacher", "Rina, M.Pd.", "to", "rina@s.example"))
	assert.Contains(t, entered, "Wali kelas dicatat: 1")
	b.post("/classes", "class", "9<i>", "to", "dewi@s.example")
	assert.Equal(t, "7A Rina, M.Pd. rina@s.example,9<i>  dewi@s.example", rows())
	b.post("/classes/remove", "class", "9<i>")
	_, code = b.send("/classes/remove", "class", "9<i>")
	assert.Equal(t, 422, code)

	var body strings.Builder
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "wali.csv")
	require.NoError(t, err)
	fmt.Fprint(part, "kelas;wali;surel\n7a;Joko;joko@s.example\n7B;\"Sri; S.Pd.\";sri@s.example\n7C;Tanpa;\n")
	require.NoError(t, w.Close())
	page, code = b.read(b.Post(b.base+"/classes/import", w.FormDataContentType(), strings.NewReader(body.String())))
	require.Equal(t, 200, code)
	for _, want := range []string{"2 baris dapat dipakai", "Joko joko@s.example berganti", "sri@s.example baru",
		"Baris 4: 7C alamat surel wali kelas tidak ada"} {
		assert.Contains(t, said(page), want)
	}
	assert.Equal(t, "7A Rina, M.Pd. rina@s.example", rows(), "nothing counts yet")
	var accept []string
	for _, m := range regexp.MustCompile(`name="row" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		accept = append(accept, "row", html.UnescapeString(m[1]))
	}
	assert.Contains(t, said(b.post("/classes/accept", accept...)), "Wali kelas dicatat: 2")
	assert.Equal(t, "7A Joko joko@s.example,7B Sri; S.Pd. sri@s.example", rows())
}

// TestDeskLooksWithoutTouching: no GET changes anything, and every page says all it has to say in both languages.
func TestDeskLooksWithoutTouching(t *testing.T) {
	db, srv, _, b := aSchool(t)
	b.post("/run")
	b.finish()
	b.post("/holidays", "day", "2027-03-11", "name", "<i>Nyepi</i>")
	db.Exec(t, "UPDATE buku SET judul = '<script>alert(1)</script>' WHERE judul = '=1+1'")
	before, mails := kept(t, db), len(srv.Messages())
	pages := []string{"/", "/send", "/troubles", "/start", "/start?step=database", "/start?step=mail", "/start?step=rules",
		"/start?step=go", "/preview",
		"/preview?day=2027-01-04", "/late", "/late?as=slips", "/late?as=letters&group==7A", "/late.csv", "/find?q=aisyah",
		"/find?q=script", "/loan?id=1", "/forget?id=1", "/export.json?id=1",
		"/holidays?month=2027-03", "/classes",
		"/report", "/report/page", "/check", "/more", "/settings", "/wording", "/feedback",
		"/quarantine?before=2026-01-02", "/ping"}
	for _, lang := range []string{"en", "id"} {
		b.post("/language", "lang", lang, "back", "/late")
		words := foreign[lang]
		for _, path := range pages {
			page := b.get(path)
			if path != "/late.csv" { // which is no page
				assert.NotContains(t, page, "<script>alert", path)
			}
			assert.NotContains(t, page, "<i>Nyepi", path)
			assert.NotRegexp(t, `\bpage\.[a-z_.]+\b`, said(page), "%s: a sentence is missing", path)
			assert.NotContains(t, page, "<no value>", path)
			if slices.Contains([]string{"/", "/send", "/troubles", "/late", "/more", "/start", "/start?step=mail"}, path) {
				assert.Empty(t, words.FindString(notWords.ReplaceAllString(strings.NewReplacer("Bahasa Indonesia", "", "English",
					"").Replace(said(page)), "")), "%s %s: %s", lang, path, said(page))
			}
		}
	}
	for _, path := range []string{"/tidakada", "/loan?id=nol", "/preview/frame?n=999", "/wording?file=../../etc/passwd"} {
		_, code := b.read(b.Get(b.base + path))
		assert.Equal(t, 404, code, path)
	}
	for _, path := range []string{"/run", "/pause", "/retry", "/optout", "/settings"} { // what only a form may do
		_, _ = b.read(b.Get(b.base + path))
	}
	assert.Equal(t, before, kept(t, db))
	assert.Equal(t, mails, len(srv.Messages()))
	resp, err := b.Client.Get(b.base + "/language?lang=en&back=//evil.example")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, strings.TrimPrefix(b.base, "http://"), resp.Request.URL.Host)
	b.post("/language", "lang", "id", "back", "//evil.example")
	b.post("/language", "lang", "id", "back", `/\evil.example`)
}

// TestDeskHandsOut: the guide, in which its own script may run and no other, and the rights as SQL for this database.
func TestDeskHandsOut(t *testing.T) {
	_, _, _, b := aSchool(t)
	resp, err := b.Get(b.base + "/guide")
	require.NoError(t, err)
	policy := resp.Header.Get("Content-Security-Policy")
	page, code := b.read(resp, nil)
	require.Equal(t, 200, code)
	_, script, _ := strings.Cut(page, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	sum := sha256.Sum256([]byte(script))
	assert.Contains(t, policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	assert.Contains(t, page, "Sandi Aplikasi")
	assert.Equal(t, 1, strings.Count(page, "<script"))
	grants := b.get("/grants")
	assert.Contains(t, grants, "CREATE USER")
	assert.NotContains(t, grants, "ON perpustakaan.", "it names the database of the settings")
	assert.Contains(t, b.get("/check"), `href="/grants"`)
	assert.Contains(t, b.get("/more"), `href="/guide"`)
}

// TestDeskCSV: no cell is a formula to a spreadsheet.
func TestDeskCSV(t *testing.T) {
	_, _, _, b := aSchool(t)
	for _, list := range []string{"/late.csv?as=open", "/find.csv?q=aisy", "/troubles.csv", "/holidays.csv",
		"/optouts.csv"} {
		table := b.get(list)
		assert.True(t, strings.HasPrefix(table, "\ufeff"), list)
		assert.NotRegexp(t, `(?m)(^|[;,])"?[=+@-]`, table, list)
	}
	table := b.get("/late.csv")
	assert.Contains(t, table, "Aisyah;7A;")
	assert.Contains(t, table, ";'=1+1;")
	assert.NotRegexp(t, `(?m)(^|;)"?[=+@-]`, table)
}

// TestDeskContacts: whoever was reached is off the list, until it is undone or a week has passed, and the record says
// when and how. Reminders go on.
func TestDeskContacts(t *testing.T) {
	db, srv, _, b := aSchool(t)
	all := b.get("/late")
	id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(all)[1]
	name := regexp.MustCompile(`<th scope="row"><bdi>([^<]+)`).FindStringSubmatch(all)[1]
	page := b.post("/contact", "id", id, "way", "spoken", "back", "/late?as=list")
	assert.Contains(t, said(page), "1 orang sudah dihubungi")
	assert.NotContains(t, page, "<bdi>"+name)
	assert.Contains(t, b.get("/late?as=open"), "<bdi>"+name, "they still have the book")
	assert.Contains(t, said(b.get("/late?who=reached")), "Sudah bicara, hari ini pukul")
	assert.Contains(t, b.get("/late.csv?who=all"), "Sudah bicara")
	loan := regexp.MustCompile(`/loan\?id=(\d+)`).FindStringSubmatch(b.get("/late?who=reached"))[1]
	assert.Contains(t, said(b.get("/loan?id="+loan)), "Dihubungi: Sudah bicara")
	for _, wrong := range [][]string{{"id", id, "way", "telepathy"}, {"id", "999999", "way", "spoken"}} {
		_, code := b.send("/contact", wrong...)
		assert.Equal(t, 404, code, wrong)
	}
	db.Exec(t, "UPDATE reminder_contacts SET contacted_at = DATE_SUB(contacted_at, INTERVAL 8 DAY)")
	assert.Contains(t, b.get("/late"), "<bdi>"+name, "a week later")
	b.post("/contact", "id", id, "way", "whatsapp")
	assert.Contains(t, b.post("/contact", "id", id, "way", "undo"), "<bdi>"+name)
	var n int
	require.NoError(t, db.Admin.QueryRow("SELECT COUNT(*) FROM reminder_contacts").Scan(&n))
	assert.Zero(t, n)
	b.post("/contact", "id", id, "way", "letter")
	b.post("/run")
	b.finish()
	assert.NotEmpty(t, srv.Messages())
}

func TestDeskSettings(t *testing.T) {
	_, _, environ := school(t)
	environ["MAIL_PASSWORD"], environ["MAIL_USERNAME"] = "rahasia-sekali", "perpus"
	environ["MAIL_FROM_ADDRESS"] = "perpus@mtsn6garut.sch.id"
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	var lines []string
	for key, value := range environ {
		lines = append(lines, key+`="`+value+`"`)
	}
	file := filepath.Join(t.TempDir(), "pengingat.env")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	b := openDesk(t, quietMachine, systemOnly(environ), "--env", file)
	page := b.get("/settings")
	assert.NotContains(t, page, "rahasia-sekali", "a password is write-only")
	wrong, code := b.send("/settings", "REMINDER_WINDOW", "pagi", "MAIL_PASSWORD", "")
	assert.Equal(t, 422, code)
	assert.Contains(t, wrong, `aria-invalid="true"`)
	saved := func() string {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(data)
	}
	assert.NotContains(t, saved(), "pagi", "what is wrong is not kept")
	b.post("/settings", "REMINDER_WINDOW", "06:30-18:00", "MAIL_PASSWORD", "")
	assert.Contains(t, saved(), "06:30-18:00")
	assert.Contains(t, saved(), "rahasia-sekali", "an empty password keeps the one that is there")
	b.post("/settings", "MAIL_PASSWORD", "baru-sekali")
	assert.Contains(t, saved(), "baru-sekali")
	record, err := os.ReadFile(b.log)
	require.NoError(t, err)
	assert.NotContains(t, string(record), "sekali")
}

// TestDeskReadsWhatCameBack: the switch says what the program can read then, is on only when the login works, and
// shows no password.
func TestDeskReadsWhatCameBack(t *testing.T) {
	_, _, environ := school(t)
	imap := mailtest.NewIMAP(t, false)
	environ["MAIL_USERNAME"], environ["MAIL_PASSWORD"] = "perpus@mtsn6garut.sch.id", "rahasia-sekali"
	environ["MAIL_FROM_ADDRESS"] = "perpus@mtsn6garut.sch.id"
	environ["IMAP_PORT"], environ["IMAP_ENCRYPTION"] = fmt.Sprint(imap.Port), "none"
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	var lines []string
	for key, value := range environ {
		lines = append(lines, key+`="`+value+`"`)
	}
	file := filepath.Join(t.TempDir(), "pengingat.env")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	b := openDesk(t, quietMachine, systemOnly(environ), "--env", file)
	saved := func() string {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(data)
	}
	assert.Contains(t, said(b.get("/feedback")), "dapat membaca SEMUA surel di kotak perpus@mtsn6garut.sch.id")
	mailbox := []string{"IMAP_HOST", "127.0.0.1", "IMAP_USERNAME", mailtest.IMAPUser, "IMAP_PASSWORD"}
	wrong, code := b.send("/feedback", append(mailbox, "salah-sekali")...)
	assert.Equal(t, 422, code)
	assert.Contains(t, said(wrong), "Kotak surel di 127.0.0.1 tidak dapat dibaca")
	assert.NotContains(t, saved(), "MAIL_FEEDBACK=", "what does not work is not turned on")
	page := b.post("/feedback", append(mailbox, mailtest.IMAPPassword)...)
	assert.Contains(t, said(page), "Menyala: kotak perpus dibaca")
	assert.NotContains(t, wrong+page+b.get("/feedback"), "sekali\"", "passwords are write-only")
	cfg := func() string {
		values, _, err := setup.Environ(file, nil)
		require.NoError(t, err)
		return values["MAIL_FEEDBACK"] + " " + values["IMAP_PASSWORD"]
	}
	assert.Equal(t, "imap "+mailtest.IMAPPassword, cfg())
	assert.Contains(t, said(b.post("/feedback", "off", "1")), "tidak dibaca lagi")
	assert.Equal(t, "off "+mailtest.IMAPPassword, cfg())
	record, err := os.ReadFile(b.log)
	require.NoError(t, err)
	assert.NotContains(t, string(record), "sekali")
	assert.Zero(t, imap.Changes())
}
