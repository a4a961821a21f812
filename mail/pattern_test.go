package mail

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// alike has answers: those of one line are the same answer to several recipients, and those of different lines are not.
var alike = [][]string{
	{"550 5.7.1 Batas kirim tercapai untuk a1@sekolah.example (12/100)",
		"550 5.7.1 Batas kirim tercapai untuk b2@sekolah.example (13/100)"},
	{"550 Anda tidak boleh, id 4Q8xTz3Kqz", "550 Anda tidak boleh, id 9ZZtTz3Kqz"},
	{"550 5.7.0 Message rejected. [SG2APC01FT001.eop-APC01.prod.example.com 2026-11-24T01:00:02.345Z 08DE1]",
		"550 5.7.0 Message rejected. [SG2APC01FT009.eop-APC01.prod.example.com 2026-11-24T01:00:05.999Z 08DE2]"},
	{"554 5.7.9 see https://help.example/a?u=ani", "554 5.7.9 see https://help.example/b?u=budi"},
	{"451", "450"},
	{"554 ditolak <ani@a.example>: gagal", "554 ditolak <budi.s@b.example>: gagal"},
}

func TestPattern(t *testing.T) {
	seen := map[Pattern]bool{}
	for _, phase := range []string{"rcpt", "dot"} {
		for _, replies := range alike {
			first := patternOf(phase, replies[0])
			assert.False(t, seen[first], replies[0])
			seen[first] = true
			for _, reply := range replies[1:] {
				assert.Equal(t, first, patternOf(phase, reply))
			}
		}
	}
	assert.NotEqual(t, patternOf("rcpt", "450 nanti"), patternOf("rcpt", "550 nanti"), "for now, or for good")
	assert.NotEqual(t, patternOf("rcpt", "550 5.7.1 nanti"), patternOf("rcpt", "550 5.7.2 nanti"))
	for _, text := range []string{"", "returned", "withheld", "the run ended in the hand-over",
		"every run that took it died", "a: b: c"} {
		assert.Zero(t, PatternOf(text), text)
	}
	for fate := Unknown; fate <= Stop; fate++ {
		assert.Equal(t, fate, PatternOf((&Error{Phase: "dot", Fate: fate}).Error()).Fate)
	}
}

// TestPatternOfAMailbox: a basic code alone does not show that an answer is about the mailbox; words or an enhanced
// code do.
func TestPatternOfAMailbox(t *testing.T) {
	for text, want := range map[string]bool{
		"rcpt: bad_address 550 5.1.1": true, "rcpt: bad_address 550: Requested action not taken: mailbox unavailable": true,
		"rcpt: bad_address 550: pengguna tidak ada": true, "rcpt: bad_address 551: lantai empat": false,
		"rcpt: bad_address 551 5.7.1":                   false,
		"rcpt: refused 550: user unknown to our limits": false,
	} {
		assert.Equal(t, want, PatternOf(text).Mailbox, text)
	}
}

func patternOf(phase, reply string) Pattern {
	code := 0
	for _, digit := range reply[:3] {
		code = code*10 + int(digit-'0')
	}
	return PatternOf(classify(phase, code, reply[min(4, len(reply)):], "ani", "budi").Error())
}
