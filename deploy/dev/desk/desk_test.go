//go:build chromium

package desk

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// A desk is the program with its desk open, a browser, the library's database and a mail server.
type desk struct {
	t    *testing.T
	ctx  context.Context // of the browser's page
	db   *mysqltest.DB
	srv  *mailtest.Server
	link string
	base string
	exe  string
	file string // of the settings
	cmd  *exec.Cmd
}

// open starts the built program in an empty home, without settings unless there are some.
func open(t *testing.T, settings bool, srv *mailtest.Server) *desk {
	t.Helper()
	db := mysqltest.New(t)
	db.School(t)
	if srv == nil {
		srv = mailtest.NewServer(t, mailtest.Options{})
	}
	home := filepath.Join(t.TempDir(), "sebuah rumah") // a path with a space
	require.NoError(t, os.MkdirAll(home, 0o700))
	d := &desk{t: t, db: db, srv: srv, exe: os.Getenv("PENGINGAT"), file: filepath.Join(home, "pengingat.env")}
	require.NotEmpty(t, d.exe, "PENGINGAT names the program: make test-desk")
	host, port, err := net.SplitHostPort(db.Config.Addr)
	require.NoError(t, err)
	if settings {
		require.NoError(t, os.WriteFile(d.file, fmt.Appendf(nil, `APP_NAME="Perpustakaan MTsN 6 Garut"
DB_HOST=%s
DB_PORT=%s
DB_DATABASE=%s
DB_USERNAME=%s
DB_PASSWORD="%s"
MAIL_MAILER=smtp
MAIL_HOST=127.0.0.1
MAIL_PORT=%d
MAIL_ENCRYPTION=none
MAIL_FROM_ADDRESS=perpus@mtsn6garut.sch.id
REMINDER_WINDOW=00:00-24:00
REMINDER_MAX_PER_RUN=%s
`, host, port, db.Name, db.Config.User, db.Config.Passwd, srv.Port(), cmp.Or(os.Getenv("DESK_MAX"), "1000")), 0o600))
		out, err := d.run("migrate", "--source", "perpustakaan").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	d.cmd = d.run("desk", "--no-browser")
	stdout, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.cmd.Start())
	t.Cleanup(func() { _ = d.cmd.Process.Signal(os.Interrupt); _ = d.cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	d.link = strings.TrimSpace(line)
	d.base, _, _ = strings.Cut(d.link, "/?")

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium")), chromedp.WindowSize(1200, 900))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // the browser lives as long as the context with which it began
	d.ctx = ctx
	return d
}

func (d *desk) run(args ...string) *exec.Cmd {
	cmd := exec.Command(d.exe, append(args, "--env", d.file)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(d.file), "TZ=Asia/Jakarta",
		"LOG_FILE=" + filepath.Join(filepath.Dir(d.file), "pengingat.log")}
	return cmd
}

func (d *desk) do(steps ...chromedp.Action[chromedp.Void]) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	require.NoError(d.t, chromedp.Do(ctx, steps...))
}

// visit opens a page of the desk.
func (d *desk) visit(path string) {
	d.t.Helper()
	d.leaveFor(d.base + path)
}

// leaveFor opens another page. One that tells how a run goes on may load itself anew just then, which ends the first
// try.
func (d *desk) leaveFor(url string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(url))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		err = chromedp.Do(ctx, chromedp.Navigate(url))
	}
	require.NoError(d.t, err)
}

// press presses what a selector finds and waits for the page that it leads to.
func (d *desk) press(selector string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(d.t, err, selector)
}

// fill types into fields.
func (d *desk) fill(pairs ...string) {
	d.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		field := chromedp.CSS(`[name="` + pairs[i] + `"]`)
		d.do(chromedp.SetValue(field, pairs[i+1]))
	}
}

func value[T any](d *desk, script string) T {
	d.t.Helper()
	v, err := chromedp.Run(d.ctx, chromedp.Evaluate[T](script))
	require.NoError(d.t, err)
	return v
}

// says is what the page shows. One that tells how a run goes on may load itself anew just then and has no body.
func (d *desk) says() string {
	d.t.Helper()
	d.do(chromedp.WaitReady(chromedp.CSS("body")))
	return value[string](d, "document.body.innerText")
}

// wait waits until the page says something.
func (d *desk) wait(words string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		said, err := chromedp.Run(d.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		return err == nil && strings.Contains(said, words)
	}, 2*time.Minute, 50*time.Millisecond, words)
}

