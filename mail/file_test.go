package mail

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFileSend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	s := NewFile(dir)
	for n := range 2 {
		m := newMessage(n)
		receipt, err := s.Send(t.Context(), m, func(context.Context) error {
			_, err := os.Stat(filepath.Join(dir, m.Ref+".eml"))
			assert.ErrorIs(t, err, os.ErrNotExist, "no mail before the handover")
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, m.Ref+".eml", receipt.ID)
		want, err := m.Bytes()
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dir, receipt.ID))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
	assert.Equal(t, []string{"ref-0000.eml", "ref-0001.eml"}, names(t, dir))

	m := newMessage(1)
	m.Subject = "sekali lagi"
	_, err := s.Send(t.Context(), m, yes)
	require.NoError(t, err)
	assert.Len(t, names(t, dir), 2, "the same message has one file")
	got, err := os.ReadFile(filepath.Join(dir, "ref-0001.eml"))
	require.NoError(t, err)
	assert.Contains(t, string(got), "sekali lagi")
	require.NoError(t, s.Close())
}

func TestFileWritesNothing(t *testing.T) {
	refusal := errors.New("another runner has it")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	bad := newMessage(1)
	bad.To.Addr = "siti"
	tests := map[string]struct {
		ctx      context.Context
		m        Message
		handover Handover
		check    func(error)
	}{
		"handover refused": {t.Context(), newMessage(1), func(context.Context) error { return refusal },
			func(err error) { assert.Same(t, refusal, err) }},
		"canceled": {canceled, newMessage(1), yes,
			func(err error) {
				assert.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, Stop, FateOf(err))
			}},
		"bad address": {t.Context(), bad, yes, func(err error) { assert.Equal(t, BadAddress, FateOf(err)) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := NewFile(dir).Send(tt.ctx, tt.m, tt.handover)
			tt.check(err)
			assert.Empty(t, names(t, dir))
		})
	}
}

func TestFileDirectoryUnusable(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	_, err := NewFile(filepath.Join(dir, "file")).Send(t.Context(), newMessage(1),
		func(context.Context) error { t.Error("handed over"); return nil })
	assert.Equal(t, "stop server 10m0s", outcome(err))

	// A folder at the path of the mail cannot be replaced.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ref-0001.eml", "x"), 0o700))
	_, err = NewFile(dir).Send(t.Context(), newMessage(1), yes)
	assert.Equal(t, "stop server 10m0s", outcome(err), "the rename failed, so the mail is surely not there")
	assert.Equal(t, []string{"file", "ref-0001.eml"}, names(t, dir))
}

func TestFileName(t *testing.T) {
	tests := []struct{ ref, id, want string }{
		{"0b0e8a52-3f0a", "r.1@x.id", "0b0e8a52-3f0a.eml"},
		{"", "r.1@x.id", "r.1_x.id.eml"},
		{`../a\b:c*d?e"f<g>h|i`, "", ".._a_b_c_d_e_f_g_h_i.eml"},
		{"CON", "", "_CON.eml"},
		{"com1.x", "", "_com1.x.eml"},
		{"console", "", "console.eml"},
		{"é\r\n ", "", "____.eml"},
		{strings.Repeat("a", 300), "", strings.Repeat("a", 100) + ".eml"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, fileName(Message{Ref: tt.ref, ID: tt.id}))
	}
}
