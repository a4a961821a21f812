package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Where the newest release is told to programs, and to people.
const (
	latestRelease = "https://api.github.com/repos/mtsn6garut/pengingat/releases/latest"
	releasesPage  = "https://github.com/mtsn6garut/pengingat/releases"
)

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Aliases: []string{"versi"},
		Short:   p.say("program.show_programs_version"),
		Example: "  pengingat version\n  pengingat version --json",
		RunE: func(*cobra.Command, []string) error {
			if p.asJSON {
				return p.printJSON(map[string]string{"version": reminder.Version, "date": reminder.VersionDate, "go": runtime.Version(),
					"os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			date, _, _ := strings.Cut(reminder.VersionDate, "T")
			fmt.Fprintln(p.out, strings.TrimSpace("pengingat "+reminder.Version+" "+date))
			return nil
		},
	}
	return p.jsonFlag(cmd)
}

// version says how old the program is. Whether there is a newer one is asked only when a person wants it (doctor --check-version).
func (x *examination) version(ctx context.Context) error {
	current, look := reminder.Version, x.say("version.look", "Page", releasesPage)
	if x.checkVersion {
		newest, err := newestRelease(ctx, x.machine.releases)
		switch {
		case err != nil:
			x.warn(x.say("version.not_known"), x.say("version.page_not_read"), look)
			x.found[len(x.found)-1].Details = err.Error()
		case !semver.IsValid(current):
			x.ok("version.no_release", "Newest", newest, "Version", current)
		case semver.Compare(newest, current) > 0:
			x.warn(x.say("version.newer", "Newest", newest), x.say("version.this", "Version", current), look)
		default:
			x.ok("version.newest", "Version", current)
		}
		return nil
	}
	switch months, old := reminder.VersionAge(x.machine.now()); {
	case old:
		x.warn(x.say("version.old", "Version", current, "N", months), x.say("version.does_not_ask"), "pengingat doctor --check-version")
	case reminder.VersionDate == "":
		x.ok("version.unknown_age", "Version", current)
	default:
		x.ok("version.age", "Version", current, "N", months)
	}
	return nil
}

// newestRelease asks GitHub for the tag of the newest release. The request tells nothing about this computer.
func newestRelease(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "pengingat") // GitHub refuses a request without one
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK { // 404 before the first release
		return "", fmt.Errorf("%s: %s", req.URL.Host, res.Status)
	}
	var release struct {
		Tag string `json:"tag_name"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&release); err != nil {
		return "", fmt.Errorf("%s: %w", req.URL.Host, err)
	}
	if !semver.IsValid(release.Tag) {
		return "", fmt.Errorf("%s: %q is no version", req.URL.Host, release.Tag)
	}
	return release.Tag, nil
}
