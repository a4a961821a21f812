package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

func (p *program) doctorCommand() *cobra.Command {
	x := &examination{program: p}
	cmd := &cobra.Command{
		Use:     "doctor",
		Aliases: []string{"periksa"},
		Short:   p.say("doctor.check_all_that_can_go"),
		Long:    p.say("doctor.checks_settings_database_mail"),
		Example: "  pengingat doctor\n  pengingat doctor --json\n  pengingat doctor --check-version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer x.close()
			x.perform(cmd.Context())
			p.code = exitDone
			for _, f := range x.found { // what must be set up comes before what may mend itself
				p.code = max(p.code, f.code)
			}
			if p.asJSON {
				return p.printJSON(map[string]any{
					"version": reminder.Version, "exit_code": p.code, "findings": x.found,
				})
			}
			p.printFindings(x.found)
			return nil
		},
	}
	cmd.Flags().BoolVar(&x.checkVersion, "check-version", false, p.say("version.ask"))
	return p.jsonFlag(cmd)
}

// checks in the order in which one makes the next one possible. One whose basis is missing is left out: the one that found
// it missing has spoken. An error that a check returns is what it found.
var checks = []struct {
	name  string
	basis func(*examination) bool
	check func(*examination, context.Context) error
}{
	{"settings", always, (*examination).settings},
	{"access", always, (*examination).access},
	{"database", connected, (*examination).database},
	{"schema", connected, (*examination).schema},
	{"rights", readable, (*examination).rights},
	{"clock", always, (*examination).clock},
	{"loans", readable, (*examination).loans},
	{"speed", runnable, (*examination).speed},
	{"addresses", readable, (*examination).addresses},
	{"application", connected, (*examination).application},
	{"records", runnable, (*examination).records},
	{"mail", configured, (*examination).mailServer},
	{"feedback", configured, (*examination).feedback},
	{"sender", configured, (*examination).sender},
	{"dns", configured, (*examination).domain},
	{"task", always, (*examination).task},
	{"rival", always, (*examination).rivals},
	{"disk", always, (*examination).disk},
	{"log", configured, (*examination).log},
	{"version", always, (*examination).version},
}

// What checks stand on.
func always(*examination) bool       { return true }
func configured(x *examination) bool { return x.app != nil }
func connected(x *examination) bool  { return x.store != nil }
func readable(x *examination) bool   { return x.usable }
func runnable(x *examination) bool   { return x.usable && x.app != nil }

// A finding is what one check has to say. Its texts are in the user's language and hold no name and no address.
type finding struct {
	Check    string `json:"check"`
	Severity string `json:"severity"` // ok, warn or fail
	What     string `json:"what"`
	Why      string `json:"why,omitempty"`
	Mend     string `json:"mend,omitempty"`    // a command, or what to do
	Details  string `json:"details,omitempty"` // what lies behind it, as a machine said it
	code     int    // exit code that it asks for
}

// printFindings prints them for a person, what needs one last, where it is still on the screen.
func (p *program) printFindings(all []finding) {
	marks := map[string]string{"ok": "ok", "warn": p.say("doctor.warn"), "fail": p.say("doctor.wrong")}
	count := map[string]int{}
	slices.SortStableFunc(all, func(a, b finding) int {
		order := []string{"ok", "warn", "fail"}
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	for _, f := range all {
		count[f.Severity]++
		fmt.Fprintf(p.out, "%-6s %s\n", marks[f.Severity], wrap(f.What, 7))
		if f.Why != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("doctor.why")+f.Why, 9))
		}
		if f.Mend != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("doctor.mend_it")+f.Mend, 9))
		}
		if f.Details != "" {
			fmt.Fprintf(p.out, "       %s\n", wrap(p.say("doctor.details")+f.Details, 9))
		}
	}
	if count["warn"]+count["fail"] == 0 {
		p.print("doctor.all_well")
		return
	}
	p.print("doctor.wrong_look_at_well", "N", count["fail"], "Count", count["warn"], "Count2", count["ok"])
}

