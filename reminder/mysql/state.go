package mysql

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Begin inserts a run's row.
func (s *Store) Begin(ctx context.Context, r reminder.Report, found reminder.Records, accept bool) (string, error) {
	if accept {
		if err := s.accept(ctx, found); err != nil {
			return "", err
		}
	}
	report, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode the report: %w", err)
	}
	err = retry(ctx, func(again bool) error {
		if again { // the row may exist, and only the reply was lost
			if n, err := s.DB.Count(ctx, "SELECT COUNT(*) FROM reminder_runs WHERE run_id = ?", r.RunID); err != nil || n > 0 {
				return err
			}
		}
		_, err := s.DB.ExecContext(ctx, "INSERT INTO reminder_runs (run_id, started_at, report) VALUES (?, ?, ?)",
			r.RunID, formatTime(r.StartedAt), report)
		return err
	})
	if err != nil || found.Secret != "" {
		return found.Secret, fault("record the run", err)
	}
	return s.NewSecret(ctx)
}

// Finish writes the end and the report into a run's row.
func (s *Store) Finish(ctx context.Context, r reminder.Report) error {
	report, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	finished := r.StartedAt.Add(time.Duration(r.DurationMS) * time.Millisecond)
	_, err = s.DB.Exec(ctx, "UPDATE reminder_runs SET finished_at = ?, outcome = ?, reason = ?, report = ? WHERE run_id = ?",
		finished, r.Outcome, clip(r.Reason), report, r.RunID)
	return fault("record the run", err)
}

// The names of the rows of reminder_state that hold pauses.
const (
	pausePerson = "pause_person"
	pauseMail   = "pause_mail"
)

// PauseNames are both.
var PauseNames = []string{pauseMail, pausePerson}

// SetPause stores a pause. A person's pause replaces a person's, another one replaces any that is not a person's.
func (s *Store) SetPause(ctx context.Context, p reminder.Pause) error {
	var until any // NULL: until it is lifted
	if !p.Until.IsZero() {
		until = p.Until
	}
	_, err := s.DB.Exec(ctx, `INSERT INTO reminder_state (name, kind, reason, until_at, fingerprint) VALUES (?, ?, ?, ?, ?)
		ON DUPLICATE KEY UPDATE kind = VALUES(kind), reason = VALUES(reason), until_at = VALUES(until_at),
		fingerprint = VALUES(fingerprint)`,
		pauseName(p.Kind == reminder.PauseByPerson), p.Kind, clip(p.Reason), until, p.Fingerprint)
	return fault("store a pause", err)
}

// LiftPause removes the pause set by a person, or the other one.
func (s *Store) LiftPause(ctx context.Context, byPerson bool) error {
	_, err := s.DB.Exec(ctx, "DELETE FROM reminder_state WHERE name = ?", pauseName(byPerson))
	return fault("lift a pause", err)
}

func pauseName(byPerson bool) string {
	if byPerson {
		return pausePerson
	}
	return pauseMail
}

// A Closure is one row of reminder_closed_days.
type Closure struct {
	First reminder.Date `json:"first_day"`
	Last  reminder.Date `json:"last_day"`
	Name  string        `json:"name"`
}

// Closures returns the dated closures that end on a day or later, the earliest first.
func (s *Store) Closures(ctx context.Context, from reminder.Date) ([]Closure, error) {
	closures, err := List(ctx, s.DB, func(c *Closure) []any { return []any{&c.First, &c.Last, &c.Name} },
		"SELECT first_day, last_day, name FROM reminder_closed_days WHERE last_day >= ? ORDER BY first_day, last_day", from)
	return closures, fault("read the closed days", err)
}

// maxClosedDays is the maximum length of a closure. Otherwise a typing error in a year could close the library for
// centuries.
const maxClosedDays = 366

// Library reads what is on record about days and borrowers.
func (s *Store) Library(ctx context.Context, from reminder.Date) (l reminder.Library, err error) {
	if l.Calendars, err = s.Calendars(ctx, from); err != nil {
		return l, err
	}
	if l.OptedOut, err = s.OptedOut(ctx); err != nil {
		return l, err
	}
	l.BadAddresses, err = Pairs[string, reminder.Digest](ctx, s.DB,
		"SELECT borrower_id, digest FROM reminder_bad_addresses")
	return l, fault("read the refused addresses", err)
}

