package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

var complete = map[string]string{
	"DB_DATABASE": "perpustakaan", "MAIL_MAILER": "smtp", "MAIL_HOST": "smtp.example.org",
	"MAIL_FROM_ADDRESS": "perpus@example.org",
}

func with(changes map[string]string) map[string]string {
	environ := maps.Clone(complete)
	maps.Copy(environ, changes)
	return environ
}

func TestDefaults(t *testing.T) {
	cfg, err := Load(with(map[string]string{"APP_NAME": "", "MAIL_PORT": "null"}))
	require.NoError(t, err)
	s := cfg.settings
	assert.Equal(t, "Asia/Jakarta", s.Zone.String())
	assert.Equal(t, reminder.DefaultSchedule, s.Schedule.String())
	assert.Equal(t, "07:00-20:00", s.Window.String())
	assert.Equal(t, mail.Address{Name: "Perpustakaan", Addr: "perpus@example.org"}, s.From)
	assert.Equal(t, 587, cfg.port())
	assert.True(t, s.Resend)
	assert.Greater(t, s.Lease, s.Budget+cfg.MailTimeout)
	assert.Equal(t, s.Budget, cfg.dotTimeout(), "RFC 5321 asks for 10 minutes; the budget is shorter")
	assert.Equal(t, []any{60, 1000, 2, 3}, []any{s.MaxOverdueDays, s.MaxPerRun, s.Concurrency, s.Tries})
}

// The time for the answer to the final dot is long, but ends before the lease and before the platform stops the
// function.
func TestDotTimeout(t *testing.T) {
	for _, tt := range []struct {
		budget, lease, timeout string
		function               int
		want                   time.Duration
	}{
		{"4m", "15m", "60s", 0, 4 * time.Minute},
		{"30m", "2h", "60s", 0, 10 * time.Minute},
		{"30m", "35m", "60s", 0, 4 * time.Minute},
		{"4m", "15m", "60s", 330, 90 * time.Second},
		{"2s", "10s", "1s", 0, 2 * time.Second},
		{"2s", "10s", "5s", 0, 5 * time.Second}, // never less than for any other answer
	} {
		cfg, err := Load(with(map[string]string{"REMINDER_BUDGET": tt.budget, "REMINDER_LEASE": tt.lease,
			"MAIL_TIMEOUT": tt.timeout}))
		require.NoError(t, err)
		cfg.FunctionTimeout = tt.function
		assert.Equal(t, tt.want, cfg.dotTimeout(), "%+v", tt)
	}
}

func TestWhereTheDatabaseIs(t *testing.T) {
	for _, tt := range []struct {
		changes map[string]string
		net     string
		addr    string
	}{
		{nil, "tcp", "127.0.0.1:3306"},
		{map[string]string{"DB_HOST": "::1", "DB_PORT": "3307"}, "tcp", "[::1]:3307"},
		{map[string]string{"DB_SOCKET": "/run/mysqld/mysqld.sock"}, "unix", "/run/mysqld/mysqld.sock"},
		{map[string]string{"DB_CLOUDSQL_INSTANCE": "p:asia-southeast2:i", "DB_HOST": "x"}, "unix",
			"/cloudsql/p:asia-southeast2:i"},
	} {
		cfg, err := LoadDatabase(with(tt.changes))
		require.NoError(t, err)
		assert.Equal(t, []string{tt.net, tt.addr}, []string{cfg.database().Net, cfg.database().Addr})
	}
}

// All problems are reported at once, each with its key, in both languages.
func TestProblems(t *testing.T) {
	_, err := Load(map[string]string{
		"APP_TIMEZONE": "Asia/Garut", "MAIL_MAILER": "smtp", "MAIL_TRIES": "many", "MAIL_TIMEOUT": "soon",
		"DB_PASSWORD":       "hush-hush",
		"REMINDER_SCHEDULE": "1,0", "REMINDER_WINDOW": "20-7", "REMINDER_CLOSED_WEEKDAYS": "someday",
		"REMINDER_CLASS_DAY": "senin,kamis", "REMINDER_UNKNOWN": "guess", "REMINDER_BEFORE_CLOSURE": "-1",
		"REMINDER_MIN_DAYS": "400", "REMINDER_RENEW_URL": "/perpanjang/{id}",
		"DB_TLS": "perhaps", "DB_PORT": "0", "MAIL_SCHEME": "tls",
		"MAIL_ENCRYPTION": "TLSv9", "MAIL_DAILY_LIMIT": "-1",
		"MAIL_REPLY_TO": "nobody", "REMINDER_SUMMARY_TO": "petugas@example.org,nobody", "REMINDER_MAX_PER_RUN": "0",
	})
	require.Error(t, err)
	for _, key := range []string{
		"APP_TIMEZONE", "DB_DATABASE", "DB_TLS", "DB_PORT", "MAIL_SCHEME", "MAIL_ENCRYPTION", "MAIL_DAILY_LIMIT", "MAIL_HOST",
		"MAIL_FROM_ADDRESS", "MAIL_TRIES", "MAIL_TIMEOUT", "REMINDER_SCHEDULE",
		"REMINDER_WINDOW", "REMINDER_CLOSED_WEEKDAYS", "REMINDER_CLASS_DAY", "REMINDER_UNKNOWN", "MAIL_REPLY_TO",
		"REMINDER_SUMMARY_TO", "REMINDER_MAX_PER_RUN", "REMINDER_BEFORE_CLOSURE",
		"REMINDER_MIN_DAYS", "REMINDER_RENEW_URL",
	} {
		assert.Contains(t, text.In("id").Error(err), key)
		assert.Contains(t, text.In("en").Error(err), key)
	}
	assert.NotContains(t, err.Error(), "hush-hush")
	for _, english := range []string{" must ", " or ", " no ", " not ", "(int)"} {
		assert.NotContains(t, text.In("id").Error(err), english)
	}
	assert.False(t, reminder.IsTemporary(err), "a retry does not mend a configuration")

	_, err = LoadDatabase(map[string]string{"DB_DATABASE": "perpustakaan"})
	assert.NoError(t, err, "the database can be prepared before mail is configured")
}

