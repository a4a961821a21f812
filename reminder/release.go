package reminder

import (
	"regexp"
	"runtime/debug"
	"time"
)

// Version is the program's version, and VersionDate is the time of its commit in RFC 3339, or "" when it is unknown. A
// release sets both with -ldflags -X. Any other build has what the Go tool recorded; a version that is not recorded is
// "dev".
var Version, VersionDate string

func init() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	Version, VersionDate = recorded(info, Version, VersionDate)
}

// commitTime is the time in the version of a commit without a tag, such as v1.2.4-0.20261125063000-0123456789ab.
var commitTime = regexp.MustCompile(`[-.](\d{14})-[0-9a-f]{12}`)

// recorded fills in what -ldflags did not set.
func recorded(info *debug.BuildInfo, version, date string) (string, string) {
	if version == "" {
		version = info.Main.Version
	}
	if version == "" || version == "(devel)" {
		version = "dev"
	}
	if date != "" {
		return version, date
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return version, s.Value
		}
	}
	if m := commitTime.FindStringSubmatch(version); m != nil {
		if at, err := time.Parse("20060102150405", m[1]); err == nil {
			date = at.Format(time.RFC3339)
		}
	}
	return version, date
}

// oldAfter is when a version is worth a look at what is new.
const oldAfter = 180 * 24 * time.Hour

// VersionAge returns the age of the program's version in whole months, and whether it is old; 0 when its date is not
// known.
func VersionAge(now time.Time) (months int, old bool) {
	at, err := time.Parse(time.RFC3339, VersionDate)
	if err != nil || now.Before(at) {
		return 0, false
	}
	age := now.Sub(at)
	return int(age / (30 * 24 * time.Hour)), age >= oldAfter
}
