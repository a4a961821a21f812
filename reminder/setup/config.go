// Package setup turns a configuration into a [reminder.Runner]. It wires the packages of the run; function.go and
// cmd/local import it. It opens no connection, so its errors are about the configuration and never about a database
// that is down.
//
//   - [Environ] reads a .env file as Laravel does. The variables of the environment win over those of the file.
//   - [Load] parses all variables into a [Config], checks them and reports all problems at once.
//   - [New] makes an [App] of a Config: store, sender, composer, feedback, log.
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
	"math"
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

// GoString keeps a secret out of %#v, MarshalText out of JSON, and LogValue out of logs.
func (s Secret) GoString() string             { return s.String() }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }

// A Config holds every setting with its environment key. The keys up to MAIL_FROM_NAME are those of Laravel and mean
// the same, so that a library can use the .env file it has.
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
	DBCAFile      string `env:"DB_CA_FILE"`           // certificate authority of the server: a file, or the PEM text
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
	// addresses, or @domain, that the login may use as From for branches
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
	IMAPHost       string `env:"IMAP_HOST"`                      // default: the server that belongs to MAIL_HOST
	IMAPPort       int    `env:"IMAP_PORT" envDefault:"993"`
	IMAPUsername   string `env:"IMAP_USERNAME"` // default: MAIL_USERNAME, and MAIL_PASSWORD for the password
	IMAPPassword   Secret `env:"IMAP_PASSWORD"`
	IMAPEncryption string `env:"IMAP_ENCRYPTION" envDefault:"tls"` // tls; none only to this computer

	SendGridKey     Secret `env:"SENDGRID_API_KEY"`
	SendGridHost    string `env:"SENDGRID_HOST" envDefault:"https://api.sendgrid.com"`
	SendGridSandbox bool   `env:"SENDGRID_SANDBOX" envDefault:"false"`

	Schedule       string        `env:"REMINDER_SCHEDULE" envDefault:"-1,0,1,3,7,+7"`
	Window         string        `env:"REMINDER_WINDOW" envDefault:"07:00-20:00"`
	MaxOverdueDays int           `env:"REMINDER_MAX_OVERDUE_DAYS" envDefault:"60"`
	MaxPerRun      int           `env:"REMINDER_MAX_PER_RUN" envDefault:"1000"`
	OnlyTo         []string      `env:"REMINDER_ONLY_TO"`
	Unknown        string        `env:"REMINDER_UNKNOWN" envDefault:"resend"`
	GuardianFrom   int           `env:"REMINDER_GUARDIAN_FROM" envDefault:"0"` // days late; 0: guardians get no mail
	ClosedWeekdays string        `env:"REMINDER_CLOSED_WEEKDAYS"`
	BeforeClosure  int           `env:"REMINDER_BEFORE_CLOSURE" envDefault:"0"` // days
	MinDays        int           `env:"REMINDER_MIN_DAYS" envDefault:"0"`
	OpeningHours   string        `env:"REMINDER_OPENING_HOURS"` // as text for the mails
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

	// set by the platform of the cloud function: when it stops a request, in seconds
	FunctionTimeout int    `env:"CLOUD_RUN_TIMEOUT_SECONDS" envDefault:"0"`
	CloudService    string `env:"K_SERVICE"`
	CloudProject    string `env:"GOOGLE_CLOUD_PROJECT"` // links log lines to their request

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

// LoadDatabase is Load for commands that need only the database. It can be prepared before mail is configured.
func LoadDatabase(environ map[string]string) (Config, error) {
	cfg, p := parse(environ)
	cfg.checkDatabase(p)
	return cfg, p.fault()
}

// Check returns what is wrong with the value of one setting, or nil.
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

// placeholders are example domains, and the domain of the sample accounts in the school's application, which belongs to
// somebody else.
var placeholders = []string{
	"example.com", "example.net", "example.org", "contoh.com", "domain.com", "test.com", "perpustakaan.com",
}

// IsPlaceholder reports whether a domain in the settings is an example that was not replaced.
func IsPlaceholder(domain string) bool {
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.HasSuffix("."+domain, "."+p) })
}

