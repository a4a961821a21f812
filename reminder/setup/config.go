// Package setup turns a configuration into a [reminder.Runner]. It is the only package that knows all the others; the
// doors (function.go, cmd/local) know this one. Nothing here connects to anything: a configuration that cannot work is
// an error of its own, told apart from a database that is down.
package setup

import (
	"cmp"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // Windows has no zone database

	"github.com/caarlos0/env/v11"
	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// A Secret prints as ***.
type Secret string

// String returns *** unless s is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString keeps a secret out of %#v, as MarshalText does for JSON and LogValue for logs.
func (s Secret) GoString() string             { return s.String() }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }

// A Config holds every setting under its environment key. The first keys are Laravel's, with Laravel's meaning, so that
// a library can point the program at the .env file it has.
type Config struct {
	AppName     string `env:"APP_NAME" envDefault:"Perpustakaan"`
	AppURL      string `env:"APP_URL"`
	AppTimezone string `env:"APP_TIMEZONE" envDefault:"Asia/Jakarta"`
	AppLocale   string `env:"APP_LOCALE" envDefault:"id"`

	DBHost        string `env:"DB_HOST" envDefault:"127.0.0.1"`
	DBPort        int    `env:"DB_PORT" envDefault:"3306"`
	DBDatabase    string `env:"DB_DATABASE"`
	DBUsername    string `env:"DB_USERNAME" envDefault:"root"`
	DBPassword    Secret `env:"DB_PASSWORD"`
	DBSocket      string `env:"DB_SOCKET"`
	DBTLS         string `env:"DB_TLS"`               // true, verify-ca or false; see checkDatabase
	DBCAFile      string `env:"DB_CA_FILE"`           // certificate authority of the server: a file, or its PEM text
	DBCALaravel   string `env:"MYSQL_ATTR_SSL_CA"`    // Laravel's key for DB_CA_FILE
	DBCloudSQL    string `env:"DB_CLOUDSQL_INSTANCE"` // project:region:instance, through its unix socket
	DBConnections int    `env:"DB_CONNECTIONS" envDefault:"0"`

	Mailer         string `env:"MAIL_MAILER"`
	MailHost       string `env:"MAIL_HOST"`
	MailPort       int    `env:"MAIL_PORT" envDefault:"0"`
	MailUsername   string `env:"MAIL_USERNAME"`
	MailPassword   Secret `env:"MAIL_PASSWORD"`
	MailToken      Secret `env:"MAIL_OAUTH_TOKEN"`
	MailAuth       string `env:"MAIL_AUTH" envDefault:"auto"` // auto, plain, login, cram-md5, xoauth2
	MailEncryption string `env:"MAIL_ENCRYPTION"`
	MailScheme     string `env:"MAIL_SCHEME"`
	MailCAFile     string `env:"MAIL_CA_FILE"`
	MailFrom       string `env:"MAIL_FROM_ADDRESS"`
	MailFromName   string `env:"MAIL_FROM_NAME"`
	MailReplyTo    string `env:"MAIL_REPLY_TO"`
	// branches' own From addresses that the login may use, or @domain
	MailFromOK     []string      `env:"MAIL_FROM_ALLOWED"`
	MailUnsub      string        `env:"MAIL_UNSUBSCRIBE"` // address for List-Unsubscribe, or off
	MailFileDir    string        `env:"MAIL_FILE_DIR" envDefault:"mails"`
	MailConcurrent int           `env:"MAIL_CONCURRENCY" envDefault:"2"`
	MailRate       float64       `env:"MAIL_RATE" envDefault:"0"`
	MailDailyLimit int           `env:"MAIL_DAILY_LIMIT" envDefault:"0"`
	MailTimeout    time.Duration `env:"MAIL_TIMEOUT" envDefault:"60s"`
	MailTries      int           `env:"MAIL_TRIES" envDefault:"3"`
	MailPerConn    int           `env:"MAIL_MAX_PER_CONNECTION" envDefault:"100"`

	MailFeedback   string `env:"MAIL_FEEDBACK" envDefault:"off"` // off, imap, sendgrid
	IMAPHost       string `env:"IMAP_HOST"`                      // else what goes with MAIL_HOST
	IMAPPort       int    `env:"IMAP_PORT" envDefault:"993"`
	IMAPUsername   string `env:"IMAP_USERNAME"` // else MAIL_USERNAME, and so with the password
	IMAPPassword   Secret `env:"IMAP_PASSWORD"`
	IMAPEncryption string `env:"IMAP_ENCRYPTION" envDefault:"tls"` // tls; none to this computer only

	SendGridKey     Secret `env:"SENDGRID_API_KEY"`
	SendGridHost    string `env:"SENDGRID_HOST" envDefault:"https://api.sendgrid.com"`
	SendGridSandbox bool   `env:"SENDGRID_SANDBOX" envDefault:"false"`

	Schedule       string        `env:"REMINDER_SCHEDULE" envDefault:"-1,0,1,3,7,+7"`
	Window         string        `env:"REMINDER_WINDOW" envDefault:"07:00-20:00"`
	MaxOverdueDays int           `env:"REMINDER_MAX_OVERDUE_DAYS" envDefault:"60"`
	MaxPerRun      int           `env:"REMINDER_MAX_PER_RUN" envDefault:"1000"`
	OnlyTo         []string      `env:"REMINDER_ONLY_TO"`
	Unknown        string        `env:"REMINDER_UNKNOWN" envDefault:"resend"`
	GuardianFrom   int           `env:"REMINDER_GUARDIAN_FROM" envDefault:"0"` // days late; 0: guardians are not told
	ClosedWeekdays string        `env:"REMINDER_CLOSED_WEEKDAYS"`
	BeforeClosure  int           `env:"REMINDER_BEFORE_CLOSURE" envDefault:"0"` // days
	MinDays        int           `env:"REMINDER_MIN_DAYS" envDefault:"0"`
	OpeningHours   string        `env:"REMINDER_OPENING_HOURS"` // as a mail says them
	Budget         time.Duration `env:"REMINDER_BUDGET" envDefault:"4m"`
	Lease          time.Duration `env:"REMINDER_LEASE" envDefault:"15m"`
	SummaryTo      []string      `env:"REMINDER_SUMMARY_TO"`
	Keep           string        `env:"REMINDER_KEEP" envDefault:"400d"` // days; 0: for ever
	ClassDay       string        `env:"REMINDER_CLASS_DAY"`
	Templates      string        `env:"REMINDER_TEMPLATES"`
	RenewURL       string        `env:"REMINDER_RENEW_URL"`
	TitleInSubject bool          `env:"REMINDER_TITLE_IN_SUBJECT" envDefault:"false"`

	LogFormat string `env:"LOG_FORMAT"` // text or json; default json on Cloud Run, else text
	LogLevel  string `env:"LOG_LEVEL" envDefault:"info"`
	LogFile   string `env:"LOG_FILE"`

	// FunctionTimeout is set by the platform of the cloud function: after it nobody waits for the answer.
	FunctionTimeout int    `env:"CLOUD_RUN_TIMEOUT_SECONDS" envDefault:"0"`
	CloudService    string `env:"K_SERVICE"`
	CloudProject    string `env:"GOOGLE_CLOUD_PROJECT"` // makes log lines lead to their request

	settings reminder.Settings
	dbTLS    *tls.Config
}

