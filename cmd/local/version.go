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

	"golang.org/x/mod/semver"

	"github.com/mtsn6garut/pengingat/reminder"
)

// latestRelease is the URL at which GitHub describes the newest release to programs.
const latestRelease = "https://api.github.com/repos/mtsn6garut/pengingat/releases/latest"

func (c *call) version(context.Context) error {
	if c.on("json") {
		return c.printJSON(map[string]string{"version": reminder.Version, "date": reminder.VersionDate,
			"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
	}
	date, _, _ := strings.Cut(reminder.VersionDate, "T")
	fmt.Fprintln(c.out, strings.TrimSpace("pengingat "+reminder.Version+" "+date))
	return nil
}

// newestRelease asks GitHub for the tag of the newest release. The request contains nothing about this computer.
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
