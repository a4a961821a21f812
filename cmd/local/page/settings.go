package page

import (
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A group of settings, under one heading.
type group struct {
	Name string
	Keys []string
}

// settable are the settings that the page shows.
var settable = []group{
	{"library", []string{"APP_NAME", "APP_LOCALE", "APP_TIMEZONE", "REMINDER_OPENING_HOURS", "REMINDER_SUMMARY_TO"}},
	{"rules", []string{"REMINDER_SCHEDULE", "REMINDER_WINDOW", "REMINDER_CLOSED_WEEKDAYS", "REMINDER_BEFORE_CLOSURE",
		"REMINDER_MIN_DAYS", "REMINDER_MAX_PER_RUN", "REMINDER_MAX_OVERDUE_DAYS", "REMINDER_GUARDIAN_FROM",
		"REMINDER_CLASS_DAY", "REMINDER_ONLY_TO"}},
	{"mail", []string{"MAIL_MAILER", "MAIL_HOST", "MAIL_PORT", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_FROM_ADDRESS",
		"MAIL_REPLY_TO", "MAIL_DAILY_LIMIT", "SENDGRID_API_KEY"}},
	{"database", []string{"DB_HOST", "DB_PORT", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"}},
}

// secrets are never sent to a page.
var secrets = []string{"DB_PASSWORD", "MAIL_PASSWORD", "IMAP_PASSWORD", "SENDGRID_API_KEY"}

// A form has all settings, with what was typed for some of them.
type form struct {
	words
	File    string
	Groups  []group
	values  map[string]string
	changed bool
}

// A field is one setting.
type field struct {
	Key, Value      string
	Secret, Present bool // a secret's value is not shown, only whether it is present
	Problem         string
}

func loadSettings(v *visit) (any, error) { return v.form(settable...) }

// form reads the settings and replaces those of some groups by what was typed. An empty secret stays as it is.
func (v *visit) form(groups ...group) (f form, err error) {
	f = form{words: v.words, Groups: groups}
	f.values, f.File, err = v.d.Machine.Environ()
	for _, g := range groups {
		for _, key := range g.Keys {
			value := strings.TrimSpace(v.PostFormValue(key))
			if _, sent := v.PostForm[key]; !sent || value == "" && slices.Contains(secrets, key) || err != nil {
				continue
			}
			if key == "APP_TIMEZONE" {
				value = setup.Zone(value)
			}
			f.changed = f.changed || f.values[key] != value
			f.values[key] = value
		}
	}
	return f, err
}

// Field returns a setting as the page shows it.
func (f form) Field(key string) field {
	shown := field{Key: key, Value: f.values[key], Secret: slices.Contains(secrets, key), Present: f.values[key] != ""}
	if shown.Secret {
		shown.Value = ""
	}
	if err := setup.Check(f.values, key); err != nil {
		shown.Problem = text.In(f.Lang).Error(err)
	}
	return shown
}

func saveSettings(v *visit) (action, error) {
	f, err := v.form(settable...)
	if err == nil {
		_, err = setup.Load(f.values)
	}
	if err != nil || !f.changed {
		return action{}, err
	}
	return action{Key: "settings"}, v.d.Machine.Write(f.values)
}