// Load reads and checks a configuration. All problems are reported at once, as one *reminder.Fault.
func Load(environ map[string]string) (Config, error) {
	cfg, p := parse(environ)
	cfg.check(p)
	return cfg, p.fault()
}

func (c *Config) check(p *problems) {
	c.checkDatabase(p)
	c.checkMail(p)
	c.checkFeedback(p)
	c.checkRules(p)
	c.checkTimes(p)
}

// LoadDatabase is Load for what needs the database alone: it may be prepared before mail is configured.
func LoadDatabase(environ map[string]string) (Config, error) {
	cfg, p := parse(environ)
	cfg.checkDatabase(p)
	return cfg, p.fault()
}

// Check is Load for one setting: what is wrong with its value, or nil.
func Check(environ map[string]string, key string) error {
	cfg, p := parse(environ)
	cfg.check(p)
	for _, pr := range p.list {
		if slices.Contains(strings.Split(pr.key, ", "), key) {
			return &reminder.Fault{Message: pr.text}
		}
	}
	return nil
}

// placeholders are domains for examples, and that of the school application's sample accounts, which is somebody
// else's.
var placeholders = []string{
	"example.com", "example.net", "example.org", "contoh.com", "domain.com", "test.com", "perpustakaan.com",
}

// IsPlaceholder reports whether a domain stands in settings only because nobody has filled in their own.
func IsPlaceholder(domain string) bool {
	return slices.ContainsFunc(placeholders, func(p string) bool {
		return domain == p ||
			strings.HasSuffix(domain, "."+p)
	})
}