// Calendars returns the closed days by branch: those of the library's own system, and for the branch "" also those of
// reminder_closed_days in closures that end on a day or later.
func (s *Store) Calendars(ctx context.Context, from reminder.Date) (map[string]reminder.Calendar, error) {
	calendars, _, err := s.SourceCalendars(ctx)
	if err != nil {
		return nil, err
	}
	closures, err := s.Closures(ctx, from)
	closed := map[reminder.Date]string{}
	for _, c := range closures {
		for d, i := c.First, 0; !d.After(c.Last) && i < maxClosedDays; d, i = d.AddDays(1), i+1 {
			closed[d] = c.Name
		}
	}
	calendars[""] = calendars[""].With(reminder.Calendar{Dates: closed})
	return calendars, err
}

// OptedOut returns the borrowers who want no reminders.
func (s *Store) OptedOut(ctx context.Context) (map[string]bool, error) {
	ids, err := Column[string](ctx, s.DB, "SELECT borrower_id FROM reminder_opt_outs")
	out := SetOf(ids)
	if err == nil && slices.ContainsFunc(ids, IsHash) {
		err = s.resolveHashes(ctx, out)
	}
	return out, fault("read the opt-outs", err)
}

// resolveHashes replaces the hashes in a set of borrowers by the ids of those who have an open loan.
func (s *Store) resolveHashes(ctx context.Context, borrowers map[string]bool) error {
	secret, err := Secret(ctx, s.DB)
	if err != nil {
		return err
	}
	add := func(id string) {
		if borrowers[HashOf(secret, id)] {
			borrowers[id] = true
		}
	}
	ids, err := s.IDs(ctx, "SELECT DISTINCT borrower_id FROM reminder_loans")
	for _, id := range ids {
		add(id)
	}
	if OfData(err) {
		err = s.EachLoan(ctx, func(l reminder.Loan, _ bool) error {
			add(l.Borrower.ID)
			return nil
		})
	}
	maps.DeleteFunc(borrowers, func(id string, _ bool) bool { return IsHash(id) })
	return err
}

// records is the name of the row of reminder_state that holds the database's secret.
const records = "records"

// Records returns the state of the records.
func (s *Store) Records(ctx context.Context, now time.Time, runs ...string) (r reminder.Records, err error) {
	var last string
	err = s.DB.Row(ctx, []any{&r.Here.Name, &r.Emails, &r.Notices, &r.Worked, &last},
		`SELECT DATABASE(), COALESCE((SELECT MAX(id) FROM reminder_emails), 0),
		COALESCE((SELECT MAX(email_id) FROM reminder_notices), 0),
		(SELECT started_at FROM reminder_runs WHERE finished_at IS NOT NULL AND outcome <> 'held' AND started_at <= ?
			ORDER BY started_at DESC LIMIT 1), COALESCE((SELECT report FROM reminder_runs WHERE finished_at IS NOT NULL
			ORDER BY started_at DESC LIMIT 1), '')`, // MAX would read all runs with their reports
		now.Add(time.Hour)) // the clocks of two machines may differ
	if json.Unmarshal([]byte(last), &r.Last) != nil { // it only saves a count, so a damaged one stops no run
		r.Last = reminder.Report{}
	}
	if err == nil {
		err = s.readState(ctx, &r)
	}
	if err == nil {
		r.Here, err = s.currentPlace(ctx, r.Here.Name)
	}
	if err == nil && len(runs) > 0 {
		var ran []string
		ran, err = Column[string](ctx, s.DB, "SELECT run_id FROM reminder_runs WHERE run_id IN (?)", runs)
		r.Ran = SetOf(ran)
	}
	return r, fault("read the state of the records", err)
}

