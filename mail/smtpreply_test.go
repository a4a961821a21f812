package mail

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClassifyTakesTheReplyApart(t *testing.T) {
	e := classify("rcpt", 550, "5.1.1 The email account does not exist.\n5.1.1 Please try\n5.1.1  again\t gsmtp")
	assert.Equal(t, &Error{Fate: BadAddress, Phase: "rcpt", Code: 550, Enhanced: "5.1.1",
		Text: "The email account does not exist. Please try again gsmtp"}, e)
	assert.Equal(t, "rcpt: bad_address 550 5.1.1: The email account does not exist. Please try again gsmtp", e.Error())

	for text, enhanced := range map[string]string{
		"5.1.1": "5.1.1", "5.7.139 no": "5.7.139", "no 5.1.1": "", "5.1.1no": "", "3.1.1 no": "", "5.1 no": "", "": "",
	} {
		assert.Equal(t, enhanced, classify("rcpt", 550, text).Enhanced, text)
	}
}

// An enhanced code counts only at its place in a reply, because addresses and ids may look like one.
func TestClassifyIsNotMisled(t *testing.T) {
	assert.Equal(t, "refused", outcome(classify("rcpt", 550, "5.7.1 message 5.1.90 of 5.4.5 from 15.7.233.1 refused")))
	assert.Equal(t, "retry", outcome(classify("rcpt", 450, "4.7.1 see 4.7.280")))
	assert.Equal(t, "refused", outcome(classify("rcpt", 550, "5.2.10 what")))
}

// The table of replies has those of providers and hosters that schools use. The same text has the same meaning from any
// server.
func TestReplies(t *testing.T) {
	table, err := os.ReadFile("testdata/replies.txt")
	require.NoError(t, err)
	fates := map[string]string{"rate": rate, "quota": quota, "account": account, "sender": from, "server": server,
		"bad": "bad_address", "retry": "retry", "refused": "refused"}
	replies, providers := 0, map[string]bool{}
	for line := range strings.Lines(string(table)) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 4)
		if len(f) < 4 || line[0] == '#' {
			continue // a comment
		}
		code, text, _ := strings.Cut(strings.TrimSpace(f[3]), " ")
		number, err := strconv.Atoi(code)
		require.NoError(t, err, line)
		for _, phase := range strings.Fields(f[1]) {
			want := fates[strings.TrimSpace(f[2])]
			if number < 500 && want == from {
				want = "stop sender 1h0m0s"
			}
			assert.Equal(t, want, outcome(classify(phase, number, text)), "%s: %s", phase, line)
		}
		replies++
		providers[f[0]] = true
	}
	assert.GreaterOrEqual(t, replies, 150)
	assert.GreaterOrEqual(t, len(providers), 12)
}

// A rule with a misspelt word would never match, or a message would be sent twice.
func TestRulesAreSpeltRight(t *testing.T) {
	phases := strings.Fields("connect tls greet ehlo starttls auth mail rcpt data body dot")
	lines := regexp.MustCompile(`(?m)^[^#\n]`).FindAllString(ruleList, -1)
	assert.Len(t, rules(), len(lines))
	for _, r := range rules() {
		assert.True(t, r.verdict == unknown == (r.phases == "dot" && r.code.String()+r.says == ""), r)
		assert.Subset(t, phases, strings.Fields(r.phases))
		for _, concept := range strings.Fields(r.says + " " + r.not) {
			assert.Contains(t, stems(), concept)
		}
	}
}

func TestRedact(t *testing.T) {
	tests := []struct{ text, want string }{
		{"<siti@x.id>: user unknown", "<…>: user unknown"},
		{"user siti@x.id, is unknown", "user … is unknown"},
		{"user=siti@x.id;x", "…"},
		{"no mailbox SITI here", "no mailbox … here"},
		{"for Siti Nurhaliza: no", "for …: no"},
		{"a\r\nb\x00\x1b[31mc\u202ed\xff", "a  bcd"},
		{"see https://support.google.com/mail/?p=NoSuchUser gsmtp",
			"see https://support.google.com/mail/?p=NoSuchUser gsmtp"},
		{strings.Repeat("é", 300), strings.Repeat("é", 100)},
		{strings.Repeat("a", 199) + "é", strings.Repeat("a", 199)},
		{"ok", "ok"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, Redact(tt.text, "Siti Nurhaliza", "siti", "ok"), "%q", tt.text)
	}
}

// For any reply, the verdict is valid and the recipient is not in the error.
func FuzzReply(f *testing.F) {
	f.Add("rcpt", 550, "5.1.1 <%> user unknown\n5.1.1 %", "siti@sekolah.sch.id")
	f.Add("dot", 250, "2.0.0 queued for %\x00%\u202e%", "a.b+c@x.id")
	f.Add("dot", 421, "4.7.28 unusual rate % <<%>> (%)", "e@x.id")
	f.Add("mail", 0, "<%", "jürgen@x.id")
	f.Add("auth", 334, strings.Repeat("é%", 150), "mail@x.id")
	f.Add("connect", -1, "\xff%\xff", "MAIL@x.id")
	f.Fuzz(func(t *testing.T, phase string, code int, text, recipient string) {
		to, err := ParseAddress(recipient)
		if err != nil {
			return
		}
		e := classify(phase, code, strings.ReplaceAll(text, "%", to.Addr), to.local())

		assert.LessOrEqual(t, len(e.Text), 200)
		assert.True(t, utf8.ValidString(e.Text))
		assert.False(t, strings.ContainsFunc(e.Text, func(r rune) bool { return !unicode.IsPrint(r) }))
		assert.NotContains(t, e.Text, "@")
		if len(to.local()) > 2 {
			assert.NotContains(t, e.Text, to.local())
		}
		assert.Equal(t, e.Fate == Stop, e.Pause != "" && e.PauseFor > 0, "a stop has a pause, and nothing else has")
		if code/100 == 4 {
			assert.Contains(t, []Fate{Retry, Stop}, e.Fate, "a 4xx is never final")
		}
		if phase != "dot" {
			assert.NotEqual(t, Unknown, e.Fate, "before the dot nothing was accepted")
		}
		if phase == "dot" && code/100 != 4 && code/100 != 5 {
			assert.NotEqual(t, Refused, e.Fate)
			assert.NotEqual(t, BadAddress, e.Fate)
		}
		if e.Fate == BadAddress {
			assert.Equal(t, "rcpt", phase)
		}
	})
}
