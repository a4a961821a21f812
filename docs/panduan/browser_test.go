//go:build chromium

package panduan

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSearchInChromium: what the program says on the screen, typed as it stands there, leads to its section and hides
// the others.
func TestSearchInChromium(t *testing.T) {
	dir := t.TempDir()
	for typed, want := range map[string]string{
		`Gmail menolak login.`:              "Gmail menolak login.",
		`"tidak dikenal. Mungkin maksudnya`: "tidak dikenal. Mungkin maksudnya",
		`LAYANAN LAMA  laravelscheduler`:    "Layanan lama LaravelScheduler masih berjalan.",
		`xyzzy`:                             "Tidak ditemukan",
	} {
		var page bytes.Buffer
		require.NoError(t, Write(&page))
		page.WriteString(`<script>search.value = ` + "`" + typed + "`" + `; search.dispatchEvent(new Event("input"))
document.body.innerHTML = found.textContent + "|" + sections.filter(s => !s.hidden).map(s => s.firstChild.textContent).join("|")</script>`)
		file := filepath.Join(dir, "guide.html")
		require.NoError(t, os.WriteFile(file, page.Bytes(), 0o600))
		args := append(strings.Fields(os.Getenv("CHROMIUM_FLAGS")), "--headless", "--user-data-dir="+dir, "--dump-dom",
			"file://"+file)
		dom, err := exec.CommandContext(t.Context(), cmp.Or(os.Getenv("CHROMIUM"), "chromium"), args...).Output()
		require.NoError(t, err)
		body := regexp.MustCompile(`(?s)<body>(.*)</body>`).FindStringSubmatch(string(dom))
		require.NotNil(t, body, string(dom))
		shown := strings.Split(body[1], "|")
		assert.Contains(t, body[1], want, typed)
		assert.Less(t, len(shown), 8, typed)
	}
}