// CheckSender returns a Fault when no mail may be sent because MAIL_FROM_ADDRESS is a placeholder. Mails that only go
// to files may have one.
func (c *Config) CheckSender() error {
	domain := c.settings.From.Domain()
	if !IsPlaceholder(domain) || c.Mailer == "file" || c.Mailer == "log" {
		return nil
	}
	return reminder.NewFault(nil, "config.sender_is_placeholder", "Domain", domain)
}

// parse parses the variables into a Config. Its checks come later.
func parse(environ map[string]string) (Config, *problems) {
	var cfg Config
	var p problems
	p.unknown(environ)
	set := maps.Clone(environ)
	p.spread(set)
	for key, value := range set {
		set[key] = Meaning(value)
	}
	maps.DeleteFunc(set, func(_, value string) bool { return value == "" }) // an empty variable counts as not set
	err := env.ParseWithOptions(&cfg, env.Options{Environment: set})
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		for _, err := range all.Errors {
			p.unreadable(err)
		}
	} else if err != nil {
		p.unreadable(err)
	}
	for _, word := range []*string{&cfg.DBTLS, &cfg.MailAuth, &cfg.MailEncryption, &cfg.MailScheme, &cfg.MailFeedback,
		&cfg.IMAPEncryption} {
		*word = strings.ToLower(*word)
	}
	return cfg, &p
}

// Keys returns the keys of all settings for people, in the order of Config.
func Keys() []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if key := f.Tag.Get("env"); key != "" && key != "K_SERVICE" && key != "CLOUD_RUN_TIMEOUT_SECONDS" {
			keys = append(keys, key)
		}
	}
	return keys
}

// Nearest returns the known key with the smallest distance to another one.
func Nearest(key string) string {
	return slices.MinFunc(Keys(), func(a, b string) int {
		return cmp.Compare(distance(strings.ToUpper(key), a), distance(strings.ToUpper(key), b))
	})
}

// distance returns the Levenshtein distance of two keys. It ignores underscores, which people forget most often.
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

// Meaning returns the value that Laravel's env() returns for a value: it has words for an empty value, and it removes
// quotes once more.
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

// Literal returns a value whose Meaning is the given text.
func Literal(text string) string {
	if Meaning(text) != text {
		return `"` + text + `"`
	}
	return text
}

// A problem is one error in the settings.
type problem struct {
	key  string // of the setting; several are separated by ", "
	text reminder.Message
}

type problems struct{ list []problem }

// add reports a problem, unless the setting already has one, because the second often follows from the first.
func (p *problems) add(setting, key string, pairs ...any) {
	if !slices.ContainsFunc(p.list, func(pr problem) bool { return pr.key == setting }) {
		p.list = append(p.list, problem{setting, reminder.Say(key, pairs...)})
	}
}

// fault returns all problems as one *reminder.Fault, or nil.
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

// need reports a setting that has no value.
func (p *problems) need(key, value string) {
	if value == "" {
		p.add(key, "config.not_set", "Key", key)
	}
}

// must reports a setting if its value is not ok. key is the message that says what the value must be.
func (p *problems) must(ok bool, setting, key string, pairs ...any) {
	if !ok {
		p.add(setting, "config.wrong", "Key", setting, "Must", reminder.Say(key, pairs...))
	}
}

// oneOf reports a value that is not one of words.
func (p *problems) oneOf(words, value, setting, key string) {
	p.must(slices.Contains(strings.Split(words, "|"), value), setting, key)
}

func (p *problems) port(port int, setting string) {
	p.must(port > 0 && port <= math.MaxUint16, setting, "config.must_be_port")
}

func (p *problems) address(value, setting string) mail.Address {
	return parsed(p, value, setting, mail.ParseAddress, "config.must_be_address")
}

// parsed returns the value of a setting, and reports one that cannot be parsed.
func parsed[T any](p *problems, text, setting string, parse func(string) (T, error), key string) T {
	value, err := parse(text)
	p.must(err == nil, setting, key)
	return value
}