// CheckSender returns a Fault when nothing may be sent because MAIL_FROM_ADDRESS is a placeholder. Files may come from
// there.
func (c *Config) CheckSender() error {
	domain := c.settings.From.Domain()
	if !IsPlaceholder(domain) || c.Mailer == "file" || c.Mailer == "log" {
		return nil
	}
	return reminder.NewFault(nil, "config.sender_is_placeholder", "Domain", domain)
}

// parse reads every key into its type.
func parse(environ map[string]string) (Config, *problems) {
	var cfg Config
	var p problems
	p.unknown(environ)
	set := maps.Clone(environ)
	p.spread(set)
	for key, value := range set {
		set[key] = Meaning(value)
	}
	maps.DeleteFunc(set, func(_, value string) bool { return value == "" }) // an empty variable is one that is not set
	err := env.ParseWithOptions(&cfg, env.Options{Environment: set})
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		for _, err := range all.Errors {
			p.unreadable(err)
		}
	} else if err != nil {
		p.unreadable(err)
	}
	return cfg, &p
}

// Keys returns the keys of all settings that a person may make, in the order of Config.
func Keys() []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if key := f.Tag.Get("env"); key != "" && key != "K_SERVICE" && key != "CLOUD_RUN_TIMEOUT_SECONDS" {
			keys = append(keys, key)
		}
	}
	return keys
}

// Nearest returns the known key that is most like another.
func Nearest(key string) string {
	return slices.MinFunc(Keys(), func(a, b string) int {
		return cmp.Compare(distance(strings.ToUpper(key), a), distance(strings.ToUpper(key), b))
	})
}

// distance is how many letters differ (Levenshtein). Underscores hardly count: they are what is forgotten most.
func distance(a, b string) int {
	a, b = strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", "")
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Meaning is what a value means to Laravel's env(), which has words for nothing and takes off quotes once more.
func Meaning(value string) string {
	switch strings.ToLower(value) {
	case "null", "(null)", "empty", "(empty)":
		return ""
	case "(true)":
		return "true"
	case "(false)":
		return "false"
	}
	if n := len(value); n > 1 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') &&
		!strings.Contains(value, "\n") {
		return value[1 : n-1]
	}
	return value
}

// Literal is a value whose Meaning is the given text.
func Literal(text string) string {
	if Meaning(text) != text {
		return `"` + text + `"`
	}
	return text
}

// A problem is one thing that is wrong, by its key. There may be several, with ", " between them.
type problem struct {
	key  string
	text reminder.Message
}

type problems struct{ list []problem }

// add reports a problem. What follows from an earlier one of the same key is not worth telling.
func (p *problems) add(setting, key string, pairs ...any) {
	if !slices.ContainsFunc(p.list, func(pr problem) bool { return pr.key == setting }) {
		p.list = append(p.list, problem{setting, reminder.Say(key, pairs...)})
	}
}

// fault returns all problems as one, or nil.
func (p *problems) fault() error {
	if len(p.list) == 0 {
		return nil
	}
	var all []reminder.Message
	for _, pr := range p.list {
		all = append(all, reminder.Say("config.item", "Problem", pr.text))
	}
	return reminder.NewFault(nil, "config.incomplete", "Problems", all)
}

func (p *problems) missing(key string) { p.add(key, "config.not_set", "Key", key) }

// wrong reports a value by what it must be.
func (p *problems) wrong(setting, key string, pairs ...any) {
	p.add(setting, "config.wrong", "Key", setting, "Must", reminder.Say(key, pairs...))
}

// Misspelt returns what is wrong with the keys of an environment, or nil.
func Misspelt(environ map[string]string) error {
	var p problems
	p.unknown(environ)
	return p.fault()
}

// unknown reports keys that are ours by their beginning and mean nothing: a misspelt allow-list would let mail go to
// all.
func (p *problems) unknown(environ map[string]string) {
	known := Keys()
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		for _, prefix := range []string{"REMINDER_", "SENDGRID_", "IMAP_"} {
			if strings.HasPrefix(strings.ToUpper(key), prefix) && !slices.Contains(known, key) {
				p.add(key, "config.unknown_key", "Key", key, "Nearest", Nearest(key))
			}
		}
	}
}

