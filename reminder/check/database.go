package check

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/desk/staff"
	"github.com/mtsn6garut/pengingat/reminder/mysql"
	"github.com/mtsn6garut/pengingat/reminder/mysql/deskdb"
)

var say = reminder.Say

func (x *examination) settings(context.Context) error {
	app, err := x.App()
	if err != nil {
		mend := "pengingat init"
		if x.EnvFile != "" { // init refuses a file with misspelt keys
			mend = "doctor.correct_settings"
		}
		x.fail(NeedsSetup, say("doctor.error", "Error", err), "doctor.settings_matter", mend, "EnvFile", x.EnvFile)
		if x.cfg, err = x.Config(); err == nil { // the database can still be checked
			if db, err := x.cfg.OpenDB(); err == nil {
				x.store = deskdb.New(x.cfg.NewStore(db))
				x.opened = x.store
			}
		}
		return nil
	}
	x.app, x.cfg, x.store, x.opened = app, app.Config, deskdb.New(app.Store), app
	if x.EnvFile != "" {
		x.ok("doctor.settings_read_from", "EnvFile", x.EnvFile, "Version", reminder.Version)
	} else {
		x.ok("doctor.settings_read_from", "EnvFile", say("doctor.environment_variables"), "Version", reminder.Version)
	}
	if x.toFiles() {
		x.warn(say("doctor.mail_goes_to_files", "Mailer", x.cfg.Mailer, "MailFileDir", x.cfg.MailFileDir),
			"doctor.files_reach_nobody", "MAIL_MAILER=smtp")
	}
	if len(x.cfg.OnlyTo) > 0 {
		x.warn(say("doctor.only_to_is_set"), "doctor.only_to_withholds", "doctor.remove_only_to")
	}
	return nil
}

func (x *examination) database(ctx context.Context) error {
	sv, err := x.store.Server(ctx)
	if err != nil {
		x.store = nil
		x.failed(err, "doctor.database_matters")
		return nil
	}
	x.ok("doctor.database_answers", "Version", sv.Version)
	if !strings.Contains(sv.SQLMode, "STRICT_ALL_TABLES") {
		x.warn(say("doctor.sql_mode_not_in_force", "SQLMode", sv.SQLMode), "doctor.sql_mode_matters",
			"doctor.connect_directly")
	}
	x.off = sv.Clock.Sub(x.Now()).Abs()
	return nil
}

func (x *examination) schema(ctx context.Context) error {
	if err := x.store.Check(ctx); err != nil {
		x.failed(err, "doctor.tables_matter")
		return nil
	}
	x.usable = true
	x.ok("doctor.tables_complete", "N", mysql.SchemaVersion)
	other, err := x.store.NotInnoDB(ctx)
	if err == nil && len(other) > 0 {
		x.fail(NeedsSetup, say("doctor.not_innodb", "Tables", strings.Join(other, ", ")), "doctor.innodb_matters",
			fmt.Sprintf("ALTER TABLE %s ENGINE=InnoDB;", other[0]))
	}
	return err
}

func (x *examination) rights(ctx context.Context) error {
	lacking, err := x.store.Lacking(ctx)
	if err != nil {
		return err
	}
	excess, err := x.store.Excess(ctx)
	switch {
	case err != nil:
	case len(lacking) > 0:
		x.fail(NeedsSetup, say("doctor.rights_lacking", "Rights", strings.Join(lacking, ", ")),
			"doctor.rights_lacking_matter", "doctor.run_grants")
	case len(excess) > 0:
		x.warn(say("doctor.rights_excess", "Rights", brief(excess)), "doctor.rights_excess_matter", "doctor.run_grants")
	default:
		x.ok("doctor.rights_well")
	}
	return err
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
		x.warn(say("doctor.clock_differs", "N", int(x.off.Round(time.Minute).Minutes())), "doctor.clock_matters",
			"doctor.set_clock")
	}
	if x.app == nil {
		return nil
	}
	zone := x.app.Runner.Settings.Zone
	there, here := x.app.Runner.Now().In(zone), x.app.Runner.Now().In(x.Zone)
	_, library := there.Zone()
	_, machine := here.Zone()
	if library != machine {
		x.warn(say("doctor.zone_differs", "Zone", zone, "There", there.Format("15:04"), "Here", here.Format("15:04")),
			"doctor.zone_matters", "doctor.set_zone")
		return nil
	}
	x.ok("doctor.clock_well", "Now", there.Format(desk.TimeFormat), "Zone", zone)
	return nil
}

