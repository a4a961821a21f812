package letter

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// site returns the URL of the library's site, or "" if it is no URL or works only on the server, as in a new .env.
func site(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
		return ""
	}
	return u.String()
}

// cleanTitle is clean without the separators that catalogues keep at the end of a title ("Laskar pelangi /").
func cleanTitle(s string, limit int) string { return clean(strings.TrimRight(s, " /:;="), limit) }

const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d' // parts of Persian words and of emoji

// clean returns data for one line of a mail: without line breaks, control characters and characters that reorder the
// text around them, and at most limit characters long.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r <= '~': // most are, and the tables are slow
			return r
		case unicode.IsSpace(r), r == zeroWidthNonJoiner, r == zeroWidthJoiner:
			return r
		case unicode.Is(unicode.C, r), r&0xfffe == 0xfffe: // controls, formats, private use; noncharacters
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ") // line breaks are spaces, too
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	end := limit - 1
	joined := func(r rune) bool { return unicode.Is(unicode.M, r) || r == zeroWidthJoiner }
	for end > 1 && (joined(runes[end]) || runes[end-1] == zeroWidthJoiner) {
		end-- // keeps a letter with its accents, and the parts of an emoji together
	}
	cut := string(runes[:end])
	if space := strings.LastIndexByte(string(runes[:end+1]), ' '); space > len(cut)*2/3 {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " ,.:;/-") + "…"
}

// maxColumns is the width of the plain text. RFC 5322 section 2.1.1 recommends at most 78, and a reply adds "> ".
const maxColumns = 76

// wrap breaks long lines at spaces and keeps their indent ("* " counts as indent). It removes blanks at the end of
// lines, and all but one of several empty lines.
func wrap(text string) string {
	var out strings.Builder
	out.Grow(len(text) + len(text)/8)
	empty := true
	for line := range strings.SplitSeq(strings.TrimRight(text, " \n"), "\n") {
		words := strings.TrimSpace(line)
		if words == "" {
			if !empty {
				out.WriteByte('\n')
			}
			empty = true
			continue
		}
		empty = false
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		out.WriteString(indent)
		hanging := indent
		if strings.HasPrefix(words, "* ") {
			hanging += "  "
		}
		fill(&out, words, len(indent), maxColumns, hanging)
		out.WriteByte('\n')
	}
	return out.String()
}

// Fill breaks a text at spaces into lines of at most limit columns. The first line begins at a column, after other
// text; the others begin with an indent. A word that is longer than a line, such as a URL, is not broken.
func Fill(text string, column, limit int, indent string) string {
	var out strings.Builder
	fill(&out, text, column, limit, indent)
	return out.String()
}

func fill(out *strings.Builder, text string, column, limit int, indent string) {
	first := true
	for word := range strings.FieldsSeq(text) {
		switch width := utf8.RuneCountInString(word); {
		case first:
			column += width
		case column+1+width > limit:
			out.WriteString("\n" + indent)
			column = len(indent) + width
		default:
			out.WriteByte(' ')
			column += 1 + width
		}
		first = false
		out.WriteString(word)
	}
}
