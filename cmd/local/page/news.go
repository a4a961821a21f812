package page

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/semver"

	"github.com/mtsn6garut/pengingat/reminder"
)

//go:embed news.toml
var newsText string

// news is what the first page says after an update until somebody has read it.
type news struct {
	Version string
	Items   []string
}

// newsSince returns what is new since the version seen.
func newsSince(seen, lang string) (items []string, err error) {
	var all struct {
		Release []struct {
			Version string
			ID, EN  []string
		}
	}
	if _, err := toml.Decode(newsText, &all); err != nil {
		return nil, err
	}
	for _, r := range all.Release {
		if semver.IsValid(r.Version) && semver.Compare(r.Version, seen) <= 0 {
			break
		}
		said := r.ID
		if strings.HasPrefix(lang, "en") {
			said = r.EN
		}
		items = append(items, said...)
	}
	return items, nil
}

// News returns what is new since the version whose news were last read on this computer. A new installation has none.
func (v *visit) News() (news, error) {
	seen, err := os.ReadFile(v.d.Machine.Seen)
	if errors.Is(err, fs.ErrNotExist) {
		return news{}, v.d.readNews()
	}
	if err != nil || string(seen) == reminder.Version {
		return news{}, err
	}
	items, err := newsSince(string(seen), v.Lang)
	return news{reminder.Version, items}, err
}

func (d *Desk) readNews() error { return os.WriteFile(d.Machine.Seen, []byte(reminder.Version), 0o600) }

// dismissNews records that the news of this version were read.
func dismissNews(v *visit) (action, error) { return action{}, v.d.readNews() }