// wrap breaks a text at spaces so that it fits a terminal of 80 columns. The lines after the first are indented, beside what
// they begin with; "- " hangs out.
func wrap(text string, indent int) string {
	lines, margin := strings.Split(text, "\n"), strings.Repeat(" ", indent)
	for i, line := range lines {
		if indent+utf8.RuneCountInString(line) < 80 {
			continue
		}
		rest := strings.TrimLeft(line, " ")
		own := line[:len(line)-len(rest)]
		hanging := margin + own
		if strings.HasPrefix(rest, "- ") {
			hanging += "  "
		}
		lines[i] = own + letter.Fill(strings.Fields(rest), indent+len(own), 79, hanging)
	}
	return strings.Join(lines, "\n"+margin)
}

// An examination is what the checks learn on their way.
type examination struct {
	*program
	check string // the one at work
	found []finding

	app    *setup.App    // nil: the settings are wrong
	cfg    setup.Config  // as far as it could be read
	store  *mysql.Store  // nil: the database is not known or does not answer
	opened io.Closer     // the app, or without one the store
	off    time.Duration // by which the database's clock differs from ours
	jobs   int           // reminders in the queue of the Laravel application
	usable bool          // the tables and the view can be read
	online bool          // the mail server was reached

	checkVersion bool // ask whether there is a newer version
}

func (x *examination) perform(ctx context.Context) {
	for _, c := range checks {
		if !c.basis(x) {
			continue
		}
		x.check = c.name
		if err := c.check(x, ctx); err != nil {
			x.failed(err, "")
		}
	}
}

func (x *examination) close() {
	if x.opened != nil {
		_ = x.opened.Close() // as with every end of a program, there is nobody to tell
	}
}

func (x *examination) ok(key string, pairs ...any) {
	x.found = append(x.found, finding{Check: x.check, Severity: "ok", What: x.say(key, pairs...)})
}

// okUnlessFound is ok for a check that has found nothing.
func (x *examination) okUnlessFound(key string, pairs ...any) {
	if !slices.ContainsFunc(x.found, func(f finding) bool { return f.Check == x.check }) {
		x.ok(key, pairs...)
	}
}

func (x *examination) warn(what, why, mend string) {
	x.found = append(x.found, finding{Check: x.check, Severity: "warn", What: what, Why: why, Mend: mend, code: exitNeedsPerson})
}

// fail tells of something without which no mail goes out.
func (x *examination) fail(code int, what, why, mend string) {
	x.found = append(x.found, finding{Check: x.check, Severity: "fail", What: what, Why: why, Mend: mend, code: code})
}

// failed is fail for an error that says itself what to do.
func (x *examination) failed(err error, why string) {
	what, details := x.trouble(err)
	x.fail(errorCode(err), what, why, "")
	x.found[len(x.found)-1].Details = details
}

func (x *examination) settings(context.Context) error {
	app, err := x.program.app()
	if err != nil {
		mend := "pengingat init"
		if x.envFile != "" { // init does not take a file whose keys are misspelt
			mend = x.say("doctor.correct_what_named_in", "EnvFile", x.envFile)
		}
		x.fail(exitConfig, text.In(x.locale).Error(err),
			x.say("doctor.without_complete_settings_nothing"), mend)
		if x.cfg, err = x.config(setup.LoadDatabase); err == nil { // the database can be looked at all the same
			if db, err := x.cfg.OpenDB(); err == nil {
				x.store = x.cfg.NewStore(db)
				x.opened = x.store
			}
		}
		return nil
	}
	x.app, x.cfg, x.store, x.opened = app, app.Config, app.Store, app
	x.ok("doctor.settings_read_from",
		"EnvFile", cmp.Or(x.envFile, x.say("doctor.environment_variables")), "Version", reminder.Version)
	if x.cfg.Mailer == "file" || x.cfg.Mailer == "log" {
		x.warn(x.say("doctor.mail_mailer_mails_only_written", "Mailer", x.cfg.Mailer, "MailFileDir", x.cfg.MailFileDir),
			x.say("doctor.borrowers_receive_nothing_but"), "MAIL_MAILER=smtp")
	}
	if len(x.cfg.OnlyTo) > 0 {
		x.warn(x.say("doctor.reminder_only_still_set"),
			x.say("doctor.only_addresses_in_it_get"),
			x.say("doctor.remove_reminder_only_from_settings"))
	}
	return nil
}