func (x *examination) loans(ctx context.Context) error {
	today, rules := reminder.DateOf(x.Now(), x.Zone), reminder.Rules{MaxOverdueDays: math.MaxInt}
	var back map[reminder.Cycle]bool
	if x.app != nil {
		var err error
		today = reminder.DateOf(x.Now(), x.app.Runner.Settings.Zone)
		if rules, err = x.app.Runner.Rules(ctx, today); err != nil {
			return err
		}
		if back, err = x.store.CameBackLast(ctx); err != nil {
			return err
		}
	}
	survey := staff.NewSurvey(rules, today, back)
	found, err := View(ctx, x.store, survey)
	if err != nil {
		return err
	}
	x.survey = survey
	x.ok("doctor.open_loans", "N", survey.Open)
	for _, f := range found {
		if f.Note {
			x.tell(Finding{Severity: OK, What: f.Message})
		}
		if f.Serious { // the others may be intended, or the check of addresses reports them
			x.warn(say("doctor.view_wrong", "Text", f.Message), "doctor.view_matters", "doctor.mend_view")
		}
	}
	return nil
}

// slow is how long planning may take before an index pays. With an index, a million loans of Koha take a tenth of this.
const slow = 2 * time.Second

// speed measures a dry run by the clock of the machine.
func (x *examination) speed(ctx context.Context) error {
	start, d := x.Now(), desk.New(x.app.Runner, x.app.Store)
	overview, err := d.Glance(ctx)
	if err == nil {
		overview.Next, err = d.Next(ctx)
	}
	if x.notesErr = err; err == nil {
		x.notes = d.Notes(overview)
	}
	took := x.Now().Sub(start)
	if took < slow { // an error after a longer time is probably a timeout
		return nil
	}
	index, err := x.store.ProposedIndex(ctx)
	if err == nil {
		x.warn(say("doctor.slow", "Text", say("view.slow", "Seconds", took.Seconds(), "Index", index)),
			"doctor.slow_matters", "doctor.make_index")
	}
	return err
}

func (x *examination) addresses(context.Context) error {
	c, mend := x.survey.Contacts, "doctor.mend_addresses"
	x.ok("doctor.reachable", "N", c.Borrowers-c.Unreachable, "Borrowers", c.Borrowers)
	if c.Unreachable > 0 {
		x.warn(say("doctor.unreachable", "N", c.Unreachable, "Borrowers", c.Borrowers), "doctor.unreachable_matter", mend)
	}
	if n := len(c.Torn); n > 0 {
		x.warn(say("doctor.addresses_torn", "N", n, "Borrowers", brief(c.Torn)), "doctor.addresses_torn_matter", mend)
	}
	if n := len(c.Wrong); n > 0 {
		x.warn(say("doctor.addresses_wrong", "N", n, "Borrowers", brief(c.Wrong)), "doctor.addresses_wrong_matter", mend)
	}
	for _, domain := range slices.Sorted(maps.Keys(c.Domains)) {
		if IsSuspect(domain) {
			x.warn(say("doctor.domain_suspect", "N", c.Domains[domain], "Domain", domain), "doctor.domain_suspect_matters", mend)
		}
	}
	if c.Several > 0 {
		x.warn(say("doctor.addresses_several", "N", c.Several), "doctor.first_is_used", mend)
	}
	return nil
}

// application checks the tables of the school's Laravel application, if the rights allow it.
func (x *examination) application(ctx context.Context) error {
	school, readable, err := x.store.School(ctx)
	switch {
	case err != nil:
		return err
	case !readable:
		x.ok("doctor.application_closed")
		return nil
	}
	known := []string{"Diproses", "Dipinjam", "Dikembalikan", "Terlambat", "Dibatalkan"}
	for _, status := range slices.Sorted(maps.Keys(school.Statuses)) {
		if !slices.Contains(known, status) {
			x.warn(say("doctor.status_unknown", "N", school.Statuses[status], "Status", status), "doctor.status_matters",
				"doctor.change_view")
		}
	}
	if school.SampleMail > 0 {
		x.warn(say("doctor.sample_addresses", "N", school.SampleMail), "doctor.sample_addresses_matter",
			"doctor.enter_addresses")
	}
	if x.jobs = school.Jobs; x.jobs == 0 {
		x.okUnlessFound("doctor.application_well")
	}
	return nil
}

// records reports what the dry run has found in the records.
func (x *examination) records(context.Context) error {
	for _, n := range x.notes {
		x.tell(Finding{Severity: Warn, What: n.What, Why: n.Why, Mend: n.Mend, Code: NeedsPerson})
	}
	if x.notesErr == nil {
		x.okUnlessFound("doctor.records_well")
	}
	return x.notesErr
}
