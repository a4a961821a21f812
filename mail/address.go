package mail

import (
	"errors"
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The errors of ParseAddress. They do not contain the text.
var (
	ErrNoAddress = errors.New("no usable e-mail address")
	// ErrTornAddress wraps ErrNoAddress. It means that the address may be incomplete, because the text before or after it
	// may belong to it, as in "siti,aminah@x.id". An incomplete address may be somebody else's.
	ErrTornAddress = fmt.Errorf("%w: it may be one half of another", ErrNoAddress)
)

// ParseAddress finds the address in raw, a field that people fill in. Of several ("a@x.id; b@x.id") it returns the
// first, because a message never has two recipients. It never returns a part of an address, because that may be
// somebody else's. The domain is in lower case and in ASCII (punycode). The local part is unchanged, because only the
// server of the domain knows whether case matters.
func ParseAddress(raw string) (Address, error) {
	field := strings.Map(halfWidth, unescape(raw))
	at := strings.IndexByte(field, '@')
	if at < 0 {
		return Address{}, ErrNoAddress
	}
	start := strings.LastIndexFunc(field[:at], isSeparator) + 1
	for start > 0 && !utf8.RuneStart(field[start]) {
		start++ // separators may be longer than a byte
	}
	end := len(field)
	if i := strings.IndexFunc(field[at:], isSeparator); i >= 0 {
		end = at + i
	}
	before, word, after := field[:start], trimInvisible(field[start:end]), field[end:]
	if len(word) > 2 && word[0] == '\'' && word[len(word)-1] == '\'' {
		word = word[1 : len(word)-1]
	}
	addr, ok := canonical(strings.TrimSuffix(word, "."))
	if !ok {
		return Address{}, ErrNoAddress
	}
	name, bracket := strings.CutSuffix(before, "<") // Siti Aminah <siti@x.id>
	named := bracket && strings.HasPrefix(after, ">") && strings.TrimRightFunc(name, isSeparator) != name
	if !named && (!isSeparate(before, word) || continues(after)) {
		return Address{}, ErrTornAddress
	}
	return Address{Addr: addr}, nil
}

var entity = re(`&[^;]{0,10};`)

// unescape decodes the HTML entities that PHP programs put into text before they store it (sean.o&#039;neil,
// siti@x.id &amp; budi@x.id), also where two programs did so.
func unescape(s string) string {
	for i := 0; i < 2 && strings.Contains(s, "&"); i++ {
		s = entity().ReplaceAllStringFunc(s, html.UnescapeString)
	}
	return s
}

// halfWidth turns the wide forms of ASCII characters, which East Asian keyboards type, into ASCII.
func halfWidth(r rune) rune {
	if r >= 0xff01 && r <= 0xff5e {
		return r - 0xfee0
	}
	return r
}

// isSeparator reports whether r separates or surrounds addresses. RFC 5322 allows "/", "|" and "&" in an address, but
// people type them between addresses.
func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(",;:/|&()[]<>\"“”«»、،", r)
}

// trimInvisible removes invisible characters at both ends. Copied text often has them.
func trimInvisible(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) })
}

// Words that people write into an address field.
const (
	mailLabels   = " email e-mail mail mailto surel pos-el "
	phoneLabels  = " hp no nomor tel telp tlp telepon phone mobile wa whatsapp sms "
	conjunctions = " dan atau and or "
)

// isSeparate reports whether the text before an address is surely no part of it: nothing, dashes, a label, or a phone
// number that has a label or the form of one.
func isSeparate(before, word string) bool {
	phone, digits := false, ""
	gap := before[len(strings.TrimRightFunc(before, isSeparator)):]
	for w := range strings.FieldsFuncSeq(strings.ToLower(before), isSeparator) {
		w = strings.Trim(trimInvisible(w), "-–—*")
		switch {
		case w == "" || strings.Contains(mailLabels, " "+w+" ") && strings.ContainsAny(gap, ":(<"):
		case strings.Contains(phoneLabels, " "+strings.Trim(w, ".")+" "):
			phone = true
		case strings.Trim(w, "+-.0123456789") == "" && !strings.HasSuffix(w, "."):
			digits += strings.Trim(w, "+-.")
		default:
			return false
		}
	}
	switch {
	case digits != "" && word[0] >= '0' && word[0] <= '9':
		return false // as in "0812345,678@x.id"
	case phone:
		return len(digits) > 3
	case digits != "": // a comma alone may be a mistyped dot
		return strings.Trim(gap, ",;/|") != "" && len(digits) > 7 && (digits[0] == '0' || strings.HasPrefix(digits, "62"))
	}
	return true
}

// continues reports whether the text after an address may be the rest of its domain, as in "siti@yahoo.co. id" or
// "siti@yahoo.co,id". Another address, a remark in brackets and a label may not.
func continues(after string) bool {
	rest := strings.TrimLeftFunc(after, isSeparator)
	if strings.HasSuffix(after[:len(after)-len(rest)], " (") && strings.Contains(rest, ")") {
		return false
	}
	for w := range strings.FieldsFuncSeq(strings.ToLower(rest), isSeparator) {
		switch label := " " + strings.Trim(w, "-–—.*") + " "; {
		case label == "  " || strings.Contains(conjunctions, label): // the next word decides
		case strings.Contains(mailLabels+phoneLabels, label):
			return false
		default:
			local, _, address := strings.Cut(w, "@")
			return strings.ContainsFunc(w, unicode.IsLetter) && !(address && isLocalPart(local))
		}
	}
	return false
}

func canonical(s string) (string, bool) {
	local, domain, found := strings.Cut(s, "@")
	domain = strings.ToLower(domain)
	if !isASCII(domain) {
		if strings.ContainsFunc(domain, func(r rune) bool { return !isLetter(r) && !strings.ContainsRune("-.。｡", r) }) {
			return "", false // IDNA 2008 allows no others, but the mapping of Lookup lets them pass
		}
		var err error
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", false
		}
	}
	addr := local + "@" + domain
	// 64 and 254 octets: RFC 5321 4.5.3.1.
	ok := found && len(local) <= 64 && len(addr) <= 254 && isLocalPart(local) && isHostName(domain)
	return addr, ok
}

// isLocalPart reports whether s may stand before the @. It has an allow-list, because the other characters that SMTP
// allows there (quotes, blanks, angle brackets) have been used to smuggle commands and recipients. Letters and digits
// beyond ASCII are those of RFC 6531.
func isLocalPart(s string) bool {
	bad := func(r rune) bool {
		return !isLetter(r) && !strings.ContainsRune("!#$%'*+=?^_{}~-", r)
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, bad) {
			return false
		}
	}
	return true
}

// isHostName reports whether s, in lower case, is a host name with a dot. The last label of an IP address is a number,
// and no top-level domain has a single letter.
func isHostName(s string) bool {
	bad := func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') }
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if last = label; label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, bad) {
			return false
		}
	}
	return len(last) > 1 && len(last) < len(s) && 'a' <= last[0] && last[0] <= 'z'
}

// Domain returns the part after the @. Only this part of an address may be logged.
func (a Address) Domain() string {
	_, domain, _ := strings.Cut(a.Addr, "@")
	return domain
}

func (a Address) local() string {
	local, _, _ := strings.Cut(a.Addr, "@")
	return local
}

// usable reports whether a has an address as ParseAddress returns it. Senders check that again, because the text
// between < and > in a command must be one address, whatever the caller did.
func (a Address) usable() bool {
	addr, ok := canonical(a.Addr)
	return ok && addr == a.Addr
}

// isLetter reports whether r is a letter, a digit or a combining mark of any script.
func isLetter(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
