//go:build mails

package letter

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
)

// pages are the golden mails, without duplicates.
func pages(t *testing.T) (names []string) {
	files, err := filepath.Glob("testdata/mails/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".html"))
	}
	return names
}

// widths are those of a small phone and of a reading pane.
var widths = []int{320, 640}

// look measures a mail in a frame: how far its text is beyond the right edge, and the contrast of each text with its
// background (WCAG 2).
const look = `<script>
const shade = c => { const [r, g, b] = c.match(/[\d.]+/g).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c } return "rgb(255,255,255)" };
onload = () => {
  const saw = [...document.querySelectorAll("iframe")].map(f => {
    const doc = f.contentDocument, view = f.contentWindow;
    let contrast = 21, over = doc.documentElement.scrollWidth - f.clientWidth;
    const walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const e = walk.currentNode.parentElement;
      if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.tagName == "STYLE") continue;
      const [a, b] = [shade(view.getComputedStyle(e).color), shade(behind(e))].sort((x, y) => y - x);
      contrast = Math.min(contrast, (a + .05) / (b + .05));
    }
    return { Name: f.title, Over: over, Contrast: contrast, Dark: shade(behind(doc.body)) < .1, Height: doc.body.scrollHeight, Loaded: view.performance.getEntriesByType("resource").length };
  });
  document.body.innerHTML = "<pre>" + JSON.stringify(saw) + "</pre>";
}</script>`

func chromium(t *testing.T, args ...string) string {
	t.Helper()
	args = append(append(strings.Fields(os.Getenv("CHROMIUM_FLAGS")), "--headless", "--allow-file-access-from-files",
		"--user-data-dir="+filepath.Join(t.TempDir(), "profile")), args...)
	out, err := exec.CommandContext(t.Context(), cmp.Or(os.Getenv("CHROMIUM"), "chromium"), args...).Output()
	require.NoError(t, err)
	return string(out)
}

// TestMailsInChromium: each mail fits on a small phone and in a reading pane, is readable in light and dark mode, and
// loads nothing. MAIL_PICTURES is a folder for screenshots.
func TestMailsInChromium(t *testing.T) {
	folder, err := filepath.Abs("testdata/mails")
	require.NoError(t, err)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range widths {
			var page strings.Builder
			fmt.Fprintf(&page, `<!doctype html><html style="color-scheme: %s"><meta charset="utf-8"><body>`, scheme)
			for _, name := range pages(t) {
				fmt.Fprintf(&page, `<iframe title="%s" src="file://%s/%s.html" style="border: 0; width: %dpx; height: 900px; color-scheme: %s"></iframe>`,
					name, folder, name, width, scheme)
			}
			page.WriteString(look)
			file := filepath.Join(t.TempDir(), "mails.html")
			require.NoError(t, os.WriteFile(file, []byte(page.String()), 0o600))
			dom := chromium(t, "--dump-dom", "file://"+file)
			found := regexp.MustCompile(`(?s)<pre>(.+?)</pre>`).FindStringSubmatch(dom)
			require.NotNil(t, found)
			var saw []struct {
				Name           string
				Over, Contrast float64
				Dark           bool
				Height, Loaded int
			}
			require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(found[1])), &saw))
			require.Len(t, saw, len(pages(t)))
			for _, s := range saw {
				assert.LessOrEqual(t, s.Over, 0.0, "%s: one must scroll sideways at %d", s.Name, width)
				assert.GreaterOrEqual(t, s.Contrast, 4.5, "%s: a text can hardly be read in %s", s.Name, scheme)
				assert.Equal(t, scheme == "dark", s.Dark, s.Name)
				assert.Zero(t, s.Loaded, s.Name)
				assert.Greater(t, s.Height, 200, s.Name)
			}
			if pictures := os.Getenv("MAIL_PICTURES"); pictures != "" {
				require.NoError(t, os.MkdirAll(pictures, 0o700))
				for _, s := range saw {
					mail := strings.ReplaceAll(page.String(), look, "")
					mail = mail[:strings.Index(mail, "<iframe")] + regexp.MustCompile(`<iframe title="`+s.Name+`".*?</iframe>`).
						FindString(mail)
					mail = strings.ReplaceAll(mail, "height: 900px", fmt.Sprintf("height: %dpx", s.Height))
					mail = strings.Replace(mail, "<body>", `<body style="margin: 0">`, 1)
					require.NoError(t, os.WriteFile(file, []byte(mail), 0o600))
					chromium(t, "--hide-scrollbars", fmt.Sprintf("--window-size=%d,%d", max(width, 500), s.Height),
						"--screenshot="+filepath.Join(pictures, fmt.Sprintf("%s.%d.%s.png", s.Name, width, scheme)), "file://"+file)
				}
			}
		}
	}
}