// finish leaves the page and waits until n runs have ended and the desk knows it: a page of the desk loads itself anew
// when that happens.
func (d *desk) finish(n int) {
	d.t.Helper()
	d.leaveFor("about:blank")
	require.Eventually(d.t, func() bool {
		var ended int
		err := d.db.Admin.QueryRow("SELECT COUNT(finished_at) FROM reminder_runs").Scan(&ended)
		return err == nil && ended >= n
	}, 2*time.Minute, 50*time.Millisecond)
	d.leaveFor(d.base + "/ping")
	require.Eventually(d.t, func() bool {
		works, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool](
			`fetch("/ping").then(answer => answer.json()).then(progress => progress.working)`, chromedp.EvalAwaitPromise))
		return err == nil && !works
	}, 2*time.Minute, 50*time.Millisecond)
}

// lend adds a loan of a borrower, due some days from now.
func (d *desk) lend(name string, days int) {
	d.t.Helper()
	who := d.db.AddBorrower(d.t, mysqltest.Borrower{Name: name,
		Email: strings.ToLower(strings.Fields(name)[0]) + "@sekolah.sch.id", Class: "7A"})
	d.db.AddLoan(d.t, mysqltest.Loan{Borrower: who, Due: time.Now().In(time.FixedZone("WIB", 7*60*60)).AddDate(0, 0,
		days).Format(time.DateOnly), Title: "Laskar Pelangi"})
}

// TestFirstStart: from nothing to the first mail with the mouse and the keyboard, and no file touched; a wrong
// password, and back.
func TestFirstStart(t *testing.T) {
	d := open(t, false, nil)
	d.lend("Aisyah Putri", 0)
	host, port, err := net.SplitHostPort(d.db.Config.Addr)
	require.NoError(t, err)
	d.do(chromedp.Navigate(d.link))
	d.press(`input[name=file][value=""] ~ *, form[action="/start/from"] button`)
	d.fill("DB_HOST", host, "DB_PORT", port, "DB_DATABASE", d.db.Name, "DB_USERNAME", d.db.Config.User, "DB_PASSWORD",
		"keliru")
	d.press(`form[action="/start/database"] button`)
	assert.NotEmpty(t, value[string](d, `document.querySelector("[role=alert]").innerText`))
	assert.Empty(t, value[string](d, `document.querySelector("[name=DB_PASSWORD]").value`), "no password comes back")
	if d.db.Config.Passwd == "" {
		d.do(chromedp.Click(chromedp.CSS("[name=no_password]")))
	} else {
		d.fill("DB_PASSWORD", d.db.Config.Passwd)
	}
	d.press(`form[action="/start/database"] button`)
	assert.Contains(t, d.says(), "Aplikasi perpustakaan (Laravel)")
	d.press(`form[action="/start/prepare"] button`)
	d.do(chromedp.Click(chromedp.CSS(`[name=kind][value=own]`)), chromedp.Click(chromedp.CSS("summary")))
	d.fill("MAIL_HOST", "127.0.0.1", "MAIL_PORT", strconv.Itoa(d.srv.Port()), "MAIL_FROM_ADDRESS",
		"perpus@mtsn6garut.sch.id", "to", "saya@mtsn6garut.sch.id")
	d.do(chromedp.Click(chromedp.CSS("[name=plain]")))
	d.press(`form[action="/start/mail"] button`)
	require.Contains(t, d.says(), "Sudah tiba?")
	require.Len(t, d.srv.Messages(), 1)
	d.press(`form[action="/start/arrived"] button`)
	d.fill("from", "00:00", "to", "23:59")
	d.press(`form[action="/start/rules"] button`)
	require.Contains(t, d.says(), "Hari ini 1 surel akan dikirim")
	d.press(`a[href="/send"]`)
	d.press(`form[action="/run"] button`)
	d.finish(1)
	var to []string
	for _, m := range d.srv.Messages() {
		to = append(to, fmt.Sprint(m.To))
	}
	assert.Contains(t, strings.Join(to, " "), "aisyah@sekolah.sch.id", "the first reminder")
	assert.FileExists(t, d.file)
}

// TestGate: the link works once, and a page from elsewhere reaches nothing.
func TestGate(t *testing.T) {
	d := open(t, true, nil)
	d.lend("Aisyah Putri", -1)
	d.do(chromedp.Navigate(d.link))
	assert.Contains(t, d.says(), "Belum pernah ada pengiriman")
	assert.Equal(t, d.base+"/", value[string](d, "location.href"), "no token is left in the address")
	assert.Empty(t, value[string](d, "document.cookie"), "no script sees the cookie")
	d.do(chromedp.Navigate(d.link))
	assert.Contains(t, d.says(), "Buka Pengingat sekali lagi", "the link a second time")

	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s/run"><button>x</button></form><iframe src="%s/"></iframe>`, d.base,
			d.base)
	}))
	defer evil.Close()
	d.do(chromedp.Navigate(strings.Replace(evil.URL, "127.0.0.1", "localhost", 1))) // another site
	d.press("button")
	assert.Contains(t, d.says(), "cross-origin", "refused")
	d.do(chromedp.Navigate(evil.URL)) // the same site, another port: the browser sends the cookie along
	assert.Zero(t, value[int](d, `document.querySelector("iframe").contentDocument === null ? 0 : 1`),
		"it is in no foreign frame")
	d.press("button")
	assert.Contains(t, d.says(), "cross-origin")
	assert.Empty(t, d.srv.Messages())
	d.visit("/")
	assert.Contains(t, d.says(), "Belum pernah ada pengiriman", "and we are still in")
}

