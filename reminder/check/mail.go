package check

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// toFiles reports whether mail is written to files and reaches nobody.
func (x *examination) toFiles() bool { return x.cfg.Mailer == "file" || x.cfg.Mailer == "log" }

func (x *examination) mailServer(ctx context.Context) error {
	smtp, isSMTP := x.app.Runner.Sender.(*mail.SMTP)
	if !isSMTP {
		if x.cfg.Mailer == "sendgrid" {
			x.ok("doctor.sendgrid_untried")
		}
		return nil
	}
	// Microsoft 365 ends this login (Exchange team blog, 27 January 2026).
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	if at.include == "spf.protection.outlook.com" && x.cfg.MailUsername != "" && x.cfg.MailToken == "" {
		x.warn(say("doctor.microsoft_ends_login"), "doctor.microsoft_matters", "doctor.ask_microsoft_administrator")
	}
	steps := smtp.Probe(ctx)
	if err := steps[len(steps)-1].Err; err != nil {
		x.failed(MailFault(x.cfg, err), "doctor.mail_matters")
		return nil
	}
	x.online = true
	how := say("doctor.without_login")
	if x.cfg.MailUsername != "" {
		how = say("doctor.login_accepted")
	}
	x.ok("doctor.mail_server_answers", "MailHost", x.cfg.MailHost, "How", how)
	return nil
}

// MailFault makes a Fault of a mail error that says what to do about it.
func MailFault(cfg setup.Config, err error) error {
	f := &reminder.Fault{Temporary: true, Message: say("testmail.not_sent"), Err: err}
	e, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return f
	}
	invalid, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, unknownCA := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherHost := errors.AsType[x509.HostnameError](err)
	lasting := func(key string) { f.Temporary, f.Message = false, say(key) }
	switch remedy := desk.Remedy(e.Error()); {
	case remedy.Key != "":
		f.Temporary, f.Message = e.Pause == mail.PauseServer, remedy
	case e.Phase == "resolve":
		f.Message = say("testmail.host_not_found")
	case e.Phase == "connect" && cfg.MailPort == 25:
		f.Message = say("testmail.port_25_blocked")
	case e.Phase == "connect":
		f.Message = say("testmail.unreachable")
	case certificate && invalid.Reason == x509.Expired:
		f.Message = say("testmail.certificate_expired")
	case unknownCA || otherHost || certificate:
		f.Message = say("testmail.certificate_unknown")
	case e.Phase == "tls" || e.Phase == "starttls":
		f.Message = say("testmail.tls_failed")
	case e.Pause == mail.PauseCredentials && (strings.HasSuffix(cfg.MailHost, "gmail.com") ||
		strings.HasSuffix(cfg.MailHost, "googlemail.com")):
		lasting("testmail.gmail_login_refused")
	case e.Pause == mail.PauseCredentials:
		lasting("testmail.login_refused")
	case e.Pause == mail.PauseSender:
		lasting("testmail.sender_refused")
	case e.Pause == mail.PauseQuota:
		f.Message = say("testmail.quota_reached")
	case e.Fate == mail.BadAddress:
		lasting("testmail.recipient_refused")
	}
	return f
}

// A provider is a mail service with its rules about senders.
type provider struct {
	host, include string   // end of its server's name; what an SPF record includes for it
	selectors     []string // where its customers publish DKIM keys
	free          []string // domains that it alone may send for
	limit         int      // emails a day for one account
}

var providers = []provider{
	{".gmail.com", "_spf.google.com", []string{"google"}, []string{"gmail.com", "googlemail.com"}, 500},
	{".office365.com", "spf.protection.outlook.com", []string{"selector1", "selector2"}, nil, 10000},
	{".outlook.com", "spf.protection.outlook.com", nil, []string{"outlook.com", "hotmail.com", "live.com"}, 300},
	{".yahoo.com", "", nil, []string{"yahoo.com", "yahoo.co.id", "ymail.com"}, 500},
	{sendGrid, "", []string{"s1"}, nil, 0},
}

// sendGrid is the end of the name of SendGrid's SMTP server. It also stands for the API.
const sendGrid = ".sendgrid.net"

// providerOf returns the provider behind a mailer and its host, or the zero provider.
func providerOf(mailer, host string) provider {
	if mailer == "sendgrid" {
		host = sendGrid
	}
	for _, p := range providers {
		if strings.HasSuffix(strings.ToLower(host), p.host) {
			return p
		}
	}
	return provider{}
}

// DailyLimit returns how many emails a day the provider behind a mailer and its host allows one account, or 0 when the
// limit is not known.
func DailyLimit(mailer, host string) int { return providerOf(mailer, host).limit }

// isProviders reports whether a domain belongs to a provider: then only the provider may send for it.
func isProviders(domain string) bool {
	return slices.ContainsFunc(providers, func(p provider) bool { return slices.Contains(p.free, domain) })
}

