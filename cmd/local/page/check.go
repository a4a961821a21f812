package page

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// Cure returns the path of the button that repairs what a check found, or "".
func (v *visit) Cure(check string) string {
	return map[string]string{"schema": "/migrate", "task": "/install"}[check]
}

// MendedOn returns the path of the page on which a person repairs what a check found, or "".
func (v *visit) MendedOn(check string) string {
	return map[string]string{"settings": "/settings", "mail": "/settings", "sender": "/settings", "database": "/settings",
		"records": "/troubles", "addresses": "/report"}[check]
}

// loadFindings does all checks, even when the settings are wrong. The worst findings come first.
func loadFindings(v *visit) (any, error) {
	findings, order := v.d.Machine.Findings(v.Context()), []check.Severity{check.Fail, check.Warn, check.OK}
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	return findings, nil
}

// migrate brings the tables up to date with this version.
func migrate(v *visit) (action, error) {
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	return action{Key: "migrate"}, v.d.Machine.Migrate(v.Context(), environ, "")
}

// install registers the scheduled task. This is the only step for which Windows asks for permission.
func install(v *visit) (action, error) {
	if v.app == nil {
		return action{}, v.open() // which says what is wrong with the settings
	}
	return action{Key: "install"}, v.d.Machine.Install(context.WithoutCancel(v.Context()))
}

// grants downloads the SQL with which the database's administrator makes a user with few rights.
func grants(v *visit) error {
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return err
	}
	cfg, err := setup.LoadDatabase(environ)
	if err != nil {
		return err
	}
	return v.download("hak-pengingat.sql", "application/sql; charset=utf-8",
		[]byte(deploy.GrantsFor(cfg.DBDatabase, cfg.DBLocal())))
}
