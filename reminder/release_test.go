package reminder

import (
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestRecordedVersion: any way of building gives a version.
func TestRecordedVersion(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.time", Value: "2026-11-25T06:30:00Z"}}
	for name, tt := range map[string]struct {
		main, version, date string
		settings            []debug.BuildSetting
		want, wantDate      string
	}{
		"release":               {"(devel)", "v1.2.3", "2026-11-20T00:00:00Z", nil, "v1.2.3", "2026-11-20T00:00:00Z"},
		"release of a checkout": {"v1.2.3", "v1.2.3", "2026-11-20T00:00:00Z", settings, "v1.2.3", "2026-11-20T00:00:00Z"},
		"go install @v1.2.3":    {"v1.2.3", "", "", nil, "v1.2.3", ""},
		"go install @latest": {"v0.0.0-20261125063000-0123456789ab", "", "", nil, "v0.0.0-20261125063000-0123456789ab",
			"2026-11-25T06:30:00Z"},
		"go install after a tag": {"v1.2.4-0.20261125063000-0123456789ab", "", "", nil,
			"v1.2.4-0.20261125063000-0123456789ab", "2026-11-25T06:30:00Z"},
		"go build":                 {"v1.2.3+dirty", "", "", settings, "v1.2.3+dirty", "2026-11-25T06:30:00Z"},
		"go build -buildvcs=false": {"(devel)", "", "", nil, "dev", ""},
		"make build, stamped":      {"(devel)", "1a2b3c4", "", settings, "1a2b3c4", "2026-11-25T06:30:00Z"},
		"nothing is known":         {"", "", "", nil, "dev", ""},
		"digits that are no time": {"v1.2.4-0.20269925063000-0123456789ab", "", "", nil,
			"v1.2.4-0.20269925063000-0123456789ab", ""},
		"a release's own pre-label": {"v2.0.0-rc.1", "", "", nil, "v2.0.0-rc.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			info := &debug.BuildInfo{Main: debug.Module{Version: tt.main}, Settings: tt.settings}
			version, date := recorded(info, tt.version, tt.date)
			assert.Equal(t, []string{tt.want, tt.wantDate}, []string{version, date})
		})
	}
}

func TestVersionAge(t *testing.T) {
	defer func(date string) { VersionDate = date }(VersionDate)
	VersionDate = "2026-01-31T12:00:00+07:00"
	at := time.Date(2026, 1, 31, 5, 0, 0, 0, time.UTC)
	for days, want := range map[int]struct {
		months int
		old    bool
	}{-1: {0, false}, 0: {0, false}, 29: {0, false}, 30: {1, false}, 179: {5, false}, 180: {6, true}, 800: {26, true}} {
		months, old := VersionAge(at.AddDate(0, 0, days))
		assert.Equal(t, want.months, months, days)
		assert.Equal(t, want.old, old, days)
	}
	VersionDate = ""
	_, old := VersionAge(at.AddDate(9, 0, 0))
	assert.False(t, old, "no date, no age")
}