// unreadable reports a value of the wrong type by its key. The value itself may be a secret and is not shown.
func (p *problems) unreadable(err error) {
	e, _ := errors.AsType[env.ParseError](err)
	f, _ := reflect.TypeFor[Config]().FieldByName(e.Name)
	must := "config.must_be_number"
	switch f.Type {
	case reflect.TypeFor[bool]():
		must = "config.must_be_bool"
	case reflect.TypeFor[time.Duration]():
		must = "config.must_be_duration"
	}
	p.wrong(f.Tag.Get("env"), must)
}

func (c *Config) checkDatabase(p *problems) {
	if c.DBDatabase == "" {
		p.missing("DB_DATABASE")
	}
	if c.DBPort < 1 || c.DBPort > 65535 {
		p.wrong("DB_PORT", "config.must_be_port")
	}
	c.DBCAFile = cmp.Or(c.DBCAFile, c.DBCALaravel)
	if c.DBLocal() {
		c.DBTLS = cmp.Or(c.DBTLS, "false")
	}
	c.DBTLS = strings.ToLower(cmp.Or(c.DBTLS, "true"))
	switch {
	case !slices.Contains([]string{"true", "verify-ca", "false"}, c.DBTLS):
		p.wrong("DB_TLS", "config.must_be_tls_mode")
	case c.DBTLS == "false" && !c.DBLocal():
		p.add("DB_TLS", "config.tls_off_beyond_loopback")
	case c.DBTLS == "verify-ca" && c.DBCAFile == "":
		p.add("DB_TLS", "config.verify_ca_without_file")
	}
	var err error
	if c.dbTLS, err = c.databaseTLS(); err != nil {
		p.add("DB_CA_FILE", "config.ca_file_unusable", "Err", err.Error())
	}
	if c.settings.Zone, err = time.LoadLocation(Zone(c.AppTimezone)); err != nil || c.settings.Zone == time.Local {
		p.wrong("APP_TIMEZONE", "config.no_such_zone")
	}
}

