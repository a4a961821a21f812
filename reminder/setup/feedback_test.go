package setup

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/inbox"
)

func TestFeedbackSettings(t *testing.T) {
	login := map[string]string{"MAIL_FEEDBACK": "imap", "MAIL_USERNAME": "perpus@gmail.com",
		"MAIL_PASSWORD": "abcdefghijklmnop"}
	and := func(changes map[string]string) map[string]string {
		all := with(login)
		for key, value := range changes {
			all[key] = value
		}
		return all
	}
	for _, tt := range []struct {
		changes map[string]string
		want    inbox.Config
		wrong   string
	}{
		{map[string]string{"MAIL_HOST": "smtp.gmail.com"},
			inbox.Config{Host: "imap.gmail.com", Port: 993, Username: "perpus@gmail.com", Password: "abcdefghijklmnop"}, ""},
		{map[string]string{"MAIL_HOST": "mail.sekolah.sch.id", "IMAP_PASSWORD": "lain"},
			inbox.Config{Host: "mail.sekolah.sch.id", Port: 993, Username: "perpus@gmail.com", Password: "lain"}, ""},
		{map[string]string{"IMAP_HOST": "imap.example.org", "IMAP_PORT": "1993", "IMAP_USERNAME": "umpan",
			"IMAP_PASSWORD": "x"},
			inbox.Config{Host: "imap.example.org", Port: 1993, Username: "umpan", Password: "x"}, ""},
		{map[string]string{"MAIL_HOST": "127.0.0.1", "IMAP_ENCRYPTION": "none"}, inbox.Config{Host: "127.0.0.1", Port: 993,
			Plain: true, Username: "perpus@gmail.com", Password: "abcdefghijklmnop"}, ""},
		{map[string]string{"MAIL_HOST": "smtp.example.org"}, inbox.Config{}, "IMAP_HOST"},
		{map[string]string{"MAIL_HOST": "smtp.gmail.com", "IMAP_ENCRYPTION": "none"}, inbox.Config{}, "IMAP_ENCRYPTION"},
		{map[string]string{"MAIL_HOST": "smtp.gmail.com", "IMAP_ENCRYPTION": "starttls"}, inbox.Config{}, "IMAP_ENCRYPTION"},
		{map[string]string{"MAIL_HOST": "smtp.gmail.com", "MAIL_PASSWORD": ""}, inbox.Config{}, "IMAP_PASSWORD"},
		{map[string]string{"MAIL_HOST": "smtp.gmail.com", "IMAP_PORT": "0"}, inbox.Config{}, "IMAP_PORT"},
		{map[string]string{"MAIL_FEEDBACK": "pop3"}, inbox.Config{}, "MAIL_FEEDBACK"},
		{map[string]string{"MAIL_FEEDBACK": "sendgrid"}, inbox.Config{}, "SENDGRID_API_KEY"},
	} {
		cfg, err := Load(and(tt.changes))
		if tt.wrong != "" {
			assert.ErrorContains(t, err, tt.wrong, "%v", tt.changes)
			continue
		}
		require.NoError(t, err, "%v", tt.changes)
		got, err := cfg.Inbox()
		require.NoError(t, err)
		assert.Equal(t, tt.want, got)
		source, err := cfg.feedback()
		require.NoError(t, err)
		assert.NotNil(t, source)
	}
	cfg, err := Load(complete)
	require.NoError(t, err)
	source, err := cfg.feedback()
	require.NoError(t, err)
	assert.Nil(t, source, "off, unless somebody switches it on")
}
