package mail

import (
	"math/rand/v2"
	netmail "net/mail"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestParseAddress(t *testing.T) {
	long := strings.Repeat("a", 64)
	domain := strings.Repeat("b", 60) + "." + strings.Repeat("c", 60) + "." + strings.Repeat("d", 60) + ".id"
	tests := map[string]string{ // "" is ErrNoAddress
		"siti@sekolah.sch.id":             "siti@sekolah.sch.id",
		"  siti@sekolah.sch.id \t":        "siti@sekolah.sch.id",
		"\u00a0siti@sekolah.sch.id\u200b": "siti@sekolah.sch.id",
		"\ufeffsiti@sekolah.sch.id":       "siti@sekolah.sch.id",
		"Siti.N@Sekolah.SCH.ID":           "Siti.N@sekolah.sch.id",
		"a@x.id, b@x.id":                  "a@x.id",
		"a@x.id; b@x.id":                  "a@x.id",
		"a@x.id\r\nb@x.id":                "a@x.id",
		"-; b@x.id":                       "b@x.id",
		";a@x.id":                         "a@x.id",
		"o'brien+buku@x.id":               "o'brien+buku@x.id",
		"a!#$%'*+=?^_{}~-z@x.id":          "a!#$%'*+=?^_{}~-z@x.id",
		"1@2.id":                          "1@2.id",
		"a@bücher.example":                "a@xn--bcher-kva.example",
		"a@BÜCHER.example":                "a@xn--bcher-kva.example",
		"a@例え.jp":                         "a@xn--r8jz45g.jp",
		"a@xn--bcher-kva.example":         "a@xn--bcher-kva.example",
		"jürgen@x.id":                     "jürgen@x.id",
		"سيتي@x.id":                       "سيتي@x.id",
		long + "@x.id":                    long + "@x.id",
		"a@" + long[1:] + ".id":           "a@" + long[1:] + ".id",
		long + "@" + domain + "x.id":      long + "@" + domain + "x.id", // 64 and 254 octets

		"":                                     "",
		"-":                                    "",
		"NULL":                                 "",
		"tidak ada":                            "",
		"@":                                    "",
		"@x.id":                                "",
		"a@":                                   "",
		"a@x":                                  "",
		"a@localhost":                          "",
		"a@b@x.id":                             "",
		"a b@x.id":                             "", // not b@x.id: that may be someone else
		".a@x.id":                              "",
		"a.@x.id":                              "",
		"a..b@x.id":                            "",
		"a@.x.id":                              "",
		"a@x..id":                              "",
		"a@-x.id":                              "",
		"a@x-.id":                              "",
		"a@x_y.id":                             "",
		"a@[127.0.0.1]":                        "",
		"a@127.0.0.1":                          "",
		"a@x.1d":                               "",
		"a@x.i":                                "",
		`"a"@x.id`:                             "",
		`"a> ORCPT=x"@x.id`:                    "",
		"a> ORCPT=x@x.id":                      "",
		`a\@x.id`:                              "",
		"a`b@x.id":                             "",
		"a(b)@x.id":                            "",
		"a\x00@x.id":                           "",
		"a\u202e@x.id":                         "", // inside, an invisible character is no accident
		"a\u200bb@x.id":                        "",
		"a\xff@x.id":                           "",
		"a@x\xff.id":                           "",
		"a@\u2024.id":                          "",
		long + "a@x.id":                        "", // 65 octets
		long + "@" + domain + "xy.id":          "", // 255 octets
		"a@" + strings.Repeat("b", 64) + ".id": "",
	}
	for raw, want := range tests {
		got, err := ParseAddress(raw)
		assert.Equal(t, want, got.Addr, "%q", raw)
		if want == "" {
			assert.ErrorIs(t, err, ErrNoAddress, raw)
			assert.NotContains(t, err.Error(), "x.id", "nothing of it is in the error")
		} else {
			assert.NoError(t, err, "%q", raw)
			assert.True(t, got.usable(), "%q", raw)
		}
	}
}

// TestParseAddressInAField: what people and older programs write before, after, between and into addresses.
func TestParseAddressInAField(t *testing.T) {
	const siti = "siti@x.id"
	for _, raw := range []string{
		"siti@x.id.", "<siti@x.id>", "Siti Aminah <siti@x.id>", `"Aminah, Siti" <siti@x.id>`, "&lt;siti@x.id&gt;",
		"siti@x.id>",
		"mailto:siti@x.id", "Email: siti@x.id", "e-mail : siti@x.id", "Surel (siti@x.id)", "'siti@x.id'", `"siti@x.id"`,
		"“siti@x.id”", "(siti@x.id)",
		"siti@x.id (ibu)", "siti@x.id budi@y.id", "siti@x.id / budi@y.id", "siti@x.id|budi@y.id", "siti@x.id&budi@y.id",
		"siti@x.id &amp; budi@y.id",
		"siti@x.id atau budi@y.id", "siti@x.id dan budi@y.id", "siti@x.id,budi@y.id", "siti@x.id\n\nbudi@y.id",
		"siti@x.id, HP 0812", "siti@x.id 081234567890",
		"siti@x.id; -", "siti@x.id, budi@", "siti@x.id,", "HP 0812, siti@x.id", "WA: 0812-3456-7890 siti@x.id",
		"0812 3456 7890, siti@x.id",
		"+62 812-3456-789; siti@x.id", "No. HP 0812345678,siti@x.id", "HP. 0812 / Email: siti@x.id", "- ; siti@x.id",
		"\u00a0\u200b, siti@x.id", "＜ｓｉｔｉ＠ｘ．ｉｄ＞",
		"siti&#64;x.id", "siti&amp;#64;x.id", "siti@x.id&nbsp;",
	} {
		got, err := ParseAddress(raw)
		assert.NoError(t, err, "%q", raw)
		assert.Equal(t, siti, got.Addr, "%q", raw)
	}
	for raw, want := range map[string]string{
		"sean.o&#039;neil@kampus.example": "sean.o'neil@kampus.example", "o&amp;#39;neil@x.id": "o'neil@x.id",
		"siti@yahoo.co.id": "siti@yahoo.co.id",
	} {
		got, err := ParseAddress(raw)
		assert.NoError(t, err, "%q", raw)
		assert.Equal(t, want, got.Addr, "%q", raw)
	}
	for _, raw := range []string{ // one half of an address is another person's
		"siti,aminah@x.id", "siti&amp;budi@x.id", "siti&budi@x.id", "siti & budi@x.id", "siti;aminah@x.id",
		"siti aminah@x.id", "siti/aminah@x.id", "siti|aminah@x.id", "siti:aminah@x.id", "siti: aminah@x.id",
		"siti\naminah@x.id",
		"siti&#44;aminah@x.id", "siti，aminah@x.id", "siti\u00a0aminah@x.id", `siti"aminah@x.id`, "(siti)aminah@x.id",
		"siti(at)x.id, budi@x.id", "siti <budi, budi@x.id", "Siti<siti@x.id>",
		"ani. suryani, s.pd@x.id", "tidak ada; budi@x.id", "hp,ida@x.id", "email,ida@x.id", "email ida@x.id",
		"email. ida@x.id", "081234567,890@x.id", "0812345678,ida@x.id", "12,ida@x.id", "1234 ida@x.id",
		"no email, ida@x.id", "_ aminah@x.id", "siti@yahoo.co,id", "siti@yahoo.co id", "siti@yahoo.co. id",
		"siti@yahoo.co/id", "siti@yahoo.co;id, budi@x.id",
		"siti@kampus.exam ple", "siti@x.id(ibu)", "siti@sekolah.sch, id",
	} {
		got, err := ParseAddress(raw)
		assert.Equal(t, ErrTornAddress, err, "%q", raw)
		assert.Equal(t, Address{}, got, "%q", raw)
	}
	for _, raw := range []string{ // the first one is unusable, and the next one may be anybody's
		"siti@x, budi@x.id", "siti@@x.id, budi@x.id", "siti@, budi@x.id", "@siti, budi@x.id", "siti @x.id, budi@x.id",
		"siti@ x.id, budi@x.id", "siti@a@x.id, budi@x.id",
		"siti@sekolah. sch.id", "siti@gmail,com", "siti at x.id", "siti(at)x.id", "siti’s@x.id",
	} {
		got, err := ParseAddress(raw)
		assert.ErrorIs(t, err, ErrNoAddress, "%q", raw)
		assert.Equal(t, Address{}, got, "%q", raw)
	}
}

// TestParseAddressWholeOrNone breaks an address at any place, with any separator, and puts the address of another
// person after it. That address is never returned.
func TestParseAddressWholeOrNone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	between := []string{",", ", ", ";", "; ", " ", "\n", "\r\n", "\t", "/", " / ", "|", " | ", ":", ": ", "&", " & ",
		"&amp;", "&#44;", " dan ", " atau ",
		" or ", "\u00a0", "、", "，", "；", "　", "(", ")", "<", ">", `"`, " - "}
	within := append([]string{".", ". ", " .", "..", "@", "@@", "\\", "\u200b", "+", "=", "\x00"}, between...)
	locals := []string{"siti", "siti.aminah", "s.pd", "o'neil", "081234567890", "0812.ida", "hp.0812", "hp", "a_b-c",
		"2019.budi", "x"}
	domains := []string{"gmail.example", "yahoo.co.id", "kampus.ac.id", "sman12.sch.id", "x.id", "mail.12-garut.sch.id"}
	whole, none := 0, 0
	for range 100_000 {
		addr, other := pick(locals)+"@"+pick(domains), "lain@"+pick(domains)
		field, broken := addr, r.IntN(2) == 0
		if broken {
			at := r.IntN(len(addr) + 1)
			rest := addr[at:]
			if strings.HasPrefix(rest, ".") && r.IntN(2) == 0 { // typed for the dot
				rest = rest[1:]
			}
			field = addr[:at] + pick(within) + rest
		}
		if r.IntN(2) == 0 {
			field += pick(between) + other
		}
		got, err := ParseAddress(field)
		switch {
		case err != nil:
			none++
		case got.Addr == addr:
			whole++
		case broken && len(got.Addr) >= len(addr) && !strings.Contains(got.Addr, "lain"): // joined, and whole
		default:
			t.Fatalf("%q: %s of %s", field, got.Addr, addr)
		}
	}
	assert.Greater(t, whole, 25_000)
	assert.Greater(t, none, 25_000)
}