func TestLadder(t *testing.T) {
	for _, tt := range []struct {
		changes map[string]string
		key     string // the one complained about, or ""
	}{
		{map[string]string{"CLOUD_RUN_TIMEOUT_SECONDS": "600"}, ""},
		{map[string]string{"CLOUD_RUN_TIMEOUT_SECONDS": "240"}, "REMINDER_BUDGET"},
		{map[string]string{"CLOUD_RUN_TIMEOUT_SECONDS": "900"}, "REMINDER_LEASE"},
		{map[string]string{"REMINDER_BUDGET": "15m"}, "REMINDER_LEASE"},
		{map[string]string{"REMINDER_LEASE": "24h"}, "REMINDER_LEASE"},
		{map[string]string{"REMINDER_BUDGET": "30m", "REMINDER_LEASE": "32m"}, ""},
		{map[string]string{"REMINDER_BUDGET": "0s"}, "REMINDER_BUDGET"},
	} {
		_, err := Load(with(tt.changes))
		if tt.key == "" {
			assert.NoError(t, err, "%v", tt.changes)
		} else {
			assert.Contains(t, text.In("en").Error(err), tt.key, "%v", tt.changes)
		}
	}
}

// With an unknown key that begins like the program's keys, mail could go to everybody, or at night.
func TestMisspeltKeys(t *testing.T) {
	for key, nearest := range map[string]string{
		"REMINDER_ONLYTO": "REMINDER_ONLY_TO", "REMINDER_ONLY_TOO": "REMINDER_ONLY_TO",
		"Reminder_Only_To": "REMINDER_ONLY_TO",
		"REMINDER_SHEDULE": "REMINDER_SCHEDULE", "REMINDER_WINDOWS": "REMINDER_WINDOW",
		"REMINDER_CLOSED_WEEKDAY": "REMINDER_CLOSED_WEEKDAYS",
		"SENDGRID_KEY":            "SENDGRID_API_KEY", "SENDGRID_APIKEY": "SENDGRID_API_KEY", "IMAP_HOTS": "IMAP_HOST",
		"IMAP_PASSWRD": "IMAP_PASSWORD",
	} {
		for _, value := range []string{"secret-canary", ""} {
			for name, load := range map[string]func(map[string]string) (Config, error){"all": Load, "database": LoadDatabase} {
				_, err := load(with(map[string]string{key: value}))
				require.Error(t, err, "%s, %s", key, name)
				assert.Contains(t, text.In("id").Error(err), key+" tidak dikenal. Mungkin maksudnya "+nearest+"?")
				assert.Contains(t, text.In("en").Error(err), key+" is not known. Did you mean "+nearest+"?")
				assert.NotContains(t, err.Error(), "canary")
			}
		}
	}
	_, err := Load(with(map[string]string{"REMINDERS": "x", "MAIL_LOG_CHANNEL": "x", "APP_KEY": "x", "REDIS_HOST": "x"}))
	assert.NoError(t, err, "the keys of others")
	_, err = Load(map[string]string{"REMINDER_ONLYTO": "x", "REMINDER_WINDOW": "y"})
	for _, key := range []string{"REMINDER_ONLYTO", "REMINDER_WINDOW", "DB_DATABASE", "MAIL_MAILER"} {
		assert.ErrorContains(t, err, key, "all at once")
	}
}