// TestMend: a mail that failed is sent again, a held run is approved, a borrower opts out, days are dragged over.
func TestMend(t *testing.T) {
	mended := make(chan struct{})
	srv := mailtest.NewServer(t, mailtest.Options{Script: func(c mailtest.Command) mailtest.Action {
		select {
		case <-mended:
		default:
			if c.Arg == "dewi@sekolah.sch.id" {
				return mailtest.Action{Reply: "550 5.1.1 no such user"}
			}
		}
		return mailtest.Action{}
	}})
	t.Setenv("DESK_MAX", "1")
	d := open(t, true, srv)
	d.lend("Aisyah Putri", -1)
	d.lend("Dewi Lestari", -2)
	d.do(chromedp.Navigate(d.link))
	d.visit("/troubles")
	d.press(`a[href="/send"]`)
	d.fill("number", "7")
	d.press(`form[action="/run"] button`)
	assert.Contains(t, d.says(), "Tidak ada yang dikirim")
	d.fill("number", "2")
	d.press(`form[action="/run"] button`)
	d.finish(1)
	require.Len(t, srv.Messages(), 1)
	d.visit("/troubles")
	assert.Contains(t, d.says(), "Dewi Lestari")
	close(mended)
	d.press(`form[action="/retry"] button`)
	d.visit("/send")
	d.press(`form[action="/run"] button`)
	d.finish(2)
	require.Len(t, srv.Messages(), 2, "sent again")

	d.visit("/find?q=aisyah")
	d.press(`form[action="/optout"] button`)
	assert.Contains(t, d.says(), "tidak ingin diingatkan")

	d.visit("/holidays?month=2027-03")
	d.fill("name", "Libur semester")
	box := func(day string) (x, y float64) {
		at := value[[]float64](d, `(() => { const r = document.querySelector('[value="`+day+`"]').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
		return at[0], at[1]
	}
	d.do(chromedp.ScrollIntoView(chromedp.CSS(".month")))
	x1, y1 := box("2027-03-16")
	x2, y2 := box("2027-03-19")
	left := chromedp.ButtonLeft
	d.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x1, y1, left),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, (x1+x2)/2, y1, left),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x2, y2, left))
	assert.Equal(t, 4, value[int](d, `document.querySelectorAll(".chosen").length`), "what is dragged over is shown")
	_, err := chromedp.RunResponse(d.ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x2, y2, left))
	require.NoError(t, err)
	assert.Contains(t, d.says(), "Ditutup: 4 hari")
	assert.Equal(t, 4, value[int](d, `document.querySelectorAll(".day.closed").length`))
}

// TestLargeRun: 5,000 mails show how they go on, and do so while the page is closed.
func TestLargeRun(t *testing.T) {
	t.Setenv("DESK_MAX", "9999")
	d := open(t, true, nil)
	const n = 5000
	var users, books, loans []string
	due := time.Now().In(time.FixedZone("WIB", 7*60*60)).Format(time.DateOnly)
	for i := 1; i <= n; i++ {
		users = append(users, fmt.Sprintf("(%d, 'Siswa %d', 'siswa%d@sekolah.sch.id', '', 'siswa')", i, i, i))
		books = append(books, fmt.Sprintf("(%d, 'B%d', 'Buku %d', '', '', '2020', '')", i, i, i))
		loans = append(loans, fmt.Sprintf("(%d, %d, 'PJM-%d', '2026-01-05', '%s', 'Dipinjam')", i, i, i, due))
	}
	d.db.Exec(t, "INSERT INTO users (id, nama, email, password, level) VALUES "+strings.Join(users, ","))
	d.db.Exec(t, "INSERT INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi) VALUES "+strings.Join(books, ","))
	d.db.Exec(t, "INSERT INTO peminjaman (user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status) VALUES "+strings.Join(loans, ","))
	d.do(chromedp.Navigate(d.link))
	d.visit("/send")
	d.press(`form[action="/run"] button`)
	d.wait("dari 5000 surel selesai")
	d.leaveFor("about:blank") // the page is closed
	before := len(d.srv.Messages())
	require.Eventually(t, func() bool { return len(d.srv.Messages()) > before+50 }, 2*time.Minute, 50*time.Millisecond,
		"it goes on")
	d.visit("/")
	assert.Contains(t, d.says(), "Surel sedang dikirim", "opened again, it shows how far it is")
	require.Eventually(t, func() bool { return len(d.srv.Messages()) == n }, 7*time.Minute, 200*time.Millisecond)
	d.wait("5.000")
	assert.Equal(t, n, len(d.srv.Messages()), "each once")
}

// pages are those that are looked at, by the name of their picture.
var pages = []struct{ name, path string }{
	{"hari-ini", "/"}, {"kirim", "/send"}, {"perlu-dilihat", "/troubles"}, {"pratinjau", "/preview"},
	{"terlambat", "/late"}, {"slip", "/late?as=slips"},
	{"lembar", "/late?as=letters"}, {"cari", "/find?q=aisyah"}, {"pinjaman", "/loan?id=1"},
	{"libur", "/holidays?month=2027-03"}, {"kelas", "/classes"}, {"laporan", "/report"},
	{"pemeriksaan", "/check"}, {"lainnya", "/more"}, {"pengaturan", "/settings"}, {"kata-kata", "/wording"},
	{"pulih", "/quarantine?before=2026-01-02"}, {"kembali", "/feedback"},
	{"mulai", "/start"}, {"mulai-basis-data", "/start?step=database"}, {"mulai-siapkan", "/start?step=prepare"},
	{"mulai-surel", "/start?step=mail"},
	{"mulai-aturan", "/start?step=rules"}, {"mulai-mengirim", "/start?step=go"}, {"tidak-ada", "/tidakada"},
}

// TestEveryPageForEverybody: axe finds nothing in any page, in both colour schemes, in both languages, and at 360
// pixels, where nobody scrolls sideways, nor at 320. With DESK_PICTURES pictures are kept.
func TestEveryPageForEverybody(t *testing.T) {
	axe, err := os.ReadFile(os.Getenv("AXE"))
	require.NoError(t, err, "AXE names axe.min.js: make test-desk")
	d := open(t, true, nil)
	d.lend("Aisyah Putri", -3)
	d.lend("Budi Santoso", -12)
	d.lend("Citra <b>Dewi</b>", 1)
	d.do(chromedp.Navigate(d.link))
	d.visit("/send")
	d.press(`form[action="/run"] button`)
	d.finish(1)
	require.Len(t, d.srv.Messages(), 3)
	d.db.Exec(t, "UPDATE reminder_emails SET state = 'failed', reason = 'connect: retry connection refused' WHERE id = 1")
	d.db.Exec(t, "INSERT INTO reminder_closed_days (first_day, last_day, name) VALUES ('2027-03-11', '2027-03-12', 'Nyepi')")
	pictures := os.Getenv("DESK_PICTURES")
	for _, look := range []struct {
		scheme, lang string
		width        int64
	}{{"light", "id", 1200}, {"dark", "id", 1200}, {"light", "en", 360}, {"dark", "id", 360}, {"light", "id", 320}} {
		_, err := chromedp.Call(d.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}})
		require.NoError(t, err)
		d.do(chromedp.EmulateViewport(look.width, 900))
		d.visit("/more")
		if value[string](d, "document.documentElement.lang") != look.lang {
			d.press(".lang button")
		}
		for _, p := range pages {
			d.visit(p.path)
			where := fmt.Sprint(p.path, " ", look)
			assert.False(t, value[bool](d, "document.documentElement.scrollWidth > document.documentElement.clientWidth"),
				"%s: one must scroll sideways", where)
			// The page's policy lets no script in but its own; this one comes in through the debugger.
			d.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
				_, err := chromedp.Evaluate[any](string(axe)+"; null")(ctx, target)
				if err == chromedp.ErrJSNull {
					err = nil
				}
				return chromedp.Void{}, err
			})
			found, err := chromedp.Run(d.ctx, chromedp.Evaluate[string](`axe.run(document, {iframes: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
				.then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 120)).join(" | "))))`, chromedp.EvalAwaitPromise))
			require.NoError(t, err, where)
			var violations []string
			require.NoError(t, json.Unmarshal([]byte(found), &violations))
			assert.Empty(t, violations, where)
			if pictures != "" && look.lang == "id" && (look.width == 1200 && look.scheme == "light" || look.width == 360 &&
				p.name == "hari-ini") {
				png, err := chromedp.Run(d.ctx, chromedp.CaptureScreenshot())
				require.NoError(t, err)
				name := p.name
				if look.width == 360 {
					name += "-ponsel"
				}
				require.NoError(t, os.WriteFile(filepath.Join(pictures, "desk-"+name+".png"), png, 0o644))
			}
		}
	}
}
