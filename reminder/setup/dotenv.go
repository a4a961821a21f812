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

// Environ returns the environment of a run: the variables of a .env file and, over them, the real ones. With an empty
// path it looks for pengingat.env and .env, in the working directory and then beside the program; without a file there
// are only the real variables. An installed program looks only in its [Home], because an administrator may call it in a
// folder of somebody else. Environ also returns the name of the file that it has read, or "".
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

// Database returns what identifies the database of an environment. With several files, a variable of the real
// environment wins over each of them, so that all would use one database: the caller compares them.
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
// here. real are the variables of the environment: they win over those of the file, also in ${KEY}. There is no library
// for this: those for Go read quotes, comments and dollar signs differently.
//
// It also accepts two things that phpdotenv refuses and that have only one meaning: blanks in an unquoted value (a
// pasted Google App Password), and a file that is not UTF-8. Such a file is UTF-16 when it begins with a byte order
// mark, as PowerShell writes it, and Windows-1252 otherwise.
func ParseDotenv(data []byte, real map[string]string) (map[string]string, error) {
	vars := map[string]string{}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(DecodeText(data))), "\n")
	for i := 0; i < len(lines); i++ {
		number, entry, closed := i+1, lines[i], true
		if opens(entry) {
			// A quote that is not closed goes on until a line with a quote, even when the line is a comment.
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
		case !closed: // phpdotenv silently drops it and the rest of the file
			return nil, wrong("dotenv.quote_not_closed", "Key", key)
		case !ok: // a key alone removes the variable
			delete(vars, key)
			continue
		}
		parsed, refs, problem := parseValue(trim(value))
		if problem.Key != "" {
			return nil, wrong("dotenv.key", "Key", key, "Problem", problem)
		}
		for _, at := range slices.Backward(refs) { // the last first, because a name may contain a ${KEY}
			if found := reference.FindString(parsed[at:]); found != "" {
				name := found[2 : len(found)-1]
				other, ok := real[name]
				if !ok {
					other, ok = vars[name]
				}
				if ok { // otherwise it stays unchanged
					parsed = parsed[:at] + other + parsed[at+len(found):]
				}
			}
			if len(parsed) > maxValue { // each ${KEY}${KEY} doubles
				return nil, wrong("dotenv.longer_than_bytes", "Key", key, "N", maxValue)
			}
		}
		vars[key] = parsed
	}
	return vars, nil
}

// DecodeText returns a text file of any Windows program as UTF-8 without a byte order mark.
func DecodeText(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		// broken characters become U+FFFD
		data, _ = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		data, _ = charmap.Windows1252.NewDecoder().Bytes(data) // it has a meaning for every byte
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

// maxValue bounds one value.
const maxValue = 1 << 16

const space = " \t\n\r\v\f"

func isSpace(s string) bool { return strings.Trim(s, space) == "" }

// trim is the function of PHP.
func trim(s string) string { return strings.Trim(s, " \t\n\r\v\x00") }

// opens reports whether phpdotenv continues the value of a line on the next lines.
func opens(line string) bool { return strings.Contains(line, `="`) && quotes(line) < 2 }

// quotes counts the double quotes of a line that follow another character than a backslash.
func quotes(line string) (n int) {
	line = strings.ReplaceAll(line, `\\`, "")
	for i := 1; i < len(line); i++ {
		if line[i] == '"' && line[i-1] != '\\' {
			n++
		}
	}
	return n
}

var (
	isName    = regexp.MustCompile(`^[\p{Ll}\p{Lu}\p{M}\p{N}_.]+$`).MatchString // of a variable
	reference = regexp.MustCompile(`^\$\{[a-zA-Z0-9_.]+\}`)
	token     = regexp.MustCompile(`[\r\n]+|[ \t\v\f]+|[\\'"#$]|[^\s\v\\'"#$]+`)
	unescaped = map[byte]string{'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '"': `"`, '\\': `\`, '$': "$"}
)

// parseValue removes quotes, escapes and comments like the state machine of phpdotenv. refs are the places in parsed
// where a ${KEY} may stand. problem says why the text is no value.
func parseValue(value string) (parsed string, refs []int, problem reminder.Message) {
	const (
		initial = iota
		unquoted
		single
		double
		escape
		after // the value: blanks or a comment
	)
	var out strings.Builder
	state, blanks, quoted := initial, "", false
	for _, t := range token.FindAllString(value, -1) {
		switch state {
		case initial, unquoted:
			switch {
			case state == initial && (t == `'` || t == `"`):
				state, quoted = map[string]int{`'`: single, `"`: double}[t], true
				continue
			case t == "#":
				return out.String(), refs, problem
			case state == unquoted && isSpace(t):
				state, blanks = after, t
				continue
			case t == "$":
				refs = append(refs, out.Len())
			}
			state = unquoted
			out.WriteString(t)
		case single:
			if t == `'` {
				state = after
			} else {
				out.WriteString(t)
			}
		case double:
			switch t {
			case `"`:
				state = after
			case `\`:
				state = escape
			default:
				if t == "$" {
					refs = append(refs, out.Len())
				}
				out.WriteString(t)
			}
		case escape:
			char, ok := unescaped[t[0]]
			if !ok {
				return "", nil, reminder.Say("dotenv.bad_escape")
			}
			out.WriteString(char + t[1:])
			state = double
		case after:
			switch {
			case t == "#":
				return out.String(), refs, problem
			case isSpace(t):
				blanks += t
			case quoted || strings.Contains(`\'"$`, t): // a blank before one of those has several possible meanings
				return "", nil, reminder.Say("dotenv.text_after_value")
			default:
				out.WriteString(blanks + t)
				state = unquoted
			}
		}
	}
	if state == single || state == double || state == escape {
		return "", nil, reminder.Say("dotenv.value_quote_not_closed")
	}
	return out.String(), refs, problem
}
