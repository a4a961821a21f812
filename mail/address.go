package mail

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// ErrNoAddress says that a text holds no e-mail address that mail can be sent to. It does not repeat the text.
var ErrNoAddress = errors.New("no usable e-mail address")

// ParseAddress finds the address in raw, a field that people filled in. Of several ("a@x.id; b@x.id") it takes the
// first usable one: a message never has two recipients. The domain is returned in lower case and in ASCII (punycode);
// the local part as it is, since only the domain's own server may say that case does not matter.
func ParseAddress(raw string) (Address, error) {
	for field := range strings.FieldsFuncSeq(raw, func(r rune) bool { return strings.ContainsRune(",;\r\n", r) }) {
		// Copied addresses bring blanks of all kinds along, and invisible characters.
		field = strings.TrimFunc(field, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
		if addr, ok := canonical(field); ok {
			return Address{Addr: addr}, nil
		}
	}
	return Address{}, ErrNoAddress
}

func canonical(s string) (string, bool) {
	local, domain, found := cutLast(s, "@")
	domain = strings.ToLower(domain)
	if !isASCII(domain) {
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

// isLocalPart reports whether s may stand before the @, by an allow-list, because everything that SMTP also allows there
// (quotes, blanks, angle brackets) has been used to smuggle commands and recipients. Letters and digits beyond ASCII are
// RFC 6531.
func isLocalPart(s string) bool {
	bad := func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune("!#$%&'*+/=?^_{|}~-", r)
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, bad) {
			return false
		}
	}
	return true
}

// isHostName reports whether s, in lower case, is a host name with a dot and no IP address, whose last label is a number.
func isHostName(s string) bool {
	bad := func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') }
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, bad) {
			return false
		}
	}
	_, last, dot := cutLast(s, ".")
	return dot && 'a' <= last[0] && last[0] <= 'z'
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

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