// unknown reports keys that begin like a key of the program but are unknown. If the key of the allow-list is misspelt,
// for example, mail would go to everybody.
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

// unreadable reports a value of the wrong type by its key. It does not show the value, which may be a secret.
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
	p.must(false, f.Tag.Get("env"), must)
}

func (c *Config) checkDatabase(p *problems) {
	p.need("DB_DATABASE", c.DBDatabase)
	p.port(c.DBPort, "DB_PORT")
	c.DBCAFile = cmp.Or(c.DBCAFile, c.DBCALaravel)
	if c.DBLocal() {
		c.DBTLS = cmp.Or(c.DBTLS, "false")
	}
	c.DBTLS = cmp.Or(c.DBTLS, "true")
	p.oneOf("true|verify-ca|false", c.DBTLS, "DB_TLS", "config.must_be_tls_mode")
	switch {
	case c.DBTLS == "false" && !c.DBLocal():
		p.add("DB_TLS", "config.tls_off_beyond_loopback")
	case c.DBTLS == "verify-ca" && c.DBCAFile == "":
		p.add("DB_TLS", "config.verify_ca_without_file")
	}
	var err error
	if c.dbTLS, err = c.databaseTLS(); err != nil {
		p.add("DB_CA_FILE", "config.ca_file_unusable", "Err", err.Error())
	}
	c.settings.Zone = parsed(p, Zone(c.AppTimezone), "APP_TIMEZONE", time.LoadLocation, "config.no_such_zone")
	p.must(c.settings.Zone != time.Local, "APP_TIMEZONE", "config.no_such_zone")
}

// checkRules validates the settings that decide about loans and how much is sent, and fills in c.settings.
func (c *Config) checkRules(p *problems) {
	s := &c.settings
	p.must(c.AppLocale == "id" || strings.HasPrefix(c.AppLocale, "en") || strings.HasPrefix(c.AppLocale, "id_"),
		"APP_LOCALE", "config.must_be_language")
	s.Schedule = parsed(p, c.Schedule, "REMINDER_SCHEDULE", reminder.ParseSchedule, "config.must_be_schedule")
	s.Window = parsed(p, c.Window, "REMINDER_WINDOW", reminder.ParseWindow, "config.must_be_window")
	s.ClosedWeekdays = parsed(p, c.ClosedWeekdays, "REMINDER_CLOSED_WEEKDAYS", reminder.ParseWeekdays,
		"config.must_be_weekdays")
	if c.ClassDay != "" {
		days := parsed(p, c.ClassDay, "REMINDER_CLASS_DAY", reminder.ParseWeekdays, "config.must_be_weekday")
		if p.must(len(days) == 1, "REMINDER_CLASS_DAY", "config.must_be_weekday"); len(days) == 1 {
			s.ClassDay = &days[0]
		}
	}
	p.oneOf("resend|hold", c.Unknown, "REMINDER_UNKNOWN", "config.must_be_unknown_rule")
	p.must(c.MailConcurrent > 0, "MAIL_CONCURRENCY", "config.must_be_positive")
	p.must(c.MailTries > 0, "MAIL_TRIES", "config.must_be_positive")
	p.must(c.MailPerConn > 0, "MAIL_MAX_PER_CONNECTION", "config.must_be_positive")
	p.must(c.MaxOverdueDays > 0, "REMINDER_MAX_OVERDUE_DAYS", "config.must_be_positive")
	p.must(c.MaxPerRun > 0, "REMINDER_MAX_PER_RUN", "config.must_be_positive")
	p.must(c.MailDailyLimit >= 0, "MAIL_DAILY_LIMIT", "config.must_not_be_negative")
	upTo := func(most, days int, setting string) {
		p.must(days >= 0 && days <= most, setting, "config.must_be_days", "Most", most)
	}
	upTo(c.MaxOverdueDays, c.GuardianFrom, "REMINDER_GUARDIAN_FROM")
	upTo(reminder.MaxStep, c.BeforeClosure, "REMINDER_BEFORE_CLOSURE")
	upTo(reminder.MaxStep, c.MinDays, "REMINDER_MIN_DAYS")
	days, ok := Days(c.Keep)
	p.must(ok || c.Keep == "0", "REMINDER_KEEP", "config.must_be_keep", "N", reminder.KeptDays)
	for _, addr := range c.OnlyTo {
		parsed(p, addr, "REMINDER_ONLY_TO", mail.ParseAddress, "config.must_be_addresses")
		s.OnlyTo = append(s.OnlyTo, strings.TrimSpace(addr))
	}
	s.Locale, s.KeepDays, s.GuardianFrom = c.AppLocale, days, c.GuardianFrom
	s.BeforeClosure, s.MinDays = c.BeforeClosure, c.MinDays
	s.MaxOverdueDays, s.MaxPerRun, s.Resend = c.MaxOverdueDays, c.MaxPerRun, c.Unknown == "resend"
	s.Concurrency, s.Rate, s.DailyLimit, s.Tries = c.MailConcurrent, c.MailRate, c.MailDailyLimit, c.MailTries
	s.Together = 5 * time.Millisecond
	s.Budget, s.Lease, s.Fingerprint, s.Backoff = c.Budget, c.Lease, c.fingerprint, backoff
}

