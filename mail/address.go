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

// What is wrong with a text that holds no e-mail address that mail can be sent to. Neither error repeats the text.
var (
	ErrNoAddress = errors.New("no usable e-mail address")
	// ErrTornAddress is ErrNoAddress for what may be one half of an address: something stands before or after it that may
	// belong to it, as in "siti,aminah@x.id". The half may be somebody else's.
	ErrTornAddress = fmt.Errorf("%w: it may be one half of another", ErrNoAddress)
)

// ParseAddress finds the address in raw, a field that people filled in. Of several ("a@x.id; b@x.id") it takes the
// first: a message never has two recipients. It takes an address whole or not at all, because a part of one is somebody
// else's. The domain is returned in lower case and in ASCII (punycode); the local part as it is, since only the
// domain's own server may say that case does not matter.
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
	if !named && (!harmless(before, word) || continues(after)) {
		return Address{}, ErrTornAddress
	}
	return Address{Addr: addr}, nil
}

// unescape undoes what PHP programs do to text before they store it (sean.o&#039;neil, siti@x.id &amp; budi@x.id),
// twice where two of them did.
func unescape(s string) string {
	for i := 0; i < 2 && strings.Contains(s, "&"); i++ {
		var b strings.Builder
		for rest := s; rest != ""; {
			text, entity, found := strings.Cut(rest, "&")
			b.WriteString(text)
			if !found {
				break
			}
			name, after, ended := strings.Cut(entity, ";")
			if !ended || len(name) > 10 {
				b.WriteByte('&')
				rest = entity
				continue
			}
			b.WriteString(html.UnescapeString("&" + name + ";"))
			rest = after
		}
		s = b.String()
	}
	return s
}

// halfWidth turns the wide forms of ASCII characters, which East Asian keyboards type, into the usual ones.
func halfWidth(r rune) rune {
	if r >= 0xff01 && r <= 0xff5e {
		return r - 0xfee0
	}
	return r
}

// isSeparator reports whether r stands between addresses, or around one, and never in one. "/", "|" and "&" may by RFC
// 5322, but where people type them, they separate.
func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(",;:/|&()[]<>\"“”«»、،", r)
}

// trimInvisible removes the invisible characters that copied text brings along at its ends.
func trimInvisible(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) })
}

// Words that people write into a field for addresses.
const (
	mailLabels   = " email e-mail mail mailto surel pos-el "
	phoneLabels  = " hp no nomor tel telp tlp telepon phone mobile wa whatsapp sms "
	conjunctions = " dan atau and or "
)

// harmless reports whether what stands before an address cannot be the beginning of it: nothing, dashes, the label of
// an address, or a phone number that is known by its label or its form.
func harmless(before, word string) bool {
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
		return false // 0812345,678@x.id
	case phone:
		return len(digits) > 3
	case digits != "": // a comma alone may have been typed for a dot
		return strings.Trim(gap, ",;/|") != "" && len(digits) > 7 && (digits[0] == '0' || strings.HasPrefix(digits, "62"))
	}
	return true
}

// continues reports whether what stands after an address may be the rest of its domain, as in "siti@yahoo.co. id" or
// "siti@yahoo.co,id": a word that is no further address, no remark in brackets and nothing that people add.
func continues(after string) bool {
	rest := strings.TrimLeftFunc(after, isSeparator)
	if strings.HasSuffix(after[:len(after)-len(rest)], " (") && strings.Contains(rest, ")") {
		return false
	}
	for w := range strings.FieldsFuncSeq(strings.ToLower(rest), isSeparator) {
		switch label := " " + strings.Trim(w, "-–—.*") + " "; {
		case label == "  " || strings.Contains(conjunctions, label): // what comes after it tells
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
	local, domain, found := cutLast(s, "@")
	domain = strings.ToLower(domain)
	if !isASCII(domain) {
		if strings.ContainsFunc(domain, func(r rune) bool { return !isLetter(r) && !strings.ContainsRune("-.。｡", r) }) {
			return "", false // IDNA 2008 has no other ones; the mapping of before would let them pass
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

// isLocalPart reports whether s may stand before the @, by an allow-list, because everything that SMTP also allows
// there (quotes, blanks, angle brackets) has been used to smuggle commands and recipients. Letters and digits beyond
// ASCII are RFC 6531.
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

// isHostName reports whether s, in lower case, is a host name with a dot and no IP address, whose last label is a
// number. No top-level domain has one letter.
func isHostName(s string) bool {
	bad := func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') }
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, bad) {
			return false
		}
	}
	_, last, dot := cutLast(s, ".")
	return dot && len(last) > 1 && 'a' <= last[0] && last[0] <= 'z'
}

// Domain returns the part after the @: what may be logged about an address.
func (a Address) Domain() string {
	_, domain, _ := cutLast(a.Addr, "@")
	return domain
}

// usable reports whether a holds an address as ParseAddress returns it. Senders ask again, because what they write
// between < and > must be one address whatever their caller did.
func (a Address) usable() bool {
	addr, ok := canonical(a.Addr)
	return ok && addr == a.Addr
}

func (a Address) local() string {
	local, _, _ := cutLast(a.Addr, "@")
	return local
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// isLetter reports whether r is a letter or digit of any script, or a part of one.
func isLetter(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
