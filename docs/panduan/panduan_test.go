package panduan

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPage: the page holds every guide, its links lead to something in it, and it needs nothing from outside.
func TestPage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b))
	page := b.String()

	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var guides []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".md"); ok {
			guides = append(guides, name)
		}
	}
	assert.ElementsMatch(t, guides, Guides)

	var ids []string
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		assert.NotContains(t, ids, m[1], "an id stands twice")
		ids = append(ids, m[1])
	}
	links := regexp.MustCompile(` href="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, links)
	for _, m := range links {
		if id, ok := strings.CutPrefix(m[1], "#"); ok {
			assert.True(t, slices.Contains(ids, id), "there is no %s", m[1])
		} else {
			assert.True(t, strings.HasPrefix(m[1], "https://github.com/mtsn6garut/pengingat"), m[1])
		}
	}
	assert.NotRegexp(t, `(?i)<(img|link|iframe)|\ssrc=|@import|url\(`, page)
	assert.Contains(t, page, "<svg ")
	assert.Contains(t, page, `id="search"`)
}