func (x *examination) database(ctx context.Context) error {
	sv, err := x.store.Server(ctx)
	if err != nil {
		x.store = nil
		x.failed(err, x.say("doctor.loans_read_from_there_and"))
		return nil
	}
	x.ok("doctor.database_answers", "Version", sv.Version)
	if !strings.Contains(sv.SQLMode, "STRICT_ALL_TABLES") {
		x.warn(x.say("doctor.sql_mode_asked_for_not", "SQLMode", sv.SQLMode),
			x.say("doctor.without_strict_mode_database_cuts"),
			x.say("doctor.connect_program_mysql_mariadb"))
	}
	x.off = sv.Clock.Sub(x.machine.now()).Abs()
	return nil
}

func (x *examination) schema(ctx context.Context) error {
	if err := x.store.Check(ctx); err != nil {
		x.failed(err, x.say("doctor.without_these_tables_and_that"))
		return nil
	}
	x.usable = true
	x.ok("doctor.tables_and_view_complete_version", "N", mysql.SchemaVersion)
	other, err := x.store.NotInnoDB(ctx)
	if err != nil {
		return err
	}
	if len(other) > 0 {
		x.fail(exitConfig, x.say("doctor.not_innodb_tables", "Other", strings.Join(other, ", ")),
			x.say("doctor.only_innodb_has_transactions_without"),
			fmt.Sprintf("ALTER TABLE %s ENGINE=InnoDB;", other[0]))
	}
	return nil
}

func (x *examination) rights(ctx context.Context) error {
	grants := x.say("doctor.run_deploy_grants_sql_as")
	lacking, err := x.store.Lacking(ctx)
	if err != nil {
		return err
	}
	excess, err := x.store.Excess(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(lacking) > 0:
		x.fail(exitConfig, x.say("doctor.database_user_lacks_these_rights", "Lacking", strings.Join(lacking, ", ")),
			x.say("doctor.run_will_stop_half_way"), grants)
	case len(excess) > 0:
		x.warn(x.say("doctor.database_user_has_more_rights", "Brief", brief(excess)),
			x.say("doctor.whoever_reads_settings_file_can"), grants)
	default:
		x.ok("doctor.rights_in_database_just_enough")
	}
	return nil
}

// brief shows the beginning of a list.
func brief(list []string) string {
	text := strings.Join(list[:min(2, len(list))], "; ")
	if len(text) > 120 {
		text = text[:120] + "…"
	}
	if len(list) > 2 {
		text += fmt.Sprintf(" (+%d)", len(list)-2)
	}
	return text
}

func (x *examination) clock(context.Context) error {
	if x.off > 2*time.Minute {
		x.warn(x.say("doctor.clocks_this_computer_and_database",
			"N", int(x.off.Round(time.Minute).Minutes())),
			x.say("doctor.one_them_wrong_reminders_may"),
			x.say("doctor.let_computer_set_date_and"))
	}
	if x.app == nil {
		return nil
	}
	now := x.app.Runner.Now()
	zone := x.app.Runner.Settings.Zone
	_, ours := now.In(zone).Zone()
	_, machine := now.In(x.machine.zone).Zone()
	if ours != machine {
		x.warn(x.say("doctor.app_timezone_where_it_now", "Zone", zone, "Now", now.In(zone).Format("15:04"), "Now2", now.In(x.machine.zone).Format("15:04")),
			x.say("doctor.send_window_and_due_dates"),
			x.say("doctor.set_app_timezone_librarys_zone"))
		return nil
	}
	x.ok("doctor.clock", "Now", now.In(zone).Format("2006-01-02 15:04"), "Zone", zone)
	return nil
}

func (x *examination) loans(ctx context.Context) error {
	counted, err := x.store.CountLoans(ctx, reminder.DateOf(x.machine.now(), x.machine.zone))
	if err != nil {
		return err
	}
	x.ok("doctor.open_loans", "N", counted.Open)
	_, found, err := x.store.CheckView(ctx, reminder.DateOf(x.machine.now(), x.machine.zone))
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Note {
			x.ok("doctor.text", "Text", f.Message)
		}
		if f.Serious { // the others are told by the check of addresses, or may be meant
			x.warn(x.say("doctor.view_reminder_loans", "Text", f.Message),
				x.say("doctor.these_loans_told_about_wrongly"),
				x.say("doctor.mend_data_or_view_docs"))
		}
	}
	return nil
}