// suspect are common typing errors in domains.
var suspect = []string{
	"gmial.com", "gmai.com", "gmal.com", "gamil.com", "gmail.co", "gmail.con", "gmail.co.id", "yaho.com", "yahoo.con",
	"hotmial.com",
}

// IsSuspect reports whether a domain has no mailboxes: an example, a typing error, or a name for tests.
func IsSuspect(domain string) bool {
	return setup.IsPlaceholder(domain) || slices.Contains(suspect, domain) ||
		slices.ContainsFunc([]string{".test", ".invalid", ".example", ".localhost", ".local"},
			func(end string) bool { return strings.HasSuffix(domain, end) })
}

// sender compares MAIL_FROM_ADDRESS with the account that sends.
func (x *examination) sender(context.Context) error {
	from := x.app.Runner.Settings.From
	login, err := mail.ParseAddress(x.cfg.MailUsername)
	knowsLogin := err == nil && x.cfg.Mailer == "smtp"
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	switch domain := from.Domain(); {
	case IsSuspect(domain) && !x.toFiles():
		x.fail(NeedsSetup, say("doctor.sender_is_sample", "Domain", domain), "doctor.sample_sender_matters",
			"doctor.set_sender")
		return nil
	case knowsLogin && at.host == ".gmail.com" && !strings.EqualFold(from.Addr, login.Addr):
		x.warn(say("doctor.sender_is_not_login"), "doctor.gmail_replaces_sender", "MAIL_FROM_ADDRESS=MAIL_USERNAME")
	case knowsLogin && domain != login.Domain():
		x.warn(say("doctor.sender_is_not_at_login", "Domain", domain, "Login", login.Domain()),
			"doctor.sender_may_be_refused", "doctor.try_test_mail")
	case isProviders(domain) && at.host != "" && !slices.Contains(at.free, domain):
		x.warn(say("doctor.sender_is_not_at_provider", "Domain", domain), "doctor.sender_looks_forged",
			"doctor.use_own_domain")
	}
	if at.limit > 0 && (x.cfg.MailDailyLimit == 0 || x.cfg.MailDailyLimit > at.limit) {
		x.warn(say("doctor.limit_too_high", "N", x.cfg.MailDailyLimit, "Limit", at.limit), "doctor.limit_matters",
			fmt.Sprintf("MAIL_DAILY_LIMIT=%d", at.limit*4/5))
	}
	x.okUnlessFound("doctor.sender_well")
	return nil
}

// domain asks DNS whether receivers can authenticate the sender's domain. Without an answer of DNS it reports nothing,
// because that is not the fault of the domain.
func (x *examination) domain(ctx context.Context) error {
	name := x.app.Runner.Settings.From.Domain()
	if x.cfg.Mailer == "smtp" && !x.online || x.toFiles() || IsSuspect(name) || isProviders(name) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	record := func(name, prefix string) (text string, answered bool) {
		texts, err := x.LookupTXT(ctx, name)
		dns, isDNS := errors.AsType[*net.DNSError](err)
		i := slices.IndexFunc(texts, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), prefix) })
		if i >= 0 {
			text = texts[i]
		}
		return text, err == nil || isDNS && dns.IsNotFound
	}
	// A network without Internet access may answer that no name exists. It then answers so for this name too.
	if known, _ := record("gmail.com", "v=spf1"); known == "" {
		return nil
	}
	missing := func(what reminder.Message, entry string) {
		x.warn(what, "doctor.dns_matters", "doctor.add_to_dns", "Name", name, "Entry", entry)
	}
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	spf, answered := record(name, "v=spf1")
	switch {
	case !answered:
		return nil
	case spf == "" && at.include != "":
		missing(say("doctor.no_spf", "Name", name), `TXT "v=spf1 include:`+at.include+` ~all"`)
	case spf == "" && at.host != sendGrid: // SendGrid's SPF record is at a name of its own
		missing(say("doctor.no_spf", "Name", name), "SPF")
	case spf != "" && !strings.Contains(spf, at.include):
		missing(say("doctor.spf_lacks_server", "Name", name), "include:"+at.include)
	}
	if dmarc, answered := record("_dmarc."+name, "v=dmarc1"); answered && dmarc == "" {
		missing(say("doctor.no_dmarc", "Name", name), `TXT _dmarc "v=DMARC1; p=none"`)
	}
	// The name of a DKIM key contains a selector, and only the selectors of these providers are known.
	found, asked := false, false
	for _, selector := range at.selectors {
		key, answered := record(selector+"._domainkey."+name, "")
		found, asked = found || strings.Contains(key, "p="), asked || answered
	}
	if asked && !found {
		x.warn(say("doctor.no_dkim", "Name", name), "doctor.dns_matters", "doctor.switch_dkim_on")
	}
	x.okUnlessFound("doctor.dns_well", "Name", name)
	return nil
}
