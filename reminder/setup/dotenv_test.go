package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/text"
)

// The right sides are the results of phpdotenv 5 for the left ones, according to its Lines, Lexer, EntryParser and
// Resolver.
func TestParseDotenv(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"plain", "A=b", "b"},
		{"blanks around", "  A = b  ", "b"},
		{"export", "export AB=b\nA=${AB}", "b"},
		{"export and a tab", "export\t'AB'=b\nA=${AB}", "b"},
		{"a quoted key", `'A'=b`, "b"},
		{"a key in double quotes", `"A"=b`, "b"},
		{"double quotes", `A="b # c"`, "b # c"},
		{"single quotes are literal", `A='${B} \n $x'`, `${B} \n $x`},
		{"a backslash before a single quote", `A='rahasia\'`, `rahasia\`},
		{"two backslashes in single quotes", `A='a\\b'`, `a\\b`},
		{"a comment after a value", "A=b # c", "b"},
		{"a comment after quotes", `A="b" # c`, "b"},
		{"a comment right after quotes", `A='b'#c`, "b"},
		{"a hash ends a value", "A=b#c", "b"},
		{"a hash at the beginning", "A=#b", ""},
		{"only a comment", "A= # c", ""},
		{"empty", "A=", ""},
		{"empty quotes", `A=""`, ""},
		{"empty single quotes", `A=''`, ""},
		{"expanded", "B=x\nA=${B}-${B}", "x-x"},
		{"expanded in quotes", "APP_NAME=\"Perpus 6\"\nA=\"${APP_NAME}\"", "Perpus 6"},
		{"not in single quotes", "B=x\nA='${B}'", "${B}"},
		{"the real one wins, also in a value", "REAL=file\nA=${REAL}", "real"},
		{"not expanded without braces", `A="pa$word"`, "pa$word"},
		{"an escaped dollar", "B=x\nA=\"\\${B}\"", "${B}"},
		{"what is not set stays", "A=x${NOPE}y", "x${NOPE}y"},
		{"what is not set stays, in quotes", `A="pa${x}ss"`, "pa${x}ss"},
		{"what is not set yet stays", "A=${B}\nB=x", "${B}"},
		{"set to nothing", "B=\nA=x${B}y", "xy"},
		{"taken away", "B=x\nB\nA=${B}", "${B}"},
		{"a name within a name", "B=x\nCx=y\nA=${C${B}}", "y"},
		{"what a value brings is not expanded", "B='${C}'\nC=x\nA=${B}", "${C}"},
		{"a dollar before what a value brings", "B='{C}'\nC=x\nA=$${B}", "x"},
		{"an unfinished expansion", "A=x${y", "x${y"},
		{"escapes", `A="a\nb\"c\\d\t\r\f\v\$"`, "a\nb\"c\\d\t\r\f\v$"},
		{"an escape and more letters", `A="a\next"`, "a\next"},
		{"a backslash without quotes", `A=D:\web\TA`, `D:\web\TA`},
		{"quotes inside a value", `A=a"b"c'd`, `a"b"c'd`},
		{"single quotes in double ones", `A="it's"`, "it's"},
		{"double quotes in single ones", `A='say "x"'`, `say "x"`},
		{"an equals sign in a value", "A=base64:x==", "base64:x=="},
		{"several lines", "A=\"b\nc\"", "b\nc"},
		{"several lines, quotes inside", "A=\"b\n\\\"c\\\"\nd\"", "b\n\"c\"\nd"},
		{"several lines that end in a quote alone", "A=\"b\n\"", "b\n"},
		{"several lines, then more", "C=\"b\nc\"\nA=e", "e"},
		{"a comment that opens a quote hides what follows", "# C=\"b\nA=1\nB=\"x\"\nA=2", "2"},
		{"a comment that opens a quote for ever hides the rest", "A=1\n# C=\"b\nA=2", "1"},
		{"CR LF", "B=b\r\nA=c\r\n", "c"},
		{"CR alone", "B=b\rA=c\r", "c"},
		{"byte order mark", "\ufeffA=b", "b"},
		{"Windows-1252", "A=\"caf\xe9\"", "café"},
		{"UTF-16, as PowerShell writes it", "\xff\xfeA\x00=\x00\xe9\x00\r\x00\n\x00", "é"},
		{"UTF-16, the other way round", "\xfe\xff\x00A\x00=\x00b", "b"},
		{"a tab before a comment", "A=b\t# c", "b"},
		{"the last one counts", "A=1\nA=2", "2"},
		{"letters of other alphabets in a key", "KÄSE=x\nA=b", "b"},

		// phpdotenv refuses these two, but they have only one possible meaning.
		{"an app password as pasted", "A=abcd efgh ijkl mnop  # Gmail", "abcd efgh ijkl mnop"},
		{"export and one letter", "export A=b", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars, err := ParseDotenv([]byte(tt.file), map[string]string{"REAL": "real"})
			require.NoError(t, err)
			assert.Equal(t, tt.want, vars["A"])
		})
	}
}