func TestAddressDomain(t *testing.T) {
	assert.Equal(t, "sekolah.sch.id", Address{Addr: "siti@sekolah.sch.id"}.Domain())
	assert.Equal(t, "", Address{}.Domain())
}

// An accepted text is exactly one address, in a command and in a header.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"siti@sekolah.sch.id", "A@x.ID; b@y.id", `"a> ORCPT=x"@x.id`, "a@[1.2.3.4]", "a@例え。jp",
		"jürgen@bücher.example", "a\r\nRCPT TO:<b@x.id>", "<a@x.id>", "a@x.id> SIZE=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := ParseAddress(raw)
		if err != nil {
			assert.Equal(t, Address{}, a)
			return
		}
		command := "RCPT TO:<" + a.Addr + ">"
		assert.Equal(t, 1, strings.Count(command, "<"))
		assert.Equal(t, 1, strings.Count(command, ">"))
		assert.Equal(t, 1, strings.Count(command, "@"))
		assert.Equal(t, 1, strings.Count(command, " "))
		assert.NotContains(t, command, `"`)
		assert.False(t, strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r == 0x7f }))
		assert.True(t, utf8.ValidString(a.Addr))
		assert.LessOrEqual(t, len(a.Addr), 254)
		assert.Contains(t, a.Domain(), ".")

		again, err := ParseAddress(a.Addr)
		assert.NoError(t, err)
		assert.Equal(t, a, again)

		list, err := netmail.ParseAddressList(a.header())
		assert.NoError(t, err)
		if assert.Len(t, list, 1) {
			assert.Equal(t, a.Addr, list[0].Address)
		}
	})
}
