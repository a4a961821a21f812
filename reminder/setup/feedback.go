package setup

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail/inbox"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
)

// copiesAfter is how long a provider may take to store the copy of an accepted message.
const copiesAfter = 15 * time.Minute

// imapOf has the IMAP servers of mail servers.
var imapOf = map[string]string{
	"smtp.gmail.com": "imap.gmail.com", "smtp.googlemail.com": "imap.gmail.com",
	"smtp.office365.com": "outlook.office365.com", "smtp-mail.outlook.com": "outlook.office365.com",
	"smtp.mail.yahoo.com": "imap.mail.yahoo.com", "smtp.zoho.com": "imap.zoho.com", "smtppro.zoho.com": "imappro.zoho.com",
}

// checkFeedback validates the settings of the feedback. The defaults come from MAIL_*.
func (c *Config) checkFeedback(p *problems) {
	switch c.MailFeedback {
	case "off", "":
	case "imap":
		host := strings.ToLower(c.MailHost)
		server := imapOf[host]
		if server == "" && (strings.HasPrefix(host, "mail.") || isLoopback(host)) {
			server = host // web hosters have one server for both
		}
		c.IMAPHost, c.IMAPUsername = cmp.Or(c.IMAPHost, server), cmp.Or(c.IMAPUsername, c.MailUsername)
		c.IMAPPassword = cmp.Or(c.IMAPPassword, c.MailPassword)
		p.need("IMAP_HOST", c.IMAPHost)
		p.need("IMAP_USERNAME", c.IMAPUsername)
		p.need("IMAP_PASSWORD", string(cmp.Or(c.IMAPPassword, c.MailToken)))
		p.port(c.IMAPPort, "IMAP_PORT")
		p.oneOf("tls|ssl|none", c.IMAPEncryption, "IMAP_ENCRYPTION", "config.must_be_imap_encryption")
		p.must(c.IMAPEncryption != "none" || isLoopback(c.IMAPHost), "IMAP_ENCRYPTION", "config.mailbox_without_encryption")
	case "sendgrid":
		p.need("SENDGRID_API_KEY", string(c.SendGridKey))
	default:
		p.must(false, "MAIL_FEEDBACK", "config.must_be_feedback")
	}
}

// Inbox returns the configuration of the mailbox.
func (c *Config) Inbox() (inbox.Config, error) {
	cfg := inbox.Config{Host: c.IMAPHost, Port: c.IMAPPort, Plain: c.IMAPEncryption == "none", Username: c.IMAPUsername,
		Password: string(c.IMAPPassword)}
	if c.IMAPUsername == c.MailUsername {
		cfg.Token = string(c.MailToken)
	}
	var err error
	cfg.RootCAs, err = certificates(c.MailCAFile)
	return cfg, err
}

// SendGridFeedback returns SendGrid as a source of feedback.
func (c *Config) SendGridFeedback() feedback.SendGrid {
	return feedback.SendGrid{Host: strings.TrimRight(c.SendGridHost, "/"), Key: string(c.SendGridKey),
		Client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
}

// feedback returns a function that opens the source of feedback, or nil when the settings name none.
func (c *Config) feedback() (func(context.Context) (feedback.Source, error), error) {
	switch c.MailFeedback {
	case "imap":
		cfg, err := c.Inbox()
		return feedback.OpenIMAP(cfg), err
	case "sendgrid":
		return func(context.Context) (feedback.Source, error) { return c.SendGridFeedback(), nil }, nil
	}
	return nil, nil
}
