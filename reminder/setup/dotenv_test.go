package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDotenv(t *testing.T) {
	for _, tt := range []struct{ name, file, key, want string }{
		{"plain", "A=b", "A", "b"},
		{"blanks around", "  A = b c  ", "A", "b c"},
		{"export", "export A=b", "A", "b"},
		{"double quotes", `A="b # c"`, "A", "b # c"},
		{"single quotes are literal", `A='${B} \n $x'`, "A", `${B} \n $x`},
		{"comment after a value", "A=b # c", "A", "b"},
		{"comment after quotes", `A="b" # c`, "A", "b"},
		{"hash inside a value", "A=b#c", "A", "b#c"},
		{"only a comment", "A= # c", "A", ""},
		{"empty", "A=", "A", ""},
		{"expanded", "B=x\nA=${B}-${B}", "A", "x-x"},
		{"expanded in quotes", "APP_NAME=\"Perpus 6\"\nA=\"${APP_NAME}\"", "A", "Perpus 6"},
		{"not expanded without braces", `A="pa$word"`, "A", "pa$word"},
		{"escaped dollar", `A="\${B}"`, "A", "${B}"},
		{"unknown is empty", "A=x${NOPE}y", "A", "xy"},
		{"unfinished expansion", "A=x${y", "A", "x${y"},
		{"escapes", `A="a\nb\"c\\d"`, "A", "a\nb\"c\\d"},
		{"Windows path", `A="D:\web\TA"`, "A", `D:\web\TA`},
		{"several lines", "A=\"b\nc\"\nD=e", "D", "e"},
		{"several lines, the value", "A=\"b\nc\"\nD=e", "A", "b\nc"},
		{"CR LF", "A=b\r\nB=c\r\n", "B", "c"},
		{"byte order mark", "\ufeffA=b", "A", "b"},
		{"Windows-1252", "A=\"caf\xe9\"", "A", "café"},
		{"UTF-16, as PowerShell writes it", "\xff\xfeA\x00=\x00\xe9\x00\r\x00\n\x00", "A", "é"},
		{"UTF-16, the other way round", "\xfe\xff\x00A\x00=\x00b", "A", "b"},
		{"blanks and quotes", "A = \"b c\"  # d", "A", "b c"},
		{"equals sign in a value", "A=base64:x==", "A", "base64:x=="},
		{"app password as pasted", "A=abcd efgh ijkl mnop", "A", "abcd efgh ijkl mnop"},
		{"the last one counts", "A=1\nA=2", "A", "2"},
		{"empty quotes", `A=""`, "A", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars, err := ParseDotenv([]byte(tt.file))
			require.NoError(t, err)
			assert.Equal(t, tt.want, vars[tt.key])
		})
	}
	for name, bad := range map[string]string{"line 2: not of the form": "A=b\nthis is no setting", "line 1: A: the quote": `A="b`, "after the closing": `A="b" c`,
		"longer than": "A=xxxxxxxx\n" + strings.Repeat("A=${A}${A}\n", 20)} {
		_, err := ParseDotenv([]byte(bad))
		assert.ErrorContains(t, err, name)
	}
}

func TestEnviron(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	environ, file, err := Environ("", []string{"A=real", "=C:=C:\\"})
	require.NoError(t, err)
	assert.Empty(t, file)
	assert.Equal(t, "real", environ["A"])

	require.NoError(t, os.WriteFile(".env", []byte("A=file\nB=file"), 0o600))
	environ, file, err = Environ("", []string{"A=real"})
	require.NoError(t, err)
	assert.Equal(t, ".env", file)
	assert.Equal(t, "real", environ["A"], "real variables win")
	assert.Equal(t, "file", environ["B"])

	require.NoError(t, os.WriteFile("pengingat.env", []byte("B=ours"), 0o600))
	environ, _, err = Environ("", nil)
	require.NoError(t, err)
	assert.Equal(t, "ours", environ["B"])

	_, _, err = Environ(filepath.Join(dir, "missing.env"), nil)
	assert.ErrorContains(t, err, "missing.env")
}

func FuzzDotenv(f *testing.F) {
	for _, seed := range []string{"A=b", "A=\"b\\", "A='", "export =", "A=${", "\ufeff#\r\r\n", "A=\xff\xfe", "A=\"${A}${A}\"", "A=#", "=", "A"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := ParseDotenv(data)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "line "), "an error names its line: %v", err)
			return
		}
		for key := range vars {
			require.True(t, isName(key))
		}
	})
}

// FuzzQuoteValue: whatever is quoted is read back as it was.
func FuzzQuoteValue(f *testing.F) {
	for _, seed := range []string{"", "abc", "p@$$ w\"ord\\", "#x", "${A}", "a\nb\r\t", "'", "null", "café 📚", "\\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) || strings.HasPrefix(value, "\ufeff") {
			return // a file of text holds text
		}
		vars, err := ParseDotenv([]byte("A=" + QuoteValue(value) + "\nB=x"))
		require.NoError(t, err, QuoteValue(value))
		require.Equal(t, value, vars["A"])
		require.Equal(t, "x", vars["B"])
	})
}
