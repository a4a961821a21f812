// Command winres gives a program for Windows what Explorer shows of it: an icon, a version, and a manifest that says it
// needs no administrator. It writes them into the finished program, so that no object file lies among the sources.
//
//	winres PROGRAM.exe VERSION
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"os"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: winres PROGRAM.exe VERSION")
		os.Exit(64)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "winres:", err)
		os.Exit(1)
	}
}

func write(file, programVersion string) error {
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var resources winres.ResourceSet
	icon, err := winres.NewIconFromResizedImage(picture{}, nil)
	if err != nil {
		return err
	}
	if err := resources.SetIcon(winres.ID(1), icon); err != nil {
		return err
	}
	resources.SetManifest(winres.AppManifest{ExecutionLevel: winres.AsInvoker, LongPathAware: true})
	var info version.Info
	if strings.HasPrefix(programVersion, "v") { // not the digits of a commit
		info.SetFileVersion(programVersion)
		info.SetProductVersion(programVersion)
	}
	for key, value := range map[string]string{
		version.ProductName: "Pengingat", version.OriginalFilename: "pengingat.exe", version.LegalCopyright: "MIT",
		version.FileDescription: "Pengingat: mengingatkan peminjam perpustakaan lewat surel",
		version.FileVersion:     programVersion, version.ProductVersion: programVersion,
	} {
		if err := info.Set(version.LangDefault, key, value); err != nil {
			return err
		}
	}
	resources.SetVersionInfo(info)
	var out bytes.Buffer
	if err := resources.WriteToEXE(&out, bytes.NewReader(program)); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o755)
}

// A picture is the icon: an open book on a green tile, with a red dot for what is due. It is drawn large and made
// smaller by the library, which smooths its edges.
type picture struct{}

const side = 1024

func (picture) ColorModel() color.Model { return color.NRGBAModel }
func (picture) Bounds() image.Rectangle { return image.Rect(0, 0, side, side) }

func (picture) At(px, py int) color.Color {
	// From the middle, in halves of the side: -1..1, y downwards.
	x, y := float64(2*px)/side-1, float64(2*py)/side-1
	abs := max(x, -x)
	page := 0.08 + 0.25*abs*(1-abs) // pages are thickest near the back
	switch {
	case square(x-0.62)+square(y+0.62) < square(0.3):
		return color.NRGBA{0xd9, 0x30, 0x25, 0xff}
	case outside(abs, max(y, -y)):
		return color.NRGBA{}
	case abs < 0.03: // the back of the book
		return color.NRGBA{0x1b, 0x6e, 0x4a, 0xff}
	case abs < 0.72 && y > -0.42-page && y < 0.62-page:
		return color.NRGBA{0xff, 0xff, 0xff, 0xff}
	}
	return color.NRGBA{0x1b, 0x6e, 0x4a, 0xff}
}

// outside reports whether a point lies outside a tile with round corners.
func outside(x, y float64) bool {
	const edge, radius = 0.94, 0.25
	dx, dy := max(x-edge+radius, 0), max(y-edge+radius, 0)
	return square(dx)+square(dy) > square(radius)
}

func square(x float64) float64 { return x * x }
