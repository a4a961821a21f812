package page

import (
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// A settableGroup names settings, with blanks between them.
type settableGroup struct{ name, list string }

func (g settableGroup) keys() []string { return strings.Fields(g.list) }

// settable are the settings that the page shows, in groups.
var settable = []settableGroup{
	{"library", "APP_NAME APP_LOCALE APP_TIMEZONE REMINDER_OPENING_HOURS REMINDER_SUMMARY_TO"},
	{"rules", "REMINDER_SCHEDULE REMINDER_WINDOW REMINDER_CLOSED_WEEKDAYS REMINDER_BEFORE_CLOSURE REMINDER_MIN_DAYS " +
		"REMINDER_MAX_PER_RUN REMINDER_MAX_OVERDUE_DAYS REMINDER_GUARDIAN_FROM REMINDER_CLASS_DAY REMINDER_ONLY_TO"},
	{"mail", "MAIL_MAILER MAIL_HOST MAIL_PORT MAIL_USERNAME MAIL_PASSWORD MAIL_FROM_ADDRESS MAIL_REPLY_TO " +
		"MAIL_DAILY_LIMIT SENDGRID_API_KEY"},
	{"database", "DB_HOST DB_PORT DB_DATABASE DB_USERNAME DB_PASSWORD"},
}

// secrets are never sent to a page.
var secrets = []string{"DB_PASSWORD", "MAIL_PASSWORD", "IMAP_PASSWORD", "SENDGRID_API_KEY"}

// settings are all settings, with what was typed.
type settings struct {
	File    string
	Groups  []fieldGroup
	values  map[string]string
	changed bool // by what was typed
}

// A fieldGroup is settings under one heading.
type fieldGroup struct {
	Name   string
	Fields []field
}

// A field is one setting.
type field struct {
	Key, Value      string
	Secret, Present bool // of a secret only whether it is there is shown
	Problem         string
}

func loadSettings(v *visit) (any, error) { return v.settings() }

// settings reads them, with what is wrong with each.
func (v *visit) settings() (s settings, err error) {
	if s.values, s.File, err = v.d.Machine.Environ(); err != nil {
		return s, err
	}
	for _, group := range settable {
		s.changed = v.take(s.values, group.keys()...) || s.changed
	}
	for _, group := range settable { // what is wrong with one setting may depend on another
		s.Groups = append(s.Groups, fieldGroup{group.name, v.fields(s.values, group.keys()...)})
	}
	return s, nil
}

// fields are some settings as a form shows them.
func (v *visit) fields(values map[string]string, keys ...string) (fields []field) {
	for _, key := range keys {
		f := field{Key: key, Value: values[key], Secret: slices.Contains(secrets, key), Present: values[key] != ""}
		if f.Secret {
			f.Value = ""
		}
		if err := setup.Check(values, key); err != nil {
			f.Problem = text.In(v.Lang).Error(err)
		}
		fields = append(fields, f)
	}
	return fields
}

// take puts what was typed for some settings among them, and reports whether that changed any. An empty secret stays as
// it is.
func (v *visit) take(values map[string]string, keys ...string) (changed bool) {
	for _, key := range keys {
		value := strings.TrimSpace(v.PostFormValue(key))
		if _, sent := v.PostForm[key]; !sent || value == "" && slices.Contains(secrets, key) {
			continue
		}
		if key == "APP_TIMEZONE" {
			value = setup.Zone(value)
		}
		changed = changed || values[key] != value
		values[key] = value
	}
	return changed
}

func saveSettings(v *visit) (action, error) {
	s, err := v.settings()
	if err == nil {
		_, err = setup.Load(s.values)
	}
	if err != nil || !s.changed {
		return action{}, err
	}
	return action{Key: "settings"}, v.d.Machine.Write(s.values)
}
