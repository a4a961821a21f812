package setup

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Environ returns the environment of a run: the variables of a .env file and those of the process, which win. real has
// the latter in the form of os.Environ. With an empty path, Environ looks for pengingat.env and .env, in the working
// directory and then in the folder of the program; if there is no such file, it returns only the real variables. An
// installed program looks only in its [Home], because an administrator may call it in the folder of somebody else.
// Environ also returns the name of the file that it has read, or "".
func Environ(path string, real []string) (environ map[string]string, file string, err error) {
	environ = map[string]string{}
	for _, entry := range real {
		if key, value, ok := strings.Cut(entry, "="); ok {
			environ[key] = value
		}
	}
	if file = path; file == "" {
		file = find()
	}
	if file != "" {
		data, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, file, reminder.NewFault(nil, "dotenv.does_not_exist", "File", file)
		case err != nil:
			return nil, file, reminder.NewFault(err, "dotenv.cannot_be_opened", "File", file)
		}
		vars, err := ParseDotenv(data, environ)
		if fault, ok := errors.AsType[*reminder.Fault](err); ok {
			return nil, file, reminder.NewFault(nil, "dotenv.file", "File", file, "Problem", fault.Message)
		}
		maps.Copy(vars, environ)
		environ = vars
	}
	return environ, file, nil
}

// Database returns a text that identifies the database of an environment. A caller with several settings files compares
// them: a variable of the process wins over all files, so all could use one database by mistake.
func Database(environ map[string]string) string {
	var parts []string
	for _, key := range []string{"DB_URL", "DATABASE_URL", "DB_CLOUDSQL_INSTANCE", "DB_SOCKET", "DB_HOST", "DB_PORT",
		"DB_DATABASE"} {
		parts = append(parts, environ[key])
	}
	return strings.Join(parts, "\n")
}

// find looks for the settings file when no path is given.
func find() string {
	folders := []string{"."}
	switch dir, installed, err := Home(); {
	case installed:
		folders = []string{dir}
	case err == nil:
		folders = append(folders, dir)
	}
	for _, folder := range folders {
		for _, name := range []string{"pengingat.env", ".env"} {
			file := filepath.Join(folder, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() {
				return file
			}
		}
	}
	return ""
}

// ParseDotenv reads a .env file exactly as Laravel does (vlucas/phpdotenv 5), so that a login that works there works
// here. real are the variables of the process, which win over those of the file, also in ${KEY}. No library does this:
// those for Go read quotes, comments and dollar signs differently.
//
// It also accepts two things that phpdotenv refuses and that have only one meaning: blanks in an unquoted value (a
// pasted Google App Password), and a file that is not UTF-8. Such a file is UTF-16 if it begins with a byte order mark,
// as PowerShell writes it, and Windows-1252 otherwise.
func ParseDotenv(data []byte, real map[string]string) (map[string]string, error) {
	vars := map[string]string{}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(DecodeText(data))), "\n")
	for i := 0; i < len(lines); i++ {
		number, entry, closed := i+1, lines[i], true
		if opens(entry) {
			// A value with an open quote continues until a line with a quote, even if that line is a comment.
			for closed = false; !closed && i+1 < len(lines); {
				i++
				entry += "\n" + lines[i]
				closed = lines[i] == `"` || quotes(lines[i]) > 0
			}
		}
		if entry = trim(entry); entry == "" || entry[0] == '#' {
			continue
		}
		wrong := func(key string, pairs ...any) error {
			return reminder.NewFault(nil, "dotenv.line", "Line", number, "Problem", reminder.Say(key, pairs...))
		}
		key, value, ok := strings.Cut(entry, "=")
		if key = trim(key); len(key) > 7 && strings.HasPrefix(key, "export") && isSpace(key[6:7]) {
			key = strings.TrimLeft(key[6:], space)
		}
		if n := len(key); n > 2 && key[0] == key[n-1] && (key[0] == '"' || key[0] == '\'') {
			key = key[1 : n-1]
		}
		switch {
		case !isName(key):
			return nil, wrong("dotenv.no_key_value")
		case !closed: // phpdotenv silently ignores it and the rest of the file
			return nil, wrong("dotenv.quote_not_closed", "Key", key)
		case !ok: // a key alone removes the variable
			delete(vars, key)
			continue
		}
		parsed, refs, problem := parseValue(trim(value))
		if problem != "" {
			return nil, wrong("dotenv.key", "Key", key, "Problem", reminder.Say(problem))
		}
		for _, at := range slices.Backward(refs) { // the last first, because a name may contain a ${KEY}
			if found := reference.FindString(parsed[at:]); found != "" {
				name := found[2 : len(found)-1]
				other, ok := real[name]
				if !ok {
					other, ok = vars[name]
				}
				if ok { // otherwise ${KEY} stays in the value
					parsed = parsed[:at] + other + parsed[at+len(found):]
				}
			}
			if len(parsed) > maxValue { // each ${KEY}${KEY} doubles the length
				return nil, wrong("dotenv.longer_than_bytes", "Key", key, "N", maxValue)
			}
		}
		vars[key] = parsed
	}
	return vars, nil
}

