package release

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return strings.ReplaceAll(string(content), "\r\n", "\n")
}

// fields reads the plain keys of a manifest for winget; the entries of a list count as keys of it.
func fields(manifest string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:  - |    )?(\w+): +(.+)$`).FindAllStringSubmatch(manifest, -1) {
		all[m[1]] = strings.Trim(m[2], `"`)
	}
	return all
}

// TestManifests: the manifests for winget and Scoop have what their schemas require, and name what dist.sh and the
// setup program really make.
func TestManifests(t *testing.T) {
	dist, setup := text(t, "dist.sh"), text(t, "pengingat.nsi")
	const base = "https://github.com/mtsn6garut/pengingat/releases/download/v@VERSION@/"
	file := func(url string) string { // as dist.sh writes the name
		name, ok := strings.CutPrefix(url, base)
		require.True(t, ok, url)
		return strings.ReplaceAll(name, "@VERSION@", "$number")
	}
	kinds := map[string][]string{
		"version":       {"DefaultLocale"},
		"installer":     {"InstallerType", "Architecture", "InstallerUrl", "InstallerSha256"},
		"defaultLocale": {"PackageLocale", "Publisher", "PackageName", "License", "ShortDescription"},
		"locale":        {"PackageLocale"},
	}
	names, err := filepath.Glob("manifests/*.yaml")
	require.NoError(t, err)
	require.Len(t, names, len(kinds))
	for _, name := range names {
		f := fields(text(t, name))
		required, ok := kinds[f["ManifestType"]]
		require.True(t, ok, name)
		delete(kinds, f["ManifestType"])
		for _, key := range append(required, "PackageIdentifier", "PackageVersion", "ManifestVersion") {
			assert.NotEmpty(t, f[key], "%s: %s", name, key)
		}
		assert.True(t, strings.HasPrefix(filepath.Base(name), f["PackageIdentifier"]+"."), name)
		assert.Equal(t, "@VERSION@", f["PackageVersion"], name)
		assert.LessOrEqual(t, len(f["ShortDescription"]), 256)
		switch f["ManifestType"] {
		case "installer":
			assert.Contains(t, dist, "setup=$out/"+file(f["InstallerUrl"])+"\n")
			assert.Equal(t, "@SETUP_SHA256@", f["InstallerSha256"])
			assert.Contains(t, setup, `CurrentVersion\Uninstall\`+f["ProductCode"]+`"`, "by which winget finds it again")
			assert.Contains(t, setup, "RequestExecutionLevel admin")
		case "defaultLocale":
			assert.Contains(t, setup, `DisplayName "`+f["PackageName"]+`"`)
			assert.Contains(t, setup, `Publisher "`+f["Publisher"]+`"`)
		}
	}

	var scoop struct {
		Version, Description, Homepage, License, Bin string
		Architecture                                 map[string]struct{ URL, Hash string }
		ExtractDir                                   string `json:"extract_dir"`
		PreInstall                                   string `json:"pre_install"`
		Checkver                                     string
		Persist                                      []string
		Autoupdate                                   struct {
			Architecture map[string]struct{ URL string }
			ExtractDir   string `json:"extract_dir"`
			Hash         struct{ URL string }
		}
	}
	decoder := json.NewDecoder(strings.NewReader(text(t, "manifests/pengingat.json")))
	decoder.DisallowUnknownFields() // as Scoop's schema
	require.NoError(t, decoder.Decode(&scoop))
	archive := scoop.Architecture["64bit"]
	assert.Contains(t, dist, "zip=$out/"+file(archive.URL)+" ")
	assert.Equal(t, "@ZIP_SHA256@", archive.Hash)
	assert.Contains(t, dist, "folder=$work/$1/"+file(base+scoop.ExtractDir)+"\n")
	assert.Equal(t, "pengingat.exe", scoop.Bin)
	assert.Equal(t, archive.URL, strings.ReplaceAll(scoop.Autoupdate.Architecture["64bit"].URL, "$version", "@VERSION@"))
	assert.Equal(t, scoop.ExtractDir, strings.ReplaceAll(scoop.Autoupdate.ExtractDir, "$version", "@VERSION@"))
	assert.Contains(t, dist, filepath.Base(scoop.Autoupdate.Hash.URL))
}