// checkRules validates what decides about loans and how much is sent, and fills in settings.
func (c *Config) checkRules(p *problems) {
	s := &c.settings
	var err error
	if c.AppLocale != "id" && !strings.HasPrefix(c.AppLocale, "en") && !strings.HasPrefix(c.AppLocale, "id_") {
		p.wrong("APP_LOCALE", "config.id_or_en")
	}
	s.Locale = c.AppLocale
	if s.Schedule, err = reminder.ParseSchedule(c.Schedule); err != nil {
		p.wrong("REMINDER_SCHEDULE", "config.must_be_schedule")
	}
	if s.Window, err = reminder.ParseWindow(c.Window); err != nil {
		p.wrong("REMINDER_WINDOW", "config.must_be_window")
	}
	if s.ClosedWeekdays, err = reminder.ParseWeekdays(c.ClosedWeekdays); err != nil {
		p.wrong("REMINDER_CLOSED_WEEKDAYS", "config.must_be_weekdays")
	}
	if c.ClassDay != "" {
		if days, err := reminder.ParseWeekdays(c.ClassDay); err != nil || len(days) != 1 {
			p.wrong("REMINDER_CLASS_DAY", "config.one_weekday")
		} else {
			s.ClassDay = &days[0]
		}
	}
	if c.Unknown != "resend" && c.Unknown != "hold" {
		p.wrong("REMINDER_UNKNOWN", "config.resend_or_hold")
	}
	for _, atLeastOne := range []struct {
		key   string
		value int
	}{
		{"MAIL_CONCURRENCY", c.MailConcurrent}, {"MAIL_TRIES", c.MailTries}, {"MAIL_MAX_PER_CONNECTION", c.MailPerConn},
		{"REMINDER_MAX_OVERDUE_DAYS", c.MaxOverdueDays}, {"REMINDER_MAX_PER_RUN", c.MaxPerRun},
	} {
		if atLeastOne.value < 1 {
			p.wrong(atLeastOne.key, "config.must_be_positive")
		}
	}
	if s.GuardianFrom = c.GuardianFrom; c.GuardianFrom < 0 || c.GuardianFrom > c.MaxOverdueDays {
		p.wrong("REMINDER_GUARDIAN_FROM", "config.days_or_0_off", "Most", c.MaxOverdueDays)
	}
	if c.MailDailyLimit < 0 {
		p.wrong("MAIL_DAILY_LIMIT", "config.must_not_be_negative")
	}
	var ok bool
	if s.KeepDays, ok = Days(c.Keep); !ok && c.Keep != "0" {
		p.wrong("REMINDER_KEEP", "config.days_to_keep", "N", reminder.KeptDays)
	}
	for key, days := range map[string]int{
		"REMINDER_BEFORE_CLOSURE": c.BeforeClosure, "REMINDER_MIN_DAYS": c.MinDays,
	} {
		if days < 0 || days > reminder.MaxStep {
			p.wrong(key, "config.days_or_0_off", "Most", reminder.MaxStep)
		}
	}
	s.BeforeClosure, s.MinDays = c.BeforeClosure, c.MinDays
	s.MaxOverdueDays, s.MaxPerRun, s.Resend = c.MaxOverdueDays, c.MaxPerRun, c.Unknown == "resend"
	for _, addr := range c.OnlyTo {
		if _, err := mail.ParseAddress(addr); err != nil {
			p.wrong("REMINDER_ONLY_TO", "config.must_be_addresses")
		}
		s.OnlyTo = append(s.OnlyTo, strings.TrimSpace(addr))
	}
	s.Concurrency, s.Rate, s.DailyLimit, s.Tries = c.MailConcurrent, c.MailRate, c.MailDailyLimit, c.MailTries
	s.Together = 5 * time.Millisecond
	s.Budget, s.Lease, s.Fingerprint, s.Backoff = c.Budget, c.Lease, c.fingerprint, backoff
}

// Days reads for how many days records are kept: 400d, or 400. Fewer than [reminder.KeptDays] are none: a typing error
// must not remove what a report of this year is made of.
func Days(text string) (days int, ok bool) {
	days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || days < reminder.KeptDays || days > 36_500 {
		return 0, false
	}
	return days, true
}

