package reminder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Records are the state of the records when a run begins: how far they have come, and what runs leave for later ones.
type Records struct {
	Secret   string          // random, made by migrate, else by the first run
	Emails   int64           // the newest email; prune keeps it
	Notices  int64           // the newest email that a notice belongs to
	Worked   time.Time       // when the last run started that was finished and not held; zero when there was none
	Last     Report          // of the newest finished run; zero when there was none
	Ran      map[string]bool // those of the runs asked for that are on record
	Here     Place           // where the records lie now
	Places   []Place         // where they lay in runs that were not held as a copy; none before the first run
	Pauses   []Pause         // all that are stored, whether or not they are over
	PruneDue time.Time       // when a run is to prune next; zero when no run has pruned
}

// A Place is where a database lies, by what its server says of itself. Addresses are no part of it: a laptop and a
// function in the cloud reach the same server by different ones.
type Place struct {
	Server string // the server's id; "" where it has none that lasts
	Host   string // the machine's name; "" where it does not last
	Name   string // of the database
}

// mayBe reports whether q may be the same database. Servers move and get new ids and names, and a false alarm stops a
// library's reminders. Therefore one mark that agrees is enough, and a mark that cannot be compared is no evidence.
func (p Place) mayBe(q Place) bool {
	same := func(a, b string) bool { return a != "" && a == b }
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	return p.Name == q.Name && (same(p.Server, q.Server) || same(p.Host, q.Host) || !differ(p.Server, q.Server) &&
		!differ(p.Host, q.Host))
}

// A Checkpoint is what a run tells a witness: how far the records had come.
type Checkpoint struct {
	Database string    `json:"database"` // derived from its secret; "" when it had none
	Run      string    `json:"run_id"`
	Started  time.Time `json:"started_at"`
	Email    int64     `json:"email_id"` // the newest
	Here     bool      `json:"-"`        // told about the database of this configuration
}

// A Witness remembers, outside the database, how far the records had come. Records that hold less came from a backup. A
// run goes on when its witness cannot be read or written.
type Witness interface {
	// Recall returns what was last told about each database.
	Recall() ([]Checkpoint, error)
	// Tell remembers c in its place.
	Tell(c Checkpoint) error
}

const (
	// restoredAfter is a time in which runs do work. If none has worked for so long, and the library has lent books since,
	// the reminder_* tables are taken for those of a backup. If the machine was off, there are no newer loans.
	restoredAfter = 7 * 24 * time.Hour
	// KeptDays is for how many days, at least, a run stays on record.
	KeptDays = 90
)

// inspectRecords reads how far the records have come. A run is held until a person decides when they look copied (a
// library's database on somebody's test machine), or restored from a backup: then what was sent since the backup is not
// on record, and a run would send it again.
func (r *Runner) inspectRecords(ctx context.Context, now time.Time) (records Records, doubt string, err error) {
	told, runs := r.recall()
	if records, err = r.Store.Records(ctx, now, runs...); err != nil {
		return records, "", err
	}
	if r.copied(records) {
		return records, ReasonLooksCopied, nil
	}
	restored, err := r.restored(ctx, records, told, now)
	if restored {
		doubt = ReasonLooksRestored
	}
	return records, doubt, err
}

// recall returns what a witness was told, and of which runs.
func (r *Runner) recall() (told []Checkpoint, runs []string) {
	if r.Witness == nil {
		return nil, nil
	}
	told, err := r.Witness.Recall()
	if err != nil {
		r.Log.Warn("the witness beside the database cannot be read", "error", err)
	}
	for _, seen := range told {
		runs = append(runs, seen.Run)
	}
	return told, runs
}

// copied reports whether the records lie where they have never been. With REMINDER_ONLY_TO a copy may be tried out.
func (r *Runner) copied(records Records) bool {
	return len(r.Settings.OnlyTo) == 0 && len(records.Places) > 0 &&
		!slices.ContainsFunc(records.Places, records.Here.mayBe)
}

// restored reports whether the records came from a backup. told is about other databases, too.
func (r *Runner) restored(ctx context.Context, records Records, told []Checkpoint, now time.Time) (bool, error) {
	if records.Notices > records.Emails { // of half the tables
		return true, nil
	}
	name := database(records.Secret)
	for _, seen := range told {
		if (seen.Here || seen.Database == name && name != "") && records.lostSince(seen, now) {
			return true, nil
		}
	}
	if records.Worked.IsZero() || now.Sub(records.Worked) < restoredAfter {
		return false, nil
	}
	borrowed, err := r.Loans.LastBorrowed(ctx, DateOf(now, r.Settings.Zone))
	return borrowed.After(DateOf(records.Worked, r.Settings.Zone).AddDays(1)), err
}

// lostSince reports whether the records no longer hold what a witness saw.
func (r Records) lostSince(seen Checkpoint, now time.Time) bool {
	mayBePruned := now.Sub(seen.Started) > KeptDays*24*time.Hour
	return min(r.Emails, r.Notices) < seen.Email || !mayBePruned && !r.Ran[seen.Run]
}

// Begin looks at the records and records that the run began, before anything is promised. It returns why the records
// are in doubt, or "". A dry run records nothing. The witness is told nothing until the records agree with it, or a
// person has accepted them.
func (r *Run) Begin(ctx context.Context) (doubt string, err error) {
	r.records, doubt, err = r.inspectRecords(ctx, r.Now)
	if err != nil || r.DryRun {
		return doubt, err
	}
	found, trusted := r.records, doubt == "" || r.Approve
	if len(r.Settings.OnlyTo) > 0 && r.Report.Reason != ReasonQuarantined {
		found.Here = Place{} // a copy that is tried out
	}
	if r.records.Secret, err = r.Store.Begin(ctx, *r.Report, found, trusted); err != nil {
		return doubt, err
	}
	r.restored = doubt == ReasonLooksRestored
	if r.Witness != nil && trusted {
		r.checkpoint = Checkpoint{Database: database(r.records.Secret), Run: r.Report.RunID, Started: r.Report.StartedAt}
		r.tellWitness(r.records)
	}
	return doubt, nil
}

// Finish records the report, also when the caller has gone, and tells the witness how far the records have come. After
// a dry run it does nothing.
func (r *Run) Finish(ctx context.Context) error {
	r.Report.DurationMS = r.Runner.Now().Sub(r.Now).Milliseconds()
	if r.DryRun {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := r.Store.Finish(ctx, *r.Report); err != nil || r.checkpoint.Run == "" {
		return err
	}
	if records, err := r.Store.Records(ctx, r.Now); err == nil { // else what the witness was told at the beginning stands
		r.tellWitness(records)
	}
	return nil
}

func (r *Run) tellWitness(records Records) {
	r.checkpoint.Email = min(records.Emails, records.Notices)
	if err := r.Witness.Tell(r.checkpoint); err != nil {
		r.Log.Warn("the witness beside the database cannot be written", "error", err)
	}
}

// database returns a name of the database that does not reveal its secret.
func database(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("database " + secret))
	return hex.EncodeToString(sum[:8])
}