// speed measures what a run reads.
func (x *examination) speed(ctx context.Context) error {
	today := reminder.DateOf(x.app.Runner.Now(), x.app.Runner.Settings.Zone)
	rules, err := x.app.Runner.Rules(ctx, today)
	if err != nil {
		return err
	}
	first, last := rules.Reach(today)
	found, err := x.store.CheckScan(ctx, first, last, x.machine.now)
	if err != nil {
		return err
	}
	for _, f := range found {
		x.warn(x.say("doctor.slow", "Text", f.Message),
			x.say("doctor.for_that_long_run_sends"), x.say("doctor.make_that_index_librarys_system"))
	}
	return nil
}

// suspect are the usual typing errors in domains.
var suspect = []string{
	"gmial.com", "gmai.com", "gmal.com", "gamil.com", "gmail.co", "gmail.con", "gmail.co.id", "yaho.com", "yahoo.con", "hotmial.com",
}

// isSuspect reports whether nobody has a mailbox at a domain.
func isSuspect(domain string) bool {
	return setup.IsPlaceholder(domain) || slices.Contains(suspect, domain) || slices.ContainsFunc([]string{".test", ".invalid", ".example", ".localhost", ".local"},
		func(end string) bool { return strings.HasSuffix(domain, end) })
}

func (x *examination) addresses(ctx context.Context) error {
	c, err := desk.Desk{Store: x.store}.Contacts(ctx)
	if err != nil {
		return err
	}
	x.ok("doctor.borrowers_can_be_reached_by", "N", c.Borrowers-c.Unreachable, "Borrowers", c.Borrowers)
	mend := x.say("doctor.report_open_shows_who_mend")
	if c.Unreachable > 0 {
		x.warn(x.say("doctor.borrowers_cannot_be_reached_by", "N", c.Unreachable, "Borrowers", c.Borrowers),
			x.say("doctor.their_address_empty_misspelt_or"), mend)
	}
	if len(c.Torn) > 0 {
		x.warn(x.say("doctor.addresses_may_be_one_half", "N", len(c.Torn), "Brief", brief(c.Torn)),
			x.say("doctor.comma_blank_or_another_sign"), mend)
	}
	if len(c.Wrong) > 0 {
		x.warn(x.say("doctor.addresses_misspelt_borrowers", "N", len(c.Wrong), "Brief", brief(c.Wrong)),
			x.say("doctor.what_stands_there_no_e"), mend)
	}
	for _, domain := range slices.Sorted(maps.Keys(c.Domains)) {
		if !isSuspect(domain) {
			continue
		}
		x.warn(x.say("doctor.borrowers_have_address_at", "N", c.Domains[domain], "Domain", domain),
			x.say("doctor.that_domain_for_examples_somebody"), mend)
	}
	if c.Several > 0 {
		x.warn(x.say("doctor.borrowers_have_several_addresses", "N", c.Several),
			x.say("doctor.only_first_one_used"), mend)
	}
	return nil
}

// application looks into the tables of the school's Laravel application, where it may.
func (x *examination) application(ctx context.Context) error {
	school, readable, err := x.store.School(ctx)
	switch {
	case err != nil:
		return err
	case !readable:
		x.ok("doctor.applications_tables_cannot_be")
		return nil
	}
	known := []string{"Diproses", "Dipinjam", "Dikembalikan", "Terlambat", "Dibatalkan"}
	for _, status := range slices.Sorted(maps.Keys(school.Statuses)) {
		if !slices.Contains(known, status) {
			x.warn(x.say("doctor.loans_have_status_which_not", "N", school.Statuses[status], "Status", status),
				x.say("doctor.nobody_reminded_them_only_dipinjam"),
				x.say("doctor.if_that_status_means_that"))
		}
	}
	if school.SampleMail > 0 {
		x.warn(x.say("doctor.borrowers_still_have_address_perpustakaan", "N", school.SampleMail),
			x.say("doctor.that_applications_sample_address"),
			x.say("doctor.enter_their_real_addresses_in"))
	}
	if x.jobs = school.Jobs; x.jobs == 0 {
		x.okUnlessFound("doctor.laravel_applications_tables_show")
	}
	return nil
}

// records tries a run without writing, and looks at what is on record.
func (x *examination) records(ctx context.Context) error {
	_, notes, err := x.standing(ctx, x.app)
	if err != nil {
		return err
	}
	for _, n := range notes {
		if n.Code != "log" { // has a check of its own
			x.warn(n.What, n.Why, n.Mend)
		}
	}
	x.okUnlessFound("doctor.record_reminders_shows_no_trouble")
	return nil
}