// checkMail validates the sender.
func (c *Config) checkMail(p *problems) {
	s := &c.settings
	switch c.Mailer {
	case "smtp":
		if c.MailHost == "" {
			p.missing("MAIL_HOST")
		}
		if c.MailPort < 0 || c.MailPort > 65535 {
			p.wrong("MAIL_PORT", "config.must_be_port")
		}
		if !slices.Contains([]string{"auto", "plain", "login", "cram-md5", "xoauth2"}, strings.ToLower(c.MailAuth)) {
			p.wrong("MAIL_AUTH", "config.must_be_auth")
		}
		if s := strings.ToLower(c.MailScheme); s != "" && s != "smtp" && s != "smtps" {
			p.wrong("MAIL_SCHEME", "config.must_be_scheme")
		}
		if e := strings.ToLower(c.MailEncryption); !slices.Contains([]string{"", "tls", "starttls", "ssl", "none"}, e) {
			p.wrong("MAIL_ENCRYPTION", "config.must_be_encryption")
		}
		if c.security() == mail.PlainLoopback && !isLoopback(c.MailHost) {
			p.wrong("MAIL_ENCRYPTION", "config.plain_beyond_loopback")
		}
	case "sendgrid":
		if c.SendGridKey == "" {
			p.missing("SENDGRID_API_KEY")
		}
	case "file", "log":
	case "":
		p.missing("MAIL_MAILER")
	default:
		p.wrong("MAIL_MAILER", "config.must_be_mailer")
	}
	address := func(key, value, name string) mail.Address {
		a, err := mail.ParseAddress(value)
		if err != nil {
			p.wrong(key, "config.must_be_address")
		}
		a.Name = name
		return a
	}
	if c.MailFrom == "" {
		p.missing("MAIL_FROM_ADDRESS")
	} else {
		s.From = address("MAIL_FROM_ADDRESS", c.MailFrom, cmp.Or(c.MailFromName, c.AppName))
	}
	for _, from := range c.MailFromOK {
		s.FromAllowed = append(s.FromAllowed, strings.TrimSpace(from))
	}
	if c.MailReplyTo != "" {
		s.ReplyTo = address("MAIL_REPLY_TO", c.MailReplyTo, "")
	}
	for _, addr := range c.SummaryTo {
		s.SummaryTo = append(s.SummaryTo, address("REMINDER_SUMMARY_TO", addr, ""))
	}
	switch {
	case c.MailUnsub == "off":
	case c.MailUnsub != "":
		s.Unsubscribe, s.UnsubscribeAll = address("MAIL_UNSUBSCRIBE", c.MailUnsub, "").Addr, true
	case strings.EqualFold(c.MailFeedback, "imap"): // what comes back goes to the sender, and is read there
		s.Unsubscribe = s.From.Addr
	case c.answers():
		s.Unsubscribe = cmp.Or(s.ReplyTo.Addr, s.From.Addr)
	}
	if !renewable(c.renewURL()) {
		p.wrong("REMINDER_RENEW_URL", "config.link_to_renew")
	}
}

// renewable reports whether readers can follow a link for each of their loans.
func renewable(link string) bool {
	for _, name := range []string{"{loan}", "{ref}", "{item}"} {
		link = strings.ReplaceAll(link, name, "1")
	}
	u, err := url.Parse(link)
	return link == "" || err == nil && !strings.ContainsAny(link, "{} ") && u.Hostname() != "" &&
		!isLoopback(u.Hostname()) && (u.Scheme == "https" || u.Scheme == "http")
}

// checkTimes keeps the ladder: the time of a run, then the platform's, then the lease. A run that is still at work when
// its lease ends cannot send (the hand-over is fenced), but it would leave emails of unknown outcome.
func (c *Config) checkTimes(p *problems) {
	if c.Budget <= 0 || c.MailTimeout <= 0 {
		p.wrong("REMINDER_BUDGET, MAIL_TIMEOUT", "config.must_be_above_0")
	}
	longest := c.patience() + c.Budget + c.MailTimeout
	if timeout := time.Duration(c.FunctionTimeout) * time.Second; timeout > 0 {
		if timeout <= c.Budget+c.patience() {
			key := "config.budget_too_long"
			if c.patience() > 0 {
				key = "config.budget_too_long_with_wait"
			}
			p.wrong("REMINDER_BUDGET", key, "Budget", c.Budget, "Timeout", timeout, "Wait", c.patience())
		}
		longest = max(longest, timeout)
	}
	if c.Lease >= 24*time.Hour { // the sweep takes such a time for that of a clock that was wrong
		p.wrong("REMINDER_LEASE", "config.must_be_below_24h", "Lease", c.Lease)
	}
	if c.Lease <= longest {
		p.wrong("REMINDER_LEASE", "config.lease_too_short", "Lease", c.Lease, "Longest", longest)
	}
}