// What phpdotenv refuses is an error with the number of the line, in both languages.
func TestDotenvThatIsRefused(t *testing.T) {
	for _, tt := range []struct{ file, id, en string }{
		{"A=b\nthis is no setting", "Baris 2: bukan KUNCI=nilai", "Line 2: not of the form"},
		{"=b", "Baris 1: bukan", "Line 1: not"},
		{"'A=b", "Baris 1: bukan", "Line 1: not"},
		{"FOO-BAR=b", "Baris 1: bukan", "Line 1: not"},
		{"B=x\n\nA=\"b\nC=d", "Baris 3: A: tanda kutip", "Line 3: A: the quote"}, // phpdotenv loses A and all below it
		{`A='b`, "Baris 1: A: tanda kutipnya tidak ditutup", "Line 1: A: its quote"},
		{`A="b" c`, "Baris 1: A: ada teks", "Line 1: A: there is text"},
		{`A='b'c'`, "Baris 1: A: ada teks", "Line 1: A: there is text"},
		{`A=b "c # d"`, "Baris 1: A: ada teks", "Line 1: A: there is text"},
		{`A=b $c`, "Baris 1: A: ada teks", "Line 1: A: there is text"},
		{`A="D:\web"`, "Baris 1: A: di dalam tanda kutip", "Line 1: A: within quotes"},
		{`A="a\'b"`, "Baris 1: A: di dalam tanda kutip", "Line 1: A: within quotes"},
		{"B=\"x\ny\"\nA=\"\\q\"", "Baris 3: A: di dalam", "Line 3: A: within"},
		{"A=xxxxxxxx\n" + strings.Repeat("A=${A}${A}\n", 20), "Baris 15: A: lebih panjang", "Line 15: A: longer"},
	} {
		_, err := ParseDotenv([]byte(tt.file), nil)
		require.Error(t, err, tt.file)
		assert.Contains(t, text.In("id").Error(err), tt.id)
		assert.Contains(t, text.In("en").Error(err), tt.en)
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
	for _, seed := range []string{"A=b", "A=\"b\\", "A='", "export =", "A=${", "\ufeff#\r\r\n", "A=\xff\xfe",
		"A=\"${A}${A}\"", "A=#", "=", "A"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := ParseDotenv(data, nil)
		if err != nil {
			require.True(t, strings.HasPrefix(text.In("en").Error(err), "Line "), "an error names its line: %v", err)
			return
		}
		for key := range vars {
			require.True(t, isName(key))
		}
	})
}

// FuzzQuoteValue: a quoted value is read back unchanged.
func FuzzQuoteValue(f *testing.F) {
	for _, seed := range []string{"", "abc", "p@$$ w\"ord\\", "#x", "${A}", "a\nb\r\t", "'", "null", "café 📚", "\\n",
		"\v\f", "=\"", "x\"\ny"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) || strings.HasPrefix(value, "\ufeff") {
			return // a file of text holds text
		}
		vars, err := ParseDotenv([]byte("A="+QuoteValue(value)+"\nB=x"), nil)
		require.NoError(t, err, QuoteValue(value))
		require.Equal(t, value, vars["A"])
		require.Equal(t, "x", vars["B"])
	})
}