func (x *examination) mailServer(ctx context.Context) error {
	smtp, isSMTP := x.app.Runner.Sender.(*mail.SMTP)
	if !isSMTP {
		if x.cfg.Mailer == "sendgrid" {
			x.ok("doctor.sendgrid_cannot_be_tried_without")
		}
		return nil
	}
	x.microsoft()
	steps := smtp.Probe(ctx)
	last := steps[len(steps)-1]
	if last.Err != nil {
		x.failed(x.mailFault(x.cfg, last.Err), x.say("doctor.as_long_as_this_lasts"))
		return nil
	}
	x.online = true
	how := x.say("doctor.without_login")
	if x.cfg.MailUsername != "" {
		how = x.say("doctor.login_accepted")
	}
	x.ok("doctor.mail_server_answers", "MailHost", x.cfg.MailHost, "How", how)
	return nil
}

// microsoft tells in time of a login that Microsoft 365 takes away (Exchange team blog, 27 January 2026).
func (x *examination) microsoft() {
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	if at.include != "spf.protection.outlook.com" || x.cfg.MailUsername == "" || x.cfg.MailToken != "" {
		return
	}
	x.warn(x.say("doctor.microsoft_365_switches_smtp_login"),
		x.say("doctor.after_that_login_refused_and"),
		x.say("doctor.ask_microsoft_365_administrator"))
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
	{".sendgrid.net", "", []string{"s1"}, nil, 0},
	{"api.sendgrid.com", "", []string{"s1"}, nil, 0},
}

// providerOf returns the provider behind a mailer and its host, or the zero provider.
func providerOf(mailer, host string) provider {
	if mailer == "sendgrid" {
		host = "api.sendgrid.com"
	}
	for _, p := range providers {
		if strings.HasSuffix(strings.ToLower(host), p.host) {
			return p
		}
	}
	return provider{}
}

// isProviders reports whether a domain belongs to a provider, which alone may send for it.
func isProviders(domain string) bool {
	return slices.ContainsFunc(providers, func(p provider) bool { return slices.Contains(p.free, domain) })
}

// sender holds MAIL_FROM_ADDRESS against the account that sends.
func (x *examination) sender(context.Context) error {
	from := x.app.Runner.Settings.From
	login, err := mail.ParseAddress(x.cfg.MailUsername)
	knowsLogin := err == nil && x.cfg.Mailer == "smtp"
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	if isSuspect(from.Domain()) && x.cfg.Mailer != "file" && x.cfg.Mailer != "log" {
		x.fail(exitConfig, x.say("doctor.mail_from_address_at_domain", "Domain", from.Domain()),
			x.say("doctor.mail_from_there_refused_or"), x.say("doctor.mail_from_address_librarys_own"))
		return nil
	}
	switch {
	case knowsLogin && at.host == ".gmail.com" && !strings.EqualFold(from.Addr, login.Addr):
		x.warn(x.say("doctor.mail_from_address_not_address"),
			x.say("doctor.gmail_replaces_it_with_accounts"), "MAIL_FROM_ADDRESS=MAIL_USERNAME")
	case knowsLogin && from.Domain() != login.Domain():
		x.warn(x.say("doctor.mail_from_address_at_but", "Domain", from.Domain(), "Domain2", login.Domain()),
			x.say("doctor.many_servers_refuse_sender_that"), "pengingat test-mail --to "+x.say("doctor.address"))
	case isProviders(from.Domain()) && at.host != "" && !slices.Contains(at.free, from.Domain()):
		x.warn(x.say("doctor.mail_from_address_at_but_2", "Domain", from.Domain()),
			x.say("doctor.receivers_take_it_for_forgery"), x.say("doctor.use_address_your_own_domain"))
	}
	if at.limit > 0 && (x.cfg.MailDailyLimit == 0 || x.cfg.MailDailyLimit > at.limit) {
		x.warn(x.say("doctor.mail_daily_limit_but_this", "N", x.cfg.MailDailyLimit, "Limit", at.limit),
			x.say("doctor.above_it_account_blocked_for"), fmt.Sprintf("MAIL_DAILY_LIMIT=%d", at.limit*4/5))
	}
	x.okUnlessFound("doctor.sender_fits_account")
	return nil
}

