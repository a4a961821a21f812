package mail

import (
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
		"a!#$%&'*+/=?^_{|}~-z@x.id":       "a!#$%&'*+/=?^_{|}~-z@x.id",
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
		"a@x.id b@x.id":                        "",
		"Siti <a@x.id>":                        "",
		"<a@x.id>":                             "",
		".a@x.id":                              "",
		"a.@x.id":                              "",
		"a..b@x.id":                            "",
		"a@.x.id":                              "",
		"a@x..id":                              "",
		"a@x.id.":                              "",
		"a@-x.id":                              "",
		"a@x-.id":                              "",
		"a@x_y.id":                             "",
		"a@[127.0.0.1]":                        "",
		"a@127.0.0.1":                          "",
		"a@x.1d":                               "",
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
		"a@x.id>":                              "",
		long + "a@x.id":                        "", // 65 octets
		long + "@" + domain + "xy.id":          "", // 255 octets
		"a@" + strings.Repeat("b", 64) + ".id": "",
	}
	for raw, want := range tests {
		got, err := ParseAddress(raw)
		assert.Equal(t, want, got.Addr, "%q", raw)
		if want == "" {
			assert.Equal(t, ErrNoAddress, err, "%q: and nothing of it in the error", raw)
		} else {
			assert.NoError(t, err, "%q", raw)
			assert.True(t, got.usable(), "%q", raw)
		}
	}
}

func TestAddressDomain(t *testing.T) {
	assert.Equal(t, "sekolah.sch.id", Address{Addr: "siti@sekolah.sch.id"}.Domain())
	assert.Equal(t, "", Address{}.Domain())
}

// Whatever is accepted is one address and nothing else, in a command and in a header.
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

		list, err := netmail.ParseAddressList(a.header().String())
		assert.NoError(t, err)
		if assert.Len(t, list, 1) {
			assert.Equal(t, a.Addr, list[0].Address)
		}
	})
}
