package page

import (
	"context"
	"slices"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A finding is what one check has to say.
type finding struct{ check.Finding }

// Cure is the button that mends it: where it leads, or "".
func (f finding) Cure() string {
	return map[string]string{"schema": "/migrate", "task": "/install"}[f.Check]
}

// Page is where it is mended, or "".
func (f finding) Page() string {
	switch f.Check {
	case "settings", "mail", "sender", "database":
		return "/settings"
	case "records":
		return "/troubles"
	case "addresses":
		return "/report"
	}
	return ""
}

// loadFindings checks everything, also where the settings are wrong, and shows the worst first.
func loadFindings(v *visit) (any, error) {
	var all []finding
	for _, f := range v.d.Machine.Findings(v.Context()) {
		all = append(all, finding{f})
	}
	order := []check.Severity{check.Fail, check.Warn, check.OK}
	slices.SortStableFunc(all, func(a, b finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	return all, nil
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