// domain asks DNS whether receivers can know the sender's domain. Without an answer it says nothing: that is no fault of
// the domain.
func (x *examination) domain(ctx context.Context) error {
	if x.cfg.Mailer == "smtp" && !x.online || x.cfg.Mailer == "file" || x.cfg.Mailer == "log" {
		return nil
	}
	name := x.app.Runner.Settings.From.Domain()
	if isSuspect(name) || isProviders(name) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	record := func(name, prefix string) (text string, answered bool) {
		texts, err := x.machine.lookupTXT(ctx, name)
		dns, isDNS := errors.AsType[*net.DNSError](err)
		i := slices.IndexFunc(texts, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), prefix) })
		if i >= 0 {
			text = texts[i]
		}
		return text, err == nil || isDNS && dns.IsNotFound
	}
	// A network without a way out may answer that no name exists. It then does not know this one either.
	if known, _ := record("gmail.com", "v=spf1"); known == "" {
		return nil
	}
	why := x.say("doctor.receivers_cannot_tell_that_mail")
	ask := func(entry string) string {
		return x.say("doctor.ask_whoever_runs_domain_add", "Name", name, "Entry", entry)
	}
	at := providerOf(x.cfg.Mailer, x.cfg.MailHost)
	spf, answered := record(name, "v=spf1")
	switch {
	case !answered:
		return nil
	case spf == "" && at.host != ".sendgrid.net" && at.host != "api.sendgrid.com": // SendGrid's is on a name of its own
		x.warn(x.say("doctor.domain_has_no_spf_record", "Name", name), why,
			ask(cmp.Or(map[bool]string{true: "TXT \"v=spf1 include:" + at.include + " ~all\""}[at.include != ""], "SPF")))
	case at.include != "" && spf != "" && !strings.Contains(spf, at.include):
		x.warn(x.say("doctor.spf_record_does_not_name", "Name", name), why, ask("include:"+at.include))
	}
	if dmarc, answered := record("_dmarc."+name, "v=dmarc1"); answered && dmarc == "" {
		x.warn(x.say("doctor.domain_has_no_dmarc_record", "Name", name), why, ask("TXT _dmarc \"v=DMARC1; p=none\""))
	}
	// A DKIM key can only be looked for under its selector, which is known for these providers alone.
	found, asked := false, false
	for _, selector := range at.selectors {
		key, answered := record(selector+"._domainkey."+name, "")
		found, asked = found || strings.Contains(key, "p="), asked || answered
	}
	if asked && !found {
		x.warn(x.say("doctor.domain_has_no_dkim_key", "Name", name), why,
			x.say("doctor.switch_dkim_on_at_mail"))
	}
	x.okUnlessFound("doctor.receivers_can_know_domain_spf", "Name", name)
	return nil
}

// The results that Task Scheduler itself puts in the place of an exit code.
const (
	taskDisabled   = 0x41302
	taskNotYetRun  = 0x41303
	taskTerminated = 0x41306
	taskRunning    = 0x41301
)

// task asks the scheduler of the system for ours.
func (x *examination) task(ctx context.Context) error {
	why := x.say("doctor.without_scheduled_task_nothing")
	result, err := x.lastResult(ctx)
	switch {
	case errors.Is(err, errNoTask):
		x.warn(x.say("doctor.scheduled_task_not_installed"), why, "pengingat install")
	case err != nil:
		x.ok("doctor.scheduled_task_not_known_on")
	case result == taskDisabled:
		x.warn(x.say("doctor.scheduled_task_disabled"), why, "pengingat install")
	case result == exitDone || result == taskRunning || result == taskNotYetRun:
		x.ok("doctor.scheduled_task_installed_its_last")
	case result == exitNeedsPerson || result == exitRetry:
		x.ok("doctor.scheduled_task_installed_its_last_2", "N", result)
	case result == exitConfig:
		x.warn(x.say("doctor.scheduled_task_failed_wrong_settings"),
			x.say("doctor.task_runs_under_another_account"), "pengingat install")
	case result == taskTerminated:
		x.ok("doctor.scheduled_task_installed_last")
	default:
		x.warn(x.say("doctor.scheduled_task_failed_last_time", "N", result, "Uint32", uint32(result)), why, "pengingat install")
	}
	return nil
}

var errNoTask = errors.New("there is no such task")