// Laravel's config files give MAIL_URL and DB_URL precedence over the single keys.
func TestURLs(t *testing.T) {
	cfg, err := Load(with(map[string]string{"MAIL_URL": "smtp://perpus%40example.org:p%40ss%2Fword@mail.example.org:2525?encryption=tls",
		"DB_URL": "mysql://pustaka:r%23hasia@db.example.org:3307/perpus?charset=utf8mb4", "DB_HOST": "elsewhere",
		"DB_PORT": "1"}))
	require.NoError(t, err)
	assert.Equal(t, []any{"mail.example.org", 2525, "perpus@example.org", Secret("p@ss/word"), mail.StartTLS},
		[]any{cfg.MailHost, cfg.port(), cfg.MailUsername, cfg.MailPassword, cfg.security()})
	db := cfg.database()
	assert.Equal(t, []string{"db.example.org:3307", "perpus", "pustaka", "r#hasia"},
		[]string{db.Addr, db.DBName, db.User, db.Passwd})

	cfg, err = Load(with(map[string]string{"DATABASE_URL": "mysql://[::1]/x", "DB_PASSWORD": "stays",
		"MAIL_URL": "smtps://u:null@mail.example.org"}))
	require.NoError(t, err)
	assert.Equal(t, []string{"[::1]:3306", "x", "stays", "null"},
		[]string{cfg.database().Addr, cfg.DBDatabase, string(cfg.DBPassword), string(cfg.MailPassword)})
	assert.Equal(t, mail.ImplicitTLS, cfg.security())

	for url, want := range map[string]string{
		"DB_URL=postgres://u:canary@h/d":    "postgres:// tidak didukung",
		"DB_URL=mysql://u:can%ary@h/d":      "bukan alamat yang dapat dibaca",
		"MAIL_URL=ses+api://canary@default": "ses+api:// tidak didukung", "MAIL_URL=smtp://h?verify_peer=0": "verify_peer",
		"DB_URL=canary": "tidak didukung",
	} {
		key, value, _ := strings.Cut(url, "=")
		_, err := Load(with(map[string]string{key: value}))
		require.Error(t, err, url)
		assert.Contains(t, text.In("id").Error(err), key+" salah: ")
		assert.Contains(t, text.In("id").Error(err), want)
		assert.NotContains(t, text.In("id").Error(err), "canary")
	}
}

func TestMeaning(t *testing.T) {
	for value, want := range map[string]string{"null": "", "(NULL)": "", "empty": "", "(true)": "true", "(False)": "false",
		`'x'`: "x", `"x"`: "x",
		`"x'`: `"x'`, `"`: `"`, `''`: "", "x": "x", `"null"`: "null"} {
		assert.Equal(t, want, Meaning(value), value)
	}
	for _, text := range []string{"null", `'x'`, `"`, `""`, "x", "(true)", ""} {
		assert.Equal(t, text, Meaning(Literal(text)))
	}
}

func TestZone(t *testing.T) {
	for text, want := range map[string]string{"WIB": "Asia/Jakarta", "wita": "Asia/Makassar", " WIT ": "Asia/Jayapura",
		"Garut": "Asia/Jakarta", "bali": "Asia/Makassar",
		"ambon": "Asia/Jayapura", "UTC+8": "Asia/Makassar", "asia/jakarta": "Asia/Jakarta",
		"Kuala Lumpur": "Asia/Kuala_Lumpur", "UTC": "UTC",
		"Asia/Garut": "Asia/Garut", "WIBB": "WIBB"} {
		assert.Equal(t, want, Zone(text), text)
	}
	for _, zone := range []string{"Local", "Asia/Garut", "WIBB"} {
		_, err := Load(with(map[string]string{"APP_TIMEZONE": zone}))
		assert.ErrorContains(t, err, "APP_TIMEZONE", zone)
	}
	for zone := range strings.SplitSeq(strings.Join(slices.Collect(maps.Values(zones)), ","), ",") {
		cfg, err := Load(with(map[string]string{"APP_TIMEZONE": zone}))
		require.NoError(t, err, zone)
		assert.Contains(t, cfg.settings.Zone.String(), "Asia/")
	}
}