// readState reads what runs leave for later ones.
func (s *Store) readState(ctx context.Context, r *reminder.Records) error {
	type row struct {
		name string
		reminder.Pause
	}
	rows, err := List(ctx, s.DB,
		func(r *row) []any { return []any{&r.name, &r.Kind, &r.Reason, &r.Until, &r.Fingerprint} },
		"SELECT name, kind, reason, until_at, fingerprint FROM reminder_state WHERE name IN (?) OR kind = ? ORDER BY name",
		append([]string{records, prune}, PauseNames...), place)
	for _, row := range rows {
		switch row.name {
		case records:
			r.Secret = row.Fingerprint
		case prune:
			r.PruneDue = row.Until
		case pausePerson, pauseMail:
			r.Pauses = append(r.Pauses, row.Pause)
		default:
			p := reminder.Place{Server: row.Fingerprint}
			p.Host, p.Name, _ = strings.Cut(row.Reason, " ")
			r.Places = append(r.Places, p)
		}
	}
	return err
}

// place is the kind of the rows of reminder_state that hold the places of the records.
const place = "place"

// container matches the host name that a container gets when it is created. A new container has another one.
var container = regexp.MustCompile("^[0-9a-f]{12}$")

// currentPlace reads the place of a database from the server's variables. MySQL has server_uuid, which it stores with
// the data. Newer MariaDB has server_uid, which it derives from the network address of the machine; for a container
// that changes like the host name. With TiDB and Vitess each node has another host name.
func (s *Store) currentPlace(ctx context.Context, name string) (p reminder.Place, err error) {
	variables, err := Pairs[string, string](ctx, s.DB,
		"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'server_uuid', 'server_uid', 'version')")
	values := map[string]string{}
	for name, value := range variables {
		values[strings.ToLower(name)] = value
	}
	p.Name, p.Server, p.Host = strings.ToLower(name), values["server_uuid"], strings.ToLower(values["hostname"])
	switch version := values["version"]; {
	case container.MatchString(p.Host), strings.Contains(version, "TiDB"), strings.Contains(version, "itess"):
		p.Host = ""
	case p.Server == "":
		p.Server = values["server_uid"]
	}
	return p, err
}

// NewSecret returns the database's secret, and creates it if there is none. If two runs create one at the same time,
// the key of the table lets one of them through, and both use it.
func (s *Store) NewSecret(ctx context.Context) (secret string, err error) {
	err = s.insertOnce(ctx, "INSERT INTO reminder_state (name, kind, reason, fingerprint) VALUES (?, '', '', ?)",
		records, rand.Text())
	if err == nil {
		err = s.DB.Row(ctx, []any{&secret}, "SELECT fingerprint FROM reminder_state WHERE name = ?", records)
	}
	return secret, fault("store the database's secret", err)
}

// accept prepares the records for further runs. If emails are missing, it stores an ended email with the id of the
// newest missing one, so that new ids are greater. It also stores the place of the records.
func (s *Store) accept(ctx context.Context, r reminder.Records) (err error) {
	if r.Notices > r.Emails {
		err = s.insertOnce(ctx, `INSERT INTO reminder_emails
			(id, ref, borrower_id, run_id, priority, state, reason, next_at, created_at, ended_at)
			VALUES (?, ?, '', '', 0, 'canceled', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))`,
			r.Notices, rand.Text(), reminder.ReasonLooksRestored)
	}
	if err == nil && r.Here != (reminder.Place{}) && !slices.Contains(r.Places, r.Here) {
		where := r.Here.Host + " " + r.Here.Name
		name := sha256.Sum256([]byte(where + " " + r.Here.Server))
		err = s.insertOnce(ctx, "INSERT INTO reminder_state (name, kind, reason, fingerprint) VALUES (?, ?, ?, ?)",
			place+"_"+hex.EncodeToString(name[:6]), place, clip(where), r.Here.Server)
	}
	return fault("accept the records", err)
}

// insertOnce inserts a row, unless a row with its key exists.
func (s *Store) insertOnce(ctx context.Context, query string, args ...any) error {
	_, err := s.DB.Exec(ctx, query, args...)
	if isDuplicate(err) {
		return nil
	}
	return err
}

// LastWorked returns when the last run started that was finished and not held.
func (s *Store) LastWorked(ctx context.Context) (time.Time, error) {
	var started time.Time
	err := s.DB.Row(ctx, []any{&started}, `SELECT (SELECT started_at FROM reminder_runs
		WHERE finished_at IS NOT NULL AND outcome <> 'held' ORDER BY started_at DESC LIMIT 1)`)
	return started, fault("read the runs", err)
}
