package mail

import (
	"bytes"
	"errors"
	"flag"
	"mime"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMessageBytes(t *testing.T) {
	long := strings.Repeat("Hikayat panjang sekali ", 22)[:500]
	tests := []struct {
		file        string
		change      func(*Message)
		wantSubject string // default: the Subject as it is
		wantName    string // default: the name in To as it is
	}{
		{file: "ascii", change: func(m *Message) {
			m.Subject, m.Text, m.HTML, m.Lang = "Due tomorrow: Moby-Dick", "Hello Ann,\n\nplease return it.\n",
				"<p>Hello Ann</p>\n", "en"
			m.To.Name = `Ann "Annie" O'Hara, Jr. (III) <x>`
		}},
		{file: "indonesian", change: func(m *Message) {
			m.ReplyTo = Address{Name: "Pustakawan", Addr: "staf@sekolah.sch.id"}
			m.Unsubscribe = "mailto:perpus@sekolah.sch.id?subject=berhenti"
		}},
		{file: "text-only", change: func(m *Message) { m.HTML = "" }},
		{file: "rtl", change: func(m *Message) {
			m.To.Name, m.Subject = "سيتي نورهاليزا", "تذكير: \u202eكتاب\u202c ألف ليلة وليلة"
			m.Text, m.HTML = "مرحبا\n", `<p dir="rtl">مرحبا</p>`
		}, wantSubject: "تذكير: كتاب ألف ليلة وليلة"},
		{file: "cjk", change: func(m *Message) {
			m.To.Name, m.Subject = "山田太郎", strings.Repeat("吾輩は猫である。", 10)
			m.Text, m.HTML = strings.Repeat("吾輩は猫である。", 200), "<p>名前はまだ無い。</p>"
		}},
		{file: "emoji", change: func(m *Message) {
			m.To.Name, m.Subject = "Budi 📚", "📚👩‍👩‍👧‍👦 besok ⏰"
			m.Text, m.HTML = "🎉\n", "<p>🎉</p>"
		}},
		{file: "long-subject", change: func(m *Message) { m.Subject = long }, wantSubject: long[:119] + "…"},
		{file: "long-words", change: func(m *Message) {
			m.Subject, m.To.Name = strings.Repeat("x", 500), strings.Repeat("ü", 500)
			m.Text, m.HTML = strings.Repeat("y", 5000), "<p>"+strings.Repeat("z", 5000)+"</p>"
		}, wantSubject: strings.Repeat("x", 119) + "…", wantName: strings.Repeat("ü", 119) + "…"},
		{file: "script", change: func(m *Message) {
			m.Subject, m.To.Name = "<script>alert(1)</script>", "</p><script>alert(2)</script>"
			m.Text = "<script>alert(3)</script>\n" // text/plain: it stays text
		}},
		{file: "line-breaks", change: func(m *Message) {
			m.Subject = "Buku\r\nBcc: x@evil.example\r\n\r\n\u2028\u0085\x00\x1bada"
			m.To.Name = "Siti\nX-Evil: 1\r\n"
			m.From.Name = "Perpus\r\n\tlipat"
			m.Text = "satu\rdua\ntiga\r\nempat"
		}, wantSubject: "Buku Bcc: x@evil.example ada", wantName: "Siti X-Evil: 1"},
		{file: "encoded-words", change: func(m *Message) {
			m.Subject, m.To.Name = "=?utf-8?q?a=0D=0ABcc:_x?= besok", "=?utf-8?b?PHNjcmlwdD4=?="
		}, wantSubject: "= ?utf-8?q?a=0D=0ABcc:_x?= besok", wantName: "= ?utf-8?b?PHNjcmlwdD4= ?="},
		{file: "dots", change: func(m *Message) { m.Text = ".\n..\n...\n.satu\n\n.\n" }},
		{file: "smtputf8", change: func(m *Message) { m.To.Addr = "sítí@xn--bcher-kva.example" }},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			m := newMessage(1)
			tt.change(&m)
			raw, err := m.Bytes()
			require.NoError(t, err)

			golden := filepath.Join("testdata", tt.file+".eml")
			if *update {
				require.NoError(t, os.WriteFile(golden, raw, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(raw), "go test ./mail -run TestMessageBytes -update writes it anew")

			again, err := m.Bytes()
			require.NoError(t, err)
			assert.Equal(t, string(raw), string(again), "a message sent again is the same message")

			checkWire(t, raw)
			got := mailtest.Parse(t, raw)
			if tt.wantSubject == "" {
				tt.wantSubject = m.Subject
			}
			if tt.wantName == "" {
				tt.wantName = m.To.Name
			}
			assert.Equal(t, tt.wantSubject, got.Subject)
			assert.Equal(t, netmail.Address{Name: tt.wantName, Address: m.To.Addr}, oneAddress(t, got.Header, "To"))
			assert.Equal(t, m.From.Addr, oneAddress(t, got.Header, "From").Address)
			assert.Equal(t, lf(m.Text), got.Text)
			assert.Equal(t, m.HTML, got.HTML)
			assert.Equal(t, "<"+m.ID+">", got.Header.Get("Message-ID"))
			date, err := got.Header.Date()
			require.NoError(t, err)
			assert.True(t, m.Date.Equal(date))
			assert.Equal(t, "auto-generated", got.Header.Get("Auto-Submitted"))
			assert.Equal(t, "All", got.Header.Get("X-Auto-Response-Suppress"))
			assert.Equal(t, m.Lang, got.Header.Get("Content-Language"))
			checkHeaderNames(t, m, got.Header)
		})
	}
}

func lf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// checkWire checks the rules of RFC 5322 2.1.1 and 2.3 for each line.
func checkWire(t *testing.T, raw []byte) {
	t.Helper()
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		assert.LessOrEqual(t, len(line), 998)
		assert.False(t, bytes.ContainsAny(line, "\r\n\x00"), "bare CR, LF or NUL in %q", line)
	}
}

