package feedback

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	sampleID  = "0123456789abcdef0123456789abcdef.1@perpus.example.sch.id"
	sampleRef = "ABCDEFGHIJKLMNOPQRSTUVWX23"
	sampleTo  = "siti@murid.example.sch.id"
)

// samples returns the messages in testdata by name. A name is SYSTEM-CLASS, or contains "nothing" if the message is
// about no failure.
func samples(t testing.TB) map[string][]byte {
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		all[strings.TrimSuffix(filepath.Base(file), ".eml")] = raw
	}
	return all
}

func TestParse(t *testing.T) {
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	for name, raw := range samples(t) {
		for _, raw := range [][]byte{raw, crlf(raw)} {
			r, ok := Parse(raw, time.Unix(1, 0))
			if strings.Contains(name, "nothing") {
				assert.False(t, ok, "%s: %+v", name, r)
				continue
			}
			if !assert.True(t, ok, name) {
				continue
			}
			head, _, _ := bytes.Cut(raw, []byte("\n\n"))
			assert.True(t, Wanted(append(head, "\n\n"...)), name)
			assert.True(t, len(r.IDs) > 0 && r.IDs[0] == sampleID || len(r.Refs) > 0 && r.Refs[0] == sampleRef, "%s: %v %v",
				name, r.IDs, r.Refs)
			require.NotEmpty(t, r.Failures, name)
			f := r.Failures[0]
			assert.Contains(t, f.Addresses, sampleTo, name)
			if strings.HasSuffix(name, "complaint") {
				assert.True(t, r.Complaint, name)
				continue
			}
			assert.Equal(t, name[strings.LastIndex(name, "-")+1:], string(f.Class), "%s: %+v", name, f)
			assert.NotContains(t, strings.ToLower(f.Text), "siti", "%s: addresses stay out of what is stored", name)
		}
	}
}

// TestParseBounds: deeply nested messages, and those with many recipients or ids, are read up to a limit.
func TestParseBounds(t *testing.T) {
	raw := string(samples(t)["postfix-no_address"])
	head, body, _ := strings.Cut(raw, "\n\n")
	_, contentType, _ := strings.Cut(head, "MIME-Version: 1.0\n")
	contentType, _, _ = strings.Cut(contentType, "Message-Id:")
	nested := func(depth int) []byte {
		inner := contentType + "\n" + body
		for i := range depth {
			inner = strings.ReplaceAll("Content-Type: multipart/mixed; boundary=BBB\n\n--BBB\n"+inner+"\n--BBB--\n", "BBB",
				strings.Repeat("b", i+1))
		}
		return []byte(strings.Replace(head, contentType, "", 1) + "\n" + inner)
	}
	_, ok := Parse(nested(maxDepth-1), time.Time{})
	assert.True(t, ok)
	_, ok = Parse(nested(maxDepth), time.Time{})
	assert.False(t, ok)
	_, ok = Parse(nested(100), time.Time{})
	assert.False(t, ok)

	many := strings.Replace(raw, "Final-Recipient:", strings.Repeat("Final-Recipient: rfc822; x@example.org\nAction: failed\nStatus: 5.1.1\n\n", 1000)+"Final-Recipient:", 1)
	r, ok := Parse([]byte(many), time.Time{})
	assert.True(t, ok)
	assert.LessOrEqual(t, len(r.Failures), maxFailed)
	var ids strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&ids, "abcdefghijklmnopqrstuvwxyz.%d@example.org\n", i)
	}
	r, ok = Parse([]byte(strings.Replace(raw, "This is the mail system", ids.String()+"This is the mail system", 1)),
		time.Time{})
	assert.True(t, ok)
	assert.Len(t, r.IDs, maxIDs)
	assert.Equal(t, sampleID, r.IDs[0], "our own form comes first")
}

// TestForwarded: the mailbox of the recipient forwards to one that does not exist. The program has never sent mail to
// that one.
func TestForwarded(t *testing.T) {
	raw := strings.ReplaceAll(string(samples(t)["exim-full"]), "Final-Recipient: rfc822;"+sampleTo,
		"Final-Recipient: rfc822;lain@example.org")
	raw = strings.ReplaceAll(raw, "X-Failed-Recipients: "+sampleTo, "X-Failed-Recipients: lain@example.org")
	r, ok := Parse([]byte(raw), time.Time{})
	require.True(t, ok)
	assert.Equal(t, []string{"lain@example.org"}, r.Failures[0].Addresses)
}

func FuzzParse(f *testing.F) {
	for _, raw := range samples(f) {
		f.Add(raw)
	}
	for _, form := range forms {
		f.Add([]byte(form.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, ok := Parse(raw, time.Time{})
		Wanted(raw)
		if !ok {
			return
		}
		assert.NotEmpty(t, r.Failures)
		assert.LessOrEqual(t, len(r.Failures), maxFailed)
		assert.LessOrEqual(t, len(r.IDs), maxIDs)
		assert.LessOrEqual(t, len(r.Refs), maxIDs)
		for _, failure := range r.Failures {
			assert.True(t, r.Complaint || failure.Class != "")
			assert.LessOrEqual(t, len(failure.Text), 210)
			assert.LessOrEqual(t, len(failure.Code), 12)
		}
	})
}
