package check

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// TestSender: what Gmail and others make of a sender, without asking them.
func TestSender(t *testing.T) {
	for _, tt := range []struct{ host, login, from, limit, finds string }{
		{"smtp.gmail.com", "perpus@gmail.com", "Perpus@gmail.com", "400", "ok doctor.sender_well"},
		{"smtp.gmail.com", "perpus@gmail.com", "perpus@mtsn6garut.sch.id", "400", "warn doctor.sender_is_not_login"},
		{"smtp.gmail.com", "perpus@gmail.com", "perpus@gmail.com", "", "warn doctor.limit_too_high N=0 Limit=500"},
		{"mail.sch.id", "perpus@sch.id", "perpus@mtsn6garut.sch.id", "",
			"warn doctor.sender_is_not_at_login Domain=mtsn6garut.sch.id Login=sch.id"},
		{"mail.sch.id", "perpus", "perpus@mtsn6garut.sch.id", "", "ok doctor.sender_well"},
		{"mail.sch.id", "perpus", "perpus@gmail.con", "", "fail doctor.sender_is_sample Domain=gmail.con"},
		{"smtp.sendgrid.net", "apikey", "perpus@yahoo.com", "", "warn doctor.sender_is_not_at_provider Domain=yahoo.com"},
		{"smtp.office365.com", "p@sekolah.sch.id", "p@sekolah.sch.id", "100", "ok doctor.sender_well"},
	} {
		cfg, err := setup.Load(map[string]string{
			"DB_DATABASE": "x", "MAIL_MAILER": "smtp", "MAIL_HOST": tt.host, "MAIL_USERNAME": tt.login, "MAIL_PASSWORD": "x",
			"MAIL_FROM_ADDRESS": tt.from, "MAIL_DAILY_LIMIT": tt.limit,
		})
		require.NoError(t, err, "%+v", tt)
		app, err := setup.New(cfg, io.Discard)
		require.NoError(t, err, "%+v", tt)
		var found []string
		x := &examination{app: app, cfg: app.Config, each: func(f Finding) {
			found = append(found,
				fmt.Sprint(f.Severity, " ", f.What))
		}}
		require.NoError(t, x.sender(t.Context()), "%+v", tt)
		assert.Equal(t, []string{tt.finds}, found, "%+v", tt)
		require.NoError(t, app.Close())
	}
}