// dotTimeout is how long the answer to the final dot may take: 10 minutes (RFC 5321 4.5.3.2.6), but no longer than a
// run begins emails, and what began last must be over before its lease is, or before the platform stops the function.
func (c *Config) dotTimeout() time.Duration {
	wait := min(10*time.Minute, c.Budget, c.Lease-c.Budget-c.MailTimeout-c.patience())
	if timeout := time.Duration(c.FunctionTimeout) * time.Second; timeout > 0 {
		wait = min(wait, timeout-c.Budget-c.patience())
	}
	return max(wait, c.MailTimeout)
}

// patience is how long the first connection to the database is waited for. In the cloud each hourly run is a cold
// start, and Direct VPC egress may take a minute until its first connection passes.
func (c *Config) patience() time.Duration {
	if c.CloudService == "" {
		return 0
	}
	return 90 * time.Second
}

// auth is the sender's name for MAIL_AUTH.
func (c *Config) auth() mail.Auth {
	if strings.EqualFold(c.MailAuth, "auto") {
		return mail.AuthAuto
	}
	return mail.Auth(strings.ToUpper(c.MailAuth))
}

// security is what MAIL_ENCRYPTION, MAIL_SCHEME and the port mean to Laravel, without its silent fall-back to plain
// text: port 465, smtps, and ssl beyond the ports of STARTTLS are TLS from the first byte, everything else is STARTTLS,
// which is then required. Only to this computer itself, and only when no encryption was asked for, mail goes in plain
// text.
func (c *Config) security() mail.Security {
	encryption := strings.ToLower(c.MailEncryption)
	switch {
	case c.port() == 465 || strings.EqualFold(c.MailScheme, "smtps"):
		return mail.ImplicitTLS
	case encryption == "ssl" && c.port() != 587 && c.port() != 25:
		return mail.ImplicitTLS
	case encryption == "ssl" || encryption == "tls" || encryption == "starttls":
		return mail.StartTLS
	case isLoopback(c.MailHost):
		return mail.PlainLoopback
	}
	return mail.StartTLS
}

func (c *Config) port() int {
	switch {
	case c.MailPort != 0:
		return c.MailPort
	case strings.EqualFold(c.MailEncryption, "ssl") || strings.EqualFold(c.MailScheme, "smtps"):
		return 465
	}
	return 587
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// fingerprint returns what recognises this mail configuration, under the salt of an old fingerprint or under a new one.
// It is stored, and must not help anybody who reads the database to find the password: the hash is slow and salted, the
// database's password is part of it, and only 16 bits of it are kept, which many passwords share.
func (c *Config) fingerprint(old string) string {
	salt, _, _ := strings.Cut(old, ":")
	if len(salt) != len(rand.Text()) {
		salt = rand.Text()
	}
	var parts strings.Builder
	for _, part := range []string{
		c.Mailer, c.MailHost, strconv.Itoa(c.port()), strconv.Itoa(int(c.security())), c.MailUsername, string(c.MailPassword),
		string(c.MailToken), c.MailAuth, c.MailFrom, string(c.SendGridKey), c.SendGridHost, string(c.DBPassword),
	} {
		fmt.Fprintf(&parts, "%d:%s", len(part), part)
	}
	hash, err := pbkdf2.Key(sha256.New, parts.String(), []byte(salt), fingerprintRounds, sha256.Size)
	if err != nil {
		panic(err) // it depends on constants only
	}
	return salt + ":" + hex.EncodeToString(hash[:2])
}

// fingerprintRounds cost some 50 ms, when a pause is stored or stands.
const fingerprintRounds = 100_000

// database is the driver's configuration of this one.
func (c *Config) database() *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = c.DBUsername, string(c.DBPassword), c.DBDatabase
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(c.DBHost, strconv.Itoa(c.DBPort))
	switch {
	case c.DBCloudSQL != "":
		cfg.Net, cfg.Addr = "unix", "/cloudsql/"+c.DBCloudSQL
	case c.DBSocket != "":
		cfg.Net, cfg.Addr = "unix", c.DBSocket
	}
	cfg.TLS = c.dbTLS
	cfg.Loc = c.settings.Zone // the wall clock of due dates
	return cfg
}
