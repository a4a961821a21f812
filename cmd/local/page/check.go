package page

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// Cure is the button that mends what a check found: where it leads, or "".
func (v *visit) Cure(check string) string {
	return map[string]string{"schema": "/migrate", "task": "/install"}[check]
}

// MendedOn is the page on which it is mended, or "".
func (v *visit) MendedOn(check string) string {
	return map[string]string{"settings": "/settings", "mail": "/settings", "sender": "/settings", "database": "/settings",
		"records": "/troubles", "addresses": "/report"}[check]
}

// loadFindings checks everything, also where the settings are wrong, and shows the worst first.
func loadFindings(v *visit) (any, error) {
	findings, order := v.d.Machine.Findings(v.Context()), []check.Severity{check.Fail, check.Warn, check.OK}
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	return findings, nil
}

// migrate makes the tables what this version needs.
func migrate(v *visit) (action, error) {
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return action{}, err
	}
	return action{Key: "migrate"}, v.d.Machine.Migrate(v.Context(), environ, "")
}

// install has the program run by itself. Windows asks for permission for this step alone.
func install(v *visit) (action, error) {
	if v.app == nil {
		return action{}, v.open() // which says what is wrong with the settings
	}
	return action{Key: "install"}, v.d.Machine.Install(context.WithoutCancel(v.Context()))
}

// grants are the rights of the everyday database user, as SQL for the database's administrator.
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