// TestMailsPrint: each mail can be printed on few sheets.
func TestMailsPrint(t *testing.T) {
	folder, err := filepath.Abs("testdata/mails")
	require.NoError(t, err)
	for _, name := range pages(t) {
		if !strings.HasSuffix(name, ".id") {
			continue // the others look the same
		}
		printed := filepath.Join(cmp.Or(os.Getenv("MAIL_PICTURES"), t.TempDir()), name+".pdf")
		chromium(t, "--no-pdf-header-footer", "--print-to-pdf="+printed, "file://"+filepath.Join(folder, name+".html"))
		pdf, err := os.ReadFile(printed)
		require.NoError(t, err)
		sheets := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAllIndex(pdf, -1))
		assert.Contains(t, []int{1, 2, 3}, sheets, name)
	}
}

// TestMailsAreNoSpam: SpamAssassin's tests, without the network, find almost nothing in any mail.
func TestMailsAreNoSpam(t *testing.T) {
	var box strings.Builder
	var names []string
	date := time.Date(2026, 11, 23, 7, 5, 0, 0, time.FixedZone("WIB", 7*60*60))
	for _, file := range must(filepath.Glob("testdata/mails/*.txt"))(t) {
		kind := strings.TrimSuffix(filepath.Base(file), ".txt") // id.formal: the mails about loans
		lang := regexp.MustCompile(`(^|\.)(id|en|su)(\.|$)`).FindStringSubmatch(kind)
		require.NotNil(t, lang, file)
		texts := strings.Split("\n"+string(must(os.ReadFile(file))(t)), "\n======== ")
		if len(texts) == 1 { // one mail, and its name is the file's
			texts = []string{"", kind + "\n" + texts[0]}
		}
		for _, text := range texts[1:] {
			name, rest, _ := strings.Cut(text, "\n")
			subject, body, ok := strings.Cut(strings.TrimPrefix(strings.TrimLeft(rest, "\n"), "Subject: "), "\n\n")
			require.True(t, ok, file)
			m := mail.Message{ID: fmt.Sprintf("%032x.1@perpus.mtsn6garut.sch.id", len(names)), Ref: fmt.Sprint(len(names)),
				Date:    date,
				From:    mail.Address{Name: "Perpustakaan MTsN 6 Garut", Addr: "perpus@mtsn6garut.sch.id"},
				To:      mail.Address{Name: "Siti Aminah", Addr: "siti.aminah@gmail.com"},
				Subject: subject, Text: body, HTML: page(t, kind, name, lang[2]), Lang: lang[2]}
			raw, err := m.Bytes()
			require.NoError(t, err)
			fmt.Fprintf(&box, "From perpus@mtsn6garut.sch.id Mon Nov 23 07:05:00 2026\n%s\n\n",
				strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\nFrom ", "\n>From "))
			names = append(names, kind+", "+name)
		}
	}
	box.WriteString(`From a@example.com Mon Nov 23 07:05:00 2026
Subject: FREE MONEY!!! YOU HAVE WON $1,000,000
Content-Type: text/html

<p>Dear friend, MILLION DOLLARS and cheap viagra <img src="http://192.0.2.1/a.gif"></p>

`)
	file, prefs := filepath.Join(t.TempDir(), "mbox"), filepath.Join(t.TempDir(), "user_prefs")
	require.NoError(t, os.WriteFile(file, []byte(box.String()), 0o600))
	require.NoError(t, os.WriteFile(prefs, nil, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "spamassassin", "--local", "--mbox", "--prefspath="+prefs, file).Output()
	require.NoError(t, err)
	// SpamAssassin sorts them by date.
	status := regexp.MustCompile(`(?m)^X-Spam-Status: \w+, score=(-?[\d.]+) required=[\d.]+ tests=([\w,\s]*)`)
	ref := regexp.MustCompile(`(?m)^X-Pengingat-Ref: (\d+)$`)
	worst, seen := 0.0, 0
	for _, judged := range strings.Split("\n"+string(out), "\nFrom ")[1:] {
		found, number := status.FindStringSubmatch(judged), ref.FindStringSubmatch(judged)
		require.NotNil(t, found)
		score, err := strconv.ParseFloat(found[1], 64)
		require.NoError(t, err)
		if number == nil {
			assert.Greater(t, score, 5.0, "it knows spam")
			continue
		}
		n, err := strconv.Atoi(number[1])
		require.NoError(t, err)
		assert.Less(t, score, 1.0, "%s: %s", names[n], found[2])
		worst, seen = max(worst, score), seen+1
	}
	assert.Equal(t, len(names), seen, "each mail was looked at")
	t.Logf("%d mails, the worst has %.1f", len(names), worst)
}

// page returns a golden mail as a page.
func page(t *testing.T, kind, name, lang string) string {
	register := ""
	if strings.HasSuffix(kind, ".formal") {
		register = ".formal"
	}
	for _, file := range []string{kind, strings.TrimSuffix(kind, "."+lang) + "-" + name + "." + lang,
		name + "." + lang + register, name + "." + lang} {
		if data, err := os.ReadFile(filepath.Join("testdata", "mails", file+".html")); err == nil {
			return string(data)
		}
	}
	require.Fail(t, "no look", "%s, %s", kind, name)
	return ""
}
