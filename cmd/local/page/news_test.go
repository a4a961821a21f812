package page

import (
	"os"
	"regexp"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNews: every version in the changelog has its news, in both languages, and an update shows those of all versions
// since the one that was read about.
func TestNews(t *testing.T) {
	var all struct {
		Release []struct {
			Version string
			ID, EN  []string
		}
	}
	_, err := toml.Decode(newsText, &all)
	require.NoError(t, err)
	changes, err := os.ReadFile("../../../CHANGELOG.md")
	require.NoError(t, err)
	versions := regexp.MustCompile(`(?m)^## \[(.+?)\]`).FindAllStringSubmatch(string(changes), -1)
	require.Len(t, all.Release, len(versions))
	for i, r := range all.Release {
		want := "v" + versions[i][1]
		if want == "vUnreleased" {
			want = "next"
		}
		assert.Equal(t, want, r.Version)
		assert.NotEmpty(t, r.ID)
		assert.Len(t, r.EN, len(r.ID), r.Version)
	}

	text := newsText
	defer func() { newsText = text }()
	newsText = `
[[release]]
version = "next"
id = ["d"]
en = ["D"]
[[release]]
version = "v1.2.0"
id = ["b", "c"]
en = ["B", "C"]
[[release]]
version = "v1.1.0"
id = ["a"]
en = ["A"]`
	for seen, want := range map[string][]string{
		"v1.0.0": {"d", "b", "c", "a"}, "v1.1.0": {"d", "b", "c"}, "v1.2.0": {"d"}, "v1.10.0": {"d"},
		"dev": {"d", "b", "c", "a"},
	} {
		items, err := newsSince(seen, "id")
		require.NoError(t, err)
		assert.Equal(t, want, items, seen)
	}
	items, err := newsSince("v1.2.0", "en_GB")
	require.NoError(t, err)
	assert.Equal(t, []string{"D"}, items)
}