// lastResult asks the system for the exit code with which our task ended last.
func (x *examination) lastResult(ctx context.Context) (int, error) {
	switch x.machine.os {
	case "windows":
		row, err := x.taskRow(ctx)
		if _, answered := errors.AsType[*exec.ExitError](err); answered {
			return 0, errNoTask
		}
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(row[6])
	case "linux":
		out, err := x.machine.command(ctx, "systemctl", "show", "-p", "LoadState", "pengingat.timer")
		if err == nil && !strings.Contains(out, "LoadState=loaded") {
			err = errNoTask
		}
		if err != nil {
			return 0, err
		}
		if out, err = x.machine.command(ctx, "systemctl", "show", "-p", "ExecMainStatus", "pengingat.service"); err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out, "ExecMainStatus=")))
	}
	return 0, errors.ErrUnsupported
}

// taskRow asks schtasks about our task. Its columns are named in the language of Windows, so they are told by position:
// the third is when it runs next, the seventh its last result.
func (p *program) taskRow(ctx context.Context) ([]string, error) {
	out, err := p.machine.command(ctx, "schtasks", "/query", "/tn", `\`+taskName, "/v", "/fo", "CSV", "/nh")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	row, err := r.Read()
	if err == nil && len(row) < 7 {
		err = csv.ErrFieldCount
	}
	return row, err
}

// oldServices did the reminding before, in Laravel's way. deploy/windows/old-services.cmd switches them off.
var oldServices = []string{"LaravelScheduler", "LaravelQueueWorker"}

// rivals looks for the queue and the two services by which the Laravel application used to remind.
func (x *examination) rivals(ctx context.Context) error {
	if x.jobs > 0 {
		x.warn(x.say("doctor.old_reminders_still_wait_in", "N", x.jobs),
			x.say("doctor.old_reminder_still_active_borrowers"),
			x.say("doctor.switch_old_services_off_as"))
	}
	if x.machine.os != "windows" {
		return nil
	}
	for _, name := range oldServices {
		if out, err := x.machine.command(ctx, "sc", "query", name); err == nil && strings.Contains(out, "RUNNING") {
			x.warn(x.say("doctor.old_service_still_running", "Name", name),
				x.say("doctor.borrowers_get_mail_from_two"), fmt.Sprintf("net stop %s & sc config %s start= disabled", name, name))
		}
	}
	return nil
}

func (x *examination) disk(context.Context) error {
	if x.cfg.LogFile == "" {
		return nil
	}
	folder := existing(filepath.Dir(x.cfg.LogFile))
	free, err := x.machine.freeSpace(folder)
	mb := free >> 20
	why := x.say("doctor.when_disk_full_database_cannot")
	mend := x.say("doctor.free_some_space_windows_settings")
	switch {
	case err != nil:
		x.ok("doctor.disk_space_not_known")
	case mb < 100:
		x.fail(exitNeedsPerson, x.say("doctor.disk_almost_full_mb_left", "N", mb), why, mend)
	case mb < 1024:
		x.warn(x.say("doctor.mb_disk_space_left", "N", mb), why, mend)
	default:
		x.ok("doctor.disk_space_gb", "N", free>>30)
	}
	return nil
}

func (x *examination) log(context.Context) error {
	file := x.cfg.LogFile
	if file == "" {
		return nil
	}
	if fault := x.app.LogFault(); fault != nil {
		x.warn(text.In(x.locale).Error(fault),
			x.say("doctor.runs_go_on_and_on"),
			x.say("doctor.look_at_or_change_log", "File", file))
		return nil
	}
	var size int64
	files, _ := filepath.Glob(strings.TrimSuffix(file, filepath.Ext(file)) + "*") // the pattern is a path of ours
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	if size > 100<<20 {
		x.warn(x.say("doctor.log_files_take_mb", "N", size>>20), x.say("doctor.this_program_keeps_them_below"),
			x.say("doctor.delete_old_ones_in", "Dir", filepath.Dir(file)))
		return nil
	}
	x.ok("doctor.log_kb", "File", file, "N", (size+1023)>>10)
	return nil
}

// quietly returns a runner whose runs leave no line in the log.
func quietly(r *reminder.Runner) *reminder.Runner {
	quiet := *r
	quiet.Log = slog.New(slog.DiscardHandler)
	return &quiet
}