// MAIL_ENCRYPTION, MAIL_SCHEME and the port mean what they mean to Laravel, but there is no fallback to plain text.
func TestSecurity(t *testing.T) {
	for _, tt := range []struct {
		host, port, encryption, scheme string
		want                           mail.Security
		wantPort                       int
	}{
		{"smtp.gmail.com", "587", "tls", "", mail.StartTLS, 587},
		{"smtp.gmail.com", "465", "tls", "", mail.ImplicitTLS, 465},
		{"smtp.gmail.com", "465", "ssl", "", mail.ImplicitTLS, 465},
		{"smtp.gmail.com", "", "ssl", "", mail.ImplicitTLS, 465},
		{"smtp.gmail.com", "587", "ssl", "", mail.StartTLS, 587}, // Laravel 9 and later do not look at ssl there
		{"smtp.gmail.com", "2465", "ssl", "", mail.ImplicitTLS, 2465},
		{"smtp.gmail.com", "", "", "smtps", mail.ImplicitTLS, 465},
		{"smtp.gmail.com", "587", "null", "null", mail.StartTLS, 587},
		{"smtp.gmail.com", "2525", "", "smtp", mail.StartTLS, 2525},
		{"127.0.0.1", "1025", "null", "", mail.PlainLoopback, 1025},
		{"localhost", "2525", "tls", "", mail.StartTLS, 2525},
		{"::1", "25", "", "", mail.PlainLoopback, 25},
	} {
		cfg, err := Load(with(map[string]string{"MAIL_HOST": tt.host, "MAIL_PORT": tt.port, "MAIL_ENCRYPTION": tt.encryption,
			"MAIL_SCHEME": tt.scheme}))
		require.NoError(t, err)
		assert.Equal(t, tt.want, cfg.security(), "%+v", tt)
		assert.Equal(t, tt.wantPort, cfg.port(), "%+v", tt)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	cfg, err := Load(with(map[string]string{"DB_PASSWORD": "canary1", "MAIL_PASSWORD": "canary2",
		"SENDGRID_API_KEY": "canary3", "MAIL_OAUTH_TOKEN": "canary4"}))
	require.NoError(t, err)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q", cfg, cfg, cfg, cfg.DBPassword, cfg.MailPassword)
	require.NoError(t, json.NewEncoder(&out).Encode(cfg))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "cfg", cfg, "password", cfg.DBPassword)
	assert.NotContains(t, out.String(), "canary")
	assert.Contains(t, out.String(), "***")
	assert.Equal(t, "canary1", cfg.database().Passwd)
}

func TestFingerprintFollowsTheMailSettings(t *testing.T) {
	of := func(change map[string]string) func(string) string {
		cfg, err := Load(with(change))
		require.NoError(t, err)
		return cfg.settings.Fingerprint
	}
	base := of(nil)
	stored := base("")
	assert.Equal(t, stored, base(stored))
	assert.NotEqual(t, stored, base(""), "the salt is another one each time")
	assert.NotEqual(t, "0123456789abcdef", base("0123456789abcdef"), "what an older version stored is no fingerprint")
	for _, change := range []map[string]string{
		{"MAIL_PASSWORD": "x"}, {"MAIL_USERNAME": "x"}, {"MAIL_HOST": "x"}, {"MAIL_PORT": "465"}, {"MAIL_ENCRYPTION": "ssl"},
		{"MAIL_FROM_ADDRESS": "x@example.org"},
	} {
		assert.NotEqual(t, stored, of(change)(stored), "%v", change)
	}
	assert.Equal(t, stored, of(map[string]string{"REMINDER_WINDOW": "08:00-09:00"})(stored))
}

// TestFingerprintConfirmsNoGuess: the fingerprint is stored, so with enough guesses of the password more than one must
// match.
func TestFingerprintConfirmsNoGuess(t *testing.T) {
	cfg, err := Load(complete)
	require.NoError(t, err)
	_, kept, _ := strings.Cut(cfg.settings.Fingerprint(""), ":")
	assert.LessOrEqual(t, len(kept)*4, 16, "bits")
	assert.GreaterOrEqual(t, fingerprintRounds, 100_000, "a guess must cost something")
}

func TestCloudLog(t *testing.T) {
	var out bytes.Buffer
	cfg := Config{CloudService: "pengingat"}
	log, _ := cfg.logger(&out)
	log.With("run_id", "R", "trace", "T").Warn("run",
		slog.Group("report", slog.String("level", "kept"), slog.String("msg", "kept")))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.Equal(t, "WARNING", line["severity"])
	assert.Equal(t, "run", line["message"])
	assert.Equal(t, map[string]any{"level": "kept", "msg": "kept"}, line["report"])
	assert.Equal(t, map[string]any{"run_id": "R"}, line["logging.googleapis.com/labels"])
	assert.Equal(t, "T", line["logging.googleapis.com/trace"], "where the project is not known")
}

func TestBackoff(t *testing.T) {
	for range 100 {
		assert.Less(t, backoff(1), time.Minute)
		assert.GreaterOrEqual(t, backoff(2), 30*time.Minute, "RFC 5321: half an hour at least")
	}
}

func TestNoReply(t *testing.T) {
	for address, want := range map[string]bool{
		"no-reply@mtsn6garut.example": true, "NoReply@mtsn6garut.example": true, "do-not-reply+1@mtsn6garut.example": true,
		"perpustakaan@mtsn6garut.example": false, "noreplyman@mtsn6garut.example": false, "novi@no-reply.example": false,
	} {
		assert.Equal(t, want, noReply.MatchString(address), address)
	}
}