// checkHeaderNames checks that the header has only the fields of the program, and each only once.
func checkHeaderNames(t *testing.T, m Message, h netmail.Header) {
	t.Helper()
	want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To",
		"X-Auto-Response-Suppress"}
	for name, there := range map[string]bool{
		"Content-Transfer-Encoding": m.HTML == "", "Content-Language": m.Lang != "",
		"List-Unsubscribe": m.Unsubscribe != "", "Reply-To": m.ReplyTo != Address{}, RefHeader: plainRef().MatchString(m.Ref),
	} {
		if there {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	var got []string
	for name, values := range h {
		got = append(got, name)
		assert.Len(t, values, 1, name)
	}
	slices.Sort(got)
	assert.Equal(t, want, got)
}

func oneAddress(t *testing.T, h netmail.Header, name string) netmail.Address {
	t.Helper()
	list, err := h.AddressList(name)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return *list[0]
}

func TestMessageDateIsTheInstant(t *testing.T) {
	m := newMessage(1)
	want, err := m.Bytes()
	require.NoError(t, err)
	m.Date = m.Date.In(time.FixedZone("WIB", 7*60*60)) // as another driver may read it back
	got, err := m.Bytes()
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestMessageRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*Message)
		want   string
	}{
		"no To":           {func(m *Message) { m.To = Address{} }, "bad_address"},
		"two To":          {func(m *Message) { m.To.Addr = "a@x.id,b@x.id" }, "bad_address"},
		"To not parsed":   {func(m *Message) { m.To.Addr = "a@X.id" }, "bad_address"},
		"To smuggles":     {func(m *Message) { m.To.Addr = "a>\r\nRCPT TO:<b@x.id" }, "bad_address"},
		"no From":         {func(m *Message) { m.From = Address{} }, from},
		"From not ASCII":  {func(m *Message) { m.From.Addr = "pérpus@x.id" }, from},
		"bad Reply-To":    {func(m *Message) { m.ReplyTo.Addr = "staf" }, from},
		"no ID":           {func(m *Message) { m.ID = "" }, "refused"},
		"ID smuggles":     {func(m *Message) { m.ID = "a@x.id>\r\nBcc: b@x.id" }, "refused"},
		"no Date":         {func(m *Message) { m.Date = time.Time{} }, "refused"},
		"bad Unsubscribe": {func(m *Message) { m.Unsubscribe = "https://x.id/" }, "refused"},
		"two Unsubscribe": {func(m *Message) { m.Unsubscribe = "mailto:a@x.id>, <mailto:b@x.id" }, "refused"},
		"bad Lang":        {func(m *Message) { m.Lang = "id\r\nX: y" }, "refused"},
	}
	for name, tt := range tests {
		m := newMessage(1)
		tt.change(&m)
		raw, err := m.Bytes()
		assert.Nil(t, raw, name)
		assert.Equal(t, tt.want, outcome(err), name)
		assert.NotRegexp(t, `@|\n`, err.Error(), name)
	}
	m := newMessage(1)
	m.To.Addr = "x"
	_, err := m.Bytes()
	assert.True(t, errors.Is(err, ErrNoAddress))
}

// With any title and name, the header has only the fields of the program, and their decoded values are the given ones.
func FuzzHeaders(f *testing.F) {
	f.Add("Laskar Pelangi", "Siti", "Halo\n.\n")
	f.Add("a\r\nBcc: b@x.id", "\"Siti\"\r\n\r\n<x@y.id>, z@y.id", "\r\n.\r\nQUIT\r\n")
	f.Add("=?utf-8?q?=0D=0A?=", "=?utf-8?b?DQo=?=", "\x00\xff\r")
	f.Add(strings.Repeat("é", 700), strings.Repeat("\u202e", 70)+"x", strings.Repeat("y", 2000))
	f.Add("  \t ", "é\\", "\ré\n")
	f.Add("\"", "a,b;c:d@e[f]", " \n \t\n")
	f.Fuzz(func(t *testing.T, subject, name, text string) {
		m := newMessage(1)
		m.Subject, m.To.Name, m.From.Name, m.Text, m.HTML = subject, name, name, text, text
		raw, err := m.Bytes()
		require.NoError(t, err)
		checkWire(t, raw)
		got := mailtest.Parse(t, raw)
		checkHeaderNames(t, m, got.Header)
		assert.Equal(t, headerText(subject), got.Subject)
		to := oneAddress(t, got.Header, "To")
		assert.Equal(t, m.To.Addr, to.Address)
		assert.Equal(t, strings.ReplaceAll(headerText(name), `\`, "/"), to.Name)
		assert.Equal(t, lf(text), got.Text)
		assert.Equal(t, lf(text), got.HTML)

		for _, decoded := range []string{got.Subject, to.Name} {
			assert.LessOrEqual(t, utf8.RuneCountInString(decoded), maxHeaderText)
			assert.False(t, strings.ContainsFunc(decoded, func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
			}), "%q", decoded)
			again, err := new(mime.WordDecoder).DecodeHeader(decoded)
			require.NoError(t, err)
			assert.Equal(t, decoded, again, "a second decoding finds nothing")
		}
	})
}