// DecodeText returns the text of a file that any Windows program may have written, as UTF-8 without a byte order mark.
func DecodeText(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		// broken characters become U+FFFD
		data, _ = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		data, _ = charmap.Windows1252.NewDecoder().Bytes(data) // every byte has a meaning in it
	}
	return data
}

// QuoteValue writes a value so that ParseDotenv and phpdotenv read it back.
func QuoteValue(value string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (isName(string(r)) || strings.ContainsRune("@:/+,-", r))
	}
	if !strings.ContainsFunc(value, func(r rune) bool { return !plain(r) }) {
		return value
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`,
		"\f", `\f`)
	return `"` + escaped.Replace(value) + `"`
}

// maxValue is the maximum length of a value, in bytes.
const maxValue = 1 << 16

const space = " \t\n\r\v\f"

func isSpace(s string) bool { return strings.Trim(s, space) == "" }

// trim is PHP's trim.
func trim(s string) string { return strings.Trim(s, " \t\n\r\v\x00") }

// opens reports whether phpdotenv continues the value of a line on the next lines.
func opens(line string) bool { return strings.Contains(line, `="`) && quotes(line) < 2 }

// quotes counts the double quotes of a line that follow another character than a backslash.
func quotes(line string) int {
	line = strings.TrimPrefix(strings.ReplaceAll(line, `\\`, ""), `"`)
	return strings.Count(line, `"`) - strings.Count(line, `\"`)
}

var (
	isName    = regexp.MustCompile(`^[\p{Ll}\p{Lu}\p{M}\p{N}_.]+$`).MatchString // of a variable
	reference = regexp.MustCompile(`^\$\{[a-zA-Z0-9_.]+\}`)
	blankThen = regexp.MustCompile(`[^\s\v][\s\v]+[\\'"$]`).MatchString // text with several possible meanings
	unescaped = map[byte]string{'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '"': `"`, '\\': `\`, '$': "$"}
)

// parseValue removes quotes, escapes and comments like phpdotenv. refs are the offsets in parsed at which a ${KEY} may
// begin. problem is the key of the message that says why the text is no value, or "".
func parseValue(value string) (parsed string, refs []int, problem string) {
	rest, closed := "", false
	switch {
	case strings.HasPrefix(value, `"`):
		if parsed, rest, refs, problem = unquote(value[1:]); problem != "" {
			return "", nil, problem
		}
	case strings.HasPrefix(value, "'"):
		if parsed, rest, closed = strings.Cut(value[1:], "'"); !closed {
			return "", nil, "dotenv.value_quote_not_closed"
		}
	default:
		text, _, _ := strings.Cut(value, "#")
		if blankThen(text) {
			return "", nil, "dotenv.text_after_value"
		}
		parsed = strings.TrimRight(text, space)
		for i, c := range parsed {
			if c == '$' {
				refs = append(refs, i)
			}
		}
	}
	if rest = strings.TrimLeft(rest, space); rest != "" && rest[0] != '#' {
		return "", nil, "dotenv.text_after_value"
	}
	return parsed, refs, ""
}

// unquote reads a text up to the closing double quote, and returns the rest after it.
func unquote(text string) (parsed, rest string, refs []int, problem string) {
	for {
		i := strings.IndexAny(text, `"\$`)
		if i < 0 || text[i:] == `\` {
			return "", "", nil, "dotenv.value_quote_not_closed"
		}
		special := text[i]
		parsed, text = parsed+text[:i], text[i+1:]
		switch special {
		case '"':
			return parsed, text, refs, ""
		case '$':
			refs, parsed = append(refs, len(parsed)), parsed+"$"
		case '\\':
			char, ok := unescaped[text[0]]
			if !ok {
				return "", "", nil, "dotenv.bad_escape"
			}
			parsed, text = parsed+char, text[1:]
		}
	}
}
