//go:build chromium

package main

import (
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// probe is put at the end of a copy of the page, which itself has no script, and writes down what the browser made of
// it.
const probe = `<pre id="probe"></pre><script>
const inside = (t, s) => t.left >= s.left - 1 && t.right <= s.right + 1 && t.top >= s.top - 1 && t.bottom <= s.bottom + 1;
document.getElementById("probe").textContent = JSON.stringify({
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  charts: [...document.querySelectorAll(".chart")].map(c => c.getBoundingClientRect().height > 50 && Math.max(...[...c.querySelectorAll(".part")].map(p => p.getBoundingClientRect().height)) > 50),
  cut: [...document.querySelectorAll(".chart span")].filter(t => !inside(t.getBoundingClientRect(), t.closest("section").getBoundingClientRect())).map(t => t.textContent),
  over: [...document.querySelectorAll(".day span")].filter((t, i, all) => i && t.getBoundingClientRect().left < all[i - 1].getBoundingClientRect().right && t.closest(".chart") == all[i - 1].closest(".chart")).map(t => t.textContent),
  loaded: performance.getEntriesByType("resource").map(r => r.name),
  mode: document.compatMode,
})</script>`

// TestReportInChromium: the page fits on a phone and on a screen, no chart's text is cut off, nothing is loaded, and it
// prints.
func TestReportInChromium(t *testing.T) {
	dir := t.TempDir()
	chromium := func(args ...string) string {
		browser := os.Getenv("CHROMIUM")
		if browser == "" {
			browser = "chromium"
		}
		args = append(append(strings.Fields(os.Getenv("CHROMIUM_FLAGS")), "--headless",
			"--user-data-dir="+filepath.Join(dir, "profile")), args...)
		out, err := exec.CommandContext(t.Context(), browser, args...).Output()
		require.NoError(t, err)
		return string(out)
	}
	for _, locale := range []string{"id", "en"} {
		page := pageOf(t, sampleReview(locale))
		plain, probed := filepath.Join(dir, "plain.html"), filepath.Join(dir, "probed.html")
		require.NoError(t, os.WriteFile(plain, []byte(page), 0o600))
		require.NoError(t, os.WriteFile(probed, []byte(page+probe), 0o600))
		for _, width := range []int{360, 900, 1600} {
			dom := chromium("--window-size="+strconv.Itoa(width)+",1200", "--dump-dom", "file://"+probed)
			found := regexp.MustCompile(`(?s)<pre id="probe">(.+?)</pre>`).FindStringSubmatch(dom)
			require.NotNil(t, found)
			var saw struct {
				Wide      bool
				Charts    []bool
				Cut, Over []string
				Loaded    []string
				Mode      string
			}
			require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(found[1])), &saw))
			assert.False(t, saw.Wide, "%s: one must scroll sideways at %d", locale, width)
			assert.Equal(t, []bool{true, true}, saw.Charts, "the charts are there")
			assert.Empty(t, saw.Cut, "%s: text of a chart is cut off at %d", locale, width)
			assert.Empty(t, saw.Over, "%s: text of a chart lies on other text at %d", locale, width)
			assert.Empty(t, saw.Loaded)
			assert.Equal(t, "CSS1Compat", saw.Mode)
		}
		printed := filepath.Join(dir, "page.pdf")
		chromium("--no-pdf-header-footer", "--print-to-pdf="+printed, "file://"+plain)
		pdf, err := os.ReadFile(printed)
		require.NoError(t, err)
		pages := regexp.MustCompile(`/Type\s*/Page\b`).FindAllIndex(pdf, -1)
		assert.Len(t, pages, 3, "two sheets to read, and one of six slips")
	}
}
