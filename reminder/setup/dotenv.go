package setup

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Environ returns the environment of a run: the variables of a .env file, under the real ones, which win. With an empty
// path the file is looked for in the working directory, then beside the program, as pengingat.env and as .env; without
// any the real variables stand alone. It returns the file that was read, if any.
func Environ(path string, real []string) (environ map[string]string, file string, err error) {
	environ = map[string]string{}
	if file, err = find(path); err != nil {
		return nil, "", err
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, file, fmt.Errorf("read the settings: %w", err)
		}
		if environ, err = ParseDotenv(data); err != nil {
			return nil, file, fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, entry := range real {
		if key, value, ok := strings.Cut(entry, "="); ok {
			environ[key] = value
		}
	}
	return environ, file, nil
}

// Database names the database of an environment, to tell whether two are the same. A variable of the real environment wins
// over every file, so it would make one library of several.
func Database(environ map[string]string) string {
	var parts []string
	for _, key := range []string{"DB_CLOUDSQL_INSTANCE", "DB_SOCKET", "DB_HOST", "DB_PORT", "DB_DATABASE"} {
		parts = append(parts, environ[key])
	}
	return strings.Join(parts, "\n")
}

func find(path string) (string, error) {
	if path != "" {
		_, err := os.Stat(path)
		return path, err
	}
	folders := []string{"."}
	if exe, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(exe))
	}
	for _, folder := range folders {
		for _, name := range []string{"pengingat.env", ".env"} {
			file := filepath.Join(folder, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() {
				return file, nil
			}
		}
	}
	return "", nil
}

// ParseDotenv reads a .env file as Laravel does (vlucas/phpdotenv): KEY=value, an optional "export", comments after # at
// the start of a line or after a blank, 'literal' and "escaped" values, and ${KEY} in all but literal ones, which stands
// for an earlier value of the file. It is our own because the Go libraries also replace $KEY without braces, which would
// damage a password with a dollar sign in it.
//
// It is more forgiving than Laravel where that does no harm: a byte order mark, CR LF, blanks around =, and blanks in an
// unquoted value (a Google App Password as it was pasted). A file that is not UTF-8 is read as UTF-16 when it has that
// one's byte order mark, as PowerShell writes it, else as Windows-1252.
func ParseDotenv(data []byte) (map[string]string, error) {
	data = DecodeText(data)
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	vars := map[string]string{}
	for line := 1; text != ""; line++ {
		var current string
		current, text, _ = strings.Cut(text, "\n")
		current = strings.TrimSpace(current)
		if current == "" || current[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(current, "=")
		key = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(key), "export "))
		if !isName(key) {
			return nil, fmt.Errorf("line %d: not of the form KEY=value", line)
		}
		if !ok {
			continue // a key alone sets nothing
		}
		value = strings.TrimLeft(value, " \t")
		// A quoted value may go on over several lines.
		for isOpen(value) && text != "" {
			var next string
			next, text, _ = strings.Cut(text, "\n")
			value, line = value+"\n"+next, line+1
		}
		parsed, err := parseValue(value, vars)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", line, key, err)
		}
		if len(parsed) > maxValue { // each ${KEY}${KEY} doubles
			return nil, fmt.Errorf("line %d: %s: longer than %d bytes", line, key, maxValue)
		}
		vars[key] = parsed
	}
	return vars, nil
}

// DecodeText returns a text file that somebody made on some Windows as UTF-8, without a byte order mark.
func DecodeText(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		data, _ = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data) // what is broken becomes U+FFFD
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		data, _ = charmap.Windows1252.NewDecoder().Bytes(data) // every byte means something in it
	}
	return data
}

// QuoteValue writes a value as ParseDotenv, and Laravel, read it back.
func QuoteValue(value string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (isName(string(r)) || strings.ContainsRune("@:/+,-", r))
	}
	if !strings.ContainsFunc(value, func(r rune) bool { return !plain(r) }) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}

// maxValue bounds one value.
const maxValue = 1 << 16

// isOpen reports whether value begins with a quote that it does not close.
func isOpen(value string) bool {
	return value != "" && (value[0] == '"' || value[0] == '\'') && closing(value) < 0
}

// closing returns where the quote that value begins with is closed, or -1.
func closing(value string) int {
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case value[0]:
			return i
		}
	}
	return -1
}

// parseValue takes off quotes and comments and resolves ${KEY}.
func parseValue(value string, vars map[string]string) (string, error) {
	if value == "" {
		return "", nil
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		end := closing(value)
		if end < 0 {
			return "", fmt.Errorf("the quote %c is not closed", quote)
		}
		if rest := strings.TrimSpace(value[end+1:]); rest != "" && rest[0] != '#' {
			return "", fmt.Errorf("there is text after the closing quote %c", quote)
		}
		inner := value[1:end]
		if quote == '\'' {
			return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(inner), nil
		}
		return expand(inner, vars, quoted), nil
	}
	return expand(strings.TrimSpace(comment.ReplaceAllString(value, "")), vars, reference), nil
}

var (
	isName    = regexp.MustCompile(`^[\w.]+$`).MatchString // of a variable
	comment   = regexp.MustCompile(`(?s)(^|[ \t])#.*`)
	reference = regexp.MustCompile(`\$\{[\w.]+\}`)
	quoted    = regexp.MustCompile(`\\[nrt"\\$]|` + reference.String())
	unescaped = map[string]string{`\n`: "\n", `\r`: "\r", `\t`: "\t", `\"`: `"`, `\\`: `\`, `\$`: "$"}
)

// expand resolves ${KEY} and, in double quotes, the escapes. phpdotenv refuses others; a Windows path that was not escaped
// is more likely.
func expand(s string, vars map[string]string, special *regexp.Regexp) string {
	return special.ReplaceAllStringFunc(s, func(found string) string {
		if found[0] == '$' {
			return vars[found[2:len(found)-1]]
		}
		return unescaped[found]
	})
}