// Days reads how many days records are kept: 400d, or 400. It refuses less than [reminder.KeptDays], because a typing
// error must not delete records that the report of the year needs.
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
		p.need("MAIL_HOST", c.MailHost)
		p.port(c.port(), "MAIL_PORT")
		p.oneOf("auto|plain|login|cram-md5|xoauth2", c.MailAuth, "MAIL_AUTH", "config.must_be_auth")
		p.oneOf("|smtp|smtps", c.MailScheme, "MAIL_SCHEME", "config.must_be_scheme")
		p.oneOf("|tls|starttls|ssl|none", c.MailEncryption, "MAIL_ENCRYPTION", "config.must_be_encryption")
		p.must(c.security() != mail.PlainLoopback || isLoopback(c.MailHost), "MAIL_ENCRYPTION",
			"config.plain_beyond_loopback")
	case "sendgrid":
		p.need("SENDGRID_API_KEY", string(c.SendGridKey))
	default:
		p.need("MAIL_MAILER", c.Mailer)
		p.oneOf("file|log", c.Mailer, "MAIL_MAILER", "config.must_be_mailer")
	}
	if p.need("MAIL_FROM_ADDRESS", c.MailFrom); c.MailFrom != "" {
		s.From = p.address(c.MailFrom, "MAIL_FROM_ADDRESS")
		s.From.Name = cmp.Or(c.MailFromName, c.AppName)
	}
	for _, from := range c.MailFromOK {
		s.FromAllowed = append(s.FromAllowed, strings.TrimSpace(from))
	}
	if c.MailReplyTo != "" {
		s.ReplyTo = p.address(c.MailReplyTo, "MAIL_REPLY_TO")
	}
	for _, addr := range c.SummaryTo {
		s.SummaryTo = append(s.SummaryTo, p.address(addr, "REMINDER_SUMMARY_TO"))
	}
	switch {
	case c.MailUnsub == "off":
	case c.MailUnsub != "":
		s.Unsubscribe, s.UnsubscribeAll = p.address(c.MailUnsub, "MAIL_UNSUBSCRIBE").Addr, true
	case c.MailFeedback == "imap": // the program reads the mailbox of the sender, so it gets the answers, too
		s.Unsubscribe = s.From.Addr
	case c.answers():
		s.Unsubscribe = cmp.Or(s.ReplyTo.Addr, s.From.Addr)
	}
	p.must(renewable(c.renewURL()), "REMINDER_RENEW_URL", "config.must_be_renew_url")
}

// renewable reports whether a link for renewing a loan is valid, with the ids of a loan in it, and works outside this
// computer.
func renewable(link string) bool {
	for _, name := range []string{"{loan}", "{ref}", "{item}"} {
		link = strings.ReplaceAll(link, name, "1")
	}
	u, err := url.Parse(link)
	return link == "" || err == nil && !strings.ContainsAny(link, "{} ") && u.Hostname() != "" &&
		!isLoopback(u.Hostname()) && (u.Scheme == "https" || u.Scheme == "http")
}

