package setup

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// An App has the parts of the program, wired for a configuration. It can perform many runs.
type App struct {
	Config Config
	Log    *slog.Logger
	Store  *mysql.Store
	Runner *reminder.Runner
	log    *logFile // nil: the log goes to standard error
}

// New wires an App. It opens no connection, so its errors are about the configuration.
func New(cfg Config, stderr io.Writer) (*App, error) {
	composer, err := letter.New(letter.Texts{
		Library: cfg.AppName, URL: cfg.AppURL, Locale: cfg.AppLocale, Hours: cfg.OpeningHours,
		TitleInSubject: cfg.TitleInSubject, Dir: cfg.Templates, Answers: cfg.answers(), RenewURL: cfg.renewURL(),
	})
	if err != nil {
		return nil, &reminder.Fault{Message: reminder.Say("config.templates_unusable"), Err: err}
	}
	sender, err := cfg.Sender()
	if err != nil {
		return nil, &reminder.Fault{Message: reminder.Say("config.mail_settings_unusable"), Err: err}
	}
	// Each connection to the mail server needs one to the database, and so do claiming and preparing.
	store, err := mysql.Open(cfg.database(), cmp.Or(cfg.DBConnections, cfg.MailConcurrent+2), cfg.patience())
	if err != nil {
		return nil, err
	}
	log, file := cfg.logger(stderr)
	app := &App{Config: cfg, Log: log, Store: store, log: file, Runner: &reminder.Runner{
		Loans: store, Store: store, Sender: sender, Composer: composer, Now: time.Now,
		Mailings: append(reminder.Mailings(), staff.Mailings(store)...),
		Log:      log, Settings: cfg.settings, Describe: text.In(cfg.AppLocale).Error,
	}}
	source, err := cfg.feedback()
	if err != nil {
		return nil, reminder.NewFault(err, "config.mail_ca_file_unusable")
	}
	if source != nil {
		app.Runner.Feedback = &feedback.Reader{Open: source, Store: store, Log: log, Resend: cfg.settings.Resend,
			Wait: copiesAfter}
	}
	if db := cfg.database(); file != nil {
		app.Runner.Witness = newWitness(filepath.Dir(file.Filename), db.Net+" "+db.Addr+" "+db.DBName)
	}
	return app, nil
}

// noReply matches an address whose mail is not read.
var noReply = regexp.MustCompile(`(?i)^(no|do[._-]?not)[._-]?reply\b`)

// answers reports whether somebody reads the answers to mails. If so, the mails invite the reader to answer.
func (c *Config) answers() bool {
	return !noReply.MatchString(cmp.Or(c.settings.ReplyTo.Addr, c.settings.From.Addr))
}

// renewURL returns REMINDER_RENEW_URL. A path in it is appended to APP_URL.
func (c *Config) renewURL() string {
	if strings.HasPrefix(c.RenewURL, "/") {
		return strings.TrimRight(c.AppURL, "/") + c.RenewURL
	}
	return c.RenewURL
}

var follow sync.Once

// LimitMemory sets the garbage collector for a process that only does runs, unless its environment sets it. Hardly any
// object outlives its email. Half as many collections take 2 MiB more and save a seventh of the processor time.
func LimitMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(200)
		follow.Do(followHeap)
	}
}

// followHeap sets the memory limit, now and after each collection: 27 MiB, which is enough for 20,000 emails, or half
// as much again as is in use. Under a limit that does not grow with the plan of many emails the collector would run
// all the time.
func followHeap() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	debug.SetMemoryLimit(int64(max(27<<20, sample[0].Value.Uint64()*3/2) & math.MaxInt64))
	runtime.AddCleanup(new(*byte), func(struct{}) { followHeap() }, struct{}{}) // the collection after this one
}

// Close closes the database and the log.
func (a *App) Close() error {
	err := a.Store.Close()
	if a.log != nil {
		err = errors.Join(err, a.log.Close())
	}
	return err
}

// Sender returns the sender that the configuration names.
func (c *Config) Sender() (mail.Sender, error) {
	switch c.Mailer {
	case "sendgrid":
		return mail.NewSendGrid(mail.SendGridConfig{
			Key: string(c.SendGridKey), Host: c.SendGridHost, Sandbox: c.SendGridSandbox, Timeout: c.MailTimeout,
		})
	case "smtp":
		return c.SMTP()
	}
	return mail.NewFile(c.MailFileDir), nil
}

// SMTP returns the SMTP sender of the configuration.
func (c *Config) SMTP() (*mail.SMTP, error) {
	roots, err := certificates(c.MailCAFile)
	if err != nil {
		return nil, fmt.Errorf("MAIL_CA_FILE: %w", err)
	}
	return mail.NewSMTP(mail.SMTPConfig{
		Host: c.MailHost, Port: c.port(), Security: c.security(), Username: c.MailUsername, Password: string(c.MailPassword),
		Token: string(c.MailToken), Auth: c.auth(), RootCAs: roots, Timeout: c.MailTimeout, DotTimeout: c.dotTimeout(),
		MaxPerConnection: c.MailPerConn,
	})
}

// backoff returns how long after a failed try the next one may begin. After the first try it is half a minute, and the
// same run waits for it. Later it is most of an hour, so the next run tries again, as greylisting expects (RFC 5321
// 4.5.4.1).
func backoff(attempts int) time.Duration {
	wait := 30 * time.Second
	if attempts > 1 {
		wait = 45 * time.Minute
	}
	return wait + rand.N(wait/5) // jitter spreads the next tries of emails that failed together
}

// OpenDB opens the configured database for migrations and diagnosis.
func (c *Config) OpenDB() (*sql.DB, error) { return mysql.OpenDB(c.database(), 2) }

// NewStore returns a Store on a database that OpenDB opened.
func (c *Config) NewStore(db *sql.DB) *mysql.Store { return mysql.New(db, c.settings.Zone) }
