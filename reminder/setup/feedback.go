package setup

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail/inbox"
	"github.com/mtsn6garut/pengingat/reminder/feedback"
)

// copiesAfter is how long after its acceptance a provider may take to file a message among the sent ones.
const copiesAfter = 15 * time.Minute

// imapOf is which IMAP server goes with a mail server.
var imapOf = map[string]string{
	"smtp.gmail.com": "imap.gmail.com", "smtp.googlemail.com": "imap.gmail.com",
	"smtp.office365.com": "outlook.office365.com", "smtp-mail.outlook.com": "outlook.office365.com",
	"smtp.mail.yahoo.com": "imap.mail.yahoo.com", "smtp.zoho.com": "imap.zoho.com", "smtppro.zoho.com": "imappro.zoho.com",
}

// checkFeedback validates how it is learned what became of mail, and fills in what follows from MAIL_*.
func (c *Config) checkFeedback(p *problems) {
	c.MailFeedback = strings.ToLower(c.MailFeedback)
	switch c.MailFeedback {
	case "off", "":
	case "imap":
		host := strings.ToLower(c.MailHost)
		if strings.HasPrefix(host, "mail.") || isLoopback(host) { // a hosting's one server for everything
			host = cmp.Or(imapOf[host], host)
		} else {
			host = imapOf[host]
		}
		c.IMAPHost = cmp.Or(c.IMAPHost, host)
		c.IMAPUsername, c.IMAPPassword = cmp.Or(c.IMAPUsername, c.MailUsername), cmp.Or(c.IMAPPassword, c.MailPassword)
		if c.IMAPHost == "" {
			p.missing("IMAP_HOST")
		}
		if c.IMAPUsername == "" {
			p.missing("IMAP_USERNAME")
		}
		if c.IMAPPassword == "" && c.MailToken == "" {
			p.missing("IMAP_PASSWORD")
		}
		if c.IMAPPort < 1 || c.IMAPPort > 65535 {
			p.wrong("IMAP_PORT", "config.must_be_port")
		}
		c.IMAPEncryption = strings.ToLower(c.IMAPEncryption)
		switch {
		case !slices.Contains([]string{"tls", "ssl", "none"}, c.IMAPEncryption):
			p.wrong("IMAP_ENCRYPTION", "config.imap_tls")
		case c.IMAPEncryption == "none" && !isLoopback(c.IMAPHost):
			p.wrong("IMAP_ENCRYPTION", "config.mailbox_without_encryption")
		}
	case "sendgrid":
		if c.SendGridKey == "" {
			p.missing("SENDGRID_API_KEY")
		}
	default:
		p.wrong("MAIL_FEEDBACK", "config.must_be_feedback")
	}
}

// Inbox returns how the mailbox is reached.
func (c *Config) Inbox() (inbox.Config, error) {
	cfg := inbox.Config{Host: c.IMAPHost, Port: c.IMAPPort, Plain: c.IMAPEncryption == "none", Username: c.IMAPUsername,
		Password: string(c.IMAPPassword)}
	if c.IMAPUsername == c.MailUsername {
		cfg.Token = string(c.MailToken)
	}
	if c.MailCAFile == "" {
		return cfg, nil
	}
	var err error
	cfg.RootCAs, err = certificates(c.MailCAFile)
	return cfg, err
}

// SendGridFeedback returns what SendGrid knows.
func (c *Config) SendGridFeedback() feedback.SendGrid {
	return feedback.SendGrid{Host: strings.TrimRight(c.SendGridHost, "/"), Key: string(c.SendGridKey),
		Client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
}

// feedback returns what the runs ask what became of mail; nil when nobody is to be asked.
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
