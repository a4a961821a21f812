package setup

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// An installed program has its settings in a folder that only administrators can read, any other one in its own folder.
func TestHome(t *testing.T) {
	windows := map[string]string{"ProgramFiles": `C:\Program Files`, "ProgramFiles(x86)": `C:\Program Files (x86)`,
		"ProgramData": `C:\ProgramData`}
	for _, tt := range []struct {
		system, exe, dir string
		installed        bool
	}{
		{"windows", `C:\Program Files\Pengingat\pengingat.exe`, `C:\ProgramData\Pengingat`, true},
		{"windows", `c:\program files (x86)\Pengingat\pengingat.exe`, `C:\ProgramData\Pengingat`, true},
		{"linux", "/usr/bin/pengingat", "/etc/pengingat", true},
		{"linux", "/opt/pengingat/pengingat", "/opt/pengingat", false},
		{"linux", "/usrlocal/pengingat", "/usrlocal", false},
	} {
		dir, installed := home(tt.exe, tt.system, func(key string) string { return windows[key] })
		assert.Equal(t, tt.dir, dir, tt.exe)
		assert.Equal(t, tt.installed, installed, tt.exe)
	}
	_, installed := home(`C:\Program Filesystem\pengingat.exe`, "windows", func(key string) string { return windows[key] })
	assert.False(t, installed)
}
