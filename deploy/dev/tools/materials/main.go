// Command materials says what a release is made of, by what the linker wrote into a program:
//
//	materials PROGRAM VERSION SBOM.json LICENSES.txt
//
// It writes a bill of materials (CycloneDX), which has the modules that `go version -m PROGRAM` lists and no time of
// day, and the licences of all of them, which must go along with the program. The modules must be in the module cache.
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: materials PROGRAM VERSION SBOM.json LICENSES.txt")
	}
	info, err := buildinfo.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	info.Main.Version = os.Args[2] // the linker does not know it
	if err := bill(info, os.Args[3]); err != nil {
		log.Fatal(err)
	}
	if err := licenses(info, os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

// bill writes the bill of materials.
func bill(info *buildinfo.BuildInfo, file string) error {
	bom := cyclonedx.NewBOM()
	main := component(&info.Main, cyclonedx.ComponentTypeApplication)
	bom.Metadata = &cyclonedx.Metadata{Component: &main}
	components := []cyclonedx.Component{{
		Type: cyclonedx.ComponentTypePlatform, Name: "go", Version: strings.TrimPrefix(info.GoVersion, "go"),
		BOMRef: "go", Description: "the toolchain, and the standard library in the program",
	}}
	for _, m := range info.Deps {
		components = append(components, component(cmp.Or(m.Replace, m), cyclonedx.ComponentTypeLibrary))
	}
	bom.Components = &components
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return out.Close()
}

func component(m *debug.Module, kind cyclonedx.ComponentType) cyclonedx.Component {
	c := cyclonedx.Component{Type: kind, Name: m.Path, Version: m.Version, BOMRef: m.Path}
	if kind == cyclonedx.ComponentTypeLibrary {
		c.PackageURL = "pkg:golang/" + m.Path + "@" + m.Version
	}
	if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok { // a SHA-256 over the module's files, as in go.sum
		if raw, err := base64.StdEncoding.DecodeString(sum); err == nil {
			c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
		}
	}
	return c
}

// licenseFile is what a licence or a notice is called.
var licenseFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice)[^/]*$`)

// licenses writes the licences of the modules and of Go.
func licenses(info *buildinfo.BuildInfo, file string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Pengingat is made with these modules and with Go. Each is listed with its licence.\n")
	add := func(name, dir string) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		found := false
		for _, e := range entries {
			if e.IsDir() || !licenseFile.MatchString(e.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			found = true
			fmt.Fprintf(&b, "\n%s\n%s: %s\n%s\n\n%s\n", strings.Repeat("=", 100), name, e.Name(), strings.Repeat("=", 100),
				strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
		if !found {
			return fmt.Errorf("%s has no licence in %s: it may not be given away", name, dir)
		}
		return nil
	}
	if err := add("Go "+info.GoVersion, runtime.GOROOT()); err != nil {
		return err
	}
	deps := slices.Clone(info.Deps)
	slices.SortFunc(deps, func(a, b *debug.Module) int { return cmp.Compare(a.Path, b.Path) })
	for _, m := range deps {
		m = cmp.Or(m.Replace, m)
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m.Path+"@"+m.Version).Output()
		if err != nil {
			return fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		if err := add(m.Path+" "+m.Version, strings.TrimSpace(string(dir))); err != nil {
			return err
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
