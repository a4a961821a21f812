// Command package writes the archive from which the platform builds the function:
//
//	go run ./deploy/package -version v1.2.3 dist/pengingat-function.zip
//
// In it is what `go list` says the function is made of on the platform, and nothing else: no test, no command, no code
// for another system. The same sources and version give the same bytes, so that an archive can be compared with a tag,
// and Terraform builds anew only what has changed.
//
// The modules that the function needs are not in it. The platform loads them by go.mod and go.sum, which are those that
// the tests ran with: another version or another content of a module ends the build. A vendor folder would make sixteen
// times as much of it (1.6 MB), and would have to contain the framework's server, although only the main that the
// platform generates imports it. It would save the use of a module proxy, which the platform has anyway.
//
// The version goes in as a source file: whoever builds the archive chooses the linker flags.
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	log.SetFlags(0)
	version := flag.String("version", "dev", "what the function's reports give as its version")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: go run ./deploy/package [-version V] FILE.zip")
	}
	if err := write(flag.Arg(0), *version); err != nil {
		log.Fatal(err)
	}
}

func write(file, version string) error {
	names, err := sources()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // again, after what is returned
	z := zip.NewWriter(out)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := add(z, name, text); err != nil {
			return err
		}
	}
	err = add(z, "reminder/version.go", fmt.Appendf(nil, "package reminder\n\nfunc init() { Version = %q }\n", version))
	return errors.Join(err, z.Close(), out.Close())
}

// add writes one file with the same mode and time everywhere.
func add(z *zip.Writer, name string, text []byte) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate,
		Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)} // the first that the format knows
	header.SetMode(0o644)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// sources returns the names of the function's files, sorted.
func sources() ([]string, error) {
	list := exec.Command("go", "list", "-deps", "-json=Dir,Module,GoFiles,EmbedFiles", ".")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	list.Stderr = os.Stderr
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	names := []string{"go.mod", "go.sum", "LICENSE"}
	for packages := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Main bool
				Dir  string
			}
			GoFiles, EmbedFiles []string
		}
		switch err := packages.Decode(&p); {
		case errors.Is(err, io.EOF):
			slices.Sort(names)
			return names, nil
		case err != nil:
			return nil, err
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		dir, err := filepath.Rel(p.Module.Dir, p.Dir)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Concat(p.GoFiles, p.EmbedFiles) {
			names = append(names, path.Join(filepath.ToSlash(dir), name))
		}
	}
}