// checkTimes checks that a run ends before the platform stops it, and both before its leases end. A run that works
// longer than its lease cannot send, because the hand-over mark is fenced, but it would leave emails of unknown
// outcome.
func (c *Config) checkTimes(p *problems) {
	p.must(c.Budget > 0 && c.MailTimeout > 0, "REMINDER_BUDGET, MAIL_TIMEOUT", "config.must_be_above_0")
	longest := c.patience() + c.Budget + c.MailTimeout
	if timeout := time.Duration(c.FunctionTimeout) * time.Second; timeout > 0 {
		key := "config.budget_too_long"
		if c.patience() > 0 {
			key = "config.budget_too_long_with_wait"
		}
		p.must(timeout > c.Budget+c.patience(), "REMINDER_BUDGET", key, "Budget", c.Budget, "Timeout", timeout,
			"Wait", c.patience())
		longest = max(longest, timeout)
	}
	// The sweep ignores a lease that ends in more than a day, because a wrong clock may have set it.
	p.must(c.Lease < 24*time.Hour, "REMINDER_LEASE", "config.must_be_below_24h", "Lease", c.Lease)
	p.must(c.Lease > longest, "REMINDER_LEASE", "config.lease_too_short", "Lease", c.Lease, "Longest", longest)
}

// dotTimeout returns how long the answer to the final dot may take: 10 minutes (RFC 5321 4.5.3.2.6), but not longer
// than a run. The last email must end before its lease, and before the platform stops the function.
func (c *Config) dotTimeout() time.Duration {
	wait := min(10*time.Minute, c.Budget, c.Lease-c.Budget-c.MailTimeout-c.patience())
	if timeout := time.Duration(c.FunctionTimeout) * time.Second; timeout > 0 {
		wait = min(wait, timeout-c.Budget-c.patience())
	}
	return max(wait, c.MailTimeout)
}

// patience returns how long a run waits for its first connection to the database. In the cloud each hourly run is a
// cold start, and with Direct VPC egress the first connection may take a minute.
func (c *Config) patience() time.Duration {
	if c.CloudService == "" {
		return 0
	}
	return 90 * time.Second
}

// auth returns MAIL_AUTH as package mail names it.
func (c *Config) auth() mail.Auth {
	if c.MailAuth == "auto" {
		return mail.AuthAuto
	}
	return mail.Auth(strings.ToUpper(c.MailAuth))
}

// security reads MAIL_ENCRYPTION, MAIL_SCHEME and the port as Laravel does, but never falls back to plain text. Port
// 465, smtps, and ssl on ports other than those of STARTTLS mean TLS from the first byte. All else means that STARTTLS
// is required. Only to a server on this computer, and only if no encryption is set, mail goes in plain text.
func (c *Config) security() mail.Security {
	port, ssl := c.port(), c.MailEncryption == "ssl"
	switch {
	case port == 465, c.MailScheme == "smtps", ssl && port != 587 && port != 25:
		return mail.ImplicitTLS
	case isLoopback(c.MailHost) && !slices.Contains([]string{"ssl", "tls", "starttls"}, c.MailEncryption):
		return mail.PlainLoopback
	}
	return mail.StartTLS
}

func (c *Config) port() int {
	switch {
	case c.MailPort != 0:
		return c.MailPort
	case c.MailEncryption == "ssl", c.MailScheme == "smtps":
		return 465
	}
	return 587
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// fingerprint returns a hash of the mail configuration, with the salt of an old fingerprint or a new one. It is stored
// in the database and must not help a reader of the database to find the password. So the hash is slow and salted, it
// includes the password of the database, and only 16 bits of it are kept, which many passwords share.
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
		panic(err) // the error depends only on constants
	}
	return salt + ":" + hex.EncodeToString(hash[:2])
}

// fingerprintRounds take about 50 ms. Only runs that store or find a pause compute a fingerprint.
const fingerprintRounds = 100_000

// database returns the configuration of the driver.
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
